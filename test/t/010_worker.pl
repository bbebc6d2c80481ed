# Background workers: they do what is due in a running server, are in nobody's
# way, and whatever ends them leaves each key whole.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use KmsServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $patience = 120;				# seconds; nothing here takes that long
my $key = new_root_key();
my $node = new_server('main', root_key => $key, init => { allows_streaming => 1 },
	settings => "kms.worker_naptime = 1\nkms.deletion_grace = 0\nrestart_after_crash = on\n");
my $naps = 0;
my $worker_failed = qr/background worker "kms worker" \(PID \d+\) (?:exited with|was terminated)/;

# ---- what the tests need ------------------------------------------------------

sub set
{
	my ($server, $name, $setting) = @_;

	$server->safe_psql('postgres', "ALTER SYSTEM SET $name = '$setting'");
	$server->reload;
	return;
}

# New keys with an alias, a ciphertext and a date that has come: tables of them are
# remembered under the name.
sub make_due
{
	my ($server, $dbname, $name, $count, $kind) = @_;
	my $schedule = $kind eq 'deletion' ? q{SELECT count(kms_schedule_key_deletion(id::text, 7)) FROM %1$s;} : '';
	my $date = $kind eq 'deletion' ? q{delete_at = clock_timestamp() - interval '1 hour'}
	  : q{rotated_at = clock_timestamp() - interval '31 days', next_rotation_at = clock_timestamp() - interval '1 day'};

	$server->safe_psql($dbname, sprintf(qq{
		BEGIN;
		CREATE TABLE %1\$s AS SELECT n, kms_create_key(enable_automatic_rotation => true, rotation_interval => '30 days') AS id FROM generate_series(1, %2\$d) n;
		ALTER TABLE %1\$s ADD blob bytea;
		UPDATE %1\$s SET blob = kms_encrypt(id::text, 'text ' || n);
		SELECT count(kms_create_alias(id::text, 'alias/%1\$s-' || n)) FROM %1\$s;
		$schedule
		UPDATE kms.key SET $date FROM %1\$s WHERE %1\$s.id = key.id;
		COMMIT}, $name, $count));
	return;
}

# How many of them are left to do.
sub left
{
	my ($server, $dbname, $name) = @_;

	return value($server, "SELECT count(*) FROM kms.key JOIN $name USING (id) WHERE due_at <= clock_timestamp()", $dbname);
}

