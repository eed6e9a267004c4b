//! What a client's developer tells about it: read from a form with all that is wrong at once, registered, and changed.

use crate::activity::{Actor, Detail, Kind, NewActivity};
use crate::clients::{Client, ClientSecret, Contact, NewClient, RedirectUri, Registration, Website, is_lightspeed};
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::pages::sign_in::sign_in_page::email_address;
use crate::secrets::PlainToken;
use crate::time::{DAY, Timestamp, count};
use crate::web::form::ProtectedForm;
use crate::web::form_errors::FormErrors;

const MOST_REDIRECT_URIS: usize = 10;
const LONGEST_GRANT: i64 = 3650;

/// The form as it was typed, to be shown again with what is wrong.
#[derive(Clone, Debug, Default)]
pub struct RegistrationForm {
    /// What people call the client.
    pub name: String,
    /// Its website.
    pub website: String,
    /// Its redirect URIs, one per line.
    pub redirect_uris: String,
    /// Whether its program runs on other people's machines.
    pub publicly_distributed: bool,
    /// The name of the person to ask.
    pub contact_name: String,
    /// Their address.
    pub email: String,
    /// Their number.
    pub phone: String,
    /// Whether it must use PKCE.
    pub requires_pkce: bool,
    /// Days after which its grants end; empty for never.
    pub grants_end_after: String,
    /// Whether the client is not there yet.
    pub is_new: bool,
    /// Whether an admin fills it in.
    pub advanced: bool,
    /// What is wrong.
    pub form_errors: FormErrors,
}

/// What a form said, when nothing is wrong with it.
#[derive(Clone, Debug)]
pub struct Told {
    name: String,
    website: Website,
    registration: Registration,
}

/// Who does it, from where.
pub type By<'a> = (&'a Actor, &'a str);

impl RegistrationForm {
    /// An empty form.
    pub fn blank(advanced: bool) -> RegistrationForm {
        RegistrationForm { requires_pkce: true, is_new: true, advanced, ..RegistrationForm::default() }
    }

    /// The form filled in with what is known of a client.
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
            is_new: false,
            advanced,
            form_errors: FormErrors::default(),
        }
    }

    /// Reads a form about a new client, or about one that is there: what cannot be changed stays as it was. Without
    /// `advanced`, so does what only admins decide.
    pub fn read(form: &ProtectedForm, client: Option<&Client>, advanced: bool) -> (RegistrationForm, Option<Told>) {
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
            is_new: client.is_none(),
            advanced,
            form_errors: FormErrors::default(),
        };
        let told = typed.check(form);
        (typed, told)
    }

    // In the order of the fields, so that the sentences stand in it.
    fn check(&mut self, form: &ProtectedForm) -> Option<Told> {
        let mut form_errors = FormErrors::default();
        let name = form_errors.check("name", name(form));
        let website = form_errors.check("website", website(&self.website));
        let redirect_uris = redirect_uris(&self.redirect_uris, self.publicly_distributed, &mut form_errors);
        let contact_name = form_errors.check("contact-name", form.line("contact-name", "The contact's name", 100));
        let email = form_errors.check("email", email_address(form));
        let phone = form_errors.check("phone", phone(form));
        let grants_end_after = form_errors.check("grants-end-after", grants_end_after(&self.grants_end_after));
        let is_sound = form_errors.is_empty();
        self.form_errors = form_errors;
        if !is_sound {
            return None;
        }
        let contact = Contact { name: contact_name?, email: email?, phone: phone? };
        let registration = Registration {
            redirect_uris,
            publicly_distributed: self.publicly_distributed,
            requires_pkce: self.requires_pkce || self.publicly_distributed,
            grants_end_after: grants_end_after?,
            contact,
        };
        Some(Told { name: name?, website: website?, registration })
    }
}

// Days, begun ones counted whole.
fn days(seconds: i64) -> String {
    ((seconds + DAY - 1) / DAY).to_string()
}

fn name(form: &ProtectedForm) -> Result<String> {
    let name = form.line("name", "The name", 100)?;
    match name.to_lowercase().contains("lightspeed") {
        true => Err(Error::Invalid("The name cannot hold “Lightspeed”: it is not Lightspeed's own client.".into())),
        false => Ok(name),
    }
}

