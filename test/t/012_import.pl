# Importing key material, with the openssl command line as the importer: what
# docs/howto-import.md says is done and compared; then every algorithm and spec,
# expiry, restarts, replicas, dumps, and what is left on the disk.
use strict;
use warnings;

use File::Find;
use FindBin;
use lib $FindBin::RealBin;

use HowTo;
use IPC::Run;
use KmsServer;
use MIME::Base64;
use OpenSSL;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = new_root_key();
my $folder = PostgreSQL::Test::Utils::tempdir;
my $node = new_server('main', root_key => $root, init => { allows_streaming => 1 }, settings => "kms.worker_enabled = off\nmax_connections = 20\n");

$node->start;

# ---- the page -------------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE ROLE app LOGIN; CREATE DATABASE page');
$node->safe_psql('page', 'CREATE EXTENSION kms; GRANT CREATE ON SCHEMA public TO app');
follows_page($node, 'howto-import.md', 'page', 'app');

# ---- an importer ------------------------------------------------------------------

my %options = (
	RSAES_OAEP_SHA_256 => [qw(-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256)],
	RSAES_OAEP_SHA_1 => [qw(-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha1 -pkeyopt rsa_mgf1_md:sha1)],
	RSAES_PKCS1_V1_5 => [qw(-pkeyopt rsa_padding_mode:pkcs1)],
	SM2PKE => []
);
my %length = (Aliyun_AES_256 => 32, Aliyun_AES_192 => 24, Aliyun_AES_128 => 16, Aliyun_SM4 => 16);
my $permission = 'SET kms.allow_pkcs1_v1_5_import = on;';

sub random_bytes
{
	return substr(pack('H*', new_root_key()), 0, $_[0]);
}

# A token and its public key.
sub parameters
{
	my ($server, $key, $algorithm, $dbname) = @_;
	my $spec = $algorithm eq 'SM2PKE' ? 'EC_SM2' : 'RSA_2048';

	return split /\|/, value($server, "$permission SELECT encode(import_token, 'hex'), encode(public_key, 'hex') FROM kms_get_parameters_for_import('$key', '$algorithm', '$spec')", $dbname);
}

# In hexadecimal, for SQL.
sub encrypted
{
	my ($material, $algorithm, $public) = @_;

	unlink "$folder/public.der";
	append_to_file("$folder/public.der", pack('H*', $public));
	my $output = openssl_says($material, 'pkeyutl', '-encrypt', '-pubin', '-inkey', "$folder/public.der", '-keyform', 'DER', @{ $options{$algorithm} });
	return unpack('H*', $algorithm eq 'SM2PKE' ? sm2_raw($output) : $output);
}

