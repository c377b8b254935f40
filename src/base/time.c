#include "base/time.h"

#include <time.h>

static struct tm split(msec at) {
    time_t s = (time_t)(at / 1000 - (at % 1000 < 0));
    struct tm tm = {}; /* stays so when the year has no int */
    gmtime_r(&s, &tm);
    return tm;
}

static void put(char *at, int digits, int value) {
    for (; digits--; value /= 10) at[digits] = (char)('0' + value % 10);
}

/* Answers are full of these: the common years without printf. */
void time_write_iso(struct buf *b, msec at) {
    struct tm tm = split(at);
    if (tm.tm_year >= -1900 && tm.tm_year <= 9999 - 1900) {
        char text[] = "0000-00-00T00:00:00.000Z";
        put(text, 4, tm.tm_year + 1900);
        put(text + 5, 2, tm.tm_mon + 1);
        put(text + 8, 2, tm.tm_mday);
        put(text + 11, 2, tm.tm_hour);
        put(text + 14, 2, tm.tm_min);
        put(text + 17, 2, tm.tm_sec);
        put(text + 20, 3, (int)((at % 1000 + 1000) % 1000));
        buf_add(b, text, sizeof text - 1);
        return;
    }
    buf_printf(b, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
               tm.tm_sec, (int)((at % 1000 + 1000) % 1000));
}

void time_write_http(struct buf *b, msec at) {
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm = split(at);
    buf_printf(b, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
               tm.tm_hour, tm.tm_min, tm.tm_sec);
}
