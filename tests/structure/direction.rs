//! A module imports only modules below it in `src/lib.rs`'s table, and only delivery knows of HTTP and HTML.
//!
//! `src/main.rs` and what it declares may import anything; tests inside `src/` may not point up either. Templates and
//! links in documentation are not read.

use std::collections::{BTreeMap, BTreeSet};

use crate::paths::{Path, exported_macros, paths};
use crate::source::{SOURCES, Source};
use crate::table::{Layer, Table, declared_modules};

/// What a module of the domain or the ground may use of a web crate, and why.
const ALLOWED: [(&str, &str, &str); 2] = [
    ("db", "actix_web::rt", "queries run on the blocking threads of the workers, which actix-web's runtime owns"),
    ("db", "actix_web::test", "the tests of the writer run on the same runtime"),
];

/// The order of the modules, and which of them defines each exported macro.
pub struct Crate {
    table: Table,
    macros: BTreeMap<String, String>,
}

impl Crate {
    pub fn new(table: Table, sources: &[Source]) -> Self {
        let mut macros = BTreeMap::new();
        for source in sources {
            if let Some(module) = source.module().first() {
                macros.extend(exported_macros(&source.tokens).into_iter().map(|name| (name, module.clone())));
            }
        }
        Self { table, macros }
    }

    /// The top-level module a path leads to; none if it leads to the root itself or cannot be told.
    fn target<'a>(&'a self, resolved: &'a [String], is_macro_call: bool) -> Option<&'a str> {
        let name = resolved.first()?;
        let defined = self.macros.get(name).map(String::as_str);
        if is_macro_call && resolved.len() == 1 && defined.is_some() {
            return defined;
        }
        self.table.rank(name).map(|_| name.as_str()).or(defined)
    }

    /// What is wrong with the imports of one file, with the arrow from module to module if there is one.
    pub fn upward(&self, source: &Source) -> Vec<(String, Option<(String, String)>)> {
        let file = source.module();
        let Some(own) = file.first() else { return Vec::new() };
        let mut found = Vec::new();
        for path in paths(&source.tokens) {
            let Some(resolved) = path.in_crate(&file) else { continue };
            let place = format!("{}:{}", source.path, path.line);
            let written = [&["crate".to_owned()], resolved.as_slice()].concat().join("::");
            match self.target(&resolved, path.is_macro_call) {
                Some(target) if self.table.rank(target) < self.table.rank(own) => found.push((
                    format!("{place}: {own} imports {target} ({written}), which is above it"),
                    Some((own.clone(), target.to_owned())),
                )),
                Some(_) => {}
                None => found.push((
                    format!("{place}: {own} imports {written}, no module of the table: name the one that defines it"),
                    None,
                )),
            }
        }
        found
    }

    fn knows_no_web(&self, source: &Source) -> bool {
        let layer = source.module().first().and_then(|module| self.table.layer(module));
        layer.is_some_and(|layer| layer >= Layer::Domain)
    }
}

/// The place in [`ALLOWED`] that permits the path.
fn allowance(module: &str, path: &str) -> Option<usize> {
    ALLOWED.iter().position(|(own, allowed, _)| {
        module == *own && path.strip_prefix(allowed).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    })
}

/// The crate as it is, and its files without those of the binary.
fn library() -> (Crate, Vec<&'static Source>) {
    let file = |path: &str| SOURCES.iter().find(|source| source.path == path).unwrap();
    let (lib, main) = (file("src/lib.rs"), file("src/main.rs"));
    let table = match Table::read(lib) {
        Ok(table) => table,
        Err(problems) => panic!("the table of modules in src/lib.rs:\n{}\n", problems.join("\n")),
    };
    let (in_library, in_binary) = (declared_modules(lib), declared_modules(main));
    let is_of_binary = |module: &String| in_binary.contains(module) && !in_library.contains(module);
    let files = SOURCES.iter().filter(|source| source.module().first().is_some_and(|module| !is_of_binary(module)));
    (Crate::new(table, &SOURCES), files.collect())
}

#[test]
fn modules_import_only_modules_below_them() {
    let (library, files) = library();

    let found: Vec<_> = files.iter().flat_map(|source| library.upward(source)).collect();

    let arrows: BTreeSet<_> = found.iter().filter_map(|(_, arrow)| arrow.as_ref()).collect();
    let lines: Vec<_> = found.iter().map(|(line, _)| line.as_str()).collect();
    assert!(
        found.is_empty(),
        "{} imports do not point down, in {} pairs of modules. Move what both need into the lower module, pass it as \
         an argument, or move the module in src/lib.rs's table:\n{}\n",
        found.len(),
        arrows.len(),
        lines.join("\n")
    );
}

#[test]
fn domain_and_ground_know_nothing_of_http_and_html() {
    let (library, files) = library();

    let (mut found, mut used) = (Vec::new(), BTreeSet::new());
    for source in files.into_iter().filter(|source| library.knows_no_web(source)) {
        let module = &source.module()[0];
        for (line, path) in paths(&source.tokens).iter().filter_map(web_import) {
            match allowance(module, &path) {
                Some(place) => drop(used.insert(place)),
                None => found.push(format!("{}:{line}: {module} imports {path}", source.path)),
            }
        }
    }
    for (_, (module, path, _)) in ALLOWED.iter().enumerate().filter(|(place, _)| !used.contains(place)) {
        found.push(format!(
            "{module} does not import {path} any more: remove it from ALLOWED in tests/structure/direction.rs"
        ));
    }

    assert!(
        found.is_empty(),
        "{} imports of web crates below the delivery. Return a plain value and let delivery answer with it:\n{}\n",
        found.len(),
        found.join("\n")
    );
}

fn web_import(path: &Path) -> Option<(usize, String)> {
    path.web_crate().map(|name| (path.line, name))
}
