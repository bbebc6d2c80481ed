#!/bin/bash
#
# Every test, on a temporary server of our own: "make check".
#
# Everything happens on a copy of the checkout in a temporary folder, because
# the server's user may be unable to enter the checkout (a clone under /root),
# and because nothing of a test should stay behind in it.  The copy is staged,
# never installed; a server that cannot find it there is copied as well.  The last
# line is the total.
#
#   STAGES="layers unit regress isolation tap"  only these (building is implied);
#                                               "long" is what "make check-long" runs,
#                                               "upgrade" what "make check-upgrade" does
#   TESTS="alias key"                           only these files of a stage
#   KEEP=1                                      leave the temporary folder
#   KMS_COPT, KMS_SERVER                        flags for the compiler, and a program that starts the server
#                                               of the stages regress and isolation: see test/lane/memory.sh
#
set -euo pipefail
. "$(dirname "$0")/../.ci/env.sh"

stages=${STAGES:-layers unit regress isolation tap}
passed=0
failed=0
tmp=
stage=

# ---- what a stage reports ------------------------------------------------

note()
{
	printf '   %s\n' "$*"
}

# One thing that is not a TAP line went well, or did not.
pass()
{
	passed=$((passed + 1))
}

fail()
{
	failed=$((failed + 1))
	note "FAILED: $*"
}

# Add the TAP lines of a file.  psql may have put a blank before them, nothing
# more: deeper ones belong to subtests; prove's own verdict has no number.  A
# failure marked TODO is no failure.
count_tap()
{
	local file=$1 good bad

	good=$(grep -cE '^ ?(ok [0-9]+|not ok [0-9]+ .*# *TODO)\b' "$file" || true)
	bad=$(grep -E '^ ?not ok [0-9]+\b' "$file" | grep -cvE '# *TODO\b' || true)
	passed=$((passed + good))
	failed=$((failed + bad))
	[ "$bad" -eq 0 ] || grep -E '^ ?not ok [0-9]+\b' "$file" | grep -vE '# *TODO\b' |
		sed -n '1,50s/^ */   FAILED: /p'
}

# "stage NAME TITLE FUNCTION": a stage that counted nothing has not been passed.
stage()
{
	local name=$1 title=$2 function=$3 start=$SECONDS before=$((passed + failed)) good=$passed bad=$failed

	case " $stages build " in *" $name "*) ;; *) return 0 ;; esac
	printf -- '-- %s: %s\n' "$name" "$title"
	"$function" || fail "$name stopped with status $?"
	[ $((passed + failed)) -gt "$before" ] || fail "$name ran nothing"
	note "$((passed - good)) passed, $((failed - bad)) failed, $((SECONDS - start)) s"
}

