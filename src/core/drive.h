/* The drives of a project. Each of its books has one of its own, with paths and space of its own: nothing that is done with a test key meets a
 * file of the live book, nor the other way round. */
#pragma once
#include "core/record.h"

struct drive_spot { struct str project, book, path; };

/* The record of what a path shows. Behind the project's id stands '/' in the live drive and ':' in that of the test book, so no path of one is a
 * path of the other; an empty path is where a drive begins. */
struct str drive_path_id(struct arena *a, struct drive_spot p);

/* What the project's record counts of a drive: what its files take, and what running calls reserve. The project's drive_limit bounds the two of a book
 * together. They are no money: one that is found too low counts as far as it goes, never below zero, and the audit names it. */
void drive_stored(struct project *p, struct str book, int64_t change);
void drive_reserved(struct project *p, struct str book, int64_t change);
int64_t drive_used(const struct project *p, struct str book); /* both together */
