//! The form that describes a client, used to register one and to edit one: reads every field and collects all errors.

use crate::clients::{Client, ClientDetails, Contact, RedirectUri, Registration, rules};
use crate::error::{Error, Result};
use crate::pages::clients::rate_fields::RateFields;
use crate::time::DAY;
use crate::web::email_address::email_address;
use crate::web::form::ProtectedForm;
use crate::web::form_errors::FormErrors;

const MAX_GRANT_DAYS: i64 = 3650;

/// The form as it was filled in, to be shown again with its errors.
#[derive(Clone, Debug, Default)]
pub struct RegistrationForm {
    /// The client's name.
    pub name: String,
    /// Its website.
    pub website: String,
    /// Its redirect URIs, one per line.
    pub redirect_uris: String,
    /// Whether the client runs on its users' own devices.
    pub publicly_distributed: bool,
    /// The contact person's name.
    pub contact_name: String,
    /// The contact person's e-mail address.
    pub email: String,
    /// The contact person's phone number.
    pub phone: String,
    /// Whether it must use PKCE.
    pub requires_pkce: bool,
    /// Days after which access expires; empty for never.
    pub grants_end_after: String,
    /// The rate limits.
    pub rates: RateFields,
    /// Whether the form registers a new client.
    pub is_new: bool,
    /// Whether the fields that only admins may set are shown.
    pub advanced: bool,
    /// The errors, by field.
    pub form_errors: FormErrors,
}

impl RegistrationForm {
    /// An empty form.
    pub fn blank(advanced: bool) -> RegistrationForm {
        RegistrationForm { requires_pkce: true, is_new: true, advanced, ..RegistrationForm::default() }
    }

    /// The form filled in from a client.
    pub fn of(client: &Client, redirect_uris: &[String], advanced: bool) -> RegistrationForm {
        RegistrationForm {
            name: client.name.clone(),
            website: client.website.as_str().into(),
            redirect_uris: redirect_uris.join("\n"),
            publicly_distributed: client.publicly_distributed,
            contact_name: client.contact.name.clone(),
            email: client.contact.email.clone(),
            phone: client.contact.phone.clone(),
            requires_pkce: client.requires_pkce(),
            grants_end_after: client.grants_end_after.map(days).unwrap_or_default(),
            rates: RateFields::of(client.rates),
            is_new: false,
            advanced,
            form_errors: FormErrors::default(),
        }
    }

    /// Reads the form for a new client, or for an existing one, whose fixed fields keep their values. Without `advanced`,
    /// the fields that only admins may set keep their values too. Returns no details if there are errors.
    pub fn read(
        form: &ProtectedForm,
        client: Option<&Client>,
        advanced: bool,
    ) -> (RegistrationForm, Option<ClientDetails>) {
        let text = |name: &str| form.get(name).to_string();
        let ticked = |name: &str| !form.get(name).is_empty();
        let before = client.map_or_else(|| Self::blank(advanced), |client| Self::of(client, &[], advanced));
        let mut typed = RegistrationForm {
            name: text("name"),
            website: text("website"),
            redirect_uris: text("redirect-uris"),
            publicly_distributed: match client {
                Some(client) => client.publicly_distributed,
                None => ticked("publicly-distributed"),
            },
            contact_name: text("contact-name"),
            email: text("email"),
            phone: text("phone"),
            requires_pkce: if advanced { ticked("requires-pkce") } else { before.requires_pkce },
            grants_end_after: if advanced { text("grants-end-after") } else { before.grants_end_after },
            // The form of a new client does not have them.
            rates: if advanced && client.is_some() { RateFields::read(form) } else { before.rates },
            is_new: client.is_none(),
            advanced,
            form_errors: FormErrors::default(),
        };
        let details = typed.validate(form);
        (typed, details)
    }

    // Validates in the order of the fields on the page, which is the order in which the errors are listed.
    fn validate(&mut self, form: &ProtectedForm) -> Option<ClientDetails> {
        let mut form_errors = FormErrors::default();
        let name = form_errors.check("name", name(form));
        let website = form_errors.check("website", rules::website(&self.website).map_err(Error::Invalid));
        let redirect_uris = redirect_uris(&self.redirect_uris, self.publicly_distributed, &mut form_errors);
        let contact_name = form_errors.check("contact-name", form.line("contact-name", "The contact's name", 100));
        let email = form_errors.check("email", email_address(form));
        let phone = form_errors.check("phone", phone(form));
        let grants_end_after = form_errors.check("grants-end-after", grants_end_after(&self.grants_end_after));
        let rates = self.rates.validate(&mut form_errors);
        let is_valid = form_errors.is_empty();
        self.form_errors = form_errors;
        if !is_valid {
            return None;
        }
        let contact = Contact { name: contact_name?, email: email?, phone: phone? };
        let registration = Registration {
            redirect_uris,
            publicly_distributed: self.publicly_distributed,
            requires_pkce: self.requires_pkce || self.publicly_distributed,
            grants_end_after: grants_end_after?,
            contact,
            rates: rates?,
        };
        Some(ClientDetails { name: name?, website: website?, registration })
    }
}

// Seconds in days, rounded up.
fn days(seconds: i64) -> String {
    ((seconds + DAY - 1) / DAY).to_string()
}

fn name(form: &ProtectedForm) -> Result<String> {
    rules::name(form.line("name", "The name", 100)?).map_err(Error::Invalid)
}

fn redirect_uris(text: &str, publicly_distributed: bool, form_errors: &mut FormErrors) -> Vec<RedirectUri> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    match rules::redirect_uris(&lines, publicly_distributed) {
        Ok(uris) => uris,
        Err(errors) => {
            errors.into_iter().for_each(|error| form_errors.add("redirect-uris", error));
            Vec::new()
        }
    }
}

fn phone(form: &ProtectedForm) -> Result<String> {
    match form.get("phone").trim() {
        "" => Ok(String::new()),
        _ => form.line("phone", "The contact's phone", 40),
    }
}

fn grants_end_after(text: &str) -> Result<Option<i64>> {
    match text.trim() {
        "" => Ok(None),
        text => match text.parse::<i64>() {
            Ok(days) if (1..=MAX_GRANT_DAYS).contains(&days) => Ok(Some(days * DAY)),
            _ => {
                Err(Error::Invalid(format!("Enter a number of days from 1 to {MAX_GRANT_DAYS}, or leave this empty.")))
            }
        },
    }
}
