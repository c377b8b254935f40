/* The table of special addresses, from the registries of special-purpose addresses (RFC 6890 and its successors), with the addresses
 * under which clouds tell a machine its secrets. The first row that fits names it. */
#include "io/egress.h"

#include "base/cleanup.h"
#include "base/limits.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

struct range4 {
    uint8_t net[4];
    int bits;
    const char *what;
};
static const struct range4 RANGES4[] = {
    {{169, 254, 169, 254}, 32, "a metadata address of a cloud"},
    {{169, 254, 170, 2}, 32, "a metadata address of a cloud"},
    {{100, 100, 100, 200}, 32, "a metadata address of a cloud"},
    {{168, 63, 129, 16}, 32, "a metadata address of a cloud"}, /* Azure's, in the middle of public space */
    {{192, 0, 0, 192}, 32, "a metadata address of a cloud"},
    {{255, 255, 255, 255}, 32, "the broadcast address"},
    {{0, 0, 0, 0}, 8, "an address of this very machine"},
    {{10, 0, 0, 0}, 8, "a private address"},
    {{100, 64, 0, 0}, 10, "an address shared inside a carrier's network"},
    {{127, 0, 0, 0}, 8, "a loopback address"},
    {{169, 254, 0, 0}, 16, "a link-local address"},
    {{172, 16, 0, 0}, 12, "a private address"},
    {{192, 0, 0, 0}, 24, "an address for protocols"},
    {{192, 0, 2, 0}, 24, "an address for documentation"},
    {{192, 88, 99, 0}, 24, "an address of a 6to4 relay"},
    {{192, 168, 0, 0}, 16, "a private address"},
    {{198, 18, 0, 0}, 15, "an address for benchmarks"},
    {{198, 51, 100, 0}, 24, "an address for documentation"},
    {{203, 0, 113, 0}, 24, "an address for documentation"},
    {{224, 0, 0, 0}, 4, "a multicast address"},
    {{240, 0, 0, 0}, 4, "a reserved address"},
};

struct range6 {
    uint8_t net[16];
    int bits;
    const char *what;
};
/* Forms that carry an IPv4 address are refused whole: no honest name leads to one, and what it would reach depends on the network. */
static const struct range6 RANGES6[] = {
    {{0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54}, 128, "a metadata address of a cloud"},
    {{0xfd, 0x20, 0, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54}, 128, "a metadata address of a cloud"},
    {{0}, 128, "an address of this very machine"},
    {{[15] = 1}, 128, "a loopback address"},
    {{[10] = 0xff, [11] = 0xff}, 96, "an IPv4 address written as IPv6"},
    {{[8] = 0xff, [9] = 0xff}, 96, "an IPv4 address written as IPv6"}, /* ::ffff:0:a.b.c.d */
    {{0}, 96, "an IPv4 address written as IPv6"},
    {{0, 0x64, 0xff, 0x9b}, 96, "an address that is translated to IPv4"},
    {{0, 0x64, 0xff, 0x9b, 0, 1}, 48, "an address that is translated to IPv4"},
    {{1}, 64, "an address that discards"},
    {{0x20, 0x01, 0, 0}, 32, "a Teredo tunnel"},
    {{0x20, 0x01, 0, 0}, 23, "an address for protocols"},
    {{0x20, 0x01, 0x0d, 0xb8}, 32, "an address for documentation"},
    {{0x20, 0x02}, 16, "a 6to4 tunnel"},
    {{0x3f, 0xff}, 20, "an address for documentation"},
    {{0x5f}, 16, "an address for segment routing"},
    {{0xfc}, 7, "a private address"},
    {{0xfe, 0x80}, 10, "a link-local address"},
    {{0xfe, 0xc0}, 10, "a private address"},
    {{0xff}, 8, "a multicast address"},
};
enum { COUNT4 = sizeof RANGES4 / sizeof *RANGES4, COUNT6 = sizeof RANGES6 / sizeof *RANGES6 };

static bool inside(const uint8_t *ip, const uint8_t *net, int bits) {
    int whole = bits / 8, rest = bits % 8;
    if (memcmp(ip, net, (size_t)whole)) return false;
    return !rest || (ip[whole] ^ net[whole]) >> (8 - rest) == 0;
}

static const char *special4(const uint8_t *ip) {
    for (int i = 0; i < COUNT4; i++)
        if (inside(ip, RANGES4[i].net, RANGES4[i].bits)) return RANGES4[i].what;
    return NULL;
}

static const char *special6(const uint8_t *ip) {
    for (int i = 0; i < COUNT6; i++)
        if (inside(ip, RANGES6[i].net, RANGES6[i].bits)) return RANGES6[i].what;
    return ip[0] >> 5 == 1 ? NULL : "a reserved address"; /* only 2000::/3 has been given out */
}

