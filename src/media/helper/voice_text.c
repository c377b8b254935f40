/* A caller's text on its way to espeak-ng, and the inputs around it. Called by voice_job.c. Fuzzed. */
#include "base/json.h"
#include "media/helper/tune.h"
#include "media/helper/voice.h"

#include <stdio.h>

static uint32_t code_point(const char *p, size_t n) {
    const unsigned char *u = (const unsigned char *)p;
    return n == 1 ? u[0] : n == 2 ? (u[0] & 0x1fU) << 6 | (u[1] & 0x3fU) : n == 3 ? (u[0] & 0x0fU) << 12 | (u[1] & 0x3fU) << 6 | (u[2] & 0x3fU)
         : (u[0] & 0x07U) << 18 | (u[1] & 0x3fU) << 12 | (u[2] & 0x3fU) << 6 | (u[3] & 0x3fU);
}

/* Code points that carry no sound but mean something to programs: invisible marks, marks of direction, private use (espeak-ng has
 * phonemes of its own there), tags, noncharacters. */
static bool is_silent_mark(uint32_t c) {
    return (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || (c >= 0xe000 && c <= 0xf8ff) || c == 0xfeff ||
           (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0xfff0 && c <= 0xffff) || c >= 0xe0000 || (c >= 0x80 && c <= 0x9f);
}

/* espeak-ng reads three things as commands: control characters (1 begins one), phonemes in [[ ]], and markup. Markup is not turned
 * on, control characters become blanks, and two brackets never stand together. */
void voice_clean(struct str s, struct buf *out) {
    buf_reserve(out, s.len + 2);
    for (size_t i = 0, n; i < s.len; i += n) {
        n = utf8_length((const unsigned char *)s.ptr + i, s.len - i);
        if (!n) {
            n = 1;
            continue;
        }
        uint32_t c = code_point(s.ptr + i, n);
        if (is_silent_mark(c)) continue;
        bool bracket = (c == '[' || c == ']') && out->len && out->ptr[out->len - 1] == (char)c;
        if (bracket) buf_c(out, ' ');
        if ((c < 32 && c != '\n') || c == 127) buf_c(out, ' ');
        else buf_add(out, s.ptr + i, n);
    }
    buf_c(out, '\n');
}

int64_t voice_count_words(struct str s) {
    int64_t words = 0, dense = 0;
    bool inside = false;
    for (size_t i = 0, n; i < s.len; i += n) {
        n = utf8_length((const unsigned char *)s.ptr + i, s.len - i);
        if (!n) n = 1;
        uint32_t c = code_point(s.ptr + i, n);
        bool unspaced = (c >= 0x3040 && c <= 0x30ff) || (c >= 0x3400 && c <= 0x9fff) || (c >= 0x0e00 && c <= 0x0e7f);
        bool letter = !unspaced && ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= 0xc0 && !is_silent_mark(c)));
        dense += unspaced;
        if (letter && !inside) words++;
        inside = letter || (inside && (c == '\'' || c == '-'));
    }
    return words + (dense + 1) / 2;
}

static bool named(const char *list, struct str name) {
    struct str rest = str_of(list), one;
    for (bool more = rest.len > 0; more;) {
        more = str_cut(rest, ' ', &one, &rest);
        if (str_ieq(one, name)) return true;
    }
    return false;
}

static err read_choice(const struct json *root, const char *key, struct why *why, struct str *out) {
    const struct json *j = json_get(root, key);
    if (!j || json_is(j, JSON_NULL)) return OK;
    if (!json_as_str(j, out)) return why_set(why, E_INVALID, "The input %s is text.", key);
    *out = str_trim(*out);
    return OK;
}

static err read_language(struct str s, struct why *why, struct voice_inputs *in) {
    in->detected = !s.len || str_ieq(s, STR("auto"));
    if (in->detected) return in->language = voice_detect(in->text), OK;
    for (int i = 0; i < voice_language_count; i++)
        if (str_ieq(s, str_of(voice_languages[i].code)) || named(voice_languages[i].aliases, s)) return in->language = i, OK;
    return why_set(why, E_INVALID, "The language \"%.*s\" is not spoken here; use auto, or a code such as en, en-gb, de, fr, es or ja.", STR_ARG(str_head(s, 24)));
}

static err read_voice(struct str s, struct why *why, struct voice_inputs *in) {
    char names[200] = "";
    if (!s.len) return OK;
    for (int i = 0; i < voice_preset_count; i++) {
        if (str_ieq(s, str_of(voice_presets[i].name))) return in->preset = i, OK;
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? ", " : "", voice_presets[i].name);
    }
    return why_set(why, E_INVALID, "There is no voice \"%.*s\"; there are %s.", STR_ARG(str_head(s, 24)), names);
}

err voice_read_inputs(struct str text, struct arena *a, struct why *why, struct voice_inputs *out) {
    static const char *const names[] = {"text", "prompt", "input"};
    struct voice_inputs in = {.speed = 1000, .format = "mp3"};
    struct json *root = NULL;
    struct str language = {0}, voice = {0}, format = {0};
    TRY(json_parse(text, a, why, &root));
    for (size_t i = 0; i < sizeof names / sizeof *names && !in.text.len; i++) TRY(read_choice(root, names[i], why, &in.text));
    if (!in.text.len) return why_set(why, E_INVALID, "A text is needed: what is to be said.");
    if (str_code_points(in.text) > VOICE_MAX_CHARS) return why_set(why, E_INVALID, "The text is longer than %d characters.", VOICE_MAX_CHARS);
    TRY(read_choice(root, "language", why, &language));
    TRY(read_choice(root, "voice", why, &voice));
    TRY(read_choice(root, "format", why, &format));
    TRY(read_language(language, why, &in));
    TRY(read_voice(voice, why, &in));
    const struct json *speed = json_get(root, "speed");
    if (speed && !json_is(speed, JSON_NULL) && (!tune_read_thousandths(speed, &in.speed) || in.speed < 500 || in.speed > 2000))
        return why_set(why, E_INVALID, "The speed is a number from 0.5 to 2.");
    if (format.len && !str_is(format, "mp3") && !str_is(format, "wav") && !str_is(format, "ogg")) return why_set(why, E_INVALID, "The format is one of mp3, wav and ogg.");
    if (format.len) snprintf(in.format, sizeof in.format, "%.*s", STR_ARG(format));
    *out = in;
    return OK;
}
