"""Static DICOMweb: the whole tree against bare codec calls and the peer, one new instance, bytes, pass-through."""
import os
import shutil
import sqlite3
import statistics
import subprocess
import tempfile

import pydicom

from measure import (BUILD, MAKE_DICOM, ROOT, ROUNDS, files_of, measure, median, note, row)

TREE = ["--stages", "codestream,thumbnail,dicomweb"]
PEER = os.environ.get("BENCH_PEER", os.path.join(ROOT, "build/bench-peer/mkdicomweb"))
CODING = os.path.join(BUILD, "bench/coding")


def catalogue(site, sql):
    with sqlite3.connect("file:%s/catalogue.sqlite?mode=ro" % site, uri=True) as connection:
        return connection.execute(sql).fetchall()


# -- f: the whole static DICOMweb tree of 300 uncompressed CT slices --------------------------


def peer(bench, folder):
    """RadicalImaging's Static-DICOMWeb on the same files; its output is flushed to disk, as ours is."""
    out = tempfile.mkdtemp(dir=bench.folder)
    return measure(["sh", "-c", "\"$0\" create --content-type jhc -o \"$1\" \"$2\" && sync -f \"$1\"", PEER, out, folder], bench.log)


def part_f(bench, inputs):
    folder = inputs["ct_300_generated"]
    ours, walls, theirs = [], [], []
    bench.yardstick([folder])
    for _ in range(ROUNDS):
        theirs.append(bench.yardstick([folder]).cpu)
        usage = bench.slicepress([folder], stages=TREE)
        ours.append(usage.cpu)
        walls.append(usage.wall)
    ratio = median(ours) / median(theirs)
    note("DICOMweb tree of 300 slices: %.2f s of CPU, %.2f s of wall time; bare calls %.2f s" % (
        median(ours), median(walls), median(theirs)))
    row("f", "CPU of the DICOMweb tree against the yardstick: ct_300_generated", ratio, "x", "<= 1.25", ratio <= 1.25)
    if not os.path.exists(PEER):
        note("skip: the peer is not installed (tests/bench/peer/install)")
        return
    usage = peer(bench, folder)
    row("f", "CPU of Static-DICOMWeb, in slicepresses", usage.cpu / median(ours), "x", ">= 6",
        usage.cpu / median(ours) >= 6)
    row("f", "wall time of Static-DICOMWeb, in slicepresses", usage.wall / median(walls), "x", ">= 9",
        usage.wall / median(walls) >= 9)


# -- g: one new instance on a site of 1,000 studies ------------------------------------------


def write_recipe(path, first, count):
    with open(path, "w") as file:
        file.write("instances = %d\nfile = {i}.dcm\nstudy = many{%d+i}\nseries = s{%d+i}\ninstance = o{%d+i}\n"
                   "rows = 64\ncolumns = 64\nallocated = 16\nstored = 12\npixels = ramp\n"
                   "0008,0020 DA 20260101\n0008,0060 CS CT\n0010,0010 PN Many^Studies\n0010,0020 LO M{%d+i}\n"
                   "0028,1050 DS 40\n0028,1051 DS 400\n0028,1052 DS -1024\n0028,1053 DS 1\n" % (
                       count, first, first, first, first))


def part_g(bench, _):
    folder, site = tempfile.mkdtemp(dir=bench.folder), bench.site()
    seconds = []
    for number, (first, count) in enumerate([(0, 1000)] + [(1000 + i, 1) for i in range(ROUNDS + 2)]):
        recipe, objects = os.path.join(folder, "%d.recipe" % number), os.path.join(folder, "in-%d" % number)
        write_recipe(recipe, first, count)
        subprocess.run([MAKE_DICOM, "--study", recipe, objects], check=True)
        usage = bench.slicepress([objects], site=site, stages=TREE)
        if number > 0:
            seconds.append(usage.cpu)
    row("g", "CPU of one new instance on a site of 1,000 studies", median(seconds) * 1e3, "ms", "< 60",
        median(seconds) < 0.06)


# -- h: bytes ---------------------------------------------------------------------------------


def raw_frames(path, step):
    """Stored values of every step-th native 16-bit frame: (columns, rows, bits, sign, bytes)."""
    found = []
    for number, name in enumerate(files_of(path)):
        if number % step == 0:
            dataset = pydicom.dcmread(name)
            sign = "s" if dataset.PixelRepresentation else "u"
            found.append((dataset.SOPInstanceUID, dataset.Columns, dataset.Rows, dataset.BitsStored, sign,
                          dataset.pixel_array.tobytes()))
    return found


