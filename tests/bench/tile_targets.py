"""Tiles: a picture of 16,384 x 16,384 against vips dzsave, packs, pass-through, and memory."""
import os
import shutil
import struct
import subprocess
import tempfile

from measure import BUILD, ROUNDS, SLICEPRESS, fail, measure, median, note, row

WRITE_TILES = os.path.join(BUILD, "support/write_tiles")
WRITE_SLIDE = os.path.join(BUILD, "support/write_slide")
SIDE, TILE = 16384, 256
TILES = ["--stages", "slides", "--set", "tiles.tile_size=256", "--set", "tiles.quality=80"]
VIPS_TILES = ["--tile-size", str(TILE), "--overlap", "0", "--suffix", ".jpg[Q=80]"]


def vips(*words):
    subprocess.run(["vips", *words], check=True, stdout=subprocess.DEVNULL)


# -- the picture, as TIFF and as a slide of native tiles --------------------------------------

def element(tag, vr, value):
    value = value.encode() if isinstance(value, str) else value
    value += (b"\0" if vr in ("UI", "OB", "OW") else b" ") * (len(value) % 2)
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    return head + (struct.pack("<HI", 0, len(value)) if vr in ("OB", "OW", "SQ") else struct.pack("<H", len(value))) + value


def number(tag, vr, value):
    return element(tag, vr, struct.pack("<H" if vr == "US" else "<I", value))


def header_of_slide(frames):
    wsi = "1.2.840.10008.5.1.4.1.1.77.1.6"
    meta = element(0x00020002, "UI", wsi) + element(0x00020003, "UI", "1.2.3.1") + element(0x00020010, "UI", "1.2.840.10008.1.2.1")
    data_set = [element(0x00080008, "CS", "ORIGINAL\\PRIMARY\\VOLUME\\NONE"), element(0x00080016, "UI", wsi),
                element(0x00080018, "UI", "1.2.3.1"), element(0x00080060, "CS", "SM"), element(0x0020000D, "UI", "1.2.3"),
                element(0x0020000E, "UI", "1.2.3.2"), element(0x00200052, "UI", "1.2.3.4"), element(0x00209311, "CS", "TILED_FULL"),
                number(0x00280002, "US", 3), element(0x00280004, "CS", "RGB"), number(0x00280006, "US", 0),
                element(0x00280008, "IS", str(frames)), number(0x00280010, "US", TILE), number(0x00280011, "US", TILE),
                number(0x00280100, "US", 8), number(0x00280101, "US", 8), number(0x00280102, "US", 7), number(0x00280103, "US", 0),
                element(0x00282110, "CS", "00"), element(0x00400512, "LO", "bench"),
                number(0x00480006, "UL", SIDE), number(0x00480007, "UL", SIDE), number(0x00480303, "UL", 1)]
    return (b"\0" * 128 + b"DICM" + number(0x00020000, "UL", len(meta)) + meta + b"".join(data_set) +
            struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, frames * TILE * TILE * 3))


def write_native_slide(raw, path):
    """The raw rows, cut into tiles."""
    across, line = SIDE // TILE, SIDE * 3
    with open(raw, "rb") as rows, open(path, "wb") as out:
        out.write(header_of_slide(across * across))
        for _ in range(across):
            strip = memoryview(rows.read(line * TILE))
            for x in range(across):
                for y in range(TILE):
                    start = y * line + x * TILE * 3
                    out.write(strip[start:start + TILE * 3])


def make_picture(bench):
    """Clouds of three scales and noise: what JPEG finds in tissue, 12 KB a tile."""
    folder = os.path.join(bench.folder, "picture")
    tiff, raw, slide = (os.path.join(folder, name) for name in ("picture.tif", "picture.raw", "picture.dcm"))
    if os.path.isdir(folder):
        return tiff, raw, slide
    os.makedirs(folder)
    parts = [os.path.join(folder, "part-%d.v" % i) for i in range(6)]
    for i in range(3):
        vips("perlin", parts[i], str(SIDE), str(SIDE), "--uchar", "--cell-size", str(40 * (i + 1)), "--seed", str(i))
    vips("gaussnoise", parts[3], str(SIDE), str(SIDE), "--sigma", "6", "--mean", "0", "--seed", "5")
    vips("bandjoin", " ".join(parts[:3]), parts[4])
    vips("add", parts[4], parts[3], parts[5])
    vips("cast", parts[5], tiff + "[compression=none]", "uchar")
    vips("rawsave", tiff, raw)
    for part in parts:
        os.remove(part)
    write_native_slide(raw, slide)
    subprocess.run(["cat", tiff, raw, slide], stdout=subprocess.DEVNULL, check=True)  # all of them in memory
    return tiff, raw, slide


# -- both ways ----------------------------------------------------------------------------------

def peak_mib(command, bench):
    """Of the one process."""
    report = os.path.join(bench.folder, "peak")
    used = measure(["/usr/bin/time", "-f", "%M", "-o", report, *command], bench.log)
    if used.status != 0:
        fail("%s ended with %d, see %s" % (command[0], used.status, bench.log))
    with open(report) as file:
        return int(file.read().split()[-1]) / 1024


