# Pages of docs that are done, command by command: what they say is compared with
# what comes.
package HowTo;

use strict;
use warnings;

use Exporter 'import';
use FindBin;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(follows_page);

# The blocks of a page, in their order: [kind, text, line].
sub blocks_of
{
	my ($page) = @_;
	my ($line, $kind, $indent, $start, @text, @blocks) = (0);

	for (split /\n/, $page)
	{
		$line++;
		if (!defined $kind && /^( *)```(\w*)$/)
		{
			($indent, $kind, $start, @text) = (length $1, $2, $line + 1);
		}
		elsif (defined $kind && /^ *```$/)
		{
			push @blocks, [ $kind, join('', @text), $start ];
			undef $kind;
		}
		elsif (defined $kind)
		{
			push @text, substr($_, length > $indent ? $indent : length) . "\n";
		}
	}
	return @blocks;
}

# Ids differ from run to run; psql leaves blanks at the end of lines, and an empty line behind a table.
sub comparable
{
	my ($text) = @_;

	$text =~ s/ +$//gm;
	$text =~ s/\n+\z/\n/;
	return $text =~ s/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/(id)/gr;
}

# One shell runs all of it in this folder, SQL as the superuser; a line with the number
# of a block comes before its output, messages among it.
sub run_blocks
{
	my ($node, $folder, $dbname, $user, @blocks) = @_;
	my ($script, $output) = ("exec 2>&1\n", '');
	my $n = 0;

	for my $block (@blocks)
	{
		my ($kind, $text) = @$block;

		$text = "PGUSER='" . getpwuid($<) . "' psql -XAtq -v ON_ERROR_STOP=1 <<'END OF SQL'\n${text}END OF SQL\n" if $kind eq 'sql';
		$script .= "echo '=== block $n'\n$text" if $kind =~ /^(sh|sql)$/;
		$n++;
	}
	mkdir "$folder/page";
	append_to_file("$folder/page.sh", $script);
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	local $ENV{PGDATABASE} = $dbname;
	local $ENV{PGUSER} = $user;
	IPC::Run::run([ 'bash', "$folder/page.sh" ], '<', '/dev/null', '>', \$output, '2>', \$output, init => sub { chdir "$folder/page" or die });
	return map { /\A(\d+)\n(.*)\z/s ? ($1, $2) : () } split /^=== block /m, $output;
}

# A test for each block that is run, in a database as the page wants it and, unless the
# page says otherwise, by this role.
sub follows_page
{
	my ($node, $page, $dbname, $user) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir;
	my @blocks = blocks_of(slurp_file("$FindBin::RealBin/../../docs/$page"));
	my %output = run_blocks($node, $folder, $dbname, $user, @blocks);

	cmp_ok(scalar(grep { $_->[0] eq 'sh' } @blocks), '>=', 10, "docs/$page has commands");
	for my $n (0 .. $#blocks)
	{
		my ($kind, undef, $line) = @{ $blocks[$n] };

		next if $kind eq 'text';
		my $said = $n < $#blocks && $blocks[ $n + 1 ][0] eq 'text' ? $blocks[ $n + 1 ][1] : '';
		is(comparable($output{$n} // 'not run'), comparable($said), "$page, line $line: the commands print what the page says");
	}
	is(join(' ', glob "$folder/page/*"), '', 'and nothing is left of its files');
	return;
}

1;
