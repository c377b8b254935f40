-- Whom a call alone has told of its end.

alter table generation add column ABSENT webhook TEXT not null default '';
