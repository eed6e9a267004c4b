//! What a list on a page shows around its rows: column headings and links to other pages.

/// A column heading.
#[derive(Clone, Debug)]
pub struct Heading {
    /// Its text.
    pub label: &'static str,
    /// Whether the column has numbers.
    pub is_number: bool,
    /// The link that sorts by this column.
    pub sort: Option<SortLink>,
}

/// A link that sorts a list.
#[derive(Clone, Debug)]
pub struct SortLink {
    /// The link.
    pub href: String,
    /// Its name, by which the script focuses it again after a swap.
    pub swap: String,
    /// `ascending` or `descending` if the list is sorted by it, otherwise empty.
    pub state: &'static str,
}

/// The links below a list.
#[derive(Clone, Debug, Default)]
pub struct Pager {
    /// `1–50 of 1,204`.
    pub range: String,
    /// The link to the first page.
    pub first: Option<String>,
    /// The link to the previous page.
    pub previous: Option<String>,
    /// The link to the next page.
    pub next: Option<String>,
    /// The link to the last page.
    pub last: Option<String>,
    /// The link that shows or hides expired rows, and its text.
    pub toggle: Option<(String, String)>,
    /// The link that shows the whole list, or only its beginning, and its text.
    pub all: Option<(String, String)>,
    /// If the list was not searched to its end: what was searched, and the link that continues there.
    pub searched: Option<(String, String)>,
}

impl Pager {
    /// Whether the pager has links.
    pub fn is_needed(&self) -> bool {
        self.toggle.is_some() || self.all.is_some() || self.searched.is_some() || self.has_steps()
    }

    /// Whether there are other pages.
    pub fn has_steps(&self) -> bool {
        self.first.is_some() || self.next.is_some()
    }
}
