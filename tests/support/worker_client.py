"""A coordinator for tests: starts slicepress-worker with a socket at descriptor 3 and speaks pipeline/job/job.h.

    with Site() as site:
        worker = Worker(site)
        result = worker.run(job("object", [file_source(path)], stages="codestream,thumbnail"))

A worker that dies is a WorkerDied with its status. What job.c writes is parsed field by field, in order.
"""

import os
import re
import shutil
import socket
import struct
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SLICEPRESS_WORKER", str(ROOT / "build/release/slicepress-worker"))
HELLO, JOB, INDEXED, MEMBER, MEMBER_DONE, RESULT, QUIT, READY = range(1, 9)
KINDS = {"index": 1, "object": 2, "render": 3, "feed": 4, "verify": 5}
ERRORS = ("none io not_dicom unsupported corrupt truncated limit no_image nomem codec protocol catalogue "
          "usage crashed timeout busy interrupted").split()
OUTCOMES = ("object", "rejected", "zip", "feed")
STATES = ("pending", "running", "done", "skipped", "failed", "quarantined")
PRODUCT_STATES = ("done", "skipped", "failed", "deferred", "partial")
NULL = 0xFFFFFFFF


def record_fields():
    text = (ROOT / "pipeline/job/record.h").read_text()
    return re.findall(r"X\((\w+), (?:TEXT|INTEGER|REAL), 0x", text)


RECORD = record_fields()


class WorkerDied(Exception):
    def __init__(self, status):
        super().__init__(f"the worker died: status {status}")
        self.status = status


class Out:
    def __init__(self):
        self.data = bytearray()

    def put(self, form, *values):
        self.data += struct.pack("<" + form, *values)
        return self

    def text(self, value):
        if value is None:
            return self.put("I", NULL)
        raw = os.fsencode(value)
        self.put("I", len(raw))
        self.data += raw + b"\0"
        return self

    def blob(self, raw):
        self.put("I", len(raw))
        self.data += raw
        return self


class In:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values[0] if len(values) == 1 else values

    def raw(self, size):
        self.at += size
        return self.data[self.at - size:self.at]

    def text(self):
        size = self.take("I")
        return None if size == NULL else self.raw(size + 1)[:-1].decode()

    def blob(self):
        return self.raw(self.take("I"))

    def bool(self):
        return bool(self.take("B"))

    def list(self, read):
        return [read() for _ in range(self.take("I"))]


# -- what is sent

def file_source(path, size=0, depth=0):
    return {"kind": 0, "path": str(path), "size": size, "depth": depth}


def member_source(path, index, name="", depth=1):
    return {"kind": 1, "path": str(path), "member": index, "name": name, "depth": depth}


def spool_source(path, name=None, depth=1):
    return {"kind": 2, "path": str(path), "name": name, "depth": depth, "size": Path(path).stat().st_size}


def job(kind, sources, stages=None, **more):
    return dict(kind=kind, sources=sources, stages=stages, **more)


def put_window(out, window):
    center, width = window or (0, 0)
    out.put("ddB", center, width, 0).text("")


def encode_job(j):
    out = Out()
    out.put("BI", KINDS[j["kind"]], len(j["sources"]))
    for s in j["sources"]:
        out.put("B", s["kind"]).text(s["path"]).put("Q", s.get("member", 0)).text(s.get("name"))
        out.put("IQ", s.get("depth", 0), s.get("size", 0))
        if s["kind"] == 2:
            out.put("Q", s.get("offset", 0))
    out.put("B", j.get("want_digest", False)).text(j.get("stages")).text(j.get("staging", ""))
    out.put("I", j.get("staging_first", 0))
    for uid in j.get("subject", ("", "", "", "")):
        out.text(uid)
    digest = j.get("source_digest")
    out.put("B", digest is not None)
    out.data += digest or bytes(32)
    out.blob(j.get("relic", b""))
    out.put("B", j.get("window") is not None)
    put_window(out, j.get("window"))
    out.text(j.get("spool", "")).put("QQ", j.get("spool_offset", 0), j.get("spool_bytes", 0))
    out.put("Q???IQ", j.get("spool_budget", 0), False, False, False, j.get("feed_window", 0), j.get("feed_bytes", 0))
    put_expected(out, j.get("expected", []))
    out.put("II", 0, 0).text("")  # no members of a series, no slices
    return bytes(out.data)


