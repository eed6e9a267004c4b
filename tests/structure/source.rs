//! The files under test, and their Rust code as a tree of tokens.
//!
//! Tokens and not a syntax tree, because a path inside a macro call or a `macro_rules!` body is then read by the same
//! code as any other. Our own small tree and not `proc_macro2`'s, because ours can be shared between test threads.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use proc_macro2::{Delimiter, LexError, Spacing, TokenStream, TokenTree};

/// Every Rust file under `src/`, in the order of their paths.
pub static SOURCES: LazyLock<Vec<Source>> =
    LazyLock::new(|| files("src", ".rs").into_iter().map(Source::new).collect());

/// A file with Rust code.
pub struct Source {
    /// From the package's folder: `src/tokens/mod.rs`.
    pub path: String,
    pub text: String,
    pub tokens: Vec<Token>,
}

impl Source {
    pub fn new((path, text): (String, String)) -> Self {
        let tokens = lex(&text).unwrap_or_else(|error| panic!("{path} is not Rust: {error}"));
        Self { path, text, tokens }
    }

    /// The module the file is, from the crate's root: `src/tokens/mod.rs` is `["tokens"]`, and `src/lib.rs` is `[]`.
    pub fn module(&self) -> Vec<String> {
        let path = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        let mut module: Vec<String> = path.split('/').map(str::to_owned).collect();
        let is_folder_or_root = match module.as_slice() {
            [root] => root == "lib" || root == "main",
            [.., last] => last == "mod",
            [] => false,
        };
        if is_folder_or_root {
            module.pop();
        }
        module
    }
}

/// A token and the lines it covers.
pub struct Token {
    pub kind: Kind,
    pub line: usize,
    pub last_line: usize,
}

pub enum Kind {
    /// An identifier or keyword.
    Word(String),
    /// `::`
    Colons,
    /// Any other punctuation, one character each.
    Mark(char),
    /// A literal, as it is written.
    Literal(String),
    /// What stands between brackets, with the opening one: `(`, `[` or `{`.
    Group(char, Vec<Token>),
}

impl Token {
    pub fn is_word(&self, word: &str) -> bool {
        matches!(&self.kind, Kind::Word(own) if own == word)
    }

    pub fn is_mark(&self, mark: char) -> bool {
        matches!(self.kind, Kind::Mark(own) if own == mark)
    }
}

/// Splits Rust code into tokens. A doc comment becomes the attribute `#[doc = "…"]`; other comments are dropped.
pub fn lex(text: &str) -> Result<Vec<Token>, LexError> {
    Ok(tree(text.parse()?))
}

fn tree(stream: TokenStream) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut stream = stream.into_iter().peekable();
    while let Some(token) = stream.next() {
        let (line, last_line) = (token.span().start().line, token.span().end().line);
        let kind = match token {
            TokenTree::Ident(word) => Kind::Word(word.to_string()),
            TokenTree::Literal(literal) => Kind::Literal(literal.to_string()),
            TokenTree::Group(group) => Kind::Group(opening(group.delimiter()), tree(group.stream())),
            TokenTree::Punct(mark) => {
                let is_colons = mark.as_char() == ':'
                    && mark.spacing() == Spacing::Joint
                    && stream.next_if(|next| matches!(next, TokenTree::Punct(next) if next.as_char() == ':')).is_some();
                if is_colons { Kind::Colons } else { Kind::Mark(mark.as_char()) }
            }
        };
        tokens.push(Token { kind, line, last_line });
    }
    tokens
}

fn opening(delimiter: Delimiter) -> char {
    match delimiter {
        Delimiter::Parenthesis => '(',
        Delimiter::Bracket => '[',
        Delimiter::Brace => '{',
        Delimiter::None => ' ',
    }
}

/// Path and text of every file below a folder whose name ends so, in the order of their paths.
pub fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(Path::new(env!("CARGO_MANIFEST_DIR")), folder, ending, &mut found);
    found.sort();
    found
}

fn collect(package: &Path, folder: &str, ending: &str, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(package.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            collect(package, &path, ending, found);
        } else if path.ends_with(ending) {
            let text = fs::read_to_string(entry.path()).unwrap();
            found.push((path, text));
        }
    }
}
