# `make` sets everything up; `make help` lists the rest. Nothing needs root.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := setup
.PHONY: setup test check docs demo contracts forge trees coverage drift abi layouts gas bench bench-gas fuzz kills brownie hardhat ganache kubo package examples lanes symbolic slither mutants clean help

PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
STAMPS := .stamps
export UV_PROJECT_ENVIRONMENT := .venv
export UV_LINK_MODE := copy

setup: $(STAMPS)/python $(STAMPS)/node ## set everything up: .venv, Python and npm packages

$(STAMPS)/uv-$(UV_VERSION): ## (the pinned uv, from PyPI)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Error: Python 3.11 or newer is needed' >&2; echo 'Next: make PYTHON=/path/to/python3.11' >&2; exit 69; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/python: $(STAMPS)/uv-$(UV_VERSION) pyproject.toml uv.lock
	@$(BIN)/uv sync --frozen --extra node --inexact
	@touch $@

# The stamp is newer than the lock only when the whole install went through.
$(STAMPS)/node: $(wildcard package.json package-lock.json)
	@command -v npm >/dev/null || { echo 'Error: npm is missing' >&2; echo 'Next: install Node.js 20 or newer' >&2; exit 69; }
	@if [ -f package-lock.json ]; then npm ci --no-audit --no-fund --loglevel=error; fi
	@mkdir -p $(STAMPS) && touch $@

# The launchers in node_modules/.bin swallow exit codes; the native program does not.
FORGE = $(firstword $(wildcard node_modules/@foundry-rs/forge-*/bin/forge))
# halmos and slither call what is named forge.
SECURITY = PATH="$(CURDIR)/$(dir $(FORGE)):$$PATH"
HARDHAT := node_modules/hardhat/internal/cli/bootstrap.js
GANACHE_TESTS := licensing web3 contracts_tree settlement

test: setup contracts ## all tests: the contracts' own, then Python's
	$(BIN)/pytest -q -rs -n 2 --dist loadfile tests

check: setup ## the house rules: lint, types, boundaries
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest -q tests/unit/house tests/unit/cli/test_frame.py

$(STAMPS)/docs: $(STAMPS)/python
	@$(BIN)/uv sync --quiet --frozen --extra node --group docs --inexact
	@touch $@

docs: $(STAMPS)/docs ## the docs site, into build/docs; a warning or a dead link fails
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env docs build/docs
	$(BIN)/python scripts/links.py build/docs

contracts: forge trees coverage drift slither symbolic ## everything that is proved of the contracts, step by step

forge: setup ## the contracts' unit tests, fuzz (1,000 runs) and invariants
	$(FORGE) fmt --check
	$(FORGE) test

trees: setup ## that every branch of the contracts has its leaf, and every leaf its test
	$(BIN)/pytest -q tests/unit/house/test_branching_trees.py

coverage: setup ## that unit tests reach every line, branch and function of the contracts
	@mkdir -p build
	$(FORGE) coverage --match-path 'test-forge/unit/**' --no-match-coverage 'node_modules|test|mocks' \
	  --report lcov --report-file build/lcov.info
	$(BIN)/python scripts/uncovered.py build/lcov.info

drift: setup ## that ABIs, storage layouts and gas are those under git, and gas within its targets
	$(FORGE) build
	$(BIN)/python scripts/layouts.py --check
	$(BIN)/python scripts/compile.py --check
	$(BIN)/python scripts/bindings.py --check
	$(BIN)/python scripts/reference.py --check
	$(BIN)/python benches/gas.py --check

abi: setup ## compile the contracts into the package; bindings and reference pages from their ABIs and comments
	$(BIN)/python scripts/compile.py
	$(BIN)/python scripts/bindings.py
	$(BIN)/python scripts/reference.py

layouts: setup ## where each contract keeps each field, into snapshots/layouts.json
	$(FORGE) build
	$(BIN)/python scripts/layouts.py

gas: setup ## gas of each operation against its target, into snapshots/gas.json
	$(BIN)/python benches/gas.py

bench: setup ## every benchmark
	$(BIN)/python benches/gas.py
	$(BIN)/python benches/content.py

$(STAMPS)/peers: benches/peers/package-lock.json
	npm ci --prefix benches/peers --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

bench-gas: setup $(STAMPS)/peers ## our gas beside the peers' published contracts, into build/bench-gas.json
	$(BIN)/python benches/peers.py

