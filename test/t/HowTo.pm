# Pages of docs that are done, command by command: what they say is compared with
# what comes.  CONTRIBUTING.md says how pages are written for that.
package HowTo;

use strict;
use warnings;

use Exporter 'import';
use FindBin;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(blocks_of follows_page session_verdicts);

# The blocks of a page, in their order: kind, text, line, and said, what the page says comes of
# it: the block of text right behind it.  Statements in a comment of the page are a block, too,
# which readers do not see; a text that is marked so is of the right form only.
sub blocks_of
{
	my ($page) = @_;
	my ($line, $indent, $block, $random, @blocks) = (0, 0);
	my $close = sub { push @blocks, { %$block, text => join('', @{ $block->{text} }), end => $line }; undef $block };

	for (split /\n/, $page)
	{
		$line++;
		if ($block)
		{
			if ($_ eq $block->{until} || /^ *```$/ && $block->{until} eq '```') { $close->() }
			else { push @{ $block->{text} }, substr($_, length > $indent ? $indent : length) . "\n" }
		}
		elsif (/^( *)```(\w*)$/)
		{
			$indent = length $1;
			$block = { kind => $2, line => $line + 1, text => [], until => '```', random => $random };
			undef $random;
		}
		elsif (/^<!-- test$/) { ($indent, $block) = (0, { kind => 'sql', line => $line + 1, text => [], until => '-->' }) }
		elsif (/^<!-- test: another each time -->$/) { $random = 1 }
	}
	for my $n (1 .. $#blocks)
	{
		my ($before, $text) = @blocks[ $n - 1, $n ];
		my $right_behind = $text->{line} - $before->{end} <= ($text->{random} ? 4 : 3);

		$before->{said} = $text if $text->{kind} eq 'text' && $before->{kind} =~ /^(sh|sql)$/ && $right_behind;
	}
	return @blocks;
}

# Ids differ from run to run; psql leaves blanks at the end of lines, and an empty line behind a table;
# a newer openssl writes names without blanks.
sub comparable
{
	my ($text) = @_;

	$text =~ s/ +$//gm;
	$text =~ s/\n+\z/\n/;
	$text =~ s/^(subject=.*)/$1 =~ s{ = }{=}gr/gme;
	return $text =~ s/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/(id)/gr;
}

# What differs from run to run of one session of psql, how wide it makes columns, and the row of
# a function without a result.
sub comparable_session
{
	my ($text, $random) = @_;

	$text =~ s/^ +kms_\w+ *\n-+\n *\n\(1 row\)\n//gm;
	$text = comparable($text);
	$text =~ s/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00/(time)/g;
	$text =~ s/(acs:kms:local:)\d+/$1(account)/g;
	$text =~ s/with PID \d+\.$/with PID (n)./gm;
	$text =~ s/^(?!ERROR|WARNING|NOTICE|DETAIL|HINT|\(\d+ row).+/(line)/gm if $random;
	$text =~ s/-{3,}/---/g;
	$text =~ s/^ +//gm;
	$text =~ s/ +/ /g;
	return $text =~ s/\n(?=\n)//gr =~ s/\A\n//r;
}

# In what a page says, "..." is anything.
sub fits
{
	my ($came, $said) = @_;
	my $pattern = join '.*?', map { quotemeta } split /\.\.\./, $said, -1;

	return $came =~ /\A$pattern\z/s;
}

# Every block of SQL of these pages, [name, text], by one session of psql from the first to the
# last: name of the block, what came, and what the page says.  Where it says nothing, nothing may fail.
sub session_verdicts
{
	my ($node, $dbname, @pages) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir;
	my ($script, $output, @blocks, @verdicts) = ('', '');

	for my $page (@pages)
	{
		for my $block (grep { $_->{kind} eq 'sql' } blocks_of($page->[1]))
		{
			push @blocks, [ "$page->[0], line $block->{line}", $block ];
			$script .= "\\echo '=== block $#blocks'\n$block->{text}\n";
		}
	}
	append_to_file("$folder/page.sql", $script);
	local $ENV{PGTZ} = 'UTC';
	IPC::Run::run([ 'psql', '-Xq', '-d', $node->connstr($dbname) ], '<', "$folder/page.sql", '>', "$folder/output", '2>&1', init => sub { chdir $folder or die });
	my %output = parts_of(slurp_file("$folder/output"));
	for my $n (0 .. $#blocks)
	{
		my ($name, $block) = @{ $blocks[$n] };
		my $said = $block->{said};
		my $came = comparable_session($output{$n} // "not run\n", $said && $said->{random});
		my $expected = $said ? comparable_session($said->{text}, $said->{random}) : '';

		$came = join '', $came =~ /^((?:ERROR|FATAL|WARNING|psql|not run).*\n)/gm unless $said;
		push @verdicts, [ $name, fits($came, $expected) ? $expected : $came, $expected ];
	}
	return @verdicts;
}

# Output by the numbers of the blocks, which stand before it.
sub parts_of
{
	my ($output) = @_;

	return map { /\A(\d+)\n(.*)\z/s ? ($1, $2) : () } split /^=== block /m, $output;
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
		my ($kind, $text) = @$block{qw(kind text)};

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
	# From 17 on pg_dump does not know the first privileges of row types, which is no matter.
	$output =~ s/^pg_dump: warning: unsupported pg_init_privs entry.*\n//mg;
	return parts_of($output);
}

# A test for each block that is run, in a database as the page wants it and, unless the
# page says otherwise, by this role.
sub follows_page
{
	my ($node, $page, $dbname, $user) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir;
	my @blocks = blocks_of(slurp_file("$FindBin::RealBin/../../docs/$page"));
	my %output = run_blocks($node, $folder, $dbname, $user, @blocks);

	cmp_ok(scalar(grep { $_->{kind} eq 'sh' } @blocks), '>=', 10, "docs/$page has commands");
	for my $n (grep { $blocks[$_]{kind} =~ /^(sh|sql)$/ } 0 .. $#blocks)
	{
		my ($said, $line) = @{ $blocks[$n] }{qw(said line)};

		is(comparable($output{$n} // 'not run'), comparable($said ? $said->{text} : ''), "$page, line $line: the commands print what the page says");
	}
	is(join(' ', glob "$folder/page/*"), '', 'and nothing is left of its files');
	return;
}

1;
