# The toolstack: libraries and programs of dom0, under build/toolstack, laid out below root/ as they
# are installed. A folder is a part: its C files (and those one folder deeper) are compiled into
# objects; the lists at the end say which parts make which library or program.
TS_O      := $(O)/toolstack
TS_ROOT   := $(TS_O)/root
TS_LIBDIR := usr/lib/x86_64-linux-gnu
# Daemons and helpers, at the place where Debian's toolstack has its own
TS_BINDIR := usr/lib/hospes/bin
ifeq ($(CC_KIND),clang)
TS_CC := clang
else
TS_CC := gcc
endif
TS_WARN   := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Wundef -Wvla \
             -Wpointer-arith -Wwrite-strings -Wimplicit-fallthrough
TS_CFLAGS := -std=gnu17 -O2 -g $(TS_WARN) -fPIC -fvisibility=hidden -fno-common -D_GNU_SOURCE -D__XEN_TOOLS__ -DHAVE_YAJL_YAJL_VERSION_H \
             -D_FORTIFY_SOURCE=2 -fstack-protector-strong -pthread -Itoolstack -I$(TS_O)/include $(TS_EXTRA)
TS_LDFLAGS := -Wl,-z,relro,-z,now -Wl,--as-needed -pthread $(TS_EXTRA)

# ts-objects PART: the objects of a part
ts-objects = $(patsubst %.c,$(TS_O)/%.o,$(wildcard toolstack/$(1)/*.c toolstack/$(1)/*/*.c))

$(TS_O)/toolstack/%.o: toolstack/%.c toolstack/toolstack.mk | $(TS_HEADERS)
	@mkdir -p $(@D)
	@echo '  CC $<'
	$(Q)$(TS_CC) $(TS_CFLAGS) -MMD -MP -c -o $@ $<

# program NAME,PART...,LIBRARIES: a program of these parts
define TS_PROGRAM
TS_PROGRAMS += $(TS_ROOT)/$(1)
$(TS_ROOT)/$(1): $$(foreach p,$(2),$$(call ts-objects,$$(p))) $(4)
	@mkdir -p $$(@D)
	@echo '  LD $(1)'
	$$(Q)$$(TS_CC) $$(TS_LDFLAGS) -o $$@ $$(filter %.o,$$^) $(3)
endef

# library NAME,VERSION,PREFIX,PART...,LIBRARIES: a shared library of these parts, with the names and
# symbol versions of Xen's own; only functions whose names begin with PREFIX_ are seen from outside.
# The objects that are seen are compiled with -fvisibility=default. What a library calls of itself is
# bound when it is linked, not each time a program starts.
define TS_LIBRARY
TS_LIBRARIES += $(TS_ROOT)/$(TS_LIBDIR)/lib$(1).so.$(2).0
$(TS_ROOT)/$(TS_LIBDIR)/lib$(1).so.$(2).0: $$(foreach p,$(4),$$(call ts-objects,$$(p))) $(6)
	@mkdir -p $$(@D)
	@echo '  LD $$(@F)'
	@echo 'VERS_$(2).0 { global: $(3)_*; local: *; };' > $(TS_O)/lib$(1).map
	$$(Q)$$(TS_CC) -shared $$(TS_LDFLAGS) -Wl,-z,defs -Wl,-Bsymbolic-functions -Wl,-soname,lib$(1).so.$(2) \
		-Wl,--version-script,$(TS_O)/lib$(1).map -o $$@ $$(filter %.o,$$^) $(5)
	$$(Q)ln -sf lib$(1).so.$(2).0 $$(@D)/lib$(1).so.$(2)
	$$(Q)ln -sf lib$(1).so.$(2) $$(@D)/lib$(1).so
endef

# Each part adds what it builds here: rows of TS_PROGRAM and TS_LIBRARY, and rules of its own.
-include $(wildcard toolstack/*/part.mk)

# Unit tests: a folder each, tests/toolstack/NAME/*.c (cmocka) with the files that its list `sources`
# names and the libraries that its list `libs` names; ASan and UBSan. They are among UNIT_TESTS.
TS_TEST_NAMES := $(notdir $(patsubst %/,%,$(dir $(wildcard tests/toolstack/*/sources))))
TS_TEST_CFLAGS := $(filter-out -O2 -D_FORTIFY_SOURCE=2 -Wmissing-prototypes,$(TS_CFLAGS)) -O1 \
                  -fsanitize=address,undefined -fno-sanitize-recover=undefined
define TS_TEST_RULE
UNIT_TESTS += $(UNIT_O)/toolstack-$(1).t
unit-tests: $(UNIT_O)/toolstack-$(1).t
$(UNIT_O)/toolstack-$(1).t: $(wildcard tests/toolstack/$(1)/*) $(shell cat tests/toolstack/$(1)/sources) $(shell find toolstack -name '*.h') | $(TS_HEADERS)
	@mkdir -p $(UNIT_O)
	@echo "  UNIT toolstack/$(1)"
	@$(TS_CC) $(TS_TEST_CFLAGS) -o $(UNIT_O)/toolstack-$(1).bin $(wildcard tests/toolstack/$(1)/*.c) $(shell cat tests/toolstack/$(1)/sources) -lcmocka $(shell cat tests/toolstack/$(1)/libs 2>/dev/null)
	@printf '#!/bin/sh\nCMOCKA_MESSAGE_OUTPUT=TAP exec %s/toolstack-$(1).bin\n' '$(abspath $(UNIT_O))' > $$@
	@chmod +x $$@
endef
$(foreach n,$(TS_TEST_NAMES),$(eval $(call TS_TEST_RULE,$(n))))

# docs/guide/messages.md has every sentence for an administrator, and no other
UNIT_TESTS += $(UNIT_O)/toolstack-messages.t
unit-tests: $(UNIT_O)/toolstack-messages.t
$(UNIT_O)/toolstack-messages.t: scripts/messages
	@mkdir -p $(UNIT_O)
	@printf '#!/bin/sh\nexec %s --check %s\n' '$(abspath $<)' '$(abspath docs/guide/messages.md)' > $@
	@chmod +x $@

.PHONY: toolstack
toolstack: $(TS_LIBRARIES) $(TS_PROGRAMS) $(TS_FILES) ## build the toolstack, below build/toolstack/root
-include $(shell find $(TS_O) -type f -name '*.d' 2>/dev/null)
