#!/usr/bin/env bash
# Installs what building and testing need and is missing: distribution packages, and libtorch as PyTorch's own wheel
# (unpacked into a cache folder; no Python runs in pope). Prints the libtorch folder as its last line.
# Beside libtorch goes Arrow, which the pyarrow wheel brings, for Parquet files: without it all else works.
# TORCH_DIR=… uses the libtorch at that folder (with include/ and lib/) instead. POPE_CACHE=… moves the cache.
set -euo pipefail

TORCH_VERSION=2.11.0
CUDA_STUBS="nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85"  # what the wheel's CPU library links to
ARROW="pyarrow==26.0.1"
PACKAGES=(g++ cmake ninja-build ccache pkg-config nlohmann-json3-dev libyaml-cpp-dev libcli11-dev libfmt-dev
  libzstd-dev zlib1g-dev libpcre2-dev libutf8proc-dev libflint-dev libflint-arb-dev
  libcpp-httplib-dev libcurl4-openssl-dev libgloo-dev libsqlite3-dev bubblewrap libgtest-dev libgmock-dev python3-pip
  ca-certificates)

missing=()
for package in "${PACKAGES[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
# A compiler or a pip that did not come from the distribution is as good.
has() { command -v "$1" >/dev/null 2>&1; }
wanted=()
for package in ${missing[@]+"${missing[@]}"}; do
  case "$package" in
    g++) has g++ || wanted+=("$package") ;;
    cmake) has cmake || wanted+=("$package") ;;
    python3-pip) python3 -m pip --version >/dev/null 2>&1 || wanted+=("$package") ;;
    *) wanted+=("$package") ;;
  esac
done
if [ ${#wanted[@]} -gt 0 ]; then
  if ! has apt-get; then
    echo "setup: install the equivalents of these Debian packages first: ${wanted[*]}" >&2
    exit 1
  fi
  sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo"
  echo "setup: installing ${wanted[*]}" >&2
  $sudo apt-get update -q >&2
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -q --no-install-recommends "${wanted[@]}" >&2
fi

if [ -n "${TORCH_DIR:-}" ]; then
  [ -e "$TORCH_DIR/lib/libtorch_cpu.so" ] || {
    echo "setup: TORCH_DIR=$TORCH_DIR holds no lib/libtorch_cpu.so" >&2
    exit 1
  }
  echo "$TORCH_DIR"
  exit 0
fi

cache="${POPE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pope}"
target="$cache/torch-$TORCH_VERSION"
wheels() {  # FOLDER PACKAGE…
  PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --no-deps --no-compile \
    --disable-pip-version-check --target "$@" >&2
}
if [ ! -e "$target/torch/lib/libtorch_cpu.so" ]; then
  echo "setup: fetching libtorch $TORCH_VERSION into $target (1.2 GB on disk)" >&2
  mkdir -p "$cache"
  fresh="$(mktemp -d "$cache/torch.XXXXXX")"
  trap 'rm -rf "$fresh"' EXIT
  # shellcheck disable=SC2086
  wheels "$fresh" "torch==$TORCH_VERSION" $CUDA_STUBS
  chmod 755 "$fresh"
  mv -T "$fresh" "$target" 2>/dev/null || [ -e "$target/torch/lib/libtorch_cpu.so" ]
fi
if [ ! -d "$target/pyarrow" ]; then
  fresh_arrow="$(mktemp -d "$cache/pyarrow.XXXXXX")"
  if wheels "$fresh_arrow" "$ARROW"; then
    mv -T "$fresh_arrow/pyarrow" "$target/pyarrow" 2>/dev/null || true
  else
    echo "setup: $ARROW could not be installed: this build will not read Parquet files" >&2
  fi
  rm -rf "$fresh_arrow"
fi
echo "$target/torch"
