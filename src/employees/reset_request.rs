//! "Forgot your password?": somebody who is not signed in asks for a link to choose a new one, sent to the employee's address.
//!
//! Asking only stores the request, so that the answer and the work are the same for every address, whether or not it is an
//! employee's. A background job looks the address up and sends the link. Requests are limited by address, by network, and in
//! all; an address that is no employee's is limited as any other.

use diesel::prelude::*;

use crate::account::Account;
use crate::activity::{Actor, Detail, Kind, NewActivity};
use crate::db::{Db, DbConnection};
use crate::employees::account_mail::send_link;
use crate::employees::break_glass::Passwords;
use crate::employees::employee::Employee;
use crate::employees::one_time_link::{OneTimeLink, Purpose};
use crate::employees::sign_in_attempts::ensure_row;
use crate::error::{Error, Result};
use crate::network;
use crate::notices::{self, Channel, PersonMail};
use crate::schema::{reset_requests, sign_in_attempts};
use crate::secrets::sealed::Vault;
use crate::secrets::{RandomSecret, TokenHash};
use crate::text::fold;
use crate::time::{MINUTE, Timestamp};

// Requests for one address at once, and the seconds after which one more is allowed.
const OF_ADDRESS: Limit = Limit { most: 3, drip: 20 * MINUTE };
const OF_NETWORK: Limit = Limit { most: 20, drip: MINUTE };
// The most requests that wait for the job, and how many it answers in one transaction.
const MOST_WAITING: i64 = 500;
const AT_ONCE: i64 = 20;

/// Stores a request for a link. Errors: [`Error::Conflict`] where e-mail is not set up, [`Error::TooManyRequests`] after too
/// many requests for this address or from this network.
pub async fn request_reset(db: &Db, email: &str, client_ip: &str, now: Timestamp) -> Result<()> {
    let (email, client_ip) = (fold(email.trim()), client_ip.to_string());
    // The table stores a hash in place of the e-mail address.
    let account = TokenHash::of(&email).short_hex();
    let rows =
        [(format!("{account} forgot"), OF_ADDRESS), (format!("forgot from {}", network::of(&client_ip)), OF_NETWORK)];
    let asked = rows.clone();
    // A flood of requests is refused by reads alone.
    db.lookup(move |conn| require_allowed(conn, &asked, now)).await?;
    db.write(move |conn| {
        require_allowed(conn, &rows, now)?;
        for (subject, limit) in &rows {
            limit.count(conn, subject, now)?;
        }
        let request = (
            reset_requests::email_fold.eq(&email),
            reset_requests::client_ip.eq(&client_ip),
            reset_requests::created_at.eq(now),
        );
        diesel::insert_into(reset_requests::table).values(request).execute(conn)?;
        Ok(())
    })
    .await
}

fn require_allowed(conn: &mut DbConnection, rows: &[(String, Limit)], now: Timestamp) -> Result<()> {
    if !notices::is_set_up(conn, Channel::Email)? {
        return Err(Error::Conflict(
            "This server sends no e-mail. Ask an admin for a link to choose a new password.".into(),
        ));
    }
    for (subject, limit) in rows {
        if let Some(seconds) = limit.wait(conn, subject, now)? {
            return Err(Error::TooManyRequests(seconds));
        }
    }
    match reset_requests::table.count().get_result::<i64>(conn)? {
        MOST_WAITING.. => Err(Error::TooManyRequests(MINUTE)),
        _ => Ok(()),
    }
}

/// Whether a request waits for its answer.
pub fn has_requests(conn: &mut DbConnection) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(reset_requests::table.select(reset_requests::id))).get_result(conn)
}

