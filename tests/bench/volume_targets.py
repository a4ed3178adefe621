"""Volumes: from a pipe and from disk against unzip + dcm2niix, compressed NIfTI, and memory."""
import os
import shutil
import subprocess
import tempfile
import zipfile

from measure import MAKE_DICOM, ROOT, ROUNDS, SLICEPRESS, measure, median, note, peak_pss_mib, row

VOLUME = ["--stages", "volume", "--set", "volume.compress=none"]
HELD_MIB = 391  # ZIP, members and volume of 300 slices at once


def zip_of(bench, folder):
    path = os.path.join(bench.folder, os.path.basename(folder) + ".zip")
    if not os.path.exists(path):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(os.listdir(folder)):
                archive.write(os.path.join(folder, name), name)
    return path


def of_pipe(bench, path, site, options):
    return measure(["sh", "-c", 'site=$1; zip=$2; shift 2; cat "$zip" | "$0" run "$site" - "$@" --quiet', SLICEPRESS, site,
                    path, *options], bench.log)


def by_dcm2niix(bench, path):
    out = tempfile.mkdtemp(dir=bench.folder)
    return measure(["sh", "-c", 'unzip -q "$0" -d "$1/in" && mkdir "$1/out" && dcm2niix -z n -o "$1/out" "$1/in" >/dev/null'
                    ' && sync -f "$1"', path, out], bench.log)


def part_k(bench, inputs):
    if not (shutil.which("dcm2niix") and shutil.which("unzip")):
        note("skip: dcm2niix or unzip is not installed")
        return
    path = zip_of(bench, inputs["ct_300_generated"])
    piped, disk, theirs = [], [], []
    for _ in range(ROUNDS):
        theirs.append(by_dcm2niix(bench, path).wall)
        piped.append(of_pipe(bench, path, bench.site(), VOLUME).wall)
        disk.append(bench.slicepress([path], stages=VOLUME).wall)
    note("300 slices: unzip + dcm2niix %.2f s, from a pipe %.2f s, from disk %.2f s" % (
        median(theirs), median(piped), median(disk)))
    row("k", "volume from a pipe, share of unzip + dcm2niix's wall time", median(piped) / median(theirs), "x", "<= 0.75",
        median(piped) / median(theirs) <= 0.75)
    row("k", "volume from a ZIP on disk, share of it", median(disk) / median(theirs), "x", "<= 0.6",
        median(disk) / median(theirs) <= 0.6)


# -- l: compressed NIfTI ----------------------------------------------------------------------


def sizes_of(folder, ending):
    return sum(os.path.getsize(os.path.join(base, name)) for base, _, names in os.walk(folder) for name in names
               if name.endswith(ending))


def part_l(bench, inputs):
    if not shutil.which("dcm2niix"):
        return
    folder = inputs["ct_300_generated"]
    ours, theirs, bytes_ours, bytes_theirs = [], [], 0, 0
    for _ in range(ROUNDS):
        out, site = tempfile.mkdtemp(dir=bench.folder), bench.site()
        theirs.append(measure(["sh", "-c", 'dcm2niix -z y -o "$1" "$0" >/dev/null && sync -f "$1"', folder, out],
                              bench.log).wall)
        ours.append(bench.slicepress([folder], site=site, stages=VOLUME + ["--set", "volume.nifti=true"]).wall)
        bytes_theirs, bytes_ours = sizes_of(out, ".nii.gz"), sizes_of(site, ".nii.gz")
    row("l", "wall time of dcm2niix -z y, in slicepresses (which write OME-Zarr, too)", median(theirs) / median(ours), "x",
        ">= 1.7", median(theirs) / median(ours) >= 1.7)
    row("l", "bytes of .nii.gz against dcm2niix's", bytes_ours / bytes_theirs, "x", "<= 1.03",
        bytes_ours / bytes_theirs <= 1.03)


# -- m: memory --------------------------------------------------------------------------------


def peak_of_pipe(bench, path):
    """MiB of the coordinator and its workers."""
    feeder = subprocess.Popen(["cat", path], stdout=subprocess.PIPE)
    peak = peak_pss_mib(bench, ["-"], stages=VOLUME, stdin=feeder.stdout)
    feeder.stdout.close()
    feeder.wait()
    return peak


def many_slices(bench, count):
    folder = os.path.join(bench.folder, "ct-%d" % count)
    recipe = folder + ".recipe"
    with open(os.path.join(ROOT, "tests/bench/ct.recipe")) as source, open(recipe, "w") as file:
        file.write(source.read().replace("instances = 300", "instances = %d" % count))
    subprocess.run([MAKE_DICOM, "--study", recipe, folder], check=True)
    return zip_of(bench, folder)


def part_m(bench, inputs):
    peak = peak_of_pipe(bench, zip_of(bench, inputs["ct_300_generated"]))
    row("m", "peak PSS from a pipe, share of ZIP + members + volume (391 MiB)", peak / HELD_MIB, "x", "<= 0.25",
        peak / HELD_MIB <= 0.25)
    few, many = peak_of_pipe(bench, many_slices(bench, 100)), peak_of_pipe(bench, many_slices(bench, 2000))
    note("from a pipe: 100 slices %.1f MiB, 300 %.1f MiB, 2,000 %.1f MiB" % (few, peak, many))
    row("m", "peak PSS, 2,000 slices against 100", many / few, "x", "0.9..1.1", 0.9 <= many / few <= 1.1)


PARTS = {"k": part_k, "l": part_l, "m": part_m}
