# Two-phase commit: what is prepared is seen by nobody, not even by the session that
# prepared it, until it is committed, and then by everybody at once; or never.
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

my $node = new_server('main', settings => "kms.worker_enabled = off\nautovacuum = off\nkms.deletion_grace = 0\nmax_prepared_transactions = 5\nrestart_after_crash = on\nclient_min_messages = warning\n");

$node->start;
watch($node);
$node->safe_psql('postgres', q{
	CREATE EXTENSION kms;
	CREATE ROLE kms_test_reader;
	CREATE TABLE kept AS SELECT name, kms_create_key(spec, usage)::text AS id FROM (VALUES ('key', 'Aliyun_AES_256', 'ENCRYPT/DECRYPT'),
		('other', 'Aliyun_AES_256', 'ENCRYPT/DECRYPT'), ('pair', 'EC_P256', 'SIGN/VERIFY'), ('mac', 'HMAC_SHA_256', 'GENERATE_VERIFY_MAC')) k (name, spec, usage);
	SELECT kms_create_alias(id, 'alias/' || name) FROM kept;
	CREATE TABLE stored AS SELECT kms_encrypt('alias/key', 'x'::text) AS blob;
	SELECT FROM kms_create_secret('kept', 'first', 'value'::text);
	CREATE TABLE person (id integer PRIMARY KEY, ssn text);
	GRANT SELECT ON ALL TABLES IN SCHEMA public TO kms_test_reader});
make_role($node, 'kms_test_app');
$node->safe_psql('postgres', secret_sql('role', 'SingleUser', ['kms_test_app']));
my ($key, $other) = split /\n/, value($node, q{SELECT id FROM kept WHERE name IN ('key', 'other') ORDER BY name});

# The one that prepares, one that has everything in its cache, and one that ends what was prepared.
my ($actor, $observer, $ender) = map { session($node) } 1 .. 3;

my $encrypts = q{SELECT kms_decrypt_text(kms_encrypt('alias/key', 'x'::text))};
my $signs = q{SELECT kms_asymmetric_verify('alias/pair', NULL, 'ECDSA_SHA_256', sha256('x'), kms_asymmetric_sign('alias/pair', NULL, 'ECDSA_SHA_256', sha256('x')))};
my $primary = q{SELECT count(*) FROM kms_list_key_versions('alias/key')};
my $reads = q{SELECT secret_data FROM kms_get_secret_value('kept')};
my $reader = sub { return "BEGIN; SET LOCAL ROLE kms_test_reader; $_[0]; COMMIT" };

