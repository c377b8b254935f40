/* Bytes behind each picture's own magic, so that the fuzzer spends its time in the headers. */
#include "media/media.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct str magic[] = {
        {"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16}, {"\xff\xd8\xff\xe0", 4}, {"GIF89a", 6}, {"RIFF\0\0\0\0WEBPVP8 ", 16}, {"RIFF\0\0\0\0WEBPVP8L", 16}, {"RIFF\0\0\0\0WEBPVP8X", 16}};
    for (size_t i = 0; i < sizeof magic / sizeof *magic; i++) {
        char *exact = malloc(magic[i].len + size);
        must(exact);
        memcpy(exact, magic[i].ptr, magic[i].len);
        if (size) memcpy(exact + magic[i].len, data, size);
        struct media_facts f = media_measure(str_n(exact, magic[i].len + size));
        must(f.width >= 0 && f.height >= 0 && f.width <= INT32_MAX && f.height <= INT32_MAX);
        must(!f.width == !f.height);
        free(exact);
    }
    return 0;
}
