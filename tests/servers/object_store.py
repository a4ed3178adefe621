"""object_store.py - the manifest for object stores: as text, and as rclone uploads by it

The store is a small S3 server on a loopback port: it keeps what is put under a key, with the headers it came with, and
knows no folders, as object stores do.
"""
import os
import shutil
import subprocess
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.etree import ElementTree
from xml.sax.saxutils import escape

BUCKET = "bucket"


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
        kept = {name.lower(): value for name, value in self.headers.items()
                if name.lower() in ("content-type", "content-encoding", "cache-control") or
                name.lower().startswith("x-amz-meta-")}
        with self.lock:
            if key:
                self.objects[key] = (data, kept)
                self.puts.append(key)
        self.answer(200, headers=[("ETag", f'"{len(data)}"')])

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
        self.answer(200, found[0], [("Content-Length", str(len(found[0]))), ("ETag", f'"{len(found[0])}"'),
                                    ("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")] + list(found[1].items()))

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
                    size = len(self.objects[key][0])
                    contents.append(f"<Contents><Key>{escape(key)}</Key><Size>{size}</Size>"
                                    f"<ETag>&quot;{size}&quot;</ETag>"
                                    "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>")
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


# -- rclone ------------------------------------------------------------------------------------------------------------

class Uploader:
    def __init__(self, work, site, configuration, port):
        self.work, self.site, self.configuration = work, site, configuration
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RCLONE_"))}
        self.environment = dict(own, HOME=work, RCLONE_CONFIG=os.path.join(work, "rclone.conf"), RCLONE_RETRIES="1",
                                RCLONE_CONFIG_STORE_TYPE="s3", RCLONE_CONFIG_STORE_PROVIDER="Other",
                                RCLONE_CONFIG_STORE_ENDPOINT=f"http://127.0.0.1:{port}",
                                RCLONE_CONFIG_STORE_ACCESS_KEY_ID="test", RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY="test",
                                RCLONE_CONFIG_STORE_NO_CHECK_BUCKET="true")

    def upload(self):
        """The rows that were uploaded by, and what went wrong."""
        manifest, script = os.path.join(self.work, "site.tsv"), os.path.join(self.work, "upload.sh")
        text = self.configuration("s3", self.site)
        with open(manifest, "w", encoding="utf-8") as file:
            file.write(text)
        with open(script, "w", encoding="utf-8") as file:
            file.write(self.configuration("s3-upload", self.site))
        done = subprocess.run(["sh", script, manifest, f"store:{BUCKET}"], env=self.environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return parse(text), [] if done.returncode == 0 else [f"exit {done.returncode}: {done.stdout[-300:]}"]


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


def check_uploads(work, site, configuration, result):
    if shutil.which("rclone") is None:
        print("skip s3-rclone - rclone is not installed")
        return True
    server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    public = os.path.join(site, "public")
    try:
        uploader = Uploader(work, site, configuration, server.server_port)
        rows, wrong = uploader.upload()
        good = result("s3-rclone", wrong + check_store(rows, public))
        good = result("s3-rclone-order", check_order(in_order_of(Store.puts, rows))) and good

        # Again: blobs stay, a new text replaces the former, what is gone goes.
        Store.puts.clear()
        gone = next(row["file"] for row in rows if row["file"].endswith(".webp"))
        os.remove(os.path.join(public, gone))
        with open(os.path.join(public, "studies.json"), "ab") as file:
            file.write(b"\n")
        if os.path.exists(os.path.join(public, "studies.json.gz")):
            os.remove(os.path.join(public, "studies.json.gz"))
        rows, wrong = uploader.upload()
        again = [key for key in Store.puts if key.endswith((".webp", "/frames/1", ".sqlite"))]
        good = result("s3-rclone-again", wrong + check_store(rows, public) +
                      [f"{key} was uploaded again" for key in again]) and good
    finally:
        server.shutdown()
        server.server_close()
    return good


def check(work, site, tree, configuration, result, media_type, caching):
    rows = parse(configuration("s3", site))
    good = result("s3-manifest", check_rows(rows, wanted_rows(tree, media_type, caching)))
    good = result("s3-order", check_order(rows)) and good
    return check_uploads(work, site, configuration, result) and good
