//! Plain text helpers: case folding, LIKE patterns, invisible characters.

/// Text as it is compared: letter case aside, the same way on both databases.
pub fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// A LIKE pattern that finds `part` literally, with `\` as escape.
pub fn like_pattern(part: &str) -> String {
    let mut out = String::from("%");
    for c in fold(part.trim()).chars() {
        if matches!(c, '%' | '_' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('%');
    out
}

/// Whether a character could make a name look like another: control characters, zero-width ones, changes of direction.
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
