-- What left lately is asked for at a start: a provider's rate counts it.

create index if not exists attempt_sent on attempt (sent_at) where sent_at > 0;
