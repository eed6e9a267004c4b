//! Settings › Client API Access: the list of clients, one client, revoking it.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::activity;
use crate::activity::Kind;
use crate::clients::{Client, ClientEdge, ClientFilter, ClientSort, ClientState, Website};
use crate::db::DbConnection;
use crate::db::keyset::Count;
use crate::error::{Error, Result};
use crate::id::ClientKey;
use crate::pages::clients::recent_failures::FailurePanel;
use crate::pages::clients::registration_details::RegistrationFacts;
use crate::pages::tokens::token_table::{Panel, access_token_panel, refresh_token_panel};
use crate::time::{DisplayTime, thousands};
use crate::tokens::revocation;
use crate::tokens::revocation::{Purge, RevocationImpact, Seen, Target};
use crate::tokens::token_list::Within;
use crate::web::badge::Badge;
use crate::web::form::ProtectedForm;
use crate::web::list::{Heading, ListState, Pager, Sort};
use crate::web::page::{Page, RequestContext, Section, Tone, html, see_other};
use crate::web::query::Query;
use crate::web::state::State;

/// Where the section begins.
pub const HOME: &str = "/settings/client-api-access";

static SORTS: [Sort; 3] = [
    Sort { word: "name", column: "name_fold", largest_first: false },
    Sort { word: "used", column: "last_used_at", largest_first: true },
    Sort { word: "created", column: "created_at", largest_first: true },
];

/// A client's page.
pub fn path(client: ClientKey) -> String {
    format!("{HOME}/clients/{client}")
}

/// A client as a line of facts: on its own page and above its tokens.
pub struct ClientFacts {
    /// Its page.
    pub href: String,
    /// Its name.
    pub name: String,
    /// Its website.
    pub website: Website,
    /// Lightspeed Approved, or not.
    pub lightspeed_approved: Badge,
    /// What it may do, when that is worth saying.
    pub state: Option<Badge>,
}

impl ClientFacts {
    /// The facts of a client.
    pub fn of(client: &Client) -> ClientFacts {
        ClientFacts {
            href: path(client.id),
            name: client.name.clone(),
            website: client.website.clone(),
            lightspeed_approved: Badge::lightspeed_approved(client),
            state: Badge::client_state(client),
        }
    }
}

#[derive(Template)]
#[template(path = "clients/list.html")]
struct ClientList {
    page: Page,
    total: i64,
    rows: Vec<ClientRow>,
    filter: ClientFilter,
    status: String,
    statuses: Vec<(&'static str, &'static str)>,
    hidden: Vec<(String, String)>,
    headings: Vec<Heading>,
    pager: Pager,
    may_register: bool,
}

struct ClientRow {
    facts: ClientFacts,
    employee_count: String,
    refresh_tokens: String,
    access_tokens: String,
    created: DisplayTime,
    last_used: DisplayTime,
}

const STATUSES: [(&str, &str); 5] = [
    ("approved", "Approved"),
    ("not-approved", "Not approved"),
    ("active", "Active"),
    ("pending", "Pending"),
    ("suspended", "Suspended"),
];

/// `GET /settings/client-api-access`
pub async fn list(context: RequestContext, app: web::Data<State>, query: Query) -> Result<HttpResponse> {
    let state = ListState::read(&query, "", &SORTS)?;
    let status = state.get("status").to_string();
    let filter = ClientFilter {
        name: state.get("name").into(),
        employee: state.get("employee").into(),
        state: ClientState::from_word(&status),
        lightspeed_approved: match status.as_str() {
            "approved" => Some(true),
            "not-approved" => Some(false),
            _ => None,
        },
    };
    let sort = ClientSort::from_word(state.sort().word).unwrap_or(ClientSort::Name);
    let (asked, wanted) = (filter.clone(), state.clone());
    let (rows, total) = app
        .db
        .read(move |conn| {
            let (edge, backward) = wanted.edge();
            let edge = edge.map(|(value, id)| ClientEdge { value: value.to_string(), id });
            Ok(Client::list(conn, &asked, (sort, wanted.descending), edge.as_ref(), backward)?)
        })
        .await?;
    let slice = state.slice(rows);
    let count = Count { n: total, capped: false };
    let pager = state.pager(&slice, count, |client| {
        let edge = client.edge(sort);
        (edge.value, edge.id)
    });
    let words = &context.words;
    let row = |client: Client| ClientRow {
        facts: ClientFacts::of(&client),
        employee_count: thousands(client.employee_count),
        refresh_tokens: thousands(client.valid_refresh_tokens),
        access_tokens: thousands(client.valid_access_tokens),
        created: words.date(client.created_at),
        last_used: words.ago(client.last_used_at),
    };
    html(ClientList {
        total,
        rows: slice.rows.into_iter().map(row).collect(),
        headings: vec![
            state.heading("Name", "name"),
            state.heading("Lightspeed Approved", ""),
            state.number_heading("Employees"),
            state.number_heading("Refresh tokens"),
            state.number_heading("Keys and tokens"),
            state.heading("Registered", "created"),
            state.heading("Last used", "used"),
        ],
        hidden: state.hidden(&["name", "employee", "status"]),
        statuses: STATUSES.to_vec(),
        status,
        filter,
        pager,
        may_register: context.viewer.is_admin(),
        page: context.page("Client API Access", Section::Clients),
    })
}

