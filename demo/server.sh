# The demo's private server: where it lives, how it comes and goes; sourced.
# shellcheck shell=bash

. "$(dirname "${BASH_SOURCE[0]}")/../.ci/env.sh"

# .demo is a folder, or a link to one where the server's user cannot come here.
# Inside:
#   data/       the cluster
#   root.key    beside the cluster, never in it: who copies data/ has no key
#   stage/      what "make install" would put into the system
#   server.log
#   .s.PGSQL.5432, the only way in
link=$repo/.demo
port=5432

# A socket's path has room for 107 bytes, and the server's user must be able to
# walk to it.
fits_here()
{
	[ $((${#link} + 20)) -lt 107 ] && (cd / && as_server test -x "$repo")
}

make_folder()
{
	if fits_here; then
		mkdir "$link"
	else
		ln -s "$(mktemp -d /var/tmp/kms-demo.XXXXXX)" "$link"
		echo "The server's user cannot work in $repo: .demo is a link to $(readlink "$link")."
	fi
	place=$(readlink -f "$link")
	chmod 711 "$place"
	chown "$(server_user)" "$place"
}

# Only what we made ourselves is removed, whatever .demo may point to.
remove_demo()
{
	place=$(readlink -f "$link") || return 0
	[ -e "$place" ] || { rm -f "$link"; return 0; }
	case $place in
		"$link" | /var/tmp/kms-demo.*) ;;
		*) die ".demo points to $place, which is not the demo's: look, and remove the link yourself" ;;
	esac
	[ ! -e "$place/data/postmaster.pid" ] || { find_pg_config; stop_server "$place/data"; }
	rm -rf "$place"
	rm -f "$link"
}

configure_server()
{
	cat <<-END
	listen_addresses = ''
	unix_socket_directories = '$place'
	unix_socket_permissions = 0700
	port = $port
	timezone = 'UTC'
	lc_messages = 'C'
	log_line_prefix = '%m [%p] %q%u@%d '
	$(staged_settings "$place/stage")
	kms.root_key_file = '$place/root.key'
	END
}

in_place()
{
	(cd "$place" && as_server env PATH="$(pg_bin):$PATH" PGHOST="$place" PGPORT="$port" "$@")
}

# Trust is for whoever can open the socket: the server's user and root.
make_cluster()
{
	in_place initdb -D data -U postgres -A trust -E UTF8 --locale=C.UTF-8
	make_root_key "$place/root.key"
	configure_server | in_place tee -a data/postgresql.conf
}

start_server()
{
	in_place pg_ctl start -s -w -D data -l server.log ||
		{ tail -n 20 "$place/server.log" >&2; return 1; }
}
