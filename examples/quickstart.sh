#!/bin/sh
# From a fresh clone to a streamed story: builds the programs, converts the shipped model to int4, runs it.
#
# usage: examples/quickstart.sh [PROMPT]      (default: the beginning of a story)
# The first run builds the pinned dependencies and the programs (about four minutes on two cores); later runs take seconds.
set -eu

case "${1:-}" in -h|--help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
prompt=${1:-"Once upon a time"}
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
checkpoint=examples/models/inkling-tiny
build=build/release
model=$build/inkling-tiny.int4.tflite

step=""
start() { step=$1; printf '\n== %s\n' "$step"; }
trap 'code=$?; [ $code -eq 0 ] || printf "\nquickstart.sh: FAILED while: %s (exit %s)\n" "$step" "$code" >&2' EXIT

start "installing missing packages"
third_party/install_packages.sh build

start "fetching third-party sources"
third_party/get_sources.sh || echo "quickstart.sh: not from the package archive; CMake will fetch what is missing from upstream"

start "configuring (the first time builds the dependencies: about a minute on two quiet cores)"
generator=""
tests=""
if [ ! -f "$build/CMakeCache.txt" ]; then
  tests="-DINKLING_BUILD_TESTS=OFF -DINKLING_BUILD_BENCHMARKS=OFF"  # a tree that tests/run.sh made keeps its tests
  if command -v ninja >/dev/null; then generator="-G Ninja"; fi
fi
# shellcheck disable=SC2086
cmake --preset release $generator $tests

start "building the programs"
cmake --build "$build" --parallel "$(nproc 2>/dev/null || sysctl -n hw.ncpu)" --target inkling-convert inkling-run

start "converting $checkpoint to int4"
"$build/bin/inkling-convert" "$checkpoint" "$model" --weights=int4

start "running it"
# A small model keeps its thread better when it is not too adventurous.
"$build/bin/inkling-run" --model "$model" --prompt "$prompt" --temperature=0.4 --max-new-tokens=200 --stats
