-- From version 2: what was wanted of the site when all of it was as wanted, and where failures are; what instances hold
-- of a slide, and the pyramids they make. Slides are read once more for that.

ALTER TABLE run ADD COLUMN wanted TEXT;
CREATE INDEX instance_failed ON instance (instance_id)
    WHERE state IN ('failed', 'quarantined') OR (state = 'done' AND reason IS NOT NULL);
CREATE INDEX product_failed ON product (instance_id, product_id) WHERE state = 'failed';
CREATE INDEX product_of_nobody ON product (product_id) WHERE options_digest = '';

ALTER TABLE keep ADD COLUMN slide BLOB;
ALTER TABLE instance ADD COLUMN specimen_label_in_image TEXT;
ALTER TABLE series ADD COLUMN slide_digest TEXT;

CREATE TABLE slide_pyramid (
    pyramid_id INTEGER PRIMARY KEY,
    study_instance_uid TEXT NOT NULL, series_instance_uid TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    reason TEXT NOT NULL,
    columns INTEGER NOT NULL, rows INTEGER NOT NULL,
    levels INTEGER NOT NULL,
    optical_path TEXT,
    focus_um REAL NOT NULL,
    samples_per_pixel INTEGER NOT NULL,
    row_spacing_mm REAL, column_spacing_mm REAL,
    container_identifier TEXT, frame_of_reference_uid TEXT, pyramid_uid TEXT,
    FOREIGN KEY (study_instance_uid, series_instance_uid) REFERENCES series ON DELETE CASCADE,
    UNIQUE (study_instance_uid, series_instance_uid, ordinal)
) STRICT;
CREATE TABLE slide_level (
    pyramid_id INTEGER NOT NULL REFERENCES slide_pyramid ON DELETE CASCADE,
    level INTEGER NOT NULL,
    columns INTEGER NOT NULL, rows INTEGER NOT NULL,
    tile_columns INTEGER NOT NULL, tile_rows INTEGER NOT NULL,
    tiles INTEGER NOT NULL,
    is_aligned INTEGER NOT NULL,
    PRIMARY KEY (pyramid_id, level)
) STRICT, WITHOUT ROWID;
CREATE TABLE slide_level_instance (
    pyramid_id INTEGER NOT NULL, level INTEGER NOT NULL,
    instance_id INTEGER NOT NULL REFERENCES instance ON DELETE CASCADE,
    PRIMARY KEY (pyramid_id, level, instance_id),
    FOREIGN KEY (pyramid_id, level) REFERENCES slide_level ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX slide_level_instance_instance ON slide_level_instance (instance_id);

UPDATE instance SET state = 'pending' WHERE state = 'done' AND sop_class_uid = '1.2.840.10008.5.1.4.1.1.77.1.6';
UPDATE series SET state = 'pending' WHERE EXISTS (SELECT 1 FROM instance i WHERE i.state = 'pending'
    AND i.study_instance_uid = series.study_instance_uid AND i.series_instance_uid = series.series_instance_uid);
UPDATE study SET state = 'pending' WHERE EXISTS (SELECT 1 FROM series s WHERE s.state = 'pending'
    AND s.study_instance_uid = study.study_instance_uid);
