/* What a caller sees of a generation, the same fields on every surface. */
#include "core/generation.h"
#include "ops/ops_int.h"

static void money_key(struct jw *w, const char *name, const char *unit) {
    char key[64];
    size_t n = strlen(name), u = strlen(unit);
    must(n + u < sizeof key);
    memcpy(key, name, n);
    memcpy(key + n, unit, u + 1);
    jw_key_str(w, str_n(key, n + u));
}

/* Amounts and times are most of an answer: written in place. */
void view_money(struct jw *w, const char *name, micros m) {
    money_key(w, name, "_micros");
    jw_i64(w, m);
    money_key(w, name, "_usd");
    micros_write_usd(w->out, m);
    w->comma = true;
    money_key(w, name, "_credits");
    micros_write_credits(w->out, m);
    w->comma = true;
}

void view_time(struct jw *w, const char *key, msec at) {
    jw_key(w, key);
    if (!at) {
        jw_null(w);
        return;
    }
    buf_c(w->out, '"');
    time_write_iso(w->out, at);
    buf_c(w->out, '"');
    w->comma = true;
}

/* Quick at first, then about a tenth of the time it has taken so far. */
msec poll_after(const struct generation *g, msec now) {
    msec age = now - g->created_at;
    msec wait = age / 10;
    return wait < 500 ? 500 : wait > 10000 ? 10000 : wait;
}

static struct str own_path(const struct shown *s, const struct asset *a, char *text, size_t size) {
    struct str kind, ending = {};
    (void)str_cut(a->type, '/', &kind, &ending);
    snprintf(text, size, "media/%.*s-%lld.%.*s", STR_ARG(s->g->head.id), (long long)a->n, STR_ARG(str_head(ending, 30)));
    return str_of(text);
}

static void write_url(struct jw *w, const char *key, const struct shown *s, const struct asset *a, struct str folder) {
    jw_key(w, key);
    if (a->deleted_at) {
        jw_null(w);
        return;
    }
    char own[100]; /* another file may have taken its place; a link names the asset, so it is reachable still */
    struct signed_link link = {.project = a->project, .asset = a->head.id, .path = a->path.len ? a->path : own_path(s, a, own, sizeof own), .folder = folder,
                               .expires_at = s->now + (s->ttl_s ? s->ttl_s : LIMIT_SIGNED_URL_DEFAULT_S) * MS_SECOND};
    struct buf url = {};
    sign_link(s->signer, &link, s->public_url, &url);
    jw_str(w, buf_view(&url));
    buf_done(&url);
}

static void write_ki64_or_null(struct jw *w, const char *key, const struct json *facts, const char *name) {
    int64_t v;
    jw_key(w, key);
    if (json_as_i64(json_get(facts, name), &v)) jw_i64(w, v);
    else jw_null(w);
}

static void write_output(struct jw *w, const struct shown *s, const struct asset *a, struct arena *arena) {
    struct json *facts = NULL;
    if (a->facts.len && json_parse(a->facts, arena, NULL, &facts)) facts = NULL;
    jw_open(w, '{');
    jw_kstr(w, "id", a->head.id);
    jw_kstr(w, "media_type", a->type);
    write_url(w, "url", s, a, STR(""));
    if (str_is(a->kind, "image") || str_is(a->kind, "video")) write_url(w, "thumbnail_url", s, a, STR("thumbnails"));
    else jw_kraw(w, "thumbnail_url", STR("null"));
    if (str_is(a->kind, "image")) write_url(w, "optimized_url", s, a, STR("optimized"));
    else jw_kraw(w, "optimized_url", STR("null"));
    jw_kstr(w, "drive_path", a->path);
    write_ki64_or_null(w, "width", facts, "width");
    write_ki64_or_null(w, "height", facts, "height");
    int64_t ms;
    jw_key(w, "duration");
    if (json_as_i64(json_get(facts, "duration_ms"), &ms)) {
        char text[32];
        snprintf(text, sizeof text, "%lld.%03d", (long long)(ms / 1000), (int)(ms % 1000));
        jw_raw(w, str_of(text));
    } else jw_null(w);
    struct str head, format;
    jw_key(w, "format");
    if (str_cut(a->type, '/', &head, &format)) jw_str(w, format);
    else jw_null(w);
    jw_ki64(w, "file_size", a->bytes);
    jw_kstr(w, "sha256", a->sha256);
    const struct json *scene = json_get(facts, "scene");
    if (scene) {
        jw_key(w, "scene");
        struct buf b = {};
        json_write(&b, scene);
        jw_raw(w, buf_view(&b));
        buf_done(&b);
    }
    jw_close(w, '}');
}

