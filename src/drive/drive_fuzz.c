/* Paths and links from outside. The first byte chooses: a path to clean, a link's path and query, or a change to a genuine link. */
#include "base/limits.h"
#include "drive/drive.h"

static void clean_path(struct str in) {
    struct arena a = {};
    struct str out, again, part;
    struct why why = {};
    err e = drive_path_clean(in, &a, &why, &out);
    if (e) {
        must(e == E_BAD_PATH && why.detail[0]);
    } else {
        must(out.len && out.len <= LIMIT_PATH_BYTES && str_is_utf8(out) && !memchr(out.ptr, 0, out.len));
        must(drive_path_clean(out, &a, &why, &again) == OK && str_eq(out, again));
        bool more;
        do {
            more = str_cut(out, '/', &part, &out);
            must(part.len && part.len <= LIMIT_PATH_PART_BYTES && !str_is(part, ".") && !str_is(part, ".."));
        } while (more);
    }
    arena_done(&a);
}

static err check_url(const struct signer *s, struct str path, struct str query) {
    struct arena a = {};
    struct signed_link l;
    struct why why = {};
    err e = sign_check(s, path, query, 1, &a, &why, &l);
    must(!e || (e == E_BAD_SIGNATURE && why.detail[0]));
    arena_done(&a);
    return e;
}

static void foreign_link(const struct signer *s, struct str in) {
    struct str path, query, payload;
    struct arena a = {};
    str_cut(in, '?', &path, &query);
    must(check_url(s, path, query) == E_BAD_SIGNATURE);
    must(token_open(s, "quote", in, &a, NULL, &payload) == E_BAD_SIGNATURE);
    arena_done(&a);
}

/* Pairs of (place, byte) are written over a genuine link; it holds only if that changed nothing. */
static void changed_link(const struct signer *s, struct str in) {
    struct signed_link l = {STR("01a202605fbb00000000000000000001"), STR("01a202605fbbffffffffffffffffffff"), STR("m\xC3\xA4/a b.png"), 5000};
    struct buf url = {}, genuine = {};
    sign_link(s, &l, (struct str){}, &genuine);
    buf_str(&url, buf_view(&genuine));
    size_t from = sizeof "/v1/drive/files/" - 1;
    for (size_t i = 0; i + 1 < in.len; i += 2) url.ptr[from + (unsigned char)in.ptr[i] % (url.len - from)] = in.ptr[i + 1];
    struct str path, query;
    str_cut(str_skip(buf_view(&url), from), '?', &path, &query);
    must((check_url(s, path, query) == OK) == str_eq(buf_view(&url), buf_view(&genuine)));
    buf_done(&url);
    buf_done(&genuine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size) return 0;
    struct str in = str_n(data + 1, size - 1);
    if (data[0] % 3 == 0) {
        clean_path(in);
        return 0;
    }
    struct signer *s = signer_create(STR("a master key"));
    if (data[0] % 3 == 1) foreign_link(s, in);
    else changed_link(s, in);
    signer_destroy(s);
    return 0;
}
