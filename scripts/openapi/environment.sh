# To be sourced: the Python tools, and a server to run them against. Everything is gone when the caller ends.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/botserver
python=$cache/python/bin/python

fail() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# The tools of scripts/openapi/requirements.txt, installed when that file changed.
prepare_python() {
  local wanted=scripts/openapi/requirements.txt
  if ! cmp -s "$wanted" "$cache/python/requirements.txt"; then
    python3 -m venv --clear "$cache/python"
    "$python" -m pip install --quiet --disable-pip-version-check --requirement "$wanted"
    cp "$wanted" "$cache/python/requirements.txt"
  fi
}

pid=
folder=$(mktemp -d)
database=
postgres=${BOTSERVER_TEST_POSTGRES:-postgres://postgres@127.0.0.1:5432/postgres}
finish() {
  [ -z "$pid" ] || { kill -9 "$pid"; wait "$pid"; } 2> /dev/null || true
  [ -z "$database" ] || psql -qX -w "$postgres" -c "DROP DATABASE $database WITH (FORCE)"
  rm -rf "$folder"
}
trap finish EXIT

# Lets the server that is started next use a database of its own in the PostgreSQL of the tests.
use_postgres() {
  database=botserver_contract_$$
  psql -qX -w "$postgres" -c "CREATE DATABASE $database"
  export BOTSERVER_DATABASE_URL=${postgres%/*}/$database
}

# start_server PROGRAM: in a fresh folder, on a free port, without limits on the rate of requests. Sets url, password.
# The database is the folder's own unless use_postgres was called.
start_server() {
  cat > "$folder/botserver.toml" <<'TOML'
[rate_limit]
anonymous = 0
authenticated = 0
admin = 0
operations = false

[bots]
bots_per_organization = 0
webhooks_per_organization = 0

# Webhooks lead to a port where nobody listens, and never away from here.
[egress]
allow = ["127.0.0.1/32"]
http = true

# Mail is written, and never sent: nobody listens there.
[mail]
host = "127.0.0.1"
port = 9
tls = "none"
from = "bots@example.com"

[identity]
logins_per_minute = 0
mail_requests_per_hour = 0
address_changes_per_hour = 0

[identity.api_keys]
max_per_user = 1000000

[identity.two_factor]
codes_per_minute = 0

[identity.session]
max_sessions = 100

[identity.hashing]
memory_kib = 8
passes = 1
TOML
  : > "$folder/out"
  (cd "$folder" && exec "$1" serve --data "$folder/data" --listen 127.0.0.1:0) > "$folder/out" 2> "$folder/log" &
  pid=$!
  for _ in $(seq 600); do
    url=$(sed -n 's|^  API  *\(http[^ ]*\)/api$|\1|p' "$folder/out")
    [ -z "$url" ] && kill -0 "$pid" 2> /dev/null || break
    sleep 0.1
  done
  [ -n "$url" ] || { cat "$folder/log" >&2; fail "the server does not start"; }
  password=$(sed -n 's/^ *password  *\([^ ]*\).*/\1/p' "$folder/out")
  [ -n "$password" ] || fail "the start shows no password"
}
