-- Who is told when generations end, and what is to be told.

alter table project add column ABSENT webhooks TEXT not null default '';

create table if not exists webhook (
  id TEXT_KEY not null primary key, version bigint not null,
  project TEXT not null, url TEXT not null, secret TEXT not null, secret_before TEXT not null, before_until bigint not null,
  wants bigint not null, state TEXT not null, detail TEXT not null, created_at bigint not null, changed_at bigint not null,
  failing_since bigint not null, failures bigint not null, failed_at bigint not null, next_at bigint not null,
  node TEXT not null, leased_until bigint not null
) CLUSTERED;
create index if not exists webhook_list on webhook (project, created_at) where state <> 'deleted';
create index if not exists webhook_due on webhook (next_at) where state = 'enabled';

create table if not exists webhook_message (
  id TEXT_KEY not null primary key, version bigint not null,
  project TEXT not null, webhook TEXT not null, generation TEXT not null, event TEXT not null, n bigint not null,
  created_at bigint not null, since bigint not null, state TEXT not null, attempts bigint not null, next_at bigint not null,
  status bigint not null, detail TEXT not null, ended_at bigint not null
) CLUSTERED;
create index if not exists webhook_message_due on webhook_message (webhook, next_at) where state = 'waiting';
create index if not exists webhook_message_list on webhook_message (webhook, created_at);
create index if not exists webhook_message_age on webhook_message (created_at);
