//! The state of a list on a page: read from the query, and written back as links for sorting and paging.
//!
//! If a page has several lists, a prefix keeps their query parameters apart (`rt-sort`, `at-sort`): each list filters, sorts
//! and pages on its own, and the URL holds the state of both.

use crate::db::keyset::{Count, Cursor, PAGE, Place, Slice};
use crate::error::{Error, Result};
use crate::time::thousands;
use crate::web::query::Query;

pub use crate::web::pager::{Heading, Pager, SortLink};

/// A sort order of a list.
#[derive(Debug, PartialEq, Eq)]
pub struct Sort {
    /// Its name in the query.
    pub word: &'static str,
    /// The column it sorts by.
    pub column: &'static str,
    /// Whether the first click sorts in descending order.
    pub largest_first: bool,
}

/// The state of a list, read from the query.
#[derive(Clone, Debug)]
pub struct ListState {
    prefix: &'static str,
    query: Query,
    sorts: &'static [Sort],
    sort: &'static Sort,
    /// Whether it is sorted in descending order.
    pub descending: bool,
    cursor: RawCursor,
    first_row: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum RawCursor {
    First,
    After(String, i64),
    Before(String, i64),
    Last,
}

impl ListState {
    /// Reads the state of the list with this prefix. The first of `sorts` is the default. Errors: an invalid cursor or
    /// sort order.
    pub fn read(query: &Query, prefix: &'static str, sorts: &'static [Sort]) -> Result<ListState> {
        let get = |name: &str| query.get(&format!("{prefix}{name}"));
        let damaged = || Error::Invalid("This link is damaged. Open the first page of the list.".into());
        let (sort, descending) = match get("sort") {
            None => (&sorts[0], sorts[0].largest_first),
            Some(word) => {
                let (word, descending) = word.strip_prefix('-').map_or((word, false), |word| (word, true));
                (sorts.iter().find(|sort| sort.word == word).ok_or_else(damaged)?, descending)
            }
        };
        let place = |text: &str| -> Result<(String, i64)> {
            let (id, value) = text.split_once('.').ok_or_else(damaged)?;
            Ok((value.to_string(), id.parse().map_err(|_| damaged())?))
        };
        let cursor = match (get("after"), get("before"), get("last")) {
            (Some(text), ..) => place(text).map(|(value, id)| RawCursor::After(value, id))?,
            (_, Some(text), _) => place(text).map(|(value, id)| RawCursor::Before(value, id))?,
            (.., Some(_)) => RawCursor::Last,
            _ => RawCursor::First,
        };
        let first_row = match get("at") {
            None => None,
            Some(text) => Some(text.parse::<i64>().map_err(|_| damaged())?.clamp(1, 1_000_000_000)),
        };
        Ok(ListState { prefix, query: query.clone(), sorts, sort, descending, cursor, first_row })
    }

    /// The value of one of the list's parameters, without prefix.
    pub fn get(&self, name: &str) -> &str {
        self.query.get(&format!("{}{name}", self.prefix)).unwrap_or_default()
    }

    /// Whether the query has any of the list's parameters.
    pub fn is_named(&self) -> bool {
        self.query.names().any(|name| name.starts_with(self.prefix))
    }

    /// A link that removes all of the list's parameters.
    pub fn reset(&self) -> String {
        let own: Vec<(&str, Option<&str>)> =
            self.query.names().filter(|name| name.starts_with(self.prefix)).map(|name| (name, None)).collect();
        self.query.with(&own)
    }

    /// The sort order.
    pub fn sort(&self) -> &'static Sort {
        self.sort
    }

    /// The requested page of a list whose sort values are numbers.
    pub fn cursor(&self) -> Result<Cursor> {
        let place = |value: &str, id: i64| {
            let value = value
                .parse()
                .map_err(|_| Error::Invalid("This link is damaged. Open the first page of the list.".into()))?;
            Ok(Place { value, id })
        };
        match &self.cursor {
            RawCursor::First => Ok(Cursor::First),
            RawCursor::Last => Ok(Cursor::Last),
            RawCursor::After(value, id) => place(value, *id).map(Cursor::After),
            RawCursor::Before(value, id) => place(value, *id).map(Cursor::Before),
        }
    }

