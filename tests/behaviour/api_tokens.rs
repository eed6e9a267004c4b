//! API tokens: who they make their bearer, and when they do not work.

use client_api_access::activity::Actor;
use client_api_access::api_tokens::{self, Area, AreaAccess, Caller, NewApiToken, Refusal};
use client_api_access::scopes::Role;
use client_api_access::time::DAY;

use crate::support::{NOW, Shop, TestApp};

fn who(shop: &mut Shop, value: &str) -> Result<Caller, Refusal> {
    let now = shop.now();
    api_tokens::authenticate(shop.conn(), value, now).unwrap()
}

#[test]
fn an_api_token_is_its_person_with_the_lower_role_and_its_areas_until_something_ends_it() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (ada, mona) = (shop.employee("Ada Admin", Role::Admin), shop.employee("Mona Manager", Role::Manager));
    let (_, as_admin) = shop.api_token(&ada, Role::Admin, "clients:read tokens:write");
    let (id, as_staff) = shop.api_token(&mona, Role::Staff, "activity:read");

    let caller = who(&mut shop, &as_admin).unwrap();
    assert_eq!((caller.employee, caller.employee_name.as_str(), caller.role), (ada.id, "Ada Admin", Role::Admin));
    assert!(caller.areas.allows(Area::Tokens, AreaAccess::Read));
    assert!(!caller.areas.allows(Area::Clients, AreaAccess::Write));
    assert_eq!(who(&mut shop, &as_staff).map(|caller| (caller.id, caller.role)), Ok((id, Role::Staff)));

    shop.sql(&format!("UPDATE employees SET role = 'manager' WHERE id = {}", ada.id));
    assert_eq!(who(&mut shop, &as_admin).map(|caller| caller.role), Ok(Role::Manager), "her role was lowered");
    shop.lock(&ada);
    assert_eq!(who(&mut shop, &as_admin).err(), Some(Refusal::PersonInactive));
    shop.sql("UPDATE employees SET locked_at = NULL, archived_at = 1");
    assert_eq!(who(&mut shop, &as_admin).err(), Some(Refusal::PersonInactive));
    shop.sql("UPDATE employees SET archived_at = NULL");
    assert!(who(&mut shop, &as_admin).is_ok(), "unlocked, it works again");

    let by = Actor::server();
    assert!(api_tokens::revoke(shop.conn(), id, (&by, ""), NOW).unwrap());
    assert!(!api_tokens::revoke(shop.conn(), id, (&by, ""), NOW).unwrap(), "it is revoked once");
    assert_eq!(who(&mut shop, &as_staff).err(), Some(Refusal::Revoked));
    let mut later = shop.at(90 * DAY);
    assert_eq!(who(&mut later, &as_admin).err(), Some(Refusal::Ended));
    let kinds = later.words("SELECT kind AS word FROM activity WHERE subject_kind = 'api_token' ORDER BY id");
    assert_eq!(kinds, ["API token created", "API token created", "API token revoked"]);
}

#[test]
fn nothing_else_is_accepted_as_an_api_token_and_none_can_be_created_beyond_its_person() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (mona, client) = (shop.employee("Mona Manager", Role::Manager), shop.client("Ledgerly"));
    let (grant, key) = (shop.grant(client, &mona), shop.api_key(client, &mona, "Export"));
    let (_, value) = shop.api_token(&mona, Role::Manager, "clients:read");
    assert_eq!(&value[7..11], "_pt_");

    let last = if value.ends_with('a') { 'b' } else { 'a' };
    let mistyped = format!("{}{last}", &value[..value.len() - 1]);
    for other in [&grant.access_token, &grant.refresh_token, &key.value, &mistyped, &value[..7].to_string()] {
        assert_eq!(who(&mut shop, other).err(), Some(Refusal::Unknown), "{other}");
    }
    // A copy of the database holds nothing that can be presented.
    let stored = shop.words("SELECT prefix || name || service || areas || name_fold AS word FROM api_tokens");
    assert!(!stored[0].contains(&value[11..]), "{stored:?}");

    let good = NewApiToken {
        name: "Night".into(),
        employee: mona.id,
        service: Some("Reports".into()),
        role: Role::Manager,
        areas: api_tokens::Areas::parse(["clients:read"]).unwrap(),
        expires_at: NOW.plus(365 * DAY),
    };
    let bad = [
        NewApiToken { role: Role::Admin, ..good.clone() },
        NewApiToken { expires_at: NOW.plus(367 * DAY), ..good.clone() },
        NewApiToken { expires_at: NOW, ..good.clone() },
        NewApiToken { employee: client_api_access::id::EmployeeKey(999), ..good.clone() },
    ];
    let by = Actor::server();
    for new in bad {
        assert!(api_tokens::issue(shop.conn(), &new, (&by, ""), NOW).unwrap().is_err(), "{new:?}");
    }
    assert!(api_tokens::issue(shop.conn(), &good, (&by, ""), NOW).unwrap().is_ok());
    shop.lock(&mona);
    assert!(api_tokens::issue(shop.conn(), &good, (&by, ""), NOW).unwrap().is_err());
}
