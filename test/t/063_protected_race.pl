# Encrypted columns while others are at work: strangers do not get at locks, temporary
# tables of other sessions are in nobody's way, tables may change between batches and
# rows may move, triggers come and go while they are listed, and memory stays what it is.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use KmsServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('main', settings => "autovacuum = off\nkms.worker_enabled = off\n");

$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION kms;
	CREATE ROLE kms_test_owner LOGIN;
	CREATE ROLE kms_test_stranger LOGIN;
	GRANT CREATE ON DATABASE postgres TO kms_test_owner, kms_test_stranger;
	GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_owner});
owner(q{
	CREATE SCHEMA theirs;
	SELECT kms_create_alias(kms_create_key()::text, 'alias/race'), kms_create_alias(kms_create_key()::text, 'alias/other'), kms_create_alias(kms_create_key('HMAC_SHA_256')::text, 'alias/search')});
stranger('CREATE SCHEMA trap');

# ---- what the tests need --------------------------------------------------------------

sub owner { return value($node, "SET ROLE kms_test_owner; SET search_path = theirs, public; $_[0]") }
sub stranger { return value($node, "SET ROLE kms_test_stranger; SET search_path = trap, public; $_[0]") }

sub session_as
{
	my ($role, $path) = @_;
	my $session = session($node);

	ask($session, "SET ROLE $role; SET search_path = $path, public; SET client_min_messages = error");
	return $session;
}

sub owner_session { return session_as('kms_test_owner', 'theirs') }
sub stranger_session { return session_as('kms_test_stranger', 'trap') }

