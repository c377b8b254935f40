/* See headers.h. Each function reads one header's grammar; anything outside it gives the harmless reading. */
#include "api/headers.h"

#include "base/limits.h"

bool bearer_token(struct str header, struct str *out) {
    struct str scheme, rest;
    if (!str_cut(str_trim(header), ' ', &scheme, &rest)) return false;
    rest = str_trim(rest);
    if (!str_ieq(scheme, STR("bearer")) || str_empty(rest)) return false;
    *out = rest;
    return true;
}

/* Digits only; stops growing at a value no file reaches, so that a long number stays a large one instead of wrapping. */
static bool digits(struct str s, int64_t *out) {
    if (str_empty(s)) return false;
    int64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return false;
        if (v < INT64_MAX / 20) v = v * 10 + (s.ptr[i] - '0');
    }
    *out = v;
    return true;
}

struct prefer prefer_parse(struct str header) {
    struct prefer p = {0};
    while (!str_empty(header)) {
        struct str one, rest, name, value;
        str_cut(header, ',', &one, &rest);
        header = rest;
        str_cut(one, ';', &one, &rest); /* parameters of a preference: none is known */
        if (!str_cut(one, '=', &name, &value)) name = one;
        name = str_trim(name);
        value = str_trim(value);
        if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
            value = str_n(value.ptr + 1, value.len - 2);
        int64_t seconds;
        if (str_ieq(name, STR("respond-async"))) {
            p.async = true;
        } else if (str_ieq(name, STR("wait")) && !p.has_wait && digits(value, &seconds)) {
            p.async = p.has_wait = true;
            p.wait_s = seconds > LIMIT_WAIT_MS / MS_SECOND ? LIMIT_WAIT_MS / MS_SECOND : seconds;
        }
    }
    return p;
}

enum range range_parse(struct str header, int64_t size, int64_t *out_from, int64_t *out_len) {
    struct str unit, set, first, last;
    if (!str_cut(header, '=', &unit, &set) || !str_ieq(str_trim(unit), STR("bytes"))) return RANGE_WHOLE;
    set = str_trim(set);
    if (!str_cut(set, '-', &first, &last)) return RANGE_WHOLE;
    first = str_trim(first);
    last = str_trim(last);
    int64_t from, to;
    if (str_empty(first)) { /* the last n bytes */
        if (!digits(last, &to)) return RANGE_WHOLE;
        if (to == 0 || size == 0) return RANGE_BEYOND;
        if (to > size) to = size;
        *out_from = size - to;
        *out_len = to;
        return RANGE_PART;
    }
    if (!digits(first, &from)) return RANGE_WHOLE;
    if (str_empty(last))
        to = INT64_MAX;
    else if (!digits(last, &to) || to < from)
        return RANGE_WHOLE;
    if (from >= size) return RANGE_BEYOND;
    if (to >= size) to = size - 1;
    *out_from = from;
    *out_len = to - from + 1;
    return RANGE_PART;
}

bool etag_listed(struct str header, struct str etag, bool weak_ok) {
    header = str_trim(header);
    if (str_is(header, "*")) return true;
    while (!str_empty(header)) {
        while (!str_empty(header) && (header.ptr[0] == ' ' || header.ptr[0] == '\t' || header.ptr[0] == ','))
            header = str_skip(header, 1);
        bool weak = str_starts(header, STR("W/"));
        if (weak) header = str_skip(header, 2);
        if (str_empty(header) || header.ptr[0] != '"') return false; /* not a list of tags: names nothing from here on */
        const char *end = memchr(header.ptr + 1, '"', header.len - 1);
        if (!end) return false;
        struct str one = str_n(header.ptr, (size_t)(end + 1 - header.ptr));
        if (str_eq(one, etag) && (weak_ok || !weak)) return true;
        header = str_skip(header, one.len);
    }
    return false;
}

/* Days from 1970-01-01 in the Gregorian calendar, for any month 1 to 12. */
static int64_t days_from_civil(int64_t y, int64_t m, int64_t d) {
    y -= m <= 2;
    int64_t era = y / 400, yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

bool http_date_read(struct str t, msec *out) {
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t day, year, hour, minute, second;
    if (t.len != 29 || t.ptr[3] != ',' || t.ptr[4] != ' ' || t.ptr[7] != ' ' || t.ptr[11] != ' ' || t.ptr[16] != ' ' ||
        t.ptr[19] != ':' || t.ptr[22] != ':' || memcmp(t.ptr + 25, " GMT", 4) != 0)
        return false;
    if (!digits(str_n(t.ptr + 5, 2), &day) || !digits(str_n(t.ptr + 12, 4), &year) || !digits(str_n(t.ptr + 17, 2), &hour) ||
        !digits(str_n(t.ptr + 20, 2), &minute) || !digits(str_n(t.ptr + 23, 2), &second))
        return false;
    int month = 0;
    while (month < 12 && memcmp(months + 3 * month, t.ptr + 8, 3) != 0) month++;
    if (month == 12 || day < 1 || day > 31 || year < 1970 || hour > 23 || minute > 59 || second > 60) return false;
    *out = ((days_from_civil(year, month + 1, day) * 24 + hour) * 60 + minute) * MS_MINUTE + second * MS_SECOND;
    return true;
}

static bool is_date(int64_t year, int64_t month, int64_t day) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1970 || month < 1 || month > 12 || day < 1) return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= days[month - 1] + (month == 2 && leap);
}

