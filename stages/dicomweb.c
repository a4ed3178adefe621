/* dicomweb.c - an instance's metadata for DICOMweb clients, and its bulk values as files
 *
 * The metadata are the DICOM JSON Model (PS3.18 Annex F) of the whole data set in one line, told by run->metadata: the
 * coordinator keeps it and joins the lines of a series as text, without looking into them. Every address in it is made
 * for the resource where clients read it (PS3.18 10.4.1.1.2), which is the one of the series:
 *
 *     .../series/E/metadata              BulkDataURI "instances/U/bulkdata/00282000" as it stands here (RFC 3986 5.2)
 *     .../studies/S/metadata             the same with "series/E/" before it
 *     .../instances/U/metadata           the same with "../../" before it
 *
 * A join for the other two puts that after each ,"BulkDataURI":" of the text: these bytes stand nowhere else, because
 * quotes inside of strings are escaped. An absolute address cannot be known here: a site may be served from anywhere.
 *
 * Pixel data is never inside: BulkDataURI of one frame is its file, "instances/U/frames/1"; of several it is their
 * folder, "instances/U/frames", whose files 1, 2... clients ask for by number (PS3.18 10.4.1.1.6). There is none where
 * no frame is published. Other binary values of more than INLINE_MOST bytes, and encapsulated documents of any size,
 * are artefacts: bulkdata/NAME, NAME being where the value is in the data set: "00282000", or
 * "00480105-1-00282000" in item 1 of 00480105. A PDF has the extension of one, so that servers and browsers know it.
 *
 * The attributes that describe the pixel data tell of the published frames, as struct coded_form has them, and not of
 * the source's; Available Transfer Syntax UID (0008,3002) is theirs. What the source says about lossy compression
 * stays, and where its codestream had lost something without a word, Lossy Image Compression says so (PS3.3
 * C.7.6.1.1.5). What slide viewers cannot do without is added where it is missing. UIDs are those of the path: one
 * that cannot stand in a path is another one in the metadata, too.
 *
 * study_metadata, study_instances, instance_metadata and brotli are for the coordinator, which joins and compresses:
 * nothing is made again here when they change.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/digest.h"
#include "dicom/dicom_json.h"
#include "dicom/transfer_syntax.h"
#include "job/job.h"
#include "stages.h"

struct options {
    bool private_attributes, study_metadata, study_instances, instance_metadata, brotli, labels;
};

static const struct option option_table[] = {
    {.name = "private",
     .type = OPTION_BOOL,
     .offset = offsetof(struct options, private_attributes),
     .default_value = "false",
     .help = "private attributes in the metadata, too"},
    {.name = "study_metadata",
     .type = OPTION_BOOL,
     .offset = offsetof(struct options, study_metadata),
     .default_value = "false",
     .help = "studies/S/metadata: the metadata of all instances of a study in one file",
     .for_join = true},
    {.name = "study_instances",
     .type = OPTION_BOOL,
     .offset = offsetof(struct options, study_instances),
     .default_value = "false",
     .help = "studies/S/instances: the list of all instances of a study",
     .for_join = true},
    {.name = "instance_metadata",
     .type = OPTION_BOOL,
     .offset = offsetof(struct options, instance_metadata),
     .default_value = "false",
     .help = "instances/U/metadata: a file for each instance",
     .for_join = true},
    {.name = "brotli",
     .type = OPTION_BOOL,
     .offset = offsetof(struct options, brotli),
     .default_value = "false",
     .help = ".br beside the .gz of JSON and HTML files",
     .for_join = true},
    {.name = "labels",
     .type = OPTION_BOOL,
     .offset = offsetof(struct options, labels),
     .default_value = "false",
     .help = "a slide's label, too, whoever makes what of it: it may show the patient's name",
     .for_join = true},
    {.name = NULL},
};

enum {
    INLINE_MOST = 1024, /* shorter values cost less inside than a request */
    NAME_SIZE = 48,     /* layout_word_is_valid */
    ADDRESS_SIZE = 128,
    TEXT_SIZE = UID_SIZE,
    OVERRIDES_MOST = 20,
    TAG_NUMBER_OF_FRAMES = TAG(0x0028, 0x0008),
    TAG_SLIDE_ORIGIN = TAG(0x0048, 0x0008),
    TAG_OPTICAL_PATH = TAG(0x0048, 0x0105),
};

#define SLIDE_CLASS "1.2.840.10008.5.1.4.1.1.77.1.6" /* VL Whole Slide Microscopy Image Storage */

struct state {
    size_t override_count;
    struct dicom_json_override overrides[OVERRIDES_MOST];
    char texts[OVERRIDES_MOST][TEXT_SIZE];
};

/* -- what is told of the published frames --------------------------------------------------- */

/* In ascending order; text NULL: the attribute is left out. */
static void put_text(struct state *state, uint32_t tag, const char *vr, const char *text)
{
    struct dicom_json_override *const override = &state->overrides[state->override_count];

    *override = (struct dicom_json_override){.tag = tag};
    (void)snprintf(override->vr, sizeof override->vr, "%s", vr);
    if (text != NULL) {
        (void)snprintf(state->texts[state->override_count], TEXT_SIZE, "%s", text);
        override->text = state->texts[state->override_count];
    }
    state->override_count++;
}

