/* Scopes, policies, labels and forms over real sockets; the server and the tests' main are in api_test.c. */
#include "api/api_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define ONLY(scopes) "X-API-Key: live:" scopes "\r\n"

void test_scopes(void **state) {
    static const struct row rows[] = {
        {"GET", "/v1/balance", ONLY("drive"), NULL, 403, "does not have the scope read:balance", NULL},
        {"GET", "/v1/balance", ONLY("read:balance"), NULL, 200, NULL, NULL},
        {"GET", "/v1/billing/balance", ONLY("drive"), NULL, 403, "\"code\":\"forbidden\"", NULL},
        {"GET", "/v1/usage_events", ONLY("read:generations"), NULL, 403, "read:balance", NULL},
        {"GET", "/v1/usage_events?group=day", ONLY("read:generations"), NULL, 403, "read:balance", NULL},
        {"GET", "/v1/ledger", ONLY("read:generations"), NULL, 403, "read:balance", NULL},
        {"GET", "/v1/generations", ONLY("read:balance"), NULL, 403, "read:generations", NULL},
        {"GET", "/v1/generations/" A, ONLY("read:balance"), NULL, 403, "read:generations", NULL},
        {"GET", "/v1/generations/" A "/events", ONLY("read:balance"), NULL, 403, "read:generations", NULL},
        {"GET", "/v1/generations/" A, ONLY("read:generations"), NULL, 200, NULL, NULL},
        {"POST", "/v1/generations", ONLY("read:generations"), "{\"model\":\"echo\"}", 403, "scope generate:media", NULL},
        {"POST", "/v1/generations", ONLY("generate:music"), "{\"model\":\"echo\"}", 202, NULL, NULL},
        {"POST", "/v1/media/generate", ONLY("drive"), "{\"model\":\"echo\"}", 403, NULL, NULL},
        {"POST", "/v1/generations/" B "/cancel", ONLY("read:generations"), "", 403, NULL, NULL},
        {"GET", "/v1/drive", ONLY("read:generations"), NULL, 403, "scope drive", NULL},
        {"PUT", "/v1/drive/files/new", ONLY("read:generations"), "abc", 403, "scope drive", NULL},
        {"GET", "/v1/drive/files/a.png", ONLY("generate:media"), NULL, 403, "scope drive", NULL},
        {"GET", "/v1/drive/files/a.png", ONLY("drive"), NULL, 200, NULL, NULL},
        {"GET", "/v1/drive/files/a.png?exp=1&kid=k&sig=good", "", NULL, 200, NULL, NULL},
        {"GET", "/v1/projects", "X-API-Key: admin:read:balance\r\n", NULL, 403, "scope admin", NULL},
        {"GET", "/v1/projects", "X-API-Key: admin:admin\r\n", NULL, 200, NULL, NULL},
        {"GET", "/v1/secrets", ONLY("generate:media"), NULL, 403, "scope admin", NULL},
        {"GET", "/v1/models", ONLY("drive"), NULL, 200, NULL, NULL},
        {"POST", "/v1/quote", ONLY("drive"), "{\"model\":\"m\"}", 200, NULL, NULL},
    };
    CHECK(rows);
}

