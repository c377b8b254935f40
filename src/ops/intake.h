/* Private to ops/: strings over 64 KB of a request's body, decoded into temporary files of the drive while the body comes (ops.h has the outer face).
 * Counted, because a call's files are gathered although its caller may have gone. */
#pragma once
#include "ops/ops_int.h"

struct intake *intake_ref(struct intake *i); /* NULL is NULL; ops_intake_drop gives it back */
/* On any thread, once the body was read: the first bytes and the length of a string's file. False when the text was none that can be decoded. */
bool intake_look(const struct intake *i, uint32_t id, struct str *out_head, int64_t *out_bytes);
/* Makes it a blob, once. */
[[nodiscard]] err intake_keep(struct intake *i, uint32_t id, struct drive *d, struct str blob, struct why *why, char out_sha256[65]);
