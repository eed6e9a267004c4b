//! Revokes clients of all sizes and measures when access ends, when the rows are deleted, and how long other requests wait.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::bulk::{HISTORY, REVOKED, name_of};
use super::facts::{ClientFacts, Facts, client_named, number, numbers};
use super::http::{Connection, Visitor, fields};
use super::load::percentile;
use super::program::{Prepared, refresher};
use super::table::{Table, against, ms};
use super::world::World;

const ENDED: Duration = Duration::from_millis(10);
const WAIT: Duration = Duration::from_millis(150);
const PAGE: Duration = Duration::from_millis(50);
const CALM: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(4);
const GIVE_UP: Duration = Duration::from_secs(1800);
const ROWS_GONE: Duration = Duration::from_secs(60);
/// The share of their rate before that refreshes must keep while the big client's rows are deleted.
const REFRESH_SHARE: f64 = 0.8;

/// How many connections refresh while the big client is revoked.
pub const REFRESHERS: usize = 8;

/// Concurrent requests: when each was sent and how long it took.
#[derive(Default)]
struct Diary {
    notes: Mutex<Vec<(Instant, Duration)>>,
    failed: AtomicUsize,
}

impl Diary {
    fn note(&self, sent: Instant) {
        self.notes.lock().expect("no writer panics").push((sent, sent.elapsed()));
    }

    /// Median, 99th percentile and longest of what was under way between two moments.
    fn between(&self, from: Instant, until: Instant) -> [Duration; 3] {
        let notes = self.notes.lock().expect("no writer panics");
        let under_way = notes.iter().filter(|(sent, took)| *sent <= until && *sent + *took >= from);
        let mut times: Vec<Duration> = under_way.map(|(_, took)| *took).collect();
        [50.0, 99.0, 100.0].map(|percent| percentile(&mut times, percent))
    }

