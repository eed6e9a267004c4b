# shellcheck shell=bash
# Shared by the scripts beside it and by .ci/run: steps that are named and timed, and commands that can be stopped
# together with everything they started.

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

# The command that is running now, as the leader of a process group of its own.
child=

# Runs a command and returns its exit status. Being a group of its own, it ends as a whole when the script is stopped.
run_group() {
  local status=0
  set -m
  "$@" </dev/null &
  child=$!
  set +m
  wait "$child" || status=$?
  child=
  return "$status"
}

# Ends the running command and what it started: politely, and after ten seconds for certain.
stop_group() {
  [[ -n $child ]] || return 0
  local group=$child tenths
  child=
  kill -TERM -- "-$group" 2>/dev/null || return 0
  for ((tenths = 0; tenths < 100; tenths++)); do
    kill -0 -- "-$group" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL -- "-$group" 2>/dev/null || true
}

# Turns the usual signals into an ordinary exit, so that the EXIT trap cleans up after them too.
exit_on_signals() {
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

# Seconds as people say them.
spent() {
  if (($1 >= 60)); then printf '%d min %02d s' $(($1 / 60)) $(($1 % 60)); else printf '%d s' "$1"; fi
}

# The step that is running, for the last line of a script that fails.
step=

# Runs one named step; the script ends with the first that fails. Nothing may stand around the call, neither `if` nor `||`:
# within those bash would let a function run on after its failing command.
step() {
  step=$1
  local begun=$SECONDS
  printf '\n==> %s\n' "$step"
  run_group "${@:2}"
  printf '<== %s: %s\n' "$step" "$(spent $((SECONDS - begun)))"
  step=
}
