/* Outputs into the drive. Links are followed one after the other, the one that dies first first; a download that breaks goes on where it
 * stopped. What came inside of the reply is in the drive already. Then each file is looked at: what it is, and what it measures. */
#include "engine/remote_int.h"

#include <stdio.h>

enum { DOWNLOADS_AT_ONCE = 64, TRIES = 4, TYPE_BYTES = 100, PROBE_MS = LIMIT_MEDIA_READ_MS };

/* --- what a file is --- */

static bool measured_by_header(const struct sniffed *s, const struct media_facts *f) { return str_is(str_of(s->kind), "image") && f->width > 0; }

static void write_facts(struct errand *e, struct output *o, const struct media_facts *f) {
    struct buf b = {};
    struct jw w = {.out = &b};
    jw_open(&w, '{');
    if (f->width) jw_ki64(&w, "width", f->width);
    if (f->height) jw_ki64(&w, "height", f->height);
    if (f->duration_ms) jw_ki64(&w, "duration_ms", f->duration_ms);
    jw_close(&w, '}');
    o->facts = arena_dup(&e->arena, buf_view(&b));
    buf_done(&b);
}

static int64_t measure(const struct errand *e, const struct media_facts *f) {
    struct str unit = e->plan.model->unit;
    if (str_is(unit, "second")) return f->duration_ms > 0 ? f->duration_ms : -1;
    if (str_is(unit, "megapixel")) return f->width > 0 ? f->width * f->height : -1;
    return -1;
}

/* What a reply says a file is, where its bytes do not tell: "audio/x-thing", without parameters, or nothing. It becomes a header of this server's. */
static struct str stated_type(struct str s) {
    struct str bare, rest;
    size_t slashes = 0;
    str_cut(s, ';', &bare, &rest);
    bare = str_trim(bare);
    for (size_t i = 0; i < bare.len; i++) {
        char c = bare.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        slashes += c == '/';
        if (!letter && (c == 0 || !strchr("/.+-_", c))) return (struct str){};
    }
    bool whole = slashes == 1 && bare.len <= TYPE_BYTES && bare.ptr[0] != '/' && bare.ptr[bare.len - 1] != '/';
    return whole ? bare : (struct str){};
}

/* What a stored file is. One of a kind that nobody here knows has no facts. */
static err look_at(struct errand *e, int fd, struct sniffed *out_sniffed, struct media_facts *out_facts) {
    uint8_t head[4096];
    ssize_t got = pread(fd, head, sizeof head, 0);
    if (got < 0) return why_set(&e->why, E_IO, "A file of the drive could not be read.");
    struct str beginning = str_n(head, (size_t)got);
    struct sniffed s = media_sniff(beginning);
    struct media_facts f = media_measure(beginning);
    if (s.type && !measured_by_header(&s, &f)) {
        struct read_job job = {.fd = fd, .want = READ_PROBE, .timeout = PROBE_MS};
        struct read_answer *a = arena_new(&e->arena, struct read_answer);
        for (int tries = 0; tries < 2; tries++) { /* a helper that died, or was busy, is no reason to bill by guess */
            helper_read(e->r->o.helper, &job, a);
            if (a->code != E_UPSTREAM && a->code != E_UNAVAILABLE && a->code != E_DEADLINE) break;
        }
        if (!a->code) f = (struct media_facts){.width = a->width, .height = a->height, .duration_ms = a->duration_ms};
    }
    *out_sniffed = s;
    *out_facts = f;
    return OK;
}

/* Where the caller's own path led to the file, it is what the caller asked for (RULES C6). */
static bool belongs(const struct errand *e, const struct output *o) { return e->call->url_path.len || media_may_be(o->kind, o->type, e->call->kind_wanted); }

