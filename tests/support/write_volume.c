/* links: base dicom job codec stages support */
/* write_volume - the volume stage over a phantom (volume_phantom.h), for tests that read with other programs
 *
 *     write_volume FOLDER columns=37 rows=20 slices=9 bits=12 [dimensions=2 signed=1 float=1 padding=1 hole=4]
 *                  [spacing=0.5,0.5,3] [name=b-value] [plane=8,-16,4,20000] [set.compress=none ...]
 *
 * Prints a line "FOLDER/NUMBER<tab>NAME" for every artefact, then the notes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stage_harness.h"
#include "stages/stages.h"
#include "volume_phantom.h"

struct arguments {
    struct volume_phantom phantom;
    char settings[512];
};

static void fail(const char *text)
{
    fprintf(stderr, "write_volume: %s\n", text);
    exit(2);
}

static void take_spacing(struct volume_phantom *phantom, const char *text)
{
    if (sscanf(text, "%lf,%lf,%lf", &phantom->spacing_mm[0], &phantom->spacing_mm[1], &phantom->spacing_mm[2]) != 3)
        fail("spacing=x,y,z");
}

static void take_plane(struct volume_phantom *phantom, const char *text)
{
    double *const plane = phantom->plane;

    if (sscanf(text, "%lf,%lf,%lf,%lf", &plane[0], &plane[1], &plane[2], &plane[3]) != 4)
        fail("plane=a,b,c,d");
    phantom->is_plane = true;
}

static void take_number(struct volume_phantom *phantom, const char *name, const char *text)
{
    const uint32_t value = (uint32_t)strtoul(text, NULL, 10);

    if (strcmp(name, "columns") == 0)
        phantom->size[0] = value;
    else if (strcmp(name, "rows") == 0)
        phantom->size[1] = value;
    else if (strcmp(name, "slices") == 0)
        phantom->size[2] = value;
    else if (strcmp(name, "dimensions") == 0)
        phantom->dimensions = value;
    else if (strcmp(name, "bits") == 0)
        phantom->bits = (uint16_t)value;
    else if (strcmp(name, "signed") == 0)
        phantom->is_signed = value != 0;
    else if (strcmp(name, "float") == 0)
        phantom->is_float = value != 0;
    else if (strcmp(name, "padding") == 0)
        phantom->has_padding = value != 0;
    else if (strcmp(name, "hole") == 0 && phantom->hole_count < 4)
        phantom->holes[phantom->hole_count++] = value;
    else
        fail(name);
}

static void take(struct arguments *arguments, char *word)
{
    char *const equals = strchr(word, '=');
    const size_t used = strlen(arguments->settings);

    if (equals == NULL)
        fail(word);
    *equals = '\0';
    if (strncmp(word, "set.", 4) == 0)
        (void)snprintf(arguments->settings + used, sizeof arguments->settings - used, "%s=%s\n", word + 4, equals + 1);
    else if (strcmp(word, "spacing") == 0)
        take_spacing(&arguments->phantom, equals + 1);
    else if (strcmp(word, "plane") == 0)
        take_plane(&arguments->phantom, equals + 1);
    else if (strcmp(word, "name") == 0)
        arguments->phantom.dimension_name = equals + 1;
    else
        take_number(&arguments->phantom, word, equals + 1);
}

int main(int count, char **words)
{
    struct arguments arguments = {.phantom = {.bits = 12, .spacing_mm = {1, 1, 1}}};
    struct volume_phantom *const phantom = &arguments.phantom;
    struct stage_outcome outcome;

    if (count < 2)
        fail("a folder is missing");
    for (int i = 2; i < count; i++)
        take(&arguments, words[i]);
    if (phantom->size[0] == 0 || phantom->size[1] == 0 || phantom->size[2] == 0)
        fail("columns, rows and slices are wanted");
    volume_phantom_init(phantom);
    const struct stage_series_case series = {
        .volumes = &phantom->volume, .count = 1, .place = volume_phantom_place, .client = phantom};
    stage_harness_run_series(&volume_stage, arguments.settings, &series, words[1], &outcome);
    const struct product *const product = stage_outcome_product(&outcome);
    if (product->state != PRODUCT_DONE)
        fail(outcome.err.text);
    for (size_t i = 0; i < product->artefact_count; i++)
        printf("%s/%u\t%s\n", words[1], product->artefacts[i].staged, product->artefacts[i].name);
    fputs(buffer_text(&outcome.notes), stdout);
    stage_outcome_release(&outcome);
    volume_phantom_release(phantom);
    return 0;
}
