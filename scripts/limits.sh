#!/bin/sh
# Writes docs/LIMITS.md from src/base/limits.h, src/base/err.def and src/ops/rates.def. The house rules fail when the page is older than its sources.
#   scripts/limits.sh           writes the page
#   scripts/limits.sh FILE      writes it elsewhere
# What a bound means to a caller stands below, one line a bound; a bound without its line, or a line without its bound, is an error.
set -eu
cd "$(dirname "$0")/.."
out=${1:-docs/LIMITS.md}
body=$(mktemp) words=$(mktemp)
trap 'rm -f "$body" "$body.rows" "$words"' EXIT

cat > "$words" <<'WORDS'
JSON_DEPTH|Levels of objects and lists in one document. Deeper: 400 `bad_json`.
JSON_NODES|Values in one document. More: 400 `bad_json`.
STRING_SPOOL_BYTES|Longer strings leave the document for a file while it is read.
SPOOLED_STRINGS|Strings that leave one document. More: the document is refused.
JQ_BYTES|What a jq program of a provider's description may be given, and what it may answer. More: the step fails as `description_error`.
JQ_PROGRAM_BYTES|One jq program of a description.
JQ_RUN_MS|Processor time of one run of a jq program. More: its process is ended, the step fails as `description_error`.
JQ_COMPILE_MS|Processor time for compiling a jq program, once.
JQ_WALL_MS|Longest wait for both on a machine that is busy with other things.
JQ_MEMORY_BYTES|Memory of the process that runs jq programs.
JQ_PROGRAMS|Compiled jq programs that each such process keeps.
COMMAND_TEXT_BYTES|Standard output of a `command` program. More: it is ended, the generation fails, nothing is charged.
COMMAND_OUT_BYTES|What such a program may leave in `out/`, looked at once a second. More: the same.
COMMAND_MEMORY_BYTES|Addresses of each of its processes.
COMMAND_PROCESSES|Its processes and threads.
HTTP_HEADERS|Header lines of a request. More: 431.
HTTP_HEADER_BYTES|Bytes of all header lines together. More: 431.
HTTP_TARGET_BYTES|Bytes of path and query. More: 414.
HTTP_HEADER_MS|From the first byte of a request to the end of its head. Later: 408.
HTTP_BODY_GRACE_MS|A body may be slow for so long; from then on it must come at the rate below. Slower: 408.
HTTP_BODY_BYTES_PER_S|Slowest rate of a body, and of a reader while bytes wait for it.
HTTP_IDLE_MS|Between two requests on a connection; then it is closed.
HTTP_CONNECTIONS|Connections in all. One more: 503 and closed.
HTTP_CONNECTIONS_PER_ADDRESS|Connections from one address (IPv6: one /64), loopback exempt. One more: 503 and closed.
HTTP_WRITE_QUEUE_BYTES|Bytes that wait for a reader before more is made.
HTTP_STALL_MS|A reader that stays under the slowest rate for so long is cut.
HTTP_DRAIN_MS|From SIGTERM to the end of the last connection, at most.
SSE_HEARTBEAT_MS|A quiet event stream sends a comment that often.
JSON_BODY_BYTES|A JSON body, not counting strings over 64 KB of calls that generate. More: 413, at the header when the length is told.
LONG_BODY_BYTES|The JSON body of a call that generates, inline files included. More: 413, at the header when the length is told.
INTAKE_BYTES|Inline files of all calls that are being read at once. More: 507 `storage_full`, nothing charged.
UPLOAD_BYTES|One uploaded file. More: 413.
WAIT_MS|Longest wait of one call. Then 504 `still_running` or, where `Prefer` asked, 202; the generation goes on.
INPUTS_BYTES|Inputs as they are stored with a generation. More: 413.
OUTPUTS|Files of one generation.
ATTEMPTS|Tries of one generation, when the failures between them may pass.
PATIENT_ATTEMPTS|The same, when a provider asks to wait (429), or is asked from time to time whether it is back: until the deadline, and no more often than this.
LATE_MS|A provider is still asked after work that passed its deadline. What it makes becomes a file of the generation, and nobody pays for it. Forgotten when the server stops.
HIDDEN_DAYS|So long `deliver` finds the file that a call's own `output_url_path` hid. Later: 409; it was billed when it was made.
HIDDEN_BYTES|The provider's answer in such a case, strings over 64 KB aside. What is longer is not kept: the generation fails and costs nothing.
GONE_ANSWERS|So often in a row a provider must say that it does not know a work which it accepted, with doubling waits between. Then it fails and is released.
RESULT_TRIES|A provider that says that the work is done, and fails to give the result out or answers what cannot be read, is asked so often, and at least for the time below. Then the generation fails and is released.
RESULT_MS|So long at least, unless the deadline comes first: an outage there loses nothing.
PROVIDER_REQUESTS|Submits of one provider that are under way at once on a node; as many of its other requests. The others wait in order.
FETCHES|Finished works of one node whose outputs are being fetched or stand in line for it by expiry. The others wait in order.
LATE|Such works of one node at once. One more is not asked after.
BILLED_FAILURES|Calls of one key in an hour (UTC) that failed although their provider takes money for it. None of them is charged. One more call: 429 `too_many_failures` until the hour ends.
EVENTS|Numbered events of one generation. Progress beyond it is dropped, changes of state never.
IDEMPOTENCY_KEY_BYTES|An `Idempotency-Key`. Longer: 400.
IDEMPOTENCY_DAYS|So long a repeat with the same key finds the first call. Expired ones are deleted by the hourly sweep.
QUOTE_ID_MS|So long a `quote_id` holds its price.
RUNNING_PER_PROJECT|Generations of one project at work at once, on all nodes together. Further ones stay pending.
PENDING_PER_PROJECT|Generations of one project that wait. One more: 429 `rate_limited`.
DRIVE_BYTES|Drive of one book of a project, with what running generations reserved. Beyond: 507 `drive_full`, before anything is held.
RETENTION_DAYS|Days for which a project keeps its files, at most; without a number they are kept for ever. More: 400 `invalid_argument`.
PATH_BYTES|A path in the drive. Longer: 400 `bad_path`.
PATH_PART_BYTES|One part of a path between slashes.
SIGNED_URL_MIN_S|Shortest life of a signed link.
SIGNED_URL_MAX_S|Longest life of a signed link.
SIGNED_URL_DEFAULT_S|Life of a signed link when the caller names none.
LINEAGE|Files of one chain that `GET /v1/lineage` tells of. More: `complete` is false.
PAGE|Rows of one list answer.
URL_BYTES|A link to another server. Longer: 400 `invalid_argument`.
REDIRECTS|Redirects that are followed for one request to another server.
UPSTREAM_CONNECTIONS|Connections to other servers: half of them for providers, a quarter each for links in replies and for what callers name. Further requests wait; their time goes on.
UPSTREAM_HEADERS|Header lines of another server's answer. More: the request fails.
UPSTREAM_HEADER_BYTES|Bytes of all header lines of another server's answer.
UPSTREAM_BODY_BYTES|Bytes of another server's answer, where the purpose of the request sets no other bound.
UPSTREAM_CONNECT_MS|For finding, connecting to and greeting another server. Later: the request fails as not sent.
UPSTREAM_STALL_MS|A request or an answer on its way in which no byte moves for so long is given up, unless its purpose says else.
UPSTREAM_MS|For a whole request to another server, unless its purpose says else.
INPUT_LINK_BYTES|An input file that is fetched from another server. More: 400 `invalid_argument`, nothing charged.
INPUT_LINK_MS|For fetching an input file from another server. Later: 400 `invalid_argument`, nothing charged.
WEBHOOKS|Webhooks of one project, those that are switched off counted. One more: 409 `conflict`.
WEBHOOK_FLIGHT|Messages under way to one webhook; one alone while it fails.
WEBHOOK_SERVERS|Servers that the calls of one book of a project have named by their `webhook_url`. A call that names one more: 409 `conflict`, nothing charged.
WEBHOOK_NAMED_DAYS|So long such a server stays after the last call that named it.
WEBHOOK_FLIGHT_BOOK|Messages under way for one book of a project, from one node. A webhook that wants the test book alone counts there.
WEBHOOK_FLIGHT_ALL|Messages under way to all webhooks, from one node.
WEBHOOK_MS|For a webhook's answer. Later: it counts as failed and is sent again.
WEBHOOK_ANSWER_BYTES|Read of a webhook's answer; nothing but its status is kept.
WEBHOOK_BYTES|Of a message; a longer one goes out without inputs, text and price row, and says `truncated`.
WEBHOOK_DEAD_DAYS|Of nothing but failures; then the webhook is switched off. A message is tried for as long.
WEBHOOK_KEPT_DAYS|Messages stay in the history, delivered or not.
WEBHOOK_IN_BYTES|Of what a provider sends to `/v1/hooks`. More: 413.
BATCH_COMMANDS|Commands in one transaction.
BATCH_ROWS|Rows in one transaction; a larger batch is halved.
BATCH_BYTES|Bytes in one transaction; a larger batch is halved.
BATCH_TRIES|Tries of one batch that meets another node's; then it is halved, and one command alone answers 503 `try_again`.
COMMIT_QUEUE|Commands that wait for the committer. One more: 503 `try_again`. Uploads and renders that wait have the same bound each.
READ_QUEUE|Reads that wait for a reader. One more: 503 `try_again`.
READERS|Threads that read the database.
COMMAND_KEYS|Records one command may read. Commands keep to it by their make; nothing checks it.
RESERVE_FILE_BYTES|The file that is given up on a full disk so that running work can be settled; less on a small disk.
LEASE_MS|A node that was not heard of for so long is dead, and another adopts its work. After half of it a node starts nothing any more.
BEAT_MS|Between two heartbeats of a node.
WAKE_SCAN_MS|With PostgreSQL, so often a node looks for what others have left or ended; on SQLite once a second.
ADOPT_CHUNK|Generations taken over in one command.
MEDIA_READ_MS|For reading a foreign file: its facts, a thumbnail, an optimised copy or a poster. Later: the original is what there is.
READS_AT_ONCE|Foreign files read at once. Further ones wait; their time goes on. Renders do not count.
READ_IMAGE_BYTES|A picture's file of which facts are read or copies made.
READ_PIXELS|Pixels of a picture that is read row by row.
READ_HELD_PIXELS|Pixels of one that must be decoded whole: interlaced PNG, lossless WebP, frames of an animated WebP that fill only a part.
READ_DECODER_BYTES|Memory for a progressive JPEG while it is read.
READ_SCANS|Passes of a progressive JPEG.
READ_FRAMES|Frames of an animated GIF or WebP.
READ_VIDEO_PIXELS|Pixels of a video's frame.
READ_VIDEO_FRAMES|Frames of a video.
READ_TRACKS|Tracks of a video or audio file.
THUMBNAIL_SIDE|Long side of a thumbnail, in pixels.
OPTIMISED_SIDE|Long side of an optimised copy, in pixels.
POSTER_SIDE|Long side of a video's poster, in pixels.
RENDER_PIXELS|Largest picture the server believes the media helper.
RENDERS_AT_ONCE|Local renders at once, unless `serve --renders` says else. Further ones wait, projects in turns.
RENDER_WAIT_MS|A local generation may wait so long for its turns. Its model's deadline counts from the beginning of the render; `deadline_at` is the sum of both.
PROMPT_BYTES|A text input without a `max_chars` of its own.
WORDS

