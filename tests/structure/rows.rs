//! `tests/rows.txt` names tests that exist and run.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Kind, Source, Token, files};

const LIST: &str = "tests/rows.txt";
// How many rows are required.
const REQUIRED: usize = 99;

/// A row of the list.
struct Row {
    id: String,
    required: bool,
    tests: Vec<String>,
}

fn parse(text: &str) -> Result<Vec<Row>, String> {
    let (mut rows, mut required) = (Vec::<Row>::new(), true);
    for (place, line) in text.lines().enumerate() {
        if let Some(test) = line.strip_prefix("    ") {
            let row = rows.last_mut().ok_or_else(|| format!("{LIST}:{}: a test without a row", place + 1))?;
            row.tests.push(test.to_owned());
        } else if let Some(heading) = line.strip_prefix("## ") {
            required = heading != "Further rows";
        } else if !line.is_empty() && !line.starts_with('#') {
            let row = line.split_once(": ").filter(|(id, sentence)| is_id(id) && sentence.ends_with('.'));
            let (id, _) = row.ok_or_else(|| format!("{LIST}:{}: write `ID: A sentence.`", place + 1))?;
            rows.push(Row { id: id.to_owned(), required, tests: Vec::new() });
        }
    }
    Ok(rows)
}

fn is_id(text: &str) -> bool {
    let digits = text.trim_start_matches(|letter: char| letter.is_ascii_uppercase());
    digits.len() < text.len() && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Every `#[test]`, with the reason of its `#[ignore]`.
fn tests(tokens: &[Token], found: &mut BTreeMap<String, Option<String>>) {
    let (mut is_test, mut ignored) = (false, None);
    for (place, token) in tokens.iter().enumerate() {
        match &token.kind {
            Kind::Group('[', attribute) if place > 0 && tokens[place - 1].is_mark('#') => match attribute.as_slice() {
                [name] if name.is_word("test") => is_test = true,
                [name, rest @ ..] if name.is_word("ignore") => {
                    ignored = Some(match rest {
                        [_, Token { kind: Kind::Literal(reason), .. }] => reason.trim_matches('"').to_owned(),
                        _ => String::new(),
                    });
                }
                _ => (),
            },
            Kind::Word(word) if word == "fn" => {
                if let (true, Some(Token { kind: Kind::Word(name), .. })) = (is_test, tokens.get(place + 1)) {
                    found.insert(name.clone(), ignored.take());
                }
                (is_test, ignored) = (false, None);
            }
            Kind::Group(_, inner) => tests(inner, found),
            _ => (),
        }
    }
}

/// What is wrong with a row, given all tests and the texts of the browser tests.
fn problems(row: &Row, tests: &BTreeMap<String, Option<String>>, browser: &str) -> Vec<String> {
    let id = &row.id;
    let mut problems = Vec::new();
    if row.tests.is_empty() {
        problems.push(format!("{LIST}: {id} has no test: name one, or write `no test yet`"));
    }
    for name in row.tests.iter().filter(|name| *name != "no test yet") {
        if let Some(title) = name.strip_prefix("browser: ") {
            if !browser.contains(&format!("'{title}'")) {
                problems.push(format!("{LIST}: {id} names a browser test that does not exist: {title}"));
            }
            continue;
        }
        match tests.get(name) {
            None => problems.push(format!("{LIST}: {id} names {name}, and there is no such test")),
            Some(Some(reason)) if !reason.starts_with("scripts/test ") => {
                problems.push(format!("{LIST}: {id} names {name}, which is ignored: {reason}"));
            }
            Some(_) => (),
        }
    }
    // Those that need programs of others do not run everywhere.
    let runs = |name: &String| name == "no test yet" || !matches!(tests.get(name), Some(Some(_)));
    if !row.tests.is_empty() && !row.tests.iter().any(runs) {
        problems.push(format!("{LIST}: every test of {id} is ignored"));
    }
    problems
}

#[test]
fn every_row_names_tests_that_exist_and_are_not_ignored() {
    let mut all = BTreeMap::new();
    for folder in ["src", "tests/behaviour"] {
        files(folder, ".rs").into_iter().map(Source::new).for_each(|source| tests(&source.tokens, &mut all));
    }
    // Not the whole folder: it holds the packages too.
    let package = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let browser: String = std::fs::read_dir(package.join("tests/browser"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".test.js"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let rows = parse(&std::fs::read_to_string(package.join(LIST)).unwrap()).unwrap();

    let ids: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let found: Vec<String> = rows.iter().flat_map(|row| problems(row, &all, &browser)).collect();

    assert!(found.is_empty(), "{}", found.join("\n"));
    assert_eq!(ids.len(), rows.len(), "{LIST} has a row twice");
    assert_eq!(rows.iter().filter(|row| row.required).count(), REQUIRED);
}

#[test]
fn a_row_without_a_test_that_runs_is_found() {
    let source = Source::new((
        "tests/behaviour/a.rs".to_owned(),
        "#[test] fn a1_runs() {} #[test] #[ignore] fn a1_slow() {}
        mod inner { #[test] #[ignore = \"scripts/test clients runs it\"] fn a1_foreign() {} fn a1_helper() {} }"
            .to_owned(),
    ));
    let mut all = BTreeMap::new();
    tests(&source.tokens, &mut all);
    let of = |names: &str| {
        let row =
            Row { id: "A1".to_owned(), required: true, tests: names.split_whitespace().map(str::to_owned).collect() };
        problems(&row, &all, "test('a title',").join("\n")
    };

    assert_eq!(all.len(), 3);
    assert_eq!(of("a1_runs a1_foreign"), "");
    assert!(of("").contains("has no test"));
    assert!(of("a1_runs a1_slow").contains("which is ignored"));
    assert!(of("a1_foreign").contains("every test of A1 is ignored"));
    assert!(of("a1_helper").contains("no such test"));
    let browser = |title: &str| Row { id: "A1".to_owned(), required: true, tests: vec![format!("browser: {title}")] };
    assert!(problems(&browser("a title"), &all, "test('a title',").is_empty());
    assert!(!problems(&browser("another"), &all, "test('a title',").is_empty());
    assert!(parse("A1 without a colon").is_err() && parse("    a1_test").is_err());
}
