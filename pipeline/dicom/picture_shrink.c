#include "dicom/picture_shrink.h"

#include <assert.h>
#include <string.h>

#include "base/clones.h"
#include "base/memory.h"

/* -- one axis ---------------------------------------------------------------------------- *
 * n source pixels become m. With g = gcd(n, m) a source pixel is m/g units long and an output pixel n/g:
 * all weights are integers, those of one output pixel add up to n/g. */

struct axis {
    uint32_t source, output; /* lengths of one pixel in units */
};

struct span {
    uint32_t first, last;          /* source pixels */
    uint32_t at_first, at_last;    /* weights; between them it is axis.source */
};

static struct axis axis_of(uint32_t n, uint32_t m)
{
    uint32_t a = n, b = m;

    while (b != 0) {
        const uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return (struct axis){m / a, n / a};
}

static struct span span_of(struct axis axis, uint32_t j)
{
    const uint64_t from = (uint64_t)j * axis.output, to = from + axis.output;
    struct span s = {(uint32_t)(from / axis.source), (uint32_t)((to - 1) / axis.source), axis.output, 0};

    if (s.first != s.last) {
        s.at_first = (uint32_t)(((uint64_t)s.first + 1) * axis.source - from);
        s.at_last = (uint32_t)(to - (uint64_t)s.last * axis.source);
    }
    return s;
}

static uint32_t span_weight(const struct span *s, struct axis axis, uint32_t i)
{
    return i == s->first ? s->at_first : i == s->last ? s->at_last : axis.source;
}

/* -- down: rows into one row of sums ------------------------------------------------------- *
 * 16 bits hold the sums of up to 257 units: the common sizes, and twice as fast. Blocks of constant length
 * let the compiler use the vector unit. */

enum { BLOCK = 32 };

#define SUM_ROW(name, sum_type) \
    static void name(sum_type *restrict sums, const uint8_t *restrict row, size_t size, sum_type weight, \
                     bool is_first) \
    { \
        size_t i = 0; \
        for (; !is_first && i + BLOCK <= size; i += BLOCK) \
            for (size_t k = 0; k < BLOCK; k++) \
                sums[i + k] = (sum_type)(sums[i + k] + (sum_type)(weight * row[i + k])); \
        for (; is_first && i + BLOCK <= size; i += BLOCK) \
            for (size_t k = 0; k < BLOCK; k++) \
                sums[i + k] = (sum_type)(weight * row[i + k]); \
        for (; i < size; i++) \
            sums[i] = (sum_type)((is_first ? 0 : sums[i]) + (sum_type)(weight * row[i])); \
    }

SUM_ROW(sum_row_16, uint16_t)
SUM_ROW(sum_row_32, uint32_t)

/* -- across: a row of sums into output pixels ---------------------------------------------- *
 * floor((sum + total / 2) / total) without dividing: both are exact in double, the quotient lies at least
 * 1 / (2 * total) >= 2^-33 from the next integer once 1/2 is added to the dividend, and the product errs by
 * less than 2^-43. */

struct quotient {
    uint64_t half;
    double reciprocal;
};

static inline uint8_t divide(struct quotient q, uint64_t sum)
{
    return (uint8_t)(((double)(int64_t)(sum + q.half) + 0.5) * q.reciprocal);
}

#define AVERAGE_ROW(name, sum_type) \
    static inline void name(const sum_type *sums, const struct span *spans, uint32_t columns, \
                            uint32_t weight, unsigned channels, struct quotient q, uint8_t *to) \
    { \
        for (uint32_t j = 0; j < columns; j++) { \
            const struct span s = spans[j]; \
            for (unsigned c = 0; c < channels; c++) { \
                const sum_type *const p = sums + c; \
                uint64_t inner = 0, sum = (uint64_t)s.at_first * p[(size_t)s.first * channels]; \
                for (size_t i = (size_t)s.first + 1; i < s.last; i++) \
                    inner += p[i * channels]; \
                sum += inner * weight + (uint64_t)s.at_last * p[(size_t)s.last * channels]; \
                *to++ = divide(q, sum); \
            } \
        } \
    }

AVERAGE_ROW(average_row_16, uint16_t)
AVERAGE_ROW(average_row_32, uint32_t)

/* -- across, eight rows at once ------------------------------------------------------------ *
 * Where no output pixel covers more than three source pixels, and neither is wide. The sums of eight output rows lie
 * beside one another, so that what is done for one pixel is done for eight. All is exact: a sum, half a total and 1/2
 * need 23 bits; a quotient lies 1 / (2 * TOTAL_MOST) or more from the next integer, and float errs by less than
 * 256 / 2^23. */

enum { LANES = 8, PAIRS = LANES, WIDE = 4096, TOTAL_MOST = 10000 };

/* malloc() aligns to 16 */
typedef float lanes_f __attribute__((vector_size(LANES * sizeof(float)), aligned(16)));
typedef int32_t lanes_i __attribute__((vector_size(LANES * sizeof(int32_t)), aligned(16)));

/* An output pixel: three source pixels, and what each of them weighs. */
struct taps {
    uint32_t at[3];
    float weight[3];
};

struct octet {
    struct taps *taps;  /* owned; one an output pixel */
    size_t stride;      /* of `sums`, a multiple of 2 * PAIRS */
    uint16_t *sums;     /* owned; LANES rows of sums */
    lanes_f *columns;   /* owned; the sums of each column */
};

static void octet_release(struct octet *o)
{
    memory_free(o->taps);
    memory_free(o->sums);
    memory_free(o->columns);
}

static struct taps taps_of(const struct span *s, uint32_t weight)
{
    const bool has_middle = s->last - s->first == 2;

