//! Client secrets (RFC 6749 section 2.3.1). A secret is shown once and stored as a hash. After a new one is generated, the
//! previous secret can keep working for a while (the overlap), so that the developer has time to switch.

use diesel::prelude::*;

use crate::activity::{Actor, Detail, Kind, NewActivity};
use crate::clients::client::Client;
use crate::clients::find_client::find_for_update;
use crate::db::DbConnection;
use crate::error::Result;
use crate::id::{ClientKey, ClientSecretKey};
use crate::schema::client_secrets;
use crate::secrets::{PlainToken, TokenHash, TokenKind};
use crate::time::{DAY, HOUR, Timestamp, count};

/// The overlaps an admin can choose, in seconds: none, an hour, a day.
pub const OVERLAPS: [i64; 3] = [0, HOUR, DAY];

/// A row of `client_secrets`.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable)]
#[diesel(table_name = client_secrets)]
pub struct ClientSecret {
    /// The row's id.
    pub id: ClientSecretKey,
    /// The client it belongs to.
    pub client_id: ClientKey,
    hash: TokenHash,
    /// When it was created.
    pub created_at: Timestamp,
    /// When the client last authenticated with it, to within a few seconds; 0 for never.
    pub last_used_at: Timestamp,
    /// When it stops working; [`Timestamp::NO_END`] for the current secret.
    pub expires_at: Timestamp,
}

impl ClientSecret {
    /// Creates a client's secret. Previous secrets work for another `overlap` seconds, but never longer than before.
    pub fn issue(conn: &mut DbConnection, client: ClientKey, overlap: i64, now: Timestamp) -> QueryResult<PlainToken> {
        let of_client = client_secrets::table.filter(client_secrets::client_id.eq(client));
        let until = now.plus(overlap);
        diesel::update(of_client.filter(client_secrets::expires_at.gt(until)))
            .set(client_secrets::expires_at.eq(until))
            .execute(conn)?;
        diesel::delete(of_client.filter(client_secrets::expires_at.le(now))).execute(conn)?;
        let secret = PlainToken::generate(TokenKind::ClientSecret);
        diesel::insert_into(client_secrets::table)
            .values((
                client_secrets::client_id.eq(client),
                client_secrets::hash.eq(secret.hash()),
                client_secrets::created_at.eq(now),
                client_secrets::expires_at.eq(Timestamp::NO_END),
            ))
            .execute(conn)?;
        Ok(secret)
    }

    /// The secrets of a client that work at `now`, newest first.
    pub fn of_client(conn: &mut DbConnection, client: ClientKey, now: Timestamp) -> QueryResult<Vec<ClientSecret>> {
        let working = client_secrets::table
            .filter(client_secrets::client_id.eq(client))
            .filter(client_secrets::expires_at.gt(now))
            .order(client_secrets::id.desc());
        crate::db::on_each!(conn, |conn| working.select(ClientSecret::as_select()).load(conn))
    }

    /// The client whose secret has this hash, even if the secret no longer works.
    pub fn owner(conn: &mut DbConnection, hash: &TokenHash) -> QueryResult<Option<ClientKey>> {
        let row = client_secrets::table.filter(client_secrets::hash.eq(hash));
        row.select(client_secrets::client_id).first(conn).optional()
    }

    /// Deletes every secret of a client but the current one. Returns how many still worked.
    fn delete_previous(conn: &mut DbConnection, client: ClientKey, now: Timestamp) -> QueryResult<usize> {
        let previous = client_secrets::table
            .filter(client_secrets::client_id.eq(client))
            .filter(client_secrets::expires_at.lt(Timestamp::NO_END));
        let working: i64 = previous.filter(client_secrets::expires_at.gt(now)).count().get_result(conn)?;
        diesel::delete(previous).execute(conn)?;
        Ok(usize::try_from(working).unwrap_or_default())
    }

    /// Whether it is the secret with this hash; compares in constant time.
    pub fn is(&self, hash: &TokenHash) -> bool {
        self.hash.matches(hash)
    }

    /// Records that the client authenticated with it.
    pub fn touch(conn: &mut DbConnection, id: ClientSecretKey, at: Timestamp) -> QueryResult<usize> {
        let older = client_secrets::table.find(id).filter(client_secrets::last_used_at.lt(at));
        diesel::update(older).set(client_secrets::last_used_at.eq(at)).execute(conn)
    }

    /// Deletes the secrets whose overlap has passed.
    pub fn purge(conn: &mut DbConnection, now: Timestamp) -> QueryResult<usize> {
        diesel::delete(client_secrets::table.filter(client_secrets::expires_at.le(now))).execute(conn)
    }
}

/// Generates a new secret for a client; previous secrets work for another `overlap` seconds.
pub fn regenerate_secret(
    conn: &mut DbConnection,
    client: &Client,
    overlap: i64,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<PlainToken> {
    let secret = ClientSecret::issue(conn, client.id, overlap, now)?;
    let note = match overlap {
        0 => "the previous secret stopped working at once".into(),
        seconds => format!("the previous secret works for another {}", count(seconds / HOUR, "hour")),
    };
    NewActivity::new(Kind::SecretRegenerated, actor.clone(), client.subject())
        .from(client_ip)
        .with(Detail::note(note))
        .record(conn, now)?;
    Ok(secret)
}

/// Revokes the previous secrets of a client before their overlap has passed; false when none of them still worked.
pub fn revoke_previous_secret(
    conn: &mut DbConnection,
    id: ClientKey,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<bool> {
    let client = find_for_update(conn, id)?;
    if ClientSecret::delete_previous(conn, id, now)? == 0 {
        return Ok(false);
    }
    NewActivity::new(Kind::SecretRegenerated, actor.clone(), client.subject())
        .from(client_ip)
        .with(Detail::note("the previous secret was revoked"))
        .record(conn, now)?;
    Ok(true)
}
