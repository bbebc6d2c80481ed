# An independent reader of what docs/formats.md describes.
#
# It shares no code with src/crypto and uses none of OpenSSL's modes: of the
# openssl command it takes single AES and SM4 blocks, SM3 and HMAC-SM3, and the
# public keys of private ones; everything else (derivation, GCM, counter mode,
# HKDF, envelopes, SM2) is written out below.  With it each example of the page is
# recomputed, and then the tables and ciphertexts of a running server are opened
# from its root key.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 hmac_sha384 hmac_sha512 sha256);
use FindBin;
use IPC::Run;
use JSON::PP ();
use Math::BigInt try => 'GMP';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my %suites = (
	1 => { cipher => 'aes-256-ecb', blocks => 2, used => 32, tag => 16, spec => 'Aliyun_AES_256', length => 32 },
	2 => { cipher => 'aes-192-ecb', blocks => 2, used => 24, tag => 16, spec => 'Aliyun_AES_192', length => 24 },
	3 => { cipher => 'aes-128-ecb', blocks => 1, used => 16, tag => 16, spec => 'Aliyun_AES_128', length => 16 },
	4 => { cipher => 'sm4-ecb', blocks => 3, used => 48, tag => 32, spec => 'Aliyun_SM4', length => 16 });

# ---- from the openssl command ---------------------------------------------

sub openssl
{
	my ($input, @arguments) = @_;
	my ($output, $errors) = ('', '');

	IPC::Run::run([ 'openssl', @arguments ], '<', \$input, '>', \$output, '2>', \$errors)
	  or die "openssl $arguments[0]: $errors";
	return $output;
}

# Encrypt whole blocks, each by itself.
sub encrypt_blocks
{
	my ($cipher, $key, $blocks) = @_;

	return '' if $blocks eq '';
	return openssl($blocks, 'enc', "-$cipher", '-nopad', '-K', unpack('H*', $key));
}

