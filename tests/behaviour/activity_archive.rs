//! `activity archive` and `activity verify`: old entries go to a file that verifies by itself.

use std::path::{Path, PathBuf};

use client_api_access::access::erasure;
use client_api_access::activity::archive;
use client_api_access::activity::{Actor, Chain, Kind, NewActivity, Subject, seal};
use client_api_access::db::in_transaction;
use client_api_access::id::ClientKey;
use client_api_access::time::{DAY, Timestamp};
use diesel::connection::SimpleConnection;

use crate::sealing::{broken, record, without_triggers};
use crate::support::{Finished, KEY, TestApp, run};
use crate::upgrade::{each_release, verify_activity};

// Long before the clock of the machine and that of the tests.
const OLD: Timestamp = Timestamp(1_600_000_000);

fn command(app: &TestApp, args: &[&str]) -> Finished {
    let folder = app.database.folder.path().to_str().unwrap();
    let env = [("DATABASE_URL", app.database.text.as_str()), ("SECRET_KEY", KEY)];
    run(&[args, &["--data-dir", folder]].concat(), &env)
}

fn archive_to(app: &TestApp, file: &Path, age: &[&str]) -> Finished {
    command(app, &[&["activity", "archive", file.to_str().unwrap()], age].concat())
}

fn check(file: &Path) -> Finished {
    run(&["activity", "verify", file.to_str().unwrap()], &[])
}

fn path(app: &TestApp, name: &str) -> PathBuf {
    app.database.folder.path().join(name)
}

// Entries of a past day, sealed.
fn entries(app: &TestApp, at: Timestamp, n: usize) {
    let mut conn = app.database.connect();
    in_transaction(&mut conn, &|conn| {
        for i in 0..n {
            let subject = Subject::client(ClientKey(i as i64), "Ledgerly");
            NewActivity::new(Kind::Purged, Actor::server(), subject).record(conn, at)?;
        }
        Ok(())
    })
    .unwrap();
    sealed(app);
}

fn sealed(app: &TestApp) {
    let mut conn = app.database.connect();
    while seal::is_due(&mut conn).unwrap() {
        in_transaction(&mut conn, &|conn| seal::advance(conn, &app.state.chain_key, app.now())).unwrap();
    }
}

fn lines(file: &Path) -> Vec<String> {
    std::fs::read_to_string(file).unwrap().lines().map(String::from).collect()
}

fn write(file: &Path, lines: &[String]) {
    std::fs::write(file, lines.join("\n") + "\n").unwrap();
}

#[test]
fn whole_blocks_of_old_entries_go_to_a_file_and_files_follow_one_another() {
    let app = TestApp::start();
    entries(&app, OLD, 2_400);
    entries(&app, app.now(), 5);
    let (first, second) = (path(&app, "first.jsonl"), path(&app, "second.jsonl"));
    let before = verify_activity(&app.database, &[]);

    let early = archive_to(&app, &first, &["--before", "2020-09-13"]);
    let done = archive_to(&app, &first, &["--before", "2020-10-01"]);

    assert!(early.stdout.contains("Nothing to archive."), "{} {}", early.stdout, early.stderr);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.stdout.contains("Archived 1,999 entries"), "{}", done.stdout);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM activity"), 2_405 - 1_999 + 1);
    assert_eq!(app.shop().number("SELECT MIN(id) FROM activity_seals"), 2_000);
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&first).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let checked = check(&first);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    assert!(checked.stdout.contains("1,999 entries of Harbour & Pine"), "{}", checked.stdout);
    assert!(checked.stdout.contains("begins with the first entry"), "{}", checked.stdout);
    let last = checked.stdout.split("It ends with ").nth(1).unwrap().split('.').next().unwrap().to_string();
    let after = verify_activity(&app.database, &[]);
    assert!(after.contains(&format!("Archived up to: {last}.")), "{after} {last}");
    let head = before.split("Head: ").nth(1).unwrap().split('.').next().unwrap();
    assert!(after.contains(&format!("Head: {head}.")) && after.contains("not sealed yet: 1."), "{after}");
    verify_activity(&app.database, &["--head", head]);
    verify_activity(&app.database, &["--head", &last]);
    // The server goes on, and its log says what was archived.
    app.run_background();
    let mut admin = app.admin();
    let log = admin.open("/settings/activity").text();
    assert!(log.contains("Activity archived: Activity log entries 1 to 1,999, 1,999 in all"), "{log}");

    let again = archive_to(&app, &second, &["--before", "2020-10-01"]);
    assert!(again.stdout.contains("Nothing to archive.") && !second.exists(), "{}", again.stdout);
}

