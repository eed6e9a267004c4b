-- Notices beyond connections. What a message is about, so that the messages of a kind can be counted, and the employee it
-- concerns, whose personal data may be erased.
ALTER TABLE outbox ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN employee_id BIGINT;
CREATE INDEX outbox_kind ON outbox (kind, channel, created_at);
CREATE INDEX outbox_employee ON outbox (employee_id) WHERE employee_id IS NOT NULL;

-- Which kinds of notices an admin turned on or off for a channel; the others are as they are by default.
CREATE TABLE notice_choices (
    channel TEXT NOT NULL CHECK (channel IN ('email', 'webhook')),
    kind TEXT NOT NULL,
    is_sent BOOLEAN NOT NULL,
    PRIMARY KEY (channel, kind)
);

-- What a notice was sent about and is not sent about again until then.
CREATE TABLE notice_marks (
    kind TEXT NOT NULL,
    subject_id BIGINT NOT NULL,
    marked_until BIGINT NOT NULL,
    PRIMARY KEY (kind, subject_id)
);
CREATE INDEX notice_marks_marked_until ON notice_marks (marked_until);

-- The mail server that an admin entered; the password is encrypted.
CREATE TABLE mail_settings (
    id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    host TEXT NOT NULL,
    port BIGINT NOT NULL,
    security TEXT NOT NULL CHECK (security IN ('starttls', 'tls', 'none')),
    username TEXT NOT NULL,
    password BLOB,
    sender TEXT NOT NULL,
    recipients TEXT NOT NULL
);

-- The webhook that an admin entered; its URL may contain a secret, so that it is encrypted too.
CREATE TABLE webhook_settings (
    id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    url BLOB,
    secret BLOB,
    host TEXT NOT NULL
);
