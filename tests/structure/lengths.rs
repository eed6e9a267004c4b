//! Files, functions and lines of templates stay short, or say why they do not.
//!
//! The reason is a sentence that starts with `Longer than `, in the first comment of a file or template or in the
//! comment above a function: `//! Longer than 300 lines: the table of every URL is read as one.`

use std::cmp::Reverse;

use crate::source::{Kind, SOURCES, Source, Token, files};

const LONGEST_FILE: usize = 300;
const LONGEST_FUNCTION: usize = 60;
const LONGEST_TEMPLATE_LINE: usize = 160;

/// A function, from its `fn` to the end of its body.
struct Function {
    name: String,
    /// Where its attributes and doc comments begin.
    first_line: usize,
    line: usize,
    last_line: usize,
}

impl Function {
    fn length(&self) -> usize {
        self.last_line - self.line + 1
    }
}

/// Every function with a body or without, also those inside others, in modules, traits and macro bodies.
fn functions(tokens: &[Token], found: &mut Vec<Function>) {
    for (place, token) in tokens.iter().enumerate() {
        if let Kind::Group(_, inner) = &token.kind {
            functions(inner, found);
        }
        if !token.is_word("fn") {
            continue;
        }
        let name = match &tokens[place + 1..] {
            [Token { kind: Kind::Word(name), .. }, ..] => name.clone(),
            [dollar, Token { kind: Kind::Word(name), .. }, ..] if dollar.is_mark('$') => format!("${name}"),
            // The type of a function pointer.
            _ => continue,
        };
        let is_end = |token: &&Token| matches!(token.kind, Kind::Group('{', _)) || token.is_mark(';');
        let last_line = tokens[place..].iter().find(is_end).map_or(token.last_line, |end| end.last_line);
        found.push(Function { name, first_line: first_line(&tokens[..=place]), line: token.line, last_line });
    }
}

/// Where the item begins whose `fn` is the last of the tokens: attributes and doc comments belong to it.
fn first_line(tokens: &[Token]) -> usize {
    let mut line = 0;
    for token in tokens.iter().rev() {
        let belongs = match &token.kind {
            Kind::Word(word) => ["fn", "pub", "async", "const", "unsafe", "extern"].contains(&word.as_str()),
            Kind::Group(opening, _) => ['(', '['].contains(opening),
            Kind::Mark(mark) => *mark == '#',
            Kind::Literal(_) => true,
            Kind::Colons => false,
        };
        if !belongs {
            break;
        }
        line = token.line;
    }
    line
}

/// Whether a comment has a sentence that starts with `Longer than `. Lines that are no comment are passed over.
fn says_why<'a>(lines: impl IntoIterator<Item = &'a str>) -> bool {
    let comments = lines.into_iter().map(str::trim).filter(|line| line.starts_with("//"));
    let mut texts = comments.map(|line| line.trim_start_matches(['/', '!']).trim());
    texts.any(|text| text.starts_with("Longer than ") || text.contains(". Longer than "))
}

/// The first comment of a Rust file says why it is long.
fn file_says_why(text: &str) -> bool {
    let first = text.lines().skip_while(|line| line.trim().is_empty());
    says_why(first.take_while(|line| line.starts_with("//")))
}

/// The comment above the function says why it is long.
fn function_says_why(text: &str, function: &Function) -> bool {
    let lines: Vec<&str> = text.lines().collect();
    let above = lines[..function.first_line - 1].iter().rev().take_while(|line| line.trim().starts_with("//"));
    says_why(above.copied()) || says_why(lines[function.first_line - 1..function.line].iter().copied())
}

/// The first comment of a template says why it has long lines.
fn template_says_why(text: &str) -> bool {
    let comment = text.split_once("{#").and_then(|(_, rest)| rest.split_once("#}"));
    comment.is_some_and(|(comment, _)| says_why([format!("// {}", comment.trim_matches(['-', ' '])).as_str()]))
}

fn long_files() -> Vec<(usize, String)> {
    let files = SOURCES.iter().map(|source| (source.text.lines().count(), source));
    let long = files.filter(|(lines, source)| *lines > LONGEST_FILE && !file_says_why(&source.text));
    long.map(|(lines, source)| (lines, source.path.clone())).collect()
}

