/* Members of a ZIP on disk (APPNOTE 6.3.10), by libzip; deflated ones are inflated whole by libdeflate, which takes
 * less than half of zlib's time. */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libdeflate.h>
#include <zip.h>

#include "base/limits.h"
#include "base/memory.h"
#include "job/text.h"
#include "source_private.h"

enum { DEFLATE_MOST = 1032, STEP_BYTES = 8 << 10, COPY_BYTES = 256 << 10 };

struct zip_archive {
    char *path;
    struct stat status;  /* of the file that was opened: another one under this name is opened anew */
    zip_t *zip;
    zip_file_t *member;  /* of a HEADER source */
    struct sources *sources;
    struct libdeflate_decompressor *inflater;
};

static bool zip_failure(struct error *err, enum error_kind kind, const char *what, zip_error_t *why)
{
    return error_set(err, kind, "%s: %s", what, zip_error_strerror(why));
}

void source_zip_close_member(struct zip_archive *archive)
{
    if (archive == NULL || archive->member == NULL)
        return;
    (void)zip_fclose(archive->member); /* only read from */
    archive->member = NULL;
}

void source_zip_free(struct zip_archive *archive)
{
    if (archive == NULL)
        return;
    source_zip_close_member(archive);
    if (archive->zip != NULL)
        zip_discard(archive->zip);
    libdeflate_free_decompressor(archive->inflater);
    memory_free(archive->path);
    memory_free(archive);
}

/* -- opening -------------------------------------------------------------------------------- */

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool open_zip(struct zip_archive *archive, struct error *err)
{
    int descriptor = -1, code = 0;
    zip_error_t why;

    if (!source_file_descriptor(archive->path, &descriptor, err))
        return false;
    archive->zip = fstat(descriptor, &archive->status) == 0 ? zip_fdopen(descriptor, 0, &code) : NULL;
    if (archive->zip != NULL)
        return true; /* zip_fdopen has taken the descriptor */
    (void)close(descriptor);
    zip_error_init_with_code(&why, code);
    const bool cut = code == ZIP_ER_NOZIP; /* no end of central directory */
    (void)zip_failure(err, cut ? ERROR_TRUNCATED : ERROR_CORRUPT, "a ZIP without a usable central directory", &why);
    zip_error_fini(&why);
    return false;
}

/* The archive at `path`, still open from the last source if the file is the same. */
static bool find_archive(struct sources *sources, const char *path, struct error *err)
{
    struct zip_archive *archive = sources->archive;
    struct stat status;

    if (archive != NULL && strcmp(archive->path, path) == 0 && stat(path, &status) == 0 &&
        is_same_file(&status, &archive->status))
        return true;
    source_zip_free(archive);
    archive = sources->archive = memory_zeroed(sizeof *archive, err);
    if (archive == NULL)
        return false;
    archive->sources = sources;
    archive->path = memory_string(path, err);
    if (archive->path != NULL && open_zip(archive, err))
        return true;
    source_zip_free(archive);
    sources->archive = NULL;
    return false;
}

