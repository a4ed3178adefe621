/* links: base dicom job worker */
#include "worker/member_list.h"

#include "base/memory.h"
#include "tests/support/test.h"

static struct error err;

/* Member i has i + 1 bytes of slices, each of them i. */
static struct job series_of(size_t count)
{
    struct job job = {.kind = JOB_SERIES, .member_count = count};

    job.members = memory_array(count, sizeof *job.members, &err);
    CHECK(job.members != NULL);
    for (size_t i = 0; i < count; i++) {
        struct series_member *const member = &job.members[i];

        (void)snprintf(member->sop, UID_SIZE, "1.2.%zu", i);
        member->slices_offset = job.slices.size;
        member->slices_bytes = i + 1;
        member->has_source = i % 2 == 0;
        member->source.path = member->has_source ? memory_string("/data/x.dcm", &err) : NULL;
        for (size_t byte = 0; byte <= i; byte++)
            CHECK_OK(buffer_put_u8(&job.slices, (uint8_t)i, &err), err);
    }
    return job;
}

TEST(test_member_list__each_is_what_it_was)
{
    static const size_t counts[] = {1, 3, 700};

    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        const size_t count = counts[c];
        struct job job = series_of(count);
        struct member_list *list = NULL;

        CHECK_OK(member_list_new(test_folder(), &job, &list, &err), err);
        CHECK(job.member_count == 0 && job.members == NULL && job.slices.data == NULL);
        CHECK_EQ_INT(list->descriptor >= 0, count == 700); /* many are in a file */
        for (size_t i = 0; i < 3 * count; i++) {
            const size_t number = i * 11 % count; /* there and back */
            char sop[UID_SIZE];

            (void)snprintf(sop, sizeof sop, "1.2.%zu", number);
            CHECK_OK(member_list_get(list, number, &err), err);
            CHECK_EQ_STR(list->member.sop, sop);
            CHECK_EQ_UINT(list->slices.size, number + 1);
            CHECK_EQ_UINT(list->slices.data[number], number % 256);
            CHECK_EQ_INT(list->member.source.path != NULL, number % 2 == 0);
        }
        member_list_free(list);
        job_release(&job);
    }
}
