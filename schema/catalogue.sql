-- The catalogue of a site (SITE/catalogue.sqlite), version 5. Column names are the DICOM keywords in
-- snake case. Every write is the coordinator's (pipeline/coordinator/catalogue.c); other programs read.
-- Paths of artefacts are relative to public/. Times are UTC, ISO 8601.

CREATE TABLE run (
    run_id INTEGER PRIMARY KEY,
    started TEXT NOT NULL,
    started_ns INTEGER NOT NULL,             -- CLOCK_REALTIME: a source changed after it is read again
    ended TEXT,                              -- NULL: still running, or interrupted by force
    arguments TEXT NOT NULL,
    version TEXT NOT NULL,
    libraries TEXT,
    exit_status INTEGER,
    summary TEXT,
    wanted TEXT                              -- SHA-256 of the stages and options that all products were of at its end
) STRICT;

-- A file or archive as it was when it was last read: unchanged, it is not read again.
CREATE TABLE source_file (
    path TEXT PRIMARY KEY,                   -- absolute, as offered
    device INTEGER NOT NULL, inode INTEGER NOT NULL, bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,
    read_ns INTEGER NOT NULL                 -- CLOCK_REALTIME when the read began; 0, -1: it is to be read again
) STRICT;

CREATE TABLE study (
    study_instance_uid TEXT PRIMARY KEY,
    patient_id TEXT, patient_name TEXT, patient_birth_date TEXT, patient_sex TEXT,
    study_date TEXT, study_time TEXT, study_id TEXT, study_description TEXT, accession_number TEXT,
    referring_physician_name TEXT,
    source_order TEXT,                       -- of the object that says all this: the first of the study (see wording)
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done')),   -- done: study.json is current
    published_digest TEXT,                   -- SHA-256 of study.json
    modalities_in_study TEXT, series INTEGER, instances INTEGER,   -- current ones: counted when the study is joined
    note TEXT                                -- "objects disagree on Patient ID: ..."
) STRICT;
CREATE INDEX study_newest ON study (study_date DESC, study_time DESC, study_instance_uid)
    WHERE published_digest IS NOT NULL;      -- the lists of studies

-- What the lists of studies say of a study: made when it is joined, copied at the end of every run.
CREATE TABLE study_summary (
    study_instance_uid TEXT PRIMARY KEY REFERENCES study ON DELETE CASCADE,
    picture TEXT, picture_sha256 TEXT,       -- on index.html
    listing TEXT NOT NULL,                   -- in studies.json
    card TEXT NOT NULL,                      -- in index.html, behind the picture
    dicomweb TEXT                            -- in dicomweb/studies/index.json; NULL: not there
) STRICT;

CREATE TABLE series (
    study_instance_uid TEXT NOT NULL REFERENCES study ON DELETE CASCADE,
    series_instance_uid TEXT NOT NULL,
    modality TEXT, series_number INTEGER, series_date TEXT, series_time TEXT, series_description TEXT,
    body_part_examined TEXT, laterality TEXT, protocol_name TEXT, manufacturer TEXT,
    frame_of_reference_uid TEXT,
    source_order TEXT,                       -- of the object that says all this: the first of the series
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done')),
    volume_verdict TEXT,                     -- of the volume with ordinal 1
    geometry_digest TEXT,                    -- of the slices that the rows of `volume` were made of
    slide_digest TEXT,                       -- of the parts that the rows of `slide_pyramid` were made of
    window_digest TEXT,                      -- of the computed window the pictures were made with
    thumbnail_instance_id INTEGER,           -- the slice that stands for the series
    instances INTEGER, frames INTEGER, failed INTEGER,   -- current ones: counted when the study is joined
    dicomweb_instances INTEGER,              -- of them in DICOMweb
    thumbnail TEXT,                          -- its picture
    PRIMARY KEY (study_instance_uid, series_instance_uid)
) STRICT, WITHOUT ROWID;

