#!/bin/bash
#
# Speed, as a table: "make bench".  On a temporary server of our own, which is
# always stopped and removed.  Slow numbers are no failure: a goal that is
# missed is printed as missed, and the status is 0.
#
#   PARTS="functions pairs keys misses changes scale parallel memory create secrets columns instructions"
#                        only these
#   QUICK=1              fewer rounds: about a minute, and noisier
#   FULL=1               a million keys instead of 100,000
#   KEEP=1               leave the temporary folder, with callgrind's files
#
set -euo pipefail
. "$(dirname "$0")/server.sh"

all_parts='create functions pairs keys memory misses changes scale parallel secrets columns instructions'
parts=${PARTS:-$all_parts}
tmp=

# ---- sizes ---------------------------------------------------------------

rounds=41
slice_ms=12
create_count=100000
phase_ms=400
toggles=15
miss_each=21000
parallel_rows=400000
parallel_rounds=15
secret_rounds=9
column_rounds=21
rewrite_rows=1000000
rewrite_rounds=5
if [ -n "${QUICK:-}" ]; then
	rounds=11
	slice_ms=8
	phase_ms=200
	toggles=7
	miss_each=6000
	parallel_rows=200000
	parallel_rounds=9
	secret_rounds=5
	column_rounds=7
	rewrite_rows=200000
	rewrite_rounds=3
fi
[ -z "${FULL:-}" ] || create_count=1000000

# ---- helpers -------------------------------------------------------------

wanted()
{
	case " $parts " in *" $1 "*) true ;; *) false ;; esac
}

# "part NAME TITLE COMMAND ...": dots while it runs, then what it printed.
part()
{
	local title=$1 log=$tmp/part.log start=$SECONDS

	shift
	printf -- '\n-- %s\n' "$title"
	if ! with_progress "$log" "$@"; then
		cat "$log"
		die "\"$title\" did not run to its end"
	fi
	cat "$log"
	printf '   (%d s)\n' $((SECONDS - start))
}

file()
{
	local name=$1

	shift
	sql "$@" -f - <"$tmp/src/bench/sql/$name.sql"
}

# "note NAME EXPRESSION": a result that is compared with a goal.
note()
{
	ask "SELECT bench.note('$1', $2)" >/dev/null
}

# ---- parts ---------------------------------------------------------------

prepare()
{
	build && make_server && sql -d postgres -c 'CREATE DATABASE bench' &&
		sql -c 'CREATE EXTENSION kms' &&
		file driver -v module="$tmp/stage/kms_bench.so" && file goals
}

create()
{
	file create -v keys="$create_count" -v chunk=10000
}

first_key()
{
	ask 'SELECT id FROM bench.key WHERE n = 1'
}

functions_of()
{
	file functions -v size="$1" -v rows="$2" -v times="$3" -v rounds="$rounds" -v slice_ms="$slice_ms" -v key="$(first_key)"
}

functions()
{
	part '16 bytes' functions_of 16 4000 15
	part '64 bytes' functions_of 64 2500 20
	part '1 KB' functions_of 1024 240 80
	part '6 KB' functions_of 6144 36 200
}

# What the first call of a session takes inside the server: parsing and planning
# with an empty catalog cache are included.  sha256, which is PostgreSQL's own,
# shows how much of it any first call takes.
first_calls()
{
	local encrypt sha256="sha256('\\x00'::bytea)"

	encrypt="kms_encrypt('$(first_key)', '\\x00'::bytea)"
	sql -c 'CREATE TABLE bench.first (what text, ms double precision)' || return
	for _ in $(seq "$rounds"); do
		first_call 'first: kms_encrypt' "$encrypt" &&
			first_call 'first: core sha256' "$sha256" &&
			first_call 'second: kms_encrypt, after sha256' "$encrypt" "SELECT $sha256" &&
			first_call 'second: kms_encrypt, after kms_encrypt' "$encrypt" "SELECT $encrypt" &&
			first_use 'the first call alone, processor time' "$encrypt" || return
	done
	sql -c "SELECT what AS statement, round(bench.median(array_agg(ms))::numeric, 2) AS \"ms, median\",
				   round(min(ms)::numeric, 2) AS least FROM bench.first GROUP BY what ORDER BY what"
	note first_call "(SELECT bench.median(array_agg(ms)) FROM bench.first WHERE what = 'first: kms_encrypt')"
}

