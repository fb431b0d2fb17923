# The front door. Building targets work from a fresh clone: what is missing is installed first (scripts/setup.sh).
#   make build    build/pope                      make demo       the whole workflow on the embedded model, minutes
#   make test     build and run all tests         make demo-llm PROBLEMS=FILE MODEL=NAME   the same on a language model
#   make bench    benchmarks                      make seeds      the demo over five seeds
#   make format   clang-format in place           make lint       clang-format check and clang-tidy
#   make docs     docs/metrics.md from src/core/metrics.cpp
#   make fuzz     the fuzzers, build/fuzz/fuzz_…  make install PREFIX=/usr/local   program, libraries, find_package(pope)
# TORCH_DIR=/path/to/libtorch uses your own libtorch. BUILD=folder builds elsewhere.

BUILD ?= build
PREFIX ?= /usr/local
SEED ?= 1
.PHONY: build install demo demo-llm seeds test bench docs format lint fuzz clean

build: $(BUILD)/build.ninja
	cmake --build $(BUILD) --target pope

# Configured once, and again for another TORCH_DIR; CMake itself notices other changes.
ifneq ($(TORCH_DIR),)
ifneq ($(shell sed -n 's/^TORCH_DIR:PATH=//p' $(BUILD)/CMakeCache.txt 2>/dev/null),$(TORCH_DIR))
.PHONY: $(BUILD)/build.ninja
endif
endif
$(BUILD)/build.ninja: scripts/setup.sh
	@torch="$$(scripts/setup.sh | tail -n 1)" && test -n "$$torch" && \
	  cmake -S . -B $(BUILD) -G Ninja -DTORCH_DIR="$$torch" && touch $@

install: $(BUILD)/build.ninja
	cmake --build $(BUILD) --target installed
	cmake --install $(BUILD) --prefix "$(PREFIX)"

test: $(BUILD)/build.ninja
	cmake --build $(BUILD)
	ctest --test-dir $(BUILD) --output-on-failure

demo: build
	POPE=$(BUILD)/pope SEED=$(SEED) scripts/demo.sh runs/demo

seeds: build
	POPE=$(BUILD)/pope scripts/seeds.sh runs/seeds

demo-llm: build
	POPE=$(BUILD)/pope PROBLEMS="$(PROBLEMS)" MODEL="$(or $(MODEL),smollm2)" scripts/demo_llm.sh runs/demo-llm

bench: $(BUILD)/build.ninja
	cmake --build $(BUILD)
	BUILD=$(BUILD) scripts/bench.sh

docs: $(BUILD)/build.ninja
	cmake --build $(BUILD) --target test_core
	POPE_WRITE_DOCS=1 $(BUILD)/test_core --gtest_filter=Metrics.ThePageIsTheCommittedOne

SOURCES = $(shell git ls-files --cached --others --exclude-standard '*.cpp' '*.h')
format:
	@command -v clang-format >/dev/null || { echo "install clang-format 14 (Debian: clang-format)"; exit 1; }
	clang-format -i $(SOURCES)

# clang cannot read gcc's precompiled headers, so clang-tidy gets compile commands of its own.
lint: $(BUILD)/build.ninja
	@command -v clang-tidy >/dev/null || { echo "install clang-tidy 14 (Debian: clang-tidy clang-format)"; exit 1; }
	clang-format --dry-run --Werror $(SOURCES)
	cmake -S . -B $(BUILD)/lint -G Ninja -DTORCH_DIR="$$(scripts/setup.sh | tail -n 1)" \
	  -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >/dev/null
	clang-tidy -p $(BUILD)/lint --quiet $(filter-out tests/% bench/%,$(filter %.cpp,$(SOURCES)))

# Sanitisers need a build of everything of their own, by clang. See docs/fuzzing.md.
fuzz:
	@command -v clang++ >/dev/null || { echo "install clang (Debian: clang libclang-rt-14-dev)"; exit 1; }
	cmake -S . -B $(BUILD)/fuzz -G Ninja -DPOPE_FUZZ=ON -DPOPE_TESTS=OFF -DCMAKE_CXX_COMPILER=clang++ \
	  -DTORCH_DIR="$$(scripts/setup.sh | tail -n 1)"
	cmake --build $(BUILD)/fuzz --target fuzz

clean:
	rm -rf $(BUILD)
