DROP TABLE held_forms;
ALTER TABLE sessions DROP COLUMN confirmed_hash;
ALTER TABLE sessions DROP COLUMN confirmed_at;
