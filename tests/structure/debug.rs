//! A type that derives `Debug` holds no secret as plain text, because whoever logs the value would log the secret.
//!
//! Judged by name and type: a field whose name ends like a credential's and whose type is text or bytes. Where the name
//! misleads, a comment `// Debug: not a secret, because …` above the field, or above the type for all of them, says so.

use crate::source::{Kind, SOURCES, Source, Token};

/// How names of secrets end.
const SECRETS: [&str; 7] = ["secret", "password", "passphrase", "token", "verifier", "api_key", "service_key"];

/// Types that print what they hold.
const PLAIN: [&str; 4] = ["String", "Option<String>", "Vec<u8>", "Option<Vec<u8>>"];

/// Types that print many; their names count in the plural too.
const PLAIN_LISTS: [&str; 3] = ["Vec<String>", "Vec<(String,String)>", "HashMap<String,String>"];

const EXCUSE: &str = "// Debug: not a secret";

/// Reports the fields of each type that derives `Debug`.
fn exposed(source: &Source, tokens: &[Token], found: &mut Vec<String>) {
    let mut derived_at = None;
    for (place, token) in tokens.iter().enumerate() {
        match &token.kind {
            Kind::Group('[', inner) if derives_debug(inner) => derived_at = Some(token.line),
            Kind::Word(word) if word == "struct" || word == "enum" => {
                let end = |token: &&Token| matches!(token.kind, Kind::Group('{' | '(', _)) || token.is_mark(';');
                let body = tokens[place..].iter().find(end);
                let (Some(derived_at), Some(Token { kind: Kind::Group('{', body), .. })) = (derived_at.take(), body)
                else {
                    continue;
                };
                if !is_excused(&source.text, derived_at) {
                    exposed_fields(source, body, found);
                }
            }
            Kind::Group('{', inner) => exposed(source, inner, found),
            _ => {}
        }
    }
}

fn derives_debug(attribute: &[Token]) -> bool {
    let [derive, Token { kind: Kind::Group('(', derived), .. }] = attribute else { return false };
    derive.is_word("derive") && derived.iter().any(|token| token.is_word("Debug"))
}

/// Reads `name: Type,` one after another, also in the variants of an enum.
fn exposed_fields(source: &Source, body: &[Token], found: &mut Vec<String>) {
    for (place, token) in body.iter().enumerate() {
        match (&token.kind, body.get(place + 1)) {
            (Kind::Word(name), Some(colon)) if colon.is_mark(':') => {
                let written = type_after(&body[place + 2..]);
                if is_secret(name, &written) && !is_excused(&source.text, token.line) {
                    found.push(format!("{}:{}: {name}: {written}", source.path, token.line));
                }
            }
            (Kind::Group('{', inner), _) => exposed_fields(source, inner, found),
            _ => {}
        }
    }
}

/// The type at the beginning of the tokens, without spaces and without the paths to its names.
fn type_after(tokens: &[Token]) -> String {
    let mut text = String::new();
    let mut depth = 0;
    for token in tokens {
        match &token.kind {
            Kind::Mark(',') if depth == 0 => break,
            Kind::Mark(mark) => {
                depth += i32::from(*mark == '<') - i32::from(*mark == '>');
                text.push(*mark);
            }
            Kind::Word(word) => text.push_str(word),
            Kind::Colons => text.truncate(text.rfind(['<', '(', ',']).map_or(0, |end| end + 1)),
            Kind::Group('(', inner) => text.push_str(&format!("({})", type_list(inner))),
            Kind::Group(..) | Kind::Literal(_) => text.push('…'),
        }
    }
    text
}

fn type_list(tokens: &[Token]) -> String {
    tokens.split(|token| token.is_mark(',')).map(type_after).collect::<Vec<_>>().join(",")
}

fn is_secret(name: &str, written: &str) -> bool {
    let ends_like = |name: &str| SECRETS.iter().any(|secret| name.ends_with(secret));
    let is_one = PLAIN.contains(&written) && ends_like(name);
    let is_list = PLAIN_LISTS.contains(&written) && ends_like(name.trim_end_matches('s'));
    is_one || is_list
}

/// Whether the lines of comments and attributes above a line have the excuse.
fn is_excused(text: &str, line: usize) -> bool {
    let above: Vec<&str> = text.lines().take(line - 1).map(str::trim).collect();
    let above = above.iter().rev().take_while(|line| line.starts_with("//") || line.starts_with("#["));
    above.into_iter().any(|line| line.starts_with(EXCUSE))
}

fn findings(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    exposed(source, &source.tokens, &mut found);
    found
}

#[test]
fn debug_prints_no_secret() {
    let found: Vec<_> = SOURCES.iter().flat_map(findings).collect();

    assert!(
        found.is_empty(),
        "{} secrets in types that derive Debug. Use a type of `secrets` that prints its name only, write Debug by \
         hand, or say `{EXCUSE}, because …` above the field:\n{}\n",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn secrets_are_found_by_name_and_type() {
    let found = |text: &str| findings(&Source::new(("src/a.rs".to_owned(), text.to_owned()))).len();
    let held = |field: &str| found(&format!("#[derive(Clone, Debug)]\npub struct A<T> {{\n{field}\n}}"));

    assert_eq!(held("pub client_secret: Option<String>, pub password: std::string::String"), 2);
    assert_eq!(held("tokens: Vec<(String, String)>, code_verifier: Vec<u8>"), 2);
    assert_eq!(held("password_hash: String, token: PlainToken, access_tokens: String, name: String"), 0);
    assert_eq!(held("/// What it is.\n// Debug: not a secret, because it is shown.\n#[serde(skip)]\ntoken: String"), 0);
    assert_eq!(found("#[derive(Debug)] enum A { B { secret: String }, C(String) }"), 1);
    assert_eq!(found("struct A { secret: String }"), 0);
    assert_eq!(found("#[derive(Debug)] struct A; struct B { secret: String }"), 0);
    assert_eq!(
        found("// Debug: not a secret, because these are names.\n#[derive(Debug)]\nstruct A { token: String }"),
        0
    );
}
