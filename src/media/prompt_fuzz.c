/* Any prompt becomes a plan within its bounds, the same one each time. */
#include "base/err.h"
#include "media/helper/plan.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct plan *p = malloc(sizeof *p), *q = malloc(sizeof *q);
    int boxes = 0;
    must(p && q);
    sketch_read_prompt(str_n(data, size), p);
    sketch_read_prompt(str_n(data, size), q);
    must(p->subject_count >= 0 && p->subject_count <= SKETCH_MAX_SUBJECTS && p->subject_count == q->subject_count);
    for (int i = 0; i < p->subject_count; i++) {
        const struct subject *s = &p->subjects[i];
        must(s->noun && s->count >= 1 && s->count <= SKETCH_MAX_COUNT && s->count == q->subjects[i].count);
        must(strnlen(s->colour, sizeof s->colour) < sizeof s->colour && !strcmp(s->colour, q->subjects[i].colour));
        boxes += s->count;
    }
    must(boxes <= SKETCH_MAX_BOXES && p->palette_count >= 0 && p->palette_count <= 4);
    must(strlen(p->text) <= SKETCH_TEXT_BYTES && str_is_utf8(str_of(p->text)));
    must(sketch_time_name(p->time) && sketch_setting_name(p->setting));
    free(p);
    free(q);
    return 0;
}
