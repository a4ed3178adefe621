/* links: base dicom job codec stages support */
/* write_tiles - a tree of tiles (stages/tile_tree.h) of raw rows or of a made-up picture, for tests and benches
 *
 *     write_tiles FOLDER columns=700 rows=520 [channels=1 tile_size=256 overlap=0 format=webp quality=80
 *                 forms=dzi,iiif,pack blank=omit threads=2 rows_from=FILE picture=slide|blank|noise native=1 coded=0]
 *
 * rows_from: a file of interleaved samples. picture: else what is drawn; slide has tissue in a third of it, on white.
 * native=L: level L is given as rows, an inverted picture, and what is coarser is made of it. coded=L: the tiles of
 * level L but those at the right and lower edge are put coded, and are of the colour (x, y, L). Prints the number of the
 * tree's folder. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "codec/jpeg_encode.h"
#include "job/staging.h"
#include "tile_tree.h"

enum { STRIP = 64 };

struct arguments {
    struct tile_tree_spec spec;
    const char *rows_from, *picture;
    int native, coded;
};

static struct error err;

static void fail(const char *text)
{
    fprintf(stderr, "write_tiles: %s\n", text);
    exit(2);
}

static void must(bool ok)
{
    if (!ok)
        fail(err.text);
}

static void take_number(struct arguments *arguments, const char *name, const char *text)
{
    const uint32_t value = (uint32_t)strtoul(text, NULL, 10);

    if (strcmp(name, "columns") == 0)
        arguments->spec.columns = value;
    else if (strcmp(name, "rows") == 0)
        arguments->spec.rows = value;
    else if (strcmp(name, "channels") == 0)
        arguments->spec.channels = value;
    else if (strcmp(name, "tile_size") == 0)
        arguments->spec.tile_size = value;
    else if (strcmp(name, "overlap") == 0)
        arguments->spec.overlap = value;
    else if (strcmp(name, "quality") == 0)
        arguments->spec.quality = (int)value;
    else if (strcmp(name, "threads") == 0)
        arguments->spec.threads = value;
    else if (strcmp(name, "native") == 0)
        arguments->native = (int)value;
    else if (strcmp(name, "coded") == 0)
        arguments->coded = (int)value;
    else
        fail(name);
}

static void take(struct arguments *arguments, char *word)
{
    char *const equals = strchr(word, '=');

    if (equals == NULL)
        fail(word);
    *equals = '\0';
    const char *const text = equals + 1;
    if (strcmp(word, "format") == 0)
        arguments->spec.format = strcmp(text, "webp") == 0 ? TILE_FORMAT_WEBP : TILE_FORMAT_JPEG;
    else if (strcmp(word, "forms") == 0)
        arguments->spec.forms = (strstr(text, "dzi") != NULL ? TILE_FORM_DZI : 0u) |
                                (strstr(text, "iiif") != NULL ? TILE_FORM_IIIF : 0u) |
                                (strstr(text, "pack") != NULL ? TILE_FORM_PACK : 0u);
    else if (strcmp(word, "blank") == 0)
        arguments->spec.blank_policy = strcmp(text, "omit") == 0 ? TILE_BLANK_OMIT : TILE_BLANK_KEEP;
    else if (strcmp(word, "rows_from") == 0)
        arguments->rows_from = text;
    else if (strcmp(word, "picture") == 0)
        arguments->picture = text;
    else
        take_number(arguments, word, text);
}

/* -- pictures ----------------------------------------------------------------------------------- */

static uint32_t hash(uint32_t x, uint32_t y)
{
    uint32_t h = x * 0x9e3779b1u ^ y * 0x85ebca6bu;

    h ^= h >> 15;
    h *= 0x2c1b3c6du;
    return h ^ h >> 12;
}

/* Tissue where two slow waves are high: blobs of some thousand pixels, with a grain of eight. */
static uint8_t slide_sample(uint32_t x, uint32_t y, unsigned channel)
{
    const uint32_t wave = (x / 16 % 256 < 128 ? x / 16 % 128 : 127 - x / 16 % 128) +
                          (y / 16 % 256 < 128 ? y / 16 % 128 : 127 - y / 16 % 128);

    if (wave < 150)
        return 255;
    return (uint8_t)(80 + channel * 40 + wave / 4 + (hash(x / 8, y / 8) + channel) % 48 + hash(x, y) % 6);
}

static uint8_t sample(const struct arguments *arguments, unsigned level, uint32_t x, uint32_t y, unsigned channel)
{
    const uint32_t scale = 1u << level;

    if (strcmp(arguments->picture, "blank") == 0)
        return 255;
    if (strcmp(arguments->picture, "noise") == 0)
        return (uint8_t)(hash(x + channel * 7919, y) >> 8);
    const uint8_t value = slide_sample(x * scale, y * scale, channel);
    return (uint8_t)(level > 0 ? 255 - value : value);
}

