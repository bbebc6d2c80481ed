# How much keys are used: what survives restarts and crashes, what the workers
# store, standbys, many sessions at once, a full table, what is dropped.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use KmsServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root_key = new_root_key();
my $node = new_server('main', root_key => $root_key, init => { allows_streaming => 1 },
	settings => "kms.worker_enabled = off\nkms.worker_naptime = 1\nrestart_after_crash = on\nkms.usage_entries = 40\nmax_connections = 30");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION kms;
	SELECT kms_create_alias(kms_create_key()::text, 'alias/one')});
my $one = value($node, q{SELECT key_id FROM kms_describe_key('alias/one')});
my $file = $node->data_dir . '/pg_stat/kms_usage.stat';

# calls/failures/bytes of a key, as the view has them.
sub used
{
	my ($server, $key, $operation, $dbname) = @_;

	$operation //= 'Encrypt';
	return value($server, "SELECT concat_ws('/', sum(calls), sum(failures), sum(bytes)) FROM kms.key_usage
		WHERE key_id = '$key' AND operation = '$operation'", $dbname);
}

# The same of the table alone.
sub stored
{
	my ($key) = @_;

	return value($node, "SELECT concat_ws('/', sum(calls), sum(failures), sum(bytes)) FROM kms.usage_entry
		WHERE key_id = '$key' AND operation = 'Encrypt'");
}

sub encrypt
{
	my ($times, $key) = @_;

	$node->safe_psql('postgres', "SELECT count(kms_encrypt('" . ($key // 'alias/one') . "', 'abc'::text)) FROM generate_series(1, $times)");
	return;
}

sub set
{
	my ($name, $value) = @_;

	$node->safe_psql('postgres', "ALTER SYSTEM SET $name = $value");
	$node->reload;
	return;
}

# ---- restarts --------------------------------------------------------------------

encrypt(5);
is(used($node, $one), '5/0/15', 'another session sees the numbers as soon as the transaction has ended');
is(stored($one), '', 'nothing is stored yet');
my $last = value($node, 'SELECT last_used_at FROM kms.key_usage');

$node->stop('fast');
ok(-e $file, 'the server leaves its counters in a file');
$node->start;
ok(!-e $file, 'which is gone once it is read');
is(used($node, $one), '5/0/15', 'a restart loses nothing');
is(value($node, 'SELECT last_used_at FROM kms.key_usage'), $last, 'nor the last use');

$node->safe_psql('postgres', 'SELECT FROM kms_run_jobs()');
is(stored($one), '5/0/15', 'kms_run_jobs stores the numbers');
encrypt(3);
$node->restart;
encrypt(2);
is(used($node, $one), '10/0/30', 'what is stored and what is counted add up across a restart');
$node->safe_psql('postgres', 'SELECT FROM kms_run_jobs()');
is(stored($one), '10/0/30', 'also when it is stored again');
is(used($node, $one), '10/0/30', 'which changes nothing in the view');

# A session that is killed takes the server through a crash.
encrypt(7);
$node->safe_psql('postgres', 'CHECKPOINT');
my $pid = (pids_of($node, qr/checkpointer/))[0];
kill 'KILL', $pid;
ok(defined wait_until(sub { $node->psql('postgres', 'SELECT 1') == 0 && (pids_of($node, qr/checkpointer/))[0] // $pid != $pid }), 'the server comes up after a crash');
is(used($node, $one), '10/0/30', 'with what was stored');
encrypt(1);
is(used($node, $one), '11/0/33', 'and counts on');
$node->safe_psql('postgres', 'SELECT FROM kms_run_jobs()');
is(stored($one), '11/0/33', 'also in the table');

encrypt(1);
$node->stop('immediate');
$node->start;
like(used($node, $one), qr{^(11/0/33|12/0/36)$}, 'an immediate shutdown never counts anything twice');
my $now = used($node, $one);
$node->safe_psql('postgres', 'SELECT FROM kms_run_jobs()');
is(used($node, $one), $now, 'nor does storing what it has left');

$node->stop('fast');
encrypt_file("\0" x 100);
my $offset = -s $node->logfile;
$node->start;
like(log_since($node, $offset), qr/kms: ignoring file "pg_stat\/kms_usage.stat"/, 'a damaged file is ignored, and the log says so');
is(used($node, $one), $now, 'what was stored is there');

# Write something into the file that the server has left.
sub encrypt_file
{
	my ($bytes) = @_;

	open(my $out, '+<:raw', $file) or die "$file: $!";
	seek($out, 40, 0);
	print $out $bytes;
	close $out;
	return;
}

# ---- many at once ------------------------------------------------------------------

set('kms.worker_enabled', 'on');
$node->safe_psql('postgres', q{SELECT kms_create_alias(kms_create_key()::text, 'alias/busy')});
my $busy = value($node, q{SELECT key_id FROM kms_describe_key('alias/busy')});
my @sessions = map { session($node) } 1 .. 8;

start_asking($_, q{DO $$ BEGIN FOR i IN 1 .. 300 LOOP PERFORM kms_encrypt('alias/busy', 'x'::text); COMMIT; END LOOP; END $$}) for @sessions;
answer($_) for @sessions;
is(used($node, $busy), '2400/0/2400', 'eight sessions at once are counted exactly, while a worker stores');
ok(defined wait_until(sub { stored($busy) eq '2400/0/2400' }), 'a worker stores all of it');

# An open transaction that has stored numbers holds nobody up.
ask($sessions[0], 'BEGIN');
ask($sessions[0], 'SELECT count(*) FROM kms_run_jobs()');
encrypt(1, 'alias/busy');
is(used($node, $busy), '2401/0/2403', 'an open kms_run_jobs does not disturb the view');
ask($sessions[0], 'ROLLBACK');
ok(defined wait_until(sub { stored($busy) eq '2401/0/2403' }), 'and once it is over, a worker goes on');

# A session that ends in the middle.
ask($sessions[1], 'BEGIN');
ask($sessions[1], q{SELECT kms_encrypt('alias/busy', 'x'::text)});
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = \'idle in transaction\'');
ok(defined wait_until(sub { used($node, $busy) eq '2402/0/2404' }), 'a session that is terminated has counted');
$_->{run}->kill_kill for @sessions;

# ---- erased keys and databases --------------------------------------------------------

my $before = value($node, 'SELECT usage_entries FROM kms.status');
$node->safe_psql('postgres', q{SELECT kms_create_alias(kms_create_key()::text, 'alias/doomed')});
my $doomed = value($node, q{SELECT key_id FROM kms_describe_key('alias/doomed')});
encrypt(1, 'alias/doomed');
ok(defined wait_until(sub { stored($doomed) eq '1/0/3' }), 'the numbers of a key are stored');
let_time_pass($node);
$node->safe_psql('postgres', "SELECT kms_schedule_key_deletion('$doomed', 7);
	UPDATE kms.key SET delete_at = clock_timestamp() WHERE id = '$doomed'");
ok(defined wait_until(sub { value($node, "SELECT count(*) FROM kms.key WHERE id = '$doomed'") == 0 }), 'the key is erased');
is(stored($doomed), '', 'and its numbers with it');
ok(defined wait_until(sub { value($node, 'SELECT usage_entries FROM kms.status') == $before }), 'and a moment later its counter');

$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', q{CREATE EXTENSION kms; SELECT kms_encrypt(kms_create_key()::text, 'x'::text)});
is(value($node, 'SELECT count(*) FROM kms.key_usage', 'other'), 1, 'each database has its own numbers');
is(value($node, 'SELECT usage_entries FROM kms.status'), $before + 1, 'in one table');
$node->safe_psql('postgres', 'DROP DATABASE other');
ok(defined wait_until(sub { value($node, 'SELECT usage_entries FROM kms.status') == $before }), 'the counters of a dropped database are thrown away');

# ---- no room ---------------------------------------------------------------------------

set('kms.worker_enabled', 'off');
$node->safe_psql('postgres', 'SELECT FROM kms_run_jobs()');
$node->safe_psql('postgres', q{CREATE TABLE many AS SELECT kms_create_key()::text AS key FROM generate_series(1, 40)});
$node->safe_psql('postgres', q{SELECT kms_encrypt(key, 'x'::text) FROM many});
is(value($node, 'SELECT sum(calls) FROM kms.key_usage JOIN many ON key_id = key::uuid'), 40, 'counters that are stored make room for others');
is(value($node, 'SELECT usage_lost_calls FROM kms.status'), 0, 'nothing is lost');
is(used($node, $busy), '2402/0/2404', 'nor of those that made room');
$node->safe_psql('postgres', q{CREATE TABLE more AS SELECT kms_create_key()::text AS key FROM generate_series(1, 10)});
$node->safe_psql('postgres', q{SELECT kms_encrypt(key, 'x'::text) FROM more});
is(value($node, 'SELECT usage_lost_calls FROM kms.status'), 10, 'calls that find no room until their session ends are lost, and that is counted');
my $patient = session($node);
ask($patient, q{SELECT kms_encrypt(key, 'x'::text) FROM more});
$node->safe_psql('postgres', 'SELECT FROM kms_run_jobs()');
sleep 2;
ask($patient, 'SELECT 1');
is(value($node, 'SELECT sum(calls) FROM kms.key_usage JOIN more ON key_id = key::uuid'), 10, 'a session that stays tries again when there is room');
$patient->quit;

# ---- a standby -----------------------------------------------------------------------------

my $blob = value($node, q{SELECT kms_encrypt('alias/one', 'abcd'::text)});
$node->safe_psql('postgres', 'SELECT FROM kms_run_jobs()');
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
write_private(root_key_file($standby), "$root_key\n");
$standby->append_conf('postgresql.conf', "kms.root_key_file = '" . root_key_file($standby) . "'");
$standby->start;
is(used($standby, $one), used($node, $one), 'a standby has what the primary has stored');
value($standby, "SELECT kms_decrypt('$blob')") for 1 .. 3;
is(used($standby, $one, 'Decrypt'), '3/0/12', 'and counts its own uses');
is(used($node, $one, 'Decrypt'), '', 'for itself');
$standby->restart;
is(used($standby, $one, 'Decrypt'), '3/0/12', 'also across a restart');
$standby->promote;
value($standby, 'SELECT count(*) FROM kms_run_jobs()');
is(value($standby, "SELECT calls FROM kms.usage_entry WHERE key_id = '$one' AND operation = 'Decrypt'"), 3, 'promoted, it stores them');
$standby->stop;

# ---- dump and restore --------------------------------------------------------------------------

$node->safe_psql('postgres', 'SELECT FROM kms_run_jobs()');
my $numbers = 'SELECT string_agg(concat_ws($$ $$, key_version_id, operation, calls, failures, bytes, last_used_at), $$,$$ ORDER BY key_version_id, operation) FROM kms.key_usage';
my $dumped = value($node, $numbers);
$node->command_ok([ 'pg_dump', '-f', $node->basedir . '/dump.sql', $node->connstr('postgres') ], 'dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $node->basedir . '/dump.sql', $node->connstr('restored') ], 'and restore');
is(value($node, $numbers, 'restored'), $dumped, 'a dump carries the stored numbers');

$node->stop;
done_testing();
