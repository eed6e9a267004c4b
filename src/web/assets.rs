//! Static files: embedded in the program, with a hash of the content in the name, so that browsers can cache them.

use std::sync::LazyLock;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// A static file whose name changes with its content.
pub struct Asset {
    /// The URL.
    pub url: String,
    name: String,
    content_type: &'static str,
    body: &'static str,
}

/// The stylesheet: its layers, in order.
pub static STYLESHEET: LazyLock<Asset> = LazyLock::new(|| {
    let body = concat!(
        include_str!("../../static/css/reset.css"),
        include_str!("../../static/css/tokens.css"),
        include_str!("../../static/css/base.css"),
        include_str!("../../static/css/layout.css"),
        include_str!("../../static/css/components.css"),
        include_str!("../../static/css/attention.css"),
        include_str!("../../static/css/client.css"),
        include_str!("../../static/css/usage.css"),
        include_str!("../../static/css/connections.css"),
        include_str!("../../static/css/sign_in.css"),
    );
    Asset::new("app", "css", "text/css; charset=utf-8", body)
});

/// The script. Every page works without it.
pub static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("app", "js", "text/javascript; charset=utf-8", include_str!("../../static/app.js")));

/// The script of pages that create or use passkeys.
pub static PASSKEYS: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("passkeys", "js", "text/javascript; charset=utf-8", include_str!("../../static/passkeys.js"))
});

/// The icons, one SVG symbol each.
pub static ICONS: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icons", "svg", "image/svg+xml", include_str!("../../static/icons.svg")));

/// The icon in the browser's tab.
pub static FAVICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("favicon", "svg", "image/svg+xml", include_str!("../../static/favicon.svg")));

impl Asset {
    fn new(stem: &str, extension: &str, content_type: &'static str, body: &'static str) -> Asset {
        let hash: String = Sha256::digest(body.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let name = format!("{stem}.{hash}.{extension}");
        Asset { url: format!("/static/{name}"), name, content_type, body }
    }
}

/// `GET /static/{name}`
pub async fn serve(name: web::Path<String>) -> Result<HttpResponse> {
    let assets: [&Asset; 5] = [&STYLESHEET, &SCRIPT, &PASSKEYS, &ICONS, &FAVICON];
    let asset = assets.into_iter().find(|asset| asset.name == *name).ok_or(Error::NotFound)?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, asset.content_type))
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(asset.body))
}
