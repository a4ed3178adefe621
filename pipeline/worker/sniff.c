#include "sniff.h"

#include <string.h>

enum { TAR_BLOCK = 512, TAR_CHECKSUM = 148, TAR_CHECKSUM_SIZE = 8, ZIP_END = 22, ZIP_COMMENT_MOST = 65535 };

#define MAGIC(offset, text, kind, what) {offset, sizeof text - 1, text, kind, what}

static const struct magic {
    size_t offset, size;
    const char *text;
    enum sniffed kind;
    const char *what;
} magics[] = {
    MAGIC(128, "DICM", SNIFFED_DICOM, "a DICOM object"),
    MAGIC(0, "PK\3\4", SNIFFED_ZIP, "a ZIP"),
    MAGIC(0, "PK\5\6", SNIFFED_ZIP, "a ZIP"),
    MAGIC(0, "PK\7\x08PK\3\4", SNIFFED_ZIP, "a ZIP"),
    MAGIC(0, "\x1F\x8B\x08", SNIFFED_GZIP, "a gzip file"),
    MAGIC(257, "ustar", SNIFFED_TAR, "a TAR"),
    MAGIC(0, "\x89PNG\r\n\x1A\n", SNIFFED_OTHER, "a PNG picture"),
    MAGIC(0, "\xFF\xD8\xFF", SNIFFED_OTHER, "a JPEG picture"),
    MAGIC(0, "GIF8", SNIFFED_OTHER, "a GIF picture"),
    MAGIC(0, "II*\0", SNIFFED_OTHER, "a TIFF picture"),
    MAGIC(0, "MM\0*", SNIFFED_OTHER, "a TIFF picture"),
    MAGIC(0, "II+\0\x08\0\0\0", SNIFFED_OTHER, "a BigTIFF picture"),
    MAGIC(0, "\0\0\0\x0CjP  \r\n", SNIFFED_OTHER, "a JPEG 2000 picture"),
    MAGIC(0, "\xFF\x4F\xFF\x51", SNIFFED_OTHER, "a JPEG 2000 codestream"),
    MAGIC(0, "RIFF", SNIFFED_OTHER, "a RIFF file"),
    MAGIC(4, "ftyp", SNIFFED_OTHER, "an MP4 film"),
    MAGIC(0, "%PDF-", SNIFFED_OTHER, "a PDF document"),
    MAGIC(0, "%!PS", SNIFFED_OTHER, "a PostScript document"),
    MAGIC(0, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", SNIFFED_OTHER, "an OLE document"),
    MAGIC(0, "\x7F" "ELF", SNIFFED_OTHER, "a program"),
    MAGIC(0, "MZ", SNIFFED_OTHER, "a program"),
    MAGIC(0, "SQLite format 3", SNIFFED_OTHER, "a SQLite database"),
    MAGIC(0, "\x89HDF\r\n\x1A\n", SNIFFED_OTHER, "an HDF5 file"),
    MAGIC(344, "n+1\0", SNIFFED_OTHER, "a NIfTI volume"),
    MAGIC(0, "BZh", SNIFFED_OTHER, "a bzip2 file"),
    MAGIC(0, "\xFD" "7zXZ", SNIFFED_OTHER, "an xz file"),
    MAGIC(0, "\x28\xB5\x2F\xFD", SNIFFED_OTHER, "a zstd file"),
    MAGIC(0, "7z\xBC\xAF\x27\x1C", SNIFFED_OTHER, "a 7z archive"),
    MAGIC(0, "Rar!\x1A", SNIFFED_OTHER, "a RAR archive"),
    MAGIC(0, "BM", SNIFFED_OTHER, "a BMP picture"), /* last: two letters; see is_bmp */
};

/* "BM" begins many texts: the size field of a real one is the file's, or 0 reserved words follow. */
static bool is_bmp(const uint8_t *data, size_t size)
{
    return size >= 18 && memcmp(data + 6, "\0\0\0\0", 4) == 0 && data[14] >= 12 && data[15] == 0;
}

/* Old TARs have no magic: the sum of the header's bytes, the checksum itself counted as blanks, is written in it. */
static bool is_old_tar(const uint8_t *data, size_t size)
{
    unsigned sum = 0, told = 0;

    if (size < TAR_BLOCK || data[0] == 0)
        return false;
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += i >= TAR_CHECKSUM && i < TAR_CHECKSUM + TAR_CHECKSUM_SIZE ? ' ' : data[i];
    size_t digits = 0;
    for (size_t i = TAR_CHECKSUM; i < TAR_CHECKSUM + TAR_CHECKSUM_SIZE && digits < 7; i++) {
        if (data[i] >= '0' && data[i] <= '7') {
            told = told * 8 + (unsigned)(data[i] - '0');
            digits++;
        } else if (data[i] != ' ' || digits > 0) {
            break;
        }
    }
    return digits > 0 && sum == told;
}

/* Bytes that occur in text of any encoding; enough of them, and nothing else. */
static bool is_text(const uint8_t *data, size_t size)
{
    static const char marks[] = "\xEF\xBB\xBF";
    size_t letters = 0;

    if (size >= 3 && memcmp(data, marks, 3) == 0)
        return true;
    for (size_t i = 0; i < size; i++) {
        if (data[i] == 0x7F || (data[i] < 0x20 && strchr("\t\n\r\f\x1A", data[i]) == NULL) || data[i] == 0)
            return false;
        letters += data[i] >= 0x20 && data[i] < 0x7F;
    }
    return letters * 2 > size;
}

static const char *text_kind(const uint8_t *data, size_t size)
{
    size_t at = 0;

    while (at < size && strchr(" \t\r\n", data[at]) != NULL && data[at] != 0)
        at++;
    if (at < size && data[at] == '<')
        return "a text with markup";
    return at < size && (data[at] == '{' || data[at] == '[') ? "a text (JSON?)" : "a text";
}

enum sniffed sniff(const uint8_t *data, size_t size, const char **what)
{
    *what = size == 0 ? "an empty file" : "an unknown file";
    if (size == 0)
        return SNIFFED_EMPTY;
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        const struct magic *const magic = &magics[i];

        if (size < magic->offset + magic->size || memcmp(data + magic->offset, magic->text, magic->size) != 0)
            continue;
        if (magic->text[0] == 'B' && magic->size == 2 && !is_bmp(data, size))
            continue;
        *what = magic->what;
        return magic->kind;
    }
    if (is_old_tar(data, size)) {
        *what = "a TAR";
        return SNIFFED_TAR;
    }
    if (is_text(data, size)) {
        *what = text_kind(data, size);
        return SNIFFED_OTHER;
    }
    return SNIFFED_UNKNOWN;
}

bool sniff_bytes(const struct bytes *bytes, enum sniffed *found, const char **what, struct error *err)
{
    uint8_t room[SNIFF_BYTES];
    size_t got = 0;

    if (!bytes->read(bytes, 0, room, sizeof room, &got, err))
        return false;
    *found = sniff(room, got, what);
    return true;
}

bool sniff_zip_at_end(const struct bytes *bytes)
{
    uint8_t room[ZIP_COMMENT_MOST + ZIP_END];
    struct error err;
    size_t got = 0;
    const uint64_t from = bytes->size > sizeof room ? bytes->size - sizeof room : 0;

    if (!bytes->read(bytes, from, room, sizeof room, &got, &err))
        return false;
    for (size_t i = 0; i + ZIP_END <= got; i++)
        if (memcmp(room + i, "PK\5\6", 4) == 0 && i + ZIP_END + room[i + 20] + 256u * room[i + 21] == got)
            return true;
    return false;
}
