#include "channel.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

enum { READ_BYTES = 64 << 10 };

struct queued_message {
    struct queued_message *next;
    struct message message;
    uint8_t payload[];
};

static void free_list(struct queued_message *list)
{
    while (list != NULL) {
        struct queued_message *const next = list->next;

        memory_free(list);
        list = next;
    }
}

void channel_release(struct channel *channel)
{
    message_parser_release(&channel->parser);
    buffer_release(&channel->out);
    free_list(channel->queue);
    memory_free(channel->current);
    channel->queue = channel->current = NULL;
}

bool channel_send(struct channel *channel, enum message_type type, uint32_t job, const struct buffer *payload,
                  struct error *err)
{
    buffer_clear(&channel->out);
    if (!message_write(&channel->out, type, job, payload, err))
        return false;
    for (size_t done = 0; done < channel->out.size;) {
        const ssize_t n = write(channel->descriptor, channel->out.data + done, channel->out.size - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_errno(err, errno, "cannot write to the coordinator");
        done += (size_t)n;
    }
    return true;
}

/* Reads what has come, at least one byte; the end of the stream sets `ended`. */
static bool fill(struct channel *channel, struct error *err)
{
    uint8_t room[READ_BYTES];
    ssize_t n = 0;

    do
        n = read(channel->descriptor, room, sizeof room);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno != ECONNRESET)
        return error_errno(err, errno, "cannot read from the coordinator");
    channel->ended = n <= 0;
    return n <= 0 || message_feed(&channel->parser, room, (size_t)n, err);
}

/* Straight from the stream. */
static bool receive(struct channel *channel, struct message *message, struct error *err)
{
    while (!message_next(&channel->parser, message, err)) {
        if (err->kind != ERROR_NONE || !fill(channel, err))
            return false;
        if (channel->ended) {
            err->kind = ERROR_NONE;
            return false;
        }
    }
    return true;
}

static bool put_aside(struct channel *channel, const struct message *message, struct error *err)
{
    struct queued_message **end = &channel->queue;
    struct queued_message *const kept = memory_new(sizeof *kept + message->size, err);

    if (kept == NULL)
        return false;
    *kept = (struct queued_message){.message = *message};
    if (message->size > 0)
        memcpy(kept->payload, message->payload, message->size);
    kept->message.payload = kept->payload;
    while (*end != NULL)
        end = &(*end)->next;
    *end = kept;
    return true;
}

bool channel_next(struct channel *channel, struct message *message, struct error *err)
{
    memory_free(channel->current);
    channel->current = channel->queue;
    if (channel->current != NULL) {
        channel->queue = channel->current->next;
        *message = channel->current->message;
        return true;
    }
    return receive(channel, message, err);
}

bool channel_wait(struct channel *channel, enum message_type type, struct message *message, struct error *err)
{
    while (receive(channel, message, err)) {
        if (message->type == type)
            return true;
        if (!put_aside(channel, message, err))
            return false;
    }
    return false;
}
