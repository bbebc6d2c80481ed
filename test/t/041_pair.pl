# Pairs, MAC keys and envelopes over their life: restarts, dumps, replicas, a
# sealed server, a user who does not want to wait, and the log.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use KmsServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $root = new_root_key();
my $folder = PostgreSQL::Test::Utils::tempdir;
my $node = new_server('main', root_key => $root, init => { allows_streaming => 1 },
	settings => "kms.worker_enabled = off\nmax_connections = 20\nlog_min_error_statement = error\n");

# ---- one of each -------------------------------------------------------------------

# Whose value is what was made of the message, with the key of that alias.
my @signers = map { [ "alias/sign-$_->[0]", @$_ ] }
  [qw(RSA_2048 RSA_PSS_SHA_256 32)], [qw(EC_P256 ECDSA_SHA_256 32)], [qw(EC_P256K ECDSA_SHA_256 32)],
  [qw(EC_P384 ECDSA_SHA_384 48)], [qw(EC_P521 ECDSA_SHA_512 64)], [qw(EC_SM2 SM2DSA 32)], [qw(ED25519 ED25519 100)];
my @receivers = map { [ "alias/encrypt-$_->[0]", @$_ ] } [qw(RSA_2048 RSAES_OAEP_SHA_256 190)], [qw(EC_SM2 SM2PKE 6047)];
my @macs = map { [ "alias/mac-$_", $_ ] } qw(HMAC_SHA_256 HMAC_SHA_384 HMAC_SHA_512 HMAC_SM3);
my @ciphers = map { [ "alias/$_", $_ ] } qw(Aliyun_AES_256 Aliyun_AES_192 Aliyun_AES_128 Aliyun_SM4);

sub fill
{
	my $message = q{(SELECT string_agg(sha256(n::text::bytea), '') FROM generate_series(1, %s) n)};
	my $sql = "CREATE EXTENSION kms; CREATE TABLE made (what text, alias text, algorithm text, message bytea, value bytea, public_key text);\n";

	for (@signers)
	{
		my ($alias, $spec, $algorithm, $len) = @$_;

		$sql .= "SELECT kms_create_alias(kms_create_key('$spec', 'SIGN/VERIFY')::text, '$alias');\n"
		  . "INSERT INTO made SELECT 'sign', '$alias', '$algorithm', m, kms_asymmetric_sign('$alias', NULL, '$algorithm', m), kms_get_public_key('$alias') FROM (SELECT kms_generate_random($len) AS m) s;\n";
	}
	for (@receivers)
	{
		my ($alias, $spec, $algorithm, $len) = @$_;

		$sql .= "SELECT kms_create_alias(kms_create_key('$spec', 'ENCRYPT/DECRYPT')::text, '$alias');\n"
		  . "INSERT INTO made SELECT 'encrypt', '$alias', '$algorithm', m, kms_asymmetric_encrypt('$alias', NULL, '$algorithm', m), kms_get_public_key('$alias') FROM (SELECT decode(repeat('ab', $len), 'hex') AS m) s;\n";
	}
	for (@macs)
	{
		my ($alias, $spec) = @$_;

		$sql .= "SELECT kms_create_alias(kms_create_key('$spec')::text, '$alias');\n"
		  . "INSERT INTO made SELECT 'mac', '$alias', NULL, m, kms_generate_mac('$alias', m) FROM (SELECT kms_generate_random(1000) AS m) s;\n";
	}
	$sql .= q{INSERT INTO made SELECT 'index', 'alias/mac-HMAC_SHA_256', NULL, 'Alice', kms_blind_index('alias/mac-HMAC_SHA_256', 'Alice', '{"table": "person"}');};
	for (@ciphers)
	{
		my ($alias, $spec) = @$_;

		$sql .= "SELECT kms_create_alias(kms_create_key('$spec')::text, '$alias');\n"
		  . "INSERT INTO made SELECT 'envelope', '$alias', NULL, m, kms_envelope_encrypt('$alias', m, '{\"a\": \"b\"}') FROM (SELECT decode(repeat('cd', 300000), 'hex') AS m) s;\n";
	}
	$node->safe_psql('postgres', $sql);
	return;
}

