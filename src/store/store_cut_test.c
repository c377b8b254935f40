/* Connections to PostgreSQL that break at the worst moments: a proxy stands between and cuts them at COMMIT, before the server
 * got it, after it, without telling, and refuses new ones for a while. */
#include "store/testbed.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum cut { CUT_NONE, CUT_BEFORE, CUT_AFTER, CUT_BLIND };

struct proxy {
    char folder[64];
    char server[108]; /* the real socket */
    int listener;
    pthread_t thread, link[64];
    int links;
    atomic_int cut;     /* what happens to the next bytes that a client sends */
    atomic_int refuse;  /* so many new connections are turned away */
    atomic_int cuts, refused;
    atomic_bool ending;
};

struct link {
    struct proxy *p;
    int client, server;
};

static bool forward(int from, int to) {
    char buf[65536];
    ssize_t n = read(from, buf, sizeof buf);
    if (n <= 0) return false;
    for (ssize_t at = 0, w; at < n; at += w)
        if ((w = send(to, buf + at, (size_t)(n - at), MSG_NOSIGNAL)) <= 0) return false;
    return true;
}

static bool swallow(int fd) {
    char buf[65536];
    struct pollfd p = {fd, POLLIN, 0};
    return poll(&p, 1, 5000) == 1 && read(fd, buf, sizeof buf) > 0;
}

/* True when the link lives on. */
static bool client_spoke(struct link *l) {
    int cut = atomic_exchange(&l->p->cut, CUT_NONE);
    if (cut == CUT_NONE) return forward(l->client, l->server);
    l->p->cuts++;
    if (cut == CUT_BEFORE) return false;
    forward(l->client, l->server);
    if (cut == CUT_AFTER) swallow(l->server); /* the server has answered, nobody hears it */
    return false;
}

static void *run_link(void *arg) {
    struct link *l = arg;
    struct pollfd p[2] = {{l->client, POLLIN, 0}, {l->server, POLLIN, 0}};
    while (!l->p->ending) {
        if (poll(p, 2, 50) <= 0) continue;
        if (p[0].revents && !client_spoke(l)) break;
        if (p[1].revents && !forward(l->server, l->client)) break;
    }
    close(l->client);
    close(l->server);
    free(l);
    return NULL;
}

static void take_client(struct proxy *p, int client) {
    if (p->refuse > 0) {
        p->refuse--;
        p->refused++;
        close(client);
        return;
    }
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", p->server);
    struct link *l = calloc(1, sizeof *l);
    *l = (struct link){p, client, socket(AF_UNIX, SOCK_STREAM, 0)};
    must(!connect(l->server, (struct sockaddr *)&to, sizeof to));
    must(p->links < 64 && !pthread_create(&p->link[p->links++], NULL, run_link, l));
}

static void *run_proxy(void *arg) {
    struct proxy *p = arg;
    while (!p->ending) {
        struct pollfd f = {p->listener, POLLIN, 0};
        if (poll(&f, 1, 20) == 1) take_client(p, accept(p->listener, NULL, NULL));
    }
    return NULL;
}

static void proxy_start(struct proxy *p, const char *folder) {
    PGconn *conn = PQconnectdb(getenv("PURAS_TEST_PG"));
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    *p = (struct proxy){};
    snprintf(p->server, sizeof p->server, "%s/.s.PGSQL.%s", PQhost(conn), PQport(conn));
    snprintf(p->folder, sizeof p->folder, "%s", folder);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s/.s.PGSQL.%s", folder, PQport(conn));
    PQfinish(conn);
    p->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(p->listener, 16), 0);
    assert_int_equal(pthread_create(&p->thread, NULL, run_proxy, p), 0);
}

static void proxy_stop(struct proxy *p) {
    p->ending = true;
    pthread_join(p->thread, NULL);
    for (int i = 0; i < p->links; i++) pthread_join(p->link[i], NULL);
    close(p->listener);
}

/* The bench's own seat goes straight to the server; `cut` goes through the proxy. */
struct world {
    struct bench b;
    struct proxy proxy;
    struct seat seat;
    enum committer_point at;
    enum cut cut;
};

static err arm(void *arg, enum committer_point p) {
    struct world *w = arg;
    if (p == w->at && w->cut) {
        w->proxy.cut = (int)w->cut;
        w->cut = CUT_NONE;
    }
    return OK;
}

static int setup(void **state) {
    struct world *w = calloc(1, sizeof *w);
    bench_make(&w->b, ENGINE_POSTGRES);
    bench_ready(&w->b);
    proxy_start(&w->proxy, w->b.folder);
    char url[1200];
    const char *query = strchr(w->b.url, '?');
    const char *options = strstr(query, "options=");
    snprintf(url, sizeof url, "postgresql://puras@/puras?host=%s&%s", w->b.folder, options);
    seat_open(&w->b, &w->seat, url, NODE2, false);
    committer_hook(w->seat.c, arm, w);
    seat_ok(&w->seat, cmd_top_up("topup:first", "live", 1)); /* everything is prepared */
    *state = w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    seat_close(&w->seat);
    proxy_stop(&w->proxy);
    bench_close(&w->b);
    free(w);
    return 0;
}

