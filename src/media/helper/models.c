/* The one table of local models: their tools, what they make, how long they may take. Read by job.c. */
#include "media/helper/job.h"
#include "media/helper/job_test.h"
#include "media/helper/models.h"
#include "base/limits.h"
#include "media/helper/read_job.h"

#include <string.h>

enum { MINUTE = 60 * 1000 };

static const struct job_model models[] = {
    {"sketch", "image", sketch_job, 2 * MINUTE, NULL},
    {"edit", "image", edit_job, 2 * MINUTE, NULL},
    {"motion-t2v", "video", motion_t2v_job, 10 * MINUTE, motion_tools},
    {"motion-i2v", "video", motion_i2v_job, 10 * MINUTE, motion_tools},
    {"motion-r2v", "video", motion_r2v_job, 10 * MINUTE, motion_reference_tools},
    {"tune", "audio", tune_job, 10 * MINUTE, tune_tools},
    {"voice", "audio", voice_job, 5 * MINUTE, voice_tools},
    {"twin-picture", "image", twin_picture_job, 2 * MINUTE, NULL},
    {"twin-film", "video", twin_film_job, 10 * MINUTE, twin_film_tools},
    {"twin-sound", "audio", twin_sound_job, 10 * MINUTE, twin_sound_tools},
    {"twin-voice", "audio", twin_voice_job, 5 * MINUTE, voice_tools},
    {"read-image", "facts", read_image_run, LIMIT_MEDIA_READ_MS, NULL},
    {"read-walls", "facts", walls_job, LIMIT_MEDIA_READ_MS, NULL},
    {"read-av", "facts", read_av_run, LIMIT_MEDIA_READ_MS, read_av_tools},
};

const struct job_model *job_model_find(const char *name) {
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (!strcmp(models[i].name, name)) return &models[i];
    return job_test_find(name);
}
