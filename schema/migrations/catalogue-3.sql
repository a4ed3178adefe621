-- From version 2: what was wanted of the site when all of it was as wanted, and where failures are.

ALTER TABLE run ADD COLUMN wanted TEXT;
CREATE INDEX instance_failed ON instance (instance_id)
    WHERE state IN ('failed', 'quarantined') OR (state = 'done' AND reason IS NOT NULL);
CREATE INDEX product_failed ON product (instance_id, product_id) WHERE state = 'failed';
