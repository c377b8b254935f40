/* Renders the ten fixed prompts through the real helper and lays them on one sheet: contact_sheet PURAS-MEDIA OUT.png
 * Run by tests/contact_sheet; the sheet is kept in docs/sketch/. */
#include "base/json.h"
#include "media/helper/sketch_prompts.h"
#include "media/media.h"

#include <cairo.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CELL = 360, GAP = 12, COLUMNS = 5, ROWS = 2 };

static int render(struct helper *h, const struct fixed_prompt *f, const char *path) {
    struct buf b = {0};
    struct jw w = {.out = &b};
    struct render_answer a;
    char size[32];
    snprintf(size, sizeof size, "%dx%d", f->w, f->h);
    jw_open(&w, '{');
    jw_kz(&w, "prompt", f->prompt);
    jw_kz(&w, "size", size);
    jw_close(&w, '}');
    struct render_job j = {.model = "sketch", .inputs = buf_view(&b), .seed = f->seed, .out_path = path, .timeout = 60000};
    helper_render(h, &j, &a);
    buf_done(&b);
    if (a.code) return fprintf(stderr, "%s: %s\n", f->prompt, a.detail), 1;
    printf("%s\n  render %.1f ms, encode %.1f ms, %lld bytes\n", f->prompt, (double)a.render_us / 1000, (double)a.encode_us / 1000, (long long)a.bytes);
    return 0;
}

int main(int argc, char **argv) {
    struct why why = {0};
    struct helper *h = NULL;
    char path[] = "/tmp/puras-sheet-XXXXXX";
    if (argc != 3) return fputs("usage: contact_sheet PURAS-MEDIA OUT.png\n", stderr), 2;
    struct helper_options o = {.program = argv[1]};
    int fd = mkstemp(path), failed = 0;
    if (fd < 0 || helper_start(&o, &why, &h)) return fprintf(stderr, "%s\n", why_text(&why)), 1;
    close(fd);
    cairo_surface_t *sheet = cairo_image_surface_create(CAIRO_FORMAT_RGB24, COLUMNS * (CELL + GAP) + GAP, ROWS * (CELL + GAP) + GAP);
    cairo_t *cr = cairo_create(sheet);
    cairo_set_source_rgb(cr, 0.97, 0.96, 0.94);
    cairo_paint(cr);
    for (int i = 0; i < FIXED_PROMPTS && !failed; i++) {
        if ((failed = render(h, &fixed_prompts[i], path))) break;
        cairo_surface_t *s = cairo_image_surface_create_from_png(path);
        cairo_save(cr);
        cairo_translate(cr, GAP + i % COLUMNS * (CELL + GAP), GAP + i / COLUMNS * (CELL + GAP));
        cairo_scale(cr, (double)CELL / fixed_prompts[i].w, (double)CELL / fixed_prompts[i].h);
        cairo_set_source_surface(cr, s, 0, 0);
        cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_GOOD);
        cairo_paint(cr);
        cairo_restore(cr);
        cairo_surface_destroy(s);
    }
    if (!failed) failed = cairo_surface_write_to_png(sheet, argv[2]) != CAIRO_STATUS_SUCCESS;
    cairo_destroy(cr);
    cairo_surface_destroy(sheet);
    helper_stop(h);
    unlink(path);
    return failed;
}
