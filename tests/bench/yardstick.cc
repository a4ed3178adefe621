/* links: base */
/* yardstick - the bare library calls in one process, for scripts/bench to compare with
 *
 *     yardstick INPUT...      files, folders, ZIPs
 *
 * For each object: read it (libzip for members), its header by GDCM up to Pixel Data, decode (native:
 * in place; JPEG 2000: OpenJPEG), OpenJPH lossless RPCL of each frame, and one frame windowed, as an area-averaged
 * thumbnail in a box of 256, by libjpeg-turbo, quality 80. Results go to memory and are dropped.
 * Prints CPU milliseconds an object for each step. No error handling worth the name: its inputs are known.
 */
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <istream>
#include <set>
#include <streambuf>
#include <string>
#include <vector>

#include <gdcmAttribute.h>
#include <gdcmReader.h>
#include <jpeglib.h>
#include <ojph_arch.h>
#include <ojph_codestream.h>
#include <ojph_file.h>
#include <ojph_mem.h>
#include <ojph_params.h>
#include <openjpeg.h>
#include <zip.h>

namespace {

enum step { STEP_READ, STEP_HEADER, STEP_DECODE, STEP_HTJ2K, STEP_THUMBNAIL, STEP_COUNT };
const char *const step_names[STEP_COUNT] = {"read", "header", "decode", "htj2k", "thumbnail"};

double cpu_ms[STEP_COUNT];
size_t objects, frames, coded_bytes, thumbnail_bytes;

double cpu_now()
{
    timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

/* Adds what its life cost. */
class timer {
public:
    explicit timer(step which) : which_(which), start_(cpu_now()) {}
    ~timer() { cpu_ms[which_] += cpu_now() - start_; }
    timer(const timer &) = delete;
    timer &operator=(const timer &) = delete;

private:
    step which_;
    double start_;
};

[[noreturn]] void die(const std::string &what)
{
    std::fprintf(stderr, "yardstick: %s\n", what.c_str());
    std::exit(1);
}

struct memory_stream_buffer : std::streambuf {
    memory_stream_buffer(char *data, size_t size) { setg(data, data, data + size); }
    pos_type seekoff(off_type offset, std::ios_base::seekdir from, std::ios_base::openmode) override
    {
        char *const base = from == std::ios_base::beg ? eback() : from == std::ios_base::cur ? gptr() : egptr();
        setg(eback(), base + offset, egptr());
        return gptr() - eback();
    }
    pos_type seekpos(pos_type position, std::ios_base::openmode mode) override
    {
        return seekoff(off_type(position), std::ios_base::beg, mode);
    }
};

struct header {
    uint32_t rows, columns, frames, bits_allocated, bits_stored;
    bool is_signed, is_j2k;
    double center, width, slope, intercept;
    size_t pixels; /* offset of the value */
};

template <uint16_t group, uint16_t element>
double value(const gdcm::DataSet &set, double absent)
{
    gdcm::Attribute<group, element> attribute;
    const gdcm::Tag tag(group, element);
    if (!set.FindDataElement(tag) || set.GetDataElement(tag).IsEmpty())
        return absent;
    attribute.SetFromDataElement(set.GetDataElement(tag));
    return static_cast<double>(attribute.GetValue());
}

header read_header(std::vector<char> &file)
{
    const timer timer(STEP_HEADER);
    memory_stream_buffer buffer(file.data(), file.size());
    std::istream stream(&buffer);
    gdcm::Reader reader;
    const std::set<gdcm::Tag> skip = {gdcm::Tag(0x7fe0, 0x10), gdcm::Tag(0x7fe0, 8), gdcm::Tag(0x7fe0, 9)};

    reader.SetStream(stream);
    if (!reader.ReadUpToTag(gdcm::Tag(0x7fe0, 0x10), skip))
        die("GDCM cannot read a header");
    stream.clear();
    const gdcm::DataSet &set = reader.GetFile().GetDataSet();
    const std::string syntax = reader.GetFile().GetHeader().GetDataSetTransferSyntax().GetString();
    header found;
    found.pixels = static_cast<size_t>(stream.tellg());
    found.rows = static_cast<uint32_t>(value<0x28, 0x10>(set, 0));
    found.columns = static_cast<uint32_t>(value<0x28, 0x11>(set, 0));
    found.frames = static_cast<uint32_t>(value<0x28, 8>(set, 1));
    found.bits_allocated = static_cast<uint32_t>(value<0x28, 0x100>(set, 16));
    found.bits_stored = static_cast<uint32_t>(value<0x28, 0x101>(set, 16));
    found.is_signed = value<0x28, 0x103>(set, 0) != 0;
    found.slope = value<0x28, 0x1053>(set, 1);
    found.intercept = value<0x28, 0x1052>(set, 0);
    found.width = 0;
    found.center = 0;
    if (set.FindDataElement(gdcm::Tag(0x28, 0x1051)) && !set.GetDataElement(gdcm::Tag(0x28, 0x1051)).IsEmpty()) {
        gdcm::Attribute<0x28, 0x1050> center;
        gdcm::Attribute<0x28, 0x1051> width;

        center.SetFromDataElement(set.GetDataElement(gdcm::Tag(0x28, 0x1050)));
        width.SetFromDataElement(set.GetDataElement(gdcm::Tag(0x28, 0x1051)));
        found.center = center.GetValue(0);
        found.width = width.GetValue(0);
    }
    found.is_j2k = syntax == "1.2.840.10008.1.2.4.90" || syntax == "1.2.840.10008.1.2.4.91"; /* the phantom is reversible */
    if (!found.is_j2k && syntax != "1.2.840.10008.1.2" && syntax != "1.2.840.10008.1.2.1")
        die("no yardstick for transfer syntax " + syntax);
    if (found.bits_allocated != 16)
        die("a yardstick for 16 bits allocated only");
    return found;
}

/* -- decode ------------------------------------------------------------------------------ */

struct memory_source { const uint8_t *data; size_t size, at; };

OPJ_SIZE_T source_read(void *to, OPJ_SIZE_T size, void *client)
{
    memory_source *const source = static_cast<memory_source *>(client);
    const size_t some = std::min<size_t>(size, source->size - source->at);

    if (some == 0)
        return static_cast<OPJ_SIZE_T>(-1);
    std::memcpy(to, source->data + source->at, some);
    source->at += some;
    return some;
}

OPJ_OFF_T source_skip(OPJ_OFF_T size, void *client)
{
    memory_source *const source = static_cast<memory_source *>(client);

    source->at = std::min(source->size, source->at + static_cast<size_t>(size));
    return size;
}

OPJ_BOOL source_seek(OPJ_OFF_T to, void *client)
{
    return static_cast<memory_source *>(client)->at = static_cast<size_t>(to), OPJ_TRUE;
}

void decode_j2k(const uint8_t *data, size_t size, size_t pixels, std::vector<uint16_t> &out)
{
    memory_source source = {data, size, 0};
    opj_stream_t *const stream = opj_stream_create(1 << 20, OPJ_TRUE);
    opj_codec_t *const codec = opj_create_decompress(OPJ_CODEC_J2K);
    opj_dparameters_t parameters;
    opj_image_t *image = nullptr;

    opj_stream_set_user_data(stream, &source, nullptr);
    opj_stream_set_user_data_length(stream, size);
    opj_stream_set_read_function(stream, source_read);
    opj_stream_set_skip_function(stream, source_skip);
    opj_stream_set_seek_function(stream, source_seek);
    opj_set_default_decoder_parameters(&parameters);
    opj_setup_decoder(codec, &parameters);
    if (!opj_read_header(stream, codec, &image) || !opj_decode(codec, stream, image) ||
        !opj_end_decompress(codec, stream))
        die("OpenJPEG cannot decode");
    const OPJ_INT32 *const from = image->comps[0].data;
    for (size_t i = 0; i < pixels; i++)
        out[i] = static_cast<uint16_t>(from[i]);
    opj_image_destroy(image);
    opj_destroy_codec(codec);
    opj_stream_destroy(stream);
}

/* The fragments of one frame, joined: after the offset table up to the delimiter. */
std::vector<uint8_t> fragments(const std::vector<char> &file, size_t at)
{
    std::vector<uint8_t> joined;
    const uint8_t *const data = reinterpret_cast<const uint8_t *>(file.data());
    bool first = true;

    /* GDCM stops after the VL: at the item tag of the offset table */
    while (at + 8 <= file.size() && data[at] == 0xfe && data[at + 1] == 0xff && data[at + 2] == 0x00) {
        uint32_t length;
        std::memcpy(&length, data + at + 4, 4);
        if (!first)
            joined.insert(joined.end(), data + at + 8, data + at + 8 + length);
        first = false;
        at += 8 + static_cast<size_t>(length);
    }
    return joined;
}

/* Stored values of one frame, sign-extended into 16 bits. */
void decode(const std::vector<char> &file, const header &header, uint32_t frame, std::vector<uint16_t> &out)
{
    const timer timer(STEP_DECODE);
    const size_t pixels = static_cast<size_t>(header.rows) * header.columns;
    const unsigned shift = 16 - header.bits_stored;

    out.resize(pixels);
    if (header.is_j2k) {
        const std::vector<uint8_t> codestream = fragments(file, header.pixels);
        decode_j2k(codestream.data(), codestream.size(), pixels, out);
        return;
    }
    std::memcpy(out.data(), file.data() + header.pixels + frame * pixels * 2, pixels * 2);
    if (shift > 0 && header.is_signed)
        for (uint16_t &sample : out)
            sample = static_cast<uint16_t>(static_cast<int16_t>(sample << shift) >> shift);
    else if (shift > 0)
        for (uint16_t &sample : out)
            sample = static_cast<uint16_t>(sample & 0xffff >> shift);
}

/* -- HTJ2K ------------------------------------------------------------------------------- */

template <typename sample>
void push(ojph::codestream &codestream, const header &header, const sample *from)
{
    ojph::ui32 next = 0;
    ojph::line_buf *line = codestream.exchange(nullptr, next);

    for (uint32_t row = 0; row < header.rows; row++, from += header.columns) {
        for (uint32_t column = 0; column < header.columns; column++)
            line->i32[column] = from[column];
        line = codestream.exchange(line, next);
    }
}

void encode(const header &header, const std::vector<uint16_t> &samples)
{
    const timer timer(STEP_HTJ2K);
    ojph::codestream codestream;
    ojph::mem_outfile file;
    ojph::param_siz siz = codestream.access_siz();
    ojph::param_cod cod = codestream.access_cod();
    const uint32_t least = std::min(header.rows, header.columns);

    siz.set_image_extent(ojph::point(header.columns, header.rows));
    siz.set_num_components(1);
    siz.set_component(0, ojph::point(1, 1), header.bits_stored, header.is_signed);
    cod.set_num_decomposition(std::min(5u, static_cast<unsigned>(std::log2(least))));
    cod.set_block_dims(64, 64);
    cod.set_progression_order("RPCL");
    cod.set_color_transform(false);
    cod.set_reversible(true);
    codestream.set_planar(false);
    file.open();
    codestream.write_headers(&file);
    if (header.is_signed)
        push(codestream, header, reinterpret_cast<const int16_t *>(samples.data()));
    else
        push(codestream, header, samples.data());
    codestream.flush();
    coded_bytes += static_cast<size_t>(file.tell());
    codestream.close();
}

/* -- thumbnail --------------------------------------------------------------------------- */

/* Window as a table over all 16-bit patterns, made again only when it changes. */
const std::vector<uint8_t> &window_table(const header &header, double center, double width)
{
    static std::vector<uint8_t> table;
    static double known[4];
    static bool known_sign;
    const double wanted[4] = {center, width, header.slope, header.intercept};

    if (!table.empty() && std::memcmp(known, wanted, sizeof known) == 0 && known_sign == header.is_signed)
        return table;
    table.resize(65536);
    for (uint32_t i = 0; i < 65536; i++) {
        const double stored = header.is_signed ? static_cast<int16_t>(i) : static_cast<double>(i);
        const double x = stored * header.slope + header.intercept;
        const double y = ((x - (center - 0.5)) / std::max(width - 1, 1e-9) + 0.5) * 255;
        table[i] = static_cast<uint8_t>(y <= 0 ? 0 : y >= 255 ? 255 : y + 0.5);
    }
    std::memcpy(known, wanted, sizeof known);
    known_sign = header.is_signed;
    return table;
}

/* A source pixel lies in one or two pixels of the small picture. */
struct share { uint32_t to, one, two; };

std::vector<share> shares(uint32_t from, uint32_t to)
{
    std::vector<share> list(from);

    for (uint32_t i = 0; i < from; i++) {
        const uint64_t begin = static_cast<uint64_t>(i) * to, end = begin + to;
        const uint32_t first = static_cast<uint32_t>(begin / from);
        const uint64_t border = static_cast<uint64_t>(first + 1) * from;
        list[i].to = first;
        list[i].one = static_cast<uint32_t>(std::min(end, border) - begin);
        list[i].two = to - list[i].one;
    }
    return list;
}

void compress(const std::vector<uint8_t> &picture, uint32_t columns, uint32_t rows)
{
    jpeg_compress_struct jpeg;
    jpeg_error_mgr errors;
    unsigned char *out = nullptr;
    unsigned long size = 0;

    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &out, &size);
    jpeg.image_width = columns;
    jpeg.image_height = rows;
    jpeg.input_components = 1;
    jpeg.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 80, TRUE);
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < rows) {
        JSAMPROW row = const_cast<JSAMPROW>(picture.data() + static_cast<size_t>(jpeg.next_scanline) * columns);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    thumbnail_bytes += size;
    std::free(out);
}

