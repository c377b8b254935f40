-- Where in a provider's reply the caller says its output stands.

alter table generation add column ABSENT url_path TEXT not null default '';
