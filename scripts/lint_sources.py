#!/usr/bin/env python3
"""The include table and the banned calls of slicepress; prints path:line: finding.

A line that holds the comment `lint: allow` is exempt from the banned calls: a library's own
allocation, freed where it was made, is the usual reason.
"""

import os
import re
import sys
from pathlib import Path

# layer -> layers whose headers it may include. Arrows never point back.
MAY_INCLUDE = {
    "base": {"base"},
    "dicom": {"base", "dicom"},
    "job": {"base", "dicom", "job"},
    "codec": {"base", "codec"},  # and CODEC_DICOM
    "stages": {"base", "dicom", "job", "codec", "stages"},
    "worker": {"base", "dicom", "job", "codec", "worker"},  # and stages/stages.h
    "coordinator": {"base", "dicom", "job", "coordinator", "generated"},
}
# A codec sees samples and what describes them, not objects.
CODEC_DICOM = {"pipeline/dicom/frame.h", "pipeline/dicom/image.h", "pipeline/dicom/picture.h",
               "pipeline/dicom/coded_form.h", "pipeline/dicom/transfer_syntax.h"}

# a library's header -> files that may include it
LIBRARY_HEADERS = [
    (r"sqlite3(ext)?\.h", r"pipeline/coordinator/catalogue\w*\.c"),
    (r"uv\.h", r"pipeline/coordinator/.*"),
    (r"gdcm(?!jpeg)\w*\.(h|hxx)", r"pipeline/dicom/dicom_gdcm\.cc"),
    (r"gdcmjpeg/.*", r"stages/codec/.*"),
    (r"(openjpeg.*/)?openjpeg\.h", r"stages/codec/.*"),
    (r"(openjph/)?ojph_.*", r"stages/codec/.*\.cc"),
    (r"charls/.*", r"stages/codec/.*"),
    (r"(jpeglib|jerror|turbojpeg)\.h", r"stages/codec/.*"),
    (r"webp/.*", r"stages/codec/.*"),
    (r"(png|lcms2|lcms2_plugin)\.h", r"stages/codec/.*"),
    (r"blosc\.h", r"stages/codec/.*"),
    (r"(zip|archive|archive_entry)\.h", r"pipeline/worker/.*"),
    (r"seccomp\.h", r"pipeline/worker/sandbox\w*\.c"),
    (r"openssl/.*", r"pipeline/base/digest\.c"),
    (r"(ini|jansson)\.h", r"pipeline/coordinator/.*"),
    (r"zlib\.h",
     r"(pipeline/(dicom/inflate|worker/gunzip|job/gzip_copy|coordinator/sibling)|stages/codec/gzip_stream)\.c"),
    (r"brotli/.*", r"pipeline/coordinator/sibling\.c"),
    (r"libdeflate\.h", r"(pipeline/(dicom|job|worker|coordinator)|stages)/.*"),
]
# One library a codec file; these count as one.
CODEC_LIBRARIES = {
    "openjpeg": r"(openjpeg.*/)?openjpeg\.h",
    "openjph": r"(openjph/)?ojph_.*",
    "charls": r"charls/.*",
    "libjpeg": r"(jpeglib|jerror|turbojpeg)\.h",
    "gdcmjpeg": r"gdcmjpeg/.*",
    "webp": r"webp/.*",
    "png": r"png\.h",
    "lcms2": r"lcms2.*\.h",
    "blosc": r"blosc\.h",
}

BANNED = {
    "strcpy": "memcpy of a known length", "strcat": "a buffer", "sprintf": "snprintf or a buffer",
    "vsprintf": "vsnprintf", "strtok": "strcspn", "gets": "read", "atoi": "strtoll, checked",
    "atof": "strtod, checked", "atol": "strtoll, checked", "system": "nothing: no shell",
    "popen": "nothing: no shell", "gmtime": "gmtime_r", "localtime": "localtime_r",
    "tmpnam": "mkdtemp", "mktemp": "mkdtemp", "alloca": "memory_new", "asctime": "strftime",
    "ctime": "strftime", "strncpy": "memcpy of a known length", "setlocale": "nothing: C locale",
}
BARE_MEMORY = {"malloc", "calloc", "realloc", "free", "strdup", "strndup", "asprintf"}
TALKING = {"printf", "vprintf", "puts", "putchar", "perror", "exit", "abort"}
MAY_TALK = re.compile(r"pipeline/(coordinator/(main|command)\w*|worker/worker_main)\.c")

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')
CALL = re.compile(r"(?<![\w.>])(\w+)\s*\(")
STAGE = re.compile(r"^const struct stage \w+\s*=", re.M)

found = []


def finding(path, line, text):
    found.append(f"{path}:{line}: {text}")