void thumbnail(const header &header, const std::vector<uint16_t> &samples)
{
    const timer timer(STEP_THUMBNAIL);
    const uint32_t side = std::max(header.rows, header.columns);
    const uint32_t columns = side <= 256 ? header.columns : std::max(1u, header.columns * 256 / side);
    const uint32_t rows = side <= 256 ? header.rows : std::max(1u, header.rows * 256 / side);
    double center = header.center, width = header.width;

    if (width < 1) { /* no window: all values */
        double least = 1e9, most = -1e9;

        for (const uint16_t sample : samples) {
            const double stored = header.is_signed ? static_cast<int16_t>(sample) : static_cast<double>(sample);
            least = std::min(least, stored);
            most = std::max(most, stored);
        }
        center = (least + most) / 2 * header.slope + header.intercept;
        width = (most - least) * header.slope + 1;
    }
    const std::vector<uint8_t> &table = window_table(header, center, width);
    static std::vector<share> across, down;
    static uint32_t known[4];
    const uint32_t wanted[4] = {header.columns, columns, header.rows, rows};
    if (std::memcmp(known, wanted, sizeof known) != 0) {
        across = shares(header.columns, columns);
        down = shares(header.rows, rows);
        std::memcpy(known, wanted, sizeof known);
    }
    std::vector<uint32_t> line(columns + 1);
    std::vector<uint64_t> sums(static_cast<size_t>(columns) * (rows + 1));
    const uint16_t *from = samples.data();
    for (uint32_t row = 0; row < header.rows; row++, from += header.columns) {
        std::fill(line.begin(), line.end(), 0);
        for (uint32_t column = 0; column < header.columns; column++) {
            const uint32_t v = table[from[column]];
            line[across[column].to] += v * across[column].one;
            line[across[column].to + 1] += v * across[column].two;
        }
        uint64_t *const to = sums.data() + static_cast<size_t>(down[row].to) * columns;
        for (uint32_t column = 0; column < columns; column++) {
            to[column] += static_cast<uint64_t>(line[column]) * down[row].one;
            to[column + columns] += static_cast<uint64_t>(line[column]) * down[row].two;
        }
    }
    std::vector<uint8_t> picture(static_cast<size_t>(columns) * rows);
    const uint64_t area = static_cast<uint64_t>(header.rows) * header.columns;
    for (size_t i = 0; i < picture.size(); i++)
        picture[i] = static_cast<uint8_t>((sums[i] + area / 2) / area);
    compress(picture, columns, rows);
}

