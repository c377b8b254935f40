/* The states of a generation and of its attempts, as tables.
 *
 *   generation   pending -> processing -> completed | failed | cancelled        the last three are terminal: never left again
 *                pending -> cancelled, failed (deadline)
 *                processing -> pending                                           when an attempt failed and another is due later
 *
 *   step         of the newest attempt while processing; what a node does next after any crash follows from it alone:
 *     opened       nothing has left                                  -> send it
 *     sending      the submit may have left                          -> idempotent or local: send again; else look up
 *     accepted     the provider has it under their_ref               -> poll
 *     unresolved   the answer was lost and look-up does not tell     -> keep the hold, keep asking until the deadline
 *     result       the reply is kept                                 -> fetch the outputs, then settle
 *     ended        the attempt is over
 *
 * Money: a hold exists exactly while the state is pending or processing. The command that makes it terminal ends the hold. */
#pragma once
#include "base/str.h"

#define GEN_PENDING STR("pending")
#define GEN_PROCESSING STR("processing")
#define GEN_COMPLETED STR("completed")
#define GEN_FAILED STR("failed")
#define GEN_CANCELLED STR("cancelled")

#define STEP_OPENED STR("opened")
#define STEP_SENDING STR("sending")
#define STEP_ACCEPTED STR("accepted")
#define STEP_UNRESOLVED STR("unresolved")
#define STEP_RESULT STR("result")
#define STEP_ENDED STR("ended")

bool generation_is_terminal(struct str state);
/* True when the table above has that arrow. */
bool generation_may_go(struct str from, struct str to);
