# Two commands do everything: `make demo` and `make test`. Both create .venv on first use.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SOURCES := reviewer tests eval

.PHONY: demo test lint gate format bench clean

$(INSTALLED): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (the first time llama.cpp is compiled: about ten minutes on two cores)"
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -e '.[dev]'
	@touch $@

demo: $(INSTALLED)
	$(BIN)/reviewer models fetch
	$(BIN)/reviewer index build
	$(BIN)/reviewer doctor
	$(BIN)/reviewer check --channel phone --fail-on never --customer '你们售后部电话多少' '不清楚，你自己打他的手机！'

test: lint
	$(BIN)/python -m pytest
	$(MAKE) gate

# Forty dev examples against the floors of eval/floors.json; says which examples flipped.
gate: $(INSTALLED)
	$(BIN)/reviewer eval run --set smoke

lint: $(INSTALLED)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED)
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

bench: $(INSTALLED)
	$(BIN)/python eval/bench/rates.py
	$(BIN)/python eval/bench/check.py

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
