-- The public catalogue: attached as "target" while this runs, the full catalogue being "main".
CREATE TABLE target.study (
    study_instance_uid TEXT PRIMARY KEY,
    patient_id TEXT, patient_name TEXT, patient_birth_date TEXT, patient_sex TEXT,
    study_date TEXT, study_time TEXT, study_id TEXT, study_description TEXT, accession_number TEXT,
    referring_physician_name TEXT, modalities_in_study TEXT,
    number_of_study_related_series INTEGER, number_of_study_related_instances INTEGER, note TEXT
) WITHOUT ROWID;
CREATE TABLE target.series (
    study_instance_uid TEXT NOT NULL REFERENCES study,
    series_instance_uid TEXT NOT NULL,
    modality TEXT, series_number INTEGER, series_date TEXT, series_time TEXT, series_description TEXT,
    body_part_examined TEXT, laterality TEXT, protocol_name TEXT, manufacturer TEXT,
    frame_of_reference_uid TEXT, volume_verdict TEXT,
    number_of_series_related_instances INTEGER, frames INTEGER, failed INTEGER, thumbnail TEXT,
    PRIMARY KEY (study_instance_uid, series_instance_uid)
) WITHOUT ROWID;

INSERT INTO target.study
SELECT study_instance_uid, patient_id, patient_name, patient_birth_date, patient_sex, study_date, study_time,
    study_id, study_description, accession_number, referring_physician_name, modalities_in_study, series, instances,
    note
FROM main.study WHERE published_digest IS NOT NULL ORDER BY study_instance_uid;

INSERT INTO target.series
SELECT e.study_instance_uid, e.series_instance_uid, modality, series_number, series_date, series_time,
    series_description, body_part_examined, laterality, protocol_name, manufacturer, frame_of_reference_uid,
    volume_verdict, e.instances, frames, failed, thumbnail
FROM main.series e
JOIN main.study s ON s.study_instance_uid = e.study_instance_uid AND s.published_digest IS NOT NULL
ORDER BY e.study_instance_uid, e.series_instance_uid;

CREATE INDEX target.study_date ON study (study_date DESC, study_time DESC);
CREATE INDEX target.study_patient ON study (patient_id);
CREATE INDEX target.study_name ON study (patient_name COLLATE NOCASE);
CREATE INDEX target.study_accession ON study (accession_number);
CREATE INDEX target.series_modality ON series (modality);
