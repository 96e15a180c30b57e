# Every target is one word; `make` lists them.
SHELL := /bin/sh
PYTHON := .venv/bin/python
STAMP := .venv/.installed
export PYTHONPATH := .

.DEFAULT_GOAL := help
.PHONY: help setup run test check bench torture fuzz delivery quality docs clean lock

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

setup: $(STAMP)  ## make .venv with the locked dependencies

$(STAMP): requirements/dev.txt
	@sh deploy/environment.sh
	@touch $@

run: $(STAMP)  ## run the demo: simulator, engine, embedded Redis (ARGS="--seconds 25 --headless")
	@./riverguard demo $(ARGS)

test: $(STAMP)  ## run every test (ARGS="-k windows")
	@$(PYTHON) -m cli.kernels
	@$(PYTHON) -m pytest -n 2 --dist loadfile $(ARGS)

check: $(STAMP)  ## format, lint, types
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy

bench: $(STAMP)  ## speed against the naive loop, in the same run (ARGS="--quick")
	@$(PYTHON) -m benchmarks.speed.run $(ARGS)

torture: $(STAMP)  ## kill, cut off and rescale the engine, compare every alert (ARGS="--kills 200 --seed 7")
	@$(PYTHON) -m cli.kernels
	@$(PYTHON) -m benchmarks.torture.run $(ARGS)

fuzz: $(STAMP)  ## hostile input by the million (ARGS="--inputs 1000000 --seed 7")
	@$(PYTHON) -m benchmarks.fuzz.run $(ARGS)

delivery: $(STAMP)  ## Kafka in, alert out: rate, latency, endurance (ARGS="latency --seconds 60")
	@$(PYTHON) -m benchmarks.delivery.run $(ARGS)

quality: $(STAMP)  ## what the rules catch and how often they err (ARGS="--days 30 --seed 7")
	@$(PYTHON) -m benchmarks.quality.run $(ARGS)

docs: $(STAMP)  ## check that the documents match the code
	@$(PYTHON) -m pytest -q tests/test_docs.py tests/test_docs_alerts.py \
		tests/test_docs_schema.py tests/test_docs_learn.py

lock:  ## renew requirements/*.txt (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url pyproject.toml -o requirements/run.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --group dev pyproject.toml -o requirements/dev.txt

clean:  ## remove what can be made again
	@rm -rf .venv build out .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