# A session of its own; perhaps with another statement before.
first_call()
{
	local what=$1 call=$2 before=${3:-SELECT} times

	times=$(sql -A -t -F "','" -c "$before" \
		-c "SELECT $call IS NOT NULL, statement_timestamp(), clock_timestamp()" | tail -n 1)
	sql -c "INSERT INTO bench.first SELECT '$what', extract(epoch FROM t[3]::timestamptz - t[2]::timestamptz) * 1000
			  FROM (SELECT ARRAY['$times'] AS t) s"
}

first_use()
{
	local what=$1 call=$2 times

	times=$(sql -A -t -F , -c 'SELECT bench.cpu_ns()' \
		-c "SELECT bench.cpu_ns(), $call IS NOT NULL, bench.cpu_ns()" | tail -n 1)
	sql -c "INSERT INTO bench.first VALUES ('$what', (${times##*,} - ${times%%,*}) / 1e6)"
}

misses()
{
	part 'preparing keys for misses' file misses_prepare -v each="$miss_each"
	part 'cache misses' file misses -v each="$miss_each" -v rounds="$rounds"
	part 'misses in a full cache' file evictions -v rounds="$rounds"
	part 'first call in a new session' first_calls
}

# "disturbed NAME INTERVAL_MS STATEMENTS QUERY SCAN ROWS": another session runs
# the statements (an array in SQL) in turn, now and then.
disturbed()
{
	local name=$1 interval=$2 statements=$3 query=$4 scan=$5 rows=$6 disturber status=0

	sql -c 'UPDATE bench.control SET stop = false'
	sql >"$tmp/disturber.log" 2>&1 <<-END &
		SELECT ($statements) AS statements \\gset
		CALL bench.disturb(:'statements', $interval);
	END
	disturber=$!
	file toggled -v part="$name" -v query="$query" -v scan="$scan" -v rows="$rows" \
		-v rounds="$toggles" -v phase_ms="$phase_ms" || status=$?
	sql -c 'UPDATE bench.control SET stop = true'
	wait "$disturber" || { cat "$tmp/disturber.log"; status=1; }
	return "$status"
}

changes()
{
	local from='FROM (SELECT k, x FROM bench.rotation_10000 LIMIT %s) s'

	sql -c "CREATE UNLOGGED TABLE bench.rotation_10000 AS
				SELECT id AS k, '\\x00'::bytea AS x FROM bench.key WHERE n <= 10000 ORDER BY n" &&
	disturbed changes 10 "SELECT array_agg(format('SELECT kms_update_key_description(%L, %L)', id, 'other'))
			FROM bench.key WHERE n > 10000 AND n <= 10100" \
		"SELECT count(kms_encrypt(k, x)) $from" "SELECT count(octet_length(x)) $from" 10000 &&
		note changes "bench.paired('changes', 'disturbed', 'alone')"
}

scale_of()
{
	local name=$1 call=$2 rows=${3:-20000} from='FROM (SELECT x FROM bench.scaled LIMIT %s) s'

	disturbed "$name" 0 "SELECT ARRAY[\$\$SELECT count($call) FROM (SELECT x FROM bench.scaled LIMIT $rows) s\$\$]" \
		"SELECT count($call) $from" "SELECT count(octet_length(x)) $from" "$rows"
}

scale()
{
	sql -c 'CREATE UNLOGGED TABLE bench.scaled AS SELECT gen_random_bytes(64) AS x FROM generate_series(1, 20000)' &&
		scale_of 'two sessions, kms_encrypt' "kms_encrypt('$(first_key)', x)" &&
		scale_of 'two sessions, bare' 'bench.bare_encrypt(x)' &&
		scale_of 'two sessions, signing' "kms_asymmetric_sign('$(ask "SELECT kms_create_key('EC_P256')")', NULL, 'ECDSA_SHA_256', sha256(x))" 500 &&
		note two_sessions "bench.paired('two sessions, kms_encrypt', 'disturbed', 'alone')" &&
		note two_signers "bench.paired('two sessions, signing', 'disturbed', 'alone')"
}

# ---- secrets -------------------------------------------------------------

# "rate NAME TRANSACTIONS STATEMENT": calls per second of a client that sends a prepared
# statement, waits for the answer and sends it again.
rate()
{
	local name=$1 transactions=$2 statement=$3 tps

	printf '%s;\n' "$statement" | in_run tee pgbench.sql >/dev/null
	tps=$(in_run pgbench -n -M prepared -c 1 -t "$transactions" -f pgbench.sql bench 2>"$tmp/pgbench.log" |
		sed -n 's/^tps = \([0-9.]*\).*/\1/p')
	[ -n "$tps" ] || { cat "$tmp/pgbench.log"; return 1; }
	sql -c "INSERT INTO bench.rate VALUES ('$name', $tps)"
}

