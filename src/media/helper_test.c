/* The walls around a job, and the life of the helper. argv[1] is the helper built with the jobs that try to break out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "media/media.h"
#include "media/wire.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *program;

struct rig {
    struct helper *h;
    char dir[64], out[80];
};

static int setup(void **state) {
    struct rig *r = calloc(1, sizeof *r);
    struct why why = {0};
    struct helper_options o = {.program = program, .at_once = 2};
    snprintf(r->dir, sizeof r->dir, "%s", "/tmp/puras-helper-XXXXXX");
    if (!mkdtemp(r->dir)) return -1;
    snprintf(r->out, sizeof r->out, "%s/out", r->dir);
    if (helper_start(&o, &why, &r->h)) return fprintf(stderr, "%s\n", why_text(&why)), -1;
    *state = r;
    return 0;
}

static int teardown(void **state) {
    struct rig *r = *state;
    helper_stop(r->h);
    unlink(r->out);
    rmdir(r->dir);
    free(r);
    return 0;
}

/* A model "test-..." that tries one thing is the model "test" with that name as its inputs. */
static const char *real_model(const char *model, const char **inputs) {
    static const char *const own[] = {"test-files", "test-stages"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (!strcmp(own[i], model)) return model;
    if (strncmp(model, "test-", 5)) return model;
    *inputs = model;
    return "test";
}

static struct render_answer render(struct rig *r, const char *model, const char *inputs, msec timeout) {
    struct render_answer a;
    memset(&a, 0x55, sizeof a);
    model = real_model(model, &inputs);
    struct render_job j = {.model = model, .inputs = str_of(inputs), .seed = 5, .out_path = r->out, .timeout = timeout};
    helper_render(r->h, &j, &a);
    return a;
}

static bool there(const char *path) { return access(path, F_OK) == 0; }

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const char small[] = "{\"prompt\":\"a red apple\",\"size\":\"128x96\"}";

static void test_render(void **state) {
    struct rig *r = *state;
    struct render_answer a = render(r, "sketch", small, 20000);
    struct stat st;
    assert_int_equal(a.code, OK);
    assert_string_equal(a.type, "image/png");
    assert_int_equal(a.width, 128);
    assert_int_equal(a.height, 96);
    assert_int_equal(stat(r->out, &st), 0);
    assert_int_equal(st.st_size, a.bytes);
    assert_non_null(strstr(a.scene, "\"apple\""));
}

static void test_nothing(void **state) {
    struct rig *r = *state;
    kill(helper_pid(r->h), SIGSTOP); /* it must not be asked */
    struct render_answer a = render(r, "nothing", "{}", 1000);
    kill(helper_pid(r->h), SIGCONT);
    assert_int_equal(a.code, OK);
    assert_string_equal(a.type, "");
    assert_int_equal(a.bytes, 0);
    assert_false(there(r->out));
}

static void test_bad_inputs(void **state) {
    struct rig *r = *state;
    static const char *const bad[] = {"", "{", "[]", "{}", "{\"prompt\":5}", "{\"prompt\":\"x\",\"size\":\"10x10\"}", "{\"prompt\":\"x\",\"size\":\"4096x64\"}",
                                      "{\"prompt\":\"x\",\"size\":\"big\"}", "{\"prompt\":\"x\",\"format\":\"svg\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct render_answer a = render(r, "sketch", bad[i], 20000);
        assert_int_equal(a.code, E_INVALID);
        assert_true(strlen(a.detail) > 10);
        assert_false(there(r->out));
    }
    assert_int_equal(render(r, "no-such-model", "{}", 20000).code, E_INVALID);
}

/* What a child that was taken over might try; each ends it. */
static void test_escapes(void **state) {
    struct rig *r = *state;
    static const char *const jobs[] = {"test-open", "test-create", "test-socket", "test-exec", "test-fork", "test-kill", "test-code", "test-ptrace"};
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        struct render_answer a = render(r, jobs[i], "{}", 20000);
        if (a.code != E_UPSTREAM || !strstr(a.detail, "broke off")) fail_msg("%s: %s %s", jobs[i], err_name(a.code), a.detail);
        assert_false(there(r->out));
    }
    assert_false(there("/tmp/puras-escaped"));
    assert_int_equal(render(r, "sketch", small, 20000).code, OK);
}

