# The front door; `make help` lists what it opens. Meson and the scripts do the work.
BUILD ?= build
# In CI a warning ends the build.
WERROR := $(if $(filter true 1,$(CI)),-Dwerror=true)

.PHONY: help setup build demo test check bench fmt clean install
help:
	@echo 'make setup    install the Debian packages of packages/*.txt (root or sudo)'
	@echo 'make build    set up, configure and compile; the program is build/puras'
	@echo 'make demo     build, start a server on an empty folder, make pictures, films, a song and a voice, audit the books'
	@echo 'make test     unit tests (plain and with sanitizers) and scenario tests, under 8 minutes'
	@echo 'make check    everything that takes longer: other compilers, threads, fuzzers, simulator, kills'
	@echo 'make bench    run tests/bench and print the figures'
	@echo 'make fmt      format the C sources with clang-format'
	@echo 'make install  install the program, the helper and the catalog (PREFIX=/usr/local)'
	@echo 'make clean    remove the build folders'

setup:
ifneq ($(SETUP),no)
	@scripts/setup.sh
endif

build: setup
	@scripts/build.sh $(BUILD) --buildtype=release $(WERROR)

demo: build
	@scripts/demo.sh $(BUILD)

test: build
	@tests/run.sh $(BUILD)

check: test
	@scripts/check.sh

bench: build
	@scripts/bench.sh $(BUILD)

fmt:
	@git ls-files '*.c' '*.h' | grep -v '^tests/house/bad/' | xargs clang-format -i

install: build
	@scripts/install.sh $(BUILD) "$${DESTDIR:-}$${PREFIX:-/usr/local}"

clean:
	rm -rf build build-asan build-tsan build-clang build-gcc build-fuzz demo-out
