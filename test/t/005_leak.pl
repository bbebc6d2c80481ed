# No key and no plaintext is found in the files of the server: not in tables,
# the WAL, statistics, temporary files or the log.
#
# What is looked for is real.  The material of every key version is unwrapped
# from the rows of the tables with the root key, by a program that is built
# from src/crypto; plaintexts and data keys are planted.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use KmsServer;
use LeakSearch;
use MIME::Base64;
use PostgreSQL::Test::Utils;
use Test::More;

my $crypto = "$FindBin::RealBin/../../src/crypto";
my $root = new_root_key();
my $node = new_server('main', root_key => $root, settings => "wal_level = replica\nlog_min_messages = debug1\nwork_mem = 64kB\ntrack_functions = all");

# ---- the program that unwraps ---------------------------------------------------

my $unwrapper = PostgreSQL::Test::Utils::tempdir . '/unwrap';
system_or_bail($ENV{CC} // 'cc', '-std=c11', '-O1', "-I$crypto", glob("$crypto/*.c"), "$FindBin::RealBin/unwrap.c", '-lcrypto', '-o', $unwrapper);

sub unwrapper
{
	my ($question) = @_;
	my ($answer, $errors) = ('', '');

	IPC::Run::run([$unwrapper], '<', \"$question\n", '>', \$answer, '2>', \$errors) or die "unwrap: $errors";
	chomp $answer;
	die "does not open: $question" if $answer eq '-';
	return $answer;
}

# ---- what is looked for -----------------------------------------------------------

my %secrets;    # name => bytes

sub secret
{
	my ($name, $bytes) = @_;

	die "short secret $name" if length($bytes) < 16;
	$secrets{$name} = $bytes;
	return;
}

# ---- a server that has done everything once -----------------------------------------

$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION kms;
	CREATE TABLE person (id serial PRIMARY KEY, secret bytea);
	CREATE TABLE control (kind text, planted bytea);
	SELECT kms_create_alias(kms_create_key(spec, description => 'a key of spec ' || spec)::text, 'alias/' || spec)
	  FROM unnest('{Aliyun_AES_256,Aliyun_AES_192,Aliyun_AES_128,Aliyun_SM4}'::text[]) spec});

# Plaintexts as a literal, in a bytea literal, in a DO block, as a parameter.
my $number = 0;
sub planted
{
	return sprintf('PLANTED-%02d-', ++$number) . unpack('H*', pack('N4', map { int rand 2**32 } 1 .. 4));
}

for my $alias (map { "alias/Aliyun_$_" } qw(AES_256 AES_192 AES_128 SM4))
{
	my @texts = map { planted() } 1 .. 4;
	my $hex = unpack('H*', $texts[1]);

	secret("plaintext $_", $texts[ $_ - $number + 3 ]) for $number - 3 .. $number;
	$node->safe_psql('postgres', "INSERT INTO person (secret) VALUES (kms_encrypt('$alias', '$texts[0]', '{\"a\": \"b\"}'))");
	$node->safe_psql('postgres', "INSERT INTO person (secret) SELECT kms_encrypt('$alias', '\\x$hex'::bytea) FROM generate_series(1, 100)");
	$node->safe_psql('postgres', "DO \$\$ BEGIN INSERT INTO person (secret) VALUES (kms_encrypt('$alias', '$texts[2]')); END \$\$");
	$node->safe_psql('postgres', "PREPARE p(text) AS INSERT INTO person (secret) VALUES (kms_encrypt('$alias', \$1)); EXECUTE p('$texts[3]')");
}
is(value($node, 'SELECT count(*) FROM person'), 4 * 103, 'plaintexts are stored, encrypted');

# Data keys: the clear form goes to the client only.
for my $alias (qw(alias/Aliyun_AES_256 alias/Aliyun_SM4))
{
	for my $bytes (16, 32, 1024)
	{
		my ($clear, $sealed) = split /\|/, value($node, "SELECT encode(plaintext, 'hex'), ciphertext_blob FROM kms_generate_data_key('$alias', number_of_bytes => $bytes)");
		secret("data key of $bytes bytes of $alias", pack('H*', substr($clear, 0, 64)));
		value($node, "INSERT INTO person (secret) VALUES ('$sealed')");
	}
}

