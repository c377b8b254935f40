/* Where a file comes from, asked by its path, its id or its bytes. */
#include "api/routes.h"
#include "base/cleanup.h"
#include "base/id.h"

#include <stdio.h>

static bool is_hex(struct str s, size_t len) {
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f'))) return false;
    return s.len == len;
}

static err read_query(struct exchange *x, struct why *why, struct str *path, struct str *asset, struct str *sha256) {
    TRY(param_text(x, "path", 600, why, path));
    TRY(param_text(x, "asset", 64, why, asset));
    TRY(param_text(x, "sha256", 100, why, sha256));
    if ((path->len != 0) + (asset->len != 0) + (sha256->len != 0) != 1)
        return why_set(why, E_INVALID, "Name the file by one of path (in the drive), asset (its id) and sha256 (of its bytes).");
    if (asset->len && !id_is(*asset)) {
        snprintf(why->field, sizeof why->field, "asset");
        return why_set(why, E_INVALID, "asset: An asset's id has 32 hexadecimal digits in lower case.");
    }
    if (sha256->len && !is_hex(*sha256, 64)) {
        snprintf(why->field, sizeof why->field, "sha256");
        return why_set(why, E_INVALID, "sha256: It has 64 hexadecimal digits in lower case.");
    }
    return OK;
}

void lineage_get(struct exchange *x) {
    struct why why = {0};
    struct str path = {0}, asset = {0}, sha256 = {0};
    if (read_query(x, &why, &path, &asset, &sha256)) {
        answer_error(x, &why);
        return;
    }
    exchange_ref(x);
    ops_lineage(exchange_ops(x), &x->caller, path, asset, sha256, done_ok, x);
}

void lineage_keys(struct exchange *x) {
    _cleanup_(buf_done) struct buf keys = {0};
    ops_lineage_keys(exchange_ops(x), &keys);
    answer_json(x, 200, buf_view(&keys));
}
