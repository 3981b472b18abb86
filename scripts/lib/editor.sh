# shellcheck shell=bash
# shellcheck disable=SC2154 # names are shared by the files that setup.sh brings together
# The VS Code extension in vscode/, and the language server with which editors check YAML (tests/editor).

# node_packages FOLDER: what its lock file names, fetched where that has changed. Whether it is there now.
node_packages() {
  local folder=$repo/$1 wanted
  node_serves || return 1
  wanted=$(sha256sum "$folder/package-lock.json" | cut -c1-16)
  if [[ $(cat "$folder/node_modules/.fetched" 2>/dev/null) == "$wanted" ]]; then return; fi
  logged "packages-${1//\//-}" npm --prefix "$folder" ci --no-audit --no-fund || return 1
  printf '%s\n' "$wanted" >"$folder/node_modules/.fetched"
}

# ensure_editor: where npm is; without it what needs them says that it is skipped.
ensure_editor() {
  node_serves || return 0
  node_packages tests/editor || say 'no yaml-language-server: its packages could not be fetched; all else works'
}
