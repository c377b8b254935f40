-- What callers say about their calls, what keys may do, secrets, derived files, and how many of a model run at once.
-- ABSENT: add the column unless it is there. SQLite has no word for that, so the store passes over a column it knows.

alter table generation add column ABSENT metadata TEXT not null default '';
alter table generation add column ABSENT end_user TEXT not null default '';
alter table generation add column ABSENT files TEXT not null default '';
alter table generation add column ABSENT model_limit bigint not null default 0;
alter table generation add column ABSENT trace TEXT not null default '';

alter table usage_event add column ABSENT metadata TEXT not null default '';
alter table usage_event add column ABSENT end_user TEXT not null default '';

alter table api_key add column ABSENT scopes TEXT not null default '';
alter table api_key add column ABSENT models TEXT not null default '';
alter table api_key add column ABSENT origins TEXT not null default '';
alter table api_key add column ABSENT expires_at bigint not null default 0;
alter table api_key add column ABSENT call_cap bigint not null default 0;
alter table api_key add column ABSENT day_cap bigint not null default 0;
alter table api_key add column ABSENT rate_class TEXT not null default '';
alter table api_key add column ABSENT replaces TEXT not null default '';

alter table project add column ABSENT retention_days bigint not null default 0;

create table if not exists key_day (
  id TEXT_KEY not null primary key, version bigint not null,
  project TEXT not null, key TEXT not null, day bigint not null, spent bigint not null
) CLUSTERED;

create table if not exists model_load (
  id TEXT_KEY not null primary key, version bigint not null,
  running bigint not null
) CLUSTERED;

create table if not exists secret (
  id TEXT_KEY not null primary key, version bigint not null,
  project TEXT not null, name TEXT not null, sealed TEXT not null, updated_at bigint not null, deleted_at bigint not null
) CLUSTERED;

create table if not exists derived (
  id TEXT_KEY not null primary key, version bigint not null,
  asset TEXT not null, role TEXT not null, state TEXT not null, blob TEXT not null, type TEXT not null, bytes bigint not null,
  width bigint not null, height bigint not null, created_at bigint not null
) CLUSTERED;

create index if not exists usage_event_time on usage_event (project, created_at);
create index if not exists asset_age on asset (project, created_at) where deleted_at = 0;
