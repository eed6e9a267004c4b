//! Time-based one-time codes (RFC 6238), as authenticator apps compute them: SHA-1, six digits, thirty seconds.

use std::fmt;

use rand::RngExt;
use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::secrets::sealed::{Place, Sealed, Vault};
use crate::time::{HOUR, Timestamp};

// How long the page on which an app is set up can be used.
const FORM_LIFETIME: i64 = HOUR;

/// The secret that an authenticator app and the server share: 160 random bits.
pub struct TotpSecret(Secret);

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret")
    }
}

impl TotpSecret {
    /// A new secret.
    pub fn generate() -> TotpSecret {
        let bytes: [u8; 20] = rand::rng().random();
        TotpSecret(Secret::from(bytes))
    }

    /// The secret in base32, as people type it into an app.
    pub fn base32(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.to_base32())
    }

    /// The `otpauth` address that a QR code holds. The app shows the shop and the e-mail address.
    pub fn address(&self, shop: &str, email: &str) -> Result<Zeroizing<String>> {
        // The address separates the two with a colon.
        let (shop, email) = (shop.replace(':', " "), email.replace(':', " "));
        let builder = Builder::new().with_secret(self.0.clone()).with_issuer(Some(shop)).with_account_name(email);
        let address = builder.build().and_then(|totp| totp.to_url());
        address.map(Zeroizing::new).map_err(Error::internal)
    }

    /// The time step that `code` belongs to: the present one, the one before or the one after. None if it is of none of them.
    pub(super) fn step_of(&self, code: &str, now: Timestamp) -> Result<Option<i64>> {
        let Ok(seconds) = u64::try_from(now.0) else { return Ok(None) };
        let step = self.totp()?.check(code, seconds);
        Ok(step.and_then(|step| i64::try_from(step).ok()))
    }

    /// The secret, encrypted for the database.
    pub(super) fn seal(&self, vault: &Vault, employee: EmployeeKey) -> Result<Sealed> {
        vault.seal(&self.base32(), stored(employee))
    }

    /// The secret of an employee from the database.
    pub(super) fn open(vault: &Vault, sealed: &Sealed, employee: EmployeeKey) -> Result<TotpSecret> {
        Self::from_base32(vault.open(sealed, stored(employee))?.expose())
    }

    /// The secret, encrypted for a hidden field of the form on which `employee` sets up their app: nothing is stored before
    /// the app has shown a right code.
    pub fn for_form(&self, vault: &Vault, employee: EmployeeKey, now: Timestamp) -> Result<String> {
        let text = Zeroizing::new(format!("{} {}", now.plus(FORM_LIFETIME).0, *self.base32()));
        Ok(vault.seal(&text, in_form(employee))?.to_text())
    }

    /// The secret from the hidden field. Errors: [`Error::Conflict`] when it is not from a form of the last hour for this
    /// employee.
    pub fn from_form(vault: &Vault, employee: EmployeeKey, field: &str, now: Timestamp) -> Result<TotpSecret> {
        let expired = || Error::Conflict("This page has expired. Open it again and scan the new code.".into());
        let sealed = Sealed::from_text(field).ok_or_else(expired)?;
        let opened = vault.open(&sealed, in_form(employee)).map_err(|_| expired())?;
        let (until, secret) = opened.expose().split_once(' ').ok_or_else(expired)?;
        match until.parse() {
            Ok(until) if Timestamp(until) > now => Self::from_base32(secret),
            _ => Err(expired()),
        }
    }

    fn from_base32(text: &str) -> Result<TotpSecret> {
        Secret::try_from_base32(text).map(TotpSecret).map_err(|_| Error::internal("a TOTP secret is not base32"))
    }

    fn totp(&self) -> Result<Totp> {
        Builder::new().with_secret(self.0.clone()).build().map_err(Error::internal)
    }
}

fn stored(employee: EmployeeKey) -> Place {
    Place::new("second_factors.app_secret", employee.0)
}

fn in_form(employee: EmployeeKey) -> Place {
    Place::new("form of an authenticator app", employee.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 6238 appendix B, the last six of eight digits.
    #[test]
    fn codes_are_those_of_rfc_6238() {
        let secret = TotpSecret(Secret::from(*b"12345678901234567890"));
        for (at, code) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
            assert_eq!(secret.step_of(code, Timestamp(at)).expect("checks"), Some(at / 30), "{code}");
            assert_eq!(secret.step_of(code, Timestamp(at + 30)).expect("checks"), Some(at / 30), "a step late");
            assert_eq!(secret.step_of(code, Timestamp(at + 60)).expect("checks"), None, "two steps late");
        }
        for wrong in ["287083", "28708", "0287082", "+87082", "", "２８７０８２"] {
            assert_eq!(secret.step_of(wrong, Timestamp(59)).expect("checks"), None, "{wrong}");
        }
    }

    #[test]
    fn the_address_names_shop_and_person() {
        let secret = TotpSecret(Secret::from(*b"12345678901234567890"));
        let address = secret.address("Pine: Harbour", "eva@shop.example").expect("has one");
        assert!(address.starts_with("otpauth://totp/Pine%20%20Harbour:eva%40shop.example?"), "{}", *address);
        assert!(address.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), "{}", *address);
    }
}
