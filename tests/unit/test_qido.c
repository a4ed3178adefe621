/* links: base dicom job coordinator */
#include "coordinator/qido.h"

#include "base/buffer.h"
#include "tests/support/test.h"

static struct catalogue *open_catalogue(void)
{
    struct catalogue *catalogue = NULL;
    struct error err;

    CHECK_OK(catalogue_open(test_folder(), CATALOGUE_WRITE, &catalogue, &err), err);
    return catalogue;
}

#define CHECK_ROW(sql, expected)                                                              \
    do {                                                                                      \
        struct catalogue *const catalogue = open_catalogue();                                 \
        struct buffer out = {0};                                                              \
        struct cursor *row = NULL;                                                            \
        struct error err;                                                                     \
        struct json j;                                                                        \
        CHECK_OK(catalogue_select(catalogue, sql, NO_VALUES, &row, &err), err);               \
        CHECK(cursor_next(row));                                                              \
        json_begin(&j, &out);                                                                 \
        qido_put_row(&j, row);                                                                \
        CHECK_OK(json_finish(&j, &err), err);                                                 \
        CHECK_EQ_STR(buffer_text(&out), expected);                                           \
        CHECK_OK(cursor_end(row, &err), err);                                                 \
        buffer_release(&out);                                                                 \
        catalogue_close(catalogue);                                                           \
    } while (0)

TEST(test_qido__numbers_texts_and_nothing)
{
    CHECK_ROW("SELECT '20200102' AS \"00080020DA\", NULL AS \"00080030TM\", NULL AS \"00081030LO?\","
              " -3 AS \"00200011IS\", '  ' AS \"00200010SH\", '' AS \"00200060CS?\", 512 AS \"00280010US\"",
              "{\"00080020\":{\"vr\":\"DA\",\"Value\":[\"20200102\"]},\"00080030\":{\"vr\":\"TM\"},"
              "\"00200011\":{\"vr\":\"IS\",\"Value\":[-3]},\"00200010\":{\"vr\":\"SH\"},"
              "\"00280010\":{\"vr\":\"US\",\"Value\":[512]}}");
}

TEST(test_qido__several_values)
{
    CHECK_ROW("SELECT 'CT\\SR' AS \"00080061CS\", ' a \\\\ b' AS \"00081030LO\", '\\' AS \"00180015CS\","
              " 'C:\\x' AS \"00081190UR\"",
              "{\"00080061\":{\"vr\":\"CS\",\"Value\":[\"CT\",\"SR\"]},"
              "\"00081030\":{\"vr\":\"LO\",\"Value\":[\"a\",null,\"b\"]},\"00180015\":{\"vr\":\"CS\"},"
              "\"00081190\":{\"vr\":\"UR\",\"Value\":[\"C:\\\\x\"]}}");
}

TEST(test_qido__names)
{
    CHECK_ROW("SELECT 'Yamada^Tarou=A^B=C^D' AS \"00100010PN\", '=X^Y' AS \"00080090PN\", 'A\\B==C' AS \"00081050PN\","
              " '==' AS \"00081060PN\"",
              "{\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Yamada^Tarou\",\"Ideographic\":\"A^B\","
              "\"Phonetic\":\"C^D\"}]},\"00080090\":{\"vr\":\"PN\",\"Value\":[{\"Ideographic\":\"X^Y\"}]},"
              "\"00081050\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"A\"},{\"Alphabetic\":\"B\","
              "\"Phonetic\":\"C\"}]},\"00081060\":{\"vr\":\"PN\"}}");
}
