static const char *const good = "select id from listener where note = $1";
static const char *const a = "select pg_advisory_lock(1)";
static const char *const b = "create temp table x (id text)";
static const char *const c = "update node set beat_at = now() where id = $1";
