/* Reads a prompt into a plan: which things, how many, in which colours, when and where. Plain English word order, no grammar:
 * counts and colours wait until the noun they stand before; what stands before nothing goes back to the noun before it.
 * Called by sketch.c. Takes any bytes (fuzzed). */
#include "media/helper/sketch_words.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_TOKENS = 600, TOKEN_BYTES = 24 };

struct token {
    char word[TOKEN_BYTES]; /* lower case; "," and "." for marks */
};
struct tokens {
    struct token at[MAX_TOKENS];
    int count;
};

/* What has been read of the noun phrase that is being read. */
struct phrase {
    int count; /* 0: none said */
    bool counted, definite, negated, half, be;
    const struct colour_word *colours[2];
    int shade[2]; /* 1 light, 2 dark */
    const char *shade_word[2];
    int colour_count;
    int next_shade;
    const char *next_shade_word;
    bool stranger; /* an unknown word came after the colour: it may belong to that */
};

static bool is_quote(struct str s, size_t i, size_t *out_len, char *out_kind) {
    static const struct { const char *mark; char kind; } marks[] = {
        {"\"", '"'}, {"\xe2\x80\x9c", '"'}, {"\xe2\x80\x9d", '"'}, {"\xc2\xab", '"'}, {"\xc2\xbb", '"'}};
    for (size_t m = 0; m < sizeof marks / sizeof *marks; m++) {
        struct str mark = str_of(marks[m].mark);
        if (!str_starts(str_skip(s, i), mark)) continue;
        *out_len = mark.len;
        *out_kind = marks[m].kind;
        return true;
    }
    /* A single quote only where it cannot be an apostrophe. */
    bool left = i == 0 || s.ptr[i - 1] == ' ', right = i + 1 >= s.len || !isalnum((unsigned char)s.ptr[i + 1]);
    if (s.ptr[i] != '\'' || !(left || right)) return false;
    *out_len = 1;
    *out_kind = left ? '<' : '>';
    return true;
}

static void add_text(struct plan *p, struct str s) {
    size_t len = strlen(p->text);
    s = str_trim(s);
    if (!s.len || !str_is_utf8(s)) return;
    if (len && len < SKETCH_TEXT_BYTES) p->text[len++] = '\n';
    for (size_t i = 0; i < s.len && len < SKETCH_TEXT_BYTES; i++) p->text[len++] = (unsigned char)s.ptr[i] < 32 ? ' ' : s.ptr[i];
    p->text[len] = 0;
    while (len && !str_is_utf8(str_n(p->text, len))) p->text[--len] = 0; /* cut inside a character */
}

/* Finds the closing mark for the one at `i`; s.len when there is none. */
static size_t quote_end(struct str s, size_t from, char kind, size_t *out_len) {
    for (size_t i = from; i < s.len; i++) {
        char k;
        size_t n;
        if (is_quote(s, i, &n, &k) && ((kind == '"' && k == '"') || (kind == '<' && k == '>'))) {
            *out_len = n;
            return i;
        }
    }
    return s.len;
}

static void add_token(struct tokens *t, struct str w) {
    if (str_ends(w, STR("'s"))) w.len -= 2; /* "the dog's bone" */
    if (t->count == MAX_TOKENS || !w.len) return;
    struct token *k = &t->at[t->count++];
    size_t n = w.len < TOKEN_BYTES - 1 ? w.len : TOKEN_BYTES - 1;
    for (size_t i = 0; i < n; i++) k->word[i] = (char)tolower((unsigned char)w.ptr[i]);
    k->word[n] = 0;
}

static void split(struct str s, struct plan *p, struct tokens *t) {
    size_t start = 0, i = 0;
    while (i < s.len) {
        size_t open, shut = 0;
        char kind;
        unsigned char c = (unsigned char)s.ptr[i];
        if (is_quote(s, i, &open, &kind) && kind != '>') {
            size_t end = quote_end(s, i + open, kind, &shut);
            if (end < s.len) {
                add_token(t, str_n(s.ptr + start, i - start));
                add_text(p, str_n(s.ptr + i + open, end - i - open));
                add_token(t, STR(","));
                i = start = end + shut;
                continue;
            }
        }
        if (isalnum(c) || c >= 128 || (c == '\'' && i > start)) {
            i++;
            continue;
        }
        add_token(t, str_n(s.ptr + start, i - start));
        if (c == ',' || c == ':' || c == '(' || c == ')') add_token(t, STR(","));
        if (c == '.' || c == ';' || c == '!' || c == '?' || c == '\n') add_token(t, STR("."));
        start = ++i;
    }
    add_token(t, str_n(s.ptr + start, s.len - start));
}

