//! The paths in a file: from `use` trees, expressions, types, patterns, attributes and macro bodies alike.
//!
//! Kept are the paths that can leave their module (`crate::…`, `super::…`, `self::…`, the library's own name) and those
//! into crates for the web. In a `macro_rules!` body, `$crate::x` counts as `crate::x`, and `super::x` is read from the
//! module that defines the macro, although Rust reads it from wherever the macro is called.

use crate::source::{Kind, Token, lex};

/// The library's name in paths.
const LIBRARY: &str = "client_api_access";

/// Crates that speak HTTP or write HTML.
const WEB_CRATES: [&str; 4] = ["actix_web", "actix_session", "actix_multipart", "askama"];

/// A path as it is written.
pub struct Path {
    segments: Vec<String>,
    /// The inline modules (`mod x { … }`) around it, outermost first.
    within: Vec<String>,
    pub line: usize,
    /// `crate::name!(…)`
    pub is_macro_call: bool,
}

impl Path {
    /// The path from the crate's root, if it stays in the crate. A path to the root itself is empty.
    pub fn in_crate(&self, file: &[String]) -> Option<Vec<String>> {
        if self.web_crate().is_some() {
            return None;
        }
        let mut resolved = [file, &self.within].concat();
        for (place, segment) in self.segments.iter().enumerate() {
            match segment.as_str() {
                "crate" => resolved.clear(),
                LIBRARY if place == 0 => resolved.clear(),
                "super" => drop(resolved.pop()),
                "self" => {}
                _ => resolved.push(segment.clone()),
            }
        }
        Some(resolved)
    }

    /// The whole path, if it leads into a crate for the web.
    pub fn web_crate(&self) -> Option<String> {
        WEB_CRATES.contains(&self.segments[0].as_str()).then(|| self.segments.join("::"))
    }
}

/// Every path in the file that this module keeps, in the order of the lines; each branch of a `use` tree is one.
pub fn paths(tokens: &[Token]) -> Vec<Path> {
    let mut reader = Reader::default();
    reader.walk(tokens);
    reader.found
}

/// The names of the macros marked with `#[macro_export]`, which are called as `crate::name!`.
pub fn exported_macros(tokens: &[Token]) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_exported = false;
    for (place, token) in tokens.iter().enumerate() {
        match (&token.kind, tokens.get(place + 2).map(|name| &name.kind)) {
            (Kind::Group('[', inner), _) if inner.first().is_some_and(|word| word.is_word("macro_export")) => {
                is_exported = true;
            }
            (Kind::Group('{', inner), _) => names.extend(exported_macros(inner)),
            (Kind::Word(word), Some(Kind::Word(name))) if word == "macro_rules" && is_exported => {
                names.push(name.clone());
                is_exported = false;
            }
            _ => {}
        }
    }
    names
}

#[derive(Default)]
struct Reader {
    within: Vec<String>,
    found: Vec<Path>,
    in_attribute: bool,
}

impl Reader {
    fn walk(&mut self, mut tokens: &[Token]) {
        while let [token, rest @ ..] = tokens {
            tokens = match (&token.kind, rest) {
                (Kind::Mark('#'), [attribute, rest @ ..]) if self.attribute(attribute) => rest,
                (Kind::Word(word), [name, Token { kind: Kind::Group('{', body), .. }, rest @ ..]) if word == "mod" => {
                    self.inline_module(name, body);
                    rest
                }
                (Kind::Word(_), _) | (Kind::Mark('$'), [Token { kind: Kind::Word(_), .. }, ..]) => {
                    self.path(Vec::new(), tokens)
                }
                (Kind::Group(_, inner), _) => {
                    self.walk(inner);
                    rest
                }
                (Kind::Literal(text), _) if self.in_attribute && text.contains("::") => {
                    self.path_in_literal(text, token.line);
                    rest
                }
                _ => rest,
            };
        }
    }

    /// Reads `[…]` after `#`, except documentation.
    fn attribute(&mut self, token: &Token) -> bool {
        let Kind::Group('[', inner) = &token.kind else { return false };
        if !inner.first().is_some_and(|first| first.is_word("doc")) {
            self.in_attribute = true;
            self.walk(inner);
            self.in_attribute = false;
        }
        true
    }

    fn inline_module(&mut self, name: &Token, body: &[Token]) {
        let Kind::Word(name) = &name.kind else { return self.walk(body) };
        self.within.push(name.clone());
        self.walk(body);
        self.within.pop();
    }

    /// Attributes may name a path in a string: `#[serde(with = "crate::time::seconds")]`.
    fn path_in_literal(&mut self, text: &str, line: usize) {
        let Ok(tokens) = lex(text.trim_matches('"')) else { return };
        let known = self.found.len();
        self.walk(&tokens);
        for path in &mut self.found[known..] {
            path.line = line;
        }
    }

    /// Reads the path or `use` tree at the beginning of `tokens`, which continues `path`, and returns what follows it.
    fn path<'t>(&mut self, mut path: Vec<String>, mut tokens: &'t [Token]) -> &'t [Token] {
        let Some(line) = tokens.first().map(|token| token.line) else { return tokens };
        if let [Token { kind: Kind::Colons, .. }, rest @ ..] = tokens {
            tokens = rest;
        }
        loop {
            let (segment, rest) = match tokens {
                [Token { kind: Kind::Word(word), .. }, rest @ ..] => (word.clone(), rest),
                [dollar, word, rest @ ..] if dollar.is_mark('$') && word.is_word("crate") => ("crate".to_owned(), rest),
                // A macro's variable or repetition: what stands there is not known.
                [dollar, _, rest @ ..] if dollar.is_mark('$') => ("$…".to_owned(), rest),
                [star, rest @ ..] if star.is_mark('*') => ("*".to_owned(), rest),
                [Token { kind: Kind::Group('{', inner), .. }, rest @ ..] => {
                    for branch in inner.split(|token| token.is_mark(',')) {
                        self.path(path.clone(), branch);
                    }
                    return rest;
                }
                _ => {
                    self.keep(path, line, tokens);
                    return tokens;
                }
            };
            path.push(segment);
            match rest {
                [Token { kind: Kind::Colons, .. }, next, ..] if !next.is_mark('<') => tokens = &rest[1..],
                _ => {
                    self.keep(path, line, rest);
                    return rest;
                }
            }
        }
    }

    /// Keeps the path if it can leave its module. A lone `crate`, `super` or `self` counts only when it is renamed:
    /// otherwise it is part of `pub(super)` or a method's `self`.
    fn keep(&mut self, segments: Vec<String>, line: usize, rest: &[Token]) {
        let Some(first) = segments.first() else { return };
        let is_kept = match first.as_str() {
            "crate" | "super" | "self" | LIBRARY => {
                segments.len() > 1 || rest.first().is_some_and(|next| next.is_word("as"))
            }
            first => WEB_CRATES.contains(&first),
        };
        if is_kept {
            let is_macro_call = matches!(rest, [bang, Token { kind: Kind::Group(..), .. }, ..] if bang.is_mark('!'));
            self.found.push(Path { segments, within: self.within.clone(), line, is_macro_call });
        }
    }
}