#[derive(Template)]
#[template(path = "clients/detail.html")]
struct ClientDetail {
    page: Page,
    client: ClientFacts,
    created: DisplayTime,
    last_used: DisplayTime,
    refresh_token_count: String,
    access_token_count: String,
    employee_count: String,
    refresh_tokens: Panel,
    access_tokens: Panel,
    registration: RegistrationFacts,
    // Addresses of callers are for those who see the activity.
    failures: Option<FailurePanel>,
    is_admin: bool,
}

#[derive(Template)]
#[template(path = "clients/revoking.html")]
struct Revoking {
    page: Page,
    name: String,
    deleted: i64,
    total: i64,
    ended: DisplayTime,
}

struct LoadedClient {
    client: Client,
    refresh_tokens: Panel,
    access_tokens: Panel,
    registration: RegistrationFacts,
    failures: Option<FailurePanel>,
}

enum Found {
    LoadedClient(Box<LoadedClient>),
    Revoking(Box<(Client, Option<Purge>)>),
}

/// `GET /settings/client-api-access/clients/{client}`
pub async fn detail(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    query: Query,
) -> Result<HttpResponse> {
    let refresh_tokens = refresh_token_panel(&query, "rt-")?;
    let access_tokens = access_token_panel(&query, "at-")?;
    if let Some(cut) = refresh_tokens.cut(&query).or_else(|| access_tokens.cut(&query)) {
        return Ok(see_other(&format!("{}{cut}", path(*id))));
    }
    let (id, words, viewer) = (*id, context.words.clone(), context.viewer.clone());
    let found = app
        .db
        .read(move |conn| {
            let client = find(conn, id)?;
            if client.revoked_at.is_some() {
                let purge = Purge::of(conn, "client", client.id.0)?;
                return Ok(Found::Revoking(Box::new((client, purge))));
            }
            let within = Within::Client(client.id);
            let refresh_tokens = refresh_tokens.load(conn, within, client.state(), (&viewer, &words))?;
            let access_tokens = access_tokens.load(conn, within, client.state(), (&viewer, &words))?;
            let registration = RegistrationFacts::load(conn, &client, &words)?;
            let failures = match viewer.is_manager() {
                true => Some(FailurePanel::load(conn, id, &query, &words)?),
                false => None,
            };
            let find_unrevoked = LoadedClient { client, refresh_tokens, access_tokens, registration, failures };
            Ok(Found::LoadedClient(Box::new(find_unrevoked)))
        })
        .await?;
    let LoadedClient { client, refresh_tokens, mut access_tokens, registration, failures } = match found {
        Found::LoadedClient(found) => *found,
        Found::Revoking(found) => {
            let (client, purge) = *found;
            let page = context.page(&client.name, Section::Clients).breadcrumb(HOME, "Client API Access");
            let ended = context.words.ago(client.revoked_at.unwrap_or(context.now()));
            return revoking(page, &client.name, ended, purge.as_ref());
        }
    };
    let words = &context.words;
    access_tokens.action =
        context.viewer.is_admin().then(|| (format!("{}/api-keys/new", path(client.id)), "New API key"));
    html(ClientDetail {
        created: words.date(client.created_at),
        last_used: words.ago(client.last_used_at),
        refresh_token_count: refresh_tokens.live_count(client.valid_refresh_tokens),
        access_token_count: access_tokens.live_count(client.valid_access_tokens),
        employee_count: thousands(client.employee_count),
        client: ClientFacts::of(&client),
        refresh_tokens,
        access_tokens,
        registration,
        failures,
        is_admin: context.viewer.is_admin(),
        page: context.page(&client.name, Section::Clients).breadcrumb(HOME, "Client API Access"),
    })
}

/// The page of something whose access has ended while its records are still being deleted; it follows the progress.
pub fn revoking(mut page: Page, name: &str, ended: DisplayTime, purge: Option<&Purge>) -> Result<HttpResponse> {
    let (deleted, total) = purge.map_or((0, 1), Purge::progress);
    page.refresh = Some(2);
    html(Revoking { page, name: name.into(), deleted, total, ended })
}

/// The client, or how it went: a client that was revoked says by whom and when.
pub fn find(conn: &mut DbConnection, id: ClientKey) -> Result<Client> {
    let found = Client::find(conn, id);
    found.map_err(Error::from).or_else(|error| match error {
        Error::NotFound => Err(activity::revoked_error(conn, &[Kind::ClientRevoked], "client", id.0)?),
        error => Err(error),
    })
}

#[derive(Template)]
#[template(path = "clients/revoke.html")]
struct RevokeClient {
    page: Page,
    name: String,
    back: String,
    impact: RevocationImpact,
    people: String,
    last_used: DisplayTime,
    type_the_name: bool,
    wrong_name: bool,
}