# New versions, everything encrypted anew, read, refused, rolled back.
$node->safe_psql('postgres', q{
	SELECT kms_create_key_version(alias_name) FROM kms_list_aliases();
	UPDATE person SET secret = kms_re_encrypt(secret, 'alias/Aliyun_AES_192') WHERE id % 3 = 0 AND id NOT IN (1, 104, 207, 310);
	SELECT count(kms_decrypt(secret, CASE WHEN id IN (1, 104, 207, 310) THEN '{"a": "b"}'::jsonb END)) FROM person;
	CREATE TABLE sorted AS SELECT secret FROM person CROSS JOIN generate_series(1, 20) ORDER BY secret;
	BEGIN;
	SELECT kms_disable_key(key_id::text) FROM kms.keys;
	ROLLBACK;
	ANALYZE});
my $failing = planted();
secret('plaintext of a statement that failed', $failing);
refused($node, "SELECT kms_encrypt('alias/none', '$failing')", '42704', 'Forbidden.AliasNotFound', 'a statement with a plaintext fails');

# A plan that the logger prints, a backend that ends in the middle: nothing to find either.
my $killed = planted();
secret('plaintext of a session that was terminated', $killed);
my $session = session($node);
my $pid = ask($session, 'SELECT pg_backend_pid()');
start_asking($session, "SELECT count(kms_encrypt('alias/Aliyun_AES_256', '$killed' || n)) FROM (SELECT generate_series(1, 100000000) AS n) s");
ok($node->poll_query_until('postgres', "SELECT query ~ 'hidden' FROM pg_stat_activity WHERE pid = $pid"), 'a statement with a plaintext runs');
value($node, "SELECT pg_terminate_backend($pid, 10000)");
eval { $session->quit };

# ---- the API's own JSON --------------------------------------------------------------------

