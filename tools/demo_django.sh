#!/usr/bin/env bash
# The Django example on Daphne, with a Redis server of its own that ends with it.
set -euo pipefail

PYTHON=$(realpath -s "$1")
PORT=${PORT:-8050}
export REDIS_URL=redis://127.0.0.1:${REDIS_PORT:-6390}/0

data=$(mktemp -d)
redis-server --port "${REDIS_PORT:-6390}" --bind 127.0.0.1 --dir "$data" --save '' >"$data/log" &
redis=$!
visitors=
trap 'kill $redis $visitors; wait $redis $visitors || true; rm -rf "$data"' EXIT

cd "$(dirname "$0")/../examples/django_live"
"$PYTHON" manage.py migrate --verbosity 0
"$PYTHON" manage.py demo_user
"$PYTHON" manage.py visitors &
visitors=$!
echo "Log in as demo, password demo: http://127.0.0.1:$PORT/"
"$PYTHON" -m daphne -p "$PORT" live.asgi:application
