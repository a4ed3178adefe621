#include "layout.h"

#include <string.h>

#include "base/limits.h"

bool layout_word_is_valid(const char *word)
{
    enum { LONGEST = 47 };
    size_t length = 0;

    for (; word[length] != '\0'; length++) {
        const char c = word[length];
        const bool letter_or_digit = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

        if (length == LONGEST || !(letter_or_digit || (c == '-' && length > 0)))
            return false;
    }
    return length > 0;
}

bool layout_extension_is_valid(const char *extension)
{
    enum { LONGEST = 7 };
    size_t length = 0;

    for (; extension[length] != '\0'; length++) {
        const char c = extension[length];

        if (length == LONGEST || !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                                   (c == '.' && length > 0 && extension[length - 1] != '.')))
            return false;
    }
    return length > 0 && extension[length - 1] != '.';
}

/* What stands in a path is never trusted, whoever made it. */
static bool check_uid(const char *uid, const char *what, struct error *err)
{
    return uid_is_valid(uid) ||
           error_set(err, ERROR_PROTOCOL, "\"%.64s\" is no %s for a path", uid, what);
}

static bool check_conflict(const char *conflict, struct error *err)
{
    const size_t length = strnlen(conflict, DIGEST16_SIZE);

    if (length == 0 ||
        (length == DIGEST16_SIZE - 1 && strspn(conflict, "0123456789abcdef") == length))
        return true;
    return error_set(err, ERROR_PROTOCOL, "a conflict is named by 16 hex digits, not \"%.16s\"",
                     conflict);
}

static bool check_subject(const struct subject *subject, bool wants_instance, struct error *err)
{
    if (!check_uid(subject->study, "study UID", err) ||
        !check_uid(subject->series, "series UID", err) || !check_conflict(subject->conflict, err))
        return false;
    if (subject->sop[0] != '\0')
        return check_uid(subject->sop, "SOP Instance UID", err);
    if (wants_instance || subject->conflict[0] != '\0')
        return error_set(err, ERROR_PROTOCOL, "this place is an instance's, not a series'");
    return true;
}

/* What belongs to DICOMweb: there for the current instance, in the conflict folder for others. */
static bool instance_folder(const struct subject *subject, bool dicomweb, char path[PATH_SIZE],
                            struct error *err)
{
    if (subject->conflict[0] != '\0')
        return path_format(path, err, "studies/%s/%s/conflict/%s", subject->study, subject->series,
                           subject->conflict);
    if (dicomweb)
        return path_format(path, err, "dicomweb/studies/%s/series/%s/instances/%s", subject->study,
                           subject->series, subject->sop);
    if (subject->sop[0] == '\0')
        return path_format(path, err, "studies/%s/%s", subject->study, subject->series);
    return path_format(path, err, "studies/%s/%s/%s", subject->study, subject->series,
                       subject->sop);
}

static bool numbered_path(const struct subject *subject, const char *folder, uint32_t frame,
                          char path[PATH_SIZE], struct error *err)
{
    char parent[PATH_SIZE];

    if (frame < 1 || frame > LIMIT(FRAMES))
        return error_set(err, ERROR_PROTOCOL, "frame %u has no address", frame);
    return instance_folder(subject, true, parent, err) &&
           path_format(path, err, "%s/%s/%u", parent, folder, frame);
}

static bool check_name(const char *name, const char *extension, struct error *err)
{
    if (name == NULL || !layout_word_is_valid(name))
        return error_set(err, ERROR_PROTOCOL, "\"%.64s\" is no name for a file",
                         name != NULL ? name : "");
    if (extension != NULL && !layout_extension_is_valid(extension))
        return error_set(err, ERROR_PROTOCOL, "\"%.16s\" is no extension for a file", extension);
    return true;
}

