/* See loudness.h. Called by the jobs of tune and voice, and by their tests. */
#include "media/helper/loudness.h"

#include <math.h>
#include <stdlib.h>

/* A second-order filter in transposed form II. */
struct biquad {
    double b0, b1, b2, a1, a2, z1, z2;
};

static double step(struct biquad *f, double x) {
    double y = f->b0 * x + f->z1;
    f->z1 = f->b1 * x - f->a1 * y + f->z2;
    f->z2 = f->b2 * x - f->a2 * y;
    return y;
}

/* The head's shelf. BS.1770 prints coefficients for 48 kHz only; these are of the analog filter behind them, for any rate. */
static struct biquad shelf(int rate) {
    double k = tan(M_PI * 1681.974450955533 / rate), q = 0.7071752369554196, vh = pow(10, 3.999843853973347 / 20), vb = pow(vh, 0.4996667741545416);
    double a0 = 1 + k / q + k * k;
    return (struct biquad){.b0 = (vh + vb * k / q + k * k) / a0, .b1 = 2 * (k * k - vh) / a0, .b2 = (vh - vb * k / q + k * k) / a0,
                           .a1 = 2 * (k * k - 1) / a0, .a2 = (1 - k / q + k * k) / a0};
}

/* The RLB high-pass. */
static struct biquad high_pass(int rate) {
    double k = tan(M_PI * 38.13547087602444 / rate), q = 0.5003270373238773, a0 = 1 + k / q + k * k;
    return (struct biquad){.b0 = 1, .b1 = -2, .b2 = 1, .a1 = 2 * (k * k - 1) / a0, .a2 = (1 - k / q + k * k) / a0};
}

static double lufs(double power) { return power > 0 ? -0.691 + 10 * log10(power) : LOUDNESS_SILENT; }

/* Mean of the blocks at or above a gate. */
static double gated(const double *blocks, size_t n, double gate) {
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (lufs(blocks[i]) >= gate) {
            sum += blocks[i];
            count++;
        }
    return count ? sum / (double)count : 0;
}

double loudness_of(const struct sound *s) {
    size_t hop = (size_t)s->rate / 10, hops = hop ? s->frames / hop : 0;
    if (hops < 4) return LOUDNESS_SILENT;
    double *power = calloc(hops, sizeof *power);
    if (!power) return LOUDNESS_SILENT;
    for (int c = 0; c < s->channels; c++) {
        struct biquad a = shelf(s->rate), b = high_pass(s->rate);
        const float *p = s->samples + c;
        for (size_t h = 0; h < hops; h++) {
            double sum = 0;
            for (size_t i = 0; i < hop; i++, p += s->channels) {
                double y = step(&b, step(&a, *p));
                sum += y * y;
            }
            power[h] += sum / (double)hop;
        }
    }
    size_t blocks = hops - 3;
    for (size_t i = 0; i < blocks; i++) power[i] = (power[i] + power[i + 1] + power[i + 2] + power[i + 3]) / 4;
    double first = gated(power, blocks, -70);
    double all = first > 0 ? gated(power, blocks, fmax(-70, lufs(first) - 10)) : 0;
    free(power);
    return lufs(all);
}

static float peak(const struct sound *s) {
    float top = 0;
    size_t n = s->frames * (size_t)s->channels;
    for (size_t i = 0; i < n; i++) top = fmaxf(top, fabsf(s->samples[i]));
    return top;
}

double peak_dbfs(const struct sound *s) {
    float top = peak(s);
    return top > 0 ? 20 * log10(top) : LOUDNESS_SILENT;
}

void sound_gain(struct sound *s, double db) {
    float k = (float)pow(10, db / 20);
    size_t n = s->frames * (size_t)s->channels;
    for (size_t i = 0; i < n; i++) s->samples[i] *= k;
}

/* What each frame may be multiplied with so that no sample of it is above the ceiling. */
static void wanted_gain(const struct sound *s, float ceiling, float *gain) {
    for (size_t i = 0; i < s->frames; i++) {
        float top = 0;
        for (int c = 0; c < s->channels; c++) top = fmaxf(top, fabsf(s->samples[i * (size_t)s->channels + (size_t)c]));
        gain[i] = top > ceiling ? ceiling / top : 1;
    }
}

/* out[i] becomes the least of gain[i..i+w]. The queue holds indexes whose gains rise from head to tail. */
static void least_ahead(const float *gain, size_t n, size_t w, size_t *queue, float *out) {
    size_t head = 0, count = 0, room = w + 2;
    for (size_t i = n; i-- > 0;) {
        while (count && gain[queue[(head + count - 1) % room]] >= gain[i]) count--;
        queue[(head + count++) % room] = i;
        if (queue[head] > i + w) {
            head = (head + 1) % room;
            count--;
        }
        out[i] = gain[queue[head]];
    }
}

/* Every mean over the last w+1 values of `least` holds for its frame, because each of them looked at it when it looked ahead:
 * so the gain moves in slopes instead of steps, which would crackle, and the ceiling still stands. */
static void apply(struct sound *s, const float *least, size_t w) {
    double sum = s->frames ? (double)w * least[0] : 0; /* before the beginning it was as at the beginning */
    for (size_t i = 0; i < s->frames; i++) {
        sum += least[i];
        float gain = (float)(sum / (double)(w + 1));
        for (int c = 0; c < s->channels; c++) s->samples[i * (size_t)s->channels + (size_t)c] *= gain;
        sum -= i >= w ? least[i - w] : least[0];
    }
}

bool sound_limit(struct sound *s, double ceiling_db) {
    float ceiling = (float)pow(10, ceiling_db / 20);
    if (peak(s) <= ceiling) return true;
    ceiling *= 0.9999F; /* for the rounding of sums */
    size_t w = (size_t)s->rate / 250; /* 4 ms */
    float recover = 1 - expf(-1 / (0.08F * (float)s->rate));
    float *gain = malloc(s->frames * sizeof *gain), *least = malloc(s->frames * sizeof *least);
    size_t *queue = malloc((w + 2) * sizeof *queue);
    bool ok = gain && least && queue;
    if (ok) {
        wanted_gain(s, ceiling, gain);
        least_ahead(gain, s->frames, w, queue, least);
        float now = 1;
        for (size_t i = 0; i < s->frames; i++) least[i] = now = fminf(least[i], now + (1 - now) * recover);
        apply(s, least, w);
    }
    free(gain);
    free(least);
    free(queue);
    return ok;
}

bool sound_normalise(struct sound *s, double target_lufs, double ceiling_db) {
    for (int round = 0; round < 4; round++) {
        double now = loudness_of(s), top = peak_dbfs(s);
        if (top <= LOUDNESS_SILENT) return true;
        double need = now > LOUDNESS_SILENT ? target_lufs - now : ceiling_db - top;
        if (round && fabs(need) < 0.1) return true;
        sound_gain(s, need);
        if (!sound_limit(s, ceiling_db)) return false;
    }
    return true;
}

void sound_fade_out(struct sound *s, size_t from) {
    for (size_t i = from; i < s->frames; i++) {
        float k = 0.5F + 0.5F * cosf((float)M_PI * (float)(i - from) / (float)(s->frames - from));
        for (int c = 0; c < s->channels; c++) s->samples[i * (size_t)s->channels + (size_t)c] *= k;
    }
}

void sound_fade_in(struct sound *s, size_t to) {
    for (size_t i = 0; i < to && i < s->frames; i++)
        for (int c = 0; c < s->channels; c++) s->samples[i * (size_t)s->channels + (size_t)c] *= 0.5F - 0.5F * cosf((float)M_PI * (float)i / (float)to);
}
