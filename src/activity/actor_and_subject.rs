//! Who acted, and on what. Clients, connections and the like keep the name they had then, so that the log stays readable
//! after a deletion. People are stored by id, and pages look up their names; beside it is the API token they acted with, if any.

use crate::id::{ClientKey, EmployeeKey};
use crate::secrets::Mask;

/// Who acted.
#[derive(Clone, Debug)]
pub struct Actor {
    pub(super) id: Option<EmployeeKey>,
    pub(super) name: String,
    // The API token that a person acts with; empty for none.
    through: String,
}

impl Actor {
    /// An employee.
    pub fn person(id: EmployeeKey, name: &str) -> Actor {
        Actor { id: Some(id), name: name.into(), through: String::new() }
    }

    /// An employee, or a service that they are responsible for, through an API token of this name.
    pub fn with_api_token(id: EmployeeKey, name: &str, token: &str) -> Actor {
        Actor { through: format!("API token “{token}”"), ..Actor::person(id, name) }
    }

    fn other(name: &str) -> Actor {
        Actor { id: None, name: name.into(), through: String::new() }
    }

    /// The server, without a person.
    pub fn server() -> Actor {
        Actor::other("the server")
    }

    /// A command on the machine that the server runs on.
    pub fn console() -> Actor {
        Actor::other("the console")
    }

    /// Whether the actor is this employee.
    pub fn is(&self, employee: EmployeeKey) -> bool {
        self.id == Some(employee)
    }

    /// Whether the actor is an employee.
    pub fn is_person(&self) -> bool {
        self.id.is_some()
    }

    /// The name as the log shows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    // The name that is stored: of an employee, whose name may be erased later, only the API token.
    pub(super) fn stored_name(&self) -> &str {
        if self.id.is_some() { &self.through } else { &self.name }
    }

    /// A client that authenticated itself.
    pub fn client(name: &str) -> Actor {
        Actor::other(name)
    }

    /// Somebody who is not signed in.
    pub fn nobody() -> Actor {
        Actor::other("somebody not signed in")
    }
}

/// What was acted on.
#[derive(Clone, Debug)]
pub struct Subject {
    pub(super) kind: &'static str,
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) employee: Option<EmployeeKey>,
    // The client that it belongs to.
    pub(super) client: Option<ClientKey>,
}

impl Subject {
    /// The kind of an employee.
    pub const EMPLOYEE: &'static str = "employee";

    /// The kind of a client.
    pub const CLIENT: &'static str = "client";

    /// A client.
    pub fn client(id: ClientKey, name: &str) -> Subject {
        Subject { kind: Subject::CLIENT, id: id.0, name: name.into(), employee: None, client: None }
    }

    /// An employee.
    pub fn employee(id: EmployeeKey, name: &str) -> Subject {
        Subject { kind: Subject::EMPLOYEE, id: id.0, name: name.into(), employee: Some(id), client: None }
    }

    /// A token of a client, named by its first characters; `kind` is `refresh_token` or `access_token`.
    pub fn token(
        kind: &'static str,
        id: i64,
        mask: &Mask,
        (client, client_name): (ClientKey, &str),
        employee: EmployeeKey,
    ) -> Subject {
        let name = format!("{} of {client_name}", mask.characters());
        Subject { kind, id, name, employee: Some(employee), client: Some(client) }
    }

    /// An API token, named by its first characters and its name; `employee` is its responsible person.
    pub fn api_token(id: i64, mask: &Mask, name: &str, employee: EmployeeKey) -> Subject {
        let name = format!("{} “{name}”", mask.characters());
        Subject { kind: "api_token", id, name, employee: Some(employee), client: None }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    // The name that is stored: none of an employee, whose name may be erased later.
    pub(super) fn stored_name(&self) -> &str {
        if self.kind == Subject::EMPLOYEE { "" } else { &self.name }
    }

    /// Anything else, by its kind and name.
    pub fn named(kind: &'static str, id: i64, name: &str) -> Subject {
        Subject { kind, id, name: name.into(), employee: None, client: None }
    }
}
