# kms_encrypt_existing and kms_reencrypt_column, while things happen: they are killed,
# cancelled, crashed with the server; others write, make key versions, disable keys,
# drop partitions.  What was committed stays, the next call does the rest, no row twice.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use KmsServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $patience = 120;
my $key = new_root_key();
my $node = new_server('main', root_key => $key, init => { allows_streaming => 1 }, settings => 'max_connections = 30');

$node->start;

# An index whose expression takes its time makes a table slow.
$node->safe_psql('postgres', q{
	CREATE EXTENSION kms;
	SELECT kms_create_alias(kms_create_key()::text, 'alias/pii'), kms_create_alias(kms_create_key('HMAC_SHA_256', 'GENERATE_VERIFY_MAC')::text, 'alias/search');
	CREATE SCHEMA app;
	CREATE TABLE app.noted (relation regclass, id integer, written_by text);
	ALTER DATABASE postgres SET search_path = app, public});

sub make_slow
{
	my ($table) = @_;

	$node->safe_psql('postgres', qq{
		CREATE FUNCTION dawdle_$table(text) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
		CREATE INDEX ON $table (dawdle_$table(ssn));
		CREATE OR REPLACE FUNCTION dawdle_$table(text) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.001); RETURN 1; END'});
	return;
}

my $gatekeeper = session($node);

# A table with plaintext, protected since.
sub make_table
{
	my ($table, $rows, @columns) = @_;

	$node->safe_psql('postgres', qq{
		CREATE TABLE $table (id integer PRIMARY KEY, ssn text, card bytea, seen integer NOT NULL DEFAULT 0);
		INSERT INTO $table SELECT n, 'ssn ' || n, convert_to('card ' || n, 'UTF8') FROM generate_series(1, $rows) n;
		INSERT INTO $table VALUES (0, NULL, NULL);
		SELECT kms_protect_column('$table', 'ssn', 'alias/pii', blind_index => true, blind_index_key_id => 'alias/search')});
	return;
}

# A session whose call has come to that row, which somebody has locked, and waits there.
sub start_calling
{
	my ($table, $id, $call, @before) = @_;
	my $session = session($node);

	is(ask($gatekeeper, "BEGIN; SELECT id FROM $table WHERE id = $id FOR UPDATE"), $id, "a row of $table is locked");
	ask($session, $_) for @before;
	my $pid = ask($session, 'SELECT pg_backend_pid()');
	start_asking($session, $call);
	ok($node->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $pid"), "$call comes to it");
	return ($session, $pid);
}

sub open_gate
{
	ask($gatekeeper, 'COMMIT');
	return;
}

# A statement that may wait for the batch that stands at the gate, and comes before a later one,
# which has to wait for it.
sub between_batches
{
	my ($sql, $table, $id) = @_;
	my $session = session($node);
	my $later = session($node);

	ask($later, "BEGIN; SELECT id FROM $table WHERE id = $id FOR UPDATE") if defined $id;
	my $pid = ask($session, 'SELECT pg_backend_pid()');
	start_asking($session, "SET client_min_messages = error; $sql");
	$node->poll_query_until('postgres', "SELECT query ~ ' TABLE ' AND (state = 'idle' OR wait_event_type = 'Lock') FROM pg_stat_activity WHERE pid = $pid");
	open_gate();
	is(answer($session), '', "$sql, between two batches");
	ask($later, 'COMMIT');
	$_->quit for $session, $later;
	return;
}

# Rows of plaintext, rows encrypted, and of those that were encrypted when this was asked before,
# the ones that were written since.
sub counts
{
	my ($table, $column) = @_;
	my $sealed = $column eq 'card' ? 'length(card) > 40' : "ssn LIKE 'kms:1:%'";
	my $counts = value($node, qq{
		SELECT concat_ws(' ', coalesce(sum(row_count) FILTER (WHERE key_version_id IS NULL), 0), coalesce(sum(row_count) FILTER (WHERE key_version_id IS NOT NULL), 0),
			(SELECT count(*) FROM noted n JOIN $table t USING (id) WHERE n.relation = '$table'::regclass AND n.written_by <> t.xmin::text))
		  FROM kms_scan_column('$table', '$column')});

	$node->safe_psql('postgres', "DELETE FROM noted; INSERT INTO noted SELECT '$table'::regclass, id, xmin::text FROM $table WHERE $sealed");
	return $counts;
}

sub job
{
	my ($table, $column, $kind) = @_;

	return value($node, sprintf(q{SELECT concat_ws(' ', outcome, done, 'of', total) FROM kms.jobs WHERE job = '%s' AND name = 'app.%s.%s'}, $kind // 'ColumnEncryption', $table, $column));
}

# Every row that there is reads right and is found.
sub is_right
{
	my ($table, $what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(value($node, qq{SELECT count(*) FROM ${table}_decrypted d JOIN $table t USING (id) WHERE d.ssn IS DISTINCT FROM 'ssn ' || nullif(id, 0) OR d.card IS DISTINCT FROM convert_to('card ' || nullif(id, 0), 'UTF8')
		OR d.ssn_blind_index IS DISTINCT FROM CASE WHEN t.ssn LIKE 'kms:1:%' THEN kms_blind_index('alias/search', d.ssn) END}), '0', "$what: every row reads as it was, and is found");
	return;
}

# ---- killed, timed out, crashed -------------------------------------------------------------

make_table('person', 20000, 'ssn');
my $encrypt = q{CALL kms_encrypt_existing('person', 'ssn')};
is(counts('person', 'ssn'), '20000 0 0', 'there is plaintext');

my ($session, $pid) = start_calling('person', 10001, $encrypt);
is(job('person', 'ssn'), 'running 10000 of 20000', 'kms.jobs in another session: it is half way');
is(value($node, q{SELECT rows_per_second > 0, estimated_end >= last_run, resource IS NULL, due_at IS NULL FROM kms.jobs WHERE job = 'ColumnEncryption'}), 't|t|t|t', 'with its speed and its end');
is(value($node, q{SELECT round(10000 / rows_per_second) - round(extract(epoch FROM estimated_end - last_run)) BETWEEN -1 AND 1 FROM kms.jobs WHERE job = 'ColumnEncryption'}), 't', 'which is when the rest is done at that speed');
for my $call ($encrypt, q{CALL kms_reencrypt_column('person', 'ssn')})
{
	my $error = refused($node, $call, '55006', 'Rejected.ResourceInUse', "$call in a second session is refused");

	like($error->{hint} // '', qr/kms\.jobs/, 'with where to look');
}
is(counts('person', 'ssn'), '10000 10000 0', 'what is committed is seen by others');
value($node, "SELECT pg_terminate_backend($pid, 10000)");
eval { $session->quit };
open_gate();
is(job('person', 'ssn'), 'interrupted 10000 of 20000', 'killed: it is interrupted');
is(value($node, q{SELECT estimated_end IS NULL FROM kms.jobs WHERE job = 'ColumnEncryption'}), 't', 'and has no end');
is(counts('person', 'ssn'), '10000 10000 0', 'what was committed stays, and nothing else');
is_right('person', 'half encrypted');

($session) = start_calling('person', 15001, $encrypt, q{SET statement_timeout = '3s'});
is(job('person', 'ssn'), 'running 5000 of 10000', 'called again: it does the rest');
is(answer($session), '57014 ', 'and is cancelled by a timeout');
open_gate();
is(job('person', 'ssn'), 'interrupted 5000 of 10000', 'interrupted again');
is(counts('person', 'ssn'), '5000 15000 0', 'what was committed stays');
is(ask($session, 'SELECT count(*) FROM person'), '20001', 'the session goes on');
$session->quit;

($session) = start_calling('person', 17501, $encrypt);
$node->stop('immediate');
eval { $_->quit } for $session, $gatekeeper;
$node->start;
$gatekeeper = session($node);
open_gate();
is(job('person', 'ssn'), 'interrupted 2000 of 5000', 'the server crashed: interrupted');
is(counts('person', 'ssn'), '3000 17000 0', 'what was committed stays');
is_right('person', 'after the crash');

$node->safe_psql('postgres', $encrypt);
is(job('person', 'ssn'), 'done 3000 of 3000', 'called once more: it is done');
is(counts('person', 'ssn'), '0 20000 0', 'no row was written twice, whatever happened');
is_right('person', 'done');
my $state = q{SELECT md5(string_agg(concat(ctid, xmin, p::text), ' ' ORDER BY id)) FROM person p};
my $before = value($node, $state);
$node->safe_psql('postgres', $encrypt);
is(job('person', 'ssn'), 'done 0 of 0', 'there is nothing left to do');
is(value($node, $state), $before, 'and nothing is written');

# ---- two columns ---------------------------------------------------------------------------------

my $ssn = value($node, q{SELECT md5(string_agg(concat(ssn, ssn_blind_index), ' ' ORDER BY id)) FROM person});
$node->safe_psql('postgres', q{SELECT kms_protect_column('person', 'card', 'alias/pii'); CALL kms_encrypt_existing('person', 'card', 3000)});
is(counts('person', 'card'), '0 20000 20000', 'a second column is encrypted');
is(value($node, q{SELECT md5(string_agg(concat(ssn, ssn_blind_index), ' ' ORDER BY id)) FROM person}), $ssn, 'and the first stays as it is');
is_right('person', 'two columns');

make_table('pair', 5000);
$node->safe_psql('postgres', q{SELECT kms_protect_column('pair', 'card', 'alias/pii'); CALL kms_encrypt_existing('pair', 'ssn')});
is(counts('pair', 'card'), '5000 0 0', 'one call is for one column');
$node->safe_psql('postgres', q{CALL kms_encrypt_existing('pair', 'card'); SELECT kms_create_key_version('alias/pii')});
is_right('pair', 'both columns');
my @sessions = map { session($node) } 1 .. 2;
start_asking($sessions[0], q{CALL kms_reencrypt_column('pair', 'ssn', 50)});
start_asking($sessions[1], q{CALL kms_reencrypt_column('pair', 'card', 70)});
is(answer($_), '', 'two sessions at work on two columns') for @sessions;
$_->quit for @sessions;
is(value($node, qq{SELECT count(*), sum(row_count) FROM kms_scan_column('pair', '$_')}), '1|5000', "all of $_ has the new version") for 'ssn', 'card';
is_right('pair', 'both at once');

# ---- notices ----------------------------------------------------------------------------------------

$node->safe_psql('postgres', q{
	CREATE TABLE slow (id integer PRIMARY KEY, ssn text);
	INSERT INTO slow SELECT n, 'ssn ' || n FROM generate_series(1, 3000) n;
	SELECT kms_protect_column('slow', 'ssn', 'alias/pii')});
make_slow('slow');
my $slow = session($node);
start_asking($slow, q{CALL kms_encrypt_existing('slow', 'ssn', 10)});
ok($node->poll_query_until('postgres', q{SELECT done > 0 FROM kms.jobs WHERE name = 'app.slow.ssn'}), 'a slow one is on its way');
is(value($node, q{SELECT outcome, done < total, total, rows_per_second BETWEEN 1 AND 1000, estimated_end BETWEEN last_run AND last_run + interval '1 hour' FROM kms.jobs WHERE name = 'app.slow.ssn'}), 'running|t|3000|t|t', 'and kms.jobs says when it will be done');
ok(wait_until(sub { $slow->{run}->pump_nb; $slow->{stdout} =~ /it is answered/ }, $patience), 'it ends');
my $notices = $slow->{stderr};
is(answer($slow), '', 'well');
$slow->quit;
my @progress = $notices =~ /NOTICE:  00000: (\d+) of 3000 rows encrypted, \d+ rows per second/g;
my $seconds = value($node, q{SELECT extract(epoch FROM noted_at - started_at) FROM kms.column_job WHERE relation = 'slow'::regclass});
cmp_ok($seconds, '>', 3, 'it took some time');
cmp_ok(scalar(@progress), '>=', int($seconds / 1.5), "once a second it says how far it is: @progress");
cmp_ok(scalar(@progress), '<=', $seconds, 'and not more often');
is("@progress", join(' ', sort { $a <=> $b } @progress), 'further each time');
like($notices, qr/NOTICE:  00000: 3000 rows of column ssn of table app\.slow encrypted\nHINT:  [^\n]*VACUUM FULL/, 'at the end it says what there is to do');

# ---- concurrent writers -------------------------------------------------------------------------------

# One by one: what the writer does to a row that the call waits for.
make_table('held', 10);
my $writer = session($node);
for my $case (
	[ 'its value changed' => q{UPDATE held SET ssn = 'new' WHERE id = 5}, 'COMMIT', '5 new' ],
	[ 'another column changed' => q{UPDATE held SET seen = 7 WHERE id = 5}, 'COMMIT', '5 ssn 5' ],
	[ 'its context changed' => q{UPDATE held SET id = 105 WHERE id = 5}, 'COMMIT', '105 ssn 5' ],
	[ 'set to NULL' => q{UPDATE held SET ssn = NULL WHERE id = 5}, 'COMMIT', '5' ],
	[ 'deleted' => q{DELETE FROM held WHERE id = 5}, 'COMMIT', '' ],
	[ 'changed, and rolled back' => q{UPDATE held SET ssn = 'new' WHERE id = 5}, 'ROLLBACK', '5 ssn 5' ],
	[ 'locked' => q{SELECT FROM held WHERE id = 5 FOR UPDATE}, 'COMMIT', '5 ssn 5' ])
{
	my ($what, $sql, $end, $expected) = @$case;

	$node->safe_psql('postgres', q{
		SET session_replication_role = replica;
		DELETE FROM held;
		INSERT INTO held (id, ssn) SELECT n, 'ssn ' || n FROM generate_series(1, 10) n});
	my $calling = session($node);
	my $calling_pid = ask($calling, 'SELECT pg_backend_pid()');
	is(ask($writer, "BEGIN; $sql"), '', "a row is $what");
	start_asking($calling, q{CALL kms_encrypt_existing('held', 'ssn')});
	ok($node->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $calling_pid"), 'the call waits for it');
	ask($writer, $end);
	is(answer($calling), '', 'and goes on');
	$calling->quit;
	is(value($node, q{SELECT concat_ws(' ', id, ssn) FROM held_decrypted WHERE id IN (5, 105) AND ssn_blind_index IS NOT DISTINCT FROM kms_blind_index('alias/search', ssn)}), $expected, "$what: it is what the writer made of it");
	is(value($node, q{SELECT count(*) FILTER (WHERE key_version_id IS NULL) FROM kms_scan_column('held', 'ssn')}), '0', 'and everything is encrypted');
}
# When there is nothing else to do than the row that it missed.
for my $call (q{CALL kms_encrypt_existing('held', 'ssn')}, q{CALL kms_reencrypt_column('held', 'ssn')})
{
	$node->safe_psql('postgres', q{SET session_replication_role = replica; DELETE FROM held; INSERT INTO held (id, ssn) VALUES (5, 'ssn 5')});
	$node->safe_psql('postgres', q{CALL kms_encrypt_existing('held', 'ssn')}) if $call =~ /reencrypt/;
	my $newest = value($node, q{SELECT kms_create_key_version('alias/pii')});
	my $calling = session($node);
	my $calling_pid = ask($calling, 'SELECT pg_backend_pid()');
	ask($writer, 'BEGIN; UPDATE held SET seen = seen + 1');
	start_asking($calling, $call);
	ok($node->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $calling_pid"), "$call waits for the only row");
	ask($writer, 'COMMIT');
	is(answer($calling), '', 'and goes on');
	$calling->quit;
	is(value($node, q{SELECT key_version_id, row_count FROM kms_scan_column('held', 'ssn')}), "$newest|1", 'it has the newest version');
}

# Triggers of the table have no part in it.
$node->safe_psql('postgres', q{
	SET session_replication_role = replica;
	DELETE FROM held;
	INSERT INTO held (id, ssn) SELECT n, 'ssn ' || n FROM generate_series(1, 10) n;
	CREATE FUNCTION withhold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no row is written'; END $$;
	CREATE TRIGGER closed BEFORE UPDATE ON held FOR EACH ROW EXECUTE FUNCTION withhold()});
for my $call (q{CALL kms_encrypt_existing('held', 'ssn')}, q{SELECT kms_create_key_version('alias/pii'); CALL kms_reencrypt_column('held', 'ssn')})
{
	$node->safe_psql('postgres', $call);
	is(value($node, q{SELECT key_version_id = (SELECT primary_key_version FROM kms_describe_key('alias/pii')), row_count FROM kms_scan_column('held', 'ssn')}), 't|10', "$call: past a trigger that would refuse");
}
$node->safe_psql('postgres', q{DROP TRIGGER closed ON held});

$writer->quit;

# Many at once.  Each writer notes what it wrote, in the order of the row's counter.
make_table('busy', 4000);
$node->safe_psql('postgres', q{
	CREATE TABLE wrote (id integer, seen integer, ssn text);
	CREATE INDEX ON wrote (id);
	CREATE SEQUENCE later START 100001});
make_slow('busy');
my $script = PostgreSQL::Test::Utils::tempdir . '/script';
append_to_file($script, q{
\set id random(1, 4000)
\set what random(1, 10)
\set new random(1, 1000000)
\if :what <= 4
WITH u AS (UPDATE busy SET ssn = 'new ' || :new, seen = seen + 1 WHERE id = :id RETURNING id, seen) INSERT INTO wrote SELECT id, seen, 'new ' || :new FROM u;
\elif :what <= 8
WITH u AS (UPDATE busy SET seen = seen + 1 WHERE id = :id RETURNING id, seen) INSERT INTO wrote SELECT id, seen FROM u;
\elif :what = 9
WITH i AS (INSERT INTO busy (id, ssn, seen) VALUES (nextval('later'), 'inserted ' || :new, 1) RETURNING id) INSERT INTO wrote SELECT id, 1, 'inserted ' || :new FROM i;
\else
WITH d AS (DELETE FROM busy WHERE id = :id RETURNING id) INSERT INTO wrote SELECT id, 1000000 FROM d;
\endif
});
my ($out, $problems) = ('', '');
my $bench = IPC::Run::start([ 'pgbench', '-n', '-c', '3', '-T', '15', '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres' ], '>', \$out, '2>', \$problems);
ok($node->poll_query_until('postgres', 'SELECT count(*) > 20 FROM wrote'), 'others write');
my $started = value($node, 'SELECT count(*) FROM wrote');
$node->safe_psql('postgres', q{CALL kms_encrypt_existing('busy', 'ssn', 200)}, timeout => $patience);
my $ended = value($node, 'SELECT count(*) FROM wrote');
cmp_ok($ended - $started, '>', 200, 'and a lot, while a column is encrypted');
is(value($node, q{SELECT coalesce(sum(row_count) FILTER (WHERE key_version_id IS NULL), 0) FROM kms_scan_column('busy', 'ssn')}), '0', 'at the end everything is');
value($node, q{SELECT kms_create_key_version('alias/pii')});
my $newest = value($node, q{SELECT primary_key_version FROM kms_describe_key('alias/pii')});
$node->safe_psql('postgres', q{CALL kms_reencrypt_column('busy', 'ssn', 500)}, timeout => $patience);
is(value($node, q{SELECT string_agg(key_version_id::text, ' ') FROM kms_scan_column('busy', 'ssn')}), $newest, 'and has the new version at the end of the next call');
$bench->finish;
unlike($problems, qr/ERROR|FATAL/, 'no writer had an error') or diag($problems);
is(value($node, q{
	SELECT count(*) FROM busy_decrypted b
	  FULL JOIN (SELECT id, max(seen) AS seen, count(*) AS writes FROM wrote GROUP BY id HAVING max(seen) < 1000000) w USING (id)
	 WHERE b.seen IS DISTINCT FROM coalesce(w.seen, 0) OR w.writes <> w.seen
		OR b.ssn IS DISTINCT FROM coalesce((SELECT l.ssn FROM wrote l WHERE l.id = b.id AND l.ssn IS NOT NULL ORDER BY l.seen DESC LIMIT 1), 'ssn ' || nullif(b.id, 0))
		OR b.ssn_blind_index IS DISTINCT FROM kms_blind_index('alias/search', b.ssn)}), '0', 'no write is lost: every row is what was written last, and is found');
is(value($node, 'SELECT count(*) FROM busy JOIN wrote w USING (id) WHERE w.seen = 1000000'), '0', 'and what was deleted is gone');

# ---- a key version in the middle --------------------------------------------------------------------------

my $reencrypt = q{CALL kms_reencrypt_column('person', 'ssn')};
my $versions = q{SELECT string_agg(key_version_id || ' ' || row_count, ', ' ORDER BY key_version_id = '%s') FROM kms_scan_column('person', 'ssn')};
my $behind = q{SELECT id FROM person WHERE id > 0 ORDER BY ctid OFFSET %d LIMIT 1};
my $of_version = q{SELECT coalesce(sum(row_count), 0) FROM kms_scan_column('person', 'ssn') WHERE key_version_id = '%s'};

sub new_version
{
	return value($node, q{SELECT kms_create_key_version('alias/pii')});
}

my $first = new_version();
my $indexes = value($node, q{SELECT md5(string_agg(concat(id, ssn_blind_index), ' ' ORDER BY id)) FROM person});
($session) = start_calling('person', value($node, sprintf $behind, 5000), $reencrypt);
my ($done) = job('person', 'ssn', 'ColumnReEncryption') =~ /^running (\d+) of 20000$/;
is(value($node, sprintf $of_version, $first), $done, "re-encryption is on its way: $done rows have the new version");
cmp_ok($done, '>', 0, 'and there are some');
cmp_ok($done, '<', 20000, 'and not all');
$newest = new_version();
open_gate();
is(answer($session), '', 'another version in the middle does not stop it');
$session->quit;
is(value($node, sprintf $versions, $newest), "$newest 20000", 'and at the end all rows have that');
is(value($node, q{SELECT md5(string_agg(concat(id, ssn_blind_index), ' ' ORDER BY id)) FROM person}), $indexes, 'blind indexes are the same');
is_right('person', 'another version in the middle');

# ---- killed, and a key disabled, while re-encrypting ---------------------------------------------------------

$first = new_version();
($session, $pid) = start_calling('person', value($node, sprintf $behind, 4000), $reencrypt);
value($node, "SELECT pg_terminate_backend($pid, 10000)");
eval { $session->quit };
open_gate();
($done) = job('person', 'ssn', 'ColumnReEncryption') =~ /^interrupted (\d+) of 20000$/;
is(value($node, sprintf $of_version, $first), $done, "killed: interrupted, and what was committed stays, $done rows");
$node->safe_psql('postgres', qq{DELETE FROM noted; INSERT INTO noted SELECT 'person'::regclass, id, xmin::text FROM person WHERE id > 0 AND (SELECT key_version_id FROM kms_ciphertext_info(decode(substr(ssn, 7), 'base64'))) = '$first'});
is(value($node, 'SELECT count(*) FROM noted'), $done, 'those are noted');
($session) = start_calling('person', value($node, q{SELECT id FROM person WHERE id > 0 AND id NOT IN (SELECT id FROM noted) ORDER BY ctid OFFSET 8000 LIMIT 1}), $reencrypt);
my $id = value($node, q{SELECT key_id FROM kms_describe_key('alias/pii')});
value($node, "SELECT kms_disable_key('$id')");
open_gate();
is(answer($session), '55000 Rejected.Disabled', 'the key is disabled in the middle: that is the error');
my ($more) = job('person', 'ssn', 'ColumnReEncryption') =~ /^interrupted (\d+) of 20000$/;
cmp_ok($more, '>', 0, 'interrupted');
is(value($node, sprintf $of_version, $first), $done + $more, "what was committed stays, $more rows");
is(ask($session, $reencrypt), '55000 Rejected.Disabled', 'it is refused as long as it is so, and not as if another were at work');
value($node, "SELECT kms_enable_key('$id')");
is(ask($session, $reencrypt), '', 'enabled again: it goes on in the same session');
$session->quit;
is(value($node, sprintf $versions, $first), "$first 20000", 'to the end');
is(counts('person', 'ssn'), '0 20000 0', 'and what was done was not written once more');
is_right('person', 'in the end');

# Moved to another search key, killed in the middle, and moved.
$node->safe_psql('postgres', q{SELECT kms_update_alias(kms_create_key('HMAC_SHA_256', 'GENERATE_VERIFY_MAC')::text, 'alias/search')});
($session, $pid) = start_calling('person', value($node, sprintf $behind, 3000), $reencrypt);
value($node, "SELECT pg_terminate_backend($pid, 10000)");
eval { $session->quit };
open_gate();
is(value($node, q{SELECT count(*) BETWEEN 1 AND 19999 FROM person_decrypted WHERE ssn_blind_index = kms_blind_index('alias/search', ssn)}), 't', 'another search key: killed, some rows are found');
$node->safe_psql('postgres', $reencrypt);
is_right('person', 'with another search key');

# Rows that are written meanwhile, and keep their ciphertext, get new places: where the call
# has been, and where it does not come.  Others are locked when it comes to them.
$first = new_version();
($session) = start_calling('person', value($node, 'SELECT id FROM person WHERE id > 0 ORDER BY ctid OFFSET 10000 LIMIT 1'), $reencrypt);
$node->safe_psql('postgres', 'VACUUM person');
is(value($node, q{
	WITH place AS (SELECT id, ctid AS before FROM person),
		 u AS (UPDATE person SET seen = seen + 1 WHERE id IN (SELECT id FROM person ORDER BY ctid DESC LIMIT 1000) RETURNING id, ctid)
	SELECT count(*) FILTER (WHERE u.ctid < before) > 0, count(*) FROM u JOIN place USING (id)}), 't|1000', 'another session writes to rows that are behind');
open_gate();
is(answer($session), '', 'while rows are encrypted anew');
$session->quit;
is(value($node, sprintf $versions, $first), "$first 20000", 'no row is missed');
is_right('person', 'none missed');

# ---- partitions ----------------------------------------------------------------------------------------------

$node->safe_psql('postgres', q{
	CREATE TABLE visit (id integer PRIMARY KEY, note text) PARTITION BY RANGE (id);
	CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM (1) TO (1001);
	CREATE TABLE visit_2 PARTITION OF visit FOR VALUES FROM (1001) TO (2001);
	CREATE TABLE visit_3 PARTITION OF visit FOR VALUES FROM (2001) TO (3001);
	CREATE TABLE visit_4 PARTITION OF visit FOR VALUES FROM (3001) TO (4001);
	INSERT INTO visit SELECT n, 'note ' || n FROM generate_series(1, 4000) n;
	SELECT kms_protect_column('visit', 'note', 'alias/pii')});
my $visits = q{CALL kms_encrypt_existing('visit', 'note', 100)};
($session) = start_calling('visit_1', 501, $visits);
is(job('visit', 'note'), 'running 500 of 4000', 'of a partitioned table all partitions are counted');
between_batches('DROP TABLE visit_3', 'visit_2', 1501);
is(answer($session), '', 'a partition that is dropped meanwhile is left out');
$session->quit;
is(value($node, q{SELECT count(*), sum(row_count) FROM kms_scan_column('visit', 'note') WHERE key_version_id IS NOT NULL}) . ' ' . job('visit', 'note'), '1|3000 done 3000 of 3000', 'and the others are encrypted');
is(value($node, q{SELECT count(*) FROM visit_decrypted WHERE note = 'note ' || id}), '3000', 'and read');

# Detached it is a table of its own, without the trigger.
$node->safe_psql('postgres', q{SET session_replication_role = replica; UPDATE visit SET note = 'note ' || id});
($session) = start_calling('visit_1', 501, $visits);
between_batches('ALTER TABLE visit DETACH PARTITION visit_4', 'visit_2', 1501);
is(answer($session), '55000 InvalidParameter', 'one is detached meanwhile: there is no trigger');
$session->quit;
is(value($node, q{SELECT count(*) FROM visit_4 WHERE note = 'note ' || id}), '1000', 'and it is left alone');
is(value($node, q{SELECT count(*), sum(row_count) FROM kms_scan_column('visit', 'note') WHERE key_version_id IS NOT NULL}), '1|2000', 'the others are encrypted before that');
$node->safe_psql('postgres', $visits);
is(job('visit', 'note'), 'done 0 of 0', 'the next call has nothing to do');

# The table itself.
make_table('doomed', 2000);
($session) = start_calling('doomed', 1001, q{CALL kms_encrypt_existing('doomed', 'ssn', 100)});
between_batches('DROP TABLE doomed CASCADE');
is(answer($session), '42P01 InvalidParameter', 'the table is dropped between two batches: that is the error');
$session->quit;
is(value($node, q{SELECT count(*) FROM kms.jobs WHERE name ~ 'doomed' OR name IS NULL}), '0', 'it is gone from kms.jobs, too');

# ---- what surrounds the call -----------------------------------------------------------------------------------

my $again = q{SET session_replication_role = replica; UPDATE pair SET ssn = 'ssn ' || id WHERE id > 0; DELETE FROM noted};
my $all = q{CALL kms_encrypt_existing('pair', 'ssn')};
for my $case (
	[ 'REPEATABLE READ' => q{SET default_transaction_isolation = 'repeatable read'}, $all ],
	[ 'SERIALIZABLE' => q{SET default_transaction_isolation = 'serializable'}, $all ],
	[ 'a DO block' => '', "DO \$\$ BEGIN $all; END \$\$" ],
	[ 'a procedure with a loop over a query' => '', "DO \$\$ DECLARE r record; BEGIN FOR r IN SELECT column_name FROM kms.protected_columns WHERE relation = 'pair'::regclass ORDER BY 1 LOOP CALL kms_encrypt_existing('pair', r.column_name, 1500); END LOOP; END \$\$" ],
	[ 'batches of one' => '', q{CALL kms_encrypt_existing('pair', 'ssn', 1)} ],
	[ 'one batch' => '', q{CALL kms_encrypt_existing('pair', 'ssn', 100000)} ])
{
	my ($what, $before, $call) = @$case;

	$node->safe_psql('postgres', $again);
	$node->safe_psql('postgres', "$before;\n$call");
	is(counts('pair', 'ssn'), '0 5000 0', "$what: every row is encrypted");
	is_right('pair', $what);
}
$node->safe_psql('postgres', $again);
refused($node, "DO \$\$ BEGIN $all; EXCEPTION WHEN division_by_zero THEN NULL; END \$\$", '2D000', 'UnsupportedOperation', 'in a block with EXCEPTION it cannot commit');
refused($node, "BEGIN; $all", '2D000', 'UnsupportedOperation', 'nor in a transaction');
is(counts('pair', 'ssn'), '5000 0 0', 'and nothing is written');
refused($node, "SET default_transaction_read_only = on; $all", '25006', 'UnsupportedOperation', 'a read-only transaction writes nothing');

# A row that changes under a call whose snapshot is older.
$session = session($node);
$writer = session($node);
ask($session, q{SET default_transaction_isolation = 'repeatable read'});
$pid = ask($session, 'SELECT pg_backend_pid()');
ask($writer, q{BEGIN; UPDATE pair SET seen = 1 WHERE id = 5});
start_asking($session, $all);
ok($node->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $pid"), 'REPEATABLE READ, and another writes');
ask($writer, 'COMMIT');
is(answer($session), '', 'the next pass does what this one may not see');
$_->quit for $session, $writer;
is(value($node, q{SELECT count(*) FILTER (WHERE key_version_id IS NULL) FROM kms_scan_column('pair', 'ssn')}), '0', 'everything is encrypted');
is_right('pair', 'written to meanwhile');

# ---- what a rewrite must not break ----------------------------------------------------------------------------------

# A text that only begins like a ciphertext.
$node->safe_psql('postgres', q{
	CREATE TABLE origin (id integer PRIMARY KEY, v text);
	SELECT kms_protect_column('origin', 'v', 'alias/pii');
	INSERT INTO origin VALUES (1, 'one'), (2, 'two');
	CREATE TABLE odd (id integer PRIMARY KEY, v text);
	INSERT INTO odd SELECT id, v || CASE id WHEN 1 THEN '!! no Base64' ELSE '' END FROM origin;
	SELECT kms_protect_column('odd', 'v', 'alias/pii', blind_index => true, blind_index_key_id => 'alias/search');
	SELECT kms_create_key_version('alias/pii')});
my $told = '';
$node->psql('postgres', q{CALL kms_reencrypt_column('odd', 'v')}, stderr => \$told);
like($told, qr/WARNING:  2 rows cannot be decrypted and stay as they are/, 'a text that only begins like a ciphertext stays, as one of another table does');

# Foreign keys, deferrable constraints: their checks are triggers.
$node->safe_psql('postgres', q{
	CREATE TABLE parent (id integer PRIMARY KEY, v text);
	SELECT kms_protect_column('parent', 'v', 'alias/pii', blind_index => true, blind_index_key_id => 'alias/search');
	ALTER TABLE parent ADD UNIQUE (v_blind_index);
	INSERT INTO parent VALUES (1, 'one');
	CREATE TABLE child (v bytea REFERENCES parent (v_blind_index));
	INSERT INTO child SELECT v_blind_index FROM parent});
for my $call (q{CALL kms_reencrypt_column('parent', 'v')}, q{CALL kms_encrypt_existing('parent', 'v')}, q{SELECT kms_unprotect_column('parent', 'v')})
{
	refused($node, $call, '55000', 'InvalidParameter', "$call: a foreign key on the blind index would not be checked");
}
is(value($node, 'SELECT count(*) FROM child JOIN parent ON child.v = v_blind_index'), '1', 'it is kept');
$node->safe_psql('postgres', q{
	CREATE TABLE twins (id integer PRIMARY KEY, v text);
	INSERT INTO twins VALUES (1, 'same'), (2, 'same');
	SELECT kms_protect_column('twins', 'v', 'alias/pii', blind_index => true, blind_index_key_id => 'alias/search');
	ALTER TABLE twins ADD UNIQUE (v_blind_index) DEFERRABLE INITIALLY DEFERRED});
refused($node, q{CALL kms_encrypt_existing('twins', 'v')}, '23505', 'InvalidParameter', 'equal values in a deferrable unique blind index');
is(value($node, q{SELECT string_agg(v, ' ') FROM twins}), 'same same', 'are not written');
$node->safe_psql('postgres', q{UPDATE twins SET v = 'other' WHERE id = 2; CALL kms_encrypt_existing('twins', 'v')});
is(value($node, q{SELECT string_agg(v, ' ' ORDER BY id) FROM twins_decrypted}), 'same other', 'different ones are');

# A blind index that says which partition a row belongs to.
$node->safe_psql('postgres', q{
	CREATE TABLE spread (id integer, v text, i bytea) PARTITION BY LIST (i);
	CREATE TABLE spread_none PARTITION OF spread FOR VALUES IN (NULL);
	CREATE TABLE spread_rest PARTITION OF spread DEFAULT;
	INSERT INTO spread VALUES (1, 'one');
	CREATE TRIGGER seal BEFORE INSERT OR UPDATE ON spread FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/pii', 'v', 'id', 'spread', 'alias/search', 'v=i')});
is(failure($node, q{CALL kms_encrypt_existing('spread', 'v')})->{sqlstate}, '23514', 'a row stays in its partition');
is(value($node, 'SELECT count(*) FROM spread WHERE i IS NULL'), '1', 'and is found there');

# What a constraint refuses is in no error.
$node->safe_psql('postgres', q{
	CREATE TABLE checked (id integer PRIMARY KEY, v text);
	SELECT kms_protect_column('checked', 'v', 'alias/pii');
	INSERT INTO checked VALUES (1, 'my swordfish');
	ALTER TABLE checked ADD CHECK (length(v) > 50)});
my $offset = -s $node->logfile;
is(failure($node, q{SELECT kms_unprotect_column('checked', 'v')})->{sqlstate}, '23514', 'a plaintext that a constraint refuses');
unlike(log_since($node, $offset), qr/swordfish/, 'is not in the log');

# ---- a standby ---------------------------------------------------------------------------------------------------

my $standby = PostgreSQL::Test::Cluster->new('standby');
$node->backup('backup');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->append_conf('postgresql.conf', "kms.root_key_file = '" . root_key_file($standby) . "'");
write_private(root_key_file($standby), "$key\n");
$standby->start;
$node->wait_for_catchup($standby);
refused($standby, $_, '25006', 'UnsupportedOperation', "on a standby: $_") for $all, q{CALL kms_reencrypt_column('pair', 'ssn')};
is(value($standby, q{SELECT outcome FROM kms.jobs WHERE name = 'app.pair.ssn' AND job = 'ColumnEncryption'}), 'done', 'which shows what the primary did');

$gatekeeper->quit;
$_->stop for $standby, $node;
unlike(slurp_file($_->logfile), qr/PANIC|TRAP:|terminated by signal|still referenced|leaked|resource was not closed/, $_->name . ': nothing crashed or leaked') for $node, $standby;
done_testing();