/* -- inputs ------------------------------------------------------------------------------ */

void one_object(std::vector<char> &file)
{
    static std::vector<uint16_t> samples;
    const header header = read_header(file);

    objects++;
    for (uint32_t frame = 0; frame < header.frames; frame++) {
        decode(file, header, frame, samples);
        encode(header, samples);
        if (frame == header.frames / 2)
            thumbnail(header, samples);
        frames++;
    }
}

void one_zip(const std::string &path)
{
    zip_t *const archive = zip_open(path.c_str(), ZIP_RDONLY, nullptr);
    std::vector<char> file;

    if (archive == nullptr)
        die("cannot open " + path);
    for (zip_uint64_t i = 0; i < static_cast<zip_uint64_t>(zip_get_num_entries(archive, 0)); i++) {
        zip_stat_t status;
        if (zip_stat_index(archive, i, 0, &status) != 0 || status.size == 0)
            continue;
        {
            const timer timer(STEP_READ);
            file.resize(status.size);
            zip_file_t *const member = zip_fopen_index(archive, i, 0);
            if (member == nullptr || zip_fread(member, file.data(), status.size) != static_cast<zip_int64_t>(status.size))
                die("cannot read a member of " + path);
            zip_fclose(member);
        }
        one_object(file);
    }
    zip_discard(archive);
}

