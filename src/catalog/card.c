/* A model as the second product's clients read it: beside the row's own members, under the names they know. */
#include "catalog/model.h"
#include "catalog/number.h"

static int64_t files_of(const struct model *m, const char *kind, bool *out_required) {
    int64_t n = 0;
    for (size_t i = 0; i < m->input_count; i++) {
        const struct input_spec *s = &m->inputs[i];
        if (s->type != INPUT_FILE || !str_is(s->file_kind, kind)) continue;
        n += s->has_max ? s->max : 1;
        *out_required |= s->required;
    }
    return n;
}

/* A speech has a text to say, any other sound is music. */
const char *model_type(const struct model *m) {
    if (str_is(m->kind, "text")) return "other";
    if (str_is(m->kind, "audio")) return model_input(m, "text") ? "speech" : "music";
    return str_is(m->kind, "image") ? "image" : "video";
}

static void write_generations(struct jw *w, const struct model *m, int64_t files, bool required) {
    jw_key(w, "generation_types");
    jw_open(w, '[');
    bool pictures = str_is(m->kind, "image");
    if (str_is(m->kind, "text")) jw_z(w, "speech-to-text");
    else if (str_is(m->kind, "audio")) jw_z(w, model_input(m, "text") ? "text-to-speech" : "text-to-music");
    else {
        if (!required) jw_z(w, pictures ? "text-to-image" : "text-to-video");
        if (files) jw_z(w, pictures ? "image-to-image" : "image-to-video");
    }
    jw_close(w, ']');
}

/* What a call with the defaults comes to; one second or a thousand characters where the length is not known before. */
static void write_cost(struct jw *w, const struct model *m) {
    const struct compiled *c = model_compiled(m);
    const struct rates *r = &c->price;
    bool known = r->source == FROM_CALL || (r->source == FROM_INPUT && c->inputs.defaults[r->input].given);
    struct due due;
    if (rates_due(r, &c->inputs, c->inputs.defaults, known ? rates_parts(r, c->inputs.defaults) : unit_info(r->unit)->parts, &due)) return;
    char text[DECIMAL_TEXT];
    jw_kraw(w, "cost_per_generation", str_n(text, decimal_write(due.amount, 4, text)));
    if (!known) jw_kz(w, "cost_note", r->unit == UNIT_SECOND ? "For each second." : r->unit == UNIT_KCHAR ? "For each 1000 characters." : "For each megapixel.");
    else if (r->row_count > 1 || r->source == FROM_INPUT) jw_kz(w, "cost_note", "With the defaults; see rate_table.");
}

static void write_capabilities(struct jw *w, const struct model *m, const int64_t files[static 3]) {
    const struct input_spec *ratio = model_input(m, "aspect_ratio"), *duration = model_input(m, "duration"), *prompt = model_input(m, "prompt");
    if (!prompt) prompt = model_input(m, "text");
    jw_key(w, "capabilities");
    jw_open(w, '{');
    if (prompt && prompt->max_chars) jw_ki64(w, "prompt_max_chars", prompt->max_chars);
    jw_kbool(w, "supports_aspect_ratio", ratio != NULL);
    if (ratio && ratio->value_count) {
        jw_key(w, "aspect_ratio_options");
        jw_open(w, '[');
        for (size_t i = 0; i < ratio->value_count; i++) jw_str(w, ratio->values[i]);
        jw_close(w, ']');
    }
    if (duration && duration->type == INPUT_SECONDS && duration->has_max && duration->has_step && duration->max / duration->step <= 60) {
        jw_key(w, "duration_options");
        jw_open(w, '[');
        for (int64_t n = duration->has_min ? duration->min : duration->step; n <= duration->max; n += duration->step) {
            char text[DECIMAL_TEXT + 1];
            size_t len = decimal_write(n, 3, text);
            text[len++] = 's';
            jw_str(w, str_n(text, len));
        }
        jw_close(w, ']');
    }
    if (str_is(m->kind, "video")) {
        const struct input_spec *sound = model_input(m, "audio");
        bool switched = sound && sound->type == INPUT_BOOL;
        jw_kbool(w, "supports_sound", switched);
        if (switched) jw_kz(w, "video_audio", "toggle_via_sound_param");
    }
    jw_kbool(w, "supports_negative_prompt", model_input(m, "negative_prompt") != NULL);
    jw_ki64(w, "max_input_images", files[0]);
    jw_ki64(w, "max_input_videos", files[1]);
    jw_ki64(w, "max_input_audios", files[2]);
    jw_ki64(w, "max_input_media", files[0] + files[1] + files[2]);
    jw_close(w, '}');
}

void card_write(const struct model *m, struct jw *w) {
    static const char *const kinds[] = {"image", "video", "audio"};
    int64_t files[3];
    bool required = false;
    for (size_t i = 0; i < 3; i++) files[i] = files_of(m, kinds[i], &required);
    struct str family, variant;
    str_cut(m->slug, '/', &family, &variant);
    jw_kstr(w, "display_name", m->title);
    jw_kstr(w, "provider", family);
    jw_kz(w, "model_type", model_type(m));
    write_cost(w, m);
    if (m->estimated_ms) jw_ki64(w, "estimated_time_seconds", (m->estimated_ms + 999) / 1000);
    write_generations(w, m, files[0] + files[1] + files[2], required);
    jw_kbool(w, "requires_input_media", required);
    jw_key(w, "input_media_types");
    jw_open(w, '[');
    for (size_t i = 0; i < 3; i++)
        if (files[i]) jw_z(w, kinds[i]);
    jw_close(w, ']');
    write_capabilities(w, m, files);
}
