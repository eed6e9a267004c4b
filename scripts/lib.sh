# shellcheck shell=bash
# Shared by these scripts and .ci/run: named and timed steps, and commands that can be stopped together with their child
# processes.

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

# The process group of the running command.
child=

# Runs a command in its own process group, so that it stops with all child processes, and returns its exit status.
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

# Stops the running command and its child processes: SIGTERM, then SIGKILL after ten seconds.
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

# Turns SIGHUP, SIGINT and SIGTERM into an exit, so that the EXIT trap cleans up.
exit_on_signals() {
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

# Where to keep data that may be lost: TMPDIR, or /dev/shm if it has 4 GiB free, or /tmp.
scratch_parent() {
  local parent=/tmp memory_kib
  memory_kib=$(df --output=avail /dev/shm 2>/dev/null | tail -n 1 || true)
  if ((${memory_kib:-0} >= 4 * 1024 * 1024)); then parent=/dev/shm; fi
  printf '%s' "${TMPDIR:-$parent}"
}

# Formats a number of seconds.
spent() {
  if (($1 >= 60)); then printf '%d min %02d s' $(($1 / 60)) $(($1 % 60)); else printf '%d s' "$1"; fi
}

# The running step, for the message of a failed script.
step=

# Runs a named step; the first failing step ends the script. Do not call it within `if` or `||`: there bash continues a
# function after a failing command.
step() {
  step=$1
  local begun=$SECONDS
  printf '\n==> %s\n' "$step"
  run_group "${@:2}"
  printf '<== %s: %s\n' "$step" "$(spent $((SECONDS - begun)))"
  step=
}
