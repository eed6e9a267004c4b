//! Plain text helpers: letter case, LIKE patterns, control and invisible characters.

/// Lower case, for comparisons that ignore case in the same way on both databases.
pub fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// A LIKE pattern that finds `part` literally in a folded column, with `\` as escape.
pub fn like_pattern(part: &str) -> String {
    exact_like_pattern(&fold(part.trim()))
}

/// A LIKE pattern that finds `part` literally, with `\` as escape. SQLite also finds it with ASCII letters in another case.
pub fn exact_like_pattern(part: &str) -> String {
    let mut out = String::from("%");
    for c in part.chars() {
        if matches!(c, '%' | '_' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('%');
    out
}

/// The text with a capital first letter.
pub fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// One line: each control character is replaced by a space, so that quoted input cannot start a new line or steer a
/// terminal.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Whether a character could make one name look like another: control and zero-width characters, direction changes.
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{180B}'
                ..='\u{180E}' | '\u{3164}' | '\u{FFA0}'
        )
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{E0000}'..='\u{E007F}')
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '\u{FFFD}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_literal() {
        assert_eq!(like_pattern("100%_\\Ä"), "%100\\%\\_\\\\ä%");
    }
}
