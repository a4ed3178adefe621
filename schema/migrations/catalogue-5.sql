-- From version 4: what each object says of its study and series is kept, so that it goes with the object. Of those that
-- are there nobody has noted it: where one is the first, study and series stay as they are until it is read again.

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

ALTER TABLE instance ADD COLUMN wording_id INTEGER;
