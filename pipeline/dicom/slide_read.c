#include "dicom/slide_read.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

#define WHOLE_SLIDE_UID "1.2.840.10008.5.1.4.1.1.77.1.6"

enum {
    TAG_PLANE_POSITION_SLIDE = TAG(0x0048, 0x021a),
    TAG_OPTICAL_PATHS = TAG(0x0048, 0x0105),
    TAG_OPTICAL_PATH_IDENTIFIER = TAG(0x0048, 0x0106),
    TAG_Z_OFFSET = TAG(0x0040, 0x074a),
    TAG_SEGMENTS = TAG(0x0062, 0x0002),
    TAG_SEGMENT_NUMBER = TAG(0x0062, 0x0004),
};

struct reading {
    const struct object *object;
    const struct dataset *root;
    const struct image *image;
    struct slide_part *part;
    size_t plane_capacity;
};

enum slide_kind slide_kind_of(const struct object *object)
{
    static const char *const words[SLIDE_KIND_COUNT] = {"VOLUME", "THUMBNAIL", "LABEL", "OVERVIEW"};
    const struct dataset *const root = object_dataset(object);
    char uid[65], word[17];

    if (!dataset_text(root, TAG(0x0008, 0x0016), uid, sizeof uid) || strcmp(uid, WHOLE_SLIDE_UID) != 0 ||
        !dataset_value(root, TAG(0x0008, 0x0008), 2, word, sizeof word))
        return SLIDE_VOLUME;
    for (int kind = 0; kind < SLIDE_KIND_COUNT; kind++)
        if (strcmp(word, words[kind]) == 0)
            return (enum slide_kind)kind;
    return SLIDE_VOLUME;
}

/* -- what holds for all frames -------------------------------------------------------------- */

/* Length in millimetre to nanometre, as exact as a stage moves; a value that is none is where all the others are. */
static int64_t focus_of(const struct dataset *dataset)
{
    double mm = 0;

    if (dataset == NULL || dataset_numbers(dataset, TAG_Z_OFFSET, "DS", &mm, 1) != 1 || !(fabs(mm) < 1e6))
        return 0;
    return (int64_t)llround(mm * 1e4) * 100;
}

static void read_matrix(struct reading *r)
{
    struct slide_part *const part = r->part;
    int64_t columns = 0, rows = 0;

    if (!dataset_is(r->root, TAG(0x0048, 0x0006), &columns) || !dataset_is(r->root, TAG(0x0048, 0x0007), &rows) ||
        columns < 1 || rows < 1)
        return;
    if (columns > SLIDE_SIDE_MOST || rows > SLIDE_SIDE_MOST) {
        part->fault = SLIDE_FAULT_TOO_LARGE;
        columns = columns > SLIDE_SIDE_MOST ? SLIDE_SIDE_MOST : columns;
        rows = rows > SLIDE_SIDE_MOST ? SLIDE_SIDE_MOST : rows;
    }
    part->columns = (uint32_t)columns;
    part->rows = (uint32_t)rows;
}

static uint64_t tiles_of(const struct slide_part *part)
{
    return (uint64_t)((part->columns - 1) / part->tile_columns + 1) * ((part->rows - 1) / part->tile_rows + 1);
}

/* FNV-1a of 63 bits. */
static uint64_t tell_profile(const struct image *image)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < image->icc_size; i++)
        hash = (hash ^ image->icc[i]) * UINT64_C(0x100000001b3);
    return image->icc != NULL ? hash >> 1 | 1 : 0;
}

