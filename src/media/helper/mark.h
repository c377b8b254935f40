/* A sentence in a file's own metadata, where the format has a place for it that readers show: PNG, JPEG, WAV, MP3. Films are marked
 * by mp4.c. Pure. */
#pragma once
#include "base/buf.h"

/* Appends the file with the sentence in it to `out`. False, and nothing is appended, when its format has no such place. */
bool mark_file(struct str file, struct str sentence, struct buf *out);
