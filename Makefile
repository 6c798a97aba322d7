# Each target makes the environment that it needs under build/ and keeps it: the first run installs,
# later runs start at once. Needed beforehand: make, a C compiler, and Python 3.11 to 3.14.
#
# PYTHON=/path/to/python3 chooses the interpreter. SOFTXENT_ISA, SOFTXENT_NUM_THREADS and CFLAGS
# reach the programs as they are. PYTEST_ARGS="-k softmax" narrows the tests.

BUILD := build
SOURCES := $(shell find src cmake python CMakeLists.txt pyproject.toml -type f \
             -not -name '*.pyc' -not -path '*/.*' 2>/dev/null)

# What each environment installs: extras of the package.
EXTRAS_demo  := demo
EXTRAS_test  := test
EXTRAS_bench := bench
EXTRAS_dev   := dev
EXTRAS_docs  := docs,web

python = $(BUILD)/venv-$(1)/bin/python
pip = $(call python,$*) -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: help demo tour test accuracy reproducibility bench figures notebooks docs web web-test lint wheel wheels free-threaded clean
.DELETE_ON_ERROR:
.SECONDARY:

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The matrices of the demo are too small to be worth sharing between threads of the BLAS.
demo: $(BUILD)/venv-demo/installed  ## train, export, verify; writes build/demo/report.html
	@OPENBLAS_NUM_THREADS=1 $(call python,demo) -m softxent demo --out $(BUILD)/demo

tour: $(BUILD)/venv-demo/installed  ## draw the figures of docs/tour.md again
	@$(call python,demo) -m softxent tour --out docs

test: $(BUILD)/venv-test/installed  ## all tests: ctest for the C core, pytest for the package
	@tools/run-tests $(call python,test) $(BUILD)

accuracy: $(BUILD)/venv-test/installed  ## worst error of each function and dtype, and the row to blame
	@$(call python,test) tools/accuracy.py

reproducibility: $(BUILD)/venv-test/installed  ## same bits for instruction sets, threads and layouts
	@$(call python,test) tools/reproducibility.py

bench: $(BUILD)/venv-bench/installed  ## compare with torch, onnxruntime, JAX, SciPy, NumPy
	@$(call python,bench) tools/bench.py --goals --out $(BUILD)/bench

figures: $(BUILD)/venv-bench/installed  ## measure and draw the figures of README.md and docs/how again
	@$(call python,bench) tools/draw_figures.py

notebooks: $(BUILD)/venv-test/installed  ## run the notebooks of docs/tutorials and keep their output
	@$(call python,test) tools/run_notebooks.py

# A warning ends the build, so all pages are read anew each time; nothing comes from the network.
docs: $(BUILD)/venv-docs/installed  ## the documentation as a site; writes build/docs/index.html
	@rm -rf docs/reference/generated
	@$(call python,docs) -m sphinx --builder html --fresh-env --fail-on-warning --keep-going --quiet \
	  --doctree-dir $(BUILD)/doctrees docs $(BUILD)/docs
	@$(call python,docs) tools/check_site.py $(BUILD)/docs
	@echo "written: $(BUILD)/docs/index.html"

web: $(BUILD)/venv-docs/installed  ## a page that reads digits drawn in it; writes build/web/index.html
	@$(call python,docs) web/make.py --out $(BUILD)/web

web-test: $(BUILD)/venv-docs/installed  ## draw to that page in headless Chromium
	@$(call python,docs) -m pytest -q -p no:cacheprovider web

lint: $(BUILD)/venv-dev/installed  ## ruff, mypy, cython-lint
	$(call python,dev) -m ruff check .
	$(call python,dev) -m ruff format --check .
	$(call python,dev) -m mypy
	PATH="$(BUILD)/venv-dev/bin:$$PATH" cython-lint python/softxent

wheel: $(BUILD)/venv-dev/installed  ## source distribution and wheel in dist/
	@$(call python,dev) -m build --outdir dist .

wheels: $(BUILD)/venv-wheels/installed  ## Linux wheels for x86-64 and aarch64, glibc and musl, in dist/wheels/
	@$(call python,wheels) tools/wheels.py

# Minutes, the first time: that Python is built from source.
free-threaded: $(BUILD)/venv-wheels/installed  ## a Python without the GIL, the wheel for it, and the tests that need NumPy alone
	@$(call python,wheels) tools/newer_pythons.py free-threaded

clean:  ## remove everything that was built
	rm -rf $(BUILD) dist

# Without build isolation the objects of the last build stay valid: only what changed is compiled.
BUILD_REQUIREMENTS := import tomllib; \
  print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], "cmake", "ninja")

$(BUILD)/venv-%/created:
	@echo "Creating $(@D)"
	@python=$$(tools/pick-python) && "$$python" -m venv --clear $(@D)
	@$(pip) $$($(call python,$*) -c '$(BUILD_REQUIREMENTS)')
	@touch $@

# Compilers for other systems and what checks wheels, without the package itself.
WHEEL_TOOLS := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["wheels"])

$(BUILD)/venv-wheels/installed: $(BUILD)/venv-wheels/created pyproject.toml
	@$(call python,wheels) -m pip install --quiet --disable-pip-version-check $$($(call python,wheels) -c '$(WHEEL_TOOLS)')
	@touch $@

$(BUILD)/venv-%/installed: $(BUILD)/venv-%/created constraints.txt $(SOURCES)
	@echo "Building softxent and installing it with [$(EXTRAS_$*)] into $(@D)"
	@$(pip) --no-build-isolation --config-settings build-dir=$(BUILD)/cmake-$* ".[$(EXTRAS_$*)]"
	@touch $@
