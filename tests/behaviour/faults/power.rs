//! Row F3: the power is cut while acts are acknowledged. `strace` records what the server writes and syncs; the folder is
//! then rebuilt as a disk may hold it after a cut at some moment, and the server starts on it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use client_api_access::clients::{Client, NewClient, Registration, Website};
use client_api_access::db::{self, DatabaseUrl};
use client_api_access::time::Clock;
use diesel::connection::SimpleConnection;

use super::disk::{Disk, Loss};
use super::record::{Event, mark, read, recorded};
use super::tracer::can_trace;
use super::{Act, FaultShop, Kind, Outcome, is_long, times};
use crate::support::{Database, Shop, is_postgres};

const CUTS: &str = "FAULT_CUTS";
const PROGRAM: &str = env!("CARGO_BIN_EXE_client-api-access");

// An act as it was acknowledged, and how many there were then.
struct Acknowledged {
    number: usize,
    act: Act,
}

// Three people and programs act at once, so that the server commits in groups; each tells the record what it was answered.
fn acts_on(shop: &FaultShop, rounds: usize) -> Vec<Acknowledged> {
    let (next, all) = (AtomicUsize::new(1), Mutex::new(Vec::new()));
    let kinds: [&[Kind]; 3] = [
        &[Kind::Refresh, Kind::RevokeByApp],
        &[Kind::Redeem, Kind::Invite, Kind::Register],
        &[Kind::RevokeOnPage, Kind::RevokeClient],
    ];
    std::thread::scope(|scope| {
        for kinds in kinds {
            let (next, all) = (&next, &all);
            scope.spawn(move || {
                for kind in kinds.iter().cycle().take(rounds * kinds.len()) {
                    let mut act = Act::prepare(*kind, shop).expect("the server runs");
                    assert_eq!(act.perform(shop), Outcome::Done);
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    assert_eq!(shop.program.clone().get(&format!("/healthz?{}", mark(number))).status, 200);
                    all.lock().unwrap().push(Acknowledged { number, act });
                }
            });
        }
    });
    all.into_inner().unwrap()
}

// The moments of the cuts: right behind acknowledgements, among the acts, and anywhere since the first start.
fn moments(events: &[Event], cuts: usize) -> Vec<usize> {
    let marks = events.iter().enumerate().filter(|(_, event)| matches!(event, Event::Acknowledged(_)));
    let marks: Vec<usize> = marks.map(|(n, _)| n + 1).collect();
    let (half, quarter) = (cuts / 2, cuts / 4);
    let mut moments: Vec<usize> = (0..half).map(|n| marks[n * marks.len() / half]).collect();
    let first = marks[0];
    moments.extend((0..cuts - half - quarter).map(|n| first + n * (events.len() - first) / (cuts - half - quarter)));
    moments.extend((0..quarter).map(|n| n * events.len() / quarter));
    moments.sort_unstable();
    moments
}

// The disk at each of these moments, and which acts are acknowledged by then.
fn each_cut(
    events: &[Event],
    moments: &[usize],
    mut check: impl FnMut(usize, BTreeMap<String, Vec<u8>>, Loss, &[usize]),
) {
    let (mut disk, mut acknowledged, mut taken) = (Disk::default(), Vec::new(), 0);
    for (cut, moment) in moments.iter().enumerate() {
        for event in &events[taken..*moment] {
            disk.take(event);
            if let Event::Acknowledged(number) = event {
                acknowledged.push(*number);
            }
        }
        taken = *moment;
        let loss = Loss::EACH[cut % Loss::EACH.len()];
        check(cut, disk.after_a_cut(loss, cut), loss, &acknowledged);
    }
}

