/* A caller's text on its way to the speech program: nothing that the program takes for a command may be left in it. */
#include "media/helper/voice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena a = {0};
    struct voice_inputs in;
    struct buf b = {0};
    struct str text = str_n(data, size);
    (void)voice_read_inputs(text, &a, NULL, &in);
    int language = voice_detect(text);
    must(language >= 0 && language < voice_language_count && voice_count_words(text) >= 0);
    voice_clean(text, &b);
    for (size_t i = 0; i < b.len; i++) {
        must((unsigned char)b.ptr[i] >= 32 || b.ptr[i] == '\n');
        must(!i || b.ptr[i] != '[' || b.ptr[i - 1] != '[');
    }
    must(str_is_utf8(buf_view(&b)));
    buf_done(&b);
    arena_done(&a);
    return 0;
}
