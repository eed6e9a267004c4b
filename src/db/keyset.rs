//! Keyset paging: page 20,000 is as fast as page 1, because a page starts with an index lookup instead of an offset.
//!
//! Conditions are SQL text built from numbers only. That way one implementation serves every token list on both databases,
//! and they receive a row comparison that they can answer from an index.

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
}

/// A sorted, paged read of one table.
#[derive(Clone, Copy, Debug)]
pub struct Keyset {
    /// The sort column; the id column itself for "created".
    pub column: &'static str,
    /// Whether the list shows the largest value first.
    pub descending: bool,
    /// The page.
    pub cursor: Cursor,
}

impl Keyset {
    /// The ORDER BY clause, in the direction in which this page is read.
    pub fn order(&self) -> String {
        let direction = if self.scans_down() { "DESC" } else { "ASC" };
        match self.column {
            "id" => format!("id {direction}"),
            column => format!("{column} {direction}, id {direction}"),
        }
    }

    /// The condition that starts at the cursor; nothing for the first and the last page.
    pub fn entry(&self) -> Option<String> {
        match self.cursor {
            Cursor::First | Cursor::Last => None,
            Cursor::After(place) | Cursor::Before(place) => {
                Some(self.compare(if self.scans_down() { "<" } else { ">" }, place))
            }
        }
    }

    /// The condition that stops the scan at a place, inclusive.
    pub fn until(&self, place: Place) -> String {
        self.compare(if self.scans_down() { ">=" } else { "<=" }, place)
    }

    fn compare(&self, operator: &str, place: Place) -> String {
        match self.column {
            "id" => format!("id {operator} {}", place.id),
            column => format!("({column}, id) {operator} ({}, {})", place.value, place.id),
        }
    }

    /// Whether this page is read from large values to small ones.
    pub fn scans_down(&self) -> bool {
        self.descending != self.cursor.is_backward()
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
    pub fn from_scan(mut rows: Vec<T>, cursor: Cursor) -> Slice<T> {
        let more = rows.len() > PAGE;
        rows.truncate(PAGE);
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

/// A count up to a cap: `1,204`, or `10,000+`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Count {
    /// What was counted, at most the cap.
    pub n: i64,
    /// Whether there are more.
    pub capped: bool,
}

impl Count {
    /// From a count of at most `cap + 1`.
    pub fn capped_at(n: i64, cap: i64) -> Count {
        Count { n: n.min(cap), capped: n > cap }
    }

    /// The number of rows read: one more than the cap if there are more.
    pub fn seen(self) -> i64 {
        self.n + i64::from(self.capped)
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", crate::time::thousands(self.n), if self.capped { "+" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_starts_with_a_row_comparison() {
        let place = Place { value: 9, id: 4 };
        let by = |column, descending, cursor| Keyset { column, descending, cursor };

        let newest = by("id", true, Cursor::After(place));
        assert_eq!((newest.entry().as_deref(), newest.order().as_str()), (Some("id < 4"), "id DESC"));

        let back = by("last_used_at", true, Cursor::Before(place));
        assert_eq!(back.entry().as_deref(), Some("(last_used_at, id) > (9, 4)"));
        assert_eq!(back.order(), "last_used_at ASC, id ASC");

        let last = by("expires_at", false, Cursor::Last);
        assert_eq!((last.entry(), last.order().as_str()), (None, "expires_at DESC, id DESC"));
    }

    #[test]
    fn one_row_more_than_fits_tells_whether_there_is_another_page() {
        let full = Slice::from_scan((0..51).collect(), Cursor::First);
        assert_eq!((full.rows.len(), full.has_previous, full.has_next), (50, false, true));

        let place = Place { value: 0, id: 0 };
        let back = Slice::from_scan(vec![3, 2, 1], Cursor::Before(place));
        assert_eq!((back.rows, back.has_previous, back.has_next), (vec![1, 2, 3], false, true));
    }
}
