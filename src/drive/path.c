/* The rules for a path in the drive. Every path that comes from outside passes here before anything is looked up or stored. */
#include "base/limits.h"
#include "drive/drive.h"

static err check_part(struct str part, struct why *why) {
    if (!part.len) return why_set(why, E_BAD_PATH, "The path has an empty part: write one '/' between parts and none at the end.");
    if (str_is(part, ".") || str_is(part, ".."))
        return why_set(why, E_BAD_PATH, "The path has the part \"%.*s\": paths in the drive lead down only.", STR_ARG(part));
    if (part.len > LIMIT_PATH_PART_BYTES)
        return why_set(why, E_BAD_PATH, "A part of the path is %zu bytes long; at most %d are allowed.", part.len, LIMIT_PATH_PART_BYTES);
    return OK;
}

static err check_bytes(struct str path, struct why *why) {
    if (!str_is_utf8(path)) return why_set(why, E_BAD_PATH, "The path is not UTF-8.");
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.ptr[i], next = i + 1 < path.len ? (unsigned char)path.ptr[i + 1] : 0;
        if (c < 0x20 || c == 0x7f || (c == 0xC2 && next < 0xA0)) /* C0, DEL, C1 */
            return why_set(why, E_BAD_PATH, "The path has a control character at byte %zu.", i);
    }
    return OK;
}

err drive_path_clean(struct str path, struct arena *a, struct why *why, struct str *out) {
    if (path.len && path.ptr[0] == '/')
        return why_set(why, E_BAD_PATH, "The path begins with '/': paths in the drive are relative, so leave it out.");
    struct str prefix = STR("drive/");
    if (str_starts(path, prefix)) {
        path = str_skip(path, prefix.len);
        if (str_starts(path, prefix))
            return why_set(why, E_BAD_PATH, "The path begins with drive/ twice: it names the drive itself, so leave it out.");
    }
    if (!path.len) return why_set(why, E_BAD_PATH, "The path is empty.");
    if (path.len > LIMIT_PATH_BYTES)
        return why_set(why, E_BAD_PATH, "The path is %zu bytes long; at most %d are allowed.", path.len, LIMIT_PATH_BYTES);
    TRY(check_bytes(path, why));
    struct str part, rest = path;
    bool more;
    do {
        more = str_cut(rest, '/', &part, &rest);
        TRY(check_part(part, why));
    } while (more);
    *out = arena_dup(a, path);
    return OK;
}
