#!/bin/sh
# Writes docs/MODELS.md from the files in catalog/models. A scenario fails when the page is older than they are.
#   scripts/models.sh           writes the page
#   scripts/models.sh FILE      writes it elsewhere
set -eu
cd "$(dirname "$0")/.."
out=${1:-docs/MODELS.md}

cat > "$out" <<'HEAD'
# Models

Written by `scripts/models.sh` from `catalog/models`; the files themselves have every row of every price, its source and its date.
A route is tried when its provider's key is there (`puras providers`); the first one that is healthy runs the call. A route in brackets is a
guess: it was not confirmed by a document, and is off for live keys. With a test key every model runs on this machine.

HEAD

LC_ALL=C awk '
function usd(m) { v = sprintf("%.6f", m / 1000000); sub(/0+$/, "", v); sub(/\.$/, "", v); return v }
function done_with() {
    if (slug == "") return
    low = least == most ? usd(least) : usd(least) " to " usd(most)
    what = unit == "kchar" ? "1000 characters" : unit
    gsub(/,$/, "", routes)
    if (routes == "") routes = "none"
    if (ended != "") title = title ". Ended " ended (successor == "" ? "" : (routes == "none" ? "; see `" : ", runs as `") successor "`")
    print kind "\t| `" slug "` | " title " | " low " per " what " | " routes " |"
}
function close_route() { if (provider != "") { if (provider == "local") provider = "this machine"; name = status == "guess" ? "(" provider ")" : provider; routes = routes (routes == "" ? "" : ", ") name } provider = ""; status = "" }
function value(line) { sub(/^[^:]*: */, "", line); gsub(/^"|"$/, "", line); return line }
FNR == 1 { close_route(); done_with(); slug = kind = title = unit = routes = ended = successor = section = ""; least = -1; most = 0 }
/^[a-z_]+:/ { if (section == "routes") close_route(); section = $1; sub(/:.*/, "", section) }
/^slug:/ { slug = value($0) }
/^kind:/ { kind = value($0) }
/^title:/ { title = value($0) }
/^ended:/ { ended = value($0) }
/^successor:/ { successor = value($0) }
section == "price" && /^  unit:/ { unit = value($0) }
section == "price" && match($0, /micros: [0-9]+/) { m = substr($0, RSTART + 8, RLENGTH - 8) + 0; if (least < 0 || m < least) least = m; if (m > most) most = m }
section == "routes" && /^  - / { close_route() }
section == "routes" && match($0, /provider: [a-z0-9._-]+/) { provider = substr($0, RSTART + 10, RLENGTH - 10) }
section == "routes" && /status: guess/ { status = "guess" }
END { close_route(); done_with() }
' catalog/models/*.yaml | LC_ALL=C sort > "$out.rows"

for kind in image video audio text; do
    case $kind in
    image) echo "## Pictures" ;;
    video) echo "## Films" ;;
    audio) echo "## Sound" ;;
    text) echo "## Transcripts" ;;
    esac
    printf '\n| slug | | USD | runs at |\n|---|---|---|---|\n'
    awk -F'\t' -v kind=$kind '$1 == kind { print $2 }' "$out.rows"
    echo
done | sed '$d' >> "$out"
rm -f "$out.rows"
