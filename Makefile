.DEFAULT_GOAL := help
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: help demo check lint types test explore record pages benchmark pyairbyte images clean

help: ## show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

demo: $(INSTALLED) ## the whole product on sample data, nothing to configure
	@$(BIN)/sage100-ssm demo

check: lint types test ## all that must hold before a change is handed in

lint: $(INSTALLED) ## style and common mistakes
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(INSTALLED) ## static types
	@$(BIN)/mypy .

test: $(INSTALLED) ## the tests, on two processes
	@$(BIN)/pytest -q -n 2 --dist loadgroup

explore: $(INSTALLED) ## look for what goes wrong in a small world and in random plays (MINUTES=10)
	@$(BIN)/python -m tests.support.explore --minutes $(or $(MINUTES),10)

record: $(INSTALLED) ## the conversations with SSM that tests replay: with the stand-in, or a tenant named by the environment
	@$(BIN)/pytest -q -p no:xdist tests/recorded --record-mode=rewrite
	@$(BIN)/pytest -q -p no:xdist tests/recorded

pages: $(INSTALLED) ## the tables in docs/connectors and docs/architecture.md, from the code
	@$(BIN)/python docs/connectors/tables.py
	@$(BIN)/python docs/rule_map.py

benchmark: $(INSTALLED) ## a quiet run and writes beside their limits; reading a million contacts beside dlt and a Singer tap
	@$(BIN)/python -m benchmarks.quiet_run
	@$(BIN)/python -m benchmarks.writes
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .venv-others
	@$(BIN)/uv pip install --quiet --python .venv-others/bin/python --requirement benchmarks/others/requirements.txt
	@$(BIN)/python -m benchmarks.read_sage100

pyairbyte: $(INSTALLED) ## PyAirbyte, a client of another house, drives the four connectors, in an environment of its own
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .venv-pyairbyte
	@$(BIN)/uv pip install --quiet --python .venv-pyairbyte/bin/python --requirement tests/pyairbyte/requirements.txt
	@AIRBYTE_OFFLINE_MODE=1 .venv-pyairbyte/bin/python -m pytest -q -c tests/pyairbyte/pytest.ini tests/pyairbyte

images: $(INSTALLED) ## what can be known of the container images without a container engine
	@deploy/check.sh

clean: ## remove all that these commands made
	@rm -rf .venv .venv-others .venv-pyairbyte .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist demo

$(INSTALLED): pyproject.toml constraints.txt setup.sh
	@./setup.sh
	@touch $@
