-- What waited for a server when it was deleted is not sent when a call names that server again.

alter table webhook add column ABSENT deleted_at bigint not null default 0;
