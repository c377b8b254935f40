/* Programs of this machine, with a real sandbox, drive and loop. Started with the path of puras-media.
 *
 * The program is a shell script; what it shall do is the route's name for the model, its first argument. */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/limits.h"
#include "engine/cage.h"
#include "engine/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *helper_path;

static const char script[] =
    "#!/bin/bash\n"
    "png() { printf '\\x89PNG\\r\\n\\x1a\\n\\0\\0\\0\\rIHDR\\0\\0\\0\\x03\\0\\0\\0\\x02\\x08\\x06\\0\\0\\0\\x1f\\x15\\xc4\\x89\\0\\0\\0\\0IEND\\xaeB\\x60\\x82'; }\n"
    "case $1 in\n"
    "two) cat > /tmp/call; png > out/b.png; png > out/a.png; echo note > out/.hidden; ln -s /etc/passwd out/link.png; mkdir -p out/d/e; chmod 0 out/d;\n"
    "     printf '{\"metrics\":{\"model\":\"%s\",\"words\":%d}}' \"$1\" $# ;;\n"
    "call) png > out/a.png; printf '{\"metrics\":%s}' \"$(cat)\" ;;\n"
    "copy) cp in/image-1.png out/x.png && ls in | tr '\\n' ' ' >&2; if : > in/image-1.png; then exit 9; fi 2> /dev/null ;;\n"
    "refuse) echo '{\"error\":{\"class\":\"caller\",\"message\":\"The picture is upside down.\"}}' ;;\n"
    "moderate) echo '{\"error\":{\"class\":\"moderation\",\"message\":\"No.\"}}'; exit 1 ;;\n"
    "oddly) echo '{\"error\":{\"class\":\"weather\"}}' ;;\n"
    "break) echo 'first line' >&2; echo 'no GPU here' >&2; exit 3 ;;\n"
    "signal) kill -SEGV $$ ;;\n"
    "nothing) : ;;\n"
    "strange) echo 'just words' > out/a.png ;;\n"
    "sleep) trap '' TERM INT; sleep 1000 & sleep 1000 ;;\n"
    "flood) cat /dev/zero ;;\n"
    "many) for i in $(seq 1 17); do png > out/$i.png; done ;;\n"
    "text) printf '{\"text\":\"hello\",\"language_code\":\"en\",\"words\":[{\"w\":\"hello\"}],\"metrics\":{\"a\":1}}' ;;\n"
    "mute) echo hello ;;\n"
    "walls)\n"
    "  bad=''\n"
    "  [ -e /etc/passwd ] && bad=\"$bad passwd\"\n"
    "  [ -e \"$(dirname \"$0\")/secret\" ] && bad=\"$bad secret\"\n"
    "  [ -n \"$PURAS_TEST_SECRET\" ] && bad=\"$bad environment\"\n"
    "  ls -d /proc/[0-9]* | wc -l | { read n; [ \"$n\" -gt 8 ] && echo x; } > /tmp/p; [ -s /tmp/p ] && bad=\"$bad processes\"\n"
    "  (exec 3<>/dev/tcp/127.0.0.1/$2) 2>/dev/null && bad=\"$bad network\"\n"
    "  touch /usr/x 2>/dev/null && bad=\"$bad root\"\n"
    "  touch in/x 2>/dev/null && bad=\"$bad in\"\n"
    "  unshare -U true 2>/dev/null && bad=\"$bad namespaces\"\n"
    "  [ \"$(id -u)\" = 0 ] && bad=\"$bad uid\"\n"
    "  grep -q 'CapEff:.*[1-9a-f]' /proc/self/status && bad=\"$bad capabilities\"\n"
    "  grep -q 'Seccomp:.2' /proc/self/status || bad=\"$bad seccomp\"\n"
    "  [ \"$(ulimit -c)\" = 0 ] || bad=\"$bad core\"\n"
    "  fds=$(ls /proc/self/fd | tr '\\n' ' '); echo \"$fds\" | grep -qE '(^| )([4-9]|[0-9][0-9]+) ' && bad=\"$bad descriptors:$fds\"\n"
    "  touch /tmp/mine || bad=\"$bad tmp\"\n"
    "  png > out/a.png; printf '{\"metrics\":{\"bad\":\"%s\"}}' \"$bad\" ;;\n"
    "esac\n";