void test_policies(void **state) {
    static const struct row rows[] = {
        {"POST", "/v1/keys", ADMIN,
         "{\"kind\":\"live\",\"scopes\":[\"drive\",\"read:balance\"],\"models\":[\"puras/sketch\",\"x/\"],\"call_cap_usd\":0.02,\"day_cap_usd\":\"1.5\",\"expires_at\":\"2038-01-19T03:14:07Z\"}",
         201, "\"scopes\":\"drive read:balance\",\"models\":\"puras/sketch x/\",\"call\":20000,\"day\":1500000,\"expires\":2147483647000,\"rotates\":\"\"", NULL},
        {"POST", "/v1/keys", ADMIN, "{\"kind\":\"live\",\"expires_in_s\":60}", 201, "\"call\":0,\"day\":0,\"expires\":1,", NULL},
        {"POST", "/v1/keys", ADMIN, "{\"kind\":\"live\"}", 201, "\"expires\":0,", NULL},
        {"POST", "/v1/keys", ADMIN, "{\"kind\":\"live\",\"scopes\":\"drive\"}", 400, "\"field\":\"scopes\"", NULL},
        {"POST", "/v1/keys", ADMIN, "{\"kind\":\"live\",\"scopes\":[\"a b\"]}", 400, "\"field\":\"scopes\"", NULL},
        {"POST", "/v1/keys", ADMIN, "{\"kind\":\"live\",\"models\":[1]}", 400, "\"field\":\"models\"", NULL},
        {"POST", "/v1/keys", ADMIN, "{\"kind\":\"live\",\"models\":[\"\"]}", 400, "\"field\":\"models\"", NULL},
        {"POST", "/v1/keys", ADMIN, "{\"kind\":\"live\",\"call_cap_usd\":0}", 400, "\"field\":\"call_cap_usd\"", NULL},
        {"POST", "/v1/keys", ADMIN, "{\"kind\":\"live\",\"day_cap_usd\":-1}", 400, "\"field\":\"day_cap_usd\"", NULL},
        {"POST", "/v1/keys", ADMIN, "{\"kind\":\"live\",\"expires_at\":\"tomorrow\"}", 400, "\"field\":\"expires_at\"", NULL},
        {"POST", "/v1/keys", ADMIN, "{\"kind\":\"live\",\"expires_in_s\":0}", 400, "\"field\":\"expires_in_s\"", NULL},
        {"POST", "/v1/keys", ADMIN, "{\"kind\":\"live\",\"expires_in_s\":9,\"expires_at\":\"2038-01-19\"}", 400, "\"field\":\"expires_in_s\"", NULL},
        {"POST", "/v1/keys/abcdefgh/rotate", ADMIN, "{}", 201, "\"rotates\":\"abcdefgh\",\"overlap\":86400", NULL},
        {"POST", "/v1/keys/abcdefgh/rotate", ADMIN, "{\"overlap_s\":0}", 201, "\"overlap\":0", NULL},
        {"POST", "/v1/keys/abcdefgh/rotate", ADMIN, "{\"overlap_s\":-1}", 400, "\"field\":\"overlap_s\"", NULL},
        {"POST", "/v1/keys/abcdefgh/rotate", LIVE, "{}", 403, NULL, NULL},
        {"PATCH", "/v1/projects/p1", ADMIN, "{\"run_limit\":2,\"drive_limit\":0}", 200, "{\"id\":\"p1\",\"set\":[2,0,-1]}", NULL},
        {"PATCH", "/v1/projects/p1", ADMIN, "{\"retention_days\":0}", 200, "[-1,-1,0]", NULL},
        {"PATCH", "/v1/projects/p1", ADMIN, "{}", 400, "sets nothing", NULL},
        {"PATCH", "/v1/projects/p1", ADMIN, "{\"run_limit\":0}", 400, "\"field\":\"run_limit\"", NULL},
        {"PATCH", "/v1/projects/p1", ADMIN, "{\"retention_days\":40000}", 400, "\"field\":\"retention_days\"", NULL},
        {"PATCH", "/v1/projects/p1", LIVE, "{\"run_limit\":2}", 403, NULL, NULL},
        {"GET", "/v1/projects/p1", ADMIN, NULL, 405, "Allow: PATCH\r\n", NULL},
        {"POST", "/v1/adjustments", ADMIN "Idempotency-Key: k1\r\n", "{\"project\":\"p\",\"book\":\"live\",\"usd\":-0.5,\"reason\":\"r\"}", 200,
         "{\"amount_micros\":-500000,\"project\":\"p\",\"book\":\"live\",\"key\":\"k1\",\"reason\":\"r\"}", NULL},
        {"POST", "/v1/adjustments", ADMIN, "{\"book\":\"test\",\"usd\":\"0.000001\",\"reason\":\"r\"}", 200, "\"amount_micros\":1,", NULL},
        {"POST", "/v1/adjustments", ADMIN, "{\"book\":\"test\",\"usd\":0,\"reason\":\"r\"}", 400, "\"field\":\"usd\"", NULL},
        {"POST", "/v1/adjustments", ADMIN, "{\"book\":\"test\",\"usd\":\"--5\",\"reason\":\"r\"}", 400, "\"field\":\"usd\"", NULL},
        {"POST", "/v1/adjustments", ADMIN, "{\"book\":\"test\",\"reason\":\"r\"}", 400, "\"field\":\"usd\"", NULL},
        {"POST", "/v1/adjustments", ADMIN, "{\"book\":\"test\",\"usd\":1}", 400, "\"field\":\"reason\"", NULL},
        {"POST", "/v1/adjustments", ADMIN, "{\"usd\":1,\"reason\":\"r\"}", 400, "\"field\":\"book\"", NULL},
        {"POST", "/v1/adjustments", LIVE, "{\"book\":\"test\",\"usd\":1,\"reason\":\"r\"}", 403, NULL, NULL},
        {"GET", "/v1/secrets", LIVE, NULL, 200, "\"secrets\":[]", NULL},
        {"GET", "/v1/secrets", ADMIN, NULL, 200, NULL, NULL},
        {"GET", "/v1/secrets", TEST, NULL, 403, "test key", NULL},
        {"PUT", "/v1/secrets", LIVE, "{\"name\":\"FAL_KEY\",\"value\":\"hush\"}", 200, "{\"name\":\"FAL_KEY\",\"bytes\":4}", "hush"},
        {"PUT", "/v1/secrets", LIVE, "{\"name\":\"FAL_KEY\"}", 400, "\"field\":\"value\"", NULL},
        {"PUT", "/v1/secrets", LIVE, "{\"name\":\"\",\"value\":\"hush\"}", 400, "\"field\":\"name\"", "hush"},
        {"DELETE", "/v1/secrets/FAL_KEY", LIVE, NULL, 200, "\"deleted\":true", NULL},
        {"DELETE", "/v1/secrets/FAL_KEY", TEST, NULL, 403, NULL, NULL},
        {"GET", "/v1/providers", ADMIN, NULL, 200, "\"providers\":[]", NULL},
        {"GET", "/v1/providers", LIVE, NULL, 403, NULL, NULL},
        {"PUT", "/v1/providers/fal/key", ADMIN, "{\"key\":\"hush\"}", 200, "{\"provider\":\"fal\",\"bytes\":4}", "hush"},
        {"PUT", "/v1/providers/fal/key", ADMIN, "{}", 400, "\"field\":\"key\"", NULL},
        {"PUT", "/v1/providers/fal/key", ADMIN, "{\"key\":\"\"}", 400, "\"field\":\"key\"", NULL},
        {"PUT", "/v1/providers/fal/key", ADMIN, "{\"key\":7}", 400, "\"field\":\"key\"", NULL},
        {"PUT", "/v1/providers/fal/key", ADMIN, "{\"key\":\"hush\",\"more\":1}", 400, "more", "hush"},
        {"PUT", "/v1/providers/fal/key", LIVE, "{\"key\":\"hush\"}", 403, NULL, "hush"},
        {"GET", "/v1/providers/fal/key", ADMIN, NULL, 405, "Allow: PUT, DELETE\r\n", NULL},
        {"DELETE", "/v1/providers/fal/key", ADMIN, NULL, 200, "\"key_set\":false", NULL},
        {"DELETE", "/v1/providers/fal/key", TEST, NULL, 403, NULL, NULL},
        {"PUT", "/v1/pauses", ADMIN, "{\"provider\":\"fal\",\"paused\":true}", 200, "{\"provider\":\"fal\",\"model\":\"\",\"paused\":true}", NULL},
        {"PUT", "/v1/pauses", ADMIN, "{\"model\":\"a/x\",\"paused\":false}", 200, "\"model\":\"a/x\",\"paused\":false", NULL},
        {"PUT", "/v1/pauses", ADMIN, "{\"provider\":\"fal\"}", 400, "\"field\":\"paused\"", NULL},
        {"PUT", "/v1/pauses", ADMIN, "{\"provider\":\"fal\",\"paused\":\"yes\"}", 400, "\"field\":\"paused\"", NULL},
        {"PUT", "/v1/pauses", LIVE, "{\"provider\":\"fal\",\"paused\":true}", 403, NULL, NULL},
        {"GET", "/v1/usage_events?group=model&since=2026-11-22&until=2026-11-23T00:00:00.5Z", LIVE, NULL, 200,
         "{\"group\":\"model\",\"since\":1795305600000,\"until\":1795392000500}", NULL},
        {"GET", "/v1/usage_events?group=day&limit=3", LIVE, NULL, 400, "\"field\":\"limit\"", NULL},
        {"GET", "/v1/usage_events?group=day&key=abcdefgh", LIVE, NULL, 400, "\"field\":\"key\"", NULL},
        {"GET", "/v1/usage_events?end_user=u%201&key=abcdefgh&since=2026-11-22", LIVE, NULL, 200,
         "\"end_user\":\"u 1\",\"key\":\"abcdefgh\",\"since\":1795305600000,\"until\":0}", NULL},
        {"GET", "/v1/generations?end_user=u&until=2026-11-22T01:00:00%2B01:00", LIVE, NULL, 200, "\"end_user\":\"u\",\"key\":\"\",\"since\":0,\"until\":1795305600000}", NULL},
        {"GET", "/v1/generations?since=yesterday", LIVE, NULL, 400, "\"field\":\"since\"", NULL},
    };
    CHECK(rows);
}

