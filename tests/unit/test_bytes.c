/* links: base */
#include "base/bytes.h"

#include <fcntl.h>

#include "base/path.h"
#include "tests/support/test.h"

TEST(test_bytes__memory_is_read_to_its_end_and_not_beyond)
{
    const struct bytes bytes = bytes_of_memory("0123456789", 10);
    char to[16] = "";
    size_t got = 99;
    struct error err;

    CHECK_EQ_UINT(bytes.size, 10);
    CHECK_EQ_INT(bytes.descriptor, -1);
    CHECK(bytes.read(&bytes, 7, to, 16, &got, &err));
    CHECK_EQ_UINT(got, 3);
    CHECK_EQ_MEM(to, "789", 3);
    CHECK(bytes.read(&bytes, 10, to, 1, &got, &err));
    CHECK_EQ_UINT(got, 0);
    CHECK(bytes.read(&bytes, UINT64_MAX, to, 1, &got, &err));
    CHECK_EQ_UINT(got, 0);
}

TEST(test_bytes__short_read_is_truncated_with_both_numbers)
{
    const struct bytes bytes = bytes_of_memory("0123456789", 10);
    char to[16];
    struct error err;

    CHECK(bytes_read_all(&bytes, 0, to, 10, &err));
    CHECK(!bytes_read_all(&bytes, 4, to, 7, &err));
    CHECK_EQ_INT(err.kind, ERROR_TRUNCATED);
    CHECK_EQ_STR(err.text, "expected 7 bytes at offset 4, found 6");
    CHECK(!bytes_read_all(&bytes, UINT64_MAX - 2, to, 7, &err));
}

TEST(test_bytes__empty_memory_may_be_null)
{
    const struct bytes bytes = bytes_of_memory(NULL, 0);
    struct error err;

    CHECK(bytes_read_all(&bytes, 0, NULL, 0, &err));
}

TEST(test_bytes__descriptor_reads_without_moving_its_cursor)
{
    char path[PATH_SIZE], to[8];
    struct error err;
    struct bytes bytes;

    CHECK_OK(path_join(path, test_folder(), "file", &err), err);
    CHECK_OK(path_write_file(path, "abcdef", 6, &err), err);
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(descriptor >= 0);
    CHECK_OK(bytes_of_descriptor(descriptor, &bytes, &err), err);
    CHECK_EQ_UINT(bytes.size, 6);
    CHECK(bytes.memory == NULL);
    CHECK_OK(bytes_read_all(&bytes, 2, to, 4, &err), err);
    CHECK_EQ_MEM(to, "cdef", 4);
    CHECK_EQ_INT(lseek(descriptor, 0, SEEK_CUR), 0);
    CHECK(!bytes_read_all(&bytes, 5, to, 2, &err));
    CHECK_EQ_INT(err.kind, ERROR_TRUNCATED);
    CHECK(!bytes_read_all(&bytes, UINT64_MAX, to, 2, &err));
    CHECK_EQ_INT(err.kind, ERROR_IO);
    close(descriptor);
}

TEST(test_bytes__folder_and_closed_descriptor_are_refused)
{
    struct error err;
    struct bytes bytes;
    const int descriptor = open(test_folder(), O_RDONLY | O_CLOEXEC);

    CHECK(!bytes_of_descriptor(descriptor, &bytes, &err));
    CHECK_EQ_INT(err.kind, ERROR_IO);
    close(descriptor);
    CHECK(!bytes_of_descriptor(descriptor, &bytes, &err));
}
