//! What each notice says: what happened, what to do, and which page to open.

use serde_json::{Value, json};

use crate::id::{ClientKey, ConnectionKey, EmployeeKey};
use crate::notices::NoticeKind;
use crate::time::count;

// Pages that notices link to.
const CLIENTS: &str = "/settings/client-api-access";
const PENDING: &str = "/settings/client-api-access/pending";
const REUSE: &str = "/settings/attention/reuse-detected";
const EXPIRING: &str = "/settings/attention/expiring-soon";
const EMPLOYEES: &str = "/settings/employees";
const ACTIVITY: &str = "/settings/activity";

// The most API keys that one notice names.
const NAMED: usize = 20;

/// The connection that a notice is about.
#[derive(Clone, Debug)]
pub struct NoticeSubject {
    /// Its id.
    pub connection: ConnectionKey,
    /// Its name.
    pub name: String,
    /// The path of its page.
    pub path: String,
}

/// A notice to send.
#[derive(Clone, Debug)]
pub struct Notice {
    // None for a test and for the digest, which nobody turns off by kind.
    pub(super) kind: Option<NoticeKind>,
    pub(super) event: &'static str,
    pub(super) title: String,
    pub(super) message: String,
    pub(super) path: String,
    // Further members of the webhook's `data`.
    pub(super) data: Vec<(&'static str, Value)>,
    pub(super) employee: Option<EmployeeKey>,
}

/// An API key that expires soon.
#[derive(Clone, Debug)]
pub struct ExpiringKey {
    /// Its first characters, its label and its client: `Zk3f9aB “Till” of Ledgerly`.
    pub name: String,
    /// When it expires, as people read it.
    pub expires: String,
    /// When it expires, in RFC 3339.
    pub expires_at: String,
}

impl Notice {
    /// A connection needs authorization.
    pub fn needs_authorization(subject: NoticeSubject, reason: &str) -> Notice {
        let kind = NoticeKind::ConnectionStopped;
        Self::about(subject, (kind, "connection.needs_authorization"), "needs authorization", reason.into())
    }

    /// A connection does not work at the moment; its refresh is retried.
    pub fn retrying(subject: NoticeSubject, cause: &str) -> Notice {
        let message = format!("{cause} The refresh is retried automatically.");
        Self::about(subject, (NoticeKind::ConnectionStopped, "connection.trouble"), "is not working", message)
    }

    /// A connection works again.
    pub fn recovered(subject: NoticeSubject) -> Notice {
        let kind = NoticeKind::ConnectionRecovered;
        Self::about(subject, (kind, kind.word()), "works again", "Programs can call through it again.".into())
    }