static void test_descriptors(void **state) {
    struct render_answer a = render(*state, "test-descriptors", "{}", 20000);
    assert_int_equal(a.code, E_UPSTREAM);
    assert_string_equal(a.detail, "open: 31"); /* null three times, the job, the file */
}

static void test_crash_hang_flood(void **state) {
    struct rig *r = *state;
    int pid = helper_pid(r->h);
    assert_int_equal(render(r, "test-crash", "{}", 20000).code, E_UPSTREAM);
    int64_t start = now_ms();
    struct render_answer a = render(r, "test-hang", "{}", 300);
    assert_int_equal(a.code, E_DEADLINE);
    assert_true(now_ms() - start >= 290 && now_ms() - start < 5000);
    a = render(r, "test-flood", "{}", 60000);
    assert_int_equal(a.code, E_UPSTREAM);
    assert_false(there(r->out));
    assert_int_equal(render(r, "sketch", small, 20000).code, OK);
    assert_int_equal(helper_pid(r->h), pid); /* the zygote saw nothing of it */
}

struct stopper {
    int fd;
    msec after;
};
static void *stop_later(void *arg) {
    struct stopper *s = arg;
    uint64_t one = 1;
    usleep((useconds_t)s->after * 1000);
    assert_int_equal(write(s->fd, &one, sizeof one), sizeof one);
    return NULL;
}

static int children_of(int pid) {
    char path[64], text[4096] = "";
    int n = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    if (fgets(text, sizeof text, f))
        for (const char *p = text; *p; p++) n += *p == ' ';
    fclose(f);
    return n;
}

/* While it runs, and while it waits for a place; its child is gone, and the place is free. */
static void test_unwanted(void **state) {
    struct rig *r = *state;
    struct helper *one;
    struct why why = {};
    struct helper_options o = {.program = program, .at_once = 1};
    assert_int_equal(helper_start(&o, &why, &one), OK);
    for (int i = 0; i < 3; i++) {
        struct render_answer a;
        struct stopper s = {.fd = eventfd(0, EFD_CLOEXEC), .after = i ? 100 : 0}; /* 0: before it began */
        struct render_job j = {.model = "test", .inputs = STR("test-hang"), .out_path = r->out, .timeout = 60000, .unwanted = s.fd};
        pthread_t t;
        int64_t start = now_ms();
        assert_int_equal(pthread_create(&t, NULL, stop_later, &s), 0);
        helper_render(one, &j, &a);
        assert_int_equal(a.code, E_CANCELLED);
        assert_true(now_ms() - start < 5000);
        assert_false(there(r->out));
        pthread_join(t, NULL);
        close(s.fd);
    }
    for (int64_t end = now_ms() + 5000; children_of(helper_pid(one)) && now_ms() < end;) usleep(2000);
    assert_int_equal(children_of(helper_pid(one)), 0);
    struct render_answer a;
    helper_render(one, &(struct render_job){.model = "sketch", .inputs = str_of(small), .seed = 5, .out_path = r->out, .timeout = 20000}, &a);
    assert_int_equal(a.code, OK);
    helper_stop(one);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static void test_memory(void **state) {
    struct render_answer a = render(*state, "test-memory", "{}", 60000);
    assert_int_equal(a.code, E_UPSTREAM);
    assert_true(!strncmp(a.detail, "memory ended", 12) || strstr(a.detail, "broke off"));
}
#endif

static void test_lies(void **state) {
    struct rig *r = *state;
    static const char *const jobs[] = {"test-lie-bytes", "test-lie-type", "test-lie-code", "test-lie-text"};
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        struct render_answer a = render(r, jobs[i], "{}", 20000);
        if (a.code != E_UPSTREAM || !strstr(a.detail, "not agree")) fail_msg("%s: %s %s", jobs[i], err_name(a.code), a.detail);
        assert_int_equal(a.bytes, 0);
        assert_false(there(r->out));
    }
}

