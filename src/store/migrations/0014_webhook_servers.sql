-- Which servers the calls of a book have named, and when last. What is due is found by what waits, so the index of when is not read any more.

alter table webhook add column ABSENT servers TEXT not null default '';
drop index if exists webhook_due;
