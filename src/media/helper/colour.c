/* Colours and dice: the small arithmetic of the renderer. Pure. */
#include "media/helper/plan.h"

#include <stdlib.h>

static double hex2(const char *p) {
    char t[3] = {p[0], p[1], 0};
    return (double)strtol(t, NULL, 16) / 255.0;
}

struct rgb rgb_hex(const char *hex) { return (struct rgb){hex2(hex), hex2(hex + 2), hex2(hex + 4)}; }
struct rgb rgb_mix(struct rgb a, struct rgb b, double t) {
    return (struct rgb){a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t};
}
struct rgb rgb_scale(struct rgb a, double k) { return (struct rgb){a.r * k, a.g * k, a.b * k}; }

struct dice dice_of(uint64_t seed, const char *stream) {
    uint64_t h = 1469598103934665603ULL ^ seed * 0x9e3779b97f4a7c15ULL;
    for (; *stream; stream++) h = (h ^ (unsigned char)*stream) * 1099511628211ULL;
    return (struct dice){h};
}
uint64_t dice_next(struct dice *d) {
    uint64_t z = (d->state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}
double dice_unit(struct dice *d) { return (double)(dice_next(d) >> 11) / 9007199254740992.0; }
double dice_in(struct dice *d, double low, double high) { return low + (high - low) * dice_unit(d); }