/* What an event is called: progress by the stage it tells of. */
static struct str stage_name(const struct event *e, struct arena *a) {
    struct json *payload = NULL;
    struct str stage;
    if (!str_is(e->type, "progress") || json_parse(e->payload, a, NULL, &payload) || !json_as_str(json_get(payload, "stage"), &stage)) return e->type;
    return stage;
}

/* How many are before one that waits is its progress, not another stage. */
static struct str stage_row(const struct event *e, struct arena *a) {
    struct str name = stage_name(e, a);
    return str_starts(name, STR(STAGE_WAITING)) ? STR(STAGE_WAITING) : name;
}

/* One row a stage, however often its percent was told. */
static void write_stages(struct jw *w, const struct shown *s, struct arena *a) {
    jw_key(w, "stages");
    jw_open(w, '[');
    for (size_t i = 0, next; i < s->event_count; i = next) {
        const struct event *e = s->events[i];
        struct str name = stage_row(e, a);
        for (next = i + 1; next < s->event_count && str_is(e->type, "progress") && str_eq(stage_row(s->events[next], a), name);) next++;
        msec end = next < s->event_count ? s->events[next]->at : generation_is_terminal(s->g->state) ? e->at : s->now;
        jw_open(w, '{');
        jw_kstr(w, "name", name);
        view_time(w, "at", e->at);
        jw_ki64(w, "ms", end - e->at);
        jw_close(w, '}');
    }
    jw_close(w, ']');
}

/* The newest of its stages, and its percent where it was told one. */
static void write_progress(struct jw *w, const struct shown *s, struct arena *a) {
    if (!s->event_count) return;
    const struct event *e = s->events[s->event_count - 1];
    struct json *payload = NULL;
    int64_t percent;
    bool told = str_is(e->type, "progress") && !json_parse(e->payload, a, NULL, &payload) && json_as_i64(json_get(payload, "percent"), &percent);
    jw_key(w, "progress");
    jw_open(w, '{');
    jw_kstr(w, "stage", stage_name(e, a));
    jw_key(w, "percent");
    if (told) jw_i64(w, percent);
    else jw_null(w);
    jw_close(w, '}');
}

static void write_error(struct jw *w, const struct generation *g) {
    jw_key(w, "error");
    if (!g->error_code.len) jw_null(w);
    else {
        jw_open(w, '{');
        jw_kstr(w, "code", g->error_code);
        jw_kstr(w, "detail", g->error_detail);
        jw_ki64(w, "charged_micros", g->billed_micros);
        jw_close(w, '}');
    }
    jw_key(w, "error_message");
    if (g->error_code.len) jw_str(w, g->error_detail);
    else jw_null(w);
}

static void write_meta(struct jw *w, const struct shown *s, const struct json *result, const struct asset *first, struct arena *arena) {
    jw_key(w, "meta");
    jw_open(w, '{');
    jw_kstr(w, "kind", s->g->kind);
    jw_kstr(w, "request_id", s->g->head.id);
    jw_key(w, "metrics");
    const struct json *metrics = json_get(result, "metrics");
    if (metrics) {
        struct buf b = {};
        json_write(&b, metrics);
        jw_raw(w, buf_view(&b));
        buf_done(&b);
    } else jw_raw(w, STR("{}"));
    bool sandbox;
    if (json_as_bool(json_get(result, "sandbox"), &sandbox)) jw_kbool(w, "sandbox", sandbox);
    bool wrong_kind = s->kind_wanted.len && !str_is(s->kind_wanted, "auto") && !str_eq(s->kind_wanted, s->g->kind);
    bool path_unseen = s->url_path_given && !json_get(result, "output_url_path"); /* a provider's reply was searched by it */
    const struct json *told = json_get(result, "warnings");
    if (wrong_kind || path_unseen || (told && told->child)) {
        jw_key(w, "warnings");
        jw_open(w, '[');
        for (const struct json *t = told ? told->child : NULL; t; t = t->next) jw_str(w, t->text);
        if (wrong_kind) jw_str(w, arena_printf(arena, "kind was given as %.*s, but the model makes %.*s", STR_ARG(s->kind_wanted), STR_ARG(s->g->kind)));
        if (path_unseen) jw_z(w, "output_url_path was not used: the model's output was found without it");
        jw_close(w, ']');
    }
    if (first) {
        struct json *facts = NULL;
        if (first->facts.len && json_parse(first->facts, arena, NULL, &facts)) facts = NULL;
        for (const struct json *f = facts ? facts->child : NULL; f; f = f->next) {
            struct buf b = {};
            json_write(&b, f);
            jw_key_str(w, f->key);
            jw_raw(w, buf_view(&b));
            buf_done(&b);
        }
        jw_ki64(w, "size", first->bytes);
        jw_kstr(w, "content_type", first->type);
    }
    jw_close(w, '}');
}

