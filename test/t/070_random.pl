# No random bytes: whatever needs them is refused and leaves nothing behind, whichever
# of the bytes it needs are the ones that do not come.
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

my $node = new_server('main', settings => "kms.worker_enabled = off\nautovacuum = off\n");

start_with_faults($node);
watch($node);
$node->safe_psql('postgres', q{
	CREATE EXTENSION kms;
	SELECT kms_create_alias(kms_create_key(spec, usage)::text, 'alias/' || spec || '-' || left(usage, 4))
	  FROM (VALUES ('Aliyun_AES_256', 'ENCRYPT/DECRYPT'), ('Aliyun_SM4', 'ENCRYPT/DECRYPT'), ('HMAC_SHA_256', 'GENERATE_VERIFY_MAC'),
		('RSA_2048', 'SIGN/VERIFY'), ('RSA_2048', 'ENCRYPT/DECRYPT'), ('EC_P256', 'SIGN/VERIFY'), ('EC_P256K', 'SIGN/VERIFY'),
		('EC_SM2', 'SIGN/VERIFY'), ('EC_SM2', 'ENCRYPT/DECRYPT')) t (spec, usage);
	CREATE TABLE kept AS SELECT kms_encrypt('alias/Aliyun_AES_256-ENCR', 'x'::text) AS blob, kms_envelope_encrypt('alias/Aliyun_SM4-ENCR', 'x'::text) AS envelope,
		kms_generate_mac('alias/HMAC_SHA_256-GENE', 'x') AS mac, kms_asymmetric_sign('alias/EC_P256-SIGN', NULL, 'ECDSA_SHA_256', sha256('x')) AS signature,
		kms_asymmetric_encrypt('alias/RSA_2048-ENCR', NULL, 'RSAES_OAEP_SHA_256', 'x') AS sealed,
		decode(replace(substring(kms_get_public_key('alias/RSA_2048-ENCR'), '^-----BEGIN PUBLIC KEY-----(.*)-----END'), E'\n', ''), 'base64') AS public_key,
		kms_create_key(origin => 'EXTERNAL')::text AS external, (kms_describe_key('alias/Aliyun_AES_256-ENCR')).key_id::text AS key_id,
		(SELECT certificate_id::text FROM kms_create_certificate('EC_P256', 'CN=x')) AS certificate;
	SELECT FROM kms_create_secret('kept', 'v1', 'x'::text);
	CREATE TABLE person (id integer PRIMARY KEY, ssn text);
	SELECT kms_protect_column('person', 'ssn', 'alias/Aliyun_AES_256-ENCR')});
make_role($node, 'kms_test_app');
$node->safe_psql('postgres', secret_sql('role', 'SingleUser', ['kms_test_app']));

my $watcher = session($node);

sub everything
{
	return ask($watcher, 'SELECT everything()');
}

sub pid_of
{
	return ask($_[0], 'SELECT pg_backend_pid()');
}

# ---- what needs them ----------------------------------------------------------------