def synced(bench, script, *words):
    return measure(["sh", "-c", script, *words], bench.log)


def by_vips(bench, tiff):
    """Its files end on disk, as ours do."""
    out = tempfile.mkdtemp(dir=bench.folder)
    return synced(bench, 'vips dzsave "$@" && sync -f "$0"', out, tiff, os.path.join(out, "v"), *VIPS_TILES)


def has_slides():
    found = subprocess.run([SLICEPRESS, "stages"], capture_output=True, text=True, check=True)
    return any(line.split()[:1] == ["slides"] for line in found.stdout.splitlines())


def by_slicepress(bench, slide, *options):
    """Nothing counts that was not made."""
    site = bench.site()
    used = bench.slicepress([slide], site=site, stages=[*TILES, *options])
    if used.status != 0:
        fail("no tiles of %s, see %s" % (slide, bench.log))
    return used


def by_write_tiles(bench, raw, *options):
    out = tempfile.mkdtemp(dir=bench.folder)
    return synced(bench, '"$@" >/dev/null && sync -f "$0"', out, WRITE_TILES, os.path.join(out, "t"), "columns=%d" % SIDE,
                  "rows=%d" % SIDE, "rows_from=" + raw, *options)


def part_n(bench, _):
    if not shutil.which("vips"):
        note("skip: vips is not installed")
        return
    tiff, raw, slide = make_picture(bench)
    if has_slides():
        ours = lambda form: by_slicepress(bench, slide, "--set", "tiles.forms=" + form)
    else:
        ours = lambda form: by_write_tiles(bench, raw, "forms=" + form)
    walls = {"vips": [], "dzi": [], "pack": []}
    cpus = {"vips": [], "dzi": [], "pack": []}
    for _ in range(ROUNDS):
        for name, used in (("vips", by_vips(bench, tiff)), ("dzi", ours("dzi")), ("pack", ours("pack"))):
            walls[name].append(used.wall)
            cpus[name].append(used.cpu)
    note("16,384 x 16,384: " + ", ".join("%s %.2f s, %.2f s of CPU" % (name, median(walls[name]), median(cpus[name]))
                                         for name in walls))
    theirs = median(walls["vips"])
    row("n", "Deep Zoom of 16,384 x 16,384, share of vips dzsave's wall time", median(walls["dzi"]) / theirs, "x", "<= 0.6",
        median(walls["dzi"]) / theirs <= 0.6)
    row("n", "the same as a pack, share of it", median(walls["pack"]) / theirs, "x", "<= 0.5",
        median(walls["pack"]) / theirs <= 0.5)


# -- memory -------------------------------------------------------------------------------------

def peak_of_tiles(bench, *words):
    out = tempfile.mkdtemp(dir=bench.folder)
    return peak_mib([WRITE_TILES, os.path.join(out, "t"), *words], bench)


def part_o(bench, _):
    if shutil.which("vips"):
        tiff, raw, _ = make_picture(bench)
        out = tempfile.mkdtemp(dir=bench.folder)
        theirs = peak_mib(["vips", "dzsave", tiff, os.path.join(out, "v"), *VIPS_TILES], bench)
        ours = peak_of_tiles(bench, "columns=%d" % SIDE, "rows=%d" % SIDE, "rows_from=" + raw)
        note("16,384 x 16,384: vips %.0f MiB, ours %.0f MiB" % (theirs, ours))
        row("o", "peak memory of the tree, share of vips dzsave's", ours / theirs, "x", "<= 1", ours / theirs <= 1)
    low = peak_of_tiles(bench, "columns=65536", "rows=4096")
    high = peak_of_tiles(bench, "columns=65536", "rows=65536")
    note("65,536 x 4,096 %.1f MiB, 65,536 x 65,536 %.1f MiB" % (low, high))
    row("o", "peak memory, 65,536 x 65,536 against 65,536 x 4,096", high / low, "x", "<= 1.2", high / low <= 1.2)


# -- tiles as they are --------------------------------------------------------------------------

def part_p(bench, _):
    if not (shutil.which("vips") and has_slides() and os.path.exists(WRITE_SLIDE)):
        note("skip: there is no stage for slides, or no vips")
        return
    tiff, _, _ = make_picture(bench)
    folder = os.path.join(bench.folder, "jpeg-slide")
    levels = ["level=%dx%d" % (SIDE >> i, SIDE >> i) for i in range(7)]
    subprocess.run([WRITE_SLIDE, folder, *levels, "coding=jpeg", "quality=80"], check=True, stdout=subprocess.DEVNULL)
    theirs, ours = [], []
    for _ in range(ROUNDS):
        theirs.append(by_vips(bench, tiff).cpu)
        ours.append(by_slicepress(bench, folder, "--set", "tiles.forms=pack").cpu)
    note("tiles as they are: vips %.2f s of CPU, ours %.2f s" % (median(theirs), median(ours)))
    row("p", "CPU of vips dzsave, in slicepresses that pass a slide's tiles through", median(theirs) / median(ours), "x",
        ">= 10", median(theirs) / median(ours) >= 10)


PARTS = {"n": part_n, "o": part_o, "p": part_p}