fn long_functions(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    functions(&source.tokens, &mut found);
    found.retain(|function| function.length() > LONGEST_FUNCTION && !function_says_why(&source.text, function));
    found.iter().map(|long| (long.length(), format!("{}:{} fn {}", source.path, long.line, long.name))).collect()
}

fn long_template_lines() -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (path, text) in files("templates", ".html").into_iter().filter(|(_, text)| !template_says_why(text)) {
        let lines = text.lines().map(|line| line.chars().count()).enumerate();
        let long = lines.filter(|(_, length)| *length > LONGEST_TEMPLATE_LINE);
        found.extend(long.map(|(line, length)| (length, format!("{path}:{}", line + 1))));
    }
    found
}

/// One kind of finding, longest first, under a line that counts them.
fn section(what: &str, mut found: Vec<(usize, String)>) -> Option<String> {
    found.sort_by_key(|(length, _)| Reverse(*length));
    let lines: Vec<_> = found.iter().map(|(length, place)| format!("{length:>6}  {place}")).collect();
    (!lines.is_empty()).then(|| format!("{} {what}:\n{}", lines.len(), lines.join("\n")))
}

#[test]
fn files_functions_and_template_lines_are_short() {
    let found: Vec<_> = [
        section(&format!("files over {LONGEST_FILE} lines"), long_files()),
        section(&format!("functions over {LONGEST_FUNCTION} lines"), SOURCES.iter().flat_map(long_functions).collect()),
        section(&format!("lines of templates over {LONGEST_TEMPLATE_LINE} characters"), long_template_lines()),
    ]
    .into_iter()
    .flatten()
    .collect();

    assert!(
        found.is_empty(),
        "Shorten these, or give the reason in a sentence that starts with `Longer than `: in the first comment of the \
         file or template, or in the comment above the function.\n{}\n",
        found.join("\n")
    );
}

#[test]
fn functions_are_measured_wherever_they_stand() {
    let text = "impl A {
    /// Doc.
    #[test]
    pub(crate) async fn a(
        x: fn(u8),
    ) {
        fn b() {}
    }

    const fn c() {}
}
macro_rules! m {
    () => {
        fn $name() {
        }
    };
}
trait T {
    fn d();
    fn e() {}
}";
    let source = Source::new(("src/a.rs".to_owned(), text.to_owned()));
    let mut found = Vec::new();
    functions(&source.tokens, &mut found);
    found.sort_by_key(|function| function.line);
    let found: Vec<_> =
        found.iter().map(|found| (found.name.as_str(), found.first_line, found.line, found.length())).collect();
    let (a, b, c) = (("a", 2, 4, 5), ("b", 7, 7, 1), ("c", 10, 10, 1));
    assert_eq!(found, [a, b, c, ("$name", 14, 14, 2), ("d", 19, 19, 1), ("e", 20, 20, 1)]);
}

#[test]
fn a_reason_counts_only_where_it_belongs() {
    let long = |above: &str, inside: &str| {
        let text = format!("const A: u8 = 1;\n{above}\npub fn a() {{\n{inside}{}}}", "\n".repeat(LONGEST_FUNCTION));
        long_functions(&Source::new(("src/a.rs".to_owned(), text))).len()
    };
    assert_eq!(long("/// Does a.", ""), 1);
    assert_eq!(long("/// Does a.", "// Longer than 60 lines: inside does not count.\n"), 1);
    assert_eq!(long("// Longer than 60 lines: no blank line between.\n\n", ""), 1);
    assert_eq!(long("/// Does a. Longer than 60 lines: a table.\n#[expect(unused)]", ""), 0);
    assert_eq!(long("// Longer than 60 lines: a table.\n#[test]", ""), 0);

    assert!(file_says_why("//! A.\n//!\n//! Longer than 300 lines: a table.\nfn a() {}"));
    assert!(!file_says_why("//! A.\n\nfn a() {}\n// Longer than 300 lines: too late.\n"));
    assert!(template_says_why("{% extends \"a\" %}\n{#- Longer than 160 characters: one attribute. -#}\n"));
    assert!(!template_says_why("{# A list. #}\n{# Longer than 160 characters: too late. #}\n"));
}
