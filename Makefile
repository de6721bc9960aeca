# Thin: each target says what it runs. The work is in cargo and in deploy/local.

# What deploy/local/prerequisites installs for this project alone comes first.
export PATH := $(CURDIR)/.tools/bin:$(PATH)
TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help demo up test test-full fuzz torture bench bench-growth bench-scale profile lint prerequisites

help: ## Say what can be made
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: prerequisites ## Push through the whole house, on this machine, and check every step
	cargo build --release -p assay
	$(TARGET)/release/assay demo

up: prerequisites ## Leave everything running, and say where (Ctrl-C stops it)
	cargo build --release -p assay
	$(TARGET)/release/assay up

# Tests wait for servers, disks and clocks more than they compute: two for each processor.
THREADS ?= $(shell expr 2 '*' $$(getconf _NPROCESSORS_ONLN))
# The runner of the many tests comes last: its summary is how the output ends.
test: prerequisites ## Run the short tier of all tests, against real servers
	cargo test --quiet --doc --workspace
	@if cargo nextest --version >/dev/null 2>&1; then \
		set -x; cargo nextest run --workspace --test-threads $(THREADS); \
	else \
		set -x; cargo test --workspace --all-targets -- --skip long::; \
	fi

test-full: test ## Run the long tier as well: the tests in modules called `long`
	deploy/local/prerequisites --all
	@if cargo nextest --version >/dev/null 2>&1; then \
		set -x; cargo nextest run --workspace --profile long; \
	else \
		set -x; cargo test --workspace --all-targets -- long::; \
	fi

# Seconds for each target of the fuzzer.
SECONDS_EACH ?= 60
fuzz: ## Look for inputs that nothing should survive (SECONDS_EACH=60)
	deploy/local/fuzz $(SECONDS_EACH)

# SEED is drawn and printed when it is not given.
MINUTES ?= 5
torture: prerequisites ## Kill everything for MINUTES=5 by SEED=…, and check that nothing is lost
	cargo build -p assay -p assay-checker -p torture
	$(TARGET)/debug/torture $(if $(SEED),--seed $(SEED)) --minutes $(MINUTES) --out $(TARGET)/torture

# Each bench hands its figures over in a folder (loadtest/loadtest/README.md); one that fails leaves
# its rows without a number, and the others go on. COUNT is how many deliveries a burst has.
COUNT ?= 20000
# How often at most what others disturb is measured, where it depends on the pace of a moment.
TRIES ?= 5
FIGURES = $(abspath $(TARGET))/bench/figures
LOADTEST = ASSAY_BENCH_FIGURES=$(FIGURES) $(TARGET)/release/loadtest
QUIETLY = --tries $(TRIES)
PUSHES = --bodies fixed:8192:3 --duplicates 0 --bad-signatures 0 --other-events 0
bench: prerequisites ## Measure everything that has a bound, into target/bench/summary.json (COUNT=20000)
	rm -rf $(FIGURES)
	mkdir -p $(FIGURES)
	cargo build --release -p assay -p assay-checker -p loadtest
	-ASSAY_BENCH_FIGURES=$(FIGURES) cargo bench -p verifier --bench sandbox
	-ASSAY_BENCH_FIGURES=$(FIGURES) cargo bench -p auditor
	-ASSAY_BENCH_FIGURES=$(FIGURES) cargo bench -p proofs --bench mirror
	-$(LOADTEST) idle --bench idle
	-$(LOADTEST) limits $(QUIETLY) --count $(COUNT) --bench limits
	-$(LOADTEST) burst $(QUIETLY) --count $(COUNT) $(PUSHES) --bench pipeline --out $(TARGET)/bench/pipeline
	-$(LOADTEST) steady $(QUIETLY) --rate 200 --seconds 30 $(PUSHES) --bench steady --out $(TARGET)/bench/steady
	-$(LOADTEST) single $(QUIETLY) --bench single --out $(TARGET)/bench/single
	-$(LOADTEST) burst --count 100000 --bench burst --out $(TARGET)/bench/burst
	$(TARGET)/release/loadtest summary --figures $(FIGURES) --out $(TARGET)/bench/summary.json

# The ledgers lie in a folder for temporary files, some 6 KiB an attempt and 20 GiB, and are gone at the end.
# Ten million take 40 minutes; ATTEMPTS=200000 takes a few.
ATTEMPTS ?= 10000000
bench-growth: prerequisites ## Measure with ATTEMPTS=10000000 in the ledger beside an empty one
	mkdir -p $(FIGURES)
	cargo build --release -p assay -p assay-checker -p loadtest
	$(LOADTEST) growth --attempts $(ATTEMPTS) --bench growth
	$(TARGET)/release/loadtest summary --figures $(FIGURES) --out $(TARGET)/bench/summary.json

# On 2 cores more processes cannot be faster: what is measured is what they cost, and that nothing is
# lost. STREAM is how many messages each measurement of a stream has.
REPLICAS ?= 1,2,4
STREAM ?= 5000
bench-scale: ## Measure fleets of 1, 2, 4 of each service on a cluster of three
	deploy/local/prerequisites --all
	mkdir -p $(FIGURES)
	cargo build --release -p assay -p assay-checker -p loadtest
	-$(LOADTEST) streams --count $(STREAM) $(PUSHES) --bench streams
	$(TARGET)/release/loadtest scale --replicas $(REPLICAS) --count $(COUNT) $(PUSHES) \
		--page docs/PERFORMANCE.md --out $(TARGET)/bench/scale

# Needs perf, and the right to sample every process.
profile: prerequisites ## Draw a flame graph of each service in a burst, into target/profile (COUNT=20000)
	deploy/local/profile $(COUNT)

lint: ## Check the form, clippy, the documentation, the dependencies, the deployment files
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --workspace
	deploy/local/check-dependencies
	deploy/local/check-deployment

prerequisites:
	@deploy/local/prerequisites