# The rows that are not what they were: "" if all is well.
my $damage = q{SELECT coalesce(string_agg(alias, ' '), '') FROM (SELECT alias, CASE what
	WHEN 'sign' THEN kms_asymmetric_verify(alias, NULL, algorithm, message, value) AND kms_get_public_key(alias) = public_key AND
		kms_asymmetric_verify(alias, NULL, algorithm, message, kms_asymmetric_sign(alias, NULL, algorithm, message)) AND
		NOT kms_asymmetric_verify(alias, NULL, algorithm, set_byte(message, 0, get_byte(message, 0) # 1), value)
	WHEN 'encrypt' THEN kms_asymmetric_decrypt(alias, NULL, algorithm, value) = message AND kms_get_public_key(alias) = public_key AND
		kms_asymmetric_decrypt(alias, NULL, algorithm, kms_asymmetric_encrypt(alias, NULL, algorithm, 'new')) = 'new' AND
		kms_decrypt(kms_re_encrypt(value, 'alias/Aliyun_AES_256', source_key_id => alias, source_encryption_algorithm => algorithm)) = message
	WHEN 'mac' THEN kms_generate_mac(alias, message) = value AND kms_verify_mac(alias, message, value) AND NOT kms_verify_mac(alias, 'x', value)
	WHEN 'index' THEN kms_blind_index(alias, convert_from(message, 'UTF8'), '{"table": "person"}') = value
	WHEN 'envelope' THEN kms_decrypt(value, '{"a": "b"}') = message AND kms_decrypt(kms_envelope_encrypt(alias, message)) = message AND
		kms_decrypt(kms_re_encrypt(value, 'alias/Aliyun_SM4', '{"a": "b"}')) = message
	END AS good FROM made) s WHERE good IS NOT TRUE};

$node->start;
fill();
is(value($node, 'SELECT count(*), count(value) FROM made'), '18|18', 'there are keys, and something made with it');
is(value($node, $damage), '', 'which verifies, opens and comes out the same');
is(value($node, "BEGIN READ ONLY; $damage"), '', 'in a read-only transaction, too');

# ---- restarts ---------------------------------------------------------------------------

$node->restart;
is(value($node, $damage), '', 'after a restart as before');
for my $spec (qw(RSA_2048 EC_SM2 ED25519))
{
	my ($algorithm) = map { $_->[2] } grep { $_->[1] eq $spec } @signers;
	my ($key, $signature) = split /\|/, value($node, "SELECT k, kms_asymmetric_sign(k, NULL, '$algorithm', decode(repeat('12', 32), 'hex')) FROM (SELECT kms_create_key('$spec')::text AS k OFFSET 0) s");

	$node->stop('immediate');
	$node->start;
	is(value($node, "SELECT kms_asymmetric_verify('$key', NULL, '$algorithm', decode(repeat('12', 32), 'hex'), '$signature')"), 't',
		"a pair of $spec made right before a crash verifies what it signed");
}
my ($last, $code) = split /\|/, value($node, q{SELECT k, kms_generate_mac(k, 'last words') FROM (SELECT kms_create_key('HMAC_SHA_256')::text AS k OFFSET 0) s});
$node->stop('immediate');
$node->start;
is(value($node, "SELECT kms_verify_mac('$last', 'last words', '$code')"), 't', 'so does a MAC key');
is(value($node, $damage), '', 'after the crashes everything is as before');

# ---- dumped and restored ----------------------------------------------------------------

$node->command_ok([ 'pg_dump', '-Fc', '-f', "$folder/archive", 'postgres' ], 'the keys are dumped');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'restored', "$folder/archive" ], 'and restored');
is(value($node, $damage, 'restored'), '', 'restored, they verify, open and make the same');
is(value($node, q{SELECT count(*) FROM made a JOIN kms.aliases s ON s.alias_name = a.alias
	WHERE (SELECT bool_and(kms_get_public_key(key_id::text, key_version_id::text) = public_key) FROM kms.key_versions v WHERE v.key_id = s.key_id AND public_key IS NOT NULL)}, 'restored'),
	9, 'by key and version id, too');
