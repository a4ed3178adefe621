#!/usr/bin/env python3
"""fake_aws.py - stands for `aws` on PATH: takes the calls that upload.sh makes, and no others

Options are those of the reference (docs.aws.amazon.com/cli: s3 cp, s3api list-objects-v2, s3api delete-objects);
another one, or a value that is missing, ends it with 252 as aws does. FAKE_AWS is a folder: `calls` gets a JSON line
for each call (for `s3 cp` with what it puts: key, file, headers), `objects.json` is what the store has. FAKE_AWS_FAIL:
a content type whose upload fails, or `delete`: the store refuses to delete.
"""
import datetime
import hashlib
import json
import os
import sys

FOLDER = os.environ["FAKE_AWS"]
GLOBAL = {"--profile": 1, "--region": 1, "--endpoint-url": 1, "--output": 1, "--query": 1}
OPTIONS = {
    ("s3", "cp"): {"--recursive": 0, "--follow-symlinks": 0, "--only-show-errors": 0, "--dryrun": 0,
                   "--content-type": 1, "--content-encoding": 1, "--cache-control": 1},
    ("s3api", "list-objects-v2"): {"--bucket": 1, "--prefix": 1},
    ("s3api", "delete-objects"): {"--bucket": 1, "--delete": 1},
}


def usage(text):
    print(f"fake aws: {text}", file=sys.stderr)
    sys.exit(252)


def parse(words):
    service, options, plain = tuple(words[:2]), {}, []
    if service not in OPTIONS:
        usage(f"no such command: {words}")
    rest = iter(words[2:])
    for word in rest:
        if not word.startswith("--"):
            plain.append(word)
            continue
        takes = {**GLOBAL, **OPTIONS[service]}.get(word)
        if takes is None or word in options:
            usage(f"{word} of {service}")
        options[word] = next(rest, None) if takes else True
        if options[word] is None:
            usage(f"{word} without a value")
    return service, options, plain


def load():
    try:
        with open(os.path.join(FOLDER, "objects.json"), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def save(objects):
    with open(os.path.join(FOLDER, "objects.json"), "w", encoding="utf-8") as file:
        json.dump(objects, file)


def record(words, **more):
    with open(os.path.join(FOLDER, "calls"), "a", encoding="utf-8") as file:
        file.write(json.dumps({"words": words, **more}) + "\n")


# -- the commands ------------------------------------------------------------------------------------------------------

def copy(words, options, plain):
    """A folder's files; links are followed, and only to files."""
    source, target = plain
    if "--recursive" not in options or "--follow-symlinks" not in options or not target.startswith("s3://"):
        usage("cp is for folders of links")
    bucket, _, prefix = target[len("s3://"):].partition("/")
    headers = [options.get(name, "") for name in ("--content-type", "--content-encoding", "--cache-control")]
    objects, puts = load(), []
    for folder, _, names in os.walk(source):
        for name in names:
            path = os.path.join(folder, name)
            key = (prefix + "/" if prefix and not prefix.endswith("/") else prefix) + os.path.relpath(path, source)
            puts.append([bucket, key, os.path.realpath(path), *headers])
            if "--dryrun" in options:
                print(f"(dryrun) upload: {path} to s3://{bucket}/{key}")
                continue
            with open(path, "rb") as file:
                data = file.read()
            now = datetime.datetime.now(datetime.timezone.utc)
            objects[f"{bucket}/{key}"] = [len(data), f"{now:%Y-%m-%dT%H:%M:%S}.000Z", hashlib.md5(data).hexdigest()]
    failing = os.environ.get("FAKE_AWS_FAIL") == options.get("--content-type")
    record(words, puts=[] if failing or "--dryrun" in options else puts)
    if failing:
        sys.exit(1)
    save(objects)


def list_objects(words, options, _):
    """Pages of 1,000, as --output text prints them."""
    if options.get("--query") != "Contents[].[Key,Size,LastModified,ETag]" or options.get("--output") != "text":
        usage("list-objects-v2 prints lines")
    record(words)
    start = f"{options['--bucket']}/{options['--prefix']}"
    found = [(key.partition("/")[2], *rest) for key, rest in sorted(load().items()) if key.startswith(start)]
    for key, size, time, md5 in found:
        print(key, size, time, f'"{md5}"', sep="\t")
    if not found:
        print("None")


def delete_objects(words, options, _):
    if not options["--delete"].startswith("file://") or not options.get("--query", "").startswith("Errors[]"):
        usage("delete-objects reads a file, and tells errors only")
    with open(options["--delete"][len("file://"):], encoding="utf-8") as file:
        asked = json.load(file)
    keys = [f"{options['--bucket']}/{item['Key']}" for item in asked["Objects"]]
    if asked["Quiet"] is not True or not 1 <= len(keys) <= 1000:
        usage(f"{len(keys)} keys in a call")
    record(words, keys=keys)
    if os.environ.get("FAKE_AWS_FAIL") == "delete":
        print(f"{keys[0]}\tAccess Denied")
        return
    save({key: rest for key, rest in load().items() if key not in keys})
    print("None")


COMMANDS = {("s3", "cp"): copy, ("s3api", "list-objects-v2"): list_objects, ("s3api", "delete-objects"): delete_objects}
found_service, found_options, found_words = parse(sys.argv[1:])
COMMANDS[found_service](sys.argv[1:], found_options, found_words)
