# make demo   install what transcribing needs into .venv and transcribe the recording in examples/
# make test   install everything into .venv-test, then lint, types and tests
# make release VERSION=1.2.3   the changelog's section, wheel and sdist (built twice, equal), tried in a clean environment
# PYTHON      the interpreter to start from, 3.11 or newer

PYTHON ?= python3
CHECK_PYTHON = $(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if v >= (3, 11) else \
	"abcscribe needs Python 3.11 or newer, this is %d.%d; name another: make PYTHON=python3.12" % v)'
DEMO_FORMATS := abc,musicxml,midi,svg,pdf
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test lint platforms locks release clean

demo: .venv/installed
	.venv/bin/abcscribe transcribe examples/greensleeves.m4a --output demo-output --formats $(DEMO_FORMATS)
	@echo 'The same on a page that plays and follows it: .venv/bin/abcscribe serve examples/greensleeves.m4a'

test: lint
	.venv-test/bin/python -m pytest -q -n 2 --dist loadfile

lint: .venv-test/installed
	.venv-test/bin/ruff check .
	.venv-test/bin/ruff format --check .
	.venv-test/bin/mypy

# What the type checker knows of the other systems: names that their standard library lacks are errors
platforms: .venv-test/installed
	.venv-test/bin/mypy --platform win32
	.venv-test/bin/mypy --platform darwin

release: .venv-release/installed
	@test -n '$(VERSION)' || { echo 'Which? make release VERSION=1.2.3' >&2; exit 1; }
	@test -z "$$(git status --porcelain)" || { echo 'Commit first: a release is made of a tree without changes.' >&2; exit 1; }
	.venv-release/bin/python release/prepare.py $(VERSION)
	.venv-release/bin/python release/build_twice.py dist
	.venv-release/bin/python release/try_wheel.py dist .venv-wheel
	.venv-release/bin/python release/licences.py .venv-wheel
	.venv-release/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
		--output-file dist/abcscribe-$(VERSION).cdx.json .venv-wheel/bin/python
	@echo 'dist/ is ready. To publish it: git commit -am "Release $(VERSION)", git tag v$(VERSION), and upload wheel and sdist.'

# The light core's versions with hashes, from constraints.txt
locks: .venv-release/installed
	.venv-release/bin/uv pip compile pyproject.toml --constraint constraints.txt --universal --generate-hashes --quiet \
		--python-version 3.11 --no-emit-index-url --no-annotate --custom-compile-command 'make locks' \
		--output-file constraints-light.txt

.venv-release/installed: pyproject.toml
	@$(CHECK_PYTHON)
	$(PYTHON) -m venv .venv-release
	.venv-release/bin/pip install --quiet 'build>=1.2' 'cyclonedx-bom>=7' 'uv>=0.8'
	touch $@

.venv/installed: pyproject.toml constraints.txt
	@$(CHECK_PYTHON)
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv-test/installed: pyproject.toml constraints.txt
	@$(CHECK_PYTHON)
	$(PYTHON) -m venv .venv-test
	.venv-test/bin/pip install --quiet --constraint constraints.txt --editable '.[train,hf,evaluate,guitarpro,data,cluster,dev]'
	.venv-test/bin/pip install --quiet --constraint constraints.txt --no-deps basic-pitch jukebox-infer unidecode
	touch $@

clean:
	rm -rf .venv .venv-test .venv-release .venv-wheel dist demo-output
