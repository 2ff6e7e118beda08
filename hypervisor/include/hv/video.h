/* The screen in VGA text mode. */
#ifndef HV_VIDEO_H
#define HV_VIDEO_H

/* If the loader left the screen in text mode: register it as the sink "vga". Maps memory. */
void vga_init(void);
/* Leave the screen to dom0, unless vga=keep. */
void vga_give_to_dom0(void);

#endif
