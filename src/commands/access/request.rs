//! What a command line asks for.

use crate::commands::access::source::{Noun, Verb};
use crate::config::access_cli::{
    Act, AttentionCommand, ClientsCommand, Confirm, ConnectionsCommand, EmployeesCommand, KeysCommand, List, OneClient,
    OneConnection, OneEmployee, OneToken, Place, Show, TokensCommand, TokensToRevoke,
};
use crate::config::access_filters::{Entries, Filter, Pairs};

/// What is asked for, and where.
pub struct Request {
    pub(super) place: Place,
    pub(super) what: What,
}

pub(super) enum What {
    /// Rows of a list: at most so many, or all; behind a cursor.
    List { noun: Noun, filters: Pairs, most: Option<usize>, after: Option<String> },
    /// One thing.
    Show { noun: Noun, name: String },
    /// An act on each of these.
    Act { verb: Verb, names: Vec<String>, confirm: Confirm },
    /// Revoke all tokens that match.
    RevokeMatching { noun: Noun, filters: Pairs, confirm: Confirm },
}

fn list<F: Filter + clap::Args + Clone>(noun: Noun, list: List<F>) -> Request {
    let most = if list.all { None } else { usize::try_from(list.limit).ok() };
    Request { place: list.place, what: What::List { noun, filters: list.filter.pairs(), most, after: list.after } }
}

fn show<R: clap::Args + Clone>(noun: Noun, show: Show<R>, name: impl Fn(R) -> String) -> Request {
    Request { place: show.place, what: What::Show { noun, name: name(show.what) } }
}

fn act<R: clap::Args + Clone>(verb: Verb, act: Act<R>, name: impl Fn(R) -> String) -> Request {
    let what = What::Act { verb, names: vec![name(act.what)], confirm: act.confirm };
    Request { place: act.place, what }
}

fn revoke_tokens<F: Filter + clap::Args + Clone>(noun: Noun, act: Act<TokensToRevoke<F>>) -> Request {
    let Act { what: TokensToRevoke { names, all_matching, filter }, confirm, place } = act;
    let what = match all_matching {
        true => What::RevokeMatching { noun, filters: filter.pairs(), confirm },
        false => {
            let verb = if noun == Noun::Keys { Verb::RevokeKey } else { Verb::RevokeToken };
            What::Act { verb, names, confirm }
        }
    };
    Request { place, what }
}

impl From<ClientsCommand> for Request {
    fn from(command: ClientsCommand) -> Request {
        let name = |client: OneClient| client.name;
        match command {
            ClientsCommand::List(arguments) => list(Noun::Clients, arguments),
            ClientsCommand::Show(arguments) => show(Noun::Clients, arguments, name),
            ClientsCommand::Approve(arguments) => act(Verb::ApproveClient, arguments, name),
            ClientsCommand::Suspend(arguments) => {
                let reason = arguments.what.reason.trim().to_string();
                act(Verb::SuspendClient(reason), arguments, |what| what.client.name)
            }
            ClientsCommand::Resume(arguments) => act(Verb::ResumeClient, arguments, name),
            ClientsCommand::Revoke(arguments) => act(Verb::RevokeClient, arguments, name),
        }
    }
}

impl From<TokensCommand> for Request {
    fn from(command: TokensCommand) -> Request {
        match command {
            TokensCommand::List(arguments) => list(Noun::Tokens, arguments),
            TokensCommand::Show(arguments) => show(Noun::Tokens, arguments, |token: OneToken| token.name),
            TokensCommand::Revoke(arguments) => revoke_tokens(Noun::Tokens, arguments),
        }
    }
}

impl From<KeysCommand> for Request {
    fn from(command: KeysCommand) -> Request {
        match command {
            KeysCommand::List(arguments) => list(Noun::Keys, arguments),
            KeysCommand::Show(arguments) => show(Noun::Keys, arguments, |key: OneToken| key.name),
            KeysCommand::Revoke(arguments) => revoke_tokens(Noun::Keys, arguments),
        }
    }
}

impl From<EmployeesCommand> for Request {
    fn from(command: EmployeesCommand) -> Request {
        let name = |employee: OneEmployee| employee.name;
        match command {
            EmployeesCommand::List(arguments) => list(Noun::Employees, arguments),
            EmployeesCommand::Show(arguments) => show(Noun::Employees, arguments, name),
            EmployeesCommand::Offboard(arguments) => act(Verb::OffboardEmployee, arguments, name),
            EmployeesCommand::RevokeAllAccess(arguments) => act(Verb::RevokeAccess, arguments, name),
            EmployeesCommand::Lock(arguments) => act(Verb::LockEmployee, arguments, name),
            EmployeesCommand::Unlock(arguments) => act(Verb::UnlockEmployee, arguments, name),
        }
    }
}

impl From<ConnectionsCommand> for Request {
    fn from(command: ConnectionsCommand) -> Request {
        let name = |connection: OneConnection| connection.name;
        match command {
            ConnectionsCommand::List(arguments) => list(Noun::Connections, arguments),
            ConnectionsCommand::Show(arguments) => show(Noun::Connections, arguments, name),
            ConnectionsCommand::Pause(arguments) => act(Verb::PauseConnection, arguments, name),
            ConnectionsCommand::Resume(arguments) => act(Verb::ResumeConnection, arguments, name),
            ConnectionsCommand::Disconnect(arguments) => act(Verb::DisconnectConnection, arguments, name),
        }
    }
}

impl From<AttentionCommand> for Request {
    fn from(command: AttentionCommand) -> Request {
        match command {
            AttentionCommand::List(arguments) => {
                let what = What::List { noun: Noun::Attention, filters: Vec::new(), most: None, after: None };
                Request { place: arguments.place, what }
            }
            AttentionCommand::Show(arguments) => show(Noun::Attention, arguments, |rule| rule.name),
        }
    }
}

impl From<List<Entries>> for Request {
    fn from(arguments: List<Entries>) -> Request {
        list(Noun::Activity, arguments)
    }
}
