/* The server's side of jq programs: a few children, each used by one caller at a time. See jq.h.
 *
 * Always: no caller waits longer than the bound on time, because sending and receiving have one; a child that broke a rule is killed
 * and waited for before its place is free again. */
#include "jq/jq.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/program.h"
#include "jq/wire.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 2, CHILDREN_MAX = 16, FIRST_BYTES = 16 * 1024 };

struct child {
    int socket; /* -1: none runs */
    pid_t pid;
    bool busy;
};

struct jq {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    char program[PROGRAM_PATH];
    struct child children[CHILDREN_MAX];
    int count, callers;
    bool stopped;
    struct jq_stats stats;
};

static err spawn(struct jq *j, struct child *c, struct why *why) {
    char *environment[] = {NULL};
    struct program_start o = {.path = j->program, .what = "The runner of jq programs", .environment = environment, .socket_type = SOCK_STREAM,
                              .socket_fd = JQ_WIRE_FD};
    struct timeval wall = {.tv_sec = LIMIT_JQ_WALL_MS / 1000, .tv_usec = LIMIT_JQ_WALL_MS % 1000 * 1000};
    TRY(program_start(&o, why, &c->socket, &c->pid));
    must(setsockopt(c->socket, SOL_SOCKET, SO_RCVTIMEO, &wall, sizeof wall) == 0);
    must(setsockopt(c->socket, SOL_SOCKET, SO_SNDTIMEO, &wall, sizeof wall) == 0);
    return OK;
}

/* Forgets a child that is gone or did wrong; its status as waitpid gives it. */
static int bury(struct child *c) {
    int status = -1;
    if (c->socket >= 0) close(c->socket);
    if (c->pid > 0) status = program_kill(c->pid);
    c->socket = -1;
    c->pid = 0;
    return status;
}

err jq_start(const struct jq_options *o, struct why *why, struct jq **out) {
    struct jq *j = calloc(1, sizeof *j);
    must(j);
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->freed, NULL);
    j->count = o && o->children > 0 ? o->children : CHILDREN;
    if (j->count > CHILDREN_MAX) j->count = CHILDREN_MAX;
    for (int i = 0; i < j->count; i++) j->children[i].socket = -1;
    err e = program_find(o ? o->program : NULL, "puras-jq", "jq", "The runner of jq programs", why, j->program);
    if (!e) e = spawn(j, &j->children[0], why); /* the others start when they are needed */
    if (e) return jq_stop(j), e;
    *out = j;
    return OK;
}