# The same inside the server: how often a second one statement does it.
rate_inside()
{
	local name=$1 times=$2 query=$3

	sql -c "INSERT INTO bench.rate
			SELECT '$name', $times / extract(epoch FROM clock_timestamp() - statement_timestamp()) FROM ($query OFFSET 0) s WHERE n = $times"
}

# A few rows more of plain data, so that an index is used.
secrets()
{
	sql -c "CREATE TABLE bench.rate (what text, tps double precision)" \
		-c "CREATE TABLE bench.password (name text PRIMARY KEY, value text)" \
		-c "INSERT INTO bench.password SELECT 'app/' || n, md5(n::text) FROM generate_series(1, 1000) n" \
		-c "SELECT count(kms_create_secret(name, 'v1', value)) FROM bench.password" \
		-c 'VACUUM ANALYZE bench.password' -c 'VACUUM ANALYZE kms.secret' -c 'VACUUM ANALYZE kms.secret_version' \
		-c 'VACUUM ANALYZE kms.secret_version_stage' >/dev/null || return
	for _ in $(seq "$secret_rounds"); do
		rate 'SELECT of one row by its key' 20000 "SELECT name, value FROM bench.password WHERE name = 'app/7'" &&
			rate 'kms_get_secret_value' 20000 "SELECT secret_name, secret_data FROM kms_get_secret_value('app/7')" &&
			rate 'kms_put_secret_value' 3000 "SELECT kms_put_secret_value('app/8', gen_random_uuid()::text, 'a password')" &&
			rate_inside 'kms_get_secret_value, many in one statement' 20000 \
				"SELECT count((kms_get_secret_value('app/' || (i % 1000 + 1))).secret_data) AS n FROM generate_series(1, 20000) i" || return
	done
	sql -c "SELECT what AS \"one session, one call after the other\", round(bench.median(array_agg(tps))) AS \"calls/s, median\",
				   round(min(tps)) AS least, round(max(tps)) AS most FROM bench.rate GROUP BY what ORDER BY 2 DESC"
	note get_rate "(SELECT bench.median(array_agg(tps)) FROM bench.rate WHERE what = 'kms_get_secret_value, many in one statement')"
	note put_rate "(SELECT bench.median(array_agg(tps)) FROM bench.rate WHERE what = 'kms_put_secret_value')"
	note get_over_select "(SELECT bench.median(array_agg(tps)) FROM bench.rate WHERE what = 'SELECT of one row by its key')
		/ (SELECT bench.median(array_agg(tps)) FROM bench.rate WHERE what = 'kms_get_secret_value')"
}

# ---- columns -------------------------------------------------------------

columns()
{
	local round key

	key=$(ask "SELECT kms_create_key()")
	file columns -v key="$(first_key)" -v rows=100000 -v rounds="$column_rounds" -v module="$tmp/stage/kms_bench.so" &&
		file rewrite_prepare -v key="$key" -v rows="$rewrite_rows" || return
	for round in $(seq "$rewrite_rounds"); do
		file rewrite_round -v key="$key" -v rows="$rewrite_rows" -v round="$round" || return
	done
	file rewrite
}

# ---- instructions --------------------------------------------------------

# Single-user mode takes one statement a line.  For each candidate a small and a
# large number of rows, each closed by a mark: the difference is free of parsing
# and planning.  One run of all of them comes before, for the caches.
counted()
{
	local name=$1 query=$2 count

	for count in 200 1200; do
		# shellcheck disable=SC2059
		printf "$query;\n" "$count"
		echo "SELECT bench.callgrind_mark('$name/$count');"
	done
}

# Keys that were not yet seen, then the same once more.
counted_misses()
{
	local kind=$1 call=$2 from=1 count

	for count in 20 50 350; do
		for visit in miss hit; do
			echo "SELECT count($call) FROM bench.miss WHERE kind = '$kind' AND n >= $from AND n < $((from + count));"
			echo "SELECT bench.callgrind_mark('$visit-$kind/$count');"
		done
		from=$((from + count))
	done
}

