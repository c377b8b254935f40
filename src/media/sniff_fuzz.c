/* Any bytes: the answer is one of the list or none, the head is never read past its end, dimensions are never negative. */
#include "media/media.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sniffed s = media_sniff(str_n(data, size)), again = media_sniff(str_n(data, size));
    struct media_facts f = media_measure(str_n(data, size));
    must(s.type == again.type);
    must(!s.type == !s.ext && !s.type == !s.kind);
    must(f.width >= 0 && f.height >= 0 && f.duration_ms >= 0);
    must(!f.width == !f.height);
    must(!f.width || (s.type && !strcmp(s.kind, "image")));
    return 0;
}
