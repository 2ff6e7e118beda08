# debian-image.bash: how a disk with a Debian 12 on it is made; sourced by debian-root and host-root.
#
# The caller has set $scripts, $build and $image. Needs root for debootstrap and chroot.
# shellcheck shell=bash disable=SC2154 # set by the caller
debian=$build/debian
export PATH=$PATH:/usr/sbin:/sbin

# bootstrap PACKAGE...: Debian with these packages, and the machine it is, in the new folder $tree.
bootstrap() {
    local mirror proxy= IFS=,
    mirror=$("$scripts/mirror" --uri)
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [ -z "$proxy" ] || export http_proxy="${http_proxy:-$proxy}"

    tree=$(mktemp -d "$debian/root-tree.XXXXXX")
    trap 'rm -rf --one-file-system "$tree" "$image.new"' EXIT
    chmod 755 "$tree"
    mkdir -p "$build/debs/archives"
    echo "${0##*/}: debootstrap from $mirror (some minutes)"
    debootstrap --variant=minbase --cache-dir="$build/debs/archives" --include="$*" \
        bookworm "$tree" "$mirror" >"$tree.log" 2>&1 || {
        tail -n 20 "$tree.log" >&2
        exit 1
    }
    rm -f "$tree.log"

    echo dom0 >"$tree/etc/hostname"
    printf '127.0.0.1 localhost\n127.0.1.1 dom0\n' >"$tree/etc/hosts"
    chroot "$tree" passwd -qd root
    printf 'hospes dom0' | md5sum | cut -d ' ' -f 1 >"$tree/etc/machine-id"
}

# install PACKAGE...: with what they depend on, from the machine's own package sources, with no
# service started. apt runs outside of the tree, where its keys and proxies are, dpkg inside.
install() {
    printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
    chmod 755 "$tree/usr/sbin/policy-rc.d"
    "$scripts/mirror" >"$tree/etc/apt/sources.list"
    {
        apt-config dump Acquire
        cat <<CONF
Dir "$tree";
Dir::Etc::parts "/dev/null";
Dir::Etc::trusted "/etc/apt/trusted.gpg";
Dir::Etc::trustedparts "/etc/apt/trusted.gpg.d";
DPkg::Chroot-Directory "$tree";
Acquire::Languages "none";
APT::Sandbox::User "root";
CONF
    } >"$tree/apt.conf"
    APT_CONFIG=$tree/apt.conf apt-get update -qq
    APT_CONFIG=$tree/apt.conf LC_ALL=C DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@" >"$tree/apt.log" 2>&1 || {
        tail -n 20 "$tree/apt.log" >&2
        exit 1
    }
    rm -rf "$tree"/apt.* "$tree/usr/sbin/policy-rc.d" "$tree"/var/lib/apt/lists/*
    rm -rf "$tree"/var/cache/apt/*.bin "$tree"/var/cache/apt/archives/*.deb
}

# make_disk LABEL FREE: $image, an ext4 file system of $tree with FREE MiB and a quarter more room.
make_disk() {
    local size
    echo "LABEL=$1 / ext4 defaults 0 1" >"$tree/etc/fstab"
    size=$(($(du -sm --apparent-size "$tree" | cut -f 1) * 5 / 4 + $2))
    rm -f "$image.new"
    truncate -s "${size}M" "$image.new"
    mkfs.ext4 -q -L "$1" -d "$tree" "$image.new"
    chmod 644 "$image.new"
    [ -z "${SUDO_UID:-}" ] || chown "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$image.new"
    mv "$image.new" "$image"
    echo "${0##*/}: $image, $size MiB"
}
