//! The challenges of a 401 answer (RFC 9110 section 11.6.1, RFC 6750 section 3).

use oauth2::http::HeaderMap;
use oauth2::http::header::WWW_AUTHENTICATE;

/// Whether a Bearer challenge has the error code `invalid_token` (RFC 6750 section 3.1).
pub fn says_invalid_token(headers: &HeaderMap) -> bool {
    let values = headers.get_all(WWW_AUTHENTICATE).iter();
    values.filter_map(|value| value.to_str().ok()).any(is_invalid_token)
}

fn is_invalid_token(challenges: &str) -> bool {
    let mut is_bearer = false;
    split_unquoted(challenges).into_iter().any(|part| {
        // A part begins with a scheme, or is one more parameter of the scheme before it.
        let parameter = match part.trim().split_once(' ') {
            Some((scheme, parameter)) if !scheme.contains('=') && !parameter.trim_start().starts_with('=') => {
                is_bearer = scheme.eq_ignore_ascii_case("bearer");
                parameter
            }
            _ => part,
        };
        let Some((name, value)) = parameter.split_once('=') else { return false };
        is_bearer && name.trim().eq_ignore_ascii_case("error") && value.trim().trim_matches('"') == "invalid_token"
    })
}

// The parts between commas, except commas in quoted strings.
fn split_unquoted(text: &str) -> Vec<&str> {
    let (mut parts, mut begin, mut is_quoted, mut is_escaped) = (Vec::new(), 0, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_error_of_a_bearer_challenge_counts() {
        for (challenges, expected) in [
            (r#"Bearer error="invalid_token""#, true),
            (r#"bearer realm="a, b", error=invalid_token, scope="x""#, true),
            (r#"Basic realm="a", Bearer realm="b",error = "invalid_token""#, true),
            (r#"Bearer realm="a", Digest error="invalid_token""#, false),
            (
                r#"Bearer error="insufficient_scope", error_description="error=\"invalid_token\", error=invalid_token""#,
                false,
            ),
            ("Bearer", false),
            ("", false),
        ] {
            assert_eq!(is_invalid_token(challenges), expected, "{challenges}");
        }
    }
}
