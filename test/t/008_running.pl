# What happens in the middle of a statement, what a session keeps, and what
# others see of a statement that carries a plaintext.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use KmsServer;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = new_server('main', init => { extra => [ '-E', 'UTF8' ] }, settings => <<'END');
restart_after_crash = on
autovacuum = off
jit = off
log_min_error_statement = error
log_min_messages = info
log_parameter_max_length_on_error = -1
log_parameter_max_length = -1
log_error_verbosity = verbose
track_activity_query_size = 4096
max_parallel_workers_per_gather = 2
END
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION kms;
	SELECT kms_create_alias(kms_create_key()::text, 'alias/one')});
my $id = value($node, q{SELECT key_id FROM kms_describe_key('alias/one')});
my $blob = value($node, q{SELECT kms_encrypt('alias/one', 'secret')});
my $observer = session($node);

# Start a statement in a session, and come back when it has run for a while.
sub start_running
{
	my ($session, $sql, $name) = @_;
	my $pid = ask($session, 'SELECT pg_backend_pid()');

	start_asking($session, $sql);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok(defined wait_until(sub {
		ask($observer, "SELECT state = 'active' AND clock_timestamp() - query_start > '0.3 s' FROM pg_stat_activity WHERE pid = $pid") eq 't'
	}), "$name runs");
	return $pid;
}

# ---- disabled in the middle -------------------------------------------------------
# Each would run for minutes.

$node->safe_psql('postgres', q{
	CREATE TABLE stored AS SELECT kms_encrypt('alias/one', 'row ' || n) AS blob FROM generate_series(1, 20000) n;
	ALTER TABLE stored SET (parallel_workers = 2);
	VACUUM ANALYZE stored});
my $parallel = q{SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;};

# Rows that are made as they are needed, unlike those of a function in FROM.
my $many = '(SELECT generate_series(1, 1000000000) AS n) many';

for my $case (
	[ 'decrypting' => '', "SELECT count(kms_decrypt('$blob', CASE WHEN n < 0 THEN '{}'::jsonb END)) FROM $many" ],
	[ 'encrypting' => '', "SELECT count(kms_encrypt('alias/one', 'x' || n)) FROM $many" ],
	[ 'encrypting by id' => 'BEGIN ISOLATION LEVEL SERIALIZABLE', "SELECT count(kms_encrypt('$id', 'x' || n)) FROM $many" ],
	[ 'decrypting in a transaction' => 'BEGIN ISOLATION LEVEL REPEATABLE READ', "SELECT count(kms_decrypt(blob)) FROM stored CROSS JOIN generate_series(1, 50000)" ],
	[ 'decrypting in parallel' => $parallel, 'SELECT count(kms_decrypt(blob)) FROM stored CROSS JOIN generate_series(1, 50000)' ],
	[ 'a loop in a function' => '', "DO \$\$ BEGIN FOR n IN 1 .. 1000000000 LOOP PERFORM kms_encrypt('alias/one', 'x'); END LOOP; END \$\$" ])
{
	my ($what, $before, $sql) = @$case;
	my $session = session($node);

	ask($session, $before) if $before ne '';
	my $pid = start_running($session, $sql, $what);
	is(ask($observer, "SELECT count(*) > 0 FROM pg_stat_activity WHERE leader_pid = $pid"), 't', "$what: with workers")
	  if $what =~ /parallel/;
	my $when = time;
	value($node, "SELECT kms_disable_key('$id')");
	is(answer($session), '55000 Rejected.Disabled', "$what: a key disabled by another session is refused");
	cmp_ok(time - $when, '<', 3, "$what: within the statement");
	value($node, "SELECT kms_enable_key('$id')");
	$session->quit;
}

# A rollback does nothing to a running statement.
{
	my $session = session($node);

	start_running($session, q{SELECT count(kms_encrypt('alias/one', 'x' || n)) FROM (SELECT generate_series(1, 1000000) AS n) s}, 'a statement');
	$node->safe_psql('postgres', "BEGIN; SELECT kms_disable_key('$id'); ROLLBACK") for 1 .. 3;
	is(answer($session), '1000000', 'what another session rolls back does not disturb it');
	$session->quit;
}

