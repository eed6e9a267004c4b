//! Answers requests for a new password, and delivers the notices and mails that are due.

use crate::employees;
use crate::error::Result;
use crate::identity;
use crate::web::state::State;

/// Delivers all that is due, several at a time. It waits for other servers.
pub(super) async fn run(app: &State) -> Result<()> {
    let answered = answer_requests(app).await;
    app.delivery().deliver_due().await.and(answered)
}

async fn answer_requests(app: &State) -> Result<()> {
    // A read first: most of the time there is nothing to write.
    while app.db.lookup(|conn| Ok(employees::has_requests(conn)?)).await? {
        let (vault, source, now) = (app.connections.vault.clone(), app.identity_source(), app.clock.now());
        let answer = move |conn: &mut _| {
            let passwords = identity::passwords(conn, source.borrowed())?;
            employees::answer_requests(conn, &vault, passwords, now)
        };
        app.db.write(answer).await?;
    }
    Ok(())
}