def codestream_bytes(path):
    with open(path, "rb") as file:
        part = file.read().partition(b"\r\n\r\n")[2]
    return part.rfind(b"\r\n--")


def openjpeg_bytes(folder, columns, rows, bits, sign, data):
    raw, out = os.path.join(folder, "frame.rawl"), os.path.join(folder, "frame.j2k")
    with open(raw, "wb") as file:
        file.write(data)
    subprocess.run(["opj_compress", "-i", raw, "-o", out, "-n", "6", "-F",
                    "%d,%d,1,%d,%s" % (columns, rows, bits, sign)], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return os.path.getsize(out)


def part_h(bench, inputs):
    for name in ("ct_300_generated", "ct_head_philips_140", "ct_thorax_phantom_j2k"):
        path = inputs.get(name)
        if path is None or not shutil.which("opj_compress"):
            continue
        folder = tempfile.mkdtemp(dir=bench.folder)
        if path.endswith(".zip"):
            shutil.unpack_archive(path, folder + "/in")
            path = folder + "/in"
        site = bench.site()
        bench.slicepress([path], site=site, stages=["--stages", "codestream", "--set", "codestream.j2k_input=encode"])
        paths = dict(catalogue(site, "SELECT sop_instance_uid, path FROM artefact JOIN instance USING (instance_id)"
                                     " WHERE artefact.place = 0 AND frame = 1"))
        ours = theirs = pixels = 0
        for uid, columns, rows, bits, sign, data in raw_frames(path, 10):
            ours += codestream_bytes(os.path.join(site, "public", paths[uid]))
            theirs += openjpeg_bytes(folder, columns, rows, bits, sign, data)
            pixels += len(data)
        note("%s: lossless %.3f of the raw pixels (every 10th slice), OpenJPEG %.3f" % (
            name, ours / pixels, theirs / pixels))
        row("h", "lossless bytes against OpenJPEG's: " + name, ours / theirs, "x", "<= 1.12", ours / theirs <= 1.12)
        first = catalogue(site, "SELECT end_offset FROM byte_range JOIN artefact USING (artefact_id)"
                                " WHERE byte_range.columns = 64 AND artefact.columns = 512")
        if first:
            most = max(end for end, in first)
            row("h", "bytes to the first 64x64 image, at most: " + name, most / 1024, "KB", "<= 8", most <= 8192)


# -- i: pass-through --------------------------------------------------------------------------


def part_i(bench, inputs):
    path = inputs.get("ct_thorax_phantom_j2k")
    if path is None:
        return
    passed, encoded = [], []
    for _ in range(ROUNDS):
        for to, mode in ((passed, "pass"), (encoded, "encode")):
            to.append(bench.slicepress([path], stages=["--stages", "codestream,dicomweb", "--set",
                                                       "codestream.j2k_input=" + mode]).cpu)
    ratio = median(encoded) / median(passed)
    note("ct_thorax_phantom_j2k: passed in %.2f s of CPU, decoded and encoded in %.2f" % (
        median(passed), median(encoded)))
    row("i", "CPU of encoding, in pass-throughs: ct_thorax_phantom_j2k", ratio, "x", ">= 5", ratio >= 5)


# -- j: indexing ------------------------------------------------------------------------------


def part_j(bench, inputs):
    folder = tempfile.mkdtemp(dir=bench.folder)
    shares = []
    for uid, columns, rows, bits, sign, data in raw_frames(inputs["ct_300_generated"], 60):
        raw = os.path.join(folder, uid)
        with open(raw, "wb") as file:
            file.write(data)
        out = measure([CODING, raw, str(columns), str(rows), str(bits), sign], bench.log).out
        words = dict(zip(out.split()[::2], map(float, out.split()[1::2])))
        shares.append((words["index_us"] + words["rewrite_us"]) / words["encode_us"])
    share = statistics.median(shares)
    row("j", "indexing and rewriting a codestream, share of encoding it", share * 100, "%", "< 3", share < 0.03)


PARTS = {"f": part_f, "g": part_g, "h": part_h, "i": part_i, "j": part_j}
