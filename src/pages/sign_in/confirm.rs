//! "Confirm it is you": routes that ask for a fresh sign-in are answered by this page when the sign-in is older. The password
//! is sent to the same URL, which then does exactly what was sent to it first, once.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage, HttpResponse, web};
use askama::Template;

use crate::employees::fresh_sign_in::{self, FRESH, Way};
use crate::employees::second_factor::SecondFactors;
use crate::employees::second_factor::passkey::Purpose;
use crate::employees::{HeldForm, SignInOrigin};
use crate::error::{Error, Result};
use crate::id::HeldFormKey;
use crate::identity;
use crate::pages::connections::connection_summary::allow_form_redirects;
use crate::pages::sign_in::confirm_check::{Refusal, refusal};
use crate::pages::sign_in::held_address::{continue_at, held_in, is_query_of};
use crate::pages::sign_in::new_session;
use crate::pages::sign_in::provider::confirm_path;
use crate::secrets::{RandomSecret, TokenHash};
use crate::time::{MINUTE, count};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html};
use crate::web::passkey_form::use_options;
use crate::web::route_table::RouteTable;
use crate::web::state::State;

const USED_UP: &str = "This was sent already, or you opened the confirmation more than half an hour ago. Check what was done \
     before you send it again.";

#[derive(Template)]
#[template(path = "sign_in/confirm.html")]
struct Confirm {
    page: Page,
    minutes: i64,
    email: String,
    way: Way,
    // What the browser is asked to use a passkey; none if they have none.
    passkey: Option<String>,
    // The name of the identity provider, and the path that leads to it and back.
    provider: Option<(String, String)>,
    action: String,
    back: String,
}

enum Step {
    // Answers with this page.
    Answer(HttpResponse),
    // Does what was sent; with a cookie after a confirmation.
    Continue(Option<Cookie<'static>>),
}

// A request to a route that asks.
struct Asked {
    app: web::Data<State>,
    context: RequestContext,
    path: String,
    query: String,
    // The nearest page that can be opened.
    back: String,
}

/// Middleware around every page, inside the access guard.
pub async fn ask(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> std::result::Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let pattern = request.match_pattern().unwrap_or_default();
    let routes = RouteTable::of(request.request())?;
    if !routes.asks_for_fresh_sign_in(request.method(), &pattern) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let asked = Asked {
        app: request.app_data::<web::Data<State>>().ok_or_else(|| Error::internal("no application"))?.clone(),
        context: request.extensions().get::<RequestContext>().cloned().ok_or(Error::SignInRequired)?,
        path: request.path().to_string(),
        query: request.query_string().to_string(),
        back: routes.page_above(&pattern, request.path()).to_string(),
    };
    match asked.step(&mut request).await? {
        Step::Answer(page) => Ok(request.into_response(page)),
        Step::Continue(cookie) => {
            let mut response = next.call(request).await?.map_into_boxed_body();
            if let Some(cookie) = cookie {
                response.response_mut().add_cookie(&cookie).map_err(Error::internal)?;
            }
            Ok(response)
        }
    }
}

impl Asked {
    async fn step(&self, request: &mut ServiceRequest) -> Result<Step> {
        let (session, now) = (self.context.session_key, self.context.now());
        let proof = request.cookie(&cookie_name(&self.app)).map(|cookie| TokenHash::of(cookie.value()));
        let find = move |conn: &mut _| Ok(fresh_sign_in::is_fresh(conn, session, proof.as_ref(), now)?);
        let is_fresh = self.app.db.lookup(find).await?;
        let held = held_in(&self.query);
        if is_fresh && held.is_none() {
            return Ok(Step::Continue(None));
        }
        // Nothing is kept and no password is checked for a form of another site.
        let (head, payload) = request.parts_mut();
        let form = ProtectedForm::from_request(head, payload).await?;
        let Some(id) = held else {
            return Ok(Step::Answer(self.keep(&form).await?));
        };
        let device = new_session::known_device(request.request(), &self.app);
        let source = self.app.identity_source();
        let passwords = self.app.db.lookup(move |conn| identity::passwords(conn, source.borrowed())).await?;
        let origin = SignInOrigin { client_ip: self.context.client_ip.clone(), device, passwords };
        self.resume(request, id, (!is_fresh).then_some((&form, origin))).await
    }

    // Keeps what was sent, and asks.
    async fn keep(&self, form: &ProtectedForm) -> Result<HttpResponse> {
        let (session, now) = (self.context.session_key, self.context.now());
        let address = match self.query.as_str() {
            "" => self.path.clone(),
            query => format!("{}?{query}", self.path),
        };
        let (kept, fields, app) = (address.clone(), form.encoded(), self.app.clone());
        let vault = app.connections.vault.clone();
        let keep = move |conn: &mut _| HeldForm::keep(conn, &vault, session, (&kept, &fields), now);
        let id = app.db.write(keep).await?;
        self.page((id, &address), None).await
    }

