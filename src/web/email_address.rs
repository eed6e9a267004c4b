//! E-mail addresses in forms.

use crate::error::{Error, Result};
use crate::web::form::ProtectedForm;

/// The field `email`, checked for the form of an e-mail address. Whether it exists is only known by writing to it.
pub fn email_address(form: &ProtectedForm) -> Result<String> {
    let email = form.line("email", "The e-mail", 254)?;
    let is_valid = email.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty() && host.contains('.') && !host.starts_with('.') && !host.ends_with('.')
    });
    match is_valid && !email.contains(char::is_whitespace) && email.matches('@').count() == 1 {
        true => Ok(email),
        false => Err(Error::Invalid("Enter an e-mail address like name@shop.example.".into())),
    }
}
