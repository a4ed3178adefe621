extern "C" { /* plain C headers */
#include "htj2k_encode.h"

#include "base/memory.h"
#include "j2k_tileparts.h"
}

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <new>
#include <stdexcept>

#include <malloc.h>

#include <ojph_arch.h>
#include <ojph_base.h>
#include <ojph_codestream.h>
#include <ojph_file.h>
#include <ojph_mem.h>
#include <ojph_message.h>
#include <ojph_params.h>

namespace
{

using ojph::si32;
using ojph::si64;
using ojph::ui32;

/* OpenJPH's own handlers print to stderr, which would be a worker's log. */
class quiet_info : public ojph::message_info
{
    void operator()(int, const char *, int, const char *, ...) override
    {
    }
};

class quiet_warning : public ojph::message_warning
{
    void operator()(int, const char *, int, const char *, ...) override
    {
    }
};

class thrown_error : public ojph::message_error
{
    void operator()(int code, const char *, int, const char *format, ...) override
        __attribute__((format(printf, 5, 6)))
    {
        char text[160], message[200];
        va_list arguments;

        va_start(arguments, format);
        (void)std::vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        (void)std::snprintf(message, sizeof message, "%s (0x%08x)", text,
                            static_cast<unsigned>(code));
        throw std::runtime_error(message);
    }
};

void keep_quiet()
{
    static quiet_info info;
    static quiet_warning warning;
    static thrown_error error;

    ojph::configure_info(&info);
    ojph::configure_warning(&warning);
    ojph::configure_error(&error);
}

/* Where OpenJPH writes to; it does not ask whether a write succeeded, so a failure is kept. */
class buffer_file : public ojph::outfile_base
{
  public:
    buffer_file(struct buffer *out, struct error *err) : out_(out), err_(err), start_(out->size)
    {
    }

    size_t write(const void *data, size_t size) override
    {
        failed_ = failed_ || !buffer_append(out_, data, size, err_);
        return failed_ ? 0 : size;
    }
    si64 tell() override
    {
        return static_cast<si64>(out_->size - start_);
    }
    bool failed() const
    {
        return failed_;
    }

