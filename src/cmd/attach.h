/* Files named on the command line as inputs: uploaded to the drive, and named there. */
#pragma once
#include "cmd/cli.h"

/* For each key=@FILE whose key is a file input of the model, the file is uploaded and the word becomes key={"drive_path":..}; other
 * words stay. The server is asked for the model only when there is such a word. 0, or the exit status after the error was printed. */
int attach_files(struct cli *c, const char *model, struct words *inputs);
int attach_names(struct cli *c, const char *model, struct words *inputs); /* the same for a quote: nothing is uploaded */