fuzz: setup ## the contracts' tests with 100,000 runs, and ten times the Python examples
	FOUNDRY_PROFILE=deep $(FORGE) test
	$(BIN)/pytest -q tests/unit --hypothesis-profile=deep

$(STAMPS)/brownie: $(STAMPS)/uv-$(UV_VERSION) uv.lock
	@UV_PROJECT_ENVIRONMENT=.venv-brownie $(BIN)/uv sync --quiet --frozen --only-group brownie
	@touch $@

brownie: $(STAMPS)/brownie $(STAMPS)/node ## the contracts as a Brownie developer meets them, in an environment of its own
	scripts/brownie.sh

hardhat: $(STAMPS)/node ## the contracts in Hardhat: npm's compiler, and a whole payment through viem
	node $(HARDHAT) test

ganache: setup ## the contracts on Ganache: deploy, and the chain tests of a whole payment
	$(BIN)/pytest -q --backend ganache $(GANACHE_TESTS:%=tests/chain/test_%.py)

build/kubo/ipfs: scripts/kubo/go.mod scripts/kubo/go.sum
	@command -v go >/dev/null || { echo 'Error: go is missing' >&2; echo 'Next: install Go 1.26.5 or newer' >&2; exit 69; }
	cd scripts/kubo && CGO_ENABLED=0 go build -mod=readonly -trimpath -ldflags='-s -w' -o "$(CURDIR)/$@" github.com/ipfs/kubo/cmd/ipfs

kubo: build/kubo/ipfs ## an IPFS daemon, built from its locked source: the tests find it (needs Go)

package: setup ## the npm package for integrators, packed into build/npm
	$(BIN)/python scripts/package.py

examples: setup ## the examples, built and run with nothing but the packed package and the wheel
	$(BIN)/pytest -q tests/lanes/test_examples.py

lanes: brownie hardhat ganache ## all of them, the examples, and that each lane fails when a contract is broken
	$(BIN)/pytest -q tests/lanes

$(STAMPS)/security: $(STAMPS)/uv-$(UV_VERSION) uv.lock
	@UV_PROJECT_ENVIRONMENT=.venv-security $(BIN)/uv sync --quiet --frozen --only-group security
	@touch $@

# A proof that is cut short at the bound of loops says so and passes all the same: here it fails, like one too few.
PROVED := build/symbolic
symbolic: setup $(STAMPS)/security ## that encodings never collide, words keep their fields and claims pay what is new: halmos
	@mkdir -p $(PROVED)
	FOUNDRY_PROFILE=symbolic FOUNDRY_OUT=$(PROVED)/out FOUNDRY_CACHE_PATH=$(PROVED)/cache $(SECURITY) \
	  .venv-security/bin/halmos --forge-build-out $(PROVED)/out --loop 32 --solver-timeout-assertion 300s --no-status $(HALMOS) \
	  2>&1 | tee $(PROVED)/log
	@! grep -q 'not been fully explored' $(PROVED)/log
	@$(if $(HALMOS),,test "$$(grep -c '\[PASS\]' $(PROVED)/log)" = "$$(cat test-forge/symbolic/*.sol | grep -c 'function check_')")

slither: setup $(STAMPS)/security ## static analysis; every finding is mended or has its reason in slither.toml
	$(SECURITY) $(BIN)/python scripts/findings.py

mutants: setup $(STAMPS)/security ## faults that the contracts' tests must notice: SAMPLE=200 by default, FULL=1 for all
	FOUNDRY_OUT=build/mutants/out FOUNDRY_CACHE_PATH=build/mutants/cache $(SECURITY) .venv-security/bin/python scripts/faults.py
	$(BIN)/python scripts/mutants.py --sample $(if $(FULL),0,$(or $(SAMPLE),200)) $(ONLY)

kills: setup ## kill -9 at every step and 100 random moments of upload, follow, anchor, settle, pay and deploy
	$(BIN)/pytest -q --timeout 0 tests/e2e/test_kills.py tests/e2e/test_deploy_kills.py --kills 100

demo: setup ## from recordings to royalties on a local devnet: make demo AUDIO=DIR
	$(BIN)/provenance demo --yes $(if $(AUDIO),--audio "$(AUDIO)")

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

clean: ## remove what setup and the builds made
	rm -rf .venv .venv-brownie .venv-security build $(STAMPS) node_modules benches/peers/node_modules out cache cache_hardhat artifacts .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
