//! Acts of each kind, what they were answered, and what must then be true.

use std::sync::atomic::{AtomicUsize, Ordering};

use client_api_access::id::ClientKey;

use super::FaultShop;
use crate::registration::with;
use crate::support::oauth::{Integration, Pair, Pkce, answered, pair, value};
use crate::support::{Browser, Page, client_path};

/// A kind of act: each is one request that changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An employee allows an app.
    Consent,
    /// An app exchanges a code.
    Redeem,
    /// An app refreshes.
    Refresh,
    /// An app revokes its refresh token.
    RevokeByApp,
    /// An admin revokes a refresh token on its page.
    RevokeOnPage,
    /// An admin revokes a client with everything below it.
    RevokeClient,
    /// An admin invites an employee.
    Invite,
    /// An admin registers a client.
    Register,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 8] = [
        Kind::Consent,
        Kind::Redeem,
        Kind::Refresh,
        Kind::RevokeByApp,
        Kind::RevokeOnPage,
        Kind::RevokeClient,
        Kind::Invite,
        Kind::Register,
    ];
}

/// What an act was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Success.
    Done,
    /// 503.
    Refused,
    /// Nothing: the server is gone.
    Lost,
}

/// One act: what it needs, and what came of it.
#[derive(Clone)]
pub struct Act {
    /// Its kind.
    pub kind: Kind,
    /// Its answer.
    pub outcome: Outcome,
    /// The newest pair that its app holds.
    pub pair: Option<Pair>,
    code: Option<(String, Pkce)>,
    client: Option<ClientKey>,
    form: Option<Page>,
    name: String,
    browser: Browser,
    /// The app it is about.
    pub app: Integration,
}

impl Act {
    /// Everything up to the last request of an act; nothing when the server is gone meanwhile or refuses.
    pub fn prepare(kind: Kind, at: &FaultShop) -> Option<Act> {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let name = NEXT.fetch_add(1, Ordering::Relaxed).to_string();
        let mut act = Act::new(kind, name, at, &at.integration);
        match kind {
            Kind::Consent => act.open_consent()?,
            Kind::Redeem => act.code = Some(consent(at, &at.integration)?),
            Kind::Refresh | Kind::RevokeByApp => act.pair = Some(grant(at, &at.integration)?),
            Kind::RevokeOnPage => {
                let own = grant(at, &at.integration)?;
                let form = act.open("/settings/client-api-access/find-token")?;
                let found = act.browser.submit(&form, "/find-token", &[("token", &own.refresh_token)]);
                let page = (found.status == 303).then(|| found.location())?;
                act.form = Some(act.open(&format!("{page}/revoke"))?);
                act.pair = Some(own);
            }
            Kind::RevokeClient => {
                act.app = at.register(&format!("Ends soon {}", act.name))?;
                act.pair = Some(grant(at, &act.app)?);
                act.client = Some(act.app.id);
                act.form = Some(act.open(&format!("{}/revoke", client_path(act.app.id)))?);
            }
            Kind::Invite => act.form = Some(act.open("/settings/employees/invite")?),
            Kind::Register => act.form = Some(act.open("/settings/client-api-access/register")?),
        }
        Some(act)
    }

    fn new(kind: Kind, name: String, at: &FaultShop, app: &Integration) -> Act {
        let (browser, app) = (at.admin.clone(), app.clone());
        Act { kind, outcome: Outcome::Lost, pair: None, code: None, client: None, form: None, name, browser, app }
    }

    /// A refresh of what an earlier act left.
    pub fn refresh_of(pair: Pair, at: &FaultShop) -> Act {
        let mut act = Act::new(Kind::Refresh, String::new(), at, &at.integration);
        act.pair = Some(pair);
        act
    }

    fn open(&mut self, path: &str) -> Option<Page> {
        let page = self.browser.get(path);
        (page.status == 200).then_some(page)
    }

