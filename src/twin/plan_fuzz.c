/* Any JSON as the inputs of a call: what is asked of the media helper is within its bounds. */
#include "base/json.h"
#include "twin/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const kinds[] = {"image", "video", "audio", "text"};
    static const struct twin_file files[] = {{.input = {"image", 5}, .type = "image/png", .width = 1, .height = 90000}, {.input = {"audio", 5}, .type = "audio/mpeg", .duration_ms = 123456789012}};
    for (int i = 0; i < 4; i++) {
        struct arena a = {};
        struct twin_plan p;
        struct json *j = NULL;
        int64_t w = 16, h = 16, frames = 1, ms = 1;
        struct twin_call c = {.kind = str_of(kinds[i]), .inputs = str_n(data, size), .files = files, .file_count = size & 1 ? 2 : 0, .media_input = size & 2 ? STR("audio") : STR("")};
        if (!twin_plan(&c, &a, NULL, &p)) {
            must(!json_parse(p.inputs, &a, NULL, &j) && p.outputs <= 16);
            (void)json_as_i64(json_get(j, "width"), &w), (void)json_as_i64(json_get(j, "height"), &h);
            (void)json_as_i64(json_get(j, "frames"), &frames), (void)json_as_i64(json_get(j, "duration_ms"), &ms);
            must(w >= 16 && w <= 4096 && h >= 16 && h <= 4096 && frames >= 1 && frames <= 12 * 600 && ms >= 1 && ms <= 600 * 1000);
            if (p.model && !strcmp(p.model, "twin-film")) must(w % 2 == 0 && h % 2 == 0 && w * h <= 3840 * 2160 && w <= 3840 && h <= 3840);
        }
        arena_done(&a);
    }
    return 0;
}
