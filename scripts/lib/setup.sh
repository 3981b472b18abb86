# shellcheck shell=bash
# Sets up whatever is missing. Sourced by the scripts; `repo` is the checkout.

set -euo pipefail
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# A root shell opened by `su` may lack the places where dockerd and iptables live.
PATH=$PATH:/usr/sbin:/sbin
cd "$repo"
# shellcheck source=scripts/lib/say.sh
. "$repo/scripts/lib/say.sh"
# shellcheck source=scripts/lib/apt.sh
. "$repo/scripts/lib/apt.sh"
# shellcheck source=scripts/lib/python.sh
. "$repo/scripts/lib/python.sh"
# shellcheck source=scripts/lib/engine.sh
. "$repo/scripts/lib/engine.sh"
# shellcheck source=scripts/lib/images.sh
. "$repo/scripts/lib/images.sh"
# shellcheck source=scripts/lib/newer.sh
. "$repo/scripts/lib/newer.sh"
# shellcheck source=scripts/lib/engines.sh
. "$repo/scripts/lib/engines.sh"

# set_up runtime|dev: Python environment, engine, Compose plugin, images. One script at a time does it.
set_up() {
  mkdir -p "$log_dir" || die "no folder for the logs: $log_dir" "set XDG_CACHE_HOME to a folder that you may write to"
  exec 9>"$log_dir/setup.lock"
  if ! flock -n 9; then
    say 'waiting for another set-up to end'
    flock 9
  fi
  ensure_python "$1"
  ensure_engine
  if [[ -z $no_engine ]]; then
    ensure_compose
    ensure_images
    if [[ $1 == dev ]]; then ensure_test_image; fi
  else
    ensure_reader
    ensure_compose
  fi
  exec 9>&-
}

controller() { "$repo/.venv/bin/controller" "$@"; }
