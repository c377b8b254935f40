#include "cmd/progress.h"
#include "cmd/cli.h"

#include <string.h>
#include <time.h>

int64_t progress_now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void progress_begin(struct progress *p, bool quiet) {
    int width = terminal_width(stderr);
    *p = (struct progress){.quiet = quiet, .terminal = width > 0, .width = width, .began_ms = progress_now_ms()};
}

enum { BAR = 20 };

void progress_show(struct progress *p, const char *stage, int64_t percent) {
    if (p->quiet) return;
    double seconds = (double)(progress_now_ms() - p->began_ms) / 1000;
    if (!p->terminal) {
        char line[sizeof p->last];
        if (percent >= 0) snprintf(line, sizeof line, "%.60s %lld%%", stage, (long long)percent);
        else snprintf(line, sizeof line, "%.60s", stage);
        if (!strcmp(line, p->last)) return;
        memcpy(p->last, line, sizeof line);
        fprintf(stderr, "%6.2f s  %s\n", seconds, line);
        return;
    }
    char bar[BAR + 1];
    int64_t full = percent < 0 ? 0 : percent > 100 ? BAR : percent * BAR / 100;
    for (int i = 0; i < BAR; i++) bar[i] = i < full ? '#' : '-';
    bar[BAR] = 0;
    /* cut to the screen: a line that wraps cannot be rewritten */
    char line[200];
    if (percent >= 0) snprintf(line, sizeof line, "[%s] %3lld%%  %5.1f s  %.60s", bar, (long long)percent, seconds, stage);
    else snprintf(line, sizeof line, "[%s]       %5.1f s  %.60s", bar, seconds, stage);
    fprintf(stderr, "\r\033[K%.*s", p->width > 1 ? p->width - 1 : 1, line);
    fflush(stderr);
    p->open = true;
}

void progress_end(struct progress *p) {
    if (p->open) fputs("\r\033[K", stderr);
    p->open = false;
}
