# What jobs in dom0 take along: `make load`, the work of guests that move (load.c), and that as an
# initramfs to be appended to theirs. A make fragment: paths are relative to the top of the tree.
O ?= build

.PHONY: load
load: $(O)/load.cpio

$(O)/load: tests/host/load.c
	@mkdir -p $(@D)
	$(or $(CC_KIND),gcc) -std=gnu17 -O2 -s -static -Wall -Wextra -Werror -Wshadow -o $@ $<

$(O)/load.cpio: $(O)/load
	cd $(O) && echo load | cpio -o -H newc --quiet >load.cpio

# A guest made by the toolstack's builder, without libxl (build-domain.c)
.PHONY: build-domain
build-domain: $(O)/build-domain

$(O)/build-domain: tests/host/build-domain.c $(wildcard toolstack/xc/*.[ch] toolstack/builder/*.[ch] toolstack/unpack/*.[ch])
	@mkdir -p $(@D)
	$(or $(CC_KIND),gcc) -std=gnu17 -O2 -g -Wall -Wextra -Werror -Wshadow -D_GNU_SOURCE -D__XEN_TOOLS__ \
		-Itoolstack -o $@ $(filter %.c,$^) -lxencall -lxenforeignmemory -lxenevtchn -lxenstore \
		-lz -lbz2 -llzma -llz4 -lzstd

# What an HVM guest starts in place of a kernel (direct.S)
.PHONY: direct
direct: $(O)/direct.bin

$(O)/direct.bin: tests/host/direct.S
	@mkdir -p $(@D)
	gcc -m32 -c -o $(O)/direct.o $<
	objcopy -O binary -j .text $(O)/direct.o $@
