# make run    a first run: the reference server, a ramp to 50 users, a report
# make test   every test, with whatever the tests need; TEST_FLAGS=... are flags for pytest
# make unit   every quick test that starts no process (no service, no child, no browser): for the inner loop
# make long   the tests that make test leaves out: every command of the docs, a soak, suspended runs, siblings of real runs
# make check  format, lint, types
# make calibrate  twenty whole runs with a fault that does nothing: none may be seen
# make calibrate-compare  40,000 comparisons of simulated runs: how often is harness compare wrong? Five minutes of two processors
# make compare-live       the reference server compared with itself and with one that is 15 % slower, ten times each, 25 minutes: FLAGS='--first 3 --count 2'
# make count  200,000 calls by two workers: each has its row
# make bench  the harness measured beside its peers, ten minutes; make bench PART=json, DOCS=1 writes docs/benchmarks.md
# make interrupt  twenty runs with a fault, ended by Ctrl-C or kill -9 at random moments: is anything left?
# make kills      forty runs of which a part is ended or stopped, in every phase: exit codes, what is left, calls without a row
# make verify-kills  twenty verifications that write, ended by kill -9 in the middle: is anything left of what they wrote?
# make verify-others harness verify against servers that are not ours: does a check fail that should not? (ONLY=fastmcp)
# make verify-steady a sound deployment is verified fifty times: does it pass each time?
# make truth    servers whose behaviour is known: theory beside what is reported, under twenty minutes; make truth PART=latency
# make steady   twenty first runs that end with an answer, and twenty of a disturbed generator that end unknown, an hour and a quarter
# make soak     an hour of a run with faults and clients that come and go: does any part of it grow? make soak MINUTES=10
# make fuzz       hostile files, flags, runs and replies of servers, for so long: make fuzz SECONDS=60 SEED=0 PART=wire (docs/fuzzing.md)
# make hostile    servers that mean harm, 554 commands, an hour: does any of them do harm? ONLY="endless redirect" are some, ONLY=--memory is the largest
# make hostile-verify   harness verify against the same servers
# make history  ten thousand runs in an embedded history: its size, and how long commands take, four minutes
# make named      ten runs of a target that acknowledges before it commits: is it named for it?

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Tests wait for real processes half of their time: one more at a time than there are processors. None may mind.
WORKERS ?= $(shell expr $$(nproc) + 1)

# Tests start hundreds of Python processes: each would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test unit long count bench calibrate calibrate-compare compare-live fuzz history hostile interrupt kills named soak truth steady verify-kills verify-others verify-steady check format schema clean

# Exit code 3 says that the measurement cannot be trusted (a busy machine): a finding, not a broken command.
run: $(STAMP)
	$(BIN)/harness ramp --max 50 || test $$? -eq 3

# The last lines say what was skipped, and the command that gets what it needs, and which lines of harness/ no test runs.
test: $(STAMP)
	bash tests/prepare.sh
	$(BIN)/python -m tests.covering --min 97 -n $(WORKERS) --dist worksteal $(TEST_FLAGS)

unit: $(STAMP)
	$(BIN)/python -m pytest --unit -q -n $$(nproc) --dist worksteal $(TEST_FLAGS)

long: $(STAMP)
	bash tests/prepare.sh
	$(BIN)/python -m pytest -m long -n 2 --dist loadfile

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py

count: $(STAMP)
	HARNESS_TEST_CALLS=200000 $(BIN)/python -m pytest -q tests/e2e/test_workers.py -k many_calls

bench: $(STAMP)
	$(BIN)/python benchmarks/bench.py $(PART) $(if $(DOCS),--docs)

calibrate: $(STAMP)
	$(BIN)/python benchmarks/placebo.py

calibrate-compare: $(STAMP)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.history.comparison.calibration

compare-live: $(STAMP)
	$(BIN)/python -m tests.e2e.compare_live $(FLAGS)

interrupt: $(STAMP)
	$(BIN)/python -m tests.e2e.interruptions 20 --seed $(or $(SEED),0)

kills: $(STAMP)
	$(BIN)/python -m tests.e2e.kills --seed $(or $(SEED),0) $(FLAGS)

verify-kills: $(STAMP)
	$(BIN)/python -m tests.e2e.verify_kills $(or $(RUNS),20) --seed $(or $(SEED),0)

verify-others: $(STAMP)
	$(BIN)/python -m tests.e2e.verify_others $(ONLY)

verify-steady: $(STAMP)
	$(BIN)/python -m tests.e2e.verify_steady $(or $(RUNS),50)

fuzz: $(STAMP)
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),60) --seed $(or $(SEED),0) --part $(or $(PART),all) --first $(or $(FIRST),0)

hostile: $(STAMP)
	$(BIN)/python -m tests.e2e.hostile $(ONLY)

hostile-verify: $(STAMP)
	$(BIN)/python -m tests.e2e.hostile_verify $(ONLY)

named: $(STAMP)
	$(BIN)/python -m tests.e2e.named 10

history: $(STAMP)
	$(BIN)/python -m tests.history.size $(or $(RUNS),10000)

soak: $(STAMP)
	$(BIN)/python -m tests.soak --minutes $(or $(MINUTES),60)

truth: $(STAMP)
	$(BIN)/python -m tests.truth $(PART)

steady: $(STAMP)
	$(BIN)/python -m tests.truth.steady $(PART) $(if $(RUNS),--runs $(RUNS))

# The JSON Schema of summary.json, of the structs that it is written from.
schema: $(STAMP)
	$(BIN)/python -m harness.run_directory.results.schema > docs/summary.schema.json

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(STAMP)