#define CLASS "X-API-Key: hasclass\r\n"
#define OFTEN "X-API-Key: toooften\r\n"
#define LEFT(limit) "RateLimit-Limit: " limit "\r\nRateLimit-Remaining: 7\r\nRateLimit-Reset: 50\r\n"
#define NONE(limit) "RateLimit-Limit: " limit "\r\nRateLimit-Remaining: 0\r\nRateLimit-Reset: 50\r\nRetry-After: 4\r\n"

void test_rates(void **state) {
    static const struct row rows[] = {
        {"POST", "/v1/keys", ADMIN, "{\"kind\":\"live\",\"rate_class\":\"mcp\"}", 201, "\"class\":\"mcp\"", NULL},
        {"POST", "/v1/keys", ADMIN, "{\"kind\":\"live\",\"rate_class\":5}", 400, "\"field\":\"rate_class\"", NULL},
        {"GET", "/v1/balance", LIVE, NULL, 200, NULL, "RateLimit-"},
        {"GET", "/v1/pricing", "", NULL, 200, NULL, "RateLimit-"},
        {"GET", "/v1/balance", CLASS, NULL, 200, LEFT("120"), NULL},
        {"GET", "/v1/projects", CLASS, NULL, 403, LEFT("120"), NULL},
        {"GET", "/v1/drive/files/a.png", CLASS, NULL, 200, LEFT("120"), NULL},
        {"POST", "/v1/quote", CLASS, "{\"model\":\"echo\"}", 200, LEFT("120"), NULL},
        {"POST", "/v1/generations", CLASS, "{\"model\":\"echo\"}", 202, LEFT("30"), NULL},
        {"POST", "/v1/media/generate", CLASS, "{\"model\":\"echo\"}", 200, LEFT("30"), NULL},
        {"POST", "/v1/media/generate", CLASS, "{\"model\":7}", 400, LEFT("20"), NULL},
        {"POST", "/v1/generations", CLASS, "[", 400, LEFT("20"), NULL},
        {"POST", "/v1/generations", CLASS "Content-Type: text/plain\r\n", "{}", 415, LEFT("20"), NULL},
        {"POST", "/v1/generations", CLASS "Idempotency-Key: a b\r\n", "{}", 400, LEFT("20"), NULL},
        {"GET", "/v1/balance", OFTEN, NULL, 429, NONE("120"), NULL},
        {"GET", "/v1/balance", OFTEN, NULL, 429, "\"code\":\"rate_limited\"", NULL},
        {"POST", "/v1/generations", OFTEN, "{\"model\":\"echo\"}", 429, NONE("30"), NULL},
        {"POST", "/v1/generations", OFTEN, "[", 429, NONE("20"), NULL},
        {"POST", "/v1/generations", OFTEN "Content-Type: text/plain\r\n", "{}", 429, NONE("20"), "media_type"},
        {"PUT", "/v1/drive/files/new", OFTEN, "abc", 429, NONE("120"), NULL},
    };
    CHECK(rows);
}

