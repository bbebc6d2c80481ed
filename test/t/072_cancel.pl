# Statements that take long, or wait for a lock, end within a moment when they are
# cancelled or their time is over, leave nothing half done, and work the next time.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use KmsFault;
use KmsSecret;
use KmsServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time sleep);

my $at_once = 2;    # seconds
my $patience = 120;
my $node = new_server('main', settings => "kms.worker_enabled = off\nautovacuum = off\nkms.deletion_grace = 0\nclient_min_messages = warning\n");

$node->start;
watch($node);
$node->safe_psql('postgres', q{
	CREATE EXTENSION kms;
	CREATE ROLE kms_test_reader;
	CREATE TABLE kept AS SELECT name, kms_create_key(spec, usage, origin)::text AS id FROM (VALUES ('key', 'Aliyun_AES_256', 'ENCRYPT/DECRYPT', 'Aliyun_KMS'),
		('other', 'Aliyun_AES_256', 'ENCRYPT/DECRYPT', 'Aliyun_KMS'), ('external', 'Aliyun_AES_256', 'ENCRYPT/DECRYPT', 'EXTERNAL'), ('mac', 'HMAC_SM3', 'GENERATE_VERIFY_MAC', 'Aliyun_KMS')) k (name, spec, usage, origin);
	SELECT kms_create_alias(id, 'alias/' || name) FROM kept;
	SELECT FROM kms_create_secret('kept', 'first', 'x'::text);
	CREATE TABLE many AS SELECT n, kms_create_key(enable_automatic_rotation => true, rotation_interval => '30 days')::text AS id FROM generate_series(1, 4000) n;
	CREATE TABLE person (id integer PRIMARY KEY, ssn text);
	SELECT kms_protect_column('person', 'ssn', 'alias/key');
	INSERT INTO person SELECT n, 'ssn ' || n FROM generate_series(1, 40000) n;
	CREATE TABLE plain (id integer PRIMARY KEY, ssn text);
	INSERT INTO plain SELECT n, 'ssn ' || n FROM generate_series(1, 40000) n});
let_time_pass($node);
$node->safe_psql('postgres', q{UPDATE kms.key SET rotated_at = clock_timestamp() - interval '31 days', next_rotation_at = clock_timestamp() - interval '1 minute' FROM many WHERE many.id = key.id::text});
make_role($node, map { "kms_test_app_$_" } 1 .. 30);
$node->safe_psql('postgres', secret_sql("role-$_", 'SingleUser', ["kms_test_app_$_"])) for 1 .. 30;

my $watcher = session($node);
my $session = session($node);
my $pid = ask($session, 'SELECT pg_backend_pid()');
my ($key, $other, $external) = split /\n/, ask($watcher, q{SELECT id FROM kept WHERE name <> 'mac' ORDER BY name = 'external', name = 'other'});

sub everything
{
	return ask($watcher, q{SELECT everything() || (SELECT md5(string_agg(p::text, ',' ORDER BY id)) FROM person p) || (SELECT md5(string_agg(p::text, ',' ORDER BY id)) FROM plain p)});
}

# ---- what takes long -------------------------------------------------------------------