static bool check_member(const struct zip_archive *archive, const zip_stat_t *member, struct error *err)
{
    const zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_CRC;

    if ((member->valid & needed) != needed)
        return error_set(err, ERROR_CORRUPT, "the member's directory entry is incomplete");
    if ((member->valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && member->encryption_method != ZIP_EM_NONE)
        return error_set(err, ERROR_UNSUPPORTED, "the member is encrypted");
    if (!zip_compression_method_supported(member->comp_method, 0))
        return error_set(err, ERROR_UNSUPPORTED, "the member is packed by method %u", member->comp_method);
    if (member->comp_size > (zip_uint64_t)archive->status.st_size)
        return error_set(err, ERROR_CORRUPT, "the member claims %" PRIu64 " packed bytes in an archive of %" PRIu64,
                         member->comp_size, (uint64_t)archive->status.st_size);
    if (member->size > LIMIT(MEMBER_BYTES))
        return error_set(err, ERROR_LIMIT, "the member claims %" PRIu64 " bytes, MEMBER_BYTES is %" PRIu64,
                         member->size, LIMIT(MEMBER_BYTES));
    if ((member->comp_method == ZIP_CM_STORE && member->size != member->comp_size) ||
        (member->comp_method == ZIP_CM_DEFLATE && member->size / DEFLATE_MOST > member->comp_size))
        return error_set(err, ERROR_CORRUPT, "the member claims %" PRIu64 " bytes in %" PRIu64 " packed ones",
                         member->size, member->comp_size);
    return ratio_is_fair(member->comp_size, member->size, err);
}

static zip_file_t *open_member(struct zip_archive *archive, uint64_t index, zip_flags_t flags, struct error *err)
{
    zip_file_t *const member = zip_fopen_index(archive->zip, index, flags);

    if (member == NULL)
        (void)zip_failure(err, ERROR_CORRUPT, "cannot open the member", zip_get_error(archive->zip));
    return member;
}

/* -- a small member, whole ------------------------------------------------------------------ */

static bool read_exactly(zip_file_t *member, struct buffer *to, uint64_t size, struct error *err)
{
    buffer_clear(to);
    if (!buffer_reserve(to, (size_t)size, err))
        return false;
    while (to->size < size) {
        const zip_int64_t n = zip_fread(member, to->data + to->size, size - to->size);

        if (n < 0)
            return zip_failure(err, ERROR_CORRUPT, "cannot read the member", zip_file_get_error(member));
        if (n == 0)
            return error_set(err, ERROR_TRUNCATED, "the member ends after %zu of %" PRIu64 " bytes", to->size, size);
        to->size += (size_t)n;
    }
    return true;
}

static bool inflate_packed(struct zip_archive *archive, uint64_t size, struct error *err)
{
    const struct buffer *const packed = &archive->sources->packed;
    struct buffer *const content = &archive->sources->content;
    size_t used = 0, made = 0;

    if (archive->inflater == NULL)
        archive->inflater = libdeflate_alloc_decompressor();
    if (archive->inflater == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for a deflate decompressor");
    buffer_clear(content);
    if (!buffer_reserve(content, (size_t)size, err))
        return false;
    const enum libdeflate_result result = libdeflate_deflate_decompress_ex(
        archive->inflater, packed->data, packed->size, content->data, (size_t)size, &used, &made);
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE)
        return error_set(err, ERROR_CORRUPT, "the member inflates to more than the %" PRIu64 " bytes it claims", size);
    if (result != LIBDEFLATE_SUCCESS)
        return error_set(err, ERROR_CORRUPT, "the member's deflated data are damaged");
    if (made != size)
        return error_set(err, ERROR_CORRUPT, "the member claims %" PRIu64 " bytes and inflates to %zu", size, made);
    content->size = made;
    return true;
}

/* Raw, if we know how to unpack it: libzip checks no CRC then, so we do. */
static bool load_member(struct zip_archive *archive, uint64_t index, const zip_stat_t *stat, struct error *err)
{
    struct sources *const sources = archive->sources;
    const bool deflated = stat->comp_method == ZIP_CM_DEFLATE;
    const bool raw = deflated || stat->comp_method == ZIP_CM_STORE;
    zip_file_t *const member = open_member(archive, index, raw ? ZIP_FL_COMPRESSED : 0, err);

    if (member == NULL)
        return false;
    bool ok = deflated ? read_exactly(member, &sources->packed, stat->comp_size, err) &&
                             inflate_packed(archive, stat->size, err)
                       : read_exactly(member, &sources->content, stat->size, err);
    (void)zip_fclose(member);
    if (!ok)
        return false;
    const uint32_t crc = libdeflate_crc32(0, sources->content.data, sources->content.size);
    if (crc != stat->crc)
        ok = error_set(err, ERROR_CORRUPT, "the member's CRC is %08x, the directory says %08x", crc, stat->crc);
    return ok;
}

/* -- a large member, into the spool --------------------------------------------------------- */

static bool write_all(int descriptor, const void *data, size_t size, struct error *err)
{
    for (size_t done = 0; done < size;) {
        const ssize_t n = write(descriptor, (const char *)data + done, size - done);

        if (n <= 0)
            return error_errno(err, errno, "cannot write to the spool");
        done += (size_t)n;
    }
    return true;
}

static bool copy_member(zip_file_t *member, uint64_t size, int descriptor, void *room, struct error *err)
{
    uint64_t copied = 0;

    for (;;) {
        const zip_int64_t n = zip_fread(member, room, COPY_BYTES);

        if (n < 0)
            return zip_failure(err, ERROR_CORRUPT, "cannot read the member", zip_file_get_error(member));
        if (n == 0)
            break;
        copied += (uint64_t)n;
        if (copied > size)
            return error_set(err, ERROR_CORRUPT, "the member holds more than the %" PRIu64 " bytes it claims", size);
        if (!write_all(descriptor, room, (size_t)n, err))
            return false;
    }
    return copied == size ||
           error_set(err, ERROR_CORRUPT, "the member claims %" PRIu64 " bytes and holds %" PRIu64, size, copied);
}

static bool spool_member(struct zip_archive *archive, uint64_t index, uint64_t size, struct error *err)
{
    struct sources *const sources = archive->sources;
    void *const room = memory_new(COPY_BYTES, err);
    zip_file_t *const member = room != NULL ? open_member(archive, index, 0, err) : NULL;
    const bool ok = member != NULL && spool_temporary(sources->spool_folder, &sources->descriptor, err) &&
                    copy_member(member, size, sources->descriptor, room, err) &&
                    bytes_of_descriptor(sources->descriptor, &sources->bytes, err);

    if (member != NULL)
        (void)zip_fclose(member);
    memory_free(room);
    return ok;
}

/* -- the beginning of a member -------------------------------------------------------------- */

static bool grow_to(struct zip_archive *archive, uint64_t end, struct error *err)
{
    struct buffer *const content = &archive->sources->content;

    while (content->size < end) {
        if (content->size > LIMIT(HEADER_BYTES))
            return error_set(err, ERROR_LIMIT, "more than HEADER_BYTES of the member would have to be inflated");
        if (!buffer_reserve(content, STEP_BYTES, err))
            return false;
        const zip_int64_t n = zip_fread(archive->member, content->data + content->size, STEP_BYTES);
        if (n < 0)
            return zip_failure(err, ERROR_CORRUPT, "cannot read the member", zip_file_get_error(archive->member));
        if (n == 0)
            break;
        content->size += (size_t)n;
    }
    return true;
}

/* bytes->memory stays NULL, because what is inflated moves when it grows. */
static bool read_lazily(const struct bytes *bytes, uint64_t offset, void *to, size_t size, size_t *got,
                        struct error *err)
{
    const struct sources *const sources =
        (const struct sources *)(const void *)((const char *)bytes - offsetof(struct sources, bytes));
    const struct buffer *const content = &sources->content;
    const uint64_t left = offset < bytes->size ? bytes->size - offset : 0;
    const uint64_t end = offset + (size < left ? size : left);

    if (!grow_to(sources->archive, end, err))
        return false;
    *got = offset >= content->size ? 0 : (size_t)((end < content->size ? end : content->size) - offset);
    if (*got > 0)
        memcpy(to, content->data + offset, *got);
    return true;
}

bool source_zip_open(struct sources *sources, const struct source *source, enum source_purpose purpose,
                     struct error *err)
{
    zip_stat_t stat;

    if (!find_archive(sources, source->path, err))
        return false;
    struct zip_archive *const archive = sources->archive;
    if (zip_stat_index(archive->zip, source->member, 0, &stat) != 0)
        return zip_failure(err, ERROR_IO, "changed while it was read: the member is not there",
                           zip_get_error(archive->zip));
    if (!check_member(archive, &stat, err))
        return false;
    if (purpose == SOURCE_HEADER) {
        buffer_clear(&sources->content);
        archive->member = open_member(archive, source->member, 0, err);
        sources->bytes = (struct bytes){.size = stat.size, .read = read_lazily, .descriptor = -1};
        return archive->member != NULL;
    }
    if (stat.size > SOURCE_MEMORY_MOST || stat.comp_size > SOURCE_MEMORY_MOST)
        return spool_member(archive, source->member, stat.size, err);
    if (!load_member(archive, source->member, &stat, err))
        return false;
    sources->bytes = bytes_of_memory(sources->content.data, sources->content.size);
    return true;
}

/* -- the list of members -------------------------------------------------------------------- */

enum { UNIX_KIND = 0170000, UNIX_FOLDER = 0040000, UNIX_FILE = 0100000, MODE_SHIFT = 16 };

/* External attributes of archives made on UNIX carry the mode: everything but a file is a link of some kind. */
static uint32_t flags_of(zip_t *zip, uint64_t index, const zip_stat_t *stat, const char *name)
{
    const zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    const size_t length = strlen(name);
    zip_uint8_t system = 0;
    zip_uint32_t attributes = 0;
    uint32_t flags = 0;

    if (zip_file_get_external_attributes(zip, index, 0, &system, &attributes) == 0 && system == ZIP_OPSYS_UNIX) {
        const unsigned kind = attributes >> MODE_SHIFT & UNIX_KIND;

        flags |= kind == UNIX_FOLDER ? MEMBER_FOLDER : kind != 0 && kind != UNIX_FILE ? MEMBER_LINK : 0;
    }
    if (length > 0 && name[length - 1] == '/')
        flags |= MEMBER_FOLDER;
    if ((stat->valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && stat->encryption_method != ZIP_EM_NONE)
        flags |= MEMBER_ENCRYPTED;
    if ((stat->valid & needed) != needed || !zip_compression_method_supported(stat->comp_method, 0))
        flags |= MEMBER_UNREADABLE;
    return flags;
}

static bool describe_member(zip_t *zip, uint64_t index, struct zip_member *member, struct error *err)
{
    char name[4097]; /* LIMIT(MEMBER_NAME) and the NUL */
    zip_stat_t stat;
    const char *const found = zip_get_name(zip, index, ZIP_FL_ENC_GUESS);

    if (found == NULL || zip_stat_index(zip, index, 0, &stat) != 0)
        return zip_failure(err, ERROR_CORRUPT, "a member's directory entry cannot be read", zip_get_error(zip));
    text_clean(found, strlen(found), false, name, sizeof name);
    *member = (struct zip_member){
        .index = index,
        .size = (stat.valid & ZIP_STAT_SIZE) != 0 && stat.size <= INT64_MAX ? stat.size : 0,
        .packed = (stat.valid & ZIP_STAT_COMP_SIZE) != 0 && stat.comp_size <= INT64_MAX ? stat.comp_size : 0,
        .flags = flags_of(zip, index, &stat, found),
        .name = memory_string(name, err),
    };
    return member->name != NULL;
}

bool sources_list_zip(struct sources *sources, const struct source *source, struct index_result *result,
                      struct error *err)
{
    if (!find_archive(sources, source->path, err))
        return false;
    zip_t *const zip = sources->archive->zip;
    const zip_int64_t count = zip_get_num_entries(zip, 0);
    if (count < 0 || (uint64_t)count > LIMIT(ARCHIVE_MEMBERS))
        return error_set(err, ERROR_LIMIT, "the archive has %" PRId64 " members, ARCHIVE_MEMBERS is %" PRIu64, count,
                         LIMIT(ARCHIVE_MEMBERS));
    result->members = memory_array((size_t)count, sizeof *result->members, err);
    if (result->members == NULL)
        return false;
    for (uint64_t i = 0; i < (uint64_t)count; i++, result->member_count++)
        if (!describe_member(zip, i, &result->members[i], err))
            return false;
    return true;
}
