/* object_store_manifest.h - what an object store is told: a line for every object of a site
 *
 * TSV with a header line: key, file (both relative to public/), content_type, content_encoding, cache_control. An
 * object store answers exactly a key, so
 *
 *     NAME/index.json below dicomweb/   has the key NAME (schema/layout.md)
 *     a text with a FILE.gz beside it   is stored as FILE.gz with Content-Encoding gzip, under FILE's key;
 *                                       FILE.gz and FILE.br are no objects of their own (a volume's .nii.gz is)
 *
 * Lines are in the order of uploading: blobs, then what names them, bottom-up: metadata, indexes from the deepest,
 * each study's page, study.json, and the files of public/ itself, index.html last. A name with a control character
 * (strangers' files only) is an error.
 */
#ifndef SLICEPRESS_COORDINATOR_OBJECT_STORE_MANIFEST_H
#define SLICEPRESS_COORDINATOR_OBJECT_STORE_MANIFEST_H

#include "base/buffer.h"
#include "base/error.h"

/* Of the files that stand below `root` (SITE/public, absolute) now; appended to `out`. The same files give the same
 * bytes. */
bool object_store_manifest(const char *root, struct buffer *out, struct error *err);

#endif
