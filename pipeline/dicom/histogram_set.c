#include "dicom/histogram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* One grid over the extent of all histograms, as fine as the finest of them where SET_BINS allow. A bin of a
 * histogram counts where its middle lies. Only minima, maxima and sums of integers: order cannot matter. */

enum { SET_BINS = 65536 };

struct histogram_set {
    bool has_extent;
    double low, high;   /* edges of all bins together */
    double least, most; /* exact extremes */
    double finest;      /* the smallest step */
    uint64_t total;
    double step; /* of the grid; 0 until the first histogram_set_add */
    uint32_t bins;
    uint64_t *counts; /* owned */
};

bool histogram_set_new(struct histogram_set **set, struct error *err)
{
    *set = memory_zeroed(sizeof **set, err);
    return *set != NULL;
}

void histogram_set_free(struct histogram_set *set)
{
    if (set == NULL)
        return;
    memory_free(set->counts);
    memory_free(set);
}

static double lesser(double a, double b)
{
    return a < b ? a : b;
}

static double greater(double a, double b)
{
    return a > b ? a : b;
}

bool histogram_set_extent(struct histogram_set *set, const struct histogram *histogram, struct error *err)
{
    const double high = histogram->first + histogram->bins * histogram->step;

    if (histogram->total == 0)
        return true;
    if (!isfinite(histogram->first) || !isfinite(high) || !(histogram->step > 0))
        return error_set(err, ERROR_CORRUPT, "a histogram from %g in steps of %g", histogram->first,
                         histogram->step);
    const bool is_first = !set->has_extent;
    set->has_extent = true;
    set->low = is_first ? histogram->first : lesser(set->low, histogram->first);
    set->high = is_first ? high : greater(set->high, high);
    set->least = is_first ? histogram->least : lesser(set->least, histogram->least);
    set->most = is_first ? histogram->most : greater(set->most, histogram->most);
    set->finest = is_first ? histogram->step : lesser(set->finest, histogram->step);
    return true;
}

static bool make_grid(struct histogram_set *set, struct error *err)
{
    const double width = set->high - set->low;

    if (!set->has_extent || !(width > 0) || !isfinite(width))
        return error_set(err, ERROR_USAGE, "a histogram was added before its extent");
    const double step = greater(set->finest, width / SET_BINS), bins = ceil(width / step);
    set->bins = bins >= SET_BINS ? SET_BINS : (uint32_t)bins;
    set->counts = memory_array(set->bins, sizeof set->counts[0], err);
    if (set->counts == NULL)
        return false;
    set->step = step;
    return true;
}

bool histogram_set_add(struct histogram_set *set, const struct histogram *histogram, struct error *err)
{
    const uint64_t most_total = UINT64_C(1) << 53; /* percentiles multiply by 1000, and doubles are exact */

    if (histogram->total == 0)
        return true;
    if (histogram->total > most_total - set->total)
        return error_set(err, ERROR_LIMIT, "histograms count more than 2^53 values");
    if (set->step == 0 && !make_grid(set, err))
        return false;
    for (uint32_t i = 0; i < histogram->bins; i++) {
        const double middle = histogram->first + (i + 0.5) * histogram->step;
        const double place = (middle - set->low) / set->step;
        const uint32_t bin = place <= 0 ? 0 : place >= set->bins ? set->bins - 1 : (uint32_t)place;
        set->counts[bin] += histogram->counts[i];
    }
    set->total += histogram->total;
    return true;
}

/* -- the window -------------------------------------------------------------------------------
 * Percentiles 0.5 and 99.5, with two corrections, since what matters is the body and not the air around it:
 *   - a single value at an end that holds much of the image and has no neighbours (air masked to 0, CT outside
 *     the circle without a padding attribute, a directly exposed radiograph) is left out;
 *   - so is the same blurred by a lossy codec: a narrow cluster behind a wide gap;
 *   - where the smaller of the two classes that Otsu's threshold makes is less than a tenth, the end beyond it
 *     is the percentile 95 of that class: a finger in a large field of view is not saturated away.
 * Above comes a tenth of headroom, so that the brightest tissue is not flat white (mr_t1_brain_384). */

struct tally {
    uint64_t *counts; /* a copy that loses its spikes */
    uint32_t bins;
    uint64_t total;
};