def layer_of(path):
    parts = path.split("/")
    if parts[0] == "pipeline" and len(parts) > 2:
        return parts[1]
    if parts[0] == "stages":
        return "codec" if parts[1] == "codec" else "stages"
    return parts[0]


def without_comments(text):
    """Comments and the insides of literals become spaces; lines stay where they are."""
    def blank(match):
        kept = match.group(0)
        if kept[0] in "\"'":
            return kept[0] + " " * (len(kept) - 2) + kept[-1]
        return re.sub(r"[^\n]", " ", kept)
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.S)


def resolve(name, path):
    for root in (os.path.dirname(path), "pipeline", "stages", ".", "tests/support"):
        candidate = os.path.normpath(os.path.join(root, name))
        if os.path.isfile(candidate):
            return candidate
    return None


def check_ours(path, number, name, stage_stems):
    layer = layer_of(path)
    if name.startswith("generated/"):
        target, target_layer = name, "generated"
    else:
        target = resolve(name, path)
        if target is None:
            finding(path, number, f'no such header: "{name}"')
            return
        target_layer = layer_of(target)
    if layer not in MAY_INCLUDE:
        return
    allowed = target_layer in MAY_INCLUDE[layer]
    if layer == "codec" and target in CODEC_DICOM:
        allowed = True
    if layer == "worker" and target == "stages/stages.h":
        allowed = True
    if not allowed:
        finding(path, number, f'{layer} must not include {target_layer} ("{name}")')
    stem = Path(target).stem
    if layer == target_layer == "stages" and stem in stage_stems and stem != Path(path).stem:
        finding(path, number, f'a stage must not include another stage ("{name}")')


def check_includes(path, text, stage_stems):
    libraries, first = set(), None
    for number, line in enumerate(text.split("\n"), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, name = match.groups()
        first = first or (number, name)
        if not path.startswith("tests/"):
            for header, files in LIBRARY_HEADERS:
                if re.fullmatch(header, name) and not re.fullmatch(files, path):
                    finding(path, number, f"<{name}> belongs in {files} only")
            libraries |= {lib for lib, header in CODEC_LIBRARIES.items()
                          if re.fullmatch(header, name)}
        if quote == '"' and not any(re.fullmatch(h, name) for h, _ in LIBRARY_HEADERS):
            check_ours(path, number, name, stage_stems)
    if len(libraries) > 1:
        finding(path, 1, f"one library a codec file, found {', '.join(sorted(libraries))}")
    own = Path(path).with_suffix(".h")
    if path.endswith((".c", ".cc")) and own.is_file() and first and \
            Path(first[1]).name != own.name:
        finding(path, first[0], f'"{own.name}" must be the first include')


def check_calls(path, text, bare):
    lines = text.split("\n")
    ours = path.startswith(("pipeline/", "stages/"))
    for number, line in enumerate(bare.split("\n"), 1):
        if "lint: allow" in lines[number - 1] or line.lstrip().startswith("#include"):
            continue
        for name in CALL.findall(line):
            if name in BANNED:
                finding(path, number, f"{name} is banned: use {BANNED[name]}")
            elif ours and name in BARE_MEMORY and path != "pipeline/base/memory.c":
                finding(path, number, f"{name} outside base/memory.c")
            elif ours and name in TALKING and not MAY_TALK.fullmatch(path):
                finding(path, number, f"{name} below main")


def check_shape(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        if line.rstrip() != line:
            finding(path, number, "space at the end of the line")
        if "\t" in line:
            finding(path, number, "tab")
        if len(line) > 132:
            finding(path, number, f"line of {len(line)} columns")
    if text and not text.endswith("\n"):
        finding(path, text.count("\n") + 1, "no new line at the end")
    if path.endswith(".h") and not re.search(r"#ifndef (SLICEPRESS_\w+_H)\n#define \1\n", text):
        finding(path, 1, "no include guard SLICEPRESS_..._H")


def main():
    paths = sorted(str(p) for root in ("pipeline", "stages", "tests") for p in Path(root).rglob("*")
                   if p.suffix in (".c", ".cc", ".h") and p.is_file())
    texts = {p: Path(p).read_text(encoding="utf-8") for p in paths}
    stage_stems = {Path(p).stem for p, t in texts.items()
                   if re.fullmatch(r"stages/\w+\.c", p) and STAGE.search(t)}
    names = {}
    for path, text in texts.items():
        bare = without_comments(text)
        check_includes(path, text, stage_stems)
        check_calls(path, text, bare)
        check_shape(path, text)
        if path.startswith(("pipeline/", "stages/")):
            names.setdefault(Path(path).name, []).append(path)
    for same in names.values():
        if len(same) > 1:
            finding(same[1], 1, f"file names are unique in the tree: also {same[0]}")
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
