#include "dicom/slide.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

const char *slide_verdict_word(enum slide_verdict verdict)
{
    static const char *const words[] = {
#define X(name, word) [SLIDE_##name] = word,
        SLIDE_VERDICTS(X)
#undef X
    };

    return words[verdict];
}

static const char *fault_text(enum slide_fault fault)
{
    static const char *const texts[] = {
#define X(name, text) [SLIDE_FAULT_##name] = text,
        SLIDE_FAULTS(X)
#undef X
    };

    return texts[fault];
}

void slide_part_release(struct slide_part *part)
{
    memory_free(part->planes);
    memory_free(part->places);
    *part = (struct slide_part){0};
}

void slide_release(struct slide *slide)
{
    for (size_t i = 0; i < slide->count; i++) {
        struct slide_pyramid *const pyramid = &slide->pyramids[i];

        for (size_t k = 0; k < pyramid->level_count; k++) {
            memory_free(pyramid->levels[k].cells);
            memory_free(pyramid->levels[k].parts);
        }
        memory_free(pyramid->levels);
    }
    memory_free(slide->pyramids);
    *slide = (struct slide){0};
}

/* -- sheets: one plane of one image ---------------------------------------------------------- */

struct sheet {
    const struct slide_part *const *parts; /* of its image: one, or those of a concatenation, in order */
    size_t part_count;
    const struct slide_plane *plane;
};

struct sorting {
    const struct slide_part *all;
    const struct slide_part **parts; /* usable ones, those of an image together; owned */
    size_t part_count;
    struct sheet *sheets;            /* owned */
    size_t sheet_count, sheet_capacity;
    uint64_t cells;                  /* made so far */
    struct slide *slide;
    size_t pyramid_capacity;
};

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

/* Parts of one concatenation stand together, in their order. */
static int compare_parts(const void *one, const void *other)
{
    const struct slide_part *const a = *(const struct slide_part *const *)one;
    const struct slide_part *const b = *(const struct slide_part *const *)other;
    int order = strcmp(a->concatenation_uid, b->concatenation_uid);

    order = order != 0 ? order : COMPARE(a->columns, b->columns);
    order = order != 0 ? order : COMPARE(a->rows, b->rows);
    order = order != 0 ? order : COMPARE(a->first_frame, b->first_frame);
    return order != 0 ? order : strcmp(a->sop_instance_uid, b->sop_instance_uid);
}

static bool are_one_image(const struct slide_part *a, const struct slide_part *b)
{
    return a->concatenation_uid[0] != '\0' && strcmp(a->concatenation_uid, b->concatenation_uid) == 0 &&
           a->columns == b->columns && a->rows == b->rows && a->tile_columns == b->tile_columns &&
           a->tile_rows == b->tile_rows && a->samples_per_pixel == b->samples_per_pixel &&
           (a->places == NULL) == (b->places == NULL);
}

static int compare_planes(const struct slide_plane *a, const struct slide_plane *b)
{
    const int order = strcmp(a->channel, b->channel);

    return order != 0 ? order : COMPARE(a->focus_nm, b->focus_nm);
}

/* What the levels of a pyramid share. */
static int compare_keys(const struct sheet *a, const struct sheet *b)
{
    const struct slide_part *const p = a->parts[0], *const q = b->parts[0];
    int order = strcmp(p->pyramid_uid, q->pyramid_uid);

    order = order != 0 ? order : strcmp(p->frame_of_reference_uid, q->frame_of_reference_uid);
    order = order != 0 ? order : strcmp(p->container, q->container);
    order = order != 0 ? order : COMPARE(p->samples_per_pixel, q->samples_per_pixel);
    return order != 0 ? order : compare_planes(a->plane, b->plane);
}

static uint64_t area_of(const struct slide_part *part)
{
    return (uint64_t)part->columns * part->rows;
}

static int compare_sheets(const void *one, const void *other)
{
    const struct sheet *const a = one, *const b = other;
    const struct slide_part *const p = a->parts[0], *const q = b->parts[0];
    int order = compare_keys(a, b);

    order = order != 0 ? order : COMPARE(area_of(q), area_of(p));
    order = order != 0 ? order : COMPARE(p->kind, q->kind);
    return order != 0 ? order : strcmp(p->sop_instance_uid, q->sop_instance_uid);
}

