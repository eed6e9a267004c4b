//! Row F9: the clock of a running server jumps by an hour and by a day, forwards and back.

use std::path::Path;
use std::process::Command;

use super::{Act, FaultShop, Kind, Outcome};
use crate::support::oauth::Pair;
use crate::support::{Database, PASSWORD, is_postgres, until};

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

// A clock that the test sets: libfaketime reads the offset from a file at each question.
struct Clock {
    library: &'static str,
    file: tempfile::NamedTempFile,
}

impl Clock {
    fn find() -> Option<Clock> {
        const LIBRARIES: [&str; 2] = [
            "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
            "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
        ];
        let library = LIBRARIES.into_iter().find(|library| Path::new(library).exists());
        if library.is_none() {
            println!("left out: faketime is missing (scripts/test install)");
        }
        let clock = Clock { library: library?, file: tempfile::NamedTempFile::new().unwrap() };
        clock.set(0);
        Some(clock)
    }

    fn set(&self, offset: i64) {
        // In one step, so that nobody reads half of it.
        let next = self.file.path().with_extension("next");
        std::fs::write(&next, format!("{offset:+}\n")).unwrap();
        std::fs::rename(next, self.file.path()).unwrap();
    }

    fn server(&self) -> Command {
        let mut command = Command::new("env");
        command.arg(format!("LD_PRELOAD={}", self.library));
        command.arg(format!("FAKETIME_TIMESTAMP_FILE={}", self.file.path().display()));
        // As on a real machine, only the wall clock jumps.
        command.args([
            "FAKETIME_NO_CACHE=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
            env!("CARGO_BIN_EXE_client-api-access"),
        ]);
        command
    }
}

fn done(kind: Kind, at: &FaultShop) -> Act {
    let mut act = Act::prepare(kind, at).expect("the server runs");
    assert_eq!(act.perform(at), Outcome::Done, "{kind:?}");
    act
}

// A grant whose first value has been replaced, and whose second has been used.
fn rotated(at: &FaultShop) -> (Pair, Pair) {
    let first = done(Kind::Redeem, at).pair.unwrap();
    let second = at.refresh(&at.integration, &first.refresh_token).unwrap();
    assert!(at.works(&second.access_token));
    (first, second)
}

#[test]
fn f9_what_is_dead_stays_dead_when_the_clock_jumps_and_everything_goes_on() {
    let Some(clock) = Clock::find() else { return };
    for jump in [HOUR, -HOUR, DAY, -DAY] {
        clock.set(0);
        let mut shop = FaultShop::start_by(clock.server(), Database::blank());
        let revoked = [Kind::RevokeByApp, Kind::RevokeOnPage, Kind::RevokeClient].map(|kind| done(kind, &shop));
        let (used_code, kept) = (done(Kind::Redeem, &shop), done(Kind::Redeem, &shop).pair.unwrap());
        let (first, second) = rotated(&shop);
        let there = |shop: &FaultShop| {
            for act in &revoked {
                let pair = act.pair.as_ref().unwrap();
                assert!(!shop.works(&pair.access_token), "{jump}: {:?}", act.kind);
                assert!(shop.refresh(&act.app, &pair.refresh_token).is_none(), "{jump}: {:?}", act.kind);
            }
        };

        // The replaced value may be sent again for half a minute; then the clock jumps.
        clock.set(MINUTE + jump);
        there(&shop);
        let is_past_its_end = jump >= HOUR;
        assert_eq!(shop.works(&kept.access_token), !is_past_its_end, "{jump}: an access token lives an hour");
        assert_eq!(used_code.redeem(&shop).status, 400, "{jump}: a used code stays used");
        assert!(shop.refresh(&shop.integration, &first.refresh_token).is_none(), "{jump}: a replaced value stays so");
        assert!(shop.refresh(&shop.integration, &second.refresh_token).is_none(), "{jump}: and was reuse");
        let next = shop.refresh(&shop.integration, &kept.refresh_token).expect("a refresh");
        assert!(shop.works(&next.access_token), "{jump}: what is issued now works");
        let answer = shop.admin.get("/settings").status;
        assert_eq!(answer, if is_past_its_end { 303 } else { 200 }, "{jump}: a session lasts half an hour unused");
        sign_in(&mut shop);
        for kind in Kind::ALL {
            done(kind, &shop).verify(&shop);
        }
        until("the jobs go on", || unsealed(&shop) == 0);

        // The server is killed while the clock is wrong, and finds it right again.
        shop.server.kill();
        clock.set(0);
        shop.restart_by(clock.server());
        there(&shop);
        sign_in(&mut shop);
        assert!(shop.refresh(&shop.integration, &next.refresh_token).is_some(), "{jump}: refreshing goes on");
        for kind in Kind::ALL {
            done(kind, &shop).verify(&shop);
        }
        until("the jobs go on with a clock that went back", || unsealed(&shop) == 0);
        shop.assert_sound();
        shop.assert_chain();
        println!("{jump:+} s and back: {}", if is_postgres() { "PostgreSQL" } else { "SQLite" });
    }
}

// The admin, in another browser.
fn sign_in(shop: &mut FaultShop) {
    let mut admin = shop.server.browser();
    (admin.origin_header, admin.may_lose) = (shop.admin.origin_header.clone(), true);
    assert_eq!(admin.sign_in("ada@shop.example", PASSWORD).status, 303);
    shop.admin = admin;
}

fn unsealed(shop: &FaultShop) -> i64 {
    shop.shop().number("SELECT COUNT(*) FROM activity_unsealed")
}