sub hmac_sm3
{
	my ($key, $message) = @_;

	return pack('H*', openssl($message, 'mac', '-digest', 'SM3', '-macopt', 'hexkey:' . unpack('H*', $key),
			'-in', '-', 'HMAC') =~ s/\s//gr);
}

sub sm3
{
	my ($message) = @_;

	return openssl($message, 'dgst', '-sm3', '-binary');
}

# ---- written out ----------------------------------------------------------

sub double
{
	my ($block) = @_;
	my $bits = unpack('B128', $block);
	my $shifted = pack('B128', substr($bits, 1) . '0');

	return substr($bits, 0, 1) eq '1' ? $shifted ^ ("\0" x 15 . "\x87") : $shifted;
}

sub derive
{
	my ($suite, $key, $nonce) = @_;
	my %d;

	$d{l} = encrypt_blocks($suite->{cipher}, $key, "\0" x 16);
	$d{k1} = double($d{l});
	$d{"m$_"} = pack('n C C', $_, 0x58, 0) . substr($nonce, 0, 12) for 1 .. $suite->{blocks};
	$d{blocks} = encrypt_blocks($suite->{cipher}, $key, join('', map { $d{"m$_"} ^ $d{k1} } 1 .. $suite->{blocks}));
	$d{used} = substr($d{blocks}, 0, $suite->{used});
	return \%d;
}

# The cipher's blocks of a counter that starts at $counter and counts up in its
# last 32 bits, added to the text.
sub counter_mode
{
	my ($cipher, $key, $counter, $text) = @_;
	my ($fixed, $first) = unpack('a12 N', $counter);
	my $count = int((length($text) + 15) / 16);
	my $stream = encrypt_blocks($cipher, $key, join('', map { pack('a12 N', $fixed, $first + $_) } 0 .. $count - 1));

	return $text ^ substr($stream, 0, length $text);
}

# SP 800-38D, most significant bit first: the multiples of a block of GF(2^128) by
# the powers of x, and of them the product with another block.
sub multiples
{
	my ($high, $low) = unpack('Q>2', $_[0]);
	my @multiples;

	for (1 .. 128)
	{
		push @multiples, [ $high, $low ];
		my $carry = $low & 1;
		$low = ($low >> 1) | (($high & 1) << 63);
		$high >>= 1;
		$high ^= 0xe1 << 56 if $carry;
	}
	return \@multiples;
}

sub multiply
{
	my ($x, $multiples) = @_;
	my ($high, $low) = (0, 0);
	my $bits = unpack('B128', $x);

	while ($bits =~ /1/g)
	{
		my $multiple = $multiples->[ pos($bits) - 1 ];
		$high ^= $multiple->[0];
		$low ^= $multiple->[1];
	}
	return pack('Q>2', $high, $low);
}

sub padded
{
	my ($text) = @_;

	return $text . "\0" x (-length($text) % 16);
}

sub gcm_tag
{
	my ($cipher, $key, $iv, $additional, $ciphertext) = @_;
	my $h = multiples(encrypt_blocks($cipher, $key, "\0" x 16));
	my $y = "\0" x 16;

	for my $block (unpack('(a16)*',
			padded($additional) . padded($ciphertext)
			  . pack('Q>2', 8 * length $additional, 8 * length $ciphertext)))
	{
		$y = multiply($y ^ $block, $h);
	}
	return $y ^ encrypt_blocks($cipher, $key, $iv . pack('N', 1));
}

# Ciphertext and plaintext are each other's counter mode; the tag is over the
# ciphertext.  Both directions, told apart by what is given.
sub message
{
	my ($suite, $derived, $nonce, $additional, %text) = @_;
	my $iv = substr($nonce, 12);
	my $sm4 = $suite->{cipher} eq 'sm4-ecb';
	my $key = $sm4 ? substr($derived->{used}, 0, 16) : $derived->{used};
	my $counter = $iv . pack('N', $sm4 ? 0 : 2);
	my $ciphertext = $text{ciphertext} // counter_mode($suite->{cipher}, $key, $counter, $text{plaintext});
	my %m = (ciphertext => $ciphertext);

	if ($sm4)
	{
		$m{counter} = $counter;
		$m{encryption_key} = $key;
		$m{mac_key} = substr($derived->{used}, 16);
		$m{mac_input} = $iv . $additional . $ciphertext . pack('Q>2', length $additional, length $ciphertext);
		$m{tag} = hmac_sm3($m{mac_key}, $m{mac_input});
	}
	else
	{
		$m{iv} = $iv;
		$m{message_key} = $key;
		$m{tag} = gcm_tag($suite->{cipher}, $key, $iv, $additional, $ciphertext);
	}
	$m{plaintext} = $text{plaintext} // counter_mode($suite->{cipher}, $key, $counter, $ciphertext);
	return \%m;
}

sub hkdf_expand
{
	my ($key, $info, $length) = @_;
	my ($block, $out) = ('', '');

	for (my $i = 1; length($out) < $length; $i++)
	{
		$block = hmac_sha256($block . $info . chr($i), $key);
		$out .= $block;
	}
	return substr($out, 0, $length);
}

sub canonical
{
	my ($context) = @_;

	return '' if !defined $context || $context eq '';
	my $object = JSON::PP->new->utf8->decode($context);
	my %bytes = map { my ($k, $v) = ($_, $object->{$_}); utf8::encode($_) for $k, $v; ($k => $v) } keys %$object;
	return '' if !%bytes;
	return pack('n (n/a* n/a*)*', scalar(keys %bytes), map { ($_, $bytes{$_}) } sort keys %bytes);
}

sub uuid
{
	my ($text) = @_;

	return pack('H*', $text =~ s/-//gr);
}

# ---- what is wrapped, and where it belongs ----------------------------------

sub domain_key_place
{
	my (%row) = @_;

	return pack('a Q> N', 'D', $row{account_id}, $row{version});
}

sub material_place
{
	my (%row) = @_;

	return pack('a Q> N a16 a16 C/a* C/a* C/a*',
		'V', $row{account_id}, $row{domain_key_version}, uuid($row{key_id}), uuid($row{version_id}),
		$row{key_spec}, $row{key_usage}, $row{origin});
}

# nonce | ciphertext | tag; undef if it does not verify
sub unwrap
{
	my ($key, $additional, $wrapped) = @_;
	my ($nonce, $ciphertext, $tag) =
	  unpack('a24 a' . (length($wrapped) - 40) . ' a16', $wrapped);
	my $opened = message($suites{1}, derive($suites{1}, $key, $nonce), $nonce, $additional, ciphertext => $ciphertext);

	return $opened->{tag} eq $tag ? $opened->{plaintext} : undef;
}

sub wrap
{
	my ($key, $additional, $nonce, $plaintext) = @_;
	my $sealed = message($suites{1}, derive($suites{1}, $key, $nonce), $nonce, $additional, plaintext => $plaintext);

	return $nonce . $sealed->{ciphertext} . $sealed->{tag};
}

# A whole blob; undef if it does not verify.
sub open_blob
{
	my ($material, $context, $blob) = @_;
	my $suite = $suites{ unpack('C', $blob) } or return undef;
	my ($header, $ciphertext, $tag) =
	  unpack("a41 a" . (length($blob) - 41 - $suite->{tag}) . " a$suite->{tag}", $blob);
	my $nonce = substr($header, 17);
	my $opened = message($suite, derive($suite, $material, $nonce), $nonce, $header . canonical($context),
		ciphertext => $ciphertext);

	return $opened->{tag} eq $tag ? $opened->{plaintext} : undef;
}

# ---- envelopes -----------------------------------------------------------------

my $chunk_length = 65536;

sub chunk_nonce
{
	my ($number, $is_last) = @_;

	return pack('x15 Q> C', $number, $is_last);
}

# The parts of an envelope of this plaintext, and the whole.  What is authenticated behind the header is
# a canonical encryption context or, of a secret, the record of its row.
sub seal_envelope
{
	my ($format, $material, $version_id, $nonce, $additional, $data_key, $plaintext) = @_;
	my $suite = $suites{ $format - 16 };
	my $header = pack('C', $format) . uuid($version_id) . $nonce;
	my $derived = derive($suite, $material, $nonce);
	my $sealed_key = message($suite, $derived, $nonce, $header . $additional, plaintext => $data_key);
	my %e = (
		aad => $header . $additional,
		message_key => $derived->{used},
		encrypted_data_key => $sealed_key->{ciphertext},
		data_key_tag => $sealed_key->{tag},
		envelope => $header . $sealed_key->{ciphertext} . $sealed_key->{tag});

	for (my $number = 0; $number == 0 || $number * $chunk_length < length $plaintext; $number++)
	{
		my $is_last = ($number + 1) * $chunk_length >= length $plaintext;
		my $chunk_nonce = chunk_nonce($number, $is_last);
		my $chunk_derived = derive($suite, $data_key, $chunk_nonce);
		my $sealed = message($suite, $chunk_derived, $chunk_nonce, '',
			plaintext => substr($plaintext, $number * $chunk_length, $chunk_length));

		$e{"nonce_$number"} = $chunk_nonce;
		$e{"message_key_$number"} = $chunk_derived->{used};
		$e{"ciphertext_$number"} = $sealed->{ciphertext};
		$e{"tag_$number"} = $sealed->{tag};
		$e{envelope} .= $sealed->{ciphertext} . $sealed->{tag};
	}
	return \%e;
}

# undef if anything of it does not verify
sub open_envelope
{
	my ($material, $additional, $envelope) = @_;
	my $suite = $suites{ unpack('C', $envelope) - 16 } or return undef;
	my ($header, $sealed_key, $tag, $chunks) = unpack("a41 a$suite->{length} a$suite->{tag} a*", $envelope);
	my $nonce = substr($header, 17);
	my $key = message($suite, derive($suite, $material, $nonce), $nonce, $header . $additional,
		ciphertext => $sealed_key);
	my $plaintext = '';

	return undef if $key->{tag} ne $tag;
	for (my $number = 0; $number == 0 || $chunks ne ''; $number++)
	{
		my $room = length($chunks) - $suite->{tag};
		my $length = $room < $chunk_length ? $room : $chunk_length;
		return undef if $length < 0 || ($length == 0 && $number > 0);
		my $chunk_nonce = chunk_nonce($number, $room == $length);
		my $opened = message($suite, derive($suite, $key->{plaintext}, $chunk_nonce), $chunk_nonce, '',
			ciphertext => substr($chunks, 0, $length));

		return undef if $opened->{tag} ne substr($chunks, $length, $suite->{tag});
		$plaintext .= $opened->{plaintext};
		$chunks = substr($chunks, $length + $suite->{tag});
	}
	return $plaintext;
}

# ---- blind indexes -------------------------------------------------------------

sub blind_index
{
	my ($key, $context, $value) = @_;
	my %i = (canonical => canonical($context));

	$i{index_key} = substr(hmac_sha512('kms blind index', $key), 0, 32);
	$i{input} = pack('N', length $i{canonical}) . $i{canonical} . $value;
	$i{index} = hmac_sha256($i{input}, $i{index_key});
	return %i;
}

# ---- SM2 -----------------------------------------------------------------------

my $prime = Math::BigInt->from_hex('fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff');

# Points are [x, y], numbers modulo the prime; the curve's a is -3.  Neither is zero,
# and they are not each other's opposite: with random keys it does not come to that.
sub add_points
{
	my ($left, $right) = @_;
	my ($x, $y) = @$left;
	my ($rise, $run) =
		$x == $right->[0] ? (3 * $x * $x - 3, 2 * $y) : ($right->[1] - $y, $right->[0] - $x);
	my $slope = $rise * ($run % $prime)->bmodinv($prime) % $prime;
	my $sum = ($slope * $slope - $x - $right->[0]) % $prime;

	return [ $sum, ($slope * ($x - $sum) - $y) % $prime ];
}

sub multiply_point
{
	my ($scalar, $point) = @_;
	my $result;

	for my $bit (split //, unpack('B*', $scalar) =~ s/^0+//r)
	{
		$result = add_points($result, $result) if $result;
		$result = $result ? add_points($result, $point) : $point if $bit;
	}
	return $result;
}

sub number
{
	my ($bytes) = @_;

	return Math::BigInt->from_hex(unpack('H*', $bytes));
}

# C1 | C3 | C2; undef if C3 does not fit
sub open_sm2
{
	my ($private, $ciphertext) = @_;
	my ($form, $x, $y, $hash, $text) = unpack('C a32 a32 a32 a*', $ciphertext);
	my $shared = multiply_point($private, [ number($x), number($y) ]);
	my ($x2, $y2) = map { pack('H*', substr('0' x 64 . substr($_->as_hex, 2), -64)) } @$shared;
	my $stream = '';

	$stream .= sm3($x2 . $y2 . pack('N', 1 + length($stream) / 32)) while length $stream < length $text;
	$text ^= substr($stream, 0, length $text);
	return $form == 4 && sm3($x2 . $text . $y2) eq $hash ? $text : undef;
}

# ---- rows under a MAC ---------------------------------------------------------

# Columns and how they are written: U uuid, I number, Z number whose null is 0, O boolean,
# D date whose null is never, T text, B hexadecimal bytes, L list of texts.
my %row_columns = (
	key => [ qw(id:U owner:I owner_name:T created_at:D state:T spec:T usage:T origin:T primary_version:U description:T
		  rotation_seconds:Z rotated_at:D next_rotation_at:D material_expires_at:D delete_at:D deletion_protected:O
		  deletion_protection_description:T) ],
	alias => [ qw(name:T key_id:U created_at:D) ],
	secret => [ qw(id:U name:T owner:I owner_name:T created_at:D updated_at:D type:T sub_type:T description:T key_id:U
		  key_is_chosen:O extended_config:T automatic_rotation:T rotation_seconds:Z rotated_at:D next_rotation_at:D
		  delete_at:D hour_began_at:D hour_rotations:I) ],
	'secret stage' => [ qw(secret_id:U stage:T version_id:T) ],
	'secret version' => [ qw(secret_id:U id:T created_at:D is_binary:O role_name:T) ],
	grant => [ qw(id:U resource_type:T resource:U grantee:I grantee_name:T operations:L context:B expires_at:D
		  grantor_name:T created_at:D) ],
	certificate => [ qw(id:U owner:I owner_name:T created_at:D updated_at:D status:T spec:T exportable:O subject:T names:L
		  issuer:T serial:T not_before:D not_after:D certificate:T certificate_chain:T key_identifier:T public_key:B
		  request:T warn_at:D wrapped:B wrap_account_id:I wrap_domain_key_version:I) ],
	'certificate key' => [ qw(id:U spec:T exportable:O wrap_account_id:I wrap_domain_key_version:I) ],
	audit => [ qw(seq:I occurred_at:D session_user_name:T user_name:T application_name:T client_address:T operation:T
		  resource_type:T resource:T detail:T result:T api_code:T previous:B) ],
	audit_head => [ qw(seq:I row_mac:B) ]);

sub record_bytes
{
	my ($bytes) = @_;

	return defined $bytes ? pack('a N/a', 'B', $bytes) : 'N';
}

my %record_column = (
	U => sub { defined $_[0] ? 'U' . uuid($_[0]) : 'N' },
	I => sub { pack('a q>', 'I', $_[0]) },
	Z => sub { pack('a q>', 'I', $_[0] // 0) },
	O => sub { pack('a q>', 'I', $_[0]) },
	D => sub { 'I' . (defined $_[0] ? pack('q>', $_[0]) : pack('H*', '7f' . 'ff' x 7)) },
	T => \&record_bytes,
	B => sub { record_bytes(defined $_[0] ? pack('H*', $_[0]) : undef) },
	L => sub { join('', pack('a N', 'L', scalar @{ $_[0] }), map { record_bytes($_) } @{ $_[0] }) });

sub record
{
	my ($kind, %row) = @_;

	return join('', pack('N/a', $kind), map { /(.*):(.)/ ? $record_column{$2}->($row{$1}) : () } @{ $row_columns{$kind} });
}

# ---- the page's examples ------------------------------------------------------

# Blocks that begin with "example = KIND"; "name = value", longer values on
# lines of their own, indented.
sub read_examples
{
	my ($file) = @_;
	my $page = slurp_file($file);
	my @examples;

	while ($page =~ /^```text\n(example = .*?)^```/gms)
	{
		my ($text, %example) = ($1 =~ s/\n +//gr);

		for my $line (split /\n/, $text)
		{
			my ($name, $value) = $line =~ /^(\w+) = ?(.*)$/ or next;
			$example{$name} = $value;
		}
		push @examples, \%example;
	}
	return @examples;
}

my %binary = map { $_ => 1 } qw(key nonce aad plaintext l k1 m1 m2 m3 blocks message_key encryption_key mac_key
  counter mac_input iv ciphertext tag blob sealed canonical material wrapping_key domain_key wrapped id
  data_key value private private_key envelope index record mac row_key);

sub is_as_written
{
	my ($example, $title, %computed) = @_;

	for my $name (sort keys %computed)
	{
		is(unpack('H*', $computed{$name}), $example->{$name}, "$title: $name");
	}
}

# The columns of a row; "null" is one, and \n a line break.
sub row_of_example
{
	my ($example) = @_;

	return map { $_ => $example->{$_} eq 'null' ? undef : $example->{$_} =~ s/\\n/\n/gr } keys %$example;
}

my %recompute = (
	'context' => sub {
		my ($e) = @_;
		return (canonical => canonical($e->{context}));
	},
	'xaes' => sub {
		my ($e, $x) = @_;
		my $derived = derive($suites{1}, $x->{key}, $x->{nonce});
		my $m = message($suites{1}, $derived, $x->{nonce}, $x->{aad}, plaintext => $x->{plaintext});

		return (
			(map { $_ => $derived->{$_} } qw(l k1)),
			message_key => $m->{message_key},
			sealed => $m->{ciphertext} . $m->{tag});
	},
	'root key' => sub {
		my ($e) = @_;
		my $key = pack('H*', $e->{text});

		return (
			id => hkdf_expand($key, 'kms root key id', 8),
			wrapping_key => hkdf_expand($key, 'kms domain key wrapping', 32));
	},
	'domain key' => sub {
		my ($e, $x) = @_;
		my $aad = domain_key_place(%$e);

		return (aad => $aad, wrapped => wrap($x->{wrapping_key}, $aad, $x->{nonce}, $x->{domain_key}));
	},
	'material' => sub {
		my ($e, $x) = @_;
		my $aad = material_place(%$e);
		my $key = hkdf_expand($x->{domain_key}, 'kms material wrapping', 32);

		return (aad => $aad, wrapping_key => $key, wrapped => wrap($key, $aad, $x->{nonce}, $x->{material}));
	},
	'certificate key' => sub {
		my ($e, $x) = @_;
		my $aad = record('certificate key', row_of_example($e));
		my $key = hkdf_expand($x->{domain_key}, 'kms material wrapping', 32);

		return (aad => $aad, wrapping_key => $key, wrapped => wrap($key, $aad, $x->{nonce}, $x->{private_key}));
	},
	'message' => sub {
		my ($e, $x) = @_;
		my $suite = $suites{ $e->{format} };
		my $header = pack('C', $e->{format}) . uuid($e->{version_id}) . $x->{nonce};
		my $canonical = canonical($e->{context});
		my $derived = derive($suite, $x->{material}, $x->{nonce});
		my $m = message($suite, $derived, $x->{nonce}, $header . $canonical, plaintext => $x->{plaintext});
		my %all = (
			%$derived, %$m,
			canonical => $canonical,
			aad => $header . $canonical,
			blob => $header . $m->{ciphertext} . $m->{tag});

		delete @all{qw(used plaintext)};
		return %all;
	},
	'envelope' => sub {
		my ($e, $x) = @_;

		my $canonical = canonical($e->{context});

		return (canonical => $canonical,
			%{ seal_envelope($e->{format}, $x->{material}, $e->{version_id}, $x->{nonce}, $canonical, $x->{data_key}, $x->{plaintext}) });
	},
	'secret value' => sub {
		my ($e, $x) = @_;
		my $record = record('secret version', row_of_example($e));
		my $sealed = seal_envelope($e->{format}, $x->{material}, $e->{key_version_id}, $x->{nonce}, $record, $x->{data_key}, $x->{plaintext});

		return (record => $record, map { $_ => $sealed->{$_} } qw(aad envelope));
	},
	'long envelope' => sub {
		my ($e, $x) = @_;
		my $plaintext = pack('C*', map { $_ % 251 } 0 .. $e->{plaintext_length} - 1);
		my %all = %{ seal_envelope($e->{format}, $x->{material}, $e->{version_id}, $x->{nonce}, canonical($e->{context}),
				$x->{data_key}, $plaintext) };

		is(length $all{envelope}, $e->{length}, 'the long envelope has the length that is written');
		$all{sha256} = sha256($all{envelope});
		delete @all{ qw(aad message_key envelope), grep { /^ciphertext_/ } keys %all };
		return %all;
	},
	'blind index' => sub {
		my ($e, $x) = @_;

		return blind_index($x->{key}, $e->{context}, $x->{value});
	},
	'row' => sub {
		my ($e, $x) = @_;
		my %row = row_of_example($e);
		my $key = hkdf_expand($x->{domain_key}, 'kms row mac', 32);

		$row{$_} = [ split /,/, $row{$_} ] for grep { defined $row{$_} } qw(operations names);
		my $record = record($e->{kind}, %row);
		return (row_key => $key, record => $record, mac => hmac_sha256($record, $key));
	},
	'sm2' => sub {
		my ($e, $x) = @_;

		return (
			plaintext => open_sm2($x->{private}, $x->{ciphertext}) // 'none',
			c1 => substr($x->{ciphertext}, 0, 65),
			c3 => substr($x->{ciphertext}, 65, 32),
			c2 => substr($x->{ciphertext}, 97));
	});

sub check_example
{
	my ($example, $number) = @_;
	my $kind = $example->{example};
	my $title = "example $number ($kind" . (exists $example->{format} ? " $example->{format})" : ')');
	my %bytes = map { $_ => pack('H*', $example->{$_}) } grep { $binary{$_} } keys %$example;
	my %computed = $recompute{$kind}->($example, \%bytes);

	is_as_written($example, $title, %computed);
	if ($kind eq 'message')
	{
		is(open_blob($bytes{material}, $example->{context}, $bytes{blob}), $bytes{plaintext}, "$title opens");
		is(open_blob($bytes{material}, '{"id": "43"}', $bytes{blob}), undef, "$title does not open in another context");
	}
	if ($kind eq 'envelope')
	{
		is(open_envelope($bytes{material}, canonical($example->{context}), $bytes{envelope}), $bytes{plaintext}, "$title opens");
		is(open_envelope($bytes{material}, canonical('{"id": "43"}'), $bytes{envelope}), undef, "$title does not open in another context");
	}
	if ($kind eq 'secret value')
	{
		is(open_envelope($bytes{material}, $bytes{record}, $bytes{envelope}), $bytes{plaintext}, "$title opens");
		is(open_envelope($bytes{material}, record('secret version', row_of_example($example), id => 'v2'), $bytes{envelope}), undef,
			"$title does not open as another version");
		is(open_envelope($bytes{material}, '', $bytes{envelope}), undef, "$title does not open like any other envelope");
	}
}

my @examples = read_examples("$FindBin::Bin/../../docs/formats.md");
my %kinds = map { ($_->{example} . ($_->{format} // '')) => 1 } @examples;

is_deeply(
	[ sort keys %kinds ],
	[
		sort 'context', 'domain key', 'material', 'root key', 'xaes', 'blind index', 'sm2', 'row', 'certificate key', 'secret value17', 'envelope17', 'envelope20',
		'long envelope17', map { "message$_" } 1 .. 4
	],
	'the page has an example of each kind');
check_example($examples[$_], $_ + 1) for 0 .. $#examples;

# ---- a running server -----------------------------------------------------------

my $node = PostgreSQL::Test::Cluster->new('formats');
my $root_key = '00112233445566778899aAbBcCdDeEfF102132435465768798a9bacbdcedfe0f';
my $root_file = $node->basedir . '/root.key';

sub write_root_keys
{
	my @lines = @_;
	my $mask = umask 0077;

	unlink $root_file;
	append_to_file($root_file, join('', @lines));
	umask $mask;
}

# Spaces, tabs, carriage returns and empty lines around keys are allowed.
$node->init;
write_root_keys("\r\n", " \t$root_key \r\n", "\n", 'ff' x 32, "\n");
$node->append_conf('postgresql.conf', <<"END");
$ENV{KMS_STAGED}
shared_preload_libraries = 'kms'
kms.root_key_file = '$root_file'
END
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION kms');

sub ask
{
	my ($sql) = @_;

	return $node->safe_psql('postgres', $sql);
}

my %root = $recompute{'root key'}->({ text => $root_key });
is(ask('SELECT root_key_id FROM kms.status'), unpack('H*', $root{id}), 'the root key has the id of the page');

my ($account, $version, $root_id, $wrapped) =
  split /\|/, ask(q{SELECT account_id, version, encode(root_key_id, 'hex'), encode(wrapped, 'hex') FROM kms.domain_key});
is($root_id, unpack('H*', $root{id}), 'the domain key names its root key');
my $domain_key =
  unwrap($root{wrapping_key}, domain_key_place(account_id => $account, version => $version), pack('H*', $wrapped));
is(length $domain_key // '', 32, 'the domain key opens');
my $material_key = hkdf_expand($domain_key, 'kms material wrapping', 32);

my $contexts = [ undef, '{}', '{"id": "42"}', '{"zz": "1", "b": "", "aa": "\u00fc", "": "\u20ac\"\\\\"}' ];
my $texts = [ '', 'a', 'x' x 6144, "gr\x{fc}\x{df}e" ];
my $literal = sub { defined $_[0] ? "'" . $_[0] =~ s/'/''/gr . "'" : 'NULL' };

# What the row of a key says, with the wrapped material of its newest version.
sub row_of
{
	my ($key) = @_;
	my %row;

	@row{qw(version_id account_id domain_key_version key_id key_spec key_usage origin wrapped)} = split /\|/, ask(qq{
		SELECT v.id, v.account_id, v.domain_key_version, k.id, k.spec, k.usage, k.origin, encode(v.wrapped, 'hex')
		  FROM kms.key k JOIN kms.key_version v ON v.id = k.primary_version WHERE k.id = '$key'});
	$row{wrapped} = pack('H*', $row{wrapped});
	return %row;
}

# The bytes that a call returns.
sub ask_bytes
{
	my ($call, @arguments) = @_;

	return pack('H*', ask('SELECT encode(' . sprintf($call, @arguments) . ", 'hex')"));
}

for my $format (sort keys %suites)
{
	my $spec = $suites{$format}{spec};
	my $key = ask("SELECT kms_create_key('$spec')");
	my %row = row_of($key);
	my $wrapped_material = $row{wrapped};
	my $material = unwrap($material_key, material_place(%row), $wrapped_material);
	is(length($material // ''), $suites{$format}{length}, "$spec: the material opens");
	is(unwrap($material_key, material_place(%row, key_spec => 'Aliyun_AES_128x'), $wrapped_material),
		undef, "$spec: it does not open for another spec");

	for my $i (0 .. 3)
	{
		my $plaintext = $texts->[$i];
		my $context = $contexts->[$i];

		utf8::encode($plaintext);
		my $blob = pack('H*', ask(sprintf(
				q{SELECT encode(kms_encrypt('%s', decode('%s', 'hex'), %s), 'hex')},
				$key, unpack('H*', $plaintext), $literal->($context))));

		is(unpack('C', $blob), $format, "$spec: the format byte is $format");
		is(substr($blob, 1, 16), uuid($row{version_id}), "$spec: the key version id follows");
		is(length $blob, 41 + length($plaintext) + $suites{$format}{tag}, "$spec: the length is as described");
		ok(($material ne '' && open_blob($material, $context, $blob) // 'no') eq $plaintext,
			"$spec: the reader opens what the server has made, message $i");
	}

	# The other way round: the server opens what this reader has made.
	my $nonce = pack('H*', 'ab' x 24);
	my $header = pack('C', $format) . uuid($row{version_id}) . $nonce;
	my $made = message($suites{$format}, derive($suites{$format}, $material, $nonce), $nonce,
		$header . canonical($contexts->[3]), plaintext => 'made elsewhere');
	is(ask(sprintf(q{SELECT kms_decrypt_text(decode('%s', 'hex'), %s)},
				unpack('H*', $header . $made->{ciphertext} . $made->{tag}), $literal->($contexts->[3]))),
		'made elsewhere', "$spec: the server opens what this reader has made");

	my $data_key = ask("SELECT encode(plaintext, 'hex') || '|' || encode(ciphertext_blob, 'hex')"
		  . " FROM kms_generate_data_key('$key', 'AES_128')");
	my ($plain, $sealed) = map { pack('H*', $_) } split /\|/, $data_key;
	is(unpack('H*', open_blob($material, undef, $sealed) // ''), unpack('H*', $plain),
		"$spec: an encrypted data key is a ciphertext like any other");

	for my $length (0, 5, $chunk_length, $chunk_length + 1)
	{
		my $envelope = ask_bytes(q{kms_envelope_encrypt('%s', repeat('x', %d), %s)}, $key, $length, $literal->($contexts->[3]));

		is(unpack('C', $envelope), $format + 16, "$spec: the format byte of an envelope is 16 more");
		is(length $envelope,
			41 + $suites{$format}{length} + $length + $suites{$format}{tag} * ($length > $chunk_length ? 3 : 2),
			"$spec: an envelope of $length bytes is as long as described");
		ok((open_envelope($material, canonical($contexts->[3]), $envelope) // 'no') eq 'x' x $length,
			"$spec: the reader opens an envelope of $length bytes");
	}
	my $envelope = seal_envelope($format + 16, $material, $row{version_id}, $nonce, canonical($contexts->[3]),
		'k' x $suites{$format}{length}, 'made elsewhere ' x 5000)->{envelope};
	is(ask(sprintf(q{SELECT kms_decrypt_text(decode('%s', 'hex'), %s) = repeat('made elsewhere ', 5000)},
				unpack('H*', $envelope), $literal->($contexts->[3]))),
		't', "$spec: the server opens an envelope that this reader has made");
}

my $text_blob = pack('H*', ask(q{SELECT encode(kms_encrypt(key_id::text, U&'gr\00FC\00DFe'::text), 'hex')
	FROM kms.keys WHERE key_spec = 'Aliyun_AES_256'}));
is(unpack('C', $text_blob), 1, 'a text is encrypted in the same format');
is(length($text_blob) - 57, 7, 'and as its UTF-8');

# ---- MAC keys and blind indexes ---------------------------------------------------

my %macs = (
	HMAC_SHA_256 => [ 32, \&hmac_sha256 ],
	HMAC_SHA_384 => [ 48, \&hmac_sha384 ],
	HMAC_SHA_512 => [ 64, \&hmac_sha512 ],
	HMAC_SM3 => [ 32, sub { hmac_sm3($_[1], $_[0]) } ]);

for my $spec (sort keys %macs)
{
	my ($length, $hmac) = @{ $macs{$spec} };
	my $key = ask("SELECT kms_create_key('$spec')");
	my %row = row_of($key);
	my $material = unwrap($material_key, material_place(%row), $row{wrapped}) // '';

	is(length $material, $length, "$spec: the material opens");
	is(unpack('H*', ask_bytes(q{kms_generate_mac('%s', 'a message')}, $key)),
		unpack('H*', $hmac->('a message', $material)), "$spec: a MAC is HMAC of the message");
	next if $spec ne 'HMAC_SHA_256';
	for my $i (0 .. 3)
	{
		my %index = blind_index($material, $contexts->[$i], "gr\xc3\xbc\xc3\x9fe");

		is(unpack('H*', ask_bytes(q{kms_blind_index('%s', U&'gr\00FC\00DFe', %s)}, $key, $literal->($contexts->[$i]))),
			unpack('H*', $index{index}), "a blind index is as described, context $i");
	}
}

# ---- pairs --------------------------------------------------------------------------

for my $spec (qw(RSA_2048 EC_P256 EC_P256K EC_P384 EC_P521 EC_SM2 ED25519))
{
	my $usage = $spec eq 'EC_SM2' ? 'ENCRYPT/DECRYPT' : 'SIGN/VERIFY';
	my $key = ask("SELECT kms_create_key('$spec', '$usage')");
	my %row = row_of($key);
	my $material = unwrap($material_key, material_place(%row), $row{wrapped}) // '';

	is(openssl($material, 'pkey', '-inform', 'DER', '-pubout'), ask("SELECT kms_get_public_key('$key')"),
		"$spec: the material is a PKCS #8 private key, and of this public key");
	next if $spec ne 'EC_SM2';
	my ($private) = $material =~ /\x02\x01\x01\x04\x20(.{32})/s;
	my $ciphertext = ask_bytes(q{kms_asymmetric_encrypt('%s', NULL, 'SM2PKE', 'to SM2')}, $key);

	is(length $ciphertext, 97 + 6, 'a ciphertext of SM2 is 97 bytes longer');
	is(open_sm2($private, $ciphertext), 'to SM2', 'the reader opens a ciphertext of SM2');
}

# ---- rows under a MAC -----------------------------------------------------------

my $row_key = hkdf_expand($domain_key, 'kms row mac', 32);

# The rows of a table, each as a hash, with this column beside those of the record.
sub rows_of
{
	my ($kind, $table, $order, $beside) = @_;
	my %as = (
		D => q{(extract(epoch FROM "%s" - timestamptz '2000-01-01 00:00:00+00') * 1000000)::bigint},
		I => '"%s"::bigint', O => '"%s"::integer', B => q{encode("%s", 'hex')});
	my @columns = map { /(.*):(.)/ && $1 ne 'previous' ? sprintf(($as{$2} // '"%s"') . ' AS "%1$s"', $1) : () } @{ $row_columns{$kind} };
	my $list = join(', ', @columns, sprintf(q{encode(%s, 'hex') AS "%1$s"}, $beside // 'mac'));
	my @rows = map { JSON::PP->new->utf8->decode($_) } split /\n/, ask("SELECT row_to_json(r) FROM (SELECT $list FROM $table ORDER BY $order) r");

	for my $row (@rows)
	{
		for my $value (values %$row)
		{
			utf8::encode($_) for grep { defined && !ref } ref $value eq 'ARRAY' ? @$value : $value;
		}
	}
	return @rows;
}

sub mac_fits
{
	my ($kind, $row) = @_;

	return unpack('H*', hmac_sha256(record($kind, %$row), $row_key)) eq $row->{mac};
}

ask(q{
	SELECT kms_create_alias(k::text, 'alias/rows'), kms_set_deletion_protection(k::text, true, E'gr\u00fcn'),
		   kms_grant(k::text, 'PUBLIC', '{*}'),
		   kms_grant(k::text, 'pg_monitor', '{Decrypt,Encrypt}', '{"b": "1", "aa": "\u00fc"}', '2100-01-01')
	  FROM kms_create_key(description => 'rows', enable_automatic_rotation => true, rotation_interval => '90 days') k;
	SELECT kms_schedule_key_deletion(kms_create_key(origin => 'EXTERNAL')::text, 7);
});
ask(q{
	CREATE ROLE kms_test_login LOGIN;
	SELECT kms_create_secret('text', 'v1', E'gr\u00fcn', description => 'a text'),
		   kms_put_secret_value('text', 'v2', '', '{Next,ACSCurrent}'),
		   kms_grant('secret/text', 'pg_monitor', '{GetSecretValue}');
	SELECT kms_create_secret('binary', '1', '\x00ff'::bytea, encryption_key_id => (SELECT max(key_id::text) FROM kms.keys WHERE key_spec = 'Aliyun_SM4'));
	SELECT kms_create_secret('role', '1', '{"Accounts": [{"AccountName": "kms_test_login", "AccountPassword": "secret"}]}', 'Rds',
							 extended_config => '{"SecretSubType": "SingleUser", "DBInstanceId": "local"}',
							 enable_automatic_rotation => true, rotation_interval => '30 days');
	SELECT kms_rotate_secret('role', '2');
	SELECT kms_delete_secret('binary');
});
ask(q{
	SELECT kms_create_certificate('EC_P256', E'CN=shop,O=gr\u00fcn', '{example.com,192.0.2.7}'),
		   kms_create_certificate('RSA_2048', 'CN=invoices', exportable_private_key => false);
});
my $ca = PostgreSQL::Test::Utils::tempdir . '/ca';
openssl('', qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=CA -days 2 -keyout), "$ca.key", '-out', "$ca.pem");
my $uploaded = ask(q{SELECT id FROM kms.certificate WHERE spec = 'EC_P256'});
my $pem = openssl(ask("SELECT csr FROM kms_get_certificate('$uploaded')"), qw(x509 -req -days 2 -CA), "$ca.pem", '-CAkey', "$ca.key");
ask("SELECT kms_upload_certificate('$uploaded', '$pem', '" . slurp_file("$ca.pem") . "')");

for my $table ([ 'key', 'kms.key', 'id' ], [ 'alias', 'kms.alias', 'name' ], [ 'grant', 'kms.grant_entry', 'id' ],
	[ 'secret', 'kms.secret', 'id' ], [ 'secret stage', 'kms.secret_version_stage', 'secret_id, stage' ], [ 'certificate', 'kms.certificate', 'id' ])
{
	my ($kind, $name, $order) = @$table;
	my @rows = rows_of($kind, $name, $order);

	cmp_ok(scalar @rows, '>', 0, "$name has rows");
	is(scalar(grep { !mac_fits($kind, $_) } @rows), 0, "$name: each MAC is as described");
}

# ---- private keys of certificates ---------------------------------------------------

for my $row (rows_of('certificate', 'kms.certificate', 'id'))
{
	my $wrapped = pack('H*', $row->{wrapped});
	my $private = unwrap($material_key, record('certificate key', %$row), $wrapped) // '';

	is(unpack('H*', openssl($private, qw(pkey -inform DER -pubout -outform DER))), $row->{public_key},
		"the reader opens the private key of a certificate of spec $row->{spec}");
	is(unwrap($material_key, record('certificate key', %$row, exportable => 1 - $row->{exportable}), $wrapped), undef,
		'and not as one that may, or may not, be exported');
}

# ---- values of secrets ------------------------------------------------------------

my %value = (v1 => "gr\xc3\xbcn", v2 => '', binary => "\x00\xff", 1 => '{"AccountName":"kms_test_login","AccountPassword":"secret"}');
my %is_binary = (binary => 1);

for my $row (rows_of('secret version', q{(SELECT *, data_type = 'binary' AS is_binary FROM kms.secret_version) v}, 'secret_id, id', 'value'))
{
	my $envelope = pack('H*', $row->{value});
	my %key_version = row_of(ask(sprintf(q{SELECT key_id FROM kms.key_version WHERE id = encode('\x%s', 'hex')::uuid}, unpack('H32', substr($envelope, 1)))));
	my $material = unwrap($material_key, material_place(%key_version), $key_version{wrapped});
	my $value = open_envelope($material, record('secret version', %$row), $envelope) // 'does not open';
	my $expected = $row->{is_binary} ? $value{binary} : $value{ $row->{id} };
	my $name = "version $row->{id}" . (defined $row->{role_name} ? ' of a role' : '');

	like($value, defined $expected ? qr/\A\Q$expected\E\z/ : qr/\A\{"AccountName":"kms_test_login","AccountPassword":"[A-Za-z0-9]{32}"\}\z/,
		"the reader opens the value of $name");
	is(open_envelope($material, record('secret version', %$row, created_at => $row->{created_at} + 1), $envelope), undef,
		'and not with another date');
}

# ---- the audit log ------------------------------------------------------------------

my $previous = '00' x 32;
my @entries = rows_of('audit', 'kms.audit_entry', 'seq');
my ($head) = rows_of('audit_head', 'kms.audit_head', 'seq');
my $bad = 0;
for my $entry (@entries)
{
	$bad++ if !mac_fits('audit', { %$entry, previous => $previous });
	$previous = $entry->{mac};
}
is($bad, 0, 'the MACs of the audit log are as described');
ok(mac_fits('audit_head', $head), 'and that of its head');
is($head->{row_mac}, $previous, 'which has that of the last row');

$node->stop;
done_testing();