# Milliseconds after which a statement is still at work on any machine, the statement, how
# often it does its work so that it takes that long, and how often the next time.  Without
# these it takes long by itself, or in a loop that undoes it.
my @long = (
	[ 'making pairs', 200, q{SELECT count(kms_create_key('RSA_4096', 'SIGN/VERIFY')) FROM generate_series(1, %d)}, 1000, 1 ],
	[ 'making pairs for certificates', 200, q{SELECT count(certificate_id) FROM generate_series(1, %d) n, kms_create_certificate('RSA_4096', 'CN=' || n)}, 1000, 1 ],
	[ 'making pairs for import', 200, "SELECT count(kms_get_parameters_for_import('$external')) FROM generate_series(1, %d)", 1000, 1 ],
	[ 'making keys', 200, 'SELECT count(kms_create_key()) FROM generate_series(1, %d)', 1000000, 10 ],
	[ 'making key versions', 200, "SELECT count(kms_create_key_version('$key')) FROM generate_series(1, %d)", 1000000, 10 ],
	[ 'making secrets', 200, q{SELECT count(arn) FROM generate_series(1, %d) n, kms_create_secret('many-' || n, 'first', 'x'::text)}, 1000000, 10 ],
	[ 'storing values', 200, q{SELECT count(version_id) FROM generate_series(1, %d) n, kms_put_secret_value('kept', 'v' || n, 'x'::text)}, 1000000, 10 ],
	[ 'rotating secrets', 20, q{SELECT count(kms_rotate_secret('role-' || n)) FROM generate_series(1, %d) n}, 30, 30 ],
	[ 'making passwords', 200, 'SELECT count(kms_get_random_password(128, require_each_included_type => true)) FROM generate_series(1, %d)', 10000000, 10 ],
	[ 'random bytes', 200, 'SELECT count(kms_generate_random(1024)) FROM generate_series(1, %d)', 100000000, 10 ],
	[ 'granting', 200, "SELECT count(kms_grant('$key', 'kms_test_reader', '{Encrypt}')) FROM generate_series(1, %d)", 1000000, 10 ],
	[ 'tagging', 200, "SELECT count(kms_tag_resource(jsonb_build_object('t', n::text), '$key')) FROM generate_series(1, %d) n", 10000000, 10 ],
	[ 'disabling and enabling', 200, "SELECT count(kms_disable_key('$key')), count(kms_enable_key('$key')) FROM generate_series(1, %d)", 1000000, 10 ],
	[ 'calls', 200, q{SELECT count(kms_call('CreateKey', '{}')) FROM generate_series(1, %d)}, 1000000, 10 ],
	[ 'jobs', 200, 'SELECT count(*) > 0 FROM kms_run_jobs()' ],
	[ 'rotating the domain key', 50, 'SELECT kms_rotate_domain_key() > 0' ],
	[ 'checking every row', 20, 'SELECT count(*) FROM kms_check_integrity()' ],
	[ 'checking the audit log', 10, 'SELECT count(first_bad_row) FROM kms_verify_audit_log()' ],
	[ 'listing keys', 5, 'SELECT count(*) > 0 FROM kms_list_keys()' ],
	[ 'reading the view of keys', 5, 'SELECT count(*) > 0 FROM kms.keys' ],
	[ 'counting encrypted rows', 5, q{SELECT sum(row_count) FROM kms_scan_column('person', 'ssn')} ],
	[ 'decrypting a column', 20, q{SELECT count(*) FROM person_decrypted WHERE ssn = 'ssn ' || id} ],
	[ 'writing to a protected column', 20, q{UPDATE person_decrypted SET ssn = ssn || '!'} ],
	[ 'protecting a column with a blind index', 1, q{SELECT kms_create_alias(kms_create_key('HMAC_SHA_256')::text, 'alias/search'), kms_protect_column('plain', 'ssn', 'alias/key', blind_index => true, blind_index_key_id => 'alias/search')} ],
	[ 'decrypting a column for good', 50, q{SELECT kms_unprotect_column('person', 'ssn')} ],
	[ 'counting them before a key is deleted', 5, "SELECT kms_schedule_key_deletion('$other', 7) IS NOT NULL" ]);

sub in_a_loop
{
	my ($sql) = @_;

	return "DO \$do\$ BEGIN FOR n IN 1 .. 10000 LOOP BEGIN EXECUTE \$x\$$sql\$x\$; RAISE EXCEPTION USING ERRCODE = 'KT001'; EXCEPTION WHEN SQLSTATE 'KT001' THEN NULL; END; END LOOP; END \$do\$";
}

