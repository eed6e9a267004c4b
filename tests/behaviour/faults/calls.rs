//! Rows F2, F4 and F5: one act of each kind is killed at every call that writes, or each of these calls fails.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::tracer::{Tracer, can_trace};
use super::{Act, FaultShop, Kind, Outcome, is_long};
use crate::support::{is_postgres, until};

// Set for the long form: every call instead of some, of the kinds whose names it has, or of `all`.
const CALLS: &str = "FAULT_CALLS";
// How long the checkpoint may take to begin after a change.
const CHECKPOINT: Duration = Duration::from_millis(350);

// What changes a file of SQLite's, or tells PostgreSQL something. strace counts each call for itself.
fn writes() -> &'static [&'static str] {
    match (is_postgres(), is_long(CALLS)) {
        (true, _) => &["sendto"],
        (false, false) => &["pwrite64", "fsync"],
        (false, true) => &["pwrite64", "fsync", "fdatasync", "ftruncate", "unlink"],
    }
}

// Each counted for itself, because the checkpoint writes less than the act before it.
fn files() -> &'static [&'static str] {
    if is_postgres() { &[""] } else { &["client-api-access.db-wal", "client-api-access.db"] }
}

fn kinds(short: &[Kind]) -> Vec<Kind> {
    let Ok(named) = std::env::var(CALLS) else { return short.to_vec() };
    Kind::ALL.into_iter().filter(|kind| named == "all" || named.contains(&format!("{kind:?}"))).collect()
}

// The next call to try: every one, or fewer and fewer.
fn after(n: usize) -> usize {
    if is_long(CALLS) { n + 1 } else { n * 5 }
}

// Waits until nothing has been written for a while: the checkpoint of what went before is done.
fn quiet(at: &FaultShop) {
    if is_postgres() {
        return;
    }
    let data = at.database.folder.path().join("data");
    let written = |name: &str| std::fs::metadata(data.join(name)).and_then(|file| file.modified());
    let age = |at: SystemTime| at.elapsed().unwrap_or_default();
    let is_quiet = |name: &str| written(name).is_ok_and(|at| age(at) > CHECKPOINT);
    until("nothing is written", || is_quiet("client-api-access.db") && is_quiet("client-api-access.db-wal"));
}

fn prepared(kind: Kind, at: &FaultShop) -> Act {
    let act = Act::prepare(kind, at).expect("the server runs");
    quiet(at);
    act
}

#[test]
fn f2_an_act_that_is_killed_at_any_write_is_done_in_whole_or_not_at_all() {
    if !can_trace() {
        return;
    }
    let mut shop = FaultShop::start();
    for kind in kinds(&[Kind::RevokeOnPage]) {
        for call in writes() {
            for file in files() {
                let (kills, answered) = kill_at_each(&mut shop, kind, (call, file));
                println!("{kind:?}: killed at {kills} calls of {call} {file}, {answered} of them after the answer");
            }
        }
    }
    shop.assert_chain();
}

// Returns how many kills there were, and how many of them came after the answer.
fn kill_at_each(shop: &mut FaultShop, kind: Kind, (call, file): (&str, &str)) -> (usize, usize) {
    let (mut n, mut kills, mut answered) = (1, 0, 0);
    loop {
        let mut act = prepared(kind, shop);
        let file = shop.database.folder.path().join("data").join(file);
        let only = if is_postgres() { None } else { Some(file.as_path()) };
        let tracer = Tracer::attach(shop.server.id(), &format!("inject={call}:signal=KILL:when={n}"), only);
        let outcome = act.perform(shop);
        assert_ne!(outcome, Outcome::Refused, "{kind:?} at {call} {n}");
        // The checkpoint behind it is killed too.
        std::thread::sleep(CHECKPOINT);
        let runs = shop.server.runs();
        drop(tracer);
        if !runs {
            (kills, answered) = (kills + 1, answered + usize::from(outcome == Outcome::Done));
            shop.restart();
        }
        act.verify(shop);
        shop.assert_sound();
        // The jobs of a server on PostgreSQL go on telling it something.
        if outcome == Outcome::Done && (runs || is_postgres()) {
            return (kills, answered);
        }
        n = after(n);
    }
}

