-- The sweep asks of each old file whether a derived copy lies in it.

create index if not exists derived_blob on derived (blob);