# A statement can be cancelled, and the session goes on.
{
	my $session = session($node);

	is(ask($session, q{SET statement_timeout = '300ms'; SELECT count(kms_encrypt('alias/one', 'x' || n)) FROM (SELECT generate_series(1, 100000000) AS n) s}),
		'57014 ', 'a statement is cancelled in time');
	is(ask($session, q{SELECT kms_decrypt_text(kms_encrypt('alias/one', 'x'))}), 'x', 'and the session goes on');
	$session->quit;
}

# More messages than fit the queue: those who were left behind look at everything anew.
{
	my $session = session($node);

	is(ask($session, q{BEGIN; SELECT kms_decrypt_text(kms_encrypt('alias/one', 'x'))}), 'x', 'a session has a key in its cache');
	value($node, "SELECT kms_disable_key('$id')");
	$node->safe_psql('postgres', q{
		DO $$ BEGIN FOR n IN 1 .. 500 LOOP EXECUTE 'CREATE TABLE many' || n || ' (a int PRIMARY KEY, b text)'; COMMIT; END LOOP; END $$;
		DO $$ BEGIN FOR n IN 1 .. 500 LOOP EXECUTE 'DROP TABLE many' || n; COMMIT; END LOOP; END $$});
	is(ask($session, q{SELECT kms_encrypt('alias/one', 'x')}), '55000 Rejected.Disabled', 'disabled before a flood of other messages: refused');
	value($node, "SELECT kms_enable_key('$id')");
	$session->quit;
}

# ---- memory --------------------------------------------------------------------------

# Private memory of a backend in kB.
sub memory
{
	my ($pid) = @_;

	return slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m ? $1 : die 'no RssAnon';
}

{
	my $session = session($node);
	my $pid = ask($session, 'SELECT pg_backend_pid()');

	$node->safe_psql('postgres', q{
		CREATE FUNCTION caught(n integer) RETURNS integer LANGUAGE plpgsql AS $$
		BEGIN
			PERFORM kms_decrypt('\x0100');
			RETURN 0;
		EXCEPTION WHEN invalid_parameter_value THEN
			RETURN 1;
		END $$;
		CREATE TABLE many_keys AS SELECT kms_create_key()::text AS id FROM generate_series(1, 200);
		CREATE TABLE many_blobs AS SELECT kms_encrypt(id, 'x') AS blob FROM many_keys});
	for my $case (
		[ 'encryptions' => 1000000, q{SELECT count(kms_encrypt('alias/one', 'text ' || n)) FROM (SELECT generate_series(1, %d) n) s} ],
		[ 'decryptions' => 1000000, "SELECT count(kms_decrypt_text('$blob', CASE WHEN n < 0 THEN '{}'::jsonb END)) FROM (SELECT generate_series(1, %d) n) s" ],
		[ 'encryptions with another context each time' => 300000, q{SELECT count(kms_encrypt('alias/one', 'text', jsonb_build_object('n', n::text))) FROM (SELECT generate_series(1, %d) n) s} ],
		[ 'decryptions under 200 keys with room for 16' => 100000, q{SET kms.cache_size = 16; SELECT count(kms_decrypt((SELECT array_agg(blob) FROM many_blobs)[1 + n %% 200])) FROM (SELECT generate_series(1, %d) n) s} ],
		[ 'data keys' => 200000, q{SELECT count((kms_generate_data_key('alias/one')).plaintext) FROM (SELECT generate_series(1, %d) n) s} ],
		[ 're-encryptions' => 300000, "SELECT count(kms_re_encrypt('$blob', 'alias/one')) FROM (SELECT generate_series(1, %d) n) s" ],
		[ 'caught errors' => 100000, 'SELECT sum(caught(n)) FROM (SELECT generate_series(1, %d) n) s' ])
	{
		my ($what, $calls, $sql) = @$case;

		# The first run fills caches; what grows with the calls grows in the second.
		is(ask($session, sprintf($sql, 20000)), 20000, "$what work");
		my $before = memory($pid);
		is(ask($session, sprintf($sql, $calls)), $calls, "$calls $what work");
		my $grown = memory($pid) - $before;
		cmp_ok($grown, '<', 512, "$calls $what leave less than half a megabyte behind ($grown kB)");
	}
	is(ask($session, 'SELECT session_cached_keys <= 32 FROM kms.status'), 't', 'the cache keeps to its size');
	$session->quit;
}

