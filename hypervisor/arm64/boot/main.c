/*
 * From head.S to core's hospes_main(): the device tree becomes boot_info. A loader that passes no
 * tree cannot be told so, there is no console then.
 */
#include <hv/arch.h>
#include <hv/cmdline.h>
#include <hv/console.h>
#include <hv/errno.h>
#include <hv/printk.h>
#include <hv/string.h>
#include <hv/uart.h>
#include <arch/device_tree.h>
#include <arch/percpu.h>
#include "boot.h"

#define PL011_SIZE 0x1000

struct boot_info boot_info;
struct dt device_tree;

static int open_device_tree(uint64_t phys)
{
    const void *header = arch_map_phys(paddr(phys), 8, MAP_READONLY), *tree;
    int size;

    if (!header)
        return -EINVAL;
    size = dt_total_size(header);
    arch_unmap((void *)(uintptr_t)header, 8);
    if (size < 0)
        return size;
    tree = arch_map_phys(paddr(phys), (size_t)size, MAP_READONLY);
    return tree ? dt_open(&device_tree, tree, (size_t)size) : -ENOMEM;
}

static void fill_boot_info(uint64_t dtb_phys)
{
    const char *bootargs =
        dt_string(&device_tree, dt_find_path(&device_tree, "/chosen"), "bootargs");

    boot_info.loader = "a loader with a device tree";
    boot_info.cmdline = bootargs ? bootargs : "";
    memory_map_from_tree(&boot_info, &device_tree, dtb_phys);
}

/* "/soc/serial@9000000:115200n8", or the name of an alias in place of the path. */
static dt_node_t find_stdout(void)
{
    const char *s = dt_string(&device_tree, dt_find_path(&device_tree, "/chosen"), "stdout-path");
    char path[128];
    size_t len;

    if (!s)
        return -ENOENT;
    len = strchr(s, ':') ? (size_t)(strchr(s, ':') - s) : strlen(s);
    if (len >= sizeof(path))
        return -ENOENT;
    memcpy(path, s, len);
    path[len] = '\0';
    if (path[0] == '/')
        return dt_find_path(&device_tree, path);
    s = dt_string(&device_tree, dt_find_path(&device_tree, "/aliases"), path);
    return s ? dt_find_path(&device_tree, s) : -ENOENT;
}

dt_node_t device_tree_console(void)
{
    dt_node_t node = find_stdout();

    if (node < 0 || !dt_is_compatible(&device_tree, node, "arm,pl011"))
        node = dt_find_compatible(&device_tree, -1, "arm,pl011");
    return node;
}

void arch_init_console(void)
{
    dt_node_t node = device_tree_console();
    uint64_t address, size;
    void *registers;

    if (node < 0 || dt_reg(&device_tree, node, 0, &address, &size) || size < PL011_SIZE)
        return;
    registers = arch_map_phys(paddr(address), PL011_SIZE, MAP_UNCACHED);
    if (registers)
        pl011_init(registers);
}

void arch_init_console_late(void)
{
}

void arch_console_give_to_dom0(void)
{
}

void arm64_main(uint64_t dtb_phys, uint64_t image_phys)
{
    memcpy((void *)cpu_area(0), __start_percpu_data,
           (size_t)(__stop_percpu_data - __start_percpu_data));
    arch_init_traps();
    boot_drop_identity(image_phys);
    if (open_device_tree(dtb_phys))
        arch_halt();
    fill_boot_info(dtb_phys);
    cmdline_parse(boot_info.cmdline);
    console_init();
    hospes_main();
}