    fn about(subject: NoticeSubject, kind: (NoticeKind, &'static str), what: &str, message: String) -> Notice {
        Notice {
            event: kind.1,
            data: vec![("connection", json!(subject.connection.0)), ("name", json!(subject.name))],
            ..Self::of(kind.0, format!("{} {what}", subject.name), message, subject.path)
        }
    }

    /// A token or code of a client was used twice. `what`: a clause that says which one, and from where.
    pub fn reuse_detected(client: (ClientKey, &str), what: &str, employee: EmployeeKey) -> Notice {
        let message = format!(
            "Token reuse detected at {}: {what}. It may have been stolen, so its access was revoked.\n\nAsk the \
             developer how the app stores its tokens. The app works again once the employee allows access again.",
            client.1
        );
        let notice = Self::of(NoticeKind::ReuseDetected, format!("Token reuse detected: {}", client.1), message, REUSE);
        Notice { employee: Some(employee), ..notice.with_client(client) }
    }

    /// A client was registered by its developer and is pending approval.
    pub fn client_pending(client: (ClientKey, &str), website: &str) -> Notice {
        let message = format!(
            "Somebody who is not signed in registered {} ({website}). Nobody can allow it access until an admin \
             approves it.\n\nApprove or reject it:",
            client.1
        );
        Self::of(NoticeKind::ClientPending, format!("{} waits for approval", client.1), message, PENDING)
            .with_client(client)
    }

    /// A client was registered by an admin.
    pub fn client_registered(client: (ClientKey, &str), website: &str, by: &str) -> Notice {
        let message = format!(
            "{by} registered {} ({website}). Employees can allow it access now.\n\nIf you did not expect this, suspend \
             or revoke the client:",
            client.1
        );
        let path = format!("{CLIENTS}/clients/{}", client.0);
        Self::of(NoticeKind::ClientRegistered, format!("{} was registered", client.1), message, path)
            .with_client(client)
    }

    /// A client was revoked; `was_pending`: rejected.
    pub fn client_revoked(client: (ClientKey, &str), was_pending: bool, by: &str) -> Notice {
        let (done, message) = match was_pending {
            true => ("rejected", format!("{by} rejected {}, which was pending approval.", client.1)),
            false => ("revoked", format!("{by} revoked {}. None of its tokens is accepted any more.", client.1)),
        };
        let message = format!("{message}\n\nThe activity log has the details:");
        let title = format!("{} was {done}", client.1);
        Self::of(NoticeKind::ClientRevoked, title, message, ACTIVITY).with_client(client)
    }

    /// API keys expire within a week; at least one.
    pub fn api_keys_expire(keys: &[ExpiringKey]) -> Notice {
        let title = match keys {
            [key] => format!("API key {} expires on {}", key.name, key.expires),
            _ => format!("{} expire within a week", count(keys.len() as i64, "API key")),
        };
        let mut message = "Whatever uses a key stops working when it expires. Create a new key and enter it there, or \
                           let the old one expire.\n\n"
            .to_string();
        for key in keys.iter().take(NAMED) {
            message.push_str(&format!("- {}: {}\n", key.name, key.expires));
        }
        if keys.len() > NAMED {
            message.push_str(&format!("- and {} more\n", keys.len() - NAMED));
        }
        let item = |key: &ExpiringKey| json!({ "name": key.name, "expires_at": key.expires_at });
        let items: Vec<Value> = keys.iter().take(NAMED).map(item).collect();
        let notice = Self::of(NoticeKind::ApiKeyExpires, title, message.trim_end().into(), EXPIRING);
        Notice { data: vec![("api_keys", json!(items)), ("count", json!(keys.len()))], ..notice }
    }

    /// An employee became an admin. `how`: what `by` did, as a clause.
    pub fn admin_added((id, name): (EmployeeKey, &str), how: &str) -> Notice {
        let message = format!(
            "{how}. Admins may do everything here: approve clients, create API keys and manage people.\n\nIf you did not \
             expect this, change the role back or lock {name}:"
        );
        let path = format!("{EMPLOYEES}/{id}");
        let notice = Self::of(NoticeKind::AdminAdded, format!("{name} is an admin now"), message, path);
        Notice { data: vec![("employee", json!(id.0)), ("name", json!(name))], employee: Some(id), ..notice }
    }

    /// The break-glass admin signed in with a password, from this address.
    pub fn break_glass_used((id, name): (EmployeeKey, &str), client_ip: &str) -> Notice {
        let message = format!(
            "{name} signed in with a password from {client_ip}, although passwords are off for everybody else. This is meant \
             for when the identity provider does not answer.\n\nIf you did not expect this, lock {name} and revoke their \
             access:"
        );
        let path = format!("{EMPLOYEES}/{id}");
        let notice = Self::of(NoticeKind::BreakGlassUsed, format!("Break-glass sign-in by {name}"), message, path);
        Notice { data: vec![("employee", json!(id.0)), ("name", json!(name))], employee: Some(id), ..notice }
    }

    /// The refresh requests of a client were refused `times` within an hour, the last time with this error and hint.
    pub fn refreshes_refused(client: (ClientKey, &str), times: i64, (error, hint): (&str, &str)) -> Notice {
        let message = format!(
            "Refresh requests of {} were refused {} within an hour. The last answer was {error}: {hint}\n\nAsk the \
             developer to look at the app, which does not reach your data while its refreshes fail. Its page lists what \
             was refused:",
            client.1,
            count(times, "time"),
        );
        let path = format!("{CLIENTS}/clients/{}", client.0);
        let title = format!("Refreshes of {} are refused", client.1);
        Self::of(NoticeKind::RefreshesRefused, title, message, path).with_client(client)
    }

    /// A test of a channel, with a link to `path`.
    pub fn test(by: &str, path: &str) -> Notice {
        Notice {
            kind: None,
            event: "test",
            title: "Test notice".into(),
            message: format!("{by} sent this to test the notice channels."),
            path: path.into(),
            data: Vec::new(),
            employee: None,
        }
    }

    /// The weekly digest: one item for each rule that found something.
    pub fn digest(title: String, message: String, items: Vec<Value>) -> Notice {
        Notice {
            kind: None,
            event: "digest",
            title,
            message,
            path: "/settings".into(),
            data: vec![("items", json!(items))],
            employee: None,
        }
    }

    /// Whether it is a digest without items.
    pub fn is_empty_digest(&self) -> bool {
        self.data.iter().any(|(name, items)| *name == "items" && items.as_array().is_some_and(Vec::is_empty))
    }

    fn of(kind: NoticeKind, title: String, message: String, path: impl Into<String>) -> Notice {
        let (data, employee) = (Vec::new(), None);
        Notice { kind: Some(kind), event: kind.word(), title, message, path: path.into(), data, employee }
    }

    fn with_client(self, (id, name): (ClientKey, &str)) -> Notice {
        Notice { data: vec![("client", json!(id.0)), ("name", json!(name))], ..self }
    }
}
