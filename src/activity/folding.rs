//! Sign-ins and sign-outs that follow each other are one line of the list.

use std::collections::BTreeSet;

use crate::activity::{Activity, Kind};
use crate::id::EmployeeKey;
use crate::time::Timestamp;

/// A line of the list.
#[derive(Clone, Debug)]
pub enum Line {
    /// One entry.
    Entry(Activity),
    /// Several sign-ins and sign-outs, with nothing else between them.
    SignIns(Box<SignIns>),
}

/// Sign-ins and sign-outs that follow each other within a day.
#[derive(Clone, Debug)]
pub struct SignIns {
    /// The newest of them.
    pub newest: Activity,
    /// The oldest of them.
    pub oldest: Activity,
    /// How many are sign-ins.
    pub sign_ins: i64,
    /// How many are sign-outs.
    pub sign_outs: i64,
    /// Whose they are.
    pub people: BTreeSet<EmployeeKey>,
}

impl Line {
    /// The newest entry of the line.
    pub fn newest(&self) -> &Activity {
        match self {
            Line::Entry(entry) => entry,
            Line::SignIns(run) => &run.newest,
        }
    }

    /// The oldest entry of the line.
    pub fn oldest(&self) -> &Activity {
        match self {
            Line::Entry(entry) => entry,
            Line::SignIns(run) => &run.oldest,
        }
    }
}

/// Whether two moments are on one day.
pub type SameDay<'a> = &'a dyn Fn(Timestamp, Timestamp) -> bool;

/// Adds the next entry, in either direction: to the last line, if both are sign-ins or sign-outs of one day.
pub(super) fn push(lines: &mut Vec<Line>, entry: Activity, is_same_day: Option<SameDay<'_>>) {
    let last = lines.last_mut().zip(is_same_day).filter(|_| is_folded(&entry));
    let joined = last.filter(|(last, is_same_day)| is_folded(last.newest()) && is_same_day(last.newest().at, entry.at));
    match joined {
        Some((last, _)) => last.join(entry),
        None => lines.push(Line::Entry(entry)),
    }
}

fn is_folded(entry: &Activity) -> bool {
    [Kind::SignedIn, Kind::SignedOut].iter().any(|kind| kind.word() == entry.kind)
}

impl Line {
    fn join(&mut self, entry: Activity) {
        if let Line::Entry(first) = self {
            let mut run = SignIns {
                newest: first.clone(),
                oldest: first.clone(),
                sign_ins: 0,
                sign_outs: 0,
                people: BTreeSet::new(),
            };
            run.count(first);
            *self = Line::SignIns(Box::new(run));
        }
        if let Line::SignIns(run) = self {
            run.count(&entry);
            match entry.id > run.newest.id {
                true => run.newest = entry,
                false => run.oldest = entry,
            }
        }
    }
}

impl SignIns {
    fn count(&mut self, entry: &Activity) {
        match entry.kind == Kind::SignedIn.word() {
            true => self.sign_ins += 1,
            false => self.sign_outs += 1,
        }
        self.people.extend(entry.actor_id);
    }
}