static void read_common(struct reading *r)
{
    struct slide_part *const part = r->part;
    const struct image *const image = r->image;
    int64_t first = 0;

    (void)dataset_text(r->root, TAG(0x0008, 0x0018), part->sop_instance_uid, sizeof part->sop_instance_uid);
    (void)dataset_text(r->root, TAG(0x0020, 0x0052), part->frame_of_reference_uid, sizeof part->frame_of_reference_uid);
    (void)dataset_text(r->root, TAG(0x0008, 0x0019), part->pyramid_uid, sizeof part->pyramid_uid);
    (void)dataset_text(r->root, TAG(0x0020, 0x9161), part->concatenation_uid, sizeof part->concatenation_uid);
    (void)dataset_text(r->root, TAG(0x0040, 0x0512), part->container, sizeof part->container);
    part->kind = slide_kind_of(r->object);
    part->tile_columns = image->columns;
    part->tile_rows = image->rows;
    part->frames = image->frames;
    part->samples_per_pixel = image->samples_per_pixel;
    part->profile = tell_profile(image);
    if (image->spacing_source != NULL && strcmp(image->spacing_source, "PixelAspectRatio") != 0) {
        part->row_spacing_mm = image->row_spacing_mm;
        part->column_spacing_mm = image->column_spacing_mm;
    }
    if (part->concatenation_uid[0] != '\0' && dataset_is(r->root, TAG(0x0020, 0x9228), &first) && first > 0 &&
        first <= UINT32_MAX - part->frames)
        part->first_frame = (uint32_t)first;
}

/* -- planes --------------------------------------------------------------------------------- */

/* The plane's number; a new one is added. SLIDE_FAULT_PLANES where there are too many. */
static bool find_plane(struct reading *r, const struct slide_plane *plane, uint32_t *number, struct error *err)
{
    struct slide_part *const part = r->part;
    void *planes = part->planes;

    for (*number = 0; *number < part->plane_count; ++*number)
        if (part->planes[*number].focus_nm == plane->focus_nm && strcmp(part->planes[*number].channel, plane->channel) == 0)
            return true;
    *number = 0;
    if (part->plane_count == SLIDE_PLANES_MOST) {
        part->fault = SLIDE_FAULT_PLANES;
        return true;
    }
    if (!memory_grow(&planes, &r->plane_capacity, part->plane_count + 1, sizeof *part->planes, err))
        return false;
    part->planes = planes;
    *number = (uint32_t)part->plane_count;
    part->planes[part->plane_count++] = *plane;
    return true;
}

static size_t bounded(int64_t number)
{
    return number < 1 ? 1 : number > SLIDE_PLANES_MOST ? SLIDE_PLANES_MOST + 1 : (size_t)number;
}

/* Number and names of what TILED_FULL repeats: segments, unless one frame holds them all, or optical paths. */
static size_t count_channels(const struct reading *r, uint32_t *sequence, uint32_t *name)
{
    char type[17] = "";
    int64_t declared = 0;

    (void)dataset_text(r->root, TAG(0x0062, 0x0001), type, sizeof type);
    if (type[0] != '\0') {
        *sequence = TAG_SEGMENTS;
        *name = TAG_SEGMENT_NUMBER;
        return strcmp(type, "LABELMAP") == 0 ? 1 : bounded((int64_t)dataset_items(r->root, TAG_SEGMENTS));
    }
    *sequence = TAG_OPTICAL_PATHS;
    *name = TAG_OPTICAL_PATH_IDENTIFIER;
    (void)dataset_is(r->root, TAG(0x0048, 0x0302), &declared);
    const size_t items = dataset_items(r->root, TAG_OPTICAL_PATHS);
    return bounded(declared > 0 ? declared : (int64_t)items);
}

/* A number, where there is no name. */
static void name_channel(const struct reading *r, uint32_t sequence, uint32_t tag, size_t index,
                         char name[SLIDE_CHANNEL_SIZE])
{
    const struct dataset *const item = dataset_item(r->root, sequence, index);
    int64_t number = 0;

    if (item != NULL && tag == TAG_SEGMENT_NUMBER && dataset_is(item, tag, &number))
        (void)snprintf(name, SLIDE_CHANNEL_SIZE, "%u", (unsigned)(number & UINT16_MAX));
    else if (item == NULL || tag == TAG_SEGMENT_NUMBER || !dataset_text(item, tag, name, SLIDE_CHANNEL_SIZE))
        (void)snprintf(name, SLIDE_CHANNEL_SIZE, "%zu", index + 1);
}

