# The openssl command line as the other side, for the tests of test/t.
package OpenSSL;

use strict;
use warnings;

use Exporter 'import';
use File::Temp;
use IPC::Run;

our @EXPORT = qw(openssl openssl_says sm2_raw sm2_der);

# What it prints when it has read this; undef if it fails.
sub openssl
{
	my ($input, @arguments) = @_;
	my ($output, $errors) = ('', '');
	my $file = File::Temp->new;

	# From a file: IPC::Run takes a string of the one character "0" for none.
	binmode $file;
	print $file $input;
	$file->flush;
	return IPC::Run::run([ 'openssl', @arguments ], '<', $file->filename, '>', \$output, '2>', \$errors) ? $output : undef;
}

# Likewise where it must not fail.
sub openssl_says
{
	my ($input, @arguments) = @_;

	return openssl($input, @arguments) // die "openssl @arguments fails";
}

# Take the next element, which must have this tag, off the DER.
sub take
{
	my ($der, $tag) = @_;
	my ($found, $len) = unpack 'CC', substr($$der, 0, 2, '');

	if ($len > 0x80)
	{
		my $bytes = substr($$der, 0, $len - 0x80, '');

		$len = unpack 'N', substr("\0\0\0$bytes", -4);
	}
	die 'no SM2 ciphertext' if $found != $tag || $len > length $$der;
	return substr($$der, 0, $len, '');
}

sub put
{
	my ($tag, $contents) = @_;
	my $len = length $contents;
	my $header = $len < 0x80 ? pack('C', $len) : $len < 0x100 ? pack('CC', 0x81, $len) : pack('Cn', 0x82, $len);

	return pack('C', $tag) . $header . $contents;
}

sub put_number
{
	my ($bytes) = @_;

	$bytes =~ s/^\0+(?=.)//s;
	return put(0x02, ord($bytes) & 0x80 ? "\0$bytes" : $bytes);
}

# SM2 ciphertext as OpenSSL makes it, SEQUENCE { x, y, C3, C2 }, as C1 || C3 || C2.
sub sm2_raw
{
	my ($der) = @_;

	$der = take(\$der, 0x30);
	my ($x, $y) = map { substr("\0" x 32 . take(\$der, 0x02), -32) } 1 .. 2;
	return "\x04$x$y" . take(\$der, 0x04) . take(\$der, 0x04);
}

# And back.
sub sm2_der
{
	my ($raw) = @_;
	my (undef, $x, $y, $hash, $text) = unpack 'a a32 a32 a32 a*', $raw;

	return put(0x30, put_number($x) . put_number($y) . put(0x04, $hash) . put(0x04, $text));
}

1;