# What is done, a question, and its answer before and after.
my @operations = (
	[ 'disabling a key', "SELECT kms_disable_key('$key')", $encrypts, 'x', '55000 Rejected.Disabled' ],
	[ 'enabling it', "SELECT kms_enable_key('$key')", $encrypts, '55000 Rejected.Disabled', 'x' ],
	[ 'disabling a pair', q{SELECT kms_disable_key(id) FROM kept WHERE name = 'pair'}, $signs, 't', '55000 Rejected.Disabled' ],
	[ 'enabling it', q{SELECT kms_enable_key(id) FROM kept WHERE name = 'pair'}, $signs, '55000 Rejected.Disabled', 't' ],
	[ 'scheduling a deletion', "SELECT kms_schedule_key_deletion('$key', 7)", $encrypts, 'x', '55000 Rejected.PendingDeletion' ],
	[ 'cancelling it', "SELECT kms_cancel_key_deletion('$key')", $encrypts, '55000 Rejected.PendingDeletion', 'x' ],
	[ 'making a key and encrypting with it', q{SELECT kms_create_key()::text AS id \gset
		SELECT kms_create_alias(:'id', 'alias/new');
		INSERT INTO stored SELECT kms_encrypt(:'id', 'x'::text) UNION ALL SELECT kms_encrypt('alias/new', 'x'::text)},
		q{SELECT count(*), count(kms_decrypt_text(blob)) FROM stored}, '1|1', '3|3' ],
	[ 'deleting its alias', q{SELECT kms_delete_alias('alias/new')}, q{SELECT kms_encrypt('alias/new', 'x'::text) IS NOT NULL}, 't', '42704 Forbidden.AliasNotFound' ],
	[ 'making a key version and encrypting with it', qq{SELECT kms_create_key_version('alias/key'); INSERT INTO stored SELECT kms_encrypt('alias/key', 'x'::text)},
		q{SELECT count(*), count(DISTINCT (kms_ciphertext_info(blob)).key_version_id), count(kms_decrypt_text(blob)) FROM stored}, '3|2|3', '4|3|4' ],
	[ 'disabling it after it was used', "SELECT kms_encrypt('alias/key', 'x'::text), kms_disable_key('$key')", $encrypts, 'x', '55000 Rejected.Disabled' ],
	[ 'enabling it and using it', "SELECT kms_enable_key('$key'), kms_encrypt('alias/key', 'x'::text)", $encrypts, '55000 Rejected.Disabled', 'x' ],
	[ 'moving an alias', "SELECT kms_update_alias('$other', 'alias/key'); $encrypts", q{SELECT key_id = (kms_ciphertext_info(kms_encrypt('alias/key', 'x'::text))).key_id, name FROM (SELECT id::uuid AS key_id, name FROM kept WHERE name = 'key') k}, 't|key', 'f|key' ],
	[ 'moving it back', "SELECT kms_update_alias('$key', 'alias/key')", q{SELECT key_id = (kms_ciphertext_info(kms_encrypt('alias/key', 'x'::text))).key_id, name FROM (SELECT id::uuid AS key_id, name FROM kept WHERE name = 'key') k}, 'f|key', 't|key' ],
	[ 'granting', "SELECT kms_grant('$key', 'kms_test_reader', '{Encrypt}')", $reader->(q{SELECT kms_encrypt('alias/key', 'x'::text) IS NOT NULL}), '42501 Forbidden.NoPermission', 't' ],
	[ 'revoking', "SELECT kms_revoke('$key', 'kms_test_reader')", $reader->(q{SELECT kms_encrypt('alias/key', 'x'::text) IS NOT NULL}), 't', '42501 Forbidden.NoPermission' ],
	[ 'giving away', "SELECT kms_set_owner('$key', 'kms_test_reader')", $reader->(q{SELECT kms_encrypt('alias/key', 'x'::text) IS NOT NULL}), '42501 Forbidden.NoPermission', 't' ],
	[ 'taking back', "SELECT kms_set_owner('$key', current_user)", $encrypts, '42501 Forbidden.NoPermission', 'x' ],
	[ 'rotating the domain key', 'SELECT kms_rotate_domain_key()', q{SELECT (SELECT count(*) FROM kms.domain_key), kms_decrypt_text(kms_encrypt('alias/key', 'x'::text))}, '1|x', '2|x' ],
	[ 'tagging', qq{SELECT kms_tag_resource('{"a": "1"}', '$key')}, "SELECT count(*) FROM kms_list_resource_tags('$key')", '0', '1' ],
	[ 'storing a value that is not current', q{SELECT FROM kms_put_secret_value('kept', 'second', 'another'::text, '{own}')}, q{SELECT secret_data FROM kms_get_secret_value('kept', 'own')}, '42704 Forbidden.ResourceNotFound', 'another' ],
	[ 'moving a label', q{SELECT kms_update_secret_version_stage('kept', 'own', 'first')}, q{SELECT secret_data FROM kms_get_secret_value('kept', 'own')}, 'another', 'value' ],
	[ 'deleting a secret', q{SELECT FROM kms_delete_secret('kept')}, $reads, 'value', '55000 Rejected.ResourceInDeleteWindow' ],
	[ 'restoring it', q{SELECT kms_restore_secret('kept')}, $reads, '55000 Rejected.ResourceInDeleteWindow', 'value' ],
	[ 'making a certificate', q{SELECT FROM kms_create_certificate('EC_P256', 'CN=x')}, 'SELECT count(*) FROM kms_list_certificates()', '0', '1' ],
	[ 'protecting a column', q{SELECT kms_protect_column('person', 'ssn', 'alias/key', blind_index => true, blind_index_key_id => 'alias/mac'); INSERT INTO person VALUES (1, 'x')}, q{SELECT count(*) FROM kms_try_decrypt_text(NULL), kms.protected_columns}, '0', '1' ],
	[ 'rotating what it is encrypted with', qq{SELECT kms_create_key_version('$key'); INSERT INTO person VALUES (2, 'x')}, q{SELECT count(*), count(DISTINCT ssn) FROM person_decrypted WHERE ssn = 'x'}, '1|1', '2|1' ],
	[ 'unprotecting it', q{SELECT kms_unprotect_column('person', 'ssn')}, q{SELECT count(*) FROM person WHERE ssn = 'x'}, '0', '2' ]);

my $n = 0;
for my $operation (@operations)
{
	my ($what, $sql, $question, $before, $after) = @$operation;

	for my $end ('ROLLBACK', 'COMMIT')
	{
		my $result = $end eq 'COMMIT' ? $after : $before;
		my $name = 'p' . ++$n;
		my $state = ask($ender, 'SELECT everything()');

		is(ask($observer, $question) . ' ' . ask($actor, $question), "$before $before", "$what: at first") if $end eq 'ROLLBACK';
		ask($actor, 'BEGIN');
		# Said only if it is an error, or a value.
		unlike(ask($actor, $sql), qr/^[0-9A-Z]{5} /, "$what: is done") if $end eq 'ROLLBACK';
		ask($actor, $sql) if $end eq 'COMMIT';
		is(ask($actor, "PREPARE TRANSACTION '$name'"), '', "$what, $end: is prepared");
		is(ask($ender, 'SELECT count(*) FROM pg_prepared_xacts'), '1', "$what, $end: and is there");
		# A table that is changed is locked until then, and that is PostgreSQL's own.
		is(ask($observer, $question) . ' ' . ask($actor, $question), "$before $before", "$what, $end: as long as it is prepared nobody sees it")
		  unless $what =~ /protecting/;
		is(ask($ender, "$end PREPARED '$name'"), '', "$what: $end PREPARED");
		is(join(' ', map { ask($_, $question) } $observer, $actor, $ender), "$result $result $result", "$what: after it everybody sees what there is");
		is(ask($ender, 'SELECT everything()'), $state, "$what: nothing has changed") if $end eq 'ROLLBACK';
	}
}