# Names of the files of a stage, in order; TESTS picks some of them.
files_of()
{
	local folder=$1 suffix=$2 file name

	for file in "$tmp/src/$folder"/*"$suffix"; do
		[ -e "$file" ] || continue
		name=$(basename "$file" "$suffix")
		case " ${TESTS:-$name} " in *" $name "*) echo "$name" ;; esac
	done
}

# ---- the temporary folder ------------------------------------------------

# src/    the copy, built; the server's user may read it
# stage/  what "make install" would put into the system
# server/ a copy of PostgreSQL, if "make install" needs one of our own
# run/    belongs to the server's user: data, socket, root key, results
make_folders()
{
	tmp=$(mktemp -d "${KMS_TMP:-/tmp}/kms-check.XXXXXX")
	trap finish EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	umask 022
	chmod 711 "$tmp"
	stage=$tmp/stage
	mkdir "$tmp/src" "$tmp/run"
	tar -C "$repo" --exclude-vcs --exclude=./.demo --exclude=./results --exclude=./tmp_check \
		--exclude='*.o' --exclude='*.d' --exclude='*.so' --exclude='./sql/kms--*.sql' -cf - . |
		tar -C "$tmp/src" --no-same-owner --no-same-permissions -xf -
	chmod -R go+rX "$tmp/src"
	chown "$(server_user)" "$tmp/run"
	chmod 700 "$tmp/run"
}

# PostgreSQL until 17 without Debian's patches finds extensions among its own files
# only.  If these lie in one folder, they may lie in another as well.
copy_server()
{
	local prefix

	finds_staged && return
	prefix=$(dirname "$(pg_bin)")
	case $("$PG_CONFIG" --sharedir):$("$PG_CONFIG" --pkglibdir) in
		/usr/* | /usr/local/*) ;;
		"$prefix"/*:"$prefix"/*) cp -a "$prefix" "$tmp/server" ;;
	esac
	[ -d "$tmp/server" ] || die "the PostgreSQL of $PG_CONFIG finds extensions where they are installed only, and is not in a folder of its own to be copied"
	PG_CONFIG=$tmp/server/bin/pg_config
	stage=
}

# Every server that runs from our folder is ours: also those of TAP tests that
# were interrupted, which do not stop theirs.
finish()
{
	local status=$? pidfile

	trap - EXIT INT TERM HUP
	stop_progress
	while read -r pidfile; do
		stop_server "${pidfile%/*}" immediate || true
	done < <(find "$tmp/run" -name postmaster.pid 2>/dev/null)
	if [ -n "${KEEP:-}" ]; then
		echo "kept: $tmp" >&2
	else
		rm -rf "$tmp"
	fi
	exit "$status"
}

# ---- the server ----------------------------------------------------------

# Run in the temporary folder as the server's user, away from the checkout.
in_run()
{
	(cd "$tmp/run" && as_server env TMPDIR="$tmp/run" PATH="$(pg_bin):$PATH" \
		PGHOST="$tmp/run" PGPORT=5432 PGUSER=postgres "$@")
}

configure_server()
{
	cat <<-END
	listen_addresses = ''
	unix_socket_directories = '$tmp/run'
	port = 5432
	fsync = off
	timezone = 'UTC'
	lc_messages = 'C'
	log_line_prefix = '%m [%p] %q%a '
	$(staged_settings "$stage")
	kms.root_key_file = '$tmp/run/root.key'
	test.unwrap = '$tmp/unwrap'
	# Their locks and messages would come in between at any time.
	autovacuum = off
	kms.worker_enabled = off
	END
}

# What opens wrapped keys for the tests: see test/sql/include/reseal.sql.
build_unwrap()
{
	"${CC:-cc}" -std=c11 -O1 -I"$tmp/src/src/crypto" "$tmp"/src/src/crypto/*.c "$tmp/src/test/t/unwrap.c" \
		-lcrypto -o "$tmp/unwrap" && chmod 755 "$tmp/unwrap"
}

start_server()
{
	build_unwrap || return
	make_root_key "$tmp/run/root.key" || return
	in_run initdb -D data -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$tmp/initdb.log" 2>&1 ||
		{ cat "$tmp/initdb.log"; return 1; }
	configure_server | in_run tee -a data/postgresql.conf >/dev/null
	in_run env POSTGRES="$(pg_bin)/postgres" pg_ctl start -s -w -t 300 -D data -l server.log ${KMS_SERVER:+-p "$KMS_SERVER"} || { tail -n 30 "$tmp/run/server.log"; return 1; }
}

# The regression tests share a server; whoever needs it first starts it.
need_server()
{
	server_runs "$tmp/run/data" || start_server
}

make_database()
{
	in_run psql -X -q -v ON_ERROR_STOP=1 -d postgres -c "CREATE DATABASE $1" &&
		in_run psql -X -q -v ON_ERROR_STOP=1 -d "$1" -c 'CREATE EXTENSION pgtap' -c 'CREATE EXTENSION kms' \
			-f "$tmp/src/test/sql/include/reseal.sql"
}

# A test that brings down a backend may pass all the same; the log knows.
look_for_crashes()
{
	local log=$tmp/run/server.log

	! grep -E 'terminated by signal|PANIC:|TRAP:' "$log" || fail "a server process crashed"
	server_runs "$tmp/run/data" || { fail "the server is gone"; tail -n 30 "$log"; }
}

# What a server reports that forgot to give something back, or wrote where it must
# not: an assertion or a warning, in the log of any server of any test.
leaks='TRAP: |detected write past chunk end|problem in alloc set|(reference|refcount|file|memory) leak: |resource was not closed: |WARNING: .*(leaked |leaking still-referenced|not closed at end-of-transaction)'

look_for_leaks()
{
	local found

	[ -n "$(find "$tmp/run" -name '*.log' -print -quit)" ] || return 0
	found=$(find "$tmp/run" -name '*.log' -exec grep -E "$leaks" {} + || true)
	if [ -z "$found" ]; then
		pass
	else
		head -n 50 <<<"$found"
		fail "a server reports leaks or assertions"
	fi
}

# ---- stages --------------------------------------------------------------

build()
{
	with_progress "$tmp/build.log" make -s -k -C "$tmp/src" -j "$(nproc)" WERROR=1 COPT="${KMS_COPT:-}" all ||
		{ cat "$tmp/build.log"; return 1; }
	make -s -C "$tmp/src" install DESTDIR="$stage" || return
	chmod -R go+rX "${stage:-$tmp/server}"
	pass
}

layers()
{
	if "$tmp/src/.ci/layers.sh" --self-test && "$tmp/src/.ci/layers.sh"; then
		pass
	else
		fail "layer check"
	fi
}

unit()
{
	local log=$tmp/unit.log status=0 bad=$failed

	mkdir "$tmp/unit"
	[ -x "$tmp/src/test/unit/run.sh" ] || return 0
	with_progress "$log" "$tmp/src/test/unit/run.sh" "$tmp/unit" || status=$?
	count_tap "$log"
	if [ "$status" -ne 0 ]; then
		[ "$failed" -gt "$bad" ] || fail "test/unit/run.sh ended with status $status"
		grep -vE '^ok\b' "$log" | tail -n 100 || true
	fi
}

# Where the server's development package keeps the test programs.
pg_tests()
{
	realpath "$(dirname "$("$PG_CONFIG" --pgxs)")/../test"
}

# pg_regress and pg_isolation_regress look for expected/ beside their results,
# then in the input folder; ours is the checkout's, beside neither.
# Until 15 the results' folder has what is expected, too; from 16 on it has to be said.
expected_in()
{
	[[ $("$PG_CONFIG" --version) =~ ^PostgreSQL\ 15 ]] || echo "--expecteddir=$1"
}

results_folder()
{
	in_run mkdir -p "$1"
	in_run ln -sfn "$tmp/src/expected" "$1/expected"
}

# Of the runner's talk only the line per file, as it comes: TAP, from 16 on.
verdicts()
{
	sed -un -e 's/^test /   /p' -e 's/^\(not \)\{0,1\}ok [0-9]/   &/p'
}

show_diffs()
{
	local diffs=$1

	[ ! -s "$diffs" ] || head -n 200 "$diffs"
}

regress()
{
	local tests name status=0

	mapfile -t tests < <(files_of test/sql .sql)
	[ ${#tests[@]} -gt 0 ] || return 0
	need_server && make_database contrib_regression || return
	results_folder regress
	in_run "$(pg_tests)/regress/pg_regress" --inputdir="$tmp/src/test" $(expected_in regress) --outputdir=regress \
		--bindir="$(pg_bin)" --host="$tmp/run" --port=5432 --user=postgres \
		--use-existing --dbname=contrib_regression "${tests[@]}" |
		verdicts || status=$?
	for name in "${tests[@]}"; do
		[ ! -e "$tmp/run/regress/results/$name.out" ] || count_tap "$tmp/run/regress/results/$name.out"
	done
	count_failed_files "$status" regress
}

isolation()
{
	local tests status=0

	mapfile -t tests < <(files_of test/specs .spec)
	[ ${#tests[@]} -gt 0 ] || return 0
	need_server && make_database isolation_regression || return
	results_folder isolation
	in_run "$(pg_tests)/isolation/pg_isolation_regress" --inputdir="$tmp/src/test" $(expected_in isolation) --outputdir=isolation \
		--bindir="$(pg_bin)" --host="$tmp/run" --port=5432 --user=postgres \
		--use-existing --dbname=isolation_regression "${tests[@]}" |
		verdicts || status=$?
	count_failed_files "$status" isolation
	passed=$((passed + ${#tests[@]} - failed_files))
}

# Files whose results differ from what is expected, one failure each; and the
# runner's own word, should it have stopped before it compared anything.
count_failed_files()
{
	local status=$1 folder=$tmp/run/$2

	failed_files=0
	if [ -e "$folder/regression.out" ]; then
		failed_files=$(grep -cE '^not ok|\.\.\. FAILED' "$folder/regression.out" || true)
	fi
	[ "$status" -eq 0 ] || [ "$failed_files" -gt 0 ] || failed_files=1
	failed=$((failed + failed_files))
	[ "$failed_files" -eq 0 ] || note "FAILED: $failed_files files differ from expected/"
	show_diffs "$folder/regression.diffs"
	look_for_crashes
}

# PostgreSQL::Test::Cluster makes the servers itself; a test appends the
# settings in KMS_STAGED to postgresql.conf to find the extension.
tap()
{
	tap_folder test/t
}

# What needs more than two minutes; not part of "make check".
long()
{
	tap_folder test/long
}

# pg_upgrade to the PostgreSQL of KMS_PG_CONFIG_NEW, or to the newest one of Debian
# that has its development files.  Without one nothing is run, and nothing passed.
upgrade()
{
	local new

	new=$(new_pg_config) && [ -n "$new" ] || {
		note "NOT RUN: there is no PostgreSQL newer than $("$PG_CONFIG" --version | cut -d' ' -f2) with development files; give one with KMS_PG_CONFIG_NEW=/path/to/pg_config"
		return 1
	}
	note "from $("$PG_CONFIG" --version) to $("$new" --version)"
	install_new "$new" || return
	export KMS_NEW_INSTALL
	tap_folder test/upgrade
}

major_of()
{
	"$1" --version | sed -n 's/^PostgreSQL \([0-9]*\).*/\1/p'
}