void jq_stop(struct jq *j) {
    if (!j) return;
    pthread_mutex_lock(&j->lock);
    j->stopped = true;
    for (int i = 0; i < j->count; i++)
        if (j->children[i].busy && j->children[i].pid > 0) kill(j->children[i].pid, SIGKILL); /* its caller waits for it */
    pthread_cond_broadcast(&j->freed);
    while (j->callers) pthread_cond_wait(&j->freed, &j->lock);
    for (int i = 0; i < j->count; i++) bury(&j->children[i]);
    pthread_mutex_unlock(&j->lock);
    pthread_cond_destroy(&j->freed);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

/* --- one exchange; the child is the caller's alone --- */

enum outcome { DONE, LATE, GONE, NOT_SENT, WRONG };

static enum outcome send_all(struct child *c, struct str program, struct str input) {
    struct jq_wire_request q = {.magic = JQ_WIRE_MAGIC, .program = (uint32_t)program.len, .input = (uint32_t)input.len};
    struct iovec parts[3] = {{&q, sizeof q}, {(void *)(uintptr_t)program.ptr, program.len}, {(void *)(uintptr_t)input.ptr, input.len}};
    struct msghdr m = {.msg_iov = parts, .msg_iovlen = 3};
    size_t sent = 0, all = sizeof q + program.len + input.len;
    while (sent < all) {
        ssize_t n = sendmsg(c->socket, &m, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno == EAGAIN ? LATE : sent ? GONE : NOT_SENT;
        sent += (size_t)n;
        for (; m.msg_iovlen && (size_t)n >= m.msg_iov->iov_len; m.msg_iov++, m.msg_iovlen--) n -= (ssize_t)m.msg_iov->iov_len;
        if (m.msg_iovlen) m.msg_iov->iov_base = (char *)m.msg_iov->iov_base + n, m.msg_iov->iov_len -= (size_t)n;
    }
    return DONE;
}

/* At least `need` bytes, at most `room`. */
static enum outcome receive(struct child *c, char *to, size_t need, size_t room, size_t *got) {
    while (*got < need) {
        ssize_t n = recv(c->socket, to + *got, room - *got, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return LATE;
        if (n <= 0) return GONE;
        *got += (size_t)n;
    }
    return DONE;
}

static enum outcome exchange(struct child *c, struct str program, struct str input, struct arena *a, struct jq_wire_reply *r, struct str *out) {
    char first[FIRST_BYTES];
    size_t got = 0;
    enum outcome o = send_all(c, program, input);
    if (o == DONE) o = receive(c, first, sizeof *r, sizeof first, &got);
    if (o != DONE) return o;
    memcpy(r, first, sizeof *r);
    got -= sizeof *r;
    if (r->magic != JQ_WIRE_MAGIC || r->code >= JQ_WIRE_CODES || r->text > LIMIT_JQ_BYTES || got > r->text) return WRONG;
    char *text = arena_bytes(a, r->text + 1);
    memcpy(text, first + sizeof *r, got);
    o = receive(c, text, r->text, r->text, &got);
    *out = str_n(text, r->text);
    return o;
}

/* --- callers --- */

/* A free child that runs; NULL with a reason. */
static struct child *take(struct jq *j, struct why *why, err *e) {
    struct child *c = NULL;
    pthread_mutex_lock(&j->lock);
    j->callers++;
    while (!c && !j->stopped) {
        for (int i = 0; i < j->count && (!c || c->socket < 0); i++)
            if (!j->children[i].busy) c = c && j->children[i].socket < 0 ? c : &j->children[i]; /* rather one that runs */
        if (!c) pthread_cond_wait(&j->freed, &j->lock);
    }
    if (j->stopped) {
        c = NULL;
        *e = why_set(why, E_UNAVAILABLE, "The server is stopping.");
    } else if (c->socket < 0 && (*e = spawn(j, c, why))) c = NULL;
    if (c) c->busy = true;
    else j->callers--, pthread_cond_broadcast(&j->freed);
    pthread_mutex_unlock(&j->lock);
    return c;
}

static void give_back(struct jq *j, struct child *c, unsigned runs, bool failed) {
    pthread_mutex_lock(&j->lock);
    c->busy = false;
    j->callers--;
    j->stats.runs += runs;
    j->stats.failures += failed;
    pthread_cond_broadcast(&j->freed);
    pthread_mutex_unlock(&j->lock);
}

/* Ends a child and says why its call failed. `stopped` is read behind the kill, so that a stop is told from a crash. */
static err end_child(struct jq *j, struct child *c, enum outcome o, struct why *why) {
    pthread_mutex_lock(&j->lock);
    int status = bury(c); /* of one that ended by itself the status stays what it was */
    j->stats.restarts++;
    bool stopped = j->stopped;
    pthread_mutex_unlock(&j->lock);
    if (stopped) return why_set(why, E_UNAVAILABLE, "The server is stopping.");
    if (o == LATE || (status != -1 && WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF))
        return why_set(why, E_DESCRIPTION, "The jq program ran longer than %d ms and was stopped.", LIMIT_JQ_RUN_MS);
    if (o == WRONG) return why_set(why, E_DESCRIPTION, "The jq program made its process answer what no sound one answers.");
    return why_set(why, E_DESCRIPTION, "The jq program broke its process: it took more than %lld MB, or jq itself does not bear it.",
                   LIMIT_JQ_MEMORY_BYTES / 1024 / 1024);
}

/* What the child said, as part of a sentence: one line, well-formed. */
static struct str line_of(struct str text, struct arena *a) {
    struct buf b = {};
    for (size_t i = 0; i < text.len && b.len < 300;) {
        size_t n = utf8_length((const unsigned char *)text.ptr + i, text.len - i);
        if (!n || (n == 1 && (unsigned char)text.ptr[i] < ' ')) {
            if (n && text.ptr[i] == '\n') break;
            buf_c(&b, '?');
            i++;
            continue;
        }
        buf_add(&b, text.ptr + i, n);
        i += n;
    }
    struct str line = arena_dup(a, buf_view(&b));
    buf_done(&b);
    if (str_starts(line, STR("jq: error: "))) line = str_skip(line, 11);
    return line.len ? line : STR("nothing was said about why");
}

static err translate(const struct jq_wire_reply *r, struct str text, struct arena *a, struct why *why, struct str *out) {
    struct str said = r->code == JQ_WIRE_OK ? text : line_of(text, a);
    switch ((enum jq_wire_code)r->code) {
    case JQ_WIRE_OK: *out = text; return OK;
    case JQ_WIRE_COMPILE: return why_set(why, E_DESCRIPTION, "The jq program does not compile: %.*s.", STR_ARG(said));
    case JQ_WIRE_TOO_LONG: return why_set(why, E_LIMIT, "The jq program's results are longer than %d bytes, or nested too deep.", LIMIT_JQ_BYTES);
    case JQ_WIRE_INPUT: return why_set(why, E_BAD_JSON, "The jq program's input could not be read: %.*s", STR_ARG(said));
    default: return why_set(why, E_DESCRIPTION, "The jq program failed: %.*s.", STR_ARG(said));
    }
}

err jq_run(struct jq *j, struct str program, struct str input, struct arena *a, struct why *why, struct str *out) {
    struct jq_wire_reply r = {0};
    struct str text = {0};
    if (input.len > LIMIT_JQ_BYTES) return why_set(why, E_LIMIT, "The jq program's input is longer than %d bytes.", LIMIT_JQ_BYTES);
    if (program.len > LIMIT_JQ_PROGRAM_BYTES) return why_set(why, E_LIMIT, "The jq program is longer than %d bytes.", LIMIT_JQ_PROGRAM_BYTES);
    for (int tries = 0;; tries++) {
        err e = OK;
        struct child *c = take(j, why, &e);
        if (!c) return e;
        enum outcome o = exchange(c, program, input, a, &r, &text);
        if (o != DONE) e = end_child(j, c, o, why);
        else if (r.leaving) {
            pthread_mutex_lock(&j->lock);
            bury(c);
            pthread_mutex_unlock(&j->lock);
        }
        if (o == NOT_SENT && !tries && e != E_UNAVAILABLE) { /* it was gone before this call, by no fault of the program */
            give_back(j, c, 0, false);
            continue;
        }
        if (o == DONE) e = translate(&r, text, a, why, out);
        give_back(j, c, 1, e != OK);
        return e;
    }
}

struct jq_stats jq_stats(struct jq *j) {
    pthread_mutex_lock(&j->lock);
    struct jq_stats s = j->stats;
    pthread_mutex_unlock(&j->lock);
    return s;
}
