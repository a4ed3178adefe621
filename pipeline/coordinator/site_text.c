#include "coordinator/site_text.h"

#include <errno.h>
#include <unistd.h>

enum { SPILL_AT = 64 << 10 };

static bool spill(struct site_text *text, struct error *err)
{
    if (text->file == NULL) {
        if (!site_temporary(text->context, text->made, err))
            return false;
        text->file = fopen(text->made, "wbe"); /* lint: allow */
        if (text->file == NULL)
            return error_errno(err, errno, "cannot create \"%s\"", text->made);
    }
    const bool ok = fwrite(text->buffer.data, 1, text->buffer.size, text->file) == text->buffer.size;
    buffer_clear(&text->buffer);
    return ok || error_errno(err, errno, "cannot write \"%s\"", text->made);
}

bool site_text_spill(struct site_text *text, struct error *err)
{
    return text->buffer.size < SPILL_AT || spill(text, err);
}

/* The whole is in the file now. */
static bool finish(struct site_text *text, struct error *err)
{
    FILE *const file = text->file;

    if (!spill(text, err))
        return false;
    text->file = NULL;
    return fclose(file) == 0 || error_errno(err, errno, "cannot write \"%s\"", text->made);
}

bool site_text_put(struct site_text *text, const char *path, struct error *err)
{
    if (text->file == NULL)
        return site_put(text->context, path, text->buffer.data, text->buffer.size, err);
    return finish(text, err) && site_put_file(text->context, path, text->made, err);
}

bool site_text_put_named(struct site_text *text, const char *folder, const char *stem, const char *extension,
                         char name[PATH_SIZE], struct error *err)
{
    if (text->file == NULL)
        return site_put_named(text->context, folder, stem, extension, text->buffer.data, text->buffer.size, name, err);
    return finish(text, err) &&
           site_put_named_file(text->context, folder, stem, extension, text->made, name, err);
}

void site_text_release(struct site_text *text)
{
    if (text->file != NULL) {
        (void)fclose(text->file);
        (void)unlink(text->made);
    }
    buffer_release(&text->buffer);
}
