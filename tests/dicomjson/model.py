"""model.py - the DICOM JSON Model (PS3.18 Annex F) as a test sees it: its form, and how two writers of it may differ

Two other writers are asked: dcm2json (DCMTK) and pydicom's to_json_dict. What both read is compared: tags, VRs, values.
Every difference must belong to a class of the table below, which says why the two differ, and who is right.
"""
import base64
import json
import math
import os
import re
import struct
import subprocess
import sys
import warnings
import zipfile

try:
    import pydicom
except ImportError:
    pydicom = None
    # Debian's own python3 has Debian's packages.
    if os.path.realpath(sys.executable) != os.path.realpath("/usr/bin/python3") and "DICOMJSON_ANEW" not in os.environ:
        if subprocess.run(["/usr/bin/python3", "-c", "import pydicom"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
            os.environ["DICOMJSON_ANEW"] = "1"
            os.execv("/usr/bin/python3", ["/usr/bin/python3", os.path.abspath(sys.argv[0])] + sys.argv[1:])

SECONDS = 60 * (10 if os.environ.get("SLICEPRESS_VARIANT", "release") != "release" else 1)
BINARY = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}


# ---------------------------------------------------------------------------- flat: path -> (vr, kind, value)

def flat(item, path="", out=None):
    """kind: "empty", "values", "bytes", "uri", "items"; the path of an item's attribute: 00880200/1/00280010."""
    out = {} if out is None else out
    for tag, attribute in item.items():
        where, vr = path + tag, attribute.get("vr")
        if vr == "SQ":
            items = attribute.get("Value", [])
            out[where] = (vr, "items", len(items))
            for i, inner in enumerate(items):
                flat(inner or {}, "%s/%d/" % (where, i + 1), out)
        elif "InlineBinary" in attribute:
            out[where] = (vr, "bytes", base64.b64decode(attribute["InlineBinary"]))
        elif "BulkDataURI" in attribute:
            out[where] = (vr, "uri", attribute["BulkDataURI"])
        elif "Value" in attribute:
            out[where] = (vr, "values", attribute["Value"])
        else:
            out[where] = (vr, "empty", None)
    return out


def tag_of(path):
    return path.rsplit("/", 1)[-1]


def group_of(path):
    return int(tag_of(path)[:4], 16)


def is_private(path):
    return any(int(part[:4], 16) & 1 for part in path.split("/") if len(part) == 8)


# ---------------------------------------------------------------------------- the strict side: what ours must be

def shape_errors(item, path=""):
    """What PS3.18 Annex F asks of the form."""
    tags = list(item)
    if tags != sorted(set(tags)):
        yield "%s: tags are not ascending" % path
    for tag, attribute in item.items():
        where = path + tag
        if not re.fullmatch("[0-9A-F]{8}", tag):
            yield "%s: not a tag" % where
        if tag[4:] == "0000" or tag[:4] in ("0000", "0002", "FFFE"):
            yield "%s: does not belong here" % where
        if set(attribute) - {"vr", "Value", "InlineBinary", "BulkDataURI"} or len(attribute) > 2:
            yield "%s: members %s" % (where, list(attribute))
        if not re.fullmatch("[A-Z]{2}", attribute.get("vr", "")):
            yield "%s: vr %r" % (where, attribute.get("vr"))
        if "Value" in attribute:
            yield from value_errors(where, attribute["vr"], attribute["Value"])


def value_errors(where, vr, values):
    if not isinstance(values, list) or not values:
        yield "%s: Value is %r" % (where, values)
        return
    for i, value in enumerate(values):
        if vr == "SQ":
            yield from shape_errors(value, "%s/%d/" % (where, i + 1))
        elif value is None:
            continue
        elif vr in BINARY:
            yield "%s: %s with Value" % (where, vr)
        elif vr == "PN":
            if not isinstance(value, dict) or not value or set(value) - {"Alphabetic", "Ideographic", "Phonetic"}:
                yield "%s: name %r" % (where, value)
        elif vr in ("FL", "FD", "SL", "SS", "UL", "US"):
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                yield "%s: %s %r" % (where, vr, value)
        elif vr in ("DS", "IS", "SV", "UV"):
            if isinstance(value, str) and vr == "DS" and re.fullmatch(r"[+-]?[0-9]{1,9}(\.[0-9]{0,5})?", value):
                yield "%s: the number %r is a string" % (where, value)
        elif not isinstance(value, str) or value == "":
            yield "%s: %s %r" % (where, vr, value)


# ---------------------------------------------------------------------------- equality

def number(value):
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    try:
        return float(str(value).strip(" \0"))
    except ValueError:
        return None


def same_number(vr, a, b):
    x, y = number(a), number(b)
    if x is None or y is None:
        return None
    if x == y or (math.isnan(x) and math.isnan(y)):
        return True
    if vr == "FL":
        return struct.pack("<f", x) == struct.pack("<f", y)
    return False


def same_value(vr, a, b):
    if a == b or (a in (None, "") and b in (None, "")):
        return True
    if vr in ("DS", "IS", "FL", "FD", "SL", "SS", "SV", "UL", "US", "UV"):
        return bool(same_number(vr, a, b))
    return False


def same(ours, theirs):
    if ours[:2] != theirs[:2]:
        return False
    if ours[1] != "values":
        return ours[2] == theirs[2]
    return len(ours[2]) == len(theirs[2]) and all(same_value(ours[0], a, b) for a, b in zip(ours[2], theirs[2]))


# ---------------------------------------------------------------------------- the classes of difference
#
# (name, oracles, why, matches(path, ours, theirs, context)); ours or theirs is None where the attribute is absent.

BOTH, DCMTK, PYDICOM = {"dcm2json", "pydicom"}, {"dcm2json"}, {"pydicom"}


def is_text(attribute):
    return attribute is not None and attribute[1] in ("values", "empty")


def texts(attribute):
    return [x if isinstance(x, str) else "" for x in (attribute[2] or [""])]


def packed(text):
    return re.sub("[\0-\x20\x7f]", "", text.split("\0")[0])


def ascii_of(text):
    return re.sub("[^!-~]", "", text)


def same_texts(ours, theirs, by):
    """Values of text that are the same after `by`."""
    if not is_text(ours) or not is_text(theirs) or ours[0] != theirs[0]:
        return False
    a, b = ([""] if attribute[2] is None else attribute[2] for attribute in (ours, theirs))
    if not all(value is None or isinstance(value, str) for value in a + b):
        return False
    return [by(value or "") for value in a] == [by(value or "") for value in b]


def repr_of(attribute):
    return "".join("".join(value.values()) if isinstance(value, dict) else str(value) for value in attribute[2] or [])


def same_as_bytes(ours, theirs):
    """A value of known VR against its bytes."""
    if ours[1] == "empty" or ours[1] == "bytes":
        return theirs[2] is None or not theirs[2].strip(b" \0=") or ours[2] == theirs[2]
    if ours[0] in ("US", "SS", "UL", "SL", "AT", "FL", "FD"):
        return len(theirs[2]) % len(ours[2]) == 0
    values = theirs[2].decode("latin-1").split("\\")
    if ours[0] in ("DS", "IS"):
        return len(values) == len(ours[2]) and all(same_value(ours[0], x, y) for x, y in zip(ours[2], values))
    if ours[0] == "PN":
        return len(values) == len(ours[2])
    return [packed(x) for x in texts(ours)] == [packed(x) for x in values]


def is_pixel_data(path):
    return path in ("7FE00010", "7FE00008", "7FE00009")


def inside(path, context, test):
    """One of the sequences around the attribute, or itself, is one that `test` says."""
    parts = path.split("/")
    return any(test("/".join(parts[:i]), context) for i in range(1, len(parts) + 1, 2))


def is_read_as(kind_ours, kind_theirs):
    def matches(path, context):
        ours, theirs = context["ours"].get(path), context["theirs"].get(path)
        return bool(ours and theirs and ours[1] in kind_ours and theirs[1] in kind_theirs)
    return matches


def name_without_carets(value):
    if not isinstance(value, dict):
        return {}
    stripped = {group: text.rstrip("^ ") for group, text in value.items()}
    return {group: text for group, text in stripped.items() if text}


def same_names(a, b):
    x, y = ([name_without_carets(value) for value in (attribute[2] or [None])] for attribute in (a, b))
    return x == y


CLASSES = [
    ("group length", PYDICOM, "PS3.18 F.2.2 leaves group lengths out; pydicom writes those of items",
     lambda p, a, b, c: a is None and tag_of(p)[4:] == "0000"),
    ("character set", BOTH, "all text here is UTF-8, and says so; pydicom keeps the file's set, neither adds one",
     lambda p, a, b, c: tag_of(p) == "00080005" and a == ("CS", "values", ["ISO_IR 192"]) and
     (b is None or b[0] in ("CS", "UN"))),
    ("pixel data", BOTH, "a BulkDataURI here; inline in pydicom, cut off for dcm2json",
     lambda p, a, b, c: is_pixel_data(p) and a is not None and a[1] == "uri"),
    ("after the pixel data", BOTH, "not read: trailing padding, private elements of late groups",
     lambda p, a, b, c: a is None and "/" not in p and p > "7FE00010"),
    ("private dictionary", BOTH, "both have lists of private attributes for implicit VR and UN; UN is honest here",
     lambda p, a, b, c: a is not None and b is not None and is_private(p) and a[0] == "UN" and a[1] in ("bytes", "empty")),
    ("private sequence without VR", BOTH, "UN that begins with an item is read as a sequence (PS3.5 6.2.2); they keep bytes",
     lambda p, a, b, c: a is not None and is_private(p) and inside(p, c, is_read_as({"items"}, {"bytes"}))),
    ("UN of a known attribute", DCMTK, "PS3.5 6.2.2: UN gets the VR of the dictionary (private creators: LO); dcm2json keeps UN",
     lambda p, a, b, c: a is not None and (inside(p, c, is_read_as({"items"}, {"bytes"})) or
                                           (b is not None and b[0] == "UN" and same_as_bytes(a, b)))),
    ("padding", BOTH, "blanks around each value are dropped, control characters, and what follows a NUL; pydicom trims the "
     "ends of the whole, dcm2json keeps NULs, and drops blanks inside UIDs",
     lambda p, a, b, c: same_texts(a, b, packed)),
    ("code extensions", PYDICOM, "ISO 2022 escapes in a text whose attribute says GB 2312 by its own are left as they are by pydicom",
     lambda p, a, b, c: is_text(a) and is_text(b) and a[0] == b[0] and "\x1b" in repr_of(b)),
    ("carets of a name", DCMTK, "dcm2json drops empty components at the end of a name; they are kept here as written",
     lambda p, a, b, c: is_text(a) and is_text(b) and a[0] == b[0] == "PN" and same_names(a, b)),
    ("last digit", DCMTK, "dcm2json's own number format errs in the 16th digit; ours reads back to the same double",
     lambda p, a, b, c: is_text(a) and is_text(b) and a[0] == b[0] == "FD" and len(a[2]) == len(b[2]) and
     all(same_value("FD", x, y) or math.isclose(x, y, rel_tol=1e-15) for x, y in zip(a[2], b[2]))),
    # only of files that are broken on purpose
    ("unreadable sequence", BOTH, "its lengths contradict each other: all of its bytes are kept as UN; they make of it what they can",
     lambda p, a, b, c: c["malformed"] and inside(p, c, is_read_as({"bytes"}, {"items"}))),
    ("bytes above 127", PYDICOM, "in a VR without character set, or in the wrong one: U+FFFD or nothing; pydicom takes Latin-1",
     lambda p, a, b, c: c["malformed"] and same_texts(a, b, ascii_of)),
    ("not a number", PYDICOM, "a text that is no number is a string (PS3.18 F.2.3); pydicom raises, and leaves the attribute out",
     lambda p, a, b, c: c["malformed"] and b is None and a[0] in ("DS", "IS") and is_text(a)),
    ("NUL in a number", DCMTK, "the text ends there",
     lambda p, a, b, c: c["malformed"] and is_text(a) and is_text(b) and a[0] == b[0] == "DS" and "\0" in str(b[2][0]) and
     same_number("DS", a[2][0], b[2][0].split("\0")[0])),
    ("garbage after the pixel data", PYDICOM, "elements of any tag that pydicom finds there; nothing is read there",
     lambda p, a, b, c: c["malformed"] and a is None and "/" not in p and b[0] == "UN"),
]

# Broken files that are read in another way as a whole.
FILES = {
    "malformed/derived/meta_group_length_huge.dcm":
        (DCMTK, "dcm2json believes the group length of File Meta, and finds no data set"),
    "malformed/derived/meta_group_length_zero.dcm":
        (DCMTK, "dcm2json believes it, and finds File Meta in the data set"),
    "malformed/derived/ts_says_big_endian.dcm":
        (PYDICOM, "little endian: recovered here (a note of the object says so); pydicom believes the transfer syntax"),
    "malformed/fuzz/m091_test-SR.dcm":
        (PYDICOM, "a broken sequence: pydicom goes on in the middle of its items, and finds their attributes at the top"),
    "malformed/fuzz/m095_chrH31.dcm":
        (PYDICOM, "a broken File Meta: pydicom takes it for the data set"),
    "malformed/fuzz/m137_MR_small_jpeg_ls_lossless.dcm":
        (DCMTK, "a broken group length of File Meta, as in meta_group_length_huge"),
    "malformed/fuzz/m157_test-SR.dcm":
        (PYDICOM, "broken text inside a sequence: pydicom raises, and leaves the whole sequence out"),
    "malformed/fuzz/m168_MR_small_implicit.dcm":
        (PYDICOM, "NUL before the text, and in a number"),
    "malformed/real/GH177_D_CLUNIE_CT1_IVRLE_BigEndian_undefined_length.dcm":
        (DCMTK, "a big-endian sequence in a little-endian data set is left out (a note says so)"),
}


def explain(oracle, path, ours, theirs, context):
    if oracle in FILES.get(context["name"], ((), ""))[0]:
        return context["name"]
    for name, oracles, _, matches in CLASSES:
        if oracle in oracles and matches(path, ours, theirs, context):
            return name
    return None


def compare(oracle, ours, theirs, context):
    """[(path, ours, theirs, class or None)]"""
    found = []
    context = {"ours": ours, "theirs": theirs, **context}
    for path in sorted(set(ours) | set(theirs)):
        a, b = ours.get(path), theirs.get(path)
        if a is None or b is None or not same(a, b):
            found.append((path, a, b, explain(oracle, path, a, b, context)))
    return found


# ---------------------------------------------------------------------------- the two other writers

def write_dcmtk(path, end, folder):
    target = path
    if end and end < os.path.getsize(path):
        target = os.path.join(folder, "header-%d.dcm" % os.getpid())
        with open(path, "rb") as source, open(target, "wb") as copy:
            copy.write(source.read(end))
    try:
        run = subprocess.run(["dcm2json", "-fc", "-ee", target], capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return None
    if run.returncode != 0:
        return None
    try:
        return json.loads(run.stdout.decode("utf-8"))
    except ValueError:
        return None


def write_pydicom(path):
    warnings.simplefilter("ignore")
    try:
        dataset = pydicom.dcmread(path)
        return json.loads(json.dumps(dataset.to_json_dict(1 << 40, lambda element: "bulk", suppress_invalid_tags=True)))
    except Exception:  # whatever it raises: not read
        return None


# ---------------------------------------------------------------------------- which files

def unpacked(path, name, folder):
    """[(path, name)] of what a file holds: itself, or a ZIP's members, or what zstd packed."""
    if name.endswith(".zst"):
        target = os.path.join(folder, name.replace("/", "__")[:-4])
        run = subprocess.run(["zstd", "-q", "-d", "-f", "-o", target, path], check=False)
        return [(target, name)] if run.returncode == 0 else []
    if not name.endswith(".zip"):
        return [(path, name)]
    found = []
    if not zipfile.is_zipfile(path):
        return found
    with zipfile.ZipFile(path) as archive:
        for i, member in enumerate(archive.infolist()):
            target = os.path.join(folder, "%s-%d" % (name.replace("/", "__"), i))
            if not member.is_dir():
                with open(target, "wb") as out:
                    out.write(archive.read(member))
                found.append((target, "%s#%s" % (name, member.filename)))
    return found


# ---------------------------------------------------------------------------- report

class Report:
    def __init__(self):
        self.failed = False

    def line(self, name, problems):
        if problems:
            self.failed = True
            for problem in problems[:int(os.environ.get("PROBLEMS", "20"))]:
                sys.stderr.write("%s: %s\n" % (name, problem))
            print("not ok %s - %d: %s" % (name, len(problems), problems[0].replace("\n", " ")[:200]))
        else:
            print("ok %s" % name)
