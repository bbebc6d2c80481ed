#!/bin/bash
#
# Install what is missing, through apt-get; do nothing, and need no rights, when
# nothing is.  Whether a thing is there is asked of the thing, not of dpkg, so
# that a PostgreSQL or OpenSSL from elsewhere counts as well.
#
#   .ci/deps.sh [build] [server] [test] [bench] [fuzz] [source] [trixie] [memory] [deb]
#                                                   default: the first three
#
set -euo pipefail
. "$(dirname "$0")/env.sh"
# Some of root's commands are asked for by others, too.
PATH=$PATH:/usr/sbin

# Of the PostgreSQL that is there, if there is one: a PG_CONFIG of another major
# version asks for that version's packages.
pg_major()
{
	local version

	version=$("$PG_CONFIG" --version 2>/dev/null) || true
	version=${version#PostgreSQL }
	version=${version%%[!0-9]*}
	echo "${version:-15}"
}

header_there()
{
	[ -e "/usr/include/$1" ] ||
		echo "#include <$1>" | gcc -E - >/dev/null 2>&1
}

# "probe THING": is it there?
probe()
{
	case $1 in
		command:*) command -v "${1#*:}" >/dev/null ;;
		file:*) [ -e "${1#*:}" ] ;;
		header:*) header_there "${1#*:}" ;;
		pgxs) [ -e "$("$PG_CONFIG" --pgxs 2>/dev/null)" ] ;;
		pg:*) [ -x "$("$PG_CONFIG" --bindir 2>/dev/null)/${1#*:}" ] ;;
		extension:*) [ -e "$("$PG_CONFIG" --sharedir 2>/dev/null)/extension/${1#*:}.control" ] ;;
		perl:*) perl -M"${1#*:}" -e 1 2>/dev/null ;;
	esac
}

# group | package | what must be there | what for
table()
{
	local v=$1

	cat <<-END
	build|gcc|command:gcc|compiles the extension
	build|make|command:make|runs the build
	build|libc6-dev|header:stdio.h|headers of the C library
	build|libssl-dev|header:openssl/evp.h|headers of OpenSSL, where all cryptography comes from
	build|postgresql-server-dev-$v|pgxs|PostgreSQL's headers and build rules
	server|postgresql-$v|pg:postgres|the server, with initdb, psql and pgbench
	server|openssl|command:openssl|makes the root key
	test|postgresql-$v-pgtap|extension:pgtap|assertions of the SQL tests
	test|perl|command:prove|runs the TAP tests
	test|libipc-run-perl|perl:IPC::Run|needed by PostgreSQL::Test::Cluster
	deb|dpkg-dev|command:dpkg-buildpackage|builds the package
	deb|debhelper|command:dh|the steps of that
	deb|postgresql-server-dev-all|command:dh_pgxs_test|the steps for PostgreSQL's extensions
	deb|lintian|command:lintian|knows Debian's policy
	deb|debootstrap|command:debootstrap|makes the Debian in which the package is tried
	bench|valgrind|command:valgrind|counts instructions
	fuzz|clang|command:clang|libFuzzer and its sanitizers
	source|bison|command:bison|builds PostgreSQL
	source|flex|command:flex|builds PostgreSQL
	source|libxml2-dev|command:xml2-config|PostgreSQL's type xml
	source|zlib1g-dev|header:zlib.h|PostgreSQL's compressed dumps
	source|debian-archive-keyring|file:/usr/share/keyrings/debian-archive-keyring.gpg|proves that what is fetched is Debian's
	source|valgrind|header:valgrind/memcheck.h|PostgreSQL tells it of its memory
	trixie|debootstrap|command:debootstrap|makes a folder of Debian 13
	trixie|debian-archive-keyring|file:/usr/share/keyrings/debian-archive-keyring.gpg|proves that what is fetched is Debian's
	memory|valgrind|command:valgrind|runs the server and checks each access
	END
}

# Rows of the table whose group is wanted and whose thing is not there.
missing()
{
	local group package thing purpose

	while IFS='|' read -r group package thing purpose; do
		[[ " $* " == *" $group "* ]] || continue
		probe "$thing" || echo "$package|$purpose"
	done < <(table "$(pg_major)")
}

as_root()
{
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

apt()
{
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

# The lists are fetched only if they do not know a package, or prove outdated.
apt_install()
{
	local package

	for package in "$@"; do
		apt-cache show --no-all-versions "$package" >/dev/null 2>&1 || { apt update; break; }
	done
	apt install -y --no-install-recommends "$@" || {
		apt update
		apt install -y --no-install-recommends "$@"
	}
}

# Debian's server package makes and starts a cluster "main" on port 5432.  Nobody
# asked for one here, so it is told not to, for the time of this installation.
no_cluster=/etc/postgresql-common/createcluster.d/kms-installing.conf

allow_main_cluster()
{
	as_root rm -f "$no_cluster"
	as_root rmdir "${no_cluster%/*}" 2>/dev/null || true
}

forbid_main_cluster()
{
	trap allow_main_cluster EXIT
	as_root mkdir -p "${no_cluster%/*}"
	echo 'create_main_cluster = false' | as_root tee "$no_cluster" >/dev/null
}

main()
{
	local rows packages

	[ $# -gt 0 ] || set -- build server test
	find_pg_config
	rows=$(missing "$@")
	[ -n "$rows" ] || return 0

	mapfile -t packages < <(cut -d'|' -f1 <<<"$rows")
	command -v apt-get >/dev/null ||
		die "missing: ${packages[*]} (Debian's names), and there is no apt-get to install them with"
	[ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
		die "missing: ${packages[*]}; run as root: apt-get install ${packages[*]}"

	printf 'kms: installing through apt-get:%s\n' \
		"$(sed -e 's/\([^|]*\)|\(.*\)/ \1 (\2)/' -e '$!s/$/,/' <<<"$rows" | tr -d '\n')"
	case " ${packages[*]} " in *" postgresql-"[0-9]*) forbid_main_cluster ;; esac
	apt_install "${packages[@]}"

	hash -r
	find_pg_config
	rows=$(missing "$@")
	[ -z "$rows" ] || die "still missing after installation: $(cut -d'|' -f1 <<<"$rows" | tr '\n' ' ')"
}

main "$@"
