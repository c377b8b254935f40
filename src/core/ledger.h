/* Double entry. A transfer moves an amount between two of these accounts and is never changed afterwards:
 *
 *   <project>/<book>/available    what can be spent                     the account record's `available`
 *   <project>/<book>/held         reserved for live generations         the account record's `held`
 *   platform/<book>/top_ups       where credit comes from               a sum of transfers, no record
 *   platform/<book>/revenue       what was captured
 *   platform/<book>/adjustments
 *
 *   purpose   debit -> credit
 *   top_up    top_ups -> available
 *   hold      available -> held
 *   capture   held -> revenue
 *   release   held -> available
 *
 * The sum over all accounts is zero by construction; available and held are never negative; per generation
 * hold = capture + release once it is terminal, and neither exists before. Ids derive from (generation, purpose), so a repeat
 * finds itself. */
#pragma once
#include "core/command.h"

/* Each writes its transfer and the account record. The account and, where it exists, the transfer must be in the workset.
 * E_INSUFFICIENT_CREDIT (hold) fills why with required_micros, available_micros, missing_micros. */
[[nodiscard]] err ledger_top_up(struct workset *w, const struct cmd_top_up *c, msec at, struct why *why);
/* E_INSUFFICIENT_CREDIT where a hold of that amount would be refused. */
[[nodiscard]] err ledger_covers(const struct account *account, micros amount, struct why *why);
[[nodiscard]] err ledger_hold(struct workset *w, struct generation *g, micros amount, msec at, struct why *why);
/* adjust  adjustments -> available, or the other way round for an amount below zero; never below what is available. */
[[nodiscard]] err ledger_adjust(struct workset *w, const struct cmd_adjust *c, msec at, struct why *why);
/* Ends the hold of g: captures `amount` (at most what is held), releases the rest, sets g->hold_micros 0, billed_micros. */
void ledger_resolve(struct workset *w, struct generation *g, micros amount, msec at);

/* Keys a command must want so that the above can run: the account by its names, or that of a loaded generation. The transfers of
 * a generation are not read: its state says whether they exist, and the save proves it. */
void ledger_want_account(struct workset *w, struct str project, struct str book);
void ledger_want_generation(struct workset *w, struct str generation);
struct str account_id(struct arena *a, struct str project, struct str book);
struct str transfer_id(struct arena *a, struct str generation, const char *purpose);