/* Tokens i.. joined by '_'; false when there are not so many before a mark. */
static bool joined(const struct tokens *t, int i, int n, char out[TOKEN_BYTES * 3 + 3]) {
    size_t len = 0;
    for (int k = 0; k < n; k++) {
        if (i + k >= t->count) return false;
        const char *w = t->at[i + k].word;
        if (n > 1 && (*w == ',' || *w == '.')) return false;
        if (k) out[len++] = '_';
        memcpy(out + len, w, strlen(w));
        len += strlen(w);
    }
    out[len] = 0;
    return true;
}

static const struct known_word *known_at(const struct tokens *t, int i, int *out_taken) {
    char w[TOKEN_BYTES * 3 + 3];
    for (int n = 2; n > 0; n--)
        for (size_t k = 0; joined(t, i, n, w) && k < sketch_word_count; k++)
            if (!strcmp(sketch_words[k].word, w)) return *out_taken = n, &sketch_words[k];
    return NULL;
}

static const struct colour_word *colour_at(const struct tokens *t, int i, int *out_taken) {
    char w[TOKEN_BYTES * 3 + 3];
    for (int n = 2; n > 0; n--)
        for (size_t k = 0; joined(t, i, n, w) && k < sketch_colour_count; k++)
            if (!strcmp(sketch_colours[k].word, w)) return *out_taken = n, &sketch_colours[k];
    return NULL;
}

static const struct noun *noun_at(const struct tokens *t, int i, int *out_taken, bool *out_plural) {
    char w[TOKEN_BYTES * 3 + 3];
    for (int n = 3; n > 0; n--) {
        if (!joined(t, i, n, w)) continue;
        for (size_t k = 0; k < sketch_noun_count; k++) {
            struct str rest = str_of(sketch_nouns[k].words), word;
            for (int nth = 0; rest.len; nth++) {
                str_cut(rest, ' ', &word, &rest);
                if (!str_is(word, w)) continue;
                *out_taken = n;
                /* The lists write each singular before its plural; a few plurals end otherwise. */
                *out_plural = (word.ptr[word.len - 1] == 's' && !str_ends(word, STR("ss")) && !str_is(word, "cactus") && !str_is(word, "christmas")) ||
                              str_is(word, "snowmen") || str_is(word, "cacti") || str_is(word, "men") || str_is(word, "women") ||
                              str_is(word, "children") || str_is(word, "people") || str_is(word, "leaves") || str_is(word, "geese");
                return &sketch_nouns[k];
            }
        }
    }
    return NULL;
}

/* "an orange" is a fruit unless something orange follows. */
static bool is_fruit(const struct tokens *t, int i, const struct phrase *p) {
    int taken;
    if (strcmp(t->at[i].word, "orange") || !(p->counted || p->definite)) return false;
    if (i + 1 >= t->count || strchr(",.", *t->at[i + 1].word)) return true;
    const struct known_word *next = known_at(t, i + 1, &taken);
    if (!next) return false;
    if (next->kind == WORD_AND) return !(i + 2 < t->count && colour_at(t, i + 2, &taken));
    return next->kind == WORD_BREAK || next->kind == WORD_BE;
}

static struct rgb shaded(const struct colour_word *c, int shade) {
    struct rgb v = rgb_hex(c->hex);
    if (shade == 1) return rgb_mix(v, (struct rgb){1, 1, 1}, 0.42);
    if (shade == 2) return rgb_mix(v, (struct rgb){0.03, 0.03, 0.06}, 0.38);
    return v;
}

static void paint_subject(struct subject *s, const struct phrase *p) {
    char name[32];
    snprintf(name, sizeof name, "%s%s%s", p->shade_word[0] ? p->shade_word[0] : "", p->shade_word[0] ? " " : "", p->colours[0]->word);
    for (char *c = name; *c; c++)
        if (*c == '_') *c = ' ';
    memcpy(s->colour, name, sizeof name);
    s->main = shaded(p->colours[0], p->shade[0]);
    if (p->colour_count > 1) {
        s->accent = shaded(p->colours[1], p->shade[1]);
        s->has_accent = true;
    }
}

/* Colours that met no noun: they belong to the noun before, unless a stranger stood between. */
static void flush_colours(struct plan *plan, struct phrase *p) {
    if (!p->colour_count) return;
    struct subject *last = plan->subject_count ? &plan->subjects[plan->subject_count - 1] : NULL;
    if (last && !*last->colour && !p->stranger) {
        paint_subject(last, p);
    } else {
        for (int i = 0; i < p->colour_count && plan->palette_count < 4; i++)
            plan->palette[plan->palette_count++] = shaded(p->colours[i], p->shade[i]);
    }
    p->colour_count = 0;
}

static void end_phrase(struct plan *plan, struct phrase *p) {
    flush_colours(plan, p);
    *p = (struct phrase){0};
}

