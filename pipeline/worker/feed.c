/* JOB_FEED: one pass over a stream or an archive without random access, by libarchive. Each member goes to the
 * spool and is told at once; what cannot be read is told with its reason. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/limits.h"
#include "base/memory.h"
#include "job/text.h"
#include "worker/feed_input.h"
#include "worker/feed_search.h"
#include "worker/feed_zip.h"
#include "worker/sandbox.h"
#include "worker/worker.h"

enum { BLOCK_BYTES = 256 << 10, NAME_SIZE = 4097, OUTSTANDING_MOST = 4096, FILE_MOST = 32 << 20 };

/* The file that members are being written to. */
struct feed_file { int descriptor; char name[48], path[PATH_SIZE]; uint64_t end; };
/* A member in it. */
struct piece { uint64_t from, size; };

struct feed {
    struct worker *worker;
    const struct job *job;
    uint32_t number;           /* of the job */
    struct feed_input input;
    struct error fault;        /* of the input: libarchive would forget its kind */
    uint8_t *block;            /* BLOCK_BYTES twice: what libarchive reads from, in turns */
    unsigned turn;             /* the last half that it was given; */
    size_t given[2];           /* what is in each */
    uint64_t given_bytes;      /* of this archive, in all */
    struct feed_file file;
    uint32_t files, members;
    uint64_t bytes;            /* of all members, unpacked */
    bool is_over;              /* nothing can be read after what has just failed: */
    struct error ending;
    bool is_lost;              /* ... but in a ZIP another member may be found */
    uint32_t gap;              /* the first member behind which one was found; 0: none */
    /* outstanding members in the order in which they were told: a ring */
    uint64_t sizes[OUTSTANDING_MOST], outstanding_bytes;
    size_t oldest, outstanding;
};

/* -- telling -------------------------------------------------------------------------------- */

static bool tell(struct feed *feed, const struct feed_member *member, struct error *err)
{
    struct buffer *const payload = &feed->worker->payload;

    buffer_clear(payload);
    return feed_member_write(member, payload, err) &&
           channel_send(&feed->worker->channel, MESSAGE_MEMBER, feed->number, payload, err);
}

static bool tell_fault(struct feed *feed, char *name, const struct error *why, struct error *err)
{
    struct feed_member member = {.number = feed->members - 1, .name = name, .kind = why->kind};

    memcpy(member.text, why->text, sizeof member.text);
    return tell(feed, &member, err);
}

static bool tell_piece(struct feed *feed, char *name, const struct piece *piece, struct error *err)
{
    const struct feed_member member = {.number = feed->members - 1, .name = name, .spool = feed->file.name,
                                       .offset = piece->from, .bytes = piece->size};

    feed->sizes[(feed->oldest + feed->outstanding++) % OUTSTANDING_MOST] = piece->size;
    feed->outstanding_bytes += piece->size;
    return tell(feed, &member, err);
}

static void forget_oldest(struct feed *feed, uint32_t count)
{
    for (; count > 0 && feed->outstanding > 0; count--, feed->outstanding--) {
        feed->outstanding_bytes -= feed->sizes[feed->oldest];
        feed->oldest = (feed->oldest + 1) % OUTSTANDING_MOST;
    }
}

/* False: the coordinator is gone. */
static bool wait_for_room(struct feed *feed, struct error *err)
{
    const size_t window = feed->job->feed_window < OUTSTANDING_MOST ? feed->job->feed_window : OUTSTANDING_MOST;

    while (feed->outstanding > 0 &&
           (feed->outstanding >= window || feed->outstanding_bytes >= feed->job->feed_bytes)) {
        struct message message;

        if (!channel_wait(&feed->worker->channel, MESSAGE_MEMBER_DONE, &message, err))
            return false;
        struct reader reader = reader_over(message.payload, message.size);
        forget_oldest(feed, reader_u32(&reader));
    }
    return true;
}

/* -- files in the spool ---------------------------------------------------------------------- */

/* One without a member is nobody's. */
static bool close_file(struct feed *feed, struct error *err)
{
    const int descriptor = feed->file.descriptor;

    feed->file.descriptor = -1;
    if (descriptor >= 0 && feed->file.end == 0)
        (void)unlink(feed->file.path);
    return descriptor < 0 || close(descriptor) == 0 || error_errno(err, errno, "cannot write to the spool");
}

