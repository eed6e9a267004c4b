//! Password guessing, weak passwords, the first admin and the last admin.

use client_api_access::config::PasswordCost;
use client_api_access::employees::Purpose;
use client_api_access::scopes::Role;

use crate::support::{PASSWORD, TestApp};

#[test]
fn d12_a_new_password_is_judged_by_length_and_by_what_is_guessed_first() {
    let app = TestApp::start();
    let person = app.shop().employee("Marta Lindqvist", Role::Staff);
    let link = format!("/welcome/{}", app.shop().one_time_link(Purpose::Reset, Some(&person)));
    let mut browser = app.browser();

    for (weak, reason) in [
        ("tulip raft 49 ", "at least 15"),
        ("passwordpassword", "easy to guess"),
        ("harbour & pine 1", "mostly"),
        ("martalindqvist12", "mostly"),
    ] {
        let form = browser.open(&link);
        let refused = browser.submit(&form, &link, &[("password", weak), ("again", weak)]);
        assert_eq!(refused.status, 422, "{weak}");
        assert!(refused.notice().contains(reason), "{weak}: {}", refused.notice());
        assert!(!refused.body.contains(weak) || weak.starts_with("harbour"), "{weak} is not repeated");
    }

    let long = format!("{}é ñ", "many small words ".repeat(5));
    let form = browser.open(&link);
    assert_eq!(browser.submit(&form, &link, &[("password", &long), ("again", &long)]).status, 303);
    let mut fresh = app.browser();
    let cut: String = long.chars().take(72).collect();
    assert_eq!(fresh.sign_in(&person.email, &cut).status, 422, "nothing is cut off");
    assert_eq!(fresh.sign_in(&person.email, &long).status, 303);
}

#[test]
fn d12_changing_a_password_needs_the_current_one() {
    let app = TestApp::start();
    let (mut browser, person) = app.sign_in_as(Role::Staff);
    let page = browser.open("/settings/profile");
    let new = "quiet harvest moon 77";
    let fields = [("current", "not the current one"), ("password", new), ("again", new)];

    let refused = browser.submit(&page, "/settings/profile/password", &fields);

    assert_eq!(refused.status, 422);
    assert!(refused.notice().contains("current password"));
    assert_eq!(app.browser().sign_in(&person.email, PASSWORD).status, 303, "the old one still works");
}

#[test]
fn d13_each_wrong_password_makes_the_next_try_wait_longer() {
    let app = TestApp::start();
    let person = app.shop().employee("Marta Lindqvist", Role::Staff);
    let mut browser = app.browser();

    let shout = person.email.to_uppercase();
    for email in [&person.email, &shout, &format!(" {}", person.email), &person.email, &person.email] {
        assert_eq!(browser.sign_in(email, "wrong wrong wrong").status, 422);
    }
    let sixth = browser.sign_in(&person.email, PASSWORD);
    assert_eq!(sixth.status, 429, "even the right one has to wait");
    assert_eq!(sixth.header("retry-after"), Some("1"));

    app.advance(1);
    assert_eq!(browser.sign_in(&person.email, "wrong wrong wrong").status, 422);
    assert_eq!(browser.sign_in(&person.email, PASSWORD).header("retry-after"), Some("2"));
    app.advance(2);
    assert_eq!(browser.sign_in(&person.email, PASSWORD).status, 303, "the owner gets in");
}

#[test]
fn d13_a_stranger_does_not_lock_the_owner_out() {
    let app = TestApp::start();
    let person = app.shop().employee("Marta Lindqvist", Role::Staff);
    let mut own = app.sign_in(&person);
    let page = own.open("/settings");
    own.submit(&page, "/sign-out", &[]);
    let mut stranger = app.browser();

    for _ in 0..120 {
        stranger.sign_in(&person.email, "wrong wrong wrong");
        app.advance(901);
    }

    let wrong = "SELECT COALESCE(MAX(failures), 0) FROM sign_in_attempts WHERE subject LIKE '%all'";
    assert_eq!(app.shop().number(wrong), 100, "never more than a hundred in a row are looked at");
    assert_eq!(app.browser().sign_in(&person.email, PASSWORD).status, 429, "not from a new browser for now");
    assert_eq!(own.sign_in(&person.email, PASSWORD).status, 303, "from the browser that was here before");
}