static void exactly_once(struct world *w, enum committer_point at, enum cut cut, int refusals) {
    char id[32];
    int64_t before = BENCH_GET(&w->b, account, PROJECT "/live")->available;
    int cuts = w->proxy.cuts;
    w->at = at;
    w->cut = cut;
    w->proxy.refuse = refusals;
    snprintf(id, sizeof id, "topup:%d-%d-%d", (int)at, (int)cut, refusals);
    struct command c[] = {cmd_top_up(id, "live", 7), cmd_cancel(PROJECT), cmd_submit(GEN)};
    struct outcome out[3];
    seat_batch(&w->seat, c, 3, out);
    assert_int_equal(w->proxy.cuts, cuts + 1);
    assert_int_equal(w->proxy.refuse, 0);
    assert_int_equal(out[0].code, OK);
    assert_int_equal(out[1].code, E_NOT_FOUND);
    assert_int_equal(out[2].code, OK);
    const struct account *account = BENCH_GET(&w->b, account, PROJECT "/live");
    assert_int_equal(account->available + account->held, before + 7);
    assert_int_equal(account->held, PRICE);
    seat_ok(&w->seat, cmd_top_up("topup:first", "live", 1)); /* it goes on */
    assert_int_equal(w->seat.fatal, 0);
    bench_sound(&w->b);
}

static void cut_before_the_commit_arrived(void **state) { exactly_once(*state, POINT_BEFORE_COMMIT, CUT_BEFORE, 0); }
static void cut_after_the_commit_was_done(void **state) { exactly_once(*state, POINT_BEFORE_COMMIT, CUT_AFTER, 0); }
static void cut_while_the_commit_runs(void **state) { exactly_once(*state, POINT_BEFORE_COMMIT, CUT_BLIND, 0); }
static void cut_between_load_and_save(void **state) { exactly_once(*state, POINT_LOADED, CUT_BEFORE, 0); }
static void cut_after_the_save(void **state) { exactly_once(*state, POINT_LOADED, CUT_AFTER, 0); }
static void cut_and_not_let_in_for_a_while(void **state) {
    exactly_once(*state, POINT_BEFORE_COMMIT, CUT_AFTER, 3);
}
static void not_let_in_before_a_commit(void **state) { exactly_once(*state, POINT_LOADED, CUT_BEFORE, 3); }

/* Gone for too long: nothing was written, so what waits is told to come again, and the server lives on. */
static void gone_for_long(void **state) {
    struct world *w = *state;
    w->at = POINT_LOADED;
    w->cut = CUT_BEFORE;
    w->proxy.refuse = 1000;
    assert_int_equal(seat_run(&w->seat, cmd_top_up("topup:7", "live", 7)).code, E_UNAVAILABLE);
    w->proxy.refuse = 0;
    assert_int_equal(BENCH_GET(&w->b, account, PROJECT "/live")->available, START + 1);
    seat_ok(&w->seat, cmd_top_up("topup:7", "live", 7));
    assert_int_equal(BENCH_GET(&w->b, account, PROJECT "/live")->available, START + 8);
}

/* Adopted while it could not ask: the row still tells what happened, and then it is fenced. */
static void adopted_meanwhile(void **state) {
    struct world *w = *state;
    w->at = POINT_BEFORE_COMMIT;
    w->cut = CUT_AFTER;
    seat_ok(&w->seat, cmd_top_up("topup:7", "live", 7));
    bench_sql(&w->b, "update node set state = 'dead' where id = '" NODE2 "'");
    struct command c = cmd_top_up("topup:8", "live", 7);
    assert_int_equal(committer_submit(w->seat.c, &c, NULL, NULL), OK);
    committer_step(w->seat.c);
    assert_int_equal(w->seat.fatal_code, E_FENCED);
    assert_int_equal(BENCH_GET(&w->b, account, PROJECT "/live")->available, START + 8);
}

/* The session is ended by the server's operator: both the writer's and a reader's come back. */
static void sessions_are_ended(void **state) {
    struct world *w = *state;
    struct db *db;
    assert_int_equal(store_db(w->seat.store, NULL, &db), OK);
    const struct account *account;
    assert_int_equal(QUERY_RECORD(db, account, STR(PROJECT "/live"), &w->b.arena, &account), OK);
    bench_sql(&w->b, "do $$ begin perform pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'; end $$");
    assert_int_equal(QUERY_RECORD(db, account, STR(PROJECT "/live"), &w->b.arena, &account), OK);
    seat_ok(&w->seat, cmd_top_up("topup:7", "live", 7));
    struct audit audit;
    assert_int_equal(query_audit(db, &w->b.arena, &audit), OK);
    assert_int_equal(audit.findings, 0);
    struct why why;
    assert_int_equal(store_node_beat(w->seat.store, &w->seat.node, &why), OK);
    db_close(db);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(cut_before_the_commit_arrived), T(cut_after_the_commit_was_done), T(cut_while_the_commit_runs), T(cut_between_load_and_save),
        T(cut_after_the_save), T(cut_and_not_let_in_for_a_while), T(not_let_in_before_a_commit), T(gone_for_long), T(adopted_meanwhile),
        T(sessions_are_ended),
    };
    return cmocka_run_group_tests_name("cut connections", tests, NULL, NULL);
}
