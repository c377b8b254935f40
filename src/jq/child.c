/* puras-jq: runs jq programs for the server, one after the other. One thread; nothing is opened once the first request is read.
 *
 * Always: the socket's end ends it; a run that takes more processor time than it may is ended by the kernel (SIGPROF), and with it this
 * process; memory is bounded by the kernel, and a process that has grown leaves of its own accord between two runs. */
#include "base/buf.h"
#include "base/json.h"
#include "base/limits.h"
#include "jq/values.h"
#include "jq/wire.h"

#include <errno.h>
#include <malloc.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum { GROWN_BYTES = 96 * 1024 * 1024, LOOK_EVERY = 64, SAID_MAX = 400 };

struct compiled {
    jq_state *jq;
    struct str text;
    uint64_t hash, used;
};

struct child {
    struct compiled cache[LIMIT_JQ_PROGRAMS];
    size_t count;
    uint64_t runs;
    char said[SAID_MAX]; /* the first that the compiler or the program complained of */
    struct arena arena;
    struct buf request, out;
};

/* --- walls --- */

static bool limit(int what, rlim_t n) {
    struct rlimit r = {n, n};
    return setrlimit((__rlimit_resource_t)what, &r) == 0;
}

/* Calls on memory, on the one socket, and the ends. Everything else fails as not allowed: no file, no socket, no process. */
static bool enclose(void) {
    static const int calls[] = {
        SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex),
        SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask), SCMP_SYS(clock_gettime), SCMP_SYS(setitimer), SCMP_SYS(getpid), SCMP_SYS(gettid),
        SCMP_SYS(tgkill), SCMP_SYS(restart_syscall), SCMP_SYS(sysinfo), SCMP_SYS(getrandom), /* Debian's libjq seeds its hashes */
#if SANITIZED
        SCMP_SYS(sigaltstack), SCMP_SYS(sched_getaffinity), SCMP_SYS(getrusage), SCMP_SYS(rt_sigaction), SCMP_SYS(sched_yield),
#endif
    };
    static const int socket_calls[] = {SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(sendmsg)};
    if (!limit(RLIMIT_CORE, 0) || !limit(RLIMIT_FSIZE, 0) || !limit(RLIMIT_NOFILE, JQ_WIRE_FD + 1)) return false;
    if (!SANITIZED && !limit(RLIMIT_AS, LIMIT_JQ_MEMORY_BYTES)) return false; /* the sanitizers map terabytes */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    scmp_filter_ctx c = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    bool ok = c != NULL;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) ok = ok && seccomp_rule_add(c, SCMP_ACT_ALLOW, calls[i], 0) == 0;
    for (size_t i = 0; i < sizeof socket_calls / sizeof *socket_calls; i++)
        ok = ok && seccomp_rule_add(c, SCMP_ACT_ALLOW, socket_calls[i], 1, SCMP_A0(SCMP_CMP_EQ, JQ_WIRE_FD)) == 0;
    ok = ok && seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO)) == 0; /* /dev/null */
    ok = ok && seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS),
                                SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0;
    ok = ok && seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0;
    ok = ok && seccomp_load(c) == 0; /* sets no_new_privs too */
    seccomp_release(c);
    return ok;
}

/* Processor time of this process from now on; then the kernel ends it. 0: no bound. */
static void allow(int ms) {
    struct itimerval t = {.it_value = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000}};
    must(setitimer(ITIMER_PROF, &t, NULL) == 0);
}

/* --- programs --- */

static void listen_to(void *arg, jv message) {
    struct child *c = arg;
    if (!*c->said && jv_get_kind(message) == JV_KIND_STRING) snprintf(c->said, sizeof c->said, "%s", jv_string_value(message));
    jv_free(message);
}

static uint64_t hash_of(struct str s) {
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < s.len; i++) h = (h ^ (unsigned char)s.ptr[i]) * UINT64_C(1099511628211);
    return h;
}

static void forget(struct compiled *p) {
    jq_teardown(&p->jq);
    free((void *)(uintptr_t)p->text.ptr);
}

static struct compiled *place_for(struct child *c) {
    if (c->count < LIMIT_JQ_PROGRAMS) return &c->cache[c->count++];
    struct compiled *oldest = c->cache;
    for (size_t i = 1; i < c->count; i++)
        if (c->cache[i].used < oldest->used) oldest = &c->cache[i];
    forget(oldest);
    return oldest;
}

static jq_state *compile(struct child *c, struct str text) {
    struct buf whole = {};
    jq_state *jq = jq_init();
    must(jq);
    jq_set_error_cb(jq, listen_to, c);
    jq_set_input_cb(jq, NULL, NULL); /* jq 1.6 leaves these two as the heap had them */
    jq_set_debug_cb(jq, NULL, NULL);
    buf_z(&whole, values_prelude);
    buf_str(&whole, text);
    bool ok = !memchr(text.ptr, 0, text.len) && jq_compile(jq, whole.ptr);
    buf_done(&whole);
    if (!ok) jq_teardown(&jq);
    return jq;
}

/* NULL when it does not compile. */
static jq_state *program_of(struct child *c, struct str text) {
    uint64_t hash = hash_of(text);
    for (size_t i = 0; i < c->count; i++) {
        struct compiled *p = &c->cache[i];
        if (p->hash != hash || !str_eq(p->text, text)) continue;
        p->used = c->runs;
        return p->jq;
    }
    allow(LIMIT_JQ_COMPILE_MS);
    jq_state *jq = compile(c, text);
    if (!jq) return NULL;
    char *copy = malloc(text.len + 1);
    must(copy);
    memcpy(copy, text.ptr, text.len);
    *place_for(c) = (struct compiled){.jq = jq, .text = str_n(copy, text.len), .hash = hash, .used = c->runs};
    return jq;
}