static void output_describe(struct errand *e, size_t n) {
    const struct kept *k = &e->items[n];
    struct output *o = &e->outputs[n];
    _cleanup_(closep) int fd = -1;
    int64_t bytes = 0;
    struct sniffed s;
    struct media_facts f;
    e->code = drive_blob_open(e->r->o.drive, k->blob, &e->why, &fd, &bytes);
    if (!e->code) e->code = look_at(e, fd, &s, &f);
    if (e->code) return;
    struct id asset = errand_id(e, LIMIT_OUTPUTS + n);
    *o = (struct output){.asset = arena_dup(&e->arena, id_str(&asset)), .blob = k->blob, .sha256 = k->sha256, .bytes = bytes};
    struct str stated = stated_type(k->type);
    o->type = s.type ? str_of(s.type) : stated.len ? stated : STR("application/octet-stream");
    o->ext = s.type ? str_of(s.ext) : STR("bin");
    o->kind = s.type ? str_of(s.kind) : STR("file");
    write_facts(e, o, &f);
    int64_t measured = measure(e, &f);
    if (belongs(e, o) && measured > e->result.measured) e->result.measured = measured;
}

/* --- the answer --- */

static void copy_member(struct jw *w, const char *from, const char *to, const struct json *kept) {
    const struct json *j = json_get(kept, from);
    if (!j) return;
    struct buf b = {};
    json_write(&b, j);
    jw_kraw(w, to, buf_view(&b));
    buf_done(&b);
}

static void write_warnings(struct errand *e, struct jw *w) {
    const struct json *given = json_get(e->kept, "warnings");
    jw_key(w, "warnings");
    jw_open(w, '[');
    for (const struct json *j = given ? given->child : NULL; j; j = j->next) jw_str(w, j->text);
    for (size_t i = 0; i < e->item_count; i++)
        if (!str_eq(e->outputs[i].kind, e->call->kind_wanted))
            jw_str(w, arena_printf(&e->arena, "The provider delivered %.*s where %.*s was asked for; the file is kept as it is.", STR_ARG(e->outputs[i].type),
                                   STR_ARG(e->call->kind_wanted)));
    for (size_t i = 0; i < e->misfit_count; i++)
        jw_str(w, arena_printf(&e->arena, "The provider delivered %.*s where %.*s was to be made; it is neither kept nor billed.", STR_ARG(e->misfits[i]), STR_ARG(e->call->kind_wanted)));
    bool files = !str_is(e->call->kind_wanted, "text");
    if (e->item_count && e->reading.path_warning.len) jw_str(w, e->reading.path_warning); /* of a reply that was kept hidden */
    int64_t hidden = 0;
    (void)json_as_i64(json_get(json_get(e->kept, "hidden"), "files"), &hidden);
    if (hidden) {
        int64_t owed = hidden < e->call->outputs_wanted ? hidden : e->call->outputs_wanted;
        if (e->item_count && (int64_t)e->item_count < owed)
            jw_str(w, arena_printf(&e->arena, "outputs_missing: this path led to %zu of %lld files; another one gives the others, for nothing more.", e->item_count, (long long)owed));
    } else if (files && e->item_count && (int64_t)e->item_count < e->call->outputs_wanted)
        jw_str(w, arena_printf(&e->arena, "outputs_missing: %lld files were asked for and the provider made %zu; only these are billed.",
                               (long long)e->call->outputs_wanted, e->item_count));
    jw_close(w, ']');
}

static void write_result(struct errand *e) {
    struct buf b = {};
    struct jw w = {.out = &b};
    struct str text;
    jw_open(&w, '{');
    copy_member(&w, "meta", "metrics", e->kept);
    copy_member(&w, "text", "text", e->kept);
    copy_member(&w, "words", "words", e->kept);
    copy_member(&w, "language_code", "language_code", e->kept);
    if (e->call->url_path.len) jw_kbool(&w, "output_url_path", true); /* it was looked at */
    write_warnings(e, &w);
    jw_close(&w, '}');
    e->result.result = arena_dup(&e->arena, buf_view(&b));
    buf_done(&b);
    if (json_as_str(json_get(e->kept, "text"), &text) && str_is(e->plan.model->unit, "kchar")) e->result.measured = (int64_t)str_code_points(text);
}

