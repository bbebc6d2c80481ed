# Looking for what is secret in the files of a server.
package LeakSearch;

use strict;
use warnings;

use Exporter 'import';
use File::Find;
use MIME::Base64;

our @EXPORT = qw(forms found_in);

# Each form in which bytes end up in a file: as they are, in hexadecimal, in Base64.
sub forms
{
	my ($bytes) = @_;
	my $base64 = encode_base64($bytes, '');

	# The last characters of Base64 depend on what follows.
	return ($bytes, unpack('H*', $bytes), uc unpack('H*', $bytes), substr($base64, 0, int(length($bytes) / 3) * 4));
}

# The names of the secrets that are in any file under the folder but that of the
# root key, with the file; wanted: name => bytes.
sub found_in
{
	my ($folder, %wanted) = @_;
	my (%name, %found);

	for my $name (keys %wanted)
	{
		$name{ substr($_, 0, 24) } = $name for forms($wanted{$name});
	}
	# Room for all of them in one table: otherwise they are tried one after the other.
	local ${^RE_TRIE_MAXBUF} = 2**24;
	my $any = join '|', map { quotemeta } sort keys %name;
	$any = qr/($any)/;
	find({ no_chdir => 1, wanted => sub {
		return unless -f && -r && !m!/root\.key$!;
		open(my $file, '<:raw', $_) or return;
		my $contents = do { local $/; <$file> } // '';
		$found{"$name{$1} in $_"} = 1 while $contents =~ /$any/g;
	} }, $folder);
	return sort keys %found;
}

1;
