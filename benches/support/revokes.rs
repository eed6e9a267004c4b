//! Revokes clients of all sizes and measures when access ends, when the rows are deleted, and how long other requests wait.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::facts::{ClientFacts, Facts, client_named, number, numbers};
use super::http::{Connection, Visitor, field};
use super::load::percentile;
use super::table::{Table, against, ms};
use super::world::{REVOKED, World, name_of};

const ENDED: Duration = Duration::from_millis(10);
const WAIT: Duration = Duration::from_millis(150);
const PAGE: Duration = Duration::from_millis(50);
const CALM: Duration = Duration::from_secs(5);
const GIVE_UP: Duration = Duration::from_secs(1800);

/// Concurrent requests: when each was sent and how long it took.
#[derive(Default)]
struct Diary(Mutex<Vec<(Instant, Duration)>>);

impl Diary {
    fn note(&self, sent: Instant) {
        self.0.lock().expect("no writer panics").push((sent, sent.elapsed()));
    }

    /// Median, 99th percentile and longest of what was under way between two moments.
    fn between(&self, from: Instant, until: Instant) -> [Duration; 3] {
        let notes = self.0.lock().expect("no writer panics");
        let under_way = notes.iter().filter(|(sent, took)| *sent <= until && *sent + *took >= from);
        let mut times: Vec<Duration> = under_way.map(|(_, took)| *took).collect();
        [50.0, 99.0, 100.0].map(|percent| percentile(&mut times, percent))
    }
}

struct Outcome {
    /// Until the confirmation page was there.
    confirmation: Duration,
    posted: Instant,
    /// Until the response to the form.
    answered: Duration,
    /// Until access is revoked in the database.
    ended: Duration,
    /// Until all rows are deleted.
    revoked_error: Duration,
}

/// Revokes clients from small to large while others revoke single tokens and read pages.
pub fn measure(world: &World, visitor: &Visitor, facts: &Facts) {
    let mut conn = world.connect();
    let tokens = format!("SELECT id AS n FROM access_tokens WHERE client_id = {} ORDER BY id", facts.other.id);
    let tokens = numbers(&mut conn, &tokens);
    let targets: Vec<ClientFacts> = REVOKED.iter().map(|size| client_named(&mut conn, &name_of(*size))).collect();
    let (writes, reads, stop) = (Diary::default(), Diary::default(), AtomicBool::new(false));
    let mut table = Table::new(&[
        "revoke of a client with",
        "confirmation ms",
        "303 ms",
        "access ended ms",
        "rows gone s",
        "other writers p50",
        "p99",
        "max",
        "other pages p50",
        "p99",
        "max",
    ]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let tokens_path = format!("/settings/client-api-access/clients/{}/access-tokens", facts.other.id);
            let requests = tokens.iter().map(|id| visitor.post(&format!("{tokens_path}/{id}/revoke"), &[]));
            repeat(visitor, requests, 303, (&writes, &stop));
        });
        scope.spawn(|| {
            let page = visitor.get("/settings/client-api-access");
            repeat(visitor, std::iter::repeat_with(|| page.clone()), 200, (&reads, &stop));
        });
        let begun = Instant::now();
        std::thread::sleep(CALM);
        let others = |from: Instant, until: Instant| {
            let [writing, reading] = [&writes, &reads].map(|diary| diary.between(from, until));
            let goals = [Duration::MAX, Duration::MAX, WAIT, Duration::MAX, PAGE, Duration::MAX];
            writing.into_iter().chain(reading).zip(goals).map(|(time, goal)| against(time, goal)).collect::<Vec<_>>()
        };
        let calm = ["nobody (before)", "", "", "", ""].map(String::from).to_vec();
        table.row([calm, others(begun, Instant::now())].concat());
        for target in targets.iter().chain([&facts.big]) {
            let outcome = revoke(world, visitor, target);
            let size = number(&mut world.connect(), "SELECT COUNT(*) AS n FROM clients WHERE revoked_at IS NOT NULL");
            assert_eq!(size, 0, "nothing is left half deleted");
            let own = vec![
                format!("{} access tokens", target.tokens),
                ms(outcome.confirmation),
                ms(outcome.answered),
                against(outcome.ended, ENDED),
                format!("{:.2}", outcome.revoked_error.as_secs_f64()),
            ];
            table.row([own, others(outcome.posted, outcome.posted + outcome.revoked_error)].concat());
            std::thread::sleep(Duration::from_secs(1));
        }
        stop.store(true, Ordering::Relaxed);
    });
    table.print();
}

// Sends one request every few milliseconds until stopped.
fn repeat(
    visitor: &Visitor,
    requests: impl Iterator<Item = Vec<u8>>,
    status: u16,
    (diary, stop): (&Diary, &AtomicBool),
) {
    let mut connection = Connection::open(visitor.address).expect("the server listens");
    for request in requests.take_while(|_| !stop.load(Ordering::Relaxed)) {
        let sent = Instant::now();
        let answer = connection.send(&request).expect("an answer");
        if answer.status != status {
            eprintln!("somebody else was answered {}", answer.status);
        }
        diary.note(sent);
        std::thread::sleep(Duration::from_millis(4));
    }
}

fn revoke(world: &World, visitor: &Visitor, target: &ClientFacts) -> Outcome {
    let path = format!("/settings/client-api-access/clients/{}/revoke", target.id);
    let begun = Instant::now();
    let form = visitor.page(&path);
    let confirmation = begun.elapsed();
    let seen = ["seen-refresh-tokens", "seen-access-tokens", "seen-total"];
    let mut fields: Vec<(&str, String)> = seen.map(|name| (name, field(&form, name).expect("what was seen"))).to_vec();
    fields.push(("name", target.name.clone()));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (request, mut connection) = (visitor.post(&path, &fields), Connection::open(visitor.address));
    let wait_until_none = |condition: &str, pause: Duration, from: Instant| {
        let mut conn = world.connect();
        let sql = format!("SELECT COUNT(*) AS n FROM clients WHERE id = {}{condition}", target.id);
        while number(&mut conn, &sql) > 0 {
            assert!(from.elapsed() < GIVE_UP, "the rows of {} are not gone", target.name);
            std::thread::sleep(pause);
        }
        from.elapsed()
    };
    std::thread::scope(|scope| {
        let posted = Instant::now();
        let ended = scope.spawn(move || wait_until_none(" AND revoked_at IS NULL", Duration::from_micros(500), posted));
        let answer = connection.as_mut().expect("the server listens").send(&request).expect("an answer");
        let answered = posted.elapsed();
        assert_eq!(answer.status, 303, "revoking {}: {}", target.name, answer.text());
        let ended = ended.join().expect("access ends");
        let revoked_error = wait_until_none("", Duration::from_millis(10), posted);
        Outcome { confirmation, posted, answered, ended, revoked_error }
    })
}
