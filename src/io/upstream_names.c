/* With a proxy between us and the world the address is chosen here: looked up, judged by the same rule, and given to the proxy as the
 * place to connect to, so that the proxy resolves nothing by itself. Private addresses that a list allows are reached without it. */
#include "io/upstream_int.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

struct lookup {
    struct upstream_request *r; /* NULL: nobody waits any more */
    char host[256], port[8];
    int result;
    struct addrinfo *found;
};

static void work(void *arg) {
    struct lookup *l = arg;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG};
    l->result = getaddrinfo(l->host, l->port, &hints, &l->found);
}

static void choose(struct upstream_request *r, const struct addrinfo *found) {
    for (const struct addrinfo *a = found; a; a = a->ai_next) {
        char ip[INET6_ADDRSTRLEN];
        const char *what = egress_refuses(&r->rule, a->ai_addr);
        if (what) {
            r->refused = what;
            continue;
        }
        r->refused = NULL;
        r->tunnel = !egress_special(a->ai_addr);
        bool six = a->ai_family == AF_INET6;
        const void *raw = six ? (const void *)&((const struct sockaddr_in6 *)a->ai_addr)->sin6_addr : &((const struct sockaddr_in *)a->ai_addr)->sin_addr;
        if (!inet_ntop(a->ai_family, raw, ip, sizeof ip)) continue;
        snprintf(r->connect_to, sizeof r->connect_to, six ? "::[%s]:%d" : "::%s:%d", ip, r->url.port);
        request_add(r);
        return;
    }
    if (r->refused) request_fail(r, E_EGRESS, "The server %.*s is %s, to which this server does not connect.", STR_ARG(str_head(r->url.host, 100)), r->refused);
    else request_fail(r, E_UPSTREAM, "There is no server named %.*s.", STR_ARG(str_head(r->url.host, 100)));
    request_finish(r);
}

static void done(void *arg) {
    struct lookup *l = arg;
    struct upstream_request *r = l->r;
    if (r) {
        r->lookup = NULL;
        choose(r, l->result ? NULL : l->found);
    }
    if (!l->result) freeaddrinfo(l->found);
    free(l);
}

void request_look_up(struct upstream_request *r) {
    struct lookup *l = calloc(1, sizeof *l);
    must(l);
    *l = (struct lookup){.r = r};
    snprintf(l->host, sizeof l->host, "%.*s", STR_ARG(r->url.host));
    snprintf(l->port, sizeof l->port, "%d", r->url.port);
    r->lookup = l;
    if (r->url.host.len < sizeof l->host && !pool_run(r->u->names, work, done, l)) return;
    r->lookup = NULL;
    free(l);
    request_fail(r, E_UPSTREAM, "Too many names are being looked up now.");
    request_finish(r);
}

void lookup_forget(struct upstream_request *r) {
    r->lookup->r = NULL;
    r->lookup = NULL;
}
