Q := $(if $(V),,@) # make V=1 shows the commands
# The freestanding image of one architecture: build/hypervisor/$(ARCH)/hospes
HV_O   := $(O)/hypervisor/$(ARCH)
CROSS  := $(if $(filter arm64,$(ARCH)),aarch64-linux-gnu-)
ifeq ($(CC_KIND),clang)
HV_CC  := clang $(if $(filter arm64,$(ARCH)),--target=aarch64-linux-gnu)
else
HV_CC  := $(CROSS)gcc
endif
HV_LD  := $(CROSS)ld
HV_NM  := $(CROSS)nm
HV_OBJCOPY := $(CROSS)objcopy

HV_WARN := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Wundef -Wvla \
           -Wpointer-arith -Wwrite-strings -Wimplicit-fallthrough
HV_CFLAGS := -std=gnu17 -O2 -g $(HV_WARN) -ffreestanding -fno-builtin -fno-common -fno-strict-aliasing \
             -fno-asynchronous-unwind-tables -fno-stack-protector -include hypervisor/include/hv/visibility.h \
             -fno-omit-frame-pointer -fno-jump-tables \
             -nostdinc -isystem $(shell $(HV_CC) -print-file-name=include) \
             -Ihypervisor/include -Ihypervisor/$(SRCARCH)/include -I$(O)/include -D__XEN_TOOLS__ \
             $(if $(filter n,$(DEBUG)),-DNDEBUG)
HV_CFLAGS_x86_64 := -m64 -mno-red-zone -mgeneral-regs-only -fpie -fcf-protection=none -mno-sse
HV_CFLAGS_arm64  := -mgeneral-regs-only -fpie -mstrict-align -mno-outline-atomics
HV_CFLAGS += $(HV_CFLAGS_$(ARCH))

HV_AFLAGS = $(filter-out -include hypervisor/include/hv/visibility.h,$(HV_CFLAGS))

HV_DIRS := $(shell find hypervisor/core hypervisor/drivers hypervisor/$(SRCARCH) -type d)
HV_SRCS := $(foreach d,$(HV_DIRS),$(wildcard $(d)/*.c $(d)/*.S))
# Drivers and parts that only one architecture has
HV_ONLY_x86_64 := hypervisor/drivers/uart/pl011.c
HV_ONLY_arm64  := hypervisor/drivers/uart/ns16550.c $(wildcard hypervisor/drivers/acpi/*.c hypervisor/drivers/pci/*.c hypervisor/drivers/video/*.c)
HV_SRCS := $(filter-out $(HV_ONLY_$(ARCH)) %.lds.S,$(HV_SRCS))
HV_OBJS := $(patsubst hypervisor/%,$(HV_O)/%.o,$(HV_SRCS))
HV_LDS  := $(HV_O)/image.lds

hypervisor: $(HV_O)/hospes $(if $(filter arm64,$(ARCH)),$(HV_O)/Image)

$(HV_O)/%.c.o: hypervisor/%.c hypervisor/hypervisor.mk | $(O)/include/xen
	@mkdir -p $(@D)
	@echo '  CC $<'
	$(Q)$(HV_CC) $(HV_CFLAGS) -MMD -MP -c -o $@ $<
$(HV_O)/%.S.o: hypervisor/%.S hypervisor/hypervisor.mk | $(O)/include/xen
	@mkdir -p $(@D)
	@echo '  CC $<'
	$(Q)$(HV_CC) $(HV_AFLAGS) -D__ASSEMBLER__ -MMD -MP -c -o $@ $<
$(HV_LDS): hypervisor/$(SRCARCH)/image.lds.S
	@mkdir -p $(@D)
	$(Q)$(HV_CC) $(HV_AFLAGS) -D__ASSEMBLER__ -E -P -MMD -MP -MT $@ -x assembler-with-cpp -o $@ $<

# The symbol table for backtraces: its size is known after a first link, every address after a
# second one, and the third has the table of the second.
HV_LINK = $(HV_LD) -nostdlib -z noexecstack -z max-page-size=4096 --no-warn-rwx-segments --build-id=none -T $(HV_LDS)
$(HV_O)/hospes.1: $(HV_OBJS) $(HV_LDS)
	$(Q)$(HV_LINK) -o $@ $(HV_OBJS)
$(HV_O)/hospes.2: $(HV_O)/symbols.1.o
	$(Q)$(HV_LINK) -o $@ $(HV_OBJS) $<
$(HV_O)/hospes.debug: $(HV_O)/symbols.2.o
	$(Q)$(HV_LINK) -o $@ $(HV_OBJS) $<
# What is booted: without what only a debugger reads.
$(HV_O)/hospes: $(HV_O)/hospes.debug
	$(Q)$(HV_OBJCOPY) --strip-all $< $@
# What arm64 loaders take: the same without ELF around it
$(HV_O)/Image: $(HV_O)/hospes
	$(HV_OBJCOPY) -O binary $< $@
$(HV_O)/symbols.%.S: $(HV_O)/hospes.% scripts/symbols
	$(HV_NM) -n $< | scripts/symbols > $@
$(HV_O)/symbols.%.o: $(HV_O)/symbols.%.S
	$(Q)$(HV_CC) $(HV_AFLAGS) -c -o $@ $<

-include $(HV_OBJS:.o=.d) $(HV_LDS:.lds=.d)