sub is_done
{
	my ($server, $dbname, $names, $what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ok(defined wait_until(sub { 0 == grep { left($server, $dbname, $_) > 0 } split ' ', $names }, $patience), $what)
	  || diag(value($server, 'SELECT * FROM kms.jobs WHERE due_at <= clock_timestamp() LIMIT 10', $dbname));
}

# So many naps that a worker has been wherever it goes.
sub let_them_nap
{
	my ($server, $dbname) = @_;
	my $name = 'nap_' . ++$naps;

	make_due($server, $dbname, $name, 1, 'rotation');
	wait_until(sub { left($server, $dbname, $name) == 0 }, $patience) // die 'no worker comes';
	make_due($server, $dbname, "${name}_more", 1, 'rotation');
	wait_until(sub { left($server, $dbname, "${name}_more") == 0 }, $patience) // die 'no worker comes again';
	return;
}

# Each key of a table was rotated once or not at all, and nothing in between.
sub is_whole
{
	my ($server, $dbname, $name, $how) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(value($server, "
		SELECT count(*) FROM $name
		  LEFT JOIN kms.key k USING (id)
		  LEFT JOIN kms.key_version p ON p.id = k.primary_version AND p.key_id = k.id
		 CROSS JOIN LATERAL (SELECT count(*) AS versions FROM kms.key_version v WHERE v.key_id = k.id) c
		 WHERE (p.id IS NOT NULL AND k.next_rotation_at = k.rotated_at + interval '720 hours' AND p.created_at = k.rotated_at
				AND c.versions = 2 AND k.next_rotation_at > clock_timestamp()
				OR p.id IS NOT NULL AND c.versions = 1 AND k.next_rotation_at < clock_timestamp()) IS NOT TRUE", $dbname),
		'0', "$how: each key is as it was, or rotated once");
	is(value($server, "SELECT count(*) FROM $name WHERE kms_decrypt_text(blob) = 'text ' || n", $dbname),
		value($server, "SELECT count(*) FROM $name", $dbname), "$how: and decrypts what it encrypted");
	return;
}

# ---- they do what is due ---------------------------------------------------------

$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION kms');
let_time_pass($node);
is(value($node, 'SELECT workers FROM kms.status'), 't', 'the status says that there are workers');
is(scalar pids_of($node, qr/kms launcher/), 1, 'there is a launcher');
make_due($node, 'postgres', 'turning', 5, 'rotation');
make_due($node, 'postgres', 'ending', 5, 'deletion');
is_done($node, 'postgres', 'turning ending', 'what is due is done without any call');
is_whole($node, 'postgres', 'turning', 'rotated by a worker');
is(value($node, 'SELECT count(*) FROM kms_list_key_versions((SELECT id::text FROM turning WHERE n = 1))'), '2', 'a key that was due has a new version');
is(value($node, 'SELECT (SELECT count(*) FROM kms.key JOIN ending USING (id)) + (SELECT count(*) FROM kms.key_version v JOIN ending e ON v.key_id = e.id)
		+ (SELECT count(*) FROM kms.alias a JOIN ending e ON a.key_id = e.id)'), '0', 'nothing is left of a key that was erased');
is(value($node, q{SELECT job, outcome, attempts, count(*) FROM kms.jobs WHERE outcome = 'done' GROUP BY 1, 2, 3 ORDER BY 1}),
	"KeyDeletion|done|1|5\nKeyRotation|done|1|5", 'the view says what they did, at the first attempt');

# A session that has the key in its cache goes on with the new version.
my $session = session($node);
my $which = q{SELECT (SELECT key_version_id FROM kms_ciphertext_info(kms_encrypt('alias/turning-1', 'x'))) = (SELECT primary_version FROM kms.key JOIN turning USING (id) WHERE n = 1)};
is(ask($session, $which), 't', 'a session encrypts with the primary version');
value($node, q{UPDATE kms.key SET next_rotation_at = now() FROM turning WHERE turning.id = key.id AND n = 1});
is_done($node, 'postgres', 'turning', 'which a worker replaces');
is(ask($session, $which), 't', 'then with the next one');
$session->quit;

# ---- where there is something to do -------------------------------------------------

set($node, 'kms.worker_enabled', 'off');
for my $dbname (qw(second template_like closed plain))
{
	$node->safe_psql('postgres', "CREATE DATABASE $dbname");
	next if $dbname eq 'plain';
	$node->safe_psql($dbname, 'CREATE EXTENSION kms');
	let_time_pass($node, $dbname);
	make_due($node, $dbname, 'turning', 3, 'rotation');
	make_due($node, $dbname, 'ending', 3, 'deletion');
}
$node->safe_psql('postgres', 'ALTER DATABASE template_like IS_TEMPLATE true');
$node->safe_psql('postgres', 'ALTER DATABASE closed ALLOW_CONNECTIONS false');
my $offset = -s $node->logfile;
set($node, 'kms.worker_enabled', 'on');
is_done($node, 'second', 'turning ending', 'a second database is served');
let_them_nap($node, 'postgres');
let_them_nap($node, 'second');
$node->safe_psql('postgres', 'ALTER SYSTEM SET kms.worker_enabled = off');
$node->reload;
sleep 3;
$node->safe_psql('postgres', 'ALTER DATABASE closed ALLOW_CONNECTIONS true');
is(left($node, $_->[0], 'turning') . left($node, $_->[0], 'ending'), '33', "$_->[1] is left alone")
  for [ 'template_like', 'a template database' ], [ 'closed', 'a database that lets nobody in' ];
unlike(log_since($node, $offset), $worker_failed, 'no worker has failed: not in a database without the extension either');
unlike(log_since($node, $offset), qr/(?:ERROR|FATAL|PANIC):/, 'and no error is in the log');
$node->safe_psql('postgres', 'ALTER DATABASE template_like IS_TEMPLATE false');
$node->safe_psql('postgres', "DROP DATABASE $_") for qw(template_like closed);

# ---- off and on ------------------------------------------------------------------------

is(value($node, 'SELECT workers FROM kms.status'), 'f', 'turned off: the status says so');
make_due($node, 'postgres', 'switched', 2, 'rotation');
make_due($node, 'second', 'switched', 2, 'deletion');
sleep 4;
is(left($node, 'postgres', 'switched') . left($node, 'second', 'switched'), '22', 'turned off: several naps later nothing was done');
is(value($node, q{SELECT count(*) FROM kms.jobs JOIN switched ON id = resource WHERE outcome = 'due'}), '2', 'turned off: it is shown as due');
set($node, 'kms.worker_enabled', 'on');
is_done($node, 'postgres', 'switched', 'turned on: it is done');
is_done($node, 'second', 'switched', 'turned on: everywhere');

# ---- in nobody's way ---------------------------------------------------------------------

$node->safe_psql('second', 'CREATE TABLE something AS SELECT 1 AS one');
for my $round (1 .. 4)
{
	my @failed;

	for my $sql ('CREATE DATABASE copied TEMPLATE second', 'ALTER DATABASE copied RENAME TO renamed', 'ALTER DATABASE second RENAME TO elsewhere',
		'ALTER DATABASE elsewhere RENAME TO second', 'CREATE DATABASE file_copied TEMPLATE second STRATEGY file_copy', 'ALTER DATABASE renamed SET TABLESPACE pg_default',
		'DROP DATABASE file_copied')
	{
		my $error = failure($node, $sql);
		push @failed, "$sql: $error->{message}" if $error;
		sleep 0.3;
	}
	my $error = failure($node, 'SET kms.allow_drop = on; DROP EXTENSION kms', dbname => 'renamed') // failure($node, 'DROP DATABASE renamed');
	push @failed, "the copy is not dropped: $error->{message}" if $error;
	is("@failed", '', "round $round: copying, renaming and dropping databases succeeds while workers come every second");
}
make_due($node, 'second', 'after_copies', 1, 'rotation');
is_done($node, 'second', 'after_copies', 'the database that was copied and renamed is served');

# ---- whatever the database is set to ---------------------------------------------------------

$node->safe_psql('second', q{
	CREATE SCHEMA trap;
	CREATE TABLE trap.caught (what text);
	CREATE FUNCTION trap.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN INSERT INTO trap.caught VALUES ('now'); RETURN pg_catalog.now(); END $$;
	CREATE FUNCTION trap.equal(uuid, uuid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO trap.caught VALUES ('='); RETURN true; END $$;
	CREATE OPERATOR trap.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = trap.equal);
	CREATE TABLE trap.key (id uuid);
	CREATE TABLE trap.job (resource uuid);
	ALTER DATABASE second SET search_path = trap, pg_catalog, public;
	ALTER DATABASE second SET row_security = off;
	ALTER DATABASE second SET default_transaction_isolation = 'serializable';
	ALTER DATABASE second SET session_replication_role = replica;
	ALTER DATABASE second SET DateStyle = 'SQL, DMY';
	ALTER DATABASE second SET bytea_output = 'escape';
	ALTER DATABASE second SET timezone = 'Asia/Kathmandu';
	ALTER DATABASE second CONNECTION LIMIT 0});
{
	local $ENV{PGOPTIONS} = '-c search_path=public,pg_catalog -c session_replication_role=origin -c DateStyle=ISO -c default_transaction_read_only=off';
	make_due($node, 'second', 'trapped', 3, 'rotation');
	make_due($node, 'second', 'trapped_end', 3, 'deletion');
	is_done($node, 'second', 'trapped trapped_end', 'a database with hostile settings is served');
	is_whole($node, 'second', 'trapped', 'with hostile settings');
	is(value($node, 'SELECT count(*) FROM trap.caught', 'second'), '0', 'and nothing of its trap has run');

	# Its owner may set this, who is no superuser.
	$node->safe_psql('second', 'ALTER DATABASE second SET default_transaction_read_only = on');
	make_due($node, 'second', 'read_only', 1, 'rotation');
	is_done($node, 'second', 'read_only', 'nor are the workers stopped by making its transactions read-only');
}
$node->safe_psql('postgres', 'ALTER DATABASE second RESET ALL; ALTER DATABASE second CONNECTION LIMIT -1');
let_time_pass($node, 'second');

# ---- a key that somebody holds -----------------------------------------------------------

set($node, 'kms.worker_enabled', 'off');
sleep 3;
make_due($node, 'postgres', 'held', 2, 'rotation');
make_due($node, 'second', 'beside', 2, 'rotation');
value($node, q{UPDATE kms.key SET next_rotation_at = next_rotation_at - interval '100 days' FROM held WHERE held.id = key.id AND n = 1});
$session = session($node);
ask($session, q{BEGIN; SELECT kms_update_key_description((SELECT id::text FROM held WHERE n = 1), 'held')});
set($node, 'kms.worker_enabled', 'on');
is_done($node, 'second', 'beside', 'a key that a session holds does not stop the work in other databases');
ok(defined wait_until(sub { left($node, 'postgres', 'held') <= 1 }, $patience), 'nor that on other keys of its own');
ask($session, 'COMMIT');
$session->quit;
value($node, q{UPDATE kms.job SET retry_at = now() FROM held WHERE id = resource AND outcome = 'failed'});
is_done($node, 'postgres', 'held', 'let go, it is done');

# ---- killed in the middle ------------------------------------------------------------------

for my $how ('killed within an item', 'killed while it works', 'immediate shutdown within an item')
{
	my $name = $how =~ s/ /_/gr;

	set($node, 'kms.worker_enabled', 'off');
	sleep 3;
	make_due($node, 'postgres', $name, 2000, 'rotation');

	# The oldest first, so that it comes half way through to the one whose record it
	# cannot write: in the middle of the item, with the new version made.
	value($node, "UPDATE kms.key SET next_rotation_at = next_rotation_at + n * interval '1 second' FROM $name WHERE $name.id = key.id");
	my $holder = session($node);
	ask($holder, "BEGIN; INSERT INTO kms.job SELECT 'KeyRotation', id, owner, owner_name, 'failed', NULL, 1, now(), now() FROM kms.key JOIN $name USING (id) WHERE n = 1000")
	  if $how ne 'killed while it works';
	my $watcher = session($node);
	set($node, 'kms.worker_enabled', 'on');
	my $remaining = "SELECT count(*) FROM kms.key JOIN $name USING (id) WHERE due_at <= clock_timestamp()";
	if ($how eq 'killed while it works')
	{
		ok(defined wait_until(sub { ask($watcher, $remaining) < 2000 }, $patience), "$how: it has begun");
	}
	else
	{
		ok(defined wait_until(sub { ask($watcher, $remaining) == 1001 }, $patience), "$how: half of it is done");
	}
	if ($how =~ /immediate/)
	{
		$node->stop('immediate');
		$node->start;
	}
	else
	{
		my ($worker) = pids_of($node, qr/kms worker/);
		my $offset = -s $node->logfile;

		ok(defined $worker && kill('KILL', $worker), "$how: a worker is killed");
		ok(defined wait_until(sub { log_since($node, $offset) =~ /all server processes terminated; reinitializing/ }, $patience), "$how: the server begins anew");
	}
	eval { $holder->quit };
	eval { $watcher->quit };
	ok($node->poll_query_until('postgres', 'SELECT true'), "$how: it is there again");
	is_whole($node, 'postgres', $name, $how);
	is_done($node, 'postgres', $name, "$how: the rest is done later");
	is_whole($node, 'postgres', $name, "$how, and done");
	is(value($node, "SELECT count(*) FROM kms.key_version v JOIN $name n ON v.key_id = n.id"), '4000', "$how: each was rotated exactly once");
}

# ---- the launcher ---------------------------------------------------------------------------

my ($launcher) = pids_of($node, qr/kms launcher/);
is(value($node, "SELECT pg_terminate_backend($launcher)"), 't', 'the launcher is told to leave');
ok(defined wait_until(sub { my ($next) = pids_of($node, qr/kms launcher/); defined $next && $next != $launcher }, $patience), 'and comes back');
make_due($node, 'postgres', 'after_launcher', 1, 'rotation');
is_done($node, 'postgres', 'after_launcher', 'and works');

# ---- a date that passed while the server was down ---------------------------------------------

set($node, 'kms.worker_enabled', 'off');
sleep 3;
make_due($node, 'postgres', 'missed', 2, 'deletion');
make_due($node, 'postgres', 'missed_turn', 1, 'rotation');
value($node, 'ALTER SYSTEM SET kms.deletion_grace = 3600');
$node->restart;
is(value($node, 'SELECT DISTINCT job, outcome, detail FROM kms_run_jobs() JOIN missed ON id::text = resource'),
	'KeyDeletion|waiting|its date was found to have passed long before: kms.deletion_grace runs', 'after a restart what should have been erased waits');
is(left($node, 'postgres', 'missed_turn'), '0', 'but rotations are done');
is(value($node, 'SELECT bool_and(next_run > pg_postmaster_start_time() + interval \'3600 seconds\') FROM kms.jobs JOIN missed ON id = resource'), 't',
	'until the grace is over');
refused($node, q{SELECT kms_decrypt(blob) FROM missed}, '42704', 'Forbidden.KeyNotFound', 'nobody uses the key meanwhile');
$node->safe_psql('postgres', 'SELECT kms_cancel_key_deletion((SELECT id::text FROM missed WHERE n = 1))');
is(value($node, q{SELECT kms_decrypt_text(blob) FROM missed WHERE n = 1}), 'text 1', 'but its deletion can be cancelled');
value($node, 'DELETE FROM kms.job');
value($node, 'ALTER SYSTEM SET kms.deletion_grace = 8');
value($node, 'ALTER SYSTEM SET kms.worker_enabled = on');
$node->restart;
is_done($node, 'postgres', 'missed', 'when the grace is over a worker erases it');
is(value($node, q{SELECT outcome, last_run >= pg_postmaster_start_time() + interval '8 seconds' FROM kms.jobs JOIN missed ON id = resource WHERE n = 2}), 'done|t',
	'not before');
is(value($node, q{SELECT kms_decrypt_text(blob) FROM missed WHERE n = 1}), 'text 1', 'and the other is there');
set($node, 'kms.deletion_grace', '0');

# A date that passes while the server runs needs no grace, however long that is.
set($node, 'kms.deletion_grace', '2592000');
make_due($node, 'postgres', 'seen', 1, 'rotation');
value($node, q{BEGIN; SELECT kms_schedule_key_deletion(id::text, 7) FROM seen; UPDATE kms.key SET delete_at = clock_timestamp() FROM seen WHERE seen.id = key.id; COMMIT});
is_done($node, 'postgres', 'seen', 'a date that came while the server ran needs no grace');
set($node, 'kms.deletion_grace', '0');

# ---- sealed ------------------------------------------------------------------------------------

set($node, 'kms.worker_enabled', 'off');
sleep 3;
value($node, q{
	BEGIN;
	CREATE TABLE sealed AS SELECT id, n FROM after_launcher UNION ALL SELECT id, 2 FROM missed WHERE n = 1;
	SELECT kms_schedule_key_deletion(id::text, 7) FROM sealed WHERE n = 2;
	UPDATE kms.key SET delete_at = clock_timestamp() - interval '1 hour' FROM sealed WHERE sealed.id = key.id AND n = 2;
	UPDATE kms.key SET next_rotation_at = clock_timestamp() FROM sealed WHERE sealed.id = key.id AND n = 1;
	COMMIT});
set($node, 'kms.root_key_file', '');
ok(defined wait_until(sub { status($node) eq 'Suspended' }, $patience), 'the server is sealed');
set($node, 'kms.worker_enabled', 'on');
my $shown = 'SELECT job, outcome, detail, attempts, next_run > last_run FROM kms.jobs JOIN sealed ON id = resource WHERE due_at <= clock_timestamp() ORDER BY job';
my $waits = join "\n", map { "$_|waiting|the service is not open, or kms is sealed or has the wrong root key|1|t" } qw(KeyDeletion KeyRotation);
ok(defined wait_until(sub { (() = value($node, $shown) =~ /waiting/g) == 2 }, $patience), 'sealed: rotations and erasures wait, since their rows cannot be tested');
is(value($node, $shown), $waits, 'sealed: which is shown, with the reason, and tried again later');
sleep 3;
is(value($node, $shown), $waits, 'sealed: but not at every nap');
is(left($node, 'postgres', 'sealed'), '2', 'sealed: nothing was done');
set($node, 'kms.root_key_file', root_key_file($node));
ok(defined wait_until(sub { status($node) eq 'Enabled' }, $patience), 'the server is unsealed');
value($node, 'UPDATE kms.job SET retry_at = clock_timestamp() FROM sealed WHERE id = resource');
is_done($node, 'postgres', 'sealed', 'unsealed: all is done at the next attempt');
is(value($node, q{SELECT attempts FROM kms.jobs JOIN sealed ON id = resource WHERE n = 1 AND outcome = 'done'}), '2', 'unsealed: which was the second');

# ---- copies ------------------------------------------------------------------------------------

set($node, 'kms.worker_enabled', 'off');
sleep 3;
$node->safe_psql('postgres', 'CREATE DATABASE origin');
$node->safe_psql('origin', 'CREATE EXTENSION kms');
let_time_pass($node, 'origin');
make_due($node, 'origin', 'ending', 3, 'deletion');
make_due($node, 'origin', 'turning', 1, 'rotation');
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE origin');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
my $dump = PostgreSQL::Test::Utils::tempdir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, 'origin' ], 'a database is dumped');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', $dump, 'restored' ], 'and restored');
let_time_pass($node, $_) for qw(copy restored);
set($node, 'kms.worker_enabled', 'on');
is_done($node, 'origin', 'ending', 'what is due is erased in the original');
for my $dbname (qw(copy restored))
{
	my $waiting = q{SELECT outcome, detail, count(*) FROM kms.jobs JOIN ending ON id = resource GROUP BY 1, 2};

	ok(defined wait_until(sub { value($node, $waiting, $dbname) =~ /waiting/ }, $patience), "$dbname: it waits");
	is_done($node, $dbname, 'turning', "$dbname: rotations are done");
	let_them_nap($node, $dbname);
	is(value($node, $waiting, $dbname), 'waiting|this database is a copy or was restored: call kms_confirm_home()|3', "$dbname: and waits");
	is(value($node, 'SELECT count(*) FROM kms.key_version v JOIN ending e ON v.key_id = e.id', $dbname), '3', "$dbname: nothing was erased");
	$node->safe_psql($dbname, 'SELECT kms_cancel_key_deletion(id::text) FROM ending WHERE n = 1');
	is(value($node, 'SELECT kms_decrypt_text(blob) FROM ending WHERE n = 1', $dbname), 'text 1', "$dbname: what is cancelled there works");
	$node->safe_psql($dbname, 'SELECT kms_confirm_home()');
	is_done($node, $dbname, 'ending', "$dbname: confirmed as a home of its own, it erases");
	is(value($node, 'SELECT count(*) FROM kms.key JOIN ending USING (id)', $dbname), '1', "$dbname: what was not cancelled");
}

# ---- a standby ---------------------------------------------------------------------------------

set($node, 'kms.worker_enabled', 'off');
sleep 3;
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->append_conf('postgresql.conf', "kms.root_key_file = '" . root_key_file($standby) . "'");
$standby->append_conf('postgresql.auto.conf', "kms.root_key_file = '" . root_key_file($standby) . "'\nkms.worker_enabled = on");
write_private(root_key_file($standby), "$key\n");
$standby->start;
make_due($node, 'postgres', 'promoted', 3, 'rotation');
make_due($node, 'postgres', 'promoted_end', 3, 'deletion');
$node->wait_for_catchup($standby);
is(status($standby), 'Enabled', 'a standby has the root key');
is(scalar pids_of($standby, qr/kms (?:launcher|worker)/), 0, 'but no launcher');
is(value($standby, 'SHOW kms.worker_enabled') . value($standby, 'SELECT workers FROM kms.status'), 'onf', 'whatever the setting, the status says so');
sleep 3;
is(left($standby, 'postgres', 'promoted') . left($standby, 'postgres', 'promoted_end'), '33', 'nothing is done there');
is(value($standby, q{SELECT count(*) FROM kms.jobs JOIN promoted ON id = resource WHERE outcome = 'due'}), '3', 'but shown as due');
$node->stop;
$standby->promote;
is_done($standby, 'postgres', 'promoted promoted_end', 'promoted, it does what is due');
is(scalar pids_of($standby, qr/kms launcher/), 1, 'with a launcher');
is_whole($standby, 'postgres', 'promoted', 'promoted');
$standby->stop;
unlike(slurp_file($_->logfile), qr/PANIC|TRAP:|signal 11/, $_->name . ': nothing crashed but what was killed') for $node, $standby;

done_testing();
