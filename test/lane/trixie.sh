#!/bin/bash
#
# Every test on Debian 13, as root: "make check-trixie".  PostgreSQL 17,
# OpenSSL 3.5 and the compiler of today, in a folder that debootstrap made.
#
# The folder sees nothing of the host but its network and its kernel: mounts,
# processes and System V memory are its own, /dev has no devices of the machine.
#
set -euo pipefail
. "$(dirname "$0")/lane.sh"

suite=trixie
root=$lanes/$suite
packages=(gcc make libc6-dev libssl-dev openssl perl libipc-run-perl procps util-linux
	postgresql-17 postgresql-17-pgtap postgresql-server-dev-17)

# Run in the folder as its root, with the environment that is given and no other.
in_folder()
{
	# shellcheck disable=SC2016
	unshare --mount --propagation private --pid --fork --kill-child --ipc --uts sh -ec '
		root=$1
		shift
		mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
		mount -t tmpfs -o mode=755,nosuid,noexec dev "$root/dev"
		mknod -m 666 "$root/dev/null" c 1 3
		mknod -m 666 "$root/dev/zero" c 1 5
		mknod -m 666 "$root/dev/full" c 1 7
		mknod -m 666 "$root/dev/random" c 1 8
		mknod -m 666 "$root/dev/urandom" c 1 9
		ln -s /proc/self/fd "$root/dev/fd"
		mkdir -m 1777 "$root/dev/shm"
		exec chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root "$@"
	' sh "$root" "$@"
}

make_folder()
{
	debootstrap --variant=minbase --keyring="$debian_keyring" "$suite" "$root" "$debian_mirror"
	# Nobody asked for a cluster, and nothing is to be started.
	mkdir -p "$root/etc/postgresql-common/createcluster.d"
	echo 'create_main_cluster = false' >"$root/etc/postgresql-common/createcluster.d/kms.conf"
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
	in_folder DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "${packages[@]}"
	touch "$root/made"
}

copy_checkout()
{
	rm -rf "$root/checkout" "$root"/tmp/kms-*
	mkdir "$root/checkout"
	tar -C "$repo" --exclude-vcs --exclude=./.demo --exclude='*.o' --exclude='*.d' --exclude='*.so' \
		--exclude='./sql/kms--*.sql' -cf - . | tar -C "$root/checkout" --no-same-owner -xf -
}

[ "$(id -u)" = 0 ] || die "check-trixie makes and enters a folder of Debian 13, which only root may do"
"$repo/.ci/deps.sh" trixie
make_lanes
# What a run leaves in the folder the next one removes: one at a time.
exec 9>"$lanes/$suite.lock"
flock -n 9 || die "check-trixie is running already, in $root"
if [ ! -e "$root/made" ]; then
	say "making a folder of Debian 13 in $root (once; some three minutes)"
	rm -rf --one-file-system "$root"
	with_progress "$lanes/$suite.log" make_folder ||
		{ tail -n 30 "$lanes/$suite.log"; die "the folder could not be made; all of it: $lanes/$suite.log"; }
fi
copy_checkout
in_folder PG_CONFIG=/usr/lib/postgresql/17/bin/pg_config STAGES="${STAGES:-}" TESTS="${TESTS:-}" /checkout/test/check.sh
