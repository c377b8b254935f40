/* The models' entry points and their tools; see models.c for the table and job.h for what they get. */
#pragma once
#include "media/helper/job.h"

void sketch_job(struct job *j);
void walls_job(struct job *j);
void edit_job(struct job *j);
void motion_t2v_job(struct job *j);
void motion_i2v_job(struct job *j);
void motion_r2v_job(struct job *j);
extern const struct tool_spec *const motion_tools[], *const motion_reference_tools[];
void tune_job(struct job *j);
void voice_job(struct job *j);
void twin_picture_job(struct job *j);
void twin_film_job(struct job *j);
void twin_sound_job(struct job *j);
void twin_voice_job(struct job *j);
extern const struct tool_spec *const twin_film_tools[], *const twin_sound_tools[];
extern const struct tool_spec *const tune_tools[];
extern const struct tool_spec *const voice_tools[];