static void add_colour(struct plan *plan, struct phrase *p, const struct colour_word *c) {
    if (p->colour_count < 2) {
        int i = p->colour_count++;
        p->colours[i] = c;
        p->shade[i] = p->next_shade;
        p->shade_word[i] = p->next_shade_word;
    }
    p->next_shade = 0;
    p->next_shade_word = NULL;
    p->stranger = false;
    struct subject *last = plan->subject_count ? &plan->subjects[plan->subject_count - 1] : NULL;
    if (p->be && last && !*last->colour) end_phrase(plan, p);
}

static void add_subject(struct plan *plan, struct phrase *p, const struct noun *n, bool plural) {
    int count = p->counted ? p->count : plural ? 3 : 1;
    if (p->counted && p->count == 1 && plural) count = 3;
    if (count > SKETCH_MAX_COUNT) count = SKETCH_MAX_COUNT;
    if (p->negated || count < 1) {
        *p = (struct phrase){0};
        return;
    }
    for (int i = 0; i < plan->subject_count; i++) {
        struct subject *s = &plan->subjects[i];
        if (s->noun != n || (p->colour_count && *s->colour && (!p->definite || strncmp(s->colour, p->colours[0]->word, sizeof s->colour)))) continue;
        if (p->counted && !p->definite && !p->colour_count) continue; /* "two cats and a cat" are more cats */
        if (p->colour_count && !*s->colour) paint_subject(s, p);
        *p = (struct phrase){0};
        return; /* the same thing, mentioned again */
    }
    if (plan->subject_count < SKETCH_MAX_SUBJECTS) {
        struct subject *s = &plan->subjects[plan->subject_count++];
        *s = (struct subject){.noun = n, .count = count, .plural = plural, .counted = p->counted, .main = rgb_hex(n->colour)};
        if (p->colour_count) paint_subject(s, p);
    }
    *p = (struct phrase){0};
}

static void take_scenery(struct plan *plan, struct phrase *p, const struct known_word *w) {
    bool coloured = p->colour_count > 0;
    struct rgb c = coloured ? shaded(p->colours[0], p->shade[0]) : (struct rgb){0};
    if (!p->negated) switch (w->kind) {
        case WORD_TIME: plan->time = (enum time_of_day)w->value; plan->time_named = true; break;
        case WORD_SETTING: plan->setting = (enum setting)w->value; plan->setting_named = true; break;
        case WORD_SNOW: plan->snow = true; break;
        case WORD_RAIN: plan->rain = true; break;
        case WORD_FOG: plan->fog = true; break;
        case WORD_BACKGROUND:
            if (!plan->setting_named || coloured) plan->setting = SETTING_PLAIN;
            plan->setting_named = true;
            break;
        default: break;
    }
    if (!coloured || p->negated) {
        if (w->kind != WORD_TIME) *p = (struct phrase){0};
        return;
    }
    if (w->kind == WORD_TIME) return; /* "a red evening bag": the colour waits on */
    if (w->kind == WORD_SKY || w->kind == WORD_BACKGROUND) plan->sky_colour = c, plan->has_sky_colour = true;
    if (w->kind == WORD_FLOOR || w->kind == WORD_SETTING || w->kind == WORD_BACKGROUND) plan->ground_colour = c, plan->has_ground_colour = true;
    *p = (struct phrase){0};
}

static void take_number(struct plan *plan, struct phrase *p, int value, const char *word) {
    flush_colours(plan, p);
    bool adds = p->counted && p->count == 20 && value < 10; /* twenty-four */
    p->count = adds ? 20 + value : value;
    p->counted = true;
    (void)word;
}

static void take_known(struct plan *plan, struct phrase *p, const struct known_word *w) {
    switch (w->kind) {
    case WORD_NUMBER: take_number(plan, p, w->value, w->word); break;
    case WORD_DOZEN:
        p->count = p->half ? 6 : 12 * (p->counted && p->count > 0 ? p->count : 1);
        p->counted = true;
        break;
    case WORD_HALF: p->half = true; break;
    case WORD_ARTICLE:
        flush_colours(plan, p);
        if (w->value) p->count = 1, p->counted = true;
        else p->definite = true;
        break;
    case WORD_NOT: end_phrase(plan, p); p->negated = true; break;
    case WORD_BE: p->be = true; break;
    case WORD_BREAK: end_phrase(plan, p); break;
    case WORD_AND:
        if (!p->colour_count) *p = (struct phrase){0};
        break;
    case WORD_OF: break; /* "a pair of" */
    case WORD_SHADE: p->next_shade = w->value; p->next_shade_word = w->word; break;
    default: take_scenery(plan, p, w);
    }
}

