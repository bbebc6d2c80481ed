#!/bin/bash
#
# Random encryption contexts and import tokens, for the given time, against a server of our own:
# the code that reads them is PostgreSQL's and cannot be linked without it.
#
#   test/fuzz/server.sh SECONDS
#
set -euo pipefail
. "$(dirname "$0")/../../demo/server.sh"

finish()
{
	stop_server "$place/data" immediate || true
	rm -rf "$place"
}

prepare()
{
	make -s -C "$repo" -j "$(nproc)" all
	make -s -C "$repo" install DESTDIR="$place/stage"
	chmod -R go+rX "$place/stage"
	make_cluster && start_server
}

find_pg_config
require_server_user
place=$(mktemp -d /var/tmp/kms-fuzz.XXXXXX)
trap finish EXIT
chmod 711 "$place"
chown "$(server_user)" "$place"
prepare >"$place/prepare.log" 2>&1 || { cat "$place/prepare.log"; exit 1; }
in_place psql -X -q -A -t -U postgres -d postgres -v ON_ERROR_STOP=1 -v seconds="$1" \
	<"$repo/test/fuzz/server.sql"
