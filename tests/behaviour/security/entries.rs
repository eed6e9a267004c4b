//! Row S11: an act and its entry in the activity log are one transaction. While no entry can be written, nothing is done.

use std::collections::BTreeMap;

use client_api_access::connections::{ApiType, ServiceKey};
use client_api_access::scopes::Role;

use crate::registration::GOOD;
use crate::support::connections::connection_path;
use crate::support::oauth::{Integration, Pkce, pair, press};
use crate::support::snapshot::{Columns, difference};
use crate::support::{Browser, Grant, Key, PASSWORD, Page, Person, TestApp, client_path, is_postgres};

struct World {
    app: TestApp,
    admin: Browser,
    anna: Person,
    integration: Integration,
    grant: Grant,
    key: Key,
    pending: String,
    connection: String,
    code: (String, Pkce),
    // A refresh token whose successor has been used.
    replaced: String,
}

impl World {
    fn start() -> World {
        let app = TestApp::start();
        let mut shop = app.shop();
        let (mut admin, _) = app.sign_in_as(Role::Admin);
        let anna = shop.staff("Anna Berg");
        let integration = shop.integration("Ledgerly");
        let (grant, key) = (shop.grant(integration.id, &anna), shop.api_key(integration.id, &anna, "Nightly export"));
        let pending = client_path(shop.pending_client("Stockbird"));
        let oauth_client = app.oauth_client("Harbour at its provider", ApiType::Other);
        let connection = app.named_online("Stock sync", oauth_client, &anna);
        ServiceKey::create(shop.conn(), connection, ("Nightly export", "Ada"), app.now()).unwrap();
        let connection = connection_path(connection);
        let code = integration.code(&mut admin);
        let replaced = shop.grant(integration.id, &anna).refresh_token;
        assert!(app.works(&pair(&integration.refresh(&app, &replaced)).access_token));
        // Past the grace for a lost reply.
        app.advance(31);
        World { app, admin, anna, integration, grant, key, pending, connection, code, replaced }
    }

    // Whether entries can be written.
    fn log(&self, writable: bool) {
        const FULL: &str = "CREATE FUNCTION log_is_full() RETURNS trigger LANGUAGE plpgsql AS \
            $$ BEGIN RAISE EXCEPTION 'no entry can be written'; END $$; \
            CREATE TRIGGER log_is_full BEFORE INSERT ON activity FOR EACH ROW EXECUTE FUNCTION log_is_full()";
        self.app.shop().sql(match (is_postgres(), writable) {
            (true, false) => FULL,
            (true, true) => "DROP FUNCTION log_is_full CASCADE",
            (false, false) => {
                "CREATE TRIGGER log_is_full BEFORE INSERT ON activity \
                 BEGIN SELECT RAISE(ABORT, 'no entry can be written'); END"
            }
            (false, true) => "DROP TRIGGER log_is_full",
        });
    }

    // The page at `path`, and its form sent.
    fn press(&mut self, path: &str, action: &str, fields: &[(&str, &str)]) -> Page {
        let page = self.admin.open(path);
        self.admin.submit(&page, action, fields)
    }

    fn client(&self) -> String {
        client_path(self.integration.id)
    }
}

