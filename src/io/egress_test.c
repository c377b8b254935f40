/* Every special range by its first and last address and by the neighbours outside it, written apart from the table they test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "io/egress.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/un.h>

static const char *special(const char *text, int port, const struct egress_rule *rule) {
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    const struct sockaddr *sa = (struct sockaddr *)&four;
    if (inet_pton(AF_INET, text, &four.sin_addr) != 1) {
        assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
        sa = (struct sockaddr *)&six;
    }
    return rule ? egress_refuses(rule, sa) : egress_special(sa);
}

static void ranges(void **state) {
    static const struct {
        const char *first, *last, *word; /* both ends, and a word of what it is */
        const char *before, *after;      /* public neighbours; NULL where the neighbour is special too */
    } rows[] = {
        {"0.0.0.0", "0.255.255.255", "very machine", NULL, "1.0.0.0"},
        {"10.0.0.0", "10.255.255.255", "private", "9.255.255.255", "11.0.0.0"},
        {"100.64.0.0", "100.127.255.255", "carrier", "100.63.255.255", "100.128.0.0"},
        {"100.100.100.200", "100.100.100.200", "metadata", NULL, NULL},
        {"127.0.0.0", "127.255.255.255", "loopback", "126.255.255.255", "128.0.0.0"},
        {"168.63.129.16", "168.63.129.16", "metadata", "168.63.129.15", "168.63.129.17"},
        {"169.254.0.0", "169.254.255.255", "link-local", "169.253.255.255", "169.255.0.0"},
        {"169.254.169.254", "169.254.169.254", "metadata", NULL, NULL},
        {"169.254.170.2", "169.254.170.2", "metadata", NULL, NULL},
        {"172.16.0.0", "172.31.255.255", "private", "172.15.255.255", "172.32.0.0"},
        {"192.0.0.0", "192.0.0.255", "protocols", "191.255.255.255", "192.0.1.0"},
        {"192.0.0.192", "192.0.0.192", "metadata", NULL, NULL},
        {"192.0.2.0", "192.0.2.255", "documentation", "192.0.1.255", "192.0.3.0"},
        {"192.88.99.0", "192.88.99.255", "6to4", "192.88.98.255", "192.88.100.0"},
        {"192.168.0.0", "192.168.255.255", "private", "192.167.255.255", "192.169.0.0"},
        {"198.18.0.0", "198.19.255.255", "benchmarks", "198.17.255.255", "198.20.0.0"},
        {"198.51.100.0", "198.51.100.255", "documentation", "198.51.99.255", "198.51.101.0"},
        {"203.0.113.0", "203.0.113.255", "documentation", "203.0.112.255", "203.0.114.0"},
        {"224.0.0.0", "239.255.255.255", "multicast", "223.255.255.255", NULL},
        {"240.0.0.0", "255.255.255.254", "reserved", NULL, NULL},
        {"255.255.255.255", "255.255.255.255", "broadcast", NULL, NULL},
        {"::", "::", "very machine", NULL, NULL},
        {"::1", "::1", "loopback", NULL, NULL},
        {"::2", "::ffff:ffff", "written as IPv6", NULL, NULL},
        {"::ffff:0:0", "::ffff:255.255.255.255", "written as IPv6", NULL, NULL},
        {"::ffff:127.0.0.1", "::ffff:8.8.8.8", "written as IPv6", NULL, NULL},
        {"::ffff:0:0:0", "::ffff:0:ffff:ffff", "written as IPv6", NULL, NULL},
        {"64:ff9b::", "64:ff9b::ffff:ffff", "translated", NULL, NULL},
        {"64:ff9b::127.0.0.1", "64:ff9b::8.8.8.8", "translated", NULL, NULL},
        {"64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "translated", NULL, NULL},
        {"100::", "100::ffff:ffff:ffff:ffff", "discards", NULL, NULL},
        {"2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", "Teredo", NULL, NULL},
        {"2001:1::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "protocols", NULL, "2001:200::"},
        {"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "documentation", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"},
        {"2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "6to4", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"},
        {"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "documentation", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"},
        {"5f00::", "5fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "", NULL, NULL},
        {"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "private", NULL, NULL},
        {"fd00:ec2::254", "fd00:ec2::254", "metadata", NULL, NULL},
        {"fd20:ce::254", "fd20:ce::254", "metadata", NULL, NULL},
        {"fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local", NULL, NULL},
        {"fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "private", NULL, NULL},
        {"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast", NULL, NULL},
        {"200::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "reserved", NULL, "2000::"},
        {"4000::", "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "reserved", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
        {"6000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "reserved", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *ends[] = {rows[i].first, rows[i].last}, *outside[] = {rows[i].before, rows[i].after};
        for (int k = 0; k < 2; k++) {
            const char *what = special(ends[k], 80, NULL);
            if (!what || !strstr(what, rows[i].word)) fail_msg("%s is %s, not %s", ends[k], what ? what : "public", rows[i].word);
            if (outside[k] && special(outside[k], 80, NULL)) fail_msg("%s is not public but %s", outside[k], special(outside[k], 80, NULL));
        }
    }
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    assert_non_null(egress_special((struct sockaddr *)&un));
    assert_null(special("1.1.1.1", 443, NULL));
    assert_null(special("2606:4700:4700::1111", 443, NULL));
}

static void allow_lists(void **state) {
    static const struct {
        const char *text, *ip;
        int port;
        bool allowed;
    } rows[] = {
        {"127.0.0.1:8188", "127.0.0.1", 8188, true},  {"127.0.0.1:8188", "127.0.0.1", 8189, false}, {"127.0.0.1:8188", "127.0.0.2", 8188, false},
        {"10.0.0.5", "10.0.0.5", 1, true},            {"10.0.0.5", "10.0.0.5", 65535, true},        {"10.0.0.5", "10.0.0.6", 1, false},
        {"10.0.0.5", "::ffff:10.0.0.5", 80, true},    {"[::1]:9000", "::1", 9000, true},            {"[::1]:9000", "::1", 9001, false},
        {"::1", "::1", 7, true},                      {"[fd00::5]", "fd00::5", 9, true},            {"fd00::5", "fd00::6", 9, false},
        {"10.0.0.5", "8.8.8.8", 53, true},            {"::1", "127.0.0.1", 80, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct egress_address a;
        assert_int_equal(egress_address_read(str_of(rows[i].text), NULL, &a), OK);
        struct egress_rule rule = {&a, 1, false};
        if ((special(rows[i].ip, rows[i].port, &rule) == NULL) != rows[i].allowed) fail_msg("%s: %s port %d", rows[i].text, rows[i].ip, rows[i].port);
    }
    static const char *const bad[] = {"", "localhost", "10.0.0", "10.0.0.5:", "10.0.0.5:0", "10.0.0.5:65536", "10.0.0.5:http", "10.0.0.5/8", "0x7f.0.0.1", "127.1", "010.0.0.1",
                                      "[::1", "[::1]9", "[::1]:", "[10.0.0.5]:80", ":80", "fe80::1%eth0", "10.0.0.5 ", "*", "1.2.3.4.5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct egress_address a;
        struct why why = {};
        if (egress_address_read(str_of(bad[i]), &why, &a) != E_INVALID) fail_msg("`%s` was taken", bad[i]);
        assert_non_null(strstr(why_text(&why), "write 10.0.0.5"));
    }
    struct egress_rule loopback = {.loopback = true};
    assert_null(special("127.9.9.9", 1, &loopback));
    assert_null(special("::1", 1, &loopback));
    assert_non_null(special("10.0.0.1", 1, &loopback));
    assert_non_null(special("::ffff:127.0.0.1", 1, &loopback));
}

static void urls(void **state) {
    static const struct {
        const char *text, *base, *url, *origin; /* url NULL: refused */
    } rows[] = {
        {"https://Example.COM/a?b=c#d", "", "https://example.com/a?b=c", "https://example.com:443"},
        {"http://example.com", "", "http://example.com/", "http://example.com:80"},
        {"HTTPS://example.com:8443/x", "", "https://example.com:8443/x", "https://example.com:8443"},
        {"https://example.com./x", "", "https://example.com/x", "https://example.com:443"},
        {"http://[::1]:80/x", "", "http://[::1]:80/x", "http://[::1]:80"},
        {"http://127.1/x", "", "http://127.0.0.1/x", "http://127.0.0.1:80"}, /* read as what it is; the guard judges it */
        {"http://0x7f000001/", "", "http://127.0.0.1/", "http://127.0.0.1:80"},
        {"http://example.com/caf\xc3\xa9?q=\xc3\xa9", "", "http://example.com/caf%c3%a9?q=%c3%a9", "http://example.com:80"},
        {"/b", "https://example.com/a", "https://example.com/b", "https://example.com:443"},
        {"?q=1", "https://example.com/a", "https://example.com/a?q=1", "https://example.com:443"},
        {"//other.example/b", "https://example.com/a", "https://other.example/b", "https://other.example:443"},
        {"http://other.example/b", "https://example.com/a", "http://other.example/b", "http://other.example:80"},
        {"", "", NULL, NULL},
        {"example.com", "", NULL, NULL},
        {"/a", "", NULL, NULL},
        {"//example.com/a", "", NULL, NULL},
        {"ftp://example.com/a", "", NULL, NULL},
        {"file:///etc/passwd", "", NULL, NULL},
        {"gopher://example.com/", "", NULL, NULL},
        {"javascript:alert(1)", "https://example.com/a", NULL, NULL},
        {"file:///etc/passwd", "https://example.com/a", NULL, NULL},
        {"http:/example.com", "", NULL, NULL},
        {"http:example.com", "", NULL, NULL},
        {"http://", "", NULL, NULL},
        {"http:///example.com", "", NULL, NULL},
        {"http://user@example.com/", "", NULL, NULL},
        {"http://user:pass@example.com/", "", NULL, NULL},
        {"http://:@example.com/", "", NULL, NULL},
        {"http://example.com:0/", "", NULL, NULL},
        {"http://example.com:65536/", "", NULL, NULL},
        {"http://example.com:8o/", "", NULL, NULL},
        {"http://exa mple.com/", "", NULL, NULL},
        {" http://example.com/", "", NULL, NULL},
        {"http://example.com/a b", "", NULL, NULL},
        {"http://example.com/\r\nX: y", "", NULL, NULL},
        {"http://example.com\\@127.0.0.1/", "", NULL, NULL},
        {"http://ex\xc3\xa4mple.com/", "", NULL, NULL},
        {"http://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1/", "", NULL, NULL},
        {"//ex\xc3\xa4mple.com/", "https://example.com/a", NULL, NULL},
        {"http://127.0.0.1./", "", "http://127.0.0.1/", "http://127.0.0.1:80"},
        {"http://1.2.3/", "", "http://1.2.0.3/", "http://1.2.0.3:80"},
        {"http://1.2.3.4.5/", "", NULL, NULL},
        {"http://256.256.256.256/", "", NULL, NULL},
        {"http://foo.0x7f/", "", NULL, NULL},
        {"http://foo.127/", "", NULL, NULL},
        {"http://a..b/", "", NULL, NULL},
        {"http://./", "", NULL, NULL},
        {"http://127.0.0.1../", "", NULL, NULL},
        {"http://.a/", "", NULL, NULL},
        {"http://a%00b/", "", NULL, NULL},
        {"http://a%2eb/", "", "http://a.b/", "http://a.b:80"},
        {"http://[fe80::1%25eth0]/", "", NULL, NULL},
        {"http://[fe80::1%eth0]/", "", NULL, NULL},
        {"http://[::1/", "", NULL, NULL},
        {"http://[zz]/", "", NULL, NULL},
        {"http://a,b/", "", NULL, NULL},
        {"http://*/", "", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        _cleanup_(arena_done) struct arena a = {};
        struct egress_url u = {};
        struct why why = {};
        err e = egress_url_read(str_of(rows[i].text), str_of(rows[i].base), &a, &why, &u);
        if (!rows[i].url) {
            if (e != E_INVALID) fail_msg("`%s` was read as %.*s", rows[i].text, STR_ARG(u.text));
            assert_true(str_starts(str_of(why_text(&why)), STR("The link cannot be used: ")));
            continue;
        }
        if (e) fail_msg("`%s`: %s", rows[i].text, why_text(&why));
        if (!str_is(u.text, rows[i].url) || !str_is(u.origin, rows[i].origin)) fail_msg("`%s` became %.*s of %.*s", rows[i].text, STR_ARG(u.text), STR_ARG(u.origin));
    }
    static char longest[LIMIT_URL_BYTES + 2];
    memset(longest, 'a', sizeof longest - 1);
    memcpy(longest, "http://a/", 9);
    _cleanup_(arena_done) struct arena a = {};
    struct egress_url u;
    assert_int_equal(egress_url_read(str_n(longest, LIMIT_URL_BYTES), STR(""), &a, NULL, &u), OK);
    assert_int_equal(egress_url_read(str_n(longest, LIMIT_URL_BYTES + 1), STR(""), &a, NULL, &u), E_INVALID);
    assert_int_equal(egress_url_read(str_n("http://a/\0b", 11), STR(""), &a, NULL, &u), E_INVALID);
}

static void origins(void **state) {
    static const struct {
        const char *url, *origin;
        bool same;
    } rows[] = {
        {"https://a.example/x", "https://a.example", true},       {"https://a.example/x", "https://A.example:443/other?path", true},
        {"https://a.example./x", "https://a.example", true},      {"https://a.example:8443/x", "https://a.example", false},
        {"http://a.example/x", "https://a.example", false},       {"https://b.a.example/x", "https://a.example", false},
        {"https://a.example.evil/x", "https://a.example", false}, {"https://a.example/x", "", false},
        {"https://a.example/x", "https://*.example", true},      {"https://b.a.example/x", "https://*.a.example", true},
        {"https://a.example/x", "https://*.a.example", false},    {"https://xa.example/x", "https://*.a.example", false},
        {"http://b.a.example/x", "https://*.a.example", false},   {"https://b.a.example:8443/x", "https://*.a.example", false},
        {"https://b.a.example:8443/x", "https://*.a.example:8443", true}, {"https://b.a.example/x", "https://*.", false},
        {"https://b.a.example/x", "https://*.*.example", false},  {"https://b.a.example/x", "*.a.example", false},
        {"http://127.1:80/x", "http://127.0.0.1", true},          {"https://a.example/x", "a.example", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        _cleanup_(arena_done) struct arena a = {};
        struct egress_url u;
        assert_int_equal(egress_url_read(str_of(rows[i].url), STR(""), &a, NULL, &u), OK);
        if (egress_same_origin(&u, str_of(rows[i].origin)) != rows[i].same) fail_msg("%s and %s", rows[i].url, rows[i].origin);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges),
        cmocka_unit_test(allow_lists),
        cmocka_unit_test(urls),
        cmocka_unit_test(origins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