# The statement that imports, under new parameters; expire is an SQL expression.
sub import_of
{
	my ($key, $material, %with) = @_;
	my $algorithm = $with{algorithm} // 'SM2PKE';
	my ($token, $public) = parameters($with{server} // $node, $key, $algorithm, $with{dbname});
	my $wrapped = encrypted($material, $algorithm, $public);

	return "$permission SELECT kms_import_key_material('$key', '\\x$wrapped', '\\x$token', " . ($with{expire} // 'NULL') . ')';
}

sub imports
{
	my ($key, $material, %with) = @_;
	my $error = failure($with{server} // $node, import_of($key, $material, %with), dbname => $with{dbname});

	return $error ? "$error->{sqlstate} $error->{detail}" : 'imported';
}

sub new_key
{
	return value($node, "SELECT kms_create_key('" . ($_[0] // 'Aliyun_AES_256') . "', origin => 'EXTERNAL')");
}

# One column of kms_describe_key.
sub described
{
	my ($key, $column, $server, $dbname) = @_;

	return value($server // $node, "SELECT $column FROM kms_describe_key('$key')", $dbname);
}

sub opens
{
	my ($blob, $server, $dbname) = @_;
	my $error = failure($server // $node, "SELECT kms_decrypt_text('$blob')", dbname => $dbname);

	return $error ? "$error->{sqlstate} $error->{detail}" : value($server // $node, "SELECT kms_decrypt_text('$blob')", $dbname);
}

my $different = '22023 InvalidKeyMaterial';
my $waiting = '55000 Rejected.PendingImport';

# ---- every algorithm, every spec ------------------------------------------------------

$node->safe_psql('postgres', 'CREATE EXTENSION kms');
my (%key, %material, %blob);
for my $spec (sort keys %length)
{
	for my $algorithm (sort keys %options)
	{
		my $name = "$spec under $algorithm";

		$key{$name} = new_key($spec);
		$material{$name} = random_bytes($length{$spec});
		is(imports($key{$name}, $material{$name}, algorithm => $algorithm), 'imported', "$name: what openssl encrypted is imported");
		$blob{$name} = value($node, "SELECT kms_encrypt('$key{$name}', 'of $name'::text)");
		is(opens($blob{$name}), "of $name", "$name: the key encrypts and decrypts");
	}
}
is(value($node, 'SELECT count(DISTINCT digest), count(*) FROM kms.key_version'), '16|16', 'sixteen keys have sixteen versions');
for my $name (sort keys %key)
{
	my ($spec, $algorithm) = $name =~ /^(\S+) under (\S+)$/;
	my %next = (RSAES_OAEP_SHA_256 => 'RSAES_OAEP_SHA_1', RSAES_OAEP_SHA_1 => 'RSAES_PKCS1_V1_5', RSAES_PKCS1_V1_5 => 'SM2PKE', SM2PKE => 'RSAES_OAEP_SHA_256');

	value($node, "SELECT kms_delete_key_material('$key{$name}')");
	is(opens($blob{$name}), $waiting, "$name: without its material it opens nothing");
	is(imports($key{$name}, random_bytes($length{$spec})), $different, "$name: other bytes are not its material");
	is(imports($key{$name}, $material{$name}, algorithm => $next{$algorithm}), 'imported', "$name: the same come back under $next{$algorithm}");
	is(opens($blob{$name}), "of $name", "$name: and open what they encrypted");
}

# ---- PKCS #1 v1.5 only when it is allowed -------------------------------------------------

my $key = $key{'Aliyun_AES_256 under SM2PKE'};
my $material = $material{'Aliyun_AES_256 under SM2PKE'};
my $blob = $blob{'Aliyun_AES_256 under SM2PKE'};
my $error = refused($node, "SELECT kms_get_parameters_for_import('$key', 'RSAES_PKCS1_V1_5')", '0A000', 'UnsupportedOperation', 'PKCS #1 v1.5 is refused unless it is allowed');
is($error->{hint}, 'Use RSAES_OAEP_SHA_256, or have a superuser set kms.allow_pkcs1_v1_5_import.', 'with the ways out');
my $import = import_of($key, $material, algorithm => 'RSAES_PKCS1_V1_5') =~ s/^\Q$permission\E//r;
refused($node, $import, '0A000', 'UnsupportedOperation', 'also with a token from when it was');
$node->append_conf('postgresql.conf', 'kms.allow_pkcs1_v1_5_import = on');
$node->reload;
ok(defined wait_until(sub { !failure($node, $import) }), 'the configuration file allows it');
$node->append_conf('postgresql.conf', 'kms.allow_pkcs1_v1_5_import = off');
$node->reload;
ok(defined wait_until(sub { failure($node, $import) }), 'and takes it back');
refused($node, 'SET ROLE app; SET kms.allow_pkcs1_v1_5_import = on', '42501', '', 'others cannot allow it to themselves');

# ---- expiry, and no worker that does anything ------------------------------------------------

my $use = "SELECT kms_decrypt_text('$blob')";
my $text = 'of Aliyun_AES_256 under SM2PKE';
my $session = session($node);
my $old = session($node);
is(ask($session, $use), $text, 'a session has the key in its cache');
is(ask($old, "BEGIN ISOLATION LEVEL REPEATABLE READ; $use"), $text, 'another has an open transaction with it');
is(imports($key, $material, expire => "clock_timestamp() + interval '1 hour'"), 'imported', 'imported again, the material expires in an hour');
is(described($key, 'material_expire_time > now()'), 't', 'which is shown');
is(ask($session, $use), $text, 'until then it opens');
is(imports($key, random_bytes(32), expire => "clock_timestamp() + interval '2 hours'"), $different, 'other bytes do not move the date');
is(described($key, q{material_expire_time < now() + interval '90 minutes'}), 't', 'it is what it was');
is(imports($key, $material), 'imported', 'imported again without a date');
is(described($key, 'material_expire_time IS NULL'), 't', 'it never expires');
is(imports($key, $material, algorithm => 'RSAES_OAEP_SHA_256', expire => "clock_timestamp() + interval '500 milliseconds'"), 'imported', 'imported again, it expires at once');
ok(defined wait_until(sub { ask($session, $use) eq $waiting }), 'the session that has it in its cache is refused when the time has come');
is(ask($old, $use), $waiting, 'so is the open transaction');
is(ask($old, 'ROLLBACK'), '', 'which ends');
refused($node, "SELECT kms_encrypt('$key', 'x')", '55000', 'Rejected.PendingImport', 'nor does a new session encrypt');
is(described($key, 'key_state'), 'PendingImport', 'the key waits for its material');
is(value($node, "SELECT state FROM kms.key WHERE id = '$key'"), 'Enabled', 'although no worker came by');
is(imports($key, random_bytes(32)), $different, 'other bytes are refused after the date');
$node->restart;
is(opens($blob), $waiting, 'after a restart it still waits');
is(imports($key, random_bytes(32)), $different, 'and refuses other bytes');
is(imports($key, $material), 'imported', 'its own come back');
is(opens($blob), $text, 'and open what they encrypted');
$_->quit for $session, $old;

value($node, "SELECT kms_delete_key_material('$key')");
my $before = import_of($key, $material);
$node->stop('immediate');
$node->start;
is(opens($blob), $waiting, 'deleted before a crash, the material is gone after it');
is(imports($key, random_bytes(32)), $different, 'other bytes are refused then');
ok(!failure($node, $before), 'a token from before imports');
is(opens($blob), $text, 'and the key opens what it encrypted');

# ---- sealed ----------------------------------------------------------------------------------

$node->append_conf('postgresql.conf', "kms.root_key_file = ''");
$node->reload;
ok(defined wait_until(sub { status($node) eq 'Suspended' }), 'a server is sealed');
refused($node, "SELECT kms_get_parameters_for_import('$key')", '55000', 'ServiceUnavailableTemporary', 'it has no parameters to import');
refused($node, $before, '55000', 'ServiceUnavailableTemporary', 'it imports nothing');
refused($node, "SELECT kms_delete_key_material('$key')", '55000', 'ServiceUnavailableTemporary', 'it deletes none, since that could not be recorded');
$node->append_conf('postgresql.conf', "kms.root_key_file = '" . root_key_file($node) . "'");
$node->reload;
ok(defined wait_until(sub { status($node) eq 'Enabled' }), 'it is unsealed');
ok(!failure($node, "SELECT kms_delete_key_material('$key')"), 'now it does');
is(opens($blob), $waiting, 'the material is gone');
ok(!failure($node, $before), 'and comes back');
is(opens($blob), $text, 'and opens what it encrypted');

# ---- interrupted ---------------------------------------------------------------------------------

my $ask = "SELECT key_id FROM kms_get_parameters_for_import('$key')";
my ($cancelled, $answered, $other) = (0, 0, '');
$session = session($node);
ask($session, q{SET statement_timeout = '20ms'});
for (1 .. 100)
{
	my $answer = ask($session, $ask);

	if ($answer eq '57014 ') { $cancelled++ }
	elsif ($answer eq $key) { $answered++ }
	else { $other .= "$answer\n" }
	last if $cancelled >= 5;
}
cmp_ok($cancelled, '>=', 5, 'the search for primes can be cancelled');
is($other, '', 'and comes to nothing else');
is(ask($session, "RESET statement_timeout; $ask"), $key, 'the session goes on to make a pair');
is(ask($session, $use), $text, 'and uses keys');

# Interrupts that are not for it: the server looks whether the client is there, and at its memory.
is(ask($session, "SET client_connection_check_interval = '1ms'; $ask"), $key, 'an interrupt that cancels nothing does not end it') for 1 .. 5;
is(ask($session, "RESET client_connection_check_interval; $use"), $text, 'the session uses keys');
my $pid = ask($session, 'SELECT pg_backend_pid()');
for (1 .. 3)
{
	start_asking($session, $ask);
	value($node, "SELECT pg_log_backend_memory_contexts($pid)") for 1 .. 3;
	is(answer($session), $key, 'nor does one by which another session asks for something');
}
$session->quit;

# ---- two at once --------------------------------------------------------------------------------------

my @sessions = (session($node), session($node));
for my $case ([ 'BEGIN', $different ], [ 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM kms.keys', '40001 ' ],
	[ 'BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM kms.keys', '40001 ' ])
{
	my ($begin, $expected) = @$case;
	my $name = $begin =~ /LEVEL ([A-Z ]+);/ ? lc $1 : 'read committed';
	my $new = new_key();
	my @material = map { random_bytes(32) } 1 .. 2;
	my @import = map { import_of($new, $_) } @material;

	ask($sessions[0], "BEGIN; $import[0]");
	ask($sessions[1], $begin);
	start_asking($sessions[1], $import[1]);
	ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'}), "$name: the second of two imports waits for the first");
	ask($sessions[0], 'COMMIT');
	is(answer($sessions[1]), $expected, "$name: then it comes too late");
	ask($sessions[1], 'ROLLBACK');
	is(value($node, "SELECT count(*) FROM kms_list_key_versions('$new')"), '1', "$name: the key has one version");
	is(imports($new, $material[0]), 'imported', "$name: which takes the material of the first");
	is(imports($new, $material[1]), $different, "$name: and not that of the second");

	$new = new_key();
	@import = map { import_of($new, $_) } @material;
	ask($sessions[0], "BEGIN; $import[0]");
	start_asking($sessions[1], $import[1]);
	ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'}), "$name: again it waits") if $name eq 'read committed';
	ask($sessions[0], 'ROLLBACK');
	like(answer($sessions[1]), qr/^\s*$/, "$name: rolled back, the first was none and the second counts");
}
$_->quit for @sessions;

# ---- what does not write ---------------------------------------------------------------------------

my $read_only = import_of($key, $material);
my @calls = ("SELECT kms_get_parameters_for_import('$key')", $read_only, "SELECT kms_delete_key_material('$key')");
refused($node, "$permission BEGIN READ ONLY; $_", '25006', 'UnsupportedOperation', (/(kms_[gid]\w+)\(/)[0] . ' is refused in a read-only transaction') for @calls;

$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
write_private(root_key_file($standby), "$root\n");
$standby->append_conf('postgresql.conf', "kms.root_key_file = '" . root_key_file($standby) . "'");
$standby->start;
$node->wait_for_catchup($standby);
refused($standby, $_, '25006', 'UnsupportedOperation', (/(kms_[gid]\w+)\(/)[0] . ' is refused on a standby') for @calls;
$session = session($standby);
is(ask($session, $use), $text, 'a standby uses an imported key');
value($node, "SELECT kms_delete_key_material('$key')");
$node->wait_for_catchup($standby);
is(ask($session, $use), $waiting, 'its material deleted on the primary, no longer');
is(imports($key, $material), 'imported', 'imported on the primary');
$node->wait_for_catchup($standby);
is(ask($session, $use), $text, 'it uses it again');
is(imports($key, $material, expire => "clock_timestamp() + interval '500 milliseconds'"), 'imported', 'to expire');
ok(defined wait_until(sub { ask($session, $use) eq $waiting }), 'the standby sees to the date itself');
is(imports($key, $material), 'imported', 'and imported without a date');
$node->wait_for_catchup($standby);
is(ask($session, $use), $text, 'it opens there, too');
$node->wait_for_catchup($standby);
$standby->promote;
is(imports($key, random_bytes(32), server => $standby), $different, 'promoted, it refuses other bytes');
is(imports($key, $material, server => $standby, expire => "now() + interval '1 day'"), 'imported', 'and takes the same');
is(ask($session, $use), $text, 'and opens what was encrypted');
$session->quit;
$standby->stop;

# ---- dumped and restored ---------------------------------------------------------------------------------

my $waits = new_key();
is(imports($waits, $material{'Aliyun_AES_192 under SM2PKE'} . 'more....'), 'imported', 'a key has material');
my $waits_blob = value($node, "SELECT kms_encrypt('$waits', 'it waited'::text)");
value($node, "SELECT kms_delete_key_material('$waits')");
my $carried = import_of($waits, $material{'Aliyun_AES_192 under SM2PKE'} . 'more....', algorithm => 'RSAES_OAEP_SHA_256');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$folder/archive", 'postgres' ], 'imported keys are dumped');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'restored', "$folder/archive" ], 'and restored');
is(opens($blob{$_}, $node, 'restored'), "of $_", "restored, $_ opens what it encrypted") for sort keys %blob;
is(opens($waits_blob, $node, 'restored'), $waiting, 'a key that waited for its material still does');
is(imports($waits, random_bytes(32), dbname => 'restored'), $different, 'other bytes are refused there');
ok(!failure($node, $carried, dbname => 'restored'), 'a token that was dumped imports there');
is(opens($waits_blob, $node, 'restored'), 'it waited', 'and the key opens what it encrypted');
value($node, "SELECT kms_delete_key_material('$key')", 'restored');
is(opens($blob, $node, 'restored'), $waiting, 'material is deleted there');
is(opens($blob), $text, 'and not in the original');
is(imports($key, random_bytes(32), dbname => 'restored'), $different, 'other bytes do not take its place');
is(imports($key, $material, dbname => 'restored'), 'imported', 'the same do');
is(opens($blob, $node, 'restored'), $text, 'and open what they encrypted');
$node->safe_psql('postgres', 'DROP DATABASE restored');

# ---- what is in the rows --------------------------------------------------------------------------------------
# Unwrapped with the root key by a program that is built from src/crypto.

my $crypto = "$FindBin::RealBin/../../src/crypto";
system_or_bail($ENV{CC} // 'cc', '-std=c11', '-O1', "-I$crypto", glob("$crypto/*.c"), "$FindBin::RealBin/unwrap.c", '-lcrypto', '-o', "$folder/unwrap");

sub run_program
{
	my ($input, @command) = @_;
	my ($output, $errors) = ('', '');

	IPC::Run::run(\@command, '<', \$input, '>', \$output, '2>', \$errors) or die "@command: $errors";
	return $output;
}

sub unwrapper
{
	chomp(my $answer = run_program("$_[0]\n", "$folder/unwrap"));
	return $answer;
}

my ($account, $domain_version, $domain_wrapped) = split /\|/, value($node, q{SELECT account_id, version, encode(wrapped, 'hex') FROM kms.domain_key});
my $domain = unwrapper('unwrap ' . unwrapper("derive $root kms domain key wrapping:32") . ' ' . unpack('H*', 'D' . pack('q>N', $account, $domain_version)) . " $domain_wrapped");
my $wrapping = unwrapper("derive $domain kms material wrapping:32");
my %secret = %material;
for my $name (sort keys %key)
{
	my ($spec) = $name =~ /^(\S+)/;
	my ($version, $wrapped) = split /\|/, value($node, "SELECT replace(id::text, '-', ''), encode(wrapped, 'hex') FROM kms.key_version WHERE key_id = '$key{$name}'");
	my $place = unpack('H*', 'V' . pack('q>N', $account, $domain_version)) . ($key{$name} =~ s/-//gr) . $version
	  . unpack('H*', join '', map { pack('C/a', $_) } $spec, 'ENCRYPT/DECRYPT', 'EXTERNAL');

	is(unwrapper("unwrap $wrapping $place $wrapped"), unpack('H*', $material{$name}), "$name: its row has the material that was sent, wrapped");
}
{
	my ($token, $public) = parameters($node, $key, 'SM2PKE');
	my $id = $token =~ s/^..//r;
	my $wrapped = value($node, "SELECT encode(wrapped, 'hex') FROM kms.import_token WHERE id = '$id'");
	my $place = unpack('H*', 'T' . pack('q>N', $account, $domain_version)) . $id . ($key =~ s/-//gr) . unpack('H*', pack('C/a', 'SM2PKE'));
	my $private = pack('H*', unwrapper("unwrap $wrapping $place $wrapped"));

	is(unpack('H*', run_program($private, qw(openssl pkey -inform DER -pubout -outform DER))), $public, "a token's row has the private key of its public one, wrapped");
	$secret{'private key of a token'} = substr($private, 36, 32);
	like(run_program($private, qw(openssl pkey -inform DER -text -noout)) =~ s/[^0-9a-f]//gr, qr/@{[ unpack('H*', $secret{'private key of a token'}) ]}/, 'which is a number of 32 bytes');
}

# ---- what is left on the disk --------------------------------------------------------------------------------

# As they are, in hexadecimal, in Base64 but for the last characters, which depend on what follows.
sub forms
{
	my ($bytes) = @_;

	return ($bytes, unpack('H*', $bytes), uc unpack('H*', $bytes), substr(encode_base64($bytes, ''), 0, int(length($bytes) / 3) * 4));
}

# The files in which one of these is found, with its name.
sub found
{
	my (%wanted) = @_;
	my (%name, %found);

	for my $name (keys %wanted)
	{
		$name{$_} = $name for forms($wanted{$name});
	}
	my $any = join '|', map { quotemeta } sort keys %name;
	find({ no_chdir => 1, wanted => sub {
		return unless -f && -r;
		open(my $file, '<:raw', $_) or return;
		my $contents = do { local $/; <$file> } // '';
		$found{"$name{$1} in $_"} = 1 while $contents =~ /($any)/g;
	} }, $node->data_dir, $node->logfile);
	return sort keys %found;
}

my $version = described($key, 'primary_key_version');
my %wrapped = ('wrapped material' => pack('H*', value($node, "SELECT encode(wrapped, 'hex') FROM kms.key_version WHERE id = '$version'")));
value($node, "SELECT kms_delete_key_material('$key'); CHECKPOINT");
is(value($node, "SELECT length(wrapped) FROM kms.key_version WHERE id = '$version'"), '0', 'deleted, wrapped material is not in its row');
my @found = found(%wrapped);
ok((grep { m{/base/} } @found), 'but in a dead version of it');
ok((grep { m{/pg_wal/} } @found), 'and in the WAL, as the page says');
is(join("\n", found(%secret)), '', 'no plain material, and no private key of a token, is in the data directory, the WAL or the log');
value($node, 'VACUUM FULL kms.key_version');
value($node, 'CHECKPOINT');
is(scalar(grep { m{/base/} } found(%wrapped)), 0, 'VACUUM FULL takes it out of the table');
is(imports($key, $material), 'imported', 'imported');
is(opens($blob), $text, 'it opens again');
$node->stop;
is(join("\n", found(%secret)), '', 'stopped, the server has left none anywhere');

# ---- a worker ------------------------------------------------------------------------------------------------------

$node->append_conf('postgresql.conf', "kms.worker_enabled = on\nkms.worker_naptime = 1\nkms.deletion_grace = 0");
$node->start;
let_time_pass($node);
my $disabled = $key{'Aliyun_SM4 under SM2PKE'};
my $lasting = $key{'Aliyun_AES_128 under SM2PKE'};
my ($token, $public) = parameters($node, $key, 'SM2PKE');
my $late = "SELECT kms_import_key_material('$key', '\\x" . encrypted($material, 'SM2PKE', $public) . "', '\\x$token')";
my ($recent) = parameters($node, $key, 'SM2PKE');
my $id = $token =~ s/^..//r;
is(imports($lasting, $material{'Aliyun_AES_128 under SM2PKE'}, expire => q{now() + interval '1 day'}), 'imported', 'one key expires tomorrow');
value($node, "SELECT kms_disable_key('$disabled')");
value($node, "UPDATE kms.key SET material_expires_at = now() - interval '1 hour' WHERE id IN ('$key', '$disabled')");
ok($node->poll_query_until('postgres', "SELECT bool_and(length(wrapped) = 0) FROM kms.key_version WHERE key_id IN ('$key', '$disabled')"), 'a worker erases material that expired');
is(value($node, "SELECT string_agg(DISTINCT state || coalesce(material_expires_at::text, ''), ' ') FROM kms.key WHERE id IN ('$key', '$disabled')"), 'PendingImport', 'the keys wait for it, also that which was disabled');
is(value($node, "SELECT string_agg(DISTINCT job || ' ' || outcome, ', ') FROM kms.jobs WHERE resource IN ('$key', '$disabled')"), 'MaterialExpiry done', 'and the view says so');
is(opens($blob{'Aliyun_AES_128 under SM2PKE'}), 'of Aliyun_AES_128 under SM2PKE', 'material that has time is left alone');
is(imports($key, random_bytes(32)), $different, 'other bytes are refused after the worker came');
is(imports($key, $material), 'imported', 'the same come back');
is(opens($blob), $text, 'and open what they encrypted');

is(value($node, "SELECT length(wrapped) > 0 FROM kms.import_token WHERE id = '$id'"), 't', 'a token has a private key');
value($node, "UPDATE kms.import_token SET expires_at = now() - interval '1 hour' WHERE id = '$id'");
ok($node->poll_query_until('postgres', "SELECT length(wrapped) = 0 FROM kms.import_token WHERE id = '$id'"), 'a worker erases it when the token has expired');
refused($node, $late, '22023', 'ExpiredImportToken', 'then the token has expired');
is(value($node, sprintf(q{SELECT length(wrapped) > 0 FROM kms.import_token WHERE id = '%s'}, $recent =~ s/^..//r)), 't', 'a token that has time is left alone');
value($node, "UPDATE kms.import_token SET expires_at = now() - interval '31 days' WHERE id = '$id'");
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM kms.import_token WHERE id = '$id'"), 'after a month it is forgotten');
refused($node, $late, '22023', 'InvalidImportToken', 'then it is none');

# In a copy nothing is erased until somebody says what it is.
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE page');
my $copied = value($node, "SELECT key_id FROM kms_list_aliases() WHERE alias_name = 'alias/brought'", 'copy');
let_time_pass($node, 'copy');
value($node, "UPDATE kms.key SET material_expires_at = now() - interval '1 hour' WHERE id = '$copied'", 'copy');
ok($node->poll_query_until('copy', "SELECT count(*) = 1 FROM kms.jobs WHERE resource = '$copied' AND outcome = 'waiting'"), 'in a copy the worker waits');
is(value($node, "SELECT length(wrapped) > 0 FROM kms.key_version WHERE key_id = '$copied'", 'copy'), 't', 'and erases nothing');
is(described($copied, 'key_state', $node, 'copy'), 'PendingImport', 'but the key cannot be used');
value($node, 'SELECT kms_confirm_home()', 'copy');
ok($node->poll_query_until('copy', "SELECT length(wrapped) = 0 FROM kms.key_version WHERE key_id = '$copied'"), 'confirmed, it does');

$node->stop;
unlike(slurp_file($_->logfile), qr/PANIC|TRAP:|terminated by signal/, $_->name . ': nothing crashed') for $node, $standby;
done_testing();