static bool bulk_path(const struct subject *subject, const char *name, const char *extension,
                      char path[PATH_SIZE], struct error *err)
{
    char parent[PATH_SIZE];

    return check_name(name, extension, err) && instance_folder(subject, true, parent, err) &&
           path_format(path, err, "%s/bulkdata/%s%s%s", parent, name, extension != NULL ? "." : "",
                       extension != NULL ? extension : "");
}

static bool named_path(const struct subject *subject, const char *name, const struct digest *digest,
                       const char *extension, char path[PATH_SIZE], struct error *err)
{
    char parent[PATH_SIZE], hex[DIGEST16_SIZE];

    if (!check_name(name, extension, err))
        return false;
    digest_hex16(digest, hex);
    return instance_folder(subject, false, parent, err) &&
           path_format(path, err, "%s/%s.%s%s%s", parent, name, hex, extension != NULL ? "." : "",
                       extension != NULL ? extension : "");
}

bool place_is_digest_named(enum place place)
{
    return place == PLACE_RENDITION || place == PLACE_GZIP || place == PLACE_TREE;
}

bool place_is_numbered(enum place place)
{
    return place == PLACE_FRAME || place == PLACE_J2K || place == PLACE_LOSSY;
}

bool layout_path(const struct subject *subject, enum place place, const char *name, uint32_t frame,
                 const struct digest *digest, const char *extension, char path[PATH_SIZE],
                 struct error *err)
{
    char parent[PATH_SIZE];

    if (!check_subject(subject, !place_is_digest_named(place), err))
        return false;
    switch (place) {
    case PLACE_FRAME:
        return numbered_path(subject, "frames", frame, path, err);
    case PLACE_J2K:
        return numbered_path(subject, "j2k", frame, path, err);
    case PLACE_LOSSY:
        return numbered_path(subject, "lossy", frame, path, err);
    case PLACE_THUMBNAIL:
        return instance_folder(subject, true, parent, err) &&
               path_join(path, parent, "thumbnail", err);
    case PLACE_RENDERED:
        return instance_folder(subject, true, parent, err) &&
               path_join(path, parent, "rendered", err);
    case PLACE_BULK:
        return bulk_path(subject, name, extension, path, err);
    case PLACE_RENDITION:
        return named_path(subject, name, digest, extension != NULL ? extension : "", path, err);
    case PLACE_GZIP:
        return named_path(subject, name, digest, extension != NULL ? extension : "", parent, err) &&
               path_format(path, err, "%s.gz", parent);
    case PLACE_TREE:
        return named_path(subject, name, digest, NULL, path, err);
    case PLACE_COUNT:
        break;
    }
    return error_set(err, ERROR_PROTOCOL, "place %d is unknown", (int)place);
}

bool layout_folder(const struct subject *subject, char path[PATH_SIZE], struct error *err)
{
    return check_subject(subject, false, err) && instance_folder(subject, false, path, err);
}

bool layout_study_folder(const char *study, char path[PATH_SIZE], struct error *err)
{
    return check_uid(study, "study UID", err) && path_format(path, err, "studies/%s", study);
}

bool layout_series_folder(const char *study, const char *series, char path[PATH_SIZE],
                          struct error *err)
{
    return check_uid(study, "study UID", err) && check_uid(series, "series UID", err) &&
           path_format(path, err, "studies/%s/%s", study, series);
}

bool layout_dicomweb_study(const char *study, char path[PATH_SIZE], struct error *err)
{
    return check_uid(study, "study UID", err) &&
           path_format(path, err, "dicomweb/studies/%s", study);
}

bool layout_dicomweb_series(const char *study, const char *series, char path[PATH_SIZE],
                            struct error *err)
{
    return check_uid(study, "study UID", err) && check_uid(series, "series UID", err) &&
           path_format(path, err, "dicomweb/studies/%s/series/%s", study, series);
}

bool layout_dicomweb_instance(const struct subject *subject, char path[PATH_SIZE],
                              struct error *err)
{
    return check_subject(subject, true, err) && instance_folder(subject, true, path, err);
}
