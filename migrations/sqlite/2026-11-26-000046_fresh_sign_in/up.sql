-- When the person of a session last confirmed that it is them, and the hash of what their browser got then; 0 if they did not
-- since they signed in.
ALTER TABLE sessions ADD COLUMN confirmed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN confirmed_hash BLOB CHECK (length(confirmed_hash) = 32);

-- What a person sent before they were asked to confirm that it is them, encrypted: it continues from here afterwards.
CREATE TABLE held_forms (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    form BLOB,
    created_at BIGINT NOT NULL
);
CREATE INDEX held_forms_session ON held_forms (session_id, id);
CREATE INDEX held_forms_created_at ON held_forms (created_at);
