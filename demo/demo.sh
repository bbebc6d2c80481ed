#!/bin/bash
#
# From a fresh checkout to an encrypted table: "make demo".
#
# Installs what is missing, builds, makes a private server in .demo/ and takes
# you through walk.sh.  The server stays, for you to play with; running this
# again replaces it.
#
set -euo pipefail
. "$(dirname "$0")/server.sh"
. "$(dirname "$0")/walk.sh"

# What is long is shown to be alive, what went wrong is shown in full.
quietly()
{
	local status=0

	with_progress "$output" "$@" || status=$?
	[ "$status" -eq 0 ] || { cat "$output" >&2; die "this failed: $*"; }
}

build()
{
	make -s -C "$repo" -j "$(nproc)" all
	make -s -C "$repo" install DESTDIR="$place/stage"
	chmod -R go+rX "$place/stage"
}

# A demo that failed must not leave a server behind; its log stays.
finish()
{
	local status=$?

	trap - EXIT INT TERM HUP
	stop_progress
	rm -f "$output"
	if [ "$status" -ne 0 ]; then
		echo "The demo did not get to its end." >&2
		if [ -e "$link" ]; then
			stop_server "$link/data" || true
			echo "Its server is stopped; the log is $link/server.log, make demo-stop removes all." >&2
		fi
	fi
	exit "$status"
}

farewell()
{
	cat <<-END

	The server is still running. Connect to it with

	    $(pg_bin)/psql -h $place -p $port -U shop demo

	(as $(server_user)$([ "$(id -u)" != 0 ] || echo " or root"); -U postgres is the administrator, -U intern may read the table but not
	use the key), and stop and remove it with

	    make demo-stop
	END
}

main()
{
	"$repo/.ci/deps.sh" build server
	find_pg_config
	require_server_user
	output=$(mktemp)
	trap finish EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP

	remove_demo
	make_folder
	echo "Building the extension"
	quietly build
	echo "Making a private server in $place, reached only through a socket there"
	quietly make_cluster
	quietly start_server
	walk
	farewell
}

main
