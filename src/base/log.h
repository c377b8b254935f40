/* One JSON object a line on stderr: ts, level, ev (noun.verb), then the given members. Floors 0 to 3 do not log; they return
 * errors, and the caller that decides writes one line. Secrets never reach a log call. */
#pragma once
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct logger {
    int fd;
    enum log_level least;
    int64_t (*now)(void *);  /* milliseconds since 1970 */
    void *now_arg;
    uint64_t dropped;        /* lines that could not be written; a full log disk never stops the server */
};

/* `members` is a printf format that yields JSON members without the braces, or NULL: "\"gen\":\"%s\"". Strings that come from
 * outside go through log_quote first. */
void log_event(struct logger *l, enum log_level level, const char *ev, const char *members, ...)
    __attribute__((format(printf, 4, 5)));
/* Writes `text` as a JSON string with its quotes into out (cut when it does not fit) and returns out. */
const char *log_quote(const char *text, char *out, uint32_t out_size);