    /// The requested page, whatever the sort values: the edge to start at, and whether to read backward.
    pub fn edge(&self) -> (Option<(&str, i64)>, bool) {
        match &self.cursor {
            RawCursor::First => (None, false),
            RawCursor::Last => (None, true),
            RawCursor::After(value, id) => (Some((value, *id)), false),
            RawCursor::Before(value, id) => (Some((value, *id)), true),
        }
    }

    /// A page of the rows that were read from [`ListState::edge`].
    pub fn slice<T>(&self, rows: Vec<T>) -> Slice<T> {
        let anywhere = Place { value: 0, id: 0 };
        let cursor = match self.cursor {
            RawCursor::First => Cursor::First,
            RawCursor::Last => Cursor::Last,
            RawCursor::After(..) => Cursor::After(anywhere),
            RawCursor::Before(..) => Cursor::Before(anywhere),
        };
        Slice::from_scan(rows, cursor, PAGE)
    }

    /// The state as hidden fields for the list's filter form, without its visible fields `own`.
    pub fn hidden(&self, own: &[&str]) -> Vec<(String, String)> {
        let dropped = |name: &str| match name.strip_prefix(self.prefix) {
            Some(rest) => own.contains(&rest) || matches!(rest, "after" | "before" | "last" | "at"),
            None => false,
        };
        self.query.hidden(|name| !dropped(name))
    }

    /// A link to the first page with some of the list's parameters changed.
    pub fn link(&self, changes: &[(&str, Option<&str>)]) -> String {
        let mut all: Vec<(String, Option<&str>)> =
            ["after", "before", "last", "at"].iter().map(|name| (format!("{}{name}", self.prefix), None)).collect();
        all.extend(changes.iter().map(|(name, value)| (format!("{}{name}", self.prefix), *value)));
        let all: Vec<(&str, Option<&str>)> = all.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        self.query.with(&all)
    }

    /// A column heading; `word` names its sort order, if it has one.
    pub fn heading(&self, label: &'static str, word: &str) -> Heading {
        let sort = self.sorts.iter().find(|sort| sort.word == word).map(|sort| {
            let current = sort == self.sort;
            let descending = if current { !self.descending } else { sort.largest_first };
            let word = if descending { format!("-{}", sort.word) } else { sort.word.to_string() };
            SortLink {
                href: self.link(&[("sort", Some(&word))]),
                swap: format!("sort-{}", sort.word),
                state: match (current, self.descending) {
                    (false, _) => "",
                    (true, false) => "ascending",
                    (true, true) => "descending",
                },
            }
        });
        Heading { label, is_number: false, sort }
    }

    /// The heading of a column of numbers.
    pub fn number_heading(&self, label: &'static str) -> Heading {
        Heading { label, is_number: true, sort: None }
    }

    /// The links below a page of the list. `edge_of` returns a row's sort value and id.
    pub fn pager<T>(&self, slice: &Slice<T>, total: Count, edge_of: impl Fn(&T) -> (String, i64)) -> Pager {
        self.pager_between(slice, total, (&edge_of, &edge_of))
    }

    /// The same for rows that span several places: `first_of` returns the first place of a row, `last_of` the last one.
    pub fn pager_between<T>(
        &self,
        slice: &Slice<T>,
        total: Count,
        (first_of, last_of): (impl Fn(&T) -> (String, i64), impl Fn(&T) -> (String, i64)),
    ) -> Pager {
        let shown = slice.rows.len() as i64;
        let exact = !total.capped;
        let first_row = match self.cursor {
            RawCursor::First => Some(1),
            RawCursor::Last if exact => Some((total.n - shown + 1).max(1)),
            RawCursor::Last => None,
            RawCursor::Before(..) if !slice.has_previous => Some(1),
            _ => self.first_row,
        };
        let range = match first_row {
            _ if shown == 0 => String::new(),
            Some(first) if exact && first + shown - 1 > total.n => {
                format!("{} of {total}", thousands(shown))
            }
            Some(first) => format!("{}–{} of {total}", thousands(first), thousands(first + shown - 1)),
            None if self.cursor == RawCursor::Last => format!("the last {} of {total}", thousands(shown)),
            None => format!("{} of {total}", thousands(shown)),
        };
        let step = |name: &str, (value, id): (String, i64), at: Option<i64>| {
            let (place, at) = (format!("{id}.{value}"), at.map(|at| at.to_string()));
            self.link(&[(name, Some(&place)), ("at", at.as_deref())])
        };
        let before = first_row.map(|first| (first - PAGE as i64).max(1));
        let after = first_row.map(|first| first + shown);
        Pager {
            range,
            first: slice.has_previous.then(|| self.link(&[])),
            previous: slice
                .rows
                .first()
                .filter(|_| slice.has_previous)
                .map(|row| step("before", first_of(row), before)),
            next: slice.rows.last().filter(|_| slice.has_next).map(|row| step("after", last_of(row), after)),
            last: slice.has_next.then(|| self.link(&[("last", Some("1"))])),
            ..Pager::default()
        }
    }

