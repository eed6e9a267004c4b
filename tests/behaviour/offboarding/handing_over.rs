//! Handing over API keys and connections to another employee.

use client_api_access::connections::ApiType;
use client_api_access::id::ClientKey;
use client_api_access::scopes::Role;
use client_api_access::time::DAY;

use super::call;
use crate::support::connections::connection_path;
use crate::support::{Browser, Key, Page, Person, TestApp, hrefs};

struct World {
    app: TestApp,
    admin: Browser,
    leaver: Person,
    client: ClientKey,
}

impl World {
    fn start() -> World {
        let app = TestApp::start();
        let admin = app.admin();
        let leaver = app.shop().employee("Lena Leaver", Role::Manager);
        let client = app.shop().client("Ledgerly");
        World { app, admin, leaver, client }
    }

    fn key(&self, label: &str, scope: &str) -> Key {
        let mut shop = self.app.shop();
        let key = shop.api_key(self.client, &self.leaver, label);
        shop.sql(&format!("UPDATE access_tokens SET scope = '{scope}' WHERE id = {}", key.id));
        key
    }

    fn path(&self) -> String {
        format!("{}/hand-over", self.leaver.path())
    }

    fn hand_over(&mut self, to: &Person, more: &[(&str, &str)]) -> Page {
        let form = self.admin.open(&self.path());
        let id = to.id.to_string();
        let mut fields = vec![("to", id.as_str()), ("reason", "Lena left")];
        fields.retain(|(name, _)| more.iter().all(|(own, _)| own != name));
        fields.extend(more);
        self.admin.submit(&form, "/hand-over", &fields)
    }

    // Hands over what is ticked, which must be refused.
    fn refused(&mut self, to: &Person, why: &str) {
        let page = self.hand_over(to, &[]);
        assert_eq!(page.status, 422, "{why}");
        assert!(page.notice().contains(why), "{}", page.notice());
        let (from, to) = (self.leaver.id, to.id);
        assert_eq!(self.app.shop().number(&format!("SELECT COUNT(*) FROM access_tokens WHERE employee_id = {to}")), 0);
        assert!(self.app.shop().number(&format!("SELECT COUNT(*) FROM access_tokens WHERE employee_id = {from}")) > 0);
    }
}

#[test]
fn keys_keep_their_value_and_survive_offboarding() {
    let mut world = World::start();
    let (export, till) = (world.key("export", "employee:reports"), world.key("till", "employee:register"));
    let grant = world.app.shop().grant(world.client, &world.leaver);
    let heir = world.app.shop().employee("Hedda Heir", Role::Manager);
    world.app.shop().sql("UPDATE access_tokens SET last_used_at = 1, last_used_address = '203.0.113.77'");

    let form = world.admin.open(&world.path());
    let done = world.hand_over(&heir, &[("api-key", &export.id.to_string())]);
    let after = world.admin.follow(&done);
    let offboard = world.admin.open(&format!("{}/offboard", world.leaver.path()));
    world.admin.submit(&offboard, "/offboard", &[]);

    assert!(form.text().contains("Somebody else must authorize these apps: Ledgerly."), "{}", form.text());
    assert_eq!(after.notice(), "1 API key of Lena Leaver handed over to Hedda Heir.");
    assert!(!world.admin.open(&export.path()).text().contains("203.0.113.77"), "it may be Lena's own");
    let works = |value: &str| call(&world.app, value);
    assert_eq!((works(&export.value), works(&till.value), works(&grant.access_token)), (200, 401, 401));
    let theirs = world.admin.open(&heir.path());
    assert_eq!(hrefs(&theirs.rows("#api-keys")), [export.path()]);
    let log = world.admin.open("/settings/activity").rows("#activity");
    let entry = log.iter().find(|row| row.says("API key handed over")).unwrap();
    assert!(entry.says("Ada Admin") && entry.says("export") && entry.says("Lena left"), "{entry:?}");
    assert!(log.iter().any(|row| row.says("Access handed over") && row.says("Lena Leaver")), "{log:?}");
}

