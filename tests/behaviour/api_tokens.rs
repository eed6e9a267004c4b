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
fn x2_an_api_token_is_its_person_with_the_lower_role_and_its_areas_until_something_ends_it() {
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
fn x2_nothing_else_is_accepted_as_an_api_token_and_none_can_be_created_beyond_its_person() {
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

const HOME: &str = "/settings/api-tokens";
const NEW: &str = "/settings/api-tokens/new";

// The form as a careful admin fills it in.
fn fields<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all = vec![
        ("name", "Weekly report"),
        ("for", "me"),
        ("role", "manager"),
        ("area", "tokens:read"),
        ("area", "clients:read"),
        ("expires", "365"),
    ];
    all.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    all.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    all
}

#[test]
fn an_admin_creates_an_api_token_sees_its_value_once_and_revokes_it() {
    let app = TestApp::start();
    let (mut admin, ada) = app.sign_in_as(Role::Admin);
    let mona = app.shop().employee("Mona Manager", Role::Manager);
    let settings = admin.open("/settings");
    let empty = admin.click(&settings, &settings.link_in("main", "API tokens").unwrap());
    let form = admin.click(&empty, &empty.link("New API token").unwrap());

    for (changes, sentence) in [
        (vec![("name", "")], "The name is missing"),
        (vec![("role", "owner")], "Choose a role"),
        (vec![("area", "")], "Select at least one area"),
        (vec![("area", "clients:delete")], "Select at least one area"),
        (vec![("expires", "never")], "at most a year"),
        (vec![("expires", "date"), ("expires-on", "2028-01-01")], "at most a year"),
        (vec![("for", "service")], "name of the service is missing"),
        (vec![("for", "service"), ("service", "Reports"), ("employee", "999")], "Choose a person"),
    ] {
        let refused = admin.submit(&form, "/new", &fields(&changes));
        assert_eq!(refused.status, 422, "{changes:?}");
        assert!(refused.text().contains(sentence), "{changes:?}: {}", refused.text());
    }
    let responsible = mona.id.to_string();
    let service = [
        ("name", "Stock sync"),
        ("for", "service"),
        ("service", "Reporting server"),
        ("employee", responsible.as_str()),
    ];
    let beyond = admin.submit(&form, "/new", &fields(&[&service[..], &[("role", "admin")]].concat()));
    assert!(beyond.text().contains("The role of Mona Manager is Store manager"), "{}", beyond.text());
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM api_tokens"), 0);

    let shown = admin.submit(&form, "/new", &fields(&[("area", "tokens:write")]));
    let value = shown.texts("#secret")[0].clone();
    assert_eq!((shown.status, shown.header("cache-control")), (200, Some("no-store")));
    assert_eq!(shown.heading(), "New API token “Weekly report”");
    let again = admin.submit(&form, "/new", &fields(&[]));
    assert!(again.status == 409 && !again.body.contains("_pt_"), "{}: {}", again.status, again.text());
    let form = admin.open(NEW);
    let of_service = admin.submit(&form, "/new", &fields(&service));
    assert_eq!(of_service.status, 200, "{}", of_service.text());
    assert_eq!(who(&mut app.shop(), &value).map(|caller| (caller.employee, caller.role)), Ok((ada.id, Role::Manager)));

    let list = admin.open(HOME);
    let rows = list.rows("#api-tokens");
    assert!(rows.len() == 2 && rows[0].says("Reporting server") && rows[0].says("Mona Manager"), "{rows:?}");
    assert!(rows[1].says(&value[..7]) && rows[1].says("Ada Admin") && rows[1].says("Never used"), "{rows:?}");
    let named = admin.open(&format!("{HOME}?name=mona"));
    assert_eq!(named.rows("#api-tokens").len(), 1);
    assert!(admin.open(&format!("{HOME}?state=revoked")).text().contains("No results match"));
    let page = admin.click(&list, &list.link("Weekly report").unwrap());
    assert!(page.text().contains("Tokens and API keys: read and write"), "{}", page.text());
    for page in [&list, &page] {
        assert!(!page.body.contains(&value[11..]), "the value is shown once");
    }

    let confirmed = admin.submit(&page, "/revoke", &[]);
    let told = admin.follow(&confirmed);
    assert!(told.notice().contains("“Weekly report” revoked"), "{}", told.notice());
    assert_eq!(told.rows("#api-tokens").len(), 1);
    assert_eq!(who(&mut app.shop(), &value).err(), Some(Refusal::Revoked));
    let gone = admin.open(&page.path);
    assert!(gone.text().contains("Revoked") && gone.link("Revoke API token").is_none(), "{}", gone.text());
    let twice = admin.post(&format!("{}/revoke", page.path), &[("csrf", &admin.clone().csrf())]);
    assert!(admin.follow(&twice).notice().contains("already revoked"));
    let log = admin.open("/settings/activity").rows("#activity");
    assert!(log[0].says("API token revoked") && log[0].says("Weekly report"), "{log:?}");
    assert!(log[1].says("API token created") && log[1].says("service “Reporting server”"), "{log:?}");
    assert!(log.iter().all(|row| !row.says(&value[11..])));
}

#[test]
fn x1_an_api_token_opens_no_page_and_reaches_no_resource_of_clients() {
    let app = TestApp::start();
    let (_, ada) = app.sign_in_as(Role::Admin);
    let everything = "clients:write tokens:write employees:write connections:write resource_servers:write";
    let (_, value) = app.shop().api_token(&ada, Role::Admin, everything);
    let mut browser = app.browser();

    browser.headers.push(("authorization".into(), format!("Bearer {value}")));
    for page in ["/settings", HOME, "/settings/employees", "/settings/client-api-access", "/settings/activity/export"] {
        let answer = browser.get(page);
        assert!(answer.status == 303 && answer.location().starts_with("/sign-in"), "{page}: {}", answer.status);
    }
    for resource in ["/API/Session.json", "/API/V3/Account.json", "/oauth/userinfo", "/auth/oauth/verify"] {
        assert_eq!(app.call(resource, &value).status, 401, "{resource}");
    }
    assert!(!app.works(&value));
}