    fn open_consent(&mut self) -> Option<()> {
        let pkce = Pkce::new();
        let challenge = [("code_challenge", pkce.challenge.as_str()), ("code_challenge_method", "S256")];
        self.form = Some(self.open(&self.app.authorize_path(&challenge))?);
        self.code = Some((String::new(), pkce));
        Some(())
    }

    /// The one request that changes something.
    pub fn perform(&mut self, at: &FaultShop) -> Outcome {
        let (expected, answer) = self.send(at);
        self.outcome = match answer.status {
            0 => Outcome::Lost,
            503 => Outcome::Refused,
            status if status == expected => Outcome::Done,
            status => panic!("{:?}: {status} {}", self.kind, answer.text()),
        };
        if self.outcome == Outcome::Done {
            match (self.kind, &mut self.code) {
                (Kind::Consent, Some((code, _))) => *code = value(&answered(&answer), "code").to_string(),
                (Kind::Redeem | Kind::Refresh, _) => self.pair = Some(pair(&answer)),
                _ => {}
            }
        }
        self.outcome
    }

    fn send(&mut self, at: &FaultShop) -> (u16, Page) {
        let (form, name) = (self.form.as_ref(), &self.name);
        let (email, client) = (format!("new{name}@shop.example"), format!("Registered {name}"));
        let token = |pair: &Option<Pair>| pair.as_ref().expect("a pair").refresh_token.clone();
        let form = || form.expect("a form");
        match self.kind {
            Kind::Consent => {
                let action = form().attribute("form[action^='/auth/oauth/consent']", "action");
                let action = action.unwrap_or_else(|| panic!("a consent page: {}", form().text()));
                (303, self.browser.submit(form(), &action, &[("decision", "allow")]))
            }
            Kind::Redeem => {
                let (code, pkce) = self.code.as_ref().expect("a code");
                let fields = self.app.code_request(code, &pkce.verifier);
                (200, at.program.clone().post("/auth/oauth/token", &fields))
            }
            Kind::Refresh => {
                let token = token(&self.pair);
                (200, at.program.clone().post("/auth/oauth/token", &self.app.refresh_request(&token)))
            }
            Kind::RevokeByApp => {
                let token = token(&self.pair);
                let mut fields = self.app.refresh_request(&token);
                fields.retain(|(name, _)| name.starts_with("client"));
                fields.push(("token", &token));
                (200, at.program.clone().post("/auth/oauth/revoke", &fields))
            }
            Kind::RevokeOnPage | Kind::RevokeClient => (303, self.browser.submit(form(), "/revoke", &[])),
            Kind::Invite => {
                let fields = [("name", name.as_str()), ("email", &email), ("role", "staff")];
                (200, self.browser.submit(form(), "/invite", &fields))
            }
            Kind::Register => (200, self.browser.submit(form(), "/register", &with(&[("name", &client)]))),
        }
    }

    /// What must be true once the server runs: what was acknowledged is there; what was refused is not; what was lost is
    /// there in whole or not at all, and can be sent again.
    pub fn verify(&mut self, at: &FaultShop) {
        let what = format!("{:?}, {:?}", self.kind, self.outcome);
        match self.kind {
            Kind::Consent if self.outcome == Outcome::Done => {
                let redeemed = self.redeem(at);
                assert_eq!(redeemed.status, 200, "{what}: {}", redeemed.body);
            }
            Kind::Consent => {}
            Kind::Redeem if self.outcome == Outcome::Done => self.assert_alive(at, &what),
            Kind::Redeem => {
                let again = self.redeem(at);
                let allowed: &[u16] = if self.outcome == Outcome::Lost { &[200, 400] } else { &[200] };
                assert!(allowed.contains(&again.status), "{what}: {} {}", again.status, again.body);
            }
            Kind::Refresh => self.assert_alive(at, &what),
            Kind::RevokeByApp | Kind::RevokeOnPage | Kind::RevokeClient => self.verify_revoked(at, &what),
            Kind::Invite | Kind::Register => self.verify_added(at, &what),
        }
    }

