/* layout.h - where things stand in public/: the only maker of published paths
 *
 * The coordinator makes every path from checked parts (UIDs, words, digests): no path ever travels in a
 * message. schema/layout.md tells the same to people.
 *
 *   current   dicomweb/studies/S/series/E/instances/U/{frames/N,j2k/N,lossy/N,thumbnail,rendered,bulkdata/NAME}
 *             studies/S/E/U/NAME.DIGEST16.EXT, and NAME.DIGEST16.EXT.gz with the same digest
 *   conflict  studies/S/E/conflict/SOURCE16/{frames/N,...,NAME.DIGEST16.EXT}
 *   tree      .../NAME.DIGEST16/ instead of a file
 */
#ifndef SLICEPRESS_JOB_LAYOUT_H
#define SLICEPRESS_JOB_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/path.h"
#include "dicom/uid.h"

struct subject {
    char study[UID_SIZE], series[UID_SIZE], sop[UID_SIZE]; /* safe UIDs; sop "" for a series */
    char conflict[DIGEST16_SIZE]; /* "" for the current instance, else the source digest's first 16 */
};

enum place {
    PLACE_FRAME,     /* dicomweb .../frames/N, multipart form */
    PLACE_J2K,       /* dicomweb .../j2k/N */
    PLACE_THUMBNAIL, /* dicomweb .../thumbnail */
    PLACE_RENDITION, /* NAME.DIGEST16.EXT */
    PLACE_TREE,      /* NAME.DIGEST16/ */
    PLACE_LOSSY,     /* dicomweb .../lossy/N, multipart form */
    PLACE_RENDERED,  /* dicomweb .../rendered */
    PLACE_BULK,      /* dicomweb .../bulkdata/NAME or NAME.EXT */
    PLACE_GZIP,      /* NAME.DIGEST16.EXT.gz beside a rendition, for servers that look for it */
    PLACE_COUNT
};

/* A word that may stand in a path: [a-z0-9][a-z0-9-]*, at most 47 long. */
bool layout_word_is_valid(const char *word);
bool layout_extension_is_valid(const char *extension); /* "webp", "nii.gz": [a-z0-9]+(.[a-z0-9]+)*, at most 7 long */
/* Its bytes never change: the name carries their digest. */
bool place_is_digest_named(enum place place);
/* One file for each frame, named by its number. */
bool place_is_numbered(enum place place);
/* `frame` from 1 for the numbered ones; name, digest, extension for RENDITION, GZIP (those of the rendition: manifest.h's
 * artefact_path knows them) and TREE (no extension); name and extension (or none) for BULK. */
bool layout_path(const struct subject *subject, enum place place, const char *name, uint32_t frame,
                 const struct digest *digest, const char *extension, char path[PATH_SIZE],
                 struct error *err);
/* Where what is digest-named stands: studies/S/E/U, studies/S/E of a series. */
bool layout_folder(const struct subject *subject, char path[PATH_SIZE], struct error *err);
bool layout_study_folder(const char *study, char path[PATH_SIZE], struct error *err);   /* studies/S */
bool layout_series_folder(const char *study, const char *series, char path[PATH_SIZE], struct error *err);
bool layout_dicomweb_study(const char *study, char path[PATH_SIZE], struct error *err); /* dicomweb/studies/S */
bool layout_dicomweb_series(const char *study, const char *series, char path[PATH_SIZE], struct error *err);
bool layout_dicomweb_instance(const struct subject *subject, char path[PATH_SIZE], struct error *err);

#endif
