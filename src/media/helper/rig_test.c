/* See rig_test.h. */
#include "media/helper/rig_test.h"
#include "media/helper/read_image.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

const char *rig_program;

int rig_setup(void **state) {
    struct rig *r = calloc(1, sizeof *r);
    struct why why = {0};
    struct helper_options o = {.program = rig_program, .at_once = 2};
    snprintf(r->dir, sizeof r->dir, "%s", "/tmp/puras-rig-XXXXXX");
    if (!mkdtemp(r->dir) || helper_start(&o, &why, &r->h)) return fprintf(stderr, "%s\n", why_text(&why)), -1;
    *state = r;
    return 0;
}

int rig_teardown(void **state) {
    struct rig *r = *state;
    helper_stop(r->h);
    DIR *d = opendir(r->dir);
    for (struct dirent *e; d && (e = readdir(d));) unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    rmdir(r->dir);
    free(r);
    return 0;
}

static void heard(void *arg, const char *stage, int percent) {
    struct rig *r = arg;
    if (percent < r->last_percent) abort();
    snprintf(r->last_stage, sizeof r->last_stage, "%s", stage);
    r->last_percent = percent;
    r->stages++;
}

static void new_path(struct rig *r, char out[128]) { snprintf(out, 128, "%s/%d", r->dir, ++r->made); }

struct render_answer rig_render(struct rig *r, const char *model, const char *inputs, uint64_t seed, const char *const *files, int file_count, char out_path[128]) {
    struct render_answer a;
    struct media_input in[16];
    char names[16][32];
    new_path(r, out_path);
    for (int i = 0; i < file_count; i++) {
        const char *eq = strchr(files[i], '=');
        snprintf(names[i], sizeof names[i], "%.*s", (int)(eq - files[i]), files[i]);
        in[i] = (struct media_input){names[i], open(eq + 1, O_RDONLY | O_CLOEXEC)};
    }
    r->last_percent = r->stages = 0;
    struct render_job j = {.model = model, .inputs = str_of(inputs), .seed = seed, .out_path = out_path, .timeout = 60000, .files = in, .file_count = (size_t)file_count,
                           .stage = heard, .stage_arg = r};
    helper_render(r->h, &j, &a);
    for (int i = 0; i < file_count; i++) close(in[i].fd);
    return a;
}

void rig_file(struct rig *r, const void *bytes, size_t n, char out_path[128]) {
    new_path(r, out_path);
    FILE *f = fopen(out_path, "w");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f)) abort();
}

void rig_picture(struct rig *r, int w, int h, uint32_t (*at)(int x, int y, int w, int h), char out_path[128]) {
    struct pixels p = {w, h, malloc((size_t)w * (size_t)h * 4)};
    struct buf file = {0};
    for (int i = 0; i < w * h; i++) {
        uint32_t c = at(i % w, i / w, w, h);
        p.rgba[i * 4] = (unsigned char)(c >> 16), p.rgba[i * 4 + 1] = (unsigned char)(c >> 8), p.rgba[i * 4 + 2] = (unsigned char)c, p.rgba[i * 4 + 3] = 255;
    }
    if (!image_to_jpeg(&p, 95, &file)) abort();
    rig_file(r, file.ptr, file.len, out_path);
    buf_done(&file);
    pixels_done(&p);
}

void rig_read(const char *path, struct buf *out) {
    char piece[65536];
    FILE *f = fopen(path, "r");
    if (!f) abort();
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;) buf_add(out, piece, n);
    fclose(f);
}

struct pixels rig_pixels(const char *path, const char *type) {
    struct buf file = {0};
    struct pixels p;
    struct why why = {0};
    rig_read(path, &file);
    if (image_pixels(type, buf_view(&file), 8192, &why, &p)) abort();
    buf_done(&file);
    return p;
}

void rig_ask(struct buf *out, const char *const argv[]) {
    char piece[65536];
    int ends[2];
    if (pipe(ends)) abort();
    pid_t pid = fork();
    if (pid == 0) {
        if (dup2(open("/dev/null", O_RDONLY), 0) < 0 || dup2(ends[1], 1) < 0 || dup2(ends[1], 2) < 0) _exit(126);
        close_range(3, ~0U, 0);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(ends[1]);
    out->len = 0;
    for (ssize_t n; (n = read(ends[0], piece, sizeof piece)) > 0;) buf_add(out, piece, (size_t)n);
    if (!out->len) buf_add(out, "", 0);
    close(ends[0]);
    if (waitpid(pid, NULL, 0) != pid) abort();
}
