//! The provider in use: what the environment sets, which wins, and otherwise what an admin entered. The client secret is
//! encrypted, and never shown again.

use diesel::prelude::*;
use zeroize::Zeroizing;

use crate::activity::{Actor, Detail, Kind, NewActivity, Subject};
use crate::config::{EnteredProvider, IdentityProvider};
use crate::db::DbConnection;
use crate::employees::{BreakGlass, Employee, Passwords};
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::notices::{self, Notice};
use crate::schema::{employee_identities, employees, identity_settings};
use crate::secrets::sealed::{Place, Sealed, Vault};
use crate::time::Timestamp;

const ID: i64 = 1;
const SECRET: Place = Place::new("identity_settings.client_secret", ID);

/// What is wrong with a field: its name in the form, and a sentence.
pub type FieldErrors = Vec<(&'static str, String)>;

/// What the environment sets, and what decrypts and limits what is stored.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The provider that the environment sets.
    pub environment: Option<&'a IdentityProvider>,
    /// Encrypts the client secret.
    pub vault: &'a Vault,
    /// Whether private addresses may be called.
    pub allows_private: bool,
}

/// As [`Source`], for a transaction.
#[derive(Clone)]
pub struct OwnedSource {
    /// The provider that the environment sets.
    pub environment: Option<IdentityProvider>,
    /// Encrypts the client secret.
    pub vault: Vault,
    /// Whether private addresses may be called.
    pub allows_private: bool,
}

impl OwnedSource {
    /// The same, borrowed.
    pub fn borrowed(&self) -> Source<'_> {
        Source { environment: self.environment.as_ref(), vault: &self.vault, allows_private: self.allows_private }
    }
}

/// Who may sign in with a password.
pub fn passwords(conn: &mut DbConnection, source: Source<'_>) -> Result<Passwords> {
    match current(conn, source)? {
        Some(provider) if !provider.passwords => Ok(Passwords::OnlyFor(BreakGlass::admin(conn)?.map(|admin| admin.id))),
        _ => Ok(Passwords::On),
    }
}

/// Refuses a link to choose a password, if passwords are off for this employee. Errors: [`Error::Gone`].
pub fn require_password(conn: &mut DbConnection, source: Source<'_>, employee: EmployeeKey) -> Result<()> {
    match passwords(conn, source)?.allow(employee) {
        true => Ok(()),
        false => {
            Err(Error::Gone("Passwords are switched off here. Sign in through the identity provider instead.".into()))
        }
    }
}

/// Records that the break-glass admin signed in with a password while passwords are off for everybody else, and raises a
/// notice.
pub fn record_break_glass(conn: &mut DbConnection, id: EmployeeKey, client_ip: &str, now: Timestamp) -> Result<()> {
    let employee = Employee::find(conn, id)?;
    NewActivity::new(Kind::BreakGlassUsed, Actor::person(id, &employee.name), employee.subject())
        .from(client_ip)
        .record(conn, now)?;
    notices::raise(conn, &Notice::break_glass_used((id, &employee.name), client_ip), now)
}

/// The provider in use; none if there is none, or its secret cannot be decrypted.
pub fn current(conn: &mut DbConnection, source: Source<'_>) -> Result<Option<IdentityProvider>> {
    if let Some(provider) = source.environment {
        return Ok(Some(provider.clone()));
    }
    let Some((entered, _)) = stored(conn)? else { return Ok(None) };
    match open_secret(conn, source.vault) {
        Ok(secret) => Ok(entered.checked(secret, source.allows_private).ok()),
        Err(error) if error.is_unavailable() => Err(error),
        Err(error) => {
            log::error!("nobody can sign in through the identity provider: {error}");
            Ok(None)
        }
    }
}

/// What is stored, and whether there is a client secret.
pub fn stored(conn: &mut DbConnection) -> QueryResult<Option<(EnteredProvider, bool)>> {
    type Row = (String, String, String, String, String, String, String, String, bool, bool, bool);
    let row: Option<Row> = identity_settings::table
        .find(ID)
        .select((
            identity_settings::issuer,
            identity_settings::client_id,
            identity_settings::name,
            identity_settings::scopes,
            identity_settings::email_claim,
            identity_settings::groups_claim,
            identity_settings::roles,
            identity_settings::domains,
            identity_settings::creates,
            identity_settings::passwords,
            identity_settings::client_secret.is_not_null(),
        ))
        .first(conn)
        .optional()?;
    Ok(row.map(
        |(issuer, client_id, name, scopes, email_claim, groups_claim, roles, domains, creates, passwords, has)| {
            let entered = EnteredProvider {
                issuer,
                client_id,
                name,
                scopes,
                email_claim,
                groups_claim,
                roles,
                domains,
                creates,
                passwords,
            };
            (entered, has)
        },
    ))
}