    return (struct taps){{s->first, has_middle ? s->first + 1 : s->first, s->last},
                         {(float)s->at_first, has_middle ? (float)weight : 0, (float)s->at_last}};
}

static bool octet_new(struct octet *o, const struct span *spans, uint32_t columns, uint32_t weight, size_t size,
                      struct error *err)
{
    o->stride = (size + 2 * PAIRS - 1) / (2 * PAIRS) * (2 * PAIRS);
    o->taps = memory_array(columns, sizeof o->taps[0], err);
    o->sums = o->taps != NULL ? memory_array(LANES * o->stride, sizeof o->sums[0], err) : NULL;
    o->columns = o->sums != NULL ? memory_array(o->stride, sizeof o->columns[0], err) : NULL;
    if (o->columns == NULL)
        return false;
    for (uint32_t j = 0; j < columns; j++)
        o->taps[j] = taps_of(&spans[j], weight);
    return true;
}

/* Eight rows of eight words become eight columns. */
static inline void transpose(lanes_i w[LANES])
{
    lanes_i a[LANES], b[LANES];

#pragma GCC unroll 4
    for (int i = 0; i < LANES; i += 2) { /* neighbours' words beside one another */
        a[i] = __builtin_shufflevector(w[i], w[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        a[i + 1] = __builtin_shufflevector(w[i], w[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
#pragma GCC unroll 2
    for (int i = 0; i < LANES; i += 4) { /* pairs of them */
        b[i] = __builtin_shufflevector(a[i], a[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
        b[i + 1] = __builtin_shufflevector(a[i], a[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        b[i + 2] = __builtin_shufflevector(a[i + 1], a[i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
        b[i + 3] = __builtin_shufflevector(a[i + 1], a[i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) { /* halves */
        w[i] = __builtin_shufflevector(b[i], b[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        w[i + 4] = __builtin_shufflevector(b[i], b[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

/* The rows of sums turned into columns, a pair of sums at a time. */
static inline void turn(struct octet *o)
{
    const bool low_is_first = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

    for (size_t at = 0; at < o->stride; at += PAIRS * 2) {
        lanes_i pairs[LANES];

#pragma GCC unroll 8
        for (size_t r = 0; r < LANES; r++)
            memcpy(&pairs[r], &o->sums[r * o->stride + at], sizeof pairs[0]);
        transpose(pairs);
#pragma GCC unroll 8
        for (size_t i = 0; i < PAIRS; i++) {
            const lanes_i low = pairs[i] & 0xffff, high = pairs[i] >> 16 & 0xffff;

            o->columns[at + 2 * i] = __builtin_convertvector(low_is_first ? low : high, lanes_f);
            o->columns[at + 2 * i + 1] =
                __builtin_convertvector(low_is_first ? high : low, lanes_f);
        }
    }
}

/* Channel `c` of output pixel `j` of all eight rows. */
static inline void average_lanes(const struct octet *o, const struct taps *t, unsigned channels, unsigned c,
                                 float half, float reciprocal, lanes_i *to)
{
    const lanes_f *const columns = o->columns + c;
    const lanes_f sum = t->weight[0] * columns[t->at[0] * channels] + t->weight[1] * columns[t->at[1] * channels] +
                        t->weight[2] * columns[t->at[2] * channels];

    *to = __builtin_convertvector((sum + half) * reciprocal, lanes_i);
}

/* Four samples of each row become a word. */
static inline void join_four(const lanes_i four[4], lanes_i *word)
{
    const bool is_little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

    *word = is_little ? four[0] | four[1] << 8 | four[2] << 16 | four[3] << 24
                      : four[3] | four[2] << 8 | four[1] << 16 | four[0] << 24;
}

/* Eight samples of each row go out side by side; `samples` of them are there, and `rows` of the
 * rows. */
static inline void put_eight(const lanes_i eight[8], uint8_t *to, size_t pitch, uint32_t rows,
                             size_t samples)
{
    lanes_i left, right, both[2];

    join_four(eight, &left);
    join_four(eight + 4, &right);
    both[0] = __builtin_shufflevector(left, right, 0, 8, 1, 9, 2, 10, 3, 11);
    both[1] = __builtin_shufflevector(left, right, 4, 12, 5, 13, 6, 14, 7, 15);
    const uint8_t *const bytes = (const uint8_t *)both;
    if (rows == LANES && samples == 8)
#pragma GCC unroll 8
        for (size_t r = 0; r < LANES; r++)
            memcpy(to + r * pitch, bytes + r * 8, 8);
    else
        for (size_t r = 0; r < rows; r++)
            memcpy(to + r * pitch, bytes + r * 8, samples);
}

static inline void average_octet(const struct octet *o, uint32_t columns, unsigned channels, uint64_t total,
                                 uint32_t rows, uint8_t *to)
{
    const float half = (float)(total / 2) + 0.5f, reciprocal = (float)(1.0 / (double)total);
    const size_t pitch = (size_t)columns * channels;
    lanes_i eight[8] = {0};
    size_t at = 0;

    for (uint32_t j = 0; j < columns; j++)
        for (unsigned c = 0; c < channels; c++) {
            average_lanes(o, &o->taps[j], channels, c, half, reciprocal, &eight[at % 8]);
            if (++at % 8 == 0)
                put_eight(eight, to + at - 8, pitch, rows, 8);
        }
    if (at % 8 != 0)
        put_eight(eight, to + at - at % 8, pitch, rows, at % 8);
}

/* -- down only ----------------------------------------------------------------------------- *
 * Where the columns stay as they are: a picture whose pixels are not square, at full size. The same
 * arithmetic. */

static inline void average_columns(const uint16_t *restrict sums, size_t size, uint64_t total,
                                   uint8_t *restrict to)
{
    const float half = (float)(total / 2) + 0.5f, reciprocal = (float)(1.0 / (double)total);
    size_t i = 0;

    for (; i + BLOCK <= size; i += BLOCK)
        for (size_t k = 0; k < BLOCK; k++)
            to[i + k] = (uint8_t)(int32_t)(((float)sums[i + k] + half) * reciprocal);
    for (; i < size; i++)
        to[i] = (uint8_t)(int32_t)(((float)sums[i] + half) * reciprocal);
}

struct shrinker {
    const struct picture *from; /* of strips: the whole, without data */
    struct picture *to;
    struct axis across, down;
    uint64_t total;     /* weights that an output pixel adds up */
    struct span *spans; /* owned, to->columns */
    struct octet octet;
    void *sums;         /* owned, one source row of uint16_t or uint32_t */
    bool narrow;        /* uint16_t is enough */
};

static inline void sum_row(const struct shrinker *s, const uint8_t *row, uint32_t weight, bool is_first, void *sums)
{
    const size_t size = (size_t)s->from->columns * s->from->channels;

    if (s->narrow)
        sum_row_16(sums, row, size, (uint16_t)weight, is_first);
    else
        sum_row_32(sums, row, size, weight, is_first);
}

static inline void sum_rows(const struct shrinker *s, struct span span, void *sums)
{
    const size_t size = (size_t)s->from->columns * s->from->channels;

    for (uint32_t i = span.first; i <= span.last; i++)
        sum_row(s, s->from->data + i * size, span_weight(&span, s->down, i), i == span.first, sums);
}

static void average_row(const struct shrinker *s, uint8_t *to)
{
    const struct quotient q = {s->total / 2, 1.0 / (double)s->total};
    const uint32_t columns = s->to->columns;

    if (s->narrow && s->from->channels == 1)
        average_row_16(s->sums, s->spans, columns, s->across.source, 1, q, to);
    else if (s->narrow)
        average_row_16(s->sums, s->spans, columns, s->across.source, 3, q, to);
    else if (s->from->channels == 1)
        average_row_32(s->sums, s->spans, columns, s->across.source, 1, q, to);
    else
        average_row_32(s->sums, s->spans, columns, s->across.source, 3, q, to);
}

VECTOR_CLONES static void shrink_octets(const struct shrinker *s)
{
    const uint32_t rows = s->to->rows, columns = s->to->columns;
    struct octet octet = s->octet;

    for (uint32_t k = 0; k < rows; k += LANES) {
        const uint32_t some = rows - k < LANES ? rows - k : LANES;
        uint8_t *const to = s->to->data + (size_t)k * columns * s->to->channels;

        for (uint32_t r = 0; r < some; r++)
            sum_rows(s, span_of(s->down, k + r), octet.sums + r * octet.stride);
        turn(&octet);
        if (s->from->channels == 1)
            average_octet(&octet, columns, 1, s->total, some, to);
        else
            average_octet(&octet, columns, 3, s->total, some, to);
    }
}

VECTOR_CLONES static void shrink_down(const struct shrinker *s)
{
    const size_t size = (size_t)s->from->columns * s->from->channels;

    for (uint32_t k = 0; k < s->to->rows; k++) {
        sum_rows(s, span_of(s->down, k), s->sums);
        average_columns(s->sums, size, s->total, s->to->data + k * size);
    }
}

static void shrinker_close(struct shrinker *s)
{
    octet_release(&s->octet);
    memory_free(s->sums);
    memory_free(s->spans);
}

/* Closed also if it fails. */
static bool shrinker_open(struct shrinker *s, const struct picture *from, struct picture *to, struct error *err)
{
    *s = (struct shrinker){.from = from,
                           .to = to,
                           .across = axis_of(from->columns, to->columns),
                           .down = axis_of(from->rows, to->rows)};
    s->total = (uint64_t)s->across.output * s->down.output;
    s->narrow = s->down.output <= UINT16_MAX / 255;
    s->spans = memory_array(to->columns, sizeof s->spans[0], err);
    if (s->spans == NULL)
        return false;
    s->sums = memory_array((size_t)from->columns * from->channels, s->narrow ? sizeof(uint16_t) : sizeof(uint32_t), err);
    if (s->sums == NULL) {
        shrinker_close(s);
        return false;
    }
    for (uint32_t j = 0; j < to->columns; j++)
        s->spans[j] = span_of(s->across, j);
    return true;
}

static bool shrink_opened(struct shrinker *s, struct error *err)
{
    const struct picture *const from = s->from;
    struct picture *const to = s->to;
    const bool is_small = s->narrow && s->total < TOTAL_MOST;

    if (is_small && s->across.output == s->across.source) {
        shrink_down(s);
        return true;
    }
    if (is_small && s->across.output <= 2 * (uint64_t)s->across.source && from->columns <= WIDE) {
        if (!octet_new(&s->octet, s->spans, to->columns, s->across.source, (size_t)from->columns * from->channels, err))
            return false;
        shrink_octets(s);
        return true;
    }
    for (uint32_t k = 0; k < to->rows; k++) {
        sum_rows(s, span_of(s->down, k), s->sums);
        average_row(s, to->data + (size_t)k * to->columns * to->channels);
    }
    return true;
}

static bool shrink_any(const struct picture *from, struct picture *to, struct error *err)
{
    struct shrinker s;

    if (!shrinker_open(&s, from, to, err))
        return false;
    const bool ok = shrink_opened(&s, err);
    shrinker_close(&s);
    return ok;
}

/* -- half, one channel: most thumbnails, and every level of a pyramid ----------------------- */

static inline unsigned pair_sum(uint16_t pair)
{
    return (pair & 0xffu) + (pair >> 8); /* either byte order */
}

static void halve_row(const uint8_t *upper, const uint8_t *lower, uint32_t columns, uint8_t *to)
{
    uint32_t j = 0;

    for (; j + BLOCK <= columns; j += BLOCK) {
        uint16_t a[BLOCK], b[BLOCK];
        memcpy(a, upper + 2 * (size_t)j, sizeof a);
        memcpy(b, lower + 2 * (size_t)j, sizeof b);
        for (int k = 0; k < BLOCK; k++)
            to[j + (uint32_t)k] = (uint8_t)((pair_sum(a[k]) + pair_sum(b[k]) + 2) >> 2);
    }
    for (; j < columns; j++) {
        const size_t i = 2 * (size_t)j;
        to[j] = (uint8_t)((upper[i] + upper[i + 1] + lower[i] + lower[i + 1] + 2) >> 2);
    }
}

VECTOR_CLONES static void halve(const struct picture *from, struct picture *to)
{
    for (uint32_t k = 0; k < to->rows; k++) {
        const uint8_t *const upper = from->data + 2 * (size_t)k * from->columns;
        halve_row(upper, upper + from->columns, to->columns, to->data + (size_t)k * to->columns);
    }
}

bool picture_shrink(const struct picture *from, uint32_t columns, uint32_t rows, struct picture *to,
                    struct error *err)
{
    assert(from != to && from->data != NULL);
    if (!picture_resize(to, rows, columns, from->channels, err))
        return false;
    if (from->columns == columns && from->rows == rows) {
        memcpy(to->data, from->data, (size_t)rows * columns * from->channels);
        return true;
    }
    if (from->channels == 1 && from->columns == 2 * (uint64_t)columns && from->rows == 2 * (uint64_t)rows) {
        halve(from, to);
        return true;
    }
    return shrink_any(from, to, err);
}

/* -- in strips ----------------------------------------------------------------------------- */

struct strip_shrinker {
    struct shrinker shrinker;
    struct picture whole, small;
    uint32_t next_row, row; /* of the source, of the output */
};

bool strip_shrinker_new(uint32_t columns, uint32_t rows, unsigned channels, uint32_t to_columns, uint32_t to_rows,
                        struct strip_shrinker **strips, struct error *err)
{
    struct strip_shrinker *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    made->whole = (struct picture){.columns = columns, .rows = rows, .channels = channels};
    if (!picture_resize(&made->small, to_rows, to_columns, channels, err) ||
        !shrinker_open(&made->shrinker, &made->whole, &made->small, err)) {
        picture_release(&made->small);
        memory_free(made);
        return false;
    }
    *strips = made;
    return true;
}

void strip_shrinker_free(struct strip_shrinker *strips)
{
    if (strips == NULL)
        return;
    shrinker_close(&strips->shrinker);
    picture_release(&strips->small);
    memory_free(strips);
}

/* One source row; it may end an output row, and begin the next one, or be several of them. */
static void add_row(struct strip_shrinker *strips, const uint8_t *row)
{
    const struct shrinker *const s = &strips->shrinker;
    struct picture *const small = &strips->small;
    const uint32_t i = strips->next_row++;

    while (strips->row < small->rows) {
        const struct span span = span_of(s->down, strips->row);
        if (span.first > i)
            return;
        sum_row(s, row, span_weight(&span, s->down, i), i == span.first, s->sums);
        if (span.last > i)
            return;
        average_row(s, small->data + (size_t)strips->row * small->columns * small->channels);
        strips->row++;
    }
}

const struct picture *strip_shrinker_add(struct strip_shrinker *strips, const struct picture *strip)
{
    const size_t size = (size_t)strip->columns * strip->channels;

    assert(strip->columns == strips->whole.columns && strip->channels == strips->whole.channels &&
           strip->rows <= strips->whole.rows - strips->next_row);
    for (uint32_t i = 0; i < strip->rows; i++)
        add_row(strips, strip->data + i * size);
    return strips->next_row == strips->whole.rows ? &strips->small : NULL;
}