# ---- what cannot be prepared ----------------------------------------------------------------

# A secret that gets another current value says so by NOTIFY, which PostgreSQL does not prepare.
for my $case (
	[ 'making a secret', q{SELECT FROM kms_create_secret('new', 'first', 'new'::text)} ],
	[ 'storing a value', q{SELECT FROM kms_put_secret_value('kept', 'third', 'another'::text)} ],
	[ 'making a value current', q{SELECT kms_update_secret_version_stage('kept', 'ACSCurrent', 'second')} ],
	[ 'rotating a secret', q{SELECT kms_rotate_secret('role')} ])
{
	my ($what, $sql) = @$case;
	my $state = ask($ender, 'SELECT everything()');

	ask($actor, 'BEGIN');
	unlike(ask($actor, $sql), qr/^[0-9A-Z]{5} /, "$what is done");
	is(ask($actor, q{PREPARE TRANSACTION 'p'}), '0A000 ', 'but cannot be prepared');
	is(ask($actor, $reads) . ask($observer, $reads), 'valuevalue', 'which undoes it');
	is(ask($ender, 'SELECT everything()'), $state, 'as a whole');
	unlike(ask($actor, "BEGIN; $sql; ROLLBACK"), qr/^[0-9A-Z]{5} /, 'and it can be done again');
}

# ---- what is prepared stands in the way of changes, not of uses ---------------------------------

ask($actor, "BEGIN; SELECT kms_disable_key('$key'); PREPARE TRANSACTION 'p'");
is(ask($observer, "SET lock_timeout = 100; SELECT kms_enable_key('$key')"), '55P03 ', 'a key whose change is prepared is changed by nobody');
is(ask($observer, 'SELECT kms_create_key() IS NOT NULL'), '55P03 ', 'nor is anything else, as the end of the audit log is held');
is(ask($observer, $encrypts), 'x', 'but it is used');
is(ask($observer, 'SELECT count(*) FROM kms_check_integrity()'), '0', 'and looked at');

# It outlives a server that is killed, as it should.
my @left = pids_of($node, qr/./);
$node->kill9;
wait_until(sub { !grep { kill 0, $_ } @left }, 60);
$node->start;
eval { $_->quit } for $actor, $observer, $ender;
($actor, $observer) = map { session($node) } 1 .. 2;
is(ask($observer, $encrypts), 'x', 'after a crash the key is enabled');
is(ask($observer, "SET lock_timeout = 100; SELECT kms_create_key() IS NOT NULL"), '55P03 ', 'and what was prepared is still there');
is(ask($actor, q{COMMIT PREPARED 'p'}), '', 'which can be committed');
is(ask($observer, $encrypts), '55000 Rejected.Disabled', 'and is seen at once');
is(ask($observer, "RESET lock_timeout; SELECT kms_enable_key('$key')"), '', 'the key can be changed again');

# ---- how much keys are used -----------------------------------------------------------------------

my $used = "SELECT sum(calls) FROM kms.key_usage WHERE operation = 'Encrypt' AND key_id = '$other'";
ask($actor, 'SELECT count(*) FROM kms_run_jobs()');
my $calls = ask($actor, $used);
for my $end ('ROLLBACK', 'COMMIT')
{
	ask($actor, "SELECT count(kms_encrypt('$other', 'x'::text)) FROM generate_series(1, 10)");
	is(ask($actor, "BEGIN; SELECT count(kms_encrypt('$other', 'x'::text)) FROM generate_series(1, 10); SELECT count(*) >= 0 FROM kms_run_jobs(); PREPARE TRANSACTION 'p'"), "10\nt", "jobs are prepared");
	ask($observer, "$end PREPARED 'p'");
	ask($actor, 'SELECT count(*) FROM kms_run_jobs()');
	$calls += 20;
	is(ask($observer, $used), $calls, "$end PREPARED: every use is counted once");
}

is(value($node, 'SELECT (SELECT count(*) FROM kms_check_integrity()), (SELECT count(first_bad_row) FROM kms_verify_audit_log())'), '0|0', 'in the end every row and the audit log are intact');
$_->quit for $actor, $observer;
done_testing();
