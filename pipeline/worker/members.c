#include "members.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "dicom/uid.h"
#include "job/slices.h"
#include "worker/instance.h"
#include "worker/kept.h"
#include "worker/member_list.h"

/* In the order in which they are tried. */
enum way { WAY_NATIVE, WAY_PLANES, WAY_SOURCE, WAY_KEPT, WAY_NONE };

struct members {
    struct worker *worker;
    const struct job *job;
    struct member_list *list;
    /* the one at hand */
    size_t member;
    enum way way;
    bool has_lut, is_open;
    struct native_pixels native;
    int descriptor;            /* NATIVE: of the file it lies in, from `from` on; -1: `bytes` */
    uint64_t from;
    const struct bytes *bytes; /* NATIVE: of a member of a ZIP */
    struct instance instance;
    struct kept kept;
    struct subject subject;
    struct frame frame;        /* number 0: none */
    const struct lut *lut;
};

bool members_new(struct worker *worker, struct job *job, struct members **members, struct error *err)
{
    struct members *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    *made = (struct members){.worker = worker, .job = job, .member = SIZE_MAX, .way = WAY_NONE, .descriptor = -1};
    if (!member_list_new(worker->spool, job, &made->list, err)) {
        memory_free(made);
        return false;
    }
    *members = made;
    return true;
}

const char *members_sop(const struct members *members)
{
    return members->list->member.sop;
}

static void close_way(struct members *m)
{
    if (m->descriptor >= 0)
        (void)close(m->descriptor); /* only read from */
    m->descriptor = -1;
    m->bytes = NULL;
    instance_release(&m->instance);
    buffer_release(&m->kept.relic);
    sources_close(m->worker->sources);
    m->frame.number = 0;
    m->is_open = false;
}

void members_free(struct members *members)
{
    if (members == NULL)
        return;
    close_way(members);
    member_list_free(members->list);
    memory_free(members);
}

/* -- native --------------------------------------------------------------------------------- */

/* The file at `status` is the one whose digest was taken. */
static bool is_same(const struct series_member *member, const struct stat *status)
{
    const struct source_identity *const then = &member->identity;

    return member->source.kind == SOURCE_SPOOL ||
           (member->has_identity && then->device == (int64_t)status->st_dev && then->inode == (int64_t)status->st_ino &&
            then->bytes == status->st_size &&
            then->mtime_ns == status->st_mtim.tv_sec * INT64_C(1000000000) + status->st_mtim.tv_nsec &&
            then->ctime_ns == status->st_ctim.tv_sec * INT64_C(1000000000) + status->st_ctim.tv_nsec);
}

