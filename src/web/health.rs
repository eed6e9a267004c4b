//! Health checks for load balancers and orchestrators. Anybody can read them, so they name no internals.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use diesel::prelude::*;
use tokio::sync::Mutex;

use crate::db::DbConnection;
use crate::error::Result;
use crate::schema::leases;
use crate::time::Timestamp;
use crate::web::state::State;

// Callers within this time share one write, so that strangers cannot cause an unlimited number of writes.
const VALID_FOR: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(3);

/// The last answer of the database to the readiness check, and when it came.
#[derive(Default)]
pub struct Readiness(Arc<Mutex<Option<(Instant, bool)>>>);

impl Readiness {
    // In a task of its own, which also ends if the caller disconnects: otherwise a caller could start unlimited writes.
    async fn check(&self, app: &web::Data<State>) -> bool {
        let (last, app) = (self.0.clone(), app.clone());
        let check = actix_web::rt::spawn(async move {
            let mut last = last.lock().await;
            if let Some((at, is_ready)) = *last
                && at.elapsed() < VALID_FOR
            {
                return is_ready;
            }
            let written = app.db.with_timeout(TIMEOUT).write(write).await;
            if let Err(error) = &written {
                log::warn!("not ready: the database does not accept changes: {error}");
            }
            *last = Some((Instant::now(), written.is_ok()));
            written.is_ok()
        });
        check.await.unwrap_or(false)
    }
}

// Changes one row, so that a dead writer, a full disk or a read-only database is noticed. The number grows, because
// SQLite does not write a row that stays the same.
fn write(conn: &mut DbConnection) -> Result<()> {
    const NAME: &str = "readyz";
    let next = leases::table.find(NAME);
    if diesel::update(next).set(leases::expires_at.eq(leases::expires_at + 1)).execute(conn)? == 0 {
        let row = (leases::name.eq(NAME), leases::holder.eq(""), leases::expires_at.eq(Timestamp(0)));
        crate::db::on_each!(conn, |inner| {
            diesel::insert_into(leases::table).values(row).on_conflict_do_nothing().execute(inner)
        })?;
    }
    Ok(())
}

/// `GET /healthz`: the process is running.
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// `GET /readyz`: the database accepts changes; otherwise 503. The answer has a line for each background job that
/// fails or has been running for long. Such a job does not make it 503, because other nodes may have the same problem.
pub async fn readyz(app: web::Data<State>, readiness: web::Data<Readiness>) -> HttpResponse {
    let (mut response, mut body) = match readiness.check(&app).await {
        true => (HttpResponse::Ok(), String::from("ready\n")),
        false => {
            (HttpResponse::ServiceUnavailable(), String::from("not ready: the database does not accept changes\n"))
        }
    };
    for (name, report) in app.job_health.reports() {
        if let Some(trouble) = report.trouble(app.clock.now()) {
            // Writing to a String cannot fail.
            let _ = writeln!(body, "job \"{name}\": {trouble}");
        }
    }
    response.content_type("text/plain").body(body)
}
