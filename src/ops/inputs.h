/* Private to ops/: file-shaped inputs. Whatever a caller writes where a model takes a file is made a file of the project's drive
 * before the call is admitted, so that what runs later reads bytes that cannot change or vanish underneath it.
 *
 *   "path" or "drive/path"        a file of the drive
 *   {"drive_path": ..} {"path": ..}
 *   a signed link of this server  the drive file it names; its project and book are checked, its expiry is not
 *   "data:image/png;base64,.."    inline; becomes inputs/<32 digits of its sha256>.<ext> in the drive
 *   {"data": ..} {"base64": .., "media_type": ..}
 *   {"url": ..}                   a signed link of this server, or data:, or a link to another server
 *   "https://.." to elsewhere     fetched (links.h); becomes inputs/<32 digits of its sha256>.<ext> in the drive
 *   a string over 64 KB           any of the inline forms; its bytes lie in tmp/ already (intake.h)
 *   bare base64                   as the last guess, when the path does not exist and the text decodes                        */
#pragma once
#include "ops/ops_int.h"

enum { FILES_MAX = 16 };
enum file_from { FROM_PATH, FROM_LINK, FROM_DATA, FROM_ELSEWHERE, FROM_INTAKE };
struct file_in {
    struct str input;      /* canonical name of the input */
    struct str kind;       /* image, video, audio: what the input takes */
    const struct json *at; /* the node it stands in; rewritten once it is a drive file */
    enum file_from from;
    struct str text;       /* path, link's asset id, base64, or URL */
    bool maybe_data;       /* FROM_PATH that may turn out to be bare base64 */
    uint32_t spool;        /* FROM_INTAKE: the string's number there */
    /* resolved: */
    struct str asset, blob, type, path;
};
struct files_in {
    struct file_in list[FILES_MAX];
    size_t n;
    struct intake *intake; /* the call's, or NULL */
};

/* Finds them; decides nothing that needs the store. E_INVALID and E_BAD_SIGNATURE name the field. */
[[nodiscard]] err files_find(struct ops *o, const struct caller *c, const struct model *m, const struct json *inputs, struct arena *a, struct why *why, struct files_in *out);
/* New ones are not in the drive yet. */
static inline bool file_is_new(const struct file_in *f) { return f->from == FROM_DATA || f->from == FROM_ELSEWHERE || f->from == FROM_INTAKE; }
/* E_INVALID when a string over 64 KB stands where the model takes no file. */
[[nodiscard]] err files_only_spooled(const struct model *m, const struct json *inputs, struct why *why);
/* A new file whose bytes are stored: what it is and how it is called, from its beginning and its hash. */
void file_describe(struct file_in *f, struct str head, int64_t bytes, struct str asset, const char *sha256, struct arena *a, struct output *out);
/* On a reader's thread: paths and links become assets of the caller's drive; E_NOT_FOUND, E_MEDIA_TYPE name the field. New ones stay what they are. */
[[nodiscard]] err files_resolve(struct db *db, const struct caller *c, struct files_in *f, struct arena *a, struct why *why);
/* On a thread that may block: inline data into blobs; `random` holds two ids for each file. */
[[nodiscard]] err files_store(struct drive *d, struct files_in *f, const char (*random)[ID_LEN + 1], struct arena *a, struct why *why, struct output *outputs);
/* What the generation keeps: [{"input","asset","blob","type"}]. */
struct str files_json(const struct files_in *f, struct arena *a);
/* The inputs with every file as {"drive_path": ..}, everything else as it was. */
struct str files_rewrite(const struct files_in *f, const struct json *inputs, struct arena *a);
