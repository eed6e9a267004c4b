//! The log as JSON, for programs that collect it.

use diesel::connection::SimpleConnection;
use serde_json::Value;

use crate::support::{Database, PASSWORD, Server, until};

fn entries(server: &Server) -> Vec<Value> {
    let log = server.log();
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
}

#[test]
fn a_request_is_one_line_that_names_its_incident() {
    let database = Database::migrated();
    let mut server = Server::start(&database, &[("LOG_FORMAT", "json"), ("LOG_LEVEL", "debug")]);
    let mut admin = server.set_up("ada@shop.example", PASSWORD);
    let (mut conn, _) = server.data(&database);
    conn.batch_execute("ALTER TABLE business_locations RENAME TO gone").unwrap();

    let page = admin.get("/settings/account");

    assert_eq!(page.status, 500, "{}", page.text());
    let own = |entry: &Value| entry["route"] == "/settings/account";
    until("the request is logged", || entries(&server).iter().any(own));
    let all = entries(&server);
    let request: Vec<&Value> = all.iter().filter(|entry| own(entry)).collect();
    assert_eq!(request.len(), 1, "one line a request");
    let request = request[0];
    assert_eq!(
        (&request["method"], &request["status"], &request["level"]),
        (&"GET".into(), &500.into(), &"debug".into())
    );
    assert!(request["micros"].as_u64().is_some_and(|micros| micros > 0));
    let incident = request["incident"].as_str().unwrap();
    assert!(page.body.contains(incident), "the page shows it");
    let cause = |entry: &&Value| entry["incident"] == incident && entry["level"] == "error";
    let cause = all.iter().find(cause).expect("the cause has the same incident");
    assert!(cause["message"].as_str().unwrap().contains("business_locations"), "{cause}");
    for member in ["time", "level", "module", "message"] {
        assert!(all.iter().all(|entry| entry[member].is_string()), "every entry has {member}");
    }
    conn.batch_execute("ALTER TABLE gone RENAME TO business_locations").unwrap();
    assert_eq!(server.stop(), 0);
}
