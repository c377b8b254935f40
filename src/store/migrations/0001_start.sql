-- The records of core/records.def, the nodes and their beats. One text for both engines: the words in capitals stand for what
-- differs. TEXT_KEY is text in byte order, TEXT is text; CLUSTERED asks for the table to be kept in its primary key.
-- Every statement can run twice: a crash may fall between a migration and the note that it was applied.

create table if not exists node (
  id TEXT_KEY not null primary key, epoch bigint not null, batch_seq bigint not null, state TEXT not null, started_at bigint not null
) CLUSTERED;

create table if not exists beat (
  id TEXT_KEY not null primary key, at bigint not null
) CLUSTERED;

create table if not exists project (
  id TEXT_KEY not null primary key, version bigint not null,
  name TEXT not null, created_at bigint not null, seq bigint not null, usage_seq bigint not null, pending bigint not null,
  running bigint not null, run_limit bigint not null, drive_bytes bigint not null, drive_reserved bigint not null,
  drive_limit bigint not null
) CLUSTERED;
create index if not exists project_turn on project (id) where pending > 0;

create table if not exists account (
  id TEXT_KEY not null primary key, version bigint not null,
  project TEXT not null, book TEXT not null, available bigint not null, held bigint not null, seq bigint not null
) CLUSTERED;

create table if not exists api_key (
  id TEXT_KEY not null primary key, version bigint not null,
  project TEXT not null, kind TEXT not null, hash TEXT not null, name TEXT not null, created_at bigint not null,
  revoked_at bigint not null
) CLUSTERED;

create table if not exists idempotency (
  id TEXT_KEY not null primary key, version bigint not null,
  project TEXT not null, request_hash TEXT not null, generation TEXT not null, created_at bigint not null,
  expires_at bigint not null
) CLUSTERED;

create table if not exists generation (
  id TEXT_KEY not null primary key, version bigint not null,
  project TEXT_KEY not null, book TEXT not null, key TEXT not null, seq bigint not null, model TEXT not null, kind TEXT not null,
  catalog TEXT not null, state TEXT not null, step TEXT not null, inputs TEXT not null, output_path TEXT not null,
  price_from TEXT not null, price_rate bigint not null, price_unit bigint not null, price_quantity bigint not null,
  price_fixed bigint not null, price_outputs bigint not null, if_unmeasured bigint not null, price_row TEXT not null,
  quoted_micros bigint not null, hold_micros bigint not null, billed_micros bigint not null, created_at bigint not null,
  started_at bigint not null, finished_at bigint not null, deadline_at bigint not null, waits_until bigint not null,
  node TEXT_KEY not null, attempts bigint not null, events bigint not null, outputs bigint not null, needs bigint not null,
  cancel_at bigint not null, error_code TEXT not null, error_detail TEXT not null, result TEXT not null
);
create index if not exists generation_list on generation (project, seq desc);
create index if not exists generation_pending on generation (project, seq) where state = 'pending';
create index if not exists generation_node on generation (node, id) where node <> '';
create index if not exists generation_deadline on generation (deadline_at) where state in ('pending', 'processing');

create table if not exists attempt (
  id TEXT_KEY not null primary key, version bigint not null,
  generation TEXT not null, n bigint not null, provider TEXT not null, route TEXT not null, state TEXT not null,
  our_ref TEXT not null, their_ref TEXT not null, opened_at bigint not null, sent_at bigint not null, ended_at bigint not null,
  failure TEXT not null, error_detail TEXT not null, cost_micros bigint not null, reply TEXT not null
) CLUSTERED;

create table if not exists transfer (
  id TEXT_KEY not null primary key, version bigint not null,
  project TEXT_KEY not null, book TEXT_KEY not null, seq bigint not null, generation TEXT not null, purpose TEXT not null,
  debit TEXT not null, credit TEXT not null, amount bigint not null, created_at bigint not null, author TEXT not null,
  reason TEXT not null
) CLUSTERED;
create index if not exists transfer_list on transfer (project, book, seq);

create table if not exists event (
  id TEXT_KEY not null primary key, version bigint not null,
  generation TEXT not null, n bigint not null, at bigint not null, type TEXT not null, payload TEXT not null
) CLUSTERED;

create table if not exists asset (
  id TEXT_KEY not null primary key, version bigint not null,
  project TEXT not null, generation TEXT_KEY not null, n bigint not null, path TEXT not null, blob TEXT_KEY not null,
  bytes bigint not null, sha256 TEXT not null, type TEXT not null, kind TEXT not null, facts TEXT not null,
  created_at bigint not null, deleted_at bigint not null
) CLUSTERED;
create index if not exists asset_generation on asset (generation) where generation <> '';
create index if not exists asset_blob on asset (blob);

create table if not exists drive_path (
  id TEXT_KEY not null primary key, version bigint not null,
  project TEXT not null, path TEXT not null, asset TEXT not null, updated_at bigint not null
) CLUSTERED;

create table if not exists usage_event (
  id TEXT_KEY not null primary key, version bigint not null,
  project TEXT_KEY not null, book TEXT not null, seq bigint not null, key TEXT not null, model TEXT not null, kind TEXT not null,
  provider TEXT not null, billed_micros bigint not null, cost_micros bigint not null, unit TEXT not null, quantity bigint not null,
  price_row TEXT not null, created_at bigint not null
) CLUSTERED;
create index if not exists usage_event_list on usage_event (project, seq);

create table if not exists catalog_version (
  id TEXT_KEY not null primary key, version bigint not null,
  content TEXT not null, published_at bigint not null
);
