//! The integration guide of this version, for developers of clients.

use actix_web::HttpResponse;
use actix_web::http::header;

const GUIDE: &str = include_str!("../../../docs/integration-guide.md");

/// `GET /oauth/integration-guide`: the guide as plain text (Markdown).
pub async fn guide() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .body(GUIDE)
}
