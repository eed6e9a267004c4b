//! The form on which an authenticator app is set up, and the page that shows recovery codes: on the profile, and during a sign-in.

use actix_web::HttpResponse;
use askama::Template;

use crate::employees::Employee;
use crate::employees::second_factor::{RecoveryCode, TotpSecret};
use crate::error::Result;
use crate::web::page::{Page, html};
use crate::web::qr_code::QrCode;
use crate::web::state::State;

/// What the form says when the code is not one that the app shows now.
pub const WRONG_CODE: &str = "That code is incorrect. Check that the clock of your phone is right, and enter the code that the app \
     shows now.";

/// What the form shows of a new secret.
pub struct AppForm {
    /// The QR code to scan.
    pub qr: QrCode,
    /// The secret in groups of four letters, to type.
    pub secret: String,
    /// The secret, encrypted, for the form.
    pub sealed: String,
}

impl AppForm {
    /// The form for a secret.
    pub fn of(app: &State, secret: &TotpSecret, employee: &Employee, shop: &str) -> Result<AppForm> {
        let letters: Vec<char> = secret.base32().chars().collect();
        let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
        Ok(AppForm {
            qr: QrCode::of(&secret.address(shop, &employee.email)?)?,
            secret: groups.join(" "),
            sealed: secret.for_form(&app.connections.vault, employee.id, app.clock.now())?,
        })
    }
}

/// The page that shows new recovery codes, once.
#[derive(Template)]
#[template(path = "profile/recovery_codes.html")]
pub struct CodesPage {
    page: Page,
    codes: Vec<RecoveryCode>,
    next: String,
}

impl CodesPage {
    /// A page that leads to `next`.
    pub fn new(page: Page, codes: Vec<RecoveryCode>, next: impl Into<String>) -> CodesPage {
        CodesPage { page, codes, next: next.into() }
    }

    /// Renders the page.
    pub fn answer(self) -> Result<HttpResponse> {
        html(self)
    }
}
