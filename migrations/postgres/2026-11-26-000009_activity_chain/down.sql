ALTER TABLE activity_unsealed DROP COLUMN refused_at;
ALTER TABLE activity_unsealed DROP COLUMN mac;
DROP TABLE activity_chain;
