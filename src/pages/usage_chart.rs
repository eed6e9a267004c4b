//! The chart of how much a client or an API key was used on each of the last 90 days: SVG without styles or scripts, with a
//! table of the same numbers.
//!
//! Calls, refreshes and refusals have a strip each with a scale of its own: calls are many and refusals few, and nobody has
//! to tell them apart by colour. The drawings are stretched to the width of the page, so all text is beside them, in HTML.

use crate::access::usage::{Counts, DAYS, Usage};
use crate::time::{Timestamp, thousands};

// The width of a day and the height of a strip, in units of the drawing.
const DAY_WIDTH: usize = 10;
const HEIGHT: i64 = 100;
// The height of the lowest bar, so that one call is seen beside many.
const LOWEST: i64 = 4;

/// The chart, or why there is none.
pub struct UsageChart {
    /// The sums in words: `1,204 calls, 31 refreshes, 2 refusals in 90 days`.
    pub total: String,
    /// What is counted, in the words of the legend.
    pub note: &'static str,
    /// Why nothing is drawn.
    pub empty: Option<&'static str>,
    /// One strip for each kind.
    pub strips: Vec<Strip>,
    /// The days, oldest first.
    pub days: Vec<ChartDay>,
    /// First day, middle and today.
    pub axis: [String; 3],
    /// The `viewBox` of each drawing.
    pub view_box: String,
    /// The path of the lines at the top, in the middle and at the bottom.
    pub lines: String,
}

/// The bars of one kind.
pub struct Strip {
    /// `Calls`, which is also a heading of the table.
    pub name: &'static str,
    /// Its class in the stylesheet.
    pub class: &'static str,
    /// The sum.
    pub total: String,
    /// The number at its top line.
    pub top: String,
    /// The path of the bars.
    pub bars: String,
}

/// One day.
pub struct ChartDay {
    /// Its date.
    pub date: String,
    /// The numbers of the strips.
    pub numbers: Vec<String>,
    /// All of it in words: `12 Mar 2026: 84 calls, 2 refreshes, no refusals`.
    pub title: String,
    /// Where it begins in the drawing.
    pub x: usize,
}

// A kind of use: heading, class, singular, plural, and which number it is.
struct Kind(&'static str, &'static str, &'static str, &'static str, fn(&Counts) -> i64);

const CALLS: Kind = Kind("Calls", "calls", "call", "calls", |counts| counts.calls);
const REFRESHES: Kind = Kind("Refreshes", "refreshes", "refresh", "refreshes", |counts| counts.refreshes);
const REFUSALS: Kind = Kind("Refusals", "refusals", "refusal", "refusals", |counts| counts.refusals);

impl UsageChart {
    /// The chart of a client that was last used at `last_used`.
    pub fn of_client(usage: &Usage, last_used: Timestamp) -> UsageChart {
        let note = "A call is a request with a valid token. Refusals are failed requests for authorization or tokens, wrong \
                    client secrets, and calls with a token that does not work. Days are in UTC.";
        UsageChart::new(usage, &[CALLS, REFRESHES, REFUSALS], note, last_used)
    }

    /// The chart of an API key that was last used at `last_used`.
    pub fn of_api_key(usage: &Usage, last_used: Timestamp) -> UsageChart {
        UsageChart::new(usage, &[CALLS], "Days are in UTC.", last_used)
    }

    fn new(usage: &Usage, kinds: &[Kind], note: &'static str, last_used: Timestamp) -> UsageChart {
        let total = usage.total();
        let date = |n: usize| usage.days.get(n).map(|(day, _)| day.utc_date()).unwrap_or_default();
        UsageChart {
            total: format!("{} in {DAYS} days", in_words(kinds, &total)),
            note,
            empty: (total == Counts::default()).then(|| match last_used >= usage.begins_at() {
                true => "Not counted yet: last used before this server began to count",
                false => "Not used in the last 90 days",
            }),
            strips: kinds.iter().map(|kind| Strip::new(kind, usage, kind.4(&total))).collect(),
            days: usage.days.iter().enumerate().map(|(n, day)| ChartDay::new(kinds, n, day)).collect(),
            axis: [date(0), date(DAYS / 2), "today".into()],
            view_box: format!("0 0 {} {HEIGHT}", DAYS * DAY_WIDTH),
            lines: [0, HEIGHT / 2, HEIGHT].map(|y| format!("M0 {y}h{}", DAYS * DAY_WIDTH)).concat(),
        }
    }
}

