//! Settings › Account › Sign-in: the identity provider, shown if the environment sets it and entered here otherwise, and the
//! break-glass admin.

use actix_web::{HttpResponse, web};
use askama::Template;
use zeroize::Zeroizing;

use crate::config::{DEFAULT_SCOPES, EMAIL_CLAIM, EnteredProvider, GROUPS_CLAIM, IdentityProvider};
use crate::db::DbConnection;
use crate::employees::BreakGlass;
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::identity::{self, Asking, BACK_CHANNEL, CALLBACK, ProviderCache};
use crate::pages::account::account_page::HOME;
use crate::pages::confirmation::Confirmation;
use crate::time::count;
use crate::web::form::ProtectedForm;
use crate::web::form_errors::FormErrors;
use crate::web::page::{Page, RequestContext, Section, Tone, html, unprocessable};
use crate::web::state::State;

/// The path of the page.
pub const PATH: &str = "/settings/account/sign-in";

const LONGEST: usize = 500;
const LONGEST_LIST: usize = 4_000;

#[derive(Template)]
#[template(path = "account/identity_form.html")]
struct IdentityForm {
    page: Page,
    entered: EnteredProvider,
    has_secret: bool,
    is_stored: bool,
    // The label and value of each setting of the environment, and the variable; none if it sets none.
    set: Vec<(&'static str, String, &'static str)>,
    // What the provider has to know: label and URL.
    urls: Vec<(&'static str, String)>,
    break_glass: Option<String>,
    // The admins who can be it, and which of them is.
    candidates: Vec<(EmployeeKey, String, bool)>,
    are_passwords_off: bool,
    form_errors: FormErrors,
}

// What the page shows beside what was typed.
struct Facts {
    stored: Option<(EnteredProvider, bool)>,
    break_glass: Option<(EmployeeKey, String)>,
    candidates: Vec<(EmployeeKey, String, bool)>,
}

impl Facts {
    fn read(conn: &mut DbConnection) -> Result<Facts> {
        let break_glass = BreakGlass::admin(conn)?.map(|admin| (admin.id, admin.name));
        let chosen = break_glass.as_ref().map(|(id, _)| *id);
        let candidates = BreakGlass::candidates(conn)?.into_iter();
        let candidates = candidates.map(|(id, name)| (id, name, Some(id) == chosen)).collect();
        Ok(Facts { stored: identity::stored(conn)?, break_glass, candidates })
    }
}

fn form_page(
    (context, app): (&RequestContext, &State),
    facts: Facts,
    typed: Option<EnteredProvider>,
    form_errors: FormErrors,
) -> IdentityForm {
    let environment = app.config.identity_provider.as_ref();
    let origin = app.config.public_url.origin();
    let (is_stored, has_secret) = (facts.stored.is_some(), facts.stored.as_ref().is_some_and(|(_, has)| *has));
    let stored_passwords = facts.stored.as_ref().is_none_or(|(stored, _)| stored.passwords);
    let blank = || EnteredProvider {
        scopes: DEFAULT_SCOPES.into(),
        email_claim: EMAIL_CLAIM.into(),
        groups_claim: GROUPS_CLAIM.into(),
        passwords: true,
        ..EnteredProvider::default()
    };
    IdentityForm {
        page: context.page("Sign-in", Section::Account).breadcrumb(HOME, "Account"),
        entered: typed.or(facts.stored.map(|(stored, _)| stored)).unwrap_or_else(blank),
        has_secret,
        is_stored,
        set: environment.map(set_by_environment).unwrap_or_default(),
        urls: vec![
            ("Redirect URI", format!("{origin}{CALLBACK}")),
            ("Back-channel logout URI", format!("{origin}{BACK_CHANNEL}")),
            ("Post-logout redirect URI", format!("{origin}/sign-in")),
        ],
        break_glass: facts.break_glass.map(|(_, name)| name),
        candidates: facts.candidates,
        are_passwords_off: !environment.map_or(stored_passwords, |provider| provider.passwords),
        form_errors,
    }
}

fn set_by_environment(provider: &IdentityProvider) -> Vec<(&'static str, String, &'static str)> {
    let or_all = |text: String, all: &str| if text.is_empty() { all.to_string() } else { text };
    let switch = |is_on| if is_on { "on" } else { "off" }.to_string();
    let roles: Vec<String> = provider.roles.iter().map(|(group, role)| format!("{group} = {role}")).collect();
    vec![
        ("Issuer", provider.issuer.clone(), "OIDC_ISSUER"),
        ("Client ID", provider.client_id.clone(), "OIDC_CLIENT_ID"),
        ("Client secret", "Not shown".into(), "OIDC_CLIENT_SECRET"),
        ("Name", provider.name.clone(), "OIDC_NAME"),
        ("Scopes", provider.scopes.clone(), "OIDC_SCOPES"),
        ("Claim of the e-mail address", provider.email_claim.clone(), "OIDC_EMAIL_CLAIM"),
        ("Claim of the groups", provider.groups_claim.clone(), "OIDC_GROUPS_CLAIM"),
        ("Role of each group", or_all(roles.join(", "), "Roles are managed here"), "OIDC_ROLES"),
        ("Allowed domains", or_all(provider.domains.join(", "), "All"), "OIDC_DOMAINS"),
        ("Add people at their first sign-in", switch(provider.creates), "OIDC_CREATE"),
        ("Passwords", switch(provider.passwords), "OIDC_PASSWORDS"),
    ]
}

/// `GET /settings/account/sign-in`
pub async fn form(context: RequestContext, app: web::Data<State>) -> Result<HttpResponse> {
    let facts = app.db.read(Facts::read).await?;
    html(form_page((&context, &app), facts, None, FormErrors::default()))
}

/// `POST /settings/account/sign-in`: stores the provider, if it answers as the issuer that it is.
pub async fn save(
    context: RequestContext,
    app: web::Data<State>,
    cache: web::Data<ProviderCache>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let mut form_errors = FormErrors::default();
    let entered = read(&form, &mut form_errors);
    let secret = Zeroizing::new(form.get("client-secret").trim().to_string());
    if secret.chars().count() > LONGEST {
        form_errors.add("client-secret", format!("The client secret can have at most {LONGEST} characters."));
    }
    if form_errors.is_empty() {
        match checked(&app, &cache, (entered.clone(), secret)).await {
            Ok(Ok(provider)) => {
                let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
                let (source, entered) = (app.identity_source(), entered.clone());
                let write = move |conn: &mut DbConnection| {
                    identity::store(conn, (&entered, &provider), source.borrowed(), (&actor, &client_ip), now)
                };
                app.db.write(write).await?;
                return context.redirect(Tone::Good, "Identity provider saved.", PATH);
            }
            Ok(Err(wrong)) => wrong.into_iter().for_each(|(field, sentence)| form_errors.add(field, sentence)),
            Err(Error::Conflict(why)) => return context.redirect(Tone::Bad, why, PATH),
            Err(error) => return Err(error),
        }
    }
    let facts = app.db.read(Facts::read).await?;
    unprocessable(form_page((&context, &app), facts, Some(entered), form_errors))
}

async fn checked(
    app: &State,
    cache: &ProviderCache,
    (entered, secret): (EnteredProvider, Zeroizing<String>),
) -> Result<std::result::Result<IdentityProvider, identity::FieldErrors>> {
    let source = app.identity_source();
    let read = move |conn: &mut DbConnection| identity::check(conn, &entered, &secret, source.borrowed());
    let provider = match app.db.read(read).await? {
        Ok(provider) => provider,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let origin = app.config.public_url.origin();
    let asking = Asking { provider: &provider, cache, http: &app.connections.http, origin, now: app.clock.now() };
    match identity::require_answer(asking).await {
        Ok(()) => Ok(Ok(provider)),
        Err(refusal) => Ok(Err(vec![("issuer", refusal.reason)])),
    }
}

fn read(form: &ProtectedForm, form_errors: &mut FormErrors) -> EnteredProvider {
    let mut text = |field, label: &str| {
        let text = form.get(field).trim();
        // What is empty or not valid is for the service to say.
        if !text.is_empty() {
            form_errors.check(field, form.line(field, label, LONGEST));
        }
        text.to_string()
    };
    let (issuer, client_id) = (text("issuer", "The issuer"), text("client-id", "The client ID"));
    let (name, scopes) = (text("name", "The name"), text("scopes", "The list of scopes"));
    let (email_claim, groups_claim) = (text("email-claim", "The claim"), text("groups-claim", "The claim"));
    let list = |field| form.get(field).trim().replace("\r\n", "\n").chars().take(LONGEST_LIST).collect();
    EnteredProvider {
        issuer,
        client_id,
        name,
        scopes,
        email_claim,
        groups_claim,
        roles: list("roles"),
        domains: list("domains"),
        creates: form.get("creates") == "yes",
        passwords: form.get("no-passwords") != "yes",
    }
}

/// `POST /settings/account/sign-in/break-glass`
pub async fn break_glass(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let id = EmployeeKey(form.number("employee").unwrap_or_default());
    let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
    let write = move |conn: &mut DbConnection| identity::choose_break_glass(conn, id, (&actor, &client_ip), now);
    match app.db.write(write).await {
        Ok(()) => context.redirect(Tone::Good, "Break-glass admin saved.", PATH),
        Err(Error::Invalid(why)) => context.redirect(Tone::Bad, why, PATH),
        Err(error) => Err(error),
    }
}

/// `GET /settings/account/sign-in/remove`
pub async fn remove_form(context: RequestContext, app: web::Data<State>) -> Result<HttpResponse> {
    let stranded = app.db.read(|conn| Ok(identity::without_password(conn)?)).await?;
    let lines = match stranded {
        0 => Vec::new(),
        n => vec![("Cannot sign in until an admin creates a link for them", count(n, "employee"))],
    };
    html(Confirmation {
        page: context.page("Remove provider", Section::Account).breadcrumb(HOME, "Account").breadcrumb(PATH, "Sign-in"),
        heading: "Stop signing in through the identity provider?".into(),
        text: "This deletes the issuer, the client ID and the client secret. Employees sign in with passwords again. Their \
             links to the provider are kept, and work again if you set up the same issuer."
            .into(),
        lines,
        hidden: Vec::new(),
        option: None,
        action: format!("{PATH}/remove"),
        back: PATH.into(),
        button: "Remove provider".into(),
    })
}

/// `POST /settings/account/sign-in/remove`
pub async fn remove(context: RequestContext, app: web::Data<State>, _: ProtectedForm) -> Result<HttpResponse> {
    let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
    let source = app.identity_source();
    let write = move |conn: &mut DbConnection| identity::remove(conn, source.borrowed(), (&actor, &client_ip), now);
    match app.db.write(write).await {
        Ok(true) => context.redirect(Tone::Good, "Identity provider removed.", PATH),
        Ok(false) => context.redirect(Tone::Info, "The identity provider is already removed.", PATH),
        Err(Error::Conflict(why)) => context.redirect(Tone::Bad, why, PATH),
        Err(error) => Err(error),
    }
}
