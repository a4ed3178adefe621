-- lighttpd, mod_magnet: which file answers an address, and what it is. Made by `slicepress server-config lighttpd-lua`;
-- named by magnet.attract-physical-path-to. A returned number is the answer's status; nothing: lighttpd sends the file.

local request, answer = lighty.r.req_attr, lighty.r.resp_header
local path, root = request["uri.path"], request["physical.doc-root"]:gsub("/$", "")
local query = "&" .. (request["uri.query"] or "") .. "&"
local method = request["request.method"]

local function is_file(name)
    local found = lighty.stat(root .. name)
    return found ~= nil and found.is_file
end

if method == "OPTIONS" then
    answer["Access-Control-Allow-Methods"] = "GET, HEAD, OPTIONS"
    answer["Access-Control-Allow-Headers"] =
        "Accept, Authorization, Content-Type, If-Modified-Since, If-None-Match, Range"
    answer["Access-Control-Max-Age"] = "86400"
    return 204
elseif method ~= "GET" and method ~= "HEAD" then
    return 405
end

-- Hidden files are absent, but for those of Zarr 2, which viewers probe (an absent one must be 404 too).
local zarr = { [".zattrs"] = true, [".zgroup"] = true, [".zarray"] = true, [".zmetadata"] = true }
for slash, name in path:gmatch("(/)(%.[^/]*)") do
    if not zarr[name] or path:sub(-#name - 1) ~= slash .. name then
        return 404
    end
end

-- A QIDO-RS query for one study (PS3.18 8.3.4), by keyword or by tag: its own index, and an empty list when it is not
-- there. Other queries are answered in full.
if path:match("^/dicomweb/studies/?$") then
    local study = query:match("&StudyInstanceUID=([^&]*)&") or query:match("&0020000D=([^&]*)&") or ""
    if study:match("^[0-9][0-9.]*$") and not study:match("%.%.") and not study:match("%.$") then
        path = "/dicomweb/studies/" .. study .. "/index.json"
        if not is_file(path) then
            answer["Content-Type"] = "application/dicom+json"
            lighty.r.resp_body.set("[]")
            return 200
        end
    end
end

-- NAME and the folder NAME/ cannot stand side by side: NAME is answered from NAME/index.json. Elsewhere a folder is its
-- page; without one it is absent: nothing is listed.
if not is_file(path) then
    local folder = path:gsub("/$", "")
    if path:match("^/dicomweb/") and is_file(folder .. "/index.json") then
        path = folder .. "/index.json"
    elseif is_file(folder .. "/index.html") then
        if path:sub(-1) ~= "/" then
            answer["Location"] = request["request.orig-uri"]:gsub("[?].*$", "") .. "/"
            return 301
        end
        path = path .. "index.html"
    else
        return 404
    end
end

-- By extension; a name without one (a Zarr chunk) is binary. DICOMweb's names are known by their place.
local types = {
    html = "text/html; charset=utf-8", css = "text/css; charset=utf-8",
    js = "text/javascript; charset=utf-8", mjs = "text/javascript; charset=utf-8",
    txt = "text/plain; charset=utf-8", tsv = "text/tab-separated-values; charset=utf-8",
    json = "application/json", map = "application/json", zattrs = "application/json", zgroup = "application/json",
    zarray = "application/json", zmetadata = "application/json", xml = "application/xml", dzi = "application/xml",
    wasm = "application/wasm", pdf = "application/pdf", dcm = "application/dicom", gz = "application/gzip",
    zip = "application/zip", szi = "application/zip", sqlite = "application/vnd.sqlite3", webp = "image/webp",
    jpg = "image/jpeg", jpeg = "image/jpeg", png = "image/png", svg = "image/svg+xml", tif = "image/tiff",
    tiff = "image/tiff", ico = "image/x-icon", mp4 = "video/mp4", woff2 = "font/woff2",
}
-- Only text, NIfTI and objects have a compressed sibling. Never the catalogue (read by ranges), frames or pictures.
local texts = {
    html = true, css = true, js = true, mjs = true, json = true, map = true, svg = true, xml = true, dzi = true,
    tsv = true, txt = true, wasm = true, nii = true, dcm = true,
}
local extension = path:match("%.([^./]*)$") or ""
local media, text = types[extension] or "application/octet-stream", texts[extension]

-- Objects that lost a conflict are laid out as below dicomweb/.
local web = path:match("^/dicomweb/")
local laid_out = web or path:match("^/studies/[^/]+/[^/]+/conflict/")
if laid_out then
    if web and (path:match("/metadata$") or path:match("/index%.json$")) then
        media, text = "application/dicom+json", true
    elseif path:match("/frames/[0-9]+$") or path:match("/lossy/[0-9]+$") or path:match("/j2k/[0-9]+$") then
        media = "multipart/related"
    elseif path:match("/thumbnail$") or path:match("/rendered$") then
        media = "image/jpeg"
    elseif web and path:match("/bulkdata/") then
        text = false
        if extension ~= "pdf" and extension ~= "mp4" then
            media = "application/octet-stream"
        end
    end
end

local function accepts(coding)
    for name, parameters in (lighty.r.req_header["Accept-Encoding"] or ""):lower():gmatch("([^,;%s]+)%s*([^,]*)") do
        if name == coding then
            return not parameters:match("^;%s*q=0%.?0*%s*$")
        end
    end
    return false
end

local file = path
if text then
    answer["Vary"] = "Accept-Encoding"
    if accepts("br") and is_file(path .. ".br") then
        file = path .. ".br"
        answer["Content-Encoding"] = "br"
    elseif accepts("gzip") and is_file(path .. ".gz") then
        file = path .. ".gz"
        answer["Content-Encoding"] = "gzip"
    end
end

-- Compressed beforehand or not at all: on-the-fly compression (mod_deflate) takes Content-Length away, without which
-- clients cannot decode a frame while it arrives. It looks at what is accepted, which is settled by now.
lighty.r.req_header["Accept-Encoding"] = nil

-- An address that carries a digest never changes its bytes; any other is asked for again after a minute (ETag, 304).
-- The name that carries it begins with a letter: a component of a UID may look like a digest.
local digest = ("[0-9a-f]"):rep(16)
local lasting = path:match("/%a[^/]*%." .. digest .. "[./]")
if laid_out then
    local asked = query:match("&d=([0-9a-f]+)&") or ""
    lasting = lasting or (#asked >= 16 and #asked <= 64)
end
answer["Cache-Control"] = lasting and "max-age=31536000, immutable" or "max-age=60"
answer["Content-Type"] = media
request["uri.path"] = path -- no longer a folder's: mod_dirlisting has nothing to list
request["physical.path"] = root .. file

-- lighttpd's own answer to a range beyond the end leaves the size out, which clients compare (RFC 9110 14.4).
local first = tonumber((lighty.r.req_header["Range"] or ""):match("^bytes=(%d+)-%d*$"))
local size = lighty.stat(root .. file).st_size
if first and first >= size and not lighty.r.req_header["If-Range"] then
    answer["Content-Range"] = string.format("bytes */%d", size)
    answer["Content-Type"] = "text/plain"
    answer["Content-Encoding"] = nil
    answer["Cache-Control"] = nil
    lighty.r.resp_body.set("The file ends before this range.\n")
    return 416
end
