# An independent reader of what docs/formats.md describes.
#
# It shares no code with src/crypto and uses none of OpenSSL's modes: of the
# openssl command it takes single AES and SM4 blocks and HMAC-SM3, everything
# else (derivation, GCM, counter mode, HKDF) is written out below.  With it each
# example of the page is recomputed, and then the tables and ciphertexts of a
# running server are opened from its root key.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use FindBin;
use IPC::Run;
use JSON::PP ();
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

# SP 800-38D: multiplication in GF(2^128), most significant bit first.
sub multiply
{
	my ($x, $y) = @_;
	my ($high, $low) = unpack('Q>2', $y);
	my ($result_high, $result_low) = (0, 0);

	for my $bit (split //, unpack('B128', $x))
	{
		if ($bit)
		{
			$result_high ^= $high;
			$result_low ^= $low;
		}
		my $carry = $low & 1;
		$low = ($low >> 1) | (($high & 1) << 63);
		$high >>= 1;
		$high ^= 0xe1 << 56 if $carry;
	}
	return pack('Q>2', $result_high, $result_low);
}

sub padded
{
	my ($text) = @_;

	return $text . "\0" x (-length($text) % 16);
}

sub gcm_tag
{
	my ($cipher, $key, $iv, $additional, $ciphertext) = @_;
	my $h = encrypt_blocks($cipher, $key, "\0" x 16);
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
  counter mac_input iv ciphertext tag blob sealed canonical material wrapping_key domain_key wrapped id);

sub is_as_written
{
	my ($example, $title, %computed) = @_;

	for my $name (sort keys %computed)
	{
		is(unpack('H*', $computed{$name}), $example->{$name}, "$title: $name");
	}
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
}

my @examples = read_examples("$FindBin::Bin/../../docs/formats.md");
my %kinds = map { ($_->{example} . ($_->{format} // '')) => 1 } @examples;

is_deeply(
	[ sort keys %kinds ],
	[ sort 'context', 'domain key', 'material', 'root key', 'xaes', map { "message$_" } 1 .. 4 ],
	'the page has an example of each kind');
check_example($examples[$_], $_ + 1) for 0 .. $#examples;

# ---- a running server -----------------------------------------------------------

my $pkglibdir = `"$ENV{PG_CONFIG}" --pkglibdir`;
chomp $pkglibdir;
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
extension_destdir = '$ENV{KMS_STAGE}'
dynamic_library_path = '$ENV{KMS_STAGE}$pkglibdir:\$libdir'
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

for my $format (sort keys %suites)
{
	my $spec = $suites{$format}{spec};
	my $key = ask("SELECT kms_create_key('$spec')");
	my %row;
	my $wrapped_material;

	@row{qw(version_id account_id domain_key_version key_id key_spec key_usage origin)} = split /\|/, ask(qq{
		SELECT v.id, v.account_id, v.domain_key_version, k.id, k.spec, k.usage, k.origin
		  FROM kms.key k JOIN kms.key_version v ON v.id = k.primary_version WHERE k.id = '$key'});
	$wrapped_material = pack('H*', ask("SELECT encode(wrapped, 'hex') FROM kms.key_version WHERE id = '$row{version_id}'"));
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
}

my $text_blob = pack('H*', ask(q{SELECT encode(kms_encrypt(key_id::text, U&'gr\00FC\00DFe'::text), 'hex')
	FROM kms.keys WHERE key_spec = 'Aliyun_AES_256'}));
is(unpack('C', $text_blob), 1, 'a text is encrypted in the same format');
is(length($text_blob) - 57, 7, 'and as its UTF-8');

$node->stop;
done_testing();
