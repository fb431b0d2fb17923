#!/usr/bin/env bash
# Makes the Python environment of the peers that bench/peers compares with, at FOLDER (default: the cache), and prints its
# python. llama-cpp-python compiles llama.cpp for this machine's processor, some minutes on one core.
#   python="$(bench/peers/setup.sh [FOLDER] | tail -n1)"
set -euo pipefail
folder="${1:-${POPE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pope}/peers}"
[ -e "$folder/bin/python" ] || python3 -m venv "$folder"
install() { "$folder/bin/pip" install --quiet --disable-pip-version-check "$@" >&2; }
# PyTorch's wheel for Linux imports its CUDA libraries even where there is no graphics card: some gigabytes.
install torch==2.11.0
install transformers==5.23.0 trl==1.16.0 accelerate==1.15.0 datasets==5.2.0 gguf==0.19.0 numpy==2.4.6
CMAKE_ARGS="-DGGML_NATIVE=ON" CMAKE_BUILD_PARALLEL_LEVEL="${JOBS:-1}" install llama-cpp-python==0.3.36
echo "$folder/bin/python"