#[test]
fn a_second_file_continues_the_first_and_nothing_is_overwritten() {
    let app = TestApp::start();
    entries(&app, OLD, 1_000);
    let (first, second) = (path(&app, "first.jsonl"), path(&app, "second.jsonl"));
    assert!(archive_to(&app, &first, &["--keep-days", "400"]).stdout.contains("Archived 999 entries"));
    entries(&app, OLD, 1_000);
    // The second block has the entry that says what was archived, which is new.
    let refused = archive_to(&app, &first, &["--keep-days", "400"]);
    let held = lines(&first).len();

    let mut conn = app.database.connect();
    let chain = Chain::load(&mut conn, &app.state.chain_key).unwrap();
    let through = archive::due(&mut conn, &chain, app.now().plus(400 * DAY)).unwrap().unwrap();
    let mut out = Vec::new();
    let segment = archive::write(&mut conn, (&chain, "Harbour & Pine"), through, &mut out, &mut |_| ()).unwrap();
    std::fs::write(&second, out).unwrap();

    assert!(refused.stdout.contains("Nothing to archive."), "{}{}", refused.stdout, refused.stderr);
    assert_eq!((held, segment.first, segment.last.number), (999 + 3, 1_000, 1_999));
    let [one, two] = [&first, &second].map(|file| check(file).stdout);
    let last = one.split("It ends with ").nth(1).unwrap().split('.').next().unwrap();
    assert!(two.contains(&format!("It follows the file that ends with {last}.")), "{one} {two}");
    // Whatever is in a file, it is never overwritten.
    entries(&app, OLD, 2_000);
    let chain = Chain::load(&mut conn, &app.state.chain_key).unwrap();
    in_transaction(&mut conn, &|conn| archive::record(conn, &chain, &segment, app.now())).unwrap();
    assert!(archive_to(&app, &first, &["--keep-days", "400"]).stderr.contains("File exists"));
    assert_eq!(lines(&first).len(), held);
}

#[test]
fn a_file_that_was_changed_is_found() {
    let app = TestApp::start();
    entries(&app, OLD, 1_000);
    let (file, changed) = (path(&app, "archive.jsonl"), path(&app, "changed.jsonl"));
    assert_eq!(archive_to(&app, &file, &["--keep-days", "400"]).code, 0);
    let good = lines(&file);
    let found = |lines: &[String], why: &str| {
        write(&changed, lines);
        let checked = check(&changed);
        assert!(checked.code == 1 && checked.stderr.contains(why), "{why}: {} {}", checked.stdout, checked.stderr);
    };
    write(&changed, &good);
    assert_eq!(check(&changed).code, 0);

    let with = |at: usize, from: &str, to: &str| {
        let mut lines = good.clone();
        assert!(lines[at].contains(from), "{}", lines[at]);
        lines[at] = lines[at].replace(from, to);
        lines
    };
    found(&with(500, "Ledgerly", "Stockbird"), "entry 499 was edited");
    found(&with(500, "\"subject_id\":498", "\"subject_id\":499"), "entry 499 was edited");
    found(&with(0, "\"first\":1", "\"first\":2"), "line 2: entry 2 is missing");
    found(&with(0, "\"version\":1", "\"version\":2"), "reads version 1");
    found(&with(1, "\"key\":\"", "\"key\":\"0"), "a key is not hexadecimal");
    found(&with(1001, "\"count\":999", "\"count\":998"), "the end does not match");
    found(&good[..good.len() - 1], "the file ends after entry 999: it was cut short");
    found(&good[..300], "it was cut short");
    found(&good[1..], "the header is missing");
    found(&[&good[..500], &good[501..]].concat(), "line 501: entry 500 follows entry 498");
    let mut swapped = good.clone();
    swapped.swap(500, 501);
    found(&swapped, "entry 500 follows entry 498");
    found(&[&good[..], &good[500..501]].concat(), "goes on after its end");
    std::fs::write(&changed, "").unwrap();
    assert!(check(&changed).stderr.contains("the file is empty"));
    found(&["nonsense".to_string()], "line 1: not a line of an activity archive");
}