static bool has_sheet(const struct sorting *s, size_t from, const struct slide_plane *plane)
{
    for (size_t i = from; i < s->sheet_count; i++)
        if (compare_planes(s->sheets[i].plane, plane) == 0)
            return true;
    return false;
}

/* The planes of an image, each once. */
static bool add_sheets(struct sorting *s, size_t first, size_t count, struct error *err)
{
    const size_t before = s->sheet_count;

    for (size_t i = first; i < first + count; i++)
        for (size_t k = 0; k < s->parts[i]->plane_count; k++) {
            void *sheets = s->sheets;

            if (has_sheet(s, before, &s->parts[i]->planes[k]))
                continue;
            if (!memory_grow(&sheets, &s->sheet_capacity, s->sheet_count + 1, sizeof *s->sheets, err))
                return false;
            s->sheets = sheets;
            s->sheets[s->sheet_count++] = (struct sheet){&s->parts[first], count, &s->parts[i]->planes[k]};
        }
    return true;
}

static bool make_sheets(struct sorting *s, struct error *err)
{
    if (s->part_count > 0)
        qsort(s->parts, s->part_count, sizeof *s->parts, compare_parts);
    for (size_t i = 0, count; i < s->part_count; i += count) {
        for (count = 1; i + count < s->part_count && are_one_image(s->parts[i], s->parts[i + count]);)
            count++;
        if (!add_sheets(s, i, count, err))
            return false;
    }
    if (s->sheet_count > 0)
        qsort(s->sheets, s->sheet_count, sizeof *s->sheets, compare_sheets);
    return true;
}

/* -- cells ----------------------------------------------------------------------------------- */

static int compare_cells(const void *one, const void *other)
{
    const struct slide_cell *const a = one, *const b = other;
    int order = COMPARE(a->row, b->row);

    order = order != 0 ? order : COMPARE(a->column, b->column);
    order = order != 0 ? order : COMPARE(a->part, b->part);
    return order != 0 ? order : COMPARE(a->frame, b->frame);
}

/* The plane's number in the part; plane_count: it has none like that. */
static size_t find_plane(const struct slide_part *part, const struct slide_plane *plane)
{
    size_t k = 0;

    while (k < part->plane_count && compare_planes(&part->planes[k], plane) != 0)
        k++;
    return k;
}

/* TILED_FULL (PS3.3 C.7.6.17.3): along the rows of tiles, then down, then plane by plane: [*from, *to) of the part's frames,
 * counted from 0, are of this plane, and its first tile would be frame *origin of the whole image. */
static bool full_range(const struct slide_part *part, const struct slide_level *level, const struct slide_plane *plane,
                       uint64_t *origin, uint64_t *from, uint64_t *to)
{
    const uint64_t tiles = (uint64_t)level->across * level->down;
    const uint64_t end = (uint64_t)part->first_frame + part->frames;
    const size_t k = find_plane(part, plane);

    *origin = k * tiles;
    *from = *origin > part->first_frame ? *origin - part->first_frame : 0;
    *to = *origin + tiles < end ? *origin + tiles - part->first_frame : part->frames;
    return k < part->plane_count && *origin < end && *origin + tiles > part->first_frame;
}

static void add_full(const struct slide_part *part, uint32_t number, const struct slide_plane *plane,
                     struct slide_level *level)
{
    uint64_t origin, from, to;

    if (!full_range(part, level, plane, &origin, &from, &to))
        return;
    for (uint64_t i = from; i < to; i++) {
        const uint64_t tile = part->first_frame + i - origin;

        level->cells[level->cell_count++] = (struct slide_cell){
            .column = (uint32_t)(tile % level->across) * level->tile_columns,
            .row = (uint32_t)(tile / level->across) * level->tile_rows,
            .frame = (uint32_t)i + 1,
            .part = number,
        };
    }
}

static void add_sparse(const struct slide_part *part, uint32_t number, const struct slide_plane *plane,
                       struct slide_level *level)
{
    const size_t k = find_plane(part, plane);

    for (uint32_t i = 0; i < part->frames; i++)
        if (part->places[i].plane == k)
            level->cells[level->cell_count++] =
                (struct slide_cell){part->places[i].column, part->places[i].row, i + 1, number};
}

