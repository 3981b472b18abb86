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
# shellcheck source=scripts/lib/browser.sh
. "$repo/scripts/lib/browser.sh"
# shellcheck source=scripts/lib/dashboard.sh
. "$repo/scripts/lib/dashboard.sh"
# shellcheck source=scripts/lib/editor.sh
. "$repo/scripts/lib/editor.sh"
# shellcheck source=scripts/lib/engine.sh
. "$repo/scripts/lib/engine.sh"
# shellcheck source=scripts/lib/images.sh
. "$repo/scripts/lib/images.sh"
# shellcheck source=scripts/lib/newer.sh
. "$repo/scripts/lib/newer.sh"
# shellcheck source=scripts/lib/engines.sh
. "$repo/scripts/lib/engines.sh"

# set_up runtime|dev: Python environment, engine, Compose plugin, images.
set_up() { alone set_up_all "$1"; }

set_up_all() {
  ensure_python "$1"
  ensure_secrets
  ensure_dashboard
  if [[ $1 == dev ]]; then
    ensure_browser
    ensure_editor
  fi
  ensure_engine
  if [[ -z $no_engine ]]; then
    ensure_compose
    ensure_images
    if [[ $1 == dev ]]; then ensure_test_images; fi
  else
    ensure_reader
    ensure_compose
  fi
}

# Passwords of the sample stack: random, made once. In their containers other users read them, and Prometheus its token:
# so the files are open, and nobody else enters the folder.
ensure_secrets() {
  local name file
  mkdir -p "$repo/compose/secrets"
  if [[ -O $repo/compose/secrets ]]; then chmod 700 "$repo/compose/secrets"; fi
  for name in postgres grafana; do
    file=$repo/compose/secrets/$name.password
    [[ -s $file ]] || (umask 022; head -c 24 /dev/urandom | base64 >"$file")
  done
}

controller() { "$repo/.venv/bin/controller" "$@"; }
