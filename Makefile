# One clone, one command: `make up`. `make` alone lists the targets.

.DEFAULT_GOAL := help
.PHONY: help up runtime install clean test test-long check format bench schema proto

# More workers than cores: much of a test's time is spent waiting for processes to start and to stop.
# A file stays in one worker, where its fixtures are made once; the longest come first (tests/harness/file_order.py).
PARALLEL := -n 3 --dist loadfile --no-loadscope-reorder

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\n  Options go in ARGS, as in:  make up ARGS="--edge-port 9000"\n  and are explained by:       make up ARGS=--help\n'

# ---- running it -------------------------------------------------------------------------------------------

up: runtime ## install what is missing, start everything, show the addresses and the logs
	@exec .venv/bin/supergraph up $(ARGS)

runtime: ## install the locked packages that `make up` needs
	@sh deploy/local/bootstrap.sh run
	@.venv/bin/python -m deploy.local.node install

install: ## install those that tests and checks need, too
	@sh deploy/local/bootstrap.sh develop
	@.venv/bin/python -m deploy.local.node install

clean: ## remove what was installed or generated; the data in .supergraph stay
	rm -rf .venv router/hive/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

# ---- checking it ------------------------------------------------------------------------------------------

test: install ## run every test that is quick enough for each change (under 6 minutes on two cores)
	@.venv/bin/pytest $(PARALLEL) -m "not long" $(ARGS)

test-long: install ## run the long versions too: more random cases, more kills
	@.venv/bin/pytest $(PARALLEL) $(ARGS)

check: install ## format, lint, types, layers, schemas, generated code, lock files
	@.venv/bin/python -m deploy.tools.check $(ARGS)

format: install ## put the code into the one format, and mend what the linter can
	@.venv/bin/ruff format
	@.venv/bin/ruff check --fix

bench: install ## measure what the README claims, and print it as a table
	@.venv/bin/python -m tests.bench $(ARGS)

# ---- generating what is committed -------------------------------------------------------------------------

schema: install ## write schema/*.graphql and schema/openapi.json from the code
	@.venv/bin/python -m deploy.tools.schema all

proto: install ## write schema/proto/*_pb2* from the .proto files
	@.venv/bin/python -m deploy.tools.proto generate
