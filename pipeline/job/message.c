#include "message.h"

#include <string.h>

#include "base/limits.h"

enum { LENGTH_SIZE = 4, AFTER_LENGTH = MESSAGE_HEADER - LENGTH_SIZE, USED_MOST = 1 << 20 };

bool message_write(struct buffer *out, enum message_type type, uint32_t job, const struct buffer *payload,
                   struct error *err)
{
    const size_t size = payload != NULL ? payload->size : 0;

    if (size > LIMIT(MESSAGE_BYTES) - AFTER_LENGTH)
        return error_set(err, ERROR_LIMIT, "a message of %zu bytes exceeds MESSAGE_BYTES", size);
    return buffer_reserve(out, MESSAGE_HEADER + size, err) &&
           buffer_put_u32(out, (uint32_t)(size + AFTER_LENGTH), err) &&
           buffer_put_u16(out, (uint16_t)type, err) && buffer_put_u32(out, job, err) &&
           (size == 0 || buffer_append(out, payload->data, size, err));
}

/* Drops what next has given away. */
static void forget_used(struct message_parser *parser)
{
    struct buffer *const pending = &parser->pending;

    if (parser->used == 0)
        return;
    pending->size -= parser->used;
    memmove(pending->data, pending->data + parser->used, pending->size);
    parser->used = 0;
}

bool message_feed(struct message_parser *parser, const void *data, size_t size, struct error *err)
{
    if (parser->used == parser->pending.size || parser->used > USED_MOST)
        forget_used(parser);
    return buffer_append(&parser->pending, data, size, err);
}

bool message_next(struct message_parser *parser, struct message *message, struct error *err)
{
    const size_t left = parser->pending.size - parser->used;
    struct reader reader = {0};

    err->kind = ERROR_NONE;
    if (left < LENGTH_SIZE)
        return false;
    reader = reader_over(parser->pending.data + parser->used, left);
    const uint32_t length = reader_u32(&reader);
    if (length < AFTER_LENGTH || length > LIMIT(MESSAGE_BYTES))
        return error_set(err, ERROR_PROTOCOL, "a message claims to be %u bytes long", length);
    if (left >= LENGTH_SIZE + sizeof(uint16_t)) {
        const uint16_t type = reader_u16(&reader);

        if (type < MESSAGE_HELLO || type > MESSAGE_READY)
            return error_set(err, ERROR_PROTOCOL, "a message is of unknown type %u", type);
        message->type = (enum message_type)type;
    }
    if (left - LENGTH_SIZE < length)
        return false;
    message->job = reader_u32(&reader);
    message->payload = parser->pending.data + parser->used + MESSAGE_HEADER;
    message->size = length - AFTER_LENGTH;
    parser->used += LENGTH_SIZE + (size_t)length;
    return true;
}

void message_parser_trim(struct message_parser *parser)
{
    enum { KEPT_MOST = 256 << 10 };

    if (parser->used == parser->pending.size && parser->pending.capacity > KEPT_MOST)
        message_parser_release(parser);
}

void message_parser_release(struct message_parser *parser)
{
    buffer_release(&parser->pending);
    parser->used = 0;
}