#[test]
fn connections_go_to_admins_and_keep_working() {
    let mut world = World::start();
    let provider = world.app.oauth_client("Nowhere", ApiType::RSeries);
    let id = world.app.named_online("Stock sync", provider, &world.leaver);
    let (manager, heir) =
        (world.app.shop().employee("Max Manager", Role::Manager), world.app.shop().employee("Hedda Heir", Role::Admin));

    let refused = world.hand_over(&manager, &[]);
    let done = world.hand_over(&heir, &[]);
    let offboard = world.admin.open(&format!("{}/offboard", world.leaver.path()));
    world.admin.submit(&offboard, "/offboard", &[]);

    assert_eq!(refused.status, 422);
    assert!(refused.notice().contains("Choose an admin for connections"), "{}", refused.notice());
    assert_eq!(done.status, 303);
    assert!(world.admin.open(&connection_path(id)).text().contains("Online"));
    assert_eq!(hrefs(&world.admin.open(&heir.path()).rows("#connections")), [connection_path(id)]);
}

#[test]
fn the_role_of_the_new_owner_must_allow_it_and_no_key_gains() {
    let mut world = World::start();
    world.key("export", "employee:reports");
    let staff = world.app.shop().staff("Stig Staff");
    world.refused(&staff, "does not include all that “export” may access");

    world.app.shop().sql("UPDATE access_tokens SET scope = 'employee:all'");
    let admin = world.app.shop().employee("Alma Admin", Role::Admin);
    world.refused(&admin, "Choose somebody with the same role: Store manager");

    world.app.shop().sql("UPDATE access_tokens SET scope = 'employee:admin_shops'");
    world.refused(&admin, "Choose somebody with the same role: Store manager");
}

#[test]
fn only_active_other_employees_get_something_and_only_what_is_there() {
    let mut world = World::start();
    let key = world.key("export", "employee:register");
    let (locked, heir) = (world.app.shop().staff("Lotta Locked"), world.app.shop().staff("Hedda Heir"));
    world.app.shop().lock(&locked);

    world.refused(&locked, "is locked or archived");
    let nobody = world.hand_over(&heir, &[("to", "9999")]);
    let myself = world.hand_over(&heir, &[("to", &world.leaver.id.to_string())]);
    let nothing = world.hand_over(&heir, &[("api-key", "")]);
    let unfounded = world.hand_over(&heir, &[("reason", "")]);
    let elsewhere = world.hand_over(&heir, &[("api-key", "9999")]);

    for (page, why) in [
        (nobody, "Choose an employee from the list"),
        (myself, "Choose another employee"),
        (nothing, "Choose at least one"),
        (unfounded, "The reason is missing"),
        (elsewhere, "was revoked or changed meanwhile"),
    ] {
        assert_eq!(page.status, 422, "{why}");
        assert!(page.notice().contains(why), "{}", page.notice());
    }
    assert_eq!(call(&world.app, &key.value), 200);
}

#[test]
fn a_key_is_not_given_to_somebody_whose_tokens_are_being_deleted() {
    let mut world = World::start();
    world.key("export", "employee:register");
    let heir = world.app.shop().staff("Hedda Heir");
    world.app.shop().sql(&format!("UPDATE employees SET revoked_access_tokens_through = 999 WHERE id = {}", heir.id));

    world.refused(&heir, "is still being deleted");
}

#[test]
fn expired_keys_are_not_offered() {
    let mut world = World::start();
    let key = world.key("export", "employee:register");
    let end = world.app.now().0;
    world.app.shop().sql(&format!("UPDATE access_tokens SET expires_at = {end} WHERE id = {}", key.id));

    let page = world.admin.open(&world.path());
    world.app.shop().sql(&format!("UPDATE access_tokens SET expires_at = {} WHERE id = {}", end + DAY, key.id));
    let valid = world.admin.open(&world.path());

    assert!(page.text().contains("Nothing to hand over"), "{}", page.text());
    assert!(valid.has(&format!("input[name=api-key][value='{}'][checked]", key.id)));
}