$node->safe_psql('postgres', q{CREATE ROLE app; SELECT kms_create_secret('called', 'v1', 'x'::text, encryption_key_id => 'alias/Aliyun_AES_256')});
for my $case (
	[ q{kms_call('Encrypt', '{"KeyId": "alias/Aliyun_AES_256", "Plaintext": "%s"}')} ],
	[ q{kms_call('Encrypt', '{"KeyId": "alias/Aliyun_AES_256", "Plaintext": "%s", "DryRun": "true"}')}, 'P0001', 'DryRunOperationError' ],
	[ q{kms_call('Encrypt', '{"KeyId": "alias/none", "Plaintext": "%s"}')}, '42704', 'Forbidden.AliasNotFound' ],
	[ q{kms_call('Encrypt', '{"KeyId": "alias/none", "Plaintext": "%s "}')}, '22023', 'InvalidParameter' ],
	[ q(kms_call('Encrypt', '{"KeyId": "alias/Aliyun_SM4", "Plaintext": "eA==", "EncryptionContext": "{%s"}')), '22023', 'InvalidParameter' ],
	[ q{kms_call('Encrypt', '{"KeyId": "alias/Aliyun_SM4", "%s": "eA=="}')}, '22023', 'InvalidParameter' ],
	[ q{kms_call('%s', '{}')}, '22023', 'InvalidParameter' ],
	[ q{kms_call('PutSecretValue', '{"SecretName": "called", "VersionId": "v2", "SecretData": "%s"}')} ],
	[ q{kms_call('PutSecretValue', '{"SecretName": "none", "VersionId": "v2", "SecretData": "%s"}')}, '42704', 'Forbidden.ResourceNotFound' ],
	[ q{kms_call('PutSecretValue', '{"SecretName": "called", "VersionId": "v3", "SecretData": {"a": "%s"}}')}, '22023', 'InvalidParameter' ])
{
	my ($call, $sqlstate, $code) = @$case;
	my $text = planted();
	my $base64 = encode_base64($text, '');
	my $what = $call =~ s/\(\K'(\w+|%s)'.*/$1/r;

	secret("plaintext of $number, $what", $text);
	secret("Base64 of $number, $what", $base64);
	if (defined $sqlstate)
	{
		refused($node, 'SELECT ' . sprintf($call, $base64), $sqlstate, $code, "$what fails with a plaintext");
	}
	else
	{
		$node->safe_psql('postgres', 'SELECT ' . sprintf($call, $base64));
	}
}
my $unheard = planted();
secret('plaintext of who may not', $unheard);
refused($node, qq{SET ROLE app; SELECT kms_call('CreateSecret', '{"SecretName": "new", "VersionId": "v1", "SecretData": "$unheard"}')}, '42501', 'Forbidden.NoPermission', 'who may not execute a function leaves no plaintext behind');

# ---- pairs and MAC keys ------------------------------------------------------------------

my @pairs = ([qw(RSA_2048 ENCRYPT/DECRYPT)], [qw(EC_P256 SIGN/VERIFY)], [qw(EC_SM2 ENCRYPT/DECRYPT)], [qw(ED25519 SIGN/VERIFY)],
	map { [ $_, 'GENERATE_VERIFY_MAC' ] } qw(HMAC_SHA_256 HMAC_SM3));
$node->safe_psql('postgres', "SELECT kms_create_alias(kms_create_key('$_->[0]', '$_->[1]')::text, 'alias/$_->[0]')") for @pairs;
for my $case (
	[ q{kms_asymmetric_encrypt('%s', NULL, 'RSAES_OAEP_SHA_256', '%s')}, 'alias/RSA_2048' ],
	[ q{kms_asymmetric_encrypt('%s', NULL, 'SM2PKE', '%s')}, 'alias/EC_SM2' ],
	[ q{kms_generate_mac('%s', '%s')}, 'alias/HMAC_SM3' ],
	[ q{kms_blind_index('%s', '%s')}, 'alias/HMAC_SHA_256' ],
	[ q{kms_envelope_encrypt('%s', '%s'::text)}, 'alias/Aliyun_AES_256' ],
	[ q{kms_envelope_encrypt('%s', repeat('%s', 100000)::bytea)}, 'alias/Aliyun_SM4' ])
{
	my ($call, $alias) = @$case;
	my @texts = map { planted() } 1 .. 2;

	secret('plaintext of ' . ($call =~ s/\(.*//r), $_) for @texts;
	$node->safe_psql('postgres', 'INSERT INTO person (secret) SELECT ' . sprintf($call, $alias, $texts[0]));
	refused($node, 'SELECT ' . sprintf($call, 'alias/none', $texts[1]), '42704', 'Forbidden.AliasNotFound', ($call =~ s/\(.*//r) . ' fails with a plaintext');
}
$node->safe_psql('postgres', q{
	INSERT INTO person (secret) SELECT kms_asymmetric_sign('alias/' || spec, NULL, algorithm, sha256('x')) FROM (VALUES ('EC_P256', 'ECDSA_SHA_256'), ('ED25519', 'ED25519')) v (spec, algorithm);
	CREATE TABLE opened AS SELECT length(kms_decrypt(secret)) FROM person WHERE length(secret) > 1000000;
	SELECT kms_export_data_key(ciphertext_blob, decode(regexp_replace(kms_get_public_key('alias/RSA_2048'), '-----[A-Z ]+-----', '', 'g'), 'base64'), 'RSA_2048', 'RSAES_OAEP_SHA_256')
	  FROM kms_generate_data_key_without_plaintext('alias/Aliyun_AES_256')});

# What is secret of the material, without what stands around it in PKCS #8.
sub core_of
{
	my ($spec, $material) = @_;

	return substr($material, 36, 32) if $spec =~ /^EC_(P256|SM2)$/;
	return substr($material, 16, 32) if $spec eq 'ED25519';
	return substr($material, -300, 256) if $spec eq 'RSA_2048';    # of the exponents and the coefficient
	return $material;
}

# ---- the material ------------------------------------------------------------------------

secret('root key', pack('H*', $root));
my $wrapping = unwrapper("derive $root kms domain key wrapping:32");
secret('key that wraps domain keys', pack('H*', $wrapping));
my %domain;
for my $row (split /\n/, value($node, q{SELECT account_id, version, encode(wrapped, 'hex') FROM kms.domain_key}))
{
	my ($account, $version, $wrapped) = split /\|/, $row;
	my $place = unpack('H*', 'D' . pack('q>N', $account, $version));
	my $domain = unwrapper("unwrap $wrapping $place $wrapped");

	secret("domain key $version", pack('H*', $domain));
	$domain{"$account $version"} = unwrapper("derive $domain kms material wrapping:32");
	secret("key that wraps material $version", pack('H*', $domain{"$account $version"}));
}
my %suite = (Aliyun_AES_256 => 1, Aliyun_AES_192 => 2, Aliyun_AES_128 => 3, Aliyun_SM4 => 4);
my ($versions, %material) = (0);
for my $row (split /\n/, value($node, q{
	SELECT v.account_id, v.domain_key_version, replace(k.id::text, '-', ''), replace(v.id::text, '-', ''),
		   k.spec, k.usage, k.origin, encode(v.wrapped, 'hex')
	  FROM kms.key_version v JOIN kms.key k ON k.id = v.key_id}))
{
	my ($account, $domain, $key, $id, $spec, $usage, $origin, $wrapped) = split /\|/, $row;
	my $place = unpack('H*', 'V' . pack('q>N', $account, $domain)) . $key . $id
	  . unpack('H*', join '', map { pack('C/a', $_) } $spec, $usage, $origin);
	my $material = unwrapper("unwrap $domain{\"$account $domain\"} $place $wrapped");

	$versions++;
	$material{$id} = pack('H*', $material);
	secret("material of $spec, version $id", $material{$id});
	secret("core of $spec, version $id", core_of($spec, $material{$id}));
	secret("subkey of $spec, version $id", pack('H*', unwrapper("subkey $suite{$spec} $material"))) if $suite{$spec};
}
is($versions, 8 + @pairs, 'the material of every key version was unwrapped from its row');
is(scalar(keys %{ { reverse %material } }), 8 + @pairs, 'no two versions have the same');

# ---- the search ------------------------------------------------------------------------------

# It finds what is there: text in a row and in the log, bytes in a row and in the WAL.
my %control = ('planted text' => 'CONTROL-' . new_root_key(), 'planted bytes' => pack('H*', new_root_key()),
	'planted line' => 'CONTROL-' . new_root_key());
$node->safe_psql('postgres', sprintf(q{INSERT INTO control VALUES ('%s', '\x%s'); DO $$ BEGIN RAISE LOG '%s'; END $$},
		$control{'planted text'}, unpack('H*', $control{'planted bytes'}), $control{'planted line'}));
$node->safe_psql('postgres', 'CHECKPOINT');

sub search
{
	my ($when) = @_;
	my @control = found_in($node->data_dir, %control);

	for my $name ('planted text', 'planted bytes')
	{
		ok((grep { m!^$name in .*/base/! } @control), "$when: $name would be found in a table");
		ok((grep { m!^$name in .*/pg_wal/! } @control), "$when: $name would be found in the WAL");
	}
	is(join("\n", found_in($node->basedir, %secrets)), '', "$when: nothing secret is found in the data directory");
	return;
}

search('while the server runs');
$node->stop;
search('after it has stopped');
like(join(' ', found_in($node->logfile, %control)), qr/planted line/, 'a line in the log would be found');
is(join("\n", found_in($node->logfile, %secrets)), '', 'nothing secret is found in the log');

# ---- descriptors ---------------------------------------------------------------------------------

$node->start;
my $descriptors = value($node, q{
	SELECT kms_encrypt('alias/Aliyun_AES_256', 'x') \g /dev/null
	CREATE TEMPORARY TABLE seen (line text);
	COPY seen FROM PROGRAM 'ls -l /proc/self/fd';
	SELECT string_agg(line, ' ') FROM seen});
like($descriptors, qr/pipe/, 'a program that a session starts can be seen with its descriptors');
unlike($descriptors, qr/memfd|secretmem|root\.key/, 'and it inherits nothing of the root key');
my @open = map { readlink } glob('/proc/' . (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0] . '/fd/*');
ok(scalar(@open), 'the descriptors of the postmaster can be seen');
unlike("@open", qr/memfd|secretmem|root\.key/, 'and none leads to the root key');
$node->stop;

done_testing();