/* Where the price counts what came in, the output's own length is nobody's business. Deleted inputs stay until the
 * call has ended (query_blob_owned), so one that cannot be found was lost by the disk. */
static int64_t measure_input(struct errand *e, struct str input) {
    int64_t sum = 0;
    sources_open(e);
    for (size_t i = 0; i < e->pc.file_count && !e->code; i++) {
        struct sniffed s;
        struct media_facts f;
        if (!str_eq(e->files[i].input, input)) continue;
        e->code = look_at(e, e->sources[i].fd, &s, &f);
        int64_t one = e->code ? -1 : measure(e, &f);
        if (one > 0) sum += one;
    }
    if (e->code == E_NOT_FOUND) e->code = OK;
    return sum > 0 && !e->code ? sum : -1;
}

/* A sound for a picture, or a page that says "not found" with 200, is nothing that the model makes: it is neither kept nor billed (docs/ARCHITECTURE.md). */
static void drop_misfits(struct errand *e) {
    size_t kept = 0;
    for (size_t i = 0; i < e->item_count; i++) {
        if (!belongs(e, &e->outputs[i])) {
            e->misfits[e->misfit_count++] = e->outputs[i].type;
            continue;
        }
        e->items[kept] = e->items[i];
        e->outputs[kept++] = e->outputs[i];
    }
    e->item_count = kept;
    if (e->misfit_count && !kept)
        e->code = why_set(&e->why, E_OUTPUT_LOST, "The provider delivered %.*s where %.*s was to be made. Nothing was charged.", STR_ARG(e->misfits[0]), STR_ARG(e->call->kind_wanted));
}

static void describe_all(struct errand *e) {
    if (e->item_count) e->result.measured = -1;
    for (size_t i = 0; i < e->item_count && !e->code; i++) output_describe(e, i);
    if (!e->code) drop_misfits(e);
    if (!e->code) write_result(e);
    struct model_counts counts = model_counts(e->plan.model);
    if (!e->code && counts.media.len) e->result.measured = measure_input(e, counts.media);
}

/* As many count as made as the answer has links, and never more than were priced. */
static void hide(struct errand *e) {
    int64_t files = 1, wanted = e->call->outputs_wanted > 0 ? e->call->outputs_wanted : 1;
    (void)json_as_i64(json_get(json_get(e->kept, "hidden"), "files"), &files);
    e->result.hidden = true;
    e->result.output_count = files < 1 ? 1 : files < wanted ? files : wanted;
    e->result.detail = hidden_sentence(e);
}

static void described(struct errand *e) {
    if (e->code) {
        bool lost = e->code == E_NOT_FOUND || e->code == E_CORRUPT || e->code == E_OUTPUT_LOST;
        errand_fail(e, e->code, lost ? FAIL_OUTPUT_LOST : FAIL_TRANSIENT, str_of(why_text(&e->why)));
        return;
    }
    e->result.outputs = e->outputs;
    e->result.output_count = (int64_t)e->item_count;
    if (!e->item_count && json_get(e->kept, "hidden")) hide(e);
    errand_finish(e);
}

/* --- turns: downloads that die soon go first --- */

static void download(struct errand *e);

static msec soonest(const struct errand *e) {
    msec first = INT64_MAX;
    for (size_t i = 0; i < e->item_count; i++)
        if (e->items[i].url.len && e->items[i].expires_at && e->items[i].expires_at < first) first = e->items[i].expires_at;
    return first;
}

static void start_waiting(struct remote *r) {
    while (r->waiting && r->downloading < DOWNLOADS_AT_ONCE) {
        struct errand *e = r->waiting;
        r->waiting = e->later;
        e->queued = false;
        e->downloading = true;
        r->downloading++;
        download(e);
    }
}