    /// Answers per second between two moments.
    fn rate(&self, from: Instant, until: Instant) -> f64 {
        let notes = self.notes.lock().expect("no writer panics");
        let answered = notes.iter().filter(|(sent, took)| (from..=until).contains(&(*sent + *took))).count();
        answered as f64 / until.duration_since(from).as_secs_f64()
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
    rows_gone: Duration,
}

/// Revokes clients from small to large while others revoke single tokens and read pages; while the last one, the big client,
/// is revoked, eight connections refresh `grants` as fast as they can.
pub fn measure(world: &World, visitor: &Visitor, facts: &Facts, (prepared, grants): (&Prepared, &[String])) {
    let mut conn = world.connect();
    let tokens =
        format!("SELECT id AS n FROM access_tokens WHERE client_id = {} ORDER BY id LIMIT 200000", facts.other.id);
    let tokens = numbers(&mut conn, &tokens);
    let targets = REVOKED.iter().map(|size| name_of(*size)).chain([HISTORY.to_string()]);
    let targets: Vec<ClientFacts> = targets.filter_map(|name| client_named(&mut conn, &name)).collect();
    let (writes, reads, refreshes) = (Diary::default(), Diary::default(), Diary::default());
    let (stop, refreshing) = (AtomicBool::new(false), AtomicBool::new(false));
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
    let share = std::thread::scope(|scope| {
        scope.spawn(|| {
            let tokens_path = format!("/settings/client-api-access/clients/{}/access-tokens", facts.other.id);
            let requests = tokens.iter().map(|id| visitor.post(&format!("{tokens_path}/{id}/revoke"), &[]));
            // In small data there are few tokens to revoke: make them last for a minute.
            let pause = PAUSE.max(Duration::from_secs(60) / tokens.len().max(1) as u32);
            repeat(visitor, (requests, pause), 303, (&writes, &stop));
        });
        scope.spawn(|| {
            let page = visitor.get("/settings/client-api-access");
            repeat(visitor, (std::iter::repeat_with(|| page.clone()), PAUSE), 200, (&reads, &stop));
        });
        for grant in grants {
            scope.spawn(|| refresh(visitor, (prepared, grant), &refreshes, (&refreshing, &stop)));
        }
        let others = |from: Instant, until: Instant| {
            let [writing, reading] = [&writes, &reads].map(|diary| diary.between(from, until));
            let goals = [Duration::MAX, Duration::MAX, WAIT, Duration::MAX, PAGE, Duration::MAX];
            writing.into_iter().chain(reading).zip(goals).map(|(time, goal)| against(time, goal)).collect::<Vec<_>>()
        };
        let calm = |name: &str| {
            let begun = Instant::now();
            std::thread::sleep(CALM);
            let until = Instant::now();
            let own = [name, "", "", "", ""].map(String::from).to_vec();
            ([own, others(begun, until)].concat(), refreshes.rate(begun, until))
        };
        table.row(calm("nobody (before)").0);
        let mut row = |target: &ClientFacts| {
            let outcome = match revoke(world, visitor, target) {
                Ok(outcome) => outcome,
                Err(error) => {
                    println!("! {}: {error}\n", target.name);
                    return None;
                }
            };
            let goal = if target.tokens > 100_000 { ROWS_GONE } else { Duration::MAX };
            let late = if outcome.rows_gone > goal { "! " } else { "" };
            let name = match target.name.as_str() {
                HISTORY => format!("{} refresh tokens of 1,440 earlier values", target.refresh_tokens),
                _ => format!("{} access tokens", target.tokens),
            };
            let own = vec![
                name,
                ms(outcome.confirmation),
                ms(outcome.answered),
                against(outcome.ended, ENDED),
                format!("{late}{:.2}", outcome.rows_gone.as_secs_f64()),
            ];
            let until = outcome.posted + outcome.rows_gone;
            table.row([own, others(outcome.posted, until)].concat());
            Some((outcome.posted, until))
        };
        for target in &targets {
            row(target);
            std::thread::sleep(Duration::from_secs(1));
        }
        refreshing.store(true, Ordering::Relaxed);
        std::thread::sleep(Duration::from_secs(1));
        let begun = Instant::now();
        std::thread::sleep(CALM);
        let before = refreshes.rate(begun, Instant::now());
        let under_way = row(&facts.big);
        let during = under_way.map(|(from, until)| refreshes.rate(from, until));
        stop.store(true, Ordering::Relaxed);
        during.map(|during| (before, during))
    });
    table.print();
    let failed = [&writes, &reads, &refreshes].map(|diary| diary.failed.load(Ordering::Relaxed));
    let mark = if failed.iter().any(|n| *n > 0) { "! " } else { "" };
    println!(
        "{mark}Wrong answers or closed connections of others: {} writers, {} pages, {} refreshes.\n",
        failed[0], failed[1], failed[2]
    );
    if let Some((before, during)) = share {
        let mark = if during < REFRESH_SHARE * before { "! " } else { "" };
        let percent = 100.0 * during / before.max(1.0);
        println!(
            "{REFRESHERS} connections refreshed {before:.0} times a second before the big client was revoked, and \
             {mark}{during:.0} ({percent:.0} %) until its rows were gone.\n"
        );
    }
}

// Sends one request every few milliseconds until stopped.
fn repeat(
    visitor: &Visitor,
    (requests, pause): (impl Iterator<Item = Vec<u8>>, Duration),
    status: u16,
    (diary, stop): (&Diary, &AtomicBool),
) {
    let mut connection = None;
    for request in requests.take_while(|_| !stop.load(Ordering::Relaxed)) {
        let sent = Instant::now();
        if connection.is_none() {
            connection = Connection::open(visitor.address).ok();
        }
        let answer = connection.as_mut().map(|connection| connection.send(&request).map(|answer| answer.status));
        match answer {
            Some(Ok(answered)) if answered == status => {}
            Some(Ok(_)) => drop(diary.failed.fetch_add(1, Ordering::Relaxed)),
            _ => {
                connection = None;
                diary.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
        diary.note(sent);
        std::thread::sleep(pause);
    }
}

// Refreshes one grant as fast as it can, from when it may until stopped.
fn refresh(
    visitor: &Visitor,
    (prepared, grant): (&Prepared, &str),
    diary: &Diary,
    (begin, stop): (&AtomicBool, &AtomicBool),
) {
    let mut ask = refresher(prepared, visitor.address, grant);
    let mut connection = None;
    while !stop.load(Ordering::Relaxed) {
        if !begin.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(50));
            continue;
        }
        if connection.is_none() {
            connection = Connection::open(visitor.address).ok();
        }
        let sent = Instant::now();
        match connection.as_mut().and_then(&mut ask) {
            Some(Ok(true)) => diary.note(sent),
            Some(Ok(false)) => drop(diary.failed.fetch_add(1, Ordering::Relaxed)),
            _ => {
                connection = None;
                diary.failed.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

fn revoke(world: &World, visitor: &Visitor, target: &ClientFacts) -> Result<Outcome, String> {
    let path = format!("/settings/client-api-access/clients/{}/revoke", target.id);
    let begun = Instant::now();
    let form = visitor.page(&path).map_err(|error| error.to_string())?;
    let confirmation = begun.elapsed();
    let mut sent = fields(&form, "seen-");
    sent.push(("name".into(), target.name.clone()));
    let sent: Vec<(&str, &str)> = sent.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let request = visitor.post(&path, &sent);
    let mut connection = Connection::open(visitor.address).map_err(|error| error.to_string())?;
    let (is_refused, give_up) = (AtomicBool::new(false), GIVE_UP);
    let wait_until_none = |condition: &str, pause: Duration, from: Instant| {
        let mut conn = world.connect();
        let sql = format!("SELECT COUNT(*) AS n FROM clients WHERE id = {}{condition}", target.id);
        while number(&mut conn, &sql) > 0 {
            if from.elapsed() > give_up || is_refused.load(Ordering::Relaxed) {
                return Err(format!("after {} s its rows are still there", from.elapsed().as_secs()));
            }
            std::thread::sleep(pause);
        }
        Ok(from.elapsed())
    };
    std::thread::scope(|scope| {
        let posted = Instant::now();
        let wait = &wait_until_none;
        let ended = scope.spawn(move || wait(" AND revoked_at IS NULL", Duration::from_micros(500), posted));
        let answer = connection.send(&request).map(|answer| answer.status).map_err(|error| error.to_string());
        let answered = posted.elapsed();
        is_refused.store(answer != Ok(303), Ordering::Relaxed);
        let ended = ended.join().expect("it watches the row");
        if answer != Ok(303) {
            return Err(format!("the form was answered {answer:?}"));
        }
        let rows_gone = wait_until_none("", Duration::from_millis(10), posted)?;
        Ok(Outcome { confirmation, posted, answered, ended: ended?, rows_gone })
    })
}
