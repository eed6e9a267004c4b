//! One entry of the log.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::db::DbConnection;
use crate::db::keyset::PAGE;
use crate::db::text_enum::text_enum;
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::{ActivityKey, ClientKey, EmployeeKey};
use crate::schema::activity;
use crate::scopes::Role;
use crate::secrets::Mask;
use crate::time::{Timestamp, count};

text_enum! {
    /// What happened.
    Kind {
        /// Somebody signed in.
        SignedIn = "signed in",
        /// Somebody signed out.
        SignedOut = "signed out",
        /// A password was wrong.
        SignInFailed = "sign-in failed",
        /// A sign-in was ended from the profile or by an admin.
        SessionRevoked = "sign-in ended",
        /// The shop was set up.
        SetUp = "set up",
        /// A client and everything below it was revoked.
        ClientRevoked = "client revoked",
        /// A refresh token and its access tokens were revoked.
        RefreshTokenRevoked = "refresh token revoked",
        /// An access token was revoked.
        AccessTokenRevoked = "access token revoked",
        /// An API key was revoked.
        ApiKeyRevoked = "API key revoked",
        /// A client was registered.
        ClientRegistered = "client registered",
        /// What is told about a client was changed.
        ClientChanged = "client changed",
        /// A pending client was admitted.
        ClientApproved = "client admitted",
        /// A client was given the Lightspeed Approved mark.
        ClientLightspeedApproved = "client approved",
        /// The mark was taken from it.
        ClientLightspeedApprovedWithdrawn = "approval withdrawn",
        /// A client was suspended.
        ClientSuspended = "client suspended",
        /// A suspended client was resumed.
        ClientResumed = "client resumed",
        /// A client's secret was made anew, or an earlier one ended.
        SecretRegenerated = "secret regenerated",
        /// An employee let a client in.
        ClientAuthorized = "access granted",
        /// An employee was asked to let a client in and did not.
        ConsentDenied = "access denied",
        /// An API key was made.
        ApiKeyCreated = "API key created",
        /// A refresh token was shown again after it had been replaced: its grant ended.
        RefreshTokenReuseDetected = "refresh token replayed",
        /// An authorization code was shown twice: its grant ended.
        CodeReuseDetected = "authorization code replayed",
        /// A resource server was added.
        ResourceServerAdded = "resource server added",
        /// Its secret was made anew.
        ResourceServerChanged = "resource server changed",
        /// It was removed.
        ResourceServerRemoved = "resource server removed",
        /// The rows a large revoke left behind have been deleted.
        Purged = "deletion finished",
        /// Everything a person granted was ended.
        AllAccessRevoked = "grants ended",
        /// An employee was invited.
        EmployeeInvited = "employee invited",
        /// An employee accepted and chose a password.
        InvitationAccepted = "invitation accepted",
        /// An employee was locked.
        EmployeeLocked = "employee locked",
        /// The lock was lifted.
        EmployeeUnlocked = "employee unlocked",
        /// An employee was archived.
        EmployeeArchived = "employee archived",
        /// An employee was brought back.
        EmployeeRestored = "employee restored",
        /// An employee's role was changed.
        RoleChanged = "role changed",
        /// An employee's locations were changed.
        LocationsChanged = "locations changed",
        /// A link to choose a new password was made.
        ResetLinkCreated = "reset link made",
        /// A password was changed.
        PasswordChanged = "password changed",
        /// The account's name or time zone was changed.
        AccountChanged = "account changed",
        /// A business or a location was added or removed.
        BusinessChanged = "business changed",
        /// An outbound connection was made.
        ConnectionCreated = "connection created",
        /// What is told about one was changed.
        ConnectionChanged = "connection changed",
        /// Somebody authorized one at its provider.
        ConnectionAuthorized = "connection authorized",
        /// One can do nothing until somebody authorizes it again.
        ConnectionLost = "connection needs authorization",
        /// One was paused.
        ConnectionPaused = "connection paused",
        /// One was resumed.
        ConnectionResumed = "connection resumed",
        /// One was disconnected and deleted.
        ConnectionDisconnected = "connection disconnected",
        /// An outbound OAuth 2.0 client was added.
        OAuthClientAdded = "OAuth 2.0 client added",
        /// One was changed.
        OAuthClientChanged = "OAuth 2.0 client changed",
        /// One was deleted.
        OAuthClientDeleted = "OAuth 2.0 client deleted",
        /// A service key of a connection was made.
        ServiceKeyCreated = "service key created",
        /// One was revoked.
        ServiceKeyRevoked = "service key revoked",
        /// What is stored was sealed anew under another secret key.
        KeyRotated = "secret key replaced",
        /// A test notice was sent.
        NoticeTested = "test notice sent",
        /// A whole token was looked up.
        TokenLookedUp = "token looked up",
    }
}

