//! Keyset paging: page 20,000 is as fast as page 1, because a page starts with an index lookup instead of an offset.

/// Rows on a page.
pub const PAGE: usize = 50;

/// A place in a sorted list: the sort value and the id of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The row's value in the sort column.
    pub value: i64,
    /// The row's id, which breaks ties.
    pub id: i64,
}

/// The requested page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Cursor {
    /// The first page.
    #[default]
    First,
    /// The page after a row.
    After(Place),
    /// The page before a row.
    Before(Place),
    /// The last page.
    Last,
}

impl Cursor {
    /// Whether the page is read from the end of the list.
    pub fn is_backward(self) -> bool {
        matches!(self, Cursor::Before(_) | Cursor::Last)
    }

    /// The row after which the page starts, in the direction of the scan.
    pub fn place(self) -> Option<Place> {
        match self {
            Cursor::First | Cursor::Last => None,
            Cursor::After(place) | Cursor::Before(place) => Some(place),
        }
    }
}

/// One page of rows, in the order of the list.
#[derive(Debug)]
pub struct Slice<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Whether there are rows before them.
    pub has_previous: bool,
    /// Whether there are rows after them.
    pub has_next: bool,
}

impl<T> Slice<T> {
    /// A page from the rows read: at most one more than fits, in the direction of the scan.
    pub fn from_scan(mut rows: Vec<T>, cursor: Cursor, page: usize) -> Slice<T> {
        let more = rows.len() > page;
        rows.truncate(page);
        match cursor {
            Cursor::First => Slice { rows, has_previous: false, has_next: more },
            Cursor::After(_) => Slice { rows, has_previous: true, has_next: more },
            Cursor::Before(_) | Cursor::Last => {
                rows.reverse();
                Slice { rows, has_previous: more, has_next: matches!(cursor, Cursor::Before(_)) }
            }
        }
    }
}

/// Counts of tokens are exact up to this number.
pub const COUNTED: i64 = 1_000;

/// A count up to a cap: `204`, or `1,000+`; or a count of the rows read so far: `at least 12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Count {
    /// What was counted.
    pub n: i64,
    /// Whether there may be more.
    pub capped: bool,
}

impl Count {
    /// From a count of at most `cap + 1`.
    pub fn capped_at(n: i64, cap: i64) -> Count {
        Count { n: n.min(cap), capped: n > cap }
    }

    /// From a count that saw everything, or not.
    pub fn at_least(n: i64, is_complete: bool, cap: i64) -> Count {
        Count { n, capped: !is_complete }.up_to(cap)
    }

    /// The same, counted up to `cap` only.
    #[must_use]
    pub fn up_to(self, cap: i64) -> Count {
        Count { n: self.n.min(cap), capped: self.capped || self.n > cap }
    }

    /// The number of rows read: one more than the cap if there are more.
    pub fn seen(self) -> i64 {
        self.n + i64::from(self.capped)
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let n = crate::time::thousands(self.n);
        match self.capped {
            false => write!(f, "{n}"),
            true if self.n < COUNTED => write!(f, "at least {n}"),
            true => write!(f, "{n}+"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_more_than_fits_tells_whether_there_is_another_page() {
        let full = Slice::from_scan((0..51).collect(), Cursor::First, PAGE);
        assert_eq!((full.rows.len(), full.has_previous, full.has_next), (50, false, true));

        let place = Place { value: 0, id: 0 };
        let back = Slice::from_scan(vec![3, 2, 1], Cursor::Before(place), PAGE);
        assert_eq!((back.rows, back.has_previous, back.has_next), (vec![1, 2, 3], false, true));
    }
    #[test]
    fn a_count_says_whether_it_saw_everything() {
        assert_eq!(Count::capped_at(204, COUNTED).to_string(), "204");
        assert_eq!(Count::capped_at(1_001, COUNTED).to_string(), "1,000+");
        assert_eq!(Count::at_least(12, false, COUNTED).to_string(), "at least 12");
        assert_eq!(Count::at_least(1_700, true, COUNTED).to_string(), "1,000+");
    }
}
