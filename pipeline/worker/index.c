/* JOB_INDEX: what each source of a batch is, by its header alone. */
#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "dicom/image.h"
#include "worker/describe.h"
#include "worker/sniff.h"
#include "worker/worker.h"

static bool reject(struct index_result *result, const struct error *why)
{
    result->outcome = INDEX_REJECTED;
    result->kind = why->kind;
    memcpy(result->text, why->text, sizeof result->text);
    return true;
}

static bool reject_as_other(struct index_result *result, bool ignored, const char *what)
{
    struct error why = {0};

    result->ignored = ignored;
    (void)error_set(&why, ERROR_NOT_DICOM, "%s", what);
    return reject(result, &why);
}

static bool index_archive(struct worker *worker, const struct source *source, enum sniffed kind, const char *what,
                          struct index_result *result)
{
    struct error why = {0};

    if (source->depth >= LIMIT(ARCHIVE_DEPTH)) {
        (void)error_set(&why, ERROR_LIMIT, "%s in %u other archives, ARCHIVE_DEPTH is %" PRIu64, what, source->depth,
                        LIMIT(ARCHIVE_DEPTH));
        return reject(result, &why);
    }
    result->outcome = INDEX_FEED;
    if (kind == SNIFFED_ZIP && source->kind == SOURCE_FILE) {
        const struct index_result before = *result;

        result->outcome = INDEX_ZIP;
        if (sources_list_zip(worker->sources, source, result, &why))
            return true;
        index_result_release(result);
        *result = before;
        if (why.kind != ERROR_CORRUPT && why.kind != ERROR_TRUNCATED)
            return reject(result, &why);
        result->outcome = INDEX_FEED;
        what = why.text;
    }
    const size_t length = strnlen(what, sizeof result->text - 1);
    memcpy(result->text, what, length);
    result->text[length] = '\0';
    return true;
}

/* Frames are for progress only: what the object cannot show is told when it is decoded. */
static bool index_image(const struct object *object, struct index_result *result, struct error *why)
{
    struct buffer notes = {0};
    struct image image = {0};

    if (image_read(object, &image, &notes, why)) {
        result->frames = image.frames;
    } else {
        result->kind = why->kind;
        memcpy(result->text, why->text, sizeof result->text);
    }
    image_release(&image);
    buffer_release(&notes);
    return true;
}

static bool index_object(struct worker *worker, const struct source *source, const struct bytes *bytes,
                         struct index_result *result, struct error *why)
{
    const struct spool_maker spool = worker_spool_maker(worker);
    struct object *object = NULL;
    bool ok = object_open(bytes, &spool, &object, why);

    if (ok && object_is_dicomdir(object)) {
        result->ignored = true;
        ok = error_set(why, ERROR_NOT_DICOM, "a DICOMDIR");
    }
    result->outcome = INDEX_OBJECT;
    if (ok && !result->has_digest && describe_needs_digest(object)) {
        object_close(object);
        object = NULL;
        ok = sources_open(worker->sources, source, SOURCE_WHOLE, &bytes, why) &&
             worker_digest(worker, bytes, &result->digest, why) && object_open(bytes, &spool, &object, why);
        result->has_digest = ok;
    }
    ok = ok && describe(object, result->has_digest ? &result->digest : NULL, &result->record, NULL, why) &&
         index_image(object, result, why);
    object_close(object);
    return ok;
}

/* Always fills `result`; false only with `why`: the item is rejected. */
static bool index_source(struct worker *worker, const struct source *source, bool want_digest,
                         struct index_result *result, struct error *why)
{
    const struct bytes *bytes = NULL;
    const char *what = "";
    enum sniffed kind = SNIFFED_UNKNOWN;

    if (!sources_open(worker->sources, source, want_digest ? SOURCE_WHOLE : SOURCE_HEADER, &bytes, why))
        return false;
    result->bytes = bytes->size;
    if (!sniff_bytes(bytes, &kind, &what, why))
        return false;
    if (want_digest && !(result->has_digest = worker_digest(worker, bytes, &result->digest, why)))
        return false;
    if (kind == SNIFFED_ZIP || kind == SNIFFED_TAR || kind == SNIFFED_GZIP)
        return index_archive(worker, source, kind, what, result);
    if (kind == SNIFFED_OTHER || kind == SNIFFED_EMPTY)
        return reject_as_other(result, kind == SNIFFED_OTHER, what);
    if (index_object(worker, source, bytes, result, why))
        return true;
    if (why->kind == ERROR_NOT_DICOM && kind == SNIFFED_UNKNOWN && !result->ignored && source->kind != SOURCE_MEMBER &&
        sniff_zip_at_end(bytes))
        return index_archive(worker, source, SNIFFED_ZIP, "a ZIP with something before it", result);
    return false;
}

static bool tell(struct worker *worker, uint32_t number, const struct index_result *result, struct error *err)
{
    buffer_clear(&worker->payload);
    return index_result_write(result, &worker->payload, err) &&
           channel_send(&worker->channel, MESSAGE_INDEXED, number, &worker->payload, err);
}

bool worker_index(struct worker *worker, uint32_t number, const struct job *job, struct job_result *result,
                  struct error *err)
{
    bool ok = true;

    (void)result;
    for (size_t i = 0; ok && i < job->source_count; i++) {
        struct index_result found = {0};
        struct error why = {0};

        if (!index_source(worker, &job->sources[i], job->want_digest, &found, &why)) {
            record_release(&found.record);
            (void)reject(&found, &why);
        }
        found.item = (uint32_t)i;
        ok = tell(worker, number, &found, err);
        if (!ok && err->kind == ERROR_LIMIT) { /* an archive's list of members */
            index_result_release(&found);
            found.item = (uint32_t)i;
            ok = reject(&found, err) && tell(worker, number, &found, err);
        }
        index_result_release(&found);
        sources_close(worker->sources);
    }
    return ok;
}
