//! Walking through a list page by page.

use super::browser::{Browser, Page};
use super::html::Row;

/// Every page of the list in `panel`, from the one at `path` on, by the link named `step`; a search that
/// stopped is continued.
pub fn walk(browser: &mut Browser, path: &str, panel: &str, step: &str) -> Vec<Page> {
    let mut pages = vec![browser.open(path)];
    let pager = format!("{panel} .pager");
    let further = |page: &Page| page.link_in(&pager, step).or_else(|| page.link_in(&pager, "Continue"));
    while let Some(href) = further(&pages[pages.len() - 1]) {
        let next = browser.click(&pages[pages.len() - 1], &href);
        assert_eq!(next.status, 200, "{step} from {}: {}", pages[pages.len() - 1].path, next.text());
        pages.push(next);
        assert!(pages.len() < 100, "{step} never ends");
    }
    pages
}

/// Walks to the end and, from the last page, back to the beginning; both ways must show the same rows, each once. Returns
/// them.
pub fn there_and_back(browser: &mut Browser, path: &str, panel: &str) -> Vec<Row> {
    let forward = walk(browser, path, panel, "Next");
    let rows: Vec<Row> = forward.iter().flat_map(|page| page.rows(panel)).collect();
    let last = match forward[0].link_in(&format!("{panel} .pager"), "Last") {
        Some(href) => browser.click(&forward[0], &href).path,
        None => path.to_string(),
    };
    let backward = walk(browser, &last, panel, "Previous");
    let back: Vec<Row> = backward.iter().rev().flat_map(|page| page.rows(panel)).collect();
    assert_eq!(hrefs(&back), hrefs(&rows), "the way back shows what the way there did: {path}");
    let mut once = hrefs(&rows);
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), rows.len(), "each row stands on one page only: {path}");
    rows
}

/// Where the rows lead, in order.
pub fn hrefs(rows: &[Row]) -> Vec<&str> {
    rows.iter().map(|row| row.href.as_str()).collect()
}