static int digits(const char *w) {
    int v = 0, n = 0;
    for (; isdigit((unsigned char)w[n]); n++) v = v < 100000 ? v * 10 + (w[n] - '0') : v;
    return n && !w[n] && v <= 1000 ? v : -1;
}

/* Reads what stands at i; returns how many tokens it took. */
static int take(const struct tokens *t, int i, struct plan *plan, struct phrase *p) {
    int taken = 1, after = 1, number = digits(t->at[i].word);
    bool plural = false, ignored;
    const char *w = t->at[i].word;
    if (*w == '.') return end_phrase(plan, p), 1;
    if (*w == ',') {
        p->counted = p->definite = p->negated = false;
        return 1;
    }
    if (number >= 0) {
        take_number(plan, p, number, w);
        p->negated = number == 0;
        return 1;
    }
    const struct known_word *k = known_at(t, i, &taken);
    if (k && taken > 1) return take_known(plan, p, k), taken; /* "golden hour" before "golden" */
    const struct noun *n = noun_at(t, i, &after, &plural);
    if (n && after > 1) return add_subject(plan, p, n, plural), after;
    if (is_fruit(t, i, p)) {
        for (size_t f = 0; f < sketch_noun_count; f++)
            if (!strcmp(sketch_nouns[f].name, "orange")) n = &sketch_nouns[f];
        return add_subject(plan, p, n, false), 1;
    }
    const struct colour_word *c = colour_at(t, i, &taken);
    if (c) return add_colour(plan, p, c), taken;
    if (k) return take_known(plan, p, k), 1;
    if (!n) return p->stranger = p->colour_count > 0, p->half = false, 1;
    /* "apple tree": the first noun only describes the second. */
    int more;
    if (!plural && i + after < t->count && noun_at(t, i + after, &more, &ignored)) return after;
    return add_subject(plan, p, n, plural), after;
}

/* What the prompt left open follows from the things it names. */
static void settle(struct plan *p) {
    int boxes = 0;
    for (int i = 0; i < p->subject_count; i++) {
        struct subject *s = &p->subjects[i];
        if (boxes + s->count > SKETCH_MAX_BOXES) s->count = SKETCH_MAX_BOXES - boxes > 0 ? SKETCH_MAX_BOXES - boxes : 0;
        boxes += s->count;
        if (!s->count) p->subject_count = i;
        double luma = 0.3 * s->main.r + 0.59 * s->main.g + 0.11 * s->main.b;
        if (!s->has_accent) s->accent = luma > 0.62 ? rgb_hex("b8433a") : rgb_hex("f6e7c4");
        bool lights = !strcmp(s->noun->name, "moon") || (!strcmp(s->noun->name, "star") && !p->time_named);
        if (lights && !p->time_named) p->time = TIME_NIGHT;
        if (!p->setting_named && i == 0) p->setting = s->noun->home;
        /* Water wins over meadows: a boat among them belongs on the sea. */
        if (!p->setting_named && s->noun->place == PLACE_WATER) p->setting = SETTING_SEA;
        if (!p->setting_named && p->setting == SETTING_ROOM && s->noun->home == SETTING_HILLS) p->setting = SETTING_HILLS;
    }
    if (p->snow && !p->setting_named) p->setting = SETTING_SNOW;
    if (p->has_sky_colour && p->setting == SETTING_PLAIN && !p->has_ground_colour) p->ground_colour = p->sky_colour, p->has_ground_colour = true;
}

const char *sketch_time_name(enum time_of_day t) {
    static const char *const names[] = {[TIME_DAY] = "day", [TIME_DAWN] = "dawn", [TIME_DUSK] = "dusk", [TIME_NIGHT] = "night"};
    return names[t];
}

const char *sketch_setting_name(enum setting s) {
    static const char *const names[] = {
        [SETTING_HILLS] = "hills", [SETTING_SEA] = "sea", [SETTING_FOREST] = "forest", [SETTING_CITY] = "city", [SETTING_DESERT] = "desert",
        [SETTING_SNOW] = "snow", [SETTING_ROOM] = "room", [SETTING_PLAIN] = "plain", [SETTING_SPACE] = "space"};
    return names[s];
}

void sketch_read_prompt(struct str prompt, struct plan *out) {
    struct tokens t;
    struct phrase phrase = {0};
    t.count = 0;
    *out = (struct plan){.setting = SETTING_HILLS, .words_hash = 1469598103934665603ULL};
    for (size_t i = 0; i < prompt.len; i++) out->words_hash = (out->words_hash ^ (unsigned char)prompt.ptr[i]) * 1099511628211ULL;
    split(prompt, out, &t);
    for (int i = 0; i < t.count;) i += take(&t, i, out, &phrase);
    end_phrase(out, &phrase);
    settle(out);
}