static const char model_yaml[] = "slug: mine/tool\nkind: image\ntitle: Tool\ninputs:\n  image: {file: image}\n  size: {type: int, min: 1, max: 9, default: 2}\n"
                                 "price: {unit: image, rate_table: [{micros: 1000}]}\nroutes:\n  - {provider: my-tool, model: two, status: verified, cost: {unit: image, rate_table: [{micros: 0}]}}\n"
                                 "deadline: 60s\nmax_bytes: 1MB\n";

enum { ASIDE = 1000 };

struct rig {
    char folder[64], port[8];
    struct loop *loop;
    struct drive *drive;
    struct helper *helper;
    struct commands *s;
    struct catalog *catalog;
    struct providers *providers;
    struct command_plan plan;
    struct route_spec route, aside; /* aside: of the call with ASIDE for its attempt, which a thread reads while another begins */
    struct problems problems;
    struct call call;
    int listening;
    /* of the last call: */
    err code;
    enum failure failure;
    char detail[400];
    struct arena a;
    struct str result, reply, blobs[LIMIT_OUTPUTS], facts;
    enum call_state state;
    int64_t count;
    bool done;
};

static void write_text(const char *path, const char *text, mode_t mode) {
    _cleanup_(closep) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fchmod(fd, mode) == 0);
}

static err find(void *arg, const struct call *c, struct why *why, struct command_plan *out) {
    struct rig *r = arg;
    *out = r->plan;
    if (c->attempt == ASIDE) out->route = &r->aside;
    return OK;
}

/* A port of loopback on which somebody listens: reachable from here, not from inside. */
static void listen_somewhere(struct rig *r) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    r->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(r->listening >= 0 && !bind(r->listening, (struct sockaddr *)&at, sizeof at) && !listen(r->listening, 4) &&
         !getsockname(r->listening, (struct sockaddr *)&at, &len));
    snprintf(r->port, sizeof r->port, "%d", ntohs(at.sin_port));
}

static void start(struct rig *r, const struct helper_walls *walls) {
    r->s = command_create(&(struct command_options){.loop = r->loop, .drive = r->drive, .helper = r->helper, .walls = *walls, .find = find, .arg = r});
}

static int begin(void **state) {
    struct rig *r = calloc(1, sizeof *r);
    char path[128], text[600];
    must(r);
    snprintf(r->folder, sizeof r->folder, "/tmp/puras-command-XXXXXX");
    must(mkdtemp(r->folder));
    listen_somewhere(r);
    snprintf(path, sizeof path, "%s/providers", r->folder);
    must(!mkdir(path, 0700));
    snprintf(path, sizeof path, "%s/tool.sh", r->folder);
    write_text(path, script, 0700);
    snprintf(path, sizeof path, "%s/secret", r->folder);
    write_text(path, "secret", 0600);
    snprintf(path, sizeof path, "%s/model.yaml", r->folder);
    write_text(path, model_yaml, 0600);
    snprintf(path, sizeof path, "%s/providers/my-tool.yaml", r->folder);
    snprintf(text, sizeof text, "provider: my-tool\ntitle: My tool\nstatus: verified\nsource: here\ndate: 2026-11-01\nprotocol: command\ncommand: [%s/tool.sh, \"{model}\", \"%s\"]\ntimeout: 20s\n",
             r->folder, r->port);
    write_text(path, text, 0600);
    const char *folders[] = {r->folder};
    if (catalog_read(folders, 1, &r->problems, &r->catalog) || providers_compile(r->catalog, &r->problems, &r->providers)) {
        print_error("%s\n", r->problems.text.ptr);
        must(false);
    }
    snprintf(path, sizeof path, "%s/drive", r->folder);
    must(!mkdir(path, 0700) && drive_open(path, NULL, &r->drive) == OK);
    r->plan.model = catalog_find(r->catalog, STR("mine/tool"));
    must(r->plan.model);
    r->route = r->plan.model->routes[0];
    r->plan.route = &r->route;
    r->plan.endpoint = provider_endpoint(providers_find(r->providers, STR("my-tool")), STR(""));
    r->loop = loop_create();
    must(helper_start(&(struct helper_options){.program = helper_path, .at_once = 1}, NULL, &r->helper) == OK);
    struct helper_walls walls;
    helper_walls(r->helper, &walls);
    assert_int_equal(walls.level, WALLS_FULL); /* a host without namespaces cannot prove this room */
    start(r, &walls);
    r->call = (struct call){.kind = CALL_RENDER, .generation = STR("0123456789abcdef0123456789abcdef"), .attempt = 1, .provider = STR("my-tool"), .our_ref = STR("gen_1"),
                            .kind_wanted = STR("image"), .inputs = STR("{\"size\":3,\"extra\":\"x\"}"), .files = STR("")};
    *state = r;
    return 0;
}

