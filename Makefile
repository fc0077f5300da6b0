# Everything is built once, in release, shared by `swift build`, `swift test` and the programs. Tests
# use `package` declarations, never `@testable`, which would compile every target a second time.
# The manifest looks up the link `.libtorch`, which a cached manifest would not see change.
BUILD := -c release --manifest-cache none
BIN := .build/release

# The demo's training data: the Debian package's folder, unless FASHION_MNIST names another.
DEMO_DATA := $(if $(FASHION_MNIST),--data "$(FASHION_MNIST)")
DEMO_FLAGS ?=
TEST_FLAGS ?=
BENCH_FLAGS ?=
KILL_FLAGS ?=
FUZZ_FLAGS ?=
CASES ?= Tests/ReferenceCases/*/

.PHONY: help setup demo test build proof kills fuzz bench conformance format lint docs clean
.DEFAULT_GOAL := help

help: ## Print this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | \
	  awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

setup: ## Install what is missing: libtorch, system libraries, the demo's data
	@Scripts/setup --verbose

demo: ## Train a generator for 300 seconds, evaluate it, draw samples (DEMO_FLAGS="--seconds 60")
	@Scripts/setup
	swift build $(BUILD) --product atelier
	$(BIN)/atelier demo $(DEMO_DATA) $(DEMO_FLAGS)

test: ## Run the whole test suite (TEST_FLAGS="--filter Wasserstein")
	@Scripts/setup --no-data
	swift test $(BUILD) --disable-testable-imports --disable-xctest $(TEST_FLAGS)

build: ## Build everything but the tests, in release
	@Scripts/setup --no-data
	swift build $(BUILD)

proof: build kills fuzz ## Run the slow tests and proofs: a thousand kills (KILL_FLAGS), damaged files (FUZZ_FLAGS)
	ATELIER_PROOF=1 swift test $(BUILD) --disable-testable-imports --disable-xctest --filter Proof $(TEST_FLAGS)

# The work folders say what was done: where a proof is stopped, the same command goes on.
kills: build
	$(BIN)/kill-proof --work .build/kill-proof $(KILL_FLAGS)

# Guided by coverage where the toolchain has libFuzzer: swift.org's for Linux has, Apple's has not. Nothing depends on
# the library that calls SentencePiece, which the program loads from beside itself; it needs no coverage.
fuzz: build
ifeq ($(shell uname),Linux)
	ATELIER_FUZZER=1 swift build $(BUILD) --sanitize=fuzzer --scratch-path .build/fuzzer --product parser-fuzz
	cp $(BIN)/libAtelierSentencePiece.so .build/fuzzer/release
	$(BIN)/parser-fuzz --fuzzer .build/fuzzer/release/parser-fuzz $(FUZZ_FLAGS)
else
	$(BIN)/parser-fuzz $(FUZZ_FLAGS)
endif

bench: build ## Benchmark against PyTorch and write Documentation/benchmarks.md
	Benchmarks/run $(BENCH_FLAGS)
	Benchmarks/reading $(READING_FLAGS)
	Benchmarks/playing

conformance: build ## Run the reference cases (CASES="folder …")
	$(BIN)/conformance $(CASES)

format: ## Format every Swift file in place
	swift format format --in-place --parallel --recursive Sources Tests Examples Package.swift

lint: ## Check the format of every Swift file
	swift format lint --strict --parallel --recursive Sources Tests Examples Package.swift

docs: ## Write the library's reference as a web site into .build/documentation
	@Scripts/setup --no-data
	Scripts/docs

clean: ## Remove build products, except .venv and .libtorch
	swift package clean
