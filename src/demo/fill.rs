//! Issues the planned tokens in batches, through the functions that issue real ones.

use std::collections::HashMap;
use std::sync::Arc;

use crate::clients::Client;
use crate::db::DbConnection;
use crate::demo::plan::{Issue, Of};
use crate::demo::progress::Progress;
use crate::demo::statistics;
use crate::demo::usage;
use crate::demo::world::World;
use crate::error::{Error, Result};
use crate::id::{AccessTokenKey, ClientKey, EmployeeKey};
use crate::scopes::{Role, Scope};
use crate::secrets::PlainToken;
use crate::time::{DAY, HOUR, Timestamp};
use crate::tokens::issue::Lifetimes;
use crate::tokens::retention::{delete_api_key, delete_refresh_token, expired_api_keys, expired_refresh_tokens};
use crate::tokens::{AccessToken, EndedToken, RefreshToken, client_counters, issue};
use crate::web::state::State;

// With fewer, most of the time goes into commits; with more, a transaction may block requests for too long.
const BATCH: usize = 500;
const CLIENTS_AT_ONCE: usize = 8;

/// The ids of employees and clients.
#[derive(Clone, Debug, Default)]
pub struct Ids {
    /// Of employees, in the order of the plan.
    pub people: Vec<EmployeeKey>,
    /// Of clients, in the order of the plan.
    pub clients: Vec<ClientKey>,
}

// The refresh token of each grant and its newest value, by index in the plan.
type Grants = HashMap<usize, (RefreshToken, Arc<PlainToken>)>;

struct Step {
    at: Timestamp,
    used: Option<Timestamp>,
    what: What,
}

enum What {
    Consent { grant: usize, client: ClientKey, employee: EmployeeKey, scope: Scope, lifetimes: Lifetimes },
    Refresh { grant: usize, lifetimes: Lifetimes },
    Key { client: ClientKey, employee: EmployeeKey, scope: Scope, label: &'static str, ends: Timestamp },
}

/// Issues every token of the plan, each at its time.
pub async fn issue_tokens(app: &State, world: &World, ids: &Ids, now: Timestamp) -> Result<()> {
    let mut progress = Progress::new(world.plan.issues.len());
    let (mut grants, mut begun) = (Grants::new(), vec![false; world.plan.grants.len()]);
    for (round, issues) in world.plan.issues.chunks(BATCH).enumerate() {
        let steps = issues.iter().map(|issue| Step::new(world, ids, issue, &mut begun, now));
        let steps = steps.collect::<Result<Vec<Step>>>()?;
        let known: Grants = steps.iter().filter_map(|step| step.known(&grants)).collect();
        let changed = app.db.with_long_timeout().write(move |conn| run(conn, &steps, known.clone())).await?;
        grants.extend(changed);
        progress.add(issues.len());
        // Each time the tables have doubled.
        if round.is_power_of_two() {
            statistics::gather(app).await?;
        }
    }
    Ok(())
}

fn run(conn: &mut DbConnection, steps: &[Step], mut grants: Grants) -> Result<Grants> {
    for step in steps {
        let id = step.issue(conn, &mut grants)?;
        let Some(used) = step.used else { continue };
        let from = step.client(&grants).map(usage::address);
        AccessToken::touch(conn, id, used, from)?;
        // A refresh records the use of a grant; the first access token of a grant does not, so do it here.
        if let What::Consent { grant, .. } = &step.what
            && let Some((token, _)) = grants.get(grant)
        {
            RefreshToken::touch(conn, token.id, used, from)?;
        }
    }
    Ok(grants)
}

impl Step {
    fn new(world: &World, ids: &Ids, issue: &Issue, begun: &mut [bool], now: Timestamp) -> Result<Step> {
        let scope = |text: &str| Scope::parse(text).ok_or_else(|| Error::internal(format!("unknown scope: {text}")));
        let what = match issue.of {
            Of::Grant(n) => {
                let grant = &world.plan.grants[n];
                let access_token = if grant.day_long { DAY } else { HOUR };
                let lifetimes = Lifetimes { access_token, ..Lifetimes::default() };
                match std::mem::replace(&mut begun[n], true) {
                    true => What::Refresh { grant: n, lifetimes },
                    false => What::Consent {
                        grant: n,
                        client: ids.clients[grant.client],
                        employee: ids.people[grant.employee],
                        scope: allowed(scope(grant.scope)?, world.people[grant.employee].role),
                        lifetimes,
                    },
                }
            }
            Of::Key(n) => {
                let key = &world.plan.keys[n];
                What::Key {
                    client: ids.clients[key.client],
                    employee: ids.people[key.employee],
                    scope: scope(key.scope)?,
                    label: key.label,
                    ends: key.ends_in.map_or(Timestamp::NO_END, |left| now.plus(left)),
                }
            }
        };
        Ok(Step { at: now.plus(-issue.age), used: issue.used.map(|ago| now.plus(-ago)), what })
    }

