/* json.h - writing JSON (RFC 8259) into a buffer
 *
 *     struct json j; json_begin(&j, &buffer);
 *     json_open_object(&j); json_key(&j, "rows"); json_put_int(&j, 512); json_close(&j);
 *     ok = json_finish(&j, err);
 *
 * Commas and escapes are the writer's; the first failure sticks. Strings must be UTF-8;
 * invalid sequences become U+FFFD. Numbers: shortest form that reads back the same; NaN and
 * infinities become null. With `indent` set to 1 after json_begin each member of the outer two
 * levels gets a line, and so does the end.
 */
#ifndef SLICEPRESS_BASE_JSON_H
#define SLICEPRESS_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"

enum { JSON_DEPTH = 64 };

struct json {
    struct buffer *out;
    struct error err;
    bool failed, after_key;
    int depth, indent;
    char closers[JSON_DEPTH];
    bool filled[JSON_DEPTH];
};

void json_begin(struct json *j, struct buffer *out);
void json_open_object(struct json *j);
void json_open_array(struct json *j);
void json_close(struct json *j); /* closes the innermost object or array */
void json_key(struct json *j, const char *key);
void json_put_string(struct json *j, const char *text); /* NULL gives null */
void json_put_int(struct json *j, int64_t value);
void json_put_real(struct json *j, double value);
void json_put_bool(struct json *j, bool value);
void json_put_null(struct json *j);
void json_put_raw(struct json *j, const char *text, size_t size); /* a value, as it is */
/* key and value at once; the _text form leaves the member out when text is NULL */
void json_member_text(struct json *j, const char *key, const char *text);
void json_member_int(struct json *j, const char *key, int64_t value);
void json_member_real(struct json *j, const char *key, double value);
void json_member_bool(struct json *j, const char *key, bool value);
bool json_finish(struct json *j, struct error *err); /* false on any failure or open level */

/* The shortest decimal text that reads back as `value`, in `text`; "null" for NaN and infinities.
 * Used by all writers; independent of the locale. */
void json_format_real(double value, char text[32]);

#endif
