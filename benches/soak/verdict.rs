//! Prints the result of the soak test.

use std::collections::HashMap;

use client_api_access::connections::{ConnectionEvent, EventKind, Status};
use client_api_access::id::ConnectionKey;
use client_api_access::schema::connection_events;
use diesel::prelude::*;

use super::Kind;
use super::calls::Answers;
use super::nodes::Nodes;
use super::provider::Log;

/// Prints the result; the process fails if a connection was lost unnecessarily.
pub fn print(kind: Kind, kills: usize, answers: &Answers, log: &Log, nodes: &mut Nodes) {
    let events: Vec<ConnectionEvent> = connection_events::table
        .order(connection_events::id)
        .select(ConnectionEvent::as_select())
        .load(nodes.conn())
        .expect("the history");
    let of = |kind: EventKind| events.iter().filter(|event| event.kind == kind).count();
    let states: HashMap<Status, usize> = nodes.states().into_iter().collect();
    let lost = states.get(&Status::NeedsAuthorization).copied().unwrap_or_default();
    let unexplained = unexplained(&events);
    let (refreshed, unknown, failed) = (of(EventKind::Refreshed), of(EventKind::UnknownOutcome), of(EventKind::Failed));
    let requests = log.issued + log.refused.len();

    println!();
    println!("nodes killed                                    {kills:>8}");
    println!("connections now                                 {}", nodes.in_short());
    println!("connections lost                                {lost:>8}");
    println!("  of them without a recorded unknown outcome    {unexplained:>8}");
    println!("refreshes that are on record                    {refreshed:>8}");
    println!("outcomes that are recorded as unknown           {unknown:>8}");
    println!("failures that are retried                       {failed:>8}");
    println!("token requests the provider saw                 {requests:>8}");
    println!("  of them refused                               {:>8}  {:?}", log.refused.len(), counted(&log.refused));
    println!("  whose answers were lost with a killed node    {:>8}", requests as i64 - refreshed as i64 - lost as i64);
    if let Some(twice) = log.twice {
        println!("refresh tokens the provider saw twice           {twice:>8}");
    }
    println!("API calls the provider served                   {:>8}", log.served);
    println!("API calls with a token that had ended           {:>8}", log.unauthorized);
    println!("answers to the callers (0: the node was killed) {answers:?}");

    let forgiving = matches!(kind, Kind::Own);
    let mut wrong = Vec::new();
    if forgiving && lost > 0 {
        wrong.push("a connection was lost at a provider that forgives a lost reply");
    }
    if unexplained > 0 {
        wrong.push("a connection was lost without an unknown outcome before it");
    }
    if forgiving && log.unauthorized > 0 {
        wrong.push("a call went out with a token that had ended");
    }
    if log.twice.is_some_and(|twice| twice > unknown) {
        wrong.push("a refresh token was sent twice without an unknown outcome between");
    }
    if requests > refreshed + unknown + failed + lost {
        wrong.push("there were more token requests than expiries and unknown outcomes");
    }
    match wrong.as_slice() {
        [] => println!("\nNothing was lost that could have been kept."),
        wrong => {
            println!("\nNot as it must be: {}.", wrong.join("; "));
            std::process::exit(1);
        }
    }
}

// Connections that were lost although no response was lost.
fn unexplained(events: &[ConnectionEvent]) -> usize {
    let mut last: HashMap<ConnectionKey, EventKind> = HashMap::new();
    let mut unexplained = 0;
    for event in events {
        let before = last.insert(event.connection_id, event.kind);
        if event.kind == EventKind::Lost && before != Some(EventKind::UnknownOutcome) {
            unexplained += 1;
        }
    }
    unexplained
}

fn counted(statuses: &[u16]) -> std::collections::BTreeMap<u16, usize> {
    let mut counted = std::collections::BTreeMap::new();
    for status in statuses {
        *counted.entry(*status).or_default() += 1;
    }
    counted
}
