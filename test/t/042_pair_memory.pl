# What a session's memory holds of pairs and MAC keys: no more with more calls,
# whether they succeed or fail, and nothing of a key that is not ready any more.
#
# KMS_CALLS=10 makes ten times as many calls.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use KmsServer;
use OpenSSL;
use PostgreSQL::Test::Utils;
use Test::More;

my $times = $ENV{KMS_CALLS} // 1;
my $root = new_root_key();
my $folder = PostgreSQL::Test::Utils::tempdir;
my $node = new_server('main', root_key => $root, settings => "kms.worker_enabled = off\njit = off\nfsync = off\nautovacuum = off\nshared_buffers = 4MB\n");

$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION kms;
	CREATE ROLE stranger;
	SELECT kms_create_alias(kms_create_key(spec, usage)::text, 'alias/' || spec || CASE usage WHEN 'ENCRYPT/DECRYPT' THEN '-encrypt' ELSE '' END)
	  FROM (VALUES ('RSA_2048', 'SIGN/VERIFY'), ('RSA_2048', 'ENCRYPT/DECRYPT'), ('EC_P256', 'SIGN/VERIFY'), ('EC_P384', 'SIGN/VERIFY'),
	    ('EC_SM2', 'SIGN/VERIFY'), ('EC_SM2', 'ENCRYPT/DECRYPT'), ('ED25519', 'SIGN/VERIFY'),
	    ('HMAC_SHA_256', 'GENERATE_VERIFY_MAC'), ('HMAC_SM3', 'GENERATE_VERIFY_MAC')) v (spec, usage);
	SELECT kms_create_alias(kms_create_key()::text, 'alias/AES'), kms_create_alias(kms_create_key('SM4')::text, 'alias/SM4');
	SELECT kms_create_alias(kms_create_key('EC_P256')::text, 'alias/disabled'), kms_create_alias(kms_create_key('HMAC_SHA_256')::text, 'alias/disabled-mac');
	SELECT kms_disable_key((kms_describe_key(alias)).key_id::text) FROM unnest('{alias/disabled,alias/disabled-mac}'::text[]) alias;
	CREATE TABLE pair AS SELECT kms_create_key('EC_P256')::text AS key FROM generate_series(1, 300);
	CREATE TABLE mac AS SELECT kms_create_key('HMAC_SHA_256')::text AS key FROM generate_series(1, 300)});

# ---- growth --------------------------------------------------------------------------
# After as many calls as fill the caches, so many more.