# Cancel what the session is at, as soon as it is at something; seconds until it was over.
sub cancel
{
	my $start = time;

	wait_until(sub { ask($watcher, "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE pid = $pid AND state = 'active'") eq '0' }, $patience);
	return time - $start;
}

for my $case (@long)
{
	my ($what, $milliseconds, $sql, $many, $few) = @$case;
	my $once = defined $many ? sprintf $sql, $many : $sql;
	# What a fast machine may be done with is done over and over.
	my $long = defined $many && $milliseconds >= 200 ? $once : in_a_loop($once);
	my $before = everything();

	ask($session, "SET statement_timeout = $milliseconds");
	my $start = time;
	like(ask($session, $long), qr/^57014 /, "$what: ends when its time is over");
	cmp_ok(time - $start, '<', $milliseconds / 1000 + $at_once, "$what: within a moment");
	ask($session, 'RESET statement_timeout');

	start_asking($session, $long);
	sleep 0.1;
	my $seconds = cancel();
	like(answer($session), qr/^57014 /, "$what: ends when it is cancelled");
	cmp_ok($seconds, '<', $at_once, "$what: within a moment");
	is(everything(), $before, "$what: nothing was done");
	unlike(ask($session, 'BEGIN; ' . (defined $few ? sprintf $sql, $few : $sql) . '; ' . ($what =~ /deleted/ ? 'ROLLBACK' : 'COMMIT')), qr/^[0-9A-Z]{5} /, "$what: the next time it is done");
}

# One call, of 200 MB.
for my $case (
	[ 'making a MAC', q{PERFORM kms_generate_mac('alias/mac', plain)} ],
	[ 'verifying a MAC', q{PERFORM kms_verify_mac('alias/mac', plain, '\x00')} ],
	[ 'encrypting an envelope', q{PERFORM kms_envelope_encrypt('alias/sm4', plain)} ])
{
	my ($what, $sql) = @$case;

	ask($session, q{SELECT kms_create_alias(kms_create_key('Aliyun_SM4')::text, 'alias/sm4') WHERE NOT EXISTS (SELECT FROM kms.aliases WHERE alias_name = 'alias/sm4')});
	ask($session, q{SET application_name = 'before'});
	start_asking($session, "DO \$\$ DECLARE plain bytea = convert_to(repeat('a', 200000000), 'UTF8'); BEGIN PERFORM set_config('application_name', 'now', false); FOR n IN 1 .. 10 LOOP $sql; END LOOP; END \$\$");
	ok($node->poll_query_until('postgres', "SELECT application_name = 'now' FROM pg_stat_activity WHERE pid = $pid"), "$what of 200 MB");
	cmp_ok(cancel(), '<', $at_once, "$what: ends within a moment when it is cancelled");
	is(answer($session), '57014 ', "$what: and says so");
}
is(ask($session, q{RESET application_name; SELECT kms_verify_mac('alias/mac', 'x', kms_generate_mac('alias/mac', 'x'))}), 't', 'the next time it is done');

# ---- what waits for a lock ---------------------------------------------------------------

# Somebody has changed everything and is not done yet.
my $holder = session($node);

sub hold
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	unlike(ask($holder, "BEGIN; SELECT kms_disable_key('$key'), kms_update_key_description('$external', 'held'), kms_update_alias('$other', 'alias/key'), kms_update_secret('kept', 'held')"),
		qr/^[0-9A-Z]{5} /, 'somebody has changed everything');
	return;
}

