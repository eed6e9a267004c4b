//! Mail to an employee about their own account: what changed about how they sign in, and links to choose a password.

use crate::account::Account;
use crate::activity::Actor;
use crate::db::DbConnection;
use crate::employees::employee::Employee;
use crate::employees::one_time_link::{Purpose, address};
use crate::error::Result;
use crate::id::EmployeeKey;
use crate::notices::{self, Link, PersonMail, Reader};
use crate::scopes::Role;
use crate::secrets::RandomSecret;
use crate::secrets::sealed::Vault;
use crate::time::{TimeFormat, Timestamp};

/// What changed about an employee, which they are told by e-mail.
#[derive(Clone, Debug)]
pub enum AccountChange {
    /// Their password.
    Password,
    /// Their role.
    Role {
        /// The role before.
        from: Role,
        /// The role now.
        to: Role,
    },
    /// The address they sign in with. They are told at the earlier address too.
    Email {
        /// The address before.
        from: String,
    },
    /// A second factor. The words say which one and what happened, as in `An authenticator app was added`.
    SecondFactor(String),
    /// An identity at the provider of this name was linked to them.
    Identity(String),
}

impl AccountChange {
    // The subject, and a sentence without its full stop.
    fn words(&self, employee: &Employee) -> (&'static str, String) {
        match self {
            AccountChange::Password => ("Your password was changed", "Your password was changed".into()),
            AccountChange::Role { from, to } => {
                ("Your role was changed", format!("Your role was changed from {} to {}", from.name(), to.name()))
            }
            AccountChange::Email { from } => (
                "Your e-mail address was changed",
                format!("The address that you sign in with was changed from {from} to {}", employee.email),
            ),
            AccountChange::SecondFactor(what) => ("About your second factor", what.clone()),
            AccountChange::Identity(provider) => (
                "A new way to sign in",
                format!(
                    "Sign-in through {provider} was linked to your account, because it verified your e-mail address"
                ),
            ),
        }
    }
}

/// Tells an employee by e-mail what changed, when, from where and, if it was somebody else, by whom. Call it in the transaction
/// of the change. Nothing is sent where e-mail is not set up, or when their personal data was erased.
pub fn tell(
    conn: &mut DbConnection,
    id: EmployeeKey,
    change: &AccountChange,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<()> {
    let employee = Employee::find(conn, id)?;
    if employee.erased_at.is_some() {
        return Ok(());
    }
    let account = Account::get(conn)?;
    let (subject, sentence) = change.words(&employee);
    let at = TimeFormat::new(now, &account.time_zone).exact(now).absolute;
    let by = if actor.is(id) { String::new() } else { format!("By: {}\n", actor.name()) };
    // Where another employee works is not theirs to know.
    let shows_ip = (actor.is(id) || !actor.is_person()) && !client_ip.is_empty();
    let from = if shows_ip { format!("From: {client_ip}\n") } else { String::new() };
    let origin = notices::origin(conn);
    let message = format!(
        "{sentence}.\n\nWhen: {at}\n{by}{from}\nIf you did not expect this, tell an admin of {} at once.\n\nYour profile: \
         {origin}/settings/profile",
        account.name
    );
    let mail = PersonMail { subject: subject.into(), message };
    let reader = reader(&employee, &account);
    mail.send(conn, reader, None, now)?;
    if let AccountChange::Email { from } = change {
        mail.send(conn, Reader { email: from, ..reader }, None, now)?;
    }
    Ok(())
}

/// Sends an invited employee the link by which they choose a password; false, and nothing is sent, where e-mail is not set up.
/// Call it in the transaction that issues the link.
pub fn send_invitation(
    conn: &mut DbConnection,
    employee: &Employee,
    (secret, vault): (&RandomSecret, &Vault),
    actor: &Actor,
    now: Timestamp,
) -> Result<bool> {
    let account = Account::get(conn)?;
    let message = format!(
        "{} invited you to {} as {}. Choose a password with this link. It works once, within seven days. Do not pass it on:",
        actor.name(),
        account.name,
        employee.role.name()
    );
    let mail = PersonMail { subject: format!("Invitation to {}", account.name), message };
    send_link(conn, (employee, &account), &mail, (Purpose::Invite, secret, vault), now)
}

/// Sends a mail that ends with a one-time link.
pub(super) fn send_link(
    conn: &mut DbConnection,
    (employee, account): (&Employee, &Account),
    mail: &PersonMail,
    (purpose, secret, vault): (Purpose, &RandomSecret, &Vault),
    now: Timestamp,
) -> Result<bool> {
    let url = address(&notices::origin(conn), purpose, secret);
    let link = Link { url: &url, vault, expires_at: now.plus(purpose.lifetime()) };
    mail.send(conn, reader(employee, account), Some(link), now)
}

fn reader<'a>(employee: &'a Employee, account: &'a Account) -> Reader<'a> {
    Reader { employee: employee.id, name: &employee.name, email: &employee.email, shop: &account.name }
}
