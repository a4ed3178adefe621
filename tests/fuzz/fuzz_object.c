/* links: base dicom */
/* A hostile DICOM object: opened, its header read as the worker does, and written as JSON. */
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "dicom/dicom_json.h"
#include "dicom/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool make_spool(void *client, int *descriptor, struct error *err)
{
    char name[] = "/tmp/slicepress-fuzz-XXXXXX";

    (void)client;
    *descriptor = mkstemp(name);
    if (*descriptor < 0)
        return error_set(err, ERROR_IO, "cannot make a file in /tmp");
    (void)unlink(name);
    return true;
}

static void read_values(const struct object *object)
{
    static const uint32_t tags[] = {
        TAG(0x0008, 0x0005), TAG(0x0008, 0x0018), TAG(0x0010, 0x0010), TAG(0x0020, 0x000d),
        TAG(0x0020, 0x0032), TAG(0x0028, 0x0010), TAG(0x0028, 0x1050), TAG(0x0028, 0x3010),
        TAG(0x5200, 0x9229), TAG(0x5200, 0x9230),
    };
    const struct dataset *const dataset = object_dataset(object);

    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        char text[128];
        double numbers[8];
        size_t size;
        int64_t integer;
        (void)dataset_text(dataset, tags[i], text, sizeof text);
        (void)dataset_utf8(dataset, tags[i], text, sizeof text);
        (void)dataset_is(dataset, tags[i], &integer);
        (void)dataset_numbers(dataset, tags[i], "DS", numbers, 8);
        (void)dataset_raw(dataset, tags[i], &size);
        const size_t items = dataset_items(dataset, tags[i]);
        for (size_t k = 0; k < items && k < 4; k++)
            (void)dataset_text(dataset_item(dataset, tags[i], k), TAG(0x0028, 0x3002), text,
                               sizeof text);
    }
    for (uint32_t frame = 1; frame < 4; frame++)
        (void)object_functional_group(object, TAG(0x0028, 0x9145), frame);
}

/* Brackets outside of strings close each other, and strings have no control characters. */
static void check_json(const struct buffer *json)
{
    bool in_string = false;
    long depth = 0;

    for (size_t i = 0; i < json->size; i++) {
        const uint8_t c = json->data[i];
        if (c < 0x20)
            abort();
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            depth++;
        else if (!in_string && (c == '}' || c == ']'))
            depth--;
    }
    if (in_string || depth != 0)
        abort();
}

static void write_json(const struct object *object)
{
    static const struct dicom_json_override overrides[] = {
        {TAG(0x0008, 0x0018), "UI", "2.25.1"},
        {TAG(0x0028, 0x0100), "US", "16"},
    };
    const struct dicom_json_options options = {
        .private_attributes = true,
        .inline_limit = 64,
        .bulk_prefix = "bulk/",
        .pixel_data_uri = "frames",
        .overrides = overrides,
        .override_count = 2,
    };
    struct buffer json = {0};
    struct error err;

    if (dicom_json_write(object, &options, &json, &err))
        check_json(&json);
    buffer_release(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct spool_maker spool = {make_spool, NULL};
    const struct bytes bytes = bytes_of_memory(data, size);
    struct object *object = NULL;
    struct error err;

    if (object_open(&bytes, &spool, &object, &err)) {
        read_values(object);
        write_json(object);
    }
    object_close(object);
    return 0;
}
