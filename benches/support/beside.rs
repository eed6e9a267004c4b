//! The token endpoint and other pages while sixteen visitors use the slowest filter, which must not slow them down.

use std::time::Duration;

use super::cases::CLIENTS;
use super::http::Visitor;
use super::load::{Case, Figures, drive, run};
use super::process::Server;
use super::program::{Prepared, cycle, refresher, verify};
use super::table::{Table, against, ms};

const CROWD: usize = 16;
const WAIT: Duration = Duration::from_millis(50);

/// How many grants this refreshes, one alone and one beside the crowd.
pub const GRANTS: usize = 2;

/// Measures "verify", "refresh" and the list of clients alone, and beside sixteen visitors of this page.
pub fn measure(
    server: &Server,
    visitor: &Visitor,
    (prepared, grants): (&Prepared, &[String]),
    slowest: &Case,
    time: Duration,
) {
    let verify = prepared.requests(|token| verify(server.address, token));
    let list = Case::get("the list of clients", visitor, CLIENTS);
    let everybody = |crowd: usize| {
        std::thread::scope(|scope| {
            let crowd = (crowd > 0).then(|| scope.spawn(move || run(server, slowest, crowd, time)));
            let verifying = scope.spawn(|| drive(server, 1, time, |n| cycle(&verify, n)));
            let grants = &grants[usize::from(crowd.is_some())..];
            let refreshing =
                scope.spawn(move || drive(server, 1, time, |n| refresher(prepared, server.address, &grants[n])));
            let reading = scope.spawn(|| run(server, &list, 1, time));
            let others = [verifying, refreshing, reading].map(|one| one.join().expect("it has run"));
            (others, crowd.map(|crowd| crowd.join().expect("it has run")))
        })
    };
    let (alone, _) = everybody(0);
    let (beside, crowd) = everybody(CROWD);
    let mut table = Table::new(&[
        "beside them",
        "alone: p50 ms",
        "p99 ms",
        "req/s",
        "wrong",
        "then: p50 ms",
        "p99 ms",
        "req/s",
        "wrong",
    ]);
    let names = ["verify", "refresh", "the list of clients"];
    for (name, (alone, beside)) in names.iter().zip(alone.iter().zip(&beside)) {
        let cells =
            |figures: &Figures, p99: String| [ms(figures.p50), p99, format!("{:.0}", figures.rate), figures.failures()];
        let beside_cells = cells(beside, against(beside.p99, WAIT));
        let failed = if beside.wrong + beside.closed > 0 { "! " } else { "" };
        let mut row = vec![(*name).to_string()];
        row.extend(cells(alone, ms(alone.p99)));
        row.extend(beside_cells);
        if let Some(last) = row.last_mut() {
            *last = format!("{failed}{last}");
        }
        table.row(row);
    }
    if let Some(crowd) = crowd {
        println!(
            "Sixteen visitors of the slowest filter, “{}”: p50 {} ms, p99 {} ms, {:.0} requests/s, {} wrong.\n",
            slowest.name,
            ms(crowd.p50),
            ms(crowd.p99),
            crowd.rate,
            crowd.failures()
        );
    }
    table.print();
}
