//! Finds tokens in any text: a message, a log line, a configuration file.

use crate::secrets::hash::TokenHash;
use crate::secrets::mask::Mask;
use crate::secrets::token::PlainToken;

/// Something in a text that looks like a token of this program.
#[derive(Debug)]
pub enum Scanned {
    /// A whole token.
    Token(PlainToken),
    /// The SHA-256 of a token in hexadecimal, as secret scanners report it.
    Hash(TokenHash),
    /// The first characters and the marker of a token, but the rest has a wrong character or is not complete.
    Mistyped(Mask),
}

/// The tokens in a text, at most `most`, and after them the hashes. Whatever stands before or after a token does not matter.
pub fn scan(text: &str, most: usize) -> Vec<Scanned> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find('_')).map(|at| from + at) {
        from = at + 1;
        found.extend(token_around(text, at));
        if found.len() == most {
            return found;
        }
    }
    let words = text.split(|c: char| !c.is_ascii_hexdigit()).filter(|word| word.len() == 64);
    found.extend(words.filter_map(TokenHash::from_hex).map(Scanned::Hash));
    found.truncate(most);
    found
}

/// The first seven characters of a token, if the text is nothing else; with or without what pages show after them.
pub fn scan_mask(text: &str) -> Option<Mask> {
    let text = text.trim();
    Mask::parse(text.strip_suffix("*** REDACTED ***").map_or(text, str::trim_end))
}

// The token whose marker begins at `at`.
fn token_around(text: &str, at: usize) -> Option<Scanned> {
    let start = at.checked_sub(Mask::LENGTH)?;
    let mask = Mask::parse(text.get(start..at)?)?;
    let end = start + PlainToken::marked_length(text.get(start..)?)?;
    let whole = PlainToken::LENGTHS.iter().filter_map(|length| text.get(start..start + length));
    match whole.filter_map(|text| PlainToken::parse(text).ok()).next() {
        Some(token) => Some(Scanned::Token(token)),
        None if text[end..].starts_with(|c: char| c.is_ascii_alphanumeric()) => Some(Scanned::Mistyped(mask)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::TokenKind;

    fn told(text: &str) -> Vec<String> {
        let word = |scanned: &Scanned| match scanned {
            Scanned::Token(token) => format!("{:?} {}", token.kind(), token.mask().characters()),
            Scanned::Hash(_) => "hash".to_string(),
            Scanned::Mistyped(mask) => format!("mistyped {}", mask.characters()),
        };
        scan(text, 20).iter().map(word).collect()
    }

    #[test]
    fn tokens_are_found_whatever_stands_around_them() {
        let (key, grant) = (PlainToken::generate(TokenKind::ApiKey), PlainToken::generate(TokenKind::RefreshToken));
        let (key_text, grant_text) = (key.expose(), grant.expose());
        let (k, g) = (key.mask(), grant.mask());
        let key_told = format!("ApiKey {}", k.characters());

        for text in [
            key_text.to_string(),
            format!("Authorization: Bearer {key_text}"),
            format!("{{\"access_token\":\"{key_text}\",\"n\":1}}"),
            format!("https://x.example/?token={key_text}&a=b_c"),
            format!("Hallo, ich hab´s gefunden: „{key_text}“. Grüße"),
            format!("line\\n{key_text}\\nnext"),
        ] {
            assert_eq!(told(&text), [key_told.as_str()], "{text}");
        }
        let both = format!("a {grant_text}\nb {key_text}, {}", "ab".repeat(32));
        assert_eq!(told(&both), [format!("RefreshToken {}", g.characters()), key_told, "hash".to_string()]);
        assert_eq!(scan(&format!("{key_text} {grant_text}"), 1).len(), 1);
    }

    #[test]
    fn a_wrong_or_missing_character_is_told_with_the_first_seven() {
        let key = PlainToken::generate(TokenKind::ApiKey);
        let mask = key.mask();
        let told_mask = format!("mistyped {}", mask.characters());
        let cut = &key.expose()[..40];

        assert_eq!(told(cut), [told_mask.as_str()]);
        assert_eq!(told(&format!("{cut}…")), [told_mask.as_str()]);
        for nothing in ["", "snake_at_case", "Zk3f9aB", "Zk3f9aB_at_", "äääääää_at_x", "def50200abcdef"] {
            assert!(told(nothing).is_empty(), "{nothing}");
        }
    }

    #[test]
    fn seven_characters_are_a_mask_only_alone() {
        let mask = |text| scan_mask(text).map(|mask| mask.characters().to_string());

        assert_eq!(mask(" Zk3f9aB\n").as_deref(), Some("Zk3f9aB"));
        assert_eq!(mask("Zk3f9aB *** REDACTED ***").as_deref(), Some("Zk3f9aB"));
        for other in ["Zk3f9a", "Zk3f9aBx", "it was Zk3f9aB", "Zk3f9ä", "Zk3-9aB"] {
            assert_eq!(mask(other), None, "{other}");
        }
    }
}
