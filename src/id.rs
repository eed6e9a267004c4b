//! Typed ids, one type per table. The database assigns ascending ids and never reuses one, so an old link can point to a
//! deleted row but never to a different one.

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

        $crate::id::sql_newtype!($name, BigInt, i64, i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

/// Implements `ToSql` and `FromSql` for a tuple struct with one field, on every backend: `sql_newtype!(Mask, Text, str,
/// String)` stores a `Mask(String)` as TEXT. The third argument is what diesel writes, the fourth what it reads.
macro_rules! sql_newtype {
    ($name:ident, $sql_type:ident, $borrowed:ty, $owned:ty) => {
        impl<DB: diesel::backend::Backend> diesel::serialize::ToSql<diesel::sql_types::$sql_type, DB> for $name
        where
            $borrowed: diesel::serialize::ToSql<diesel::sql_types::$sql_type, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, DB>) -> diesel::serialize::Result {
                let value: &'b $borrowed = &self.0;
                value.to_sql(out)
            }
        }

        impl<DB: diesel::backend::Backend> diesel::deserialize::FromSql<diesel::sql_types::$sql_type, DB> for $name
        where
            $owned: diesel::deserialize::FromSql<diesel::sql_types::$sql_type, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                <$owned>::from_sql(bytes).map($name)
            }
        }
    };
}
pub(crate) use sql_newtype;

keys! {
    /// A client: an app that may request tokens.
    ClientKey;
    /// A refresh token: one grant, until it expires or is revoked.
    RefreshTokenKey;
    /// An access token or an API key.
    AccessTokenKey;
    /// An API token: a person or a service calls the admin API with it.
    ApiTokenKey;
    /// A secret of a client.
    ClientSecretKey;
    /// A resource server: an API that may validate tokens.
    ResourceServerKey;
    /// An authorization code.
    AuthorizationCodeKey;
    /// An employee.
    EmployeeKey;
    /// An identity of an employee at an identity provider.
    IdentityKey;
    /// A passkey of an employee.
    PasskeyKey;
    /// A session: one browser signed in as one employee.
    SessionKey;
    /// A form that waits until its person has confirmed that it is them.
    HeldFormKey;
    /// A business of the account.
    BusinessKey;
    /// A location of a business.
    LocationKey;
    /// The shop's own OAuth client at a provider (app credentials).
    OAuthClientKey;
    /// An outbound connection.
    ConnectionKey;
    /// A pending authorization at a provider.
    ConnectionRequestKey;
    /// A service key: one of the shop's own programs calls through a connection with it.
    ServiceKeyKey;
    /// A bulk revocation.
    BulkRevocationKey;
    /// An acknowledgement of something that needs attention.
    AcknowledgementKey;
    /// An entry of the activity log.
    ActivityKey;
}