static void test_progress_lies(void **state) {
    struct rig *r = *state;
    static const char *const jobs[] = {"test-lie-stages", "test-lie-percent"};
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        struct render_answer a = render(r, jobs[i], "{}", 20000);
        if (a.code != E_UPSTREAM || !strstr(a.detail, "no sound renderer")) fail_msg("%s: %s %s", jobs[i], err_name(a.code), a.detail);
    }
}

struct heard {
    int count, last;
    char stages[200];
};
static void hear(void *arg, const char *stage, int percent) {
    struct heard *h = arg;
    assert_true(percent >= h->last && percent <= 100);
    h->last = percent;
    if (!strstr(h->stages, stage)) snprintf(h->stages + strlen(h->stages), sizeof h->stages - strlen(h->stages), "%s ", stage);
    h->count++;
}

static void test_stages(void **state) {
    struct rig *r = *state;
    struct heard heard = {0};
    struct render_answer a;
    struct render_job j = {.model = "test-stages", .inputs = STR("{}"), .out_path = r->out, .timeout = 20000, .stage = hear, .stage_arg = &heard};
    helper_render(r->h, &j, &a);
    assert_true(!strncmp(a.detail, "told ", 5));
    assert_string_equal(heard.stages, "first second third ");
    assert_int_equal(heard.last, 100);
    assert_int_equal(heard.count, (int)strtol(a.detail + 5, NULL, 10));
    assert_true(heard.count >= 3 && heard.count < 100);
}

static int file_of(struct rig *r, const char *name, const char *text) {
    char path[96];
    snprintf(path, sizeof path, "%s/%s", r->dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    unlink(path);
    return fd;
}

static struct render_answer render_files(struct rig *r, const char *model, const struct media_input *files, size_t count) {
    struct render_answer a;
    struct render_job j = {.model = model, .inputs = STR("{}"), .out_path = r->out, .timeout = 20000, .files = files, .file_count = count};
    helper_render(r->h, &j, &a);
    return a;
}

static void test_files(void **state) {
    struct rig *r = *state;
    struct media_input files[17] = {{"a", file_of(r, "1", "GIF89a")}, {"b", file_of(r, "2", "{\"x\":1}")}, {"b", file_of(r, "3", "plain")}};
    struct render_answer a = render_files(r, "test-files", files, 3);
    assert_string_equal(a.detail, "a image/gif 6 GIF89ab application/json 7 {\"x\":1}b text/plain 5 plain second b: 2, writes: -1");
    assert_int_equal(render_files(r, "test-files", files, 17).code, E_INVALID);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    files[1].fd = ends[0];
    a = render_files(r, "test-files", files, 3);
    assert_int_equal(a.code, E_UPSTREAM);
    assert_non_null(strstr(a.detail, "input b"));
    files[1].fd = files[2].fd;
    a = render_files(r, "tool-files", files, 2);
    assert_string_equal(a.detail, "2ratch bytes;2F89a;2ain;");
    close(ends[0]);
    close(ends[1]);
    close(files[0].fd);
    close(files[2].fd);
}

/* What a tool may, what it may not, and how its ends are told. */
static void test_tools(void **state) {
    struct rig *r = *state;
    static const struct { const char *model, *detail; } cases[] = {
        {"tool-echo", "got from the job env 0"},
        {"tool-args", "42,one,#9"},
        {"tool-socket", "no no no no "},
        {"tool-write", "no no no no no no no"},
        {"tool-read", "no no no no no no no usr"},
        {"tool-process", "no no no no no no no"},
        {"tool-descriptors", "0 1 2 alone"},
        {"tool-exit", "|The program perl gave up with status 3."},
        {"tool-die", "alive|The program perl gave up with status 9."},
        {"tool-missing", "|The program no-such-program is not installed on this server."}};
    struct helper_walls walls;
    helper_walls(r->h, &walls);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        /* Two of them hold by what not every host has: a root of its own, or Landlock. All others hold everywhere. */
        if (!strcmp(cases[i].model, "tool-descriptors") && !walls.own_root) continue;
        if (!strcmp(cases[i].model, "tool-read") && !walls.own_root && !walls.landlock) continue;
        struct render_answer a = render(r, cases[i].model, "{}", 20000);
        char *early = strstr(a.detail, "|The program perl took only a part of what it was given."); /* one that does not read may end before it is given anything */
        if (early && early > a.detail) *early = 0;
        if (a.code != E_UPSTREAM || strcmp(a.detail, cases[i].detail)) fail_msg("%s: %s \"%s\"", cases[i].model, err_name(a.code), a.detail);
    }
    assert_false(there("/tmp/puras-escaped") || there("/usr/puras-escaped") || there("/dev/shm/puras-escaped"));
    struct render_answer a = render(r, "tool-flood", "{}", 60000);
    assert_non_null(strstr(a.detail, "made more than it may"));
}