#[test]
fn an_archive_that_was_cut_off_between_its_steps_is_continued() {
    let app = TestApp::start();
    entries(&app, OLD, 1_000);
    let mut conn = app.database.connect();
    let begun = Chain::load(&mut conn, &app.state.chain_key).unwrap();
    let through = archive::due(&mut conn, &begun, app.now()).unwrap().unwrap();
    let segment = archive::write(&mut conn, (&begun, "shop"), through, &mut Vec::new(), &mut |_| ()).unwrap();
    // Cut off after the file was written: nothing has happened to the log.
    verify_activity(&app.database, &[]);

    in_transaction(&mut conn, &|conn| archive::record(conn, &begun, &segment, app.now())).unwrap();
    let chain = Chain::load(&mut conn, &app.state.chain_key).unwrap();
    let not_yet = |app: &TestApp| {
        let told = broken(&app.database);
        assert!(told.contains("entries up to 999 are archived and still in the database"), "{told}");
    };
    not_yet(&app);
    in_transaction(&mut conn, &|conn| archive::delete_some(conn, &chain, 300)).unwrap();
    not_yet(&app);
    let again = archive_to(&app, &path(&app, "other.jsonl"), &["--keep-days", "400"]);

    assert!(again.stdout.contains("Entries of an earlier archive are still in the database."), "{}", again.stderr);
    assert!(again.stdout.contains("Deleted 699 archived entries"), "{}", again.stdout);
    assert!(again.stdout.contains("Nothing to archive."), "{}", again.stdout);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM activity"), 2);
    assert!(verify_activity(&app.database, &[]).contains("Archived up to: 999:"));
    // A second run that had begun at the same place is refused.
    let late = in_transaction(&mut conn, &|conn| archive::record(conn, &begun, &segment, app.now()));
    assert!(late.is_err());
}

#[test]
fn only_what_is_archived_can_be_deleted_and_the_boundary_cannot_be_moved() {
    let app = TestApp::start();
    entries(&app, OLD, 2_100);
    assert!(archive_to(&app, &path(&app, "archive.jsonl"), &["--keep-days", "400"]).stdout.contains("Archived 1,999"));
    let mut shop = app.shop();
    let refused = app.database.connect().batch_execute("DELETE FROM activity WHERE id > 0");
    assert!(refused.is_err(), "the database itself refuses to delete what is not archived");
    assert_eq!(shop.number("SELECT COUNT(*) FROM activity"), 102);
    record(&app, &["later"]);
    sealed(&app);
    verify_activity(&app.database, &[]);

    shop.sql("UPDATE activity_chain SET archived_number = 2010");
    assert!(broken(&app.database).contains("was changed, or what is archived"));
    let refused = archive_to(&app, &path(&app, "other.jsonl"), &["--keep-days", "400"]);
    assert!(refused.stderr.contains("is broken: run verify-activity"), "{} {}", refused.stdout, refused.stderr);
    assert_eq!(shop.number("SELECT COUNT(*) FROM activity"), 103);
    shop.sql("UPDATE activity_chain SET archived_number = 1999");
    verify_activity(&app.database, &[]);

    let head = broken_head(&app, "3:00");
    assert!(head.contains("lies before what is archived"), "{head}");
    without_triggers(&mut shop);
    shop.sql(
        "DELETE FROM activity WHERE id IN (SELECT activity_id FROM activity_seals WHERE id = 2000); \
         DELETE FROM activity_seals WHERE id = 2000",
    );
    assert!(broken(&app.database).contains("seal 2000 is missing"));
}