my $session = session($node);
my $anonymous = q{SELECT substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s+(\d+) kB')};
my $contexts = 'SELECT sum(total_bytes) FROM pg_backend_memory_contexts';
my $calls = 0;

sub call
{
	my ($count, $expression, %options) = @_;

	ask($session, 'SET ROLE stranger') if $options{stranger};
	my $answer = ask($session, "DO \$\$ DECLARE state text = 'fine'; detail text = ''; BEGIN FOR n IN 1 .. $count LOOP BEGIN PERFORM $expression; "
		. ($options{undo} ? q{RAISE EXCEPTION SQLSTATE 'UUUUU'; } : '')
		. "EXCEPTION WHEN OTHERS THEN state = SQLSTATE; GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL; END; END LOOP;"
		. "PERFORM set_config('test.state', rtrim(state || ' ' || detail), false); END \$\$");
	die $answer if $answer ne '';
	ask($session, 'RESET ROLE') if $options{stranger};
	return ask($session, "SELECT current_setting('test.state')");
}

sub stays
{
	my ($count, $expression, $expected, %options) = @_;
	my $name = "$count times " . ($options{name} // $expression =~ s/\(.*//sr) . ($expected eq 'fine' ? '' : ", $expected");

	$count *= $times;
	$calls += $count;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(call(int($count / 5) + 50, $expression, %options), $expected, $name) or return;
	my ($resident, $size) = (ask($session, $anonymous), ask($session, $contexts));
	call($count, $expression, %options);
	my ($more, $larger) = (ask($session, $anonymous) - $resident, ask($session, $contexts) - $size);
	ok($more < ($options{room} // 512) && $larger < 200_000, "$name: memory does not grow") or diag("$more kB, contexts $larger bytes");
	note("$name: $more kB, contexts $larger bytes");
	return;
}

my $digest = q{decode(repeat('12', 32), 'hex')};
my $quote = sub { return value($node, "SELECT quote_literal(x) || '::bytea' FROM (SELECT $_[0] AS x) s") };
my $mac = $quote->(q{kms_generate_mac('alias/HMAC_SM3', 'x')});
my %signature = map { $_->[0] => $quote->("kms_asymmetric_sign('alias/$_->[0]', NULL, '$_->[1]', $digest)") } [qw(RSA_2048 RSA_PSS_SHA_256)], [qw(EC_P256 ECDSA_SHA_256)], [qw(EC_SM2 SM2DSA)], [qw(ED25519 ED25519)];
my %sealed = map { $_->[0] => $quote->("kms_asymmetric_encrypt('alias/$_->[0]-encrypt', NULL, '$_->[1]', 'x')") } [qw(RSA_2048 RSAES_OAEP_SHA_256)], [qw(EC_SM2 SM2PKE)];
my %public = map { $_ => $quote->("decode(regexp_replace(kms_get_public_key('alias/$_-encrypt'), '-----[A-Z ]+-----', '', 'g'), 'base64')") } qw(RSA_2048 EC_SM2);
my $blob = $quote->(q{(SELECT ciphertext_blob FROM kms_generate_data_key('alias/AES'))});
my ($bad, $denied, $disabled, $rejected, $unsupported) = ('22023 InvalidParameter', '42501 Forbidden.NoPermission', '55000 Rejected.Disabled', '0A000 Rejected.UnsupportedOperation', '0A000 UnsupportedOperation');

sub changed
{
	my ($literal) = @_;

	return "set_byte($literal, length($literal) - 1, get_byte($literal, length($literal) - 1) # 1)";
}

# Message authentication codes.
stays(100_000, q{kms_generate_mac('alias/HMAC_SHA_256', 'x')}, 'fine');
stays(100_000, "kms_verify_mac('alias/HMAC_SM3', 'x', $mac)", 'fine');
stays(5000, q{kms_verify_mac('alias/HMAC_SM3', 'x', 'wrong')}, 'fine', name => 'kms_verify_mac of a wrong code');
stays(100_000, q{kms_blind_index('alias/HMAC_SHA_256', 'Alice', '{"a": "b"}')}, 'fine');
stays(4000, q{kms_blind_index('alias/HMAC_SM3', 'Alice')}, $unsupported);
stays(4000, q{kms_generate_mac('alias/EC_P256', 'x')}, $unsupported);
stays(4000, q{kms_generate_mac('alias/disabled-mac', 'x')}, $disabled);
stays(4000, q{kms_generate_mac('alias/HMAC_SHA_256', 'x')}, $denied, stranger => 1);

# Signatures.
for my $case ([qw(RSA_2048 RSA_PSS_SHA_256 300)], [qw(EC_P256 ECDSA_SHA_256 3000)], [qw(EC_SM2 SM2DSA 200)], [qw(ED25519 ED25519 2000)])
{
	my ($spec, $algorithm, $count) = @$case;
	my $of = "'alias/$spec', NULL, '$algorithm', $digest";

	stays($count, "kms_asymmetric_sign($of)", 'fine', name => "kms_asymmetric_sign with $algorithm");
	stays($count, "kms_asymmetric_verify($of, $signature{$spec})", 'fine', name => "kms_asymmetric_verify with $algorithm");
	stays($count, "kms_asymmetric_verify($of, " . changed($signature{$spec}) . ')', 'fine', name => "kms_asymmetric_verify of a wrong signature with $algorithm");
}
stays(4000, q{kms_asymmetric_verify('alias/EC_P256', NULL, 'ECDSA_SHA_256', } . "$digest, 'x')", 'fine', name => 'kms_asymmetric_verify of what is no signature');
stays(4000, q{kms_asymmetric_sign('alias/EC_P256', NULL, 'ECDSA_SHA_256', 'short')}, $bad);
stays(4000, "kms_asymmetric_sign('alias/EC_P256', NULL, 'SM2DSA', $digest)", $bad, name => 'kms_asymmetric_sign with an algorithm that does not fit');
stays(4000, "kms_asymmetric_sign('alias/RSA_2048-encrypt', NULL, 'RSA_PSS_SHA_256', $digest)", $rejected);
stays(4000, "kms_asymmetric_sign('alias/disabled', NULL, 'ECDSA_SHA_256', $digest)", $disabled);
stays(4000, "kms_asymmetric_sign('alias/EC_P256', NULL, 'ECDSA_SHA_256', $digest)", $denied, stranger => 1);
stays(2000, "kms_get_public_key('alias/$_')", 'fine', name => "kms_get_public_key of $_") for qw(RSA_2048 EC_P384 EC_SM2 ED25519);

# Encryption with pairs.
for my $case ([qw(RSA_2048 RSAES_OAEP_SHA_256 200)], [qw(EC_SM2 SM2PKE 150)])
{
	my ($spec, $algorithm, $count) = @$case;
	my $of = "'alias/$spec-encrypt', NULL, '$algorithm'";

	stays($count, "kms_asymmetric_encrypt($of, 'x')", 'fine', name => "kms_asymmetric_encrypt with $algorithm");
	stays($count, "kms_asymmetric_decrypt($of, $sealed{$spec})", 'fine', name => "kms_asymmetric_decrypt with $algorithm");
	stays($count, "kms_asymmetric_decrypt($of, " . changed($sealed{$spec}) . ')', $bad, name => "kms_asymmetric_decrypt with $algorithm");
	stays(4000, "kms_asymmetric_decrypt($of, 'x')", $bad, name => "kms_asymmetric_decrypt of what is no ciphertext with $algorithm");
	stays($count, "kms_re_encrypt($sealed{$spec}, 'alias/AES', source_key_id => 'alias/$spec-encrypt', source_encryption_algorithm => '$algorithm')", 'fine', name => "kms_re_encrypt with $algorithm");
	stays($count, "kms_export_data_key($blob, $public{$spec}, '$spec', '$algorithm')", 'fine', name => "kms_export_data_key with $algorithm");
	stays($count, "kms_generate_and_export_data_key('alias/AES', $public{$spec}, '$spec', '$algorithm')", 'fine', name => "kms_generate_and_export_data_key with $algorithm");
	stays(4000, "kms_export_data_key($blob, 'x', '$spec', '$algorithm')", $bad, name => "kms_export_data_key to bytes with $algorithm");
	stays(1000, "kms_generate_and_export_data_key('alias/AES', set_byte($public{$spec}, 40, get_byte($public{$spec}, 40) # 1), '$spec', '$algorithm')", $spec eq 'RSA_2048' ? 'fine' : $bad,
		name => "kms_generate_and_export_data_key to another number with $algorithm");
}
stays(4000, q{kms_asymmetric_encrypt('alias/EC_P256', NULL, 'SM2PKE', 'x')}, $rejected);
stays(4000, q{kms_asymmetric_encrypt('alias/EC_SM2-encrypt', NULL, 'SM2PKE', '')}, $bad);

# Envelopes.  Long ones go through malloc's own caches, whose size varies.
for my $suite (qw(AES SM4))
{
	for my $size ('short', 'long')
	{
		my $plain = $size eq 'short' ? q{repeat('x', 1000)} : q{repeat('x', 100000)};
		my $envelope = $quote->("kms_envelope_encrypt('alias/$suite', $plain)");
		my ($count, %room) = $size eq 'short' ? 1000 : (300, room => 8192);

		stays($count, "kms_envelope_encrypt('alias/$suite', $plain)", 'fine', name => "kms_envelope_encrypt, $size, with $suite", %room);
		stays($count, "kms_decrypt($envelope)", 'fine', name => "kms_decrypt of a $size envelope of $suite", %room);
		stays($count, "kms_decrypt(" . changed($envelope) . ')', $bad, name => "kms_decrypt of a $size envelope of $suite", %room);
		stays($count, "kms_re_encrypt($envelope, 'alias/AES')", 'fine', name => "kms_re_encrypt of a $size envelope of $suite", %room);
	}
}

# Making pairs, and taking them back.
stays(300, "kms_create_key('$_')", 'UUUUU', undo => 1, name => "kms_create_key of $_") for qw(EC_P256 EC_SM2 ED25519 HMAC_SHA_256);

# More keys than are kept ready.
{
	my $all = "(SELECT count(kms_asymmetric_sign(key, NULL, 'ECDSA_SHA_256', $digest)) FROM pair), (SELECT count(kms_generate_mac(key, 'x')) FROM mac)";

	is(ask($session, "SELECT $all"), '300|300', '600 keys are used in turn');
	stays(10, $all, 'fine', name => '600 keys in turn');
}
note("$calls calls");

# ---- nothing left ------------------------------------------------------------------------
# The secrets are unwrapped from the rows with the root key, by a program that is
# built from src/crypto, and looked for in the memory of the session.

my $crypto = "$FindBin::RealBin/../../src/crypto";
system_or_bail($ENV{CC} // 'cc', '-std=c11', '-O1', "-I$crypto", glob("$crypto/*.c"), "$FindBin::RealBin/unwrap.c", '-lcrypto', '-o', "$folder/unwrap");

sub unwrapper
{
	my ($question) = @_;
	my $answer = '';

	IPC::Run::run([ "$folder/unwrap" ], '<', \"$question\n", '>', \$answer) or die 'unwrap';
	chomp $answer;
	die 'does not open' if $answer eq '-';
	return $answer;
}

my ($account, $domain_version, $wrapped_domain) = split /\|/, value($node, q{SELECT account_id, version, encode(wrapped, 'hex') FROM kms.domain_key});
my $domain = unwrapper('unwrap ' . unwrapper("derive $root kms domain key wrapping:32") . ' ' . unpack('H*', 'D' . pack('q>N', $account, $domain_version)) . " $wrapped_domain");
my $wrapping = unwrapper("derive $domain kms material wrapping:32");

# What of the key is secret, by name.
sub secrets_of
{
	my ($key) = @_;
	my ($version, $spec, $usage, $wrapped) = split /\|/, value($node, "SELECT replace(v.id::text, '-', ''), k.spec, k.usage, encode(v.wrapped, 'hex') FROM kms.key_version v JOIN kms.key k ON k.id = v.key_id WHERE k.id = '$key'");
	my $material = pack('H*', unwrapper("unwrap $wrapping " . unpack('H*', 'V' . pack('q>N', $account, $domain_version)) . ($key =~ s/-//gr) . $version
		  . unpack('H*', join '', map { pack('C/a', $_) } $spec, $usage, 'Aliyun_KMS') . " $wrapped"));

	return ('key' => $material) if $spec =~ /HMAC|AES|SM4/;
	return ('number' => substr($material, 36, 32)) if $spec =~ /P256$|SM2/;
	return ('seed' => substr($material, 16, 32)) if $spec eq 'ED25519';
	my @numbers = map { /INTEGER +:([0-9A-F]+)$/ ? pack('H*', $1) : () } split /\n/, openssl_says($material, qw(asn1parse -inform DER -strparse 22));
	return (exponent => $numbers[3], p => $numbers[4], q => $numbers[5]);
}

# Which of them are in the memory of the process: as bytes, or as OpenSSL's numbers, which are turned round.
sub found
{
	my ($pid, %secret) = @_;
	my (%name, %found);

	for my $name (keys %secret)
	{
		# A part is enough, and long enough.
		my $part = substr($secret{$name}, 4, 24);
		@name{ $part, scalar reverse $part } = ($name) x 2;
	}
	my $any = join '|', map { quotemeta } keys %name;
	open(my $memory, '<:raw', "/proc/$pid/mem") or return;
	for (split /\n/, slurp_file("/proc/$pid/maps"))
	{
		my ($start, $end, $file) = /^([0-9a-f]+)-([0-9a-f]+) rw\S+ \S+ \S+ \S+\s*(.*)$/ or next;
		my ($at, $len) = (hex $start, hex($end) - hex $start);

		sysseek($memory, $at, 0) or next;
		sysread($memory, my $bytes, $len) or next;
		$found{ $name{$1} } = 1 while $bytes =~ /($any)/g;
	}
	return join ' ', sort keys %found;
}

my $pid = ask($session, 'SELECT pg_backend_pid()');
SKIP:
{
	skip 'the memory of other processes cannot be read', 1 unless defined found($pid, x => 'x' x 28);
	my %use = (
		EC_P256 => "kms_asymmetric_sign('%s', NULL, 'ECDSA_SHA_256', $digest)",
		EC_SM2 => "kms_asymmetric_sign('%s', NULL, 'SM2DSA', $digest)",
		ED25519 => "kms_asymmetric_sign('%s', NULL, 'ED25519', $digest)",
		RSA_2048 => "kms_asymmetric_sign('%s', NULL, 'RSA_PKCS1_SHA_256', $digest)",
		HMAC_SHA_256 => q{kms_generate_mac('%s', 'x')},
		Aliyun_AES_256 => q{kms_envelope_encrypt('%s', 'x'::text)});

	for my $spec (sort keys %use)
	{
		my $use = $use{$spec};
		my $key = ask($session, "SELECT kms_create_key('$spec')");
		my %secret = secrets_of($key);
		my $all = join ' ', sort keys %secret;

		is(found($pid, %secret), '', "$spec: the session that made it has nothing of it");
		ask($session, 'SELECT ' . sprintf($use, $key));
		isnt(found($pid, %secret), '', "$spec: one that used it has it ready");
		value($node, "SELECT kms_disable_key('$key')");
		is(ask($session, 'SELECT ' . sprintf($use, $key)), $disabled, "$spec: disabled");
		is(found($pid, %secret), '', "$spec: nothing of it is left");
		value($node, "SELECT kms_enable_key('$key')");
		ask($session, 'SELECT ' . sprintf($use, $key));
		isnt(found($pid, %secret), '', "$spec: it is ready again");
		value($node, "SELECT kms_schedule_key_deletion('$key', 7)");
		like(ask($session, 'SELECT ' . sprintf($use, $key)), qr/^55000/, "$spec: to be deleted");
		is(found($pid, %secret), '', "$spec: nothing is left");
		value($node, "SELECT kms_cancel_key_deletion('$key')");
	}

	# Made way for.
	my $key = ask($session, q{SELECT key FROM pair LIMIT 1});
	my %secret = secrets_of($key);
	my $again = q{SELECT count(kms_asymmetric_sign(key, NULL, 'ECDSA_SHA_256', } . "$digest)) FROM pair WHERE key %s '$key'";
	ask($session, sprintf($again, '='));
	is(found($pid, %secret), 'number', 'a pair is ready');
	ask($session, sprintf($again, '<>')) for 1 .. 2;
	is(found($pid, %secret), '', 'others took its place: nothing is left of it');

	# Sealed.
	ask($session, sprintf($again, '='));
	is(found($pid, %secret), 'number', 'it is ready again');
	$node->append_conf('postgresql.conf', "kms.root_key_file = ''");
	$node->reload;
	ok(defined wait_until(sub { status($node) eq 'Suspended' }), 'the server is sealed');
	is(ask($session, sprintf($again, '=')), '55000 ServiceUnavailableTemporary', 'it signs no more');
	is(found($pid, %secret), '', 'and nothing is left');
}

$session->quit;
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|terminated by signal/, 'nothing crashed');
done_testing();