const char *egress_special(const struct sockaddr *sa) {
    if (sa->sa_family == AF_INET) return special4((const uint8_t *)&((const struct sockaddr_in *)sa)->sin_addr);
    if (sa->sa_family == AF_INET6) return special6(((const struct sockaddr_in6 *)sa)->sin6_addr.s6_addr);
    return "no address of the internet";
}

/* --- allow-lists --- */

static struct in6_addr mapped(const void *ip4) {
    struct in6_addr a = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
    memcpy(a.s6_addr + 12, ip4, 4);
    return a;
}

static bool read_port(struct str s, int *out) {
    int64_t n;
    if (!str_to_i64(s, &n) || n < 1 || n > 65535) return false;
    *out = (int)n;
    return true;
}

err egress_address_read(struct str text, struct why *why, struct egress_address *out) {
    struct str host = text, port = {0};
    bool bracket = text.len && text.ptr[0] == '[', ok = true;
    if (bracket) ok = str_cut(str_skip(text, 1), ']', &host, &port) && (!port.len || port.ptr[0] == ':');
    else if (text.len && memchr(text.ptr, '.', text.len) && str_cut(text, ':', &host, &port)) port = str_n(port.ptr - 1, port.len + 1);
    struct egress_address a = {};
    char z[INET6_ADDRSTRLEN];
    ok = ok && host.len < sizeof z && (!port.len || read_port(str_skip(port, 1), &a.port));
    if (ok) {
        memcpy(z, host.ptr, host.len);
        z[host.len] = 0;
        struct in_addr four;
        if (!bracket && inet_pton(AF_INET, z, &four) == 1) a.ip = mapped(&four);
        else ok = inet_pton(AF_INET6, z, &a.ip) == 1;
    }
    if (!ok)
        return why_set(why, E_INVALID, "`%.*s` is not an address: write 10.0.0.5, 10.0.0.5:9000, fd00::5 or [fd00::5]:9000.", STR_ARG(str_head(text, 80)));
    *out = a;
    return OK;
}

static bool listed(const struct egress_rule *rule, const struct sockaddr *sa) {
    struct in6_addr ip;
    int port;
    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)sa;
        ip = mapped(&four->sin_addr);
        port = ntohs(four->sin_port);
    } else if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)sa;
        ip = six->sin6_addr;
        port = ntohs(six->sin6_port);
    } else return false;
    for (size_t i = 0; i < rule->count; i++)
        if (!memcmp(&rule->list[i].ip, &ip, sizeof ip) && (!rule->list[i].port || rule->list[i].port == port)) return true;
    return false;
}

static bool is_loopback(const struct sockaddr *sa) {
    if (sa->sa_family == AF_INET) return *(const uint8_t *)&((const struct sockaddr_in *)sa)->sin_addr == 127;
    return sa->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)sa)->sin6_addr);
}

const char *egress_refuses(const struct egress_rule *rule, const struct sockaddr *sa) {
    const char *what = egress_special(sa);
    if (!what || listed(rule, sa) || (rule->loopback && is_loopback(sa))) return NULL;
    return what;
}

/* --- URLs --- */

static void curl_freep(char **p) { curl_free(*p); }
static void curl_url_freep(CURLU **u) { curl_url_cleanup(*u); }

static bool has_scheme(struct str s) {
    struct str head = str_head(s, 8);
    return str_ieq(str_head(head, 7), STR("http://")) || str_ieq(head, STR("https://"));
}

/* Blanks, backslashes and control characters stand nowhere; up to the end of the server's name everything is ASCII. */
static bool plain(struct str s) {
    size_t name = has_scheme(s) ? (size_t)((const char *)memchr(s.ptr, ':', s.len) - s.ptr) + 3 : str_starts(s, STR("//")) ? 2 : s.len;
    bool path = name == s.len;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c == 0x7f || c == '\\') return false;
        if (i >= name && (c == '/' || c == '?' || c == '#')) path = true;
        if (c >= 0x80 && !path) return false;
    }
    return true;
}

/* A name whose last label is a number is an address in one of the forms that readers disagree about; only the plain one is taken. */
static bool ends_in_number(struct str host) {
    size_t from = host.len;
    while (from > 0 && host.ptr[from - 1] != '.') from--;
    struct str last = str_skip(host, from);
    if (!last.len) return false;
    for (size_t i = 0; i < last.len; i++)
        if (last.ptr[i] < '0' || last.ptr[i] > '9') return last.len > 1 && last.ptr[0] == '0' && (last.ptr[1] == 'x' || last.ptr[1] == 'X');
    return true;
}

