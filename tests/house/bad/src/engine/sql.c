#include <sqlite3.h>
/* select a from comment: not a finding */
static const char *const a = "select id from generation";
static const char *const b = "insert "
                             "into generation values (1)";
static const char *const c = "UPDATE account SET available = 0";
static const char *const d = "Please update the settings."; /* not a finding */
#define QUERY "delete from account"
