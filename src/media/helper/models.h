/* The models' entry points and their tools; see models.c for the table and job.h for what they get. */
#pragma once
#include "media/helper/job.h"

void sketch_job(struct job *j);
void walls_job(struct job *j);
