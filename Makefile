# SPDX-License-Identifier: Apache-2.0
# Everything runs in .venv, which `make .venv` builds from the pinned and hashed requirements.txt with nothing but Python >= 3.11.
# The first Python that is new enough; `make PYTHON=...` names another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
PROTO := byline_proto/v1/ledger.proto
PACKAGES := cli/src gate/src ledger/src lsp/src sdk/src

# The tests start thousands of processes: what one has compiled the others need not compile again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test beforehand check static fmt lint type docs proto bench growth lock

.venv: .venv/.done
.venv/.done: requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "byline needs Python 3.11 or later; name one with: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "this Python cannot make environments; install its venv package (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: .venv
	$(BIN)/byline demo

# A file's tests stay together, for they share what is costly to make; how many processes and which files first, tests/conftest.py says.
test: beforehand static
	$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder

beforehand: .venv
	@$(BIN)/python tests/beforehand.py </dev/null >/dev/null 2>&1 &

check: static
	$(BIN)/python -m pytest -q tests/test_house.py

static: .venv
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fmt: .venv
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: .venv
	$(BIN)/ruff check .
	$(BIN)/lint-imports

type: .venv
	$(BIN)/mypy

docs: .venv
	$(BIN)/python docs/commands.py > docs/commands.new && mv docs/commands.new docs/commands.md
	$(BIN)/python docs/agents.py > docs/agents.new && mv docs/agents.new docs/agents.md
	$(BIN)/python docs/kinds.py > docs/kinds.new && mv docs/kinds.new docs/kinds.md
	$(BIN)/python -m pytest -q tests/test_docs.py

# The generator is the oldest that the grpc extra allows, so that its output loads with every later runtime.
proto: .venv
	cd proto && ../$(BIN)/python -m grpc_tools.protoc -I. -I$$(../$(BIN)/python -c 'import google.rpc as it; print(*it.__path__[:1])')/../.. --plugin=protoc-gen-mypy_grpc=../$(BIN)/protoc-gen-mypy_grpc \
	  --python_out=src --pyi_out=src --grpc_python_out=src --mypy_grpc_out=src $(PROTO)

bench: .venv
	$(BIN)/python bench/run.py

growth: .venv
	$(BIN)/python bench/plot.py > docs/growth.new && mv docs/growth.new docs/growth.svg

lock: .venv
	$(BIN)/uv lock
	$(BIN)/uv export --frozen --quiet --extra dev --no-emit-project --no-header --no-annotate --output-file requirements.txt
