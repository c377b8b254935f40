/* Private to the wire tests. */
#pragma once
#include "provider/describe.h"
#include "provider/wire.h"

struct wire_step {
    struct doc *d;
    struct arena *a;
    struct str test;
    int number, line;
    bool failed;
};
void wire_problem(struct wire_step *s, const struct json *at, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A mapping or list as it stands, or the JSON that a text holds. NULL when it cannot be read (reported). */
const struct json *wire_json(struct wire_step *s, const struct json *node);
void wire_check_request(struct wire_step *s, const struct json *expected, const struct request *r, const struct provider_call *c);
void wire_check_reading(struct wire_step *s, const struct json *expected, const struct reading *r, struct str uploaded);
