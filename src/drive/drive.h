/* Bytes of the drive: blobs on local disk (S3 later behind the same face), path rules, signed links. What the drive shows
 * (paths, assets) are records of core/; this room moves bytes and checks names.
 *
 * A blob's place is <generation or "up">/<attempt>/<n>-<random>. Order per file: temporary file, fsync, rename into place,
 * fsync the folder and the parent of each folder just made; only then may a commit name it (RULES C2). */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/time.h"

#include <sys/stat.h>

struct drive;
[[nodiscard]] err drive_open(const char *folder, struct why *why, struct drive **out); /* makes blobs/ and tmp/, empties tmp/ */
void drive_close(struct drive *d);

/* Writing, on a thread that may block. */
struct drive_file { int fd; char tmp[320]; int64_t bytes; void *hasher; };
[[nodiscard]] err drive_file_begin(struct drive *d, const char random_hex[21], struct why *why, struct drive_file *out);
[[nodiscard]] err drive_file_write(struct drive_file *f, struct str data, struct why *why); /* E_STORAGE_FULL */
/* fsync, rename to blobs/<blob>, fsync folders. Fills sha256 (hex). The file is closed in any case. */
[[nodiscard]] err drive_file_keep(struct drive *d, struct drive_file *f, struct str blob, struct why *why, char out_sha256[65]);
void drive_file_drop(struct drive_file *f); /* a no-op after keep; fits cleanup */
/* Adopts a finished temporary file (a helper wrote it) in the same way. */
[[nodiscard]] err drive_adopt(struct drive *d, const char *tmp_path, struct str blob, struct why *why, char out_sha256[65], int64_t *out_bytes);
const char *drive_tmp(const struct drive *d); /* folder for temporary files, on the same file system */

[[nodiscard]] err drive_blob_open(struct drive *d, struct str blob, struct why *why, int *out_fd, int64_t *out_bytes); /* E_NOT_FOUND */
[[nodiscard]] err drive_blob_delete(struct drive *d, struct str blob);
/* Blobs older than `age` that `owned` denies are deleted (RULES C2, the sweep). */
[[nodiscard]] err drive_sweep(struct drive *d, msec now, msec age, bool (*owned)(void *arg, struct str blob), void *arg, int64_t *out_deleted);

/* Paths: relative, '/' between parts, no empty part, no '.', '..', no NUL or control bytes, UTF-8, bounded. One leading '/' or
 * 'drive/' is taken off. E_BAD_PATH with a sentence. */
[[nodiscard]] err drive_path_clean(struct str path, struct arena *a, struct why *why, struct str *out);

/* Signed links: <public_url>/v1/drive/files/<path>?exp=<unix s>&kid=<key id>&sig=<base64url>. The signature covers project,
 * asset, path and expiry; the project is found through the asset id in kid's companion `a`. */
struct signer;
struct signer *signer_create(struct str master_key); /* keys are derived; the master key is not kept */
void signer_destroy(struct signer *s);
struct signed_link { struct str project, asset, path; msec expires_at; };
void sign_link(const struct signer *s, const struct signed_link *l, struct str public_url, struct buf *out);
/* From the request's path (behind /v1/drive/files/) and query. E_BAD_SIGNATURE for anything changed or past its time. */
[[nodiscard]] err sign_check(const struct signer *s, struct str path, struct str query, msec now, struct arena *a, struct why *why, struct signed_link *out);
/* Sealed tokens (quote ids): "v1.<payload>.<mac>", authenticated, not secret. */
void token_seal(const struct signer *s, const char *purpose, struct str payload, struct buf *out);
[[nodiscard]] err token_open(const struct signer *s, const char *purpose, struct str token, struct arena *a, struct why *why, struct str *out_payload);
