# hospes: one Makefile, not recursive. `make help` lists what it can do.
ARCH  ?= x86_64
DEBUG ?= y
CC_KIND ?= gcc
O     := build
SRCARCH := $(if $(filter x86_64,$(ARCH)),x86,$(ARCH))

.DEFAULT_GOAL := hypervisor
.SUFFIXES:
.DELETE_ON_ERROR:

include hypervisor/hypervisor.mk
include tests/unit/unit.mk
-include tests/guests/guests.mk
-include tests/host/host.mk
include toolstack/toolstack.mk

.PHONY: all hypervisor run host test check bench clean help format format-check deps

all: hypervisor unit-tests guests

run: ## install what is missing, build, boot the demo: a Debian dom0 on hospes, and a guest
	scripts/deps build toolstack run
	scripts/fetch
	$(MAKE) hypervisor toolstack
	scripts/demo

host: ## a shell in a Debian dom0 with Debian's toolstack for guests
	scripts/deps build run test
	scripts/fetch
	$(MAKE) hypervisor
	scripts/run-host --interactive

test: ## install, build, run every test
	scripts/test

check: unit-tests ## the unit tests, with ASan and UBSan
	prove $(UNIT_TESTS)

bench: ## hospes and Debian's Xen on the same work, as a table of ratios
	scripts/deps build run bench toolstack
	scripts/fetch all
	$(MAKE) guests toolstack
	$(MAKE) DEBUG=n O=$(O)/release $(O)/release/hypervisor/x86_64/hospes
	tests/bench/run $(O)/release/hypervisor/x86_64/hospes

format: ## lay out all C files
	git ls-files '*.c' '*.h' | xargs clang-format -i

format-check:
	git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror

clean: ## remove what was compiled; downloads stay
	rm -rf $(O)/hypervisor $(O)/toolstack $(O)/unit $(O)/guests $(O)/deb

help:
	@grep -hE '^[a-z-]+:.*##' Makefile toolstack/toolstack.mk | sed 's/:.*##/\t/' | expand -t14

# The public ABI's headers, from the package libxen-dev.
$(O)/include/xen: | $(O)
	mkdir -p $(O)/include
	ln -sfn /usr/include/xen $@
$(O):
	mkdir -p $@
