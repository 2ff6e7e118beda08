/*
 * The screen in VGA text mode, 80 x 25, as console sink vga. What it shows is kept in memory, so
 * that scrolling never reads the slow video memory. Runs under the console lock. The loader's mode
 * is used as it is; a graphical one is not ours to draw on. Manual: IBM VGA, CRT controller.
 */
#include <hv/arch.h>
#include <hv/boot.h>
#include <hv/cmdline.h>
#include <hv/console.h>
#include <hv/errno.h>
#include <hv/printk.h>
#include <hv/string.h>
#include <hv/video.h>

#define COLUMNS      80U
#define ROWS         25U
#define CELLS        (COLUMNS * ROWS)
#define TEXT_MEMORY  0xb8000
#define ATTRIBUTE    0x0700 /* grey on black */
#define TAB          8U
#define CRTC_INDEX   0x3d4
#define CRTC_DATA    0x3d5
#define CRTC_CURSOR  0x0e /* high byte, then low */
#define FB_TEXT_MODE 1

static void vga_puts(const char *s, size_t len);

static struct console_sink sink = { .name = "vga", .puts = vga_puts };
static volatile uint16_t *screen;
static uint16_t cells[CELLS];
static unsigned int cursor;
static unsigned int dirty_from, dirty_to; /* cells that the screen does not show yet */
static bool keep;

static int parse_vga(const char *value)
{
    while (*value) {
        const char *comma = strchr(value, ',');
        size_t len = comma ? (size_t)(comma - value) : strlen(value);

        if (len == 4 && !strncmp(value, "keep", len))
            keep = true;
        else if (!(len == 7 && !strncmp(value, "current", len)) &&
                 !(len == 10 && !strncmp(value, "text-80x25", len)))
            return -EINVAL;
        value += len + (comma ? 1 : 0);
    }
    return 0;
}
CUSTOM_OPTION("vga", parse_vga,
              "the screen: current or text-80x25 (the loader's mode is used); ,keep: do not leave "
              "it to dom0");

static void fill_cells(unsigned int from, unsigned int to)
{
    for (; from < to; from++)
        cells[from] = ATTRIBUTE | ' ';
}

static void touch(unsigned int from, unsigned int to)
{
    dirty_from = min(dirty_from, from);
    dirty_to = max(dirty_to, to);
}

static void scroll(void)
{
    memmove(cells, cells + COLUMNS, (CELLS - COLUMNS) * sizeof(cells[0]));
    fill_cells(CELLS - COLUMNS, CELLS);
    touch(0, CELLS);
    cursor -= COLUMNS;
}

static void put_char(char c)
{
    switch (c) {
    case '\n':
        cursor += COLUMNS - cursor % COLUMNS;
        break;
    case '\r':
        cursor -= cursor % COLUMNS;
        break;
    case '\t':
        cursor = (cursor / TAB + 1) * TAB;
        break;
    case '\b':
        cursor -= cursor % COLUMNS ? 1 : 0;
        break;
    default:
        if ((unsigned char)c < ' ')
            return;
        cells[cursor] = (uint16_t)(ATTRIBUTE | (unsigned char)c);
        touch(cursor, cursor + 1);
        cursor++;
    }
    if (cursor >= CELLS)
        scroll();
}

static void show(void)
{
    for (unsigned int i = dirty_from; i < dirty_to; i++)
        screen[i] = cells[i];
    dirty_from = CELLS;
    dirty_to = 0;
    outb(CRTC_INDEX, CRTC_CURSOR);
    outb(CRTC_DATA, (uint8_t)(cursor >> 8));
    outb(CRTC_INDEX, CRTC_CURSOR + 1);
    outb(CRTC_DATA, (uint8_t)cursor);
}

static void vga_puts(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        put_char(s[i]);
    show();
}

void vga_init(void)
{
    if (boot_info.fb.type != FB_TEXT_MODE)
        return;
    screen = arch_map_phys(paddr(TEXT_MEMORY), CELLS * sizeof(cells[0]), MAP_UNCACHED);
    if (!screen)
        return;
    fill_cells(0, CELLS);
    touch(0, CELLS);
    console_register(&sink);
}

void vga_give_to_dom0(void)
{
    if (!screen || keep)
        return;
    if (sink.enabled)
        printk(LOG_INFO, "The screen now belongs to dom0 (vga=keep would show both).\n");
    console_unregister(&sink);
}
