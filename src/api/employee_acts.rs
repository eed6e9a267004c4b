//! Acts on an employee: lock, unlock, revoke all access, offboard.

use actix_web::web;

use crate::access::change_employee::change_employee;
use crate::access::offboarding::{self, Offboarded, OffboardingImpact, require_may_offboard};
use crate::api::acts::{Plain, Revoke, RevokedAccess};
use crate::api::context::ApiContext;
use crate::api::employees::EmployeeDetail;
use crate::api::idempotency::Act;
use crate::api::problem::{Answer, Failure};
use crate::connections::provider_revocation;
use crate::employees::EmployeeChange;
use crate::error::Error;
use crate::id::EmployeeKey;
use crate::scopes::Role;
use crate::web::state::State;

async fn change(context: ApiContext, app: &State, id: EmployeeKey, act: &Act<Plain>, change: EmployeeChange) -> Answer {
    let ((actor, client_ip), now) = (context.by(), context.now);
    act.in_one_transaction(app, &context, 200, move |conn| {
        change_employee(conn, id, &change, (&actor, &client_ip), now)?;
        EmployeeDetail::load(conn, id, now)
    })
    .await
}

/// Locks an employee: signs them out, and the access they authorized does not work until they are unlocked.
#[utoipa::path(
    post, path = "/api/v1/employees/{employee}/lock", tag = "employees", request_body = Plain,
    params(("employee" = i64, Path, description = "The employee's id")),
    responses((status = 200, description = "The employee", body = EmployeeDetail)),
)]
pub async fn lock(context: ApiContext, app: web::Data<State>, id: web::Path<EmployeeKey>, act: Act<Plain>) -> Answer {
    change(context, &app, *id, &act, EmployeeChange::Lock).await
}

/// Unlocks an employee: the access they authorized works again.
#[utoipa::path(
    post, path = "/api/v1/employees/{employee}/unlock", tag = "employees", request_body = Plain,
    params(("employee" = i64, Path, description = "The employee's id")),
    responses((status = 200, description = "The employee", body = EmployeeDetail)),
)]
pub async fn unlock(context: ApiContext, app: web::Data<State>, id: web::Path<EmployeeKey>, act: Act<Plain>) -> Answer {
    change(context, &app, *id, &act, EmployeeChange::Unlock).await
}

async fn tried(context: ApiContext, app: &State, id: EmployeeKey, act: &Act<Revoke>, offboards: bool) -> Answer {
    let (by, now) = ((context.viewer.id, context.viewer.role), context.now);
    act.in_one_transaction(app, &context, 200, move |conn| {
        let impact = OffboardingImpact::of(conn, id, now)?;
        if offboards {
            require_may_offboard(by, &impact.employee)?;
        }
        // Connections keep working when somebody who is no admin offboards.
        let (lost, kept) = match offboards && by.1 != Role::Admin {
            true => (Vec::new(), impact.connections),
            false => (impact.connections, Vec::new()),
        };
        let tried = RevokedAccess::tried(&impact.tokens.detail).with_connections(lost, kept, Vec::new());
        Ok(tried.with_api_tokens(impact.api_tokens))
    })
    .await
}

// Revokes the tokens of connections at their providers.
async fn ended(app: &State, done: Offboarded) -> Result<RevokedAccess, Failure> {
    let unconfirmed = provider_revocation::revoke_all(&app.connections, &done.connections).await;
    let lost = done.connections.iter().map(|(connection, _)| connection.name.clone()).collect();
    let revoked = RevokedAccess::of(&done.tokens).with_api_tokens(done.api_tokens);
    Ok(revoked.with_connections(lost, done.kept, unconfirmed))
}

/// Revokes all access that an employee authorized. They can still sign in. Staff may do this for themselves.
#[utoipa::path(
    post, path = "/api/v1/employees/{employee}/revoke-all-access", tag = "employees", request_body = Revoke,
    params(("employee" = i64, Path, description = "The employee's id")),
    responses((status = 200, description = "What was revoked", body = RevokedAccess)),
)]
pub async fn revoke_all_access(
    context: ApiContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    act: Act<Revoke>,
) -> Answer {
    let id = *id;
    if !context.viewer.may_act_for(id) {
        return Err(Error::Forbidden("Staff can revoke only their own access.".into()).into());
    }
    if act.value.dry_run {
        return tried(context, &app, id, &act, false).await;
    }
    let ((actor, client_ip), now) = (context.by(), context.now);
    let revoke = async {
        let done =
            app.db.write(move |conn| offboarding::revoke_all_access(conn, id, None, (&actor, &client_ip), now)).await?;
        ended(&app, done).await
    };
    act.in_steps(&app, &context, 200, revoke).await
}

/// Offboards an employee: locks them, signs them out and revokes all access they authorized. Managers may offboard staff and
/// managers, admins anybody; nobody themselves.
#[utoipa::path(
    post, path = "/api/v1/employees/{employee}/offboard", tag = "employees", request_body = Revoke,
    params(("employee" = i64, Path, description = "The employee's id")),
    responses((status = 200, description = "What was revoked", body = RevokedAccess)),
)]
pub async fn offboard(
    context: ApiContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    act: Act<Revoke>,
) -> Answer {
    let id = *id;
    if act.value.dry_run {
        return tried(context, &app, id, &act, true).await;
    }
    let (by, (actor, client_ip), now) = ((context.viewer.id, context.viewer.role), context.by(), context.now);
    let offboard = async {
        let done =
            app.db.write(move |conn| offboarding::offboard(conn, by, id, None, (&actor, &client_ip), now)).await?;
        ended(&app, done).await
    };
    act.in_steps(&app, &context, 200, offboard).await
}
