/* What the tests of models that take and make files share: a helper, a folder, inputs drawn by the model sketch, outputs as pixels. */
#pragma once
#include "base/buf.h"
#include "media/helper/read_scale.h"
#include "media/media.h"

struct rig {
    struct helper *h;
    char dir[64];
    int made;
    char last_stage[40];
    int last_percent, stages;
};
extern const char *rig_program; /* set by main from its argument */
int rig_setup(void **state);
int rig_teardown(void **state);

/* Renders with seed 5 unless the inputs' own is given; files are "name=path". out_path receives where the file is. */
struct render_answer rig_render(struct rig *r, const char *model, const char *inputs, uint64_t seed, const char *const *files, int file_count, char out_path[128]);
/* A file with these bytes. */
void rig_file(struct rig *r, const void *bytes, size_t n, char out_path[128]);
/* A picture w x h, each pixel by its place. */
void rig_picture(struct rig *r, int w, int h, uint32_t (*at)(int x, int y, int w, int h), char out_path[128]);
void rig_read(const char *path, struct buf *out);
struct pixels rig_pixels(const char *path, const char *type);
/* What a program says, on either of its outputs. argv ends with NULL. */
void rig_ask(struct buf *out, const char *const argv[]);
