# The two commands to know: `make run` shows a completion, `make test` runs all tests.
# Everything is installed into .venv; the compiled llama-cpp-python is kept in pip's cache.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: run test test-pythons test-as-on-windows test-wheel test-training test-editors vsix release evaluation check format install clean

run: install
	$(BIN)/infill-ls complete examples/shop/shop/orders.py:4

# Two at a time: most tests wait for processes to start. In the order of the folders: by default the files with
# the fewest tests come last, which are those with the longest ones, and one process would wait for the other.
test: install
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

# The tests that start no server, on each Python that we support and that is found; says which are missing.
test-pythons: install
	tools/test_pythons.sh

# The tests of the whole server once more, without what Windows' Python does not have.
test-as-on-windows: install
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --as-on-windows tests/e2e

# The wheel, installed alone into a clean environment, completes a line.
test-wheel: install
	tools/check_wheel.sh $(BIN)/python

# The recipe that trains the bundled model, with a toy on the CPU. PyTorch goes into build/training.
test-training: install build/training/.installed
	PYTHONPATH=build/training:. $(BIN)/pytest tests/training

build/training/.installed: training/requirements.txt
	$(BIN)/pip install --quiet --no-compile --target build/training --upgrade -r $<
	@touch $@

# In real editors, which are installed into build/editors. Needs Debian and, the first time, root.
test-editors: install
	tests/editors/run.sh

# The figures of docs/evaluation.md: half an hour on two cores that have nothing else to do.
evaluation: install
	$(BIN)/python -m bench.evaluation.report

# The VS Code extension, with the server in it, as a package: editors/vscode/infill-ls.vsix.
vsix: install
	tools/vsix.sh

# All that a release consists of, built and checked: dist/.
release: install
	tools/release.sh

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry server retrieval
	tools/check_clients.sh

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	tools/check_clients.sh --fix

install: $(STAMP)

$(STAMP): pyproject.toml
	@./tools/install.sh "$(PYTHON)" "$(VENV)"
	@touch $@

clean:
	rm -rf $(VENV) build dist
