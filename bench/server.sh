# The benchmark's own server in a temporary folder: where it lives, how it comes
# and goes; sourced.
# shellcheck shell=bash

. "$(dirname "${BASH_SOURCE[0]}")/../.ci/env.sh"

# src/    a copy of the checkout, built
# stage/  what "make install" would put into the system, and kms_bench.so
# run/    belongs to the server's user: data, socket, root key, logs
make_folders()
{
	tmp=$(mktemp -d "${KMS_TMP:-/tmp}/kms-bench.XXXXXX")
	trap finish EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	umask 022
	chmod 711 "$tmp"
	mkdir "$tmp/src" "$tmp/stage" "$tmp/run"
	tar -C "$repo" --exclude-vcs --exclude=./.demo --exclude='*.o' --exclude='*.d' --exclude='*.so' \
		--exclude='./sql/kms--*.sql' -cf - . |
		tar -C "$tmp/src" --no-same-owner --no-same-permissions -xf -
	chmod -R go+rX "$tmp/src"
	chown "$(server_user)" "$tmp/run"
	chmod 700 "$tmp/run"
}

finish()
{
	local status=$?

	trap - EXIT INT TERM HUP
	stop_progress
	stop_server "$tmp/run/data" immediate || true
	if [ -n "${KEEP:-}" ]; then
		echo "kept: $tmp" >&2
	else
		rm -rf "$tmp"
	fi
	exit "$status"
}

# The module is compiled for speed, bare being the limit; as far as a compiler
# can know the processor of another machine.
build()
{
	with_progress "$tmp/build.log" make -s -C "$tmp/src" -j "$(nproc)" all &&
		make -s -C "$tmp/src" install DESTDIR="$tmp/stage" >>"$tmp/build.log" 2>&1 &&
		gcc -std=gnu11 -O3 -fno-plt -fomit-frame-pointer -Wall -Wextra -Wno-unused-parameter \
			-fPIC -shared -Wl,-z,now \
			-isystem "$("$PG_CONFIG" --includedir-server)" \
			-o "$tmp/stage/kms_bench.so" "$tmp"/src/bench/floor/*.c -lcrypto >>"$tmp/build.log" 2>&1 ||
		{ cat "$tmp/build.log"; return 1; }
	chmod -R go+rX "$tmp/stage"
}

# Run in the temporary folder as the server's user, away from the checkout.
in_run()
{
	(cd "$tmp/run" && as_server env TMPDIR="$tmp/run" PATH="$(pg_bin):$PATH" \
		PGHOST="$tmp/run" PGPORT=5432 PGUSER=postgres PGDATABASE=bench "$@")
}

# Everything fits into memory and nothing waits for a disk: what is compared is
# processor time.  Settings stand here, not in the database, because single-user
# mode reads only these.
configure_server()
{
	cat <<-END
	listen_addresses = ''
	unix_socket_directories = '$tmp/run'
	port = 5432
	timezone = 'UTC'
	lc_messages = 'C'
	log_line_prefix = '%m [%p] %q%a '
	fsync = off
	autovacuum = off
	shared_buffers = 512MB
	max_wal_size = 4GB
	checkpoint_timeout = 1h
	jit = off
	max_parallel_workers_per_gather = 0
	client_min_messages = warning
	$(staged_settings "$tmp/stage")
	kms.root_key_file = '$tmp/run/root.key'
	END
}

start_server()
{
	in_run pg_ctl start -s -w -D data -l server.log || { tail -n 30 "$tmp/run/server.log"; return 1; }
}

make_server()
{
	make_root_key "$tmp/run/root.key" || return
	in_run initdb -D data -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$tmp/initdb.log" 2>&1 ||
		{ cat "$tmp/initdb.log"; return 1; }
	configure_server | in_run tee -a data/postgresql.conf >/dev/null
	start_server
}

# psql, silent but for results, ends at the first error.
sql()
{
	in_run psql -X -q -v ON_ERROR_STOP=1 -P pager=off -P footer=off "$@"
}

# One number or text.
ask()
{
	sql -A -t -c "$1"
}
