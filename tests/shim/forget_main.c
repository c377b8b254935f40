/* forget: the commands around a program that runs with libforget.so preloaded.
 *
 *   forget begin DIR       everything in DIR is durable from now on
 *   forget cut DIR SEED    DIR as a power cut could have left it; whoever used it has been killed */
#include "image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    char *end = NULL;
    errno = 0;
    if (argc == 3 && !strcmp(argv[1], "begin")) return image_begin(argv[2]) ? 0 : 1;
    if (argc == 4 && !strcmp(argv[1], "cut")) {
        uint64_t seed = strtoull(argv[3], &end, 10);
        if (!errno && end != argv[3] && !*end) return image_cut(argv[2], seed) ? 0 : 1;
    }
    fputs("usage: forget begin DIR | forget cut DIR SEED\n", stderr);
    return 2;
}
