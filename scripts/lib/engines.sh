# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # names are shared by the files that setup.sh brings together
# The tests on two engines at once: `first` is the machine's own, `newer` is ours.

results=''               # the folder of this run's JUnit files
tested=()                # ENGINE API COMPOSE FILE of each run, as engines.py wants them
declare -A runs=() logs=() # of the tests in the background: process and log, by engine

# open_engines: the newer engine runs; where it cannot, one line says so, and the tests go on without it.
open_engines() {
  results=$(mktemp -d)
  trap close_engines EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  alone ensure_newer
  if [[ -z $no_newer ]]; then start_newer; fi
  if [[ -n $no_newer ]]; then tell_no_newer; fi
}

tell_no_newer() { printf '\n%s\n' "!!! THE ENGINE TESTS DO NOT RUN ON A SECOND, NEWER ENGINE: $no_newer" >&2; }

close_engines() {
  local name
  for name in "${!runs[@]}"; do
    kill "${runs[$name]}" 2>/dev/null || true
    wait "${runs[$name]}" || true
  done
  stop_newer
  rm -rf "$results"
}

# note_engine NAME [COMMAND…]: the tests of NAME run on the engine that COMMAND leads to.
note_engine() {
  local name=$1 server
  shift
  server=$("$@" docker version -f '{{.Server.Version}} {{.Server.APIVersion}}')
  tested+=("${server% *}" "${server#* }" "$("$@" docker compose version --short)" "$results/$name.xml")
}

# begin_tests NAME WORKERS MARKS ARGUMENT…: pytest in the background, on that engine.
begin_tests() {
  local name=$1 lead=() without=()
  if [[ $name == newer ]]; then
    lead=("${in_newer[@]}")
    # The sample stack says nothing about an engine, and its images are large.
    without=(
      --deselect tests/engine/test_sample_by_hand.py
      --deselect tests/engine/scenarios/test_monitoring.py
    )
  fi
  note_engine "$name" "${lead[@]}"
  logs[$name]="$log_dir/tests-$name-engine.log"
  say "tests on Engine ${tested[-4]} with Compose ${tested[-2]}, see ${logs[$name]}"
  # What a script starts in the background ignores Ctrl-C, and so would the commands that the tests interrupt.
  env --default-signal=INT,QUIT "${lead[@]}" "$venv/bin/python" -m pytest -v -n "$2" --dist worksteal \
    --junitxml "$results/$name.xml" "${without[@]}" -m "$3" "${@:4}" </dev/null >"${logs[$name]}" 2>&1 &
  runs[$name]=$!
}

# end_tests NAME: waits for them; false where they failed, after the end of their log.
end_tests() {
  local status=0
  wait "${runs[$1]}" || status=$?
  unset "runs[$1]"
  # 5: the arguments select none of them.
  if ((status == 0 || status == 5)); then return; fi
  printf '%s\n' "--- the last lines of ${logs[$1]}:" >&2
  tail -n 20 "${logs[$1]}" >&2
  return 1
}

# show_engines: a line for each engine; false where tests failed on one.
show_engines() { "$venv/bin/python" "$repo/scripts/lib/engines.py" "${tested[@]}"; }