#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

void test_labels(void **state) {
    static const struct row rows[] = {
        {"POST", "/v1/generations", LIVE, "{\"model\":\"echo\",\"metadata\":{\"order\":[1,2]},\"end_user\":\"u-7\"}", 202,
         "\"metadata\":{\"order\":[1,2]},\"end_user\":\"u-7\",\"trace\":\"\"", "traceparent"},
        {"POST", "/v1/generations", LIVE, "{\"model\":\"echo\",\"metadata\":7}", 400, "\"field\":\"metadata\"", NULL},
        {"POST", "/v1/generations", LIVE, "{\"model\":\"echo\",\"end_user\":7}", 400, "\"field\":\"end_user\"", NULL},
        {"POST", "/v1/media/generate", LIVE, "{\"model\":\"echo\",\"metadata\":7,\"end_user\":[]}", 200, "\"metadata\":null,\"end_user\":\"\"", NULL},
        {"POST", "/v1/media/generate", LIVE, "{\"model\":\"echo\",\"metadata\":{\"a\":1},\"end_user\":\"u\"}", 200, "\"metadata\":{\"a\":1},\"end_user\":\"u\"", NULL},
        {"POST", "/v1/generations", LIVE "traceparent: " TRACE "\r\n", "{\"model\":\"echo\"}", 202, "\"trace\":\"" TRACE "\"", NULL},
        {"POST", "/v1/generations", LIVE "traceparent: " TRACE "\r\n", "{\"model\":\"echo\"}", 202, "traceparent: " TRACE "\r\n", NULL},
        {"POST", "/v1/generations", LIVE "traceparent: 00-xyz\r\n", "{\"model\":\"echo\"}", 202, "\"trace\":\"\"", "traceparent"},
        {"GET", "/v1/balance", "traceparent: " TRACE "\r\n", NULL, 401, "traceparent: " TRACE "\r\n", NULL},
    };
    CHECK(rows);
    for (int n = 4096 - 8; n <= 4096 - 7; n++) { /* {"a":"<n>"} */
        struct buf body = {0};
        buf_z(&body, "{\"model\":\"echo\",\"metadata\":{\"a\":\"");
        for (int i = 0; i < n; i++) buf_c(&body, 'x');
        buf_z(&body, "\"}}");
        struct response r = ask_bytes("POST", "/v1/generations", LIVE, buf_view(&body));
        assert_int_equal(r.status, n == 4096 - 8 ? 202 : 400);
        response_done(&r);
        buf_done(&body);
    }
}

