#!/bin/sh
# Fetches TensorFlow Lite's own schema_generated.h, with which a test reads our model files as a
# stranger would. Only that test needs it; without it the test is skipped.
#
# usage: third_party/get_tflite_schema.sh [DEST]
#        (default: ${XDG_CACHE_HOME:-~/.cache}/inkling/tflite-schema, where CMake looks)
#
# The header is in Debian's package libtensorflow-lite-dev (Apache-2.0), made with the flatbuffers
# version that we use. A private apt configuration in a temporary folder asks the machine's own
# archive for it; the system's apt configuration is never touched. A second run costs nothing.
set -eu

package=libtensorflow-lite-dev
version_prefix=2.14.1
suite=sid
# Of schema_generated.h itself, so that a rebuilt package with the same sources still serves.
sha256=9b0f30c474115e85430444751882888dc54ca6eaac4151dc0327ef813970dda7

case "${1:-}" in
  -h|--help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
  -*) echo "get_tflite_schema.sh: unknown option '$1'; see --help" >&2; exit 2 ;;
esac
dest=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/inkling/tflite-schema}
header=$dest/schema_generated.h

fail() { printf '%s\n' "get_tflite_schema: $*" >&2; exit 1; }

if [ -f "$header" ]; then exit 0; fi
command -v apt-get >/dev/null || fail "this machine has no apt-get"
command -v dpkg-deb >/dev/null || fail "this machine has no dpkg-deb"

# The main archive among the machine's apt sources, in either of apt's two formats.
uri=$({
  cat /etc/apt/sources.list.d/*.sources 2>/dev/null | sed -n 's/^URIs:[[:space:]]*//p' | tr ' ' '\n'
  cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
    sed -n 's/^deb[[:space:]]\{1,\}\(\[[^]]*\][[:space:]]*\)\{0,1\}\([^[:space:]]*\).*/\2/p'
} | grep '/debian/*$' | head -n 1 || true)
[ -n "$uri" ] || fail "found no Debian archive in this machine's apt sources"

mkdir -p "$dest"
work=$(mktemp -d "$dest/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
echo "deb $uri $suite main" > "$work/sources.list"

private_apt() {
  apt-get -qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" \
    -o Acquire::Check-Valid-Until=false -o APT::Sandbox::User="$(id -un)" \
    -o Debug::NoLocking=true "$@"
}

private_apt update > "$work/log" 2>&1 || { cat "$work/log" >&2; fail "the package archive can't be read"; }
(cd "$work" && private_apt download "$package") > "$work/log" 2>&1 ||
  { cat "$work/log" >&2; fail "could not download $package"; }
archive=$(find "$work" -maxdepth 1 -name "${package}_${version_prefix}*.deb" | head -n 1)
[ -n "$archive" ] || fail "expected $package $version_prefix in $suite, found another version"
dpkg-deb -x "$archive" "$work/unpacked"
found=$(find "$work/unpacked" -name schema_generated.h | head -n 1)
[ -n "$found" ] || fail "$package has no schema_generated.h"
echo "$sha256  $found" | sha256sum -c --quiet - || fail "schema_generated.h is not the one expected"
mv "$found" "$header"
echo "get_tflite_schema: $header"