static int perls_asleep(void) {
    int n = 0;
    DIR *d = opendir("/proc");
    for (struct dirent *e; (e = readdir(d));) {
        char path[300], text[200] = "";
        snprintf(path, sizeof path, "/proc/%s/cmdline", e->d_name);
        FILE *f = strtol(e->d_name, NULL, 10) ? fopen(path, "r") : NULL;
        if (!f) continue;
        size_t got = fread(text, 1, sizeof text - 1, f);
        fclose(f);
        n += got > 16 && !memcmp(text, "/usr/bin/perl\0-e\0sleep 100", 26);
    }
    closedir(d);
    return n;
}

/* A tool that hangs ends with its job: at the deadline, and when the helper dies. */
static void test_tool_hangs(void **state) {
    struct rig *r = *state;
    int before = perls_asleep();
    struct render_answer a = render(r, "tool-hang", "{}", 500);
    assert_int_equal(a.code, E_DEADLINE);
    assert_true(strlen(a.detail) > 10);
    for (int i = 0; i < 100 && perls_asleep() > before; i++) usleep(20000);
    assert_int_equal(perls_asleep(), before);
}

struct thread_job {
    struct rig *rig;
    const char *model;
    char out[96];
    msec timeout;
    struct render_answer answer;
    pthread_t thread;
};

static void *run_thread(void *arg) {
    struct thread_job *t = arg;
    const char *inputs = small, *model = real_model(t->model, &inputs);
    struct render_job j = {.model = model, .inputs = str_of(inputs), .seed = 1, .out_path = t->out, .timeout = t->timeout};
    helper_render(t->rig->h, &j, &t->answer);
    return NULL;
}

static void start_thread(struct rig *r, struct thread_job *t, int i, const char *model, msec timeout) {
    *t = (struct thread_job){.rig = r, .model = model, .timeout = timeout};
    snprintf(t->out, sizeof t->out, "%s/out%d", r->dir, i);
    assert_int_equal(pthread_create(&t->thread, NULL, run_thread, t), 0);
}

/* The helper dies: what ran in it is told, the next job has a new one. */
static void test_restart(void **state) {
    struct rig *r = *state;
    struct thread_job t;
    int pid = helper_pid(r->h);
    assert_int_equal(render(r, "sketch", small, 20000).code, OK);
    start_thread(r, &t, 0, "test-hang", 30000);
    usleep(300000);
    int64_t start = now_ms();
    kill(pid, SIGKILL);
    pthread_join(t.thread, NULL);
    assert_int_equal(t.answer.code, E_UPSTREAM);
    assert_true(now_ms() - start < 5000);
    assert_int_equal(render(r, "sketch", small, 20000).code, OK);
    assert_true(helper_pid(r->h) > 0 && helper_pid(r->h) != pid);
    /* Killed while idle: the job after it does not even notice. */
    kill(helper_pid(r->h), SIGKILL);
    usleep(200000);
    assert_int_equal(render(r, "sketch", small, 20000).code, OK);
}

