# shellcheck shell=bash
# How the scripts speak: one line per step, full output in a log file that the error names. And how they take turns.

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

# alone COMMAND…: one script at a time; what it starts in the background has to close 9.
alone() {
  mkdir -p "$log_dir" || die "no folder for the logs: $log_dir" "set XDG_CACHE_HOME to a folder that you may write to"
  exec 9>"$log_dir/setup.lock"
  if ! flock -n 9; then
    say 'waiting for another set-up to end'
    flock 9
  fi
  "$@"
  exec 9>&-
}