static void take_turn(struct errand *e) {
    struct errand **at = &e->r->waiting;
    msec mine = soonest(e);
    while (*at && soonest(*at) <= mine) at = &(*at)->later;
    e->later = *at;
    *at = e;
    e->queued = true;
    start_waiting(e->r);
}

static void end_turn(struct errand *e) {
    if (!e->downloading) return;
    e->downloading = false;
    e->r->downloading--;
}

void fetch_close(struct errand *e) {
    struct remote *r = e->r;
    for (struct errand **at = &r->waiting; e->queued && *at; at = &(*at)->later)
        if (*at == e) {
            *at = e->later;
            break;
        }
    e->queued = false;
    end_turn(e);
    drive_file_drop(&e->fetch.file);
    if (!r->stopping) start_waiting(r);
}

static void fetch_failed(struct errand *e, err code, enum failure f) {
    bool said = strstr(why_text(&e->fetch.why), "Nothing was charged") != NULL;
    errand_fail(e, code, f, arena_printf(&e->arena, "%s%s", why_text(&e->fetch.why), said ? "" : " Nothing was charged."));
}

/* --- one download --- */

static struct kept *current(struct errand *e) { return &e->items[e->fetch.at]; }

/* On a thread. A server that begins anew, though asked to go on, is followed: the file begins anew too. */
static void write_piece(struct errand *e, struct str piece) {
    struct fetching *f = &e->fetch;
    if (f->restart) {
        drive_file_drop(&f->file);
        f->begun = f->restart = false;
    }
    if (!f->begun) {
        struct id name = errand_id(e, f->at);
        e->pump.code = drive_file_begin(e->r->o.drive, name.hex + ID_LEN - 20, &e->pump.why, &f->file);
        f->begun = !e->pump.code;
    }
    if (!e->pump.code && f->file.bytes + (int64_t)piece.len > LIMIT_UPLOAD_BYTES)
        e->pump.code = why_set(&e->pump.why, E_LIMIT, "The provider's output is larger than this server keeps. Nothing was charged.");
    if (!e->pump.code) e->pump.code = drive_file_write(&f->file, piece, &e->pump.why);
}

static void keep_download(struct errand *e) {
    struct kept *k = current(e);
    char sha256[65];
    struct id id = errand_id(e, e->fetch.at);
    if (e->pump.code) {
        e->code = why_set(&e->why, e->pump.code, "%s", why_text(&e->pump.why));
        return;
    }
    k->blob = arena_printf(&e->arena, "%.*s/%lld/%zu-%s", STR_ARG(e->call->generation), (long long)e->call->attempt, e->fetch.at + 1, id.hex + ID_LEN - 20);
    k->bytes = e->fetch.file.bytes;
    e->code = drive_file_keep(e->r->o.drive, &e->fetch.file, k->blob, &e->why, sha256);
    k->sha256 = arena_dup(&e->arena, str_of(sha256));
}

static void kept_download(struct errand *e) {
    e->fetch = (struct fetching){};
    if (e->code) errand_fail(e, e->code, FAIL_TRANSIENT, str_of(why_text(&e->why)));
    else download(e);
}

