# make run    a daemon on this machine: SMTP on 127.0.0.1:8025, outgoing mail as files under run/
# make test   the tests
# make demo   a short story told with a virtual clock, nothing is sent
# make lint   style, types and import rules
# make clean  removes .venv and caches; never run/, which holds mail
#
# Needs Python 3.11 or newer with venv; another interpreter: make clean && make test PYTHON=python3.13

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.mailgate-ready
DIR ?= run
ARGS ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

# The tests start many interpreters: each would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test demo lint clean venv
.DEFAULT_GOAL := help

help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

run: $(READY)
	@test -e $(DIR)/mailgate.toml || $(BIN)/mailgate init $(DIR)
	@exec $(BIN)/mailgate serve --welcome --config $(DIR)

test: $(READY)
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

demo: $(READY)
	@$(BIN)/mailgate demo $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -path ./.git -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +

venv: $(READY)

# The stamp is newer than the lock and the metadata: a second call installs nothing.
$(READY): requirements.lock pyproject.toml
	@$(check_python)
	@$(BIN)/python -c 'import pip' 2>/dev/null || { rm -rf $(VENV); echo "mailgate: making $(VENV) with $(PYTHON)"; $(PYTHON) -m venv $(VENV); }
	@echo "mailgate: installing the packages of requirements.lock (about a minute)"
	@$(PIP) install --quiet --require-hashes -r requirements.lock
	@$(PIP) install --quiet --no-build-isolation --no-deps --editable .
	@touch $@

APT := apt-get install -y python3 python3-venv

define check_python
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	found=$$($(PYTHON) --version 2>&1) || found="no program called $(PYTHON)"; \
	echo "mailgate needs Python 3.11 or newer; found: $$found."; \
	echo "  Debian 12, Ubuntu 24.04 and later:  $(APT)"; \
	echo "  or name one that is here:           make PYTHON=python3.12 $(MAKECMDGOALS)"; \
	exit 69; } >&2; \
$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	echo "mailgate: $(PYTHON) has no venv or no pip. Install both, then call make again:"; \
	echo "  $(APT)"; \
	exit 69; } >&2
endef
