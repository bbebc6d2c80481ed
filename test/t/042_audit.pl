# The audit log over crashes, dumps and workers, and the lines of JSON in the
# server log: what must be known even if it is rolled back.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP;
use KmsServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $key = new_root_key();
my $node = new_server('main', root_key => $key,
	settings => "kms.worker_enabled = off\nkms.worker_naptime = 1\nkms.deletion_grace = 0\nrestart_after_crash = on\nmax_prepared_transactions = 2\n");
my $secret = 'sUrely-a-s3cret';
my $offset;

# ---- what the tests need ------------------------------------------------------

# The lines since $offset, decoded, which then moves; a line that is no JSON is a failure.
sub lines
{
	my $log = log_since($node, $offset);
	my @lines;

	$offset += length $log;
	for my $text ($log =~ /LOG:  kms: (\{.*)$/mg)
	{
		my $line = eval { JSON::PP->new->utf8->decode($text) };
		ok(defined $line, 'a line is JSON') || diag $text;
		push @lines, $line if defined $line;
	}
	return @lines;
}

# "operation result code sqlstate" of each.
sub shown
{
	return join("\n", map { my $line = $_; join(' ', map { $line->{$_} // '-' } qw(operation result code sqlstate)) } @_);
}

sub forget
{
	$offset = -s $node->logfile;
	return;
}

sub is_sound
{
	my ($how, $dbname, $server) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(value($server // $node, q{SELECT coalesce(first_bad_row || ' ' || problem, 'sound') FROM kms_verify_audit_log()}, $dbname), 'sound', "$how: the log is sound");
}

sub set
{
	my ($name, $setting) = @_;

	$node->safe_psql('postgres', "ALTER SYSTEM SET $name = '$setting'");
	$node->reload;
	return;
}

$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION kms;
	CREATE ROLE stranger LOGIN;
	CREATE ROLE "we""ird\
name" LOGIN;
	CREATE TABLE held AS SELECT kms_create_key() AS id, kms_create_key('RSA_2048', 'ENCRYPT/DECRYPT') AS pair, kms_create_key('EC_P256') AS signer, kms_create_key('HMAC_SHA_256') AS mac;
	GRANT SELECT ON held TO PUBLIC;
	ALTER TABLE held ADD blob bytea, ADD sealed bytea, ADD exporter bytea, ADD data_key bytea;
	UPDATE held SET blob = kms_encrypt(id::text, 'text'), sealed = kms_asymmetric_encrypt(pair::text, NULL, 'RSAES_OAEP_SHA_256', 'text'),
		data_key = (kms_generate_data_key_without_plaintext(id::text)).ciphertext_blob,
		exporter = decode(replace(regexp_replace(kms_get_public_key(pair::text, NULL), '-----[A-Z ]+-----', '', 'g'), E'\n', ''), 'base64')});
my $id = value($node, 'SELECT id FROM held');

# ---- failures and denials -------------------------------------------------------

forget();
my $errors = '';
$node->psql('postgres', "SET client_min_messages = debug5; SET ROLE stranger; BEGIN; SELECT kms_encrypt('$id', '$secret'); ROLLBACK",
	on_error_stop => 0, stderr => \$errors, extra_params => ['-v', 'VERBOSITY=verbose'], connstr => $node->connstr('postgres') . " application_name='an \"app\"'");
my @lines = lines();
is_deeply(\@lines, [{
	operation => 'Encrypt', result => 'denied', code => 'Forbidden.NoPermission', sqlstate => '42501', user => 'stranger',
	session_user => value($node, 'SELECT session_user'), application => 'an "app"', client => '[local]', database => 'postgres', resource => $id}],
	'a denial is one line that says who wanted what, rolled back or not') || diag explain \@lines;
unlike($errors, qr/\{"operation"/, 'which the client does not see, whatever it asks for');

forget();
failure($node, 'SELECT kms_decrypt(set_byte(blob, 60, get_byte(blob, 60) # 1)) FROM held');
failure($node, q{SELECT kms_decrypt('\xff')});
failure($node, "SELECT kms_disable_key('00000000-0000-4000-8000-000000000000')");
failure($node, q{SELECT kms_encrypt(NULL, 'x')});
failure($node, "SELECT kms_schedule_key_deletion('$id', 3)");
failure($node, "SELECT kms_asymmetric_sign('$id', NULL, 'ECDSA_SHA_256', '\\x00')");
failure($node, "SELECT kms_create_key('$secret')");
failure($node, "SELECT kms_create_alias('$id', '$secret')");
failure($node, "SELECT kms_open_kms_service()");
@lines = lines();
is(shown(@lines), join("\n",
	'Decrypt failed InvalidParameter 22023', 'Decrypt failed InvalidParameter 22023', 'DisableKey failed Forbidden.KeyNotFound 42704',
	'Encrypt failed MissingParameter 22004', 'ScheduleKeyDeletion failed InvalidParameter 22023', 'AsymmetricSign failed Rejected.UnsupportedOperation 0A000',
	'CreateKey failed InvalidParameter 22023', 'CreateAlias failed InvalidParameter 22023', 'OpenKmsService failed Forbidden.Opened 55000'),
	'every failure is a line');
is($lines[0]{resource}, $id, 'with the key that a damaged ciphertext names');
is($lines[1]{resource}, undef, 'or none, where there is none');
is($lines[5]{resource}, $id, 'and the key that is of the wrong kind');
is(value($node, "SELECT count(*) FROM pg_stat_activity WHERE pid = pg_backend_pid()"), '1', 'the server is well');

forget();
$node->safe_psql('postgres', q{SET ROLE stranger;
	DO $$ BEGIN FOR i IN 1..5 LOOP BEGIN PERFORM kms_decrypt(blob) FROM held; EXCEPTION WHEN insufficient_privilege THEN NULL; END; END LOOP; END $$});
is(shown(lines()), join("\n", ('Decrypt denied Forbidden.NoPermission 42501') x 5), 'errors caught in a loop are as many lines');

# What kms_try_decrypt reads over has failed as well; what it may not read is refused.
forget();
$node->safe_psql('postgres', q{SELECT kms_try_decrypt(set_byte(blob, 60, get_byte(blob, 60) # 1)), kms_try_decrypt(blob), kms_try_decrypt_text('\xff') FROM held;
	EXPLAIN SELECT FROM pg_class WHERE relname::bytea < kms_try_decrypt('\xff')});
failure($node, 'SET ROLE stranger; SELECT kms_try_decrypt(blob) FROM held');
@lines = lines();
is(shown(@lines), join("\n", ('Decrypt failed InvalidParameter 22023') x 2, 'Decrypt denied Forbidden.NoPermission 42501'), 'what is read over leaves the line of an error');
is($lines[0]{resource}, $id, 'with the key that it names');

# An error of the planner is one of the query: once.
$node->safe_psql('postgres', 'CREATE TABLE text AS SELECT n::text AS t FROM generate_series(1, 1000) n; ANALYZE text');
forget();
failure($node, q{SELECT * FROM text WHERE t < kms_decrypt_text('\x00')});
is(shown(lines()), 'Decrypt failed InvalidParameter 22023', 'a query whose planning fails is one line');

# In a parallel worker.
forget();
my $force = value($node, q{SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')});    # until 15, from 16 on
my $parallel = "SET $force = on; "
  . 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;';
failure($node, "$parallel SET ROLE stranger; SELECT count(kms_decrypt(blob)) FROM held");
@lines = lines();
is(shown(@lines), 'Decrypt denied Forbidden.NoPermission 42501', 'a denial in a parallel worker is one line');
is($lines[0]{user}, 'stranger', 'of the same user');

# Names with everything in them.
forget();
failure($node, qq{SET application_name = E'a\\nb"\\\\'; SET ROLE "we""ird\\\nname"; SELECT kms_enable_key('$id')});
@lines = lines();
is(shown(@lines), 'EnableKey denied Forbidden.NoPermission 42501', 'strange names leave it one line');
is($lines[0]{user}, "we\"ird\\\nname", 'and are themselves in it');

# ---- uses ----------------------------------------------------------------------

my $wrapping = q{exporter, 'RSA_2048', 'RSAES_OAEP_SHA_256'};
my @uses = (
	['Encrypt', "kms_encrypt(id::text, '$secret')"],
	['Encrypt', "kms_encrypt(id::text, '$secret'::bytea)"],
	['Encrypt', "kms_envelope_encrypt(id::text, repeat('$secret', 1000))"],
	['Decrypt', 'kms_decrypt(blob)'],
	['Decrypt', 'kms_decrypt_text(blob)'],
	['ReEncrypt', 'kms_re_encrypt(blob, id::text)', 2],
	['GenerateDataKey', 'kms_generate_data_key(id::text)'],
	['GenerateDataKeyWithoutPlaintext', 'kms_generate_data_key_without_plaintext(id::text)'],
	['AsymmetricEncrypt', "kms_asymmetric_encrypt(pair::text, NULL, 'RSAES_OAEP_SHA_256', '$secret')"],
	['AsymmetricDecrypt', "kms_asymmetric_decrypt(pair::text, NULL, 'RSAES_OAEP_SHA_256', sealed)"],
	['AsymmetricSign', "kms_asymmetric_sign(signer::text, NULL, 'ECDSA_SHA_256', sha256('x'))"],
	['AsymmetricVerify', "kms_asymmetric_verify(signer::text, NULL, 'ECDSA_SHA_256', sha256('x'), kms_asymmetric_sign(signer::text, NULL, 'ECDSA_SHA_256', sha256('x')))", 1, 'AsymmetricSign'],
	['GetPublicKey', 'kms_get_public_key(pair::text, NULL)'],
	['GenerateMac', "kms_generate_mac(mac::text, '$secret')"],
	['VerifyMac', "kms_verify_mac(mac::text, '$secret', '\\x00')"],
	['GenerateMac', "kms_blind_index(mac::text, '$secret')"],
	['ExportDataKey', "kms_export_data_key(data_key, $wrapping)"],
	['GenerateAndExportDataKey', "kms_generate_and_export_data_key(id::text, $wrapping)"]);
my @exports = grep { $_->[0] =~ /Export/ } @uses;

forget();
value($node, "SELECT $_->[1] FROM held") for @uses;
is(shown(lines()), join("\n", map { "$_->[0] success - -" } @exports), 'by default data keys that leave are lines, other uses are none');

for my $use (@uses)
{
	my ($operation, $call, $times, $first) = @$use;

	forget();
	value($node, "SET kms.audit = 'all'; BEGIN; SELECT $call FROM held; ROLLBACK");
	@lines = lines();
	# What generates and exports, encrypts on the way.
	$times = 2 if $operation eq 'GenerateAndExportDataKey';
	is(shown(@lines), join("\n", (map { "$_ success - -" } grep { defined } $first), ("$operation success - -") x ($times // 1)), "all: $operation is a line, rolled back or not");
	is(scalar(grep { !defined $_->{resource} } @lines), 0, "all: with its key");
}
forget();
value($node, "SET kms.audit = 'all'; SELECT count(kms_encrypt(id::text, n::text)) FROM held, generate_series(1, 100) n");
is(scalar(lines()), 100, 'all: every use is a line');
forget();
value($node, "SET kms.audit = 'all'; $parallel SELECT count(kms_decrypt(blob)) FROM held");
is(shown(lines()), 'Decrypt success - -', 'all: in a parallel worker, too');
forget();
my $blob = value($node, 'SELECT blob FROM held');
value($node, "SET kms.audit = 'all'; EXPLAIN SELECT * FROM text WHERE t < kms_decrypt_text('$blob')");
is(shown(lines()), '', 'all: planning is no use');
forget();
value($node, "SET kms.audit = 'all'; SELECT count(*) FROM text WHERE t = 'no' || kms_decrypt_text('$blob') OR random() < 0");
isnt(shown(lines()), '', 'all: but running is');

forget();
failure($node, "SET kms.audit = off; SELECT kms_decrypt('\\x00')");
value($node, "SET kms.audit = off; SELECT $_->[1] FROM held") for @exports;
is(shown(lines()), '', 'off: not a line');

# ---- secrets -------------------------------------------------------------------

$node->safe_psql('postgres', qq{CREATE ROLE app LOGIN; CREATE ROLE holder CREATEROLE;
	GRANT EXECUTE ON FUNCTION kms_create_secret(text, text, text, text, text, text, jsonb, jsonb, boolean, interval) TO holder;
	SELECT kms_create_secret('kept', 'v1', '$secret'::text), kms_create_secret('chosen', 'v1', '$secret'::bytea, encryption_key_id => id::text),
		kms_create_secret('app', 'v1', '{"Accounts": [{"AccountName": "app", "AccountPassword": "$secret"}]}'::text, 'Rds', extended_config => '{"SecretSubType": "SingleUser", "DBInstanceId": "local"}') FROM held});
forget();
value($node, q{SET application_name = 'reader'; BEGIN; SELECT kms_get_secret_value('kept'); ROLLBACK});
@lines = lines();
is_deeply(\@lines, [{
	operation => 'GetSecretValue', result => 'success', code => undef, sqlstate => undef, user => value($node, 'SELECT current_user'),
	session_user => value($node, 'SELECT session_user'), application => 'reader', client => '[local]', database => 'postgres', resource => 'secret/kept'}],
	'by default the reading of a secret is a line that says who read which, rolled back or not') || diag explain \@lines;
forget();
value($node, q{SELECT kms_get_secret_value('chosen', version_id => 'v1'), kms_get_secret_value('app', 'ACSCurrent')});
@lines = lines();
is(shown(@lines), join("\n", ('GetSecretValue success - -') x 2), 'so it is under a key that was chosen, and with the password of a role');
is(join(' ', map { $_->{resource} } @lines), 'secret/chosen secret/app', 'each with its secret');
forget();
value($node, q{SELECT kms_describe_secret('kept'), kms_list_secrets(), kms_list_secret_version_ids('kept'); SELECT * FROM kms.secrets, kms.secret_versions});
value($node, "SELECT kms_put_secret_value('kept', 'v2', '$secret'::text), kms_put_secret_value('kept', 'v2', '$secret'::text), kms_rotate_secret('app')");
is(shown(lines()), 'PutSecretValue success - -', 'what shows no value is no line, nor is a change; a repetition, which confirms one, is');
forget();
value($node, q{SET kms.audit = 'all'; SELECT kms_get_secret_value('kept')});
is(scalar(grep { $_->{operation} eq 'GetSecretValue' && $_->{resource} eq 'secret/kept' } lines()), 1, 'all: the reading is one line');
forget();
value($node, q{SET kms.audit = off; SELECT kms_get_secret_value('kept')});
is(shown(lines()), '', 'off: not a line');
forget();
value($node, q{EXPLAIN SELECT * FROM text WHERE t = (kms_get_secret_value('kept')).secret_data});
is(shown(lines()), '', 'planning is no reading');
forget();
value($node, "$parallel SELECT count((kms_get_secret_value('kept')).secret_data) FROM held");
is(shown(lines()), 'GetSecretValue success - -', 'in a parallel worker, too');

forget();
value($node, q{UPDATE kms.secret_version SET created_at = created_at - interval '1 day' WHERE id = 'v1' AND secret_id = (SELECT id FROM kms.secret WHERE name = 'kept')});
failure($node, q{SELECT kms_get_secret_value('kept', version_id => 'v1')});
value($node, q{UPDATE kms.secret_version SET created_at = created_at + interval '1 day' WHERE id = 'v1' AND secret_id = (SELECT id FROM kms.secret WHERE name = 'kept')});
failure($node, q{SELECT kms_put_secret_value('kept', 'v9', 'x'::text, '{a,b,c,d,e,f,g}')});
@lines = lines();
is(shown(@lines), "GetSecretValue failed Rejected.Unavailable XX001\nPutSecretValue failed Rejected.LimitExceeded 54000", 'what fails behind the key is a line, too');
is(join(' ', map { $_->{resource} } @lines), 'secret/kept secret/kept', 'about the secret');
forget();
failure($node, q{SET ROLE stranger; SELECT kms_get_secret_value('kept')});
failure($node, q{SELECT kms_get_secret_value('nothing')});
failure($node, q{SELECT kms_get_secret_value('kept', 'nobody''s')});
failure($node, "SELECT kms_create_secret('kept', 'v1', '$secret'::text)");
failure($node, "SELECT kms_put_secret_value('kept', 'v1', '$secret of another'::text)");
failure($node, "SELECT kms_put_secret_value('app', 'v3', '$secret'::text)");
failure($node, q{SELECT kms_rotate_secret('kept')});
failure($node, "SELECT kms_get_secret_value('$secret not a name')");
failure($node, "SELECT kms_create_secret('bad', 'v1', '{\"Accounts\": \"$secret\"}'::text, 'Rds', extended_config => '{\"SecretSubType\": \"SingleUser\", \"DBInstanceId\": \"local\"}')");
failure($node, "SELECT kms_update_secret_version_stage('kept', 'ACSPrevious', NULL, 'v1')");
@lines = lines();
is(shown(@lines), join("\n",
	'GetSecretValue denied Forbidden.NoPermission 42501', 'GetSecretValue failed Forbidden.ResourceNotFound 42704', 'GetSecretValue failed Forbidden.ResourceNotFound 42704',
	'CreateSecret failed Rejected.ResourceExist 42710', 'PutSecretValue failed Rejected.ResourceExist 42710', 'PutSecretValue failed Rejected.UnsupportedOperation 0A000',
	'RotateSecret failed Rejected.UnsupportedOperation 0A000', 'GetSecretValue failed InvalidParameter 22023', 'CreateSecret failed InvalidParameter 22023',
	'UpdateSecretVersionStage failed InvalidParameter 22023'), 'every refusal is a line');
is(join(' ', map { $_->{resource} // '-' } @lines[0 .. 2, 4 .. 6]), 'secret/kept secret/nothing secret/kept secret/kept secret/app secret/kept', 'with the secret');
is(join(' ', map { $_->{user} } @lines[0, 1]), 'stranger ' . value($node, 'SELECT current_user'), 'and the user');
forget();
$node->safe_psql('postgres', q{SET ROLE stranger;
	DO $$ BEGIN FOR i IN 1..5 LOOP BEGIN PERFORM kms_get_secret_value('kept'); EXCEPTION WHEN insufficient_privilege THEN NULL; END; END LOOP; END $$});
is(shown(lines()), join("\n", ('GetSecretValue denied Forbidden.NoPermission 42501') x 5), 'refusals caught in a loop are as many lines');
is(value($node, q{SELECT string_agg(operation, ' ' ORDER BY seq) FROM kms.audit_log WHERE resource = 'secret/kept'}), 'CreateSecret PutSecretValue', 'the audit log has the changes');
refused($node, 'SET ROLE stranger; SET kms.audit = off', '42501', '', 'which is not for everybody');
unlike(log_since($node), qr/kms: \{.*\Q$secret\E/, 'no line has a value in it');
is_sound('after all that');

# ---- sealed ----------------------------------------------------------------------

my $before = value($node, 'SELECT count(*) FROM kms.audit_log');
set('kms.root_key_file', '');
ok(defined wait_until(sub { status($node) eq 'Suspended' }), 'the server is sealed');
refused($node, "SELECT kms_disable_key('$id')", '55000', 'ServiceUnavailableTemporary', 'sealed: what cannot be recorded is not done');
is(value($node, 'SELECT count(*) FROM kms.audit_log'), $before, 'sealed: the log can be read');
refused($node, 'SELECT kms_verify_audit_log()', '55000', 'ServiceUnavailableTemporary', 'sealed: but not verified');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET kms.root_key_file');
$node->reload;
ok(defined wait_until(sub { status($node) eq 'Enabled' }), 'it is unsealed');

# ---- prepared transactions ----------------------------------------------------------

$node->safe_psql('postgres', "BEGIN; SELECT kms_disable_key('$id'); PREPARE TRANSACTION 'p'");
refused($node, "SET lock_timeout = '100ms'; SELECT kms_enable_key(signer::text) FROM held", '55P03', '', 'a prepared transaction holds the end of the log');
$node->restart;
is(value($node, "SET kms.audit = off; SELECT kms_enable_key(signer::text) IS NOT NULL FROM held"), 't', 'and nothing else');
$node->safe_psql('postgres', "COMMIT PREPARED 'p'");
is(value($node, "SELECT operation FROM kms.audit_log ORDER BY seq DESC LIMIT 1"), 'DisableKey', 'ended, it is in the log');
is_sound('after a prepared transaction');

# ---- workers -------------------------------------------------------------------------

my $owner = value($node, 'SELECT session_user');
let_time_pass($node, 'postgres');
$node->safe_psql('postgres', q{
	CREATE TABLE due AS SELECT kms_create_key() AS ends, kms_create_key(enable_automatic_rotation => true, rotation_interval => '30 days') AS turns;
	SELECT kms_schedule_key_deletion(ends::text, 7) FROM due;
	UPDATE kms.key SET delete_at = clock_timestamp() FROM due WHERE id = ends;
	UPDATE kms.key SET rotated_at = clock_timestamp() - interval '31 days', next_rotation_at = clock_timestamp() FROM due WHERE id = turns});
set('kms.worker_enabled', 'on');
ok(defined wait_until(sub { value($node, q{SELECT count(*) FROM kms.audit_log, due WHERE operation LIKE 'Key%' AND resource IN (ends::text, turns::text)}) == 2 }, 60), 'workers leave rows');
is(value($node, q{SELECT operation, session_user_name IS NULL, user_name, application_name, client_address IS NULL, result FROM kms.audit_log, due
		WHERE operation LIKE 'Key%' AND resource IN (ends::text, turns::text) ORDER BY operation}),
	"KeyDeletion|t|$owner|kms worker|t|success\nKeyRotation|t|$owner|kms worker|t|success", 'in the name of the owner, of no session');
set('kms.worker_enabled', 'off');
is_sound('after workers');

# ---- crashes ------------------------------------------------------------------------

sub hammer
{
	my ($how, $strike) = @_;
	my $count = value($node, 'SELECT count(*) FROM kms.audit_log');
	my @sessions = map { $node->background_psql('postgres', on_error_stop => 0) } 1 .. 4;

	$node->safe_psql('postgres', q{CREATE TABLE IF NOT EXISTS hammered (id uuid)});
	for my $session (@sessions)
	{
		$session->{stdin} .= "WITH k AS (INSERT INTO hammered SELECT kms_create_key() RETURNING id) SELECT id FROM k;\n" x 2000;
		$session->{run}->pump_nb;
	}
	wait_until(sub { $_->{run}->pump_nb for @sessions; value($node, 'SELECT count(*) FROM kms.audit_log') > $count + 50 }) // die 'nothing happens';
	$strike->();
	for my $session (@sessions)
	{
		eval { $session->{run}->kill_kill };
	}
	ok(defined wait_until(sub { $node->psql('postgres', 'SELECT 1', timeout => 5) == 0 }), "$how: the server is back");
	ok(defined wait_until(sub { value($node, q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'WITH k%' AND pid <> pg_backend_pid()}) == 0 }), "$how: they are gone");
	is_sound($how);
	is(value($node, q{SELECT count(*) FROM kms.audit_log a FULL JOIN hammered h ON a.resource = h.id::text AND operation = 'CreateKey' WHERE h.id IS NOT NULL AND a.seq IS NULL}), '0',
		"$how: no key without its row");
	is(value($node, q{SELECT count(*) FROM kms.audit_log a WHERE operation = 'CreateKey' AND NOT EXISTS (SELECT FROM kms.key k WHERE k.id::text = a.resource)
			AND NOT EXISTS (SELECT FROM kms.audit_log d WHERE d.resource = a.resource AND d.operation = 'KeyDeletion')}), '0', "$how: no row without its key");
	return;
}

hammer('a backend killed', sub { kill 'KILL', value($node, q{SELECT min(pid) FROM pg_stat_activity WHERE query LIKE 'WITH k%' AND pid <> pg_backend_pid()}) });
hammer('the server stopped at once', sub { $node->stop('immediate'); $node->start });

# ---- dump and restore ------------------------------------------------------------------

my $all = q{SELECT md5(string_agg(a::text, E'\n' ORDER BY seq)) FROM kms.audit_log a};
my $content = value($node, $all);
my $dump = $node->basedir . '/dump.sql';
$node->command_ok(['pg_dump', '-f', $dump, '-d', $node->connstr('postgres')], 'the database is dumped');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr('restored')], 'and restored beside itself');
is(value($node, $all, 'restored'), $content, 'restored: the log is the same');
is_sound('restored', 'restored');
$node->safe_psql('restored', "SELECT kms_enable_key('$id')");
is_sound('restored and gone on with', 'restored');
$node->safe_psql('postgres', 'CREATE DATABASE at_once');
$node->command_ok(['psql', '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr('at_once')], 'restored in one transaction');
is(value($node, $all, 'at_once'), $content, 'at once: the log is the same');
is_sound('at once', 'at_once');
$node->safe_psql('at_once', 'SET kms.allow_drop = on; BEGIN; SELECT kms_create_key(); DROP EXTENSION kms CASCADE; CREATE EXTENSION kms; SELECT kms_create_key(); COMMIT');
is(value($node, 'SELECT string_agg(operation, E\' \' ORDER BY seq) FROM kms.audit_log', 'at_once'), 'OpenKmsService CreateKey', 'dropped and made anew in one transaction: the log is that of the new one');
is_sound('made anew', 'at_once');

$node->stop;
done_testing();