#define FORM      LIVE "Content-Type: multipart/form-data; boundary=b\r\n"
#define FORM_FILE "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\nabc\r\n"
#define FORM_PATH "--b\r\nContent-Disposition: form-data; name=\"path\"\r\n\r\n"

void test_forms(void **state) {
    static const struct row rows[] = {
        {"POST", "/v1/drive/upload", FORM, FORM_FILE "--b--\r\n", 201, "{\"size\":3,\"sum\":96354,\"place\":\"|a.png\"}", NULL},
        {"POST", "/v1/drive/upload", FORM, FORM_FILE FORM_PATH "in/\r\n--b--\r\n", 201, "\"place\":\"in/|a.png\"", NULL},
        {"POST", "/v1/drive/upload", FORM, FORM_PATH "x.png\r\n" FORM_FILE "--b--\r\n", 201, "\"place\":\"x.png|a.png\"", NULL},
        {"POST", "/v1/drive/upload", FORM, FORM_PATH "slow\r\n" FORM_FILE "--b--\r\n", 201, "{\"size\":3,\"sum\":96354,", NULL},
        {"POST", "/v1/drive/upload", FORM, FORM_PATH "..\r\n" FORM_FILE "--b--\r\n", 400, "\"code\":\"bad_path\"", NULL},
        {"POST", "/v1/drive/upload", FORM, FORM_PATH "x\r\n--b--\r\n", 400, "no part named file", NULL},
        {"POST", "/v1/drive/upload", FORM, FORM_FILE, 400, "last boundary", NULL},
        {"POST", "/v1/drive/upload", FORM, "", 400, NULL, NULL},
        {"POST", "/v1/drive/upload", LIVE "Content-Type: multipart/form-data\r\n", "x", 415, "\"code\":\"unsupported_media_type\"", NULL},
        {"POST", "/v1/drive/upload", LIVE "Content-Type: application/json\r\n", "{}", 415, NULL, NULL},
        {"POST", "/v1/drive/upload", "Content-Type: multipart/form-data; boundary=b\r\n", FORM_FILE "--b--", 401, NULL, NULL},
    };
    CHECK(rows);
}
