#!/bin/bash
#
# What an administrator does with the package, from the installation to the
# purge, in the order of README.Debian; run by system.sh in the fresh Debian, as
# root.  The first thing that is not true ends it.
#
set -euo pipefail
cd /try

package=$1
major=${package//[!0-9]/}
documents=/usr/share/doc/$package

holds()
{
	local what=$1

	shift
	if "$@"; then
		echo "ok: $what"
	else
		echo "FAILED: $what"
		exit 1
	fi
}

apt()
{
	apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 "$@"
}

session()
{
	runuser -u postgres -- psql -X -q -At -v ON_ERROR_STOP=1 "$@"
}

fails()
{
	! "$@"
}

# ---- what README.Debian says ---------------------------------------------

# "readme FROM TO": its indented lines from one heading to another.
readme()
{
	sed -n "/^$1/,/^$2/s/^     //p" "$documents/README.Debian" | sed "s/\\b15\\b/$major/g"
}

follow_readme()
{
	readme '1\. ' '3\. ' | bash -euxo pipefail && readme '3\. ' 'The root key' | session
}

# ---- the cluster's own data ----------------------------------------------

make_data()
{
	session -f /try/tests/smoke.sql
}

# In new sessions, as an application would.
data_opens()
{
	[ "$(session -c "SELECT count(*) FROM package_test
					  WHERE kms_decrypt_text(sealed, jsonb_build_object('id', id::text)) = 'value ' || id")" = 100 ] &&
		[ "$(session -c "SELECT secret_data FROM kms_get_secret_value('package-test')")" = 'a secret value' ]
}

cluster()
{
	pg_ctlcluster "$major" main "$@"
}

preload()
{
	pg_conftool "$major" main set shared_preload_libraries "$1"
}

# ---- the package's own files ---------------------------------------------

its_files()
{
	local path

	dpkg -L "$package" | while read -r path; do
		[ -d "$path" ] || echo "$path"
	done
}

gone()
{
	local path status=0

	while read -r path; do
		[ ! -e "$path" ] || { echo "left: $path"; status=1; }
	done
	return "$status"
}

unknown_to_dpkg()
{
	! dpkg-query -W "$package" 2>/dev/null && ! ls /var/lib/dpkg/info/"$package".*
}

# Of ours only what README.Debian promises to leave: clusters and the root key.
leaves_only_data()
{
	[ "$(find / -xdev \( -path /proc -o -path /try -o -path /var/lib/postgresql \) -prune -o -iname '*kms*' -print)" = /etc/kms ]
}

# Does the cluster's configuration know of us?
configured()
{
	grep -rq kms "/etc/postgresql/$major/main"
}

# ---- all of it -----------------------------------------------------------

apt update
holds 'it installs, and brings what it needs' apt install ./first.deb
holds 'and changes no cluster' fails configured
holds 'debian/tests pass, without network, as nobody' unshare --net runuser -u nobody -- /try/tests/smoke

cluster start
holds 'README.Debian leads to an open service' follow_readme
holds 'which keeps keys, rows and secrets' make_data
holds 'and opens them' data_opens

holds 'it is upgraded while the server runs' apt install ./next.deb
holds 'which goes on' data_opens
cluster restart
holds 'and, restarted, opens everything' data_opens
holds 'the database has the version of the files' \
	[ "$(session -c "SELECT default_version = installed_version FROM pg_available_extensions WHERE name = 'kms'")" = t ]

holds 'it goes back to the version before' apt install --allow-downgrades ./first.deb
holds 'it is installed again' apt install --reinstall ./first.deb
holds 'every file is as it was packed' [ -z "$(dpkg -V "$package")" ]
cluster restart
holds 'and everything opens' data_opens

files=$(its_files)
holds 'it is removed' apt remove "$package"
holds 'with its files' gone <<<"$files"
holds 'a server that names the library does not start any more' fails cluster restart
preload ''
holds 'it does when the library is not named' cluster start
holds 'but opens nothing' fails data_opens
cluster stop
apt install ./first.deb
preload kms
cluster start
holds 'installed again, the package opens everything' data_opens

preload ''
cluster restart
holds 'it is purged' apt purge "$package"
holds 'dpkg has forgotten it' unknown_to_dpkg
holds 'nothing is left' gone <<<"$files"
holds 'but the cluster and the root key' leaves_only_data
cluster stop
