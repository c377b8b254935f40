/* Reads the inputs of `tune`. Called by tune_job.c; fuzzed with the composer behind it. */
#include "base/json.h"
#include "base/limits.h"
#include "media/helper/tune.h"

#include <stdio.h>

static err read_text(const struct json *root, const char *name, size_t max_chars, struct why *why, struct str *out) {
    const struct json *j = json_get(root, name);
    if (!j || json_is(j, JSON_NULL)) return OK;
    struct str s;
    if (!json_as_str(j, &s)) return why_set(why, E_INVALID, "The input %s is text.", name);
    if (str_code_points(s) > max_chars) return why_set(why, E_INVALID, "The input %s is longer than %zu characters.", name, max_chars);
    *out = str_trim(s);
    return OK;
}

/* 30, 30.5, "30s" in thousandths: the catalog has checked them, others who ask the helper are held to the bounds here. */
bool tune_read_thousandths(const struct json *j, int64_t *out) {
    struct str whole, part = {0}, s;
    int64_t units = 0, rest = 0;
    if (!json_is(j, JSON_NUMBER) && !json_is(j, JSON_STRING)) return false;
    s = j->text;
    if (json_is(j, JSON_STRING) && str_ends(s, STR("s"))) s.len--;
    if (!json_is(j, JSON_NUMBER) || !json_as_i64(j, &units)) {
        char digits[4] = "000";
        str_cut(s, '.', &whole, &part);
        for (size_t i = 0; i < 3 && i < part.len; i++) digits[i] = part.ptr[i];
        if (!str_to_i64(whole, &units) || !str_to_i64(str_of(digits), &rest) || rest < 0) return false;
    }
    if (units < 0 || units > 1000000 || s.ptr[0] == '-') return false;
    *out = units * 1000 + rest;
    return true;
}

static err read_duration(const struct json *j, struct why *why, int64_t *out) {
    int64_t ms = 0;
    if (!j || json_is(j, JSON_NULL)) return OK;
    if (!tune_read_thousandths(j, &ms) || ms < TUNE_MIN_S * 1000 || ms > TUNE_MAX_S * 1000)
        return why_set(why, E_INVALID, "The duration of a song is %d to %d seconds.", TUNE_MIN_S, TUNE_MAX_S);
    *out = ms;
    return OK;
}

static err read_rest(const struct json *root, struct why *why, struct tune_inputs *in) {
    const struct json *format = json_get(root, "format"), *tempo = json_get(root, "tempo"), *instrumental = json_get(root, "instrumental");
    int64_t bpm = 0;
    if (tempo && !json_is(tempo, JSON_NULL)) {
        if (!json_as_i64(tempo, &bpm) || bpm < 40 || bpm > 220) return why_set(why, E_INVALID, "The tempo is a whole number of beats a minute from 40 to 220.");
        in->tempo = (int)bpm;
    }
    if (instrumental && !json_is(instrumental, JSON_NULL) && !json_as_bool(instrumental, &in->instrumental))
        return why_set(why, E_INVALID, "The input instrumental is true or false.");
    if (format && !json_is(format, JSON_NULL)) {
        struct str s;
        if (!json_as_str(format, &s) || (!str_is(s, "mp3") && !str_is(s, "wav"))) return why_set(why, E_INVALID, "The format is mp3 or wav.");
        snprintf(in->format, sizeof in->format, "%.*s", STR_ARG(s));
    }
    return OK;
}

err tune_read_inputs(struct str text, uint64_t seed, struct arena *a, struct why *why, struct tune_inputs *out) {
    struct tune_inputs in = {.duration_ms = 60000, .seed = seed, .format = "mp3"};
    struct json *root = NULL;
    TRY(json_parse(text, a, why, &root));
    TRY(read_text(root, "prompt", LIMIT_PROMPT_BYTES, why, &in.prompt));
    TRY(read_text(root, "style", 1000, why, &in.style));
    TRY(read_text(root, "title", 200, why, &in.title));
    TRY(read_text(root, "lyrics", TUNE_MAX_LYRICS, why, &in.lyrics));
    TRY(read_text(root, "song_description", TUNE_MAX_LYRICS, why, &in.description));
    TRY(read_text(root, "negative_tags", 1000, why, &in.negative));
    TRY(read_duration(json_get(root, "duration"), why, &in.duration_ms));
    TRY(read_rest(root, why, &in));
    if (!in.prompt.len && !in.style.len && !in.title.len && !in.lyrics.len && !in.description.len)
        return why_set(why, E_INVALID, "A song needs a prompt, a song_description, lyrics, a style or a title.");
    if (in.instrumental && in.lyrics.len) return why_set(why, E_INVALID, "An instrumental has no lyrics: leave out lyrics, or set instrumental to false.");
    *out = in;
    return OK;
}
