/* Addresses of peers: one form for IPv4 and IPv6, networks to compare with, and how many connections each has. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

#include <sys/socket.h>

struct addr {
    uint8_t ip[16]; /* IPv4 as ::ffff:a.b.c.d */
};
struct addr_net {
    struct addr addr;
    int bits; /* of 128 */
};
struct addr addr_of(const struct sockaddr *sa);
bool addr_parse(struct str text, struct addr *out); /* 1.2.3.4, ::1, [::1], with or without a port where that is clear */
bool addr_net_parse(struct str text, struct addr_net *out); /* an address, or address/bits */
bool addr_in(const struct addr *a, const struct addr_net *n);
bool addr_is_loopback(const struct addr *a);
struct str addr_text(struct arena *a, const struct addr *x);

/* "127.0.0.1:8080", "[::1]:8080", "localhost:8080" */
[[nodiscard]] err addr_listen(const char *text, struct why *why, struct sockaddr_storage *out, socklen_t *out_len);

/* IPv6 peers are counted by their /64, which is what one of them is given. */
struct addr_count;
struct addr_counts {
    struct addr_count *bucket[1024];
    uint64_t seed;
};
bool addr_counts_add(struct addr_counts *t, const struct addr *a, int max); /* false: it has max already */
void addr_counts_drop(struct addr_counts *t, const struct addr *a);