# ---- what others see ---------------------------------------------------------------------

my $number = 0;
sub planted
{
	return 'PLANTED' . ++$number . 'x' . substr(new_root_key(), 0, 16);
}

sub hides
{
	my ($secret, $offset, $message, $name) = @_;
	my $log = log_since($node, $offset);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like($log, $message, "$name: the log has the error");
	unlike($log, qr/\Q$secret\E/, "$name: and not the plaintext");
	return;
}

# The counterpart: without kms the statement is in the log.
{
	my $secret = planted();
	my $offset = -s $node->logfile;

	failure($node, "SELECT '$secret', 1 / n FROM generate_series(0, 1) n");
	like(log_since($node, $offset), qr/STATEMENT:.*\Q$secret\E/, 'other statements that fail are in the log');
}

for my $case (
	[ 'an alias that does not exist' => q{SELECT kms_encrypt('alias/none', '%s')}, qr/alias "alias\/none" does not exist/ ],
	[ 'a bytea' => q{SELECT kms_encrypt('alias/none', '%s'::bytea)}, qr/alias "alias\/none" does not exist/ ],
	[ 'a context that is none' => q{SELECT kms_encrypt('alias/one', '%s', '[1]')}, qr/ERROR/ ],
	[ 'a plaintext that is too long' => q{SELECT kms_encrypt('alias/one', repeat('%s', 1000))}, qr/longer than 6144 bytes/ ],
	[ 'another error of the same statement' => q{SELECT kms_encrypt('alias/one', '%s'), 1 / (n - 1) FROM generate_series(1, 1) n}, qr/division by zero/ ],
	[ 'a constraint' => q{INSERT INTO narrow SELECT kms_encrypt('alias/one', '%s')}, qr/violates check constraint/ ],
	[ 'a timeout' => q{SET statement_timeout = '300ms'; SELECT count(kms_encrypt('alias/one', '%s' || n)) FROM (SELECT generate_series(1, 100000000) AS n) s}, qr/canceling statement due to statement timeout/ ],
	[ 'a DO block' => q{DO $$ BEGIN PERFORM kms_encrypt('alias/none', '%s'); END $$}, qr/alias "alias\/none" does not exist/ ],
	[ 'a DO block that fails after it' => q{DO $$ BEGIN PERFORM kms_encrypt('alias/one', '%s'); PERFORM 1 / n FROM generate_series(0, 1) n; END $$}, qr/division by zero/ ],
	[ 'dynamic SQL' => q{DO $$ BEGIN EXECUTE 'SELECT kms_encrypt(''alias/none'', ''%s'')'; END $$}, qr/alias "alias\/none" does not exist/ ],
	[ 'EXECUTE' => q{PREPARE p(text) AS SELECT kms_encrypt('alias/none', $1); EXECUTE p('%s')}, qr/alias "alias\/none" does not exist/ ],
	[ 'dynamic SQL after it' => q{DO $$ BEGIN PERFORM kms_encrypt('alias/one', 'x'); EXECUTE 'INSERT INTO nosuch VALUES (''%s'')'; END $$}, qr/relation "nosuch" does not exist/ ],
	[ 'COPY' => q{COPY (SELECT kms_encrypt('alias/none', '%s')) TO '/dev/null'}, qr/alias "alias\/none" does not exist/ ],
	[ 'a cursor' => q{BEGIN; DECLARE c CURSOR FOR SELECT kms_encrypt('alias/none', '%s'); FETCH c}, qr/alias "alias\/none" does not exist/ ],
	[ 'a disabled key' => q{BEGIN; SELECT kms_disable_key((kms_describe_key('alias/one')).key_id::text); SELECT kms_encrypt('alias/one', '%s')}, qr/is disabled/ ])
{
	my ($name, $sql, $message) = @$case;
	my $secret = planted();

	value($node, 'CREATE TABLE IF NOT EXISTS narrow (blob bytea CHECK (length(blob) < 10))');
	my $offset = -s $node->logfile;
	# One statement a message, as a client sends them.
	ok(defined failure($node, join(";\n", split(/; (?=SELECT|EXECUTE|DECLARE|FETCH)/, sprintf($sql, $secret))) . ';'), "$name fails");
	hides($secret, $offset, $message, $name);
}

