/* links: base dicom job codec stages support */
/* What tile_tree.h refuses, and what it says of its geometry; tests/tiles/run reads whole trees back. */
#include "tile_tree.h"

#include <stdio.h>
#include <unistd.h>

#include "base/path.h"
#include "tests/support/test.h"

static struct error err;
static struct manifest manifest;
static struct staging *staging;
static char folder[64];

static struct tile_tree_spec spec_of(uint32_t columns, uint32_t rows)
{
    return (struct tile_tree_spec){.name = "tiles-1",
                                   .frame = 1,
                                   .folder = "studies/1.2/3.4/5.6",
                                   .base = "/",
                                   .columns = columns,
                                   .rows = rows,
                                   .channels = 1,
                                   .tile_size = 16,
                                   .quality = 80,
                                   .forms = TILE_FORM_DZI,
                                   .blank = {255},
                                   .source = {TILE_SOURCE_ROWS},
                                   .threads = 2};
}

static void begin(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/test_tile_tree-%d", (int)getpid());
    CHECK_OK(staging_open(folder, &manifest, &staging, &err), err);
    CHECK_OK(staging_begin(staging, "tiles", 1, &err), err);
}

static void end(void)
{
    staging_discard(staging);
    staging_close(staging);
    manifest_release(&manifest);
    manifest = (struct manifest){0};
}

static void check_spec_refused(const struct tile_tree_spec *spec, enum error_kind kind, const char *text)
{
    struct tile_tree *tree = NULL;

    begin();
    CHECK(!tile_tree_new(spec, staging, &tree, &err));
    CHECK_EQ_STR(error_kind_word(err.kind), error_kind_word(kind));
    CHECK_HAS(err.text, text);
    CHECK(tree == NULL);
    end();
}

TEST(test_tile_tree__a_spec_that_cannot_be_is_refused)
{
    struct tile_tree_spec spec = spec_of(40, 40);

    spec.source[0] = TILE_SOURCE_FINER;
    check_spec_refused(&spec, ERROR_USAGE, "level 0");
    spec = spec_of(40, 40);
    spec.forms = 0;
    check_spec_refused(&spec, ERROR_USAGE, "no form");
    spec = spec_of(40, 40);
    spec.forms = TILE_FORM_DZI | TILE_FORM_IIIF;
    spec.overlap = 1;
    check_spec_refused(&spec, ERROR_USAGE, "IIIF");
    spec = spec_of(0, 40);
    check_spec_refused(&spec, ERROR_USAGE, "0 x 40");
    spec = spec_of(UINT32_MAX, UINT32_MAX);
    check_spec_refused(&spec, ERROR_LIMIT, "TILES");
    spec = spec_of(40, 40);
    spec.name = "No Word, and longer than the name of an artefact may be";
    check_spec_refused(&spec, ERROR_LIMIT, "name");
}

TEST(test_tile_tree__sizes_of_levels_and_tiles)
{
    struct tile_tree_spec spec = spec_of(100, 33);
    uint32_t columns, rows;

    spec.overlap = 1;
    CHECK_EQ_UINT(tile_tree_levels(100, 33), 8);
    tile_tree_level_size(&spec, 1, &columns, &rows);
    CHECK(columns == 50 && rows == 17);
    tile_tree_level_size(&spec, 7, &columns, &rows);
    CHECK(columns == 1 && rows == 1);
    tile_tree_level_tiles(&spec, 0, &columns, &rows);
    CHECK(columns == 7 && rows == 3);
    tile_tree_tile_size(&spec, 0, 0, 0, &columns, &rows);
    CHECK(columns == 17 && rows == 17);
    tile_tree_tile_size(&spec, 0, 1, 1, &columns, &rows);
    CHECK(columns == 18 && rows == 18);
    tile_tree_tile_size(&spec, 0, 6, 2, &columns, &rows);
    CHECK(columns == 5 && rows == 2);
}

/* A tree of two by one tiles that come coded; what a byte is, is the caller's word. */
static struct tile_tree *coded_tree(unsigned forms)
{
    struct tile_tree_spec spec = spec_of(20, 16);
    struct tile_tree *tree = NULL;

