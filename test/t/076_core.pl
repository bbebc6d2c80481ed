# What a core file of an idle session would hold, after it has used all kinds of
# keys: nothing of the root key and the domain key, and of all else only what
# docs/security.md ("Memory") lists.
#
# The image is read from /proc, page by page as the kernel would write it: what
# is marked as left out of core files is read as well, to see that it is there.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use KmsSecret;
use KmsServer;
use OpenSSL;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = new_root_key();
my $folder = PostgreSQL::Test::Utils::tempdir;
my $node = new_server('main', root_key => $root, settings => "kms.worker_enabled = off\njit = off\nfsync = off\nautovacuum = off\nshared_buffers = 4MB\n");
my $digest = q{decode(repeat('12', 32), 'hex')};

$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION kms;
	CREATE ROLE kms_test_rotated LOGIN PASSWORD 'first of kms_test_rotated';
	SELECT kms_create_alias(kms_create_key(spec, usage)::text, 'alias/' || spec || CASE usage WHEN 'ENCRYPT/DECRYPT' THEN '-encrypt' ELSE '' END)
	  FROM (VALUES ('RSA_2048', 'SIGN/VERIFY'), ('RSA_2048', 'ENCRYPT/DECRYPT'), ('EC_P256', 'SIGN/VERIFY'), ('EC_SM2', 'SIGN/VERIFY'),
		('EC_SM2', 'ENCRYPT/DECRYPT'), ('ED25519', 'SIGN/VERIFY'), ('HMAC_SHA_256', 'GENERATE_VERIFY_MAC'), ('HMAC_SM3', 'GENERATE_VERIFY_MAC')) v (spec, usage);
	SELECT kms_create_alias(kms_create_key(spec)::text, 'alias/' || spec) FROM unnest('{Aliyun_AES_256,Aliyun_AES_192,Aliyun_AES_128,Aliyun_SM4}'::text[]) spec});
$node->safe_psql('postgres', secret_sql('rotated', 'SingleUser', ['kms_test_rotated']));

# ---- what is looked for ------------------------------------------------------------

sub unwrapper
{
	my ($question) = @_;
	my $answer = '';

	IPC::Run::run([ KmsServer::unwrapper() ], '<', \"$question\n", '>', \$answer) or die 'unwrap';
	chomp $answer;
	die "does not open: $question" if $answer eq '-';
	return $answer;
}

# Of the keys that wrap others: themselves and the CMAC subkey that is kept with them.
sub wrapping
{
	my ($name, $key) = @_;

	return ($name => pack('H*', $key), "subkey of the $name" => pack('H*', unwrapper("subkey 1 $key")));
}

my ($account, $domain_version, $wrapped_domain) = split /\|/, value($node, q{SELECT account_id, version, encode(wrapped, 'hex') FROM kms.domain_key});
my $domain_place = unpack('H*', pack('q>N', $account, $domain_version));
my $domain_wrapping = unwrapper("derive $root kms domain key wrapping:32");
my $domain = unwrapper("unwrap $domain_wrapping 44$domain_place $wrapped_domain");
my $material_wrapping = unwrapper("derive $domain kms material wrapping:32");
my %above = ('root key' => pack('H*', $root), wrapping('key that wraps domain keys', $domain_wrapping),
	'domain key' => pack('H*', $domain), wrapping('key that wraps material', $material_wrapping));

# What of a key is secret, by name.
sub secrets_of
{
	my ($alias) = @_;
	my ($key, $version, $spec, $usage, $wrapped) = split /\|/, value($node, qq{SELECT k.id, replace(v.id::text, '-', ''), k.spec, k.usage, encode(v.wrapped, 'hex')
		FROM kms.key_version v JOIN kms.key k ON k.id = v.key_id WHERE k.id = (kms_describe_key('alias/$alias')).key_id});
	my $material = pack('H*', unwrapper("unwrap $material_wrapping 56$domain_place" . ($key =~ s/-//gr) . $version
		  . unpack('H*', join '', map { pack('C/a', $_) } $spec, $usage, 'Aliyun_KMS') . " $wrapped"));

	return ($alias => $material) if $spec =~ /HMAC|AES|SM4/;
	return ($alias => substr($material, 36, 32)) if $spec =~ /P256$|SM2/;
	return ($alias => substr($material, 16, 32)) if $spec eq 'ED25519';
	my @numbers = map { /INTEGER +:([0-9A-F]+)$/ ? pack('H*', $1) : () } split /\n/, openssl_says($material, qw(asn1parse -inform DER -strparse 22));
	return ("$alias exponent" => $numbers[3], "$alias p" => $numbers[4], "$alias q" => $numbers[5]);
}

# ---- the image -------------------------------------------------------------------------

# What can be written, as [start, length, what it is, flags of the kernel].
sub areas_of
{
	my ($pid) = @_;
	my @areas;

	for (split /\n/, slurp_file("/proc/$pid/smaps"))
	{
		push @areas, [ hex $1, hex($2) - hex($1), $4 || 'anonymous', $3 ] if /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)$/;
		$areas[-1][4] = " $1 " if /^VmFlags: (.*?) *$/;
	}
	return grep { $_->[3] =~ /w/ } @areas;
}

