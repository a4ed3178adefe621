/* channel.h - descriptor 3: messages to and from the coordinator
 *
 * Blocking both ways. Jobs that arrive while one is running wait in the parser, or, when something later in
 * the stream is asked for, in a queue. The end of the stream is the end of the work.
 */
#ifndef SLICEPRESS_WORKER_CHANNEL_H
#define SLICEPRESS_WORKER_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "job/message.h"

enum { CHANNEL_DESCRIPTOR = 3 };

struct queued_message;

struct channel {
    int descriptor;
    struct message_parser parser;
    struct buffer out;             /* of the message being sent; memory is kept */
    struct queued_message *queue;  /* messages put aside, oldest first */
    struct queued_message *current; /* lent by channel_next */
    bool ended;                    /* QUIT or the end of the stream */
};

void channel_release(struct channel *channel);
bool channel_send(struct channel *channel, enum message_type type, uint32_t job, const struct buffer *payload,
                  struct error *err);
/* The next message, waiting for it; it is lent until the next call. False with ERROR_NONE: the stream has ended. */
bool channel_next(struct channel *channel, struct message *message, struct error *err);
/* Waits for a message of this type; others are put aside for channel_next. False with ERROR_NONE: ended. */
bool channel_wait(struct channel *channel, enum message_type type, struct message *message, struct error *err);

#endif
