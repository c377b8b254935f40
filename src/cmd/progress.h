/* Live stages on stderr: one line that is rewritten on a terminal, plain lines elsewhere. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool quiet, terminal, open; /* open: a line waits to be rewritten */
    int width;
    int64_t began_ms;
    char last[100];
};
void progress_begin(struct progress *p, bool quiet);
/* percent -1: not known */
void progress_show(struct progress *p, const char *stage, int64_t percent);
void progress_end(struct progress *p); /* wipes the line */
int64_t progress_now_ms(void);         /* monotonic */
