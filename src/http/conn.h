/* Inside of the server: what a connection is and which file moves it. Only files of this room include it.
 *
 *   server.c    listens, accepts, counts, drains          deadline.c  who has waited too long
 *   conn.c      reads, and drives the states below        write.c     sends, waits for room, ends an answer
 *   body.c      what handlers ask of a body               reply.c     puts answers together, errors included
 *   sse.c       event streams                             request.c   what handlers ask of a request
 *
 * Must always hold: handlers are called from conn_process or from the ready queue, never from inside a call they made; a
 * connection that was closed stays readable until the loop's turn is over. */
#pragma once
#include "http/addr.h"
#include "http/http.h"
#include "http/parse.h"
#include "io/loop.h"

enum conn_state {
    CONN_IDLE,   /* between requests */
    CONN_HEAD,   /* the first byte of a head has come */
    CONN_WAIT,   /* a handler has the request; nothing is read */
    CONN_BODY,   /* reading a body for its handler */
    CONN_PAUSED, /* the handler wants no more of the body for now */
    CONN_ANSWER, /* an answer is being sent */
    CONN_SSE,
    CONN_SKIP,   /* answered; a small rest of the body is dropped so that the connection can be kept */
    CONN_LINGER, /* answered and shut; reading on for a while so that the peer can read the answer */
    CONN_CLOSED,
};

/* Each list is ordered by deadline because all its members wait equally long. */
enum wait_class { WAIT_NOTHING, WAIT_IDLE, WAIT_HEAD, WAIT_BODY, WAIT_STALL, WAIT_HEARTBEAT, WAIT_LINGER, WAIT_HALF_CLOSED, WAIT_COUNT };

enum {
    READ_BYTES = 64 * 1024,         /* one read; shared by all connections */
    SKIP_BYTES = 64 * 1024,         /* a rest of a body that is worth keeping the connection for */
    LINGER_BYTES = 4 * 1024 * 1024, /* read after an early answer */
    FILE_TURN_BYTES = 64 * 1024,    /* of one file at a turn: small, so that the peer reads it while it is in the cache */
    SSE_TURN_BYTES = 64 * 1024,
    KEEP_REQUESTS = 256,            /* spare request structs */
    KEEP_TEXT_BYTES = 4096,
    ACCEPT_TURN = 64,
};

struct conn;
struct link {
    struct conn *prev, *next;
};
struct conn_list {
    struct conn *first, *last;
};

/* Who has to do the next step with a request. */
enum owner { OWNER_SERVER, OWNER_HANDLER };
enum sink_kind { SINK_NONE, SINK_WHOLE, SINK_PIECES };

struct http_req {
    struct conn *conn;
    struct http_req *next_free;
    struct head head;
    struct arena arena;
    struct buf extra; /* headers of the answer */
    struct buf body;
    struct id id;
    msec received_at;
    void *user;
    const char *code; /* http_set_code */
    enum owner owner;
    void (*gone)(void *arg, struct http_req *r);
    void *gone_arg;
    void (*over)(void *arg, bool whole); /* http_on_sent */
    void *over_arg;
    bool handed_over; /* all of the answer */
    enum sink_kind sink_kind;
    struct http_sink sink;
    void (*whole)(void *arg, struct http_req *r, struct str body);
    int64_t max, received;
    bool resume_asked; /* inside of chunk */
    err fail; /* found where no handler may be called; acted upon in conn_process */
    int status; /* of the answer; 0: none begun */
    int64_t sent;
    int file; /* -1: none */
    int64_t file_at, file_left;
    bool (*fill)(void *arg, struct http_req *r, struct buf *out);
    void *fill_arg;
};

