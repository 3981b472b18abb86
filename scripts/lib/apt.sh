# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # names are shared by the files that setup.sh brings together
# Packages of the distribution: installed system-wide as root, or fetched through a private source that leaves /etc/apt alone.

debian_mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

# The distribution's own words for itself: "debian 12", "ubuntu 24.04", …
os_field() { (. /etc/os-release 2>/dev/null && printf '%s' "${!1:-}"); }

is_debian_like() { have apt-get && [[ " $(os_field ID) $(os_field ID_LIKE) " == *" debian "* ]]; }

# install_packages PACKAGE…: from the distribution, as root, refreshing the lists only if they do not know a package.
install_packages() {
  local options=(-y -q --no-install-recommends -o Dpkg::Options::=--force-confold)
  export DEBIAN_FRONTEND=noninteractive
  logged apt apt-get install "${options[@]}" "$@" 2>/dev/null && return
  logged apt-update apt-get update -q || die "the package lists cannot be fetched" "check the network and /etc/apt"
  logged apt apt-get install "${options[@]}" "$@" || die "apt-get could not install: $*" "see $log_dir/apt.log"
}

# Where the Debian archive keys are; on Ubuntu they come out of its own signed package.
debian_keyring() {
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg dir=$1
  if [[ ! -r $keyring ]]; then
    (cd "$dir" && logged keyring apt-get download debian-archive-keyring && dpkg-deb -x debian-archive-keyring_*.deb keys) || return 1
    keyring="$dir/keys$keyring"
  fi
  printf '%s' "$keyring"
}

# open_debian SUITE DIR: a signed source with lists and cache in DIR, for fetch_debian; works for any user.
open_debian() {
  local suite=$1 dir=$2 keyring
  mkdir -p "$dir"/{sources,preferences,lists/partial,cache/archives/partial}
  keyring=$(debian_keyring "$dir") || return 1
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
    "$debian_mirror" "$suite" "$keyring" >"$dir/sources/debian.sources"
  : >"$dir/status"
  logged "apt-$suite" debian_apt "$dir" update
}

# debian_apt DIR ARGUMENT…: apt-get on that source only, as if no package were installed.
debian_apt() {
  local dir=$1
  shift
  apt-get -q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$dir/sources" -o Dir::Etc::PreferencesParts="$dir/preferences" \
    -o Dir::State::Lists="$dir/lists" -o Dir::State::Status="$dir/status" -o Dir::State::extended_states="$dir/extended" \
    -o Dir::Cache="$dir/cache" -o APT::Sandbox::User=root -o Debug::NoLocking=1 "$@"
}

# fetch_debian SUITE PACKAGE PATTERN TARGET: one file of a package, through a signed source that leaves no trace;
# into a TARGET/ all that match.
fetch_debian() {
  local dir status=0
  is_debian_like || return 1
  dir=$(mktemp -d)
  (
    open_debian "$1" "$dir" && cd "$dir" && logged "fetch-$2" debian_apt "$dir" download "$2" &&
      dpkg-deb -x "$2"_*.deb unpacked && mkdir -p "${4%/*}" && mapfile -t found < <(find unpacked -path "$3" -type f) &&
      install -m 755 "${found[@]}" "$4"
  ) || status=$?
  rm -rf "$dir"
  return "$status"
}
