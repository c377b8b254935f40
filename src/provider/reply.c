/* Reads replies: state, reference, progress, failures by class, outputs. */
#include "provider/describe.h"

#include "catalog/number.h"

#include <stdio.h>

enum { MESSAGE_BYTES = 400, STAGE_BYTES = 120 };

struct replying {
    const struct endpoint *e;
    enum ask ask;
    const struct provider_call *c;
    const struct reply_in *r;
    struct view v;
    struct why *why;
    struct reading *out;
};

static void start_view(struct view *v, const struct provider_call *c, const struct reply_in *r, const struct evaluator *ev, struct arena *a) {
    *v = (struct view){.body = r->body, .headers = r->headers, .header_count = r->header_count, .ev = ev, .a = a, .their_ref = c->their_ref};
}

/* --- texts for people --- */

/* A sentence or less, on one line, in whole characters. */
static struct str tidy(struct str s, size_t most, struct arena *a) {
    s = str_trim(s);
    bool cut = s.len > most;
    if (cut) {
        s.len = most;
        while (s.len && ((unsigned char)s.ptr[s.len] & 0xC0) == 0x80) s.len--;
    }
    if (!str_is_utf8(s)) return STR("(a text that is not UTF-8)");
    struct str out = arena_printf(a, "%.*s%s", STR_ARG(s), cut ? "..." : "");
    for (size_t i = 0; i < out.len; i++)
        if ((unsigned char)out.ptr[i] < 0x20 || out.ptr[i] == 0x7F) ((char *)out.ptr)[i] = ' ';
    return out;
}

/* What of it may be shown. The mask goes first: a credential that is cut in the middle is none any more, and half of it would stay. */
static struct str shown(const struct replying *p, struct str s, size_t most) { return tidy(provider_mask(p->e, p->c, s, p->v.a), most, p->v.a); }

static const struct json *first_of(const struct json *body, const char *const *paths) {
    const struct json *j = NULL;
    for (size_t i = 0; paths[i]; i++)
        if (!json_path(body, str_of(paths[i]), NULL, &j) && j && (j->type == JSON_STRING || j->type == JSON_NUMBER) && j->text.len) return j;
    return NULL;
}

static err read_message(struct replying *p, struct str *out) {
    static const char *const usual[] = {"error.message", "detail[0].msg", "detail.message", "detail", "message", "error", "msg", "title", NULL};
    struct str text;
    TRY(expr_text(&p->e->error_message, &p->v, p->why, &text));
    if (!text.len) text = json_plain(first_of(p->v.body, usual), p->v.a);
    if (!text.len && !p->r->body && p->r->text.len && str_is_utf8(p->r->text)) text = p->r->text;
    *out = shown(p, text, MESSAGE_BYTES);
    return OK;
}

/* --- failures --- */

static enum failure by_status(int status) {
    switch (status) {
    case 400: case 413: case 422: return FAIL_CALLER;
    case 451: return FAIL_MODERATION;
    case 401: case 403: return FAIL_AUTH;
    case 402: return FAIL_QUOTA;
    case 404: case 410: return FAIL_GONE;
    case 429: return FAIL_RATE_LIMIT;
    case 408: case 425: case 499: case 500: case 502: case 503: case 504: return FAIL_TRANSIENT;
    }
    return status >= 520 && status <= 529 ? FAIL_TRANSIENT : FAIL_UNCLASSIFIED;
}