# A session draws nonces for 170 messages at once, so that one message is no test.  SCRAM
# verifiers are PostgreSQL's own, which has another error for them.
my @operations = (
	(map { [ "making a key of spec $_", "SELECT kms_create_key('$_') IS NOT NULL" ] } qw(Aliyun_AES_256 Aliyun_AES_128 Aliyun_SM4 HMAC_SHA_256 EC_P256 EC_P256K EC_SM2 RSA_2048)),
	[ 'making an external key', q{SELECT kms_create_key(origin => 'EXTERNAL') IS NOT NULL} ],
	[ 'making a key version', q{SELECT kms_create_key_version('alias/Aliyun_AES_256-ENCR') IS NOT NULL} ],
	(map { [ "encrypting with $_", "SELECT count(kms_encrypt('alias/$_-ENCR', 'x'::text)) > 0 FROM generate_series(1, 400)" ] } qw(Aliyun_AES_256 Aliyun_SM4)),
	[ 'encrypting an envelope', q{SELECT kms_envelope_encrypt('alias/Aliyun_AES_256-ENCR', 'x'::text) IS NOT NULL} ],
	[ 're-encrypting', q{SELECT count(kms_re_encrypt(blob, 'alias/Aliyun_SM4-ENCR')) > 0 FROM kept, generate_series(1, 400)} ],
	[ 'making a data key', q{SELECT kms_generate_data_key('alias/Aliyun_AES_256-ENCR') IS NOT NULL} ],
	[ 'making a data key without plaintext', q{SELECT kms_generate_data_key_without_plaintext('alias/Aliyun_AES_256-ENCR') IS NOT NULL} ],
	[ 'exporting a data key', q{SELECT kms_export_data_key(blob, public_key, 'RSA_2048', 'RSAES_OAEP_SHA_256') IS NOT NULL FROM kept} ],
	[ 'making and exporting a data key', q{SELECT kms_generate_and_export_data_key('alias/Aliyun_AES_256-ENCR', public_key, 'RSA_2048', 'RSAES_OAEP_SHA_256') IS NOT NULL FROM kept} ],
	[ 'random bytes', 'SELECT kms_generate_random(32) IS NOT NULL' ],
	[ 'a password', 'SELECT kms_get_random_password() IS NOT NULL' ],
	[ 'signing with ECDSA', q{SELECT kms_asymmetric_sign('alias/EC_P256-SIGN', NULL, 'ECDSA_SHA_256', sha256('x')) IS NOT NULL} ],
	[ 'signing with SM2', q{SELECT kms_asymmetric_sign('alias/EC_SM2-SIGN', NULL, 'SM2DSA', sha256('x')) IS NOT NULL} ],
	[ 'signing with RSA-PSS', q{SELECT kms_asymmetric_sign('alias/RSA_2048-SIGN', NULL, 'RSA_PSS_SHA_256', sha256('x')) IS NOT NULL} ],
	[ 'signing with RSA and PKCS #1, which blinds', q{SELECT kms_asymmetric_sign('alias/RSA_2048-SIGN', NULL, 'RSA_PKCS1_SHA_256', sha256('x')) IS NOT NULL} ],
	[ 'encrypting with OAEP', q{SELECT kms_asymmetric_encrypt('alias/RSA_2048-ENCR', NULL, 'RSAES_OAEP_SHA_256', 'x') IS NOT NULL} ],
	[ 'encrypting with SM2', q{SELECT kms_asymmetric_encrypt('alias/EC_SM2-ENCR', NULL, 'SM2PKE', 'x') IS NOT NULL} ],
	[ 'decrypting with RSA, which blinds', q{SELECT kms_asymmetric_decrypt('alias/RSA_2048-ENCR', NULL, 'RSAES_OAEP_SHA_256', sealed) = 'x' FROM kept} ],
	[ 'parameters for import', q{SELECT kms_get_parameters_for_import(external, 'SM2PKE', 'EC_SM2') IS NOT NULL FROM kept} ],
	[ 'making a secret', q{SELECT arn IS NOT NULL FROM kms_create_secret(md5(clock_timestamp()::text), 'v1', 'x'::text)} ],
	[ 'storing a value', q{SELECT kms_put_secret_value('kept', md5(clock_timestamp()::text), 'y'::text) IS NOT NULL} ],
	[ 'rotating a secret', q{SELECT kms_rotate_secret('role') IS NOT NULL}, qr/^XX000 (InternalFailure)?$/ ],
	[ 'making a certificate', q{SELECT certificate_id IS NOT NULL FROM kms_create_certificate('EC_P256', 'CN=x')} ],
	[ 'granting', q{SELECT kms_grant(key_id, 'kms_test_app', '{Encrypt}') IS NOT NULL FROM kept} ],
	[ 'a call', q{SELECT kms_call('DescribeKey', jsonb_build_object('KeyId', key_id)) IS NOT NULL FROM kept} ],
	[ 'rotating the domain key', 'SELECT kms_rotate_domain_key() > 0' ],
	[ 'writing to a protected column', q{WITH written AS (INSERT INTO person SELECT n, 'ssn ' || n FROM generate_series((SELECT coalesce(max(id), 0) FROM person) + 1, (SELECT coalesce(max(id), 0) FROM person) + 400) n RETURNING id) SELECT count(*) = 400 FROM written} ]);

