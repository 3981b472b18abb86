# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # names are shared by the files that setup.sh brings together
# The sample stack's images: pulled where a registry answers, else built here as stand-ins tagged local/…

images_root="$repo/compose/images"
env_file="$repo/compose/.env"
env_begin='# >>> stand-in images (written by scripts/; delete this block to use the real images)'
env_end='# <<< stand-in images'

# Compose variable → stand-in, in the order of building; `debian` is the base of all.
stand_ins='QDRANT_IMAGE=local/qdrant:edge REDIS_IMAGE=local/redis:7.0 POSTGRES_IMAGE=local/postgres:15
PROMETHEUS_IMAGE=local/prometheus:2.42 GRAFANA_IMAGE=local/grafana:stand-in PYTHON_IMAGE=local/python:3.11
HAPROXY_IMAGE=local/haproxy:2.6'

# ensure_images: what compose/rag.yaml names is present, pulled or built.
ensure_images() {
  if [[ -f $env_file ]] && grep -qF "$env_begin" "$env_file"; then
    build_stand_ins
  elif ! images_present; then
    if [[ ${CONTROLLER_LOCAL_IMAGES:-} != 1 ]] && registry_answers; then
      pull_images
    else
      say 'no image registry answers: the sample stack gets stand-in images (local/…)'
      build_stand_ins
    fi
  fi
  build_server
}

images_present() { compose_images | xargs -r docker image inspect -f '{{.Id}}' >/dev/null 2>&1; }

# compose_images: those that are pulled, the ingress's among them; the server's own is built.
compose_images() { { sample config --images | grep -v '^local/rag-server'; ingress_image; } | sort -u; }

# ingress_image: no service's, but what the controller starts before the services that publish ports.
ingress_image() {
  local image=${HAPROXY_IMAGE:-}
  if [[ -z $image && -f $env_file ]]; then image=$(sed -n 's/^\(export \)\?HAPROXY_IMAGE=//p' "$env_file" | tail -n 1); fi
  printf '%s\n' "${image:-haproxy:3.0}"
}

sample() { docker compose -f "$repo/compose/rag.yaml" "$@"; }

pull_images() {
  say 'pulling the images of the sample stack'
  { logged pull sample pull --quiet --ignore-buildable && logged pull-haproxy docker pull --quiet "$(ingress_image)"; } ||
    die 'the images could not be pulled' "see $log_dir/pull.log; CONTROLLER_LOCAL_IMAGES=1 builds stand-ins instead"
}

# build_server: anew when its sources changed since it was built here; the cache makes a needless build an instant.
build_server() {
  local image old built="$log_dir/rag-server.built" hash
  image=$(sample config --images | grep '^local/rag-server' || true)
  if [[ -z $image ]]; then return; fi
  hash=$(contents_hash "$repo/compose/rag-server" "$(sample config rag-server | sed -n '/^    build:/,/^    [a-z]/p')")
  old=$(image_id "$image")
  if [[ -n $old && -f $built && $(<"$built") == "$old $hash" ]]; then return; fi
  say "building the sample's server $image"
  logged image-rag-server sample build rag-server || die "$image could not be built" "see $log_dir/image-rag-server.log"
  printf '%s %s\n' "$(image_id "$image")" "$hash" >"$built"
  drop_image "$old" "$(image_id "$image")"
}

image_id() { docker image inspect -f '{{.Id}}' "$1" 2>/dev/null || true; }

# drop_image OLD NEW: what a build replaced has no name any more; where a container still uses it, it stays.
drop_image() { if [[ -n $1 && $1 != "$2" ]]; then docker image rm "$1" >/dev/null 2>&1 || true; fi; }

# ensure_test_images: what engine tests start: the small one by the dozen, a web server, the ingress.
ensure_test_images() {
  ensure_test_image busybox:1.35 local/busybox:1.35
  ensure_test_image python:3.11-slim local/python:3.11
  ensure_test_image haproxy:2.6 local/haproxy:2.6
}

# ensure_test_image REAL TAG
ensure_test_image() {
  local real=$1 tag=$2 name
  if docker image inspect "$tag" >/dev/null 2>&1; then return; fi
  name=${real%%:*}
  if [[ ${CONTROLLER_LOCAL_IMAGES:-} != 1 ]] && registry_answers; then
    say "pulling the test image $real"
    logged "pull-$name" docker pull --quiet "$real" || die 'the test image could not be pulled' "see $log_dir/pull-$name.log"
    docker tag "$real" "$tag"
  else
    build_image "$name" "$tag" "$(build_base)"
  fi
}

registry_answers() {
  "$repo/.venv/bin/python" - <<'PY'
import sys
import urllib.error
import urllib.request

try:
    urllib.request.urlopen("https://registry-1.docker.io/v2/", timeout=4)
except urllib.error.HTTPError as error:
    sys.exit(0 if error.code == 401 else 1)  # it asks who we are: it is there
except OSError:
    sys.exit(1)
PY
}

# contents_hash FOLDER [TEXT]: of every file's name and contents.
contents_hash() {
  (cd "$1" && { find . -type f -not -name '*.pyc' -exec sha256sum {} + | LC_ALL=C sort; printf '%s' "${2:-}"; }) |
    sha256sum | cut -c1-16
}

# image_label IMAGE: the hash it was built from; empty where there is no such image.
image_label() { docker image inspect -f '{{index .Config.Labels "controller.contents"}}' "$1" 2>/dev/null || true; }

