"""object_store.py - the manifest for object stores: as text, and as rclone and aws upload by it

The store is a small S3 server on a loopback port: it keeps what is put under a key, with the headers it came with, and
knows no folders, as object stores do. The calls of aws are held against the manifest with a stand-in for it
(fake_aws.py), which takes the options of the reference and no others.
"""
import email.utils
import hashlib
import json
import os
import shutil
import subprocess
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.etree import ElementTree
from xml.sax.saxutils import escape

BUCKET = "bucket"


def etag(data):
    return f'"{hashlib.md5(data).hexdigest()}"'


class Store(BaseHTTPRequestHandler):
    """PUT, HEAD, GET, DELETE of a key, lists (both versions), and deletion of many. Signatures are not looked at."""
    protocol_version = "HTTP/1.1"
    objects, puts, lock = {}, [], threading.Lock()

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if not any(name == "Content-Length" for name, _ in headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def address(self):
        parsed = urllib.parse.urlparse(self.path)
        _, _, key = urllib.parse.unquote(parsed.path).lstrip("/").partition("/")
        return key, dict(urllib.parse.parse_qsl(parsed.query, keep_blank_values=True))

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_PUT(self):
        key, _ = self.address()
        data = self.body()
        kept = {"last-modified": email.utils.formatdate(usegmt=True)}
        kept |= {name.lower(): value for name, value in self.headers.items()
                if name.lower() in ("content-type", "content-encoding", "cache-control") or
                name.lower().startswith("x-amz-meta-")}
        with self.lock:
            if key:
                self.objects[key] = (data, kept)
                self.puts.append(key)
        self.answer(200, headers=[("ETag", etag(data))])

    def do_GET(self):
        key, query = self.address()
        if key == "":
            self.answer(200, self.listing(query), [("Content-Type", "application/xml")])
            return
        with self.lock:
            found = self.objects.get(key)
        if found is None:
            self.answer(404)
            return
        self.answer(200, found[0], [("Content-Length", str(len(found[0]))), ("ETag", etag(found[0]))] +
                    list(found[1].items()))

    do_HEAD = do_GET

    def listing(self, query):
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        contents, folders = [], set()
        with self.lock:
            for key in sorted(self.objects):
                rest = key[len(prefix):]
                if key.startswith(prefix) and delimiter and delimiter in rest:
                    folders.add(prefix + rest.split(delimiter)[0] + delimiter)
                elif key.startswith(prefix):
                    data, kept = self.objects[key]
                    stored = email.utils.parsedate_to_datetime(kept["last-modified"])
                    contents.append(f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size>"
                                    f"<ETag>{escape(etag(data))}</ETag>"
                                    f"<LastModified>{stored:%Y-%m-%dT%H:%M:%S}.000Z</LastModified></Contents>")
        common = "".join(f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
                         for name in sorted(folders))
        return (f"<ListBucketResult><Name>{BUCKET}</Name><IsTruncated>false</IsTruncated>{''.join(contents)}{common}"
                "</ListBucketResult>").encode()

    def do_DELETE(self):
        key, _ = self.address()
        with self.lock:
            self.objects.pop(key, None)
        self.answer(204)

    def do_POST(self):
        names = [element.text for element in ElementTree.fromstring(self.body()).iter() if element.tag.endswith("Key")]
        with self.lock:
            for name in names:
                self.objects.pop(name, None)
        self.answer(200, b"<DeleteResult></DeleteResult>", [("Content-Type", "application/xml")])


# -- the manifest as text ----------------------------------------------------------------------------------------------

def parse(text):
    lines = text.split("\n")
    assert lines[0] == "key\tfile\tcontent_type\tcontent_encoding\tcache_control" and lines[-1] == "", lines[0]
    return [dict(zip(lines[0].split("\t"), line.split("\t"))) for line in lines[1:-1]]


def wanted_rows(tree, media_type, caching):
    """key -> (file, type, coding, caching): what the table of the other servers says."""
    rows = {}
    for path in tree.plain():
        key = path[:-len("/index.json")] if path.startswith("dicomweb/") and path.endswith("/index.json") else path
        packed = tree.sibling(path, ".gz") is not None and not path.endswith((".nii", ".dcm"))
        rows[key] = (path + ".gz" if packed else path, media_type(path), "gzip" if packed else "", caching(path))
    return rows


def check_rows(rows, wanted):
    wrong = []
    columns = ("file", "content_type", "content_encoding", "cache_control")
    found = {row["key"]: tuple(row[name] for name in columns) for row in rows}
    if len(found) != len(rows):
        wrong.append("a key stands there twice")
    for key in sorted(set(found) | set(wanted)):
        if found.get(key) != wanted.get(key):
            wrong.append(f"{key}: {found.get(key)} instead of {wanted.get(key)}")
    return wrong


def check_order(rows):
    """Nothing is named before it is there."""
    wrong = []
    place = {row["file"][:-3] if row["content_encoding"] else row["file"]: number for number, row in enumerate(rows)}
    for path, number in place.items():
        folder, _, name = path.rpartition("/")
        if name in ("index.json", "study.json", "index.html", "studies.json"):
            inside = [other for other in place if other.startswith(folder + "/" if folder else "") and other != path]
            if name == "index.html" and folder:  # a study's page may come before its study.json
                inside = [other for other in inside if not other.endswith("/study.json")]
            if path == "studies.json":
                inside.remove("index.html")
            wrong += [f"{path} before {other}" for other in inside if place[other] > number]
        if name == "study.json":
            web = "dicomweb/" + folder + "/"
            wrong += [f"{path} before {other}" for other in place if other.startswith(web) and place[other] > number]
    return wrong


def in_order_of(keys, rows):
    place = {key: number for number, key in enumerate(keys)}
    return sorted(rows, key=lambda row: place.get(row["key"], -1))


# -- uploading ---------------------------------------------------------------------------------------------------------

# What an administrator may have put beside the site.
STRANGE_NAMES = ["app/a b'c\"d$e`f\\g.bin", "app/-n.bin", "app/*[x]?.bin", "app/{1,2};&|<>!~#%41+=@.txt",
                 "app/ both ends .bin", "app/\u00fc\u4e2d.bin", "app/\\n.bin", "--delete"]


class Uploader:
    """upload.sh with its own folder and environment."""

    def __init__(self, work, site, configuration, target, **environment):
        self.work, self.site, self.configuration, self.target = work, site, configuration, target
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RCLONE_"))}
        self.environment = dict(own, HOME=work, **environment)

    def upload(self, *words, **environment):
        """The rows that were uploaded by, how it ended, and what was said."""
        manifest, script = os.path.join(self.work, "site.tsv"), os.path.join(self.work, "upload.sh")
        text = self.configuration("s3", self.site)
        with open(manifest, "w", encoding="utf-8") as file:
            file.write(text)
        with open(script, "w", encoding="utf-8") as file:
            file.write(self.configuration("s3-upload", self.site))
        done = subprocess.run(["sh", script, manifest, self.target, *words], env={**self.environment, **environment},
                              text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False)
        return parse(text), done.returncode, done.stdout


def check_store(rows, public):
    wrong = []
    for row in rows:
        kept = Store.objects.get(row["key"])
        if kept is None:
            wrong.append(f"{row['key']} is not there")
            continue
        with open(os.path.join(public, row["file"]), "rb") as file:
            data = file.read()
        headers = tuple(kept[1].get(name, "") for name in ("content-type", "content-encoding", "cache-control"))
        wanted = (row["content_type"], row["content_encoding"], row["cache_control"])
        if kept[0] != data:
            wrong.append(f"{row['key']}: other bytes")
        if headers != wanted:
            wrong.append(f"{row['key']}: {headers} instead of {wanted}")
    strays = set(Store.objects) - {row["key"] for row in rows}
    return wrong + [f"{key} should be gone" for key in sorted(strays)]


def ended_well(status, said):
    said = "".join(line for line in said.splitlines(True) if "rclone.conf\" not found - using defaults" not in line)
    return [] if status == 0 and said == "" else [f"exit {status}: {said[-300:]}"]


def change_site(public, rows):
    """A file goes, a text is another one."""
    os.remove(os.path.join(public, next(row["file"] for row in rows if row["file"].endswith(".webp"))))
    with open(os.path.join(public, "studies.json"), "ab") as file:
        file.write(b"\n")
    if os.path.exists(os.path.join(public, "studies.json.gz")):
        os.remove(os.path.join(public, "studies.json.gz"))


def check_uploads(name, public, uploader, words, result):
    """To the store on the loopback port."""
    Store.objects.clear()
    Store.puts.clear()
    rows, status, said = uploader.upload(*words)
    good = result(f"s3-{name}", ended_well(status, said) + check_store(rows, public))
    good = result(f"s3-{name}-order", check_order(in_order_of(Store.puts, rows))) and good

    # Again: blobs stay, a new text replaces the former, what is gone goes.
    Store.puts.clear()
    change_site(public, rows)
    rows, status, said = uploader.upload(*words)
    again = [key for key in Store.puts if key.endswith((".webp", "/frames/1", ".sqlite"))]
    return result(f"s3-{name}-again", ended_well(status, said) + check_store(rows, public) +
                  [f"{key} was uploaded again" for key in again]) and good


# -- the calls of aws --------------------------------------------------------------------------------------------------

class Calls:
    """What fake_aws.py was asked."""

    def __init__(self, work):
        self.folder = os.path.join(work, "fake aws")
        os.makedirs(os.path.join(self.folder, "bin"))
        os.symlink(os.path.join(os.path.dirname(os.path.abspath(__file__)), "fake_aws.py"),
                   os.path.join(self.folder, "bin/aws"))
        self.environment = {"FAKE_AWS": self.folder, "PATH": self.folder + "/bin:" + os.environ["PATH"]}

    def take(self):
        """All calls since the last time."""
        path = os.path.join(self.folder, "calls")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            calls = [json.loads(line) for line in file]
        os.remove(path)
        return calls

    def objects(self, *more):
        """Of the store, with some put in."""
        path = os.path.join(self.folder, "objects.json")
        with open(path, encoding="utf-8") as file:
            objects = json.load(file)
        objects.update((key, [1, "2026-01-01T00:00:00.000Z", "x"]) for key in more)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(objects, file)
        return set(objects)


def puts_of(calls):
    """[bucket, key, file, content type, content encoding, caching] of each object."""
    return [put for call in calls for put in call.get("puts", [])]


def nothing_put(calls):
    return [f"{put} was put" for put in puts_of(calls)]


def check_puts(puts, rows, public, prefix):
    """Each line of the manifest is one object that is put, with just these headers; and nothing else is."""
    wanted = sorted(["bucket", prefix + row["key"], os.path.join(public, row["file"]), row["content_type"],
                     row["content_encoding"], row["cache_control"]] for row in rows)
    return [f"{put} in one of both only" for put in sorted(puts) + wanted if puts.count(put) != wanted.count(put)][:5]


def check_calls(work, site, configuration, result):
    public, calls, prefix = os.path.realpath(os.path.join(site, "public")), Calls(work), "a folder/below/"
    uploader = Uploader(work, site, configuration, "", **calls.environment)
    words = ["--profile", "a profile", "--region", "eu-central-1"]

    # A dry run says all and does nothing, here for a whole bucket; a call that fails is the last one.
    uploader.target = "s3://other"
    rows, status, said = uploader.upload("--dryrun")
    found = {line.rpartition(" to s3://other/")[2] for line in said.splitlines() if line.startswith("(dryrun) upload: ")}
    good = result("s3-aws-dry", ([] if status == 0 else [f"exit {status}"]) + nothing_put(calls.take()) +
                  sorted(found ^ {row["key"] for row in rows})[:5])
    uploader.target = f"s3://bucket/{prefix}"
    time.sleep(1.1)  # what was put into the site within the second of its upload would go again
    _, status, _ = uploader.upload(FAKE_AWS_FAIL="text/html; charset=utf-8")
    last = calls.take()[-1]
    good = result("s3-aws-fails", [] if status != 0 and "text/html; charset=utf-8" in last["words"] else
                  [f"exit {status} after {last['words']}"]) and good
    os.remove(os.path.join(calls.folder, "objects.json"))

    rows, status, said = uploader.upload(*words)
    made = calls.take()
    puts = puts_of(made)
    wrong = [f"{call['words']} without {words}" for call in made if call["words"][-4:] != words]
    good = result("s3-aws-calls", ended_well(status, said) + wrong + check_puts(puts, rows, public, prefix)) and good
    good = result("s3-aws-few-calls", [f"{len(made)} for {len(rows)} objects"] if len(made) > 60 else []) and good
    good = result("s3-aws-order", check_order(in_order_of([put[1][len(prefix):] for put in puts], rows))) and good

    # Again: nothing. Then what changed, if only a byte: texts whatever their time is; and what is gone.
    rows, status, said = uploader.upload()
    good = result("s3-aws-unchanged", ended_well(status, said) + nothing_put(calls.take())) and good
    frame = next(row["file"] for row in rows if row["file"].endswith("/frames/1"))
    text = next(row["file"] for row in rows if row["file"].endswith("/study.json"))
    for name in (frame, text):
        path = os.path.join(public, name)
        with open(path, "rb") as file:
            data = file.read()
        with open(path + ".new", "wb") as file:
            file.write(bytes([data[0] ^ 1]) + data[1:])
        os.utime(path + ".new", (1, 1))
        os.rename(path + ".new", path)
    change_site(public, rows)
    names = [f"stray-{i}" for i in range(2100)] + [f"{name}.gone" for name in STRANGE_NAMES]
    strays = [f"bucket/{prefix}{name}" for name in names]
    others = {"bucket/index.html", "bucket/a folder/belows", f"bucket/{prefix}", f"bucket/{prefix}folder/",
              "other/index.html"}
    calls.objects(*strays, *others)
    rows, status, said = uploader.upload()
    made = calls.take()
    changed = [row for row in rows if row["file"] in (frame, text, "studies.json")]
    wanted = {f"bucket/{prefix}{row['key']}" for row in rows} | others
    good = result("s3-aws-again", ended_well(status, said) + check_puts(puts_of(made), changed, public, prefix) +
                  sorted(calls.objects() ^ wanted)[:5]) and good
    calls.objects(strays[0])
    _, status, said = uploader.upload(FAKE_AWS_FAIL="delete")
    wrong = [] if status != 0 and strays[0] in said else [f"exit {status}: {said}"]
    good = result("s3-aws-not-deleted", wrong) and good

    return good


# -- all of it ---------------------------------------------------------------------------------------------------------

def check_names(work, site, run, result):
    """A name that would break a line."""
    path = os.path.join(site, "public/app/a\nb")
    with open(path, "wb"):
        pass
    done = run("s3", site)
    os.remove(path)
    return result("s3-control-characters", [] if done.returncode == 3 and done.stdout == "" and "rename" in done.stderr
                  else [f"{done.returncode} {done.stderr}"])


def check(work, site, tree, run, configuration, result, media_type, caching):
    rows = parse(configuration("s3", site))
    good = result("s3-manifest", check_rows(rows, wanted_rows(tree, media_type, caching)))
    good = result("s3-order", check_order(rows)) and good
    public = os.path.join(site, "public")
    for name in STRANGE_NAMES:
        with open(os.path.join(public, name), "wb") as file:
            file.write(name.encode())
    good = check_names(work, site, run, result) and good
    good = check_calls(work, site, configuration, result) and good

    server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    programs = {
        "rclone": (f"store:{BUCKET}", [], dict(
            RCLONE_CONFIG=os.path.join(work, "rclone.conf"), RCLONE_RETRIES="1", RCLONE_CONFIG_STORE_TYPE="s3",
            RCLONE_CONFIG_STORE_PROVIDER="Other", RCLONE_CONFIG_STORE_ENDPOINT=address,
            RCLONE_CONFIG_STORE_ACCESS_KEY_ID="test", RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY="test",
            RCLONE_CONFIG_STORE_NO_CHECK_BUCKET="true")),
        "aws": (f"s3://{BUCKET}", ["--endpoint-url", address], dict(
            AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="us-east-1",
            AWS_MAX_ATTEMPTS="1", AWS_CONFIG_FILE=os.path.join(work, "aws.conf"), AWS_EC2_METADATA_DISABLED="true")),
    }
    try:
        for name, (target, words, environment) in programs.items():
            if shutil.which(name) is None:
                print(f"skip s3-{name} - {name} is not installed")
                continue
            uploader = Uploader(work, site, configuration, target, **environment)
            good = check_uploads(name, public, uploader, words, result) and good
    finally:
        server.shutdown()
        server.server_close()
    return good
