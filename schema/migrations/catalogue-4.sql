-- From version 3: notes are of what they are about. Of those that are there nobody can tell: they stay with the instance
-- until its object is read again, and with its frames, or another product, until that is made again. What a disk refused
-- is found by an index.

ALTER TABLE product ADD COLUMN notes TEXT;

UPDATE product SET notes = (SELECT notes FROM instance i WHERE i.instance_id = product.instance_id)
    WHERE product_id IN (SELECT (SELECT product_id FROM product p WHERE p.instance_id = i.instance_id
    ORDER BY stage <> 'codestream', stage LIMIT 1) FROM instance i WHERE notes IS NOT NULL);
UPDATE product SET notes = (SELECT notes FROM series s WHERE s.study_instance_uid = product.study_instance_uid
    AND s.series_instance_uid = product.series_instance_uid
    AND product.stage = iif(s.notes GLOB 'slide*', 'slides', 'volume')) WHERE instance_id IS NULL;

ALTER TABLE series DROP COLUMN notes;

CREATE INDEX rejected_io ON rejected (source) WHERE reason = 'io';