static int two(struct str s, size_t at) { return at + 2 <= s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9' ? (s.ptr[at] - '0') * 10 + s.ptr[at + 1] - '0' : -1; }

/* "Sun, 22 Nov 2026 08:30:00 GMT" as a moment, 0 when it is no such date. */
static msec http_date(struct str s) {
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (s.len != 29 || !str_ends(s, STR(" GMT"))) return 0;
    int day = two(s, 5), century = two(s, 12), year = two(s, 14), hour = two(s, 17), minute = two(s, 20), second = two(s, 23), month = 0;
    while (month < 12 && memcmp(months + month * 3, s.ptr + 8, 3) != 0) month++;
    int64_t days = month == 12 || century < 0 || year < 0 ? -1 : civil_days(century * 100 + year, month + 1, day);
    if (days < 0 || hour < 0 || minute < 0 || second < 0) return 0;
    return ((days * 24 + hour) * 60 + minute) * MS_MINUTE + second * MS_SECOND;
}

/* Seconds, "31s", milliseconds as "300ms", or a date. */
static msec read_wait(struct str s, msec now) {
    enum { WAIT_MAX_S = 24 * 3600 };
    int64_t n;
    bool ms = str_ends(s, STR("ms"));
    struct str digits = ms ? str_head(s, s.len - 2) : str_ends(s, STR("s")) ? str_head(s, s.len - 1) : s;
    enum decimal d = decimal_read(digits, 3, &n);
    if (d == DECIMAL_FINE) d = decimal_read(digits, 9, &n), n /= 1000000;
    if (d == DECIMAL_OK && n > 0) {
        msec wait = ms ? (n + 999) / 1000 : n;
        return wait > WAIT_MAX_S * MS_SECOND ? WAIT_MAX_S * (msec)MS_SECOND : wait;
    }
    msec at = http_date(s);
    return at > now && at - now <= WAIT_MAX_S * (msec)MS_SECOND ? at - now : 0;
}

static err read_retry_after(struct replying *p) {
    static const struct expr usual = {.kind = EXPR_HEADER, .text = {"retry-after", 11}};
    struct str text;
    TRY(expr_text(&p->e->retry_after, &p->v, p->why, &text));
    if (!text.len) TRY(expr_text(&usual, &p->v, p->why, &text));
    if (text.len) p->out->retry_after = read_wait(str_trim(text), p->c->now);
    return OK;
}

static err fail(struct replying *p) {
    struct reading *out = p->out;
    out->state = REPLY_FAILED;
    out->failure = p->r->status >= 400 ? by_status(p->r->status) : FAIL_UNCLASSIFIED;
    out->by_status = true;
    TRY(read_message(p, &out->message));
    for (size_t i = 0; i < p->e->errors.count; i++) {
        const struct rule *rule = &p->e->errors.list[i];
        bool holds;
        TRY(cond_holds_for(&rule->when, p->r->status, &p->v, p->why, &holds));
        if (!holds) continue;
        out->failure = rule->failure;
        out->billed = rule->billed;
        out->lost = rule->lost;
        out->by_status = !cond_explains(&rule->when, p->r->status);
        if (rule->message.len) out->message = rule->message;
        break;
    }
    if (!out->message.len) out->message = arena_printf(p->v.a, "The provider answered %d without saying why.", p->r->status);
    return read_retry_after(p);
}

/* --- references --- */

/* The old reference with what this reply adds to it. Empty when nothing was found. */
static err read_ref(struct replying *p, const struct reply_spec *s, bool adds) {
    struct str ref;
    const struct json *old = adds ? ref_parse(p->c->their_ref, p->v.a) : NULL;
    TRY(expr_text(&s->ref, &p->v, p->why, &ref));
    bool learnt = ref.len > 0;
    if (!ref.len) ref = json_plain(json_get(old, "ref"), p->v.a);
    if (!ref.len) return OK;
    struct buf b = {};
    struct jw w = {.out = &b};
    err e = OK;
    bool object = str_starts(ref, STR("{"));
    jw_open(&w, '{');
    jw_kstr(&w, "ref", ref);
    for (size_t i = 0; i < s->keep_count && !e; i++) {
        const struct json *kept = NULL;
        e = expr_one(&s->keep[i].value, &p->v, p->why, &kept);
        if (e || !kept) continue;
        jw_key_str(&w, s->keep[i].name);
        if (kept->type == JSON_NUMBER) jw_raw(&w, kept->text);
        else jw_str(&w, json_plain(kept, p->v.a));
        object = learnt = true;
    }
    for (const struct json *m = old ? old->child : NULL; m && !e; m = m->next) {
        bool again = str_is(m->key, "ref");
        for (size_t i = 0; i < s->keep_count && !again; i++) again = str_eq(s->keep[i].name, m->key);
        if (again) continue;
        jw_key_str(&w, m->key);
        json_write(&b, m);
        w.comma = true;
        object = true;
    }
    jw_close(&w, '}');
    if (!e && learnt) p->out->ref = object ? arena_dup(p->v.a, buf_view(&b)) : ref;
    buf_done(&b);
    return e;
}

/* --- states --- */

static bool find_status(const struct endpoint *e, struct str word, enum reply_state *out) {
    for (int fold = 0; fold < 2; fold++)
        for (size_t i = 0; i < e->status_count; i++)
            if (fold ? str_ieq(e->statuses[i].word, word) : str_eq(e->statuses[i].word, word)) {
                *out = e->statuses[i].state;
                return true;
            }
    return false;
}

/* 0.42, 42, "42%": a fraction is told by its point. */
static int64_t read_percent(struct str s) {
    int64_t n;
    bool percent = str_ends(s, STR("%")), fraction = memchr(s.ptr ? s.ptr : "", '.', s.len) != NULL;
    struct str digits = percent ? str_trim(str_head(s, s.len - 1)) : s;
    enum decimal d = decimal_read(digits, 6, &n);
    if (d == DECIMAL_FINE) d = decimal_read(str_head(digits, 8), 6, &n);
    if (d != DECIMAL_OK || n < 0) return -1;
    int64_t of_100 = !percent && fraction && n <= 1000000 ? n / 10000 : n / 1000000;
    return of_100 > 100 ? -1 : of_100;
}

static err read_progress(struct replying *p, const struct reply_spec *s, struct str word) {
    struct str progress, position, stage;
    TRY(expr_text(&s->progress, &p->v, p->why, &progress));
    TRY(expr_text(&s->position, &p->v, p->why, &position));
    TRY(expr_text(s->stage.kind ? &s->stage : &s->message, &p->v, p->why, &stage));
    p->out->percent = progress.len ? read_percent(progress) : -1;
    if (!stage.len && position.len) stage = arena_printf(p->v.a, "%.*s in the provider's queue", STR_ARG(str_head(position, 20)));
    if (!stage.len) stage = word;
    p->out->stage = shown(p, stage, STAGE_BYTES);
    return OK;
}

static err outputs(struct replying *p, struct str url_path) {
    p->out->state = REPLY_DONE;
    p->out->percent = 100;
    return outputs_find(p->e, p->c, p->r, url_path, &p->v, p->why, p->out);
}

/* What a queue or an operation says of itself; DONE without outputs where they stand elsewhere. */
static err read_state(struct replying *p, const struct reply_spec *s, struct str url_path) {
    struct str word;
    bool done = false;
    enum reply_state state = REPLY_RUNNING;
    TRY(conds_hold(&s->done_when, p->r->status, &p->v, p->why, &done));
    TRY(expr_text(&s->status, &p->v, p->why, &word));
    if (done) {
        state = REPLY_DONE;
    } else if (s->done.kind != EXPR_NONE) {
        struct str yes;
        const struct json *failed;
        TRY(expr_text(&s->done, &p->v, p->why, &yes));
        TRY(expr_one(&s->error, &p->v, p->why, &failed));
        if (str_is(yes, "true")) state = failed ? REPLY_FAILED : REPLY_DONE;
    } else if (!find_status(p->e, word, &state)) {
        p->out->unknown_status = s->status.kind != EXPR_NONE;
    }
    p->out->state = state;
    TRY(read_progress(p, s, word));
    if (state == REPLY_FAILED) return fail(p);
    if (state != REPLY_DONE) return OK;
    p->out->percent = 100;
    return p->e->info.has_result ? OK : outputs(p, url_path);
}

static struct str members(const struct json *body, struct arena *a) {
    struct buf b = {};
    for (const struct json *m = json_is(body, JSON_OBJECT) ? body->child : NULL; m && b.len < 150; m = m->next)
        buf_printf(&b, "%s%.*s", b.len ? ", " : "", STR_ARG(str_head(m->key, 40)));
    struct str out = b.len ? arena_dup(a, buf_view(&b)) : STR("none");
    buf_done(&b);
    return out;
}

static err read_submit(struct replying *p, struct str url_path) {
    const struct reply_spec *s = &p->e->submit_reply;
    if (p->e->info.protocol == PROTOCOL_SYNC) return outputs(p, url_path);
    TRY(read_ref(p, s, false));
    p->out->state = REPLY_WAITING;
    if (s->status.kind != EXPR_NONE || s->done.kind != EXPR_NONE || s->done_when.count) TRY(read_state(p, s, url_path));
    if (p->out->ref.len || p->out->state == REPLY_FAILED || (p->out->state == REPLY_DONE && !p->e->info.has_result)) return OK;
    return why_set(p->why, E_DESCRIPTION, "The provider `%.*s` accepted a call and gave no reference where its description looks; its answer has the members %.*s.",
                   STR_ARG(p->e->provider->info.name), STR_ARG(members(p->v.body, p->v.a)));
}

static err read_cancel(struct replying *p) {
    bool stopped;
    TRY(conds_hold(&p->e->stopped, p->r->status, &p->v, p->why, &stopped));
    p->out->state = stopped ? REPLY_CANCELLED : p->r->status == 404 || p->r->status == 410 ? REPLY_NOT_FOUND : REPLY_RUNNING;
    return stopped || p->r->status < 400 ? OK : read_message(p, &p->out->message);
}

static err read_lookup(struct replying *p) {
    if (p->r->status == 404) {
        p->out->state = REPLY_NOT_FOUND;
        return OK;
    }
    if (p->r->status >= 400) return fail(p);
    TRY(read_ref(p, &p->e->lookup_reply, false));
    p->out->state = p->out->ref.len ? REPLY_WAITING : REPLY_NOT_FOUND;
    return OK;
}

static err read_any(struct replying *p, struct str url_path) {
    bool holds = false;
    if (p->ask == ASK_CANCEL) return read_cancel(p);
    if (p->ask == ASK_LOOKUP) return read_lookup(p);
    if (p->ask == ASK_POLL || p->ask == ASK_RESULT) {
        TRY(conds_hold(&p->e->poll_reply.running_when, p->r->status, &p->v, p->why, &holds));
        if (holds) {
            p->out->state = REPLY_RUNNING;
            return OK;
        }
    }
    if (p->r->status >= 400) return fail(p);
    TRY(conds_hold(&p->e->failed_when, p->r->status, &p->v, p->why, &holds));
    if (holds) return fail(p);
    if (p->r->status >= 300) return fail(p); /* redirects were followed before */
    switch (p->ask) {
    case ASK_SUBMIT: return read_submit(p, url_path);
    case ASK_RESULT: return outputs(p, url_path);
    case ASK_POLL:
        TRY(read_state(p, &p->e->poll_reply, url_path));
        return p->e->poll_reply.keep_count || p->e->poll_reply.ref.kind != EXPR_NONE ? read_ref(p, &p->e->poll_reply, true) : OK;
    default: p->out->state = REPLY_DONE; return OK;
    }
}

err provider_reply(const struct endpoint *e, enum ask ask, const struct provider_call *c, const struct reply_in *r, struct str url_path, const struct evaluator *ev,
                   struct arena *a, struct why *why, struct reading *out) {
    struct reading made = {.percent = -1};
    struct replying p = {.e = e, .ask = ask, .c = c, .r = r, .why = why, .out = &made};
    start_view(&p.v, c, r, ev, a);
    TRY(read_any(&p, url_path));
    *out = made;
    return OK;
}

err provider_outputs(const struct endpoint *e, const struct provider_call *c, const struct reply_in *r, struct str url_path, const struct evaluator *ev, struct arena *a,
                     struct why *why, struct reading *out) {
    struct reading made = {.state = REPLY_DONE, .percent = 100};
    struct view v;
    start_view(&v, c, r, ev, a);
    TRY(outputs_find(e, c, r, url_path, &v, why, &made));
    *out = made;
    return OK;
}

err provider_uploaded(const struct endpoint *e, const struct provider_call *c, const struct reply_in *r, const struct evaluator *ev, struct arena *a,
                      struct why *why, struct str *out) {
    struct view v;
    start_view(&v, c, r, ev, a);
    TRY(expr_text(&e->upload_value, &v, why, out));
    *out = arena_dup(a, *out); /* it goes into a later request, when this reply is gone */
    return OK;
}