type Act = (&'static str, fn(&mut World) -> Page);

// Each can be done after those above it.
const ACTS: [Act; 30] = [
    ("signed in", |world| world.app.browser().sign_in(&world.anna.email, PASSWORD)),
    ("client registered", |world| {
        let fields: Vec<_> =
            GOOD.iter().map(|(name, value)| (*name, if *name == "name" { "Tillbook" } else { *value })).collect();
        world.press("/settings/client-api-access/register", "/register", &fields)
    }),
    ("client edited", |world| {
        world.press(
            &format!("{}/edit", world.client()),
            "/edit",
            &[
                ("phone", "+46 8 999 999"),
                ("website", "https://ledgerly.example"),
                ("redirect-uris", "https://app.example/cb"),
                ("contact-name", "Lea"),
                ("email", "lea@ledgerly.example"),
            ],
        )
    }),
    ("client approved", |world| world.press(&world.pending.clone(), "/approve", &[])),
    ("client suspended", |world| {
        world.press(&format!("{}/suspend", world.pending), "/suspend", &[("reason", "a test")])
    }),
    ("client resumed", |world| world.press(&world.pending.clone(), "/resume", &[])),
    ("secret regenerated", |world| world.press(&format!("{}/secret", world.pending), "/secret", &[("overlap", "0")])),
    ("API key created", |world| {
        let path = format!("{}/api-keys/new?employee={}", world.client(), world.anna.id);
        let employee = world.anna.id.to_string();
        let fields =
            [("employee", employee.as_str()), ("label", "New"), ("scope", "employee:inventory"), ("expires", "90")];
        world.press(&path, "/api-keys/new", &fields)
    }),
    ("access denied", |world| {
        let page = world.admin.open(
            &world
                .integration
                .authorize_path(&[("code_challenge", &world.code.1.challenge), ("code_challenge_method", "S256")]),
        );
        press(&mut world.admin, &page, "deny")
    }),
    ("access allowed", |world| world.app.token(&world.integration.code_request(&world.code.0, &world.code.1.verifier))),
    ("token reuse detected", |world| world.integration.refresh(&world.app, &world.replaced)),
    ("token revoked by its client", |world| {
        let fields = [
            ("client_id", world.integration.client_id.as_str()),
            ("client_secret", &world.integration.secret),
            ("token", &world.grant.access_token),
        ];
        world.app.program().post("/auth/oauth/revoke", &fields)
    }),
    ("refresh token revoked", |world| world.press(&format!("{}/revoke", world.grant.path()), "/revoke", &[])),
    ("API key revoked", |world| world.press(&format!("{}/revoke", world.key.path()), "/revoke", &[])),
    ("employee invited", |world| {
        world.press(
            "/settings/employees/invite",
            "/invite",
            &[("name", "Nils"), ("email", "nils@shop.example"), ("role", "staff")],
        )
    }),
    ("role changed", |world| world.press(&world.anna.path(), "/role", &[("role", "manager")])),
    ("locked", |world| world.press(&world.anna.path(), "/lock", &[])),
    ("unlocked", |world| world.press(&world.anna.path(), "/unlock", &[])),
    ("reset link made", |world| world.press(&world.anna.path(), "/link", &[])),
    ("access revoked", |world| {
        world.press(&format!("{}/revoke-all-access", world.anna.path()), "/revoke-all-access", &[])
    }),
    ("offboarded", |world| world.press(&format!("{}/offboard", world.anna.path()), "/offboard", &[])),
    ("archived", |world| world.press(&world.anna.path(), "/archive", &[])),
    ("restored", |world| world.press(&world.anna.path(), "/restore", &[])),
    ("account changed", |world| world.press("/settings/account", "/settings/account", &[("name", "Harbour & Oak")])),
    ("resource server created", |world| {
        world.press("/settings/resource-servers", "/settings/resource-servers", &[("name", "Orders API")])
    }),
    ("connection paused", |world| world.press(&world.connection.clone(), "/pause", &[])),
    ("service key created", |world| world.press(&world.connection.clone(), "/keys", &[("label", "Nightly")])),
    ("disconnected", |world| world.press(&format!("{}/disconnect", world.connection), "/disconnect", &[])),
    ("client revoked", |world| world.press(&format!("{}/revoke", world.client()), "/revoke", &[])),
    ("password changed", |world| {
        const NEW: &str = "quiet harvest moon 77";
        world.press(
            "/settings/profile",
            "/settings/profile/password",
            &[("current", PASSWORD), ("password", NEW), ("again", NEW)],
        )
    }),
];

// Everything but the records of attempts.
fn lasting(world: &World) -> BTreeMap<String, Vec<Columns>> {
    let mut all = world.app.shop().lasting_snapshot();
    all.retain(|table, _| table != "token_failures" && table != "sign_in_attempts");
    all
}

#[test]
fn s11_an_act_whose_entry_cannot_be_written_is_not_done() {
    let mut world = World::start();
    for (what, act) in ACTS {
        let before = lasting(&world);
        world.log(false);
        let refused = act(&mut world);
        world.log(true);
        assert!(refused.status >= 500, "{what}: {} {}", refused.status, refused.text());
        assert_eq!(difference(&before, &lasting(&world)), [""; 0], "{what}");

        let entries = |world: &World| world.app.shop().number("SELECT COUNT(*) FROM activity");
        let there = entries(&world);
        let done = act(&mut world);
        let is_refusal = what == "token reuse detected";
        assert!(is_refusal && done.status == 400 || done.status < 400, "{what}: {} {}", done.status, done.text());
        assert!(entries(&world) > there, "{what} has an entry");
    }
}