static int end(void **state) {
    struct rig *r = *state;
    char line[160];
    command_destroy(r->s);
    helper_stop(r->helper);
    loop_flush(r->loop);
    loop_destroy(r->loop);
    drive_close(r->drive);
    providers_destroy(r->providers);
    catalog_destroy((struct catalog *)r->catalog);
    problems_done(&r->problems);
    arena_done(&r->a);
    close(r->listening);
    snprintf(line, sizeof line, "%s", r->folder);
    char *const argv[] = {"rm", "-rf", line, NULL};
    pid_t pid = fork();
    if (pid == 0) {
        execv("/bin/rm", argv);
        _exit(1);
    }
    (void)!waitpid(pid, NULL, 0);
    free(r);
    return 0;
}

static void done(void *arg, const struct call *c, const struct call_result *res) {
    struct rig *r = arg;
    r->code = res->code;
    r->failure = res->failure;
    snprintf(r->detail, sizeof r->detail, "%.*s", STR_ARG(res->detail));
    r->result = arena_dup(&r->a, res->result);
    r->reply = arena_dup(&r->a, res->reply);
    r->state = res->state;
    r->count = res->output_count;
    for (int64_t i = 0; i < res->output_count; i++) r->blobs[i] = arena_dup(&r->a, res->outputs[i].blob);
    r->facts = res->output_count ? arena_dup(&r->a, res->outputs[0].facts) : (struct str){0};
    r->done = true;
    loop_stop(r->loop);
}

static void begin_call(void *arg) {
    struct rig *r = arg;
    command_call(r->s, &r->call, NULL, done, r);
}

static void run_for(struct rig *r, const char *what, msec time) {
    r->route.model = str_of(what);
    r->call.deadline_at = io_now(loop_io(r->loop)) + time;
    r->done = false;
    loop_post(r->loop, begin_call, r);
    while (!r->done) loop_run(r->loop);
}

static void run(struct rig *r, const char *what) { run_for(r, what, 20 * MS_SECOND); }

