//! The rules about clients, connections, client secrets and token reuse.

use client_api_access::activity::{Actor, Kind, NewActivity, Subject};
use client_api_access::connections::ApiType;
use client_api_access::time::{DAY, Timestamp};

use super::{HOME, World, findings, path};
use crate::support::client_path;
use crate::support::connections::connection_path;

#[test]
fn clients_pending_approval() {
    let mut world = World::start();
    let pending = world.app.shop().pending_client("New Thing");
    let mut admin = world.app.admin();

    world.finds("pending-clients", &[client_path(pending)]);
    let as_admin = admin.open(&path("pending-clients"));
    let as_manager = world.manager.open(&path("pending-clients"));

    assert_eq!(findings(&world.manager.open(HOME)), ["1 client waits for approval"]);
    assert!(as_admin.rows("#items")[0].says("Approve or reject"));
    assert!(!as_manager.rows("#items")[0].says("Approve or reject"));
    assert!(as_manager.text().contains("Only admins can do this."), "{}", as_manager.text());
}

#[test]
fn connections_to_authorize_and_to_reconnect() {
    let mut world = World::start();
    let provider = world.app.oauth_client("Harbour at its provider", ApiType::Other);
    let never = world.app.named_connection("Never authorized", provider);
    let lost = world.app.named_online("Lost", provider, &world.owner);
    let paused = world.app.named_online("Paused", provider, &world.owner);
    world.app.named_online("Works", provider, &world.owner);
    let mut shop = world.app.shop();
    let now = world.app.now().0;
    shop.sql(&format!("UPDATE connections SET needs_authorization_since = {now} WHERE id IN ({lost}, {paused})"));
    shop.sql(&format!("UPDATE connections SET paused_at = {now} WHERE id = {paused}"));

    world.finds("authorize", &[connection_path(never)]);
    world.finds("reconnect", &[connection_path(lost)]);
    let page = world.app.admin().open(&path("reconnect"));
    assert!(page.has(&format!("form[action='{}/authorize']", connection_path(lost))), "the act is beside it");
}

#[test]
fn connections_that_have_been_failing_for_five_minutes() {
    let mut world = World::start();
    let provider = world.app.oauth_client("Harbour at its provider", ApiType::Other);
    let [failing, longer, lost, paused, _] = ["Failing", "Longer", "Lost", "Paused", "Works"]
        .map(|name| world.app.named_online(name, provider, &world.owner));
    let mut shop = world.app.shop();
    let now = world.app.now();
    let failed = [failing, lost, paused].map(|id| id.to_string()).join(", ");
    shop.sql(&format!("UPDATE connections SET failing_since = {} WHERE id IN ({failed})", now.0));
    shop.sql(&format!("UPDATE connections SET needs_authorization_since = {} WHERE id = {lost}", now.0));
    shop.sql(&format!("UPDATE connections SET paused_at = {} WHERE id = {paused}", now.0));

    world.app.advance(5 * 60 - 1);
    world.finds("failing", &[]);
    world.app.advance(1);
    world.finds("failing", &[connection_path(failing)]);
    world.app.advance(12 * 60);
    let home = world.app.admin().open(HOME);
    assert!(findings(&home).contains(&"1 connection is failing, retrying".into()), "{:?}", findings(&home));
    assert!(home.text().contains("Failing for 17 minutes."), "{}", home.text());

    shop.sql(&format!("UPDATE connections SET failing_since = {} WHERE id = {longer}", now.plus(-7200).0));
    world.finds("failing", &[connection_path(longer), connection_path(failing)]);
}

#[test]
fn connections_of_somebody_who_is_locked() {
    let mut world = World::start();
    let provider = world.app.oauth_client("Harbour at its provider", ApiType::Other);
    let theirs = world.app.named_online("Stock sync", provider, &world.owner);
    let other = world.app.shop().staff("Other");
    world.app.named_online("Works", provider, &other);

    world.finds("connection-owner-inactive", &[]);
    world.app.shop().lock(&world.owner);
    world.finds("connection-owner-inactive", &[connection_path(theirs)]);
}

#[test]
fn client_secrets_older_than_a_year() {
    let mut world = World::start();
    let mut shop = world.app.shop();
    let ids = ["Old", "Young", "Suspended", "Replaced"].map(|name| shop.client(name));
    let limit = world.app.now().plus(-365 * DAY);
    let ages = [limit, limit.plus(1), limit, limit];
    for ((id, at), byte) in ids.iter().zip(ages).zip(1..) {
        let hash = format!("{byte:02x}").repeat(32);
        let hash = if crate::support::is_postgres() { format!("'\\x{hash}'") } else { format!("x'{hash}'") };
        shop.sql(&format!("DELETE FROM client_secrets WHERE client_id = {id}"));
        let end = if byte == 4 { world.app.now().plus(DAY) } else { Timestamp::NO_END };
        shop.sql(&format!(
            "INSERT INTO client_secrets (client_id, hash, created_at, expires_at) VALUES ({id}, {hash}, {}, {})",
            at.0, end.0
        ));
    }
    shop.sql(&format!("UPDATE clients SET suspended_at = 1 WHERE id = {}", ids[2]));

    world.finds("old-secrets", &[client_path(ids[0])]);
    let page = world.app.admin().open(&path("old-secrets"));
    assert_eq!(page.attribute("#items .acts a", "href"), Some(format!("{}/secret", client_path(ids[0]))));
}

#[test]
fn token_reuse_leads_to_its_entry() {
    let mut world = World::start();
    let mut shop = world.app.shop();
    let now = world.app.now();
    let mut entry = |name: &str, at: Timestamp| {
        let subject = Subject::named("refresh_token", 1, name);
        let entry = NewActivity::new(Kind::RefreshTokenReuseDetected, Actor::client("Ledgerly"), subject);
        entry.record(shop.conn(), at).unwrap();
    };
    entry("Zk3f9aA of Ledgerly", now.plus(-30 * DAY - 1));
    entry("Zk3f9aB of Ledgerly", now.plus(-30 * DAY));

    let page = world.manager.open(&path("reuse-detected"));
    let rows = page.rows("#items");
    let log = world.manager.open(&rows[0].href);

    assert_eq!(findings(&world.manager.open(HOME)), ["1 token was used twice"]);
    assert!(rows.len() == 1 && rows[0].says("Zk3f9aB of Ledgerly"), "{rows:?}");
    assert!(log.rows("#activity")[0].says("Zk3f9aB of Ledgerly"));
}