-- What the objects of a series say of it and of its study: a row for all that say the same, gone with the last of them.
-- A study and a series have the texts of their first object: of the instances there are, whatever their state, those
-- that are current before those that have lost a conflict, then by source_order (equal in streams: by the UIDs, then by
-- source_digest). They are taken when the series' objects have settled, and when the study is joined.
CREATE TABLE wording (
    wording_id INTEGER PRIMARY KEY,
    study_instance_uid TEXT NOT NULL, series_instance_uid TEXT NOT NULL,
    patient_id TEXT, patient_name TEXT, patient_birth_date TEXT, patient_sex TEXT,
    study_date TEXT, study_time TEXT, study_id TEXT, study_description TEXT, accession_number TEXT,
    referring_physician_name TEXT,
    modality TEXT, series_number INTEGER, series_date TEXT, series_time TEXT, series_description TEXT,
    body_part_examined TEXT, laterality TEXT, protocol_name TEXT, manufacturer TEXT,
    frame_of_reference_uid TEXT,
    FOREIGN KEY (study_instance_uid, series_instance_uid) REFERENCES series ON DELETE CASCADE
) STRICT;
CREATE INDEX wording_texts ON wording (study_instance_uid, series_instance_uid, patient_name, patient_id,
    patient_birth_date, patient_sex, study_date, study_time, study_id, study_description, accession_number,
    referring_physician_name, modality, series_number, series_date, series_time, series_description,
    body_part_examined, laterality, protocol_name, manufacturer, frame_of_reference_uid);

CREATE TABLE instance (
    instance_id INTEGER PRIMARY KEY,
    study_instance_uid TEXT NOT NULL,
    series_instance_uid TEXT NOT NULL,
    sop_instance_uid TEXT NOT NULL,
    sop_class_uid TEXT, transfer_syntax_uid TEXT,
    instance_number INTEGER, acquisition_number INTEGER, content_date TEXT, content_time TEXT,
    image_type TEXT, rows INTEGER, columns INTEGER, number_of_frames INTEGER,
    samples_per_pixel INTEGER, bits_allocated INTEGER, bits_stored INTEGER, high_bit INTEGER,
    pixel_representation INTEGER, photometric_interpretation TEXT, planar_configuration INTEGER,
    pixel_spacing TEXT, image_position_patient TEXT, image_orientation_patient TEXT, slice_location REAL,
    rescale_slope REAL, rescale_intercept REAL, rescale_type TEXT,
    lossy_image_compression TEXT, burned_in_annotation TEXT, specimen_label_in_image TEXT, specific_character_set TEXT,
    patient_id TEXT,                         -- as this object says it: disagreements are reported
    wording_id INTEGER,                      -- what it says of its study and series; NULL: not noted by a version before 5,
                                             -- and not read since: where it is the first, the rows stay as they are
    source TEXT NOT NULL,                    -- absolute path as offered; "-" for stdin
    member TEXT,                             -- name inside an archive
    member_index INTEGER,                    -- in a ZIP's central directory; NULL: no random access
    source_order TEXT NOT NULL,              -- sort key of (source, member): "in order of path"
    source_bytes INTEGER,
    source_digest TEXT,                      -- SHA-256; NULL until decoded
    is_current INTEGER NOT NULL DEFAULT 1 CHECK (is_current IN (0, 1)),
    state TEXT NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'running', 'done', 'skipped', 'failed', 'quarantined')),
    reason TEXT,                             -- the error kind's word, or "no_image"
    detail TEXT,
    notes TEXT,                              -- lines: what was repaired while reading. More: product.notes
    frames INTEGER,                          -- readable
    needs_window INTEGER NOT NULL DEFAULT 0,
    has_histogram INTEGER NOT NULL DEFAULT 0,
    information INTEGER,
    FOREIGN KEY (study_instance_uid, series_instance_uid) REFERENCES series ON DELETE CASCADE,
    UNIQUE (study_instance_uid, series_instance_uid, sop_instance_uid, source_digest)
) STRICT;
CREATE UNIQUE INDEX instance_source ON instance (source, coalesce(member, ''), coalesce(member_index, -1))
    WHERE source <> '-';                     -- what stdin gives has no address
CREATE INDEX instance_state ON instance (study_instance_uid, series_instance_uid, state, source_order)
    WHERE state IN ('pending', 'running');   -- the queue of a run