fn open_secret(conn: &mut DbConnection, vault: &Vault) -> Result<Option<Zeroizing<String>>> {
    let row = identity_settings::table.find(ID).select(identity_settings::client_secret);
    let sealed: Option<Sealed> = row.first(conn).optional()?.flatten();
    let opened = sealed.map(|sealed| vault.open(&sealed, SECRET)).transpose()?;
    Ok(opened.map(|secret| Zeroizing::new(secret.expose().to_string())))
}

/// The provider that somebody enters; an empty secret keeps the stored one for the same issuer and client ID. Errors: what is
/// wrong with each field.
pub fn check(
    conn: &mut DbConnection,
    entered: &EnteredProvider,
    secret: &Zeroizing<String>,
    source: Source<'_>,
) -> Result<std::result::Result<IdentityProvider, FieldErrors>> {
    require_not_set(source)?;
    let before = stored(conn)?.filter(|(before, has_secret)| {
        *has_secret && before.issuer == entered.issuer && before.client_id == entered.client_id
    });
    let secret = match (secret.is_empty(), before) {
        (false, _) => Some(secret.clone()),
        (true, None) => None,
        // What cannot be decrypted any more is entered again.
        (true, Some(_)) => open_secret(conn, source.vault).or_else(|error| match error {
            Error::Internal(_) => Ok(None),
            error => Err(error),
        })?,
    };
    let mut checked = entered.checked(secret, source.allows_private);
    if !entered.passwords && checked.is_ok() && !is_in_use(conn, &entered.issuer)? {
        let sentence = "Nobody has signed in through this provider yet. Save it with passwords on, sign in through it once, \
             and then switch passwords off.";
        checked = Err(vec![("passwords", sentence.into())]);
    }
    Ok(checked)
}

/// Stores a checked provider and records it. Errors: [`Error::Conflict`] when the environment sets one.
pub fn store(
    conn: &mut DbConnection,
    (entered, provider): (&EnteredProvider, &IdentityProvider),
    source: Source<'_>,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<()> {
    require_not_set(source)?;
    let sealed = source.vault.seal(&provider.client_secret, SECRET)?;
    diesel::delete(identity_settings::table.find(ID)).execute(conn)?;
    diesel::insert_into(identity_settings::table)
        .values((
            identity_settings::id.eq(ID),
            identity_settings::issuer.eq(&entered.issuer),
            identity_settings::client_id.eq(&entered.client_id),
            identity_settings::client_secret.eq(Some(sealed)),
            identity_settings::name.eq(&entered.name),
            identity_settings::scopes.eq(&entered.scopes),
            identity_settings::email_claim.eq(&entered.email_claim),
            identity_settings::groups_claim.eq(&entered.groups_claim),
            identity_settings::roles.eq(&entered.roles),
            identity_settings::domains.eq(&entered.domains),
            identity_settings::creates.eq(entered.creates),
            identity_settings::passwords.eq(entered.passwords),
        ))
        .execute(conn)?;
    let passwords = if entered.passwords { "on" } else { "off" };
    let note = format!("sign-in through {}, passwords {passwords}", provider.issuer);
    record_change(conn, &note, (actor, client_ip), now)
}

/// Removes the stored provider and records it; false if there was none. Errors: [`Error::Conflict`] when the environment sets
/// one.
pub fn remove(
    conn: &mut DbConnection,
    source: Source<'_>,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<bool> {
    require_not_set(source)?;
    let removed = diesel::delete(identity_settings::table.find(ID)).execute(conn)? == 1;
    if removed {
        record_change(conn, "sign-in through the identity provider removed", (actor, client_ip), now)?;
    }
    Ok(removed)
}

/// How many employees without a password sign in through a provider: without it they need an invitation link.
pub fn without_password(conn: &mut DbConnection) -> QueryResult<i64> {
    employees::table
        .filter(employees::linked_at.is_not_null())
        .filter(employees::password_hash.is_null())
        .filter(employees::archived_at.is_null())
        .count()
        .get_result(conn)
}

/// Chooses the break-glass admin and records it. Errors: [`Error::Invalid`] if they are no admin with a password.
pub fn choose_break_glass(
    conn: &mut DbConnection,
    id: EmployeeKey,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<()> {
    let employee = BreakGlass::choose(conn, id)?;
    NewActivity::new(Kind::BreakGlassChosen, actor.clone(), employee.subject()).from(client_ip).record(conn, now)
}

fn is_in_use(conn: &mut DbConnection, issuer: &str) -> QueryResult<bool> {
    let of_issuer = employee_identities::table.filter(employee_identities::issuer.eq(issuer));
    diesel::select(diesel::dsl::exists(of_issuer)).get_result(conn)
}

fn require_not_set(source: Source<'_>) -> Result<()> {
    match source.environment {
        None => Ok(()),
        Some(_) => {
            Err(Error::Conflict("The environment sets the identity provider (OIDC_ISSUER). Change it there.".into()))
        }
    }
}

fn record_change(
    conn: &mut DbConnection,
    note: &str,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<()> {
    NewActivity::new(Kind::SignInChanged, actor.clone(), Subject::named("account", 1, "Sign-in"))
        .from(client_ip)
        .with(Detail::note(note))
        .record(conn, now)
}
