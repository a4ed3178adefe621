/* links: base support */
/* make_dicom - DICOM objects from a text recipe (recipe.h, README.md)
 *
 *     make_dicom [--set name=value]... RECIPE FILE            one object
 *     make_dicom [--set name=value]... --study RECIPE FOLDER  `instances` objects, named by `file`
 *
 * RECIPE - is standard input. The same recipe gives the same bytes everywhere.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "dicom_writer.h"

enum { RECIPE_MOST = 64 << 20 };

static bool read_recipe(const char *path, struct buffer *text, struct error *err)
{
    char block[1 << 16];
    ssize_t got;

    if (strcmp(path, "-") != 0)
        return path_read_file(path, RECIPE_MOST, text, err);
    while ((got = read(STDIN_FILENO, block, sizeof block)) > 0)
        if (!buffer_append(text, block, (size_t)got, err))
            return false;
    return got == 0 || error_set(err, ERROR_IO, "cannot read standard input");
}

static bool parse(const struct buffer *text, double i, double n, struct recipe *recipe, struct error *err)
{
    const struct recipe_variable variables[] = {{"i", i}, {"n", n}};

    return recipe_parse(buffer_text(text), variables, 2, recipe, err);
}

/* Instance `i` of `n`; `to` is the file, or the folder of a study. */
static bool write_one(const struct buffer *text, double i, double n, const char *to, bool study, struct error *err)
{
    struct recipe recipe = {0};
    struct buffer file = {0};
    char path[PATH_SIZE];
    bool ok = parse(text, i, n, &recipe, err);

    if (ok && study)
        ok = path_join(path, to, recipe_text(&recipe, "file", "object.dcm"), err) &&
             path_make_parent(path, 0755, err);
    else if (ok)
        ok = path_format(path, err, "%s", to);
    ok = ok && dicom_write(&recipe, &file, err) && path_write_file(path, file.data, file.size, err);
    buffer_release(&file);
    recipe_release(&recipe);
    return ok;
}

static bool write_all(const struct buffer *text, const char *to, bool study, struct error *err)
{
    struct recipe recipe = {0};
    double instances = 1;

    if (study) {
        if (!parse(text, 0, 1, &recipe, err))
            return false;
        instances = recipe_number(&recipe, "instances", 1);
        recipe_release(&recipe);
    }
    for (double i = 0; i < instances; i++)
        if (!write_one(text, i, instances, to, study, err))
            return error_context(err, "instance %.0f", i);
    return true;
}

int main(int argc, char **argv)
{
    struct buffer text = {0}, added = {0};
    const char *recipe = NULL, *to = NULL;
    struct error err = {0};
    bool study = false, ok = true;

    for (int i = 1; ok && i < argc; i++) {
        if (strcmp(argv[i], "--study") == 0)
            study = true;
        else if (strcmp(argv[i], "--set") == 0 && i + 1 < argc)
            ok = buffer_printf(&added, &err, "\n%s\n", argv[++i]);
        else if (recipe == NULL)
            recipe = argv[i];
        else
            to = argv[i];
    }
    if (to == NULL) {
        (void)fputs("usage: make_dicom [--set name=value]... [--study] RECIPE TO\n", stderr);
        return 2;
    }
    ok = ok && read_recipe(recipe, &text, &err) && buffer_append(&text, added.data, added.size, &err) &&
         write_all(&text, to, study, &err);
    if (!ok)
        (void)fprintf(stderr, "make_dicom: %s: %s\n", recipe, err.text);
    buffer_release(&text);
    buffer_release(&added);
    return ok ? 0 : 1;
}
