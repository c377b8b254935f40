-- The operator's credentials at providers, and what is not to be used for now.

create table if not exists provider_key (
  id TEXT_KEY not null primary key, version bigint not null,
  sealed TEXT not null, author TEXT not null, updated_at bigint not null, deleted_at bigint not null
) CLUSTERED;

create table if not exists pause (
  id TEXT_KEY not null primary key, version bigint not null,
  author TEXT not null, since bigint not null
) CLUSTERED;
