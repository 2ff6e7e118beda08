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
