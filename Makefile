# `make demo` and `make test` set up all they need: an environment in .venv, pinned packages, system libraries.
# Another interpreter: `make demo PYTHON=/path/to/python3.12`.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.sceneforge-installed
PEERS := $(VENV)/.sceneforge-peers
OUT := out
PYTHON ?=

.PHONY: demo test check setup format bench clean

demo: setup
	@$(BIN)/sceneforge demo -o $(OUT)/demo

test: check
	@$(BIN)/python -m pytest

check: setup
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: setup
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: setup $(PEERS)
	@mkdir -p $(OUT)/bench
	@for name in $$($(BIN)/sceneforge bench --list); do \
		echo "bench $$name"; $(BIN)/sceneforge bench $$name --json > $(OUT)/bench/$$name.json || exit 1; \
	done; echo "Results are in $(OUT)/bench"

clean:
	rm -rf $(VENV) $(OUT) build dist *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find sceneforge perception placement rendering tests -name __pycache__ -type d -prune -exec rm -rf {} +

setup: $(STAMP)
	@$(BIN)/python -m sceneforge.doctor

# An interpreter that is new enough and can make environments; where only venv is missing, apt-get may add it.
define find_python
works() { "$$1" -c 'import ensurepip, venv, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }; \
pick() { for p in $(PYTHON) python3.11 python3.12 python3.13 python3; do works "$$p" && { echo "$$p"; return 0; }; done; return 1; }; \
if ! python=$$(pick); then \
	root=; [ "$$(id -u)" = 0 ] || root="sudo -n"; \
	if command -v apt-get >/dev/null && $$root true 2>/dev/null; then \
		echo "Installing python3 and python3-venv with apt-get"; \
		$$root apt-get -qq update; \
		$$root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends python3 python3-venv >/dev/null; \
	fi; \
	python=$$(pick) || { \
		echo "SceneForge needs Python 3.11, 3.12 or 3.13 with its venv module." >&2; \
		echo "Install it with: sudo apt-get install -y python3 python3-venv" >&2; \
		exit 1; \
	}; \
fi
endef

$(STAMP): pyproject.toml constraints.txt
	@set -e; if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		$(find_python); \
		echo "Making an environment in $(VENV) with $$($$python --version)"; \
		"$$python" -m venv --clear $(VENV); \
	fi
	@echo "Installing the pinned packages (about 2.5 GB on disk)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,paint,models]'
	@touch $@

$(PEERS): $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[peers]'
	@$(BIN)/python -m sceneforge.doctor --peers
	@touch $@