/* How many at most, before there is room for them. */
static uint64_t count_cells(const struct sheet *sheet, const struct slide_level *level)
{
    uint64_t total = 0, origin, from, to;

    for (size_t i = 0; i < sheet->part_count; i++) {
        const struct slide_part *const part = sheet->parts[i];
        const size_t k = find_plane(part, sheet->plane);

        if (part->places != NULL)
            for (uint32_t frame = 0; frame < part->frames; frame++)
                total += part->places[frame].plane == k;
        else if (full_range(part, level, sheet->plane, &origin, &from, &to))
            total += to - from;
    }
    return total;
}

static int compare_numbers(const void *one, const void *other)
{
    return COMPARE(*(const uint32_t *)one, *(const uint32_t *)other);
}

static void fill_level(const struct sorting *s, const struct sheet *sheet, struct slide_level *level)
{
    for (size_t i = 0; i < sheet->part_count; i++) {
        const struct slide_part *const part = sheet->parts[i];
        const uint32_t number = (uint32_t)(part - s->all);
        const size_t before = level->cell_count;

        level->is_sparse = level->is_sparse || part->places != NULL;
        if (part->places != NULL)
            add_sparse(part, number, sheet->plane, level);
        else
            add_full(part, number, sheet->plane, level);
        if (level->cell_count > before)
            level->parts[level->part_count++] = number;
    }
    if (level->cell_count > 0)
        qsort(level->cells, level->cell_count, sizeof *level->cells, compare_cells);
    if (level->part_count > 0)
        qsort(level->parts, level->part_count, sizeof *level->parts, compare_numbers);
}

static bool is_aligned(const struct slide_level *level)
{
    for (size_t i = 0; i < level->cell_count; i++) {
        const struct slide_cell *const cell = &level->cells[i];

        if (cell->column % level->tile_columns != 0 || cell->row % level->tile_rows != 0 ||
            (i > 0 && cell->column == cell[-1].column && cell->row == cell[-1].row))
            return false;
    }
    return true;
}

/* *fits false: that would be more than are sorted. */
static bool make_level(struct sorting *s, const struct sheet *sheet, struct slide_level *level, bool *fits,
                       struct error *err)
{
    const struct slide_part *const like = sheet->parts[0];

    *level = (struct slide_level){.columns = like->columns, .rows = like->rows, .tile_columns = like->tile_columns,
                                  .tile_rows = like->tile_rows,
                                  .across = (like->columns - 1) / like->tile_columns + 1,
                                  .down = (like->rows - 1) / like->tile_rows + 1};
    const uint64_t count = count_cells(sheet, level);
    *fits = s->cells + count <= SLIDE_CELLS_MOST;
    if (!*fits)
        return true;
    s->cells += count;
    level->cells = memory_array((size_t)count, sizeof *level->cells, err);
    level->parts = level->cells != NULL ? memory_array(sheet->part_count, sizeof *level->parts, err) : NULL;
    if (level->parts == NULL) {
        memory_free(level->cells);
        return false;
    }
    fill_level(s, sheet, level);
    level->is_aligned = is_aligned(level);
    return true;
}

/* -- pyramids -------------------------------------------------------------------------------- */

/* Between which factors `large` becomes `small`, a pixel more or less; nothing gets smaller than one. */
static void find_factors(uint32_t large, uint32_t small, double *least, double *most)
{
    *least = (double)large / (small + 1.0);
    *most = small > 1 ? (double)large / (small - 1.0) : INFINITY;
}

/* By some factor that is the same across and down. */
static bool is_made_smaller(const struct slide_level *large, uint32_t columns, uint32_t rows)
{
    double least, most, low, high;

    find_factors(large->columns, columns, &least, &most);
    find_factors(large->rows, rows, &low, &high);
    return columns <= large->columns && rows <= large->rows && least <= high && low <= most;
}

static bool may_join(const struct slide_pyramid *pyramid, const struct sheet *sheet)
{
    const struct slide_part *const part = sheet->parts[0];

    if (pyramid->level_count == 0)
        return false;
    const struct slide_level *const last = &pyramid->levels[pyramid->level_count - 1];
    return area_of(part) < (uint64_t)last->columns * last->rows &&
           is_made_smaller(&pyramid->levels[0], part->columns, part->rows);
}

