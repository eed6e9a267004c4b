//! Row F1: `kill -9` at random moments under load.

use std::time::{Duration, Instant};

use super::{Act, FaultShop, Kind, Outcome, is_long, times};
use crate::support::oauth::Pair;

const KILLS: &str = "FAULT_KILLS";
// A page act and the request behind it take a few milliseconds: the load runs until somewhere within this time.
const LONGEST_LOAD: u64 = 350;
// Beside other tests on the same processors, starting may take longer.
const READY: Duration = Duration::from_secs(2);

// What was acknowledged or lost by the end of a load.
#[derive(Default)]
struct Record {
    acts: Vec<Act>,
}

// Acts of these kinds one after another, until the server is gone.
fn act(at: &FaultShop, kinds: &[Kind]) -> Record {
    let mut record = Record::default();
    for kind in kinds.iter().cycle() {
        let Some(mut act) = Act::prepare(*kind, at) else { return record };
        let outcome = act.perform(at);
        record.acts.push(act);
        if outcome != Outcome::Done {
            return record;
        }
    }
    record
}

// Refreshes of one grant, each of what the last one gave.
fn refresh(at: &FaultShop, mut pair: Pair) -> (Act, usize) {
    for n in 0.. {
        let mut act = Act::refresh_of(pair, at);
        if act.perform(at) != Outcome::Done {
            return (act, n);
        }
        pair = act.pair.expect("a pair");
    }
    unreachable!("the server is killed")
}

#[test]
fn f1_nothing_acknowledged_is_lost_by_kills_at_random_moments() {
    use Kind::{Consent, Invite, Redeem, Register, RevokeByApp, RevokeClient, RevokeOnPage};
    let kills = times(KILLS, 8);
    let mut shop = FaultShop::start();
    let mut chains: Vec<Act> = (0..3).map(|_| Act::prepare(Kind::Refresh, &shop).expect("a grant")).collect();
    let (mut lasting, mut acknowledged, mut lost, mut slowest) = (Vec::new(), 0, 0, Duration::ZERO);
    let begun = Instant::now();

    for kill in 1..=kills {
        let pause = Duration::from_millis(rand::random_range(0..LONGEST_LOAD));
        let id = shop.server.id().to_string();
        let (at, pairs) = (&shop, chains.drain(..).map(|act| act.pair.expect("a pair")));
        let (refreshed, records) = std::thread::scope(|scope| {
            let refreshing: Vec<_> = pairs.map(|pair| scope.spawn(|| refresh(at, pair))).collect();
            let kinds: [&[Kind]; 3] =
                [&[Consent, RevokeByApp], &[Redeem, Invite, Register], &[RevokeOnPage, RevokeClient]];
            let acting = kinds.map(|kinds| scope.spawn(|| act(at, kinds)));
            std::thread::sleep(pause);
            assert!(std::process::Command::new("kill").args(["-KILL", &id]).status().unwrap().success());
            let refreshed: Vec<_> = refreshing.into_iter().map(|one| one.join().unwrap()).collect();
            (refreshed, acting.map(|one| one.join().unwrap()))
        });

        let took = shop.restart();
        slowest = slowest.max(took);
        assert!(took < READY || !is_long(KILLS), "kill {kill}: ready after {took:?}");
        for (mut chain, n) in refreshed {
            acknowledged += n;
            lost += usize::from(chain.outcome == Outcome::Lost);
            chain.verify(&shop);
            chains.push(chain);
        }
        for mut act in records.into_iter().flat_map(|record| record.acts) {
            match act.outcome {
                Outcome::Done => acknowledged += 1,
                _ => lost += 1,
            }
            act.verify(&shop);
            if act.is_lasting() {
                lasting.push(act);
            }
        }
        shop.assert_sound();
        if kill % 50 == 0 {
            println!("{kill} kills, {acknowledged} acts acknowledged, {:?}", begun.elapsed());
            shop.assert_chain();
        }
    }

    shop.restart();
    let kept = lasting.len().min(500);
    lasting.iter_mut().rev().take(kept).for_each(|act| act.verify(&shop));
    shop.assert_chain();
    println!(
        "{kills} kills in {:?}: {acknowledged} acts acknowledged and kept, {lost} in doubt and whole; ready within {slowest:?}",
        begun.elapsed()
    );
}
