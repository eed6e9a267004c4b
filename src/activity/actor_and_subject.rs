//! Who acted, and on what. Both keep the name they had then, so that the log stays readable after a deletion.

use crate::id::{ClientKey, EmployeeKey};
use crate::secrets::Mask;

/// Who acted.
#[derive(Clone, Debug)]
pub struct Actor {
    pub(super) id: Option<EmployeeKey>,
    pub(super) name: String,
}

impl Actor {
    /// An employee.
    pub fn person(id: EmployeeKey, name: &str) -> Actor {
        Actor { id: Some(id), name: name.into() }
    }

    /// The server, without a person.
    pub fn server() -> Actor {
        Actor { id: None, name: "the server".into() }
    }

    /// A command on the machine that the server runs on.
    pub fn console() -> Actor {
        Actor { id: None, name: "the console".into() }
    }

    /// The name as the log shows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A client that authenticated itself.
    pub fn client(name: &str) -> Actor {
        Actor { id: None, name: name.into() }
    }

    /// Somebody who is not signed in.
    pub fn nobody() -> Actor {
        Actor { id: None, name: "somebody not signed in".into() }
    }
}

/// What was acted on.
#[derive(Clone, Debug)]
pub struct Subject {
    pub(super) kind: &'static str,
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) employee: Option<EmployeeKey>,
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

    /// A token of a client, named by its first characters; `kind` is `refresh_token` or `access_token`.
    pub fn token(kind: &'static str, id: i64, mask: &Mask, client_name: &str, employee: EmployeeKey) -> Subject {
        Subject { kind, id, name: format!("{} of {client_name}", mask.characters()), employee: Some(employee) }
    }

    /// Anything else, by its kind and name.
    pub fn named(kind: &'static str, id: i64, name: &str) -> Subject {
        Subject { kind, id, name: name.into(), employee: None }
    }
}