void one_file(const std::string &path)
{
    std::vector<char> file;

    if (path.size() > 4 && path.compare(path.size() - 4, 4, ".zip") == 0) {
        one_zip(path);
        return;
    }
    {
        const timer timer(STEP_READ);
        std::FILE *const stream = std::fopen(path.c_str(), "rb");
        file.resize(std::filesystem::file_size(path));
        if (stream == nullptr || std::fread(file.data(), 1, file.size(), stream) != file.size())
            die("cannot read " + path);
        std::fclose(stream);
    }
    one_object(file);
}

void one_input(const std::string &path)
{
    std::vector<std::string> paths;

    if (std::filesystem::is_directory(path)) {
        for (const auto &entry : std::filesystem::recursive_directory_iterator(path))
            if (entry.is_regular_file())
                paths.push_back(entry.path().string());
        std::sort(paths.begin(), paths.end());
    } else {
        paths.push_back(path);
    }
    for (const std::string &each : paths)
        one_file(each);
}

} // namespace

int main(int argc, char **argv)
{
    double total = 0;

    for (int i = 1; i < argc; i++)
        one_input(argv[i]);
    if (objects == 0)
        die("nothing to do");
    std::printf("objects %zu frames %zu", objects, frames);
    for (int i = 0; i < STEP_COUNT; i++) {
        std::printf(" %s_ms %.3f", step_names[i], cpu_ms[i] / static_cast<double>(objects));
        total += cpu_ms[i];
    }
    std::printf(" total_ms %.3f htj2k_bytes %zu thumbnail_bytes %zu\n", total / static_cast<double>(objects),
                coded_bytes / frames, thumbnail_bytes / objects);
    return 0;
}
