/* The model `voice` as a job: inputs, espeak-ng, loudness, encoder. Listed in models.c. espeak-ng is a program of its own; no
 * library of it is in this process. */
#include "base/json.h"
#include "media/helper/models.h"
#include "media/helper/sound.h"
#include "media/helper/tune_tags.h"
#include "media/helper/voice.h"

#include <stdio.h>
#include <stdlib.h>

enum { SPEAKER, MP3_ENCODER, OGG_ENCODER, BITS = 64000, HEADER = 44 };
static const double TARGET_LUFS = -18, CEILING_DBFS = -1.5;

/* The text comes on stdin and nowhere else; without -m no markup is read. */
static const char *const SPEAKER_ARGS[] = {"-v", "@0", "-s", "#1", "-p", "#2", "-b", "1", "--stdin", "--stdout", NULL};
static const struct tool_spec SPEAKER_TOOL = {.program = "espeak-ng", .args = SPEAKER_ARGS, .words = voice_words};
const struct tool_spec *const voice_tools[] = {[SPEAKER] = &SPEAKER_TOOL, [MP3_ENCODER] = &sound_mp3_encoder, [OGG_ENCODER] = &sound_ogg_encoder, NULL};

/* A WAV file whose head says how many samples a second, but not how many there are. */
static bool to_sound(const struct buf *wav, struct sound *out) {
    const unsigned char *p = (const unsigned char *)wav->ptr;
    if (wav->len < HEADER || memcmp(p, "RIFF", 4) || memcmp(p + 8, "WAVEfmt ", 8) || memcmp(p + 36, "data", 4) || p[22] != 1 || p[34] != 16) return false;
    int rate = p[24] | p[25] << 8 | p[26] << 16;
    if (rate < 8000 || rate > 48000) return false;
    *out = (struct sound){.frames = (wav->len - HEADER) / 2, .channels = 1, .rate = rate};
    out->samples = malloc((out->frames + 1) * sizeof *out->samples);
    if (!out->samples) return false;
    for (size_t i = 0; i < out->frames; i++) out->samples[i] = (float)(int16_t)(p[HEADER + 2 * i] | p[HEADER + 2 * i + 1] << 8) / 32768.0F;
    return true;
}

static bool speak(struct job *j, const struct voice_inputs *in, struct buf *wav) {
    enum { PIECE = 1 << 16, BYTES_A_SECOND = 2 * 22050 };
    struct tool *t = &j->tools[SPEAKER];
    const struct voice_preset *p = &voice_presets[in->preset];
    const int64_t numbers[] = {in->language * voice_preset_count + in->preset, (p->words_a_minute * in->speed + 500) / 1000, p->pitch};
    /* 13 letters a second is how people speak; for the bar only. */
    size_t got = PIECE, expected = (size_t)((int64_t)in->text.len * BYTES_A_SECOND / 13 * 1000 / in->speed) + BYTES_A_SECOND;
    struct buf text = {0};
    char *piece = malloc(PIECE);
    must(piece);
    voice_clean(in->text, &text);
    bool ok = tool_go(t, numbers, 3) && tool_write(t, text.ptr, text.len);
    tool_end_input(t);
    while (ok && got == PIECE) {
        ok = tool_read(t, piece, PIECE, &got);
        if (ok) buf_add(wav, piece, got);
        job_stage(j, "speaking", 2 + (int)(60 * (wav->len < expected ? wav->len : expected) / expected));
        if (wav->len > (size_t)VOICE_MAX_S * BYTES_A_SECOND) {
            job_fail(j, WIRE_INVALID, "The spoken text would be longer than %d minutes.", VOICE_MAX_S / 60);
            break;
        }
    }
    ok = ok && !j->answer->code && tool_finish(t);
    if (!ok) job_fail(j, WIRE_FAILED, "The text could not be spoken. %s", t->why);
    buf_done(&text);
    free(piece);
    return ok;
}

static void number(struct jw *w, const char *key, double v, int digits) {
    char text[40];
    snprintf(text, sizeof text, "%.*f", digits, v);
    jw_kraw(w, key, str_of(text));
}

static void say(struct job *j, const struct voice_inputs *in, const struct sound *s) {
    struct buf b = {0};
    struct jw w = {.out = &b};
    jw_open(&w, '{');
    jw_kz(&w, "language", voice_languages[in->language].code);
    jw_kbool(&w, "language_detected", in->detected);
    jw_kz(&w, "voice", voice_presets[in->preset].name);
    number(&w, "speed", (double)in->speed / 1000, 2);
    jw_ki64(&w, "characters", (int64_t)str_code_points(in->text));
    jw_ki64(&w, "words", voice_count_words(in->text));
    number(&w, "duration_s", (double)s->frames / s->rate, 3);
    number(&w, "loudness_lufs", loudness_of(s), 1);
    number(&w, "peak_dbfs", peak_dbfs(s), 1);
    jw_close(&w, '}');
    must(b.len < sizeof j->answer->scene);
    memcpy(j->answer->scene, b.ptr, b.len + 1);
    buf_done(&b);
}

static bool write_file(struct job *j, const struct voice_inputs *in, const struct sound *s) {
    struct buf file = {0};
    bool wav = !strcmp(in->format, "wav"), ogg = !strcmp(in->format, "ogg");
    if (wav) {
        tune_write_wav(NULL, 1, s->rate, s->frames, &file);
        sound_to_pcm(s, &file);
    } else if (!sound_encode(j, &j->tools[ogg ? OGG_ENCODER : MP3_ENCODER], s, BITS, 72, 99, &file)) {
        return false;
    }
    snprintf(j->answer->type, sizeof j->answer->type, "audio/%s", wav ? "wav" : ogg ? "ogg" : "mpeg");
    snprintf(j->answer->ext, sizeof j->answer->ext, "%s", in->format);
    return job_write(j, file.ptr, file.len);
}

void voice_job(struct job *j) {
    struct voice_inputs in;
    struct why why = {0};
    struct buf wav = {0};
    struct sound s = {0};
    if (voice_read_inputs(j->inputs, &j->arena, &why, &in)) return job_fail(j, WIRE_INVALID, "%s", why_text(&why));
    int64_t start = job_now_us();
    job_stage(j, "speaking", 1);
    if (!speak(j, &in, &wav)) return;
    if (!to_sound(&wav, &s)) return job_fail(j, WIRE_FAILED, "What the speech program made could not be read.");
    buf_done(&wav);
    if (!s.frames || peak_dbfs(&s) < -60) return job_fail(j, WIRE_INVALID, "There is nothing in the text that can be spoken.");
    job_stage(j, "mastering", 66);
    if (!sound_normalise(&s, TARGET_LUFS, CEILING_DBFS)) return job_fail(j, WIRE_FAILED, "There was no memory for a text of that length.");
    int64_t mastered = job_now_us();
    if (!write_file(j, &in, &s)) return;
    say(j, &in, &s);
    j->answer->render_us = mastered - start;
    j->answer->encode_us = job_now_us() - mastered;
    j->answer->duration_ms = (int64_t)(s.frames * 1000 / (size_t)s.rate);
}
