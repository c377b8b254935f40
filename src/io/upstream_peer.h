/* For tests: a server of other people, with a thread for each connection. The path says how it behaves:
 *
 *   /ok /echo /bytes/N /chunked       answers; echo: the request as it came
 *   /301/URL .. /308/URL /loop        redirects; loop: to itself
 *   /status/N /headers/N /header/N    a status; N header lines; one of N bytes
 *   /early /folded                    103 before the answer; a header that goes on in further lines, one of them blank
 *   /half /stall /silent /deaf /hang  breaks off, falls silent in the body or before it, does not read the body, hangs up unanswered
 *   /tired                            hangs up unanswered when the connection has served a request before                     */
#pragma once
#include "base/str.h"

#include <pthread.h>
#include <stdatomic.h>

struct peer {
    int fd, port;
    pthread_t thread;
    atomic_int connections, arrivals, served, live; /* arrivals: heads read; served: answers written whole */
    atomic_bool closing;
    bool proxy;                 /* speaks CONNECT, and tunnels to 127.0.0.1:inner whatever address was asked for */
    int inner;
    char connects[16][64];      /* what CONNECT asked for */
    atomic_int connect_count;
};
/* address: "127.0.0.1" or "::1" */
void peer_open(struct peer *p, const char *address);
void peer_close(struct peer *p); /* when its connections have ended */
