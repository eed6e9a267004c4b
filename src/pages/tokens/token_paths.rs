//! The URLs of the token pages.

use crate::id::{AccessTokenKey, ClientKey, RefreshTokenKey};
use crate::pages::clients::client_detail::path as client_path;

/// The page of a refresh token.
pub fn refresh_token_path(client: ClientKey, id: RefreshTokenKey) -> String {
    format!("{}/refresh-tokens/{id}", client_path(client))
}

/// The page of an access token or API key, under its client or under the refresh token `via`.
pub fn access_token_path(client: ClientKey, via: Option<RefreshTokenKey>, id: AccessTokenKey) -> String {
    match via {
        None => format!("{}/access-tokens/{id}", client_path(client)),
        Some(refresh_token) => format!("{}/access-tokens/{id}", refresh_token_path(client, refresh_token)),
    }
}
