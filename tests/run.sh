#!/bin/sh
# Builds Inkling and runs its tests, from a bare machine: installs what is missing, fetches what is pinned, says each step.
#
# usage: tests/run.sh [options] [-- CTEST_ARGUMENTS...]
#   (none)     the release build, all tests
#   --shared   also with libinkling as a shared library
#   --asan     also under AddressSanitizer and LeakSanitizer
#   --ubsan    also under UndefinedBehaviorSanitizer; with --asan, both in one build
#   --tsan     also under ThreadSanitizer: tests of all that has threads
#   --arm      also cross-compiled for 64-bit Arm: tests of all that computes, under qemu as three CPUs
#   --wasm     also for WebAssembly with SIMD and threads, run under node
#   --tidy     also clang-tidy over the sources
#   --docs     also the reference of both APIs, as HTML in build/reference/html, with warnings as errors
#   --transformers  also the tests that compare with Hugging Face's transformers, PyTorch and gguf, which are otherwise
#              skipped: installs those from Python's package index into a folder of their own (6 GB) in Inkling's cache
#   --openai   also OpenAI's Python and JavaScript clients against inkling-serve, which are otherwise skipped: installs them from
#              the package indexes of both languages (and node, npm) into folders of their own in Inkling's cache
#   --jsonschema  also the JSON-Schema-Test-Suite's cases, and answers against Python's jsonschema, which are otherwise skipped
#              or fewer: installs that package, whose source holds the suite, into folders of their own in Inkling's cache
#   --fuzz[=N] also every fuzz target (tests/fuzz) for N seconds, 20 by default, built with Clang 16
#   --only     what other options add, without the release build and its tests
#   --werror   compiler warnings in Inkling's sources are errors
#   --help     this text
# Examples: tests/run.sh --asan -- -R tokenizer
#           tests/run.sh --only --tidy
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
usage() { sed -n '4,25s/^# \{0,1\}//p' "$0"; }

presets=release
groups="build test"
tidy=no
docs=no
fuzz=0
arm=no
tsan=no
only=no
oracle=no
openai=no
jsonschema=no
asan=no
ubsan=no
werror=OFF
while [ $# -gt 0 ]; do
  case "$1" in
    --shared) presets="$presets shared" ;;
    --asan) asan=yes ;;
    --ubsan) ubsan=yes ;;
    --tsan) tsan=yes ;;
    --arm) arm=yes; groups="$groups arm" ;;
    --wasm) presets="$presets wasm"; groups="$groups wasm" ;;
    --fuzz) fuzz=20; groups="$groups fuzz" ;;
    --fuzz=*[!0-9]*|--fuzz=|--fuzz=0) echo "run.sh: expected --fuzz=SECONDS, found '$1'" >&2; exit 2 ;;
    --fuzz=*) fuzz=${1#--fuzz=}; groups="$groups fuzz" ;;
    --tidy) tidy=yes; groups="$groups tidy" ;;
    --docs) docs=yes; groups="$groups docs" ;;
    --transformers) oracle=yes; groups="$groups python" ;;
    --openai) openai=yes; groups="$groups python"; command -v npm >/dev/null || groups="$groups node" ;;
    --jsonschema) jsonschema=yes; groups="$groups python" ;;
    --only) only=yes ;;
    --werror) werror=ON ;;
    -h|--help) usage; exit 0 ;;
    --) shift; break ;;
    *) echo "run.sh: unknown option '$1'" >&2; usage >&2; exit 2 ;;
  esac
  shift
done

case "$asan$ubsan" in
  yesyes) presets="$presets asan-ubsan" ;;
  yesno) presets="$presets asan" ;;
  noyes) presets="$presets ubsan" ;;
esac
if [ "$only" = yes ]; then
  if [ "$oracle$openai$jsonschema" != nonono ]; then echo "run.sh: --transformers, --openai and --jsonschema are about the release build's tests, which --only leaves out" >&2; exit 2; fi
  presets=${presets#release}
  case "$presets$tsan$arm$tidy$docs$fuzz" in
    nononono0) echo "run.sh: --only leaves nothing to do; expected another option with it (--tidy, --arm, ...)" >&2; exit 2 ;;
  esac
fi

cd "$root"
step=""
start() { step=$1; printf '\n== %s\n' "$step"; }
trap 'code=$?; [ $code -eq 0 ] || printf "\nrun.sh: FAILED while: %s (exit %s)\n" "$step" "$code" >&2' EXIT

start "installing missing packages"
# shellcheck disable=SC2086  # a list of groups
third_party/install_packages.sh $groups

start "fetching third-party sources"
third_party/get_sources.sh || echo "run.sh: not from the package archive; CMake will fetch what is missing from upstream"

start "fetching TensorFlow Lite's schema, with which a test reads our files"
third_party/get_tflite_schema.sh || echo "run.sh: without it, tflite_reader_test is skipped"

python=""
environment=${XDG_CACHE_HOME:-$HOME/.cache}/inkling/python
install_python_packages() {
  [ -x "$environment/bin/python" ] || python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check -r "$1"
  python="-DPython3_EXECUTABLE=$environment/bin/python"
}
if [ "$openai" = yes ]; then
  start "installing OpenAI's Python and JavaScript clients"
  install_python_packages tests/programs/openai_requirements.txt
  # The newest for node 18, which is Debian 12's.
  npm install --silent --no-audit --no-fund --prefix "${XDG_CACHE_HOME:-$HOME/.cache}/inkling/node" openai@4.104.0