    spec.forms = forms;
    for (unsigned i = 0; i < tile_tree_levels(20, 16); i++)
        spec.source[i] = TILE_SOURCE_CODED;
    CHECK_OK(tile_tree_new(&spec, staging, &tree, &err), err);
    return tree;
}

TEST(test_tile_tree__tiles_that_are_not_expected_are_refused)
{
    struct picture wrong = {0};

    begin();
    struct tile_tree *const tree = coded_tree(TILE_FORM_DZI | TILE_FORM_PACK);
    CHECK_OK(tile_tree_put(tree, 0, 1, 0, "one", 3, &err), err);
    CHECK(!tile_tree_put(tree, 0, 1, 0, "one", 3, &err));
    CHECK_HAS(err.text, "twice");
    CHECK(!tile_tree_put_blank(tree, 0, 1, 0, &err));
    CHECK(!tile_tree_put(tree, 0, 2, 0, "one", 3, &err));
    CHECK(!tile_tree_put(tree, 0, 0, 1, "one", 3, &err));
    CHECK(!tile_tree_put(tree, 6, 0, 0, "one", 3, &err));
    CHECK(!tile_tree_put(tree, 1, 0, 0, "", 0, &err)); /* no tile has no bytes */
    CHECK_OK(picture_resize(&wrong, 16, 15, 1, &err), err);
    CHECK(!tile_tree_put_picture(tree, 0, 0, 0, &wrong, &err));
    CHECK_HAS(err.text, "15 x 16");
    picture_release(&wrong);
    tile_tree_free(tree);
    end();
}

TEST(test_tile_tree__nothing_may_be_missing)
{
    static const uint8_t rows[20 * 16];
    struct tile_tree_spec spec = spec_of(20, 16);
    struct tile_tree *tree;

    begin();
    tree = coded_tree(TILE_FORM_DZI);
    CHECK_OK(tile_tree_put(tree, 0, 1, 0, "one", 3, &err), err);
    CHECK(!tile_tree_end(tree, &err));
    CHECK_HAS(err.text, "tile 0, 0 of level 0 has not come");
    tile_tree_free(tree);
    end();
    begin();
    CHECK_OK(tile_tree_new(&spec, staging, &tree, &err), err);
    CHECK(!tile_tree_put(tree, 0, 0, 0, "one", 3, &err)); /* it comes as rows */
    CHECK_OK(tile_tree_rows(tree, 0, rows, 15, &err), err);
    CHECK(!tile_tree_end(tree, &err));
    CHECK_HAS(err.text, "15 of 16 rows");
    tile_tree_free(tree);
    end();
}

TEST(test_tile_tree__what_comes_coded_stays_as_it_is)
{
    struct buffer found = {0};
    char path[128];

    begin();
    struct tile_tree *const tree = coded_tree(TILE_FORM_DZI | TILE_FORM_PACK);
    CHECK_OK(tile_tree_put(tree, 0, 1, 0, "one", 3, &err), err);
    CHECK_OK(tile_tree_put_blank(tree, 0, 0, 0, &err), err);
    for (unsigned level = 1; level < tile_tree_levels(20, 16); level++)
        CHECK_OK(tile_tree_put(tree, level, 0, 0, "coarse", 6, &err), err);
    CHECK_OK(tile_tree_end(tree, &err), err);
    tile_tree_free(tree);
    CHECK_EQ_UINT(manifest.products[0].artefacts[0].files, 7 + 4); /* image.dzi, tiles.json, image.szi, image.index */
    (void)snprintf(path, sizeof path, "%s/0/image_files/5/1_0.jpg", folder);
    CHECK_OK(path_read_file(path, 100, &found, &err), err);
    CHECK_EQ_STR(buffer_text(&found), "one");
    buffer_release(&found);
    end();
}

TEST(test_tile_tree__a_tree_that_does_not_end_is_freed)
{
    static const uint8_t rows[40 * 40];
    struct tile_tree_spec spec = spec_of(40, 40);
    struct tile_tree *tree = NULL;

    begin();
    spec.forms = TILE_FORM_DZI | TILE_FORM_IIIF | TILE_FORM_PACK;
    CHECK_OK(tile_tree_new(&spec, staging, &tree, &err), err);
    CHECK_OK(tile_tree_rows(tree, 0, rows, 39, &err), err);
    tile_tree_free(tree);
    tile_tree_free(NULL);
    end();
}
