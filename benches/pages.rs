//! Pages under load, and revocations of every size, on a million tokens:
//!
//! ```text
//! cargo bench --bench pages                                            on SQLite
//! scripts/postgres --durable run -- cargo bench --bench pages          on SQLite and on PostgreSQL
//! cargo bench --bench pages -- --help                                  smaller, shorter, one of the two
//! ```
//!
//! The program's own `demo` makes the data: 500 clients, one of them with half of all tokens. The server runs as it is
//! shipped, in its own process; this process sends requests over loopback, first on one keep-alive connection, then on
//! sixteen, each sending the next request as soon as it has a response. A bare "hello" from the same web
//! server in a third process shows what the machine can do. All of them share its processors, so compare figures only
//! within a run. `!` marks a missed goal; the benchmark does not fail for it.

#![allow(dead_code, reason = "the other benchmark uses the rest of what they share")]
#![expect(clippy::expect_used, clippy::panic, reason = "a benchmark that cannot go on has nobody else to tell")]

mod support {
    pub mod facts;
    pub mod http;
    pub mod load;
    pub mod process;
    pub mod revokes;
    pub mod table;
    pub mod world;
    pub mod worlds;
}

use std::time::Duration;

use clap::Parser;
use support::facts::Facts;
use support::http::{Visitor, link};
use support::load::{Case, Figures, run};
use support::process::{HELLO, Server, serve_hello};
use support::revokes;
use support::table::{Table, against, ms};
use support::world::World;
use support::worlds::Worlds;

const ALONE: Duration = Duration::from_millis(5);
const CROWDED: Duration = Duration::from_millis(50);
const CROWD: usize = 16;
const CLIENTS: &str = "/settings/client-api-access";

/// Loads the pages on a million tokens and prints what it took.
#[derive(Parser)]
#[command(name = "cargo bench --bench pages --")]
struct Arguments {
    #[command(flatten)]
    worlds: Worlds,
    /// Seconds of load per page, with one connection and again with sixteen
    #[arg(long, env = "BENCH_SECONDS", default_value_t = 2.0)]
    seconds: f64,
    /// Only pages whose name contains this text; skips revocations
    #[arg(long, value_name = "TEXT")]
    page: Option<String>,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(HELLO) {
        return serve_hello(&arguments.next().unwrap_or_default());
    }
    let arguments = Arguments::parse();
    arguments.worlds.each(World::young, |world| measure(world, &arguments));
}

fn measure(world: &World, arguments: &Arguments) {
    let facts = Facts::of(&mut world.connect());
    let server = Server::start(&world.folder, world.url.as_deref());
    let mut memory = Table::new(&["server memory", "MB now", "MB at most"]);
    let mut remember = |phase: &str| {
        let (now, most) = server.memory();
        let goal = if most > 100.0 { "! " } else { "" };
        memory.row(vec![phase.into(), format!("{now:.0}"), format!("{goal}{most:.0}")]);
    };
    remember("after its start");
    let visitor = Visitor::sign_in(server.address, &world.email, &world.password);
    // The numbers on the client list are counted in the background; that is not what is measured here.
    std::thread::sleep(Duration::from_secs(8));
    println!(
        "The big client, {}, has {} access tokens and API keys, {} of them live; the small one has {}. Goals: p50 within \
         {} ms alone, p99 within {} ms among {CROWD}.\n",
        facts.big.name,
        facts.big.tokens,
        facts.live,
        facts.small.tokens,
        ms(ALONE),
        ms(CROWDED),
    );
    let time = Duration::from_secs_f64(arguments.seconds);
    let mut table = Table::new(&[
        "page",
        "alone: p50 ms",
        "p99 ms",
        "req/s",
        "sixteen: p50 ms",
        "p99 ms",
        "req/s",
        "CPU µs",
        "bytes",
        "wrong",
    ]);
    let wanted = |case: &Case| arguments.page.as_ref().is_none_or(|part| case.name.contains(part.as_str()));
    {
        let hello = Server::hello();
        let nobody = Visitor::stranger(hello.address);
        row(&mut table, &hello, &Case::get("a bare hello", &nobody, "/"), time);
    }
    for case in cases(&visitor, &facts).iter().filter(|case| wanted(case)) {
        row(&mut table, &server, case, time);
    }
    table.print();
    remember("after the pages");
    if arguments.page.is_none() {
        println!(
            "Goals: access has ended within 10 ms, no other writer waits longer than 150 ms. Beside it, one visitor \
             revokes single tokens and another reads the client list.\n"
        );
        revokes::measure(world, &visitor, &facts);
        remember("after the revokes");
    }
    memory.print();
}