static bool make_full_planes(struct reading *r, struct error *err)
{
    struct slide_part *const part = r->part;
    const struct dataset *const origin = dataset_item(r->root, TAG(0x0048, 0x0008), 0);
    const struct dataset *const measures = object_functional_group(r->object, TAG(0x0028, 0x9110), 1);
    uint32_t sequence, name;
    int64_t focal = 0;
    double step_mm = 0;

    (void)dataset_is(r->root, TAG(0x0048, 0x0303), &focal);
    const size_t channels = count_channels(r, &sequence, &name), planes = bounded(focal);
    if (channels > SLIDE_PLANES_MOST || planes > SLIDE_PLANES_MOST || channels * planes > SLIDE_PLANES_MOST) {
        part->fault = SLIDE_FAULT_PLANES;
        return true;
    }
    if (measures == NULL || dataset_numbers(measures, TAG(0x0018, 0x0088), "DS", &step_mm, 1) != 1 ||
        !(step_mm > 1e-4 && step_mm < 1e3))
        step_mm = 1e-3; /* some step there must be */
    part->planes = memory_array(channels * planes, sizeof *part->planes, err);
    if (part->planes == NULL)
        return false;
    for (size_t i = 0; i < channels * planes; i++) {
        struct slide_plane *const plane = &part->planes[part->plane_count++];

        name_channel(r, sequence, name, i / planes, plane->channel);
        plane->focus_nm = focus_of(origin) + (int64_t)llround((double)(i % planes) * step_mm * 1e4) * 100;
    }
    return true;
}

/* -- positions ------------------------------------------------------------------------------ */

static const struct dataset *position_of(const struct reading *r, uint32_t frame)
{
    return object_functional_group(r->object, TAG_PLANE_POSITION_SLIDE, frame);
}

/* The optical path or segment of a frame. */
static void read_channel(const struct reading *r, uint32_t frame, char name[SLIDE_CHANNEL_SIZE])
{
    const struct dataset *const path = object_functional_group(r->object, TAG(0x0048, 0x0207), frame);
    const struct dataset *const segment = object_functional_group(r->object, TAG(0x0062, 0x000a), frame);
    int64_t number = 0;

    if (path != NULL && dataset_text(path, TAG_OPTICAL_PATH_IDENTIFIER, name, SLIDE_CHANNEL_SIZE))
        return;
    if (segment != NULL && dataset_is(segment, TAG(0x0062, 0x000b), &number))
        (void)snprintf(name, SLIDE_CHANNEL_SIZE, "%u", (unsigned)(number & UINT16_MAX));
    else
        name_channel(r, TAG_OPTICAL_PATHS, TAG_OPTICAL_PATH_IDENTIFIER, 0, name);
}

/* Column and Row Position In Total Image Pixel Matrix count from 1 (PS3.3 C.8.12.6.1.1). */
static bool read_place(struct reading *r, uint32_t frame, struct slide_place *place, struct error *err)
{
    const struct dataset *const position = position_of(r, frame);
    struct slide_part *const part = r->part;
    struct slide_plane plane = {0};
    int64_t column = 0, row = 0;

    if (position == NULL || !dataset_is(position, TAG(0x0048, 0x021e), &column) ||
        !dataset_is(position, TAG(0x0048, 0x021f), &row) || column < 1 || row < 1 || column > part->columns ||
        row > part->rows) {
        part->fault = SLIDE_FAULT_POSITIONS;
        return true;
    }
    read_channel(r, frame, plane.channel);
    plane.focus_nm = focus_of(position);
    *place = (struct slide_place){.column = (uint32_t)column - 1, .row = (uint32_t)row - 1};
    return find_plane(r, &plane, &place->plane, err);
}

static bool read_places(struct reading *r, struct error *err)
{
    struct slide_part *const part = r->part;
    bool ok = true;

    part->places = memory_array(part->frames, sizeof *part->places, err);
    if (part->places == NULL)
        return false;
    for (uint32_t i = 0; ok && i < part->frames && part->fault == SLIDE_FAULT_NONE; i++)
        ok = read_place(r, i + 1, &part->places[i], err);
    return ok;
}