static struct json *result_of(const struct generation *g, struct arena *a) {
    struct json *result = NULL;
    if (!g->result.len || json_parse(g->result, a, NULL, &result)) return NULL;
    return result;
}

static void write_text(struct jw *w, const struct json *result) {
    struct str text;
    if (json_as_str(json_get(result, "text"), &text)) jw_kstr(w, "text", text);
    if (json_as_str(json_get(result, "language_code"), &text)) jw_kstr(w, "language_code", text);
    const struct json *words = json_get(result, "words");
    if (!words) return;
    struct buf b = {};
    json_write(&b, words);
    jw_kraw(w, "words", buf_view(&b));
    buf_done(&b);
}

/* What the state alone does not say. A cancel that comes when the provider has the work is a wish (RULES B7). */
static const char *status_detail(const struct generation *g, bool terminal) {
    if (!terminal && str_eq(g->step, STEP_UNRESOLVED)) return "confirming with provider";
    if (!terminal && g->cancel_at)
        return "The provider has the work and is asked to stop it, where it takes such a wish. If it confirms, nothing is charged; otherwise the generation completes, "
               "its file is kept and it is billed.";
    if (g->cancel_at && str_eq(g->state, GEN_COMPLETED)) return "The cancel came too late: the provider did not confirm that it stopped, so the file is kept and billed.";
    return NULL;
}

/* Without its query: whoever has it may speak to that server as we do, and others read this than the one who gave it. */
static void write_webhook_url(struct jw *w, const struct generation *g) {
    struct str webhook, url, rest;
    if (!str_cut(g->webhook, ' ', &webhook, &url)) return;
    (void)str_cut(url, '#', &url, &rest);
    (void)str_cut(url, '?', &url, &rest);
    jw_kstr(w, "webhook_url", url);
}

void view_generation(struct jw *w, const struct shown *s) {
    const struct generation *g = s->g;
    _cleanup_(arena_done) struct arena arena = {};
    const struct json *result = result_of(g, &arena);
    bool terminal = generation_is_terminal(g->state);
    jw_open(w, '{');
    jw_kstr(w, "id", g->head.id);
    jw_kstr(w, "generation_id", g->head.id);
    jw_kz(w, "object", "generation");
    jw_kstr(w, "status", g->state);
    const char *detail = status_detail(g, terminal);
    if (detail) jw_kz(w, "status_detail", detail);
    jw_kstr(w, "model", g->model);
    jw_kstr(w, "kind", g->kind);
    jw_kstr(w, "project_id", g->project);
    jw_kstr(w, "workspace_id", g->project);
    jw_kstr(w, "book", g->book);
    jw_ki64(w, "seq", g->seq);
    view_time(w, "created_at", g->created_at);
    view_time(w, "started_at", g->started_at);
    view_time(w, "completed_at", g->finished_at);
    view_time(w, "deadline_at", g->deadline_at);
    jw_key(w, "processing_time_ms");
    if (terminal && g->started_at) jw_i64(w, g->finished_at - g->started_at);
    else jw_null(w);
    view_money(w, "quoted", g->quoted_micros);
    view_money(w, "held", g->hold_micros);
    view_money(w, "billed", g->billed_micros);
    struct buf number = {};
    micros_write_credits(&number, g->quoted_micros);
    jw_kraw(w, "estimated_cost_credits", buf_view(&number));
    buf_clear(&number);
    micros_write_credits(&number, g->billed_micros);
    jw_kraw(w, "credits_deducted", buf_view(&number));
    buf_done(&number);
    if (!s->brief) jw_kraw(w, "price_row", g->price_row);
    jw_kstr(w, "catalog", g->catalog);
    if (!s->brief) jw_kraw(w, "inputs", g->inputs);
    if (g->metadata.len) jw_kraw(w, "metadata", g->metadata);
    jw_kopt(w, "end_user", g->end_user);
    if (!s->message) write_webhook_url(w, g);
    jw_ki64(w, "attempts", g->attempts);
    jw_kbool(w, "cancel_requested", g->cancel_at != 0);
    jw_key(w, "outputs");
    jw_open(w, '[');
    for (size_t i = 0; i < s->asset_count; i++) write_output(w, s, s->assets[i], &arena);
    jw_close(w, ']');
    if (!s->brief) write_text(w, result);
    write_error(w, g);
    if (!s->brief) write_meta(w, s, result, NULL, &arena);
    if (s->events) write_stages(w, s, &arena);
    if (!terminal && s->events) write_progress(w, s, &arena);
    if (!terminal) {
        char seconds[32];
        msec wait = poll_after(g, s->now);
        snprintf(seconds, sizeof seconds, "%lld.%03d", (long long)(wait / 1000), (int)(wait % 1000));
        jw_kraw(w, "poll_after_s", str_of(seconds));
    }
    jw_close(w, '}');
}

