-- Calls that failed at the operator's cost, by key and hour.

create table if not exists key_fault (
  id TEXT_KEY not null primary key, version bigint not null,
  project TEXT not null, key TEXT not null, hour bigint not null, count bigint not null, cost bigint not null
) CLUSTERED;
