//! Notices beyond connections: each kind when it happens, not when it is turned off, and a limited number.

use client_api_access::scopes::Role;
use client_api_access::time::{DAY, HOUR};
use serde_json::Value;

use crate::notices::{channels, event, in_clear, with_flash};
use crate::registration::{GOOD, with};
use crate::support::mail::{Mail, MailServer};
use crate::support::provider::Provider;
use crate::support::{Browser, Page, TestApp, client_path};

const NOTICES: &str = "/settings/account/notices";
const REGISTER: &str = "/settings/client-api-access/register";

struct World {
    app: TestApp,
    admin: Browser,
    mail: MailServer,
    receiver: Provider,
}

impl World {
    fn start() -> World {
        let (mail, receiver) = (MailServer::start(), Provider::start());
        let notices = channels(in_clear(&mail), Some(&receiver));
        let app = TestApp::start_with(|config| {
            with_flash(notices)(config);
            config.public_registration = true;
        });
        World { admin: app.admin(), app, mail, receiver }
    }

    // Sends these kinds by e-mail, and none to the webhook.
    fn only(&mut self, kinds: &[&str]) {
        let form = self.admin.open(NOTICES);
        let csrf = form.attribute("#kinds input[name=csrf]", "value").unwrap();
        let values: Vec<String> = kinds.iter().map(|kind| format!("email {kind}")).collect();
        let mut fields = vec![("csrf", csrf.as_str())];
        fields.extend(values.iter().map(|value| ("sent", value.as_str())));
        assert_eq!(self.admin.post(NOTICES, &fields).status, 303);
    }

    // Those to the recipients of notices, in the order of their subjects: several are delivered at once.
    fn mails(&self) -> Vec<Mail> {
        settle(&self.app);
        let mut mails = self.mail.mails();
        mails.retain(|mail| mail.to.len() == 2);
        mails.sort_by_key(|mail| mail.header("Subject"));
        mails
    }

    fn subjects(&self) -> Vec<String> {
        self.mails().iter().map(|mail| mail.header("Subject")).collect()
    }

    fn post(&self) -> Value {
        serde_json::from_str(&self.receiver.requests().last().unwrap().body).unwrap()
    }

    fn register(&mut self, name: &str) -> Page {
        let form = self.admin.open(REGISTER);
        self.admin.submit(&form, REGISTER, &with(&[("name", name)]))
    }

    fn register_in_public(&self, name: &str) {
        let mut developer = self.app.browser();
        let form = developer.open("/oauth/register");
        developer.submit(&form, "/oauth/register", &with(&[("name", name)]));
    }
}

/// Runs the jobs, and delivers what they wrote to the outbox.
pub fn settle(app: &TestApp) {
    app.run_background();
    app.run_background();
}

// A mail without the breaks that quoted-printable puts into its lines.
pub fn text(mail: &Mail) -> String {
    mail.text.replace("=\r\n", "").replace("=3D", "=")
}

#[test]
fn token_reuse_is_told_with_both_callers_and_the_page_and_once() {
    let world = World::start();
    let integration = world.app.shop().integration("Ledgerly");
    let (mut staff, person) = world.app.sign_in_as(Role::Staff);
    let first = integration.grant(&world.app, &mut staff);
    world.app.advance(60);
    let second = crate::support::oauth::pair(&integration.refresh(&world.app, &first.refresh_token));
    world.app.advance(60);
    crate::support::oauth::pair(&integration.refresh(&world.app, &second.refresh_token));
    world.app.advance(60);

    for _ in 0..3 {
        integration.refresh(&world.app, &first.refresh_token);
    }

    let mails = world.mails();
    assert_eq!(mails.len(), 1, "{:?}", world.subjects());
    assert_eq!(mails[0].header("Subject"), "Token reuse detected: Ledgerly");
    let text = text(&mails[0]);
    assert!(text.contains("was used from 127.0.0.1; the newest was issued to 127.0.0.1"), "{text}");
    assert!(text.contains(&format!("{}/settings/attention/reuse-detected", world.app.origin())), "{text}");
    assert!(text.contains(&format!("{}{NOTICES}", world.app.origin())), "{text}");
    assert!(!text.contains(&first.refresh_token) && !text.contains(&integration.secret), "{text}");
    assert_eq!(world.receiver.requests().len(), 1);
    assert_eq!(event(&world.receiver.requests()[0]), "token.reuse_detected");
    assert_eq!(world.post()["data"]["client"], integration.id.0);
    let concerned = format!("SELECT COUNT(*) FROM outbox WHERE employee_id = {}", person.id);
    assert_eq!(world.app.shop().number(&concerned), 2);
}