static void draw(const struct arguments *arguments, unsigned level, uint32_t first, uint32_t count, uint8_t *to)
{
    const unsigned channels = arguments->spec.channels;
    uint32_t columns, rows;

    tile_tree_level_size(&arguments->spec, level, &columns, &rows);
    for (uint32_t y = first; y < first + count; y++)
        for (uint32_t x = 0; x < columns; x++)
            for (unsigned c = 0; c < channels; c++)
                *to++ = sample(arguments, level, x, y, c);
}

static void read_rows(int from, uint8_t *to, size_t size)
{
    while (size > 0) {
        const ssize_t got = read(from, to, size);

        if (got <= 0)
            fail("rows_from ends early");
        to += got;
        size -= (size_t)got;
    }
}

/* -- the tree ------------------------------------------------------------------------------------ */

static void put_level(const struct arguments *arguments, struct tile_tree *tree, unsigned level)
{
    const int from = level == 0 && arguments->rows_from != NULL ? open(arguments->rows_from, O_RDONLY) : -1;
    uint32_t columns, rows;

    tile_tree_level_size(&arguments->spec, level, &columns, &rows);
    const size_t line = (size_t)columns * arguments->spec.channels;
    uint8_t *const strip = memory_new(line * STRIP, &err);
    must(strip != NULL);
    if (level == 0 && arguments->rows_from != NULL && from < 0)
        fail("cannot open rows_from");
    for (uint32_t row = 0; row < rows; row += STRIP) {
        const uint32_t count = rows - row < STRIP ? rows - row : STRIP;

        if (from >= 0)
            read_rows(from, strip, line * count);
        else
            draw(arguments, level, row, count, strip);
        must(tile_tree_rows(tree, level, strip, count, &err));
    }
    memory_free(strip);
    if (from >= 0)
        (void)close(from);
}

static void put_coded_level(const struct arguments *arguments, struct tile_tree *tree, unsigned level)
{
    struct jpeg_encoder *encoder = NULL;
    struct picture picture = {0};
    struct buffer coded = {0};
    uint32_t across, down;

    must(jpeg_encoder_new(&encoder, &err));
    tile_tree_level_tiles(&arguments->spec, level, &across, &down);
    for (uint32_t y = 0; y + 1 < down; y++)
        for (uint32_t x = 0; x + 1 < across; x++) {
            uint32_t columns, rows;

            tile_tree_tile_size(&arguments->spec, level, x, y, &columns, &rows);
            must(picture_resize(&picture, rows, columns, 3, &err));
            for (size_t i = 0; i < (size_t)columns * rows * 3; i++)
                picture.data[i] = (uint8_t)(i % 3 == 0 ? x : i % 3 == 1 ? y : level);
            buffer_clear(&coded);
            must(jpeg_encode(encoder, &picture, &(struct jpeg_options){.quality = 90}, NULL, 0, &coded, &err));
            must(tile_tree_put(tree, level, x, y, coded.data, coded.size, &err));
        }
    picture_release(&picture);
    buffer_release(&coded);
    jpeg_encoder_free(encoder);
}

static void write_tree(struct arguments *arguments, struct staging *staging)
{
    struct tile_tree *tree = NULL;

    arguments->spec.source[0] = TILE_SOURCE_ROWS;
    if (arguments->native > 0)
        arguments->spec.source[arguments->native] = TILE_SOURCE_ROWS;
    if (arguments->coded >= 0)
        arguments->spec.source[arguments->coded] = TILE_SOURCE_CODED;
    must(tile_tree_new(&arguments->spec, staging, &tree, &err));
    for (unsigned level = 0; level < tile_tree_levels(arguments->spec.columns, arguments->spec.rows); level++) {
        if ((int)level == arguments->coded)
            put_coded_level(arguments, tree, level);
        if (arguments->spec.source[level] != TILE_SOURCE_FINER)
            put_level(arguments, tree, level);
    }
    must(tile_tree_end(tree, &err));
    tile_tree_free(tree);
}

int main(int argc, char **argv)
{
    struct arguments arguments = {
        .picture = "slide",
        .coded = -1,
        .spec = {.name = "tiles-1", .frame = 1, .folder = "studies/1.2/3.4/5.6", .base = "/", .channels = 3,
                 .tile_size = 256, .format = TILE_FORMAT_JPEG, .quality = 80, .forms = TILE_FORM_DZI,
                 .blank = {255, 255, 255}, .threads = 2, .details = "{\"test\": true}"},
    };
    struct manifest manifest = {0};
    struct staging *staging = NULL;

    if (argc < 2)
        fail("write_tiles FOLDER name=value...");
    for (int i = 2; i < argc; i++)
        take(&arguments, argv[i]);
    must(staging_open(argv[1], &manifest, &staging, &err) && staging_begin(staging, "tiles", 1, &err));
    write_tree(&arguments, staging);
    must(staging_end(staging, PRODUCT_DONE, NULL, &err));
    printf("%u\n", manifest.products[0].artefacts[0].staged);
    staging_close(staging);
    manifest_release(&manifest);
    return 0;
}
