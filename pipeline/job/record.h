/* record.h - what the catalogue wants to know of an object: one list for worker, message and catalogue
 *
 * X(field, type, tag, vr): `field` is the column (the DICOM keyword in snake case), TEXT columns are UTF-8.
 * The worker fills a record from the data set, the message carries it, catalogue.c binds it: adding a
 * column is a line here and one in schema/catalogue.sql (a unit test compares the two).
 */
#ifndef SLICEPRESS_JOB_RECORD_H
#define SLICEPRESS_JOB_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

#define RECORD_STUDY_FIELDS(X) X(study_instance_uid, TEXT, 0x0020000d, "UI") RECORD_STUDY_TEXTS(X)
#define RECORD_STUDY_TEXTS(X) \
    X(patient_id, TEXT, 0x00100020, "LO") \
    X(patient_name, TEXT, 0x00100010, "PN") \
    X(patient_birth_date, TEXT, 0x00100030, "DA") \
    X(patient_sex, TEXT, 0x00100040, "CS") \
    X(study_date, TEXT, 0x00080020, "DA") \
    X(study_time, TEXT, 0x00080030, "TM") \
    X(study_id, TEXT, 0x00200010, "SH") \
    X(study_description, TEXT, 0x00081030, "LO") \
    X(accession_number, TEXT, 0x00080050, "SH") \
    X(referring_physician_name, TEXT, 0x00080090, "PN")

#define RECORD_SERIES_FIELDS(X) X(series_instance_uid, TEXT, 0x0020000e, "UI") RECORD_SERIES_TEXTS(X)
#define RECORD_SERIES_TEXTS(X) \
    X(modality, TEXT, 0x00080060, "CS") \
    X(series_number, INTEGER, 0x00200011, "IS") \
    X(series_date, TEXT, 0x00080021, "DA") \
    X(series_time, TEXT, 0x00080031, "TM") \
    X(series_description, TEXT, 0x0008103e, "LO") \
    X(body_part_examined, TEXT, 0x00180015, "CS") \
    X(laterality, TEXT, 0x00200060, "CS") \
    X(protocol_name, TEXT, 0x00181030, "LO") \
    X(manufacturer, TEXT, 0x00080070, "LO") \
    X(frame_of_reference_uid, TEXT, 0x00200052, "UI")

#define RECORD_INSTANCE_FIELDS(X) \
    X(sop_instance_uid, TEXT, 0x00080018, "UI") \
    X(sop_class_uid, TEXT, 0x00080016, "UI") \
    X(transfer_syntax_uid, TEXT, 0x00020010, "UI") \
    X(instance_number, INTEGER, 0x00200013, "IS") \
    X(acquisition_number, INTEGER, 0x00200012, "IS") \
    X(content_date, TEXT, 0x00080023, "DA") \
    X(content_time, TEXT, 0x00080033, "TM") \
    X(image_type, TEXT, 0x00080008, "CS") \
    X(rows, INTEGER, 0x00280010, "US") \
    X(columns, INTEGER, 0x00280011, "US") \
    X(number_of_frames, INTEGER, 0x00280008, "IS") \
    X(samples_per_pixel, INTEGER, 0x00280002, "US") \
    X(bits_allocated, INTEGER, 0x00280100, "US") \
    X(bits_stored, INTEGER, 0x00280101, "US") \
    X(high_bit, INTEGER, 0x00280102, "US") \
    X(pixel_representation, INTEGER, 0x00280103, "US") \
    X(photometric_interpretation, TEXT, 0x00280004, "CS") \
    X(planar_configuration, INTEGER, 0x00280006, "US") \
    X(pixel_spacing, TEXT, 0x00280030, "DS") \
    X(image_position_patient, TEXT, 0x00200032, "DS") \
    X(image_orientation_patient, TEXT, 0x00200037, "DS") \
    X(slice_location, REAL, 0x00201041, "DS") \
    X(rescale_slope, REAL, 0x00281053, "DS") \
    X(rescale_intercept, REAL, 0x00281052, "DS") \
    X(rescale_type, TEXT, 0x00281054, "LO") \
    X(lossy_image_compression, TEXT, 0x00282110, "CS") \
    X(burned_in_annotation, TEXT, 0x00280301, "CS") \
    X(specimen_label_in_image, TEXT, 0x00480010, "CS") \
    X(specific_character_set, TEXT, 0x00080005, "CS")

#define RECORD_FIELDS(X) RECORD_STUDY_FIELDS(X) RECORD_SERIES_FIELDS(X) RECORD_INSTANCE_FIELDS(X)

enum record_field {
#define X(field, type, tag, vr) RECORD_##field,
    RECORD_FIELDS(X)
#undef X
    RECORD_FIELD_COUNT
};
enum record_type { RECORD_TEXT, RECORD_INTEGER, RECORD_REAL };
enum { RECORD_TEXT_MOST = 1024 };

struct record_column { const char *name; enum record_type type; unsigned tag; const char *vr; };
extern const struct record_column record_columns[RECORD_FIELD_COUNT];

/* UIDs are the safe ones (uid.h); where one had to be made, `original_*` keeps what the file said. */
struct record {
    char *values[RECORD_FIELD_COUNT]; /* NULL: absent */
    char *message;                    /* owned: what record_parse read; values lie in it or are owned themselves */
    size_t message_size;
};

bool record_set(struct record *record, enum record_field field, const char *text, struct error *err);
const char *record_get(const struct record *record, enum record_field field); /* "" when absent */
/* A slide's LABEL, or another picture that shows it, on which the patient's name may stand (PS3.3 C.8.12.4.1). */
bool record_shows_label(const struct record *record);
#define RECORD_WITHHELD "a slide's label may show the patient's name: dicomweb.labels=true publishes it"
bool record_write(const struct record *record, struct buffer *out, struct error *err);
/* Hostile input: lengths, UTF-8, numbers of INTEGER and REAL columns and the three UIDs are checked. */
bool record_parse(struct reader *reader, struct record *record, struct error *err);
void record_release(struct record *record);

#endif