static struct slide_pyramid *add_pyramid(struct sorting *s, const struct slide_part *like,
                                         const struct slide_plane *plane, struct error *err)
{
    void *pyramids = s->slide->pyramids;

    if (!memory_grow(&pyramids, &s->pyramid_capacity, s->slide->count + 1, sizeof *s->slide->pyramids, err))
        return NULL;
    s->slide->pyramids = pyramids;
    struct slide_pyramid *const pyramid = &s->slide->pyramids[s->slide->count++];
    *pyramid = (struct slide_pyramid){.like = like, .plane = *plane};
    return pyramid;
}

static bool add_unusable(struct sorting *s, const struct slide_part *part, enum slide_fault fault, struct error *err)
{
    static const struct slide_plane none = {0};
    struct slide_pyramid *const pyramid = add_pyramid(s, part, &none, err);

    if (pyramid == NULL)
        return false;
    pyramid->verdict = SLIDE_UNUSABLE;
    (void)snprintf(pyramid->reason, sizeof pyramid->reason, "%s", fault_text(fault));
    return true;
}

static bool add_level(struct slide_pyramid *pyramid, const struct slide_level *level, struct error *err)
{
    void *const levels = memory_resize(pyramid->levels, (pyramid->level_count + 1) * sizeof *level, err);

    if (levels == NULL)
        return false;
    pyramid->levels = levels;
    pyramid->levels[pyramid->level_count++] = *level;
    return true;
}

/* Into the first pyramid of those from `first` on that it fits in, else into a new one; but a thumbnail makes none. */
static bool place_sheet(struct sorting *s, size_t first, const struct sheet *sheet, struct error *err)
{
    struct slide_pyramid *pyramid = NULL;
    struct slide_level level;
    bool fits = false;

    if (!make_level(s, sheet, &level, &fits, err))
        return false;
    if (!fits)
        return add_unusable(s, sheet->parts[0], SLIDE_FAULT_TOO_MANY, err);
    for (size_t i = first; i < s->slide->count && pyramid == NULL; i++)
        if (may_join(&s->slide->pyramids[i], sheet))
            pyramid = &s->slide->pyramids[i];
    const bool is_alone = pyramid == NULL && sheet->parts[0]->kind == SLIDE_THUMBNAIL;
    if (pyramid == NULL && !is_alone)
        pyramid = add_pyramid(s, sheet->parts[0], sheet->plane, err);
    if (pyramid != NULL && add_level(pyramid, &level, err))
        return true;
    memory_free(level.cells);
    memory_free(level.parts);
    return is_alone;
}

static bool place_sheets(struct sorting *s, struct error *err)
{
    size_t first = 0;
    bool ok = true;

    for (size_t i = 0; ok && i < s->sheet_count; i++) {
        if (i > 0 && compare_keys(&s->sheets[i - 1], &s->sheets[i]) != 0)
            first = s->slide->count;
        ok = place_sheet(s, first, &s->sheets[i], err);
    }
    return ok;
}

/* -- verdicts -------------------------------------------------------------------------------- */

static enum slide_verdict judge(const struct slide_level *level)
{
    if (!level->is_aligned)
        return SLIDE_OVERLAPPING;
    if (level->cell_count == (uint64_t)level->across * level->down)
        return SLIDE_WHOLE;
    return level->is_sparse ? SLIDE_SPARSE : SLIDE_INCOMPLETE;
}

static bool do_profiles_differ(const struct sorting *s, const struct slide_pyramid *pyramid)
{
    for (size_t i = 0; i < pyramid->level_count; i++)
        for (size_t k = 0; k < pyramid->levels[i].part_count; k++)
            if (s->all[pyramid->levels[i].parts[k]].profile != pyramid->like->profile)
                return true;
    return false;
}

static void judge_pyramid(struct slide_pyramid *pyramid)
{
    size_t worst = 0;

    if (pyramid->verdict == SLIDE_UNUSABLE)
        return;
    for (size_t i = 0; i < pyramid->level_count; i++)
        if (judge(&pyramid->levels[i]) > judge(&pyramid->levels[worst]))
            worst = i;
    const struct slide_level *const level = &pyramid->levels[worst];
    const size_t places = (size_t)level->across * level->down;
    char *const to = pyramid->reason;
    const size_t size = sizeof pyramid->reason;
    pyramid->verdict = judge(level);
    switch (pyramid->verdict) {
    case SLIDE_WHOLE:
        (void)snprintf(to, size, "%zu level%s, every tile is there", pyramid->level_count,
                       pyramid->level_count == 1 ? "" : "s");
        break;
    case SLIDE_SPARSE:
        (void)snprintf(to, size, "%u x %u pixels have %zu of %zu tiles, as TILED_SPARSE may", level->columns,
                       level->rows, level->cell_count, places);
        break;
    case SLIDE_INCOMPLETE:
        (void)snprintf(to, size, "%u x %u pixels: %zu of %zu tiles are missing", level->columns, level->rows,
                       places - level->cell_count, places);
        break;
    case SLIDE_OVERLAPPING:
        (void)snprintf(to, size, "%u x %u pixels: tiles are not on a grid, or several are in one place",
                       level->columns, level->rows);
        break;
    case SLIDE_UNUSABLE:
    case SLIDE_VERDICT_COUNT:
        break;
    }
}