static void has_come(struct errand *e) {
    struct fetching *f = &e->fetch;
    bool whole = !f->code && (!f->total || f->file.bytes == f->total);
    if (f->strayed && !f->whole) { /* once more, and all of it */
        f->whole = true;
        drive_file_drop(&f->file);
        f->begun = false;
        download(e);
    } else if (e->pump.code) {
        f->why = e->pump.why;
        fetch_failed(e, e->pump.code, e->pump.code == E_LIMIT ? FAIL_OUTPUT_LOST : FAIL_TRANSIENT);
    } else if (!f->code && (e->status == 200 || e->status == 206) && !f->file.bytes) {
        why_set(&f->why, E_OUTPUT_LOST, "The provider's link to the output leads to an empty file.");
        fetch_failed(e, E_OUTPUT_LOST, FAIL_OUTPUT_LOST);
    } else if (whole && (e->status == 200 || e->status == 206)) {
        errand_think(e, e->r->writers, keep_download, kept_download);
    } else if (f->code == E_EGRESS || f->code == E_INVALID) {
        fetch_failed(e, f->code, FAIL_OUTPUT_LOST);
    } else if (!f->code && e->status >= 400 && e->status < 500 && e->status != 408 && e->status != 425 && e->status != 429) {
        why_set(&f->why, E_OUTPUT_LOST, "The provider's link to the output answers %d.", e->status);
        fetch_failed(e, E_OUTPUT_LOST, FAIL_OUTPUT_LOST);
    } else if ((f->code == E_UPSTREAM || (!f->code && f->total > f->file.bytes)) && f->file.bytes > f->before && ++f->tries < TRIES) {
        e->r->stats.resumed++;
        download(e); /* it brought something: it may bring the rest */
    } else {
        if (!f->code && e->status / 100 == 2) why_set(&f->why, E_UPSTREAM, "The provider's link to the output brought %lld of %lld bytes.", (long long)f->file.bytes, (long long)f->total);
        else if (!f->code) why_set(&f->why, E_UPSTREAM, "The provider's link to the output answers %d.", e->status);
        fetch_failed(e, E_UPSTREAM, FAIL_TRANSIENT);
    }
}

/* "bytes 100-199/200" or "bytes 100-199/\*" */
static bool read_range(struct str s, int64_t *out_from, int64_t *out_total) {
    struct str range, total, from, to;
    if (!str_starts(s, STR("bytes ")) || !str_cut(str_skip(s, 6), '/', &range, &total) || !str_cut(range, '-', &from, &to)) return false;
    *out_total = 0;
    return str_to_i64(from, out_from) && (str_is(total, "*") || str_to_i64(total, out_total));
}

/* False: a part that does not fit behind what is there, or of another file than it was. */
static bool fits(struct fetching *f, int status, const struct upstream_header *headers, size_t n, int64_t length) {
    int64_t from = -1, total = 0;
    if (status == 200) f->total = length > 0 ? length : 0;
    if (status != 206) return true;
    for (size_t i = 0; i < n; i++)
        if (str_is(headers[i].name, "content-range") && !read_range(headers[i].value, &from, &total)) from = -1;
    if (from != f->before || (f->total && total && f->total != total)) return false;
    if (total) f->total = total;
    return true;
}

static bool on_head(void *arg, int status, const struct upstream_header *headers, size_t n, int64_t length) {
    struct errand *e = arg;
    struct fetching *f = &e->fetch;
    e->status = status;
    f->restart = (status == 200 || (status == 206 && f->whole)) && f->file.bytes > 0;
    f->strayed = !fits(f, status, headers, n, length);
    if (f->strayed) return false;
    for (size_t i = 0; i < n; i++)
        if (str_is(headers[i].name, "etag") && headers[i].value.len < sizeof f->etag) snprintf(f->etag, sizeof f->etag, "%.*s", STR_ARG(headers[i].value));
    return length <= LIMIT_UPLOAD_BYTES;
}

static bool on_body(void *arg, struct str piece) {
    struct errand *e = arg;
    if (e->status == 200 || e->status == 206) pump_take(e, piece);
    return true;
}

static void on_done(void *arg, const struct upstream_answer *a) {
    struct errand *e = arg;
    e->sending = NULL;
    e->fetch.code = a->code;
    e->fetch.why = a->why;
    if (!a->status) e->status = 0;
    e->pump.used = true; /* however short: it belongs on the disk */
    pump_end(e);
}

