#!/usr/bin/env bash
# Installs what lies in a build folder, moves it elsewhere, and builds and runs a program against it.
#   tests/consumer/run.sh BUILD
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
build="$(cd "${1:?usage: tests/consumer/run.sh BUILD}" && pwd)"
work="$build/consumer" # the same folder each time, so that ccache knows the program
trap 'rm -rf "$work"' EXIT
rm -rf "$work"
cmake --install "$build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/pope"
if grep -lF -e "$build/" -e "$here/" "$work"/pope/lib*/cmake/pope/popeTargets*.cmake; then
  echo "install: these files name folders of the build" >&2
  exit 1
fi
"$work/pope/bin/pope" --version
"$work/pope/bin/pope" --help >/dev/null # by pope-torch beside it
if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=ccache; fi
cmake -S "$here" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/pope" >/dev/null
cmake --build "$work/build"
"$work/build/consumer"