static bool host_ok(char *host) {
    size_t n = strlen(host);
    if (host[0] == '[') return n > 2 && host[n - 1] == ']';
    for (size_t i = 0; i < n; i++) {
        char c = host[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
        if (!letter || (c == '.' && (i == 0 || host[i - 1] == '.'))) return false;
    }
    struct in_addr four;
    return n > 0 && host[n - 1] != '.' && (!ends_in_number(str_of(host)) || inet_pton(AF_INET, host, &four) == 1);
}

static err unreadable(struct why *why, const char *what) { return why_set(why, E_INVALID, "The link cannot be used: %s.", what); }

/* Host in small letters and without the dot that may end a name. */
static void fold(char *host) {
    size_t n = strlen(host);
    for (size_t i = 0; i < n; i++)
        if (host[i] >= 'A' && host[i] <= 'Z') host[i] += 'a' - 'A';
    if (n > 1 && host[n - 1] == '.') host[n - 1] = 0;
}

static err take_parts(CURLU *u, struct arena *a, struct why *why, struct egress_url *out) {
    _cleanup_(curl_freep) char *host = NULL, *port = NULL, *scheme = NULL, *text = NULL, *user = NULL, *password = NULL, *zone = NULL;
    struct egress_url r = {};
    if (!curl_url_get(u, CURLUPART_USER, &user, 0) || !curl_url_get(u, CURLUPART_PASSWORD, &password, 0))
        return unreadable(why, "a name or password stands in it");
    if (!curl_url_get(u, CURLUPART_ZONEID, &zone, 0)) return unreadable(why, "it names a network interface");
    if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) || (strcmp(scheme, "http") && strcmp(scheme, "https")))
        return unreadable(why, "only http:// and https:// are taken");
    if (curl_url_get(u, CURLUPART_HOST, &host, 0)) return unreadable(why, "it names no server");
    fold(host);
    if (!host_ok(host)) return unreadable(why, "its server is written in a way that could be read as another");
    if (curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) || !read_port(str_of(port), &r.port)) return unreadable(why, "its port is no port");
    if (curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0) || curl_url_set(u, CURLUPART_HOST, host, 0) || curl_url_get(u, CURLUPART_URL, &text, 0))
        return unreadable(why, "it is not a URL");
    r.tls = scheme[4] == 's';
    r.text = arena_dup(a, str_of(text));
    r.origin = arena_printf(a, "%s://%s:%d", scheme, host, r.port);
    r.host = arena_dup(a, host[0] == '[' ? str_n(host + 1, strlen(host) - 2) : str_of(host));
    *out = r;
    return OK;
}

err egress_url_read(struct str text, struct str base, struct arena *a, struct why *why, struct egress_url *out) {
    if (!text.len || text.len > LIMIT_URL_BYTES) return unreadable(why, text.len ? "it is too long" : "it is empty");
    if (!base.len && !has_scheme(text)) return unreadable(why, "only http:// and https:// are taken");
    if (memchr(text.ptr, 0, text.len) || !plain(text)) return unreadable(why, "a character stands in it that has no place there");
    _cleanup_(curl_url_freep) CURLU *u = curl_url();
    must(u);
    char *z = arena_strz(a, text);
    struct str after = str_skip(text, strcspn(z, ":") + 3);
    if (has_scheme(text) && (!after.len || after.ptr[0] == '/')) return unreadable(why, "it names no server");
    if (base.len && curl_url_set(u, CURLUPART_URL, arena_strz(a, base), 0)) return unreadable(why, "it is not a URL");
    if (curl_url_set(u, CURLUPART_URL, z, CURLU_URLENCODE)) return unreadable(why, "it is not a URL");
    return take_parts(u, a, why, out);
}

bool egress_same_origin(const struct egress_url *u, struct str origin) {
    _cleanup_(arena_done) struct arena a = {};
    struct egress_url o;
    const char *star = origin.len ? memmem(origin.ptr, origin.len, "://*.", 5) : NULL;
    if (!star) return origin.len && !egress_url_read(origin, STR(""), &a, NULL, &o) && str_eq(o.origin, u->origin);
    size_t scheme = (size_t)(star - origin.ptr) + 3;
    struct str rest = str_skip(origin, scheme + 1); /* ".example.com" */
    if (egress_url_read(arena_printf(&a, "%.*s%.*s", (int)scheme, origin.ptr, STR_ARG(str_skip(rest, 1))), STR(""), &a, NULL, &o)) return false;
    return o.tls == u->tls && o.port == u->port && u->host.len > o.host.len + 1 && str_ends(u->host, arena_printf(&a, ".%.*s", STR_ARG(o.host)));
}
