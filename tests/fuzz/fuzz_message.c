/* links: base dicom job */
/* What a worker may send. The first byte says how the stream is cut into pieces. */
#include <stdlib.h>
#include <string.h>

#include "job/job.h"
#include "job/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const struct message *m)
{
    struct error err;

#define PARSE(type, value) \
    do { \
        struct type value = {0}; \
        (void)type##_parse(m->payload, m->size, &value, &err); \
        type##_release(&value); \
    } while (0)
    switch (m->type) {
    case MESSAGE_HELLO:
        PARSE(worker_hello, hello);
        PARSE(worker_setup, setup);
        break;
    case MESSAGE_JOB:
        PARSE(job, job);
        break;
    case MESSAGE_INDEXED:
        PARSE(index_result, indexed);
        break;
    case MESSAGE_MEMBER:
        PARSE(feed_member, member);
        break;
    case MESSAGE_RESULT:
        PARSE(job_result, result);
        break;
    default:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message_parser parser = {0};
    struct error err = {0};
    const size_t step = size > 0 && data[0] > 0 ? data[0] : 4096;
    bool alive = true;

    for (size_t at = 1; alive && at < size; at += step) {
        struct message message;
        const size_t piece = size - at < step ? size - at : step;
        alive = message_feed(&parser, data + at, piece, &err);
        while (alive && message_next(&parser, &message, &err))
            parse(&message);
        alive = alive && err.kind == ERROR_NONE;
    }
    message_parser_release(&parser);
    return 0;
}
