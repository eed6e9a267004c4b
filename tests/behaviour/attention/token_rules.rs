//! The rules about refresh tokens and API keys.

use client_api_access::time::{DAY, Timestamp};

use super::{HOME, World, findings, items, path};
use crate::support::Grant;

#[test]
fn api_keys_that_never_expire() {
    let mut world = World::start();
    let (endless, other) = (world.key("till"), world.key("export"));
    world.set(&endless, "expires_at", Timestamp::NO_END);
    world.set(&other, "expires_at", Timestamp(Timestamp::NO_END.0 - 1));

    let home = world.manager.open(HOME);
    let page = world.manager.open(&path("never-expires"));

    assert_eq!(findings(&home), ["1 API key never expires"]);
    world.finds("never-expires", &[endless.path()]);
    assert!(page.rows("#items")[0].says("Ledgerly") && page.rows("#items")[0].says("Olga Owner"));
    assert_eq!(page.attribute("#items a.danger", "href"), Some(format!("{}/revoke", endless.path())));
}

#[test]
fn tokens_that_were_not_used_for_90_days() {
    let mut world = World::start();
    let (unused, used, expired) = (world.key("unused"), world.key("used"), world.key("expired"));
    let limit = world.app.now().plus(-90 * DAY);
    world.set(&unused, "last_used_at", limit);
    world.set(&used, "last_used_at", limit.plus(1));
    world.set(&expired, "last_used_at", limit);
    world.set(&expired, "expires_at", world.app.now());
    let (forgotten, active) = (world.grant("employee:inventory"), world.grant("employee:inventory"));
    world.app.shop().used("refresh_tokens", forgotten.id.0, limit);
    world.app.shop().used("refresh_tokens", active.id.0, limit.plus(1));

    world.finds("unused", &[unused.path(), forgotten.path()]);
    let home = world.manager.open(HOME);
    assert_eq!(findings(&home), ["2 tokens were not used for 90 days"]);
}

#[test]
fn tokens_that_were_never_used_in_30_days() {
    let mut world = World::start();
    let limit = world.app.now().plus(-30 * DAY);
    let (never, young, used) = (world.key("never"), world.key("young"), world.key("used"));
    for key in [&never, &young] {
        world.set(key, "last_used_at", Timestamp::NEVER_YET);
    }
    world.set(&never, "created_at", limit);
    world.set(&young, "created_at", limit.plus(1));
    world.set(&used, "created_at", limit.plus(-DAY));
    let grant = world.grant("employee:inventory");
    world.app.shop().sql(&format!("UPDATE refresh_tokens SET created_at = {} WHERE id = {}", limit.0, grant.id));

    world.finds("never-used", &[never.path(), grant.path()]);
}

#[test]
fn api_keys_that_expire_within_a_week() {
    let mut world = World::start();
    let now = world.app.now();
    let keys = ["now", "soon", "week", "later"].map(|label| world.key(label));
    for (key, end) in keys.iter().zip([0, 1, 7 * DAY, 7 * DAY + 1]) {
        world.set(key, "expires_at", now.plus(end));
        world.set(key, "created_at", now.plus(-DAY * 30));
    }
    // Made for a few days only.
    let short = world.key("short");
    world.set(&short, "expires_at", now.plus(3 * DAY));

    world.finds("expiring-soon", &[keys[1].path(), keys[2].path()]);
}

#[test]
fn tokens_of_locked_and_archived_employees() {
    let mut world = World::start();
    let (key, grant) = (world.key("till"), world.grant("employee:all"));
    let mut admin = world.app.admin();
    let csrf = admin.csrf();
    let mut act = |action: &str| {
        let done = admin.post(&format!("{}/{action}", world.owner.path()), &[("csrf", &csrf)]);
        assert_eq!(done.status, 303, "{action}: {}", done.text());
    };

    act("lock");
    assert_eq!(items(&mut world.manager, "owner-inactive"), [key.path(), grant.path()]);
    assert_eq!(items(&mut world.manager, "full-access"), [""; 0], "listed once");
    act("archive");
    act("restore");
    assert_eq!(items(&mut world.manager, "owner-inactive"), [key.path(), grant.path()], "still locked");
    act("unlock");
    assert_eq!(items(&mut world.manager, "owner-inactive"), [""; 0]);
    assert_eq!(items(&mut world.manager, "full-access"), [grant.path()]);
}

#[test]
fn scopes_beyond_the_role_of_their_owner_follow_the_role() {
    let mut world = World::start();
    let (key, grant) = (world.key("reports"), world.grant("employee:inventory"));
    let beyond = world.grant("employee:inventory employee:admin_shops");
    let mut admin = world.app.admin();
    let mut role = |role: &str| {
        let page = admin.open(&world.owner.path());
        admin.submit(&page, &format!("{}/role", world.owner.path()), &[("role", role)]);
    };

    assert_eq!(items(&mut world.manager, "beyond-role"), [beyond.path()]);
    role("staff");
    assert_eq!(items(&mut world.manager, "beyond-role"), [key.path(), beyond.path()]);
    role("admin");
    assert_eq!(items(&mut world.manager, "beyond-role"), [""; 0]);
    assert!(!items(&mut world.manager, "unused").contains(&grant.path()));
}

#[test]
fn a_job_flags_the_tokens_that_a_change_did_not_reach() {
    let mut world = World::start();
    let grants: Vec<Grant> = (0..3).map(|_| world.grant("employee:all")).collect();
    let mut shop = world.app.shop();
    // As after an upgrade.
    shop.sql("UPDATE refresh_tokens SET full_access = FALSE");
    shop.sql("UPDATE employees SET token_flags_due = 1");

    assert_eq!(items(&mut world.manager, "full-access"), [""; 0]);
    world.app.run_background();
    assert_eq!(items(&mut world.manager, "full-access").len(), grants.len());
    assert_eq!(shop.number("SELECT COUNT(*) FROM employees WHERE token_flags_due > 0"), 0);
}

#[test]
fn tokens_with_full_access() {
    let mut world = World::start();
    let full = world.grant("employee:inventory employee:all");
    world.grant("employee:inventory employee:admin");

    world.finds("full-access", &[full.path()]);
}

#[test]
fn tokens_of_clients_that_are_not_active_are_left_out() {
    let mut world = World::start();
    world.grant("employee:all");
    let mut shop = world.app.shop();
    shop.sql(&format!("UPDATE clients SET suspended_at = 1 WHERE id = {}", world.client));

    world.finds("full-access", &[]);
}

#[test]
fn revoked_tokens_that_are_still_being_deleted_are_left_out() {
    let mut world = World::start();
    let (one, two) = (world.grant("employee:all"), world.grant("employee:all"));
    let key = world.key("till");
    world.set(&key, "expires_at", Timestamp::NO_END);
    let (of, mut shop) = (&world.owner, world.app.shop());
    shop.sql(&format!("UPDATE refresh_tokens SET revoked_at = 1 WHERE id = {}", one.id));
    shop.sql(&format!("UPDATE employees SET revoked_access_tokens_through = {} WHERE id = {}", key.id, of.id));

    world.finds("full-access", &[two.path()]);
    world.finds("never-expires", &[]);
}
