//! `/api/v1/attention`: what needs attention. Staff see what they authorized themselves.

use actix_web::web;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::attention::{self, Acknowledged, Asked, Finding, Item, Moment, Rule, Severity};
use crate::access::named_token::TokenName;
use crate::api::context::ApiContext;
use crate::api::json::{ClientRef, EmployeeRef, ok, some, time};
use crate::api::problem::Answer;
use crate::error::Error;
use crate::id::{AccessTokenKey, RefreshTokenKey};
use crate::secrets::Mask;
use crate::web::state::State;

/// A rule that found something.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Finding)]
pub struct FindingItem {
    /// The rule, as in the addresses of its page.
    #[schema(example = "never-expires")]
    rule: &'static str,
    /// `urgent`, `soon` or `review`.
    severity: &'static str,
    /// How many items: exact up to 1,000.
    count: i64,
    /// Whether there are more than `count`.
    more: bool,
    /// The rule and the count, for people.
    title: String,
    /// Why this needs attention, and what to do.
    advice: &'static str,
}

/// What needs attention, the most serious first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Findings {
    /// The rules that found something.
    data: Vec<FindingItem>,
}

/// One thing that needs attention.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AttentionItem)]
pub struct ItemOfRule {
    /// Its id: of a token as in paths.
    id: String,
    /// `refresh_token`, `api_key`, `api_token`, `client`, `client_secret`, `connection` or `activity`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Its name, or the first seven characters of a token.
    name: String,
    /// What an API key or API token is for, or what happened.
    label: Option<String>,
    /// The client it belongs to.
    client: Option<ClientRef>,
    /// The employee who authorized it.
    employee: Option<EmployeeRef>,
    /// The time that matters for its rule.
    #[schema(format = DateTime)]
    at: Option<String>,
}

/// The items of a rule, at most 1,000, without acknowledged ones.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AttentionItems {
    /// The items.
    data: Vec<ItemOfRule>,
    /// Whether there may be more.
    more: bool,
}

/// The word of a severity.
pub fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Urgent => "urgent",
        Severity::Soon => "soon",
        Severity::Review => "review",
    }
}

impl FindingItem {
    /// A rule that found something.
    pub fn of(finding: &Finding) -> FindingItem {
        FindingItem {
            rule: finding.rule.word,
            severity: severity_word(finding.rule.severity),
            count: finding.count.n,
            more: finding.count.capped,
            title: finding.title(),
            advice: finding.rule.why,
        }
    }
}

impl ItemOfRule {
    /// One thing that it found.
    pub fn of(item: &Item) -> ItemOfRule {
        let (Moment::Created(at)
        | Moment::LastUsed(at)
        | Moment::Expires(at)
        | Moment::Happened(at)
        | Moment::Since(at)
        | Moment::FailingSince(at)) = item.moment;
        let (kind, id) = item.subject.stored();
        let mask = Mask::parse(&item.name).filter(|_| item.subject.is_token());
        ItemOfRule {
            id: match kind {
                "refresh_token" => TokenName::RefreshToken(RefreshTokenKey(id)).to_string(),
                "api_key" => TokenName::ApiKey(AccessTokenKey(id)).to_string(),
                _ => id.to_string(),
            },
            kind,
            name: mask.map_or_else(|| item.name.clone(), |mask| mask.to_string()),
            label: some(&item.label),
            client: item.client.as_ref().map(|(id, name)| ClientRef::new(id.0, name)),
            employee: item.employee.as_ref().map(|(id, name)| EmployeeRef::new(id.0, name)),
            at: time(at),
        }
    }
}

/// Lists what needs attention, by rule.
#[utoipa::path(
    get, path = "/api/v1/attention", tag = "attention",
    responses((status = 200, description = "The rules that found something", body = Findings)),
)]
pub async fn findings(context: ApiContext, app: web::Data<State>) -> Answer {
    let asked = Asked { only: context.only(), now: context.now };
    let state = app.clone();
    let found = app.db.read(move |conn| attention::findings(conn, asked, &state.large_counts)).await?;
    ok(&Findings { data: found.iter().map(FindingItem::of).collect() })
}

/// Lists the items of a rule.
#[utoipa::path(
    get, path = "/api/v1/attention/{rule}", tag = "attention",
    params(("rule" = String, Path, description = "The rule's word, such as `never-expires`")),
    responses((status = 200, description = "The items of the rule", body = AttentionItems)),
)]
pub async fn items(context: ApiContext, app: web::Data<State>, word: web::Path<String>) -> Answer {
    let asked = Asked { only: context.only(), now: context.now };
    let rule = Rule::from_word(&word).filter(|rule| rule.concerns(asked.only)).ok_or(Error::NotFound)?;
    let found = app.db.read(move |conn| {
        let quiet = Acknowledged::load(conn, asked.now)?;
        Ok(rule.find(conn, asked, &quiet)?)
    });
    let found = found.await?;
    ok(&AttentionItems { data: found.items.iter().map(ItemOfRule::of).collect(), more: found.capped })
}
