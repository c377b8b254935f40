#!/usr/bin/env bash
# OpenAI's official clients for Python and JavaScript, installed by name below build-fuzz/, against a running server with only a base URL and a key.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=build-fuzz/venv-openai dir=build-fuzz/openai
[ -x $venv/bin/python ] || { python3 -m venv $venv && $venv/bin/pip -q install openai; }
command -v npm > /dev/null || apt-get install -y -qq npm > /dev/null 2>&1
[ -d $dir/node_modules/openai ] || { mkdir -p $dir && (cd $dir && npm install --silent --no-fund --no-audit openai > install.log 2>&1); }
exec python3 tests/clients/openai_run.py $venv/bin/python $dir
