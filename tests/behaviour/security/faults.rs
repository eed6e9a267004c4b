//! The database is locked, away, frozen or full.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use client_api_access::scopes::Role;
use diesel::connection::SimpleConnection;

use crate::support::{Browser, Database, PASSWORD, Page, Server, TestApp, is_postgres};

fn invite(admin: &mut Browser, name: &str) -> Page {
    let form = admin.open("/settings/employees/invite");
    let email = format!("{name}@shop.example");
    admin.submit(&form, "/invite", &[("name", name), ("email", &email), ("role", "staff")])
}

fn employees(app: &TestApp, name: &str) -> i64 {
    app.shop().number(&format!("SELECT COUNT(*) FROM employees WHERE name = '{name}'"))
}

// Somebody else holds what every write needs.
fn hold_lock(app: &TestApp, time: Duration) -> std::thread::JoinHandle<()> {
    let mut conn = app.database.connect();
    let begin = match is_postgres() {
        true => "BEGIN; LOCK TABLE employees IN EXCLUSIVE MODE",
        false => "BEGIN IMMEDIATE",
    };
    conn.batch_execute(begin).unwrap();
    std::thread::spawn(move || {
        std::thread::sleep(time);
        conn.batch_execute("COMMIT").unwrap();
    })
}

#[test]
fn f6_a_short_lock_is_waited_for_and_a_long_one_is_said_to_be_one() {
    let app = TestApp::start();
    let mut admin = app.admin();

    let holder = hold_lock(&app, Duration::from_secs(2));
    let waited = invite(&mut admin, "Patient");
    holder.join().unwrap();
    assert_eq!(waited.status, 200, "{}", waited.text());
    assert_eq!(employees(&app, "Patient"), 1);

    let form = admin.open("/settings/employees/invite");
    let holder = hold_lock(&app, Duration::from_secs(8));
    let begun = Instant::now();
    let fields = [("name", "Hasty"), ("email", "hasty@shop.example"), ("role", "staff")];
    let refused = admin.submit(&form, "/invite", &fields);
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert!(refused.header("retry-after").is_some());
    assert!(!refused.body.contains("locked"), "no database words");
    assert_eq!(admin.get("/settings").status, 200, "reading goes on");
    holder.join().unwrap();
    assert_eq!(employees(&app, "Hasty"), 0, "what was refused is not done later");
    assert_eq!(invite(&mut admin, "Later").status, 200);
}

#[test]
fn f6_nobody_waits_for_the_same_lock_twice() {
    let app = TestApp::start();
    let mut admins: Vec<Browser> = (0..3).map(|_| app.admin()).collect();
    let forms: Vec<Page> = admins.iter_mut().map(|admin| admin.open("/settings/employees/invite")).collect();

    let holder = hold_lock(&app, Duration::from_secs(8));
    let answers: Vec<(u16, Duration)> = std::thread::scope(|scope| {
        // The later ones queue behind the first, which is waiting for the lock already.
        let send = |(n, (admin, form)): (usize, (&mut Browser, &Page))| {
            std::thread::sleep(Duration::from_millis(500 * n as u64));
            let (name, begun) = (format!("hasty{n}"), Instant::now());
            let fields = [("name", name.as_str()), ("email", &format!("{name}@shop.example")), ("role", "staff")];
            (admin.submit(form, "/invite", &fields).status, begun.elapsed())
        };
        let threads: Vec<_> =
            admins.iter_mut().zip(&forms).enumerate().map(|one| scope.spawn(move || send(one))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    holder.join().unwrap();

    for (status, time) in answers {
        assert_eq!(status, 503);
        assert!(time < Duration::from_millis(5500), "{time:?}");
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM employees WHERE name LIKE 'hasty%'"), 0);
}

#[test]
fn l4_when_every_connection_is_taken_the_next_caller_is_told_so_in_time() {
    if !is_postgres() {
        println!("left out on SQLite: nothing can hold its readers up");
        return;
    }
    let app = TestApp::start_with(|config| config.database_connections = 2);
    let mut admin = app.admin();
    let mut conn = app.database.connect();
    conn.batch_execute("BEGIN; LOCK TABLE clients IN ACCESS EXCLUSIVE MODE").unwrap();

    let begun = Instant::now();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let load = |_| {
            let mut browser = admin.clone();
            scope.spawn(move || browser.get("/settings/client-api-access").status)
        };
        let all: Vec<_> = (0..6).map(load).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|status| *status == 503), "{statuses:?}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());

    conn.batch_execute("COMMIT").unwrap();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(admin.get("/settings/client-api-access").status, 200, "at once when it is free again");
}

// A wire between the server and PostgreSQL that can be frozen and cut.
struct Wire {
    address: std::net::SocketAddr,
    state: Arc<AtomicU8>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

const RUNNING: u8 = 0;
const FROZEN: u8 = 1;
const CUT: u8 = 2;

impl Wire {
    fn to(target: String) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(AtomicU8::new(RUNNING));
        let open = Arc::new(Mutex::new(Vec::new()));
        let (kept_state, kept) = (state.clone(), open.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if kept_state.load(Ordering::SeqCst) == CUT {
                    drop(stream.shutdown(Shutdown::Both));
                    continue;
                }
                let server = TcpStream::connect(&target).unwrap();
                kept.lock().unwrap().extend([stream.try_clone().unwrap(), server.try_clone().unwrap()]);
                for (from, to) in [(stream.try_clone(), server.try_clone()), (Ok(server), Ok(stream))] {
                    let (mut from, mut to, state) = (from.unwrap(), to.unwrap(), kept_state.clone());
                    std::thread::spawn(move || {
                        let mut buffer = [0; 16 * 1024];
                        while let Ok(n @ 1..) = from.read(&mut buffer) {
                            while state.load(Ordering::SeqCst) == FROZEN {
                                std::thread::sleep(Duration::from_millis(10));
                            }
                            if to.write_all(&buffer[..n]).is_err() {
                                break;
                            }
                        }
                        drop(to.shutdown(Shutdown::Both));
                    });
                }
            }
        });
        Wire { address, state, open }
    }

    fn set(&self, state: u8) {
        self.state.store(state, Ordering::SeqCst);
        if state == CUT {
            for stream in self.open.lock().unwrap().drain(..) {
                drop(stream.shutdown(Shutdown::Both));
            }
        }
    }
}

#[test]
fn f7_a_database_that_is_frozen_or_cut_off_is_a_503_and_comes_back_by_itself() {
    if !is_postgres() {
        println!("left out on SQLite: there is no network between");
        return;
    }
    let database = Database::migrated();
    let mut url = url::Url::parse(&database.text).unwrap();
    let target = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let wire = Wire::to(target);
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(wire.address.port())).unwrap();
    let app = TestApp::start_on(database, Some(url.as_str()), |_| ());
    let mut admin = app.admin();

    for state in [FROZEN, CUT] {
        wire.set(state);
        let begun = Instant::now();
        let page = admin.get("/settings/client-api-access");
        assert_eq!(page.status, 503, "{}", page.text());
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());

        wire.set(RUNNING);
        let begun = Instant::now();
        while admin.get("/settings/client-api-access").status != 200 {
            assert!(begun.elapsed() < Duration::from_secs(5), "not back after {:?}", begun.elapsed());
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(invite(&mut admin, if state == CUT { "Cut" } else { "Frozen" }).status, 200);
    }
}

