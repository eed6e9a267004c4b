//! What one revocation covers: a client, a refresh token, or everything an employee authorized.

use crate::activity::{Actor, Kind, Subject};
use crate::clients::Client;
use crate::employees::Employee;
use crate::notices::Notice;
use crate::tokens::refresh_token::RefreshToken;
use crate::tokens::revocation::rows::{Owner, Rows, Span};

/// What is revoked together.
#[derive(Clone, Debug)]
pub enum Target {
    /// A client with all its tokens.
    Client(Client),
    /// A refresh token of a client, with the access tokens issued with it.
    RefreshToken(Client, RefreshToken),
    /// All tokens an employee authorized.
    Grants(Employee),
}

impl Target {
    /// Its rows. Tokens of an employee that an earlier revocation covers are left out while they are being deleted.
    pub(super) fn rows(&self) -> Rows {
        match self {
            Target::Client(client) => Rows::all(Owner::Client(client.id)),
            Target::RefreshToken(client, token) => Rows::all(Owner::RefreshToken(client.id, token.id)),
            Target::Grants(employee) => Rows {
                owner: Owner::Employee(employee.id),
                refresh_tokens: Span::ALL.after(employee.revoked_refresh_tokens_through),
                access_tokens: Span::ALL.after(employee.revoked_access_tokens_through),
            },
        }
    }

    pub(super) fn subject(&self) -> Subject {
        match self {
            Target::Client(client) => client.subject(),
            Target::RefreshToken(client, token) => {
                Subject::token("refresh_token", token.id.0, &token.mask, (client.id, &client.name), token.employee_id)
            }
            Target::Grants(employee) => employee.subject(),
        }
    }

    /// The notice about a revocation of this target that is recorded as `kind`. `note`: what was used twice.
    pub(super) fn notice(&self, kind: Kind, note: &str, actor: &Actor) -> Option<Notice> {
        match (self, kind) {
            (Target::Client(client), _) => {
                let was_pending = client.approved_at.is_none();
                Some(Notice::client_revoked((client.id, &client.name), was_pending, actor.name()))
            }
            (Target::RefreshToken(client, token), Kind::RefreshTokenReuseDetected | Kind::CodeReuseDetected) => {
                Some(Notice::reuse_detected((client.id, &client.name), note, token.employee_id))
            }
            _ => None,
        }
    }

    /// The activity entry a revocation of this target is recorded as.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Target::Client(_) => Kind::ClientRevoked,
            Target::RefreshToken(..) => Kind::RefreshTokenRevoked,
            Target::Grants(_) => Kind::AllAccessRevoked,
        }
    }
}
