# Asymmetric keys, with the openssl command line as the other side: it reads our
# public keys, verifies our signatures, encrypts what we open, and opens what we
# encrypt for others.
use strict;
use warnings;

use Digest::SHA qw(sha256 sha384 sha512);
use FindBin;
use lib $FindBin::RealBin;

use KmsServer;
use MIME::Base64;
use OpenSSL;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = PostgreSQL::Test::Utils::tempdir;
my $node = new_server('main', settings => "kms.worker_enabled = off\n");
my $session;

sub random_bytes
{
	my ($len) = @_;

	open(my $random, '<:raw', '/dev/urandom') or die "/dev/urandom: $!";
	read($random, my $bytes, $len) == $len or die "/dev/urandom: $!";
	return $bytes;
}

# A file of the folder with these contents; its path.
sub file
{
	my ($name, $contents) = @_;

	unlink "$folder/$name";
	append_to_file("$folder/$name", $contents);
	return "$folder/$name";
}

# As a literal.
sub bytea
{
	return "'\\x" . unpack('H*', $_[0]) . q{'::bytea};
}

# The bytes that an expression returns; an error as "SQLSTATE DETAIL".
sub bytes_of
{
	my ($expression) = @_;
	my $answer = ask($session, "SELECT encode(x, 'hex') FROM (SELECT $expression AS x) s");

	return $answer =~ /^([0-9a-f]{2})*$/ ? pack('H*', $answer) : $answer;
}

sub answer_to
{
	return ask($session, "SELECT $_[0]");
}

$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION kms');
$session = session($node);

# ---- signatures --------------------------------------------------------------------

# openssl's own SM3 over Z, which names the signer, and the message.
sub sm3_of
{
	my ($message, $public) = @_;
	my $id = '1234567812345678';
	my $curve = pack('H*', 'FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC'
		. '28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93'
		. '32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7'
		. 'BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0');
	my $z = openssl_says(pack('n', 8 * length $id) . $id . $curve . substr($public, -64), qw(dgst -sm3 -binary));

	return openssl_says($z . $message, qw(dgst -sm3 -binary));
}

my @pss = map { ('-sigopt', $_) } qw(rsa_padding_mode:pss rsa_pss_saltlen:32 rsa_mgf1_md:sha256);
my @pss_of_digest = map { ('-pkeyopt', $_) } qw(digest:sha256 rsa_padding_mode:pss rsa_pss_saltlen:32 rsa_mgf1_md:sha256);
my $sha256 = sub { sha256($_[0]) };
my %rsa = (
	RSA_PSS_SHA_256 => { digest => $sha256, dgst => [ '-sha256', @pss ], pkeyutl => \@pss_of_digest },
	RSA_PKCS1_SHA_256 => { digest => $sha256, dgst => ['-sha256'], pkeyutl => [qw(-pkeyopt digest:sha256)] });
my @distid = qw(distid:1234567812345678);
my %signer = (
	RSA_2048 => \%rsa,
	RSA_3072 => \%rsa,
	RSA_4096 => \%rsa,
	EC_P256 => { ECDSA_SHA_256 => { digest => $sha256, dgst => ['-sha256'], pkeyutl => [] } },
	EC_P256K => { ECDSA_SHA_256 => { digest => $sha256, dgst => ['-sha256'], pkeyutl => [] } },
	EC_P384 => { ECDSA_SHA_384 => { digest => sub { sha384($_[0]) }, dgst => ['-sha384'], pkeyutl => [] } },
	EC_P521 => { ECDSA_SHA_512 => { digest => sub { sha512($_[0]) }, dgst => ['-sha512'], pkeyutl => [] } },
	EC_SM2 => { SM2DSA => { digest => \&sm3_of, dgst => [ '-sm3', '-sigopt', @distid ], pkeyutl => [],
			raw => [ qw(-digest sm3 -pkeyopt), @distid ] } },
	ED25519 => { ED25519 => { digest => sub { $_[0] }, raw => [] } });
my %look = (
	RSA_2048 => qr/^Public-Key: \(2048 bit\)\n.*^Exponent: 65537 \(0x10001\)$/ms,
	RSA_3072 => qr/^Public-Key: \(3072 bit\)\n.*^Exponent: 65537 \(0x10001\)$/ms,
	RSA_4096 => qr/^Public-Key: \(4096 bit\)\n.*^Exponent: 65537 \(0x10001\)$/ms,
	EC_P256 => qr/^Public-Key: \(256 bit\)\n.*^ASN1 OID: prime256v1\nNIST CURVE: P-256$/ms,
	EC_P256K => qr/^Public-Key: \(256 bit\)\n.*^ASN1 OID: secp256k1$/ms,
	EC_P384 => qr/^Public-Key: \(384 bit\)\n.*^ASN1 OID: secp384r1\nNIST CURVE: P-384$/ms,
	EC_P521 => qr/^Public-Key: \(521 bit\)\n.*^ASN1 OID: secp521r1\nNIST CURVE: P-521$/ms,
	EC_SM2 => qr/^Public-Key: \(256 bit\)\n.*^ASN1 OID: SM2$/ms,
	ED25519 => qr/^ED25519 Public-Key:\n/);

# What openssl makes of the PEM: the path of a file with it, and its DER.
sub read_public_key
{
	my ($name, $spec, $key) = @_;
	my $pem = value($node, "SELECT kms_get_public_key('$key')");
	my $path = file('public.pem', $pem);

	like(openssl('', qw(pkey -pubin -text -noout -in), $path) // 'refused', $look{$spec}, "$name: openssl sees a public key of that spec");
	is(openssl('', qw(pkey -pubin -in), $path), $pem, "$name: and writes the same PEM");
	ok(defined openssl('', qw(pkey -pubin -pubcheck -noout -in), $path), "$name: which stands for a good key");
	is(answer_to("right(kms_get_public_key('$key'), 26) = E'\\n-----END PUBLIC KEY-----\\n'"), 't', "$name: the last line is a whole one");
	return ($path, openssl_says('', qw(pkey -pubin -outform DER -in), $path));
}

# Whether openssl verifies by each way that there is for this algorithm: over the message, over the digest.
sub verdicts
{
	my ($how, $public, $signature, $message, $digest) = @_;
	my $value = file('signature', $signature);
	my $path = file('message', $message);
	my @verdicts;

	push @verdicts, openssl('', 'dgst', @{ $how->{dgst} }, '-verify', $public, '-signature', $value, $path) if $how->{dgst};
	push @verdicts, openssl('', qw(pkeyutl -verify -rawin -pubin -inkey), $public, '-sigfile', $value, '-in', $path, @{ $how->{raw} }) if $how->{raw};
	push @verdicts, openssl('', qw(pkeyutl -verify -pubin -inkey), $public, '-sigfile', $value, '-in', file('digest', $digest), @{ $how->{pkeyutl} })
	  if $how->{pkeyutl};
	return join ' ', map { defined ? 'yes' : 'no' } @verdicts;
}

my $message = random_bytes(100_000);
my $other = $message;
substr($other, 50_000, 1) ^= "\1";
for my $spec (sort keys %signer)
{
	my $key = value($node, "SELECT kms_create_key('$spec', 'SIGN/VERIFY')");
	my ($public, $der) = read_public_key($spec, $spec, $key);

	for my $algorithm (sort keys %{ $signer{$spec} })
	{
		my $how = $signer{$spec}{$algorithm};
		my $name = "$spec with $algorithm";
		my ($digest, $different) = map { $how->{digest}->($_, $der) } $message, $other;
		my $signature = bytes_of("kms_asymmetric_sign('$key', NULL, '$algorithm', " . bytea($digest) . ')');
		my $yes = verdicts($how, $public, $signature, $message, $digest);
		my $ways = grep { $how->{$_} } qw(dgst raw pkeyutl);
		my $verify = "kms_asymmetric_verify('$key', NULL, '$algorithm', %s, " . bytea($signature) . ')';

		is($yes, join(' ', ('yes') x $ways), "$name: openssl verifies our signature of a message of 100,000 bytes");
		is(verdicts($how, $public, $signature, $other, $different), join(' ', ('no') x $ways), "$name: and not with another message");
		substr(my $damaged = $signature, -1) ^= "\1";
		is(verdicts($how, $public, $damaged, $message, $digest), join(' ', ('no') x $ways), "$name: nor when it is damaged");
		is(answer_to(sprintf $verify, bytea($digest)), 't', "$name: so do we");
		is(answer_to(sprintf $verify, bytea($different)), 'f', "$name: and not with another digest");
		next unless $algorithm eq 'RSA_PSS_SHA_256';
		for my $len (20, 31, 33)
		{
			my %shorter = (dgst => [ map { s/saltlen:32/saltlen:$len/r } @{ $how->{dgst} } ]);

			is(verdicts(\%shorter, $public, $signature, $message, $digest), 'no', "$name: the salt is not $len bytes");
		}
	}
}

# ---- openssl encrypts --------------------------------------------------------------------

my %options = (
	RSAES_OAEP_SHA_256 => [ map { ('-pkeyopt', $_) } qw(rsa_padding_mode:oaep rsa_oaep_md:sha256 rsa_mgf1_md:sha256) ],
	RSAES_OAEP_SHA_1 => [ map { ('-pkeyopt', $_) } qw(rsa_padding_mode:oaep rsa_oaep_md:sha1 rsa_mgf1_md:sha1) ],
	SM2PKE => []);
my %longest = (
	RSA_2048 => { RSAES_OAEP_SHA_256 => 190, RSAES_OAEP_SHA_1 => 214 },
	RSA_3072 => { RSAES_OAEP_SHA_256 => 318, RSAES_OAEP_SHA_1 => 342 },
	RSA_4096 => { RSAES_OAEP_SHA_256 => 446, RSAES_OAEP_SHA_1 => 470 },
	EC_SM2 => { SM2PKE => 6047 });
my $target = value($node, 'SELECT kms_create_key()');
my $failed = '22023 InvalidParameter';

sub encrypted
{
	my ($plaintext, $algorithm, $public) = @_;
	my $output = openssl($plaintext, qw(pkeyutl -encrypt -pubin -inkey), $public, @{ $options{$algorithm} });

	return $algorithm eq 'SM2PKE' && defined $output ? sm2_raw($output) : $output;
}

for my $spec (sort keys %longest)
{
	my $key = value($node, "SELECT kms_create_key('$spec', 'ENCRYPT/DECRYPT')");
	my ($public) = read_public_key("$spec to encrypt", $spec, $key);

	for my $algorithm (sort keys %{ $longest{$spec} })
	{
		my $name = "$spec with $algorithm";
		my $max = $longest{$spec}{$algorithm};
		my ($wrong) = $algorithm eq 'RSAES_OAEP_SHA_1' ? 'RSAES_OAEP_SHA_256' : 'RSAES_OAEP_SHA_1';

		for my $len (1, 16, 32, $max)
		{
			my $plaintext = random_bytes($len);
			my $ciphertext = encrypted($plaintext, $algorithm, $public);
			my $moved = "kms_re_encrypt(" . bytea($ciphertext) . ", '$target', source_key_id => '$key', source_encryption_algorithm => '$algorithm', destination_encryption_context => '{\"a\": \"b\"}')";

			is(bytes_of("kms_asymmetric_decrypt('$key', NULL, '$algorithm', " . bytea($ciphertext) . ')'), $plaintext, "$name: $len bytes that openssl encrypted open");
			is(bytes_of("kms_decrypt($moved, '{\"a\": \"b\"}')"), $plaintext, "$name: and open when they are moved to a symmetric key");
			substr($ciphertext, -1) ^= "\1";
			is(bytes_of("kms_asymmetric_decrypt('$key', NULL, '$algorithm', " . bytea($ciphertext) . ')'), $failed, "$name: damaged, they do not");
		}
		my $made = bytes_of("kms_asymmetric_encrypt('$key', NULL, '$algorithm', " . bytea('what we encrypt') . ')');
		is(bytes_of("kms_asymmetric_decrypt('$key', NULL, '$algorithm', " . bytea($made) . ')'), 'what we encrypt', "$name: what we encrypt opens");
		is(bytes_of("kms_asymmetric_encrypt('$key', NULL, '$algorithm', " . bytea('x' x ($max + 1)) . ')'), $failed, "$name: longer than $max bytes we encrypt none");
		next if $spec eq 'EC_SM2';
		is(encrypted('x' x ($max + 1), $algorithm, $public), undef, "$name: nor does openssl");
		is(bytes_of("kms_asymmetric_decrypt('$key', NULL, '$wrong', " . bytea(encrypted('x', $algorithm, $public)) . ')'), $failed, "$name: it does not open with $wrong");
	}
	next unless $spec eq 'EC_SM2';
	my $der = openssl_says('x' x 32, qw(pkeyutl -encrypt -pubin -inkey), $public);
	is(bytes_of("kms_asymmetric_decrypt('$key', NULL, 'SM2PKE', " . bytea($der) . ')'), $failed, "$spec: as openssl writes it, it does not open");
}

# ---- openssl decrypts ----------------------------------------------------------------------

# New pairs of openssl: the path of the private key, the public one as DER.
sub new_pair
{
	my ($name, @options) = @_;
	my $path = file("$name.pem", openssl_says('', 'genpkey', @options));

	return ($path, openssl_says('', qw(pkey -pubout -outform DER -in), $path));
}

sub decrypted
{
	my ($exported, $algorithm, $private) = @_;

	return openssl($algorithm eq 'SM2PKE' ? sm2_der($exported) : $exported, qw(pkeyutl -decrypt -inkey), $private, @{ $options{$algorithm} });
}

my %pair = (
	RSA_2048 => [ new_pair('rsa', qw(-algorithm RSA -pkeyopt rsa_keygen_bits:2048)) ],
	EC_SM2 => [ new_pair('sm2', qw(-algorithm SM2)) ]);
my ($strange) = new_pair('strange', qw(-algorithm RSA -pkeyopt rsa_keygen_bits:2048));
for my $case ([qw(RSA_2048 RSAES_OAEP_SHA_256 190)], [qw(RSA_2048 RSAES_OAEP_SHA_1 214)], [qw(EC_SM2 SM2PKE 1024)])
{
	my ($spec, $algorithm, $max) = @$case;
	my ($private, $public) = @{ $pair{$spec} };
	my $wrapping = bytea($public) . ", '$spec', '$algorithm'";

	for my $len (1, 16, 32, $max)
	{
		my $name = "$len bytes for $spec with $algorithm";
		my ($clear, $blob) = split /\|/, answer_to("encode(plaintext, 'hex'), ciphertext_blob FROM kms_generate_data_key('$target', number_of_bytes => $len, encryption_context => '{\"a\": \"b\"}')");
		my $exported = pack('H*', answer_to("encode(exported_data_key, 'hex') FROM kms_export_data_key('$blob', $wrapping, '{\"a\": \"b\"}')"));
		is(unpack('H*', decrypted($exported, $algorithm, $private) // ''), $clear, "$name: openssl opens an exported data key");
		is(decrypted($exported, $algorithm, $strange) // 'refused', 'refused', "$name: and not with another private key") if $spec eq 'RSA_2048';
		my ($made, $out) = split /\|/, answer_to("ciphertext_blob, encode(exported_data_key, 'hex') FROM kms_generate_and_export_data_key('$target', $wrapping, number_of_bytes => $len)");
		is(decrypted(pack('H*', $out), $algorithm, $private), bytes_of("kms_decrypt('$made')"), "$name: and one that is made for export, which we open, too");
	}
	is(answer_to("kms_generate_and_export_data_key('$target', $wrapping, number_of_bytes => $max + 1)"), $failed, "more than $max bytes are not exported for $spec with $algorithm");
}

$session->quit;
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|terminated by signal/, 'nothing crashed');
done_testing();
