//! CSV files (RFC 4180), sent while they are read: however long one is, it takes little memory.

use std::future::{Future, ready};

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Bytes;
use futures_util::{StreamExt, stream};

use crate::error::{Error, Result};

/// A line of a CSV file. Every field is quoted, and none is a formula.
pub fn line<const N: usize>(fields: [&str; N]) -> String {
    format!("{}\r\n", fields.map(quoted).join(","))
}

// A spreadsheet reads a leading sign as a formula, unless an apostrophe comes first.
fn quoted(field: &str) -> String {
    let guard = if field.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { "'" } else { "" };
    format!("\"{guard}{}\"", field.replace('"', "\"\""))
}

/// Sends a file. `next` returns the lines from a place on, and the place behind them unless it is the end.
///
/// If a part cannot be read, the connection is closed in the middle of the answer: the browser shows a failed download, and
/// nobody takes the part for the whole. If that is the first part, it is an error.
pub async fn download<Place, Next, Lines>(file: &str, columns: &str, start: Place, next: Next) -> Result<HttpResponse>
where
    Place: 'static,
    Next: Fn(Place) -> Lines + 'static,
    Lines: Future<Output = Result<(String, Option<Place>)>> + 'static,
{
    let (first, rest) = next(start).await?;
    let first = Bytes::from(format!("{columns}\r\n{first}"));
    let others = stream::try_unfold(rest, move |place| {
        let lines = place.map(&next);
        async move {
            let Some(lines) = lines else { return Ok(None) };
            let (text, rest) = lines.await.inspect_err(|error| log::warn!("a download failed: {error}"))?;
            Ok::<_, Error>(Some((Bytes::from(text), rest)))
        }
    });
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/csv; charset=utf-8"))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{file}\"")))
        .streaming(stream::once(ready(Ok(first))).chain(others)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_never_a_formula() {
        assert_eq!(line(["=HYPERLINK(\"x\")", "\r=1"]), "\"'=HYPERLINK(\"\"x\"\")\",\"'\r=1\"\r\n");
        assert_eq!(line(["plain, text"]), "\"plain, text\"\r\n");
    }
}
