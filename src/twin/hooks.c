/* Calls back: once a work is over, as its mood says twice, late or with a wrong signature. A provider tries again for hours; the twin
 * does not, because a webhook is a hint only and must not be needed. */
#include "twin/wire.h"

#include <stdio.h>
#include <stdlib.h>

static void delivered(void *arg, const struct upstream_answer *a) { ((struct work *)arg)->hooks_under_way--; }

static void spoil(struct upstream_header *h, struct arena *a) {
    char *text = arena_strz(a, h->value), *c = &text[h->value.len * 3 / 4]; /* not the last, of which base64 may not use every bit */
    *c = *c == 'a' ? 'b' : 'a';
    h->value = str_of(text);
}

static void post(struct work *w) {
    struct upstream_header headers[8] = {{STR("content-type"), STR("application/json")}};
    size_t count = 1;
    struct buf body = {};
    struct jw out = {.out = &body};
    struct arena a = {};
    w->face->write(w, NULL, &out);
    if (w->face->sign) w->face->sign(w->server, w, buf_view(&body), io_now(server_io(w->server)), &a, headers, &count);
    for (size_t i = 1; w->mood.forged && i < count; i++)
        if (str_ends(headers[i].name, STR("ignature"))) spoil(&headers[i], &a);
    struct upstream_ask ask = {.policy = EGRESS_TENANT, .method = STR("POST"), .url = w->webhook, .headers = headers, .header_count = count, .body = buf_view(&body),
                               .timeout = 15 * MS_SECOND, .done = delivered, .arg = w};
    w->hooks_under_way++;
    if (!upstream_send(server_upstream(w->server), &ask)) w->hooks_under_way--;
    buf_done(&body);
    arena_done(&a);
}

static void fire(void *arg) {
    struct work *w = arg;
    w->hook_rest = NULL;
    post(w);
    if (w->mood.twice) post(w);
}

void hook_send(struct work *w) {
    struct io *io = server_io(w->server);
    if (!w->webhook.len || w->hooked) return;
    w->hooked = true;
    w->hook_rest = io->ops->timer_start(io, w->mood.late, fire, w);
}
