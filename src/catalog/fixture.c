#include "catalog/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FIXTURE_FILES = 32 };

static void write_file(const char *path, struct str text) {
    FILE *f = fopen(path, "w");
    must(f);
    must(fwrite(text.ptr, 1, text.len, f) == text.len);
    must(!fclose(f));
}

/* Takes "<folder>/" out of the problems, so that tests can name files plainly. */
static void strip_folder(struct buf *text, const char *folder) {
    if (!text->len) return;
    size_t n = strlen(folder) + 1;
    for (char *at; (at = strstr(text->ptr, folder));) {
        memmove(at, at + n, strlen(at + n) + 1);
        text->len -= n;
    }
}

err fixture_catalog(const char *files, struct problems *p, struct catalog **out) {
    static const char cut[] = "---8<---\n";
    char folder[] = "/tmp/puras-catalog-XXXXXX", paths[FIXTURE_FILES][64];
    must(mkdtemp(folder));
    int n = 0;
    for (const char *at = files; at && n < FIXTURE_FILES; n++) {
        const char *end = strstr(at, cut);
        snprintf(paths[n], sizeof paths[n], "%s/%d.yaml", folder, n);
        write_file(paths[n], end ? str_n(at, (size_t)(end - at)) : str_of(at));
        at = end ? end + sizeof cut - 1 : NULL;
    }
    const char *folders[] = {folder};
    err e = catalog_read(folders, 1, p, out);
    while (n--) unlink(paths[n]);
    rmdir(folder);
    strip_folder(&p->text, folder);
    return e;
}
