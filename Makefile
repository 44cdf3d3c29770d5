# make demo   install what transcribing needs into .venv and transcribe the recording in examples/
# make test   install everything into .venv-test, then lint, types and tests
# PYTHON      the interpreter to start from, 3.11 or newer

PYTHON ?= python3
CHECK_PYTHON = $(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if v >= (3, 11) else \
	"abcscribe needs Python 3.11 or newer, this is %d.%d; name another: make PYTHON=python3.12" % v)'
DEMO_FORMATS := abc,musicxml,midi,svg,pdf
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test lint clean

demo: .venv/installed
	.venv/bin/abcscribe transcribe examples/greensleeves.m4a --output demo-output --formats $(DEMO_FORMATS)
	@echo 'The same on a page that plays and follows it: .venv/bin/abcscribe serve examples/greensleeves.m4a'

test: lint
	.venv-test/bin/python -m pytest -q -n 2 --dist loadfile

lint: .venv-test/installed
	.venv-test/bin/ruff check .
	.venv-test/bin/ruff format --check .
	.venv-test/bin/mypy

.venv/installed: pyproject.toml constraints.txt
	@$(CHECK_PYTHON)
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv-test/installed: pyproject.toml constraints.txt
	@$(CHECK_PYTHON)
	$(PYTHON) -m venv .venv-test
	.venv-test/bin/pip install --quiet --constraint constraints.txt --editable '.[train,hf,evaluate,guitarpro,data,dev]'
	.venv-test/bin/pip install --quiet --constraint constraints.txt --no-deps basic-pitch
	touch $@

clean:
	rm -rf .venv .venv-test demo-output
