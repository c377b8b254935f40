/* The model `edit`: given pictures changed as the prompt says. edit_words.c reads the prompt into a plan, edit_job.c carries it
 * out in a fixed order: layout, crop and turns, drawn additions, tone, style, frame, caption. */
#pragma once
#include "media/helper/edit_plan.h"
#include "media/helper/picture.h"

void edit_apply_style(struct picture *p, const struct edit_plan *plan, int nth, uint64_t seed);
void edit_apply_tone(struct picture *p, const struct edit_plan *plan);
/* Each replaces the picture by another. */
void edit_compose(const struct picture *in, int count, const struct edit_plan *plan, struct picture *out);
void edit_crop(struct picture *p, const struct edit_plan *plan);
void edit_turn(struct picture *p, const struct edit_plan *plan);
/* Draws into it. out_names: what was added, as JSON strings separated by commas. */
void edit_add(struct picture *p, const struct edit_plan *plan, uint64_t seed, struct buf *out_names);
void edit_weather(struct picture *p, const struct edit_plan *plan, uint64_t seed);
void edit_frame(struct picture *p, const struct edit_plan *plan);
void edit_caption(struct picture *p, const struct edit_plan *plan, PangoContext *fonts);
