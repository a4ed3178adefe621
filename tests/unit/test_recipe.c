/* links: base support */
#include "tests/support/dicom_writer.h"
#include "tests/support/recipe.h"
#include "tests/support/test.h"

static bool write_text(const char *text, struct buffer *out, struct error *err)
{
    struct recipe recipe = {0};
    const bool ok = recipe_parse(text, NULL, 0, &recipe, err) && dicom_write(&recipe, out, err);

    recipe_release(&recipe);
    return ok;
}

static bool has(const struct buffer *data, const void *part, size_t size)
{
    return memmem(data->data, data->size, part, size) != NULL;
}

TEST(test_recipe__expression_respects_precedence)
{
    const struct recipe_variable variables[] = {{"i", 3}};
    struct error err;
    double value;

    CHECK_OK(expression_value("1 + 2*i - (4 - 1)/2 % 5", variables, 1, &value, &err), err);
    CHECK_NEAR(value, 5.5, 1e-12);
    CHECK(!expression_value("1 + ", NULL, 0, &value, &err));
    CHECK(!expression_value("unknown", NULL, 0, &value, &err));
}

TEST(test_recipe__expressions_are_replaced_in_lines)
{
    const struct recipe_variable variables[] = {{"i", 2}};
    struct buffer out = {0};
    struct error err;

    CHECK_OK(expression_expand("-30\\{0.1*(i+1)}\\{-i}", variables, 1, &out, &err), err);
    CHECK_EQ_STR(buffer_text(&out), "-30\\0.3\\-2");
    buffer_release(&out);
}

TEST(test_recipe__same_recipe_gives_same_bytes)
{
    static const char text[] = "rows = 20\ncolumns = 30\npixels = ct_head noise=5 offset=1024 seed=4\n";
    struct buffer one = {0}, two = {0};
    struct error err;

    CHECK_OK(write_text(text, &one, &err) && write_text(text, &two, &err), err);
    CHECK_EQ_UINT(one.size, two.size);
    CHECK_EQ_MEM(one.data, two.data, one.size);
    buffer_release(&one);
    buffer_release(&two);
}

TEST(test_recipe__implicit_and_big_endian_elements)
{
    static const uint8_t implicit[] = {0x28, 0, 0x10, 0, 2, 0, 0, 0, 16, 0};
    static const uint8_t big[] = {0, 0x28, 0, 0x10, 'U', 'S', 0, 2, 0, 16};
    struct buffer out = {0};
    struct error err;

    CHECK_OK(write_text("syntax = implicit_le\npixels = constant value=1\n", &out, &err), err);
    CHECK(has(&out, implicit, sizeof implicit));
    buffer_clear(&out);
    CHECK_OK(write_text("syntax = explicit_be\npixels = constant value=1\n", &out, &err), err);
    CHECK(has(&out, big, sizeof big));
    buffer_release(&out);
}

TEST(test_recipe__sequences_nest)
{
    static const uint8_t inner[] = {0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff, 0x08, 0,
                                    0x50, 0x11, 'U', 'I', 4, 0, '1', '.', '2', 0};
    struct buffer out = {0};
    struct error err;

    CHECK_OK(write_text("0008,1140 SQ undefined\n>item\n>0008,1150 UI 1.2\n", &out, &err), err);
    CHECK(has(&out, inner, sizeof inner));
    CHECK(!write_text(">item\n", &out, &err));
    CHECK_HAS(err.text, "line 1");
    buffer_release(&out);
}

TEST(test_recipe__repeat_makes_items)
{
    struct buffer out = {0};
    struct error err;

    CHECK_OK(write_text("5200,9230 SQ\nrepeat f 1 3\n>item\n>0028,1050 DS {f*11}\nend\n", &out, &err), err);
    CHECK(has(&out, "11", 2) && has(&out, "22", 2) && has(&out, "33", 2));
    buffer_release(&out);
}

TEST(test_recipe__faults_change_the_file)
{
    static const char text[] = "pixels = constant value=0\n0010,0010 PN Abcd\n";
    struct buffer whole = {0}, cut = {0}, patched = {0};
    struct error err;
    char faulty[256];

    CHECK_OK(write_text(text, &whole, &err), err);
    (void)snprintf(faulty, sizeof faulty, "%sfault truncate -10\n", text);
    CHECK_OK(write_text(faulty, &cut, &err), err);
    CHECK_EQ_UINT(cut.size, whole.size - 10);
    (void)snprintf(faulty, sizeof faulty, "%sfault patch @0010,0010+1 hex:78\n", text);
    CHECK_OK(write_text(faulty, &patched, &err), err);
    CHECK(has(&patched, "Axcd", 4));
    CHECK(!write_text("fault patch @0099,0099 hex:00\n", &cut, &err));
    CHECK_HAS(err.text, "no element");
    buffer_release(&whole);
    buffer_release(&cut);
    buffer_release(&patched);
}

TEST(test_recipe__rle_of_runs_and_literals)
{
    static const uint8_t pixels[] = {1, 1, 1, 1, 2, 3, 4, 4};
    static const uint8_t expected[] = {0xfd, 1, 3, 2, 3, 4, 4, 0};
    struct buffer out = {0};
    struct error err;

    CHECK_OK(rle_encode(pixels, sizeof pixels, 1, 1, false, &out, &err), err);
    CHECK_EQ_UINT(out.size, 64 + sizeof expected);
    CHECK_EQ_MEM(out.data + 64, expected, sizeof expected);
    buffer_release(&out);
}

TEST(test_recipe__overlay_bits_lie_over_cells)
{
    static const uint8_t cell[] = {0x34, 0xf2};
    struct buffer out = {0};
    struct error err;

    CHECK_OK(write_text("rows = 1\ncolumns = 1\nstored = 12\nover = 61440\npixels = constant value=564\n", &out, &err), err);
    CHECK_EQ_MEM(out.data + out.size - 2, cell, 2);
    buffer_release(&out);
}