fn row(table: &mut Table, server: &Server, case: &Case, time: Duration) {
    let [alone, crowd] = [1, CROWD].map(|connections| run(server, case, connections, time));
    let rate = |figures: &Figures| format!("{:.0}", figures.rate);
    table.row(vec![
        case.name.clone(),
        against(alone.p50, ALONE),
        ms(alone.p99),
        rate(&alone),
        ms(crowd.p50),
        against(crowd.p99, CROWDED),
        rate(&crowd),
        crowd.cpu.as_micros().to_string(),
        crowd.bytes.to_string(),
        (alone.wrong + crowd.wrong).to_string(),
    ]);
}

fn cases(visitor: &Visitor, facts: &Facts) -> Vec<Case> {
    let big = format!("{CLIENTS}/clients/{}", facts.big.id);
    let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let rare = encoded(&facts.rare_employee.1);
    let last = |path: &str| {
        let to = link(&visitor.page(path), "access-tokens", "data-swap=\"last\"");
        to.map_or_else(|| path.to_string(), |to| format!("{}{to}", path.split('?').next().unwrap_or_default()))
    };
    let get = |name: &str, path: &str| Case::get(name, visitor, path);
    let of_big = |name: &str, query: &str| get(name, &format!("{big}?{query}"));
    vec![
        get("client list", CLIENTS),
        get("client list, by last used", &format!("{CLIENTS}?sort=-used")),
        get("client list, name holds “s”", &format!("{CLIENTS}?name=s")),
        get("client list, employee holds “a”", &format!("{CLIENTS}?employee=a")),
        get("client list, rare employee", &format!("{CLIENTS}?employee={rare}")),
        get("client list, no such employee", &format!("{CLIENTS}?employee=zzzq")),
        get("big client, first page", &big),
        get("big client, deepest page", &last(&big)),
        get("small client", &format!("{CLIENTS}/clients/{}", facts.small.id)),
        of_big("employee holds “a”", "at-employee=a"),
        get("employee holds “a”, deepest page", &last(&format!("{big}?at-employee=a"))),
        of_big("rare employee", &format!("at-employee={rare}")),
        of_big("no such employee", "at-employee=zzzq"),
        of_big("token, 1 character", &format!("at-token={}", &facts.mask[..1])),
        of_big("token, 3 characters", &format!("at-token={}", &facts.mask[..3])),
        of_big("token, 7 characters", &format!("at-token={}", facts.mask)),
        of_big("no such token", "at-token=0000000"),
        of_big("never used", "at-status=never-used"),
        of_big("unused for a month", "at-status=unused"),
        of_big("about to expire", "at-status=expiring-soon"),
        of_big("employee locked or archived", "at-status=employee-inactive"),
        of_big("API keys", "at-type=api-key"),
        of_big("API keys of a rare employee", &format!("at-type=api-key&at-employee={rare}")),
        of_big("expired", "at-expired=1"),
        get("expired, deepest page", &last(&format!("{big}?at-expired=1"))),
        of_big("expired, rare employee", &format!("at-expired=1&at-employee={rare}")),
        of_big("by last used", "at-sort=-used"),
        get("by last used, deepest page", &last(&format!("{big}?at-sort=-used"))),
        of_big("by last used, rare employee", &format!("at-sort=-used&at-employee={rare}")),
        of_big("by expiry", "at-sort=expires"),
        get("by expiry, deepest page", &last(&format!("{big}?at-sort=expires"))),
        get("one refresh token", &format!("{big}/refresh-tokens/{}", facts.refresh_token)),
        get("confirmation, big client", &format!("{big}/revoke")),
        get("one employee", &format!("/settings/employees/{}", facts.rare_employee.0)),
        get("employees", "/settings/employees"),
        get("employees, name holds “a”", "/settings/employees?name=a"),
        get("settings", "/settings"),
        Case::post("find a token", visitor, &format!("{CLIENTS}/find-token"), &[("token", &facts.hash)]),
        get("activity", "/settings/activity"),
    ]
}
