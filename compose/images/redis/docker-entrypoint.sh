#!/bin/sh
# The official image is built without protected mode; Debian's package has it on.
set -eu
case "${1:-}" in
  -*) set -- redis-server "$@" ;;
esac
if [ "$1" = redis-server ]; then set -- "$@" --protected-mode no; fi
exec "$@"