awk -v words="$words" '
function bytes(n) {
    if (n % 1073741824 == 0) return n / 1073741824 " GiB"
    if (n % 1048576 == 0) return n / 1048576 " MiB"
    if (n % 1024 == 0) return n / 1024 " KiB"
    return n " bytes"
}
function seconds(n) {
    if (n % 86400 == 0) return n / 86400 (n == 86400 ? " day" : " days")
    if (n % 3600 == 0) return n / 3600 (n == 3600 ? " hour" : " hours")
    if (n % 60 == 0 && n <= 3600) return n / 60 " min"
    return n " s"
}
function shown(name, n) {
    if (name ~ /_BYTES_PER_S$/) return bytes(n) " a second"
    if (name ~ /_BYTES$/) return bytes(n)
    if (name ~ /_MS$/) return n % 1000 ? n " ms" : seconds(n / 1000)
    if (name ~ /_S$/) return seconds(n)
    if (name ~ /_DAYS$/) return n " days"
    return n ""
}
function product(text, parts, i, n, count) {
    gsub(/[()LlUu ]/, "", text)
    count = split(text, parts, "*")
    n = 1
    for (i = 1; i <= count; i++) {
        if (parts[i] !~ /^[0-9]+$/) fail("src/base/limits.h: the value \"" text "\" is not a product of numbers")
        n *= parts[i]
    }
    return n
}
function fail(text) { print "limits.sh: " text | "cat >&2"; failed = 1; exit 1 }
BEGIN {
    while ((getline line < words) > 0) {
        i = index(line, "|")
        meaning[substr(line, 1, i - 1)] = substr(line, i + 1)
    }
}
/^\/\*/ && !/docs\/LIMITS.md/ {
    title = $0
    sub(/^\/\* */, "", title); sub(/ *\*\/.*/, "", title); sub(/ *\(.*\)/, "", title)
    printf "\n## %s\n\n| bound | value | meaning |\n|---|---|---|\n", title
}
/^#define LIMIT_/ {
    name = $2
    sub(/^LIMIT_/, "", name)
    value = $0
    sub(/^#define [A-Z0-9_]+ +/, "", value); sub(/ *\/\*.*/, "", value)
    if (!(name in meaning)) fail("LIMIT_" name " has no line of its own in scripts/limits.sh")
    printf "| `%s` | %s | %s |\n", name, shown(name, product(value)), meaning[name]
    delete meaning[name]
}
END {
    if (failed) exit 1
    for (name in meaning) { print "limits.sh: the line about " name " has no bound in src/base/limits.h" | "cat >&2"; exit 1 }
}' src/base/limits.h > "$body.rows"

