#!/bin/sh
# Makes the HTML reference of both APIs with Doxygen; any warning is an error.
#
# usage: examples/reference/make_reference.sh [FOLDER]     default: build/reference; the pages begin at FOLDER/html/index.html
set -eu

cd "$(dirname "$0")/../.."
INKLING_REFERENCE_FOLDER=${1:-build/reference}
export INKLING_REFERENCE_FOLDER
rm -rf "$INKLING_REFERENCE_FOLDER/html"
mkdir -p "$INKLING_REFERENCE_FOLDER"
doxygen examples/reference/Doxyfile
echo "the reference is $INKLING_REFERENCE_FOLDER/html/index.html"