struct conn {
    uv_poll_t poll;
    struct http_server *server;
    int fd;
    int events; /* asked of the poll handle */
    enum conn_state state;
    bool renew;          /* the state was entered anew: its deadline starts now */
    bool processing;     /* inside conn_process */
    bool ready;          /* in the ready queue */
    bool held;           /* bytes wait in the socket while nobody may read them */
    bool half_closed;    /* the peer sends no more */
    bool broken;         /* a send failed */
    bool close_after, linger_after, skip_after; /* what follows the answer */
    bool grace;          /* the first span of a body has no floor */
    bool counted;        /* in the table of addresses */
    enum wait_class wait;
    msec deadline;
    struct link all, waiting, queue;
    struct addr peer;
    struct parser parser;
    struct http_req *req;
    struct buf in;       /* read, not used yet */
    struct buf out;      /* not sent yet, from out_at on */
    size_t out_at;
    int64_t sent;        /* all bytes the socket took */
    int64_t mark;        /* where the present span of a rate began */
    int64_t lingered;
};

struct http_server {
    struct loop *loop;
    struct io *io;
    struct http_options o;
    struct http_deadlines limit;
    int fd, reserve, port;
    uv_poll_t listener;
    uv_timer_t tick;
    uv_idle_t again; /* runs the ready queue */
    bool listening, accept_paused, draining, destroyed, drained;
    int open_handles, ready_count;
    msec now, drain_at;
    void (*on_drained)(void *arg);
    void *on_drained_arg;
    struct conn_list all, ready, waits[WAIT_COUNT];
    struct addr_counts counts;
    struct addr_net *proxies;
    int proxy_count;
    char **own_hosts;
    int own_host_count;
    struct http_stats stats;
    struct http_req *spare;
    int spare_count;
    int64_t date_second;
    char date[32];
    struct buf scratch; /* answers are put together here and usually leave at once */
    struct buf events;  /* what fill of an event stream appends to */
    char read[READ_BYTES];
};

/* conn.c */
void conn_open(struct http_server *s, int fd, const struct addr *peer, bool counted);
void conn_enter(struct conn *c, enum conn_state state);
void conn_settle(struct conn *c); /* what to wait for in this state; closes a broken connection */
void conn_continue(struct conn *c); /* when nobody is processing: from the ready queue */
void conn_close(struct conn *c);
void conn_lost(struct conn *c); /* tells the handler, then closes */
void conn_tell_handler(struct conn *c); /* the request is over for its handler without its doing */
void server_turn(struct http_server *s); /* runs the ready queue soon, even an empty one */
void conn_linger(struct conn *c);
void request_over(struct conn *c); /* accounts for it and gives it back */
msec server_now(struct http_server *s);
bool server_trusts(const struct http_server *s, const struct addr *a); /* a configured proxy */
struct str server_date(struct http_server *s);
bool server_owns_host(const struct http_server *s, struct str authority);
void server_conn_freed(struct http_server *s);
void server_check_drained(struct http_server *s);
struct http_req *request_take(struct http_server *s);
void request_give(struct http_server *s, struct http_req *r);
void requests_free(struct http_server *s);

/* deadline.c */
void deadline_set(struct conn *c, enum wait_class w, msec at);
void deadline_settle(struct conn *c, enum wait_class w);
void deadline_expire(struct http_server *s);

/* write.c */
void conn_send(struct conn *c, struct str data, bool more_follows);
void conn_flush(struct conn *c);
bool conn_pending(const struct conn *c);
int64_t conn_acknowledged(const struct conn *c);
void answer_go(struct conn *c); /* sends what there is and ends the answer when all is gone */

/* reply.c */
void reply_error(struct conn *c, err code, const char *detail); /* the server's own; closes behind it */
void reply_head(struct http_req *r, int status, const char *content_type, int64_t length, struct buf *out);
void reply_refuse(struct http_server *s, int fd, const char *detail); /* 503 on a socket that gets no connection */

/* body.c */
bool body_step(struct conn *c, struct str *in); /* false: needs more input */
bool skip_step(struct conn *c, struct str *in);

/* sse.c */
void sse_pump(struct conn *c);
void sse_heartbeat(struct conn *c);
