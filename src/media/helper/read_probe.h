/* What ffprobe said about a file, believed as little as the file. Pure; fuzzed. */
#pragma once
#include "base/err.h"
#include "base/str.h"

struct probe_facts {
    int64_t width, height; /* as shown: turned as the file asks */
    int64_t duration_ms, frames, rate_milli, channels, sample_rate;
    bool has_audio, has_video, has_cover;
    char video_codec[24], audio_codec[24];
};
/* E_INVALID with a sentence when the answer is none, or tells of what no sound file has or no limit allows. */
[[nodiscard]] err probe_read(struct str json, struct why *why, struct probe_facts *out);
