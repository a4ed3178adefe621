/* message.h - frames on descriptor 3: u32 length of what follows, u16 type, u32 job, payload
 *
 * Little endian; at most LIMIT(MESSAGE_BYTES). The first message each way is HELLO with
 * MESSAGE_VERSION. The coordinator treats every byte of a worker as hostile: a bad frame or payload kills that worker and fails its
 * job with PROTOCOL.
 */
#ifndef SLICEPRESS_JOB_MESSAGE_H
#define SLICEPRESS_JOB_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

enum { MESSAGE_VERSION = 4, MESSAGE_HEADER = 10 }; /* raised with every change of what is in a message */

enum message_type {
    MESSAGE_HELLO = 1,      /* coordinator: struct worker_setup; worker: struct worker_hello */
    MESSAGE_JOB = 2,        /* coordinator: struct job */
    MESSAGE_INDEXED = 3,    /* worker, INDEX: struct index_result for item `item` of the job */
    MESSAGE_MEMBER = 4,     /* worker, FEED: struct feed_member, spooled */
    MESSAGE_MEMBER_DONE = 5,/* coordinator, FEED: u32 how many members are free again (window) */
    MESSAGE_RESULT = 6,     /* worker: the job is over: struct job_result */
    MESSAGE_QUIT = 7,       /* coordinator: end after the current job */
    MESSAGE_READY = 8       /* worker, when its first job has come: it has its folders, and is in its sandbox. Nothing of a
                               job was read before */
};

/* Appends a whole frame. */
bool message_write(struct buffer *out, enum message_type type, uint32_t job, const struct buffer *payload,
                   struct error *err);

struct message {
    enum message_type type;
    uint32_t job;
    const uint8_t *payload; /* borrowed from the parser's buffer until the next call */
    size_t size;
};

/* Takes bytes as they arrive: feed, then call next until it gives false with err->kind NONE (more
 * needed); another kind: PROTOCOL, and the stream is dead. */
struct message_parser { struct buffer pending; size_t used; };
bool message_feed(struct message_parser *parser, const void *data, size_t size, struct error *err);
bool message_next(struct message_parser *parser, struct message *message, struct error *err);
/* Gives back the memory of a large message, when nothing is pending: its payload is gone. */
void message_parser_trim(struct message_parser *parser);
void message_parser_release(struct message_parser *parser);

#endif
