//! One client, token, employee, connection or rule.

use diesel::prelude::*;
use serde_json::{Value, json};

use crate::access::attention::{Acknowledged, Asked, RULES, Rule};
use crate::access::named_token::NamedToken;
use crate::access::offboarding::{OffboardingImpact, apps_of};
use crate::clients::RedirectUri;
use crate::commands::access::failure::{Failure, Result};
use crate::commands::access::items;
use crate::commands::access::local::{Local, names};
use crate::commands::access::source::Noun;
use crate::connections::ListedConnection;
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::schema::{businesses, oauth_clients};
use crate::text::one_line;
use crate::tokens::RefreshToken;

pub(super) fn show(conn: &mut DbConnection, noun: Noun, name: &str) -> Result<Value> {
    match noun {
        Noun::Clients => {
            let client = names::client(conn, name)?;
            let redirect_uris = RedirectUri::of_client(conn, client.id)?;
            Ok(items::client_detail(&client, &redirect_uris))
        }
        Noun::Tokens => token(conn, name),
        Noun::Keys => match token(conn, name)? {
            key if key["type"] == "api_key" => Ok(key),
            _ => Err(Failure::not_found("this is not an API key")),
        },
        Noun::Employees => {
            let (now, id) = (Local::now(), names::employee(conn, name)?.id);
            let impact = OffboardingImpact::of(conn, id, now)?;
            let more = (apps_of(conn, id, now)?, impact.connections, impact.sessions);
            Ok(items::employee_detail(&impact.employee, more))
        }
        Noun::Connections => connection(conn, name),
        Noun::Attention => rule(conn, name),
        Noun::Activity => Err(Failure::wrong_use("entries of the activity log are listed only")),
    }
}

fn token(conn: &mut DbConnection, name: &str) -> Result<Value> {
    let token = names::token(conn, name)?;
    let from = match &token {
        NamedToken::Refresh(_, token, _) => RefreshToken::last_used_address(conn, token.id)?,
        NamedToken::Access(_, token, _) => token.last_used_address.clone(),
    };
    Ok(items::named_token(&token, &from, Local::now()))
}

fn connection(conn: &mut DbConnection, name: &str) -> Result<Value> {
    let connection = names::connection(conn, name)?;
    let api_type = oauth_clients::table.find(connection.oauth_client_id).select(oauth_clients::api_type).first(conn)?;
    let business = match connection.business_id {
        Some(id) => businesses::table.find(id).select(businesses::name).first(conn).optional()?,
        None => None,
    };
    let authorized_by = match connection.authorized_by {
        Some(id) => Employee::find(conn, id).optional()?.map(|employee| employee.name),
        None => None,
    };
    Ok(items::connection_detail(&ListedConnection { connection, api_type, business, authorized_by }))
}

// A rule with the items that it finds.
fn rule(conn: &mut DbConnection, word: &str) -> Result<Value> {
    let Some(rule) = Rule::from_word(word) else {
        let words: Vec<&str> = RULES.iter().map(|rule| rule.word).collect();
        let word = one_line(word);
        return Err(Failure::not_found(format!("there is no rule {word}; the rules are {}", words.join(", "))));
    };
    let now = Local::now();
    let quiet = Acknowledged::load(conn, now)?;
    let found = rule.find(conn, Asked { only: None, now }, &quiet)?;
    let items: Vec<Value> = found.items.iter().map(items::item).collect();
    Ok(json!({
        "rule": rule.word,
        "severity": items::severity_word(rule.severity),
        "count": items.len(),
        "more": found.capped,
        "title": format!("{} {}", found.count(), rule.noun(found.count())),
        "advice": rule.why,
        "items": items,
    }))
}