CREATE INDEX instance_failed ON instance (instance_id)
    WHERE state IN ('failed', 'quarantined') OR (state = 'done' AND reason IS NOT NULL);   -- exit status 1
CREATE INDEX instance_digest ON instance (source_digest);
CREATE INDEX instance_conflict ON instance (study_instance_uid, series_instance_uid, sop_instance_uid)
    WHERE is_current = 0;

-- What is kept of an instance, so that it can be published again when its source is gone. Of the bytes in
-- instance.source_digest: other bytes take the row away.
CREATE TABLE keep (
    instance_id INTEGER PRIMARY KEY REFERENCES instance ON DELETE CASCADE,
    geometry BLOB,                           -- its slices (pipeline/job/slices.h); NULL: no image
    slide BLOB,                              -- its tiles (pipeline/job/slide_blob.h); NULL: no part of a slide
    metadata TEXT,                           -- DICOM JSON (PS3.18 Annex F) of the dicomweb stage; NULL: none yet
    histogram BLOB,                          -- of the modality values; NULL: no series window is wanted
    relic BLOB                               -- data set without Pixel Data, deflated (pipeline/job/keep.h); NULL: too large
) STRICT;

CREATE TABLE voi_window (
    voi_window_id INTEGER PRIMARY KEY,
    instance_id INTEGER REFERENCES instance ON DELETE CASCADE,  -- NULL: of the series
    study_instance_uid TEXT NOT NULL, series_instance_uid TEXT NOT NULL,
    frame INTEGER,                           -- NULL: all frames
    name TEXT, center REAL, width REAL, function TEXT,
    origin TEXT NOT NULL CHECK (origin IN ('tag', 'voi_lut', 'computed', 'preset')),
    is_valid INTEGER NOT NULL DEFAULT 1,
    FOREIGN KEY (study_instance_uid, series_instance_uid) REFERENCES series ON DELETE CASCADE
) STRICT;
CREATE INDEX voi_window_series ON voi_window (study_instance_uid, series_instance_uid);
CREATE INDEX voi_window_instance ON voi_window (instance_id);

-- One stage over one instance or series.
CREATE TABLE product (
    product_id INTEGER PRIMARY KEY,
    study_instance_uid TEXT NOT NULL, series_instance_uid TEXT NOT NULL,
    instance_id INTEGER REFERENCES instance ON DELETE CASCADE,  -- NULL: subject is the series
    subject TEXT NOT NULL CHECK (subject IN ('instance', 'series')),
    stage TEXT NOT NULL,
    stage_version INTEGER NOT NULL,
    options_digest TEXT NOT NULL,
    input_digest TEXT NOT NULL,              -- of the source digest and the window used; a series: of those of its
                                             -- instances, their geometry and the window
    state TEXT NOT NULL CHECK (state IN ('pending', 'done', 'skipped', 'failed')),  -- pending: waits for the series window
    reason TEXT,                             -- a series that failed may have artefacts: the volumes that are whole
    notes TEXT,                              -- lines: what was done that nobody would expect
    FOREIGN KEY (study_instance_uid, series_instance_uid) REFERENCES series ON DELETE CASCADE
) STRICT;
CREATE UNIQUE INDEX product_subject ON product (instance_id, stage) WHERE instance_id IS NOT NULL;
CREATE UNIQUE INDEX product_of_series ON product (study_instance_uid, series_instance_uid, stage)
    WHERE instance_id IS NULL;
CREATE INDEX product_failed ON product (instance_id, product_id) WHERE state = 'failed';
CREATE INDEX product_of_nobody ON product (product_id) WHERE options_digest = '';   -- out of date
CREATE INDEX product_series ON product (study_instance_uid, series_instance_uid);

