/* One job in one child: reads the request, makes the file, answers. */
#pragma once
#include <pango/pango.h>

/* Descriptors 3 and 4 are the job socket and the output file. Returns the child's exit status. */
int job_run(PangoContext *fonts);