/* The bin where the share from that end first exceeds `per_mille`. */
static uint32_t bin_from_low(const struct tally *t, uint64_t per_mille)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < t->bins; i++) {
        sum += t->counts[i];
        if (sum * 1000 > t->total * per_mille)
            return i;
    }
    return t->bins - 1;
}

static uint32_t bin_from_high(const struct tally *t, uint64_t per_mille)
{
    uint64_t sum = 0;

    for (uint32_t i = t->bins; i > 0; i--) {
        sum += t->counts[i - 1];
        if (sum * 1000 > t->total * per_mille)
            return i - 1;
    }
    return 0;
}

/* At least a twentieth of all, and four times each of the next three bins inward (`inward` is 1 or -1). */
static bool is_spike(const struct tally *t, uint32_t bin, int inward)
{
    if (t->counts[bin] < t->total / 20)
        return false;
    for (int k = 1; k <= 3; k++) {
        const int64_t next = (int64_t)bin + k * inward;
        if (next >= 0 && next < t->bins && t->counts[next] * 4 > t->counts[bin])
            return false;
    }
    return true;
}

static void drop_spikes(struct tally *t)
{
    enum { MOST_SPIKES = 3 };

    for (int k = 0; k < MOST_SPIKES; k++) {
        const uint32_t low = bin_from_low(t, 5), high = bin_from_high(t, 5);
        const bool at_low = is_spike(t, low, 1);
        const uint32_t bin = at_low ? low : high;
        if ((!at_low && !is_spike(t, high, -1)) || t->counts[bin] == t->total)
            return;
        t->total -= t->counts[bin];
        t->counts[bin] = 0;
    }
}

/* The same when a lossy codec has blurred it: a cluster below what air has in CT, a hundredth of all or more,
 * behind a gap of an eighth of the range with next to nothing in it (CT1_J2KI: -2000 outside the circle). `most`
 * is the last bin of such values. */
static void drop_island(struct tally *t, uint32_t most)
{
    const uint32_t low = bin_from_low(t, 5), range = bin_from_high(t, 5) - low;
    const uint32_t gap = range / 8, widest = range / 8;
    const uint64_t nothing = t->total / 500;
    uint64_t island = 0, in_gap = 0;
    uint32_t end = low;

    for (uint32_t i = 0; i < gap; i++)
        in_gap += t->counts[low + i];
    while (end - low < widest && end <= most && in_gap > nothing) {
        island += t->counts[end];
        in_gap += t->counts[end + gap] - t->counts[end];
        end++;
    }
    if (in_gap > nothing || island * 100 < t->total || island * 10 > t->total * 9)
        return;
    for (uint32_t bin = 0; bin < end; bin++) {
        t->total -= t->counts[bin];
        t->counts[bin] = 0;
    }
}

/* Otsu: the bin after which the variance between the two classes is greatest. */
static uint32_t otsu(const struct tally *t)
{
    double moment = 0, below = 0, below_moment = 0, best = -1;
    uint32_t threshold = 0;

    for (uint32_t i = 0; i < t->bins; i++)
        moment += (double)t->counts[i] * i;
    for (uint32_t i = 0; i + 1 < t->bins; i++) {
        if (t->counts[i] == 0)
            continue;
        below += (double)t->counts[i];
        below_moment += (double)t->counts[i] * i;
        const double above = (double)t->total - below;
        if (!(above > 0))
            break;
        const double distance = below_moment / below - (moment - below_moment) / above;
        const double between = below * above * distance * distance;
        if (between > best) {
            best = between;
            threshold = i;
        }
    }
    return threshold;
}

/* The counts of one class alone. */
static struct tally part_of(const struct tally *t, uint32_t from, uint32_t to)
{
    struct tally part = {t->counts + from, to - from, 0};

    for (uint32_t i = 0; i < part.bins; i++)
        part.total += part.counts[i];
    return part;
}

static bool is_minority(const struct tally *part, const struct tally *all)
{
    return part->total * 10 < all->total && part->total * 100 >= all->total;
}

/* Of a mask or a label map every value is meant, none is a spike; a scanned page is black and white. */
enum { FEW_VALUES = 64, BYTE_VALUES = 256 };
enum { AIR_LEAST = -1100 }; /* HU, noise included */