    /// Exchanges its code, again.
    pub fn redeem(&self, at: &FaultShop) -> Page {
        let (code, pkce) = self.code.as_ref().expect("a code");
        at.program.clone().post("/auth/oauth/token", &self.app.code_request(code, &pkce.verifier))
    }

    fn assert_alive(&mut self, at: &FaultShop, what: &str) {
        let held = self.pair.as_ref().expect("a pair");
        assert!(at.works(&held.access_token), "{what}: the access token works");
        let next = at.refresh(&self.app, &held.refresh_token);
        assert!(next.is_some(), "{what}: the refresh token works");
        self.pair = next;
    }

    /// Whether the access that a revocation is about is gone; it must not be gone in part.
    fn is_gone(&self, at: &FaultShop, what: &str) -> bool {
        let held = self.pair.as_ref().expect("a pair");
        let works = at.works(&held.access_token);
        match self.client {
            Some(client) => {
                let page = at.admin.clone().get(&client_path(client)).status;
                assert_eq!(page, if works { 200 } else { 410 }, "{what}: the client goes with its tokens");
            }
            None => {
                let refreshes = at.refresh(&self.app, &held.refresh_token).is_some();
                assert_eq!(refreshes, works, "{what}: the refresh token and its access token");
            }
        }
        !works
    }

    fn verify_revoked(&self, at: &FaultShop, what: &str) {
        let is_gone = self.is_gone(at, what);
        match self.outcome {
            Outcome::Done => assert!(is_gone, "{what}"),
            Outcome::Refused => assert!(!is_gone, "{what}"),
            Outcome::Lost => {}
        }
        let kind = if self.client.is_some() { "client revoked" } else { "refresh token revoked" };
        let name = match self.client {
            Some(client) => format!("subject_kind = 'client' AND subject_id = {client}"),
            None => {
                format!("substr(subject_name, 1, 7) = '{}'", &self.pair.as_ref().expect("a pair").refresh_token[..7])
            }
        };
        let entries = format!("SELECT COUNT(*) FROM activity WHERE kind = '{kind}' AND {name}");
        assert_eq!(at.shop().number(&entries), i64::from(is_gone), "{what}: in the activity log");
    }

    fn verify_added(&self, at: &FaultShop, what: &str) {
        let (added, kind) = match self.kind {
            Kind::Invite => ("SELECT id FROM employees WHERE name", "employee invited"),
            _ => ("SELECT id FROM clients WHERE name", "client registered"),
        };
        let name = if self.kind == Kind::Invite { self.name.clone() } else { format!("Registered {}", self.name) };
        let added = format!("{added} = '{name}'");
        let mut shop = at.shop();
        let count = shop.number(&format!("SELECT COUNT(*) FROM ({added}) AS found"));
        match self.outcome {
            Outcome::Done => assert_eq!(count, 1, "{what}"),
            Outcome::Refused => assert_eq!(count, 0, "{what}"),
            Outcome::Lost => assert!(count < 2, "{what}"),
        }
        let entries = format!("SELECT COUNT(*) FROM activity WHERE kind = '{kind}' AND subject_id IN ({added})");
        assert_eq!(shop.number(&entries), count, "{what}: in the activity log");
    }

    /// Whether what it acknowledged stays true whatever happens later.
    pub fn is_lasting(&self) -> bool {
        self.outcome == Outcome::Done && !matches!(self.kind, Kind::Consent | Kind::Redeem | Kind::Refresh)
    }
}

// A code that nobody has exchanged yet.
fn consent(at: &FaultShop, app: &Integration) -> Option<(String, Pkce)> {
    let mut act = Act::new(Kind::Consent, String::new(), at, app);
    act.open_consent()?;
    (act.perform(at) == Outcome::Done).then_some(())?;
    act.code
}

// A pair that nobody has refreshed yet.
fn grant(at: &FaultShop, app: &Integration) -> Option<Pair> {
    let mut act = Act::new(Kind::Redeem, String::new(), at, app);
    act.code = Some(consent(at, app)?);
    (act.perform(at) == Outcome::Done).then_some(())?;
    act.pair
}
