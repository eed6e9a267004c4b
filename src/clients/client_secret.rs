//! A client's secret (RFC 6749 section 2.3.1): shown once, stored as its hash, replaced with or without an overlap.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::id::{ClientKey, ClientSecretKey};
use crate::schema::client_secrets;
use crate::secrets::{PlainToken, TokenHash, TokenKind};
use crate::time::{DAY, HOUR, Timestamp};

/// How long the earlier secret goes on working beside a new one, in seconds: none, an hour, a day.
pub const OVERLAPS: [i64; 3] = [0, HOUR, DAY];

/// One row.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable)]
#[diesel(table_name = client_secrets)]
pub struct ClientSecret {
    /// Its id.
    pub id: ClientSecretKey,
    /// Whose it is.
    pub client_id: ClientKey,
    hash: TokenHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the client last showed it, to within a few seconds; or 0.
    pub last_used_at: Timestamp,
    /// When it stops working; the newest does not.
    pub expires_at: Timestamp,
}

impl ClientSecret {
    /// Makes a client's secret; an earlier one goes on working for `overlap` seconds and not longer than it would have.
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

    /// The secrets of a client that work at `now`, the newest first.
    pub fn of_client(conn: &mut DbConnection, client: ClientKey, now: Timestamp) -> QueryResult<Vec<ClientSecret>> {
        let working = client_secrets::table
            .filter(client_secrets::client_id.eq(client))
            .filter(client_secrets::expires_at.gt(now))
            .order(client_secrets::id.desc());
        crate::db::on_each!(conn, |conn| working.select(ClientSecret::as_select()).load(conn))
    }

    /// Whose secret has this hash, also while it no longer works.
    pub fn owner(conn: &mut DbConnection, hash: &TokenHash) -> QueryResult<Option<ClientKey>> {
        let row = client_secrets::table.filter(client_secrets::hash.eq(hash));
        row.select(client_secrets::client_id).first(conn).optional()
    }

    /// Ends the overlap: every secret of a client but the newest stops working. Returns how many did.
    pub fn revoke_previous_secret(conn: &mut DbConnection, client: ClientKey, now: Timestamp) -> QueryResult<usize> {
        let earlier = client_secrets::table
            .filter(client_secrets::client_id.eq(client))
            .filter(client_secrets::expires_at.lt(Timestamp::NO_END));
        let working: i64 = earlier.filter(client_secrets::expires_at.gt(now)).count().get_result(conn)?;
        diesel::delete(earlier).execute(conn)?;
        Ok(usize::try_from(working).unwrap_or_default())
    }

    /// Whether it is the secret with this hash, in constant time.
    pub fn is(&self, hash: &TokenHash) -> bool {
        self.hash.matches(hash)
    }

    /// Notes that it was shown.
    pub fn touch(conn: &mut DbConnection, id: ClientSecretKey, at: Timestamp) -> QueryResult<usize> {
        let older = client_secrets::table.find(id).filter(client_secrets::last_used_at.lt(at));
        diesel::update(older).set(client_secrets::last_used_at.eq(at)).execute(conn)
    }

    /// Deletes those whose overlap is over.
    pub fn purge(conn: &mut DbConnection, now: Timestamp) -> QueryResult<usize> {
        diesel::delete(client_secrets::table.filter(client_secrets::expires_at.le(now))).execute(conn)
    }
}