CREATE TABLE artefact (
    artefact_id INTEGER PRIMARY KEY,
    product_id INTEGER NOT NULL REFERENCES product ON DELETE CASCADE,
    study_instance_uid TEXT NOT NULL, series_instance_uid TEXT NOT NULL,
    instance_id INTEGER,
    frame INTEGER,                           -- from 1; NULL: not of one frame
    stage TEXT NOT NULL,
    place INTEGER NOT NULL,                  -- enum place of job/layout.h
    name TEXT NOT NULL,
    path TEXT NOT NULL,                      -- relative to public/; a folder for a tree
    media_type TEXT NOT NULL,
    files INTEGER NOT NULL DEFAULT 1,        -- of a tree
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    columns INTEGER, rows INTEGER
) STRICT;
CREATE UNIQUE INDEX artefact_path ON artefact (path);
CREATE INDEX artefact_product ON artefact (product_id);
CREATE INDEX artefact_instance ON artefact (instance_id);

CREATE TABLE byte_range (
    artefact_id INTEGER NOT NULL REFERENCES artefact ON DELETE CASCADE,
    resolution INTEGER NOT NULL,             -- 0: the smallest
    columns INTEGER NOT NULL, rows INTEGER NOT NULL,
    end_offset INTEGER NOT NULL,             -- the file's first end_offset bytes decode at this resolution
    PRIMARY KEY (artefact_id, resolution)
) STRICT, WITHOUT ROWID;

-- What the slices of a series make, whatever stages are wanted (pipeline/dicom/geometry.h).
CREATE TABLE volume (
    volume_id INTEGER PRIMARY KEY,
    study_instance_uid TEXT NOT NULL, series_instance_uid TEXT NOT NULL,
    ordinal INTEGER NOT NULL,                -- from 1: by number of slices, then by first position
    verdict TEXT NOT NULL,                   -- regular tilted repeated_positions missing_slices irregular_spacing
                                             -- shifted_slices single_slice mixed_orientation localizer not_volumetric
    reason TEXT NOT NULL,                    -- in plain words, with the numbers
    columns INTEGER NOT NULL, rows INTEGER NOT NULL,
    slices INTEGER NOT NULL,                 -- places of the grid, holes included, where there is one
    dimensions INTEGER NOT NULL,             -- images at each place
    dimension_name TEXT,                     -- what tells them apart
    images INTEGER NOT NULL,                 -- that came
    missing INTEGER NOT NULL,                -- that the grid has a place for
    affine TEXT,                             -- JSON, 4 x 4: (column, row, slice, 1) -> mm, LPS; NULL: there is none
    row_spacing_mm REAL, column_spacing_mm REAL, slice_spacing_mm REAL, -- between rows, columns, planes
    least_gap_mm REAL, most_gap_mm REAL,     -- between neighbours that came
    off_grid_mm REAL, off_line_mm REAL, tilt_degrees REAL,
    voxel TEXT NOT NULL CHECK (voxel IN ('stored', 'float32')),
    samples_per_pixel INTEGER NOT NULL, bits_stored INTEGER NOT NULL, is_signed INTEGER NOT NULL,
    slope REAL, intercept REAL,              -- of stored voxels
    padding_low REAL, padding_high REAL,     -- stored values, inclusive; NULL: none that all slices share
    FOREIGN KEY (study_instance_uid, series_instance_uid) REFERENCES series ON DELETE CASCADE,
    UNIQUE (study_instance_uid, series_instance_uid, ordinal)
) STRICT;
CREATE TABLE volume_slice (
    volume_id INTEGER NOT NULL REFERENCES volume ON DELETE CASCADE,
    dimension INTEGER NOT NULL, slice INTEGER NOT NULL,   -- from 0
    instance_id INTEGER NOT NULL, frame INTEGER NOT NULL,
    x INTEGER NOT NULL, y INTEGER NOT NULL,               -- its first pixel in the frame: not 0 in mosaics
    PRIMARY KEY (volume_id, dimension, slice)
) STRICT, WITHOUT ROWID;
CREATE TABLE volume_missing (
    volume_id INTEGER NOT NULL REFERENCES volume ON DELETE CASCADE,
    dimension INTEGER NOT NULL, slice INTEGER NOT NULL,
    x_mm REAL NOT NULL, y_mm REAL NOT NULL, z_mm REAL NOT NULL,
    PRIMARY KEY (volume_id, dimension, slice)
) STRICT, WITHOUT ROWID;

