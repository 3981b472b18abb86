#!/bin/bash
# First start: makes the cluster, the role and the database that the POSTGRES_* variables name, then runs the init scripts.
set -euo pipefail

read_variable() { # NAME DEFAULT: the variable, or the contents of the file that NAME_FILE names
  local file="$1_FILE"
  if [[ -n ${!file:-} ]]; then cat "${!file}"; else printf '%s' "${!1:-$2}"; fi
}

initialise() {
  local user database
  user=$(read_variable POSTGRES_USER postgres)
  database=$(read_variable POSTGRES_DB "$user")
  if [[ -z $(read_variable POSTGRES_PASSWORD '') ]]; then
    echo "error: no password for the superuser: set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE" >&2
    exit 1
  fi
  initdb --username="$user" --pwfile=<(read_variable POSTGRES_PASSWORD '') --auth-host=scram-sha-256 --auth-local=trust \
    --encoding=UTF8 --locale=C.UTF-8 >/dev/null
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  # Not reachable over TCP yet: nobody takes a half-initialised database for a ready one.
  pg_ctl --silent --wait --options="-c listen_addresses=''" start
  [[ $database == postgres ]] || createdb --username="$user" "$database"
  local script
  for script in /docker-entrypoint-initdb.d/*; do
    case $script in
      *.sql) psql --quiet --set ON_ERROR_STOP=1 --username="$user" --dbname="$database" --file="$script" ;;
      *.sh) bash "$script" ;;
    esac
  done
  pg_ctl --silent --wait --mode=fast stop
}

if [[ ${1:-} == -* ]]; then set -- postgres "$@"; fi
if [[ ${1:-} == postgres ]]; then
  if [[ ! -s $PGDATA/PG_VERSION ]]; then initialise; fi
  set -- "$@" -c "listen_addresses=*"
fi
exec "$@"
