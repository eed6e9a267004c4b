//! Which account a connection is for, where the provider's answer does not name it in a known way.

use client_api_access::connections::Connection;
use client_api_access::id::ConnectionKey;
use client_api_access::scopes::Role;
use serde_json::json;

use crate::support::connections::connection_path;
use crate::support::provider::{Answer, Provider};
use crate::support::{Browser, Page, TestApp};

const ANSWER: &str =
    r#"{"ok":true,"id":7,"user":{"login":"ada","e-mail":"ada@shop.example"},"teams":[{"slug":"till"}]}"#;

struct World {
    app: TestApp,
    provider: Provider,
    admin: Browser,
    id: ConnectionKey,
    credentials: String,
}

// A connection that works, whose account nobody knows.
fn world() -> World {
    let (app, provider) = (TestApp::start(), Provider::start());
    let (admin, person) = app.sign_in_as(Role::Admin);
    let client = app.oauth_client_of(&provider);
    let id = app.named_online("Stock sync", client, &person);
    app.shop().sql(&format!("UPDATE connections SET account_id = '', account_name = '' WHERE id = {id}"));
    provider.always("/api/me", Answer::json(200, ANSWER));
    World { app, provider, admin, id, credentials: format!("/settings/connections/clients/{client}") }
}

impl World {
    fn test(&mut self) -> Page {
        let page = self.admin.open(&connection_path(self.id));
        let answer = self.admin.submit(&page, "/test", &[]);
        self.admin.follow(&answer)
    }

    fn choose(&mut self, member: &str) -> Page {
        let form = self.admin.open(&self.credentials);
        self.admin.submit(&form, &self.credentials, &[("account-member", member), ("client-secret", "entered again")])
    }

    fn account(&self) -> (String, String) {
        let connection = Connection::find(self.app.shop().conn(), self.id).unwrap();
        (connection.account_id, connection.account_name)
    }
}

#[test]
fn a_test_names_the_members_to_choose_from_and_the_chosen_one_names_the_account() {
    let mut world = world();
    let page = world.admin.open(&connection_path(world.id));
    assert_eq!(page.fact("Account"), "Unknown. Test connection says why.");

    let tested = world.test();

    let words = "The answer names no account; its members are id, teams.0.slug, user.e-mail and user.login. Enter the one \
                 that names the account as account member in the app credentials.";
    assert_eq!(tested.notice(), format!("Test passed: the API answered 200. {words}"));
    assert_eq!(world.account(), (String::new(), String::new()));

    assert_eq!(world.choose("user.login").status, 303);
    let tested = world.test();

    assert_eq!(tested.notice(), "Test passed: the API answered 200. The account is ada.");
    assert_eq!(world.account(), ("user.login:ada".into(), "ada".into()));
    assert_eq!(tested.fact("Account"), "ada");
    assert_eq!(world.test().notice(), "Test passed: the API answered 200.", "nothing new");
    let form = world.admin.open(&world.credentials);
    assert_eq!(form.attribute("#account-member", "value").as_deref(), Some("user.login"));
}

#[test]
fn another_member_names_the_account_anew_and_a_missing_one_is_said() {
    let mut world = world();
    world.choose("teams.0.slug");
    world.test();
    assert_eq!(world.account(), ("teams.0.slug:till".into(), "till".into()));

    world.choose("id");
    assert_eq!(world.test().notice(), "Test passed: the API answered 200. The account is 7.");
    assert_eq!(world.account(), ("id:7".into(), "7".into()));

    world.choose("ok");
    let tested = world.test();
    assert!(
        tested.notice().contains("The answer has no text or number at ok; its members are id,"),
        "{}",
        tested.notice()
    );
    assert_eq!(world.account(), ("id:7".into(), "7".into()), "it stays known");
}

#[test]
fn an_account_member_is_a_path_of_names() {
    let mut world = world();
    for wrong in ["user..login", "user login", "a:b", ".", "$.user", &"a".repeat(101)] {
        let page = world.choose(wrong);
        assert_eq!(page.status, 422, "{wrong}");
        assert!(page.texts(".notice.bad li")[0].contains("account member"), "{wrong}: {}", page.text());
    }
}

#[test]
fn member_names_of_the_answer_are_shown_only_if_they_are_plain() {
    let mut world = world();
    let long = "n".repeat(200);
    let answer = json!({ "<b>": 1, "a b": 1, long: 1, "plain": 1, "empty": "", "none": null });
    world.provider.always("/api/me", Answer::json(200, answer));

    let tested = world.test();
    assert!(tested.notice().contains("its only member is plain. Enter it"), "{}", tested.notice());

    for nothing in ["[]", "no JSON", r#"{"a":null}"#] {
        world.provider.always("/api/me", Answer::json(200, nothing));
        assert_eq!(
            world.test().notice(),
            "Test passed: the API answered 200. The answer names no account.",
            "{nothing}"
        );
    }
}
