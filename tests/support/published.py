"""published.py - what a test asks of a published site: rows, frames by another decoder, pictures

No code of this project decodes anything here: opj_decompress reads the frames, libjpeg (jpeg_pnm) the JPEGs, and PNG is
zlib and four filters.
"""
import array
import os
import re
import sqlite3
import struct
import subprocess
import sys
import tempfile
import zlib

sys.dont_write_bytecode = True


class SiteError(Exception):
    pass


class Frame:
    """Stored values: samples interleaved, signed where the codestream says so."""

    def __init__(self, columns, rows, samples, bits, signed, values, raw, media_type, transfer_syntax):
        self.columns, self.rows, self.samples = columns, rows, samples
        self.bits, self.signed = bits, signed
        self.values = values  # array or list
        self.raw = raw        # little-endian bytes, if values came in that form
        self.media_type, self.transfer_syntax = media_type, transfer_syntax

    def at(self, x, y, sample=0):
        return self.values[(y * self.columns + x) * self.samples + sample]

    def crc32(self, bits_allocated):
        """As shared/data/README.md: little-endian containers of Bits Allocated (at least 8) bits."""
        width = max(1, bits_allocated // 8)
        if self.raw is not None and len(self.raw) == width * len(self.values):
            return zlib.crc32(self.raw)
        code = {1: "b", 2: "h", 4: "i", 8: "q"}[width]
        code = code if self.signed else code.upper()
        return zlib.crc32(array.array(code, self.values).tobytes())


class Picture:
    def __init__(self, columns, rows, channels, data):
        self.columns, self.rows, self.channels, self.data = columns, rows, channels, data

    def at(self, x, y):
        start = (y * self.columns + x) * self.channels
        return tuple(self.data[start:start + self.channels])

    def mean(self):
        return sum(self.data) / len(self.data)


class Site:
    def __init__(self, path):
        self.path = path
        self.public = os.path.join(path, "public")
        self.db = sqlite3.connect(os.path.join(path, "catalogue.sqlite"))
        self.db.row_factory = sqlite3.Row

    def rows(self, query, *arguments):
        return self.db.execute(query, arguments).fetchall()

    def instance(self, source, member=None):
        found = self.rows("SELECT * FROM instance WHERE source = ? AND member IS ?", source, member)
        return found[0] if found else None

    def notes(self, instance_id):
        """Of the instance and of its products."""
        found = self.rows("SELECT notes FROM instance WHERE instance_id = ?1 UNION ALL "
                          "SELECT notes FROM product WHERE instance_id = ?1", instance_id)
        return "".join(row["notes"] for row in found if row["notes"])

    def rejected(self, source, member=None):
        found = self.rows("SELECT * FROM rejected WHERE source = ? AND member IS ?", source, member)
        return found[0] if found else None

    def artefacts(self, instance_id, stage=None):
        return self.rows("SELECT * FROM artefact WHERE instance_id = ? AND (?2 IS NULL OR stage = ?2) ORDER BY frame, name",
                         instance_id, stage)

    def file(self, artefact):
        return os.path.join(self.public, artefact["path"])

    def frame(self, instance_id, number):
        found = self.rows("SELECT * FROM artefact WHERE instance_id = ? AND stage = 'codestream' AND frame = ? "
                          "ORDER BY place", instance_id, number)
        if not found:
            raise SiteError("frame %d is not published" % number)
        with open(self.file(found[0]), "rb") as file:
            return frame_of_multipart(file.read(), found[0])

    def picture(self, instance_id):
        found = [row for row in self.artefacts(instance_id, "thumbnail") if row["name"].startswith("thumbnail-")]
        if not found:
            raise SiteError("no thumbnail")
        with open(self.file(found[0]), "rb") as file:
            return picture_of(file.read())


# -- frames ------------------------------------------------------------------------------------

def multipart(body):
    found = re.match(rb"--([^\r\n]+)\r\nContent-Type: ([^;\r\n]+);transfer-syntax=([0-9.]+)\r\n\r\n", body)
    if not found:
        raise SiteError("no multipart form: %r" % body[:60])
    end = b"\r\n--" + found.group(1) + b"--\r\n"
    if not body.endswith(end):
        raise SiteError("the multipart form has no end")
    return found.group(2).decode(), found.group(3).decode(), body[found.end():-len(end)]


def siz(codestream):
    """columns, rows, components, bits, signed of a codestream with equal components"""
    if codestream[:4] != b"\xff\x4f\xff\x51":
        raise SiteError("no codestream: %r" % codestream[:4])
    right, bottom, left, top = struct.unpack(">IIII", codestream[8:24])
    components = struct.unpack(">H", codestream[40:42])[0]
    depth = codestream[42]
    return right - left, bottom - top, components, (depth & 127) + 1, bool(depth & 128)


def planes_interleaved(planes):
    if len(planes) == 1:
        return planes[0]
    mixed = array.array(planes[0].typecode, bytes(planes[0].itemsize * len(planes) * len(planes[0])))
    for number, plane in enumerate(planes):
        mixed[number::len(planes)] = plane
    return mixed


def decode_codestream(codestream):
    """By opj_decompress: values, and their little-endian bytes."""
    columns, rows, components, bits, signed = siz(codestream)
    with tempfile.TemporaryDirectory(prefix="slicepress-opj-") as folder:
        source = os.path.join(folder, "in.j2k")
        with open(source, "wb") as file:
            file.write(codestream)
        # the raw form is masked to the precision: the sign is right in whole bytes only
        as_raw = bits <= 16 and (not signed or bits in (8, 16))
        target = os.path.join(folder, "out.rawl" if as_raw else "out.pgx")
        done = subprocess.run(["opj_decompress", "-quiet", "-i", source, "-o", target], capture_output=True, check=False)
        count = columns * rows
        planes = []
        if as_raw:
            code = ("b" if signed else "B") if bits <= 8 else ("h" if signed else "H")
            try:
                with open(target, "rb") as file:
                    raw = file.read()
            except OSError as error:
                raise SiteError("opj_decompress: %s" % (done.stderr or done.stdout).decode("utf-8", "replace").strip()) from error
            size = count * array.array(code).itemsize
            if len(raw) != size * components:
                raise SiteError("opj_decompress gave %d bytes, not %d" % (len(raw), size * components))
            for number in range(components):
                planes.append(array.array(code, raw[number * size:(number + 1) * size]))
        else:
            for number in range(components):
                path = target if components == 1 and os.path.exists(target) else os.path.join(folder, "out_%d.pgx" % number)
                with open(path, "rb") as file:
                    raw = file.read()
                head, pixels = raw.split(b"\n", 1)
                if not head.startswith(b"PG ML"):
                    raise SiteError("unexpected PGX header %r" % head)
                code = "b" if bits <= 8 else "h" if bits <= 16 else "i"
                plane = array.array(code if signed else code.upper(), pixels)
                plane.byteswap()
                planes.append(plane)
    values = planes_interleaved(planes)
    return columns, rows, components, bits, signed, values


def prefix_size(prefix, reduce):
    """How many pixels opj_decompress makes of the beginning of a codestream, `reduce` resolutions below the full one."""
    with tempfile.TemporaryDirectory(prefix="slicepress-opj-") as folder:
        source, target = os.path.join(folder, "in.j2k"), os.path.join(folder, "out.pgx")
        with open(source, "wb") as file:
            file.write(prefix if prefix.endswith(b"\xff\xd9") else prefix + b"\xff\xd9")
        done = subprocess.run(["opj_decompress", "-quiet", "-r", str(reduce), "-i", source, "-o", target],
                              capture_output=True, check=False)
        if done.returncode != 0 or b"WARN" in done.stdout + done.stderr:
            raise SiteError("opj_decompress: %s" % (done.stdout + done.stderr).decode("utf-8", "replace").strip())
        names = [name for name in os.listdir(folder) if name.endswith(".pgx")]
        with open(os.path.join(folder, names[0]), "rb") as file:
            words = file.readline().split()
        return int(words[-2]) * int(words[-1])


def decode_jpeg(data):
    """By libjpeg, which knows nothing of the data set: colour comes out as RGB."""
    picture = picture_of(data)
    return picture.columns, picture.rows, picture.channels, 8, False, array.array("B", bytes(picture.data))


def element(group, number, vr, value):
    value += b"\0" * (len(value) % 2)
    size = struct.pack("<HI", 0, len(value)) if vr in (b"OB",) else struct.pack("<H", len(value))
    return struct.pack("<HH", group, number) + vr + size + value


def us(group, number, value):
    return element(group, number, b"US", struct.pack("<H", value))


def decode_jls(data):
    """By dcmdjpls, in an object made for it: bit patterns."""
    at = data.index(b"\xff\xf7")
    bits, rows, columns, components = struct.unpack(">BHHB", data[at + 4:at + 10])
    size = 1 if bits <= 8 else 2
    uid = b"1.2.840.10008.5.1.4.1.1.7"
    meta = (element(2, 2, b"UI", uid) + element(2, 3, b"UI", b"1.2.3") +
            element(2, 0x10, b"UI", b"1.2.840.10008.1.2.4.81") + element(2, 0x12, b"UI", b"1.2.3.4"))
    head = element(2, 0, b"UL", struct.pack("<I", len(meta))) + meta
    items = b"\xfe\xff\x00\xe0" + struct.pack("<I", 0) + b"\xfe\xff\x00\xe0" + struct.pack("<I", len(data) + len(data) % 2)
    body = (element(8, 0x16, b"UI", uid) + element(8, 0x18, b"UI", b"1.2.3") + us(0x28, 2, components) +
            element(0x28, 4, b"CS", b"RGB " if components == 3 else b"MONOCHROME2 ") +
            (us(0x28, 6, 0) if components == 3 else b"") + us(0x28, 0x10, rows) + us(0x28, 0x11, columns) +
            us(0x28, 0x100, 8 * size) + us(0x28, 0x101, bits) + us(0x28, 0x102, bits - 1) + us(0x28, 0x103, 0) +
            struct.pack("<HH2sHI", 0x7fe0, 0x10, b"OB", 0, 0xffffffff) + items + data + b"\0" * (len(data) % 2) +
            b"\xfe\xff\xdd\xe0\0\0\0\0")
    with tempfile.TemporaryDirectory(prefix="slicepress-jls-") as folder:
        source, target = os.path.join(folder, "in.dcm"), os.path.join(folder, "out.dcm")
        with open(source, "wb") as file:
            file.write(b"\0" * 128 + b"DICM" + head + body)
        done = subprocess.run(["dcmdjpls", source, target], capture_output=True, check=False)
        if done.returncode != 0:
            raise SiteError("dcmdjpls: %s" % (done.stderr or done.stdout).decode("utf-8", "replace").strip())
        with open(target, "rb") as file:
            raw = file.read()
    count = columns * rows * components
    at = raw.rindex(b"\xe0\x7f\x10\x00") + 12
    return columns, rows, components, bits, False, array.array("B" if size == 1 else "H", raw[at:at + count * size])


def decode_payload(media_type, data):
    return {"image/jpeg": decode_jpeg, "image/jls": decode_jls}.get(media_type, decode_codestream)(data)


def frame_of_multipart(body, artefact):
    media_type, transfer_syntax, data = multipart(body)
    if media_type == "application/octet-stream":
        pixels = artefact["columns"] * artefact["rows"]
        return Frame(artefact["columns"], artefact["rows"], None, None, None, len(data) // pixels * [0], data, media_type,
                     transfer_syntax)
    columns, rows, components, bits, signed, values = decode_payload(media_type, data)
    if (columns, rows) != (artefact["columns"], artefact["rows"]):
        raise SiteError("the codestream has %dx%d, its row %dx%d" % (columns, rows, artefact["columns"], artefact["rows"]))
    return Frame(columns, rows, components, bits, signed, values, values.tobytes(), media_type, transfer_syntax)


# -- pictures ----------------------------------------------------------------------------------

def png(data):
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise SiteError("no PNG")
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            columns, rows, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    if depth not in (8, 16) or interlace or colour not in (0, 2):
        raise SiteError("a PNG of depth %d, colour %d" % (depth, colour))
    channels = 3 if colour == 2 else 1
    step = channels * depth // 8
    stride = columns * step
    raw, out, above = zlib.decompress(packed), bytearray(), bytearray(stride)
    for row in range(rows):
        kind, line = raw[row * (stride + 1)], bytearray(raw[row * (stride + 1) + 1:(row + 1) * (stride + 1)])
        for i in range(stride):
            left = line[i - step] if i >= step else 0
            corner = above[i - step] if i >= step else 0
            if kind == 1:
                line[i] = line[i] + left & 255
            elif kind == 2:
                line[i] = line[i] + above[i] & 255
            elif kind == 3:
                line[i] = line[i] + (left + above[i]) // 2 & 255
            elif kind == 4:
                guess = left + above[i] - corner
                pa, pb, pc = abs(guess - left), abs(guess - above[i]), abs(guess - corner)
                line[i] = line[i] + (left if pa <= pb and pa <= pc else above[i] if pb <= pc else corner) & 255
        out += line
        above = line
    if depth == 16:
        words = array.array("H", bytes(out))
        words.byteswap()
        return Picture(columns, rows, channels, words)
    return Picture(columns, rows, channels, out)


def pnm(data):
    found = re.match(rb"P([56])\s+(\d+)\s+(\d+)\s+255\s", data)
    if not found:
        raise SiteError("no PNM: %r" % data[:20])
    return Picture(int(found.group(2)), int(found.group(3)), 3 if found.group(1) == b"6" else 1, data[found.end():])


def picture_of(data):
    if data[:2] == b"\xff\xd8":
        tool = os.path.join(os.environ["SLICEPRESS_BUILD"], "support/jpeg_pnm")
        return pnm(subprocess.run([tool, "decode"], input=data, capture_output=True, check=True).stdout)
    return png(data)


# -- running -----------------------------------------------------------------------------------

def data_folder():
    return os.environ.get("SLICEPRESS_TEST_DATA", "")


def program():
    return os.environ["SLICEPRESS"]


def run(*arguments, seconds=900, env=None):
    """Exit status, stdout, stderr."""
    done = subprocess.run([program(), *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds,
                          env={**os.environ, **(env or {})}, check=False)
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


class Report:
    """TAP-ish lines, as tests/run counts them."""

    def __init__(self):
        self.failed = self.passed = self.skipped = 0

    def ok(self, name):
        self.passed += 1
        print("ok " + name, flush=True)

    def not_ok(self, name, why):
        self.failed += 1
        print("not ok %s - %s" % (name, str(why).replace("\n", " | ")[:600]), flush=True)

    def skip(self, name, why):
        self.skipped += 1
        print("skip %s - %s" % (name, why), flush=True)

    def check(self, name, good, why=""):
        if good:
            self.ok(name)
        else:
            self.not_ok(name, why)
