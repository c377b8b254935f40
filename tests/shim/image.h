/* The durable image of a folder: what a power cut would leave of it, kept beside what processes see.
 *
 * The image lies in <folder>.durable/: content/<id> is what a file held at its last fsync, names/<id> what a folder listed at
 * its last fsync; an id is an inode and its time of birth, so a number that is used again is another file. Nothing else is
 * recorded: whatever differs between image and folder is what was not synced. Any number of processes may sync at once. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Everything in `folder` is durable from now on; an older image is forgotten. False with a line on stderr. */
bool image_begin(const char *folder);

/* fsync of a file or of a folder below `folder` (or of itself): what it holds now is durable. False: errno says why. */
bool image_sync(const char *folder, int fd);

/* The power fails: replaces `folder` by one of the states its disk may be in, chosen by `seed`, and begins a new image.
 *
 * What was synced is there. Of everything else any part may be: each name that was made, moved or removed without a sync of its
 * folder is or is not, in any order (one move is one step); each file that was written without fsync is as at its last fsync
 * (empty if there was none), or as it was seen, or a mixture of the two by pages. `image_cut` must be the only one at work. */
bool image_cut(const char *folder, uint64_t seed);

/* True when `path` lies in `folder` or is it. */
bool image_covers(const char *folder, const char *path);
