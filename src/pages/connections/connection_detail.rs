//! The page of one connection: status, acts, details, service keys and history.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::account::Business;
use crate::connections::{
    ApiType, Connection, ConnectionEvent, OAuthClient, Problem, Provider, Reason, ServiceKey, Status, or_gone,
};
use crate::db::keyset::PAGE;
use crate::employees::Employee;
use crate::error::Result;
use crate::id::ConnectionKey;
use crate::pages::connections::connection_summary::{
    ConnectionFacts, ago, allow_form_redirects, authorize_label, event_badge,
};
use crate::pages::connections::{HOME, path};
use crate::time::{DisplayTime, TimeFormat, Timestamp, count};
use crate::web::badge::Badge;
use crate::web::form_errors::FormErrors;
use crate::web::list::Pager;
use crate::web::nonce;
use crate::web::page::{Page, RequestContext, Section, html};
use crate::web::query::Query;
use crate::web::state::State;

#[derive(Template)]
#[template(path = "connections/connection_detail.html")]
struct ConnectionDetail {
    page: Page,
    facts: ConnectionFacts,
    status: Status,
    problem: Option<Problem>,
    reason: Reason,
    last_error: String,
    since: DisplayTime,
    // How long it has been failing.
    lasting: DisplayTime,
    is_fresh: bool,
    next_try: DisplayTime,
    failures: String,
    next_refresh: Option<DisplayTime>,
    refresh_token_expires: Option<DisplayTime>,
    business: String,
    authorized_by: Option<(String, Option<String>)>,
    authorized: DisplayTime,
    created: DisplayTime,
    domain_prefix: String,
    client: OAuthClientFacts,
    asked: Vec<(String, &'static str)>,
    granted: Vec<(String, &'static str)>,
    history: History,
    keys: Vec<ServiceKeyRow>,
    call: String,
    nonce: String,
    form_errors: FormErrors,
    was_authorized: bool,
    is_admin: bool,
}

impl ConnectionDetail {
    fn reconnect_label(&self) -> &'static str {
        authorize_label(self.was_authorized)
    }

    fn can_test(&self) -> bool {
        self.is_admin && matches!(self.status, Status::Online | Status::Refreshing | Status::Retrying)
    }
}

struct OAuthClientFacts {
    href: String,
    name: String,
    client_id: String,
}

struct History {
    rows: Vec<EventRow>,
    pager: Pager,
}

struct EventRow {
    at: DisplayTime,
    badge: Badge,
    words: String,
    by: String,
}

struct ServiceKeyRow {
    href: String,
    mask: String,
    label: String,
    created: DisplayTime,
    created_by: String,
    used: DisplayTime,
}

struct Loaded {
    connection: Connection,
    client: OAuthClient,
    business: Option<String>,
    authorized_by: Option<Employee>,
    events: Vec<ConnectionEvent>,
    keys: Vec<ServiceKey>,
}

/// `GET /settings/connections/{connection}`
pub async fn detail(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
    query: Query,
) -> Result<HttpResponse> {
    let page = page(&context, &app, *id, &query, FormErrors::default()).await?;
    allow_form_redirects(&app, &context.viewer, html(page)?)
}

/// The page of a connection, with the errors of its service key form.
pub(crate) async fn page(
    context: &RequestContext,
    app: &State,
    id: ConnectionKey,
    query: &Query,
    form_errors: FormErrors,
) -> Result<impl Template + use<>> {
    let before = query.get("before").and_then(|text| text.parse().ok());
    let loaded = app
        .db
        .read(move |conn| {
            let (connection, client) = or_gone(Connection::with_client(conn, id), conn, id)?;
            let all = Business::all(conn)?.into_iter().map(|(business, _)| business);
            let business =
                all.filter(|business| Some(business.id) == connection.business_id).map(|one| one.name).next();
            let authorized_by = connection.authorized_by.map(|employee| Employee::find(conn, employee)).transpose()?;
            let events = ConnectionEvent::page(conn, id, before)?;
            Ok(Loaded {
                business,
                authorized_by,
                events,
                keys: ServiceKey::of_connection(conn, id)?,
                connection,
                client,
            })
        })
        .await?;
    Ok(show(context, app, loaded, before, form_errors))
}

fn show(
    context: &RequestContext,
    app: &State,
    loaded: Loaded,
    before: Option<i64>,
    form_errors: FormErrors,
) -> ConnectionDetail {
    let (times, viewer) = (&context.times, &context.viewer);
    let Loaded { connection, client, business, authorized_by, events, keys } = loaded;
    let status = connection.status();
    let mut page = context.page(&connection.name, Section::Connections).breadcrumb(HOME, "Connections");
    page.refresh = (status == Status::Refreshing).then_some(2);
    let is_refreshed =
        matches!(status, Status::Online | Status::Paused | Status::Retrying) && connection.due_at != Timestamp::NO_END;
    let since = match status {
        Status::NeedsAuthorization => connection.needs_authorization_since,
        _ => connection.paused_at,
    };
    ConnectionDetail {
        facts: ConnectionFacts::of(&connection, client.api_type, times),
        since: times.ago(since.unwrap_or(context.now())),
        lasting: times.lasting(connection.failing_since.unwrap_or(context.now())),
        is_fresh: connection.is_fresh(context.now()),
        problem: connection.problem(),
        next_try: next_attempt(connection.due_at, times),
        failures: count(connection.failures, "attempt"),
        next_refresh: (is_refreshed && connection.can_refresh()).then(|| next_attempt(connection.due_at, times)),
        refresh_token_expires: connection.can_refresh().then(|| times.until(connection.refresh_expires_at)),
        business: business.unwrap_or_default(),
        authorized_by: authorized_by.map(|employee| (employee.name.clone(), viewer.employee_page(employee.id))),
        authorized: ago(connection.authorized_at, times, "never"),
        created: times.date(connection.created_at),
        call: example_call(app, &connection, &client),
        asked: scope_parts(client.api_type, &connection.scope),
        granted: scope_parts(client.api_type, &connection.granted_scope),
        history: history(events, before, times),
        keys: keys.into_iter().map(|key| service_key_row(&key, times)).collect(),
        client: OAuthClientFacts {
            href: format!("{HOME}/clients/{}", client.id),
            name: client.name,
            client_id: client.client_id,
        },
        was_authorized: connection.was_authorized(),
        reason: Reason::parse(&connection.reason),
        last_error: connection.last_error,
        domain_prefix: connection.domain_prefix,
        nonce: nonce::fresh(),
        form_errors,
        is_admin: viewer.is_admin(),
        status,
        page,
    }
}

// The time of the next attempt; an overdue one starts within seconds.
pub(crate) fn next_attempt(at: Timestamp, times: &TimeFormat) -> DisplayTime {
    match at.since(times.now()) {
        ..=0 => DisplayTime { text: "in a few seconds".into(), ..times.until(at) },
        _ => times.until(at),
    }
}

fn example_call(app: &State, connection: &Connection, client: &OAuthClient) -> String {
    let provider = Provider::of(client, &connection.domain_prefix, &app.config.hosts);
    let path = provider.map(|provider| provider.test_path).unwrap_or_default();
    let path = if path.is_empty() { "/…".to_string() } else { format!("/{}", path.trim_start_matches('/')) };
    format!(
        "curl -H \"Authorization: Bearer $SERVICE_KEY\" {}/connect/{}{path}",
        app.config.public_url.origin(),
        connection.id
    )
}

fn scope_parts(api_type: ApiType, scope: &str) -> Vec<(String, &'static str)> {
    let offered = api_type.offered_scopes();
    let meaning = |word: &str| offered.iter().find(|scope| scope.name == word).map_or("", |scope| scope.meaning);
    scope.split_whitespace().map(|word| (word.to_string(), meaning(word))).collect()
}

fn history(mut events: Vec<ConnectionEvent>, before: Option<i64>, times: &TimeFormat) -> History {
    let has_more = events.len() > PAGE;
    events.truncate(PAGE);
    let next = events.last().filter(|_| has_more).map(|event| format!("?before={}#history", event.id));
    let pager = Pager { first: before.map(|_| "?#history".to_string()), next, ..Pager::default() };
    let row = |event: ConnectionEvent| EventRow {
        at: times.exact(event.at),
        badge: event_badge(&event),
        words: event.words,
        by: event.by_name,
    };
    History { rows: events.into_iter().map(row).collect(), pager }
}

fn service_key_row(key: &ServiceKey, times: &TimeFormat) -> ServiceKeyRow {
    ServiceKeyRow {
        href: format!("{}/keys/{}/revoke", path(key.connection_id), key.id),
        mask: key.mask.characters().to_string(),
        label: key.label.clone(),
        created: times.date(key.created_at),
        created_by: key.created_by.clone(),
        used: times.ago(key.last_used_at),
    }
}
