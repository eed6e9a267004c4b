ALTER TABLE clients DROP COLUMN burst_limit;
ALTER TABLE clients DROP COLUMN drip_rate_tenths;
ALTER TABLE clients DROP COLUMN bucket_size;