static void test_many_at_once(void **state) {
    struct rig *r = *state;
    struct thread_job t[12];
    for (int i = 0; i < 12; i++) start_thread(r, &t[i], i, "sketch", 60000);
    for (int i = 0; i < 12; i++) {
        pthread_join(t[i].thread, NULL);
        assert_int_equal(t[i].answer.code, OK);
        assert_int_equal(unlink(t[i].out), 0);
    }
}

/* at_once is 2: with two hanging the third waits, and gives up at its own deadline. */
static void test_queue(void **state) {
    struct rig *r = *state;
    struct thread_job t[2];
    for (int i = 0; i < 2; i++) start_thread(r, &t[i], i, "test-hang", 1500);
    usleep(200000);
    int64_t start = now_ms();
    assert_int_equal(render(r, "sketch", small, 300).code, E_DEADLINE);
    assert_true(now_ms() - start < 1200);
    assert_int_equal(render(r, "sketch", small, 30000).code, OK); /* after one of them was ended */
    for (int i = 0; i < 2; i++) {
        pthread_join(t[i].thread, NULL);
        assert_int_equal(t[i].answer.code, E_DEADLINE);
    }
}

static int open_descriptors(void) {
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

static void test_no_leaks(void **state) {
    struct rig *r = *state;
    render(r, "sketch", small, 20000);
    int before = open_descriptors();
    static const char *const jobs[] = {"sketch", "test-crash", "test-lie-type", "nothing", "test-open"};
    for (int i = 0; i < 20; i++) render(r, jobs[i % 5], small, 20000);
    render(r, "test-hang", "{}", 100);
    assert_int_equal(open_descriptors(), before);
}

static void test_full_disk(void **state) {
    struct rig *r = *state;
    struct render_answer a;
    struct render_job j = {.model = "sketch", .inputs = str_of(small), .out_path = "/proc/no/such", .timeout = 20000};
    helper_render(r->h, &j, &a);
    assert_int_equal(a.code, E_UPSTREAM);
    assert_true(strlen(a.detail) > 10);
}

static void test_missing_program(void **state) {
    (void)state;
    struct why why = {0};
    struct helper *h = NULL;
    struct helper_options o = {.program = "/nonexistent/puras-media"};
    assert_int_equal(helper_start(&o, &why, &h), E_UNAVAILABLE);
    assert_null(h);
    assert_non_null(strstr(why.detail, "/nonexistent/puras-media"));
}

int main(int argc, char **argv) {
    if (argc < 2) return fputs("usage: helper_test PURAS-MEDIA-TEST\n", stderr), 2;
    program = argv[1];
#define WITH_HELPER(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_HELPER(test_render), WITH_HELPER(test_nothing), WITH_HELPER(test_bad_inputs), WITH_HELPER(test_escapes), WITH_HELPER(test_descriptors),
        WITH_HELPER(test_crash_hang_flood), WITH_HELPER(test_unwanted), WITH_HELPER(test_lies), WITH_HELPER(test_restart), WITH_HELPER(test_many_at_once), WITH_HELPER(test_queue),
        WITH_HELPER(test_progress_lies), WITH_HELPER(test_stages), WITH_HELPER(test_files), WITH_HELPER(test_tools), WITH_HELPER(test_tool_hangs),
        WITH_HELPER(test_no_leaks), WITH_HELPER(test_full_disk), cmocka_unit_test(test_missing_program),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        WITH_HELPER(test_memory),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
