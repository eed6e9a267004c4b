//! Everything that is in the database, to compare before and after.

use std::collections::BTreeMap;

use super::database::is_postgres;
use super::records::Shop;

/// Columns and their values, as texts.
pub type Columns = BTreeMap<String, String>;

impl Shop {
    /// Every table with its rows, in no particular order but always the same.
    pub fn snapshot(&mut self) -> BTreeMap<String, Vec<Columns>> {
        let tables = self.words(match is_postgres() {
            true => {
                "SELECT CAST(table_name AS TEXT) AS word FROM information_schema.tables WHERE table_schema = 'public'"
            }
            false => "SELECT name AS word FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        });
        tables.into_iter().map(|table| (table.clone(), self.rows(&table))).collect()
    }

    /// The same without what a session is to be told on its next page.
    pub fn lasting_snapshot(&mut self) -> BTreeMap<String, Vec<Columns>> {
        let mut all = self.snapshot();
        all.get_mut("sessions").unwrap().iter_mut().for_each(|session| drop(session.remove("state")));
        all
    }

    /// The names of a table's columns.
    pub fn columns(&mut self, table: &str) -> Vec<String> {
        self.words(&match is_postgres() {
            true => format!(
                "SELECT CAST(column_name AS TEXT) AS word FROM information_schema.columns WHERE table_name = '{table}'"
            ),
            false => format!("SELECT name AS word FROM pragma_table_info('{table}')"),
        })
    }

    /// The rows of a table.
    pub fn rows(&mut self, table: &str) -> Vec<Columns> {
        // A character that no text here has.
        const BETWEEN: char = '\u{1f}';
        let columns = self.columns(table);
        let (value, between) = match is_postgres() {
            true => ("COALESCE(CAST(\"{}\" AS TEXT), 'NULL')", "chr(31)"),
            false => ("quote(\"{}\")", "char(31)"),
        };
        let values: Vec<String> = columns.iter().map(|column| value.replace("{}", column)).collect();
        let mut rows =
            self.words(&format!("SELECT {} AS word FROM {table}", values.join(&format!(" || {between} || "))));
        rows.sort();
        let row = |row: String| columns.iter().cloned().zip(row.split(BETWEEN).map(str::to_string)).collect();
        rows.into_iter().map(row).collect()
    }
}

/// What differs between two snapshots, table by table.
pub fn difference(before: &BTreeMap<String, Vec<Columns>>, after: &BTreeMap<String, Vec<Columns>>) -> Vec<String> {
    let differs = |(table, rows): (&String, &Vec<Columns>)| {
        let others = &after[table];
        let (gone, new): (Vec<_>, Vec<_>) = (
            rows.iter().filter(|row| !others.contains(row)).collect(),
            others.iter().filter(|row| !rows.contains(row)).collect(),
        );
        (rows != others).then(|| format!("{table}: {gone:?} became {new:?}"))
    };
    before.iter().filter_map(differs).collect()
}
