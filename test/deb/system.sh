#!/bin/bash
#
# Make a fresh Debian of this machine's release in a folder and run install.sh
# there; run by test/deb.sh, as root, in a mount and process namespace that ends
# with it: nothing is mounted for anybody else, and no server lives on.
#
#   test/deb/system.sh FOLDER TRY PACKAGE      TRY is shown to it as /try
#
set -euo pipefail
# The first process of a namespace hears only the signals it asks for.
trap 'exit 130' INT
trap 'exit 143' TERM HUP

folder=$1 try=$2 package=$3
mirror=${KMS_DEBIAN_MIRROR:-http://deb.debian.org/debian}
release=$(. /etc/os-release && echo "$VERSION_CODENAME")

debootstrap --variant=minbase "$release" "$folder" "$mirror"

# The packages were built against the security updates, too.
cat >"$folder/etc/apt/sources.list" <<END
deb $mirror $release main
deb $mirror $release-updates main
deb $mirror-security $release-security main
END
# A folder that is thrown away need not survive a power failure.
echo force-unsafe-io >"$folder/etc/dpkg/dpkg.cfg.d/unsafe-io"
# Nothing starts by being installed.
printf '#!/bin/sh\nexit 101\n' >"$folder/usr/sbin/policy-rc.d"
chmod +x "$folder/usr/sbin/policy-rc.d"

mkdir -p "$folder/try"
mount -t proc proc "$folder/proc"
mount -t tmpfs tmpfs "$folder/dev/shm"
mount --bind -o ro "$try" "$folder/try"
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
	${http_proxy:+http_proxy="$http_proxy"} chroot "$folder" /try/install.sh "$package"
