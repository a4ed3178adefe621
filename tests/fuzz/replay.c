/* replay.c - runs a libFuzzer target without libFuzzer
 *
 *     fuzz_x [-rounds=N] FILE|FOLDER...
 *
 * Every file once, then N deterministic mutations of each (0 if not told). So any compiler and any
 * sanitizer replays the corpora and all former crashes. Prints `ok` and the number of inputs.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MOST = 1 << 20 };

static unsigned long rounds, inputs;

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

/* An exact copy, so that AddressSanitizer sees the first byte read behind it. */
static void run_one(const uint8_t *data, size_t size)
{
    uint8_t *const copy = malloc(size > 0 ? size : 1);

    if (copy == NULL)
        abort();
    if (size > 0)
        memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    inputs++;
}

static void mutate(struct buffer *data, uint64_t *seed)
{
    static const uint8_t edges[] = {0, 1, 0x7F, 0x80, 0xFE, 0xFF};
    const uint32_t changes = 1 + next_random(seed) % 4;

    for (uint32_t i = 0; i < changes && data->size > 0; i++) {
        /* Mostly the beginning: headers are there. */
        const size_t reach = next_random(seed) % 4 == 0 || data->size < 1024 ? data->size : 1024;
        const size_t at = next_random(seed) % reach;
        switch (next_random(seed) % 4) {
        case 0:
            data->data[at] = (uint8_t)(data->data[at] ^ 1u << next_random(seed) % 8);
            break;
        case 1:
            data->data[at] = edges[next_random(seed) % sizeof edges];
            break;
        case 2:
            data->data[at] = (uint8_t)next_random(seed);
            break;
        default:
            if (next_random(seed) % 4 == 0)
                data->size = at;
            else
                memmove(data->data + at / 2, data->data + at, data->size - at);
            break;
        }
    }
}

static void run_file(const char *path)
{
    struct buffer original = {0}, changed = {0};
    struct error err;
    uint64_t seed = 1;

    if (!path_read_file(path, INPUT_MOST, &original, &err)) {
        if (err.kind != ERROR_LIMIT)
            fprintf(stderr, "%s: %s\n", path, err.text);
        buffer_release(&original);
        return;
    }
    /* Whoever crashes shall be known. */
    if (getenv("REPLAY_VERBOSE") != NULL)
        fprintf(stderr, "%s\n", path);
    run_one(original.data, original.size);
    for (unsigned long i = 0; i < rounds; i++) {
        buffer_clear(&changed);
        if (!buffer_append(&changed, original.data, original.size, &err))
            abort();
        mutate(&changed, &seed);
        run_one(changed.data, changed.size);
    }
    buffer_release(&original);
    buffer_release(&changed);
}

static void run_path(const char *path)
{
    struct dirent **entries = NULL;
    struct stat status;

    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
        run_file(path);
        return;
    }
    const int count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char inner[PATH_SIZE];
        struct error err;
        if (entries[i]->d_name[0] != '.' && path_join(inner, path, entries[i]->d_name, &err))
            run_path(inner);
        free(entries[i]);
    }
    free(entries);
}

int main(int count, char **arguments)
{
    for (int i = 1; i < count; i++)
        if (strncmp(arguments[i], "-rounds=", 8) == 0)
            rounds = strtoul(arguments[i] + 8, NULL, 10);
        else
            run_path(arguments[i]);
    printf("ok: %lu inputs\n", inputs);
    return 0;
}
