//! Lists: order, size of a page, and the opaque cursor to the next one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::problem::{Kind, Problem};
use crate::db::keyset::{Cursor, PAGE, Place};

/// A page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Page<T: ToSchema> {
    /// What is on this page; may be empty although there is a next one.
    pub data: Vec<T>,
    /// The `cursor` of the next page; null on the last one.
    pub next_cursor: Option<String>,
}

/// A sort order: its word, and whether its largest value is first unless the caller says otherwise.
pub type Sort = (&'static str, bool);

/// Which page of a list, in which order.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The word of the sort order.
    pub sort: &'static str,
    /// Whether the largest value is first.
    pub descending: bool,
    /// The value and the id after which the page begins.
    pub start: Option<(String, i64)>,
    /// The most entries of the page.
    pub limit: usize,
}

fn invalid(text: impl Into<String>) -> Problem {
    Problem::new(Kind::InvalidRequest, text)
}

impl Wanted {
    /// Reads `sort` (a word, with `-` in front for the other direction: as in the pages' addresses), `cursor` and `limit`.
    /// The first of `sorts` is the default.
    pub fn read(
        sorts: &'static [Sort],
        sort: Option<&str>,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Wanted, Problem> {
        let (word, descending) = match sort.filter(|sort| !sort.is_empty()) {
            None => sorts[0],
            Some(text) => {
                let (word, descending) = text.strip_prefix('-').map_or((text, false), |word| (word, true));
                let known = sorts.iter().find(|(known, _)| *known == word);
                (known.ok_or_else(|| invalid(format!("`sort` cannot be “{text}”.")))?.0, descending)
            }
        };
        let limit = match limit {
            None => PAGE,
            Some(n) if (1..=PAGE as u32).contains(&n) => n as usize,
            Some(_) => return Err(invalid(format!("`limit` can be 1 to {PAGE}."))),
        };
        let wanted = Wanted { sort: word, descending, start: None, limit };
        let start = match cursor.filter(|cursor| !cursor.is_empty()) {
            None => None,
            Some(text) => Some(
                wanted
                    .opened(text)
                    .ok_or_else(|| invalid("`cursor` is not one of this list and order. Begin without it."))?,
            ),
        };
        Ok(Wanted { start, ..wanted })
    }

    fn opened(&self, cursor: &str) -> Option<(String, i64)> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let mut parts = text.splitn(3, ' ');
        let (order, id, value) = (parts.next()?, parts.next()?, parts.next()?);
        let is_clean = !value.chars().any(char::is_control);
        (order == self.order() && is_clean).then_some((value.to_string(), id.parse().ok()?))
    }

    fn order(&self) -> String {
        format!("{}{}", if self.descending { "-" } else { "" }, self.sort)
    }

    /// The cursor to what comes after this value and id.
    pub fn cursor_after(&self, value: &str, id: i64) -> String {
        URL_SAFE_NO_PAD.encode(format!("{} {id} {value}", self.order()))
    }

    /// The start of the page for lists whose values are numbers.
    pub fn place(&self) -> Result<Cursor, Problem> {
        match &self.start {
            None => Ok(Cursor::First),
            Some((value, id)) => {
                let value =
                    value.parse().map_err(|_| invalid("`cursor` is not one of this list. Begin without it."))?;
                Ok(Cursor::After(Place { value, id: *id }))
            }
        }
    }

    /// The start of the page for lists whose values are text.
    pub fn edge(&self) -> Option<(&str, i64)> {
        self.start.as_ref().map(|(value, id)| (value.as_str(), *id))
    }

    /// A page from rows that may be more than fit.
    pub fn page<R, T: ToSchema>(
        &self,
        mut rows: Vec<R>,
        edge: impl Fn(&R) -> (String, i64),
        shown: impl FnMut(R) -> T,
    ) -> Page<T> {
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let next_cursor = rows.last().filter(|_| more).map(|row| {
            let (value, id) = edge(row);
            self.cursor_after(&value, id)
        });
        Page { data: rows.into_iter().map(shown).collect(), next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SORTS: [Sort; 2] = [("name", false), ("created", true)];

    #[test]
    fn a_cursor_leads_on_in_its_own_order_only() {
        let read = |sort, cursor| Wanted::read(&SORTS, sort, cursor, None);
        let cursor = read(None, None).expect("the first page").cursor_after("café no. 1", 7);

        assert_eq!(read(None, Some(&cursor)).expect("the next").start, Some(("café no. 1".into(), 7)));
        for (sort, cursor) in
            [(Some("-name"), cursor.as_str()), (None, "x"), (Some("colour"), ""), (Some("created"), &cursor)]
        {
            assert!(read(sort, Some(cursor)).is_err(), "{sort:?} {cursor}");
        }
        assert!(
            Wanted::read(&SORTS, None, None, Some(0)).is_err() && Wanted::read(&SORTS, None, None, Some(51)).is_err()
        );
    }
}
