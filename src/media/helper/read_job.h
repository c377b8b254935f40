/* The two models that read a stranger's file. Rows of the table in models.c. */
#pragma once
#include "media/helper/job.h"

/* image/png, image/jpeg, image/webp, image/gif; no tools. */
void read_image_run(struct job *j);
/* Sound and video, by ffprobe and ffmpeg: the tools of read_av_tools in that order. */
void read_av_run(struct job *j);
extern const struct tool_spec *const read_av_tools[];
