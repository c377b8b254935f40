/* Any bytes as a form, as words for the twin, as a token and as a body to be checked: nothing is read past its end, and parts lie in the
 * body. */
#include "twin/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str s = str_n(data, size);
    struct arena a = {};
    struct part parts[4];
    struct twin_mood m = {};
    struct json *j = NULL;
    struct fault f;
    struct str out;
    const char *problem;
    int n = parts_read(STR("multipart/form-data; boundary=b1"), s, parts, 4);
    for (int i = 0; i < n; i++) must(!parts[i].bytes.len || (parts[i].bytes.ptr >= s.ptr && parts[i].bytes.ptr + parts[i].bytes.len <= s.ptr + s.len));
    (void)!twin_mood_find(s, &a, NULL, &m);
    (void)jwt_check(s, STR("secret"), 0, &a, &problem);
    (void)base64_read(s, &a, &out);
    if (!json_parse(s, &a, NULL, &j)) (void)check_only(j, "prompt*:s1..5 n:i1..4 ratio:s=16:9|9:16 seconds:d3..15|auto on:b url:u list:U1..2 scale:n0..1 size:z any:o", &f);
    arena_done(&a);
    return 0;
}