# A table of theirs with this many rows of plaintext, protected by what follows.
sub make_table
{
	my ($name, $rows, $protection) = @_;

	owner("CREATE TABLE $name (id integer PRIMARY KEY, ssn text, n integer DEFAULT 0);
		INSERT INTO $name SELECT n, 'ssn ' || n FROM generate_series(1, $rows) n;
		$protection");
	return;
}

sub protection { return "SELECT kms_protect_column('$_[0]', 'ssn', 'alias/race')" }
sub job { return value($node, "SELECT outcome FROM kms.jobs WHERE name = 'theirs.$_[0].ssn' ORDER BY last_run DESC LIMIT 1") }
sub done { return value($node, "SELECT coalesce(max(done), 0) FROM kms.jobs WHERE name = 'theirs.$_[0].ssn' AND outcome = 'running'") }

# What is in a column: rows of plaintext, of the newest version, of older ones.
sub scan
{
	my ($name) = @_;

	return owner("SELECT concat_ws(' ', coalesce(sum(row_count) FILTER (WHERE key_version_id IS NULL), 0),
			coalesce(sum(row_count) FILTER (WHERE key_version_id = k.primary_key_version), 0),
			coalesce(sum(row_count) FILTER (WHERE key_version_id <> k.primary_key_version), 0))
		FROM kms_scan_column('$name', 'ssn'), kms_describe_key('alias/race') k");
}

# How much a session's process grows at most while it is at work, in KB, and how that ends.
sub growth
{
	my ($session, $statement) = @_;
	my $status = '/proc/' . ask($session, 'SELECT pg_backend_pid()') . '/status';
	my $memory = sub { slurp_file($status) =~ /^RssAnon:\s+(\d+) kB/m ? $1 : die 'no RssAnon' };
	my $before = $memory->();
	my $most = $before;

	start_asking($session, $statement);
	wait_until(sub {
		$most = $memory->() if $memory->() > $most;
		$session->{run}->pump_nb;
		return $session->{stdout} =~ /it is answered/;
	}, 100);
	return ($most - $before, answer($session));
}

# ---- a stranger gets at no lock -------------------------------------------------------

make_table('locked', 3, protection('locked'));
my $locked = owner("SELECT 'locked'::regclass::oid");
my @calls = ("SELECT kms_protect_column(%s, 'ssn', 'alias/race')", "SELECT kms_protect_column(%s, 'ssn', 'alias/race', NULL, true, 'alias/search')", "SELECT kms_unprotect_column(%s, 'ssn')",
	"SELECT kms_scan_column(%s, 'ssn')", "CALL kms_encrypt_existing(%s, 'ssn')", "CALL kms_reencrypt_column(%s, 'ssn')");
my $holder = owner_session();
my $stranger = stranger_session();
my $owner = owner_session();

ask($_, "SET lock_timeout = '2s'") for $stranger, $owner;
ask($holder, 'BEGIN; LOCK TABLE locked IN ACCESS EXCLUSIVE MODE');
for my $call (@calls)
{
	my $statement = sprintf($call, $locked);

	is(ask($stranger, $statement), '42501 Forbidden.NoPermission', "who is not the owner does not wait: $call");
	like(ask($owner, $statement), qr/^55P03/, 'the owner does');
}
is(ask($owner, q{SELECT count(*) FROM kms.protected_columns}), '1', 'kms.protected_columns waits for nobody');
like(ask($owner, q{SELECT kms_schedule_key_deletion((kms_describe_key('alias/other')).key_id::text, 30)}), qr/^(?!55P03)/, 'nor does kms_schedule_key_deletion');
ask($owner, q{SELECT kms_cancel_key_deletion((kms_describe_key('alias/other')).key_id::text); SELECT kms_enable_key((kms_describe_key('alias/other')).key_id::text)});
ask($holder, 'ROLLBACK');

# Nor does he come to hold one where nobody stands in his way: a lock would wait behind the holder's.
ask($holder, 'BEGIN; LOCK TABLE pg_class IN ACCESS SHARE MODE');
my $catalog = value($node, q{SELECT 'pg_class'::regclass::oid});
for my $call (@calls)
{
	my $statement = sprintf($call =~ s/'ssn'/'relname'/r, $catalog);
	my $answer = ask($stranger, $statement);

	if ($call =~ /scan/) { unlike($answer, qr/^55P03/, 'a catalog that anybody may read is not waited for') }
	else { is($answer, '42501 Forbidden.NoPermission', "a catalog is not locked: $call") }
}
ask($holder, 'ROLLBACK');
is(ask($stranger, q{SELECT kms_unprotect_column(4000000000, 'ssn')}), '42P01 InvalidParameter', 'what is not there is said to be so');

# ---- temporary tables -----------------------------------------------------------------

my $hand = q{CREATE TRIGGER x BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/%s', '%s', 'id', 'h')};
ask($stranger, q{CREATE TEMP TABLE e (id integer PRIMARY KEY, x text); INSERT INTO e VALUES (1, 'a')});
ask($stranger, sprintf($hand, 'e', 'nobody', 'x'));
is(ask($stranger, q{SELECT string_agg(relation || ' ' || column_name, ',') FROM kms.protected_columns}), 'e x', 'a temporary table is protected for its session');
ask($holder, q{CREATE TEMP TABLE e (id integer PRIMARY KEY, x text)});
is(ask($holder, q{SELECT kms_protect_column('e', 'x', 'alias/other')}), '', 'also by kms_protect_column');
is(ask($holder, q{INSERT INTO e_decrypted VALUES (1, 'a'); SELECT x FROM e_decrypted}), 'a', 'with a view');
my $temporary = ask($holder, q{SELECT 'e'::regclass::oid});
is(ask($owner, q{SELECT count(*) FROM kms.protected_columns WHERE column_name = 'x'}), '0', 'nobody else sees it');
for my $session ($owner, $holder)
{
	unlike(ask($session, q{SELECT kms_schedule_key_deletion((kms_describe_key('alias/other')).key_id::text, 30) IS NULL}), qr/^[0-9A-Z]{5} /, 'a key is deleted');
	ask($session, q{SELECT kms_cancel_key_deletion((kms_describe_key('alias/other')).key_id::text); SELECT kms_enable_key((kms_describe_key('alias/other')).key_id::text)});
}
like(ask($owner, "SELECT kms_scan_column($temporary, 'x')"), qr/^(0A000|55000|42P01|42809) /, 'its rows are for that session alone');
$_->quit for $holder, $stranger, $owner;

# ---- the table changes between batches ------------------------------------------------

# Runs a procedure and, as soon as it has done some rows, a statement; how both ended.
sub while_running
{
	my ($table, $call, $statement) = @_;
	my $session = owner_session();
	my $other = owner_session();

	start_asking($session, $call);
	wait_until(sub { done($table) >= 100 }) // die 'no batch was done';
	my $answer = ask($other, $statement);
	my $after = job($table);
	my $end = answer($session);
	$_->quit for $session, $other;
	return join(';', $answer, $after, $end);
}

make_table('packed', 12000, 'DELETE FROM packed WHERE id <= 5000; ' . protection('packed'));
is(while_running('packed', q{CALL kms_encrypt_existing('packed', 'ssn', 1)}, 'VACUUM FULL packed'), ';running;', 'VACUUM FULL while a column is encrypted');
is(scan('packed'), '0 7000 0', 'and no row is left');
is(owner(q{SELECT count(*) FROM packed_decrypted WHERE ssn = 'ssn ' || id}), '7000', 'all open');

make_table('typed', 7000, sprintf($hand, 'typed', 'race', 'ssn') =~ s/'h'/'typed'/r);
is(while_running('typed', q{CALL kms_encrypt_existing('typed', 'ssn', 1)}, 'ALTER TABLE typed ALTER n TYPE bigint'), ';running;', 'another column gets another type');
is(scan('typed'), '0 7000 0', 'and no row is left');
owner(q{SELECT kms_create_key_version('alias/race')});
like(while_running('typed', q{CALL kms_reencrypt_column('typed', 'ssn', 1)}, 'ALTER TABLE typed ALTER ssn TYPE bigint USING id'), qr/^;\w+;42804 InvalidParameter$/, 'the column itself does: that ends it');
is(owner('SELECT count(*) FROM typed WHERE ssn = id'), '7000', 'and leaves the rows alone');

make_table('dropped', 7000, protection('dropped'));
like(while_running('dropped', q{CALL kms_encrypt_existing('dropped', 'ssn', 1)}, 'ALTER TABLE dropped DROP ssn CASCADE'), qr/^;[^;]*;(55000|42703) InvalidParameter$/, 'so does a column that is dropped');
make_table('gone', 7000, protection('gone'));
like(while_running('gone', q{CALL kms_encrypt_existing('gone', 'ssn', 1)}, 'DROP TABLE gone CASCADE'), qr/^;;42P01 InvalidParameter$/, 'or a table');
make_table('disabled', 7000, protection('disabled'));
like(while_running('disabled', q{CALL kms_encrypt_existing('disabled', 'ssn', 1)}, 'ALTER TABLE disabled DISABLE TRIGGER USER'), qr/^;\w+;55000 InvalidParameter$/, 'or a trigger that is disabled');

# ---- rows move ------------------------------------------------------------------------

# Others move the old rows all the time, between partitions and back, until the flag is set.
owner(q{
	CREATE TABLE flag (up boolean);
	CREATE TABLE moving (id integer, part integer, ssn text, n integer DEFAULT 0, filler text DEFAULT repeat('x', 500)) PARTITION BY LIST (part);
	CREATE TABLE moving_1 PARTITION OF moving FOR VALUES IN (1);
	CREATE TABLE moving_2 PARTITION OF moving FOR VALUES IN (2);
	CREATE INDEX ON moving (id);
	SELECT kms_protect_column('moving', 'ssn', 'alias/race', '{id}');
	INSERT INTO moving SELECT n, 1 + n % 2, 'ssn ' || n FROM generate_series(1, 2000) n;
	SELECT kms_create_key_version('alias/race')});
my @movers = map { owner_session() } 1 .. 2;
start_asking($movers[$_], sprintf(q{DO $$
	BEGIN
		WHILE NOT EXISTS (SELECT FROM flag) LOOP
			UPDATE moving SET part = 3 - part, n = n + 1 WHERE id IN (SELECT 1 + floor(random() * 1000)::integer * 2 + %d FROM generate_series(1, 5));
			COMMIT;
		END LOOP;
	END $$}, $_)) for 0, 1;
wait_until(sub { owner('SELECT sum(n) > 100 FROM moving') eq 't' }) // die 'nothing moves';
my $moved = owner('SELECT sum(n) FROM moving');
my $session = owner_session();
is(ask($session, q{CALL kms_reencrypt_column('moving', 'ssn', 7)}), '', 'rows move to another partition while a column is re-encrypted');
cmp_ok(owner('SELECT sum(n) FROM moving'), '>', $moved + 10, 'they did');
is(scan('moving'), '0 2000 0', 'and none has an old version');
owner('INSERT INTO flag VALUES (true)');
is(answer($_), '', 'who moved them had no trouble') for @movers;
$_->quit for @movers;
is(owner(q{SELECT count(*) FROM moving_decrypted WHERE ssn = 'ssn ' || id}), '2000', 'all open');

# The last one moves to where the pass has been. That partition is slow to look through, for the blind indexes.
owner(q{
	CREATE TABLE jumping (id integer, part integer, ssn text) PARTITION BY LIST (part);
	CREATE TABLE jumping_1 PARTITION OF jumping FOR VALUES IN (1);
	CREATE TABLE jumping_2 PARTITION OF jumping FOR VALUES IN (2);
	SELECT kms_protect_column('jumping', 'ssn', 'alias/race', '{id}', true, 'alias/search');
	INSERT INTO jumping VALUES (0, 2, 'ssn 0');
	SELECT kms_create_key_version('alias/race');
	INSERT INTO jumping SELECT n, 1, 'ssn ' || n FROM generate_series(1, 100000) n});
is(scan('jumping'), '0 100000 1', 'one row is of an old version');
my $jumper = owner_session();
start_asking($session, q{CALL kms_reencrypt_column('jumping', 'ssn', 100000)});
wait_until(sub { job('jumping') eq 'running' }) // die 'it does not run';
is(ask($jumper, 'UPDATE jumping SET part = 1 WHERE id = 0 AND part = 2'), '', 'it moves');
is(job('jumping'), 'running', 'while the first partition is looked through');
is(answer($session), '', 'and the other after that');
is(scan('jumping'), '0 100001 0', 'it has not got away');
$jumper->quit;

# A row moves to an earlier block.
make_table('earlier', 5000, protection('earlier'));
owner('UPDATE earlier SET n = n');
owner(q{SELECT kms_create_key_version('alias/race'); DELETE FROM earlier WHERE id <= 2000});
value($node, 'VACUUM theirs.earlier');
like(while_running('earlier', q{CALL kms_reencrypt_column('earlier', 'ssn', 1)}, 'UPDATE earlier SET n = n + 1 WHERE id > 4000'), qr/^;running;$/, 'rows move to earlier blocks');
is(scan('earlier'), '0 3000 0', 'and none has an old version');
is(owner(q{SELECT count(*) FROM earlier_decrypted WHERE ssn = 'ssn ' || id AND n = (id > 4000)::integer}), '3000', 'all open, and are what they were');

# Whose transactions are repeatable read by default runs it, too.
owner(q{SELECT kms_create_key_version('alias/race')});
like(while_running('earlier', q{SET default_transaction_isolation = 'repeatable read'; CALL kms_reencrypt_column('earlier', 'ssn', 1)}, 'UPDATE earlier SET n = n + 1 WHERE id > 4000'), qr/^;running;$/, 'whatever isolation is the default');
is(scan('earlier'), '0 3000 0', 'and none has an old version');
$session->quit;

# ---- tables and triggers that come and go ---------------------------------------------

my ($maker, $reader) = (stranger_session(), owner_session());
stranger(q{DO $$ BEGIN
	FOR i IN 1 .. 100 LOOP
		EXECUTE format('CREATE TABLE wide_%s (%s)', i, (SELECT string_agg(format('c%s text', n), ', ') FROM generate_series(1, 100) n));
		EXECUTE format('CREATE TRIGGER x BEFORE INSERT OR UPDATE ON wide_%s FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns(''alias/nobody'', %L)', i, (SELECT string_agg('c' || n, ',') FROM generate_series(1, 100) n));
	END LOOP;
END $$});
start_asking($maker, q{DO $$
	DECLARE
		until timestamptz = clock_timestamp() + interval '5 seconds';
	BEGIN
		WHILE clock_timestamp() < until LOOP
			CREATE TABLE coming (x text);
			CREATE TRIGGER x BEFORE INSERT OR UPDATE ON coming FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/nobody', 'x');
			COMMIT;
			PERFORM pg_sleep(0.3) WHERE random() < 0.01;
			DROP TABLE coming;
			COMMIT;
		END LOOP;
	END $$});
my %counts;
my $start = time;
while (time - $start < 5)
{
	$counts{ask($reader, q{SELECT count(*) FROM kms.protected_column_rows() WHERE column_name IN ('x', 'c1')})}++ for 1 .. 5;
	$counts{'a warning fails'}++ if ask($reader, q{SELECT kms_schedule_key_deletion((kms_describe_key('alias/other')).key_id::text, 30) IS NULL}) =~ /^[0-9A-Z]{5} /;
	ask($reader, q{SELECT kms_cancel_key_deletion((kms_describe_key('alias/other')).key_id::text); SELECT kms_enable_key((kms_describe_key('alias/other')).key_id::text)});
}
is(answer($maker), '', 'tables come and go');
is_deeply([ grep { !/^\d+$/ } sort keys %counts ], [], 'which is nothing to who lists columns, or deletes a key');
cmp_ok(scalar(keys %counts), '>=', 2, 'who sees them come and go');
$_->quit for $maker, $reader;
stranger('DROP OWNED BY kms_test_stranger; CREATE SCHEMA trap');

# ---- memory ---------------------------------------------------------------------------

my $long = owner_session();
make_table('few', 100, protection('few'));
make_table('many', 50000, protection('many'));
ask($long, "CALL kms_encrypt_existing('$_', 'ssn', 100000)") for 'few', 'many';
owner(q{SELECT kms_create_key_version('alias/race')});
is((growth($long, q{CALL kms_reencrypt_column('few', 'ssn', 1)}))[1], '', 'batches of one row');
my ($growth, $end) = growth($long, q{CALL kms_reencrypt_column('many', 'ssn', 1)});
is($end, '', 'many of them');
cmp_ok($growth, '<', 5_000, 'take no more memory than few');
is(scan('many'), '0 50000 0', 'and do all that there is to do');

# Statements of changing shape, with names that make them long.
my @columns = map { 'a_name_that_makes_the_statement_really_long_' . $_ } 1 .. 30;
owner('CREATE TABLE shapes (id integer PRIMARY KEY, ssn text, ' . join(', ', map { "$_ integer DEFAULT 0" } @columns) . "); " . protection('shapes'));
my $insert = 'INSERT INTO shapes_decrypted SELECT n, NULL, ' . join(', ', ('CASE WHEN n %% 2 = 0 THEN 1 END') x 30) . ' FROM generate_series(%d, %d) n';
is((growth($long, sprintf($insert, 1, 100)))[1], '', 'statements of changing shape');
($growth, $end) = growth($long, sprintf($insert, 101, 20000));
is($end, '', 'many of them');
cmp_ok($growth, '<', 5_000, 'take no more memory than few');
is(owner("SELECT count(*), count(*) FILTER (WHERE $columns[29] = 1 AND $columns[0] = 1) FROM shapes"), '20000|10000', 'and all is written');
$long->quit;

unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|terminated by signal/, 'nothing crashed');
done_testing();