#[test]
fn code_reuse_is_told_too_and_nothing_is_told_of_what_is_turned_off() {
    let mut world = World::start();
    let integration = world.app.shop().integration("Ledgerly");
    let reuse = |world: &World| {
        let mut staff = world.app.sign_in_as(Role::Staff).0;
        let (code, pkce) = integration.code(&mut staff);
        world.app.token(&integration.code_request(&code, &pkce.verifier));
        world.app.token(&integration.code_request(&code, &pkce.verifier));
    };

    reuse(&world);
    let told = world.subjects();
    world.only(&["client.pending"]);
    reuse(&world);

    assert_eq!(told, ["Token reuse detected: Ledgerly"]);
    assert!(text(&world.mails()[0]).contains("its authorization code was used again from 127.0.0.1"));
    assert_eq!(world.subjects(), told, "turned off");
    assert_eq!(world.receiver.requests().len(), 1);
    let log = world.admin.open("/settings/activity?kind=notices+changed").rows("#activity");
    assert!(log.len() == 1 && log[0].says("Token reuse detected by e-mail off"), "{log:?}");
}

#[test]
fn clients_that_are_registered_wait_or_are_revoked_are_told_of() {
    let mut world = World::start();
    world.register("Quiet");
    let by_default = world.subjects();
    world.only(&["client.pending", "client.registered", "client.revoked"]);

    world.register("Ledgerly");
    world.register_in_public("Stranger");
    let id = world.app.shop().number("SELECT id FROM clients WHERE name = 'Ledgerly'");
    let path = client_path(client_api_access::id::ClientKey(id));
    let form = world.admin.open(&format!("{path}/revoke"));
    assert_eq!(world.admin.submit(&form, "/revoke", &[]).status, 303);

    assert!(by_default.is_empty(), "{by_default:?}");
    let mails = world.mails();
    assert_eq!(world.subjects(), ["Ledgerly was registered", "Ledgerly was revoked", "Stranger waits for approval"]);
    assert!(text(&mails[0]).contains(&format!("Ada Admin registered Ledgerly ({})", website())), "{}", mails[0].text);
    assert!(text(&mails[0]).contains(&format!("{}{path}", world.app.origin())), "{}", mails[0].text);
    assert!(text(&mails[1]).contains("Ada Admin revoked Ledgerly."), "{}", mails[1].text);
    assert!(text(&mails[2]).contains("/settings/client-api-access/pending"), "{}", mails[2].text);
}

fn website() -> &'static str {
    GOOD.iter().find(|(name, _)| *name == "website").unwrap().1
}

#[test]
fn a_new_admin_is_told_of_by_role_and_by_invitation() {
    let mut world = World::start();
    let mona = world.app.sign_in_as(Role::Manager).1;

    let page = world.admin.open(&mona.path());
    assert_eq!(world.admin.submit(&page, "/role", &[("role", "admin")]).status, 303);
    let form = world.admin.open("/settings/employees/invite");
    let fields = [("name", "Nora New"), ("email", "nora@shop.example"), ("role", "admin")];
    assert_eq!(world.admin.submit(&form, "/invite", &fields).status, 200);

    assert_eq!(world.subjects(), ["Mona Manager is an admin now", "Nora New is an admin now"]);
    let mails = world.mails();
    let given = text(&mails[0]);
    assert!(given.contains("Ada Admin gave Mona Manager the role of an admin (was Store manager)"), "{given}");
    assert!(given.contains(&format!("{}{}", world.app.origin(), mona.path())), "{given}");
    assert!(text(&mails[1]).contains("Ada Admin invited Nora New as an admin"));
    let page = world.admin.open(&mona.path());
    world.admin.submit(&page, "/role", &[("role", "manager")]);
    assert_eq!(world.subjects().len(), 2, "a lower role is no news");
}

