-- Each book of a project has a drive of its own. Which old files are of the test book is set in pieces behind this (fill.c).

alter table asset add column ABSENT book TEXT not null default 'live';
alter table project add column ABSENT test_drive_bytes bigint not null default 0;
alter table project add column ABSENT test_drive_reserved bigint not null default 0;
