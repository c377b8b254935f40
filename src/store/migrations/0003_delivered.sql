-- Calls that are known by what they send: when their answer was delivered.

alter table idempotency add column ABSENT delivered_at bigint not null default 0;
