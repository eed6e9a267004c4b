-- Rate limits of a client at the API routes; NULL for the default. The drip rate is in tenths of a call per second.
ALTER TABLE clients ADD COLUMN bucket_size BIGINT;
ALTER TABLE clients ADD COLUMN drip_rate_tenths BIGINT;
ALTER TABLE clients ADD COLUMN burst_limit BIGINT;
