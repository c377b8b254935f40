/* Starts the media helper and hands it jobs; the face is media.h. Used by whoever renders, on the threads of a pool.
 *
 * Always: a job's descriptors are closed on every path; nothing a child says is believed before it was checked against bounds
 * and against the file itself. Time is a timer descriptor per job, not a clock. */
#include "media/media.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/program.h"
#include "media/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

struct helper {
    pthread_mutex_t lock;
    pthread_cond_t idle;
    char program[PROGRAM_PATH];
    int slots;     /* eventfd semaphore: renders that may still start */
    int readers;   /* likewise: reads, which a long render must not hold up */
    int control;   /* -1: no helper runs */
    pid_t pid;     /* 0: none */
    uint64_t jobs; /* numbers given so far */
    int active;    /* callers inside helper_render */
    bool stopped;
};

/* A job under way; what it holds is released when it leaves its scope. */
struct run {
    int socket, out, timer;
    uint64_t job;
    int slots; /* the helper's, of its kind */
    bool has_slot, unwanted;
    const struct render_job *asked;
};

/* Called with the lock held. */
static err spawn(struct helper *h, struct why *why) {
    char *environment[] = {(char[]){"LANG=C.UTF-8"}, (char[]){"PATH=/usr/bin:/bin"}, (char[]){"HOME=/"}, NULL};
    struct program_start o = {.path = h->program, .what = "The media helper", .environment = environment, .socket_type = SOCK_SEQPACKET,
                              .socket_fd = WIRE_CONTROL_FD, .keep_stderr = true};
    return program_start(&o, why, &h->control, &h->pid);
}

/* Forgets a helper that is gone or no longer answers. Called with the lock held. */
static void bury(struct helper *h) {
    if (h->control >= 0) close(h->control);
    if (h->pid > 0) program_kill(h->pid);
    h->control = -1;
    h->pid = 0;
}

err helper_start(const struct helper_options *o, struct why *why, struct helper **out) {
    int at_once = o && o->at_once > 0 ? o->at_once : LIMIT_RENDERS_AT_ONCE;
    struct helper *h = calloc(1, sizeof *h);
    must(h);
    h->control = -1;
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->idle, NULL);
    h->slots = eventfd((unsigned)at_once, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    h->readers = eventfd(LIMIT_READS_AT_ONCE, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    err e = h->slots < 0 || h->readers < 0 ? why_set(why, E_UNAVAILABLE, "The media helper's queue could not be made: %s.", strerror(errno)) : OK;
    if (!e) e = program_find(o ? o->program : NULL, "puras-media", "media", "The media helper", why, h->program);
    if (!e) e = spawn(h, why);
    if (e) return helper_stop(h), e;
    *out = h;
    return OK;
}

void helper_halt(struct helper *h) {
    if (!h) return;
    pthread_mutex_lock(&h->lock);
    h->stopped = true;
    bury(h); /* its end is the end of its children, and each caller sees its socket close */
    pthread_mutex_unlock(&h->lock);
}

void helper_stop(struct helper *h) {
    if (!h) return;
    helper_halt(h);
    pthread_mutex_lock(&h->lock);
    while (h->active) pthread_cond_wait(&h->idle, &h->lock);
    pthread_mutex_unlock(&h->lock);
    if (h->slots >= 0) close(h->slots);
    if (h->readers >= 0) close(h->readers);
    pthread_cond_destroy(&h->idle);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

int helper_pid(struct helper *h) {
    pthread_mutex_lock(&h->lock);
    int pid = h->pid;
    pthread_mutex_unlock(&h->lock);
    return pid;
}

static void answer(struct render_answer *a, err code, const char *sentence) {
    *a = (struct render_answer){.code = code};
    snprintf(a->detail, sizeof a->detail, "%s", sentence);
}

/* It waits no longer: its time is over, or nobody wants the file any more. */
static void answer_ended(const struct run *r, struct render_answer *a) {
    if (r->unwanted) answer(a, E_CANCELLED, "Nobody wants the file any more.");
    else answer(a, E_DEADLINE, "The file was not finished before its deadline.");
}

static ssize_t send_order(int control, const struct wire_order *o, const int *fds, size_t count) {
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE((2 + WIRE_FILES_MAX) * sizeof(int))];
    } space = {0};
    struct iovec part = {(void *)(uintptr_t)o, sizeof *o};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    if (count) {
        m.msg_control = &space;
        m.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(c), fds, count * sizeof(int));
    }
    ssize_t n;
    do n = sendmsg(control, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n;
}

/* True once the kernel says that the process is no more. Called with the lock held. */
static bool is_dead(struct helper *h) {
    int status;
    if (h->pid <= 0) return true;
    if (!program_is_gone(h->pid, &status)) return false;
    h->pid = 0;
    return true;
}