fn website(text: &str) -> Result<Website> {
    let website = Website::parse(text).map_err(Error::Invalid)?;
    match website.host().is_some_and(|host| is_lightspeed(&host)) {
        true => Err(Error::Invalid("The website is on a Lightspeed domain. It must be the client's own.".into())),
        false => Ok(website),
    }
}

fn redirect_uris(text: &str, publicly_distributed: bool, form_errors: &mut FormErrors) -> Vec<RedirectUri> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        form_errors.add("redirect-uris", "A redirect URI is missing: where does the browser go with the code?");
    }
    if lines.len() > MOST_REDIRECT_URIS {
        let sentence = format!("A client has at most {MOST_REDIRECT_URIS} redirect URIs; these are {}.", lines.len());
        form_errors.add("redirect-uris", sentence);
    }
    let mut uris = Vec::new();
    for line in lines.into_iter().take(MOST_REDIRECT_URIS) {
        let uri = RedirectUri::parse(line, publicly_distributed).map_err(Error::Invalid);
        uris.extend(form_errors.check("redirect-uris", uri));
    }
    uris
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
            Ok(days) if (1..=LONGEST_GRANT).contains(&days) => Ok(Some(days * DAY)),
            _ => {
                Err(Error::Invalid(format!("Write a number of days from 1 to {LONGEST_GRANT}, or nothing for never.")))
            }
        },
    }
}

impl Told {
    /// Registers the client, admitted at once when an admin does it; its secret is returned once.
    pub fn register(
        &self,
        conn: &mut DbConnection,
        admin: Option<&str>,
        (actor, client_ip): By<'_>,
        now: Timestamp,
    ) -> Result<(Client, PlainToken)> {
        let new = NewClient {
            name: &self.name,
            website: &self.website,
            approved: admin.is_some(),
            lightspeed_approved: false,
            by: admin.unwrap_or_default(),
            registration: &self.registration,
        };
        let id = Client::create(conn, &new, now)?;
        let secret = ClientSecret::issue(conn, id, 0, now)?;
        let client = Client::find(conn, id)?;
        let note = if admin.is_some() { "" } else { "waits to be admitted" };
        NewActivity::new(Kind::ClientRegistered, actor.clone(), client.subject())
            .from(client_ip)
            .with(Detail::note(note))
            .record(conn, now)?;
        Ok((client, secret))
    }

    /// Changes a client to what was told; false when it was all so already.
    pub fn change(
        &self,
        conn: &mut DbConnection,
        client: &Client,
        (actor, client_ip): By<'_>,
        now: Timestamp,
    ) -> Result<bool> {
        let changes = self.changes(client, &RedirectUri::of_client(conn, client.id)?);
        if changes.is_empty() {
            return Ok(false);
        }
        Client::update(conn, client.id, (&self.name, &self.website), &self.registration)?;
        NewActivity::new(Kind::ClientChanged, actor.clone(), client.subject())
            .from(client_ip)
            .with(Detail::note(changes.join("; ")))
            .record(conn, now)?;
        Ok(true)
    }

    // In words, with what a takeover would change spelled out.
    fn changes(&self, client: &Client, redirect_uris: &[String]) -> Vec<String> {
        let new = &self.registration;
        let mut changes = Vec::new();
        if self.name != client.name {
            changes.push(format!("name from {} to {}", client.name, self.name));
        }
        if self.website != client.website {
            changes.push(format!("website from {} to {}", client.website.as_str(), self.website.as_str()));
        }
        let uris: Vec<&str> = new.redirect_uris.iter().map(RedirectUri::as_str).collect();
        if uris != redirect_uris {
            changes.push(format!("redirect URIs from {} to {}", redirect_uris.join(" "), uris.join(" ")));
        }
        if new.contact != client.contact {
            changes.push("contact".into());
        }
        if new.requires_pkce != client.requires_pkce() {
            changes.push(if new.requires_pkce { "PKCE required" } else { "PKCE no longer required" }.into());
        }
        if new.grants_end_after != client.grants_end_after {
            changes.push(match new.grants_end_after {
                Some(seconds) => format!("grants end after {}", count(seconds / DAY, "day")),
                None => "grants no longer end by themselves".into(),
            });
        }
        changes
    }
}
