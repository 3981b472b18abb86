# shellcheck shell=bash
# shellcheck disable=SC2154 # names are shared by the files that setup.sh brings together
# The VS Code extension in vscode/: its checks need nothing but Node and its own packages.

editor_sources="$repo/vscode"

# editor_packages: whether its checks can run. Its packages are fetched when those that it names have changed.
editor_packages() {
  local wanted
  node_serves || return 1
  wanted=$(sha256sum "$editor_sources/package-lock.json" | cut -c1-16)
  if [[ $(cat "$editor_sources/node_modules/.fetched" 2>/dev/null) == "$wanted" ]]; then return; fi
  logged editor-packages npm --prefix "$editor_sources" ci --no-audit --no-fund || return 1
  printf '%s\n' "$wanted" >"$editor_sources/node_modules/.fetched"
}