#[test]
fn f5_a_full_disk_refuses_changes_and_goes_on_reading_until_there_is_room() {
    if is_postgres() {
        println!("left out on PostgreSQL: its disk is not ours");
        return;
    }
    let database = Database::blank();
    let disk = database.folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=3m,mode=0700", "tmpfs"])
        .arg(&disk)
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        println!("left out: a small disk cannot be mounted here (it takes root)");
        return;
    }
    let unmount = Unmount(disk.clone());
    let folder = disk.join("data");
    let server = Server::start_with(Command::new(env!("CARGO_BIN_EXE_client-api-access")), &database, &folder, &[]);
    let mut admin = server.set_up("ada@shop.example", PASSWORD);
    assert_eq!(invite(&mut admin, "Before").status, 200);

    let filler = disk.join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    let mut refused = 0;
    for n in 0..200 {
        let form = admin.get("/settings/employees/invite");
        assert_eq!(form.status, 200, "reading goes on: {}", form.text());
        let name = format!("Full {n}");
        let email = format!("full{n}@shop.example");
        let answer = admin.submit(&form, "/invite", &[("name", &name), ("email", &email), ("role", "staff")]);
        assert!(matches!(answer.status, 200 | 503), "{}: {}", answer.status, answer.text());
        if answer.status == 503 {
            refused += 1;
            let list = admin.open(&format!("/settings/employees?name=full{n}%40"));
            assert!(list.rows("#employees").is_empty(), "what was refused is not there");
            if refused == 3 {
                break;
            }
        }
    }
    assert_eq!(refused, 3, "the disk was full");

    drop(file);
    std::fs::remove_file(filler).unwrap();
    assert_eq!(invite(&mut admin, "After").status, 200, "there is room again, without a restart");
    drop(server);
    drop(unmount);
}

struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[test]
fn d10_the_cascade_happens_through_every_connection() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let person = shop.staff("Marta Lindqvist");
    let (mut admin, _) = app.sign_in_as(Role::Admin);

    for n in 0..6 {
        let client = shop.client(&format!("Client {n}"));
        let grant = shop.grant(client, &person);
        shop.refresh(&grant);
        shop.api_key(client, &person, "Nightly export");
        let path = format!("/settings/client-api-access/clients/{client}/revoke");
        let form = admin.open(&path);
        assert_eq!(admin.submit(&form, "/revoke", &[]).status, 303);
    }

    for table in ["clients", "refresh_tokens", "refresh_token_values", "access_tokens"] {
        assert_eq!(shop.number(&format!("SELECT COUNT(*) FROM {table}")), 0, "{table}");
    }
    if !is_postgres() {
        assert_eq!(shop.number("SELECT COUNT(*) FROM pragma_foreign_key_check"), 0);
    }
}
