#!/bin/sh
# Runs every libFuzzer target of a build for some seconds over its corpus; a crash, leak, hang or runaway memory fails.
#
# usage: tests/fuzz/run_targets.sh BUILD_FOLDER SECONDS [PARSER...]
# Called by tests/run.sh --fuzz. What a run discovers stays in BUILD_FOLDER/fuzz/corpus, where the next one goes on. An
# input that fails lies in BUILD_FOLDER/fuzz/findings: it belongs into tests/fuzz/corpus/PARSER with the mend.
set -eu

case "${1:-}" in -h|--help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
[ $# -ge 2 ] || { sed -n '4p' "$0" >&2; exit 2; }
build=$(cd "$1" && pwd)
seconds=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
findings="$build/fuzz/findings"
mkdir -p "$findings"

"$build/tests/fuzz_seeds" "$build/tests/fuzz/seeds"
if [ $# -eq 0 ]; then
  for target in "$build"/fuzz/*_fuzz; do set -- "$@" "$(basename "$target" _fuzz)"; done
fi
failed=""
for parser in "$@"; do
  corpus="$build/fuzz/corpus/$parser"
  mkdir -p "$corpus"
  seeds="$build/tests/fuzz/seeds/$parser"
  [ ! -d "$here/corpus/$parser" ] || seeds="$seeds $here/corpus/$parser"
  # shellcheck disable=SC2086  # a list of folders without blanks
  if "$build/fuzz/${parser}_fuzz" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=1024 -max_len=65536 \
      -print_final_stats=1 -artifact_prefix="$findings/$parser-" "$corpus" $seeds > "$findings/$parser.log" 2>&1; then
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$findings/$parser.log")
    echo "$parser: $runs inputs in $seconds s, nothing found"
  else
    failed="$failed $parser"
    tail -n 40 "$findings/$parser.log"
    echo "$parser: FAILED, log and input in $findings"
  fi
done
[ -z "$failed" ] || { echo "run_targets.sh: findings in:$failed" >&2; exit 1; }