value($node, q{SELECT kms_disable_key(key_id::text) FROM kms.keys}, 'restored');
refused($node, $damage, '55000', 'Rejected.Disabled', 'disabled there, they refuse', dbname => 'restored');
is(value($node, $damage), '', 'and not in the original');
$node->safe_psql('postgres', 'DROP DATABASE restored');

# ---- a standby -----------------------------------------------------------------------------

$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->append_conf('postgresql.conf', "kms.root_key_file = '" . root_key_file($standby) . "'");
$standby->start;

sub change
{
	my ($sql) = @_;

	$node->safe_psql('postgres', $sql);
	$node->wait_for_catchup($standby);
	return;
}

my $digest = q{decode(repeat('12', 32), 'hex')};
my $public = value($node, q{SELECT quote_literal(decode(regexp_replace(kms_get_public_key('alias/encrypt-RSA_2048'), '-----[A-Z ]+-----', '', 'g'), 'base64'))});
my ($signed, $sealed, $coded, $envelope) = map { value($node, "SELECT quote_literal(value) FROM made WHERE alias = '$_'") }
  qw(alias/sign-EC_P256 alias/encrypt-EC_SM2 alias/mac-HMAC_SM3 alias/Aliyun_SM4);
my $blob = value($node, q{SELECT quote_literal(ciphertext_blob) FROM kms_generate_data_key('alias/Aliyun_AES_256')});
my @uses = (
	q{kms_asymmetric_sign('alias/sign-EC_P256', NULL, 'ECDSA_SHA_256', } . "$digest)",
	q{kms_asymmetric_verify('alias/sign-EC_P256', NULL, 'ECDSA_SHA_256', } . "$digest, $signed)",
	q{kms_asymmetric_encrypt('alias/encrypt-EC_SM2', NULL, 'SM2PKE', 'x')},
	"kms_asymmetric_decrypt('alias/encrypt-EC_SM2', NULL, 'SM2PKE', $sealed)",
	q{kms_get_public_key('alias/sign-ED25519')},
	q{kms_generate_mac('alias/mac-HMAC_SM3', 'x')},
	"kms_verify_mac('alias/mac-HMAC_SM3', 'x', $coded)",
	q{kms_blind_index('alias/mac-HMAC_SHA_256', 'x')},
	q{kms_envelope_encrypt('alias/Aliyun_SM4', 'x'::text)},
	"kms_decrypt($envelope, '{\"a\": \"b\"}')",
	"kms_re_encrypt($sealed, 'alias/Aliyun_AES_256', source_key_id => 'alias/encrypt-EC_SM2', source_encryption_algorithm => 'SM2PKE')",
	"kms_export_data_key($blob, $public, 'RSA_2048', 'RSAES_OAEP_SHA_256')",
	"kms_generate_and_export_data_key('alias/Aliyun_AES_256', $public, 'RSA_2048', 'RSAES_OAEP_SHA_256')");

$node->wait_for_catchup($standby);
for my $use (@uses)
{
	refused($standby, "SELECT $use", '55000', 'ServiceUnavailableTemporary', ($use =~ s/\(.*//sr) . ' is refused on a standby without the root key');
}
write_private(root_key_file($standby), "$root\n");
$standby->reload;
ok(defined wait_until(sub { status($standby) eq 'Enabled' }), 'a reload unseals the standby');
is(value($standby, $damage), '', 'a standby verifies, signs, opens, encrypts and makes the same');
ok(!failure($standby, "SELECT $_"), ($_ =~ s/\(.*//sr) . ' works there') for @uses;
refused($standby, "SELECT kms_create_key('$_')", '25006', 'UnsupportedOperation', "a key of spec $_ is not made there") for qw(RSA_2048 EC_P256 ED25519 HMAC_SHA_256);
is(value($node, "SELECT kms_asymmetric_verify('alias/sign-EC_SM2', NULL, 'SM2DSA', $digest, " . value($standby, "SELECT quote_literal(kms_asymmetric_sign('alias/sign-EC_SM2', NULL, 'SM2DSA', $digest))") . ')'),
	't', 'what the standby signed verifies on the primary');

my $session = session($standby);
my $use = "SELECT length(kms_asymmetric_sign('alias/sign-RSA_2048', NULL, 'RSA_PSS_SHA_256', $digest))";
is(ask($session, "BEGIN ISOLATION LEVEL REPEATABLE READ; $use"), '256', 'a session on the standby has a pair ready');
is(ask($session, q{SELECT length(kms_generate_mac('alias/mac-HMAC_SM3', 'x'))}), '32', 'and a MAC key');
change(q{SELECT kms_disable_key(key_id::text) FROM kms.aliases WHERE alias_name IN ('alias/sign-RSA_2048', 'alias/mac-HMAC_SM3')});
is(ask($session, $use), '55000 Rejected.Disabled', 'disabled on the primary, it signs no more in the open transaction');
ask($session, 'ROLLBACK');
is(ask($session, q{SELECT kms_generate_mac('alias/mac-HMAC_SM3', 'x')}), '55000 Rejected.Disabled', 'nor makes MACs');
change(q{SELECT kms_enable_key(key_id::text) FROM kms.aliases WHERE alias_name IN ('alias/sign-RSA_2048', 'alias/mac-HMAC_SM3')});
is(ask($session, $use), '256', 'enabled again, it does');
$session->quit;
$standby->stop;

# ---- sealed ------------------------------------------------------------------------------------

$session = session($node);
is(ask($session, $damage), '', 'a session has everything ready');
$node->append_conf('postgresql.conf', "kms.root_key_file = ''");
$node->reload;
ok(defined wait_until(sub { status($node) eq 'Suspended' }), 'the server is sealed');
for my $use (@uses)
{
	is(ask($session, "SELECT $use"), '55000 ServiceUnavailableTemporary', ($use =~ s/\(.*//sr) . ' is refused by a sealed server, whatever the session had ready');
}
refused($node, "SELECT kms_create_key('$_')", '55000', 'ServiceUnavailableTemporary', "a key of spec $_ is not made") for qw(RSA_2048 EC_SM2 HMAC_SHA_256);
$node->append_conf('postgresql.conf', "kms.root_key_file = '" . root_key_file($node) . "'");
$node->reload;
ok(defined wait_until(sub { status($node) eq 'Enabled' }), 'unsealed');
is(ask($session, $damage), '', 'everything works in the same session');
is(value($node, $damage), '', 'and in a new one');

# ---- cancelled ------------------------------------------------------------------------------------

my $rows = 'SELECT (SELECT count(*) FROM kms.key) + (SELECT count(*) FROM kms.key_version)';
my $before = value($node, $rows);
my $make = q{SELECT kms_create_key('RSA_4096') IS NOT NULL};
my ($cancelled, $made, $late, $others) = (0, 0, 0, '');

# How long after a moment the answer comes, and which.
sub answered_after
{
	my ($moment, $answer) = @_;

	if ($answer eq '57014 ') { $cancelled++; my $seconds = time - $moment; $late = $seconds if $seconds > $late }
	elsif ($answer eq 't') { $made++ }
	else { $others .= "$answer\n" }
	return;
}

sub is_active
{
	my ($pid) = @_;

	return $node->poll_query_until('postgres', "SELECT state = 'active' FROM pg_stat_activity WHERE pid = $pid");
}

ask($session, q{SET statement_timeout = '200ms'});
for (1 .. 8)
{
	my $start = time;

	answered_after($start + 0.2, ask($session, $make));
}
ask($session, 'RESET statement_timeout');
my $pid = ask($session, 'SELECT pg_backend_pid()');
for (1 .. 4)
{
	start_asking($session, $make);
	is_active($pid);
	my $moment = time;
	value($node, "SELECT pg_cancel_backend($pid)");
	answered_after($moment, answer($session));
}
note("$cancelled generations were cancelled, $made were not, the last one after $late seconds");
cmp_ok($cancelled, '>=', 6, 'the making of a pair of RSA_4096 can be cancelled');
cmp_ok($late, '<', 1, 'and ends at once');
is($others, '', 'and comes to nothing else');
is(value($node, $rows), $before + 2 * $made, 'what was cancelled leaves no row');

my $ended = 0;
for (1 .. 3)
{
	my $victim = session($node);
	my $backend = ask($victim, 'SELECT pg_backend_pid()');

	start_asking($victim, "BEGIN; $make; SELECT pg_sleep(60)");
	is_active($backend);
	my $moment = time;
	$ended++ if value($node, "SELECT pg_terminate_backend($backend, 10000)") eq 't' && time - $moment < 2;
	eval { $victim->quit };
}
is($ended, 3, 'a session that makes one ends when it is told to');
is(value($node, $rows), $before + 2 * $made, 'and leaves no row');

# 200 MB take SM4 some seconds.
for my $case ([ 'encrypting', q{PERFORM set_config('application_name', 'now', false); PERFORM kms_envelope_encrypt('alias/Aliyun_SM4', plain)} ],
	[ 'decrypting', q{plain = kms_envelope_encrypt('alias/Aliyun_SM4', plain); PERFORM set_config('application_name', 'now', false); PERFORM kms_decrypt(plain)} ],
	[ 're-encrypting', q{plain = kms_envelope_encrypt('alias/Aliyun_AES_256', plain); PERFORM set_config('application_name', 'now', false); PERFORM kms_re_encrypt(plain, 'alias/Aliyun_SM4')} ])
{
	my ($name, $sql) = @$case;

	ask($session, q{SET application_name = 'before'});
	start_asking($session, "DO \$\$ DECLARE plain bytea = convert_to(repeat('a', 200000000), 'UTF8'); BEGIN $sql; END \$\$");
	ok($node->poll_query_until('postgres', "SELECT application_name = 'now' FROM pg_stat_activity WHERE pid = $pid"), "a session is $name 200 MB");
	my $moment = time;
	value($node, "SELECT pg_cancel_backend($pid)");
	is(answer($session), '57014 ', "$name: cancelled");
	cmp_ok(time - $moment, '<', 1, "$name: at once");
}
is(ask($session, 'SET application_name = DEFAULT; SELECT sum(total_bytes) < 100000000 FROM pg_backend_memory_contexts'), 't', 'nothing of it is kept');
is(ask($session, $damage), '', 'the session goes on');
$session->quit;

# ---- the log ------------------------------------------------------------------------------------------

$node->safe_psql('postgres', q{CREATE ROLE stranger; CREATE TABLE narrow (value bytea CHECK (length(value) < 10));
	SELECT kms_create_alias(kms_create_key('HMAC_SHA_256')::text, 'alias/mac-disabled');
	SELECT kms_disable_key((kms_describe_key('alias/mac-disabled')).key_id::text)});
my $number = 0;
for my $call (
	[ q{kms_asymmetric_encrypt('%s', NULL, 'RSAES_OAEP_SHA_256', '%s')}, 'alias/encrypt-RSA_2048', 'alias/sign-RSA_2048' ],
	[ q{kms_generate_mac('%s', '%s')}, 'alias/mac-HMAC_SHA_256', 'alias/sign-RSA_2048' ],
	[ q{kms_verify_mac('%s', '%s', 'x')}, 'alias/mac-HMAC_SHA_256', 'alias/sign-RSA_2048' ],
	[ q{kms_blind_index('%s', '%s')}, 'alias/mac-HMAC_SHA_256', 'alias/mac-HMAC_SM3' ],
	[ q{kms_envelope_encrypt('%s', '%s'::text)}, 'alias/Aliyun_AES_256', 'alias/sign-RSA_2048' ],
	[ q{kms_envelope_encrypt('%s', '%s'::bytea)}, 'alias/Aliyun_SM4', 'alias/mac-HMAC_SHA_256' ])
{
	my ($call_of, $good, $wrong) = @$call;
	my $name = $call_of =~ s/\(.*//r;

	for my $case (
		[ 'an alias that does not exist', sub { 'SELECT ' . sprintf($call_of, 'alias/none', $_[0]) }, qr/alias "alias\/none" does not exist/ ],
		[ 'a key of another kind', sub { 'SELECT ' . sprintf($call_of, $wrong, $_[0]) }, qr/is not for this operation/ ],
		[ 'a key of somebody else', sub { 'SET ROLE stranger; SELECT ' . sprintf($call_of, $good, $_[0]) }, qr/permission denied/ ],
		[ 'another error', sub { 'SELECT ' . sprintf($call_of, $good, $_[0]) . ', 1 / (n - 1) FROM generate_series(1, 1) n' }, qr/division by zero/ ],
		[ 'a DO block', sub { 'DO $$ BEGIN PERFORM ' . sprintf($call_of, 'alias/none', $_[0]) . '; END $$' }, qr/alias "alias\/none" does not exist/ ],
		$name eq 'kms_verify_mac' ? () : [ 'a constraint', sub { 'INSERT INTO narrow SELECT ' . sprintf($call_of, $good, $_[0]) }, qr/violates check constraint/ ],
		$good =~ /mac/ && $name ne 'kms_blind_index' ? [ 'a disabled key', sub { 'SELECT ' . sprintf($call_of, 'alias/mac-disabled', $_[0]) }, qr/is disabled/ ] : ())
	{
		my ($what, $sql, $message) = @$case;
		my $secret = 'PLANTED' . ++$number . 'x' . substr(new_root_key(), 0, 16);
		my $offset = -s $node->logfile;

		failure($node, $sql->($secret) =~ s/; SELECT/;\nSELECT/r);
		my $log = log_since($node, $offset);
		like($log, $message, "$name, $what: the log has the error");
		unlike($log, qr/\Q$secret\E/, "$name, $what: and not what was given");
	}
}
{
	my $secret = 'PLANTED' . ++$number . 'x' . substr(new_root_key(), 0, 16);
	my $offset = -s $node->logfile;

	failure($node, "SELECT kms_asymmetric_encrypt('alias/encrypt-RSA_2048', NULL, 'RSAES_OAEP_SHA_256', repeat('$secret', 100)::bytea)");
	failure($node, "SET statement_timeout = '200ms';\nSELECT count(kms_generate_mac('alias/mac-HMAC_SHA_256', ('$secret' || n)::bytea)) FROM (SELECT generate_series(1, 100000000) AS n) s");
	failure($node, "SET statement_timeout = '200ms';\nSELECT count(kms_envelope_encrypt('alias/Aliyun_SM4', repeat('$secret', 100000) || n)) FROM (SELECT generate_series(1, 1000) AS n) s");
	my $log = log_since($node, $offset);
	like($log, qr/it is longer than the 190 bytes/, 'a plaintext that is too long: the log has the error');
	is(scalar(() = $log =~ /canceling statement due to statement timeout/g), 2, 'and the cancelled ones');
	unlike($log, qr/\Q$secret\E/, 'and not what was given');
}

$node->stop;
my @logs = map { slurp_file($_->logfile) } $node, $standby;
unlike($_, qr/PANIC|TRAP:|terminated by signal|problem in alloc set|detected write past chunk end/, 'nothing crashed') for @logs;
done_testing();
