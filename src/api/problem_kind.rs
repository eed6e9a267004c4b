//! The types of problems: for each its address, its status, and what it means.

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $word:literal $status:literal $title:literal $meaning:literal;)+) => {
        /// A type of problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind { $(#[doc = $meaning] $name,)+ }

        impl Kind {
            /// Every type.
            pub const ALL: &'static [Kind] = &[$(Kind::$name),+];

            /// The last part of its address.
            pub fn word(self) -> &'static str {
                match self { $(Kind::$name => $word,)+ }
            }

            /// The HTTP status.
            pub fn status(self) -> u16 {
                match self { $(Kind::$name => $status,)+ }
            }

            /// A short summary, the same each time.
            pub fn title(self) -> &'static str {
                match self { $(Kind::$name => $title,)+ }
            }

            /// What it means and what to do.
            pub fn meaning(self) -> &'static str {
                match self { $(Kind::$name => $meaning,)+ }
            }
        }
    };
}

kinds! {
    InvalidRequest "invalid-request" 400 "Invalid request"
        "A parameter, a header or the body has the wrong form. `detail` says which. Nothing was changed.";
    IdempotencyKeyMissing "idempotency-key-missing" 400 "Idempotency-Key missing"
        "This request needs the header `Idempotency-Key`: a value of its own for each act, the same when it is repeated.";
    TokenMissing "token-missing" 401 "API token missing"
        "Send an API token in the header `Authorization: Bearer`. Sessions of the pages are not accepted.";
    TokenInvalid "token-invalid" 401 "API token not valid"
        "The value is no API token of this server.";
    TokenExpired "token-expired" 401 "API token expired"
        "Create a new API token in Settings.";
    TokenRevoked "token-revoked" 401 "API token revoked"
        "Somebody revoked this API token.";
    PersonInactive "person-inactive" 401 "The person is locked or archived"
        "The API token works again when its person is unlocked or restored.";
    AreaMissing "area-missing" 403 "Area missing"
        "The API token does not include the area in `required_area`. Create one that does.";
    Forbidden "forbidden" 403 "Not allowed"
        "The role of the API token, or of its person, does not allow this.";
    NotFound "not-found" 404 "Not found"
        "There is no such address, or what it names does not exist.";
    MethodNotAllowed "method-not-allowed" 405 "Method not allowed"
        "The header `Allow` lists the methods of this address.";
    Conflict "conflict" 409 "Conflict"
        "The state of what the request is about does not allow it now. Nothing was changed.";
    InProgress "request-in-progress" 409 "Request in progress"
        "The first request with this `Idempotency-Key` is not answered yet. Repeat it in a few seconds.";
    Gone "gone" 410 "Gone"
        "It was revoked or deleted; `detail` says how.";
    Changed "changed" 412 "Changed meanwhile"
        "Its `ETag` is no longer the one in `If-Match`. Read it again, and decide again.";
    TooLarge "too-large" 413 "Body too large"
        "The body exceeds the limit. Nothing was changed.";
    UnsupportedMediaType "unsupported-media-type" 415 "Unsupported format"
        "Send JSON, with `Content-Type: application/json`.";
    Unprocessable "unprocessable" 422 "Not possible as requested"
        "The body is well formed, but a value in it cannot be accepted. Nothing was changed.";
    KeyReused "idempotency-key-reused" 422 "Idempotency-Key reused"
        "This `Idempotency-Key` was used for another request. Use a new one for each act.";
    IfMatchMissing "if-match-missing" 428 "If-Match missing"
        "An edit needs the header `If-Match` with the `ETag` of what was read.";
    RateLimited "rate-limited" 429 "Too many requests"
        "Wait as many seconds as `Retry-After` says.";
    ServerError "server-error" 500 "Server error"
        "An unexpected error. The log has its cause under the ID in `incident`.";
    Unavailable "unavailable" 503 "Temporarily unavailable"
        "The database is busy or cannot be reached, or the answer took too long. Repeat the request after a few seconds.";
}