def put_expected(out, artefacts):
    out.put("I", 1).text("expected").put("IB", 0, 0).text("").text(None).data.extend(bytes(32))
    out.put("I", len(artefacts))
    for a in artefacts:
        out.put("B", a["place"]).text(a["name"]).text(a["extension"]).text(a["media_type"])
        out.put("IIIQ", a["frame"], a["columns"], a["rows"], a["bytes"])
        out.data += a["digest"]
        out.put("III", a["staged"], a["files"], 0)


# -- what comes back

def read_record(r):
    return {name: value for name in RECORD if (value := r.text()) is not None}


def read_fault(r):
    return ERRORS[r.take("B")], r.text()


def read_index_result(data):
    r = In(data)
    found = {"item": r.take("I"), "outcome": OUTCOMES[r.take("B")]}
    if found["outcome"] == "object":
        found["record"] = read_record(r)
    found["ignored"] = r.bool()
    found["kind"], found["text"] = read_fault(r)
    found["has_digest"], found["digest"] = r.bool(), r.raw(32)
    found["bytes"], found["frames"] = r.take("QQ")
    found["members"] = r.list(lambda: dict(zip(("index", "size", "packed", "flags", "name"),
                                               (*r.take("QQQI"), r.text()))))
    return found


def read_feed_member(data):
    r = In(data)
    found = {"number": r.take("I"), "name": r.text(), "spool": r.text(), "offset": r.take("Q"),
             "bytes": r.take("Q"), "ignored": r.bool()}
    found["kind"], found["text"] = read_fault(r)
    return found


def read_product(r):
    product = {"stage": r.text(), "version": r.take("I"), "state": PRODUCT_STATES[r.take("B")], "reason": r.text(),
               "notes": r.text(), "window_digest": r.raw(32), "artefacts": []}
    before = {}
    for _ in range(r.take("I")):
        a = {"place": r.take("B"), "name": r.text(), "extension": r.text(), "media_type": r.text()}
        for key in ("extension", "media_type"):
            a[key] = before.get(key) if a[key] is None else a[key]
        a["frame"], a["columns"], a["rows"], a["bytes"] = r.take("IIIQ")
        a["digest"] = r.raw(32)
        a["staged"], a["files"] = r.take("II")
        a["ranges"] = r.list(lambda: r.take("IIIQ"))
        product["artefacts"].append(a)
        before = a
    return product


def read_result(data):
    r = In(data)
    found = {"job": r.take("B")}
    found["error"], found["text"] = read_fault(r)
    for key in ("not_an_object", "is_archive", "ignored", "has_record"):
        found[key] = r.bool()
    found["record"] = read_record(r) if found["has_record"] else {}
    found["state"], found["notes"] = STATES[r.take("B")], r.text()
    found["source_digest"], found["source_bytes"] = r.raw(32), r.take("Q")
    found["frames"], found["information"] = r.take("II")
    found["needs_window"], found["has_histogram"], found["spooled"] = r.bool(), r.bool(), r.take("Q")
    found["wants_source"] = r.bool()
    found["relic"], found["histogram"], found["geometry"], found["slide"] = r.blob(), r.blob(), r.blob(), r.blob()
    found["metadata"] = r.text()
    found["windows"] = r.list(lambda: {"frame": r.take("I"), "center": r.take("d"), "width": r.take("d"),
                                       "function": r.take("B"), "explanation": r.text(), "origin": r.text(),
                                       "valid": r.bool()})
    found["products"] = r.list(lambda: read_product(r))
    found["members"], found["frames_compared"] = r.take("QI")
    assert r.at == len(data), "more follows than there should"
    return found


