# Host unit tests: a folder each, tests/unit/NAME/*.c (cmocka), linked with the hypervisor sources
# that its file `sources` lists (one a line) and the fake architecture; ASan and UBSan.
UNIT_O      := $(O)/unit
UNIT_CC     ?= gcc
UNIT_CFLAGS := -std=gnu17 -O1 -g -Wall -Wextra -Werror -Wshadow -Wundef -Wvla \
               -fsanitize=address,undefined -fno-sanitize-recover=undefined -D__XEN_TOOLS__ \
               -Ihypervisor/include -Itests/unit/fake -Ihypervisor/x86/include -I$(O)/include
UNIT_LIBS   := -lcmocka -llzma -lz -llz4 -lzstd -lfdt
UNIT_NAMES  := $(notdir $(patsubst %/,%,$(dir $(wildcard tests/unit/*/sources))))
UNIT_TESTS  := $(UNIT_NAMES:%=$(UNIT_O)/%.t)

# A test is one compilation: any header may be in it.
UNIT_HDRS   := $(shell find hypervisor tests/unit -name '*.h')

unit-tests: $(UNIT_TESTS)
.PHONY: unit-tests

define UNIT_RULE
$(UNIT_O)/$(1).t: $(wildcard tests/unit/$(1)/*.c) tests/unit/$(1)/sources $(shell cat tests/unit/$(1)/sources) $(wildcard tests/unit/fake/*.c) $(UNIT_HDRS) | $(O)/include/xen
	@mkdir -p $(UNIT_O)
	@echo "  UNIT $(1)"
	@$(UNIT_CC) $(UNIT_CFLAGS) -o $(UNIT_O)/$(1).bin $(wildcard tests/unit/$(1)/*.c) $(shell cat tests/unit/$(1)/sources) $(wildcard tests/unit/fake/*.c) $(UNIT_LIBS)
	@printf '#!/bin/sh\nCMOCKA_MESSAGE_OUTPUT=TAP exec %s/$(1).bin\n' '$(abspath $(UNIT_O))' > $$@
	@chmod +x $$@
endef
$(foreach n,$(UNIT_NAMES),$(eval $(call UNIT_RULE,$(n))))
