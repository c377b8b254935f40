/* Any text as a URL, alone and as a redirect: what is taken must be in normal form, read again as itself, and hold nothing that another
 * reader could take for a name and password or for a second request. */
#include "base/err.h"
#include "base/limits.h"
#include "io/egress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct egress_url *u, struct arena *a) {
    struct egress_url again;
    must(str_starts(u->text, STR("http://")) || str_starts(u->text, STR("https://")));
    for (size_t i = 0; i < u->text.len; i++) must(u->text.ptr[i] > ' ' && u->text.ptr[i] < 0x7f && u->text.ptr[i] != '\\');
    must(u->host.len && !memchr(u->host.ptr, '@', u->host.len) && !memchr(u->host.ptr, '/', u->host.len) && !memchr(u->host.ptr, 0, u->host.len));
    must(u->port > 0 && u->port < 65536);
    must(u->text.len > LIMIT_URL_BYTES || egress_url_read(u->text, STR(""), a, NULL, &again) == OK);
    must(u->text.len > LIMIT_URL_BYTES || (str_eq(again.text, u->text) && str_eq(again.origin, u->origin)));
    must(egress_same_origin(u, u->origin));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena a = {};
    struct egress_url u;
    struct egress_address at;
    struct str text = str_n(data, size);
    if (!egress_url_read(text, STR(""), &a, NULL, &u)) check(&u, &a);
    if (!egress_url_read(text, STR("https://example.com/a/b?c"), &a, NULL, &u)) check(&u, &a);
    if (!egress_address_read(text, NULL, &at)) must(at.port >= 0 && at.port < 65536);
    arena_done(&a);
    return 0;
}