for my $operation (@operations)
{
	my ($what, $sql, $expected) = @$operation;
	my $before = everything();
	my $rows = ask($watcher, 'SELECT count(*) FROM person');
	my $session = session($node);
	my $pid = pid_of($session);
	my (%errors, $struck, $changed);

	# None at all, and the session has not drawn any.
	let_fail('random', 0, pid => $pid, for_good => 1);
	my $answer = ask($session, $sql);
	$struck = no_more_faults();
	is($answer . ($struck ? '' : ', of itself'), $answer =~ ($expected // qr/^XX000 InternalFailure$/) ? $answer : 'XX000 InternalFailure', "$what: refused without random bytes");

	# Each that it draws, while these are not many.
	my $tries = 0;
	for (my $n = 0;; $n += 1 + int($n > 12 ? $n / 2 : 0))
	{
		my $state = everything();

		let_fail('random', $n, pid => $pid);
		$answer = ask($session, $sql);
		$struck = no_more_faults();
		last if !$struck;
		$tries++;
		# RSA goes on without blinding numbers that it can do without, as a key does that has its prime at the next try.
		$errors{$answer}++ if $answer !~ ($expected // qr/^XX000 InternalFailure$/);
		$changed = $answer if everything() ne $state && $answer ne 't';
	}
	is(join(' ', keys %errors), '', "$what: nor when it gets all of them but one, tried $tries times");
	is($changed, undef, "$what: which leaves nothing behind");
	is($answer, 't', "$what: with all of them it works");
	$session->quit;
}

# ---- what does not -----------------------------------------------------------------------

my $session = session($node);

let_fail('random', 0, pid => pid_of($session), for_good => 1);
for my $use (
	[ 'decrypting', 'kms_decrypt_text(blob)' ],
	[ 'decrypting an envelope', 'kms_decrypt_text(envelope)' ],
	[ 'verifying a signature', q{kms_asymmetric_verify('alias/EC_P256-SIGN', NULL, 'ECDSA_SHA_256', sha256('x'), signature)} ],
	[ 'making a MAC', q{kms_generate_mac('alias/HMAC_SHA_256-GENE', 'x') = mac} ],
	[ 'verifying one', q{kms_verify_mac('alias/HMAC_SHA_256-GENE', 'x', mac)} ],
	[ 'making a blind index', q{length(kms_blind_index('alias/HMAC_SHA_256-GENE', 'x')) = 32} ],
	[ 'reading a secret', q{(SELECT secret_data IS NOT NULL FROM kms_get_secret_value('kept'))} ],
	[ 'disabling a key and enabling it', q{coalesce(kms_disable_key(key_id)::text, '') = '' AND coalesce(kms_enable_key(key_id)::text, '') = ''} ])
{
	my ($what, $sql) = @$use;

	like(ask($session, "SELECT $sql FROM kept"), qr/^[tx]$/, "$what needs no random bytes");
}
is(no_more_faults(), 0, 'and asks for none');
$session->quit;

# ---- the beginning of a service ----------------------------------------------------------

my $tries = 0;
my $answer;
$node->safe_psql('postgres', 'CREATE DATABASE other');
$session = session($node, 'other');
for (my $n = 0;; $n++)
{
	let_fail('random', $n, pid => pid_of($session));
	$answer = ask($session, 'CREATE EXTENSION kms');
	last if !no_more_faults();
	$tries++;
	is($answer . ask($session, q{SELECT count(*) FROM pg_extension WHERE extname = 'kms'}), 'XX000 InternalFailure0', "the extension is not created by halves, try $tries");
}
cmp_ok($tries, '>', 1, 'each of the random bytes may be missing');
is($answer, '', 'with all of them it is');
is(ask($session, q{SELECT kms_decrypt_text(kms_encrypt(kms_create_key()::text, 'x'::text))}), 'x', 'and works');
$session->quit;

# ---- afterwards --------------------------------------------------------------------------

is(value($node, 'SELECT count(*) FROM kms_check_integrity()'), '0', 'every row is intact');
is(value($node, 'SELECT problem FROM kms_verify_audit_log()'), '', 'and the audit log');
is(value($node, 'SELECT count(*) = count(DISTINCT substr(blob, 18, 24)) AND bool_and(substr(blob, 18, 24) <> decode(repeat(\'00\', 24), \'hex\'))
	FROM (SELECT kms_encrypt(\'alias/Aliyun_AES_256-ENCR\', \'x\'::text) AS blob FROM generate_series(1, 1000)) s'), 't', 'nonces differ, and are not zero');
$watcher->quit;

done_testing();
