# shellcheck shell=bash
# shellcheck disable=SC2154 # names are shared by the files that setup.sh brings together
# The language server with which editors check YAML, for tests of the manifests' schema (tests/editor).

# ensure_editor: where npm is; without it these tests say that they are skipped.
ensure_editor() {
  local folder=$repo/tests/editor
  if [[ -d $folder/node_modules && ! $folder/package-lock.json -nt $folder/node_modules ]]; then return; fi
  node_serves || return 0
  if logged editor-packages npm --prefix "$folder" ci --no-audit --no-fund; then
    touch "$folder/node_modules"
  else
    say 'no yaml-language-server: its packages could not be fetched; all else works'
  fi
}
