# Certificates, with the openssl command line as the CA and as the other side; and
# what becomes of them when the server stops, is sealed, dumped, copied, and as time passes.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use KmsServer;
use LeakSearch;
use MIME::Base64;
use OpenSSL;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = PostgreSQL::Test::Utils::tempdir;
my $key = new_root_key();
my $node = new_server('main', root_key => $key, init => { allows_streaming => 1 },
	settings => "kms.worker_enabled = off\nkms.worker_naptime = 1\n");

# A file of the folder with these contents; its path.
sub file
{
	my ($name, $contents) = @_;

	unlink "$folder/$name";
	append_to_file("$folder/$name", $contents);
	return "$folder/$name";
}

sub bytea
{
	return "'\\x" . unpack('H*', $_[0]) . q{'::bytea};
}

sub bytes_of
{
	my ($expression, $server) = @_;

	return pack('H*', value($server // $node, "SELECT encode($expression, 'hex')"));
}

# What openssl must be told of a request with a key for SM2, and of no other.
sub distid
{
	my ($csr) = @_;

	return openssl_says($csr, qw(req -noout -text)) =~ /OID: SM2/ ? qw(-vfyopt distid:1234567812345678) : ();
}

# ---- a CA ----------------------------------------------------------------------

my $extensions = file('extensions', "[ca]\nbasicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n"
	  . "[leaf]\nbasicConstraints=CA:false\nsubjectAltName=DNS:example.com,IP:10.0.0.1\n");

sub certify
{
	my ($csr, $section, $days, @issuer) = @_;

	return openssl_says('', qw(x509 -req -in), file('request', $csr), '-extfile', $extensions, '-extensions', $section, '-days', $days, '-set_serial', int(rand(2**31)), distid($csr), @issuer);
}

my %ca;
for my $name (qw(root inter))
{
	my $private = file("$name.key", openssl_says('', qw(genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)));
	my $csr = openssl_says('', qw(req -new -key), $private, '-subj', "/CN=$name");

	$ca{$name} = certify($csr, 'ca', 4000, $name eq 'root' ? ('-signkey', $private) : ('-CA', "$folder/root.pem", '-CAkey', "$folder/root.key"));
	file("$name.pem", $ca{$name});
}
my @inter = ('-CA', "$folder/inter.pem", '-CAkey', "$folder/inter.key");

# A certificate of this spec that is ACTIVE: its id, request and PEM.
sub new_certificate
{
	my ($spec, $days, $exportable) = @_;
	my $id = value($node, "SELECT certificate_id FROM kms_create_certificate('$spec', 'CN=example.com,O=Acme\\, Inc.,C=CN', '{example.com,10.0.0.1}', " . ($exportable // 'true') . ')');
	my $csr = value($node, "SELECT csr FROM kms_get_certificate('$id')");
	my $pem = certify($csr, 'leaf', $days // 400, @inter);

	$node->safe_psql('postgres', "SELECT kms_upload_certificate('$id', '$pem', '$ca{inter}$ca{root}')");
	return ($id, $csr, $pem);
}

$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION kms; CREATE ROLE kms_test_user');

# ---- openssl is the other side -----------------------------------------------------

my %dgst = (
	RSA_PKCS1_SHA_256 => ['-sha256'],
	RSA_PSS_SHA_256 => [ '-sha256', map { ('-sigopt', $_) } qw(rsa_padding_mode:pss rsa_pss_saltlen:32 rsa_mgf1_md:sha256) ],
	ECDSA_SHA_256 => ['-sha256'],
	ECDSA_SHA_384 => ['-sha384'],
	SM2DSA => [qw(-sm3 -sigopt distid:1234567812345678)]);
my %pkeyutl = (
	RSAES_OAEP_SHA_1 => [ map { ('-pkeyopt', $_) } qw(rsa_padding_mode:oaep rsa_oaep_md:sha1 rsa_mgf1_md:sha1) ],
	RSAES_OAEP_SHA_256 => [ map { ('-pkeyopt', $_) } qw(rsa_padding_mode:oaep rsa_oaep_md:sha256 rsa_mgf1_md:sha256) ],
	SM2PKE => []);
my @rsa = ([qw(RSA_PKCS1_SHA_256 RSA_PSS_SHA_256)], [qw(RSAES_OAEP_SHA_1 RSAES_OAEP_SHA_256)]);
my %does = (RSA_2048 => \@rsa, RSA_3072 => \@rsa, RSA_4096 => \@rsa, EC_P256 => [ ['ECDSA_SHA_256'], [] ], EC_P384 => [ ['ECDSA_SHA_384'], [] ], EC_SM2 => [ ['SM2DSA'], ['SM2PKE'] ]);
my $message = 'a message for the other side ' x 100;
my %private;    # what must not be found anywhere
my %id;

for my $spec (sort keys %does)
{
	my ($id, $csr, $pem) = new_certificate($spec);
	my $request = file('csr', $csr);
	my ($signs, $encrypts) = @{ $does{$spec} };

	$id{$spec} = $id;
	ok(defined openssl('', qw(req -verify -noout -in), $request, distid($csr)), "$spec: openssl verifies the request");
	is(openssl('', qw(req -noout -subject -nameopt RFC2253 -in), $request), "subject=CN=example.com,O=Acme\\, Inc.,C=CN\n", "$spec: which has the subject");
	like(openssl('', qw(req -noout -text -in), $request), qr/DNS:example\.com, IP Address:10\.0\.0\.1/, "$spec: and the names");
	my $public = file('public.pem', openssl_says('', qw(x509 -noout -pubkey -in), file('leaf.pem', $pem)));
	is(openssl('', qw(req -noout -pubkey -in), $request), slurp_file($public), "$spec: and the key");
	is(value($node, "SELECT subject_public_key FROM kms_describe_certificate('$id')"), slurp_file($public), "$spec: which is that of the description");
	ok(defined openssl('', qw(verify -CAfile), "$folder/root.pem", '-untrusted', "$folder/inter.pem", "$folder/leaf.pem"), "$spec: openssl verifies what the CA made of it");
	is(value($node, "SELECT 'serial=' || serial FROM kms_describe_certificate('$id')"), openssl_says('', qw(x509 -noout -serial -in), "$folder/leaf.pem") =~ s/\n//r, "$spec: the serial number is the certificate's");
	# The private key, which openssl can have once it was exported.
	my $export = file('export.p12', bytes_of("kms_export_certificate('$id', 'a passphrase of $spec')"));
	my $private = openssl('', qw(pkcs12 -nodes -nocerts -in), $export, '-passin', "pass:a passphrase of $spec");
	like($private, qr/-----BEGIN PRIVATE KEY-----/, "$spec: openssl opens the export");
	$private = file('private.pem', $private);
	is(openssl('', qw(pkey -pubout -in), $private), slurp_file($public), "$spec: and finds the private key");
	my @certificates = openssl('', qw(pkcs12 -nokeys -in), $export, '-passin', "pass:a passphrase of $spec") =~ /(-----BEGIN CERTIFICATE-----\n.*?-----END CERTIFICATE-----\n)/gs;
	is_deeply(\@certificates, [ $pem, $ca{inter}, $ca{root} ], "$spec: with certificate and chain");
	is(openssl('', qw(pkcs12 -nodes -in), $export, '-passin', 'pass:another'), undef, "$spec: not with another passphrase");
	my $der = openssl_says('', qw(pkcs8 -topk8 -nocrypt -outform DER -in), $private);
	# RSA: both primes, in the middle; otherwise the number that is the key.
	$private{$spec} = $spec =~ /^RSA/ ? substr($der, length($der) / 2, 64) : ($der =~ /\x04([\x20\x30])(.{32})/s)[1];
	$private{"passphrase of $spec"} = "a passphrase of $spec";

	for my $algorithm (@$signs)
	{
		my $path = file('message', $message);
		my $signature = bytes_of("kms_certificate_private_key_sign('$id', '$algorithm', " . bytea($message) . ')');
		my $verify = "SELECT kms_certificate_public_key_verify('$id', '$algorithm', " . bytea($message) . ', %s)';

		ok(defined openssl('', 'dgst', @{ $dgst{$algorithm} }, '-verify', $public, '-signature', file('signature', $signature), $path), "$spec, $algorithm: openssl verifies our signature");
		is(openssl('', 'dgst', @{ $dgst{$algorithm} }, '-verify', $public, '-signature', "$folder/signature", file('other', "${message}x")), undef, "$spec, $algorithm: and not of another message");
		my $theirs = openssl_says('', 'dgst', @{ $dgst{$algorithm} }, '-sign', $private, $path);
		is(value($node, sprintf $verify, bytea($theirs)), 't', "$spec, $algorithm: we verify openssl's");
		is(value($node, sprintf $verify, bytea(openssl_says('', 'dgst', @{ $dgst{$algorithm} }, '-sign', $private, "$folder/other"))), 'f', "$spec, $algorithm: and not that of another message");
	}
	for my $algorithm (@$encrypts)
	{
		my $raw = $algorithm eq 'SM2PKE';
		my $theirs = openssl_says('for us', qw(pkeyutl -encrypt -pubin -inkey), $public, @{ $pkeyutl{$algorithm} });
		my $ours = bytes_of("kms_certificate_public_key_encrypt('$id', '$algorithm', 'for them')");

		$theirs = sm2_raw($theirs) if $raw;
		is(bytes_of("kms_certificate_private_key_decrypt('$id', '$algorithm', " . bytea($theirs) . ')'), 'for us', "$spec, $algorithm: what openssl encrypts opens");
		is(openssl($raw ? sm2_der($ours) : $ours, qw(pkeyutl -decrypt -inkey), $private, @{ $pkeyutl{$algorithm} }), 'for them', "$spec, $algorithm: openssl opens what we encrypt");
	}
}
my ($stays) = new_certificate('EC_P256', 400, 'false');
refused($node, "SELECT kms_export_certificate('$stays', 'x')", '0A000', 'Rejected.UnsupportedOperation', 'a private key that must stay is not exported');

# ---- it lasts ------------------------------------------------------------------------

my $sign = "SELECT kms_certificate_public_key_verify('$id{EC_SM2}', 'SM2DSA', 'x', kms_certificate_private_key_sign('$id{EC_SM2}', 'SM2DSA', 'x'))";
my $all = q{SELECT md5(string_agg(c::text, '' ORDER BY c.certificate_id)) FROM kms_list_certificates() c};
my $before = value($node, $all);
my $ciphertext = bytea(bytes_of("kms_certificate_public_key_encrypt('$id{EC_SM2}', 'SM2PKE', 'kept')"));
my $open = "kms_certificate_private_key_decrypt('$id{EC_SM2}', 'SM2PKE', $ciphertext)";

$node->restart;
is(value($node, $all), $before, 'after a restart all are there');
is(value($node, $sign), 't', 'and sign');
is(bytes_of($open), 'kept', 'and open what was encrypted for them');
$node->stop('immediate');
$node->start;
is(value($node, $all), $before, 'likewise after a crash');
is(value($node, $sign), 't', 'and sign, too');

# A dump, restored into another database.
my $dump = "$folder/dump";
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'a dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '-d', $node->connstr('restored'), $dump ], 'which is restored');
is($node->safe_psql('restored', $all), $before, 'has all of them');
is($node->safe_psql('restored', $sign), 't', 'and they sign');
is($node->safe_psql('restored', 'SELECT count(*) FROM kms_check_integrity()'), '0', 'with every row as it was written');

# A standby.
my $standby = PostgreSQL::Test::Cluster->new('standby');
$node->backup('backup');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
write_private(root_key_file($standby), "$key\n");
$standby->append_conf('postgresql.conf', "kms.root_key_file = '" . root_key_file($standby) . "'");
$standby->start;
$node->wait_for_catchup($standby);
is(value($standby, $all), $before, 'a standby has all of them');
is(value($standby, $sign), 't', 'and signs');
is(bytes_of($open, $standby), 'kept', 'and opens');
is(value($standby, "SELECT octet_length(kms_export_certificate('$id{EC_P256}', 'x')) > 500"), 't', 'and exports');
refused($standby, $_, '25006', 'UnsupportedOperation', "but not: $_")
  for "SELECT kms_create_certificate('EC_P256', 'CN=x')", "SELECT kms_update_certificate_status('$stays', 'INACTIVE')", "SELECT kms_delete_certificate('$stays')";
$node->safe_psql('postgres', "SELECT kms_update_certificate_status('$id{EC_SM2}', 'INACTIVE')");
$node->wait_for_catchup($standby);
refused($standby, $sign, '55000', 'Rejected.Disabled', 'what the primary switches off does not sign there');
$node->safe_psql('postgres', "SELECT kms_update_certificate_status('$id{EC_SM2}', 'ACTIVE')");
$standby->stop;

# ---- sealed ---------------------------------------------------------------------------

my ($pending) = value($node, q{SELECT certificate_id FROM kms_create_certificate('EC_P256', 'CN=pending')});
rename root_key_file($node), root_key_file($node) . '.away' or die;
$node->restart;
is(status($node), 'Suspended', 'without its root key the server is sealed');
is(value($node, "SELECT status FROM kms_describe_certificate('$id{EC_SM2}')"), 'ACTIVE', 'it describes certificates');
like(value($node, "SELECT certificate FROM kms_get_certificate('$id{EC_SM2}')"), qr/^-----BEGIN CERTIFICATE-----/, 'and hands them out');
for my $use ($sign, "SELECT kms_certificate_public_key_encrypt('$id{EC_SM2}', 'SM2PKE', 'x')", "SELECT $open", "SELECT kms_export_certificate('$id{EC_SM2}', 'x')", "SELECT kms_create_certificate('EC_P256', 'CN=x')",
	"SELECT kms_update_certificate_status('$id{EC_SM2}', 'INACTIVE')", "SELECT kms_delete_certificate('$pending')")
{
	refused($node, $use, '55000', 'ServiceUnavailableTemporary', 'but refuses ' . ($use =~ /(kms_\w+)/)[0]);
}
rename root_key_file($node) . '.away', root_key_file($node) or die;
$node->restart;
is(value($node, $sign), 't', 'unsealed, it signs again');

# ---- warnings ----------------------------------------------------------------------------

let_time_pass($node);
my $listener = session($node);
ask($listener, 'LISTEN kms_certificate');
my $passes = "UPDATE kms.certificate SET not_after = clock_timestamp() + interval '%s', warn_at = clock_timestamp() WHERE id = '$stays'";
my $patience = 120;    # seconds; no worker takes that long

sub expires_in
{
	my ($days, $wanted) = @_;
	my $offset = -s $node->logfile;

	$node->safe_psql('postgres', sprintf $passes, $days);
	ok(defined wait_until(sub { log_since($node, $offset) =~ /WARNING:  kms: certificate "$stays" \Q$wanted\E\n.*HINT:  Upload its successor/s }, $patience), "with $days left a worker logs: $wanted");
	ok(defined wait_until(sub { ask($listener, 'SELECT 1') =~ /Asynchronous notification "kms_certificate" with payload "$stays" received/ }, $patience), "with $days left who listens is told");
	return;
}

$node->safe_psql('postgres', 'ALTER SYSTEM SET kms.worker_enabled = on');
$node->reload;
expires_in('29 days 23 hours', 'expires in 30 days');
is(value($node, "SELECT not_after - warn_at FROM kms.certificate WHERE id = '$stays'"), '7 days', 'the next warning is due seven days before the end');
expires_in('23 hours', 'expires in 1 day');
is(value($node, "SELECT warn_at IS NULL FROM kms.certificate WHERE id = '$stays'"), 't', 'then there is none');
expires_in('-1 hour', 'has expired');
is(value($node, "SELECT outcome FROM kms.jobs WHERE name = 'certificate/$stays'"), 'done', 'the job is done');
is(value($node, "SELECT count(*) FROM kms_check_integrity()"), '0', 'every row is as it was written');
$listener->quit;
$node->safe_psql('postgres', 'ALTER SYSTEM RESET kms.worker_enabled');
$node->reload;

# ---- nothing secret is left ------------------------------------------------------------------

my $planted = 'PLANTED plaintext of nobody';
bytes_of("kms_certificate_private_key_decrypt('$id{EC_SM2}', 'SM2PKE', kms_certificate_public_key_encrypt('$id{EC_SM2}', 'SM2PKE', '$planted'))");
failure($node, "SELECT kms_certificate_public_key_encrypt('$pending', 'SM2PKE', '$planted')");
failure($node, "SELECT kms_export_certificate('$pending', '$planted as a passphrase')");
failure($node, "SELECT kms_certificate_private_key_sign('$pending', 'ECDSA_SHA_256', '$planted')");
$private{planted} = $planted;
$node->safe_psql('postgres', "CREATE TABLE control AS SELECT 'CONTROL that would be found'::text; CHECKPOINT");
like(join("\n", found_in($node->basedir, control => 'CONTROL that would be found')), qr/^control in .*base/m, 'what is in a table is found in the files');
$node->stop;
is(join("\n", found_in($node->basedir, %private)), '', 'no private key, passphrase or plaintext is found in the files of the server');
is(join("\n", found_in($node->logfile, %private)), '', 'or in its log');

done_testing();
