/* qido.h - a row of the catalogue in the DICOM JSON Model (PS3.18 Annex F), as answers to searches have it (QIDO-RS)
 *
 * The SQL is the table: each column is named by tag and VR, in ascending order, `?` behind those that are left out
 * when they are NULL (others have their `vr` then, and no Value: PS3.18 F.2.5):
 *
 *     SELECT study_date AS "00080020DA", study_description AS "00081030LO?" FROM study WHERE ...
 *
 * A text may hold several values separated by backslashes; of a person's name the groups are separated by `=`
 * (PS3.5 6.2.1.1, PS3.18 F.2.2). Numbers (IS, US) are integers in their column.
 */
#ifndef SLICEPRESS_COORDINATOR_QIDO_H
#define SLICEPRESS_COORDINATOR_QIDO_H

#include "base/json.h"
#include "coordinator/catalogue.h"

/* One object. */
void qido_put_row(struct json *j, const struct cursor *row);

#endif
