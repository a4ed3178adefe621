/* links: base dicom job codec stages worker */
#include "worker/plane_file.h"

#include "base/path.h"
#include "tests/support/hostile.h"
#include "tests/support/test.h"
#include "worker/published.h"

static void path_of(char path[PATH_SIZE])
{
    (void)snprintf(path, PATH_SIZE, "%s/planes", test_folder());
}

static void write_planes(void)
{
    static uint16_t samples[2][12];
    struct plane_writer *writer = NULL;
    struct buffer relic = {0};
    struct error err;
    char path[PATH_SIZE];
    uint64_t size = 0;

    path_of(path);
    CHECK_OK(plane_writer_new(path, &writer, &err), err);
    for (uint32_t i = 0; i < 2; i++) {
        for (uint16_t k = 0; k < 12; k++)
            samples[i][k] = (uint16_t)(100 * i + k);
        const struct frame frame = {.number = 3 + i, .rows = 3, .columns = 4, .samples_per_pixel = 1,
                                    .type = SAMPLE_U16, .bits_stored = 12,
                                    .photometric = PHOTOMETRIC_MONOCHROME2, .samples = samples[i],
                                    .size = sizeof samples[i]};
        CHECK_OK(plane_writer_add(writer, &frame, &err), err);
    }
    CHECK_OK(buffer_puts(&relic, "the relic", &err) && plane_writer_end(writer, &relic, &size, &err), err);
    CHECK_EQ_INT(size, 8 + 2 * (24 + 24) + 9 + 16);
    plane_writer_free(writer);
    buffer_release(&relic);
}

TEST(test_plane_file__planes_and_relic_read_back)
{
    struct plane_reader *reader = NULL;
    struct buffer samples = {0};
    struct frame frame;
    struct error err;
    char path[PATH_SIZE];

    write_planes();
    path_of(path);
    CHECK_OK(plane_reader_open(path, &reader, &err), err);
    CHECK_EQ_STR(buffer_text(plane_reader_relic(reader)), "the relic");
    CHECK_OK(plane_reader_get(reader, 4, &samples, &frame, &err), err);
    CHECK_EQ_INT(frame.rows, 3);
    CHECK_EQ_INT(frame.bits_stored, 12);
    CHECK_EQ_INT(((const uint16_t *)frame.samples)[11], 111);
    CHECK(!plane_reader_get(reader, 5, &samples, &frame, &err));
    plane_reader_free(reader);
    buffer_release(&samples);
}

static enum error_kind try_planes(const void *data, size_t size)
{
    struct plane_reader *reader = NULL;
    struct error err = {0};
    char path[PATH_SIZE];

    path_of(path);
    CHECK_OK(path_write_file(path, data, size, &err), err);
    if (!plane_reader_open(path, &reader, &err))
        return err.kind == ERROR_LIMIT ? ERROR_CORRUPT : err.kind;
    plane_reader_free(reader);
    return ERROR_NONE;
}

TEST(test_plane_file__cut_and_changed_files_are_corrupt)
{
    struct buffer file = {0};
    struct error err;
    char path[PATH_SIZE];

    write_planes();
    path_of(path);
    CHECK_OK(path_read_file(path, 1 << 20, &file, &err), err);
    hostile_check(try_planes, file.data, file.size, ERROR_CORRUPT, 3000);
    buffer_release(&file);
}

TEST(test_plane_file__a_writer_that_is_not_ended_leaves_nothing)
{
    struct plane_writer *writer = NULL;
    struct error err;
    char path[PATH_SIZE];

    path_of(path);
    CHECK_OK(plane_writer_new(path, &writer, &err), err);
    plane_writer_free(writer);
    CHECK(access(path, F_OK) != 0);
}

static enum error_kind try_part(const void *data, size_t size)
{
    struct buffer body = {0};
    const uint8_t *payload = NULL;
    const struct transfer_syntax *syntax = NULL;
    size_t payload_size = 0;
    struct error err = {0};

    CHECK_OK(buffer_append(&body, data, size, &err), err);
    const bool ok = published_part(&body, &payload, &payload_size, &syntax, &err);
    CHECK(!ok || (payload >= body.data && payload + payload_size <= body.data + body.size));
    buffer_release(&body);
    return ok ? ERROR_NONE : err.kind;
}

TEST(test_published__one_part_is_found_and_nothing_else_is_taken_for_one)
{
    static const char body[] = "--slicepress-part-0\r\nContent-Type: image/jphc;transfer-syntax=1.2.840.10008.1.2.4.201\r\n"
                               "\r\nPAYLOAD\r\n--slicepress-part-0--\r\n";

    hostile_check(try_part, (const uint8_t *)body, sizeof body - 1, ERROR_CORRUPT, 5000);
}