# -- the folder and the process

class Site:
    """An empty site, removed at the end."""

    def __init__(self):
        self.path = Path(tempfile.mkdtemp(prefix="slicepress-worker-"))
        for folder in ("work/staging", "work/spool", "public"):
            (self.path / folder).mkdir(parents=True)
        self.staging, self.spool = self.path / "work/staging", self.path / "work/spool"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def artefact(self, staging, artefact):
        return (self.staging / staging / str(artefact["staged"])).read_bytes()

    def publish(self, staging, result, subject):
        """The frames, where a coordinator would put them."""
        study, series, sop, _ = subject
        folder = self.path / f"public/dicomweb/studies/{study}/series/{series}/instances/{sop}/frames"
        folder.mkdir(parents=True, exist_ok=True)
        for product in result["products"]:
            for a in product["artefacts"]:
                if a["place"] == 0:
                    (folder / str(a["frame"])).write_bytes(self.artefact(staging, a))


class Worker:
    def __init__(self, site, memory=1 << 30, cpu_seconds=60, settings=(), stdin=subprocess.DEVNULL):
        ours, theirs = socket.socketpair()
        ours.settimeout(120)
        self.log = tempfile.TemporaryFile()

        def at_three():
            os.dup2(theirs.fileno(), 3)

        self.process = subprocess.Popen([PROGRAM], stdin=stdin, stdout=self.log, stderr=self.log, pass_fds=(3,),
                                        preexec_fn=at_three)
        theirs.close()
        self.socket, self.number, self.pending, self.is_ready = ours, 0, b"", False
        out = Out().text(site.path).put("QIQI", memory, cpu_seconds, 4 << 30, 0).put("I", len(settings))
        for setting in settings:
            for text in setting:
                out.text(text)
        self.send(HELLO, bytes(out.data))
        kind, payload = self.receive()
        assert kind == HELLO
        self.hello = payload

    def output(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def send(self, kind, payload=b""):
        try:
            self.socket.sendall(struct.pack("<IHI", len(payload) + 6, kind, self.number) + payload)
        except (BrokenPipeError, ConnectionResetError):
            raise WorkerDied(self.process.wait()) from None

    def read_exactly(self, size):
        while len(self.pending) < size:
            try:
                got = self.socket.recv(1 << 16)
            except ConnectionResetError:
                got = b""
            if not got:
                raise WorkerDied(self.process.wait())
            self.pending += got
        taken, self.pending = self.pending[:size], self.pending[size:]
        return taken

    def receive(self):
        size, kind, number = struct.unpack("<IHI", self.read_exactly(10))
        payload = self.read_exactly(size - 6)
        assert number == self.number or kind in (HELLO, READY)
        return kind, payload

    def run(self, j, indexed=None, member=None):
        """The result; `indexed` and `member` are called for what comes before it."""
        self.number += 1
        self.send(JOB, encode_job(j))
        while True:
            kind, payload = self.receive()
            if kind == RESULT:
                return read_result(payload)
            if kind == READY:
                assert not self.is_ready
                self.is_ready = True
                continue
            assert self.is_ready
            if kind == INDEXED:
                indexed(read_index_result(payload))
            elif kind == MEMBER:
                found = read_feed_member(payload)
                if member(found) is not False and found["spool"]:
                    self.send(MEMBER_DONE, struct.pack("<I", 1))

    def index(self, sources, want_digest=False):
        found = []
        self.run(job("index", sources, want_digest=want_digest), indexed=found.append)
        return found

    def feed(self, source, window=4):
        members = []
        result = self.run(job("feed", [source], feed_window=window, feed_bytes=1 << 30), member=members.append)
        return members, result

    def quit(self):
        self.send(QUIT)
        status = self.process.wait(60)
        self.socket.close()
        self.log.close()
        return status
