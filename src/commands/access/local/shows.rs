//! One client, token, employee, connection or rule.

use serde_json::{Value, json};

use crate::access::attention::{Acknowledged, Asked, RULES, Rule};
use crate::access::named_token::NamedToken;
use crate::api::attention::{ItemOfRule, severity_word};
use crate::api::clients::ClientDetail;
use crate::api::connections::ConnectionDetail;
use crate::api::employees::EmployeeDetail;
use crate::api::tokens::Token;
use crate::clients::RedirectUri;
use crate::commands::access::failure::{Failure, Result};
use crate::commands::access::items::json as shown;
use crate::commands::access::local::{Local, names};
use crate::commands::access::source::Noun;
use crate::db::DbConnection;
use crate::text::one_line;
use crate::tokens::RefreshToken;

pub(super) fn show(conn: &mut DbConnection, noun: Noun, name: &str) -> Result<Value> {
    match noun {
        Noun::Clients => {
            let client = names::client(conn, name)?;
            let redirect_uris = RedirectUri::of_client(conn, client.id)?;
            Ok(shown(&ClientDetail::of(&client, redirect_uris)))
        }
        Noun::Tokens => token(conn, name),
        Noun::Keys => match token(conn, name)? {
            key if key["type"] == "api_key" => Ok(key),
            _ => Err(Failure::not_found("this is not an API key")),
        },
        Noun::Employees => {
            let id = names::employee(conn, name)?.id;
            Ok(shown(&EmployeeDetail::load(conn, id, Local::now())?))
        }
        Noun::Connections => {
            let id = names::connection(conn, name)?.id;
            Ok(shown(&ConnectionDetail::load(conn, id)?))
        }
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
    Ok(shown(&Token::of_named(&token, &from, Local::now())))
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
    let items: Vec<Value> = found.items.iter().map(|item| shown(&ItemOfRule::of(item))).collect();
    Ok(json!({
        "rule": rule.word,
        "severity": severity_word(rule.severity),
        "count": items.len(),
        "more": found.capped,
        "title": format!("{} {}", found.count(), rule.noun(found.count())),
        "advice": rule.why,
        "items": items,
    }))
}
