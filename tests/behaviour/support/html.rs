//! Finding things on a page.

use scraper::{ElementRef, Html, Selector};

use super::browser::Page;

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What its cells say.
    pub cells: Vec<String>,
    /// Where the link in its first cell leads.
    pub href: String,
}

impl Row {
    /// Whether any cell says this.
    pub fn says(&self, text: &str) -> bool {
        self.cells.iter().any(|cell| cell.contains(text))
    }
}

// The text of an element, with its blanks as one and one between its parts.
fn text_of(element: ElementRef<'_>) -> String {
    let words: Vec<&str> = element.text().flat_map(str::split_whitespace).collect();
    words.join(" ").replace(" ,", ",").replace(" .", ".")
}

impl Page {
    /// What the page says, without its menu and its head.
    pub fn text(&self) -> String {
        self.texts("main").first().cloned().unwrap_or_else(|| self.body.clone())
    }

    /// The text of every element that a selector finds.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let html = Html::parse_document(&self.body);
        html.select(&Selector::parse(selector).unwrap()).map(text_of).collect()
    }

    /// The one heading of the page.
    pub fn heading(&self) -> String {
        let headings = self.texts("h1");
        assert_eq!(headings.len(), 1, "one h1 on {}", self.path);
        headings[0].clone()
    }

    /// What it says has just happened.
    pub fn notice(&self) -> String {
        self.texts(".notice[role=status], .notice[role=alert]").join(" ")
    }

    /// Whether a selector finds anything.
    pub fn has(&self, selector: &str) -> bool {
        !self.texts(selector).is_empty()
    }

    /// An attribute of the first element that a selector finds.
    pub fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        let html = Html::parse_document(&self.body);
        let found = html.select(&Selector::parse(selector).unwrap()).next();
        found.and_then(|element| element.attr(name)).map(str::to_string)
    }

    /// An attribute of every element that a selector finds.
    pub fn attributes(&self, selector: &str, name: &str) -> Vec<String> {
        let html = Html::parse_document(&self.body);
        let selector = Selector::parse(selector).unwrap();
        html.select(&selector).filter_map(|element| element.attr(name)).map(str::to_string).collect()
    }

    /// Where the link with this text leads.
    pub fn link(&self, text: &str) -> Option<String> {
        self.link_in("body", text)
    }

    /// Where the link with this text leads, below what a selector finds.
    pub fn link_in(&self, selector: &str, text: &str) -> Option<String> {
        let html = Html::parse_document(&self.body);
        let links = Selector::parse(&format!("{selector} a[href]")).unwrap();
        let link = html.select(&links).find(|link| text_of(*link) == text);
        link.and_then(|link| link.attr("href")).map(str::to_string)
    }

    /// The rows of the table below what a selector finds.
    pub fn rows(&self, selector: &str) -> Vec<Row> {
        let html = Html::parse_document(&self.body);
        let rows = Selector::parse(&format!("{selector} tbody tr:not(.day)")).unwrap();
        let (cells, link) = (Selector::parse("th, td").unwrap(), Selector::parse("a[href]").unwrap());
        let row = |row: ElementRef<'_>| {
            let href = row.select(&link).next().and_then(|link| link.attr("href")).unwrap_or_default();
            Row { cells: row.select(&cells).map(text_of).collect(), href: href.to_string() }
        };
        html.select(&rows).map(row).collect()
    }

    /// A fact of the page: what stands beside this term.
    pub fn fact(&self, term: &str) -> String {
        let html = Html::parse_document(&self.body);
        let pairs = Selector::parse("dl > div").unwrap();
        let (dt, dd) = (Selector::parse("dt").unwrap(), Selector::parse("dd").unwrap());
        let pair = html.select(&pairs).find(|pair| pair.select(&dt).next().is_some_and(|dt| text_of(dt) == term));
        let pair = pair.unwrap_or_else(|| panic!("no {term:?} on {}: {}", self.path, self.text()));
        pair.select(&dd).next().map(text_of).unwrap_or_default()
    }

    /// The value of the revocation impact whose label begins with this word.
    pub fn impact(&self, word: &str) -> String {
        let html = Html::parse_document(&self.body);
        let (lines, parts) = (Selector::parse(".impact li").unwrap(), Selector::parse("li > *").unwrap());
        let mut lines = html.select(&lines).map(|line| line.select(&parts).map(text_of).collect::<Vec<_>>());
        let line = lines.find(|line| line[0].starts_with(word));
        line.unwrap_or_else(|| panic!("no {word:?} on {}: {}", self.path, self.text())).swap_remove(1)
    }
}