#[test]
fn refused_refreshes_are_told_once_a_day_for_each_client() {
    let world = World::start();
    let (one, two) = (world.app.shop().integration("Ledgerly"), world.app.shop().integration("Till"));
    for _ in 0..4 {
        one.refresh(&world.app, "nonsense");
    }
    let before = world.subjects();

    for _ in 0..6 {
        one.refresh(&world.app, "nonsense");
        two.refresh(&world.app, "nonsense");
    }
    let told = world.subjects();
    world.app.advance(DAY + HOUR);
    world.app.run_background();
    for _ in 0..5 {
        one.refresh(&world.app, "nonsense");
    }

    assert!(before.is_empty(), "{before:?}");
    assert_eq!(told, ["Refreshes of Ledgerly are refused", "Refreshes of Till are refused"]);
    let text = text(&world.mails()[0]);
    assert!(text.contains("were refused 5 times within an hour. The last answer was invalid_grant"), "{text}");
    assert!(!text.contains("nonsense") && !text.contains(&one.secret), "{text}");
    assert_eq!(world.subjects().len(), 3, "again on another day");
}

#[test]
fn api_keys_that_expire_are_told_of_once_on_all_nodes() {
    let receiver = Provider::start();
    let nodes = TestApp::nodes(1, with_flash(channels(None, Some(&receiver))));
    let app = nodes.last().unwrap();
    let mut shop = app.shop();
    let (client, person) = (shop.client("Ledgerly"), shop.employee("Olga Owner", Role::Manager));
    let ends = [("Till", 30 * DAY), ("Export", 30 * DAY + 60), ("Report", 60 * DAY)];
    for (label, end) in ends {
        shop.api_key_until(client, &person, label, app.now().plus(end));
    }
    let everywhere = |seconds: i64| {
        nodes.iter().for_each(|node| node.advance(seconds));
        nodes.iter().for_each(settle);
    };

    everywhere(23 * DAY - 60);
    let too_early = receiver.requests().len();
    everywhere(60);
    everywhere(60);
    everywhere(DAY);
    let posts = receiver.requests();

    assert_eq!(too_early, 0);
    assert_eq!(posts.len(), 2, "{posts:?}");
    let bodies: Vec<Value> = posts.iter().map(|post| serde_json::from_str(&post.body).unwrap()).collect();
    assert_eq!(bodies[0]["type"], "api_key.expires_soon");
    assert_eq!([&bodies[0]["data"]["count"], &bodies[1]["data"]["count"]], [1, 1]);
    let name = |body: &Value| body["data"]["api_keys"][0]["name"].as_str().unwrap().to_string();
    assert!(name(&bodies[0]).ends_with(" “Till” of Ledgerly"), "{bodies:?}");
    assert!(name(&bodies[1]).ends_with(" “Export” of Ledgerly"), "{bodies:?}");
    assert_eq!(bodies[0]["data"]["url"], format!("{}/settings/attention/expiring-soon", app.origin()));
}

#[test]
fn several_keys_are_one_notice_and_none_is_marked_while_nothing_is_sent() {
    let mut world = World::start();
    let mut shop = world.app.shop();
    let (client, person) = (shop.client("Ledgerly"), shop.employee("Olga Owner", Role::Manager));
    for i in 0..25 {
        shop.api_key_until(client, &person, &format!("Key {i}"), world.app.now().plus(30 * DAY));
    }
    world.only(&[]);
    world.app.advance(24 * DAY);
    let off = world.subjects();

    world.admin = world.app.admin();
    world.only(&["api_key.expires_soon"]);

    assert!(off.is_empty());
    assert_eq!(world.subjects(), ["25 API keys expire within a week"]);
    let text = text(&world.mails()[0]);
    assert_eq!(text.matches("of Ledgerly: ").count(), 20, "{text}");
    assert!(text.contains("- and 5 more"), "{text}");
}

#[test]
fn strangers_cause_ten_notices_an_hour_at_most_and_the_last_says_so() {
    let mut world = World::start();
    world.only(&["client.pending", "client.registered"]);
    for i in 0..14 {
        world.register(&format!("Client {i}"));
    }
    let first = world.mails();
    world.app.advance(HOUR + 1);
    world.admin = world.app.admin();
    world.register("Later");

    assert_eq!(first.len(), 10);
    let last: Vec<String> = first.iter().map(text).filter(|text| text.contains("This is the 10th notice of")).collect();
    assert!(last.len() == 1 && last[0].contains("Client 9"), "{last:?}");
    world.register_in_public("Other");
    assert_eq!(world.subjects().len(), 12, "another hour, and another kind");
}
