/* Whatever an encoder says becomes a file or a refusal. The first byte says how many frames are expected, the second where sound begins. */
#include "media/helper/mp4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct buf out = {0};
    if (size < 2) return 0;
    struct str all = str_n(data + 2, size - 2);
    size_t cut = all.len * data[1] / 255;
    struct mp4_film f = {.h264 = str_head(all, cut), .aac = str_skip(all, cut), .w = 64, .h = 64, .fps = 24, .frames = data[0], .rate = 48000, .channels = 2, .samples = 1000};
    if (mp4_write(&f, NULL, &out) == OK) must(out.len > 500);
    else must(out.len == 0);
    buf_done(&out);
    return 0;
}
