# Microguests: every folder of tests/guests with a main.c becomes build/guests/pv/<folder>.elf.
# A make fragment: paths are relative to the top of the tree. Uses CC_KIND, O (the build directory)
# and $(O)/include/xen (Xen's public headers), and provides the target `guests`.

O ?= build
GUESTS_CC := $(or $(CC_KIND),gcc)
GUESTS_DIR := tests/guests
GUESTS_LIB := $(GUESTS_DIR)/lib
GUESTS_OUT := $(O)/guests/pv

GUESTS_CFLAGS := -std=gnu17 -O2 -g -ffreestanding -fno-pic -fno-common -mcmodel=kernel -mno-red-zone \
    -mgeneral-regs-only -fcf-protection=none -fno-stack-protector -fno-asynchronous-unwind-tables \
    -Wall -Wextra -Werror -Wmissing-prototypes -Wshadow -Wundef -Wvla -Wimplicit-fallthrough \
    -D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__ -D__XEN_TOOLS__ \
    -isystem $(O)/include -I$(GUESTS_LIB) -I$(GUESTS_LIB)/pv
GUESTS_LDFLAGS := -nostdlib -static -Wl,--build-id=none -Wl,-z,noexecstack \
    -Wl,-z,max-page-size=4096 -Wl,-T,$(GUESTS_LIB)/pv/pv.lds

GUESTS_LIB_SRC := $(wildcard $(GUESTS_LIB)/*.c $(GUESTS_LIB)/pv/*.c $(GUESTS_LIB)/pv/*.S)
GUESTS_LIB_OBJ := $(patsubst $(GUESTS_LIB)/%,$(GUESTS_OUT)/lib/%.o,$(GUESTS_LIB_SRC))
GUESTS_NAMES := $(patsubst $(GUESTS_DIR)/%/main.c,%,$(wildcard $(GUESTS_DIR)/*/main.c))
GUESTS_ELF := $(GUESTS_NAMES:%=$(GUESTS_OUT)/%.elf) $(GUESTS_OUT)/bench.elf
GUESTS_BENCH_OBJ := $(patsubst tests/bench/guest/%.c,$(GUESTS_OUT)/bench/%.o,$(wildcard tests/bench/guest/*.c))

.PHONY: guests
guests: $(GUESTS_ELF)

$(GUESTS_OUT)/lib/%.o: $(GUESTS_LIB)/% | $(O)/include/xen
	@mkdir -p $(@D)
	$(GUESTS_CC) $(GUESTS_CFLAGS) -MMD -MP -c -o $@ $<

$(GUESTS_OUT)/%/main.o: $(GUESTS_DIR)/%/main.c | $(O)/include/xen
	@mkdir -p $(@D)
	$(GUESTS_CC) $(GUESTS_CFLAGS) -MMD -MP -c -o $@ $<

$(GUESTS_OUT)/bench/%.o: tests/bench/guest/%.c | $(O)/include/xen
	@mkdir -p $(@D)
	$(GUESTS_CC) $(GUESTS_CFLAGS) -MMD -MP -c -o $@ $<

$(GUESTS_OUT)/bench.elf: $(GUESTS_BENCH_OBJ) # beside its main.o, which the rule for all adds

$(GUESTS_OUT)/%.elf: $(GUESTS_OUT)/%/main.o $(GUESTS_LIB_OBJ) $(GUESTS_LIB)/pv/pv.lds
	$(GUESTS_CC) $(GUESTS_LDFLAGS) -o $@ $(filter %.o,$^)

.SECONDARY: $(GUESTS_NAMES:%=$(GUESTS_OUT)/%/main.o)
-include $(GUESTS_LIB_OBJ:.o=.d) $(GUESTS_NAMES:%=$(GUESTS_OUT)/%/main.d) $(GUESTS_BENCH_OBJ:.o=.d)
