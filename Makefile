# `make` alone lists what there is. Everything is installed into .venv and node_modules, nothing into the system.

BIN := .venv/bin
# How many processes run tests (one for each core), and what else to tell pytest: make test ARGS="-k refund"
WORKERS ?= logical
ARGS ?=

.PHONY: help
help:
	@echo "make demo      see it work: a shop with a year of orders, on one address (DEMO_PORT, DEMO_HISTORY,"
	@echo "               DEMO_TRAFFIC=0, DEMO_KEEP=1); Ctrl-C ends it"
	@echo "make smoke     the same without a browser: earns, approves, refunds, compares every cent"
	@echo "make chaos     a busy day while everything fails, compared to the cent with a good one (ORDERS, SEED, PERCENT)"
	@echo "make test      all tests, on a real PostgreSQL and a real Valkey (ARGS=\"-k refund\")"
	@echo "make screenshots  pictures of every page and of every mail, into docs/screens"
	@echo "make coverage  all tests, and which branch of app/engine none of them takes (none may be left)"
	@echo "make check     lint, format, types, import contracts, lock files"
	@echo "make bench     the benchmarks, one JSON line for each figure (BENCH=\"rules books\")"
	@echo "make messages  collect the sentences to translate, into app/translations"
	@echo "make lock      compute the lock files anew (UPGRADE=--upgrade for newer versions)"
	@echo "make clean     remove what make has made"
	@echo
	@echo "Needs Python 3.11 or newer, and nothing else. The tests also use npm and Chromium where there are any."
	@echo "PYTHON=… names another Python."

.PHONY: demo
demo: install-demo
	@exec $(BIN)/python -m local.demo

.PHONY: smoke
smoke: install-demo
	@exec $(BIN)/python -m local.smoke

.PHONY: chaos
chaos: install-demo
	@exec $(BIN)/python -m local.chaos

.PHONY: test
test: install-dev
	@$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 8 --dist worksteal $(ARGS)

.PHONY: screenshots
screenshots: install-dev
	@$(BIN)/python -m pytest tests/admin/test_rooms.py tests/mail/test_pictures.py \
		tests/storefront/test_pages_browser.py --screens docs/screens

.PHONY: coverage
coverage: ARGS += --cov --cov-report=term
coverage: test

.PHONY: check
check: install-dev
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/mypy --no-error-summary
	$(BIN)/lint-imports --no-logo
	$(BIN)/deptry --no-ansi .
	$(BIN)/vulture --min-confidence 100 --ignore-names trace,attr app sandbox local wsgi.py
	$(BIN)/python -m pytest tests/house/test_lock_files.py

# Which of bench/*.py to run.
BENCH ?= $(filter-out __init__,$(basename $(notdir $(wildcard bench/*.py))))

.PHONY: bench
bench: install-dev
	@for name in $(BENCH); do $(BIN)/python -m bench.$$name || exit 1; done

COMPILE = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	--python-version 3.11 $(UPGRADE) pyproject.toml

.PHONY: lock
lock: install-dev
	$(COMPILE) --extra demo --group dev --output-file requirements/dev.txt
	$(COMPILE) --extra demo --output-file requirements/demo.txt
	$(COMPILE) --output-file requirements/run.txt
	npm install --package-lock-only --ignore-scripts --loglevel=error

# Sentences stand in calls of these; `say`, `marked` and the errors are what the engine says.
KEYWORDS = -k lazy_gettext -k say -k marked -k Refused -k NotFound -k NotAllowed -k NotYet -k Broken -k ValidationError -k BadMoment

.PHONY: messages
messages: install-dev
	@mkdir -p var
	$(BIN)/pybabel --quiet extract --no-location --omit-header --sort-output --no-wrap -F babel.cfg $(KEYWORDS) -o var/messages.pot .
	@for language in de fr es; do \
		test -f app/translations/$$language.po || touch app/translations/$$language.po; \
		$(BIN)/pybabel --quiet update --no-fuzzy-matching --ignore-obsolete --omit-header --no-wrap --ignore-pot-creation-date \
			-i var/messages.pot -o app/translations/$$language.po -l $$language; done

.PHONY: clean
clean:
	rm -rf .coverage .venv node_modules var/demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: install-demo install-dev
install-demo install-dev:
	@PYTHON="$(PYTHON)" local/install.sh $(@:install-%=%)