  private:
    struct buffer *out_;
    struct error *err_;
    size_t start_;
    bool failed_ = false;
};

/* While it lives malloc() hands out zeroed memory. OpenJPH 0.9.0 takes what lies behind the end of
 * a line (its vectors are 8 wide) into account when it asks whether a block is all zero: with
 * leftovers in there the same image gave other bytes, as good but not the same (1-bit 13x6x3, or
 * black right edges). */
class zeroed_memory
{
  public:
    zeroed_memory()
    {
        (void)mallopt(M_PERTURB, 0xFF);
    } /* glibc fills with the complement */
    ~zeroed_memory()
    {
        (void)mallopt(M_PERTURB, 0);
    }
    zeroed_memory(const zeroed_memory &) = delete;
    zeroed_memory &operator=(const zeroed_memory &) = delete;
};

void write_headers(ojph::codestream &codestream, buffer_file &file)
{
    const zeroed_memory zeroed; /* the lines are allocated in here */

    codestream.write_headers(&file);
}

/* One sample into OpenJPH's line. Returns which bits it uses: a signed value's are those that
 * differ from its sign. */
template <typename sample> inline ui32 put_sample(sample from, si32 *to)
{
    const si32 value = static_cast<si32>(from);

    *to = value;
    return static_cast<ui32>(sample(-1) < 0 ? value ^ (value >> 31) : value);
}

/* One component of one row. Blocks of constant length let the compiler use the vector unit. */
template <typename sample> ui32 fill_line(const sample *from, size_t stride, size_t count, si32 *to)
{
    const size_t block = 32;
    ui32 used = 0;
    size_t x = 0;

    for (; stride == 1 && x + block <= count; x += block)
        for (size_t k = 0; k < block; k++)
            used |= put_sample(from[x + k], to + x + k);
    for (; x < count; x++)
        used |= put_sample(from[x * stride], to + x);
    return used;
}

template <typename sample>
ui32 push_samples(ojph::codestream &codestream, const struct frame *frame)
{
    const size_t stride = frame->samples_per_pixel;
    const sample *row = static_cast<const sample *>(frame->samples);
    ui32 used = 0, next = 0;
    ojph::line_buf *line = codestream.exchange(nullptr, next);

    for (uint32_t y = 0; y < frame->rows; y++, row += stride * frame->columns)
        for (size_t c = 0; c < stride; c++) {
            used |= fill_line(row + next, stride, frame->columns, line->i32);
            line = codestream.exchange(line, next);
        }
    return used;
}

ui32 push_frame(ojph::codestream &codestream, const struct frame *frame)
{
    switch (frame->type) {
    case SAMPLE_U8:
        return push_samples<uint8_t>(codestream, frame);
    case SAMPLE_S8:
        return push_samples<int8_t>(codestream, frame);
    case SAMPLE_U16:
        return push_samples<uint16_t>(codestream, frame);
    case SAMPLE_S16:
        return push_samples<int16_t>(codestream, frame);
    case SAMPLE_U32:
        return push_samples<uint32_t>(codestream, frame);
    case SAMPLE_S32:
        return push_samples<int32_t>(codestream, frame);
    case SAMPLE_F32:
    case SAMPLE_F64:
        break;
    }
    throw std::runtime_error("no integer samples");
}

/* One precinct a resolution, as by default, but no larger than the image asks for: OpenJPH, here and in browsers, takes
 * memory for the code-blocks of the largest precinct that is allowed, 1.4 MB by default. At least 128: code-blocks of a
 * band are no larger than half of it (B.7). */
ojph::size precinct(const struct frame *frame)
{
    const ui32 most = 32768; /* 2^15, A.6.1 */
    ui32 side = 128;

    while (side < most && (side < frame->columns || side < frame->rows))
        side *= 2;
    return ojph::size(side, side);
}

/* `step` 0: reversible. OpenJPH wants it as a part of the whole range (E.1.1), and has no more than 31 exponents. */
void describe(ojph::codestream &codestream, const struct frame *frame, double step)
{
    ojph::param_siz siz = codestream.access_siz();
    ojph::param_cod cod = codestream.access_cod();
    ojph::size precincts = precinct(frame);

    siz.set_image_extent(ojph::point(frame->columns, frame->rows));
    siz.set_num_components(frame->samples_per_pixel);
    for (ui32 c = 0; c < frame->samples_per_pixel; c++)
        siz.set_component(c, ojph::point(1, 1), frame->bits_stored, frame->is_signed);
    cod.set_num_decomposition(htj2k_decompositions(frame->columns, frame->rows));
    cod.set_block_dims(64, 64);
    cod.set_precinct_size(1, &precincts);
    cod.set_progression_order("RPCL");
    cod.set_color_transform(htj2k_transforms(frame));
    cod.set_reversible(step == 0);
    if (step != 0)
        codestream.access_qcd().set_irrev_quant(
            static_cast<float>(std::min(0.5, std::max(std::ldexp(1, -24), std::ldexp(step, -frame->bits_stored)))));
    codestream.set_planar(false); /* exchange() then asks for the components of each row in turn */
}

/* The bits that a sample may use, sign apart. */
bool fits(const struct frame *frame, ui32 used, struct error *err)
{
    const unsigned bits = frame->bits_stored - (frame->is_signed ? 1u : 0u);

    return used >> bits == 0 ||
           error_set(err, ERROR_CORRUPT, "a sample does not fit %u %s bits", frame->bits_stored,
                     frame->is_signed ? "signed" : "unsigned");
}

bool encode(const struct frame *frame, double step, struct buffer *out, struct error *err)
{
    ojph::codestream codestream;
    buffer_file file(out, err);

    describe(codestream, frame, step);
    write_headers(codestream, file);
    if (!fits(frame, push_frame(codestream, frame), err))
        return false;
    codestream.flush();
    return !file.failed();
}

/* OpenJPH does not ask whether its malloc() succeeded: what the codestream of a large frame may need, noise in all its
 * bits, is asked for before. */
bool has_memory(const struct frame *frame, struct error *err)
{
    const size_t small = size_t(16) << 20;

    if (frame->size <= small)
        return true;
    void *const probe = memory_new(frame->size / 4 * 5 + small, err);
    memory_free(probe);
    return probe != nullptr;
}

bool check(const struct frame *frame, struct error *err)
{
    if (frame->bits_stored < 1 || frame->bits_stored > HTJ2K_BITS_MOST ||
        frame->type == SAMPLE_F32 || frame->type == SAMPLE_F64)
        return error_set(err, ERROR_UNSUPPORTED,
                         "HTJ2K is written for integers of 1 to %d bits, not for %u",
                         HTJ2K_BITS_MOST, frame->bits_stored);
    if (frame->columns == 0 || frame->rows == 0 || frame->samples_per_pixel == 0)
        return error_set(err, ERROR_CORRUPT, "a frame of %u x %u pixels, %u samples each",
                         frame->columns, frame->rows, frame->samples_per_pixel);
    return true;
}

} // namespace

/* The sanitizer's malloc() does not know M_PERTURB. */
#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#ifdef HAS_ASAN
extern "C" const char *__asan_default_options(void);
extern "C" const char *__asan_default_options(void)
{
    return "max_malloc_fill_size=1073741824:malloc_fill_byte=0";
}
#endif

static bool encode_safely(const struct frame *frame, double step, struct buffer *out, struct error *err)
{
    const size_t before = out->size;

    try {
        /* about what 12-bit images need; the rest by doubling */
        if (check(frame, err) && has_memory(frame, err) && buffer_reserve(out, frame->size / 2 + 4096, err)) {
            keep_quiet();
            if (encode(frame, step, out, err))
                return true;
        }
    } catch (const std::bad_alloc &) {
        (void)error_set(err, ERROR_NOMEM, "OpenJPH: out of memory");
    } catch (const std::exception &exception) {
        (void)error_set(err, ERROR_CODEC, "OpenJPH: %s", exception.what());
    } catch (...) { /* it also throws texts: "malloc failed" */
        (void)error_set(err, ERROR_NOMEM, "OpenJPH: out of memory");
    }
    out->size = before;
    if (out->data != nullptr)
        out->data[before] = 0;
    return false;
}

extern "C" bool htj2k_transforms(const struct frame *frame)
{
    return frame->samples_per_pixel == 3 && !frame->is_signed && frame->photometric == PHOTOMETRIC_RGB;
}

extern "C" bool htj2k_encode(const struct frame *frame, struct buffer *out, struct error *err)
{
    return encode_safely(frame, 0, out, err);
}

extern "C" bool htj2k_encode_lossy(const struct frame *frame, double step, struct buffer *out, struct error *err)
{
    return encode_safely(frame, step, out, err);
}
