#!/bin/sh
# Uploads a site to an object store, each object with its own type. Made by `slicepress server-config s3-upload`.
#
#     slicepress server-config s3        SITE >site.tsv
#     slicepress server-config s3-upload SITE >upload.sh
#     sh upload.sh site.tsv REMOTE:BUCKET[/PREFIX]
#
# after every `slicepress run`; REMOTE is named in rclone.conf (S3, Google, Azure, Swift ...). Objects come before the
# indexes that name them, a study's study.json after all else of it; last, keys that the manifest does not have (of
# studies that were removed, of what gc took) are deleted from BUCKET/PREFIX. --dry-run and other words after the
# target go to rclone.
#
# An object store answers a key and nothing else: the key of NAME/index.json is NAME, and a text that has a .gz sibling
# is stored as that, with Content-Encoding: gzip, which every browser and HTTP library undoes (curl: --compressed).
# Query strings are not looked at: `studies?StudyInstanceUID=S` gives all studies, which OHIF filters
# (staticWado: true); and ?d=DIGEST cannot prolong caching. Headers that no object carries belong into the CDN:
#     Content-Security-Policy: @CSP@
#     X-Content-Type-Options: nosniff
# CORS of the bucket (aws s3api put-bucket-cors, or the store's console):
#     {"CORSRules": [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET", "HEAD"], "AllowedHeaders": ["*"],
#       "ExposeHeaders": ["Accept-Ranges", "Content-Encoding", "Content-Length", "Content-Range", "ETag"],
#       "MaxAgeSeconds": 86400}]}
set -eu

root='@ROOT@'
manifest=${1:?manifest} target=${2:?REMOTE:BUCKET}
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tab=$(printf '\t')

# Two kinds of calls, each for objects of one type and caching; what is there already with the same size and time is
# left alone. Pictures, frames, trees: their key is their path. Text: in the order of the manifest, depth by depth,
# through links that are named as the keys are (a store takes NAME beside NAME/..., no folder does). Only what names
# other objects goes by its own name: series.DIGEST.json of all series is one call.
awk -F '\t' -v work="$work" '
    NR == 1 { next }
    { print $1 >(work "/keys") }
    $1 == $2 && $4 == "" && $3 !~ /json|html/ {
        class = $3 FS $5
        if (!(class in number)) { number[class] = ++classes; print classes FS class >(work "/blobs") }
        print $1 >(work "/blob." number[class])
        next
    }
    {
        depth = gsub(/\//, "/", $1)
        name = $2
        sub(/.*\//, "", name)
        if (depth > 0 && name !~ /^(index\.html|index\.json|study\.json|metadata)(\.gz)?$/) name = ""
        class = $3 FS $5 FS ($4 == "" ? "-" : $4)
        group = class FS name FS depth
        if (!(group in of)) { of[group] = ++groups; print groups FS class >(work "/texts") }
        print $1 FS $2 >(work "/text." of[group])
    }
' "$manifest"
touch "$work/blobs" "$work/texts"
[ -s "$work/keys" ] || { echo "$0: no object in $manifest" >&2; exit 1; }

while IFS=$tab read -r number type cache <&3; do
    rclone copy "$root" "$target" --files-from-raw "$work/blob.$number" --no-traverse \
        --header-upload "Content-Type: $type" --header-upload "Cache-Control: $cache" "$@"
done 3<"$work/blobs"

put_text() { # TYPE CACHE WORDS...: what is linked in $work/links
    type=$1 cache=$2
    shift 2
    rclone copy --copy-links "$work/links" "$target" --no-traverse \
        --header-upload "Content-Type: $type" --header-upload "Cache-Control: $cache" "$@"
}

while IFS=$tab read -r number type cache coding <&3; do
    while IFS=$tab read -r key file <&4; do
        case $key in */*) mkdir -p "$work/links/${key%/*}" ;; *) mkdir -p "$work/links" ;; esac
        ln -s "$root/$file" "$work/links/$key"
    done 4<"$work/text.$number"
    case $coding in
    -) put_text "$type" "$cache" "$@" ;;
    *) put_text "$type" "$cache" --header-upload "Content-Encoding: $coding" "$@" ;;
    esac
    rm -r "$work/links"
done 3<"$work/texts"

rclone lsf --recursive --files-only "$target" | LC_ALL=C sort >"$work/there"
LC_ALL=C sort "$work/keys" | LC_ALL=C comm -13 - "$work/there" >"$work/gone"
[ ! -s "$work/gone" ] || rclone delete "$target" --files-from-raw "$work/gone" "$@"