/* --- runs --- */

static void complain(struct child *c, jv invalid) {
    jv message = jv_invalid_get_msg(invalid);
    if (jv_get_kind(message) == JV_KIND_STRING) snprintf(c->said, sizeof c->said, "%s", jv_string_value(message));
    else {
        jv text = jv_dump_string(message, 0);
        snprintf(c->said, sizeof c->said, "%s", jv_string_value(text));
        jv_free(text);
        return;
    }
    jv_free(message);
}

static enum jq_wire_code evaluate(struct child *c, jq_state *jq, struct exact *x, jv input) {
    enum jq_wire_code code = JQ_WIRE_OK;
    jv v;
    jq_start(jq, input, 0);
    while (jv_is_valid(v = jq_next(jq))) {
        bool fits = values_out(x, v, LIMIT_JQ_BYTES - 1, &c->out);
        jv_free(v);
        if (!fits) {
            jq_start(jq, jv_null(), 0); /* lets go of what the run held */
            if (!x->altered) return JQ_WIRE_TOO_LONG;
            snprintf(c->said, sizeof c->said, "a string over 64 KB can be passed on or left out, not changed or joined to others");
            return JQ_WIRE_FAILED;
        }
        buf_c(&c->out, '\n');
    }
    if (jv_invalid_has_msg(jv_copy(v))) {
        complain(c, v);
        code = JQ_WIRE_FAILED;
    } else jv_free(v);
    if (jq_halted(jq)) code = JQ_WIRE_FAILED;
    jq_start(jq, jv_null(), 0);
    return code;
}

static enum jq_wire_code run(struct child *c, struct str program, struct str input) {
    struct why why = {};
    struct json *j = NULL;
    struct exact x = {.arena = &c->arena};
    jq_state *jq = program_of(c, program);
    if (!jq) return JQ_WIRE_COMPILE;
    allow(LIMIT_JQ_RUN_MS);
    if (json_parse_how(input, JSON_SPOOLS, &c->arena, &why, NULL, &j)) {
        snprintf(c->said, sizeof c->said, "%s", why_text(&why));
        return JQ_WIRE_INPUT;
    }
    return evaluate(c, jq, &x, values_in(&x, j));
}

/* --- the socket --- */

static void receive(void *to, size_t n) {
    for (size_t got = 0; got < n;) {
        ssize_t more = recv(JQ_WIRE_FD, (char *)to + got, n - got, MSG_WAITALL);
        if (more < 0 && errno == EINTR) continue;
        if (more <= 0) _exit(0);
        got += (size_t)more;
    }
}

static void answer(const struct jq_wire_reply *r, struct str text) {
    struct iovec parts[2] = {{(void *)(uintptr_t)r, sizeof *r}, {(void *)(uintptr_t)text.ptr, text.len}};
    struct msghdr m = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t n = sendmsg(JQ_WIRE_FD, &m, MSG_NOSIGNAL);
    size_t sent = n > 0 ? (size_t)n : 0;
    if (sent < sizeof *r) _exit(0);
    for (text = str_skip(text, sent - sizeof *r); text.len; text = str_skip(text, (size_t)n))
        if ((n = send(JQ_WIRE_FD, text.ptr, text.len, MSG_NOSIGNAL)) <= 0) _exit(0);
}

static bool has_grown(const struct child *c) { return c->runs % LOOK_EVERY == 0 && mallinfo2().uordblks > GROWN_BYTES; }

static void serve(struct child *c) {
    struct jq_wire_request q;
    receive(&q, sizeof q);
    if (q.magic != JQ_WIRE_MAGIC || q.program > LIMIT_JQ_PROGRAM_BYTES || q.input > LIMIT_JQ_BYTES) _exit(3);
    buf_clear(&c->request);
    buf_reserve(&c->request, q.program + q.input);
    receive(c->request.ptr, q.program + q.input);
    buf_clear(&c->out);
    arena_reset(&c->arena);
    *c->said = 0;
    c->runs++;
    enum jq_wire_code code = run(c, str_n(c->request.ptr, q.program), str_n(c->request.ptr + q.program, q.input));
    allow(0);
    struct str text = code == JQ_WIRE_OK ? buf_view(&c->out) : code == JQ_WIRE_TOO_LONG ? (struct str){} : str_of(c->said);
    struct jq_wire_reply r = {.magic = JQ_WIRE_MAGIC, .code = code, .text = (uint32_t)text.len, .leaving = has_grown(c)};
    answer(&r, text);
    if (r.leaving) _exit(0);
}

int main(void) {
    struct child *c = calloc(1, sizeof *c);
    int type = 0;
    socklen_t size = sizeof type;
    if (!c || getsockopt(JQ_WIRE_FD, SOL_SOCKET, SO_TYPE, &type, &size)) {
        fprintf(stderr, "puras-jq runs jq programs for the puras server, which starts it; it does nothing by itself.\n");
        return 2;
    }
    if (close_range(JQ_WIRE_FD + 1, ~0U, 0) || !enclose()) return 4;
    for (;;) serve(c);
}