# "name in where" of all that is found, once each; either in what a core file has,
# or in what it has not.
sub found
{
	my ($pid, $in_core, %secret) = @_;
	my (%name, %found);

	for my $name (keys %secret)
	{
		# Also as OpenSSL's numbers, which are turned round.
		@name{ $_, scalar reverse $_ } = ($name) x 2 for substr($secret{$name}, 0, 16), substr($secret{$name}, -16);
	}
	my $any = join '|', map { quotemeta } keys %name;
	open(my $memory, '<:raw', "/proc/$pid/mem") or return;
	for (areas_of($pid))
	{
		my ($at, $len, $what, undef, $flags) = @$_;

		next if ($flags !~ / dd /) != $in_core;
		sysseek($memory, $at, 0) or next;
		# Not even this reads what memfd_secret made.
		sysread($memory, my $bytes, $len) or next;
		$found{"$name{$1} in $what"} = 1 while $bytes =~ /($any)/g;
	}
	return join '; ', sort keys %found;
}

sub in_core { return found($_[0], 1, @_[ 1 .. $#_ ]) }
sub left_out { return found($_[0], '', @_[ 1 .. $#_ ]) }

# A session, and what it is asked must be well.
my $session = session($node);
my $pid = ask($session, 'SELECT pg_backend_pid()');

sub well
{
	my ($sql) = @_;
	my $answer = ask($session, $sql);

	die "$sql: $answer" if $answer =~ /^[0-9A-Z]{5} /;
	return $answer;
}

SKIP:
{
	skip 'the memory of other processes cannot be read', 1 unless defined in_core($pid, nothing => 'x' x 28);

	# ---- the search finds what is there ----------------------------------------------

	my %symmetric = map { secrets_of($_) } qw(Aliyun_AES_256 Aliyun_AES_192 Aliyun_AES_128 Aliyun_SM4);
	my %object = map { secrets_of($_) } qw(RSA_2048 RSA_2048-encrypt EC_P256 EC_SM2 EC_SM2-encrypt ED25519 HMAC_SHA_256 HMAC_SM3);

	is(in_core($pid, %above, %symmetric, %object), '', 'a session that used no key has none');
	well(q{SET test.control = 'a control value of this test'});
	like(in_core($pid, control => 'a control value of this test'), qr!^control in /dev/zero.*; control in \[heap\]!, 'the search finds a statement in shared memory and a setting in that of the session');

	# ---- kms.status says what the kernel says ------------------------------------------

	well("SELECT kms_decrypt(kms_encrypt('alias/$_', 'x'))") for sort keys %symmetric;
	my ($root_memory, $locked) = split /\|/, well('SELECT root_key_memory, session_memory_locked FROM kms.status');
	my @segments = grep { $_->[4] =~ / wf / } areas_of($pid);
	ok(scalar(@segments), 'the memory of key material is there');
	is(scalar(grep { $_->[4] !~ / dd / } @segments), 0, 'and left out of core files');
	is((grep { $_->[4] !~ / lo / } @segments) ? 'f' : 't', $locked, "whether it is locked is what kms.status says ($locked)");
	my @secret = grep { $_->[2] =~ /secretmem/ } areas_of($pid);
	is(scalar(@secret), $root_memory eq 'secret' ? 1 : 0, "kms.status says where the root key is ($root_memory)");
	like($_->[4], qr/ dd /, 'it is left out of core files') for @secret;

	# ---- symmetric keys -----------------------------------------------------------------

	is(left_out($pid, %symmetric), join('; ', map { "$_ in anonymous" } sort keys %symmetric), 'symmetric keys lie where core files have nothing');
	is(in_core($pid, %above, %object), '', 'nothing of the keys above them is in a core file');

	# ---- all others ----------------------------------------------------------------------

	well("SELECT kms_asymmetric_sign('alias/$_->[0]', NULL, '$_->[1]', $digest)")
	  for [qw(RSA_2048 RSA_PKCS1_SHA_256)], [qw(RSA_2048 RSA_PSS_SHA_256)], [qw(EC_P256 ECDSA_SHA_256)], [qw(EC_SM2 SM2DSA)], [qw(ED25519 ED25519)];
	well("SELECT kms_asymmetric_decrypt('alias/$_->[0]', NULL, '$_->[1]', kms_asymmetric_encrypt('alias/$_->[0]', NULL, '$_->[1]', 'x'))")
	  for [qw(RSA_2048-encrypt RSAES_OAEP_SHA_256)], [qw(EC_SM2-encrypt SM2PKE)];
	well("SELECT kms_verify_mac('alias/$_', 'x', kms_generate_mac('alias/$_', 'x'))") for qw(HMAC_SHA_256 HMAC_SM3);
	well(q{SELECT kms_blind_index('alias/HMAC_SHA_256', 'x')});
	well("SELECT kms_decrypt(kms_envelope_encrypt('alias/$_', 'x'::text)), kms_decrypt(kms_envelope_encrypt('alias/$_', repeat('x', 200000)::bytea)) = 'x'") for qw(Aliyun_AES_256 Aliyun_SM4);
	well(q{SELECT FROM kms_create_certificate('EC_P256', 'CN=example.com')});
	well(q{SELECT kms_create_key(spec) FROM unnest('{RSA_2048,EC_P256,ED25519,HMAC_SHA_256,Aliyun_AES_256}'::text[]) spec});
	well('SELECT kms_create_key_version(alias_name) FROM kms_list_aliases() WHERE alias_name ~ \'AES|SM4\'');
	well('SELECT count(*) FROM kms_check_integrity(), kms_verify_audit_log(), kms_run_jobs()');
	is(in_core($pid, %above), '', 'all kinds of keys are used and made: nothing of the keys above them is in a core file');
	is(join(' ', sort(grep { $_ ne '[heap]' } map { s/.* in //r } split /; /, in_core($pid, %symmetric, %object))), '', 'what is of keys is in the heap only');
	isnt(in_core($pid, %object), '', 'where keys that are ready lie');

	# ---- what is no result -----------------------------------------------------------------

	my $plaintext = 'PLAINTEXT-' . new_root_key();
	my $blob = value($node, "SELECT kms_encrypt('alias/Aliyun_AES_256', '$plaintext')");
	my $large = value($node, "SELECT kms_envelope_encrypt('alias/Aliyun_AES_256', repeat('$plaintext', 2000)::bytea)");
	$blob = well("SELECT kms_re_encrypt('$blob', 'alias/Aliyun_SM4')");
	well("SELECT FROM kms_re_encrypt('$large', 'alias/Aliyun_SM4')");
	is(in_core($pid, plaintext => $plaintext), '', 'no plaintext is left of what is encrypted anew, in this session and in shared memory');

	my $sealed = well(q{SELECT ciphertext_blob FROM kms_generate_data_key_without_plaintext('alias/Aliyun_AES_256')});
	my $public = well(q{SELECT decode(regexp_replace(kms_get_public_key('alias/RSA_2048-encrypt'), '-----[A-Z ]+-----', '', 'g'), 'base64')});
	well("SELECT kms_export_data_key('$sealed', '$public', 'RSA_2048', 'RSAES_OAEP_SHA_256')");
	is(in_core($pid, 'data key' => pack('H*', value($node, "SELECT encode(kms_decrypt('$sealed'), 'hex')"))), '', 'nor a data key that was made and exported, but not shown');

	well(q{SELECT kms_rotate_secret('rotated')});
	my (undef, $password) = split /\n/, value($node, q{SELECT concat_ws(E'\n', '', secret_data::json ->> 'AccountPassword') FROM kms_get_secret_value('rotated')});
	isnt($password, 'first of kms_test_rotated', 'a password is rotated');
	is(in_core($pid, password => $password), '', 'and is not left where it was made');

	# ---- what is one -----------------------------------------------------------------------

	my $value = 'VALUE-' . new_root_key();
	value($node, "SELECT kms_create_secret('one', 'v1', '$value')");
	well(q{SELECT kms_describe_secret('one'), (SELECT count(*) FROM kms_list_secret_version_ids('one'))});
	is(in_core($pid, value => $value), '', 'who describes a secret has nothing of its value, nor has shared memory');
	well(q{SELECT kms_get_secret_value('one')});
	well("SELECT kms_decrypt('$blob')");
	is(join(' ', grep { !/\[heap\]|anonymous/ } split /; /, in_core($pid, value => $value, plaintext => $plaintext)), '', 'what was a result is in memory of the session only');
}

# ---- who reads the root key -----------------------------------------------------------------

SKIP:
{
	my ($postmaster) = split /\n/, slurp_file($node->data_dir . '/postmaster.pid');
	my @kms = map { /^(\d+)/ ? $1 : () } split /\n/, value($node, q{SELECT pid FROM pg_stat_activity WHERE backend_type ~ '^kms'});

	skip 'the memory of the postmaster cannot be read', 1 unless defined in_core($postmaster, nothing => 'x' x 28);
	$node->reload;
	ok(scalar(@kms), 'workers of the extension run');
	is(in_core($_, %above, 'digits of the root key' => $root), '', 'nothing of the root key is in a core file of the postmaster and the workers, which read it') for $postmaster, @kms;
}

$session->quit;
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|terminated by signal/, 'nothing crashed');
done_testing();