fn broken_head(app: &TestApp, head: &str) -> String {
    let finished = command(app, &["verify-activity", "--head", head]);
    assert_eq!(finished.code, 1, "{}", finished.stdout);
    finished.stderr
}

#[test]
fn a_broken_chain_and_a_log_that_is_being_erased_are_not_archived() {
    let app = TestApp::start();
    entries(&app, OLD, 1_000);
    let mut shop = app.shop();
    let file = path(&app, "archive.jsonl");
    shop.sql(
        "INSERT INTO erasures (employee_id, name, email, started_at, through_activity_id) VALUES (1, '', '', 1, 0)",
    );
    let erasing = archive_to(&app, &file, &["--keep-days", "400"]);
    assert!(erasing.code == 1 && erasing.stderr.contains("Personal data is being erased"), "{}", erasing.stderr);
    shop.sql("DELETE FROM erasures");
    without_triggers(&mut shop);
    shop.sql("UPDATE activity SET actor_name = 'Somebody else' WHERE id = 500");

    let edited = archive_to(&app, &file, &["--keep-days", "400"]);

    assert!(edited.code == 1 && edited.stderr.contains("entry 500 (seal 500, "), "{}", edited.stderr);
    assert!(!file.exists(), "nothing is left of the file");
    for wrong in [&["--before", "yesterday"][..], &["--before", "9000-01-01"]] {
        assert_eq!(archive_to(&app, &file, wrong).code, 1, "{wrong:?}");
    }
    for wrong in [&[][..], &["--keep-days", "0"], &["--keep-days", "1", "--before", "2020-01-01"]] {
        assert_eq!(archive_to(&app, &file, wrong).code, 2, "{wrong:?}");
    }
}

#[test]
fn entries_from_which_personal_data_was_erased_are_archived_as_they_are() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna Berg");
    let mut conn = app.database.connect();
    let entry = NewActivity::new(Kind::SignedIn, Actor::person(anna.id, ""), Subject::employee(anna.id, ""));
    let entry = entry.from("203.0.113.7");
    in_transaction(&mut conn, &|conn| entry.record(conn, OLD)).unwrap();
    entries(&app, OLD, 998);
    app.shop().archive(&anna);
    let by = Actor::console();
    in_transaction(&mut conn, &|conn| erasure::erase(conn, anna.id, (&by, ""), app.now())).unwrap();
    app.run_background();
    let file = path(&app, "archive.jsonl");

    let done = archive_to(&app, &file, &["--keep-days", "400"]);

    assert!(done.stdout.contains("Archived 999 entries"), "{} {}", done.stdout, done.stderr);
    assert_eq!(check(&file).code, 0);
    let good = lines(&file);
    assert!(good[2].contains("\"redaction\":\"") && good[2].contains("\"client_ip\":\"\""), "{}", good[2]);
    let mut edited = good.clone();
    edited[2] = edited[2].replace("\"client_ip\":\"\"", "\"client_ip\":\"203.0.113.7\"");
    write(&file, &edited);
    assert!(check(&file).stderr.contains("entry 1 was edited"));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM activity_redactions"), 0);
    verify_activity(&app.database, &[]);
}

#[test]
fn entries_of_earlier_versions_are_archived_too() {
    each_release(|before| {
        let app = &before.app;
        app.advance(60);
        sealed(app);
        let sealed_before = app.shop().number("SELECT keyed_from AS n FROM activity_chain");
        entries(app, OLD, 1_000);
        let mut conn = app.database.connect();
        let chain = Chain::load(&mut conn, &app.state.chain_key).unwrap();
        let through = archive::due(&mut conn, &chain, app.now().plus(DAY)).unwrap().unwrap();
        let mut out = Vec::new();

        archive::write(&mut conn, (&chain, "shop"), through, &mut out, &mut |_| ()).unwrap();

        assert!(sealed_before > 10);
        let file = archive::file::verify(&out[..]).unwrap();
        assert_eq!((file.previous.number, file.last.number), (0, 999));
    });
}