/* The credentials that a poll would carry, for links of the provider itself. */
static void add_credentials(struct errand *e, struct upstream_ask *ask) {
    if (!endpoint_info(e->plan.endpoint)->credentials_on_downloads) return;
    struct evaluator ev = errand_evaluator(e);
    struct request q;
    struct why why = {};
    if (provider_request(e->plan.endpoint, ASK_POLL, &e->pc, &ev, &e->arena, &why, &q) && provider_request(e->plan.endpoint, ASK_SUBMIT, &e->pc, &ev, &e->arena, &why, &q))
        return;
    struct upstream_header *secret = arena_array(&e->arena, struct upstream_header, q.header_count + 1);
    for (size_t i = 0; i < q.header_count; i++)
        if (q.headers[i].secret) secret[ask->secret_header_count++] = (struct upstream_header){q.headers[i].name, q.headers[i].value};
    ask->secret_headers = secret;
    ask->credential_origins = provider_info(e->plan.provider)->hosts;
    ask->credential_origin_count = provider_info(e->plan.provider)->host_count;
}

static void send_download(struct errand *e) {
    struct fetching *f = &e->fetch;
    const struct provider_info *p = provider_info(e->plan.provider);
    struct upstream_header *plain = arena_array(&e->arena, struct upstream_header, 2);
    struct upstream_ask ask = {.policy = EGRESS_FOUND, .method = STR("GET"), .url = current(e)->url, .origin = p->base, .private_addresses = p->private_addresses,
                               .private_count = p->private_count, .headers = plain, .timeout = e->call->deadline_at - e->now > 0 ? e->call->deadline_at - e->now : 1,
                               .max_bytes = LIMIT_UPLOAD_BYTES, .long_answer = true, .on_head = on_head, .on_body = on_body, .done = on_done, .arg = e};
    f->before = f->whole ? 0 : f->file.bytes;
    if (f->before) {
        plain[ask.header_count++] = (struct upstream_header){STR("Range"), arena_printf(&e->arena, "bytes=%lld-", (long long)f->before)};
        if (f->etag[0]) plain[ask.header_count++] = (struct upstream_header){STR("If-Range"), arena_dup(&e->arena, str_of(f->etag))};
    }
    add_credentials(e, &ask);
    e->status = 0;
    pump_start(e, write_piece, has_come);
    e->sending = upstream_send(e->r->o.upstream, &ask);
}

/* The next link, or the end: the one that dies first goes first. */
static void download(struct errand *e) {
    size_t next = e->item_count;
    if (e->fetch.file.bytes) next = e->fetch.at;
    for (size_t i = 0; i < e->item_count && !e->fetch.file.bytes; i++) {
        const struct kept *k = &e->items[i];
        if (k->blob.len) continue;
        msec mine = k->expires_at ? k->expires_at : INT64_MAX;
        if (next == e->item_count || mine < (e->items[next].expires_at ? e->items[next].expires_at : INT64_MAX)) next = i;
    }
    if (next == e->item_count) {
        end_turn(e);
        start_waiting(e->r);
        errand_think(e, e->r->thinkers, describe_all, described);
        return;
    }
    e->fetch.at = next;
    send_download(e);
}

static void fetch_items(struct errand *e);

static void revealed(struct errand *e) {
    if (e->code) {
        bool passing = e->code == E_AGAIN || e->code == E_UNAVAILABLE || e->code == E_STORAGE_FULL || e->code == E_IO;
        errand_fail(e, e->code, passing ? FAIL_TRANSIENT : FAIL_UNCLASSIFIED, str_of(why_text(&e->why)));
    } else fetch_items(e);
}

void fetch_start(struct errand *e) {
    reply_kept(e, e->call->reply);
    if (e->code) errand_fail(e, e->code, FAIL_OUTPUT_LOST, STR("What the provider answered cannot be read any more. Nothing was charged."));
    else if (!e->item_count && json_get(e->kept, "hidden")) errand_think(e, e->r->thinkers, hidden_reveal, revealed);
    else fetch_items(e);
}

static void fetch_items(struct errand *e) {
    bool links = false;
    for (size_t i = 0; i < e->item_count; i++) links |= !e->items[i].blob.len;
    if (links) take_turn(e);
    else errand_think(e, e->r->thinkers, describe_all, described);
}