# build_image NAME TAG BASE_HASH: builds compose/images/NAME unless that very content is built already.
build_image() {
  local name=$1 tag=$2 hash old
  hash=$(contents_hash "$images_root/$name" "$3")
  [[ $(image_label "$tag") == "$hash" ]] && return
  say "building the stand-in $tag"
  old=$(image_id "$tag")
  logged "image-$name" classic_build "$images_root/$name" --label "controller.contents=$hash" -t "$tag" ||
    die "the stand-in image $tag could not be built" "see $log_dir/image-$name.log"
  drop_image "$old" "$(image_id "$tag")"
}

# classic_build FOLDER OPTION…: the builder that needs no plugin. It keeps what an earlier stage left: we name that, and drop it.
classic_build() {
  local build=(env DOCKER_BUILDKIT=0 docker build --network host --force-rm) stage="local/stage-${1##*/}"
  "${build[@]}" "${@:2}" "$1" || return 1
  if grep -q ' AS build$' "$1/Dockerfile"; then
    "${build[@]}" --quiet --target build -t "$stage" "$1" && docker image rm "$stage"
  fi
}

# The base cannot be pulled either: Debian's packages, fetched from its signed archive and unpacked, become its first layer.
build_base() {
  local tag=local/debian:bookworm hash dir
  hash=$(contents_hash "$images_root/debian" "$debian_mirror$(sha256sum /etc/ssl/certs/ca-certificates.crt 2>/dev/null)")
  printf '%s' "$hash"
  [[ $(image_label "$tag") == "$hash" ]] && return
  is_debian_like || die "no registry answers, and stand-in images can only be built on Debian or Ubuntu" \
    "connect to a registry, or load the images with docker load"
  say "building the base image $tag from Debian's packages"
  dir=$(mktemp -d)
  # shellcheck disable=SC2064 # callers capture the output, so this shell is a child that ends with the function
  trap "rm -rf '$dir'" EXIT
  fetch_seed "$dir" || die "Debian's packages could not be fetched from $debian_mirror" "set DEBIAN_MIRROR, or see $log_dir"
  configure_base "$dir/root" "$tag" "$hash" || die "the base image could not be built" "see $log_dir/image-debian.log"
}

# configure_base ROOT TAG HASH: configures the unpacked packages in a container and keeps the result as one layer.
configure_base() {
  local seed=local/debian-seed:bookworm container status=0
  tar -C "$1" --sort=name --owner=0 --group=0 -c . | docker import - "$seed" >/dev/null || return 1
  container=$(docker create --network none "$seed" sh /seed/configure) || return 1
  logged image-debian docker start --attach "$container" || status=$?
  if ((status == 0)); then
    docker export "$container" | docker import --change 'CMD ["bash"]' --change "LABEL controller.contents=$3" \
      --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive' \
      - "$2" >/dev/null || status=$?
  fi
  docker rm "$container" >/dev/null
  docker image rm "$seed" >/dev/null
  return "$status"
}

# fetch_seed DIR: DIR/root holds the unpacked packages and, in /seed, the packages themselves.
fetch_seed() {
  local dir=$1 seed="$1/root/seed" package
  open_debian bookworm "$dir" || return 1
  mkdir -p "$seed" "$dir"/root/usr/{bin,sbin,lib,lib64}
  # A merged /usr from the start: no package has to move anything later.
  for package in bin sbin lib lib64; do ln -s "usr/$package" "$dir/root/$package"; done
  logged base-download debian_apt "$dir" -y --download-only --no-install-recommends install \
    '?essential' '?priority(required)' apt ca-certificates usr-is-merged usrmerge- || return 1
  for package in "$dir"/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -p -C "$dir/root" --keep-directory-symlink || return 1
  done
  mv "$dir"/cache/archives/*.deb "$seed/"
  cp "$images_root/debian/configure" "$seed/"
  cp -L /etc/ssl/certs/ca-certificates.crt "$seed/host-ca.crt" 2>/dev/null || : >"$seed/host-ca.crt"
  sed 's#^Signed-By: .*#Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg#' "$dir/sources/debian.sources" >"$seed/debian.sources"
}

# build_stand_ins: all of them, side by side, and points the Compose variables at them.
build_stand_ins() {
  local base pair name jobs=() job failed=0
  base=$(build_base)
  build_image busybox local/busybox:1.35 "$base" & jobs+=($!)
  for pair in $stand_ins; do
    name=${pair#*=local/}
    build_image "${name%%:*}" "${pair#*=}" "$base" & jobs+=($!)
  done
  for job in "${jobs[@]}"; do wait "$job" || failed=1; done
  ((failed == 0)) || exit 1
  write_variables
}

# write_variables: our marked block in compose/.env; what a person wrote there stays and wins.
write_variables() {
  local pair block=$env_begin$'\n' kept=''
  if [[ -f $env_file ]]; then kept=$(person_part); fi
  for pair in $stand_ins; do
    if ! grep -qE "^(export )?${pair%%=*}=" <<<"$kept"; then block+=$pair$'\n'; fi
  done
  put_variables "$kept" "$block$env_end"
}

person_part() { sed "/^# >>> stand-in images/,/^# <<< stand-in images/d" "$env_file"; }

# put_variables KEPT BLOCK: written only if it differs, since the file is an input that the controller watches.
put_variables() {
  local text
  text=$(printf '%s\n%s' "$1" "$2" | sed '/./,$!d')
  if [[ -z $text ]]; then rm -f "$env_file"; return; fi
  [[ -f $env_file && $(<"$env_file") == "$text" ]] && return
  printf '%s\n' "$text" >"$env_file.new"
  mv "$env_file.new" "$env_file"
}
