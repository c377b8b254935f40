/* Where this server may connect to: pure decisions on the address of a socket and on the text of a URL. No name is looked up here and
 * no spelling of an address is judged by its text: the address that the kernel would connect to decides (io/upstream.c asks for each
 * new connection, and again for each request on an old one). */
#pragma once
#include "base/arena.h"
#include "base/err.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* What kind of special address it is, in words that follow "is": "a loopback address", "a private address", ... NULL: a public one. */
const char *egress_special(const struct sockaddr *sa);

/* One address of an allow-list: "127.0.0.1:8188", "10.0.0.5" (any port), "[fd00::5]:9000", "fd00::5". */
struct egress_address {
    struct in6_addr ip; /* IPv4 in its mapped form */
    int port;           /* 0: any */
};
[[nodiscard]] err egress_address_read(struct str text, struct why *why, struct egress_address *out);

/* Public addresses are always allowed, special ones when they stand in a list. */
struct egress_rule {
    const struct egress_address *list;
    size_t count;
    bool loopback; /* tests only */
};
/* NULL: allowed. Otherwise what is wrong with it, as egress_special says it. */
const char *egress_refuses(const struct egress_rule *rule, const struct sockaddr *sa);

/* A URL that a request may be made for: http or https, a host, no name and password in it, no blanks or control characters. */
struct egress_url {
    struct str text;   /* normal form, without fragment; NUL-terminated */
    struct str origin; /* "https://host:443": small letters, no final dot, the port always written */
    struct str host;   /* without brackets */
    int port;
    bool tls;
};
/* base: a finished URL that `text` may be relative to, or empty. E_INVALID with a sentence that does not repeat the URL: it may hold a
 * secret. */
[[nodiscard]] err egress_url_read(struct str text, struct str base, struct arena *a, struct why *why, struct egress_url *out);
/* True when `origin` (a URL, of which only scheme, host and port count) is where `u` leads. With "*." before its host it is every server
 * below that one, though not that one itself. */
bool egress_same_origin(const struct egress_url *u, struct str origin);
