//! Deletes rows that live for minutes or days: sessions, forms that waited for a confirmation, one-time links, replaced client
//! secrets, unfinished authorizations of connections, bulk revocations, nonces of submitted forms, and answered requests of the
//! admin API.

use diesel::prelude::*;

use crate::access::bulk_revocation::BulkRevocation;
use crate::api::idempotency;
use crate::clients::ClientSecret;
use crate::connections::PendingAuthorization;
use crate::employees::{HeldForm, OneTimeLink, Session};
use crate::error::Result;
use crate::jobs::PAUSE;
use crate::jobs::lease::with_lease;
use crate::schema::form_nonces;
use crate::time::DAY;
use crate::web::state::State;

/// Deletes what has expired. There are few such rows, so one transaction is enough.
pub(super) async fn run(app: &State) -> Result<()> {
    let done = with_lease(app, "short-lived", |conn, now| {
        Session::purge(conn, now)?;
        HeldForm::purge(conn, now)?;
        OneTimeLink::purge(conn, now)?;
        ClientSecret::purge(conn, now)?;
        PendingAuthorization::purge(conn, now)?;
        BulkRevocation::purge(conn, now)?;
        diesel::delete(form_nonces::table.filter(form_nonces::used_at.lt(now.plus(-DAY)))).execute(conn)?;
        Ok(())
    });
    done.await?;
    while with_lease(app, "short-lived", |conn, now| Ok(idempotency::purge(conn, now)?)).await? == Some(true) {
        actix_web::rt::time::sleep(PAUSE).await;
    }
    Ok(())
}