void view_media(struct jw *w, const struct shown *s, struct arena *arena) {
    const struct generation *g = s->g;
    const struct json *result = result_of(g, arena);
    const struct asset *first = s->asset_count ? s->assets[0] : NULL;
    bool echo = s->kind_wanted.len && !str_is(s->kind_wanted, "auto");
    jw_open(w, '{');
    jw_kstr(w, "model", g->model);
    jw_kstr(w, "kind", echo ? s->kind_wanted : g->kind);
    jw_kstr(w, "drive_path", first ? first->path : STR(""));
    if (first) write_url(w, "output_url", s, first, STR(""));
    else jw_kraw(w, "output_url", STR("null"));
    jw_kstr(w, "request_id", g->head.id);
    jw_ki64(w, "billed_micros", g->billed_micros);
    struct buf usd = {};
    micros_write_usd(&usd, g->billed_micros);
    jw_kraw(w, "billed_usd", buf_view(&usd));
    buf_done(&usd);
    write_meta(w, s, result, first, arena);
    write_text(w, result);
    if (s->asset_count > 1) {
        jw_key(w, "outputs");
        jw_open(w, '[');
        for (size_t i = 0; i < s->asset_count; i++) write_output(w, s, s->assets[i], arena);
        jw_close(w, ']');
    }
    jw_close(w, '}');
}

void view_files(struct jw *w, const struct shown *s, struct arena *arena) {
    jw_open(w, '{');
    jw_kstr(w, "id", s->g->head.id);
    jw_ki64(w, "billed_micros", s->g->billed_micros);
    jw_key(w, "outputs");
    jw_open(w, '[');
    for (size_t i = 0; i < s->asset_count; i++) write_output(w, s, s->assets[i], arena);
    jw_close(w, ']');
    jw_close(w, '}');
}

void view_failure(const struct generation *g, struct why *why) {
    *why = (struct why){.code = str_eq(g->state, GEN_CANCELLED) ? E_CANCELLED : E_UPSTREAM, .charged_micros = g->billed_micros};
    char code[64];
    snprintf(code, sizeof code, "%.*s", STR_ARG(g->error_code));
    if (g->error_code.len) why->code = err_by_code(code);
    if (why->code == OK) why->code = E_INTERNAL;
    snprintf(why->detail, sizeof why->detail, "%.*s", STR_ARG(str_head(g->error_detail, sizeof why->detail - 1)));
    char id[ID_LEN + 1];
    snprintf(id, sizeof id, "%.*s", STR_ARG(g->head.id));
    why_fact_str(why, "generation_id", id);
}

void view_event(struct buf *out, const struct event *e) {
    buf_printf(out, "id: %lld\nevent: %.*s\ndata: {\"n\":%lld,\"type\":\"%.*s\",\"at\":\"", (long long)e->n, STR_ARG(e->type), (long long)e->n, STR_ARG(e->type));
    time_write_iso(out, e->at);
    buf_printf(out, "\",\"generation_id\":\"%.*s\",\"data\":%.*s}\n\n", STR_ARG(e->generation), STR_ARG(e->payload.len ? e->payload : STR("{}")));
}