/// Who did it.
#[derive(Clone, Debug)]
pub struct Actor {
    id: Option<EmployeeKey>,
    name: String,
}

impl Actor {
    /// The name the log shows.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// An employee.
    pub fn person(id: EmployeeKey, name: &str) -> Actor {
        Actor { id: Some(id), name: name.into() }
    }

    /// The server by itself.
    pub fn server() -> Actor {
        Actor { id: None, name: "the server".into() }
    }

    /// Somebody at the machine itself.
    pub fn console() -> Actor {
        Actor { id: None, name: "the console".into() }
    }

    /// A client acting by itself.
    pub fn client(name: &str) -> Actor {
        Actor { id: None, name: name.into() }
    }

    /// Somebody who is not signed in.
    pub fn nobody() -> Actor {
        Actor { id: None, name: "somebody not signed in".into() }
    }
}

/// What it was done to.
#[derive(Clone, Debug)]
pub struct Subject {
    kind: &'static str,
    id: i64,
    name: String,
    employee: Option<EmployeeKey>,
}

impl Subject {
    /// A client.
    pub fn client(id: ClientKey, name: &str) -> Subject {
        Subject { kind: "client", id: id.0, name: name.into(), employee: None }
    }

    /// An employee.
    pub fn employee(id: EmployeeKey, name: &str) -> Subject {
        Subject { kind: "employee", id: id.0, name: name.into(), employee: Some(id) }
    }

    /// A token of a client, named by its shown characters; `kind` is `refresh_token` or `access_token`.
    pub fn token(kind: &'static str, id: i64, mask: &Mask, client_name: &str, employee: EmployeeKey) -> Subject {
        Subject { kind, id, name: format!("{} of {client_name}", mask.characters()), employee: Some(employee) }
    }

    /// Something that was named only once.
    pub fn named(kind: &'static str, id: i64, name: &str) -> Subject {
        Subject { kind, id, name: name.into(), employee: None }
    }
}

/// What an entry keeps beyond its one line. Never a hash, never a value.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Detail {
    /// Refresh tokens that went.
    #[serde(skip_serializing_if = "is_zero")]
    pub refresh_tokens: i64,
    /// Access tokens that went.
    #[serde(skip_serializing_if = "is_zero")]
    pub access_tokens: i64,
    /// API keys that went.
    #[serde(skip_serializing_if = "is_zero")]
    pub api_keys: i64,
    /// Shown characters of what went, at most a hundred.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub masks: Vec<String>,
    /// Whose it was, at most a hundred names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub employees: Vec<String>,
    /// Anything else worth knowing, in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

fn is_zero(n: &i64) -> bool {
    *n == 0
}

impl Detail {
    /// How many masks and names an entry keeps.
    pub const MOST_NAMES: i64 = 100;

    /// A detail of one sentence.
    pub fn note(text: impl Into<String>) -> Detail {
        Detail { note: text.into(), ..Detail::default() }
    }