// A disk that is full or read-only stays so; a disk with a bad moment fails once.
const FAULTS: [(&str, &str, &str); 5] = [
    ("pwrite64", "ENOSPC", "+"),
    ("pwrite64,ftruncate,unlink", "EROFS", "+"),
    ("pwrite64", "EIO", ""),
    ("fdatasync,fsync", "EIO", ""),
    ("fdatasync,fsync", "EIO", "+"),
];

#[test]
fn f4_f5_a_write_that_fails_refuses_the_act_and_recovers_without_a_restart() {
    if is_postgres() || !can_trace() {
        println!("left out on PostgreSQL: its disk is not ours");
        return;
    }
    let mut shop = FaultShop::start();
    let (mut refused, mut slowest) = (0, Duration::ZERO);
    for (calls, error, lasting) in FAULTS {
        if !is_long(CALLS) && error == "EROFS" {
            continue;
        }
        for kind in kinds(&[Kind::Redeem]) {
            let mut n = 1;
            loop {
                let mut act = prepared(kind, &shop);
                let tracer =
                    Tracer::attach(shop.server.id(), &format!("inject={calls}:error={error}:when={n}{lasting}"), None);
                let outcome = act.perform(&shop);
                assert_ne!(outcome, Outcome::Lost, "{kind:?}, {error} at {n}: {}", shop.server.log());
                // Reading goes on meanwhile, and the checkpoint fails too.
                assert_eq!(shop.admin.get("/settings/client-api-access").status, 200, "reading goes on");
                std::thread::sleep(CHECKPOINT);
                drop(tracer);
                let begun = Instant::now();
                until("it is ready again, by itself", || shop.program.get("/readyz").status == 200);
                slowest = slowest.max(begun.elapsed());
                act.verify(&shop);
                let mut next = prepared(kind, &shop);
                assert_eq!(next.perform(&shop), Outcome::Done, "{kind:?} after {error} at {n}");
                next.verify(&shop);
                shop.assert_sound();
                if outcome == Outcome::Done {
                    break;
                }
                refused += 1;
                n = after(n);
            }
            // What was refused does not come back with the next start, and what was done stays.
            shop.restart();
            shop.assert_sound();
        }
    }
    shop.assert_chain();
    println!("{refused} acts refused, each at another call; ready again within {slowest:?}");
}

#[test]
fn f4_an_act_that_is_refused_by_a_sync_right_before_a_kill_is_whole_or_undone() {
    if is_postgres() || !can_trace() {
        println!("left out on PostgreSQL: its disk is not ours");
        return;
    }
    let mut shop = FaultShop::start();
    for kind in kinds(&[Kind::Invite, Kind::RevokeByApp]) {
        let mut act = prepared(kind, &shop);
        let log = shop.database.folder.path().join("data/client-api-access.db-wal");
        let tracer = Tracer::attach(shop.server.id(), "inject=fsync,fdatasync:error=EIO", Some(&log));
        assert_eq!(act.perform(&shop), Outcome::Refused, "{kind:?}");
        shop.server.kill();
        drop(tracer);
        shop.restart();
        // The log may have it, only nobody knows.
        act.outcome = Outcome::Lost;
        act.verify(&shop);
        shop.assert_sound();
    }
    shop.assert_chain();
}

#[test]
fn f2_a_first_start_that_is_killed_at_any_write_can_be_repeated() {
    if is_postgres() || !can_trace() {
        println!("left out on PostgreSQL: there is no file to begin with");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for call in ["mkdir", "write"].iter().chain(writes()) {
        let mut n = 1;
        loop {
            let data = folder.path().join(format!("{call}{n}"));
            let ended = first_start(&data, &format!("inject={call}:signal=KILL:when={n}"));
            if ended {
                break;
            }
            assert!(first_start(&data, "trace=none"), "a start after one that was killed at {call} {n}");
            n = after(n);
        }
        println!("a first start was killed at up to {n} calls of {call}");
    }
}

// Creates the data of a server, under strace with this expression; returns whether it went to its end.
fn first_start(data: &Path, expression: &str) -> bool {
    let traced = std::process::Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", expression])
        .args([env!("CARGO_BIN_EXE_client-api-access"), "migrate", "--data-dir"])
        .arg(data)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .output()
        .unwrap();
    if traced.status.code() == Some(1) {
        println!("{}", String::from_utf8_lossy(&traced.stderr));
    }
    traced.status.success()
}