/* Hands the job over, to a new helper if the old one died. */
static err hand_over(struct helper *h, struct run *r, msec timeout, int theirs, struct why *why) {
    struct wire_order o = {.magic = WIRE_MAGIC, .op = WIRE_RUN, .timeout_ms = (uint32_t)timeout, .file_count = (uint32_t)r->asked->file_count};
    int fds[2 + WIRE_FILES_MAX] = {theirs, r->out};
    err e = OK;
    for (size_t i = 0; i < r->asked->file_count; i++) fds[2 + i] = r->asked->files[i].fd;
    pthread_mutex_lock(&h->lock);
    o.job = r->job = ++h->jobs;
    for (int tries = 0; tries < 2; tries++) {
        e = OK;
        if (h->stopped) {
            e = why_set(why, E_UPSTREAM, "The server is stopping.");
            break;
        }
        if (is_dead(h)) {
            bury(h);
            e = spawn(h, why);
            if (e) break;
        }
        if (send_order(h->control, &o, fds, 2 + o.file_count) == sizeof o) break;
        e = why_set(why, E_UPSTREAM, "The media helper takes no more jobs: %s.", strerror(errno));
        if (errno != EPIPE && errno != ECONNRESET && errno != ENOTCONN && errno != ECONNREFUSED) break; /* full, not gone */
        bury(h);
    }
    pthread_mutex_unlock(&h->lock);
    return e;
}

static bool wait_readable(struct run *r, int fd) {
    struct pollfd p[3] = {{.fd = fd, .events = POLLIN}, {.fd = r->timer, .events = POLLIN}, {.fd = r->asked->unwanted > 0 ? r->asked->unwanted : -1, .events = POLLIN}};
    for (;;) {
        if (poll(p, 3, -1) < 0 && errno != EINTR) return false;
        if ((r->unwanted = p[2].revents != 0)) return false; /* before all else: a child that goes on telling its stages must not outlast it */
        if (p[0].revents) return true; /* an answer that is there counts, even in the last moment */
        if (p[1].revents) return false;
    }
}

static bool take_slot(struct run *r) {
    uint64_t one;
    while (wait_readable(r, r->slots)) {
        if (read(r->slots, &one, sizeof one) == sizeof one) return r->has_slot = true;
        if (errno != EAGAIN && errno != EINTR) return false;
    }
    return false;
}

static void stop_child(struct helper *h, struct run *r) {
    struct wire_order o = {.magic = WIRE_MAGIC, .op = WIRE_KILL, .job = r->job};
    pthread_mutex_lock(&h->lock);
    if (h->control >= 0 && send_order(h->control, &o, NULL, 0) < 0) { /* its own timer ends it a second later */
    }
    pthread_mutex_unlock(&h->lock);
}

static bool in_range(int64_t v, int64_t low, int64_t high) { return v >= low && v <= high; }

/* Text from a child: ended, well-formed, nothing below a blank. */
static bool is_text(const char *p, size_t size) {
    size_t n = strnlen(p, size);
    if (n == size || !str_is_utf8(str_n(p, n))) return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)p[i] < 32) return false;
    return true;
}

