"""`slicepress run` against bare library calls, against the tools people use, in memory, and when nothing is new."""
import os
import shutil
import subprocess
import tempfile
import time
import zipfile

from measure import ROUNDS, YARDSTICK, files_of, measure, median, note, peak_pss_mib, row


def part_a(bench, inputs):
    for name, path in inputs.items():
        ours, theirs, walls, kernel = [], [], [], []
        steps = ""
        bench.yardstick([path])  # the page cache is warm for both
        for _ in range(ROUNDS):
            usage = bench.yardstick([path])
            theirs.append(usage.cpu)
            steps = usage.out.strip()
            usage = bench.slicepress([path])
            ours.append(usage.cpu)
            kernel.append(usage.system)
            walls.append(usage.wall)
        ratio = median(ours) / median(theirs)
        words = dict(zip(steps.split()[::2], map(float, steps.split()[1::2])))
        note("%s: yardstick, ms an object: %s" % (name, ", ".join(
            "%s %.2f" % (key[:-3], value) for key, value in words.items() if key.endswith("_ms"))))
        note("%s: slicepress %.2f ms an object (the kernel's: %.2f), %.0f objects/s with 2 workers, %.0f MB/s" % (
            name, median(ours) / words["objects"] * 1e3, median(kernel) / words["objects"] * 1e3, words["objects"] / median(walls),
            sum(os.path.getsize(f) for f in files_of(path)) / 1e6 / median(walls)))
        row("a", "CPU against the yardstick: " + name, ratio, "x", "<= 1.25", ratio <= 1.25)


def part_b(bench, inputs):
    files = files_of(inputs["ct_300_generated"])
    one, two, stick_one, stick_two = [], [], [], []
    for _ in range(ROUNDS):
        one.append(bench.slicepress([inputs["ct_300_generated"]], jobs=1).wall)
        two.append(bench.slicepress([inputs["ct_300_generated"]], jobs=2).wall)
        stick_one.append(bench.yardstick(files).wall)
        start = time.monotonic()
        halves = [subprocess.Popen([YARDSTICK, *files[i::2]], stdout=subprocess.DEVNULL) for i in (0, 1)]
        for half in halves:
            half.wait()
        stick_two.append(time.monotonic() - start)
    ours, theirs = median(one) / median(two), median(stick_one) / median(stick_two)
    note("gain of a second worker %.2f, of a second yardstick %.2f" % (ours, theirs))
    row("b", "two workers against one, share of the yardsticks' gain", ours / theirs, "x", ">= 0.9", ours / theirs >= 0.9)


def tools_loop(bench, files):
    """What people write: a preview and a lossless JPEG 2000 of each file."""
    out = tempfile.mkdtemp(dir=bench.folder)
    script = os.path.join(out, "loop")
    tags = subprocess.run(["dcmdump", "+P", "0028,1050", files[0]], capture_output=True, text=True, check=False)
    window = "--use-window 1" if "WindowCenter" in tags.stdout else "--min-max-window"
    with open(script, "w") as file:
        file.write('for f in "$@"; do\n'
                   '    dcmj2pnm --write-jpeg +Jq 80 +Sxv 256 %s "$f" "%s/p.jpg"\n'
                   '    gdcmconv --j2k "$f" "%s/j.dcm"\ndone\n' % (window, out, out))
    return measure(["sh", script, *files], bench.log).cpu


def part_c(bench, inputs):
    if not (shutil.which("dcmj2pnm") and shutil.which("gdcmconv") and shutil.which("dcmdump")):
        note("skip: dcmj2pnm or gdcmconv is not installed")
        return
    for name, path in inputs.items():
        if name.startswith("ct_thorax"):
            continue  # dcmj2pnm of Debian reads no JPEG 2000
        folder = path
        if path.endswith(".zip"):  # the tools want files: both get them unpacked
            folder = tempfile.mkdtemp(dir=bench.folder)
            with zipfile.ZipFile(path) as archive:
                archive.extractall(folder)
        files = files_of(folder)
        loop = median([tools_loop(bench, files) for _ in range(min(ROUNDS, 2))])
        ours = median([bench.slicepress([folder]).cpu for _ in range(ROUNDS)])
        note("%s: tools %.1f ms a file, slicepress %.2f" % (name, loop / len(files) * 1e3, ours / len(files) * 1e3))
        row("c", "CPU of dcmj2pnm + gdcmconv --j2k, in slicepresses: " + name, loop / ours, "x", ">= 8", loop / ours >= 8)


def part_d(bench, inputs):
    peaks = {name: peak_pss_mib(bench, [path]) for name, path in inputs.items()}
    for name, peak in peaks.items():
        row("d", "peak PSS of all processes: " + name, peak, "MiB", "<= 200", peak <= 200)
    if "mr_t1_brain_384" not in inputs:
        return
    part = os.path.join(bench.folder, "mr_50.zip")
    with zipfile.ZipFile(inputs["mr_t1_brain_384"]) as archive, \
            zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as subset:
        members = [member for member in archive.infolist() if not member.is_dir()]
        for member in members[:50]:
            subset.writestr(member, archive.read(member))
    few = median([peak_pss_mib(bench, [part]) for _ in range(ROUNDS)])
    many = median([peak_pss_mib(bench, [inputs["mr_t1_brain_384"]]) for _ in range(ROUNDS)])
    note("mr_t1: 50 instances %.1f MiB, 384 instances %.1f MiB" % (few, many))
    row("d", "peak PSS, 384 instances against 50", many / few, "x", "0.9..1.1", 0.9 <= many / few <= 1.1)


def tree(site):
    found = {}
    for base, folders, names in os.walk(os.path.join(site, "public")):
        for name in folders + names:
            status = os.lstat(os.path.join(base, name))
            found[os.path.join(base, name)] = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return found


def part_e(bench, inputs):
    for name, path in inputs.items():
        site = bench.site()
        first = bench.slicepress([path], site=site)
        time.sleep(1.1)  # a file as old as the run would be read again
        before = tree(site)
        seconds = [bench.slicepress([path], site=site).cpu for _ in range(ROUNDS)]
        after = tree(site)
        touched = sum(1 for key in before.keys() | after.keys() if before.get(key) != after.get(key))
        share = median(seconds) / first.cpu
        row("e", "second run, share of the first's CPU: " + name, share * 100, "%", "< 3", share < 0.03)
        row("e", "second run, files touched: " + name, touched, "", "0", touched == 0)


PARTS = {"a": part_a, "b": part_b, "c": part_c, "d": part_d, "e": part_e}
