-- The weekly digest of what needs attention: when it is sent, in the time zone of the account, and how.
CREATE TABLE digest_settings (
    id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    -- 1 is Monday, 7 is Sunday.
    weekday BIGINT NOT NULL CHECK (weekday BETWEEN 1 AND 7),
    hour BIGINT NOT NULL CHECK (hour BETWEEN 0 AND 23),
    by_email BOOLEAN NOT NULL,
    by_webhook BOOLEAN NOT NULL,
    even_if_empty BOOLEAN NOT NULL,
    -- No digest is due at or before this time: it was sent, or was due before the settings were saved.
    not_before BIGINT NOT NULL
);