/* Reads n bytes. E_DEADLINE when it waits no longer, or E_UPSTREAM when the child ended before them. */
static err receive_bytes(struct run *r, void *out, size_t n) {
    size_t got = 0;
    while (got < n) {
        if (!wait_readable(r, r->socket)) return E_DEADLINE;
        ssize_t more = recv(r->socket, (char *)out + got, n - got, MSG_DONTWAIT);
        if (more < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (more <= 0) return E_UPSTREAM;
        got += (size_t)more;
    }
    return OK;
}

/* Tells the caller what is new in it; false when it is no progress that a sound child sends. */
static bool take_progress(struct run *r, const struct wire_progress *p, struct wire_progress *last) {
    if (!is_text(p->stage, sizeof p->stage) || !*p->stage || !in_range(p->percent, 0, 100)) return false;
    bool news = p->percent > last->percent || strcmp(p->stage, last->stage);
    int percent = p->percent > last->percent ? p->percent : last->percent;
    *last = *p;
    last->percent = percent;
    if (news && r->asked->stage) r->asked->stage(r->asked->stage_arg, last->stage, percent);
    return true;
}

/* The child's words up to its answer. E_CORRUPT when they are none of ours. */
static err receive(struct run *r, struct wire_answer *out) {
    struct wire_progress p, last = {.percent = -1};
    for (int i = 0; i <= WIRE_PROGRESS_MAX; i++) {
        uint32_t magic = 0;
        TRY(receive_bytes(r, &magic, sizeof magic));
        if (magic != WIRE_PROGRESS) {
            out->magic = magic;
            return receive_bytes(r, (char *)out + sizeof magic, sizeof *out - sizeof magic);
        }
        p.magic = magic;
        TRY(receive_bytes(r, (char *)&p + sizeof magic, sizeof p - sizeof magic));
        if (!take_progress(r, &p, &last)) break;
    }
    return E_CORRUPT;
}

static bool is_object(const char *text) {
    struct arena a = {0};
    struct json *j = NULL;
    bool ok = json_parse(str_of(text), &a, NULL, &j) == OK && json_is(j, JSON_OBJECT);
    arena_done(&a);
    return ok;
}

/* The file itself must be what the child says it is. */
static bool file_agrees(int out, const struct wire_answer *w) {
    char head[4096];
    struct stat st;
    if (fstat(out, &st) || st.st_size != w->bytes) return false;
    ssize_t n = pread(out, head, sizeof head, 0);
    if (n <= 0) return false;
    struct sniffed s = media_sniff(str_n(head, (size_t)n));
    if (!s.type || strcmp(s.type, w->type) || strcmp(s.ext, w->ext)) return false;
    if (!strcmp(s.kind, "audio")) return !w->width && !w->height && w->duration_ms >= 1;
    if (w->width < 1 || w->height < 1) return false;
    if (!strcmp(s.kind, "video")) return w->duration_ms >= 1;
    struct media_facts f = media_measure(str_n(head, (size_t)n));
    return !strcmp(s.kind, "image") && f.width == w->width && f.height == w->height;
}

static bool believable(const struct run *r, const struct wire_answer *w) {
    if (w->magic != WIRE_MAGIC || w->code >= WIRE_CODES) return false;
    if (!is_text(w->detail, sizeof w->detail) || !is_text(w->type, sizeof w->type) || !is_text(w->ext, sizeof w->ext) || !is_text(w->scene, sizeof w->scene))
        return false;
    if (w->code != WIRE_OK) return true;
    if (!in_range(w->width, 0, 1 << 16) || !in_range(w->height, 0, 1 << 16) || !in_range(w->duration_ms, 0, MS_DAY) ||
        !in_range(w->render_us, 0, 1000LL * MS_DAY) || !in_range(w->encode_us, 0, 1000LL * MS_DAY) || !is_object(w->scene))
        return false;
    if (!r->asked->out_path) return !w->bytes && !*w->type && !*w->ext; /* the sizes are then those of a file that was read */
    return w->width * w->height <= LIMIT_RENDER_PIXELS && in_range(w->bytes, 1, WIRE_FILE_MAX) && file_agrees(r->out, w);
}

static void translate(const struct wire_answer *w, struct render_answer *out) {
    static const err codes[WIRE_CODES] = {[WIRE_OK] = OK, [WIRE_INVALID] = E_INVALID, [WIRE_STORAGE_FULL] = E_STORAGE_FULL, [WIRE_FAILED] = E_UPSTREAM};
    *out = (struct render_answer){.code = codes[w->code]};
    memcpy(out->detail, w->detail, sizeof out->detail);
    if (out->code) return;
    memcpy(out->type, w->type, sizeof out->type);
    memcpy(out->ext, w->ext, sizeof out->ext);
    memcpy(out->scene, w->scene, sizeof out->scene);
    out->width = w->width, out->height = w->height, out->duration_ms = w->duration_ms, out->bytes = w->bytes;
    out->render_us = w->render_us, out->encode_us = w->encode_us;
}

static void collect(struct helper *h, struct run *r, struct render_answer *out) {
    struct wire_answer w;
    err e = receive(r, &w);
    if (e == E_DEADLINE) {
        stop_child(h, r);
        answer_ended(r, out);
        return;
    }
    if (e == E_CORRUPT) {
        stop_child(h, r);
        answer(out, E_UPSTREAM, "The renderer said what no sound renderer says and was stopped.");
        return;
    }
    if (e) {
        pthread_mutex_lock(&h->lock);
        bool stopped = h->stopped;
        if (!stopped && is_dead(h)) bury(h); /* so that helper_pid tells the truth */
        pthread_mutex_unlock(&h->lock);
        answer(out, E_UPSTREAM, stopped ? "The server stopped while the file was being made." : "The renderer broke off while making the file; try again.");
        return;
    }
    if (!believable(r, &w)) {
        stop_child(h, r);
        answer(out, E_UPSTREAM, "The renderer's answer did not agree with its file and was not used.");
        return;
    }
    translate(&w, out);
}

static void release(struct run *r) {
    uint64_t one = 1;
    if (r->socket >= 0) close(r->socket);
    if (r->out >= 0) close(r->out);
    if (r->timer >= 0) close(r->timer);
    if (r->has_slot && write(r->slots, &one, sizeof one) != sizeof one) must(false);
}

/* Names, types and sizes of the input files. Only regular files: reading a pipe or a device could block for ever. */
static err describe_files(const struct render_job *job, struct wire_request *q, struct why *why) {
    q->file_count = (uint32_t)job->file_count;
    for (size_t i = 0; i < job->file_count; i++) {
        char head[4096];
        struct stat st;
        struct wire_file *f = &q->files[i];
        if (fstat(job->files[i].fd, &st) || !S_ISREG(st.st_mode)) return why_set(why, E_UPSTREAM, "The file of the input %s could not be read.", job->files[i].name);
        ssize_t n = pread(job->files[i].fd, head, sizeof head, 0);
        struct sniffed s = media_sniff(str_n(head, n > 0 ? (size_t)n : 0));
        snprintf(f->name, sizeof f->name, "%s", job->files[i].name);
        snprintf(f->type, sizeof f->type, "%s", s.type ? s.type : "");
        f->size = st.st_size;
    }
    return OK;
}

/* The output file and the request already waiting in the child's end of the socket. */
static err prepare(struct run *r, msec timeout, int *out_theirs, struct why *why) {
    const struct render_job *job = r->asked;
    struct wire_request q = {.magic = WIRE_MAGIC, .inputs_len = (uint32_t)job->inputs.len, .seed = job->seed, .timeout_ms = (uint32_t)timeout};
    int pair[2];
    snprintf(q.model, sizeof q.model, "%s", job->model);
    TRY(describe_files(job, &q, why));
    r->out = job->out_path ? open(job->out_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600) : open("/dev/null", O_RDWR | O_CLOEXEC);
    if (r->out < 0)
        return errno == ENOSPC || errno == EDQUOT ? why_set(why, E_STORAGE_FULL, "The server's storage has no room for the file.")
                                                  : why_set(why, E_UPSTREAM, "The renderer's file could not be opened: %s.", strerror(errno));
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) return why_set(why, E_UPSTREAM, "No socket for the renderer: %s.", strerror(errno));
    r->socket = pair[0];
    *out_theirs = pair[1];
    struct iovec parts[2] = {{&q, sizeof q}, {(void *)(uintptr_t)job->inputs.ptr, job->inputs.len}};
    struct msghdr m = {.msg_iov = parts, .msg_iovlen = 2};
    if (sendmsg(r->socket, &m, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)(sizeof q + job->inputs.len))
        return why_set(why, E_UPSTREAM, "The renderer's socket took no more than %s.", strerror(errno));
    return OK;
}