/// Answers the oldest requests, in the order they came. An employee who has a password and may sign in with it (`passwords`) is
/// sent a link; every other request is forgotten.
pub fn answer_requests(conn: &mut DbConnection, vault: &Vault, passwords: Passwords, now: Timestamp) -> Result<()> {
    let waiting = reset_requests::table.order(reset_requests::id).limit(AT_ONCE);
    let waiting: Vec<(i64, String, String, Timestamp)> = waiting.load(conn)?;
    for (id, email, client_ip, created_at) in &waiting {
        // Another node may have answered it.
        let is_mine = diesel::delete(reset_requests::table.find(id)).execute(conn)? == 1;
        if is_mine && now.since(*created_at) < Purpose::Forgot.lifetime() {
            answer(conn, (email, client_ip), (vault, passwords), now)?;
        }
    }
    Ok(())
}

fn answer(
    conn: &mut DbConnection,
    (email, client_ip): (&str, &str),
    (vault, passwords): (&Vault, Passwords),
    now: Timestamp,
) -> Result<()> {
    // Who signs in through the provider only must not get a password, and a way around the provider, by an e-mail.
    let may_choose = |employee: &Employee| {
        employee.password_hash().is_some() && employee.is_active() && passwords.allow(employee.id)
    };
    let Some(employee) = Employee::find_by_email(conn, email)?.filter(may_choose) else { return Ok(()) };
    let (account, secret) = (Account::get(conn)?, RandomSecret::generate());
    let message = format!(
        "Somebody at {client_ip} asked for a link to choose a new password for your account at {}. If it was not you, do \
         nothing: your password stays as it is.\n\nThe link works once, within an hour:",
        account.name
    );
    let mail = PersonMail { subject: "Choose a new password".into(), message };
    if !send_link(conn, (&employee, &account), &mail, (Purpose::Forgot, &secret, vault), now)? {
        return Ok(());
    }
    OneTimeLink::issue(conn, Purpose::Forgot, Some(employee.id), &secret.hash(), now)?;
    NewActivity::new(Kind::ResetLinkCreated, Actor::nobody(), employee.subject())
        .from(client_ip)
        .with(Detail::note("sent by e-mail"))
        .record(conn, now)
}

// So many at once, and one more after each `drip` seconds. The counts share the table of sign-in attempts and its bound.
#[derive(Clone, Copy)]
struct Limit {
    most: i64,
    drip: i64,
}

impl Limit {
    // What still counts, and since when; and what the row has.
    fn used(self, conn: &mut DbConnection, subject: &str, now: Timestamp) -> QueryResult<Used> {
        let columns = (sign_in_attempts::failures, sign_in_attempts::last_failed_at);
        let row: Option<(i64, Timestamp)> =
            sign_in_attempts::table.find(subject).select(columns).first(conn).optional()?;
        let stored = row.unwrap_or((0, now));
        let forgotten = (now.since(stored.1).max(0) / self.drip).min(stored.0);
        Ok(match stored.0 - forgotten {
            0 => Used { count: 0, since: now, stored },
            left => Used { count: left, since: stored.1.plus(forgotten * self.drip), stored },
        })
    }

    fn wait(self, conn: &mut DbConnection, subject: &str, now: Timestamp) -> QueryResult<Option<i64>> {
        let used = self.used(conn, subject, now)?;
        Ok((used.count >= self.most).then(|| used.since.plus(self.drip).since(now).max(1)))
    }

    fn count(self, conn: &mut DbConnection, subject: &str, now: Timestamp) -> Result<()> {
        ensure_row(conn, subject, now)?;
        let used = self.used(conn, subject, now)?;
        let (failures, at) = used.stored;
        let unchanged = sign_in_attempts::table
            .find(subject)
            .filter(sign_in_attempts::failures.eq(failures))
            .filter(sign_in_attempts::last_failed_at.eq(at));
        let one_more = (sign_in_attempts::failures.eq(used.count + 1), sign_in_attempts::last_failed_at.eq(used.since));
        match diesel::update(unchanged).set(one_more).execute(conn)? {
            1 => Ok(()),
            // On PostgreSQL another request was counted in the meantime.
            _ => Err(Error::TooManyRequests(1)),
        }
    }
}

struct Used {
    count: i64,
    since: Timestamp,
    stored: (i64, Timestamp),
}
