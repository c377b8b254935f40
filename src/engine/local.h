/* Carries out CALL_RENDER: a local model in the media helper, its files adopted into the drive, durable before the answer. Or, for the
 * provider "twin", what twin_plan says in place of another's model; its route is the slug. */
#pragma once
#include "catalog/catalog.h"
#include "drive/drive.h"
#include "io/loop.h"
#include "media/media.h"

struct local;
struct local *local_create(struct loop *loop, struct drive *drive, struct helper *helper, int at_once);
/* Where the twin finds what a model's price counts; called on the loop. NULL when it is not known any more. */
void local_find_models(struct local *l, const struct model *(*find)(void *self, struct str catalog, struct str slug), void *self);
void local_destroy(struct local *l);
/* A loop_call_fn; register with loop_on_call(loop, CALL_RENDER, local_call, l). */
void local_call(void *self, const struct call *c, call_stage_fn *stage, call_done_fn *done, void *arg);
/* A loop_unwanted_fn; register with loop_on_unwanted: a render ends at once and its thread is free, one that waits leaves the queue. */
void local_unwanted(void *self, const struct call *c);