my @waiting = (
	[ 'enabling a key', "SELECT kms_enable_key('$key')" ],
	[ 'making a key version', "SELECT kms_create_key_version('$key') IS NOT NULL" ],
	[ 'describing it anew', "SELECT kms_update_key_description('$key', 'x')" ],
	[ 'its rotation policy', "SELECT kms_update_rotation_policy('$key', false)" ],
	[ 'protecting it', "SELECT kms_set_deletion_protection('$key', false)" ],
	[ 'its deletion', "SELECT kms_schedule_key_deletion('$key', 7) IS NOT NULL, kms_cancel_key_deletion('$key')" ],
	[ 'deleting material', "SELECT kms_delete_key_material('$external')" ],
	[ 'moving an alias', "SELECT kms_update_alias('$other', 'alias/key'), kms_update_alias('$key', 'alias/key')" ],
	[ 'making an alias', "SELECT kms_create_alias('$key', 'alias/new')" ],
	[ 'tagging', "SELECT kms_tag_resource('{\"a\": \"1\"}', '$key')" ],
	[ 'granting', "SELECT kms_grant('$key', 'kms_test_reader', '{Encrypt}') IS NOT NULL" ],
	[ 'revoking', "SELECT kms_revoke('$key', 'kms_test_reader') > 0" ],
	[ 'giving away', "SELECT kms_set_owner('$key', 'kms_test_reader'), kms_set_owner('$key', current_user)" ],
	[ 'storing a value', q{SELECT version_id FROM kms_put_secret_value('kept', 'second', 'x'::text)} ],
	[ 'moving a label', q{SELECT kms_update_secret_version_stage('kept', 'own', 'second')} ],
	[ 'deleting a secret', q{SELECT secret_name FROM kms_delete_secret('kept'), kms_restore_secret('kept')} ]);
for my $case (@waiting)
{
	my ($what, $sql) = @$case;
	my $before = everything();

	hold();
	is(ask($session, "SET lock_timeout = 50; $sql"), '55P03 ', "$what waits for a lock for its time");
	is(ask($session, "RESET lock_timeout; SET statement_timeout = 50; $sql"), '57014 ', "$what: and as long as a statement may take");
	ask($session, 'RESET statement_timeout');
	start_asking($session, $sql);
	ok(defined wait_until(sub { ask($watcher, "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $pid") eq 't' }, 10), "$what: waits");
	cmp_ok(cancel(), '<', $at_once, "$what: can be cancelled");
	is(answer($session), '57014 ', "$what: and says so");
	is(everything(), $before, "$what: nothing was done");
	ask($holder, 'ROLLBACK');
	unlike(ask($session, $sql), qr/^[0-9A-Z]{5} /, "$what: let go, it is done");
}

# Nobody waits who only uses keys, or looks.
hold();
is(ask($session, "SET statement_timeout = '10s'; SELECT kms_decrypt_text(kms_encrypt('alias/key', 'x'::text)), (kms_describe_key('$key')).key_state,
	(SELECT count(*) FROM kms_check_integrity()), (SELECT secret_data FROM kms_get_secret_value('role-2')) IS NOT NULL, (SELECT count(first_bad_row) FROM kms_verify_audit_log())"),
	'x|Enabled|0|t|0', 'who uses keys, or looks at them, does not wait');
ask($session, 'RESET statement_timeout');

# ---- who says nothing for too long ----------------------------------------------------------

ask($holder, q{ROLLBACK; SET idle_in_transaction_session_timeout = '300ms'});
hold();
start_asking($session, "SELECT kms_enable_key('$key'), (kms_describe_key('$key')).key_state");
is(answer($session), '|Enabled', 'a session that idles in a transaction too long lets go');
is(ask($session, q{SELECT kms_decrypt_text(kms_encrypt('alias/key', 'x'::text)), (SELECT description FROM kms_describe_secret('kept'))}), 'x|', 'and what it has changed is undone');
eval { $holder->quit };

is(value($node, 'SELECT (SELECT count(*) FROM kms_check_integrity()), (SELECT count(first_bad_row) FROM kms_verify_audit_log())'), '0|0', 'in the end every row and the audit log are intact');
is(value($node, q{SELECT count(*) FROM many WHERE kms_decrypt_text(kms_encrypt(id, 'x'::text)) = 'x'}), '4000', 'and every key works');
$_->quit for $session, $watcher;
done_testing();