# Parameters of the protocol; pgbench sends them, psql of this version cannot.
{
	my $secret = planted();
	my $script = PostgreSQL::Test::Utils::tempdir . '/script';
	my $offset = -s $node->logfile;

	append_to_file($script, "SELECT kms_encrypt('alias/none', :secret);\n");
	for my $mode (qw(extended prepared))
	{
		$node->command_checks_all([ 'pgbench', '-n', '-t', '1', '-M', $mode, '-D', "secret=$secret", '-f', $script, 'postgres' ],
			2, [qr/./s], [qr/alias "alias\/none" does not exist/], "pgbench with a parameter, $mode");
	}
	hides($secret, $offset, qr/alias "alias\/none" does not exist/, 'a parameter');

	# The counterpart.
	my $other = planted();
	append_to_file("$script.other", "SELECT 1 / n, :secret FROM generate_series(0, 1) n;\n");
	$node->command_fails([ 'pgbench', '-n', '-t', '1', '-M', 'extended', '-D', "secret=$other", '-f', "$script.other", 'postgres' ]);
	like(log_since($node, $offset), qr/\Q$other\E/, 'parameters of other statements are in the log');
}

# In pg_stat_activity, while it runs and when it is over.
{
	my $secret = planted();
	my $session = session($node);
	my $pid = start_running($session, "SELECT count(kms_encrypt('alias/one', '$secret' || n)) FROM (SELECT generate_series(1, 1500000) AS n) s", 'a statement with a plaintext');

	is(ask($observer, "SELECT query FROM pg_stat_activity WHERE pid = $pid"), '<statement hidden by kms>', 'other sessions see that something is hidden');
	answer($session);
	is(ask($observer, "SELECT state || ' ' || query FROM pg_stat_activity WHERE pid = $pid"), 'idle <statement hidden by kms>', 'also when it is over');
	ask($session, 'SELECT 1');
	like(ask($observer, "SELECT query FROM pg_stat_activity WHERE pid = $pid"), qr/^SELECT 1/, 'the next statement is seen');

	# Killed in the middle, its text would be in the log of the crash.
	my $offset = -s $node->logfile;
	$pid = start_running($session, "SELECT count(kms_encrypt('alias/one', '$secret' || n)) FROM (SELECT generate_series(1, 100000000) AS n) s", 'another one');
	kill 'KILL', $pid;
	ok(defined wait_until(sub { log_since($node, $offset) =~ /reinitializing/ }), 'its backend is killed');
	hides($secret, $offset, qr/was terminated by signal 9.*\n.*DETAIL:  Failed process was running: <statement hidden by kms>/, 'a crash');
	$node->poll_query_until('postgres', 'SELECT true');
	eval { $session->quit };
}

# ---- the log as a whole ---------------------------------------------------------------------

eval { $observer->quit };
$node->stop;
my $log = slurp_file($node->logfile);
is(scalar(() = $log =~ /terminated by signal/g), 1, 'nothing crashed but what was killed');
unlike($log, qr/PANIC|TRAP:|problem in alloc set|detected write past chunk end|still referenced|resource was not closed/,
	'and nothing leaked');

done_testing();