-- The pyramids that the tiled instances of a series make, whatever stages are wanted (pipeline/dicom/slide.h).
CREATE TABLE slide_pyramid (
    pyramid_id INTEGER PRIMARY KEY,
    study_instance_uid TEXT NOT NULL, series_instance_uid TEXT NOT NULL,
    ordinal INTEGER NOT NULL,                -- from 1: the largest first
    verdict TEXT NOT NULL,                   -- whole sparse incomplete overlapping unusable: of its worst level
    reason TEXT NOT NULL,                    -- in plain words, with the numbers
    columns INTEGER NOT NULL, rows INTEGER NOT NULL, -- of the largest level: its Total Pixel Matrix
    levels INTEGER NOT NULL,                 -- that came
    optical_path TEXT,                       -- its identifier; the segment's number of a segmentation
    focus_um REAL NOT NULL,                  -- the focal plane's Z offset
    samples_per_pixel INTEGER NOT NULL,
    row_spacing_mm REAL, column_spacing_mm REAL,     -- of the largest level; NULL: not known
    container_identifier TEXT, frame_of_reference_uid TEXT, pyramid_uid TEXT,
    FOREIGN KEY (study_instance_uid, series_instance_uid) REFERENCES series ON DELETE CASCADE,
    UNIQUE (study_instance_uid, series_instance_uid, ordinal)
) STRICT;
CREATE TABLE slide_level (
    pyramid_id INTEGER NOT NULL REFERENCES slide_pyramid ON DELETE CASCADE,
    level INTEGER NOT NULL,                  -- from 0: the largest
    columns INTEGER NOT NULL, rows INTEGER NOT NULL,
    tile_columns INTEGER NOT NULL, tile_rows INTEGER NOT NULL,
    tiles INTEGER NOT NULL,                  -- that came
    is_aligned INTEGER NOT NULL,             -- on the grid of tiles, each in a place of its own
    PRIMARY KEY (pyramid_id, level)
) STRICT, WITHOUT ROWID;
CREATE TABLE slide_level_instance (          -- that hold its tiles
    pyramid_id INTEGER NOT NULL, level INTEGER NOT NULL,
    instance_id INTEGER NOT NULL REFERENCES instance ON DELETE CASCADE,
    PRIMARY KEY (pyramid_id, level, instance_id),
    FOREIGN KEY (pyramid_id, level) REFERENCES slide_level ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX slide_level_instance_instance ON slide_level_instance (instance_id);

-- How each job went that did not simply succeed.
CREATE TABLE attempt (
    attempt_id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES run,
    job TEXT NOT NULL,                       -- "index", "object", ...
    source TEXT, member TEXT, instance_id INTEGER,
    exit_status INTEGER, signal TEXT, timed_out INTEGER NOT NULL DEFAULT 0,
    wall_ms INTEGER, peak_kib INTEGER, output TEXT       -- the last lines the worker printed
) STRICT;

-- Every offered file or member that gave no instance row, and those that cannot be read any more (io nomem crashed
-- timeout): what they gave before stays.
CREATE TABLE rejected (
    source TEXT NOT NULL, member TEXT, member_index INTEGER,
    reason TEXT NOT NULL,                    -- not_dicom ignored duplicate removed, or a fault: corrupt truncated limit unsupported
                                             -- io nomem codec protocol crashed timeout
    detail TEXT,
    source_digest TEXT                       -- of a duplicate: offered again when the row with these bytes goes
) STRICT;
CREATE UNIQUE INDEX rejected_source ON rejected (source, coalesce(member, ''), coalesce(member_index, -1));
CREATE INDEX rejected_digest ON rejected (source_digest) WHERE source_digest IS NOT NULL;
CREATE INDEX rejected_io ON rejected (source) WHERE reason = 'io';       -- asked again at every run

-- Published files that were replaced: they stay for gc --grace, so that open pages do not break.
CREATE TABLE garbage (
    path TEXT PRIMARY KEY,                   -- relative to the site
    since_ns INTEGER NOT NULL
) STRICT;

-- Options of the last run that the site's own files depend on.
CREATE TABLE site_option (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