impl Strip {
    fn new(Kind(name, class, _, _, number): &Kind, usage: &Usage, total: i64) -> Strip {
        let most = usage.days.iter().map(|(_, counts)| number(counts)).max().unwrap_or_default();
        let (top, mut bars) = (top_line(most), String::new());
        for (n, (_, counts)) in usage.days.iter().enumerate() {
            let number = number(counts);
            if number > 0 {
                let height = (number.saturating_mul(HEIGHT) / top).clamp(LOWEST, HEIGHT);
                let (x, width) = (n * DAY_WIDTH + 1, DAY_WIDTH - 2);
                bars += &format!("M{x} {HEIGHT}v-{height}h{width}v{height}z");
            }
        }
        Strip { name, class, total: thousands(total), top: thousands(top), bars }
    }
}

impl ChartDay {
    fn new(kinds: &[Kind], n: usize, (day, counts): &(Timestamp, Counts)) -> ChartDay {
        let date = day.utc_date();
        ChartDay {
            title: format!("{date}: {}", in_words(kinds, counts)),
            numbers: kinds.iter().map(|kind| thousands(kind.4(counts))).collect(),
            x: n * DAY_WIDTH,
            date,
        }
    }
}

fn in_words(kinds: &[Kind], counts: &Counts) -> String {
    let words = kinds.iter().map(|Kind(_, _, one, many, number)| match number(counts) {
        0 => format!("no {many}"),
        1 => format!("1 {one}"),
        n => format!("{} {many}", thousands(n)),
    });
    words.collect::<Vec<_>>().join(", ")
}

// The next round number, so that the scale can be read.
fn top_line(most: i64) -> i64 {
    let mut unit = 1;
    loop {
        if let Some(top) = [1, 2, 3, 4, 5, 6, 8].map(|n: i64| n.saturating_mul(unit)).into_iter().find(|n| *n >= most) {
            return top;
        }
        unit = unit.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::DAY;

    fn usage(days: &[(usize, Counts)]) -> Usage {
        let mut all: Vec<_> = (0..DAYS).map(|n| (Timestamp(n as i64 * DAY), Counts::default())).collect();
        days.iter().for_each(|(n, counts)| all[*n].1 = *counts);
        Usage { days: all }
    }

    #[test]
    fn the_scale_ends_at_a_round_number() {
        let tops = [0, 1, 3, 7, 9, 11, 84, 101, 999, 1_204].map(top_line);

        assert_eq!(tops, [1, 1, 3, 8, 10, 20, 100, 200, 1_000, 2_000]);
        assert!(top_line(i64::MAX) > 0);
    }

    #[test]
    fn each_kind_has_its_own_scale_and_one_is_seen_beside_many() {
        let busy = Counts { calls: 1_000, refreshes: 2, refusals: 0 };
        let chart = UsageChart::of_client(&usage(&[(0, busy), (89, Counts { calls: 1, ..busy })]), Timestamp(0));

        assert_eq!(chart.total, "1,001 calls, 4 refreshes, no refusals in 90 days");
        assert_eq!(chart.strips[0].bars, "M1 100v-100h8v100zM891 100v-4h8v4z");
        assert_eq!((chart.strips[0].top.as_str(), chart.strips[1].top.as_str()), ("1,000", "2"));
        assert_eq!(chart.strips[1].bars, "M1 100v-100h8v100zM891 100v-100h8v100z");
        assert!(chart.strips[2].bars.is_empty() && chart.empty.is_none());
        assert_eq!(chart.days[89].title, "31 Mar 1970: 1 call, 2 refreshes, no refusals");
    }

    #[test]
    fn a_client_that_was_used_before_counting_began_is_not_called_unused() {
        let chart = |last_used| UsageChart::of_client(&usage(&[]), Timestamp(last_used)).empty.expect("empty");

        assert_eq!(chart(-1), "Not used in the last 90 days");
        assert!(chart(5).starts_with("Not counted yet"));
    }
}