    /// The counts in words: `1 refresh token, 4 access tokens and 2 API keys`; empty when nothing went.
    pub fn counts(&self) -> String {
        let parts =
            [(self.refresh_tokens, "refresh token"), (self.access_tokens, "access token"), (self.api_keys, "API key")];
        let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, noun)| count(*n, noun)).collect();
        and_list(&parts)
    }

    /// Everything in one line.
    pub fn line(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        let counts = self.counts();
        if !counts.is_empty() {
            parts.push(counts);
        }
        if !self.employees.is_empty() {
            parts.push(format!("granted by {}", abbreviated(&self.employees)));
        }
        if !self.masks.is_empty() {
            parts.push(abbreviated(&self.masks));
        }
        if !self.note.is_empty() {
            parts.push(self.note.clone());
        }
        parts.join(" · ")
    }
}

/// `a`, `a and b`, `a, b and c`.
pub fn and_list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

fn abbreviated(names: &[String]) -> String {
    const SHOWN: usize = 4;
    match names.len() {
        ..=SHOWN => names.join(", "),
        n => format!("{} and {} more", names[..SHOWN].join(", "), n - SHOWN),
    }
}

/// An entry about to be written.
#[derive(Debug)]
pub struct NewActivity {
    kind: Kind,
    actor: Actor,
    subject: Subject,
    detail: Detail,
    client_ip: String,
}

impl NewActivity {
    /// That `actor` did `kind` to `subject`.
    pub fn new(kind: Kind, actor: Actor, subject: Subject) -> NewActivity {
        NewActivity { kind, actor, subject, detail: Detail::default(), client_ip: String::new() }
    }

    /// From the address given.
    #[must_use]
    pub fn from(mut self, client_ip: &str) -> NewActivity {
        self.client_ip = client_ip.into();
        self
    }

    /// With what else is worth keeping.
    #[must_use]
    pub fn with(mut self, detail: Detail) -> NewActivity {
        self.detail = detail;
        self
    }

    /// Writes it, in the transaction of the act.
    pub fn record(&self, conn: &mut DbConnection, now: Timestamp) -> Result<()> {
        let detail = serde_json::to_string(&self.detail).map_err(Error::internal)?;
        diesel::insert_into(activity::table)
            .values((
                activity::at.eq(now),
                activity::kind.eq(self.kind),
                activity::actor_id.eq(self.actor.id),
                activity::actor_name.eq(&self.actor.name),
                activity::subject_kind.eq(self.subject.kind),
                activity::subject_id.eq(self.subject.id),
                activity::subject_name.eq(&self.subject.name),
                activity::employee_id.eq(self.subject.employee),
                activity::detail.eq(detail),
                activity::client_ip.eq(&self.client_ip),
            ))
            .execute(conn)?;
        Ok(())
    }
}

/// One row.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable)]
#[diesel(table_name = activity)]
pub struct Activity {
    /// Its id.
    pub id: ActivityKey,
    /// When.
    pub at: Timestamp,
    /// What; a word of [`Kind`], or of an older version.
    pub kind: String,
    /// Who, if a person.
    pub actor_id: Option<EmployeeKey>,
    /// Who, by name.
    pub actor_name: String,
    /// To what kind of thing.
    pub subject_kind: String,
    /// To which one.
    pub subject_id: i64,
    /// By name.
    pub subject_name: String,
    /// Whom it concerns.
    pub employee_id: Option<EmployeeKey>,
    /// JSON of [`Detail`].
    pub detail: String,
    /// From where.
    pub client_ip: String,
}

/// Which entries a list shows.
#[derive(Clone, Debug, Default)]
pub struct ActivityFilter {
    /// Only what this employee did, or what concerns them.
    pub about: Option<EmployeeKey>,
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Only acts by somebody whose name holds this.
    pub actor: String,
    /// Only what happened at this moment or later.
    pub from: Option<Timestamp>,
    /// Only what happened before this moment.
    pub until: Option<Timestamp>,
}

impl ActivityFilter {
    /// What a viewer with this role may see of the log.
    pub fn visible_to(viewer: EmployeeKey, role: Role) -> ActivityFilter {
        let about = if role == Role::Staff { Some(viewer) } else { None };
        ActivityFilter { about, ..ActivityFilter::default() }
    }
}

impl Activity {
    /// What is kept beyond the line.
    pub fn details(&self) -> Detail {
        serde_json::from_str(&self.detail).unwrap_or_default()
    }