#[test]
fn f3_nothing_acknowledged_is_lost_by_a_power_cut_at_any_moment() {
    if is_postgres() || !can_trace() {
        println!("left out on PostgreSQL: its disk is not ours");
        return;
    }
    let database = Database::blank();
    let data = database.folder.path().join("data");
    let record = database.folder.path().join("record");
    let mut shop = FaultShop::start_by(recorded(Path::new(PROGRAM), &record), database);
    let acts = acts_on(&shop, if is_long(CUTS) { 12 } else { 3 });
    shop.server.kill();
    let events = read(&record, &data);
    assert!(events.iter().any(|event| matches!(event, Event::Sync { .. })), "the record has syncs");

    let moments = moments(&events, times(CUTS, 12));
    let mut checked = 0;
    each_cut(&events, &moments, |cut, files, loss, acknowledged| {
        println!(
            "cut {cut} after {} of {} events, {loss:?} lost: {} acknowledged",
            moments[cut],
            events.len(),
            acknowledged.len()
        );
        let again = shop.rebuilt(&files);
        // The last ones are those in danger; all of them now and then.
        let from = if cut % 10 == 0 { 0 } else { acknowledged.len().saturating_sub(10) };
        for number in &acknowledged[from..] {
            let one = acts.iter().find(|one| one.number == *number).expect("an act for each mark");
            one.act.clone().verify(&again);
            checked += 1;
        }
        again.assert_sound();
        again.assert_chain();
    });
    println!("{} cuts, {} acts acknowledged, {checked} times one was looked for and found", moments.len(), acts.len());
}

#[test]
fn f3_the_same_cuts_lose_something_that_was_not_synced() {
    if is_postgres() || !can_trace() {
        println!("left out on PostgreSQL: its disk is not ours");
        return;
    }
    for (synchronous, loses) in [("FULL", false), ("NORMAL", true)] {
        let folder = tempfile::tempdir().unwrap();
        let (data, record) = (folder.path().join("data"), folder.path().join("record"));
        std::fs::create_dir(&data).unwrap();
        let own = std::env::current_exe().unwrap();
        let done = recorded(&own, &record)
            .args(["--exact", "--ignored", "faults::power::registers_clients_for_the_record"])
            .env("FAULT_FOLDER", &data)
            .env("FAULT_SYNCHRONOUS", synchronous)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
        let events = read(&record, &data);

        let (moments, mut lost) = (moments(&events, times(CUTS, 40)), 0);
        each_cut(&events, &moments, |_, files, _, acknowledged| {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), &files);
            let mut shop = Shop::at_file(&folder.path().join("client-api-access.db"));
            let kept = acknowledged.iter().filter(|number| {
                shop.number(&format!("SELECT COUNT(*) FROM clients WHERE name = 'Client {number}'")) == 1
            });
            lost += usize::from(kept.count() < acknowledged.len());
        });
        println!("synchronous = {synchronous}: {lost} of {} cuts lost what was acknowledged", moments.len());
        assert_eq!(lost > 0, loses, "synchronous = {synchronous}");
    }
}

// Runs under strace, in a process of its own: one client after the other, each acknowledged.
#[test]
#[ignore = "only the test above runs it"]
fn registers_clients_for_the_record() {
    let folder = std::env::var("FAULT_FOLDER").unwrap();
    let url = DatabaseUrl::Sqlite(Path::new(&folder).join("client-api-access.db"));
    db::migrate(&url).unwrap();
    let mut conn = db::connect(&url).unwrap();
    conn.batch_execute(&format!("PRAGMA synchronous = {}", std::env::var("FAULT_SYNCHRONOUS").unwrap())).unwrap();
    let website = Website::parse("https://ledgerly.example/").unwrap();
    for number in 1..=40 {
        let name = format!("Client {number}");
        let registration = Registration::default();
        let new = NewClient {
            name: &name,
            website: &website,
            approved: true,
            lightspeed_approved: false,
            by: "Ada Admin",
            registration: &registration,
        };
        db::in_transaction(&mut conn, &|conn| Ok(Client::create(conn, &new, Clock::System.now())?)).unwrap();
        // Nothing is there: the record shall have the name.
        assert!(std::fs::File::open(mark(number)).is_err());
    }
    // Ends without closing the database, which would sync it.
    std::process::exit(0);
}

/// Writes the files of a folder.
pub fn write(folder: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (name, content) in files {
        std::fs::write(folder.join(name), content).unwrap();
    }
}

impl FaultShop {
    // The same shop on another disk.
    fn rebuilt(&self, files: &BTreeMap<String, Vec<u8>>) -> FaultShop {
        let database = Database::blank();
        let data = database.folder.path().join("data");
        if !files.is_empty() {
            std::fs::create_dir(&data).unwrap();
            write(&data, files);
            assert!(Command::new("chmod").args(["-R", "go="]).arg(&data).status().unwrap().success());
        }
        self.on(database)
    }
}