/// `GET /settings/client-api-access/clients/{client}/revoke`
pub async fn revoke_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
) -> Result<HttpResponse> {
    let id = *id;
    let (client, impact) = app
        .db
        .read(move |conn| {
            let client = find_unrevoked(conn, id)?;
            let impact = RevocationImpact::of(conn, &Target::Client(client.clone()))?;
            Ok((client, impact))
        })
        .await?;
    confirm(&context, &client, impact, false)
}

/// The client, unless it is gone or being deleted. Errors: how it went.
pub fn find_unrevoked(conn: &mut DbConnection, id: ClientKey) -> Result<Client> {
    find(conn, id)?.find_unrevoked()
}

fn confirm(
    context: &RequestContext,
    client: &Client,
    impact: RevocationImpact,
    wrong_name: bool,
) -> Result<HttpResponse> {
    let back = path(client.id);
    let mut page = context
        .page("Revoke Access", Section::Clients)
        .breadcrumb(HOME, "Client API Access")
        .breadcrumb(&back, &client.name);
    if wrong_name {
        page = page
            .with_flash(Tone::Bad, "That is not the client's name. Nothing was revoked. Type it as it stands below.");
    }
    html(RevokeClient {
        page,
        name: client.name.clone(),
        back,
        people: some_names(&impact.detail.employees),
        last_used: context.words.ago(impact.last_used_at),
        type_the_name: impact.total() > revocation::NAME_REQUIRED_ABOVE,
        impact,
        wrong_name,
    })
}

/// The first few names, and how many more.
pub fn some_names(names: &[String]) -> String {
    const SHOWN: usize = 8;
    match names.len() {
        0 => "nobody".into(),
        1..=SHOWN => names.join(", "),
        n => format!("{} and {} more", names[..SHOWN].join(", "), thousands((n - SHOWN) as i64)),
    }
}

/// What a confirmation page had shown when its button was pressed.
pub fn seen(form: &ProtectedForm) -> Option<Seen> {
    Some(Seen {
        refresh_tokens: form.number("seen-refresh-tokens")?,
        access_tokens: form.number("seen-access-tokens")?,
        total: form.number("seen-total")?,
    })
}

enum Outcome {
    Done(Client, revocation::Revoked),
    WrongName(Client, RevocationImpact),
    Already(String),
}

/// `POST /settings/client-api-access/clients/{client}/revoke`
pub async fn revoke(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (id, seen, typed) = (*id, seen(&form), form.get("name").trim().to_string());
    let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
    let outcome = app
        .db
        .write(move |conn| {
            let client = match find_unrevoked(conn, id) {
                Ok(client) => client,
                Err(Error::Gone(how) | Error::Conflict(how)) => return Ok(Outcome::Already(how)),
                Err(error) => return Err(error),
            };
            let target = Target::Client(client.clone());
            // What was few when it was read is revoked without the name, however many there are by now.
            let asked_for_name = seen.is_none_or(|seen| seen.total > revocation::NAME_REQUIRED_ABOVE);
            if typed != client.name && asked_for_name && revocation::is_large(conn, &target)? {
                let impact = RevocationImpact::of(conn, &target)?;
                return Ok(Outcome::WrongName(client, impact));
            }
            match revocation::revoke(conn, &target, seen, (&actor, &client_ip), now) {
                Ok(revoked) => Ok(Outcome::Done(client, revoked)),
                Err(Error::Gone(how) | Error::Conflict(how)) => Ok(Outcome::Already(how)),
                Err(error) => Err(error),
            }
        })
        .await?;
    match outcome {
        Outcome::Done(client, revoked) if revoked.is_purging => {
            context.redirect(Tone::Good, told(&client.name, &revoked), &path(client.id))
        }
        Outcome::Done(client, revoked) => context.redirect(Tone::Good, told(&client.name, &revoked), HOME),
        Outcome::WrongName(client, impact) => confirm(&context, &client, impact, true),
        Outcome::Already(how) => context.redirect(Tone::Info, how, HOME),
    }
}

fn told(name: &str, revoked: &revocation::Revoked) -> String {
    let counts = revoked.detail.counts();
    let mut text = match (revoked.is_purging, counts.is_empty()) {
        (true, _) => {
            format!("{name} is revoked: all its access has ended. Its records are being deleted.")
        }
        (false, true) => format!("{name} is revoked. It held no tokens."),
        (false, false) => format!("{name} is revoked: {counts} deleted."),
    };
    text.push_str(&added_since_confirmation(revoked));
    text
}

/// What had appeared since the confirmation was read, as a sentence; empty when nothing had.
pub fn added_since_confirmation(revoked: &revocation::Revoked) -> String {
    let counts = revoked.new.counts();
    if counts.is_empty() {
        return String::new();
    }
    let whose = match revoked.new.employees.is_empty() {
        true => String::new(),
        false => format!(" ({})", some_names(&revoked.new.employees)),
    };
    format!(" That includes {counts} that appeared after you opened the confirmation{whose}.")
}