    /// A page of entries, newest first: at most one more than fits. `edge` is an id; backward reads towards newer ones.
    pub fn list(
        conn: &mut DbConnection,
        filter: &ActivityFilter,
        edge: Option<i64>,
        backward: bool,
        limit: i64,
    ) -> QueryResult<Vec<Activity>> {
        let mut query = activity::table.select(Activity::as_select()).limit(limit).into_boxed();
        if let Some(about) = filter.about {
            query = query.filter(activity::actor_id.eq(about).or(activity::employee_id.eq(about)));
        }
        if let Some(kind) = filter.kind {
            query = query.filter(activity::kind.eq(kind));
        }
        if !filter.actor.is_empty() {
            let who = Employee::named(conn, &filter.actor)?;
            query = query.filter(activity::actor_id.eq_any(who.into_iter().map(Some)));
        }
        if let Some(from) = filter.from {
            query = query.filter(activity::at.ge(from));
        }
        if let Some(until) = filter.until {
            query = query.filter(activity::at.lt(until));
        }
        match (edge, backward) {
            (Some(id), false) => query = query.filter(activity::id.lt(id)),
            (Some(id), true) => query = query.filter(activity::id.gt(id)),
            (None, _) => {}
        }
        match backward {
            false => query.order(activity::id.desc()).load(conn),
            true => query.order(activity::id.asc()).load(conn),
        }
    }

    /// A page's worth and one.
    pub const LIMIT: i64 = PAGE as i64 + 1;

    /// How a refresh token of a client ended: by its name in the log, or by its shown characters among the last two hundred
    /// times that everything a person granted was ended.
    pub fn ending_of_token(conn: &mut DbConnection, name: &str, mask: &str) -> QueryResult<Option<Activity>> {
        let kinds = [Kind::RefreshTokenRevoked, Kind::RefreshTokenReuseDetected, Kind::CodeReuseDetected];
        let named = activity::table
            .filter(activity::subject_name.eq(name))
            .filter(activity::kind.eq_any(kinds.iter().map(|kind| kind.word())))
            .order(activity::id.desc())
            .select(Activity::as_select())
            .first(conn)
            .optional()?;
        if named.is_some() {
            return Ok(named);
        }
        // Such an entry covers every client: it speaks of this token only when this client was granted it.
        let granted =
            activity::table.filter(activity::subject_name.eq(name)).filter(activity::kind.eq(Kind::ClientAuthorized));
        if !diesel::select(diesel::dsl::exists(granted)).get_result::<bool>(conn)? {
            return Ok(None);
        }
        let ended: Vec<Activity> = activity::table
            .filter(activity::kind.eq(Kind::AllAccessRevoked))
            .order(activity::id.desc())
            .limit(200)
            .select(Activity::as_select())
            .load(conn)?;
        Ok(ended.into_iter().find(|entry| entry.details().masks.iter().any(|own| own == mask)))
    }

    /// How something ended: the newest entry of one of `kinds` about it.
    pub fn ending(
        conn: &mut DbConnection,
        kinds: &[Kind],
        subject_kind: &str,
        id: i64,
    ) -> QueryResult<Option<Activity>> {
        activity::table
            .filter(activity::subject_kind.eq(subject_kind))
            .filter(activity::subject_id.eq(id))
            .filter(activity::kind.eq_any(kinds.iter().map(|kind| kind.word())))
            .order(activity::id.desc())
            .select(Activity::as_select())
            .first(conn)
            .optional()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_reads_as_a_sentence() {
        let detail = Detail { refresh_tokens: 1, access_tokens: 4, api_keys: 2, ..Detail::default() };
        assert_eq!(detail.counts(), "1 refresh token, 4 access tokens and 2 API keys");

        let names = (1..=6).map(|n| format!("n{n}")).collect();
        let detail = Detail { access_tokens: 1, employees: names, ..Detail::default() };
        assert_eq!(detail.line(), "1 access token · granted by n1, n2, n3, n4 and 2 more");
    }
}