    fn client(&self, grants: &Grants) -> Option<ClientKey> {
        match self.what {
            What::Consent { client, .. } | What::Key { client, .. } => Some(client),
            What::Refresh { grant, .. } => grants.get(&grant).map(|(token, _)| token.client_id),
        }
    }

    fn known(&self, grants: &Grants) -> Option<(usize, (RefreshToken, Arc<PlainToken>))> {
        match self.what {
            What::Refresh { grant, .. } => grants.get(&grant).map(|known| (grant, known.clone())),
            _ => None,
        }
    }

    fn issue(&self, conn: &mut DbConnection, grants: &mut Grants) -> Result<AccessTokenKey> {
        match &self.what {
            What::Consent { grant, client, employee, scope, lifetimes } => {
                let consent = issue::Grant { client: *client, employee: *employee, scope };
                let pair = issue::grant(conn, &consent, *lifetimes, self.at)?;
                let token = RefreshToken::find(conn, *client, pair.refresh_token_id)?;
                grants.insert(*grant, (token, Arc::new(pair.refresh_token)));
                Ok(pair.access_token_id)
            }
            What::Refresh { grant, lifetimes } => {
                let (token, value) =
                    grants.get_mut(grant).ok_or_else(|| Error::internal("a grant is refreshed before it exists"))?;
                let pair = issue::rotate(conn, (token, value), *lifetimes, self.at)?;
                let pair = pair.ok_or_else(|| Error::internal("a grant of the demo was refreshed concurrently"))?;
                token.generation += 1;
                *value = Arc::new(pair.refresh_token);
                Ok(pair.access_token_id)
            }
            What::Key { client, employee, scope, label, ends } => {
                let grant = issue::Grant { client: *client, employee: *employee, scope };
                Ok(issue::api_key(conn, &grant, label, *ends, self.at)?.id)
            }
        }
    }
}

// What a consent page would have allowed: the part of the scope that the role includes. All of it if that is nothing.
fn allowed(scope: Scope, role: Role) -> Scope {
    match scope.effective(role) {
        part if part.as_str().is_empty() => scope,
        part => part,
    }
}

/// Does what background jobs would have done over time: deletes old expired tokens, records last use, counts tokens.
pub async fn record_outcome(app: &State, world: &World, ids: &Ids, now: Timestamp) -> Result<()> {
    retire_tokens(app, now).await?;
    let last_used = last_used(world, now);
    let clients: Vec<(ClientKey, Option<Timestamp>)> = ids.clients.iter().copied().zip(last_used).collect();
    for clients in clients.chunks(CLIENTS_AT_ONCE) {
        let clients = clients.to_vec();
        app.db
            .with_long_timeout()
            .write(move |conn| {
                for (client, used) in &clients {
                    if let Some(used) = used {
                        Client::touch(conn, *client, *used)?;
                    }
                }
                let ids: Vec<ClientKey> = clients.iter().map(|(client, _)| *client).collect();
                let counts = client_counters::count(conn, &ids, now)?;
                client_counters::store(conn, &counts, now)?;
                Ok(())
            })
            .await?;
    }
    Ok(())
}

// Moves expired access tokens, and deletes what expired long ago.
async fn retire_tokens(app: &State, now: Timestamp) -> Result<()> {
    let (cutoff, most) = (now.plus(-app.config.keep_expired_days * DAY), BATCH as i64);
    let db = app.db.with_long_timeout();
    while db.write(move |conn| Ok(EndedToken::move_expired(conn, now, most)?)).await? > 0 {}
    let delete = move |conn: &mut DbConnection| {
        let mut deleted = 0;
        for id in EndedToken::older_than(conn, cutoff, most)? {
            deleted += EndedToken::delete(conn, id, cutoff)?;
        }
        for id in expired_refresh_tokens(conn, cutoff, most)? {
            deleted += delete_refresh_token(conn, id, cutoff)?;
        }
        for id in expired_api_keys(conn, cutoff, most)? {
            deleted += delete_api_key(conn, id, cutoff)?;
        }
        Ok(deleted)
    };
    while db.write(delete).await? > 0 {}
    Ok(())
}

fn last_used(world: &World, now: Timestamp) -> Vec<Option<Timestamp>> {
    let mut last = vec![None; world.clients.len()];
    for issue in &world.plan.issues {
        let client = match issue.of {
            Of::Grant(n) => world.plan.grants[n].client,
            Of::Key(n) => world.plan.keys[n].client,
        };
        last[client] = last[client].max(issue.used.map(|ago| now.plus(-ago)));
    }
    last
}
