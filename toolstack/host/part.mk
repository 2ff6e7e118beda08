# What of the host's side is a file as it is: scripts, units, settings. Rows: file, place, mode.
define TS_HOST_FILE
TS_FILES += $(TS_ROOT)/$(2)
$(TS_ROOT)/$(2): toolstack/host/$(1)
	@mkdir -p $$(@D)
	$$(Q)install -m $(3) $$< $$@
endef
$(foreach f,block vif-bridge vif-route vif-nat,\
    $(eval $(call TS_HOST_FILE,scripts/$(f),etc/xen/scripts/$(f),755)))
$(eval $(call TS_HOST_FILE,scripts/hotplug.sh,etc/xen/scripts/hotplug.sh,644))
$(eval $(call TS_HOST_FILE,scripts/xendomains,$(TS_BINDIR)/xendomains,755))
$(foreach f,$(notdir $(wildcard toolstack/host/units/*)),\
    $(eval $(call TS_HOST_FILE,units/$(f),usr/lib/systemd/system/$(f),644)))
$(eval $(call TS_HOST_FILE,settings/xendomains,etc/default/xendomains,644))
$(eval $(call TS_HOST_FILE,settings/xen,usr/share/hospes/default.xen,644))
$(eval $(call TS_HOST_FILE,settings/hospes-logrotate,etc/logrotate.d/hospes,644))
$(eval $(call TS_HOST_FILE,settings/hospes-tmpfiles,usr/lib/tmpfiles.d/hospes.conf,644))

# Debian packages, of the release build: hospes-hypervisor and hospes-utils
.PHONY: deb
deb: ## build the Debian packages, below build/deb
	scripts/make-deb
