-- A file is asked for by its bytes.

create index if not exists asset_bytes on asset (project, sha256);
