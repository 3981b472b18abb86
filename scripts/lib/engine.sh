# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # names are shared by the files that setup.sh brings together
# A Docker engine and a Compose plugin that answer; where there are none, from the distribution.

oldest_compose=2.24
no_engine=''   # why there is no engine; empty when there is one
engine_hint='' # how to get one
engine_is_new=''
dockerd_log=/var/log/dockerd.log

# ensure_engine: afterwards an engine answers, or no_engine and engine_hint say why not.
ensure_engine() {
  if [[ ${CONTROLLER_NO_ENGINE_SETUP:-} == 1 ]]; then no_engine='CONTROLLER_NO_ENGINE_SETUP=1 is set'; return; fi
  if engine_answers; then return; fi
  find_obstacle && return
  if ! have dockerd; then install_engine; fi
  if [[ -z $no_engine ]]; then start_engine; fi
}

engine_answers() { have docker && timeout 10 docker version -f '{{.Server.Version}}' >/dev/null 2>&1; }

# find_obstacle: true when the engine is somebody else's to mend.
find_obstacle() {
  local socket=/var/run/docker.sock context=''
  if have docker; then context=$(docker context show 2>/dev/null || true); fi
  if [[ -n ${DOCKER_HOST:-} || (-n $context && $context != default) ]]; then
    no_engine="the Docker engine at ${DOCKER_HOST:-context $context} does not answer"
    engine_hint='start it, or unset DOCKER_HOST and run: docker context use default'
  elif [[ -S $socket && ! -w $socket ]]; then
    no_engine="no permission for the Docker engine at $socket"
    engine_hint="sudo usermod -aG docker $(id -un), then log in again"
  elif ! is_root && have dockerd; then
    no_engine='the Docker engine is not running, and only root can start it'
    engine_hint='sudo systemctl start docker'
  elif ! is_root; then
    no_engine='there is no Docker engine, and only root can install one'
    engine_hint='run this once as root, or see https://docs.docker.com/engine/install/'
  fi
  [[ -n $no_engine ]]
}

install_engine() {
  local packages=(docker.io iptables ca-certificates)
  if ! is_debian_like; then
    no_engine='there is no Docker engine, and this system is neither Debian nor Ubuntu'
    engine_hint='install it first: https://docs.docker.com/engine/install/'
    return
  fi
  say "installing the Docker engine from $(os_field PRETTY_NAME)"
  logged apt-update apt-get update -q || true
  # Since Debian 13 the client is a package of its own.
  if [[ -n $(apt-cache search --names-only '^docker-cli$') ]]; then packages+=(docker-cli); fi
  install_packages "${packages[@]}"
  engine_is_new=yes
}

start_engine() {
  say 'starting the Docker engine'
  if [[ -d /run/systemd/system ]]; then
    logged dockerd-start systemctl enable --now docker || true
    dockerd_log='journalctl -u docker'
    await_engine 60
  else
    start_daemon
  fi
}

# No init system: the daemon runs in a session of its own and outlives this script.
start_daemon() {
  local stale
  stale=$(cat /var/run/docker.pid 2>/dev/null || true)
  if [[ -n $stale && $(cat "/proc/$stale/comm" 2>/dev/null) != dockerd ]]; then rm -f /var/run/docker.pid; fi
  setsid dockerd </dev/null >>"$dockerd_log" 2>&1 9>&- &
  await_engine 30 $!
}

# await_engine SECONDS [PID]
await_engine() {
  local end=$((SECONDS + $1)) reason
  while ((SECONDS < end)); do
    if engine_answers; then return; fi
    if [[ -n ${2:-} ]] && ! kill -0 "$2" 2>/dev/null; then break; fi
    sleep 0.2
  done
  reason=$(grep -as 'failed to start daemon' "$dockerd_log" | tail -n 1 | cut -c1-300 || true)
  no_engine="the Docker engine does not start here${reason:+: $reason}"
  engine_hint="its log: $dockerd_log"
}

# ensure_compose: the plugin in a version that we support.
ensure_compose() {
  local found
  found=$(docker compose version --short 2>/dev/null || true)
  if at_least "${found#v}" "$oldest_compose"; then return; fi
  say "installing the Compose plugin (${found:-none} is here, $oldest_compose is needed)"
  install_compose || die "the Compose plugin could not be installed" "https://docs.docker.com/compose/install/linux/"
  found=$(docker compose version --short 2>/dev/null || true)
  at_least "${found#v}" "$oldest_compose" || die "Docker does not find the Compose plugin after its installation" \
    "is an older one in ~/.docker/cli-plugins?"
}

at_least() { [[ -n $1 && $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }

install_compose() {
  local package
  # System-wide only on a machine whose engine we have just installed.
  if [[ -n $engine_is_new ]]; then
    for package in docker-compose-v2 docker-compose-plugin; do
      if [[ -n $(apt-cache search --names-only "^$package\$") ]]; then install_packages "$package"; return; fi
    done
    fetch_compose /usr/local/lib/docker/cli-plugins
  else
    fetch_compose "${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins"
  fi
}

# Debian 13's plugin is one static file that runs on older systems too.
fetch_compose() { fetch_debian trixie docker-compose '*/cli-plugins/docker-compose' "$1/docker-compose"; }

# ensure_reader: without an engine it is still Compose that reads the Compose files; any user can have it.
ensure_reader() {
  PATH=$PATH:$repo/.venv/bin
  if ! have docker; then
    say 'fetching the Docker client, which reads the Compose files (into .venv)'
    fetch_debian trixie docker-cli '*/bin/docker' "$repo/.venv/bin/docker" ||
      die "there is no Docker client, and it could not be fetched" "${engine_hint:-https://docs.docker.com/engine/install/}"
  fi
}