/* `items`: JSON, of static life. */
static void put_items(struct state *state, uint32_t tag, const char *items)
{
    put_text(state, tag, "SQ", NULL);
    state->overrides[state->override_count - 1].text = items;
}

static void put_number(struct state *state, uint32_t tag, const char *vr, uint32_t number)
{
    char text[16];

    (void)snprintf(text, sizeof text, "%u", number);
    put_text(state, tag, vr, text);
}

/* Image Pixel module (PS3.3 C.7.6.3), and the Floating Point ones, which tell neither bits nor sign. */
static void put_pixels(struct state *state, const struct stage_input *input)
{
    const struct coded_form *const form = input->published;
    const struct dataset *const dataset = object_dataset(input->object);

    put_number(state, TAG(0x0028, 0x0002), "US", form->samples_per_pixel);
    if (form->photometric != PHOTOMETRIC_UNKNOWN)
        put_text(state, TAG(0x0028, 0x0004), "CS", photometric_word(form->photometric));
    if (form->samples_per_pixel > 1)
        put_number(state, TAG(0x0028, 0x0006), "US", form->planar_configuration);
    else
        put_text(state, TAG(0x0028, 0x0006), "US", NULL);
    if (form->frames != 1 || dataset_has(dataset, TAG_NUMBER_OF_FRAMES))
        put_number(state, TAG_NUMBER_OF_FRAMES, "IS", form->frames);
    put_number(state, TAG(0x0028, 0x0010), "US", form->rows);
    put_number(state, TAG(0x0028, 0x0011), "US", form->columns);
    put_number(state, TAG(0x0028, 0x0100), "US", form->bits_allocated);
    if (input->image->element == PIXEL_ELEMENT_INTEGER) {
        put_number(state, TAG(0x0028, 0x0101), "US", form->bits_stored);
        put_number(state, TAG(0x0028, 0x0102), "US", form->high_bit);
        put_number(state, TAG(0x0028, 0x0103), "US", form->is_signed);
    }
    if (form->lossy && !input->image->lossy_declared)
        put_text(state, TAG(0x0028, 0x2110), "CS", "01");
}

/* Type 1 in slides (PS3.3 C.8.12.4, C.8.12.5); older writers leave both out, and slide viewers take their first item
 * unasked: an origin of 0, and for colours, which only transmitted light has, one optical path in bright field
 * (PS3.16 CID 8123). */
static bool put_slide(struct state *state, const struct stage_input *input, struct buffer *notes, struct error *err)
{
    const struct dataset *const dataset = object_dataset(input->object);

    if (strcmp(input->image->sop_class_uid, SLIDE_CLASS) != 0)
        return true;
    if (!dataset_has(dataset, TAG_SLIDE_ORIGIN)) {
        put_items(state, TAG_SLIDE_ORIGIN,
                  "{\"0040072A\":{\"vr\":\"DS\",\"Value\":[0]},\"0040073A\":{\"vr\":\"DS\",\"Value\":[0]}}");
        if (!buffer_puts(notes, "no Total Pixel Matrix Origin: the metadata say 0, 0\n", err))
            return false;
    }
    if (dataset_has(dataset, TAG_OPTICAL_PATH) || input->published->samples_per_pixel != 3)
        return true;
    put_items(state, TAG_OPTICAL_PATH,
              "{\"00220016\":{\"vr\":\"SQ\",\"Value\":[{\"00080100\":{\"vr\":\"SH\",\"Value\":[\"111744\"]},"
              "\"00080102\":{\"vr\":\"SH\",\"Value\":[\"DCM\"]},"
              "\"00080104\":{\"vr\":\"LO\",\"Value\":[\"Brightfield illumination\"]}}]},"
              "\"00480106\":{\"vr\":\"SH\",\"Value\":[\"1\"]}}");
    return buffer_puts(notes, "no Optical Path: the metadata say bright field\n", err);
}

static bool has_frames(const struct stage_input *input)
{
    return input->image != NULL && input->published->transfer_syntax[0] != '\0';
}

static bool put_overrides(struct state *state, const struct stage_input *input, struct buffer *notes,
                          struct error *err)
{
    put_text(state, TAG(0x0008, 0x0018), "UI", input->subject->sop);
    if (has_frames(input))
        put_text(state, TAG(0x0008, 0x3002), "UI", input->published->transfer_syntax);
    put_text(state, TAG(0x0020, 0x000d), "UI", input->subject->study);
    put_text(state, TAG(0x0020, 0x000e), "UI", input->subject->series);
    if (!has_frames(input))
        return true;
    put_pixels(state, input);
    return put_slide(state, input, notes, err);
}

/* PS3.5 A.1, A.4: OB where frames are encapsulated or have 8 bits. Float ones are as they were. */
static const char *pixel_data_vr(const struct stage_input *input)
{
    const struct transfer_syntax *const syntax = transfer_syntax_find(input->published->transfer_syntax);

    if (input->image->element != PIXEL_ELEMENT_INTEGER)
        return NULL;
    return (syntax != NULL && syntax->encapsulated) || input->published->bits_allocated <= 8 ? "OB" : "OW";
}

