#!/bin/sh
# Installs the Debian packages that building Inkling needs, those that are missing and no others.
#
# usage: third_party/install_packages.sh GROUP...     groups: build test arm wasm tidy fuzz python node docs
# Called by tests/run.sh and examples/quickstart.sh. On a system without apt it only says what must be there.
set -eu

case "${1:-}" in -h|--help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;; esac

wanted=""
for group in "$@"; do
  case "$group" in
    build) wanted="$wanted g++ cmake ninja-build ccache git xz-utils python3 nlohmann-json3-dev libcli11-dev libedit-dev libxxhash-dev libcpp-httplib-dev" ;;
    test) wanted="$wanted libgtest-dev libgmock-dev libbenchmark-dev valgrind python3-jsonschema"
      # What apps may have a copy of beside Inkling (tests/install_consumer).
      wanted="$wanted libxnnpack-dev libpthreadpool-dev libabsl-dev libhwy-dev libflatbuffers-dev" ;;
    arm) wanted="$wanted g++-aarch64-linux-gnu qemu-user googletest" ;;
    wasm) wanted="$wanted emscripten nodejs googletest" ;;
    tidy) wanted="$wanted clang-tidy-16 clang-format" ;;  # Debian 12's default, 14, can't read abseil as C++20
    fuzz) wanted="$wanted clang-16 libclang-rt-16-dev googletest" ;;  # 14 can't compile abseil as C++20
    python) wanted="$wanted python3-venv" ;;
    node) wanted="$wanted nodejs npm" ;;
    docs) wanted="$wanted doxygen python3" ;;
    *) echo "install_packages.sh: unknown group '$group' (build test arm wasm tidy fuzz python node docs)" >&2; exit 2 ;;
  esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  for program in c++ cmake; do
    command -v "$program" >/dev/null || { echo "install_packages: '$program' is missing, and this is no Debian system to install it on" >&2; exit 1; }
  done
  exit 0
fi

missing=""
for package in $wanted; do
  case " $missing " in *" $package "*) continue ;; esac
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "install_packages: installing$missing"
as_root=""
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "install_packages: not root and no sudo; please install:$missing" >&2; exit 1; }
  as_root="sudo"
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086  # the list is meant to split
if ! $as_root apt-get install -y --no-install-recommends $missing > "$log" 2>&1; then
  # The package lists may be missing or old: refresh them once and try again.
  if ! { $as_root apt-get update && $as_root apt-get install -y --no-install-recommends $missing; } > "$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "install_packages: apt-get could not install$missing" >&2
    exit 1
  fi
fi
