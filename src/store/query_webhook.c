/* Webhooks: whom a project has told, what was told, and what is to be sent now. One without a URL is the secret for those that calls name. */
#include "base/limits.h"
#include "store/query_rows.h"

#include <stdint.h>

_Static_assert(LIMIT_WEBHOOKS + 2 * LIMIT_WEBHOOK_SERVERS <= LIMIT_PAGE, "one answer lists all that a project has, of both books");

err query_webhooks(struct db *db, struct str project, struct arena *a, const struct webhook ***out, size_t *n) {
    return query_records(db, REC_webhook, "select @webhook from webhook where project = $1 and state <> 'deleted' and url <> '' order by case when secret = '' then 1 else 0 end, created_at, id limit $2",
                         SQL_PARAMS(SQL_STR(project), SQL_INT(LIMIT_PAGE)), a, (void ***)out, n);
}

err query_webhook_messages(struct db *db, struct str webhook, msec before, int64_t limit, struct arena *a, const struct webhook_message ***out, size_t *n) {
    return query_records(db, REC_webhook_message,
                         "select @webhook_message from webhook_message where webhook = $1 and created_at < $2 order by created_at desc, id desc limit $3",
                         SQL_PARAMS(SQL_STR(webhook), SQL_INT(before ? before : INT64_MAX), SQL_INT(limit)), a, (void ***)out, n);
}

/* From one webhook for which something waits to the next one, by the index of what waits: those that are idle are not looked at. */
err query_webhooks_due(struct db *db, struct str node, msec leased_before, msec now, int64_t limit, struct arena *a, const struct webhook ***out, size_t *n) {
    return query_records(db, REC_webhook,
                         "with recursive told(hook) as (select min(webhook) from webhook_message where state = 'waiting' union all select (select min(webhook) from webhook_message where "
                         "state = 'waiting' and webhook > told.hook) from told where told.hook is not null) "
                         "select @webhook from told cross join webhook where webhook.id = told.hook and state = 'enabled' and next_at <= $1 and (node = $2 or leased_until <= $3) and exists "
                         "(select 1 from webhook_message where webhook_message.webhook = webhook.id and webhook_message.state = 'waiting' and webhook_message.next_at <= $1) "
                         "order by next_at, id limit $4",
                         SQL_PARAMS(SQL_INT(now), SQL_STR(node), SQL_INT(leased_before), SQL_INT(limit)), a, (void ***)out, n);
}

err query_webhook_messages_due(struct db *db, struct str webhook, msec now, int64_t limit, struct arena *a, const struct webhook_message ***out, size_t *n) {
    return query_records(db, REC_webhook_message,
                         "select @webhook_message from webhook_message where webhook = $1 and state = 'waiting' and next_at <= $2 order by next_at, id limit $3",
                         SQL_PARAMS(SQL_STR(webhook), SQL_INT(now), SQL_INT(limit)), a, (void ***)out, n);
}

err query_all_webhooks(struct db *db, struct str after, int64_t limit, struct arena *a, const struct webhook ***out, size_t *n) {
    return query_records(db, REC_webhook, "select @webhook from webhook where id > $1 and state <> 'deleted' order by id limit $2", SQL_PARAMS(SQL_STR(after), SQL_INT(limit)), a,
                         (void ***)out, n);
}
