# The documents: every statement in them runs and gives what they say, they name everything there
# is and nothing that is not, and their links lead somewhere.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use HowTo;
use KmsServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = "$FindBin::RealBin/../..";
my @pages = map { s{\A\Q$root\E/}{}r } sort glob("$root/*.md $root/docs/*.md $root/docs/*/*.md");
my %text = map { $_ => slurp_file("$root/$_") } @pages;
my @reference = ($text{'docs/reference/README.md'} =~ /^\| \[(\w+\.md)\]\(\1\)/mg);
my $everything = join "\n", map { $text{$_} =~ s/^<!-- test\n.*?^-->$|^```yaml\n.*?^```$//gmsr } @pages;

my $node = new_server('main', settings => "kms.worker_enabled = off\n");
my $dbname = 'kms_docs';

$node->start;

# ---- statements --------------------------------------------------------------------------

# A database as CREATE EXTENSION leaves it; no role of the page before.
sub fresh_database
{
	$node->safe_psql('postgres', "DROP DATABASE IF EXISTS $dbname");
	$node->safe_psql('postgres', "DROP ROLE \"$_\"") for split /\n/, value($node, q{SELECT rolname FROM pg_roles WHERE oid > 16384 AND rolname <> CURRENT_USER});
	$node->safe_psql('postgres', "CREATE DATABASE $dbname");
	$node->safe_psql($dbname, 'CREATE EXTENSION kms');
	let_time_pass($node, $dbname);
	$node->safe_psql($dbname, 'SELECT kms_test.stop_time()');
	return;
}

sub named
{
	return map { [ $_, $text{$_} ] } @_;
}

sub runs
{
	my @verdicts = session_verdicts($node, $dbname, @_);

	is($_->[1], $_->[2], "$_->[0]: the statements give what the page says") for @verdicts;
	return scalar @verdicts;
}

my %others_run = map { ("docs/$_" => 1) } join('', map { slurp_file($_) } glob "$FindBin::RealBin/*.pl") =~ /^follows_page\(\$node, '([\w.-]+)'/mg;
my @with_statements = grep { grep({ $_->{kind} eq 'sql' } blocks_of($text{$_})) && !$others_run{$_} && !m{^docs/reference/} } @pages;

fresh_database();
cmp_ok(runs(named(map { "docs/reference/$_" } 'README.md', @reference)), '>', 100, 'the reference is one session, from its first page to the last');
is(join(' ', sort @reference, 'README.md'), join(' ', map { m{^docs/reference/(.*)} } @pages), 'its list has all of its pages');

is(scalar(keys %others_run), 4, 'four pages are done by tests of their own');
for my $page (@with_statements)
{
	fresh_database();
	runs(named($page));
	exporter_asks($text{$page}) if $page eq 'docs/operations.md';
}

# The queries for Prometheus in a page, by the role that it makes for them.
sub exporter_asks
{
	my $queries = 0;
	my %metrics;

	for my $block (grep { $_->{kind} eq 'yaml' } blocks_of($_[0]))
	{
		while ($block->{text} =~ /^(\w+):\n  query: \|\n((?:    .*\n)+)  metrics:\n((?:    .*\n)+)/mg)
		{
			my ($name, $sql, $metrics) = ($1, $2, $3);
			my $columns = join '|', $metrics =~ /^    - (\w+):$/mg;
			my ($came) = split /\n/, $node->safe_psql($dbname, "SET ROLE exporter;\n\\pset tuples_only off\n$sql");

			is($came, $columns, "$name: the query has the columns that are exported");
			$metrics{"${name}_$_"} = 1 for split /\|/, $columns;
			$queries++;
		}
	}
	is($queries, 6, 'six are there');
	is(join(' ', grep { !$metrics{$_} } map { /\b(kms_\w+)/g } $_[0] =~ /^ +expr: (.*)$/mg), '', 'and alerts ask for nothing else');
	return;
}

# ---- names -------------------------------------------------------------------------------

fresh_database();

# The functions as the pages write them: name, arguments with defaults, result.
sub signatures
{
	return split /\n/, value($node, q{
		SELECT proname || '(' || pg_get_function_arguments(p.oid) || ')' || coalesce(' -> ' || pg_get_function_result(p.oid), '')
		  FROM pg_proc p JOIN pg_depend ON objid = p.oid AND classid = 'pg_proc'::regclass AND deptype = 'e' JOIN pg_extension e ON refobjid = e.oid
		 WHERE extname = 'kms' AND pronamespace <> 'kms'::regnamespace ORDER BY 1}, $dbname)
	  =~ s/ DEFAULT / = /gr =~ s/(NULL|'[^']*')::[a-z ]+(\[\])?/$1/gr =~ s/timestamp with time zone/timestamptz/gr =~ s/SETOF /setof /gr =~ s/\bIN //gr =~ s/^(kms_\w+\(.*\))$/CALL $1/gmr;
}

# Words of the documents that look like functions, views and settings.
sub words
{
	my ($pattern, $documents) = @_;
	my %words = map { $_ => 1 } $documents =~ /(?<![\w.\/\$-])($pattern)(?![\w*])/g;

	return sort keys %words;
}

# "one lacks ..." for what only one of two lists has.
sub differences
{
	my ($left, $right) = @_;
	my %left = map { $_ => 1 } @$left;
	my %right = map { $_ => 1 } @$right;

	return ((map { "not documented: $_" } grep { !$right{$_} } sort keys %left), (map { "does not exist: $_" } grep { !$left{$_} } sort keys %right));
}

my @signatures = signatures();
my @functions = map { /\b(kms_\w+)\(/ } @signatures;
my $blocks = join "\n", map { $_->{text} } grep { $_->{kind} eq '' } map { blocks_of($text{"docs/reference/$_"}) } @reference;
my $written = $blocks =~ s/\s+/ /gr;

ok(index($written, $_) >= 0, "the reference has $_") for grep { !/^kms_create_secret\(.* bytea/ && !/-> trigger$/ } @signatures;
is(join("\n", differences(\@functions, [ words('kms_\w+', ($text{'docs/reference/README.md'} =~ /\A(.*?)\n\n/s)[0] . join('', $text{'docs/reference/README.md'} =~ /^\| \[.*/mg)) ])), '',
	'the list of the reference has all functions, and no others');

my @others = qw(kms_secret kms_certificate);    # channels of NOTIFY
is(join("\n", grep { !/^not documented/ } differences([ @functions, @others ], [ words('kms_\w+', $everything) ])), '', 'no page names a function that does not exist');

my @in_kms = split /\n/, value($node, q{
	SELECT 'kms.' || relname FROM pg_class WHERE relnamespace = 'kms'::regnamespace AND relkind IN ('r', 'v', 'c')
	UNION SELECT 'kms.' || proname FROM pg_proc WHERE pronamespace = 'kms'::regnamespace ORDER BY 1}, $dbname);
my @settings = split /\n/, value($node, q{SELECT name FROM pg_settings WHERE name ~ '^kms\.' ORDER BY 1});
my %files = map { $_ => 1 } qw(kms.so kms.c kms.control kms.example);

is(join("\n", differences([ @in_kms, @settings ], [ grep { !$files{$_} } words('kms\.\w+', $everything) ])), '', 'everything in the schema kms and every setting is named, and nothing that is not there');
is(join("\n", differences(\@settings, [ $text{'docs/settings.md'} =~ /^## (kms\.\w+)$/mg ])), '', 'docs/settings.md has a section for each setting');

for my $setting (split /\n/, value($node, q{SELECT concat_ws(' ', name, vartype, boot_val, min_val, max_val) FROM pg_settings WHERE name ~ '^kms\.' ORDER BY name}))
{
	my ($name, $type, $default, $least, $most) = split / /, $setting;
	my ($row) = $text{'docs/settings.md'} =~ /^\| `\Q$name\E` \| ([^|]* \| [^|]*) \|/m;
	my %seconds = (s => 1, h => 3600, days => 86400);
	my $said = ($row // '') =~ s/(\d+) ?(s|h|days)\b/$1 * $seconds{$2}/ger;

	$default = 'empty' if ($default // '') eq '';
	like($said, qr/\| `?\Q$default\E`?\z/, "docs/settings.md has the default of $name");
	like($said, qr/\b$least to $most \|/, "and its limits") if $type eq 'integer';
}

# In a block of statements of the reference.
my $examples = join "\n", map { $_->{text} } grep { $_->{kind} eq 'sql' } map { blocks_of($text{"docs/reference/$_"} =~ s/^<!-- test\n.*?^-->$//gmsr) } @reference;
my @views = split /\n/, value($node, q{SELECT 'kms.' || relname FROM pg_class WHERE relnamespace = 'kms'::regnamespace AND relkind = 'v'}, $dbname);
is(join(' ', grep { $examples !~ /(?<![\w.])\Q$_\E\b/ } sort @functions, @views), '', 'every function and view has an example');

# Columns of the views and of what functions return.
my $reference = join "\n", map { $text{"docs/reference/$_"} } @reference;
my @columns = split /\n/, value($node, q{
	SELECT DISTINCT attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
	 WHERE relnamespace = 'kms'::regnamespace AND relkind IN ('v', 'c') AND attnum > 0 AND NOT attisdropped ORDER BY 1}, $dbname);
is(join(' ', grep { $reference !~ /`$_\b[^`\n]*`|\b$_ (text|uuid|bigint|jsonb|timestamptz|bytea|interval|boolean|integer|name|regclass)\b/ } @columns), '', 'every column of a view or result is described');

# ---- errors --------------------------------------------------------------------------------

my $sources = join '', map { slurp_file($_) } glob("$root/src/*/*.[ch] $root/src/*.c");
my %code = $sources =~ /^#define (API_\w+)\s+"([\w.]+)"/mg;
my %state = map { $_->[0] => $_->[1] } map { [ $_->[0], join '', $_->[1] =~ /'(.)'/g ] } map { [ @$_ ] } errcodes();

# Names and numbers of PostgreSQL's conditions, and ours.
sub errcodes
{
	chomp(my $include = `$ENV{PG_CONFIG} --includedir-server`);
	my @conditions;

	for my $text (slurp_file("$include/utils/errcodes.h"), $sources)
	{
		push @conditions, [ $1, $2 ] while $text =~ /^#define (ERRCODE_\w+)\s+MAKE_SQLSTATE\(([^)]*)\)/mg;
	}
	return @conditions;
}

# Codes in the DETAIL column of the tables of a page, each with its SQLSTATEs.
sub rows_of
{
	my ($page) = @_;
	my %rows;

	for ($page =~ /^\|(.*)\|$/mg)
	{
		my ($states, $codes) = split / \| /;

		next unless ($states // '') =~ /^ [0-9A-Z]{5}\b/;
		for my $code (($codes // '') =~ /`([A-Z][\w.]+)`/g) { $rows{"$_ $code"} = 1 for $states =~ /\b([0-9A-Z]{5})\b/g }
	}
	return %rows;
}

my %rows = rows_of($text{'docs/errors.md'});
my %raised;

$raised{"$state{$1} $code{$2}"} = 1 while $sources =~ /\bkms_ereport\(\s*(ERRCODE_\w+),\s*(API_\w+),/g;
cmp_ok(scalar(keys %raised), '>', 40, 'the sources raise errors');
is(join("\n", grep { !$rows{$_} } sort keys %raised), '', 'docs/errors.md has every pair of SQLSTATE and code that is raised');
is(join("\n", differences([ values %code ], [ map { (split / /)[1] } keys %rows ])), '', 'docs/errors.md has every code of the catalog, and no others');
my %elsewhere = map { rows_of($_) } values %text;
is(join("\n", grep { !$rows{$_} } sort keys %elsewhere), '', 'no other page has an error that docs/errors.md has not');

# ---- links ---------------------------------------------------------------------------------

# What GitHub calls the headings of a page.
sub anchors
{
	my ($page) = @_;
	my (%anchors, %times);

	for ($page =~ s/^```.*?^ *```$//gmsr =~ /^#+ (.*)$/mg)
	{
		my $anchor = lc(s/\[([^\]]*)\]\([^)]*\)/$1/gr) =~ s/[^\w\- ]//gr =~ s/ /-/gr;

		$anchors{ $times{$anchor} ? "$anchor-$times{$anchor}" : $anchor } = 1;
		$times{$anchor}++;
	}
	return %anchors;
}

sub dead_links
{
	my ($page, $text) = @_;
	my $folder = $page =~ s{[^/]*\z}{}r;
	my $prose = $text =~ s/^ *```.*?^ *```$//gmsr =~ s/`[^`\n]*`//gr;
	my @dead;

	while ($prose =~ /\]\(([^)\s]+)\)/g)
	{
		my $link = $1;
		my ($path, $anchor) = split /#/, $link, 2;

		next if $path =~ /^https?:/;
		my $target = $path eq '' ? $page : "$folder$path";
		1 while $target =~ s{[^/]+/\.\./}{};
		my %anchors = anchors($target eq $page ? $text : $text{$target} // '');
		push @dead, "$page: $link" if !-e "$root/$target" || defined $anchor && !$anchors{$anchor};
	}
	return @dead;
}

is(join("\n", map { dead_links($_, $text{$_}) } @pages), '', 'every link leads to a page, and every anchor to a heading of it');

my %reached = map { my $from = $_; map { my $to = ($from =~ s{[^/]*\z}{}r) . $_; 1 while $to =~ s{[^/]+/\.\./}{}; ($to => 1) } $text{$from} =~ /\]\(([^)#\s]+)/g } grep { /README/ } @pages;
is(join(' ', grep { !$reached{$_} && !$reached{s{/README\.md}{}r} && !$reached{s{README\.md}{}r} } grep { $_ ne 'README.md' } @pages), '', 'every page is found from a README');

# ---- and a page that is wrong is noticed ------------------------------------------------------

my $right = <<'END';
```sql
SELECT kms_generate_random(0);
SELECT kms_describe_account_kms_status();
```

```text
ERROR:  invalid value for number_of_bytes: it must be 1 to 1024
DETAIL:  InvalidParameter

 kms_describe_account_kms_status
---------------------------------
 Enabled
(1 row)
```

```sql
SELECT length(kms_generate_random(8));
```
END

sub wrong_blocks
{
	return join ' ', map { $_->[0] =~ /line (\d+)/ } grep { $_->[1] ne $_->[2] } session_verdicts($node, $dbname, [ 'page', $_[0] ]);
}

is(wrong_blocks($right), '', 'a page that is right passes');
is(wrong_blocks($right =~ s/Enabled/Suspended/r), '2', 'another result is noticed');
is(wrong_blocks($right =~ s/1 to 1024/1 to 1025/r), '2', 'another message is noticed');
is(wrong_blocks($right =~ s/InvalidParameter/MissingParameter/r), '2', 'another code is noticed');
is(wrong_blocks($right =~ s/random\(0\)/random(1)/r), '2', 'an error that does not come is noticed');
is(wrong_blocks($right =~ s/random\(8\)/randum(8)/r), '17', 'an error that is not announced is noticed');
is(wrong_blocks($right =~ s/status\(\);/status()/r), '2 17', 'a statement without an end is noticed');
is(join(' ', dead_links('docs/key.md', '[a](security.md#memory) [b](no-such-page.md) [c](security.md#no-such-part) [d](#no-such-part)')),
	'docs/key.md: no-such-page.md docs/key.md: security.md#no-such-part docs/key.md: #no-such-part', 'dead links are noticed');
is(join(' ', words('kms_\w+', 'call `kms_make_coffee`, not kms_encrypt(')), 'kms_encrypt kms_make_coffee', 'a name is noticed wherever it stands');
my %spoiled = rows_of("| 22023 | `NoSuchCode` | x |\n");
is(join(' ', keys %spoiled), '22023 NoSuchCode', 'and a code');

$node->stop;
done_testing();
