# shellcheck shell=bash
# shellcheck disable=SC2154 # names are shared by the files that setup.sh brings together
# A browser for the tests of the dashboard.

# ensure_browser: Chromium from the distribution, where none is here and it can be had. Without one those tests are
# left out, and say so.
ensure_browser() {
  if have chromium || have chromium-browser || have google-chrome; then return; fi
  if is_root && is_debian_like; then
    say 'installing Chromium from the distribution, for the tests of the dashboard'
    install_packages chromium
  else
    say 'no Chromium is here: the tests of the dashboard in a browser are left out'
  fi
}
