#!/bin/sh
# Uploads a site to an object store, each object with its own type. Made by `slicepress server-config s3-upload`.
#
#     slicepress server-config s3        SITE >site.tsv
#     slicepress server-config s3-upload SITE >upload.sh
#     sh upload.sh site.tsv REMOTE:BUCKET[/PREFIX]       with rclone
#     sh upload.sh site.tsv s3://BUCKET[/PREFIX]         with aws, version 1 or 2
#
# after every `slicepress run`; REMOTE is named in rclone.conf (S3, Google, Azure, Swift ...). Objects come before the
# indexes that name them, a study's study.json after all else of it; last, keys that the manifest does not have (of
# studies that were removed, of what gc took) are deleted from BUCKET/PREFIX. Words after the target go to each call:
# --dry-run and others to rclone; --profile, --region, --endpoint-url and other global options to aws, and --dryrun.
#
# What is there already stays. rclone compares size and time. With aws, a name with a digest stays if the size is the
# same; a text, if its MD5 is the object's ETag (where stores have other ETags, all texts go each time); all else, if
# the size is the same and the file was put into the site before the object was stored: mind this machine's clock.
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
manifest=${1:?manifest} target=${2:?REMOTE:BUCKET or s3://BUCKET}
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tab=$(printf '\t')

tail -n +2 "$manifest" >"$work/rows"
[ -s "$work/rows" ] || { echo "$0: no object in $manifest" >&2; exit 1; }
cut -f 1 "$work/rows" | LC_ALL=C sort >"$work/keys"

# ---- rclone ----

list_by_rclone() {
    rclone lsf --recursive --files-only "$target" >"$work/list"
    LC_ALL=C sort "$work/list" >"$work/there"
}

put_blobs_by_rclone() { # FILE TYPE CACHE WORDS...: the keys in FILE, which are paths
    keys=$1 type=$2 cache=$3
    shift 3
    rclone copy "$root" "$target" --files-from-raw "$keys" --no-traverse \
        --header-upload "Content-Type: $type" --header-upload "Cache-Control: $cache" "$@"
}

put_links_by_rclone() { # FOLDER TYPE CACHE CODING WORDS...: what is linked in FOLDER
    folder=$1 type=$2 cache=$3 coding=$4
    shift 4
    [ "$coding" = - ] || set -- --header-upload "Content-Encoding: $coding" "$@"
    rclone copy --copy-links "$folder" "$target" --no-traverse \
        --header-upload "Content-Type: $type" --header-upload "Cache-Control: $cache" "$@"
}

delete_by_rclone() { # the keys in $work/gone
    rclone delete "$target" --files-from-raw "$work/gone" "$@"
}

# ---- aws ----

# A key is told to aws as the name of a link or in JSON, never as a word or a pattern. One that ends in "/" is what
# consoles make for a folder.
list_by_aws() {
    aws s3api list-objects-v2 --bucket "$bucket" --prefix "$prefix" \
        --query 'Contents[].[Key,Size,LastModified,ETag]' --output text "$@" >"$work/list"
    prefix=$prefix LC_ALL=C awk -F '\t' '
        NF == 4 && $1 !~ /\/$/ && index($1, ENVIRON["prefix"]) == 1 {
            gsub(/"/, "", $4)
            print substr($1, length(ENVIRON["prefix"]) + 1) FS $2 FS substr($3, 1, 19) FS $4
        }
    ' "$work/list" >"$work/objects"
    cut -f 1 "$work/objects" | LC_ALL=C sort >"$work/there"
}

# Takes from $work/rows what is there as it should be.
leave_unchanged() {
    cut -f 2 "$work/rows" | tr '\n' '\0' >"$work/files"
    awk -F '\t' '$5 !~ /immutable/ && ($4 != "" || $3 ~ /json|html/) { print $2 }' "$work/rows" |
        tr '\n' '\0' >"$work/texts"
    (cd "$root" && TZ=UTC0 xargs -0 stat --printf '%s %z\n' -- <"$work/files" >"$work/stats" &&
        xargs -0 -r md5sum -z -- <"$work/texts" >"$work/md5")
    tr '\0' '\n' <"$work/md5" >"$work/sums"
    paste "$work/stats" "$work/rows" | LC_ALL=C awk -F '\t' '
        of == "objects" { size[$1] = $2; time[$1] = $3; tag[$1] = $4; next }
        of == "sums" { sum[substr($0, 35)] = substr($0, 1, 32); next }
        {
            split($1, stat, " ")
            stays = $2 in size && size[$2] == stat[1]
            if (stays && $3 in sum) stays = tag[$2] == sum[$3]
            else if (stays && $6 !~ /immutable/) stays = stat[2] "T" substr(stat[3], 1, 8) < time[$2]
            if (!stays) print substr($0, length($1) + 2)
        }
    ' of=objects "$work/objects" of=sums "$work/sums" of=rows - >"$work/changed"
    mv "$work/changed" "$work/rows"
}

put_blobs_by_aws() { # as above
    LC_ALL=C awk -v root="$root" '{ print root "/" $0 }' "$1" | tr '\n' '\0' >"$work/files"
    mkdir "$work/links"
    xargs -0 cp --symbolic-link --parents --target-directory "$work/links" -- <"$work/files"
    type=$2 cache=$3
    shift 3
    put_links_by_aws "$work/links$root" "$type" "$cache" - "$@"
    rm -r "$work/links"
}

put_links_by_aws() {
    folder=$1 type=$2 cache=$3 coding=$4
    shift 4
    [ "$coding" = - ] || set -- --content-encoding "$coding" "$@"
    aws s3 cp "$folder" "$target" --recursive --follow-symlinks --only-show-errors ${dry:+"$dry"} \
        --content-type "$type" --cache-control "$cache" "$@"
}

delete_by_aws() {
    if [ -n "$dry" ]; then
        sed 's/^/(dryrun) delete: /' "$work/gone"
        return
    fi
    # 1,000 in a call. A key with control characters is no site's.
    prefix=$prefix LC_ALL=C awk -v work="$work" '
        /[[:cntrl:]]/ { next }
        {
            $0 = ENVIRON["prefix"] $0
            gsub(/[\\"]/, "\\\\&")
            if (count++ % 1000 == 0) {
                if (file != "") { print "]}" >file; close(file) }
                file = work "/gone." ++files ".json"
                printf "{\"Quiet\": true, \"Objects\": [" >file
                print file
            } else {
                print "," >file
            }
            printf "{\"Key\": \"%s\"}", $0 >file
        }
        END { if (file != "") print "]}" >file }
    ' "$work/gone" >"$work/lists"
    while IFS= read -r list <&3; do
        failed=$(aws s3api delete-objects --bucket "$bucket" --delete "file://$list" \
            --query 'Errors[].[Key,Message]' --output text "$@")
        case $failed in
        '' | None) ;;
        *) printf '%s: not deleted:\n%s\n' "$0" "$failed" >&2; exit 1 ;;
        esac
    done 3<"$work/lists"
}

# ---- both ----

by=rclone dry=
case $target in
s3://*)
    by=aws bucket=${target#s3://}
    bucket=${bucket%%/*}
    prefix=${target#"s3://$bucket"}
    prefix=${prefix#/}
    prefix=${prefix%/}${prefix:+/}
    target=s3://${bucket:?}/$prefix
    for word in "$@"; do
        shift
        case $word in --dryrun) dry=$word ;; *) set -- "$@" "$word" ;; esac
    done
    list_by_aws "$@"
    leave_unchanged
    ;;
esac

# Two kinds of calls, each for objects of one type and caching. Pictures, frames, trees: their key is their path. Text:
# in the order of the manifest, through links that are named as the keys are. Indexes go by name and depth: deeper ones
# come first, and a store takes NAME beside NAME/..., which no folder does.
awk -F '\t' -v work="$work" '
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
        if (depth > 0 && name !~ /^(index\.html|index\.json|study\.json)(\.gz)?$/) name = depth = ""
        class = $3 FS $5 FS ($4 == "" ? "-" : $4)
        group = class FS name FS depth
        if (!(group in of)) { of[group] = ++groups; print groups FS class >(work "/groups") }
        print $1 FS $2 >(work "/text." of[group])
    }
' "$work/rows"
touch "$work/blobs" "$work/groups"

while IFS=$tab read -r number type cache <&3; do
    put_blobs_by_$by "$work/blob.$number" "$type" "$cache" "$@"
done 3<"$work/blobs"

while IFS=$tab read -r number type cache coding <&3; do
    while IFS=$tab read -r key file <&4; do
        case $key in */*) mkdir -p "$work/links/${key%/*}" ;; *) mkdir -p "$work/links" ;; esac
        ln -s "$root/$file" "$work/links/$key"
    done 4<"$work/text.$number"
    put_links_by_$by "$work/links" "$type" "$cache" "$coding" "$@"
    rm -r "$work/links"
done 3<"$work/groups"

[ $by = aws ] || list_by_rclone
LC_ALL=C comm -13 "$work/keys" "$work/there" >"$work/gone"
[ ! -s "$work/gone" ] || delete_by_$by "$@"