static bool start_timer(struct run *r, msec timeout) {
    struct itimerspec t = {.it_value = {.tv_sec = timeout / MS_SECOND, .tv_nsec = timeout % MS_SECOND * 1000000}};
    r->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    return r->timer >= 0 && timerfd_settime(r->timer, 0, &t, NULL) == 0;
}

static void render(struct helper *h, const struct render_job *job, struct render_answer *out) {
    bool reads = str_starts(str_of(job->model), STR("read-"));
    struct run r = {.socket = -1, .out = -1, .timer = -1, .asked = job, .slots = reads ? h->readers : h->slots};
    struct why why = {0};
    msec timeout = job->timeout < 1 ? 1 : job->timeout > MS_HOUR ? MS_HOUR : job->timeout;
    _cleanup_(closep) int theirs = -1;
    err e = OK;
    if (job->inputs.len > WIRE_INPUTS_MAX) return answer(out, E_INVALID, "The inputs are longer than 64 KB.");
    if (job->file_count > WIRE_FILES_MAX) return answer(out, E_INVALID, "A local model takes at most 16 files.");
    if (!start_timer(&r, timeout)) answer(out, E_UPSTREAM, "The server has no descriptors left for the renderer.");
    else if (!take_slot(&r)) answer_ended(&r, out);
    else if ((e = prepare(&r, timeout, &theirs, &why)) || (e = hand_over(h, &r, timeout, theirs, &why)))
        answer(out, e == E_STORAGE_FULL ? E_STORAGE_FULL : E_UPSTREAM, why_text(&why));
    else {
        close(TAKE_FD(theirs)); /* only the child's end shall keep the socket open */
        collect(h, &r, out);
    }
    if (out->code && r.out >= 0 && job->out_path) unlink(job->out_path);
    release(&r);
}

void helper_render(struct helper *h, const struct render_job *job, struct render_answer *out) {
    if (!strcmp(job->model, "nothing")) {
        *out = (struct render_answer){.code = OK};
        return;
    }
    pthread_mutex_lock(&h->lock);
    bool stopped = h->stopped;
    if (!stopped) h->active++;
    pthread_mutex_unlock(&h->lock);
    if (stopped) return answer(out, E_UPSTREAM, "The server is stopping.");
    render(h, job, out);
    pthread_mutex_lock(&h->lock);
    if (--h->active == 0) pthread_cond_broadcast(&h->idle);
    pthread_mutex_unlock(&h->lock);
}
