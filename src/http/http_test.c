/* docs/HTTP.md line by line, spoken as raw bytes: what is taken, what is refused, and what happens to the connection. Deadlines,
 * caps and streams are in http_limits_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/json.h"
#include "http/http_test_server.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct test_server server;

static int group_stop(void **state) {
    test_server_stop(&server);
    return 0;
}

/* `expect`: the statuses of the answers in order, then whether the connection is open or closed. */
struct exchange {
    const char *name; /* begins with the line of docs/HTTP.md */
    const char *bytes;
    size_t len;
    const char *expect;
    const char *contains; /* of the last answer, NULL: anything */
};
#define RAW(literal) literal, sizeof(literal) - 1
#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST_CHUNKED "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
#define HOST "\r\nHost: a\r\n\r\n"

static const struct exchange EXCHANGES[] = {
    {"1 pipelined requests are answered in order", RAW("GET /a HTTP/1.1" HOST "GET /b HTTP/1.1" HOST), "200 200 open", "GET /b"},
    {"1 also behind bodies", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1" HOST), "200 200 open", "GET /b"},
    {"1 also behind chunked bodies", RAW(POST_CHUNKED "3\r\nabc\r\n0\r\n\r\n" GET), "200 200 open", "GET /"},
    {"1 also behind an answer that takes its time", RAW("POST /late-echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" GET), "200 200 open", "GET /"},
    {"2 kept by default in HTTP/1.1", RAW(GET), "200 open", NULL},
    {"2 kept in HTTP/1.0 when asked", RAW("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), "200 open", "\r\nConnection: keep-alive\r\n"},
    {"3 Connection: close is honoured", RAW("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), "200 closed", "\r\nConnection: close\r\n"},
    {"3 also in a list", RAW("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n"), "200 closed", NULL},
    {"3 nothing behind it is answered", RAW("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET), "200 closed", NULL},
    {"4 HTTP/1.0 without Host or keep-alive", RAW("GET / HTTP/1.0\r\n\r\n"), "200 closed", "\r\nConnection: close\r\n"},
    {"5 an empty line first", RAW("\r\n" GET), "200 open", NULL},
    {"6 headers without blanks, with tabs, in any case", RAW("GET / HTTP/1.1\r\nhOST:a\r\nx-tEST:\t v \t\r\n\r\n"), "200 open", "[v]"},
    {"6 repeated headers are joined", RAW("GET / HTTP/1.1\r\nHost: a\r\nX-Test: 1\r\nx-test: 2\r\n\r\n"), "200 open", "[1, 2]"},
    {"6 an upgrade that is offered is passed over", RAW("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"), "200 open", NULL},
    {"7 PATCH", RAW("PATCH / HTTP/1.1" HOST), "200 open", "PATCH /"},
    {"7 DELETE", RAW("DELETE / HTTP/1.1" HOST), "200 open", "DELETE /"},
    {"7 OPTIONS", RAW("OPTIONS /x HTTP/1.1" HOST), "200 open", "OPTIONS /x"},
    {"7 an unknown method", RAW("BREW / HTTP/1.1" HOST), "501 closed", "\"code\":\"not_implemented\""},
    {"7 a method in lower case", RAW("get / HTTP/1.1" HOST), "501 closed", NULL},
    {"7 TRACE", RAW("TRACE / HTTP/1.1" HOST), "200 open", "TRACE /"},
    {"7 a method of WebDAV", RAW("PROPFIND / HTTP/1.1" HOST), "501 closed", NULL},
    {"9 CONNECT", RAW("CONNECT a:443 HTTP/1.1" HOST), "501 closed", NULL},
    {"10 absolute-form of ours", RAW("GET http://own.example/p?q=1 HTTP/1.1" HOST), "200 open", "GET /p ?q=1"},
    {"10 absolute-form of ours without path", RAW("GET http://OWN.example?q HTTP/1.1" HOST), "200 open", "GET / ?q"},
    {"10 absolute-form with the scheme's port", RAW("GET http://own.example:80/p HTTP/1.1" HOST), "200 open", "GET /p"},
    {"10 absolute-form of another", RAW("GET http://other.example/ HTTP/1.1\r\nHost: other.example\r\n\r\n"), "421 closed", "misdirected_request"},
    {"10 absolute-form of a longer name", RAW("GET http://own.example.evil/ HTTP/1.1" HOST), "421 closed", NULL},
    {"10 absolute-form with a user", RAW("GET http://own.example@evil/ HTTP/1.1" HOST), "421 closed", NULL},
    {"11 * with OPTIONS", RAW("OPTIONS * HTTP/1.1" HOST), "200 open", "OPTIONS *"},
    {"11 * with GET", RAW("GET * HTTP/1.1" HOST), "400 closed", NULL},
    {"11 a target without slash", RAW("GET x HTTP/1.1" HOST), "400 closed", NULL},
    {"11 another scheme", RAW("GET ftp://own.example/ HTTP/1.1" HOST), "400 closed", NULL},
    {"11 a fragment", RAW("GET /a#b HTTP/1.1" HOST), "400 closed", NULL},
    {"12 HTTP/2.0", RAW("GET / HTTP/2.0" HOST), "505 closed", NULL},
    {"12 HTTP/1.2", RAW("GET / HTTP/1.2" HOST), "505 closed", NULL},
    {"12 HTTP/0.9", RAW("GET /" HOST), "505 closed", NULL},
    {"12 the preface of HTTP/2", RAW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "505 closed", NULL},
    {"13 any clean Host", RAW("GET / HTTP/1.1\r\nHost: evil.example:99\r\n\r\n"), "200 open", NULL},
    {"14 no Host", RAW("GET / HTTP/1.1\r\n\r\n"), "400 closed", "\"code\":\"bad_request\""},
    {"15 two Hosts", RAW("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), "400 closed", NULL},
    {"15 two Hosts in HTTP/1.0", RAW("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), "400 closed", NULL},
    {"16 an empty Host", RAW("GET / HTTP/1.1\r\nHost:\r\n\r\n"), "400 closed", NULL},
    {"16 a Host with a path", RAW("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), "400 closed", NULL},
    {"16 a Host with a blank", RAW("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), "400 closed", NULL},
    {"17 a folded header", RAW("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n"), "400 closed", NULL},
    {"17 folded by a tab", RAW("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc: d\r\n\r\n"), "400 closed", NULL},
    {"17 a fold before the first header", RAW("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), "400 closed", NULL},
    {"17 a fold that hides a length", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nX: b\r\n Content-Length: 3\r\n\r\nabc"), "400 closed", NULL},
    {"18 bare LF behind the request line", RAW("GET / HTTP/1.1\nHost: a\r\n\r\n"), "400 closed", NULL},
    {"18 bare LF behind a header", RAW("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"), "400 closed", NULL},
    {"18 bare LF at the end", RAW("GET / HTTP/1.1\r\nHost: a\r\n\n"), "400 closed", NULL},
    {"18 nothing but bare LFs", RAW("GET / HTTP/1.1\nHost: a\n\n"), "400 closed", NULL},
    {"18 an empty line of a bare LF first", RAW("\n" GET), "400 closed", NULL},
    {"19 a bare CR in a value", RAW("GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n"), "400 closed", NULL},
    {"19 a bare CR in the request line", RAW("GET / HTTP/1.1\rHost: a\r\n\r\n"), "400 closed", NULL},
    {"19 CR CR LF", RAW("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"), "400 closed", NULL},
    {"20 NUL in a value", RAW("GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n"), "400 closed", NULL},
    {"20 NUL in a name", RAW("GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n"), "400 closed", NULL},
    {"20 NUL in the target", RAW("GET /a\0b HTTP/1.1" HOST), "400 closed", NULL},
    {"20 a control byte in a name", RAW("GET / HTTP/1.1\r\nHost: a\r\nX\x01: b\r\n\r\n"), "400 closed", NULL},
    {"20 a control byte in a value", RAW("GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n"), "400 closed", NULL},
    {"21 a blank before the colon", RAW("GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n"), "400 closed", NULL},
    {"21 a blank before the colon of a length", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\nabc"), "400 closed", NULL},
    {"21 no name", RAW("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"), "400 closed", NULL},
    {"21 no colon", RAW("GET / HTTP/1.1\r\nHost: a\r\nxyz\r\n\r\n"), "400 closed", NULL},
    {"22 two blanks", RAW("GET  / HTTP/1.1" HOST), "400 closed", NULL},
    {"22 a tab", RAW("GET\t/ HTTP/1.1" HOST), "400 closed", NULL},
    {"22 a blank behind the version", RAW("GET / HTTP/1.1 " HOST), "400 closed", NULL},
    {"22 a blank in the target", RAW("GET /a b HTTP/1.1" HOST), "400 closed", NULL},
    {"23 a TLS hello", RAW("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), "400 closed", NULL},
    {"23 a JSON text", RAW("{\"a\":1}\r\n\r\n"), "400 closed", NULL},
    {"24 both lengths", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "400 closed", NULL},
    {"24 both lengths, the other way round", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"), "400 closed", NULL},
    {"25 two lengths that differ", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), "400 closed", NULL},
    {"25 two equal lengths", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"), "400 closed", NULL},
    {"26 +5", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nabcde"), "400 closed", NULL},
    {"26 -1", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"), "400 closed", NULL},
    {"26 0x5", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nabcde"), "400 closed", NULL},
    {"26 5, 5", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nabcde"), "400 closed", NULL},
    {"26 5 5", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\nabcde"), "400 closed", NULL},
    {"26 empty", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n"), "400 closed", NULL},
    {"26 too large for 63 bits", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n"), "400 closed", NULL},
    {"26 too large for 64 bits", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551619\r\n\r\nabc"), "400 closed", NULL},
    {"27 gzip", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"), "501 closed", NULL},
    {"27 gzip, chunked", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), "501 closed", NULL},
    {"27 chunked, gzip", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"), "501 closed", NULL},
    {"27 chunked twice", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "501 closed", NULL},
    {"27 xchunked", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), "501 closed", NULL},
    {"27 identity", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n"), "501 closed", NULL},
    {"28 chunked in HTTP/1.0", RAW("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "400 closed", NULL},
    {"29 chunked, plain", RAW(POST_CHUNKED "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"), "200 open", "\r\n\r\nabc0123456789"},
    {"29 no number", RAW(POST_CHUNKED "x\r\n"), "400 closed", NULL},
    {"29 an empty size", RAW(POST_CHUNKED "\r\n"), "400 closed", NULL},
    {"29 a negative size", RAW(POST_CHUNKED "-3\r\nabc\r\n"), "400 closed", NULL},
    {"29 a blank before the end of the size", RAW(POST_CHUNKED "3 \r\nabc\r\n"), "400 closed", NULL},
    {"29 bare LF behind the size", RAW(POST_CHUNKED "3\nabc\r\n0\r\n\r\n"), "400 closed", NULL},
    {"29 bare LF behind data", RAW(POST_CHUNKED "3\r\nabc\n0\r\n\r\n"), "400 closed", NULL},
    {"29 bare LF at the end", RAW(POST_CHUNKED "3\r\nabc\r\n0\r\n\n"), "400 closed", NULL},
    {"29 more data than its size", RAW(POST_CHUNKED "3\r\nabcd\r\n0\r\n\r\n"), "400 closed", NULL},
    {"29 more than 15 digits", RAW(POST_CHUNKED "0000000000000003\r\nabc\r\n"), "400 closed", NULL},
    {"29 a size that would wrap", RAW(POST_CHUNKED "10000000000000003\r\nabc\r\n"), "400 closed", NULL},
    {"30 extensions are dropped", RAW(POST_CHUNKED "3;a=b;c=\"d;e\"\r\nabc\r\n0;x\r\n\r\n"), "200 open", "\r\n\r\nabc"},
    {"30 bare LF in an extension", RAW(POST_CHUNKED "3;a\nabc\r\n0\r\n\r\n"), "400 closed", NULL},
    {"31 trailers are dropped", RAW(POST_CHUNKED "3\r\nabc\r\n0\r\nX-Test: late\r\nHost: b\r\n\r\n"), "200 open", "\r\n\r\nabc"},
    {"31 a folded trailer", RAW(POST_CHUNKED "0\r\nA: b\r\n c\r\n\r\n"), "400 closed", NULL},
    {"31 a control byte in a trailer", RAW(POST_CHUNKED "0\r\nA: \0\r\n\r\n"), "400 closed", NULL},
    {"32 nothing behind a refused head is read", RAW("GET / HTTP/1.1\r\nHost: a\nX: GET /smuggled HTTP/1.1" HOST), "400 closed", NULL},
    {"32 nothing behind refused lengths is read", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1" HOST), "400 closed", NULL},
    {"33 the handler asks: confirmed, body already there", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\nabc"), "100 200 open", "abc"},
    {"33 the handler refuses: no confirmation", RAW("POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"), "401 closed", NULL},
    {"33 too long: no confirmation", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n"), "413 closed", NULL},
    {"33 without a body there is nothing to confirm", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n"), "200 open", NULL},
    {"34 another expectation", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: pink\r\n\r\nabc"), "417 closed", "expectation_failed"},
    {"35 a known length that is too large", RAW("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n"), "413 closed", "\"code\":\"too_large\""},
    {"37 a small rest is dropped and the connection kept", RAW("POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde" GET), "401 200 open", NULL},
    {"37 a large rest closes", RAW("POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\nabcde"), "401 closed", "\r\nConnection: close\r\n"},
    {"37 a rest of unknown length closes", RAW("POST /refuse HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" GET), "401 closed", NULL},
    {"52 errors are in our form", RAW("GET / HTTP/1.1\r\n\r\n"), "400 closed", "\"charged_micros\":0,\"retry\":\"never\",\"request_id\":\""},
    {"53 204 has no body and no length", RAW("GET /nothing HTTP/1.1" HOST), "204 open", NULL},
};

static void check_exchange(struct exchange x, size_t piece) {
    int fd = test_connect(&server);
    if (piece) {
        int on = 1;
        setsockopt(fd, 6, 1, &on, sizeof on); /* TCP_NODELAY: pieces shall arrive as pieces */
        for (size_t at = 0; at < x.len; at += piece) test_send(fd, x.bytes + at, at + piece < x.len ? piece : x.len - at);
    } else {
        test_send(fd, x.bytes, x.len);
    }
    char *answer = NULL;
    struct str word, rest = str_of(x.expect);
    while (rest.len) {
        str_cut(rest, ' ', &word, &rest);
        if (!rest.len) break;
        free(answer);
        answer = test_answer(fd, str_starts(str_of(x.bytes), STR("HEAD")));
        int64_t status;
        assert_true(str_to_i64(word, &status));
        if (test_status(answer) != status) fail_msg("%s: expected %d, got %s", x.name, (int)status, answer ? answer : "nothing");
    }
    if (x.contains && !strstr(answer, x.contains)) fail_msg("%s: \"%s\" is not in %s", x.name, x.contains, answer);
    free(answer);
    if (str_is(word, "closed")) {
        if (!test_ended(fd)) fail_msg("%s: the connection is not closed", x.name);
    } else {
        test_say(fd, "GET /open HTTP/1.1\r\nHost: a\r\n\r\n");
        answer = test_answer(fd, false);
        if (test_status(answer) != 200 || !strstr(answer, "GET /open")) fail_msg("%s: the connection is not usable", x.name);
        free(answer);
    }
    close(fd);
}

enum { EXCHANGE_COUNT = sizeof EXCHANGES / sizeof *EXCHANGES };
static void exchange_whole(void **state) { check_exchange(*(const struct exchange *)*state, 0); }

/* Line 6: how bytes are cut into packets changes nothing. */
static void line_6_pieces_change_nothing(void **state) {
    for (int i = 0; i < EXCHANGE_COUNT; i++) {
        check_exchange(EXCHANGES[i], 1);
        check_exchange(EXCHANGES[i], 7);
    }
}

static char *ask(const char *request, bool head) {
    int fd = test_connect(&server);
    test_say(fd, request);
    char *answer = test_answer(fd, head);
    close(fd);
    assert_non_null(answer);
    return answer;
}

static void line_1_the_next_waits_for_the_answer(void **state) {
    int before = atomic_load(&server.heads);
    int fd = test_connect(&server);
    test_say(fd, "GET /park HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(test_wait(&server.heads, before + 1));
    usleep(20000);
    test_say(fd, "GET /c HTTP/1.1\r\nHost: a\r\n\r\n");
    usleep(20000);
    assert_int_equal(atomic_load(&server.heads), before + 1);
    close(fd);
}

static void line_8_head_has_the_headers_of_get(void **state) {
    char *get = ask("GET /x HTTP/1.1\r\nHost: a\r\n\r\n", false);
    char *length = strstr(get, "\r\nContent-Length: ");
    assert_non_null(length);
    free(get);
    int fd = test_connect(&server);
    test_say(fd, "HEAD /x HTTP/1.1\r\nHost: a\r\n\r\nGET /y HTTP/1.1\r\nHost: a\r\n\r\n");
    char *head = test_answer(fd, true);
    assert_int_equal(test_status(head), 200);
    assert_non_null(strstr(head, "\r\nContent-Length: 12\r\n"));
    char *next = test_answer(fd, false); /* had there been a body, this would not be an answer */
    assert_int_equal(test_status(next), 200);
    free(head);
    free(next);
    close(fd);
    fd = test_connect(&server);
    test_say(fd, "HEAD /file HTTP/1.1\r\nHost: a\r\n\r\nGET /y HTTP/1.1\r\nHost: a\r\n\r\n");
    head = test_answer(fd, true);
    assert_non_null(strstr(head, "\r\nContent-Length: 8388582\r\n"));
    next = test_answer(fd, false);
    assert_int_equal(test_status(next), 200);
    free(head);
    free(next);
    close(fd);
}

static void line_10_the_listen_address_is_ours(void **state) {
    char request[200];
    snprintf(request, sizeof request, "GET http://127.0.0.1:%d/z HTTP/1.1\r\nHost: a\r\n\r\n", server.port);
    char *answer = ask(request, false);
    assert_int_equal(test_status(answer), 200);
    free(answer);
    snprintf(request, sizeof request, "GET http://127.0.0.1:%d/z HTTP/1.1\r\nHost: a\r\n\r\n", server.port ^ 1);
    answer = ask(request, false);
    assert_int_equal(test_status(answer), 421);
    free(answer);
}

static void line_33_confirmed_only_when_asked_for(void **state) {
    int fd = test_connect(&server);
    test_say(fd, "POST /late-echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    char *answer = test_answer(fd, false); /* comes 10 ms later, when the handler asks */
    assert_int_equal(test_status(answer), 100);
    free(answer);
    test_say(fd, "abc");
    answer = test_answer(fd, false);
    assert_int_equal(test_status(answer), 200);
    free(answer);
    close(fd);
    int heads = atomic_load(&server.heads);
    fd = test_connect(&server);
    test_say(fd, "POST /park HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    assert_true(test_wait(&server.heads, heads + 1));
    usleep(30000);
    char byte;
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1); /* parked: nothing was confirmed */
    close(fd);
}

/* Sends n times `unit` behind `head`; answers the status. */
static int status_of_repeated(const char *head, const char *unit, int n, const char *tail) {
    struct buf b = {};
    buf_z(&b, head);
    for (int i = 0; i < n; i++) buf_z(&b, unit);
    buf_z(&b, tail);
    int fd = test_connect(&server);
    test_send(fd, b.ptr, b.len);
    buf_done(&b);
    char *answer = test_answer(fd, false);
    int status = test_status(answer);
    if (status != 200) assert_true(test_ended(fd));
    free(answer);
    close(fd);
    return status;
}

static void line_30_and_31_extensions_and_trailers_are_bounded(void **state) {
    assert_int_equal(status_of_repeated(POST_CHUNKED "3;", "x", 4096, "\r\nabc\r\n0\r\n\r\n"), 200);
    assert_int_equal(status_of_repeated(POST_CHUNKED "3;", "x", 4097, "\r\nabc\r\n0\r\n\r\n"), 400);
    assert_int_equal(status_of_repeated(POST_CHUNKED, "1;12345678\r\na\r\n", 500, "0\r\n\r\n"), 200);
    assert_int_equal(status_of_repeated(POST_CHUNKED, "1;12345678\r\na\r\n", 600, "0\r\n\r\n"), 400); /* counted over the body */
    assert_int_equal(status_of_repeated(POST_CHUNKED "0\r\n", "a: b\r\n", 1000, "\r\n"), 200);
    assert_int_equal(status_of_repeated(POST_CHUNKED "0\r\n", "a: b\r\n", 1100, "\r\n"), 431);
}

static void line_36_chunked_body_too_large(void **state) {
    assert_int_equal(status_of_repeated(POST_CHUNKED, "64\r\n0123456789012345678901234567890123456789012345678901234567890123456789"
                                                      "012345678901234567890123456789\r\n", 10, "0\r\n\r\n"), 200);
    assert_int_equal(status_of_repeated(POST_CHUNKED, "64\r\n0123456789012345678901234567890123456789012345678901234567890123456789"
                                                      "012345678901234567890123456789\r\n", 10, "1\r\nx\r\n0\r\n\r\n"), 413);
}

/* The client sends all before it reads: without lingering the reset would destroy the answer. */
static void line_38_the_answer_survives_an_unread_body(void **state) {
    for (int round = 0; round < 3; round++) {
        int fd = test_connect(&server);
        test_say(fd, "POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n");
        char *block = calloc(1, 2000000);
        test_send(fd, block, 2000000);
        free(block);
        usleep(5000);
        char *answer = test_answer(fd, false);
        assert_int_equal(test_status(answer), 401);
        free(answer);
        assert_true(test_ended(fd));
        close(fd);
    }
    /* More than is read here is not drained without end. */
    int fd = test_connect(&server);
    test_say(fd, "POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 200000000\r\n\r\n");
    static char block[1 << 20];
    int sent = 0;
    while (sent < 64 && send(fd, block, sizeof block, MSG_NOSIGNAL) > 0) sent++;
    assert_true(sent < 64);
    close(fd);
}

static void line_39_a_paused_body_goes_on(void **state) {
    int before = atomic_load(&server.paused);
    int fd = test_connect(&server);
    enum { SIZE = 700000 };
    test_say(fd, "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 700000\r\n\r\n");
    char *block = calloc(1, SIZE);
    test_send(fd, block, SIZE);
    free(block);
    test_say(fd, GET);
    char *answer = test_answer(fd, false);
    assert_int_equal(test_status(answer), 200);
    assert_non_null(strstr(answer, "\r\n\r\n700000"));
    assert_true(atomic_load(&server.paused) - before >= 10);
    free(answer);
    answer = test_answer(fd, false);
    assert_int_equal(test_status(answer), 200);
    free(answer);
    close(fd);
    fd = test_connect(&server);
    test_say(fd, "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n");
    answer = test_answer(fd, false);
    assert_int_equal(test_status(answer), 413);
    free(answer);
    close(fd);
}

static void line_40_a_body_cut_off_is_told(void **state) {
    int badly = atomic_load(&server.ended_badly), gone = atomic_load(&server.gone);
    int fd = test_connect(&server);
    test_say(fd, "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    close(fd);
    assert_true(test_wait(&server.ended_badly, badly + 1));
    fd = test_connect(&server);
    test_say(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    close(fd);
    assert_true(test_wait(&server.gone, gone + 1));
}

static void line_41_to_43_sizes_of_heads(void **state) {
    assert_int_equal(status_of_repeated("GET / HTTP/1.1\r\nHost: a\r\n", "X: b\r\n", 63, "\r\n"), 200);
    assert_int_equal(status_of_repeated("GET / HTTP/1.1\r\nHost: a\r\n", "X: b\r\n", 64, "\r\n"), 431);
    /* 14 + 2 + 9 + 3 + 2 + 2 bytes around the value */
    assert_int_equal(status_of_repeated("GET / HTTP/1.1\r\nHost: a\r\nX: ", "v", 16384 - 32, "\r\n\r\n"), 200);
    assert_int_equal(status_of_repeated("GET / HTTP/1.1\r\nHost: a\r\nX: ", "v", 16384 - 31, "\r\n\r\n"), 431);
    assert_int_equal(status_of_repeated("GET / HTTP/1.1\r\nHost: a\r\nX: ", "v", 200000, "\r\n\r\n"), 431);
    assert_int_equal(status_of_repeated("", "\r\n", 9000, GET), 414); /* empty lines first, without end */
    assert_int_equal(status_of_repeated("GET /", "v", 8191, " HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    assert_int_equal(status_of_repeated("GET /", "v", 8192, " HTTP/1.1\r\nHost: a\r\n\r\n"), 414);
    assert_int_equal(status_of_repeated("GET /", "v", 100000, " HTTP/1.1\r\nHost: a\r\n\r\n"), 414);
}

static void line_49_headers_cannot_be_split(void **state) {
    char *answer = ask("GET /evil-header HTTP/1.1\r\nHost: a\r\n\r\n", false);
    assert_non_null(strstr(answer, "\r\nX-Evil: a  Set-Cookie: b\r\n"));
    free(answer);
}

static void line_50_request_ids_are_ours(void **state) {
    char last[33] = "";
    for (int i = 0; i < 3; i++) {
        char *answer = ask("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: 00000000000000000000000000000000\r\n\r\n", false);
        char *id = strstr(answer, "\r\nX-Request-Id: ");
        assert_non_null(id);
        char here[33];
        snprintf(here, sizeof here, "%.32s", id + 16);
        assert_true(id_is(str_of(here)));
        assert_string_not_equal(here, last);
        assert_string_not_equal(here, "00000000000000000000000000000000");
        memcpy(last, here, sizeof last);
        free(answer);
    }
}

static void line_51_files(void **state) {
    int fd = test_connect(&server);
    test_say(fd, "GET /file HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    char *answer = test_answer(fd, false);
    assert_int_equal(test_status(answer), 200);
    char *body = strstr(answer, "\r\n\r\n") + 4;
    assert_int_equal(strlen(body), 8 * 1024 * 1024 - 26);
    for (size_t i = 0; i < 8 * 1024 * 1024 - 26; i++)
        if (body[i] != (char)('a' + (i + 26) % 65536 % 26)) fail_msg("byte %zu is wrong", i);
    free(answer);
    answer = test_answer(fd, false);
    assert_int_equal(test_status(answer), 200);
    free(answer);
    close(fd);
    fd = test_connect(&server);
    test_say(fd, "GET /short-file HTTP/1.1\r\nHost: a\r\n\r\n");
    size_t len;
    answer = test_read(fd, 100 << 20, &len);
    assert_true(len > 8 << 20 && len < 9 << 20);
    free(answer);
    close(fd);
}

static void line_51_large_answers_wait_for_the_reader(void **state) {
    int fd = test_connect(&server);
    test_say(fd, "GET /big HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    usleep(50000);
    char *answer = test_answer(fd, false);
    assert_int_equal(test_status(answer), 200);
    assert_int_equal(strlen(strstr(answer, "\r\n\r\n") + 4), 4 * 1024 * 1024);
    free(answer);
    answer = test_answer(fd, false);
    assert_int_equal(test_status(answer), 200);
    free(answer);
    close(fd);
}

static void line_52_error_bodies_read_as_json(void **state) {
    char *answer = ask("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", false);
    struct arena a = {};
    struct json *j = NULL;
    assert_int_equal(json_parse(str_of(strstr(answer, "\r\n\r\n") + 4), &a, NULL, &j), OK);
    struct str detail = {}, message = {}, code = {}, retry = {}, id = {};
    int64_t charged = -1;
    assert_true(json_as_str(json_get(j, "detail"), &detail) && json_as_str(json_get(j, "message"), &message));
    assert_true(str_eq(detail, message) && detail.len > 10);
    assert_true(json_as_str(json_get(j, "code"), &code) && str_is(code, "not_implemented"));
    assert_true(json_as_str(json_get(j, "retry"), &retry) && str_is(retry, "never"));
    assert_true(json_as_i64(json_get(j, "charged_micros"), &charged) && charged == 0);
    assert_true(json_as_str(json_get(j, "request_id"), &id) && strstr(answer, "X-Request-Id: ") && id_is(id));
    assert_memory_equal(strstr(answer, "X-Request-Id: ") + 14, id.ptr, 32);
    arena_done(&a);
    free(answer);
}

static void line_53_no_content(void **state) {
    char *answer = ask("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", false);
    assert_int_equal(test_status(answer), 204);
    assert_null(strcasestr(answer, "content-length"));
    free(answer);
}

static void the_access_log_is_told(void **state) {
    atomic_store(&server.last_status, 0);
    char *answer = ask("GET /refuse HTTP/1.1\r\nHost: a\r\n\r\n", false);
    assert_true(test_wait(&server.last_status, 401));
    assert_int_equal(atomic_load(&server.last_bytes), strlen(answer));
    free(answer);
}

static void query_strings(void **state) {
    struct arena a = {};
    struct str v;
    assert_true(http_query_get(STR("a=1&b=x%20y+z&b=2&%63=3&d"), "b", &a, &v) && str_is(v, "x y z"));
    assert_true(http_query_get(STR("a=1&%63=3"), "c", &a, &v) && str_is(v, "3"));
    assert_true(http_query_get(STR("a=1&d"), "d", &a, &v) && str_is(v, ""));
    assert_false(http_query_get(STR("a=1"), "x", &a, &v));
    assert_false(http_query_get(STR(""), "x", &a, &v));
    static const char *const bad[] = {"%", "%1", "%zz", "%00", "a%0", "%g0"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(http_percent_decode(str_of(bad[i]), false, &a, &v));
    assert_true(http_percent_decode(STR("a+%2B%c3%A4"), false, &a, &v) && str_is(v, "a++\xc3\xa4"));
    struct buf b = {};
    http_percent_encode(&b, STR("a b/\xc3\xa4?~"), "/");
    assert_string_equal(b.ptr, "a%20b/%C3%A4%3F~");
    buf_done(&b);
    arena_done(&a);
}

static const char *const own_hosts[] = {"own.example", NULL};
static void configure(struct test_server *t) { t->options.own_hosts = own_hosts; }
static int start_configured(void **state) {
    test_server_start(&server, configure);
    return 0;
}

int main(void) {
    static struct CMUnitTest tests[EXCHANGE_COUNT + 32];
    size_t n = 0;
    for (int i = 0; i < EXCHANGE_COUNT; i++) {
        tests[n++] = (struct CMUnitTest){EXCHANGES[i].name, exchange_whole, NULL, NULL, (void *)&EXCHANGES[i]};
    }
    const struct CMUnitTest others[] = {
        cmocka_unit_test(line_1_the_next_waits_for_the_answer),
        cmocka_unit_test(line_6_pieces_change_nothing),
        cmocka_unit_test(line_8_head_has_the_headers_of_get),
        cmocka_unit_test(line_10_the_listen_address_is_ours),
        cmocka_unit_test(line_30_and_31_extensions_and_trailers_are_bounded),
        cmocka_unit_test(line_33_confirmed_only_when_asked_for),
        cmocka_unit_test(line_36_chunked_body_too_large),
        cmocka_unit_test(line_38_the_answer_survives_an_unread_body),
        cmocka_unit_test(line_39_a_paused_body_goes_on),
        cmocka_unit_test(line_40_a_body_cut_off_is_told),
        cmocka_unit_test(line_41_to_43_sizes_of_heads),
        cmocka_unit_test(line_49_headers_cannot_be_split),
        cmocka_unit_test(line_50_request_ids_are_ours),
        cmocka_unit_test(line_51_files),
        cmocka_unit_test(line_51_large_answers_wait_for_the_reader),
        cmocka_unit_test(line_52_error_bodies_read_as_json),
        cmocka_unit_test(line_53_no_content),
        cmocka_unit_test(the_access_log_is_told),
        cmocka_unit_test(query_strings),
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) tests[n++] = others[i];
    return _cmocka_run_group_tests("http", tests, n, start_configured, group_stop);
}