/* `below_air`: how many bins hold values below AIR_LEAST. */
static void find_ends(struct tally *t, uint32_t below_air, uint32_t *low, uint32_t *high)
{
    uint32_t occupied = 0;

    for (uint32_t i = 0; i < t->bins; i++)
        occupied += t->counts[i] != 0;
    if (occupied >= FEW_VALUES)
        drop_spikes(t);
    if (occupied > BYTE_VALUES && below_air > 0)
        drop_island(t, below_air - 1);
    *low = bin_from_low(t, 5);
    *high = bin_from_high(t, 5);
    const uint32_t cut = otsu(t) + 1;
    if (cut >= t->bins)
        return;
    const struct tally below = part_of(t, 0, cut), above = part_of(t, cut, t->bins);
    if (is_minority(&above, t)) {
        const uint32_t end = cut + bin_from_high(&above, 50);
        *high = end > *high ? end : *high;
    } else if (is_minority(&below, t)) {
        const uint32_t end = bin_from_low(&below, 50);
        *low = end < *low ? end : *low;
    }
}

/* -- numbers for people ------------------------------------------------------------------------ */

/* `x` as a multiple of 10^power, the double nearest to that decimal. */
static double round_to_power(double x, int power)
{
    const double unit = pow(10, abs(power));
    return power >= 0 ? floor(x / unit + 0.5) * unit : floor(x * unit + 0.5) / unit;
}

/* Two significant digits of the width, and the center to the same place. */
static struct window round_window(double center, double width, enum voi_function function)
{
    struct window window = {.center = center, .width = width, .function = function};
    const double power = floor(log10(width)) - 1;

    if (fabs(power) <= 15 && fabs(center) <= width * 1e12) {
        window.width = round_to_power(width, (int)power);
        window.center = round_to_power(center, (int)power);
    }
    return window;
}

/* Low maps to black and high to white. LINEAR spends one unit between them (PS3.3 C.11.2.1.2.1), which
 * fits integers; a narrow range of fractions takes LINEAR_EXACT. */
static struct window window_of(double low, double high, bool is_fractional)
{
    if (!(high > low)) /* one value: middle grey, which nobody takes for a picture that failed */
        return (struct window){.center = low + 0.5, .width = 2, .function = VOI_LINEAR};
    if (is_fractional && high - low < 100)
        return round_window((low + high) / 2, high - low, VOI_LINEAR_EXACT);
    return round_window((low + high + 1) / 2, high - low + 1, VOI_LINEAR);
}

/* Nearly all of a range of up to 256 integers is taken whole: a screenshot stays as it is, with 128 and 256
 * and not 130 and 260. */
static bool is_byte_range(const struct histogram_set *set, double low, double high)
{
    const double range = set->most - set->least;

    return set->finest >= 1 && range > 0 && range < 256 && low - set->least <= range / 20 &&
           set->most - high <= range / 20;
}

static struct window window_of_set(const struct histogram_set *set, double low, double high)
{
    if (is_byte_range(set, low, high))
        return (struct window){.center = (set->least + set->most + 1) / 2,
                               .width = set->most - set->least + 1,
                               .function = VOI_LINEAR};
    return window_of(low, high, set->finest < 1);
}

bool histogram_set_window(const struct histogram_set *set, struct window *window, struct error *err)
{
    if (set->total == 0)
        return error_set(err, ERROR_NO_IMAGE, "no pixel value to make a window of");
    struct tally tally = {memory_new(set->bins * sizeof set->counts[0], err), set->bins, set->total};
    if (tally.counts == NULL)
        return false;
    memcpy(tally.counts, set->counts, set->bins * sizeof set->counts[0]);
    uint32_t low_bin, high_bin;
    const double below = floor((AIR_LEAST - set->low) / set->step);
    const uint32_t below_air = below <= 0 ? 0 : below >= set->bins ? set->bins : (uint32_t)below;
    find_ends(&tally, below_air, &low_bin, &high_bin);
    memory_free(tally.counts);
    /* the lowest values of these bins: the values themselves where a bin is one */
    const double low = greater(set->low + low_bin * set->step, set->least);
    const double high = set->low + high_bin * set->step;
    *window = low_bin < high_bin
                  ? window_of_set(set, low, lesser(high + (high - low) / 10, set->most))
                  : window_of_set(set, set->least, set->most);
    return true;
}