    // Continues with a form that was kept, after what `given` proves if the sign-in is not fresh.
    async fn resume(
        &self,
        request: &mut ServiceRequest,
        id: HeldFormKey,
        given: Option<(&ProtectedForm, SignInOrigin)>,
    ) -> Result<Step> {
        let app = &self.app;
        let (employee, session, now) = (self.context.viewer.id, self.context.session_key, self.context.now());
        let path = self.path.clone();
        let find = move |conn: &mut _| Ok(HeldForm::find(conn, (id, session), &path, now)?);
        let held = app.db.read(find).await?.filter(|held| is_query_of(held, &self.query));
        let held = held.ok_or_else(|| Error::Conflict(USED_UP.into()))?;
        let mut proof = None;
        if let Some((form, origin)) = given {
            let (way, _) = self.way().await?;
            if let Some(refusal) = refusal(app, &self.context, (way, form), origin).await? {
                return Ok(Step::Answer(self.page((id, &held.address), Some(refusal)).await?));
            }
            proof = Some(RandomSecret::generate());
        }
        let (hash, client_ip) = (proof.as_ref().map(RandomSecret::hash), self.context.client_ip.clone());
        let is_first = app.db.write(move |conn| {
            let is_first = HeldForm::take(conn, id)?;
            if let (true, Some(hash)) = (is_first, &hash) {
                fresh_sign_in::confirm(conn, (employee, session), hash, &client_ip, now)?;
            }
            Ok(is_first)
        });
        if !is_first.await? {
            return Err(Error::Conflict(USED_UP.into()));
        }
        let fields = web::Bytes::from(held.fields(&app.connections.vault)?.expose().to_string());
        request.set_payload(Payload::Stream { payload: Box::pin(futures_util::stream::iter([Ok(fields)])) });
        Ok(Step::Continue(proof.map(|proof| cookie(app, &proof))))
    }

    // How they confirm here, and the name of the identity provider if their session began there.
    async fn way(&self) -> Result<(Way, Option<String>)> {
        let (employee, session, source) =
            (self.context.viewer.id, self.context.session_key, self.app.identity_source());
        let read = move |conn: &mut _| {
            let way = match identity::passwords(conn, source.borrowed())?.allow(employee) {
                true => Way::of(conn, employee)?,
                false => Way::SignInAgain,
            };
            let provider = match identity::is_of_provider(conn, session)? {
                true => identity::current(conn, source.borrowed())?.map(|provider| provider.name),
                false => None,
            };
            Ok((way, provider))
        };
        self.app.db.read(read).await
    }

    // What the browser is asked to use a passkey of theirs.
    async fn passkey(&self, way: Way) -> Result<Option<String>> {
        let Some(verifier) = self.app.passkeys().filter(|_| way == Way::PasswordAndCode) else { return Ok(None) };
        let id = self.context.viewer.id;
        let factors = self.app.db.read(move |conn| Ok(SecondFactors::of(conn, id)?)).await?;
        let has_some = !factors.passkeys.is_empty();
        Ok(has_some.then(|| use_options(&verifier, Purpose::SignIn, &[], self.context.now())))
    }

    // The page that asks: 403, and 422 or 429 when it is shown again.
    async fn page(&self, (id, address): (HeldFormKey, &str), refusal: Option<Refusal>) -> Result<HttpResponse> {
        let (way, provider) = self.way().await?;
        let page = self.context.page("Confirm it is you", Section::Settings);
        let (status, page) = match &refusal {
            None => (StatusCode::FORBIDDEN, page),
            Some(Refusal::Wrong(why)) => (StatusCode::UNPROCESSABLE_ENTITY, page.with_flash(Tone::Bad, why)),
            Some(Refusal::TooMany(seconds)) => {
                let why = format!("Too many attempts. Wait {} and try again.", count(*seconds, "second"));
                (StatusCode::TOO_MANY_REQUESTS, page.with_flash(Tone::Bad, why))
            }
        };
        let action = continue_at(address, id);
        let mut response = html(Confirm {
            page,
            minutes: FRESH / MINUTE,
            email: self.context.email().to_string(),
            way,
            passkey: self.passkey(way).await?,
            provider: provider.map(|name| (name, confirm_path(&action))),
            action,
            back: self.back.clone(),
        })?;
        *response.status_mut() = status;
        if let Some(Refusal::TooMany(seconds)) = refusal {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        match self.path.starts_with("/settings/connections") {
            // What is continued may redirect to a provider.
            true => allow_form_redirects(&self.app, &self.context.viewer, response),
            false => Ok(response),
        }
    }
}

fn cookie_name(app: &State) -> String {
    app.config.public_url.cookie_name("confirmed")
}

/// The cookie of a browser that confirmed.
pub(super) fn cookie(app: &State, proof: &RandomSecret) -> Cookie<'static> {
    Cookie::build(cookie_name(app), proof.expose().to_string())
        .path("/")
        .http_only(true)
        .secure(app.config.public_url.is_https())
        .same_site(SameSite::Strict)
        .max_age(Duration::seconds(FRESH))
        .finish()
}
