/* Any prompt becomes a plan of the models edit and motion within its bounds, the same one each time. */
#include "base/err.h"
#include "media/helper/edit_plan.h"
#include "media/helper/motion_plan.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct edit_plan e, again;
    struct motion_plan m;
    struct buf b = {0};
    struct jw w = {.out = &b};
    struct arena a = {0};
    struct json *j = NULL;
    edit_read_prompt(str_n(data, size), &e);
    edit_read_prompt(str_n(data, size), &again);
    must(e.style_count >= 0 && e.style_count <= EDIT_STYLES && e.style_count == again.style_count && e.turns >= 0 && e.turns < 4 && fabs(e.tilt) <= 45.01);
    must(strlen(e.caption) <= SKETCH_TEXT_BYTES && str_is_utf8(str_of(e.caption)) && !strcmp(e.caption, again.caption));
    must(strnlen(e.add, sizeof e.add) < sizeof e.add && fabs(e.brightness) < 4 && fabs(e.contrast) < 4 && e.tint_amount >= 0 && e.tint_amount <= 0.8);
    for (int i = 0; i < e.style_count; i++) must(edit_style_name(e.styles[i]) && e.degrees[i] >= 0.5 && e.degrees[i] <= 1.7);
    must(edit_layout_name(e.layout));
    motion_read_prompt(str_n(data, size), &m);
    motion_drift(&m, 5, 0.1);
    must(m.move_count >= 0 && m.move_count <= MOTION_MOVES && m.speed > 0 && m.speed < 4);
    for (int i = 0; i < m.move_count; i++) must(m.moves[i].from >= 0 && m.moves[i].to <= 1 && m.moves[i].from < m.moves[i].to && fabs(m.moves[i].amount) < 40);
    jw_open(&w, '{');
    motion_write_plan(&m, &w);
    jw_close(&w, '}');
    must(b.len < 1500 && json_parse(buf_view(&b), &a, NULL, &j) == OK);
    motion_keep_camera(&m);
    must(m.move_count >= 0 && m.move_count <= MOTION_MOVES);
    arena_done(&a);
    buf_done(&b);
    return 0;
}