new_pg_config()
{
	local candidate

	for candidate in ${KMS_PG_CONFIG_NEW:-$(printf '%s\n' /usr/lib/postgresql/*/bin/pg_config | sort -rV)}; do
		[ -x "$candidate" ] && [ -e "$("$candidate" --pgxs)" ] || continue
		[ "$(major_of "$candidate")" -gt "$(major_of "$PG_CONFIG")" ] || continue
		echo "$candidate"
		return
	done
}

# A copy of the newer PostgreSQL, which finds its files beside its programs, with the
# extension installed: pg_upgrade loads $libdir/kms, and follows no setting.
install_new()
{
	local new=$1 folder

	mkdir "$tmp/new"
	for folder in --bindir --pkglibdir --sharedir; do
		tar -C / -cf - "$("$new" $folder | cut -c2-)" | tar -C "$tmp/new" --no-same-owner -xf - || return
	done
	cp -r "$tmp/src" "$tmp/src-new"
	make -s -C "$tmp/src-new" clean PG_CONFIG="$new" || return
	with_progress "$tmp/build-new.log" make -s -C "$tmp/src-new" -j "$(nproc)" WERROR=1 all PG_CONFIG="$new" ||
		{ cat "$tmp/build-new.log"; return 1; }
	make -s -C "$tmp/src-new" install PG_CONFIG="$new" DESTDIR="$tmp/new" || return
	chmod -R go+rX "$tmp/new"
	KMS_NEW_INSTALL=$tmp/new$(dirname "$("$new" --bindir)")
}

tap_folder()
{
	local name

	in_run mkdir -p tap
	while read -r name; do
		tap_file "$1" "$name"
	done < <(files_of "$1" .pl)
}

tap_file()
{
	local folder=$1 name=$2 log=$tmp/$2.log place=$tmp/run/tap/$2/tmp_check start=$SECONDS status=0 good=$passed bad=$failed

	in_run mkdir "tap/$name"
	(cd "$tmp/src" && as_server env TMPDIR="$tmp/run" TESTDIR="$tmp/run/tap/$name" \
		TESTDATADIR="$place" TESTLOGDIR="$place/log" LANG=C.UTF-8 \
		PATH="$(pg_bin):$PATH" PERL5LIB="$(pg_tests)/perl:$tmp/src/test/t" \
		PG_REGRESS="$(pg_tests)/regress/pg_regress" PG_CONFIG="$PG_CONFIG" KMS_STAGED="$(staged_paths "$stage")" \
		prove --norc --verbose "$folder/$name.pl") >"$log" 2>&1 </dev/null || status=$?
	count_tap "$log"
	[ "$status" -eq 0 ] || [ "$failed" -gt "$bad" ] || fail "$name.pl ended with status $status"
	note "$(printf '%-30s %4d passed, %d failed, %d s' "$name" $((passed - good)) $((failed - bad)) $((SECONDS - start)))"
	[ "$failed" -eq "$bad" ] || show_tap_failure "$name"
}

show_tap_failure()
{
	grep -vE '^ok\b' "$tmp/$1.log" | tail -n 60 || true
	tail -n 30 "$tmp/run/tap/$1/tmp_check/log/"*.log 2>/dev/null || true
}

# ---- all of it -----------------------------------------------------------

main()
{
	local built

	"$repo/.ci/deps.sh" build server test
	find_pg_config
	require_server_user
	make_folders
	copy_server

	stage layers "who includes whom in src/" layers
	stage unit "crypto floor under ASan and UBSan" unit
	built=$failed
	stage build "kms.so with -Wall -Wextra -Werror" build
	if [ "$failed" -eq "$built" ]; then
		stage regress "pgTAP under pg_regress" regress
		stage isolation "two sessions at once" isolation
		stage tap "restart, seal, reload (PostgreSQL::Test::Cluster)" tap
		stage long "crashes under load" long
		stage upgrade "pg_upgrade to a newer PostgreSQL" upgrade
		look_for_leaks
	fi

	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
}

main
