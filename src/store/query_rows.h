/* What the query files share. */
#pragma once
#include "store/db.h"
#include "store/query.h"

/* One statement on a read connection, which is made anew when it was lost. */
err query_run(struct db *db, const char *sql, const struct sql_value *params, size_t n, struct arena *a, struct sql_rows *rows);
/* The same for statements that select @<type>: an array of pointers to records. */
err query_records(struct db *db, enum rec_type type, const char *sql, const struct sql_value *params, size_t n, struct arena *a,
                  void ***out, size_t *out_n);
