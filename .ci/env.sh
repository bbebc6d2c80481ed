# What every command script needs to know; sourced, never run.
# shellcheck shell=bash

# make's flags would reach the makes we start, and a PGPORT or PGHOST of the
# caller would lead us to a server that is not ours.
unset MAKEFLAGS MFLAGS MAKELEVEL CDPATH
while read -r variable; do
	[ "$variable" = PG_CONFIG ] || unset "$variable"
done < <(compgen -e | grep '^PG' || true)

# shellcheck disable=SC2034
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

# PostgreSQL 15 where Debian puts it, else whatever is first in PATH; the
# caller's own choice before both.  Asked again after an installation.
pg_config_given=${PG_CONFIG:-}
find_pg_config()
{
	local debian=/usr/lib/postgresql/15/bin/pg_config

	PG_CONFIG=pg_config
	[ ! -x "$debian" ] || PG_CONFIG=$debian
	[ -z "$pg_config_given" ] || PG_CONFIG=$pg_config_given
	export PG_CONFIG
}

pg_bin()
{
	"$PG_CONFIG" --bindir
}

die()
{
	printf 'kms: %s\n' "$*" >&2
	exit 1
}

# PostgreSQL refuses to run as root, so root lends it the packaged user.
server_user()
{
	if [ "$(id -u)" = 0 ]; then
		echo "${KMS_SERVER_USER:-postgres}"
	else
		id -un
	fi
}

require_server_user()
{
	id "$(server_user)" >/dev/null 2>&1 ||
		die "there is no user \"$(server_user)\" to run the server; give one with KMS_SERVER_USER=name"
}

# Run a command as the server's user.  The caller's folder may be closed to
# that user; say "cd somewhere && as_server ..." in a subshell where it matters.
as_server()
{
	local user

	user=$(server_user)
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups \
			env HOME=/nonexistent USER="$user" LOGNAME="$user" LC_ALL=C.UTF-8 "$@"
	else
		env LC_ALL=C.UTF-8 "$@"
	fi
}

# A root key file as the server wants it: 64 hexadecimal digits, its own, closed
# to everybody else from the first moment on.
make_root_key()
{
	# shellcheck disable=SC2016
	as_server sh -c 'umask 077 && openssl rand -hex 32 > "$1"' sh "$1"
}

# Does the server know a setting?  Asked of it, not of its version: Debian adds some.
has_setting()
{
	"$(pg_bin)/postgres" --describe-config | cut -f 1 | grep -x "$1" >/dev/null
}

# Does it find an extension that is staged?
finds_staged()
{
	has_setting extension_control_path || has_setting extension_destdir
}

# The settings by which a server finds an extension that was staged with DESTDIR
# instead of installed: control file and script, which until 17 takes a setting of
# Debian's own, and the library.  None for what was installed (DESTDIR is empty).
staged_paths()
{
	local stage=$1

	[ -n "$stage" ] || return 0
	if has_setting extension_control_path; then
		echo "extension_control_path = '$stage$("$PG_CONFIG" --sharedir):\$system'"
	else
		echo "extension_destdir = '$stage'"
	fi
	echo "dynamic_library_path = '$stage$("$PG_CONFIG" --pkglibdir):\$libdir'"
}

staged_settings()
{
	staged_paths "$1"
	echo "shared_preload_libraries = 'kms'"
}

# Is the server with this data directory running?  A pid file alone proves
# nothing after a crash or a reboot: the number may belong to somebody else now.
server_runs()
{
	local data=$1 pid

	pid=$(head -n 1 "$data/postmaster.pid" 2>/dev/null) || return 1
	[ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd")" = "$(readlink -f "$data")" ]
}

# Stop it, if it runs.
stop_server()
{
	local data=$1 mode=${2:-fast}

	server_runs "$data" || return 0
	(cd / && as_server "$(pg_bin)/pg_ctl" stop -s -w -m "$mode" -D "$data")
}

# "with_progress FILE COMMAND ...": its output goes to FILE; from the first
# second on a dot a second says that it is alive.  A Ctrl-C would pass by a
# command in the background, so it gets a process group of its own, which
# stop_progress ends.
progress_group=

with_progress()
{
	local file=$1 ticks=0 status=0

	shift
	set -m
	"$@" >"$file" 2>&1 <&0 &
	progress_group=$!
	set +m
	while kill -0 "$progress_group" 2>/dev/null; do
		sleep 0.05
		ticks=$((ticks + 1))
		[ $((ticks % 20)) -eq 0 ] || continue
		[ "$ticks" -gt 20 ] || printf '   '
		printf '.'
	done
	[ "$ticks" -lt 20 ] || echo
	wait "$progress_group" || status=$?
	progress_group=
	return "$status"
}

stop_progress()
{
	[ -z "$progress_group" ] || kill -TERM -- "-$progress_group" 2>/dev/null || true
}
