.DEFAULT_GOAL := help
BIN := .venv/bin
INSTALLED := .venv/.installed
# Rules, planning, contacts, messages, and the state on SQLite: no server, no driver.
FAST := -k "not postgresql" tests/sync/contacts tests/sync/rules tests/sync/planning tests/sync/state tests/messages

.PHONY: help demo check lint types test test-fast coverage mutate explore record pages benchmark pyairbyte site screenshots wheel metadata contexts images clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 11

demo: $(INSTALLED) ## the whole product on sample data, nothing to configure
	@$(BIN)/sage100-ssm demo

check: lint types test ## everything that must pass before a change is submitted

lint: $(INSTALLED) ## style and common mistakes
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(INSTALLED) ## static types
	@$(BIN)/mypy .

test: $(INSTALLED) ## all tests, in two processes
	@$(BIN)/pytest -q -n 2 --dist loadgroup

test-fast: $(INSTALLED) ## in seconds: the tests of rules, planning, contacts, messages, and the state on SQLite
	@$(BIN)/pytest -q $(FAST)

coverage: $(INSTALLED) ## which lines and branches the tests of the synchronisation reach; rules and planning need all of them
	@$(BIN)/pytest -q -n 2 --cov --cov-report= $(FAST) tests/sync/run/test_runs_in_memory.py tests/sync/run/test_same_system.py tests/sync/run/test_undo.py tests/sync/run/test_one_way.py tests/sync/run/test_rounds.py
	@$(BIN)/coverage report --include='sage100_ssm/sync/*,sage100_ssm/messages/*'
	@$(BIN)/coverage report --include='sage100_ssm/sync/rules/*,sage100_ssm/sync/planning/*' --fail-under=100 --format=total

mutate: $(INSTALLED) ## changes to rules and guards that their tests do not notice, in 3 minutes (MODULE=guards: one module)
	@rm -rf mutants
	@$(BIN)/mutmut run $(if $(MODULE),'*.$(MODULE).*')
	@$(BIN)/mutmut results | grep -v ': not checked$$' | tee mutants/survived.txt
	@echo "See one with: $(BIN)/mutmut show NAME"

explore: $(INSTALLED) ## look for mistakes in a small world, in plays and on random walks (MINUTES=10)
	@$(BIN)/python -m tests.support.explore --minutes $(or $(MINUTES),10)

record: $(INSTALLED) ## the conversations with SSM that tests replay: with the stand-in, or a tenant named by the environment
	@$(BIN)/pytest -q -p no:xdist tests/recorded --record-mode=rewrite
	@$(BIN)/pytest -q -p no:xdist tests/recorded

pages: $(INSTALLED) ## what pages of docs have from the code: messages, commands, settings, tables
	@$(BIN)/python -m docs.message_pages
	@$(BIN)/python -m docs.command_pages
	@$(BIN)/python -m docs.setting_pages
	@$(BIN)/python -m docs.measure_pages
	@$(BIN)/python -m docs.french_links
	@$(BIN)/python docs/connectors/tables.py
	@$(BIN)/python docs/rule_map.py

benchmark: $(INSTALLED) ## every goal of speed and memory beside its limit, dlt and a Singer tap, in half an hour; the page's tables and plots
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .venv-others
	@$(BIN)/uv pip install --quiet --python .venv-others/bin/python --requirement benchmarks/others/requirements.txt
	@$(BIN)/python -m benchmarks all --to benchmarks/figures.json
	@$(BIN)/python -m benchmarks.writes
	@$(BIN)/python -m benchmarks.fleet --to benchmarks/fleet.json
	@$(BIN)/python -m docs.measure_pages
	@.venv-others/bin/python benchmarks/others/plots.py benchmarks/figures.json benchmarks/fleet.json docs/images

pyairbyte: $(INSTALLED) ## the connectors driven by PyAirbyte, an independent client, in an environment of its own
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .venv-pyairbyte
	@$(BIN)/uv pip install --quiet --python .venv-pyairbyte/bin/python --requirement tests/pyairbyte/requirements.txt
	@AIRBYTE_OFFLINE_MODE=1 .venv-pyairbyte/bin/python -m pytest -q -c tests/pyairbyte/pytest.ini tests/pyairbyte

site: $(INSTALLED) ## the documentation as a site, French and English, in build/site; a broken link fails
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .venv-site
	@$(BIN)/uv pip install --quiet --python .venv-site/bin/python --requirement docs/site/requirements.txt
	@$(BIN)/python -m docs.site.stage
	@.venv-site/bin/zensical build --strict --config-file build/site.en.yml
	@.venv-site/bin/zensical build --strict --config-file build/site.fr.yml
	@echo "Open build/site/index.html"

screenshots: $(INSTALLED) ## the pictures in docs/images: the page on the sample company (Chromium), new diagrams (npm)
	@$(BIN)/python -m docs.screenshots
	@$(BIN)/python -m docs.diagrams

wheel: $(INSTALLED) ## the wheel, in dist/, for `uv tool install` or `pipx install`
	@$(BIN)/uv build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir dist .

metadata: $(INSTALLED) ## what Airbyte is told: version, base image, pages' address (DOCS_URL=https://… sets where docs/ is published)
	@$(BIN)/python connectors/metadata.py $(DOCS_URL)

contexts: ## build/NAME per connector, from which `airbyte-cdk image build build/NAME --dockerfile Dockerfile` builds
	@deploy/contexts.sh

images: $(INSTALLED) ## check the container images as far as possible without a container engine
	@deploy/check.sh

clean: ## remove everything that these commands created
	@rm -rf .venv .venv-others .venv-pyairbyte .venv-site .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage mutants build dist demo

$(INSTALLED): pyproject.toml constraints.txt setup.sh
	@./setup.sh
	@touch $@