/* What stands behind the seconds: [.fraction] and Z or an offset. */
static bool read_zone(struct str t, int64_t *out_ms, int64_t *out_minutes) {
    int64_t ms = 0, scale = 100, hours = 0, minutes = 0;
    if (str_starts(t, STR("."))) {
        t = str_skip(t, 1);
        if (str_empty(t) || t.ptr[0] < '0' || t.ptr[0] > '9') return false;
        for (; !str_empty(t) && t.ptr[0] >= '0' && t.ptr[0] <= '9'; t = str_skip(t, 1)) {
            ms += (t.ptr[0] - '0') * scale;
            scale /= 10;
        }
    }
    *out_ms = ms;
    *out_minutes = 0;
    if (str_is(t, "Z") || str_is(t, "z")) return true;
    if (t.len != 6 || (t.ptr[0] != '+' && t.ptr[0] != '-') || t.ptr[3] != ':' || !digits(str_n(t.ptr + 1, 2), &hours) || !digits(str_n(t.ptr + 4, 2), &minutes) ||
        hours > 23 || minutes > 59)
        return false;
    *out_minutes = (t.ptr[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

bool iso_time_read(struct str t, msec *out) {
    int64_t year, month, day, hour = 0, minute = 0, second = 0, ms = 0, east = 0;
    if (t.len < 10 || t.ptr[4] != '-' || t.ptr[7] != '-' || !digits(str_head(t, 4), &year) || !digits(str_n(t.ptr + 5, 2), &month) ||
        !digits(str_n(t.ptr + 8, 2), &day) || !is_date(year, month, day))
        return false;
    if (t.len > 10) {
        if (t.len < 20 || (t.ptr[10] != 'T' && t.ptr[10] != 't') || t.ptr[13] != ':' || t.ptr[16] != ':' || !digits(str_n(t.ptr + 11, 2), &hour) ||
            !digits(str_n(t.ptr + 14, 2), &minute) || !digits(str_n(t.ptr + 17, 2), &second) || hour > 23 || minute > 59 || second > 60 ||
            !read_zone(str_skip(t, 19), &ms, &east))
            return false;
    }
    msec at = ((days_from_civil(year, month, day) * 24 + hour) * 60 + minute - east) * MS_MINUTE + second * MS_SECOND + ms;
    if (at < 0) return false;
    *out = at;
    return true;
}

/* Lower-case hex digits, not all of them zero where that means none. */
static bool hex_field(struct str s, bool zero_ok) {
    bool any = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
        any |= c != '0';
    }
    return any || zero_ok;
}

bool traceparent_read(struct str header, struct str *out) {
    enum { LEN = 55 }; /* 00-<32>-<16>-<2> */
    struct str t = str_trim(header);
    if (t.len < LEN || t.ptr[2] != '-' || t.ptr[35] != '-' || t.ptr[52] != '-') return false;
    struct str version = str_head(t, 2);
    if (!hex_field(version, true) || str_is(version, "ff") || !hex_field(str_n(t.ptr + 3, 32), false) || !hex_field(str_n(t.ptr + 36, 16), false) ||
        !hex_field(str_n(t.ptr + 53, 2), true))
        return false;
    if (t.len > LEN && (str_is(version, "00") || t.ptr[LEN] != '-')) return false; /* later versions may say more behind it */
    *out = str_head(t, LEN);
    return true;
}

bool idempotency_key_ok(struct str key) {
    if (str_empty(key) || key.len > LIMIT_IDEMPOTENCY_KEY_BYTES) return false;
    for (size_t i = 0; i < key.len; i++)
        if (key.ptr[i] < 0x21 || key.ptr[i] > 0x7e) return false;
    return true;
}

bool content_type_is_json(struct str header) {
    struct str type, rest;
    str_cut(header, ';', &type, &rest);
    /* what `curl -d` says when nobody tells it better; what is read is JSON in any case */
    return str_ieq(str_trim(type), STR("application/json")) || str_ieq(str_trim(type), STR("application/x-www-form-urlencoded"));
}
