/* See addr.h. */
#include "http/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t MAPPED[12] = {[10] = 0xff, [11] = 0xff};

struct addr addr_of(const struct sockaddr *sa) {
    struct addr a = {};
    if (sa->sa_family == AF_INET) {
        memcpy(a.ip, MAPPED, sizeof MAPPED);
        memcpy(a.ip + 12, &((const struct sockaddr_in *)sa)->sin_addr, 4);
    } else if (sa->sa_family == AF_INET6) {
        memcpy(a.ip, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
    }
    return a;
}

static bool is_v4(const struct addr *a) { return !memcmp(a->ip, MAPPED, sizeof MAPPED); }

bool addr_parse(struct str text, struct addr *out) {
    text = str_trim(text);
    char z[64];
    const char *colon = text.len ? memchr(text.ptr, ':', text.len) : NULL;
    if (text.len && text.ptr[0] == '[') {
        const char *end = memchr(text.ptr, ']', text.len);
        if (!end) return false;
        text = str_n(text.ptr + 1, (size_t)(end - text.ptr) - 1);
    } else if (colon && memchr(text.ptr, '.', text.len) && !memchr(colon + 1, ':', text.len - (size_t)(colon + 1 - text.ptr))) {
        text.len = (size_t)(colon - text.ptr); /* 1.2.3.4:5678 */
    }
    if (!text.len || text.len >= sizeof z) return false;
    memcpy(z, text.ptr, text.len);
    z[text.len] = 0;
    struct addr a = {};
    if (inet_pton(AF_INET, z, a.ip + 12) == 1) memcpy(a.ip, MAPPED, sizeof MAPPED);
    else if (inet_pton(AF_INET6, z, a.ip) != 1) return false;
    *out = a;
    return true;
}

bool addr_net_parse(struct str text, struct addr_net *out) {
    struct str address, bits_text;
    struct addr_net n = {.bits = 128};
    bool has_bits = str_cut(text, '/', &address, &bits_text);
    if (!addr_parse(address, &n.addr)) return false;
    if (has_bits) {
        int64_t bits;
        int most = is_v4(&n.addr) ? 32 : 128;
        if (!str_to_i64(bits_text, &bits) || bits < 0 || bits > most) return false;
        n.bits = (int)bits + 128 - most;
    }
    *out = n;
    return true;
}

bool addr_in(const struct addr *a, const struct addr_net *n) {
    size_t whole = (size_t)n->bits / 8;
    if (memcmp(a->ip, n->addr.ip, whole)) return false;
    int rest = n->bits % 8;
    return !rest || ((a->ip[whole] ^ n->addr.ip[whole]) >> (8 - rest)) == 0;
}

bool addr_is_loopback(const struct addr *a) {
    static const uint8_t one[16] = {[15] = 1};
    return is_v4(a) ? a->ip[12] == 127 : !memcmp(a->ip, one, 16);
}

struct str addr_text(struct arena *a, const struct addr *x) {
    char z[INET6_ADDRSTRLEN];
    const char *ok = is_v4(x) ? inet_ntop(AF_INET, x->ip + 12, z, sizeof z) : inet_ntop(AF_INET6, x->ip, z, sizeof z);
    return arena_dup(a, str_of(ok));
}

err addr_listen(const char *text, struct why *why, struct sockaddr_storage *out, socklen_t *out_len) {
    struct str s = str_of(text), host = {}, port_text = {};
    for (size_t i = s.len; i-- && !port_text.ptr;)
        if (s.ptr[i] == ':') host = str_head(s, i), port_text = str_skip(s, i + 1);
    int64_t port;
    struct addr a;
    bool brackets = host.len > 1 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (str_is(host, "localhost")) host = STR("127.0.0.1");
    if (!port_text.len || !str_to_i64(port_text, &port) || port < 0 || port > 65535 || !addr_parse(host, &a) ||
        (memchr(host.ptr, ':', host.len) && !brackets))
        return why_set(why, E_INVALID, "\"%s\" is not an address to listen on; write it as 127.0.0.1:8080 or [::1]:8080.", text);
    memset(out, 0, sizeof *out);
    if (is_v4(&a)) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)out;
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        memcpy(&v4->sin_addr, a.ip + 12, 4);
        *out_len = sizeof *v4;
    } else {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        memcpy(&v6->sin6_addr, a.ip, 16);
        *out_len = sizeof *v6;
    }
    return OK;
}

struct addr_count {
    struct addr_count *next;
    struct addr key;
    int count;
};

static struct addr key_of(const struct addr *a) {
    struct addr key = *a;
    if (!is_v4(a)) memset(key.ip + 8, 0, 8);
    return key;
}

/* Seeded, so that nobody can choose addresses that share a bucket. */
static struct addr_count **find(struct addr_counts *t, const struct addr *key) {
    uint64_t h = t->seed;
    for (int i = 0; i < 16; i++) h = (h ^ key->ip[i]) * 0x100000001b3;
    struct addr_count **at = &t->bucket[(h ^ (h >> 32)) % 1024];
    while (*at && memcmp((*at)->key.ip, key->ip, 16)) at = &(*at)->next;
    return at;
}

bool addr_counts_add(struct addr_counts *t, const struct addr *a, int max) {
    struct addr key = key_of(a);
    struct addr_count **at = find(t, &key);
    if (!*at) {
        *at = calloc(1, sizeof **at);
        must(*at);
        (*at)->key = key;
    }
    if ((*at)->count >= max) return false;
    (*at)->count++;
    return true;
}

void addr_counts_drop(struct addr_counts *t, const struct addr *a) {
    struct addr key = key_of(a);
    struct addr_count **at = find(t, &key), *c = *at;
    must(c && c->count > 0);
    if (--c->count) return;
    *at = c->next;
    free(c);
}
