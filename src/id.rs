//! Typed ids. The database gives them, ascending with time and never twice, so a link in a stale tab can name something
//! that is gone but never something else.

macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
            diesel::expression::AsExpression, diesel::deserialize::FromSqlRow,
        )]
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        $crate::id::bigint!($name);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

/// Stores a newtype over `i64` as BIGINT on every backend.
macro_rules! bigint {
    ($name:ident) => {
        impl<DB: diesel::backend::Backend> diesel::serialize::ToSql<diesel::sql_types::BigInt, DB> for $name
        where
            i64: diesel::serialize::ToSql<diesel::sql_types::BigInt, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, DB>) -> diesel::serialize::Result {
                self.0.to_sql(out)
            }
        }

        impl<DB: diesel::backend::Backend> diesel::deserialize::FromSql<diesel::sql_types::BigInt, DB> for $name
        where
            i64: diesel::deserialize::FromSql<diesel::sql_types::BigInt, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                i64::from_sql(bytes).map($name)
            }
        }
    };
}
pub(crate) use bigint;

keys! {
    /// A client: an integration that may ask for tokens.
    ClientKey;
    /// A refresh token: one grant, for as long as it lives.
    RefreshTokenKey;
    /// An access token or an API key.
    AccessTokenKey;
    /// A secret of a client.
    ClientSecretKey;
    /// An API that may ask what a token is good for.
    ResourceServerKey;
    /// An authorization code.
    AuthorizationCodeKey;
    /// An employee.
    EmployeeKey;
    /// A sign-in: one browser of one employee.
    SessionKey;
    /// A business of the account.
    BusinessKey;
    /// A location of a business.
    LocationKey;
    /// What the shop is at a provider.
    OAuthClientKey;
    /// An outbound connection.
    ConnectionKey;
    /// One way to a provider and back.
    ConnectionRequestKey;
    /// A key with which a program of the shop's own uses a connection.
    ServiceKeyKey;
    /// An entry of the activity log.
    ActivityKey;
}
