/* links: base */
#include "base/memory.h"

#include "base/limits.h"
#include "tests/support/test.h"

TEST(test_memory__size_arithmetic_refuses_overflow_and_leaves_the_result)
{
    size_t result = 7;

    CHECK(!size_mul(SIZE_MAX / 2 + 1, 2, &result));
    CHECK(!size_add(SIZE_MAX, 1, &result));
    CHECK_EQ_UINT(result, 7);
    CHECK(size_mul(6, 7, &result));
    CHECK_EQ_UINT(result, 42);
    CHECK(size_add(SIZE_MAX - 1, 1, &result));
    CHECK_EQ_UINT(result, SIZE_MAX);
}

TEST(test_memory__array_whose_size_overflows_is_nomem)
{
    struct error err = {0};

    CHECK(memory_array(SIZE_MAX / 2, 3, &err) == NULL);
    CHECK_EQ_INT(err.kind, ERROR_NOMEM);
}

TEST(test_memory__array_is_zeroed)
{
    struct error err;
    uint8_t *const bytes = memory_array(100, 3, &err);

    CHECK(bytes != NULL);
    for (size_t i = 0; i < 300; i++)
        CHECK_EQ_INT(bytes[i], 0);
    memory_free(bytes);
}

TEST(test_memory__nothing_is_a_valid_size)
{
    struct error err;
    void *pointer = memory_new(0, &err);

    CHECK(pointer != NULL);
    pointer = memory_resize(pointer, 0, &err);
    CHECK(pointer != NULL);
    memory_free(pointer);
    memory_free(NULL);
}

TEST(test_memory__grow_keeps_elements_and_doubles)
{
    struct error err;
    void *items = NULL;
    size_t capacity = 0;

    for (size_t i = 0; i < 1000; i++) {
        CHECK(memory_grow(&items, &capacity, i + 1, sizeof(int), &err));
        ((int *)items)[i] = (int)i;
    }
    for (size_t i = 0; i < 1000; i++)
        CHECK_EQ_INT(((int *)items)[i], i);
    CHECK_EQ_UINT(capacity, 1024);
    CHECK(!memory_grow(&items, &capacity, SIZE_MAX / 2, sizeof(int), &err));
    CHECK_EQ_INT(err.kind, ERROR_NOMEM);
    CHECK_EQ_UINT(capacity, 1024);
    memory_free(items);
}

TEST(test_memory__string_is_a_copy)
{
    struct error err;
    char text[] = "abc";
    char *const copy = memory_string(text, &err);

    text[0] = 'x';
    CHECK_EQ_STR(copy, "abc");
    memory_free(copy);
}

TEST(test_limits__every_limit_has_name_value_and_reason)
{
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        CHECK(limits[i].name != NULL && limits[i].value > 0 && limits[i].why[0] != '\0');
    }
    CHECK_EQ_UINT(LIMIT(SIDE), 65535);
    CHECK_EQ_UINT(LIMIT(FRAME_BYTES), UINT64_C(1073741824));
}
