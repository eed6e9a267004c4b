//! The table in `src/lib.rs`: every top-level module, highest first.
//!
//! Its rows stand in the module documentation and look like this:
//!
//! ```text
//! //! | module | what is in it | layer |
//! //! |---|---|---|
//! //! | [`routes`], [`app`] | every URL, and what serves it | wiring |
//! //! | [`web`] | what all pages share | delivery |
//! //! | [`tokens`] | access tokens and refresh tokens | domain |
//! //! | [`db`] | one query language over two databases | ground |
//! ```
//!
//! The first cell names the modules; one further left is higher. The last cell is the layer. `domain` and `ground` know
//! nothing of HTTP and HTML.

use crate::source::{Kind, Source, Token};

/// In the order in which they follow each other, highest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    Wiring,
    Delivery,
    Domain,
    Ground,
}

/// The modules, highest first.
pub struct Table {
    rows: Vec<(String, Layer)>,
}

impl Table {
    /// Reads the table in `src/lib.rs`, or says everything that is wrong with it.
    pub fn read(lib: &Source) -> Result<Self, Vec<String>> {
        let table = Self::parse(&lib.text)?;
        let mut problems = Vec::new();
        let declared = declared_modules(lib);
        for name in declared.iter().filter(|name| table.rank(name).is_none()) {
            problems.push(format!("src/lib.rs declares {name}, and its table does not list it: add it at its height"));
        }
        for (place, (name, layer)) in table.rows.iter().enumerate() {
            if !declared.contains(name) {
                problems.push(format!("src/lib.rs lists {name} in its table and declares no such module: remove it"));
            }
            if table.rank(name) != Some(place) {
                problems.push(format!("src/lib.rs lists {name} twice in its table: keep one"));
            }
            if place > 0 && table.rows[place - 1].1 > *layer {
                problems.push(format!("src/lib.rs lists {name} below a module of a lower layer: move it up"));
            }
        }
        let is_macro_use =
            |token: &Token| matches!(&token.kind, Kind::Group('[', inner) if inner[0].is_word("macro_use"));
        if lib.tokens.iter().any(is_macro_use) {
            problems.push("src/lib.rs has #[macro_use]: remove it, and call the macros by their paths".to_owned());
        }
        if problems.is_empty() { Ok(table) } else { Err(problems) }
    }

    fn parse(text: &str) -> Result<Self, Vec<String>> {
        let (mut rows, mut problems) = (Vec::new(), Vec::new());
        for (place, row) in text.lines().enumerate().filter(|(_, row)| row.starts_with("//! | [`")) {
            let cells: Vec<&str> = row.trim_end_matches('|').split('|').map(str::trim).collect();
            let ([_, names, ..], Some(layer)) = (cells.as_slice(), cells.last().and_then(|cell| layer(cell))) else {
                problems.push(format!(
                    "src/lib.rs:{}: this row of the table has no layer: end it with `| wiring |`, `| delivery |`, \
                     `| domain |` or `| ground |`",
                    place + 1
                ));
                continue;
            };
            let names = names.split("[`").filter_map(|name| name.split_once("`]")).map(|(name, _)| name);
            rows.extend(names.map(|name| (name.to_owned(), layer)));
        }
        if problems.is_empty() { Ok(Self { rows }) } else { Err(problems) }
    }

    /// How far down a module is; 0 is the highest.
    pub fn rank(&self, module: &str) -> Option<usize> {
        self.rows.iter().position(|(name, _)| name == module)
    }

    pub fn layer(&self, module: &str) -> Option<Layer> {
        self.rows.iter().find(|(name, _)| name == module).map(|(_, layer)| *layer)
    }
}

fn layer(name: &str) -> Option<Layer> {
    match name {
        "wiring" => Some(Layer::Wiring),
        "delivery" => Some(Layer::Delivery),
        "domain" => Some(Layer::Domain),
        "ground" => Some(Layer::Ground),
        _ => None,
    }
}

/// What the file declares with `mod x;` or `mod x { … }`.
pub fn declared_modules(root: &Source) -> Vec<String> {
    let follows_mod = root.tokens.windows(2).filter(|pair| pair[0].is_word("mod"));
    follows_mod
        .filter_map(|pair| match &pair[1].kind {
            Kind::Word(name) => Some(name.clone()),
            _ => None,
        })
        .collect()
}

#[test]
fn a_table_that_does_not_match_the_declared_modules_is_refused() {
    let problems = |table: &str, code: &str| {
        let lib = Source::new(("src/lib.rs".to_owned(), format!("{table}\n{code}")));
        Table::read(&lib).err().unwrap_or_default().join("\n")
    };
    let table = "//! | module | what is in it | layer |
//! |---|---|---|
//! | [`app`], [`web`] | … | delivery |
//! | [`db`] | … | ground |";

    assert_eq!(problems(table, "pub mod app;\npub mod web;\nmod db;"), "");
    assert!(problems(table, "mod app; mod web; mod db; mod new;").contains("declares new"));
    assert!(problems(table, "mod app; mod db;").contains("lists web"));
    assert!(problems(&format!("{table}\n//! | [`app`] | … | ground |"), "mod app; mod web; mod db;").contains("twice"));
    assert!(
        problems(&format!("{table}\n//! | [`id`] | … | domain |"), "mod app; mod web; mod db; mod id;")
            .contains("move it up")
    );
    assert!(problems("//! | [`app`] | … |", "mod app;").contains("has no layer"));
    assert!(problems(table, "mod app; mod web; #[macro_use] mod db;").contains("macro_use"));
}
