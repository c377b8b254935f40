#!/bin/sh
# Writes the migrations as a C table: embed.sh 0001_start.sql ... > migrations.c
set -eu
echo '#include "store/internal.h"'
echo
echo 'const struct migration store_migrations[] = {'
for file in "$@"; do
    name=$(basename "$file")
    number=$(echo "${name%%_*}" | sed 's/^0*//')
    echo "    {$number,"
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/     "/' -e 's/$/\\n"/' "$file"
    echo '    },'
done
echo '    {0, 0},'
echo '};'
