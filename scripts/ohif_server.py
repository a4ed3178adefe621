#!/usr/bin/env python3
"""ohif_server.py [--port PORT] DIST CONFIG DICOMWEB - OHIF's files and a site's DICOMweb files on 127.0.0.1

DIST is the viewer's folder, CONFIG what it gets as /app-config.js, DICOMWEB the folder served as /dicomweb, by the
rules of `slicepress server-config`: NAME is answered by NAME/index.json, frames are multipart/related, text has a gzip
sibling, one byte range is served. An address without a file is a page of the viewer.
"""
import argparse
import email.utils
import http.server
import os
import posixpath
import re
import signal
import sys
import urllib.parse

WEB_TYPES = {
    ".css": "text/css", ".gif": "image/gif", ".html": "text/html; charset=utf-8", ".ico": "image/x-icon",
    ".jpg": "image/jpeg", ".js": "text/javascript", ".json": "application/json", ".map": "application/json",
    ".mjs": "text/javascript", ".png": "image/png", ".svg": "image/svg+xml", ".ttf": "font/ttf",
    ".wasm": "application/wasm", ".webp": "image/webp", ".woff": "font/woff", ".woff2": "font/woff2",
    ".xml": "text/xml",
}
DICOMWEB_TYPES = (  # the first that fits the address
    (re.compile(r"/bulkdata/.*\.pdf$"), "application/pdf"),
    (re.compile(r"/bulkdata/.*\.mp4$"), "video/mp4"),
    (re.compile(r"/bulkdata/"), "application/octet-stream"),
    (re.compile(r"/(?:frames|lossy|j2k)/[0-9]+$"), "multipart/related"),
    (re.compile(r"/(?:thumbnail|rendered)$"), "image/jpeg"),
    (re.compile(r""), "application/dicom+json"),
)


def file_below(root, path):
    """The file of a cleaned address below root; None where there is none, or where it leads out."""
    found = os.path.realpath(os.path.join(root, path.lstrip("/")))
    if found != root and not found.startswith(root + os.sep):
        return None
    return found


def accepts_gzip(field):
    """Accept-Encoding (RFC 9110 12.5.3): gzip is named, and not with a weight of nothing."""
    for word in field.lower().split(","):
        name, _, weight = word.partition(";")
        if name.strip() == "gzip":
            return not re.fullmatch(r"\s*q=0(?:\.0*)?\s*", weight)
    return False


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "slicepress-ohif"

    def do_GET(self):
        self.answer(with_body=True)

    def do_HEAD(self):
        self.answer(with_body=False)

    def answer(self, with_body):
        address = posixpath.normpath("/" + urllib.parse.unquote(urllib.parse.urlsplit(self.path).path))
        address = "/" + address.lstrip("/")
        if "\0" in address:
            return self.refuse(400)
        if address == "/app-config.js":
            return self.send_file(self.server.config, "text/javascript", with_body)
        if address == "/dicomweb" or address.startswith("/dicomweb/"):
            return self.answer_dicomweb(address[len("/dicomweb"):], with_body)
        path = file_below(self.server.dist, address)
        if path is None or not os.path.isfile(path):
            if os.path.splitext(address)[1] in WEB_TYPES:
                return self.refuse(404)
            path = os.path.join(self.server.dist, "index.html")
        kind = WEB_TYPES.get(os.path.splitext(path)[1].lower(), "application/octet-stream")
        return self.send_file(path, kind, with_body)

    def answer_dicomweb(self, address, with_body):
        path = file_below(self.server.dicomweb, address)
        if path is not None and os.path.isdir(path):
            path = os.path.join(path, "index.json")
        if path is None or not os.path.isfile(path):
            return self.refuse(404)
        kind = next(kind for pattern, kind in DICOMWEB_TYPES if pattern.search(address))
        return self.send_file(path, kind, with_body, siblings=kind == "application/dicom+json")

    def send_file(self, path, kind, with_body, siblings=False):
        coding = None
        if siblings and os.path.isfile(path + ".gz") and accepts_gzip(self.headers.get("Accept-Encoding", "")):
            path, coding = path + ".gz", "gzip"
        try:
            file = open(path, "rb")
        except OSError:
            return self.refuse(404)
        with file:
            status = os.fstat(file.fileno())
            tag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
            headers = {"Content-Type": kind, "ETag": tag, "Cache-Control": "no-cache", "Accept-Ranges": "bytes",
                       "Last-Modified": email.utils.formatdate(status.st_mtime, usegmt=True)}
            if siblings:
                headers["Vary"] = "Accept-Encoding"
            if coding:
                headers["Content-Encoding"] = coding
            if self.headers.get("If-None-Match") == tag:
                return self.send_head(304, headers)
            code, first, end = self.wanted_range(status.st_size, tag)
            if code == 416:
                return self.refuse(416, {"Content-Range": f"bytes */{status.st_size}"})
            if code == 206:
                headers["Content-Range"] = f"bytes {first}-{end - 1}/{status.st_size}"
            headers["Content-Length"] = str(end - first)
            self.send_head(code, headers)
            if with_body:
                self.send_bytes(file, first, end)
        return None

    def wanted_range(self, size, tag):
        """Status, first byte, end: one range is served, several or a nonsense one get the whole file (RFC 9110 14)."""
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", "").strip())
        if not match or match.groups() == ("", "") or self.headers.get("If-Range", tag) != tag:
            return 200, 0, size
        first, last = match.groups()
        if first == "":
            return (206, max(0, size - int(last)), size) if int(last) and size else (416, 0, 0)
        if last != "" and int(last) < int(first):
            return 200, 0, size
        if int(first) >= size:
            return 416, 0, 0
        return 206, int(first), min(size, int(last) + 1) if last else size

    def send_bytes(self, file, first, end):
        try:
            while first < end:
                sent = os.sendfile(self.connection.fileno(), file.fileno(), first, end - first)
                if sent == 0:
                    break
                first += sent
        except OSError:
            pass  # the client has gone
        if first < end:
            self.close_connection = True

    def send_head(self, code, headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.flush()

    def refuse(self, code, headers=None):
        self.send_head(code, {"Content-Length": "0", **(headers or {})})

    def log_message(self, format, *arguments):  # quiet: a viewer asks for hundreds of files
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("dist")
    parser.add_argument("config")
    parser.add_argument("dicomweb")
    arguments = parser.parse_args()
    try:
        server = Server(("127.0.0.1", arguments.port), Handler)
    except (OSError, OverflowError) as error:
        sys.exit(f"ohif: port {arguments.port}: {error}")
    server.dist = os.path.realpath(arguments.dist)
    server.config = os.path.realpath(arguments.config)
    server.dicomweb = os.path.realpath(arguments.dicomweb)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"http://127.0.0.1:{server.server_address[1]}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