static uint64_t first_area(const struct slide_pyramid *pyramid)
{
    return pyramid->level_count > 0 ? (uint64_t)pyramid->levels[0].columns * pyramid->levels[0].rows : 0;
}

static int compare_pyramids(const void *one, const void *other)
{
    const struct slide_pyramid *const a = one, *const b = other;
    const struct slide_part *const p = a->like, *const q = b->like;
    int order = COMPARE(first_area(b), first_area(a));

    order = order != 0 ? order : strcmp(p->pyramid_uid, q->pyramid_uid);
    order = order != 0 ? order : strcmp(p->frame_of_reference_uid, q->frame_of_reference_uid);
    order = order != 0 ? order : strcmp(p->container, q->container);
    order = order != 0 ? order : compare_planes(&a->plane, &b->plane);
    return order != 0 ? order : strcmp(p->sop_instance_uid, q->sop_instance_uid);
}

/* -- the whole ------------------------------------------------------------------------------- */

static bool is_level(const struct slide_part *part)
{
    return part->kind == SLIDE_VOLUME || part->kind == SLIDE_THUMBNAIL;
}

static bool sort_all(struct sorting *s, size_t count, struct error *err)
{
    struct slide *const slide = s->slide;

    s->parts = memory_array(count, sizeof *s->parts, err);
    if (s->parts == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        if (is_level(&s->all[i]) && s->all[i].fault == SLIDE_FAULT_NONE)
            s->parts[s->part_count++] = &s->all[i];
        else if (is_level(&s->all[i]) && !add_unusable(s, &s->all[i], s->all[i].fault, err))
            return false;
    if (!make_sheets(s, err) || !place_sheets(s, err))
        return false;
    for (size_t i = 0; i < slide->count; i++) {
        slide->pyramids[i].profiles_differ = do_profiles_differ(s, &slide->pyramids[i]);
        judge_pyramid(&slide->pyramids[i]);
    }
    if (slide->count > 0)
        qsort(slide->pyramids, slide->count, sizeof *slide->pyramids, compare_pyramids);
    for (size_t i = 0; i < slide->count; i++)
        slide->pyramids[i].ordinal = (uint32_t)i + 1;
    return true;
}

bool slide_sort(const struct slide_part *parts, size_t count, struct slide *slide, struct error *err)
{
    struct sorting s = {.all = parts, .slide = slide};

    *slide = (struct slide){0};
    const bool ok = sort_all(&s, count, err);
    memory_free(s.parts);
    memory_free(s.sheets);
    if (!ok)
        slide_release(slide);
    return ok;
}

/* -- looking up ------------------------------------------------------------------------------ */

/* The first cell at (row, column) or behind. */
static size_t lower_bound(const struct slide_level *level, uint32_t row, uint32_t column)
{
    size_t low = 0, high = level->cell_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct slide_cell *const cell = &level->cells[middle];

        if (cell->row < row || (cell->row == row && cell->column < column))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct slide_cell *slide_level_at(const struct slide_level *level, uint32_t x, uint32_t y)
{
    const uint32_t column = x * level->tile_columns, row = y * level->tile_rows;
    const size_t i = lower_bound(level, row, column);

    return i < level->cell_count && level->cells[i].row == row && level->cells[i].column == column ? &level->cells[i]
                                                                                                  : NULL;
}

void slide_level_rows(const struct slide_level *level, uint32_t from, uint32_t to, size_t *first, size_t *end)
{
    *first = lower_bound(level, from >= level->tile_rows ? from - level->tile_rows + 1 : 0, 0);
    *end = lower_bound(level, to, 0);
}
