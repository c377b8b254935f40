/* See rates.h. Token buckets, counted in whole numbers so that no call is lost or won by rounding. */
#include "ops/rates.h"

enum { CALL = 60000 }; /* milliseconds of a minute, so that a bucket of n a minute gains n each millisecond */

static const struct {
    const char *name;
    enum rate_group group;
    int64_t a_minute;
} rates[] = {
#define RATE(class, group, a_minute) {#class, RATE_##group, a_minute},
#include "ops/rates.def"
#undef RATE
};
enum { RATES = sizeof rates / sizeof *rates };

bool rates_class_known(struct str name) {
    for (size_t i = 0; i < RATES; i++)
        if (str_is(name, rates[i].name)) return true;
    return false;
}

struct str rates_class_of(struct str kind, struct str stored) {
    bool publishable = str_is(kind, "pub") || str_is(kind, "pubtest");
    return publishable && !stored.len ? STR("page") : stored;
}

int64_t rates_limit(struct str name, enum rate_group group) {
    if (!name.len) return 0;
    if (!rates_class_known(name)) name = str_of(rates[0].name);
    for (size_t i = 0; i < RATES; i++)
        if (str_is(name, rates[i].name) && rates[i].group == group) return rates[i].a_minute;
    return 0;
}

const char *rates_group_name(enum rate_group group) {
    static const char *const names[RATE_GROUPS] = {"media", "sound", "ads", "reads"};
    return names[group];
}

/* Seconds until so much has come back, rounded up: who comes then is not sent away again. */
static int64_t seconds(int64_t used, int64_t a_minute) {
    int64_t a_second = a_minute * MS_SECOND;
    return (used + a_second - 1) / a_second;
}

bool rates_take(struct rate_bucket *b, int64_t a_minute, msec now, struct rate *out) {
    int64_t full = a_minute * CALL;
    msec past = now - b->at;
    if (past < 0) past = 0;
    if (past > CALL) past = CALL; /* a minute fills any bucket; more would only overflow */
    if (now > b->at) b->at = now;
    b->used = b->used > past * a_minute ? b->used - past * a_minute : 0;
    bool left = b->used + CALL <= full;
    if (left) b->used += CALL;
    int64_t missing = b->used + CALL - full; /* to the next call */
    *out = (struct rate){.limit = a_minute, .remaining = (full - b->used) / CALL, .reset_s = seconds(b->used, a_minute),
                         .retry_after_s = missing > 0 ? seconds(missing, a_minute) : 0};
    return left;
}
