"""Tiles: a picture of 16,384 x 16,384 against vips dzsave, packs, pass-through, and memory."""
import json
import os
import shutil
import struct
import subprocess
import tempfile

from measure import BUILD, ROUNDS, SLICEPRESS, fail, files_of, measure, median, note, row, watch_pss_mib

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

def synced(bench, script, *words):
    return measure(["sh", "-c", script, *words], bench.log)


def by_vips(bench, tiff):
    """Its files end on disk, as ours do."""
    out = tempfile.mkdtemp(dir=bench.folder)
    return synced(bench, 'vips dzsave "$@" && sync -f "$0"', out, tiff, os.path.join(out, "v"), *VIPS_TILES)


def has_slides():
    found = subprocess.run([SLICEPRESS, "stages"], capture_output=True, text=True, check=True)
    return any(line.split()[:1] == ["slides"] for line in found.stdout.splitlines())


def tiles_passed(site):
    """How many tiles are the slide's own bytes."""
    passed = 0
    for path in files_of(os.path.join(site, "public/studies")):
        if os.path.basename(path) == "tiles.json":
            with open(path) as file:
                passed += sum(level.get("passed_through", 0) for level in json.load(file)["levels"])
    return passed


def by_slicepress(bench, slide, *options, passed=0):
    """Nothing counts that was not made, or not in the way that is measured."""
    site = bench.site()
    used = bench.slicepress([slide], site=site, stages=[*TILES, *options])
    if used.status != 0:
        fail("no tiles of %s, see %s" % (slide, bench.log))
    if tiles_passed(site) != passed:
        fail("%d tiles of %s are as they came, not %d" % (tiles_passed(site), slide, passed))
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

PEAKS = ("largest process", "PSS of all")


def peaks_mib(bench, command):
    """Of the largest process, and PSS of all of them."""
    report = os.path.join(bench.folder, "peak")
    with open(bench.log, "ab") as err:
        child = subprocess.Popen(["/usr/bin/time", "-f", "%M", "-o", report, *command], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=err)
        pss = watch_pss_mib(child)
    if child.returncode != 0:
        fail("%s ended with %d, see %s" % (command[0], child.returncode, bench.log))
    with open(report) as file:
        return int(file.read().split()[-1]) / 1024, pss


def peaks_of_run(bench, slide, form):
    options = [*TILES, "--set", "tiles.forms=" + form, "--jobs", "2", "--quiet"]
    return peaks_mib(bench, [SLICEPRESS, "run", bench.site(), slide, *options])


def write_jpeg_slide(folder, *words):
    subprocess.run([WRITE_SLIDE, folder, "coding=jpeg", *words], check=True, stdout=subprocess.DEVNULL)
    return folder


def peaks_of_wide_slide(bench, rows):
    """One level of JPEG tiles, so that all others are made; a pack, which keeps an index of all tiles."""
    folder = os.path.join(bench.folder, "slide-65536x%d" % rows)
    return peaks_of_run(bench, write_jpeg_slide(folder, "level=65536x%d" % rows, "repeat=64"), "pack")


def part_o(bench, _):
    if not (has_slides() and os.path.exists(WRITE_SLIDE)):
        note("skip: there is no stage for slides")
        return
    if shutil.which("vips"):
        tiff, _, slide = make_picture(bench)
        out = tempfile.mkdtemp(dir=bench.folder)
        theirs = peaks_mib(bench, ["vips", "dzsave", tiff, os.path.join(out, "v"), *VIPS_TILES])
        ours = peaks_of_run(bench, slide, "dzi")
        note("16,384 x 16,384: vips %.1f MiB (PSS %.1f), largest of our processes %.1f MiB (PSS of all %.1f)" %
             (*theirs, *ours))
        for i, what in enumerate(PEAKS):
            ratio = ours[i] / theirs[i]
            row("o", "peak memory of a run, share of vips dzsave's: " + what, ratio, "x", "<= 1", ratio <= 1)
    low, high = peaks_of_wide_slide(bench, 4096), peaks_of_wide_slide(bench, 65536)
    note("65,536 x 4,096: largest process %.1f MiB (PSS of all %.1f), 65,536 x 65,536: %.1f MiB (%.1f)" % (*low, *high))
    for i, what in enumerate(PEAKS):
        ratio = high[i] / low[i]
        row("o", "peak memory, 65,536^2 against 65,536 x 4,096: " + what, ratio, "x", "<= 1.2", ratio <= 1.2)


# -- tiles as they are --------------------------------------------------------------------------

def jpeg_slide_of(bench, tiff):
    """The picture's own JPEG tiles, which vips makes, as the levels of a slide; and how many."""
    tree = tempfile.mkdtemp(dir=bench.folder)
    vips("dzsave", tiff, os.path.join(tree, "v"), *VIPS_TILES)
    sides = [SIDE >> i for i in range(7)]
    levels = ["level=%dx%d" % (side, side) for side in sides]
    folder = os.path.join(bench.folder, "jpeg-slide")
    return (write_jpeg_slide(folder, *levels, "tiles=" + os.path.join(tree, "v_files")),
            sum((side // TILE) ** 2 for side in sides))


def part_p(bench, _):
    if not (shutil.which("vips") and has_slides() and os.path.exists(WRITE_SLIDE)):
        note("skip: there is no stage for slides, or no vips")
        return
    tiff, _, _ = make_picture(bench)
    slide, tiles = jpeg_slide_of(bench, tiff)
    runs = {"vips": lambda: by_vips(bench, tiff),
            "dzi": lambda: by_slicepress(bench, slide, "--set", "tiles.forms=dzi", passed=tiles),
            "pack": lambda: by_slicepress(bench, slide, "--set", "tiles.forms=pack", passed=tiles),
            "anew": lambda: by_slicepress(bench, slide, "--set", "tiles.forms=pack", "--set", "tiles.overlap=1")}
    cpus = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            cpus[name].append(run().cpu)
    cpu = {name: median(values) for name, values in cpus.items()}
    note("%d tiles as they are, seconds of CPU: " % tiles + ", ".join("%s %.2f" % item for item in cpu.items()))
    for what, many, few in (("vips dzsave, in slicepresses that pass tiles through", "vips", "dzi"),
                            ("vips dzsave, in slicepresses that make a pack", "vips", "pack"),
                            ("decoding and coding them (overlap 1), in passes through", "anew", "pack")):
        row("p", "CPU of " + what, cpu[many] / cpu[few], "x", ">= 10", cpu[many] / cpu[few] >= 10)


PARTS = {"n": part_n, "o": part_o, "p": part_p}
