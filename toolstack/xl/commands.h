/*
 * The functions of the commands, for the table. Each returns the exit status.
 */
#ifndef XL_COMMANDS_H
#define XL_COMMANDS_H

struct args;

/* create.c */
int run_create(const struct args *args);
int run_config_update(const struct args *args);
/* lifecycle.c */
int run_destroy(const struct args *args);
int run_shutdown(const struct args *args);
int run_reboot(const struct args *args);
int run_pause(const struct args *args);
int run_unpause(const struct args *args);
int run_rename(const struct args *args);
int run_trigger(const struct args *args);
int run_button_press(const struct args *args);
int run_sysrq(const struct args *args);
/* list.c */
int run_list(const struct args *args);
int run_vm_list(const struct args *args);
int run_domid(const struct args *args);
int run_domname(const struct args *args);
int run_claims(const struct args *args);
int run_sharing(const struct args *args);
int run_uptime(const struct args *args);
/* console.c */
int run_console(const struct args *args);
int run_vncviewer(const struct args *args);
/* save.c, migrate.c, remus.c */
int run_save(const struct args *args);
int run_restore(const struct args *args);
int run_dump_core(const struct args *args);
int run_migrate(const struct args *args);
int run_migrate_receive(const struct args *args);
int run_remus(const struct args *args);
/* memory.c */
int run_mem_max(const struct args *args);
int run_mem_set(const struct args *args);
/* vcpu.c */
int run_vcpu_list(const struct args *args);
int run_vcpu_pin(const struct args *args);
int run_vcpu_set(const struct args *args);
/* sched.c */
int run_sched_credit(const struct args *args);
int run_sched_credit2(const struct args *args);
int run_sched_rtds(const struct args *args);
/* cpupool.c */
int run_cpupool_create(const struct args *args);
int run_cpupool_list(const struct args *args);
int run_cpupool_destroy(const struct args *args);
int run_cpupool_rename(const struct args *args);
int run_cpupool_cpu_add(const struct args *args);
int run_cpupool_cpu_remove(const struct args *args);
int run_cpupool_migrate(const struct args *args);
int run_cpupool_numa_split(const struct args *args);
/* info.c */
int run_info(const struct args *args);
int run_dmesg(const struct args *args);
int run_debug_keys(const struct args *args);
int run_set_parameters(const struct args *args);
int run_top(const struct args *args);
/* block.c */
int run_block_attach(const struct args *args);
int run_block_list(const struct args *args);
int run_block_detach(const struct args *args);
int run_cd_insert(const struct args *args);
int run_cd_eject(const struct args *args);
/* network.c */
int run_network_attach(const struct args *args);
int run_network_list(const struct args *args);
int run_network_detach(const struct args *args);
/* devices.c */
int run_channel_list(const struct args *args);
int run_vtpm_attach(const struct args *args);
int run_vtpm_list(const struct args *args);
int run_vtpm_detach(const struct args *args);
int run_vkb_attach(const struct args *args);
int run_vkb_list(const struct args *args);
int run_vkb_detach(const struct args *args);
/* media.c */
int run_vdispl_attach(const struct args *args);
int run_vdispl_list(const struct args *args);
int run_vdispl_detach(const struct args *args);
int run_vsnd_attach(const struct args *args);
int run_vsnd_list(const struct args *args);
int run_vsnd_detach(const struct args *args);
/* pci.c */
int run_pci_attach(const struct args *args);
int run_pci_detach(const struct args *args);
int run_pci_list(const struct args *args);
int run_pci_assignable_add(const struct args *args);
int run_pci_assignable_remove(const struct args *args);
int run_pci_assignable_list(const struct args *args);
/* usb.c */
int run_usbctrl_attach(const struct args *args);
int run_usbctrl_detach(const struct args *args);
int run_usbdev_attach(const struct args *args);
int run_usbdev_detach(const struct args *args);
int run_usb_list(const struct args *args);
/* flask.c */
int run_getenforce(const struct args *args);
int run_setenforce(const struct args *args);
int run_loadpolicy(const struct args *args);
/* psr.c */
int run_psr_hwinfo(const struct args *args);
int run_psr_cmt_attach(const struct args *args);
int run_psr_cmt_detach(const struct args *args);
int run_psr_cmt_show(const struct args *args);
int run_psr_cat_set(const struct args *args);
int run_psr_cat_show(const struct args *args);
int run_psr_mba_set(const struct args *args);
int run_psr_mba_show(const struct args *args);
/* misc.c */
int run_devd(const struct args *args);
int run_qemu_monitor_command(const struct args *args);
/* doctor.c */
int run_doctor(const struct args *args);
/* help.c, generate.c */
int run_help(const struct args *args);
int run_generate(const struct args *args);

#endif
