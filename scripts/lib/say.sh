# shellcheck shell=bash
# How the scripts speak: one line per step, full output in a log file that the error names.

log_dir=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/compose-controller/logs

say() { printf '==> %s\n' "$*" >&2; }

# die MESSAGE [HINT]
die() {
  printf 'error: %s\n' "$1" >&2
  if [[ -n ${2:-} ]]; then printf 'hint: %s\n' "$2" >&2; fi
  exit 1
}

# logged NAME COMMAND…: runs it with no stdin and its output in a log; on failure shows the end of that log.
logged() {
  local log="$log_dir/$1.log" status=0
  shift
  mkdir -p "$log_dir"
  "$@" </dev/null >"$log" 2>&1 || status=$?
  if ((status != 0)); then
    printf '%s\n' "--- the last lines of $log:" >&2
    tail -n 8 "$log" >&2
  fi
  return "$status"
}

have() { command -v "$1" >/dev/null 2>&1; }

is_root() { [[ $(id -u) == 0 ]]; }