refusals() {
    awk '/^ERR\(/ {
        line = $0
        sub(/^ERR\(/, "", line); sub(/\)$/, "", line)
        text = line; sub(/^[^"]*"[^"]*"[^"]*"/, "", text); sub(/"$/, "", text)
        n = split(line, f, ",")
        for (i = 1; i <= n; i++) gsub(/^[ "]+|[ "]+$/, "", f[i])
        if (f[1] == "OK") next
        printf "| `%s` | %s | %s | %s | %s |\n", f[2], f[3], f[5], f[6], text
    }' src/base/err.def
}

rates() {
    awk '/^RATE\(/ {
        line = $0
        sub(/^RATE\(/, "", line); sub(/\).*$/, "", line)
        n = split(line, f, ",")
        for (i = 1; i <= n; i++) gsub(/^ +| +$/, "", f[i])
        printf "| `%s` | %s | %s |\n", f[1], f[2], f[3]
    }' src/ops/rates.def
}

{
    cat <<'HEAD'
# Limits

Every bound of puras and what meets whom at it. Nothing is unbounded. Made by `scripts/limits.sh` from `src/base/limits.h`, where the
code reads them as `LIMIT_<name>`, from `src/base/err.def` and from `src/ops/rates.def`; change those and run the script.
HEAD
    cat "$body.rows"
    cat <<'RATES'

## Calls a minute

A key with a `rate_class` may call so often; a publishable key without one has `page`, any other no such bound. `media`: models that make pictures, films or text;
`sound`: music and speech; `ads`: campaigns, which no route starts yet; `reads`: every other call. So many may come at once, then one
each time its share of the minute has passed; one more: 429 `rate_limited`. Each node counts by itself and begins anew when it starts.

| class | group | calls a minute |
|---|---|---|
RATES
    rates
    cat <<'MONEY'

## What is charged when

The quote is held when a call is accepted. The command that ends the generation ends the hold; there is no other way to either.

| what happened | charged | the caller sees |
|---|---|---|
| refused in the submit or before (400 to 429 without a generation, 503, 507) | nothing, and nothing was held | the error |
| completed | the quote; where the price is per output, for the outputs stored, at most those quoted; where it is measured, the measured amount or `if_unmeasured`, at most what was held | 200 `completed` |
| an attempt failed and may pass | nothing yet, the hold stays | `pending` again, then the next attempt |
| the provider delivered something else than the model makes: a sound for a picture, a picture for a film, a page of text | nothing for it: it is not kept. Of several files the others are billed, with a warning in `meta.warnings` | `failed` `output_lost` when nothing else came; a waiting call 502 |
| it delivered a type that this server does not know, a GIF or WebP for a film, a film for a sound, or what the call's own `output_url_path` led to | as completed | 200 `completed`, with a warning in `meta.warnings` |
| made, and the call's own `output_url_path` hides it | as completed, for as many files as the answer has links, at most those quoted | `completed` with the error `output_not_found`; a waiting call 422; `deliver` gives the file for nothing more |
| failed for good: refused by the model, unclassified, the attempts used up | nothing, the hold is released | `failed`; a waiting call 422 or 502 |
| the deadline passed, or a local render took longer than its model's `deadline` | nothing, the hold is released | `failed` `deadline_exceeded`; a waiting call 504 |
| cancelled before work left, or while a local model or a program of this machine was at it | nothing, the hold is released | `cancelled`; a waiting call 409 |
| cancelled too late | as completed | `completed`, with `cancel_requested` |
| the caller stopped waiting, 504 `still_running` | as the generation ends | read it, or repeat the call with its key |
| a repeat with the same `Idempotency-Key` and body | nothing a second time | the first call's answer |

What a provider took for work that was not delivered is written to the attempt and to nobody's bill.

## Refusals

`exit` is the exit status of the command line. `retry`: `never`, the same call fails again; `same_key`, repeat it with the same
`Idempotency-Key`; `after`, wait `retry_after_s` first. The sentence is the one that is used when nothing more precise is known. From
`exists` on, the codes are for the inside of the program; a caller should see none of them but `internal`, `io` and `corrupt`.

| code | status | exit | retry | sentence |
|---|---|---|---|---|
MONEY
    refusals
} > "$body"

stamp=$(cat src/base/limits.h src/base/err.def src/ops/rates.def scripts/limits.sh "$body" | sha256sum | cut -d' ' -f1)
{ cat "$body"; printf '\n<!-- made by scripts/limits.sh %s -->\n' "$stamp"; } > "$out"
