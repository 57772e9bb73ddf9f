#!/bin/sh
# Fetches the pinned third-party sources through this machine's Debian package archive, for machines without internet.
#
# usage: third_party/get_sources.sh [DEST]      (default: ${XDG_CACHE_HOME:-~/.cache}/inkling/sources, where CMake looks)
#
# The versions and checksums come from pins.cmake. The archive's address comes from this machine's own apt sources; a
# private apt configuration in a temporary folder asks it for the suites that hold the pinned versions, and the
# system's apt configuration is never touched. What is already there is kept, so a second run costs nothing.
# A machine that reaches github.com doesn't need this script: CMake fetches the same commits by itself.
set -eu

case "${1:-}" in
  -h|--help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
  -*) echo "get_sources.sh: unknown option '$1'; see --help" >&2; exit 2 ;;
esac
here=$(cd "$(dirname "$0")" && pwd)
dest=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/inkling/sources}
suites="trixie sid"  # those whose source packages hold the pinned versions

say() { printf '%s\n' "get_sources: $*"; }
fail() { printf '%s\n' "get_sources: $*" >&2; exit 1; }

# name, commit, Debian source package, its version, SHA-256: one pin per line, those without a source package left out.
pins() {
  sed -n 's/^inkling_pin(\(.*\))$/\1/p' "$here/pins.cmake" | while read -r name _ commit package version sha256; do
    if [ "$package" != - ]; then echo "$name $commit $package $version $sha256"; fi
  done
}

# The folder of a pin under DEST; dependencies.cmake builds the same name.
folder_of() { printf '%s' "$1-$(printf '%.12s' "$2")"; }

missing=$(pins | while read -r name commit package version sha256; do
  if [ ! -f "$dest/$(folder_of "$name" "$commit")/.complete" ]; then
    echo "$name $commit $package $version $sha256"
  fi
done)
if [ -z "$missing" ]; then
  say "all sources are in $dest"
  exit 0
fi

command -v apt-get >/dev/null || fail "this machine has no apt-get; on a machine with internet CMake fetches the sources from upstream by itself"
helper=/usr/lib/apt/apt-helper
[ -x "$helper" ] || fail "$helper is missing (part of the package 'apt')"
command -v xz >/dev/null || fail "xz is missing; install the package 'xz-utils'"

# The main archive among the machine's apt sources, in either of apt's two formats; security archives don't have these suites.
archive_uri() {
  {
    cat /etc/apt/sources.list.d/*.sources 2>/dev/null | sed -n 's/^URIs:[[:space:]]*//p' | tr ' ' '\n'
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
      sed -n 's/^deb[[:space:]]\{1,\}\(\[[^]]*\][[:space:]]*\)\{0,1\}\([^[:space:]]*\).*/\2/p'
  } | grep '/debian/*$' | head -n 1
}
uri=$(archive_uri || true)
[ -n "$uri" ] || fail "found no Debian archive in this machine's apt sources; on a machine with internet CMake fetches the sources from upstream by itself"

mkdir -p "$dest"
work=$(mktemp -d "$dest/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
for suite in $suites; do
  echo "deb-src $uri $suite main"
done > "$work/sources.list"

# apt runs its downloads as the user _apt, who can't write here: keep them as this user.
private_apt() {
  tool=$1
  shift
  "$tool" -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o Acquire::Check-Valid-Until=false \
    -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=true "$@"
}

say "reading the package archive's lists of sources (suites: $suites)"
private_apt apt-get -qq update > "$work/update.log" 2>&1 || {
  cat "$work/update.log" >&2
  fail "the package archive can't be read (see above); is this machine offline?"
}

count=$(printf '%s\n' "$missing" | wc -l)
index=0
printf '%s\n' "$missing" > "$work/missing"
while read -r name commit package version sha256; do
  index=$((index + 1))
  say "[$index/$count] $package $version"
  tarball_uri=$(private_apt apt-get source --print-uris "$package=$version" 2> "$work/source.log" |
    sed -n "s/^'\([^']*\.orig\.tar\.[a-z0-9]*\)'.*/\1/p" | head -n 1)
  if [ -z "$tarball_uri" ]; then
    # A later Debian revision carries the same .orig.tar: look for any version of the package that lists this checksum.
    version=$(private_apt apt-cache showsrc "$package" 2>/dev/null | awk -v want="$sha256" '
      /^Version:/ { version = $2 } $1 == want { found = version } /^$/ { version = "" }
      END { print found }')
    [ -n "$version" ] || { cat "$work/source.log" >&2; fail "the archive no longer holds the pinned sources of $package (SHA-256 $sha256)"; }
    tarball_uri=$(private_apt apt-get source --print-uris "$package=$version" 2> "$work/source.log" |
      sed -n "s/^'\([^']*\.orig\.tar\.[a-z0-9]*\)'.*/\1/p" | head -n 1)
  fi
  tarball="$work/${tarball_uri##*/}"
  private_apt "$helper" download-file "$tarball_uri" "$tarball" "SHA256:$sha256" > "$work/download.log" 2>&1 || {
    cat "$work/download.log" >&2
    fail "could not download $package $version (see above)"
  }
  target=$(folder_of "$name" "$commit")
  mkdir "$work/unpacked"
  tar -xf "$tarball" -C "$work/unpacked"
  if [ "$(ls -A "$work/unpacked" | wc -l)" -eq 1 ]; then  # some tarballs have one folder at the top, some don't
    mv "$work/unpacked"/* "$work/$target"
    rmdir "$work/unpacked"
  else
    mv "$work/unpacked" "$work/$target"
  fi
  touch "$work/$target/.complete"
  rm -rf "${dest:?}/$target"
  mv "$work/$target" "$dest/$target"
  rm -f "$tarball"
done < "$work/missing"
say "all sources are in $dest"
