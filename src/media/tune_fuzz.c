/* A caller's inputs become a song, however they look: plan, notes, MIDI file, lyrics, facts and tags. */
#include "base/json.h"
#include "media/helper/tune.h"
#include "media/helper/tune_tags.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena a = {0};
    struct tune_inputs in;
    struct why why = {0};
    if (!tune_read_inputs(str_n(data, size), size, &a, &why, &in)) {
        struct tune_lyrics *l = arena_new(&a, struct tune_lyrics);
        struct tune_song song;
        struct buf b = {0};
        struct json *j = NULL;
        tune_compose(&in, &song);
        tune_make_lyrics(&in, &song.plan, &a, l);
        must(song.count > 10 && song.plan.bars < TUNE_MAX_BARS);
        for (int i = 0; i < l->line_count; i++) must(l->lines[i].start_ms < in.duration_ms);
        tune_write_smf(&song, &b);
        tune_write_id3(&song.plan, l, STR("\xff\xd8"), &b);
        tune_write_facts(&song, l, in.seed, -16, -1, 4096, &b);
        must(b.len < 4096 && json_parse(buf_view(&b), &a, NULL, &j) == OK);
        buf_done(&b);
        tune_song_done(&song);
    }
    arena_done(&a);
    return 0;
}
