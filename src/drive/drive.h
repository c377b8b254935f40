/* Bytes of the drive: blobs on local disk (S3 later behind the same face), path rules, signed links. What the drive shows
 * (paths, assets) are records of core/; this room moves bytes and checks names.
 *
 * A blob's place is <generation or "up">/<attempt>/<n>-<random>. Order per file: temporary file, fsync, rename into place,
 * fsync its folder and the folders above it; only then may a commit name it. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"

struct drive;
/* Makes blobs/ and tmp/ and empties tmp/: whoever calls this owns the folder alone. A folder that cannot be written is told. */
[[nodiscard]] err drive_open(const char *folder, struct why *why, struct drive **out);
void drive_close(struct drive *d); /* NULL is fine */

/* Writing, on a thread that may block; different files on different threads. `{}` is a file that was never begun. */
struct drive_file { int fd; char tmp[320]; int64_t bytes; void *hasher; };
[[nodiscard]] err drive_file_begin(struct drive *d, const char random_hex[21], struct why *why, struct drive_file *out);
[[nodiscard]] err drive_file_write(struct drive_file *f, struct str data, struct why *why); /* E_STORAGE_FULL */
/* fsync, rename to blobs/<blob>, fsync folders. Fills sha256 (hex). The file is closed, and its temporary name gone, in any case. */
[[nodiscard]] err drive_file_keep(struct drive *d, struct drive_file *f, struct str blob, struct why *why, char out_sha256[65]);
void drive_file_drop(struct drive_file *f); /* a no-op after keep; fits cleanup */
/* Adopts a finished temporary file (another process wrote it, in drive_tmp) in the same way; tmp_path is gone in any case. */
[[nodiscard]] err drive_adopt(struct drive *d, const char *tmp_path, struct str blob, struct why *why, char out_sha256[65], int64_t *out_bytes);
const char *drive_tmp(const struct drive *d); /* folder for temporary files, on the same file system; an absolute path */

[[nodiscard]] err drive_blob_open(struct drive *d, struct str blob, struct why *why, int *out_fd, int64_t *out_bytes); /* E_NOT_FOUND */
[[nodiscard]] err drive_blob_delete(struct drive *d, struct str blob); /* OK when it was gone already */
/* Blobs older than `age` that `owned` denies are deleted, and temporary files of that age. Goes on after a file it cannot delete
 * and says E_IO at the end. */
[[nodiscard]] err drive_sweep(struct drive *d, msec now, msec age, bool (*owned)(void *arg, struct str blob), void *arg, int64_t *out_deleted);

/* Paths: relative, '/' between parts, no empty part, no '.', '..', no NUL or control characters, UTF-8, bounded. One leading
 * 'drive/' is taken off, a second one refused, so that a clean path stays as it is. E_BAD_PATH with a sentence. */
[[nodiscard]] err drive_path_clean(struct str path, struct arena *a, struct why *why, struct str *out);

/* Signed links: <public_url>/v1/drive/files/<path>?exp=<unix s>&kid=<key id>&sig=<base64url>, these three parameters in this order
 * and nothing else. sig carries project, asset and the HMAC over all of it, so any changed byte is refused. */
struct signer;
struct signer *signer_create(struct str master_key); /* keys are derived; the master key is not kept */
/* While keys are rotated: what the older master key signed is still taken, but nothing new is signed with it. Once per signer. */
void signer_accept(struct signer *s, struct str older_master_key);
void signer_destroy(struct signer *s); /* NULL is fine */
/* folder: empty for the file itself, else what was made of it ("thumbnails", "optimized"): a link of one is none of another. */
struct signed_link { struct str project, asset, path; msec expires_at; struct str folder; }; /* ids as 32 hex digits; whole seconds count */
void sign_link(const struct signer *s, const struct signed_link *l, struct str public_url, struct buf *out);
/* path: what follows /v1/drive/files/ in the request, still percent-encoded, exactly as it came; query: what follows '?'.
 * E_BAD_SIGNATURE for anything changed or past its time; now = 0 asks for the signature alone. Whether the asset still lives, and
 * under that path, is the caller's question. */
[[nodiscard]] err sign_check(const struct signer *s, struct str path, struct str query, msec now, struct arena *a, struct why *why, struct signed_link *out);
[[nodiscard]] err sign_check_in(const struct signer *s, struct str folder, struct str path, struct str query, msec now, struct arena *a, struct why *why,
                                struct signed_link *out);
/* Sealed tokens (quote ids): "v1.<payload>.<mac>", authenticated, not secret. A token opens only for the purpose it was sealed for. */
void token_seal(const struct signer *s, const char *purpose, struct str payload, struct buf *out);
[[nodiscard]] err token_open(const struct signer *s, const char *purpose, struct str token, struct arena *a, struct why *why, struct str *out_payload);
