#include "coordinator/qido.h"

#include <stdio.h>
#include <string.h>

enum { TAG = 8, VR = 2, TEXT_SIZE = 2048 }; /* record.h: texts have at most 1,024 bytes */

/* The next piece of *rest up to `separator`, without spaces around it; *rest goes behind it, NULL at the end. */
static void next_piece(const char **rest, char separator, char piece[TEXT_SIZE])
{
    const char *const end = strchrnul(*rest, separator);
    const char *from = *rest, *to = end;

    while (from < to && *from == ' ')
        from++;
    while (to > from && to[-1] == ' ')
        to--;
    (void)snprintf(piece, TEXT_SIZE, "%.*s", (int)(to - from), from);
    *rest = *end != '\0' ? end + 1 : NULL;
}

static void put_name(struct json *j, const char *value)
{
    static const char *const groups[] = {"Alphabetic", "Ideographic", "Phonetic"};
    const char *rest = value;
    char piece[TEXT_SIZE];

    json_open_object(j);
    for (size_t i = 0; rest != NULL && i < sizeof groups / sizeof *groups; i++) {
        next_piece(&rest, '=', piece);
        if (piece[0] != '\0')
            json_member_text(j, groups[i], piece);
    }
    json_close(j);
}

/* Texts of these VRs are one value, backslashes and all (PS3.5 6.4). */
static bool is_one_value(const char *vr)
{
    return strncmp(vr, "LT", VR) == 0 || strncmp(vr, "ST", VR) == 0 || strncmp(vr, "UT", VR) == 0 ||
           strncmp(vr, "UR", VR) == 0;
}

static void put_texts(struct json *j, const char *vr, const char *text)
{
    const char *rest = text;
    char piece[TEXT_SIZE];

    while (rest != NULL) {
        next_piece(&rest, is_one_value(vr) ? '\0' : '\\', piece);
        if (piece[0] == '\0')
            json_put_null(j);
        else if (strncmp(vr, "PN", VR) == 0)
            put_name(j, piece);
        else
            json_put_string(j, piece);
    }
}

/* Spaces and separators alone say nothing. */
static bool is_empty(const struct cursor *row, int column)
{
    return cursor_is_null(row, column) ||
           (cursor_type(row, column) == VALUE_TEXT &&
            cursor_text(row, column)[strspn(cursor_text(row, column), " \\=")] == '\0');
}

void qido_put_row(struct json *j, const struct cursor *row)
{
    char tag[TAG + 1], vr[VR + 1];

    json_open_object(j);
    for (int i = 0; i < cursor_columns(row); i++) {
        const char *const name = cursor_name(row, i);
        const bool empty = is_empty(row, i);

        if (strlen(name) < TAG + VR || (empty && name[TAG + VR] == '?'))
            continue;
        (void)snprintf(tag, sizeof tag, "%.8s", name);
        (void)snprintf(vr, sizeof vr, "%.2s", name + TAG);
        json_key(j, tag);
        json_open_object(j);
        json_member_text(j, "vr", vr);
        if (!empty) {
            json_key(j, "Value");
            json_open_array(j);
            if (cursor_type(row, i) == VALUE_INT)
                json_put_int(j, cursor_int(row, i));
            else
                put_texts(j, vr, cursor_text(row, i));
            json_close(j);
        }
        json_close(j);
    }
    json_close(j);
}