single_user_statements()
{
	local key=$1 count plain='FROM (SELECT x FROM bench.counted LIMIT %s) s'

	echo 'SET kms.cache_size = 100000;'
	for _ in first second; do
		counted scan "SELECT count(octet_length(x)) $plain"
		counted floor "SELECT count(bench.floor_copy('$key', x, NULL)) $plain"
		counted bare_encrypt "SELECT count(bench.bare_encrypt(x)) $plain"
		counted kms_encrypt "SELECT count(kms_encrypt('$key', x)) $plain"
		counted context_encrypt "SELECT count(kms_encrypt('$key', x, '{\"table\": \"t\", \"column\": \"c\"}')) $plain"
		counted bare_scan "SELECT count(octet_length(b)) FROM (SELECT b FROM bench.counted LIMIT %s) s"
		counted bare_decrypt "SELECT count(bench.bare_decrypt(b)) FROM (SELECT b FROM bench.counted LIMIT %s) s"
		counted kms_scan "SELECT count(octet_length(c)) FROM (SELECT c FROM bench.counted LIMIT %s) s"
		counted kms_decrypt "SELECT count(kms_decrypt(c)) FROM (SELECT c FROM bench.counted LIMIT %s) s"
	done
	counted_misses id 'kms_encrypt(k, x)'
	counted_misses alias 'kms_encrypt(k, x)'
	counted_misses decrypt 'kms_decrypt(x)'
	if wanted create; then
		for count in 1 10 110; do
			echo "SELECT count(kms_create_key()) FROM generate_series(1, $count);"
			echo "SELECT bench.callgrind_mark('create/$count');"
		done
	fi
}

# label|instructions, in the order of counting; a later one of a label holds.
counts()
{
	local dump

	for dump in $(find "$tmp/run" -name 'callgrind.out.*' | sort -t. -k4 -n); do
		sed -n -e 's/^desc: Trigger: Client Request: //p' -e 's/^\(summary\|totals\): //p' "$dump" |
			paste -s -d'|' | cut -d'|' -f1,2
	done | grep '/'
}

count_instructions()
{
	local key

	command -v valgrind >/dev/null || { echo '   valgrind is not installed: no instructions are counted'; return 0; }
	key=$(first_key)
	sql -c "CREATE UNLOGGED TABLE bench.counted AS
				SELECT x, bench.bare_encrypt(x) AS b, kms_encrypt('$key', x) AS c
				  FROM (SELECT gen_random_bytes(64) AS x FROM generate_series(1, 1200)) s" \
		-c 'VACUUM ANALYZE bench.counted' -c 'CHECKPOINT'
	[ "$(ask "SELECT to_regclass('bench.miss') IS NOT NULL")" = t ] || file misses_prepare -v each=1000
	stop_server "$tmp/run/data"
	single_user_statements "$key" >"$tmp/statements.sql"
	in_run valgrind --tool=callgrind --callgrind-out-file="$tmp/run/callgrind.out" \
		postgres --single -D data bench <"$tmp/statements.sql" >"$tmp/single.log" 2>&1 ||
		{ tail -n 30 "$tmp/single.log"; start_server; return 1; }
	start_server || return
	counts >"$tmp/counts"
	sql -c 'CREATE TABLE bench.count (seen serial, label text, instructions bigint)' \
		-c "\\copy bench.count (label, instructions) FROM pstdin DELIMITER '|'" <"$tmp/counts" &&
		file instructions
}

# ---- all of it -----------------------------------------------------------

main()
{
	local name start=$SECONDS

	for name in $parts; do
		case " $all_parts " in *" $name "*) ;; *) die "there is no part \"$name\": $all_parts" ;; esac
	done
	find_pg_config
	require_server_user
	make_folders
	# Rates and misses need this many keys in any case.
	if ! wanted create; then
		echo 'All parts need keys, which are made first.'
	fi

	part 'building, and a server of our own' prepare
	printf '%s\n' "$(ask 'SELECT version()')" "$(openssl version), $(nproc) processors, load $(cut -d' ' -f1-3 /proc/loadavg)"
	part "$create_count keys" create
	! wanted functions || functions
	! wanted pairs || part 'asymmetric keys, MACs, envelopes' file pairs -v rounds="$rounds" -v slice_ms="$slice_ms"
	! wanted keys || part 'many keys in rotation, warm' file keys -v rows=100000 -v rounds=$((rounds / 2))
	! wanted memory || part 'memory of the cache' file memory
	! wanted misses || misses
	! wanted changes || part '10,000 hot keys while others change' changes
	! wanted scale || part 'two sessions at once' scale
	! wanted parallel || part 'a parallel query' file parallel -v rows="$parallel_rows" -v rounds="$parallel_rounds"
	! wanted secrets || part 'secrets, asked for by a client' secrets
	! wanted columns || part 'encrypted columns' columns
	! wanted instructions || part 'instructions (valgrind)' count_instructions

	printf -- '\n-- goals\n'
	sql -c 'SELECT goal, bound, measured, verdict FROM bench.verdict ORDER BY place'
	printf 'Measured in %d s.\n' $((SECONDS - start))
}

main "$@"