/* Pixel values in the data set (padding, LUT descriptors) have the sign of the pixels. */
static enum dicom_json_sign published_sign(const struct stage_input *input)
{
    if (!has_frames(input) || input->image->element != PIXEL_ELEMENT_INTEGER ||
        input->published->is_signed == input->image->is_signed)
        return DICOM_JSON_SIGN_DECLARED;
    return input->published->is_signed ? DICOM_JSON_SIGNED : DICOM_JSON_UNSIGNED;
}

/* -- bulk values ---------------------------------------------------------------------------- */

/* The path in lower case; a longer one is named by its last tag and its hash. */
static bool make_name(const char *path, char name[NAME_SIZE], struct error *err)
{
    const size_t length = strlen(path);
    char hex[DIGEST_HEX_SIZE] = "", whole[DICOM_JSON_PATH + 1];
    struct digest digest;

    for (size_t i = 0; i <= length; i++)
        whole[i] = path[i] >= 'A' && path[i] <= 'F' ? (char)(path[i] - 'A' + 'a') : path[i];
    if (length < NAME_SIZE) {
        memcpy(name, whole, length + 1);
        return true;
    }
    if (!digest_of(whole, length, &digest, err))
        return false;
    digest_hex(&digest, hex);
    (void)snprintf(name, NAME_SIZE, "%.8s-%.32s", whole + length - 8, hex);
    return true;
}

static bool is_pdf(const struct object *object, const struct dicom_json_bulk *bulk)
{
    char type[32];

    return strcmp(bulk->path, "00420011") == 0 &&
           dataset_text(object_dataset(object), TAG(0x0042, 0x0012), type, sizeof type) &&
           strcasecmp(type, "application/pdf") == 0;
}

/* A document of an odd length ends in a padding byte, which is none of its own (PS3.3 C.24.2). */
static size_t document_size(const struct object *object, const struct dicom_json_bulk *bulk)
{
    int64_t length = 0;

    if (strcmp(bulk->path, "00420011") == 0 &&
        dataset_is(object_dataset(object), TAG(0x0042, 0x0015), &length) && length == (int64_t)bulk->size - 1)
        return (size_t)length;
    return bulk->size;
}

static bool put_bulk(void *client, const struct dicom_json_bulk *bulk, char address[DICOM_JSON_PATH + 1],
                     struct error *err)
{
    struct stage_run *const run = client;
    const struct object *const object = run->input->object;
    const bool pdf = is_pdf(object, bulk);
    char name[NAME_SIZE];

    if (!make_name(bulk->path, name, err))
        return false;
    const struct artefact_spec spec = {.place = PLACE_BULK, .name = name, .extension = pdf ? "pdf" : NULL,
                                       .media_type = pdf ? "application/pdf" : "application/octet-stream"};
    const struct part part = {bulk->bytes, document_size(object, bulk)};
    (void)snprintf(address, DICOM_JSON_PATH + 1, "%s%s", name, pdf ? ".pdf" : "");
    return staging_put(run->staging, &spec, &part, 1, err);
}

/* -- the stage ------------------------------------------------------------------------------ */

static bool dicomweb_finish(struct stage_run *run, struct error *err)
{
    const struct stage_input *const input = run->input;
    const struct options *const options = run->options;
    struct state *const state = run->state;
    char bulk_prefix[ADDRESS_SIZE], pixels[ADDRESS_SIZE];

    if (input->published_fault->kind != ERROR_NONE) {
        *err = *input->published_fault;
        return false;
    }
    if (!put_overrides(state, input, run->notes, err))
        return false;
    (void)snprintf(bulk_prefix, sizeof bulk_prefix, "instances/%s/bulkdata/", input->subject->sop);
    (void)snprintf(pixels, sizeof pixels, "instances/%s/frames%s", input->subject->sop,
                   input->published->frames == 1 ? "/1" : "");
    const struct dicom_json_options json = {
        .private_attributes = options->private_attributes,
        .inline_limit = INLINE_MOST,
        .bulk_prefix = bulk_prefix,
        .bulk = put_bulk,
        .bulk_client = run,
        .pixel_data_uri = has_frames(input) ? pixels : NULL,
        .pixel_data_vr = has_frames(input) ? pixel_data_vr(input) : NULL,
        .sign = published_sign(input),
        .overrides = state->overrides,
        .override_count = state->override_count,
        .most = JOB_METADATA_MOST,
    };
    buffer_clear(run->metadata);
    if (dicom_json_write(input->object, &json, run->metadata, err))
        return true;
    buffer_clear(run->metadata); /* half of it is nothing */
    return false;
}

const struct stage dicomweb_stage = {
    .name = "dicomweb",
    .summary = "metadata and bulk values for DICOMweb clients",
    .version = 2,
    .scope = SCOPE_INSTANCE,
    .needs = NEEDS_OBJECT,
    .on_by_default = true,
    .options = option_table,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct state),
    .finish = dicomweb_finish,
};
