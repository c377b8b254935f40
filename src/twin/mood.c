/* See mood.h. */
#include "twin/mood.h"
#include "base/json.h"

#include <stdio.h>

static const char *const classes[] = {"caller", "moderation", "auth", "quota", "rate_limit", "transient", "gone", "unclassified"};

/* 3, 3s, 250ms */
static bool read_time(struct str s, msec *out) {
    int64_t unit = 1000, n;
    if (str_ends(s, STR("ms"))) unit = 1, s.len -= 2;
    else if (str_ends(s, STR("s"))) s.len--;
    if (!str_to_i64(s, &n) || n < 0 || n > 3600 * 1000) return false;
    *out = n * unit;
    return true;
}

struct words {
    struct str word[4];
    int count;
};

static struct words split(struct str s) {
    struct words w = {};
    struct str one;
    for (bool more = true; more && w.count < 4;) {
        more = str_cut(s, ' ', &one, &s);
        if (one.len) w.word[w.count++] = one;
    }
    return w;
}

static bool read_times(const struct words *w, int at, int64_t otherwise, int64_t *out) {
    if (w->count <= at) return *out = otherwise, true;
    return w->count == at + 1 && str_to_i64(w->word[at], out) && *out >= 0 && *out <= 1000000;
}

static bool read_fail(const struct words *w, struct twin_mood *m) {
    if (w->count < 2) return false;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (str_is(w->word[1], classes[i])) return snprintf(m->fail, sizeof m->fail, "%s", classes[i]), read_times(w, 2, 0, &m->fail_times);
    return false;
}

static bool read_busy(const struct words *w, struct twin_mood *m) {
    m->busy = 1, m->busy_for = 1000;
    return w->count <= 3 && (w->count < 2 || str_to_i64(w->word[1], &m->busy)) && (w->count < 3 || read_time(w->word[2], &m->busy_for));
}

static bool flag(const struct words *w, bool *out) { return *out = true, w->count == 1; }

static bool read_one(const struct words *w, struct twin_mood *m) {
    struct str k = w->word[0];
    if (str_is(k, "slow")) return w->count == 2 && read_time(w->word[1], &m->slow);
    if (str_is(k, "fail")) return read_fail(w, m);
    if (str_is(k, "lose")) return read_times(w, 1, 1, &m->lose);
    if (str_is(k, "busy")) return read_busy(w, m);
    if (str_is(k, "fewer")) return read_times(w, 1, 1, &m->fewer);
    if (str_is(k, "wrong-type")) return flag(w, &m->wrong_type);
    if (str_is(k, "length")) return w->count == 2 && read_time(w->word[1], &m->length);
    if (str_is(k, "twice")) return flag(w, &m->twice);
    if (str_is(k, "late")) return w->count == 2 && read_time(w->word[1], &m->late);
    if (str_is(k, "forged")) return flag(w, &m->forged);
    if (str_is(k, "v1a")) return flag(w, &m->v1a);
    if (str_is(k, "expire")) return flag(w, &m->expire);
    if (str_is(k, "done-then-fail")) return flag(w, &m->done_then_fail);
    if (str_is(k, "die")) return read_times(w, 1, 1, &m->die);
    return false;
}

err twin_mood_read(struct str s, struct why *why, struct twin_mood *io) {
    struct str one;
    for (bool more = s.len > 0; more;) {
        more = str_cut(s, ',', &one, &s);
        struct words w = split(str_trim(one));
        if (!w.count) continue;
        io->any = true;
        if (!read_one(&w, io))
            return why_set(why, E_INVALID, "The twin does not know \"%.*s\"; docs/TWIN.md lists what it can be told, such as \"slow 3s\" or \"fail transient 2\".",
                           STR_ARG(str_head(str_trim(one), 60)));
    }
    return OK;
}

/* {"slow": "3s", "fail": "transient 2", "twice": true} */
static err read_object(const struct json *o, struct arena *a, struct why *why, struct twin_mood *io) {
    for (const struct json *m = o->child; m; m = m->next) {
        bool on = true;
        if (json_as_bool(m, &on) && !on) continue;
        bool plain = m->type == JSON_STRING || m->type == JSON_NUMBER;
        TRY(twin_mood_read(arena_printf(a, "%.*s %.*s", STR_ARG(m->key), plain ? (int)m->text.len : 0, plain ? m->text.ptr : ""), why, io));
    }
    return OK;
}

static err read_marks(struct str s, struct why *why, struct twin_mood *io) {
    static const char mark[] = "[twin:";
    for (size_t i = 0; i + sizeof mark < s.len; i++) {
        struct str inside, rest;
        if (s.ptr[i] != '[' || !str_starts(str_skip(s, i), str_of(mark))) continue;
        if (!str_cut(str_skip(s, i + sizeof mark - 1), ']', &inside, &rest)) break;
        TRY(twin_mood_read(inside, why, io));
    }
    return OK;
}

err twin_mood_find(struct str text, struct arena *a, struct why *why, struct twin_mood *io) {
    struct json *root = NULL;
    const struct json *own = !json_parse(text, a, NULL, &root) ? json_get(root, "twin") : NULL;
    struct str words;
    if (json_as_str(own, &words)) TRY(twin_mood_read(words, why, io));
    else if (json_is(own, JSON_OBJECT)) TRY(read_object(own, a, why, io));
    return read_marks(text, why, io);
}
