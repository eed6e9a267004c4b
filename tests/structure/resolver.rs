//! Tests of the resolver itself: what it finds in small files, and that it lets nothing through.

use crate::direction::Crate;
use crate::paths::paths;
use crate::source::Source;
use crate::table::Table;

const LIB: &str = "
//! | module | what is in it | layer |
//! |---|---|---|
//! | [`pages`], [`web`] | … | delivery |
//! | [`tokens`] | … | domain |
//! | [`db`], [`error`] | … | ground |
pub mod pages; pub mod web; pub mod tokens; pub mod db; pub mod error;";

fn file(path: &str, text: &str) -> Source {
    Source::new((path.to_owned(), text.to_owned()))
}

/// Where the paths of the file lead: line, and path from the crate's root.
fn resolved(path: &str, text: &str) -> Vec<String> {
    let source = file(path, text);
    let module = source.module();
    let found = paths(&source.tokens);
    found.iter().filter_map(|path| Some(format!("{} {}", path.line, path.in_crate(&module)?.join("::")))).collect()
}

/// What the test of directions says about the file.
fn upward(path: &str, text: &str) -> Vec<String> {
    let macros = file("src/web/mod.rs", "#[macro_export]\n/// A shape.\nmacro_rules! page { () => {} }");
    let Ok(table) = Table::read(&file("src/lib.rs", LIB)) else { panic!("a table of the right form is refused") };
    let library = Crate::new(table, &[macros]);
    library.upward(&file(path, text)).into_iter().map(|(line, _)| line).collect()
}

#[test]
fn use_trees_are_read_branch_by_branch() {
    let text = "use crate::{db, web::{self, list::{Sort, *}}};
pub use crate::tokens::Token as T;
use {crate::error, std::fmt, ::client_api_access::id};";
    let expected = ["1 db", "1 web", "1 web::list::Sort", "1 web::list::*", "2 tokens::Token", "3 error", "3 id"];
    assert_eq!(resolved("src/pages.rs", text), expected);

    let several_lines = "use crate::{\n    db,\n    web::{\n        Page,\n    },\n};";
    assert_eq!(resolved("src/pages.rs", several_lines), ["2 db", "4 web::Page"]);
}

#[test]
fn super_goes_up_from_where_the_file_is_in_the_tree() {
    let text = "use super::x;";
    assert_eq!(resolved("src/tokens.rs", text), ["1 x"]);
    assert_eq!(resolved("src/tokens/mod.rs", text), ["1 x"]);
    assert_eq!(resolved("src/tokens/rotate.rs", text), ["1 tokens::x"]);
    assert_eq!(resolved("src/tokens/grants/mod.rs", text), ["1 tokens::x"]);
    assert_eq!(
        resolved("src/tokens/grants/code.rs", "use super::super::super::x; use self::y;"),
        ["1 x", "1 tokens::grants::code::y"]
    );
}

#[test]
fn an_inline_module_is_one_level_more() {
    let text = "mod a {\n use super::x;\n mod b { fn f() { super::super::y() } }\n}\nuse super::z;";
    assert_eq!(resolved("src/tokens/rotate.rs", text), ["2 tokens::rotate::x", "3 tokens::rotate::y", "5 tokens::z"]);
    assert_eq!(resolved("src/tokens/rotate.rs", "#[cfg(test)]\nmod tests { use super::*; }"), ["2 tokens::rotate::*"]);
}

#[test]
fn expressions_types_patterns_and_attributes_are_read() {
    let text = "#[diesel(table_name = crate::schema::tokens, belongs_to(crate::clients::Client))]
#[serde(with = \"crate::time::seconds\")]
struct Row<T: crate::web::Shape>(Vec<super::id::Key>);
fn f(&self) -> <T as crate::db::Load>::Row {
    match crate::http::get::<crate::id::Key>() { crate::error::Error::Gone => self::g() }
}";
    let expected = [
        "1 schema::tokens",
        "1 clients::Client",
        "2 time::seconds",
        "3 web::Shape",
        "3 tokens::id::Key",
        "4 db::Load",
        "5 http::get",
        "5 id::Key",
        "5 error::Error::Gone",
        "5 tokens::row::g",
    ];
    assert_eq!(resolved("src/tokens/row.rs", text), expected);
}

#[test]
fn macro_bodies_and_macro_calls_are_read() {
    let text = "macro_rules! m { ($x:expr) => { $crate::db::run!($x, |c| super::y(c)); use $crate::{web, id::$x}; } }
m! { crate::tokens::A => [self::B { c: client_api_access::error::E }] }";
    let expected = ["1 db::run", "1 y", "1 web", "1 id::$…", "2 tokens::A", "2 pages::B", "2 error::E"];
    assert_eq!(resolved("src/pages.rs", text), expected);
}

#[test]
fn what_is_no_path_is_not_taken_for_one() {
    let text = "//! [`x`](crate::web::x)
/// `super::y`
pub(crate) fn f(&self, pub(super) a: ::std::A) { self.b(self as u8, \"crate::z\"); std::c::self_d(); }";
    assert_eq!(resolved("src/pages/a.rs", text), ["3 pages::a"]);
}

#[test]
fn paths_into_web_crates_are_read_from_any_place() {
    let source =
        file("src/tokens.rs", "use actix_web::{http, web as w}; #[derive(askama::Template)] struct A; use a::askama;");
    let found: Vec<_> = paths(&source.tokens).iter().filter_map(|path| path.web_crate()).collect();
    assert_eq!(found, ["actix_web::http", "actix_web::web", "askama::Template"]);
}

#[test]
fn an_import_of_a_higher_module_is_reported_with_its_line() {
    let expected = ["src/tokens/rotate.rs:2: tokens imports pages (crate::pages::x), which is above it"];
    for text in [
        "use crate::pages::x;",
        "use super::super::pages::x as y;",
        "fn f() { a!(crate::pages::x) }",
        "client_api_access::pages::x;",
    ] {
        assert_eq!(upward("src/tokens/rotate.rs", &format!("\n{text}")), expected, "{text}");
    }
    assert_eq!(upward("src/web/page.rs", "use crate::pages;").len(), 1, "further left in the same row is higher");
    assert_eq!(upward("src/error.rs", "#[cfg(test)] mod tests { use crate::db::Db; }").len(), 1, "tests count");
}

#[test]
fn an_import_of_a_lower_or_the_own_module_is_not() {
    let text = "use crate::{db, error::Error, tokens::x}; use super::y; use self::z; mod tests { use super::*; }";
    assert_eq!(upward("src/tokens/rotate.rs", text), [""; 0]);
    assert_eq!(upward("src/pages.rs", "use super::{web, tokens}; use crate::page; crate::page!();"), [""; 0]);
}

#[test]
fn an_exported_macro_belongs_to_the_module_that_defines_it() {
    let expected = ["src/tokens.rs:1: tokens imports web (crate::page), which is above it"];
    assert_eq!(upward("src/tokens.rs", "crate::page!();"), expected);
    assert_eq!(upward("src/tokens.rs", "use crate::page;"), expected);
}

#[test]
fn the_root_is_no_way_around_the_order() {
    for text in
        ["use crate::*;", "use super::*;", "use crate as root;", "use super::{self as up};", "use crate::Reexported;"]
    {
        assert!(upward("src/tokens.rs", text)[0].contains("no module of the table"), "{text}");
    }
    assert_eq!(upward("src/tokens.rs", "macro_rules! m { ($m:ident) => { $crate::$m::x } }").len(), 1);
}
