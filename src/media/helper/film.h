/* A film while it is shot: frames go to ffmpeg as they are drawn, sound behind them, the file comes out at the end. The models that
 * make films have film_tools as the first of their tools. */
#pragma once
#include "media/helper/picture.h"

enum { FILM_VIDEO_TOOL, FILM_AUDIO_TOOL, FILM_TOOLS, FILM_RATE = 48000 };
extern const struct tool_spec film_video_tool, film_audio_tool;

struct film {
    struct job *job;
    int w, h, fps, frames; /* w and h even; frames: how many will come */
    int shot;
    unsigned char *planes; /* of one frame */
};
/* Each is false, and the job has failed, when a tool did. */
bool film_begin(struct film *f, struct job *j, int w, int h, int fps, int frames);
bool film_shoot(struct film *f, const struct picture *p); /* also says how far it is: 5 to 90 percent */
bool film_shoot_rows(struct film *f, const struct picture *p, int from); /* of rows before `from`, an even number, none has changed since the last frame */
/* sound: FILM_RATE, two channels, interleaved; NULL: silent. Writes the output and everything of the answer but the scene. */
bool film_end(struct film *f, const int16_t *sound, int64_t samples);