static bool open_native(struct members *m, const struct series_member *member, struct error *err)
{
    const bool in_archive = member->source.kind == SOURCE_MEMBER;
    struct stat status;

    if (!member->has_source || m->has_lut || (in_archive && member->planes[0] != '\0') ||
        !slices_native(m->list->slices.data, m->list->slices.size, &m->native, err) || !m->native.are_there)
        return error_set(err, ERROR_IO, "no native pixels");
    m->native.image.transfer_syntax = transfer_syntax_find("1.2.840.10008.1.2.1");
    m->descriptor = open(member->source.path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (m->descriptor < 0)
        return error_errno(err, errno, "cannot open \"%s\"", member->source.path);
    if (fstat(m->descriptor, &status) != 0 || !S_ISREG(status.st_mode) || !is_same(member, &status))
        return error_set(err, ERROR_IO, "the source may have changed");
    m->from = member->source.kind == SOURCE_SPOOL ? member->source.offset : 0;
    if (!in_archive)
        return true;
    (void)close(m->descriptor);
    m->descriptor = -1;
    return sources_open(m->worker->sources, &member->source, SOURCE_WHOLE, &m->bytes, err);
}

/* As frame_index_read does it. */
static bool read_native(struct members *m, uint32_t number, struct error *err)
{
    const struct native_pixels *const native = &m->native;
    const struct image *const image = &native->image;
    struct buffer *const coded = &m->worker->studio->coded;
    const uint64_t bits = image_native_frame_bits(image), unit = image->swapped_pairs ? 16 : 8;
    const uint64_t from_bit = (uint64_t)(number - 1) * bits;
    const uint64_t from = from_bit / unit * (unit / 8), to = (from_bit + bits + unit - 1) / unit * (unit / 8);
    struct bytes file = {0};

    if (number < 1 || number > image->frames || to > native->length)
        return error_set(err, ERROR_TRUNCATED, "frame %u ends at byte %llu of %llu", number, (unsigned long long)to,
                         (unsigned long long)native->length);
    if (m->bytes == NULL && !bytes_of_descriptor(m->descriptor, &file, err))
        return false;
    buffer_clear(coded);
    if (!buffer_reserve(coded, (size_t)(to - from), err) ||
        !bytes_read_all(m->bytes != NULL ? m->bytes : &file, (m->bytes != NULL ? 0 : m->from) + native->offset + from,
                        coded->data, (size_t)(to - from), err))
        return false;
    coded->size = (size_t)(to - from);
    return decoder_run(m->worker->studio->decoder, image, number, coded->data, coded->size,
                       (unsigned)(from_bit % unit), &m->frame, NULL, err);
}

/* -- the others ----------------------------------------------------------------------------- */

static bool open_planes(struct members *m, const struct series_member *member, struct error *err)
{
    struct plane_reader *planes = NULL;
    char path[PATH_SIZE];

    if (member->planes[0] == '\0')
        return error_set(err, ERROR_IO, "no planes in the spool");
    if (!path_join(path, m->worker->spool, member->planes, err) ||
        !plane_reader_open(path, member->planes_offset, member->planes_bytes, &planes, err))
        return false;
    const struct buffer *const relic = plane_reader_relic(planes);
    if (!kept_open_relic(m->worker, &m->kept, relic->data, relic->size, &m->instance, err)) {
        plane_reader_free(planes);
        return false;
    }
    instance_use_planes(&m->instance, planes);
    return true;
}

/* Asked of the path when it has been opened: a file that was put in its place between is another one. */
static bool is_unchanged(const struct series_member *member)
{
    struct stat status;

    return stat(member->source.path, &status) == 0 && is_same(member, &status);
}

static bool open_source(struct members *m, const struct series_member *member, struct error *err)
{
    const struct spool_maker spool = worker_spool_maker(m->worker);
    const struct bytes *bytes = NULL;
    struct digest digest = member->digest;

    if (!member->has_source)
        return error_set(err, ERROR_IO, "the source is gone");
    if (!sources_open(m->worker->sources, &member->source, SOURCE_WHOLE, &bytes, err) ||
        (!is_unchanged(member) && !worker_digest(m->worker, bytes, &digest, err)))
        return false;
    if (!digest_equal(&digest, &member->digest))
        return error_set(err, ERROR_IO, "the source has changed");
    return instance_open(&m->instance, bytes, &spool, err) && instance_read_image(&m->instance, err) &&
           instance_use_source(&m->instance, err);
}

static bool read_relic(const struct members *m, const struct series_member *member, struct buffer *blob,
                       struct error *err)
{
    char path[PATH_SIZE];
    struct bytes bytes = {0};

    if (member->relic_bytes == 0 || m->job->relics[0] == '\0')
        return error_set(err, ERROR_IO, "the source is gone, and nothing is kept of it");
    if (!path_join(path, m->worker->spool, m->job->relics, err))
        return false;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return error_errno(err, errno, "cannot open \"%s\"", path);
    const bool ok = bytes_of_descriptor(descriptor, &bytes, err) &&
                    buffer_reserve(blob, (size_t)member->relic_bytes, err) &&
                    bytes_read_all(&bytes, member->relic_offset, blob->data, (size_t)member->relic_bytes, err);
    (void)close(descriptor);
    blob->size = ok ? (size_t)member->relic_bytes : 0;
    return ok;
}

static bool open_kept(struct members *m, const struct series_member *member, struct error *err)
{
    struct buffer blob = {0};
    const bool ok = read_relic(m, member, &blob, err) && kept_open(m->worker, &m->kept, &blob, &m->instance, err);

    buffer_release(&blob);
    m->subject = m->job->subject;
    memcpy(m->subject.sop, member->sop, UID_SIZE);
    return ok && instance_use_published(&m->instance, m->worker->public, &m->subject, err);
}

static bool read_frame(struct members *m, uint32_t number, struct error *err)
{
    const struct frame_display *display = NULL;

    if (!instance_frame(&m->instance, number, m->worker->studio, &m->frame, err))
        return false;
    if (m->has_lut && !instance_display(&m->instance, number, &display, err))
        return false;
    m->lut = m->has_lut && display->has_modality_lut ? &display->modality_lut : NULL;
    return true;
}

/* -- one way after the other ---------------------------------------------------------------- */

typedef bool open_function(struct members *m, const struct series_member *member, struct error *err);

static bool try_way(struct members *m, uint32_t number, struct error *err)
{
    static open_function *const open_functions[] = {
        [WAY_NATIVE] = open_native, [WAY_PLANES] = open_planes, [WAY_SOURCE] = open_source, [WAY_KEPT] = open_kept};

    if (!m->is_open && !open_functions[m->way](m, &m->list->member, err))
        return false;
    m->is_open = true;
    m->lut = NULL;
    return m->way == WAY_NATIVE ? read_native(m, number, err) : read_frame(m, number, err);
}

static bool read_somehow(struct members *m, uint32_t number, struct error *err)
{
    const bool has_source = m->list->member.has_source;
    struct error why = {0};

    for (; m->way < WAY_NONE; m->way++) {
        if (try_way(m, number, &why)) {
            m->frame.number = number;
            return true;
        }
        close_way(m);
        /* the source's own fault says most, where there is one */
        if (m->way == WAY_SOURCE || (m->way == WAY_KEPT && !has_source))
            *err = why;
        if (why.kind == ERROR_NOMEM)
            break;
    }
    if (why.kind == ERROR_NOMEM)
        *err = why;
    m->member = SIZE_MAX;
    return false;
}

bool members_frame(struct members *members, size_t member, uint32_t frame, bool has_lut, struct member_frame *found,
                   struct error *err)
{
    if (members->member != member || members->has_lut != has_lut) {
        close_way(members);
        members->member = member;
        members->has_lut = has_lut;
        members->way = WAY_NATIVE;
    }
    if (!member_list_get(members->list, member, err))
        return false;
    if (members->frame.number != frame && !read_somehow(members, frame, err))
        return error_context(err, "instance %s", members_sop(members));
    *found = (struct member_frame){&members->frame, members->lut};
    return true;
}

static bool open_whole(struct members *members, struct error *err)
{
    const struct series_member *const member = &members->list->member;

    return members->way == WAY_SOURCE ? open_source(members, member, err) : open_kept(members, member, err);
}

/* A relic comes along only where the source was gone. */
bool members_instance(struct members *members, size_t member, struct instance **instance, struct error *err)
{
    *instance = &members->instance;
    if (members->is_open && members->member == member && members->way >= WAY_SOURCE)
        return true;
    close_way(members);
    if (!member_list_get(members->list, member, err))
        return false;
    members->member = member;
    members->has_lut = false;
    members->way = members->list->member.has_source ? WAY_SOURCE : WAY_KEPT;
    members->is_open = open_whole(members, err);
    if (members->is_open)
        return true;
    close_way(members);
    members->member = SIZE_MAX;
    return error_context(err, "instance %s", members_sop(members));
}
