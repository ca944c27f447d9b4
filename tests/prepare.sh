#!/usr/bin/env bash
# Gets what tests use and wheels cannot bring; `make test` calls it first.
#
# As root on Debian: the packages of the programs that are missing. No daemon is started by that, now or at boot:
# tests start servers of their own. Anywhere else it does nothing, says nothing, and the tests that need such a program
# are skipped, with the command that gets it. It never fails: what could not be installed is said, and skipped too.
set -uo pipefail

# program:package:service; the first program that is there will do
NEEDED=(
  "openssl:openssl:"
  "curl:curl:"
  "ip:iproute2:"
  "chromium chromium-browser google-chrome google-chrome-stable:chromium:"
  "redis-server:redis-server:redis-server"
  "mariadbd:mariadb-server-core:"
  "rabbitmq-server:rabbitmq-server:rabbitmq-server"
)
ROOT=${PREPARE_ROOT:-} # another place for the files below, for the test of this script
POLICY=$ROOT/usr/sbin/policy-rc.d
KEPT=$POLICY.kept-by-mcp-harness

is_ours_to_do() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && grep -qs '^ID=debian$' "$ROOT/etc/os-release"
}

missing() {
  local entry program programs package service
  for entry in "${NEEDED[@]}"; do
    IFS=: read -r programs package service <<<"$entry"
    for program in $programs; do
      command -v "$program" >/dev/null && continue 2
    done
    echo "$package"
  done
}

# What Debian asks before a package may start its service. One that denies already is left alone.
deny_starts() {
  if [ -x "$POLICY" ]; then
    "$POLICY" redis-server start >/dev/null 2>&1
    [ $? = 101 ] && [ ! -e "$KEPT" ] && ! is_our_policy && return
  fi
  allow_starts # what an earlier one left that was killed
  [ -e "$POLICY" ] && mv "$POLICY" "$KEPT"
  printf '#!/bin/sh\n# mcp-harness: tests/prepare.sh is installing\nexit 101\n' >"$POLICY"
  chmod 755 "$POLICY"
}

is_our_policy() {
  grep -qs '^# mcp-harness: ' "$POLICY"
}

allow_starts() {
  is_our_policy && rm -f "$POLICY"
  [ -e "$KEPT" ] && mv "$KEPT" "$POLICY"
  return 0
}

apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
    -o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 "$@" >>"$LOG" 2>&1 9>&-
}

fetch() {
  apt install -y --no-install-recommends "$@"
}

keep_from_boot() {
  local entry programs package service
  for entry in "${NEEDED[@]}"; do
    IFS=: read -r programs package service <<<"$entry"
    [[ -n "$service" && " $* " == *" $package "* ]] && update-rc.d "$service" disable >>"$LOG" 2>&1
  done
  if [[ " $* " == *" rabbitmq-server "* ]] && command -v systemctl >/dev/null; then
    systemctl disable epmd.service epmd.socket >>"$LOG" 2>&1 # Erlang's directory of nodes
  fi
}

main() {
  is_ours_to_do || return 0
  PATH=$PATH:/usr/sbin:/sbin
  [ -n "$(missing)" ] || return 0

  exec 9>"$ROOT/run/lock/mcp-harness-prepare" # another `make test` may be at it
  flock -w 900 9
  local wanted left package
  mapfile -t wanted < <(missing)
  [ ${#wanted[@]} -gt 0 ] || return 0

  LOG=$(mktemp)
  trap 'allow_starts; rm -f "$LOG"' EXIT
  trap 'exit 130' INT TERM HUP
  deny_starts
  echo "Installing with apt-get, for the tests: ${wanted[*]}"
  apt update
  if ! fetch "${wanted[@]}"; then
    for package in "${wanted[@]}"; do # one that cannot be had keeps none of the others away
      fetch "$package"
    done
  fi
  keep_from_boot "${wanted[@]}"

  mapfile -t left < <(missing)
  [ ${#left[@]} -gt 0 ] || return 0
  echo "apt-get could not install ${left[*]}; the tests that need them will be skipped. Its last words:"
  tail -n 5 "$LOG" | sed 's/^/  /'
  echo "To see all of it: apt-get update && apt-get install --no-install-recommends ${left[*]}"
}

main
exit 0
