"""What the parts of scripts/bench share: running, CPU and memory of all processes, rows with verdicts."""
import os
import statistics
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SLICEPRESS_BUILD", os.path.join(ROOT, "build/release"))
SLICEPRESS = os.environ.get("SLICEPRESS", os.path.join(BUILD, "slicepress"))
DATA = os.environ.get("SLICEPRESS_TEST_DATA", os.path.join(os.path.dirname(ROOT), "shared/data"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
YARDSTICK = os.path.join(BUILD, "bench/yardstick")
MAKE_DICOM = os.path.join(BUILD, "support/make_dicom")
STAGES = ["--stages", "codestream,thumbnail"]
missed = 0


class Usage:
    def __init__(self, user, system, wall, status, out):
        self.cpu, self.system, self.wall, self.status, self.out = user + system, system, wall, status, out


def measure(command, log):
    """Runs to the end; CPU of the process and all it reaped."""
    with open(log, "ab") as err:
        start = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=err)
        out = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    user, system = usage.ru_utime, usage.ru_stime
    while True:  # orphans come to us (PR_SET_CHILD_SUBREAPER)
        try:
            pid, _, orphan = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if pid == 0:
            break
        user += orphan.ru_utime
        system += orphan.ru_stime
    return Usage(user, system, time.monotonic() - start, child.returncode, out.decode("utf-8", "replace"))


def fail(text):
    print("bench:", text, file=sys.stderr)
    sys.exit(2)


class Bench:
    """Sites are removed at the very end: ext4 avoids inodes that were just freed, at a price (recently_deleted)."""

    def __init__(self, folder):
        self.folder = folder
        self.log = os.path.join(folder, "log")
        self.count = 0

    def site(self):
        self.count += 1
        return os.path.join(self.folder, "site-%d" % self.count)

    def slicepress(self, inputs, jobs=2, site=None, stages=STAGES):
        to = site or self.site()
        usage = measure([SLICEPRESS, "run", to, *inputs, *stages, "--jobs", str(jobs), "--quiet"], self.log)
        if usage.status not in (0, 1):
            fail("slicepress run ended with %d, see %s" % (usage.status, self.log))
        return usage

    def yardstick(self, inputs):
        usage = measure([YARDSTICK, *inputs], self.log)
        if usage.status != 0:
            fail("yardstick ended with %d, see %s" % (usage.status, self.log))
        return usage


def descendants(root):
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name) as file:
                    parents[int(name)] = int(file.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                pass
    found, grown = {root}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return found


def pss_kib(pid):
    try:
        with open("/proc/%d/smaps_rollup" % pid) as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def watch_pss_mib(child):
    """Waits for it; the most of it and its children, summed at each instant."""
    peak, over = [0], threading.Event()

    def sample():
        while not over.is_set():
            peak[0] = max(peak[0], sum(pss_kib(pid) for pid in descendants(child.pid)))
            over.wait(0.005)

    thread = threading.Thread(target=sample)
    thread.start()
    child.wait()
    over.set()
    thread.join()
    return peak[0] / 1024


def peak_pss_mib(bench, inputs, jobs=2, stages=STAGES, stdin=subprocess.DEVNULL):
    with open(bench.log, "ab") as err:
        child = subprocess.Popen([SLICEPRESS, "run", bench.site(), *inputs, *stages, "--jobs", str(jobs), "--quiet"],
                                 stdin=stdin, stdout=subprocess.DEVNULL, stderr=err)
    return watch_pss_mib(child)


def revision():
    found = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True,
                           check=False)
    return found.stdout.strip() or "none"


def row(part, what, value, unit, target, good):
    global missed
    missed += 0 if good else 1
    verdict = "met" if good else "MISSED"
    print("%-2s %-62s %10.3f %-4s %-10s %s" % (part, what, value, unit, target, verdict), flush=True)
    with open(os.path.join(BUILD, "bench-results.tsv"), "a") as file:
        file.write("\t".join([time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), revision(), part, what,
                              "%.4f" % value, unit, target, verdict]) + "\n")


def note(text):
    print("   " + text, flush=True)


def median(values):
    return statistics.median(values)


def files_of(path):
    if os.path.isfile(path):
        return [path]
    return sorted(os.path.join(base, name) for base, _, names in os.walk(path) for name in names)
