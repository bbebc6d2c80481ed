#!/bin/bash
#
# The Debian package, built, looked at, installed and tried: "make deb".
#
# It is built from a copy of the checkout in a temporary folder, by nobody in
# particular where root asks for it, and once more from its own source package:
# both must come out the same.  It is tried where an installation leaves nothing
# behind: in a fresh Debian of this machine's release in the temporary folder,
# which needs root (sudo is asked) and the network.  The packages go to dist/.
# The last line is the total.
#
#   KEEP=1              leave the temporary folder
#   KMS_DEBIAN_MIRROR=  where the fresh Debian comes from
#
set -euo pipefail
. "$(dirname "$0")/../.ci/env.sh"

passed=0
failed=0
tmp=

# "holds WHAT COMMAND ...": WHAT is true if the command says so.
holds()
{
	local what=$1

	shift
	if "$@" >"$tmp/said" 2>&1; then
		passed=$((passed + 1))
		printf '   ok: %s\n' "$what"
	else
		failed=$((failed + 1))
		printf '   FAILED: %s\n' "$what"
		tail -n 30 "$tmp/said"
	fi
}

title()
{
	printf -- '-- %s\n' "$*"
}

as_root()
{
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# No package needs root to be built.
as_builder()
{
	KMS_SERVER_USER=nobody as_server "$@"
}

# ---- the temporary folder ------------------------------------------------

# build/   the copy in build/kms, and what is built of it; again/ likewise
# system/  the fresh Debian
make_folders()
{
	tmp=$(mktemp -d "${KMS_TMP:-/var/tmp}/kms-deb.XXXXXX")
	trap finish EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	umask 022
	chmod 711 "$tmp"
	mkdir -p "$tmp/build/kms" "$tmp/again" "$tmp/system"
	tar -C "$repo" --exclude-vcs --exclude=./dist --exclude=./.demo --exclude=./results --exclude=./tmp_check \
		--exclude='*.o' --exclude='*.d' --exclude='*.so' --exclude='./sql/kms--*.sql' -cf - . |
		tar -C "$tmp/build/kms" --no-same-owner --no-same-permissions -xf -
	[ "$(id -u)" != 0 ] || chown -R nobody "$tmp/build" "$tmp/again"
}

finish()
{
	local status=$?

	trap - EXIT INT TERM HUP
	stop_progress
	if [ -n "${KEEP:-}" ]; then
		echo "kept: $tmp" >&2
	else
		[ ! -e "$tmp/system/etc" ] || as_root rm -rf --one-file-system "$tmp/system"
		rm -rf "$tmp"
	fi
	exit "$status"
}

# ---- building ------------------------------------------------------------

# "build FOLDER VARIABLE=... ...": the packages beside FOLDER.
build()
{
	local folder=$1 log

	shift
	log=$tmp/$(basename "$(dirname "$folder")").log
	with_progress "$log" build_quietly "$folder" "$@" || { tail -n 50 "$log"; die 'the package could not be built'; }
}

build_quietly()
{
	cd "$1"
	shift
	as_builder env "$@" dpkg-buildpackage -us -uc
}

# In another folder and at another hour.
build_again()
{
	(cd "$tmp/again" && as_builder dpkg-source -x "$tmp"/build/*.dsc kms) >"$tmp/unpack.log" 2>&1
	build "$tmp/again/kms" TZ=Pacific/Kiritimati
}

same_packages()
{
	local package

	for package in "$tmp"/build/*.deb; do
		cmp "$package" "$tmp/again/${package##*/}" || return
	done
}

# ---- what came out -------------------------------------------------------

version()
{
	dpkg-parsechangelog -l "$tmp/build/kms/debian/changelog" -S Version
}

version_of_meta()
{
	perl -MJSON::PP -0777 -ne 'print decode_json($_)->{version}' "$repo/META.json"
}

# The library of each package, and what it is made of.
libraries()
{
	local library

	for library in "$tmp"/unpacked/*/usr/lib/postgresql/*/lib/kms.so; do
		"$@" "$library" || return
	done
}

unpack()
{
	local package

	for package in "$tmp"/build/postgresql-*-kms_*.deb; do
		dpkg-deb -x "$package" "$tmp/unpacked/$(basename "$package" .deb)"
	done
}

hardened()
{
	readelf -dW "$1" | grep BIND_NOW && readelf -lW "$1" | grep GNU_RELRO &&
		readelf -lW "$1" | grep 'GNU_STACK .* RW ' && readelf --dyn-syms -W "$1" | grep _chk@ &&
		readelf --dyn-syms -W "$1" | grep __stack_chk_fail
}

# What exports.map lets out, by name.
exports_only_ours()
{
	! readelf --dyn-syms -W "$1" | awk '$5 == "GLOBAL" && $7 != "UND" { print $8 }' |
		grep -vxE 'kms_.*|pg_finfo_kms_.*|Pg_magic_func|_PG_init'
}

stripped()
{
	! readelf -SW "$1" | grep -E '\.(debug_info|symtab|gnu\.lto)'
}

no_bitcode()
{
	! find "$tmp/unpacked" -path '*bitcode*' | grep .
}

debug_symbols_beside()
{
	local package

	for package in "$tmp"/build/postgresql-*-kms_*.deb; do
		dpkg-deb -c "${package/-kms_/-kms-dbgsym_}" | grep '\.debug$' || return
	done
}

every_document()
{
	local folder

	for folder in "$tmp"/unpacked/*/usr/share/doc/*; do
		diff -r "$repo/docs" "$folder/docs" && cmp "$repo/README.md" "$folder/README.md" || return
	done
}

no_warnings()
{
	! grep -E '(^|[^-])\bwarning: ' "$tmp/build.log"
}

look_at_packages()
{
	mkdir "$tmp/unpacked"
	unpack
	holds "its version is META.json's, $(version)" [ "$(version)" = "$(version_of_meta)" ]
	holds 'it compiles without warnings' no_warnings
	holds 'lintian has no errors and no warnings' as_builder lintian --fail-on error,warning "$tmp"/build/*.changes
	holds 'the library is hardened as Debian wants it' libraries hardened
	holds 'it exports what PostgreSQL looks up, nothing else' libraries exports_only_ours
	holds 'it is stripped' libraries stripped
	holds 'its symbols are in a package of their own' debug_symbols_beside
	holds 'there is no bitcode' no_bitcode
	holds 'the documents come along' every_document
}

# ---- trying it -----------------------------------------------------------

# The same package with a higher version, for an upgrade.
make_next()
{
	local package=$1 folder=$tmp/next

	dpkg-deb -R "$package" "$folder"
	sed -i 's/^Version: .*/&+next/' "$folder/DEBIAN/control"
	dpkg-deb --root-owner-group -b "$folder" "$tmp/next.deb"
}

# test/deb/install.sh in the fresh Debian, whose lines are counted.
try_package()
{
	local package=$1 status=0 name

	name=$(dpkg-deb -f "$package" Package)
	title "$name in a fresh Debian"
	make_next "$package" >"$tmp/said"
	mkdir "$tmp/try"
	cp -r "$repo/test/deb/install.sh" "$repo/debian/tests" "$tmp/next.deb" "$tmp/try/"
	cp "$package" "$tmp/try/first.deb"
	chmod -R go+rX "$tmp/try"
	as_root env KMS_DEBIAN_MIRROR="${KMS_DEBIAN_MIRROR:-}" unshare --mount --pid --fork --kill-child --propagation private \
		"$repo/test/deb/system.sh" "$tmp/system" "$tmp/try" "$name" >"$tmp/try.log" 2>&1 </dev/null || status=$?
	sed -n -e 's/^ok: /   &/p' -e 's/^FAILED: /   &/p' "$tmp/try.log"
	passed=$((passed + $(grep -c '^ok: ' "$tmp/try.log" || true)))
	[ "$status" -eq 0 ] || { failed=$((failed + 1)); tail -n 40 "$tmp/try.log"; }
}

# ---- all of it -----------------------------------------------------------

main()
{
	[ "$(id -u)" = 0 ] || command -v sudo >/dev/null || die 'the package is tried in a Debian of its own, which needs root'
	"$repo/.ci/deps.sh" build deb
	find_pg_config
	make_folders

	title 'building'
	build "$tmp/build/kms"
	look_at_packages
	title 'building again, from the source package'
	build_again
	holds 'both builds came out the same, byte for byte' same_packages
	for package in "$tmp"/build/postgresql-*-kms_*.deb; do
		try_package "$package"
	done

	if [ "$failed" -eq 0 ]; then
		mkdir -p "$repo/dist"
		rm -f "$repo"/dist/postgresql-*kms*
		cp "$tmp"/build/postgresql-*kms*.* "$repo/dist/"
		title 'in dist/'
		(cd "$repo/dist" && ls -s --block-size=K postgresql-*kms*)
	fi
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
}

main