    /// The link that continues a search behind the last place looked at. `shown` is the number of rows found until there.
    pub fn continuation(&self, stopped: Place, shown: usize) -> String {
        let place = format!("{}.{}", stopped.id, stopped.value);
        let is_backward = matches!(self.cursor, RawCursor::Before(..) | RawCursor::Last);
        let first_row = if self.cursor == RawCursor::First { Some(1) } else { self.first_row };
        let at = first_row.filter(|_| !is_backward).map(|first| (first + shown as i64).to_string());
        self.link(&[(if is_backward { "before" } else { "after" }, Some(&place)), ("at", at.as_deref())])
    }

    /// Adds the links of a page on which a search found nothing: back to where it started, with the row at that place.
    pub fn add_links_from_nothing(&self, pager: &mut Pager, descending: bool) {
        let link = |name, id: i64, value: &str| Some(self.link(&[(name, Some(&format!("{id}.{value}")))]));
        let (before, after) = if descending { (-1, 1) } else { (1, -1) };
        match &self.cursor {
            RawCursor::First => return,
            RawCursor::Last => {}
            RawCursor::After(value, id) => pager.previous = link("before", id.saturating_add(before), value),
            RawCursor::Before(value, id) => pager.next = link("after", id.saturating_add(after), value),
        }
        pager.first = Some(self.link(&[]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SORTS: [Sort; 2] = [
        Sort { word: "created", column: "id", largest_first: true },
        Sort { word: "used", column: "last_used_at", largest_first: true },
    ];

    fn state(query: &str) -> Result<ListState> {
        ListState::read(&Query::parse(query)?, "rt-", &SORTS)
    }

    #[test]
    fn each_list_of_a_page_has_its_own_state() {
        let state = state("rt-employee=anna&rt-after=7.9&at-sort=used&at-after=1.1").expect("fine");

        assert_eq!(state.get("employee"), "anna");
        assert_eq!(
            state.heading("Last used", "used").sort.expect("sortable").href,
            "?rt-employee=anna&at-sort=used&at-after=1.1&rt-sort=-used"
        );
        assert_eq!(state.hidden(&["employee"]), [("at-sort".into(), "used".into()), ("at-after".into(), "1.1".into())]);
        assert_eq!(state.cursor().expect("a place"), Cursor::After(Place { value: 9, id: 7 }));
    }

    #[test]
    fn a_damaged_link_is_refused() {
        for bad in ["rt-after=abc", "rt-after=x.1", "rt-sort=colour", "rt-at=abc", "rt-before=99999999999999999999.1"] {
            assert!(state(bad).is_err(), "{bad}");
        }
        assert_eq!(state("rt-at=-1").expect("clamped").first_row, Some(1));
    }

    #[test]
    fn the_pager_shows_the_range() {
        let slice = Slice { rows: (0..50).collect(), has_previous: false, has_next: true };
        let pager = state("").expect("fine").pager(&slice, Count { n: 1204, capped: false }, |n| (n.to_string(), *n));

        assert_eq!(pager.range, "1–50 of 1,204");
        assert_eq!(pager.next.as_deref(), Some("?rt-after=49.49&rt-at=51"));
        assert_eq!((pager.first, pager.previous), (None, None));
    }
}
