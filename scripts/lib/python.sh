# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # names are shared by the files that setup.sh brings together
# The project's own Python environment in .venv, exactly as the lock files say.

venv="$repo/.venv"

# ensure_python runtime|dev: nothing to do when the environment was made from the very same locks.
ensure_python() {
  local lock="$repo/requirements.lock" wanted
  if [[ $1 == dev ]]; then lock="$repo/requirements-dev.lock"; fi
  wanted=$(cat "$repo"/requirements*.lock "$repo/pyproject.toml" | sha256sum | cut -c1-16)
  # The development packages hold the runtime's.
  if ! grep -qsxE "(dev|$1) $wanted" "$venv/.locked" || ! "$venv/bin/python" -c 'import controller' 2>/dev/null; then
    say "setting up the Python environment in .venv ($1)"
    # A checkout that was moved has an environment whose interpreter is gone.
    if ! "$venv/bin/python" -c '' 2>/dev/null; then make_venv; fi
    install_locked "$lock"
    printf '%s %s\n' "$1" "$wanted" >"$venv/.locked"
  fi
  # Where bytecode is not written on import, every start would compile us anew.
  "$venv/bin/python" -m compileall -q "$repo/controller" || die "the package does not compile"
}

install_locked() {
  local pip=("$venv/bin/python" -m pip --disable-pip-version-check)
  if have uv; then pip=(env "VIRTUAL_ENV=$venv" uv pip); fi
  logged packages "${pip[@]}" install --require-hashes -r "$1" ||
    die "the locked Python packages could not be installed" "is the package index reachable? see $log_dir/packages.log"
  # The build backend came with the lock: nothing is fetched here.
  logged project "${pip[@]}" install --no-build-isolation --no-deps --editable "$repo" ||
    die "the project could not be installed into .venv" "see $log_dir/project.log"
}

make_venv() {
  local python
  rm -rf "$venv"
  if have uv; then
    logged venv uv venv --seed --python '>=3.11' "$venv" || die "uv could not make a Python environment" "see $log_dir/venv.log"
    return
  fi
  python=$(find_python) || { install_python && python=$(find_python); } ||
    die "no Python 3.11 or newer" "install one, for instance: sudo apt-get install python3 python3-venv"
  logged venv "$python" -m venv "$venv" && return
  # Debian keeps `ensurepip` in a package of its own.
  rm -rf "$venv"
  install_python && logged venv "$python" -m venv "$venv" && return
  rm -rf "$venv"
  die "$python cannot make virtual environments" "sudo apt-get install python3-venv"
}

find_python() {
  local name
  for name in python3 python3.14 python3.13 python3.12 python3.11; do
    if have "$name" && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  return 1
}

install_python() {
  if ! is_root || ! is_debian_like; then return 1; fi
  say "installing Python from the distribution"
  install_packages python3 python3-venv
}