/* In the order of TILED_FULL, from the first frame to the last of them: then there is nothing to remember. */
static bool are_full(const struct slide_part *part)
{
    const uint32_t across = (part->columns - 1) / part->tile_columns + 1;
    const uint64_t tiles = tiles_of(part);

    if (part->first_frame != 0 || part->concatenation_uid[0] != '\0' || part->frames != tiles * part->plane_count)
        return false;
    for (uint32_t i = 0; i < part->frames; i++) {
        const struct slide_place *const place = &part->places[i];
        const uint64_t tile = i % tiles;

        if (place->plane != i / tiles || place->column != tile % across * part->tile_columns ||
            place->row != tile / across * part->tile_rows)
            return false;
    }
    return true;
}

/* -- the whole ------------------------------------------------------------------------------ */

static bool read_sparse(struct reading *r, bool declared_full, struct buffer *notes, struct error *err)
{
    struct slide_part *const part = r->part;

    if (!read_places(r, err))
        return false;
    if (part->fault != SLIDE_FAULT_NONE)
        return true;
    if (are_full(part)) {
        memory_free(part->places);
        part->places = NULL;
        return true;
    }
    return !declared_full || part->concatenation_uid[0] != '\0' ||
           buffer_puts(notes, "TILED_FULL, but the frames' positions say another order: they are believed\n", err);
}

/* Number of Frames as declared: those that are missing at the end are in their places all the same. */
static bool read_full(struct reading *r, bool is_declared, struct buffer *notes, struct error *err)
{
    struct slide_part *const part = r->part;
    int64_t declared = part->frames;

    if (!make_full_planes(r, err))
        return false;
    if (part->fault != SLIDE_FAULT_NONE)
        return true;
    (void)dataset_is(r->root, TAG(0x0028, 0x0008), &declared);
    const uint64_t whole = tiles_of(part) * part->plane_count;
    const uint64_t end = (uint64_t)part->first_frame + part->frames;
    const bool fits = part->concatenation_uid[0] != '\0' ? end <= whole && is_declared
                                                         : declared >= 1 && (uint64_t)declared == whole && end <= whole;
    if (!fits)
        part->fault = SLIDE_FAULT_COUNT;
    return !fits || is_declared ||
           buffer_puts(notes, "no Dimension Organization Type: as many frames as TILED_FULL has, taken as that\n", err);
}

static bool read_part(struct reading *r, struct buffer *notes, struct error *err)
{
    struct slide_part *const part = r->part;
    char organization[17] = "";

    (void)dataset_text(r->root, TAG(0x0020, 0x9311), organization, sizeof organization);
    if (part->fault != SLIDE_FAULT_NONE)
        return true;
    if (tiles_of(part) > SLIDE_PLACES_MOST) {
        part->fault = SLIDE_FAULT_TOO_LARGE;
        return true;
    }
    const bool is_full = strcmp(organization, "TILED_FULL") == 0;
    if (position_of(r, 1) != NULL)
        return read_sparse(r, is_full, notes, err);
    if (organization[0] != '\0' && !is_full) {
        part->fault = SLIDE_FAULT_POSITIONS;
        return true;
    }
    return read_full(r, is_full, notes, err);
}

bool slide_read(const struct object *object, const struct image *image, struct slide_part *part, bool *is_part,
                struct buffer *notes, struct error *err)
{
    struct reading r = {.object = object, .root = object_dataset(object), .image = image, .part = part};

    *part = (struct slide_part){0};
    *is_part = false;
    read_matrix(&r);
    if (part->columns == 0 || image->frames == 0) {
        *part = (struct slide_part){0};
        return true;
    }
    read_common(&r);
    if (!read_part(&r, notes, err)) {
        slide_part_release(part);
        return false;
    }
    if (part->fault != SLIDE_FAULT_NONE) {
        memory_free(part->planes);
        memory_free(part->places);
        part->planes = NULL;
        part->places = NULL;
        part->plane_count = 0;
    }
    *is_part = true;
    return true;
}