static int entries(const char *folder) {
    int n = 0;
    DIR *d = opendir(folder);
    must(d);
    for (struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static struct json *metrics(struct rig *r) {
    struct json *j = NULL;
    if (json_parse(r->result, &r->a, NULL, &j)) fail_msg("%.*s", STR_ARG(r->result));
    return (struct json *)(uintptr_t)json_get(j, "metrics");
}

static void files_come_out(void **state) {
    struct rig *r = *state;
    struct str s = {0};
    int64_t n = 0;
    run(r, "two");
    if (r->code) fail_msg("%s", r->detail);
    assert_int_equal(r->count, 2);
    assert_true(str_is(r->facts, "{\"width\":3,\"height\":2}"));
    assert_true(json_as_str(json_get(metrics(r), "model"), &s) && str_is(s, "two"));
    assert_true(json_as_i64(json_get(metrics(r), "words"), &n) && n == 2);
    for (int i = 0; i < 2; i++) {
        _cleanup_(closep) int fd = -1;
        int64_t bytes = 0;
        assert_int_equal(drive_blob_open(r->drive, r->blobs[i], NULL, &fd, &bytes), OK);
        assert_int_equal(bytes, 45);
    }
    assert_int_equal(entries(drive_tmp(r->drive)), 0); /* whatever the program did to its folder */
}

/* As a provider like any other: the program runs in the submit, and what it made is fetched from the reply. */
static void submit_and_fetch(void **state) {
    struct rig *r = *state;
    struct str blob;
    r->call.kind = CALL_SUBMIT;
    run(r, "two");
    if (r->code) fail_msg("%s", r->detail);
    assert_int_equal(r->state, CALL_FINISHED);
    blob = r->blobs[0];
    r->call.kind = CALL_FETCH;
    r->call.reply = r->reply;
    run(r, "two");
    if (r->code) fail_msg("%s", r->detail);
    assert_int_equal(r->count, 2);
    assert_true(str_eq(r->blobs[0], blob));
    assert_true(str_is(r->facts, "{\"width\":3,\"height\":2}"));
    assert_non_null(json_get(metrics(r), "words"));
    r->call.reply = STR("{\"outputs\":[{}]}");
    run(r, "two");
    assert_int_equal(r->code, E_CORRUPT);
    r->call.kind = CALL_LOOKUP;
    run(r, "two");
    assert_int_equal(r->state, CALL_NOT_FOUND);
}

static void the_call_is_read(void **state) {
    struct rig *r = *state;
    struct str s = {0};
    int64_t n = 0;
    run(r, "call");
    if (r->code) fail_msg("%s", r->detail);
    const struct json *call = metrics(r);
    assert_true(json_as_str(json_get(call, "model"), &s) && str_is(s, "call"));
    assert_true(json_as_str(json_get(call, "slug"), &s) && str_is(s, "mine/tool"));
    assert_true(json_as_str(json_get(call, "our_ref"), &s) && str_is(s, "gen_1"));
    assert_true(json_as_i64(json_get(json_get(call, "inputs"), "size"), &n) && n == 3);
    assert_true(json_as_str(json_get(json_get(call, "rest"), "extra"), &s) && str_is(s, "x"));
    assert_true(json_as_i64(json_get(json_get(call, "input"), "size"), &n) && n == 3);
}

static void files_go_in(void **state) {
    struct rig *r = *state;
    struct drive_file f;
    char sha[65];
    static const char png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x03\0\0\0\x02\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\0IEND\xae" "B`\x82";
    assert_int_equal(drive_file_begin(r->drive, "0123456789abcdef0123", NULL, &f), OK);
    assert_int_equal(drive_file_write(&f, str_n(png, sizeof png - 1), NULL), OK);
    assert_int_equal(drive_file_keep(r->drive, &f, STR("up/01/1-0123"), NULL, sha), OK);
    r->call.files = STR("[{\"input\":\"image\",\"asset\":\"a\",\"blob\":\"up/01/1-0123\",\"type\":\"image/png\"}]");
    r->call.inputs = STR("{\"image\":{\"drive_path\":\"a.png\"},\"size\":3}");
    run(r, "copy");
    if (r->code) fail_msg("%s", r->detail);
    assert_int_equal(r->count, 1);
    run(r, "call");
    struct str s = {0};
    assert_true(json_as_str(json_get(json_get(metrics(r), "inputs"), "image"), &s) && str_is(s, "in/image-1.png"));
    r->call.files = STR("[{\"input\":\"image\",\"asset\":\"a\",\"blob\":\"up/01/1-nowhere\",\"type\":\"image/png\"}]");
    run(r, "copy");
    assert_int_equal(r->code, E_INVALID);
    assert_int_equal(r->failure, FAIL_CALLER);
}

static void failures(void **state) {
    static const struct { const char *what; err code; enum failure failure; const char *says; } rows[] = {
        {"refuse", E_REFUSED, FAIL_CALLER, "upside down"}, {"moderate", E_REFUSED, FAIL_MODERATION, "No."}, {"oddly", E_UPSTREAM, FAIL_UNCLASSIFIED, "nothing about why"},
        {"break", E_UPSTREAM, FAIL_UNCLASSIFIED, "status 3: no GPU here"}, {"signal", E_UPSTREAM, FAIL_UNCLASSIFIED, "status 139"},
        {"nothing", E_UPSTREAM, FAIL_UNCLASSIFIED, "left no file"}, {"strange", E_UPSTREAM, FAIL_UNCLASSIFIED, "a.png, which is text/plain and not image"},
        {"many", E_UPSTREAM, FAIL_UNCLASSIFIED, "more than 16"}, {"flood", E_UPSTREAM, FAIL_UNCLASSIFIED, "more than this server takes"},
    };
    struct rig *r = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        run(r, rows[i].what);
        if (r->code != rows[i].code || r->failure != rows[i].failure || !strstr(r->detail, rows[i].says)) fail_msg("%s: %s, %d, %s", rows[i].what, err_name(r->code), r->failure, r->detail);
        assert_int_equal(r->count, 0);
        assert_int_equal(entries(drive_tmp(r->drive)), 0);
    }
}

/* Whoever ignores signals and has children of its own is gone too when the time is over: nobody holds the folder any more. */
static void time_ends_it(void **state) {
    struct rig *r = *state;
    msec before = io_mono(loop_io(r->loop));
    run_for(r, "sleep", 400);
    assert_int_equal(r->code, E_DEADLINE);
    assert_true(io_mono(loop_io(r->loop)) - before < 15 * MS_SECOND);
    assert_int_equal(entries(drive_tmp(r->drive)), 0);
}

static void halt(void *arg) { command_halt(((struct rig *)arg)->s); }

static void stopping_ends_it(void **state) {
    struct rig *r = *state;
    struct timer *t = loop_io(r->loop)->ops->timer_start(loop_io(r->loop), 300, halt, r);
    (void)t;
    run(r, "sleep");
    assert_int_equal(r->code, E_UPSTREAM);
    assert_int_equal(r->failure, FAIL_TRANSIENT);
}

static void nobody_wants(void *arg) { command_unwanted(((struct rig *)arg)->s, &((struct rig *)arg)->call); }

static void unwanted_after(struct rig *r, msec time) {
    struct timer *t = loop_io(r->loop)->ops->timer_start(loop_io(r->loop), time, nobody_wants, r);
    (void)t;
}

static void nobody_wants_what_runs(void **state) {
    struct rig *r = *state;
    unwanted_after(r, 300);
    msec before = io_mono(loop_io(r->loop));
    run(r, "sleep");
    assert_int_equal(r->code, E_CANCELLED);
    assert_true(io_mono(loop_io(r->loop)) - before < 10 * MS_SECOND);
    assert_int_equal(entries(drive_tmp(r->drive)), 0);
}

/* On the loop, which therefore does not hear that the program is done and its files are stored. */
static void unwanted_when_stored(void *arg) {
    struct rig *r = arg;
    while (entries(drive_tmp(r->drive)) == 0) usleep(1000);
    while (entries(drive_tmp(r->drive)) > 0) usleep(1000);
    command_unwanted(r->s, &r->call);
}

static void nobody_wants_what_is_stored(void **state) {
    struct rig *r = *state;
    r->route.model = STR("two");
    r->call.deadline_at = io_now(loop_io(r->loop)) + 20 * MS_SECOND;
    loop_post(r->loop, begin_call, r);
    loop_post(r->loop, unwanted_when_stored, r);
    while (!r->done) loop_run(r->loop);
    assert_int_equal(r->code, E_CANCELLED);
    assert_int_equal(r->count, 0);
}

static void other_done(void *arg, const struct call *c, const struct call_result *res) { *(err *)arg = res->code; }

/* It is answered at once, not when its turn comes; what has the turn goes on. */
static void nobody_wants_what_waits(void **state) {
    struct rig *r = *state;
    struct command_options o = {.loop = r->loop, .drive = r->drive, .helper = r->helper, .at_once = 1, .find = find, .arg = r};
    err code = OK;
    helper_walls(r->helper, &o.walls);
    command_destroy(r->s);
    r->s = command_create(&o);
    r->aside = r->route;
    r->aside.model = STR("sleep");
    struct call other = r->call;
    other.attempt = ASIDE;
    other.deadline_at = io_now(loop_io(r->loop)) + 2 * MS_SECOND;
    command_call(r->s, &other, NULL, other_done, &code);
    unwanted_after(r, 300);
    run(r, "sleep");
    assert_int_equal(r->code, E_CANCELLED);
    assert_int_equal(code, OK); /* not answered yet */
    r->call.attempt++;
    run(r, "two"); /* its turn comes when the other's time is over */
    assert_int_equal(r->code, OK);
    assert_int_equal(code, E_DEADLINE);
}

static void texts(void **state) {
    struct rig *r = *state;
    r->call.kind_wanted = STR("text");
    run(r, "text");
    if (r->code) fail_msg("%s", r->detail);
    assert_true(str_is(r->result, "{\"metrics\":{\"a\":1},\"text\":\"hello\",\"words\":[{\"w\":\"hello\"}],\"language_code\":\"en\"}"));
    assert_int_equal(r->count, 0);
    run(r, "mute");
    assert_int_equal(r->code, E_UPSTREAM);
}

static void walls(void **state) {
    struct rig *r = *state;
    struct str bad = {0};
    setenv("PURAS_TEST_SECRET", "x", 1);
    run(r, "walls");
    if (r->code) fail_msg("%s", r->detail);
    assert_true(json_as_str(json_get(metrics(r), "bad"), &bad));
    if (bad.len) fail_msg("the sandbox lets through:%.*s", STR_ARG(bad));
}

/* Below the full level, and without bubblewrap, nothing runs, and the sentence says what to change. */
static void no_sandbox(void **state) {
    struct rig *r = *state;
    struct helper_walls less = {.level = WALLS_REDUCED, .detail = "User namespaces are not allowed here: set kernel.unprivileged_userns_clone=1."};
    command_destroy(r->s);
    start(r, &less);
    run(r, "two");
    assert_int_equal(r->code, E_SANDBOX);
    assert_non_null(strstr(r->detail, "reduced"));
    assert_non_null(strstr(r->detail, "unprivileged_userns_clone"));
    struct cage *c = NULL;
    struct why why = {0};
    assert_int_equal(cage_create("/nowhere/bwrap", &why, &c), E_SANDBOX);
    assert_non_null(strstr(why_text(&why), "bubblewrap"));
}

int main(int argc, char **argv) {
    if (argc < 2) return printf("command_test PURAS-MEDIA\n"), 2;
    helper_path = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_come_out, begin, end), cmocka_unit_test_setup_teardown(the_call_is_read, begin, end),
        cmocka_unit_test_setup_teardown(submit_and_fetch, begin, end),
        cmocka_unit_test_setup_teardown(files_go_in, begin, end), cmocka_unit_test_setup_teardown(failures, begin, end),
        cmocka_unit_test_setup_teardown(time_ends_it, begin, end), cmocka_unit_test_setup_teardown(stopping_ends_it, begin, end),
        cmocka_unit_test_setup_teardown(nobody_wants_what_runs, begin, end), cmocka_unit_test_setup_teardown(nobody_wants_what_waits, begin, end),
        cmocka_unit_test_setup_teardown(nobody_wants_what_is_stored, begin, end),
        cmocka_unit_test_setup_teardown(texts, begin, end), cmocka_unit_test_setup_teardown(walls, begin, end),
        cmocka_unit_test_setup_teardown(no_sandbox, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
