//! The shop keeps an admin who can sign in, and without one, nobody else's access is stuck.

use client_api_access::scopes::Role;

use crate::support::TestApp;

#[test]
fn staff_are_locked_also_when_no_admin_can_sign_in() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (ada, anna) = (shop.employee("Ada Admin", Role::Admin), shop.staff("Anna Berg"));
    let mut manager = app.manager();
    shop.lock(&ada);

    let form = manager.open(&format!("{}/offboard", anna.path()));
    let done = manager.submit(&form, "/offboard", &[]);

    assert_eq!(done.status, 303, "{}", done.text());
    assert!(manager.follow(&done).notice().contains("Anna Berg is offboarded"));
    assert_eq!(
        shop.number(&format!("SELECT COUNT(*) FROM employees WHERE id = {} AND locked_at IS NOT NULL", anna.id)),
        1
    );
}