fi
if [ "$jsonschema" = yes ]; then
  start "installing Python's jsonschema, and fetching the test suite that its source holds"
  install_python_packages tests/structured/jsonschema_requirements.txt
  suite=${XDG_CACHE_HOME:-$HOME/.cache}/inkling/json-schema-test-suite
  if [ ! -d "$suite/tests" ]; then
    fetched=$(mktemp -d)
    "$environment/bin/pip" download --quiet --disable-pip-version-check --no-deps --no-binary jsonschema --dest "$fetched" \
      -r tests/structured/jsonschema_requirements.txt
    tar -xzf "$fetched"/jsonschema-*.tar.gz -C "$fetched"
    rm -rf "$suite" && mv "$fetched"/jsonschema-*/json "$suite" && rm -rf "$fetched"
  fi
fi
if [ "$oracle" = yes ]; then
  start "installing transformers and what it needs (its first time: some minutes)"
  install_python_packages tests/converter/transformers_requirements.txt
fi

# Ninja where it is installed, unless the folder is configured already.
generator_for() {
  if command -v ninja >/dev/null && [ ! -f "build/$1/CMakeCache.txt" ]; then echo "-G Ninja"; fi
}

jobs=$(nproc 2>/dev/null || sysctl -n hw.ncpu)
for preset in $presets; do
  start "configuring $preset (its first time builds the dependencies: several minutes)"
  # shellcheck disable=SC2046,SC2086  # no option, or one without blanks
  cmake --preset "$preset" $(generator_for "$preset") -DINKLING_BUILD_TESTS=ON -DINKLING_WARNINGS_AS_ERRORS=$werror $python

  start "building $preset"
  cmake --build "build/$preset" --parallel "$jobs"

  start "testing $preset"
  ctest --test-dir "build/$preset" --output-on-failure --parallel "$jobs" "$@"
done

# shellcheck disable=SC2086  # a list of programs
any_of() { printf '^(%s)\\.' "$(echo $1 | tr ' ' '|')"; }

# Parsers, text and kernels start no threads, and would take ten times as long to show nothing.
if [ "$tsan" = yes ]; then
  threaded="$(cd tests && ls compute/*_test.cc decoder/*_test.cc session/*_test.cc | sed 's|.*/||; s|\.cc$||') golden_test convert_test"
  start "configuring tsan (its first time builds the dependencies: ten minutes)"
  # shellcheck disable=SC2046
  cmake --preset tsan $(generator_for tsan) -DINKLING_BUILD_TESTS=ON -DINKLING_WARNINGS_AS_ERRORS=$werror
  start "building tsan"
  # shellcheck disable=SC2086
  cmake --build build/tsan --parallel "$jobs" --target $threaded
  start "testing tsan"
  ctest --test-dir build/tsan --output-on-failure --parallel "$jobs" -R "$(any_of "$threaded")" "$@"
fi

# CPUs with I8MM, with dot product only and with neither run different kernels. qemu is slow: what computes is tested as
# each of them, what else depends on threads or on the instruction set as the first; parsers and text are the same as here.
if [ "$arm" = yes ]; then
  computing="$(cd tests/kernels && ls ./*_test.cc | sed 's|^./||; s|_test.cc$|_kernel_test|') linear_test dequantized_matmul_test golden_test
    decoder_reference_test decoder_property_test llm_session_test"
  others="packed_weights_test embedding_table_test thread_pool_test float_environment_test host_floats_test process_fork_test fork_test kv_cache_test decoder_error_test quantization_test"
  failed=""
  for cpu in max cortex-a76 cortex-a72; do
    start "configuring arm64 for qemu's $cpu (the first time builds the dependencies: several minutes)"
    # shellcheck disable=SC2046
    cmake --preset arm64 $(generator_for arm64) -DINKLING_BUILD_TESTS=ON -DINKLING_WARNINGS_AS_ERRORS=$werror "-DINKLING_QEMU_CPU=$cpu"
    start "building arm64"
    # shellcheck disable=SC2086
    cmake --build build/arm64 --parallel "$jobs" --target $computing $others counted_passes
    tests=$(any_of "$computing")
    if [ "$cpu" = max ]; then tests="$(any_of "$computing $others")|^instruction_counts$"; fi
    start "testing arm64 as $cpu"
    ctest --test-dir build/arm64 --output-on-failure --parallel "$jobs" -R "$tests" "$@" || failed="$failed $cpu"
  done
  start "testing arm64 as$failed"
  [ -z "$failed" ]
fi

if [ "$fuzz" -gt 0 ]; then
  start "configuring fuzz (its first time builds the dependencies: several minutes)"
  # shellcheck disable=SC2046
  cmake --preset fuzz $(generator_for fuzz) -DINKLING_BUILD_TESTS=ON
  start "building fuzz"
  cmake --build build/fuzz --target fuzz_targets --parallel "$jobs"
  start "fuzzing, $fuzz s each target"
  tests/fuzz/run_targets.sh build/fuzz "$fuzz"
fi

if [ "$tidy" = yes ]; then
  start "configuring tidy: the compiler's commands without GCC's precompiled headers"
  # shellcheck disable=SC2046
  cmake --preset tidy $(generator_for tidy)
  cmake --build build/tidy --target inkling_generated_headers
  start "clang-tidy (its first time takes about ten seconds a file and core)"
  # shellcheck disable=SC2046  # tracked file names hold no blanks (house_rules_test.py)
  tests/clang_tidy.py build/tidy "$jobs" $(git ls-files 'src/*.cc' 'kernels/*.cc' 'converter/*.cc' 'examples/*.cc')
fi

if [ "$docs" = yes ]; then
  start "making the reference of both APIs"
  examples/reference/make_reference.sh
fi