#[test]
fn d13_parallel_guesses_count_each() {
    let app = TestApp::start();
    let person = app.shop().employee("Marta Lindqvist", Role::Staff);
    let mut browser = app.browser();
    browser.csrf();

    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let guess = |_| {
            let (mut browser, email) = (browser.clone(), person.email.clone());
            scope.spawn(move || browser.sign_in(&email, "wrong wrong wrong").status)
        };
        let failed_secrets: Vec<_> = (0..100).map(guess).collect();
        failed_secrets.into_iter().map(|guess| guess.join().unwrap()).collect()
    });

    let looked_at = statuses.iter().filter(|status| **status == 422).count();
    assert_eq!(looked_at, 5, "five are free, the rest has to wait: {statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 422 | 429 | 503)), "{statuses:?}");
}

#[test]
fn d14_every_way_to_fail_does_one_hash_and_answers_the_same() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let known = shop.employee("Marta Lindqvist", Role::Staff);
    let (locked, archived) = (shop.staff("Lena Locked"), shop.staff("Arne Archived"));
    shop.lock(&locked);
    shop.archive(&archived);
    let tries = [
        ("nobody@shop.example", PASSWORD),
        (known.email.as_str(), "wrong wrong wrong"),
        (locked.email.as_str(), PASSWORD),
        (archived.email.as_str(), PASSWORD),
    ];

    let mut answers = Vec::new();
    for (email, password) in tries {
        let mut browser = app.browser();
        let before = app.state.hasher.hashes();
        let answer = browser.sign_in(email, password);
        assert_eq!(app.state.hasher.hashes() - before, 1, "{email}");
        let csrf = answer.attribute("input[name=csrf]", "value").unwrap();
        answers.push((answer.status, answer.body.replace(&csrf, "").replace(email, "")));
    }

    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(answers[0].0, 422);
}

#[test]
fn d15_the_set_up_link_is_random_works_once_and_ends() {
    let app = TestApp::start();
    let secret = app.shop().one_time_link(Purpose::SetUp, None);
    let path = format!("/set-up/{secret}");
    assert!(secret.len() >= 43);
    let (mut browser, mut second) = (app.browser(), app.browser());
    let (form, late) = (browser.open(&path), second.open(&path));
    let fields = [
        ("shop", "Harbour & Pine"),
        ("zone", "Europe/Stockholm"),
        ("name", "Ada Admin"),
        ("email", "ada@shop.example"),
        ("password", PASSWORD),
        ("again", PASSWORD),
    ];

    assert_eq!(browser.submit(&form, &path, &fields).status, 303);

    assert_eq!(browser.open("/settings/account").heading(), "Account");
    assert_eq!(second.submit(&late, &path, &fields).status, 410);
    assert_eq!(app.browser().get(&path).status, 410);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM employees"), 1);
    let unused = app.shop().one_time_link(Purpose::SetUp, None);
    app.advance(24 * 3600);
    assert_eq!(app.browser().get(&format!("/set-up/{unused}")).status, 410);
}

#[test]
fn d15_the_last_admin_cannot_be_demoted_locked_or_archived() {
    let app = TestApp::start();
    let (mut admin, person) = app.sign_in_as(Role::Admin);

    for (action, fields) in [("/role", vec![("role", "staff")]), ("/lock", vec![]), ("/archive", vec![])] {
        let page = admin.open(&person.path());
        let answer = admin.submit(&page, action, &fields);
        assert!(admin.follow(&answer).notice().contains("last admin"), "{action}");
    }

    let sql = format!(
        "SELECT COUNT(*) FROM employees WHERE id = {} AND role = 'admin' AND locked_at IS NULL AND archived_at IS NULL",
        person.id
    );
    assert_eq!(app.shop().number(&sql), 1);
}

#[test]
fn s4_a_password_hashed_with_older_parameters_is_hashed_again_at_the_next_sign_in() {
    let app = TestApp::start_with(|config| config.password_cost = PasswordCost::default());
    let person = app.shop().employee("Marta Lindqvist", Role::Staff);
    let weak = {
        use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8 * 1024, 1, 1, None).unwrap());
        argon2.hash_password(PASSWORD.as_bytes()).unwrap().to_string()
    };
    app.shop().sql(&format!("UPDATE employees SET password_hash = '{weak}' WHERE id = {}", person.id));

    assert_eq!(app.browser().sign_in(&person.email, PASSWORD).status, 303);

    let hash = app.shop().word(&format!("SELECT password_hash AS word FROM employees WHERE id = {}", person.id));
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert_eq!(app.browser().sign_in(&person.email, PASSWORD).status, 303);
}