/* Members follow one another in a file, up to a size. */
static bool piece_begin(struct feed *feed, struct piece *piece, struct error *err)
{
    const uint64_t most = feed->job->feed_bytes / 4 < FILE_MOST ? feed->job->feed_bytes / 4 : FILE_MOST;
    struct feed_file *const file = &feed->file;

    *piece = (struct piece){0};
    if (file->descriptor >= 0 && file->end >= most && !close_file(feed, err))
        return false;
    if (file->descriptor < 0) {
        (void)snprintf(file->name, sizeof file->name, "feed-%u-%u", feed->number, feed->files++);
        file->end = 0;
        if (!path_join(file->path, feed->worker->spool, file->name, err))
            return false;
        file->descriptor = open(file->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (file->descriptor < 0)
            return error_errno(err, errno, "cannot make \"%s\"", file->path);
    }
    piece->from = file->end;
    return true;
}

static bool piece_write(struct feed *feed, const struct piece *piece, const void *data, size_t size, uint64_t offset,
                        struct error *err)
{
    for (size_t done = 0; done < size;) {
        const ssize_t n = pwrite(feed->file.descriptor, (const char *)data + done, size - done,
                                 (off_t)(piece->from + offset + done));

        if (n <= 0)
            return error_errno(err, errno, "cannot write to the spool");
        done += (size_t)n;
    }
    return true;
}

/* What is not kept is cut off: the next member begins there, and may have holes. */
static bool piece_end(struct feed *feed, const struct piece *piece, bool keep, struct error *err)
{
    if (keep)
        feed->file.end = piece->from + piece->size;
    else if (feed->file.descriptor >= 0 && ftruncate(feed->file.descriptor, (off_t)feed->file.end) != 0)
        return error_errno(err, errno, "cannot write to the spool");
    return true;
}

static bool check_growth(const struct feed *feed, uint64_t size, uint64_t more, struct error *err)
{
    if (size > LIMIT(MEMBER_BYTES))
        return error_set(err, ERROR_LIMIT, "the member has more than MEMBER_BYTES (%" PRIu64 ")", LIMIT(MEMBER_BYTES));
    if (feed->bytes + more > LIMIT(ARCHIVE_BYTES))
        return error_set(err, ERROR_LIMIT, "the members have more than ARCHIVE_BYTES (%" PRIu64 ")",
                         LIMIT(ARCHIVE_BYTES));
    return ratio_is_fair(feed->input.taken, feed->bytes + more, err);
}

/* Sparse files of a TAR come with holes: offset may be beyond what was written. */
static bool piece_put(struct feed *feed, struct piece *piece, const void *data, size_t size, uint64_t offset,
                      struct error *err)
{
    const uint64_t end = offset <= LIMIT(MEMBER_BYTES) ? offset + size : UINT64_MAX;
    const uint64_t more = end > piece->size ? end - piece->size : 0;

    if (!check_growth(feed, end, more, err) || !piece_write(feed, piece, data, size, offset, err))
        return false;
    piece->size += more;
    feed->bytes += more;
    return true;
}

/* -- libarchive ----------------------------------------------------------------------------- */

static la_ssize_t read_block(struct archive *archive, void *client, const void **block)
{
    struct feed *const feed = client;
    size_t got = 0;

    feed->turn = 1 - feed->turn;
    uint8_t *const to = feed->block + feed->turn * BLOCK_BYTES;
    *block = to;
    if (feed_input_read(&feed->input, to, BLOCK_BYTES, &got, &feed->fault)) {
        feed->given[feed->turn] = got;
        feed->given_bytes += got;
        return (la_ssize_t)got;
    }
    archive_set_error(archive, EIO, "%s", feed->fault.text);
    return -1;
}

static la_int64_t seek_block(struct archive *archive, void *client, la_int64_t offset, int whence)
{
    struct feed *const feed = client;
    const uint64_t size = feed->input.bytes->size;
    const la_int64_t from = whence == SEEK_SET   ? 0
                            : whence == SEEK_CUR ? (la_int64_t)feed->input.offset
                                                 : (la_int64_t)size;

    (void)archive;
    if (offset > (la_int64_t)size - from || offset < -from)
        return ARCHIVE_FATAL;
    feed->input.offset = (uint64_t)(from + offset);
    return from + offset;
}

static la_int64_t skip_block(struct archive *archive, void *client, la_int64_t count)
{
    struct feed *const feed = client;
    const uint64_t left = feed->input.bytes->size - feed->input.offset;

    (void)archive;
    if (count < 0 || (uint64_t)count > left)
        count = (la_int64_t)left;
    feed->input.offset += (uint64_t)count;
    return count;
}

/* What libarchive complains of, in our kinds. */
static bool archive_fault(const struct feed *feed, struct archive *archive, struct error *err)
{
    const char *const text = archive_error_string(archive);

    if (feed->fault.kind != ERROR_NONE) {
        *err = feed->fault;
        return false;
    }
    if (text == NULL)
        return error_set(err, ERROR_TRUNCATED, "the archive ends early");
    const bool cut = strcasestr(text, "truncated") != NULL || strcasestr(text, "end of file") != NULL;
    return error_set(err, cut ? ERROR_TRUNCATED : ERROR_CORRUPT, "%s", text);
}

static struct archive *open_archive(struct feed *feed, enum sniffed kind, struct error *err)
{
    struct archive *const archive = archive_read_new();
    int status = ARCHIVE_FATAL;

    if (archive == NULL) {
        (void)error_set(err, ERROR_NOMEM, "no memory to read an archive");
        return NULL;
    }
    feed->given[0] = feed->given[1] = 0;
    feed->given_bytes = 0;
    status = kind == SNIFFED_TAR ? archive_read_support_format_tar(archive) : archive_read_support_format_zip(archive);
    if (feed_input_can_seek(&feed->input)) {
        (void)archive_read_set_seek_callback(archive, seek_block);
        (void)archive_read_set_skip_callback(archive, skip_block);
    }
    (void)archive_read_set_callback_data(archive, feed);
    (void)archive_read_set_read_callback(archive, read_block);
    if (status < ARCHIVE_WARN || archive_read_open1(archive) < ARCHIVE_WARN) {
        (void)archive_fault(feed, archive, err);
        archive_read_free(archive);
        return NULL;
    }
    return archive;
}

/* -- members -------------------------------------------------------------------------------- */

/* Why a member is not read at all. */
static bool check_entry(struct archive_entry *entry, struct error *err)
{
    static const struct { unsigned type; const char *what; } kinds[] = {
        {AE_IFLNK, "a symbolic link"}, {AE_IFSOCK, "a socket"}, {AE_IFCHR, "a device"},
        {AE_IFBLK, "a device"}, {AE_IFIFO, "a FIFO"}};
    const unsigned type = archive_entry_filetype(entry);

    if (archive_entry_hardlink(entry) != NULL)
        return error_set(err, ERROR_UNSUPPORTED, "a hard link");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (type == kinds[i].type)
            return error_set(err, ERROR_UNSUPPORTED, "%s", kinds[i].what);
    if (archive_entry_is_encrypted(entry))
        return error_set(err, ERROR_UNSUPPORTED, "the member is encrypted");
    if (archive_entry_size_is_set(entry) && archive_entry_size(entry) > (la_int64_t)LIMIT(MEMBER_BYTES))
        return error_set(err, ERROR_LIMIT, "the member claims %" PRId64 " bytes, MEMBER_BYTES is %" PRIu64,
                         (int64_t)archive_entry_size(entry), LIMIT(MEMBER_BYTES));
    return true;
}

static bool copy_entry(struct feed *feed, struct archive *archive, struct piece *piece, struct error *err)
{
    for (;;) {
        const void *data = NULL;
        size_t size = 0;
        la_int64_t offset = 0;
        const int status = archive_read_data_block(archive, &data, &size, &offset);

        if (status == ARCHIVE_EOF)
            return true;
        if (status != ARCHIVE_OK) { /* a warning is a wrong size or CRC */
            feed->is_over = feed->is_lost = status == ARCHIVE_FATAL;
            return archive_fault(feed, archive, err);
        }
        if (size > 0 && !piece_put(feed, piece, data, size, (uint64_t)offset, err)) {
            feed->is_over = err->kind == ERROR_LIMIT && piece->size <= LIMIT(MEMBER_BYTES);
            return false;
        }
    }
}

/* One member that has data. False: the process cannot go on. */
static bool take_entry(struct feed *feed, struct archive *archive, char *name, struct error *err)
{
    struct piece piece;
    struct error why = {0};

    if (!wait_for_room(feed, err))
        return false;
    bool ok = piece_begin(feed, &piece, &why) && copy_entry(feed, archive, &piece, &why);
    if (ok && piece.size == 0)
        ok = error_set(&why, ERROR_NOT_DICOM, "an empty file");
    ok = piece_end(feed, &piece, ok, &why) && ok;
    if (!ok && why.kind == ERROR_IO)
        feed->is_over = true; /* a full disk is full for the next one, too */
    if (feed->is_over)
        feed->ending = why;
    return ok ? tell_piece(feed, name, &piece, err) : tell_fault(feed, name, &why, err);
}

/* Never empty: NULL and "" are the archive itself in the catalogue. `number` counts from 1. */
static void name_entry(struct archive_entry *entry, uint32_t number, char name[NAME_SIZE])
{
    const char *found = archive_entry_pathname_utf8(entry);

    if (found == NULL) /* no UTF-8: as it is, in another character set */
        found = archive_entry_pathname(entry);
    text_clean(found != NULL ? found : "", found != NULL ? strlen(found) : 0, false, name, NAME_SIZE);
    if (name[0] == '\0')
        (void)snprintf(name, NAME_SIZE, "(member %u)", number);
}

static bool do_entry(struct feed *feed, struct archive *archive, struct archive_entry *entry, struct error *err)
{
    char name[NAME_SIZE];
    struct error why = {0};

    if (archive_entry_filetype(entry) == AE_IFDIR)
        return true;
    name_entry(entry, ++feed->members, name);
    if (!sandbox_allow_cpu(feed->worker->setup.cpu_seconds, err)) /* each member has as much as a job of its own */
        return false;
    return check_entry(entry, &why) ? take_entry(feed, archive, name, err)
                                    : tell_fault(feed, name, &why, err);
}

/* `why`: what ended the archive early. False: the process cannot go on. */
static bool do_entries(struct feed *feed, struct archive *archive, struct error *why, struct error *err)
{
    while (!feed->is_over) {
        struct archive_entry *entry = NULL;
        const int status = archive_read_next_header(archive, &entry);

        if (status == ARCHIVE_EOF)
            return true;
        if (status < ARCHIVE_WARN || status == ARCHIVE_RETRY) {
            (void)archive_fault(feed, archive, why);
            return true;
        }
        if (feed->members >= LIMIT(ARCHIVE_MEMBERS)) {
            (void)error_set(why, ERROR_LIMIT, "more than ARCHIVE_MEMBERS (%" PRIu64 ") members",
                            LIMIT(ARCHIVE_MEMBERS));
            return true;
        }
        if (!do_entry(feed, archive, entry, err))
            return false;
    }
    *why = feed->ending;
    (void)error_context(why, "the archive cannot be read beyond member %u", feed->members);
    return true;
}

/* -- plain members of a ZIP ----------------------------------------------------------------- */

static bool put_plain(struct feed *feed, struct feed_zip *zip, const struct zip_entry *entry, struct piece *piece,
                      struct error *err)
{
    if (!feed_zip_unpack(zip, entry, err))
        return false;
    return zip->content.size > 0 ? piece_begin(feed, piece, err) &&
                                       piece_put(feed, piece, zip->content.data, zip->content.size, 0, err)
                                 : error_set(err, ERROR_NOT_DICOM, "an empty file");
}

/* As name_entry: what is no UTF-8 has no name there either. */
static void name_plain(const char *text, uint32_t number, char name[NAME_SIZE])
{
    static const char unknown[] = "\xEF\xBF\xBD"; /* what text_clean makes of it */

    text_clean(text, strlen(text), false, name, NAME_SIZE);
    if (name[0] == '\0' || (strstr(name, unknown) != NULL && strstr(text, unknown) == NULL))
        (void)snprintf(name, NAME_SIZE, "(member %u)", number);
}

/* As take_entry. */
static bool take_plain(struct feed *feed, struct feed_zip *zip, const struct zip_entry *entry, struct error *err)
{
    struct piece piece = {0};
    struct error why = {0};
    char name[NAME_SIZE];

    name_plain(buffer_text(&zip->name), ++feed->members, name);
    if (!sandbox_allow_cpu(feed->worker->setup.cpu_seconds, err) || !wait_for_room(feed, err))
        return false;
    bool ok = put_plain(feed, zip, entry, &piece, &why);
    ok = piece_end(feed, &piece, ok, &why) && ok;
    feed->is_over = !ok && (why.kind == ERROR_IO || why.kind == ERROR_TRUNCATED || why.kind == ERROR_NOMEM ||
                            (why.kind == ERROR_LIMIT && piece.size <= LIMIT(MEMBER_BYTES)));
    if (feed->is_over)
        feed->ending = why;
    return ok ? tell_piece(feed, name, &piece, err) : tell_fault(feed, name, &why, err);
}

/* *rest: libarchive has to read on. */
static bool do_plain(struct feed *feed, struct feed_zip *zip, bool *rest, struct error *why, struct error *err)
{
    enum feed_zip_found found = FEED_ZIP_MEMBER;
    struct zip_entry entry;

    *rest = false;
    while (!feed->is_over && feed->members < LIMIT(ARCHIVE_MEMBERS)) {
        if (!feed_zip_next(zip, &found, &entry, why))
            return true;
        *rest = found == FEED_ZIP_OTHER;
        if (found != FEED_ZIP_MEMBER)
            return true;
        const bool is_folder = zip->name.data[zip->name.size - 1] == '/' && entry.packed == 0;
        if (!is_folder && !take_plain(feed, zip, &entry, err))
            return false;
    }
    if (!feed->is_over)
        return error_set(why, ERROR_LIMIT, "more than ARCHIVE_MEMBERS (%" PRIu64 ") members", LIMIT(ARCHIVE_MEMBERS)),
               true;
    *why = feed->ending;
    (void)error_context(why, "the archive cannot be read beyond member %u", feed->members);
    return true;
}

/* A ZIP with random access is read by its central directory. */
static bool read_plain(struct feed *feed, enum sniffed kind, bool *rest, struct error *why, struct error *err)
{
    struct feed_zip zip = {.input = &feed->input};

    *rest = true;
    if (kind != SNIFFED_ZIP || feed_input_can_seek(&feed->input))
        return true;
    const bool ok = do_plain(feed, &zip, rest, why, err);
    feed_zip_release(&zip);
    return ok;
}

/* -- behind damaged data of a ZIP ----------------------------------------------------------- */

/* What the archive was given and did not use. */
static bool take_unread(struct feed *feed, struct archive *archive, struct buffer *unread, struct error *err)
{
    const uint64_t used = (uint64_t)archive_filter_bytes(archive, -1);
    const uint8_t *const last = feed->block + feed->turn * BLOCK_BYTES;
    const uint8_t *const before = feed->block + (1 - feed->turn) * BLOCK_BYTES;
    const size_t in_last = feed->given[feed->turn], in_before = feed->given[1 - feed->turn];

    if (feed_input_can_seek(&feed->input)) {
        feed->input.offset = used;
        return true;
    }
    const uint64_t left = feed->given_bytes > used ? feed->given_bytes - used : 0;
    if (left <= in_last)
        return buffer_append(unread, last + in_last - left, (size_t)left, err);
    const size_t more = left - in_last < in_before ? (size_t)(left - in_last) : in_before;
    return buffer_append(unread, before + in_before - more, more, err) && buffer_append(unread, last, in_last, err);
}

/* *found: the input goes on with another member; `why` is what ended the archive before. */
static bool find_member(struct feed *feed, struct archive *archive, bool *found, struct error *why)
{
    struct buffer unread = {0};
    const bool ok = take_unread(feed, archive, &unread, why) && feed_search(&feed->input, &unread, found, why);

    buffer_release(&unread);
    if (!ok || !*found)
        return false;
    feed->gap = feed->gap != 0 ? feed->gap : feed->members;
    feed->is_over = feed->is_lost = false;
    *why = feed->ending = (struct error){0};
    return true;
}

static bool read_archive(struct feed *feed, enum sniffed kind, struct error *why, struct error *err)
{
    bool again = true, ok = true;

    while (ok && again) {
        struct archive *const archive = open_archive(feed, kind, why);

        again = false;
        if (archive == NULL)
            break;
        ok = do_entries(feed, archive, why, err);
        /* behind damaged data, the end may be that of a ZIP in them */
        const bool may_go_on = feed->is_lost || (feed->gap != 0 && why->kind == ERROR_NONE);
        if (ok && kind == SNIFFED_ZIP && may_go_on && feed->fault.kind == ERROR_NONE)
            (void)find_member(feed, archive, &again, why);
        archive_read_free(archive);
    }
    if (ok && why->kind == ERROR_NONE && feed->gap != 0)
        (void)error_set(why, ERROR_CORRUPT, "member %u is damaged; those behind it were searched for", feed->gap);
    return ok;
}

static bool read_members(struct feed *feed, enum sniffed kind, struct error *why, struct error *err)
{
    bool rest = true;

    return read_plain(feed, kind, &rest, why, err) && (!rest || read_archive(feed, kind, why, err));
}

/* A central directory that is damaged may name no member. What is there is found by its local file headers. */
static bool read_without_directory(struct feed *feed, struct error *why, struct error *err)
{
    const struct error before = *why;

    feed_input_restart(&feed->input);
    *why = (struct error){0};
    if (!read_members(feed, SNIFFED_ZIP, why, err))
        return false;
    if (feed->members == 0)
        *why = before;
    else if (why->kind == ERROR_NONE)
        (void)error_set(why, ERROR_CORRUPT, "the central directory is damaged; members were searched for without it");
    return true;
}

static bool do_archive(struct feed *feed, enum sniffed kind, struct error *why, struct error *err)
{
    /* In the C locale libarchive has no name for members with names in UTF-8. Without this one name_entry makes them up. */
    const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    const locale_t before = utf8 != (locale_t)0 ? uselocale(utf8) : (locale_t)0;
    bool ok = read_members(feed, kind, why, err);

    if (ok && kind == SNIFFED_ZIP && feed_input_can_seek(&feed->input) && feed->members == 0 &&
        feed->fault.kind == ERROR_NONE)
        ok = read_without_directory(feed, why, err);
    if (utf8 != (locale_t)0) {
        (void)uselocale(before);
        freelocale(utf8);
    }
    /* The CRC of a gzip file comes after the end of the TAR in it. */
    if (ok && why->kind == ERROR_NONE && !feed_input_can_seek(&feed->input))
        (void)feed_input_drain(&feed->input, why);
    return ok;
}

/* No archive: the whole input is one nameless member. */
static bool do_single(struct feed *feed, struct error *err)
{
    struct piece piece;
    struct error why = {0};
    size_t got = 1;
    bool ok = true;

    feed->members++;
    ok = piece_begin(feed, &piece, &why);
    while (ok && got > 0) {
        ok = feed_input_read(&feed->input, feed->block, BLOCK_BYTES, &got, &why);
        if (ok && got > 0)
            ok = piece_put(feed, &piece, feed->block, got, piece.size, &why);
    }
    ok = piece_end(feed, &piece, ok, &why) && ok;
    return ok ? tell_piece(feed, NULL, &piece, err) : tell_fault(feed, NULL, &why, err);
}

/* -- the job -------------------------------------------------------------------------------- */

static bool do_input(struct feed *feed, const struct bytes *bytes, struct job_result *result, struct error *err)
{
    struct error why = {0};
    const char *what = "";
    enum sniffed kind = SNIFFED_UNKNOWN;
    bool ok = true;

    if (!feed_input_open(&feed->input, bytes, &kind, &what, &why))
        return job_fault(result, &why);
    if (kind == SNIFFED_UNKNOWN && feed_input_can_seek(&feed->input) && sniff_zip_at_end(bytes))
        kind = SNIFFED_ZIP;
    if (kind == SNIFFED_EMPTY || kind == SNIFFED_OTHER) {
        result->ignored = kind == SNIFFED_OTHER;
        (void)error_set(&why, ERROR_NOT_DICOM, "%s", what);
    } else if (kind != SNIFFED_ZIP && kind != SNIFFED_TAR) {
        ok = do_single(feed, err);
    } else if (feed->job->sources[0].depth >= LIMIT(ARCHIVE_DEPTH)) {
        (void)error_set(&why, ERROR_LIMIT, "an archive in %u others, ARCHIVE_DEPTH is %" PRIu64,
                        feed->job->sources[0].depth, LIMIT(ARCHIVE_DEPTH));
    } else {
        ok = do_archive(feed, kind, &why, err);
    }
    if (why.kind != ERROR_NONE)
        (void)job_fault(result, &why);
    result->members = feed->members;
    return ok;
}

bool worker_feed(struct worker *worker, uint32_t number, const struct job *job, struct job_result *result,
                 struct error *err)
{
    const struct source *const source = &job->sources[0];
    struct feed *const feed = memory_zeroed(sizeof *feed, err);
    const struct bytes *bytes = NULL;
    struct error why = {0};
    bool ok = true;

    if (feed == NULL)
        return false;
    feed->worker = worker;
    feed->job = job;
    feed->number = number;
    feed->file.descriptor = -1;
    feed->block = memory_new((size_t)2 * BLOCK_BYTES, err);
    if (feed->block == NULL)
        ok = false;
    else if (strcmp(source->path, "-") != 0 && !sources_open(worker->sources, source, SOURCE_WHOLE, &bytes, &why))
        ok = job_fault(result, &why);
    else
        ok = do_input(feed, bytes, result, err);
    if (!close_file(feed, &why) && result->error == ERROR_NONE)
        (void)job_fault(result, &why);
    feed_input_close(&feed->input);
    sources_close(worker->sources);
    memory_free(feed->block);
    memory_free(feed);
    return ok;
}
