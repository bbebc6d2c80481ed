# What the lanes share: a folder that outlives them, Debian's packages without
# the system's apt, and PostgreSQL 15 with assertions; sourced, never run.
# shellcheck shell=bash
. "$(dirname "${BASH_SOURCE[0]}")/../../.ci/env.sh"

# What took long to make is kept here; KMS_LANES says where else.
if [ "$(id -u)" = 0 ]; then
	lanes=${KMS_LANES:-/var/cache/kms}
else
	lanes=${KMS_LANES:-${XDG_CACHE_HOME:-$HOME/.cache}/kms}
fi

debian_mirror=${KMS_DEBIAN_MIRROR:-http://deb.debian.org/debian}
debian_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

say()
{
	printf 'kms: %s\n' "$*"
}

make_lanes()
{
	mkdir -p "$lanes"
	chmod go+rx "$lanes"
}

# "fetch_debian FOLDER SUITE": the newest source of PostgreSQL 15 and the package
# of its pgTAP, into FOLDER.  The system's own lists stay as they are.
fetch_debian()
{
	local folder=$1 suite=$2 kind version

	mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
	for kind in deb deb-src; do
		echo "$kind [signed-by=$debian_keyring] $debian_mirror $suite main"
	done >"$folder/sources.list"
	cat >"$folder/apt.conf" <<-END
	Dir::Etc::SourceList "$folder/sources.list";
	Dir::Etc::SourceParts "-";
	Dir::State::Lists "$folder/lists";
	Dir::Cache "$folder/cache";
	APT::Sandbox::User "root";
	END
	(
		export APT_CONFIG=$folder/apt.conf
		cd "$folder"
		apt-get -q update
		version=$(apt-cache showsrc postgresql-15 | sed -n 's/^Version: //p' | sort -V | tail -n 1)
		apt-get -q source --download-only "postgresql-15=$version"
		apt-get -q download postgresql-15-pgtap
	)
}

# Folder NAME of the lanes for the server's user.
make_own_folder()
{
	make_lanes
	mkdir -p "$lanes/$1"
	[ "$(id -u)" != 0 ] || chown "$(server_user)" "$lanes/$1"
}

make_assertion_server()
{
	local place=$1

	fetch_debian "$place/fetched" bookworm
	# The server's user may be unable to enter the checkout.
	(cd / && as_server nice bash -s "$place" <"$repo/test/lane/postgres.sh") || return
	rm -rf "$place/fetched"
}

# Set PG_CONFIG to PostgreSQL 15 with assertions, which is built if it is not there.
use_assertion_server()
{
	local place=$lanes/assert

	"$repo/.ci/deps.sh" source build server test
	require_server_user
	if [ ! -e "$place/built" ]; then
		say "building PostgreSQL 15 with assertions in $place (once; some seven minutes)"
		rm -rf "$place"
		make_own_folder assert
		with_progress "$lanes/assert.log" make_assertion_server "$place" ||
			{ tail -n 30 "$lanes/assert.log"; die "PostgreSQL could not be built; all of it: $lanes/assert.log"; }
		touch "$place/built"
	fi
	export PG_CONFIG=$place/server/bin/pg_config
}
