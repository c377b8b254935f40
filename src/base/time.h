/* Moments and durations as plain numbers; reading a clock is the business of io/. */
#pragma once
#include "base/buf.h"

#include <stdint.h>

typedef int64_t msec; /* milliseconds; a moment is counted from 1970-01-01 UTC */

enum { MS_SECOND = 1000, MS_MINUTE = 60 * 1000, MS_HOUR = 3600 * 1000, MS_DAY = 24 * 3600 * 1000 };

/* 2026-11-22T08:30:00.123Z */
void time_write_iso(struct buf *b, msec at);
/* Sun, 22 Nov 2026 08:30:00 GMT, as HTTP writes dates. */
void time_write_http(struct buf *b, msec at);
