# A database whose extension was upgraded is like one with a fresh extension: the whole
# catalog is compared, from each version in sql/released, by the scripts in sql/upgrade.
# That this finds what an upgrade script forgets is tried with versions made up here.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use File::Basename qw(basename);
use KmsCatalog;
use KmsEverything;
use KmsServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $checkout = "$FindBin::RealBin/../..";
my $folder = PostgreSQL::Test::Utils::tempdir;
my ($current) = slurp_file("$checkout/kms.control") =~ /^default_version *= *'(.*)'/m;

# ---- an installation to add scripts to --------------------------------------------------

# A copy of what was staged, which this server follows in its place.
chomp(my ($library, $share) = map { `"$ENV{PG_CONFIG}" $_` } qw(--pkglibdir --sharedir));
my ($stage) = $ENV{KMS_STAGED} =~ /^dynamic_library_path = '(.*?)\Q$library\E:/m or die "KMS_STAGED: $ENV{KMS_STAGED}";
system_or_bail('cp', '-RL', $stage, "$folder/stage");
$ENV{KMS_STAGED} =~ s/\Q$stage\E/$folder\/stage/g;

sub add_script
{
	my ($name, $text) = @_;

	append_to_file("$folder/stage$share/extension/kms--$name.sql", $text);
	return;
}

my $script = slurp_file("$folder/stage$share/extension/kms--$current.sql");
my @released = map { basename($_) =~ /^kms--(.*)\.sql$/ } glob "$checkout/sql/released/kms--*.sql";
add_script($_, slurp_file("$checkout/sql/released/kms--$_.sql")) for grep { $_ ne $current } @released;

# ---- a next version, made up -----------------------------------------------------------

# What is new in it, as the script of a fresh installation has it...
my $fresh = $script;
my $new_view = q{SELECT t.resource_type, pg_catalog.count(*) AS n FROM kms.tags t GROUP BY 1};

$fresh =~ s/^(CREATE TABLE kms\.tag \([^;]*?)(,\n\tPRIMARY KEY|\n\);)/$1,\n\tnote text COLLATE "C" CHECK (note <> '')$2/m or die 'no table kms.tag';
$fresh =~ s/^(COMMENT ON FUNCTION \@extschema\@\.kms_generate_random\(integer\)\s+IS )'.*?'/$1'another comment'/m or die 'no comment';
$fresh =~ s/^(\/\*\n \* Who may touch what\..*)//ms or die 'no privileges';
my $privileges = $1;
$fresh .= q{
	COMMENT ON COLUMN kms.tag.note IS 'what is to be noted';
	CREATE INDEX tag_note ON kms.tag (note);
	COMMENT ON INDEX kms.tag_note IS 'tags by what is noted';
	CREATE TABLE kms.note (id bigint PRIMARY KEY, n integer NOT NULL DEFAULT 1 CHECK (n > 0));
	COMMENT ON TABLE kms.note IS 'notes';
	COMMENT ON COLUMN kms.note.id IS 'number';
	COMMENT ON COLUMN kms.note.n IS 'how many';
	SELECT pg_catalog.pg_extension_config_dump('kms.note', '');
	ALTER TABLE kms.note ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
	CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON kms.note FOR EACH STATEMENT EXECUTE FUNCTION kms.tell_change();
	ALTER TABLE kms.note ENABLE ALWAYS TRIGGER tell_change;
	COMMENT ON TRIGGER tell_change ON kms.note IS 'changes by hand reach every session';
	CREATE TYPE kms.note_entry AS (id bigint, n integer);
	COMMENT ON TYPE kms.note_entry IS 'a note';
	CREATE FUNCTION @extschema@.kms_count_notes(at_least integer = 1) RETURNS bigint LANGUAGE SQL STABLE PARALLEL SAFE COST 50 BEGIN ATOMIC SELECT pg_catalog.count(*) FROM kms.note n WHERE n.n OPERATOR(pg_catalog.>=) at_least; END;
	COMMENT ON FUNCTION @extschema@.kms_count_notes(integer) IS 'how many notes there are';
	CREATE VIEW kms.tag_counts WITH (security_barrier) AS } . $new_view . q{;
	COMMENT ON VIEW kms.tag_counts IS 'how many tags there are';
} . $privileges . q{
	GRANT SELECT ON kms.tag_counts TO PUBLIC;
	GRANT USAGE ON TYPE kms.note_entry TO PUBLIC;
	GRANT EXECUTE ON FUNCTION @extschema@.kms_count_notes(integer) TO PUBLIC;
};
add_script('next', $fresh);

# ... and as an upgrade has it: nothing is stripped of privileges at the end, and what is there is altered.
my $upgrade = q{
	ALTER TABLE kms.tag ADD COLUMN note text COLLATE "C" CHECK (note <> '');
	COMMENT ON COLUMN kms.tag.note IS 'what is to be noted';
	CREATE INDEX tag_note ON kms.tag (note);
	COMMENT ON INDEX kms.tag_note IS 'tags by what is noted';
	COMMENT ON FUNCTION @extschema@.kms_generate_random(integer) IS 'another comment';
	CREATE TABLE kms.note (id bigint PRIMARY KEY, n integer NOT NULL DEFAULT 1 CHECK (n > 0));
	COMMENT ON TABLE kms.note IS 'notes';
	COMMENT ON COLUMN kms.note.id IS 'number';
	COMMENT ON COLUMN kms.note.n IS 'how many';
	SELECT pg_catalog.pg_extension_config_dump('kms.note', '');
	ALTER TABLE kms.note ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
	CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON kms.note FOR EACH STATEMENT EXECUTE FUNCTION kms.tell_change();
	ALTER TABLE kms.note ENABLE ALWAYS TRIGGER tell_change;
	COMMENT ON TRIGGER tell_change ON kms.note IS 'changes by hand reach every session';
	REVOKE ALL ON kms.note FROM PUBLIC;
	CREATE TYPE kms.note_entry AS (id bigint, n integer);
	COMMENT ON TYPE kms.note_entry IS 'a note';
	REVOKE ALL ON TYPE kms.note_entry FROM PUBLIC;
	GRANT USAGE ON TYPE kms.note_entry TO PUBLIC;
	CREATE FUNCTION @extschema@.kms_count_notes(at_least integer = 1) RETURNS bigint LANGUAGE SQL STABLE PARALLEL SAFE COST 50 BEGIN ATOMIC SELECT pg_catalog.count(*) FROM kms.note n WHERE n.n OPERATOR(pg_catalog.>=) at_least; END;
	COMMENT ON FUNCTION @extschema@.kms_count_notes(integer) IS 'how many notes there are';
	REVOKE ALL ON FUNCTION @extschema@.kms_count_notes(integer) FROM PUBLIC;
	GRANT EXECUTE ON FUNCTION @extschema@.kms_count_notes(integer) TO PUBLIC;
	CREATE VIEW kms.tag_counts WITH (security_barrier) AS } . $new_view . q{;
	COMMENT ON VIEW kms.tag_counts IS 'how many tags there are';
	REVOKE ALL ON kms.tag_counts FROM PUBLIC;
	GRANT SELECT ON kms.tag_counts TO PUBLIC;
};
add_script("$current--next", $upgrade);

# What an upgrade script forgets or does otherwise: the change, and a line of the difference.
my @spoiled = (
	[ 'the comment of a function' => qr/\tCOMMENT ON FUNCTION \@extschema\@\.kms_count_notes.*\n/ => '', qr/^- object: function public\.kms_count_notes\(integer\): how many/m ],
	[ 'a comment that changed' => qr/\tCOMMENT ON FUNCTION \@extschema\@\.kms_generate_random.*\n/ => '', qr/^- object: function public\.kms_generate_random\(integer\): another comment/m ],
	[ 'the comment of a column' => qr/\tCOMMENT ON COLUMN kms\.note\.n.*\n/ => '', qr/^- column comment: kms\.note\.n: /m ],
	[ 'the comment of a trigger' => qr/\tCOMMENT ON TRIGGER.*\n/ => '', qr/^- part comment: trigger tell_change on table kms\.note/m ],
	[ 'the comment of an index' => qr/\tCOMMENT ON INDEX.*\n/ => '', qr/^- part comment: index kms\.tag_note/m ],
	[ 'to grant a function' => qr/\tGRANT EXECUTE.*\n/ => '', qr/^- privilege: public\.kms_count_notes\(integer\): PUBLIC/m ],
	[ 'to grant a view' => qr/\tGRANT SELECT.*\n/ => '', qr/^- privilege: kms\.tag_counts: PUBLIC/m ],
	[ 'to grant a type' => qr/\tGRANT USAGE.*\n/ => '', qr/^- privilege: kms\.note_entry: PUBLIC/m ],
	[ 'to grant no more than that' => qr/GRANT SELECT ON/ => 'GRANT SELECT, INSERT ON', qr/^\+ privilege: kms\.tag_counts: PUBLIC: INSERT/m ],
	[ 'to keep a table from everybody' => qr/\tREVOKE ALL ON kms\.note FROM.*\n/ => "\tGRANT SELECT ON kms.note TO PUBLIC;\n", qr/^\+ privilege: kms\.note: PUBLIC/m ],
	[ 'a column' => qr/\tALTER TABLE kms\.tag ADD COLUMN.*\n\tCOMMENT.*\n\tCREATE INDEX.*\n\tCOMMENT.*\n/ => '', qr/^- column: kms\.tag\.note/m ],
	[ 'the collation of a column' => qr/ COLLATE "C" CHECK/ => ' CHECK', qr/^\+ column: kms\.tag\.note: 5 text "default" /m ],
	[ 'NOT NULL' => qr/integer NOT NULL/ => 'integer', qr/^\+ column: kms\.note\.n: 2 integer - f /m ],
	[ 'a default' => qr/ DEFAULT 1/ => '', qr/^- column: kms\.note\.n: .* 1$/m ],
	[ 'the order of columns' => qr/\(id bigint PRIMARY KEY, (.*\))\);/ => '($1, id bigint PRIMARY KEY);', qr/^\+ column: kms\.note\.id: 2 /m ],
	[ 'a constraint' => qr/ CHECK \(note <> ''\)/ => '', qr/^- constraint: kms\.tag\.tag_note_check/m ],
	[ 'an index' => qr/\tCREATE INDEX.*\n\tCOMMENT.*\n/ => '', qr/^- index: kms\.tag_note/m ],
	[ 'a trigger that fires always' => qr/\tALTER TABLE kms\.note ENABLE ALWAYS.*\n/ => '', qr/^\+ trigger: kms\.note\.tell_change: .* O$/m ],
	[ 'a trigger' => qr/\tCREATE TRIGGER.*\n\tALTER.*\n\tCOMMENT.*\n/ => '', qr/^- trigger: kms\.note\.tell_change/m ],
	[ 'that row security is forced' => qr/, FORCE ROW LEVEL SECURITY/ => '', qr/^\+ relation: kms\.note: \S+ r p 0 t f/m ],
	[ 'to have a table dumped' => qr/\tSELECT pg_catalog\.pg_extension_config_dump.*\n/ => '', qr/^- dumped: kms\.note/m ],
	[ 'rows of a table in the dump' => qr/config_dump\('kms\.note', ''\)/ => q{config_dump('kms.note', 'WHERE false')}, qr/^\+ dumped: kms\.note: WHERE false/m ],
	[ 'the body of a function' => qr/n\.n OPERATOR\(pg_catalog\.>=\) at_least/ => 'n.n OPERATOR(pg_catalog.>) at_least', qr/^\+ function: public\.kms_count_notes/m ],
	[ 'a default of an argument' => qr/at_least integer = 1/ => 'at_least integer = 2', qr/^\+ function: public\.kms_count_notes.*DEFAULT 2/m ],
	[ 'volatility' => qr/ STABLE/ => ' VOLATILE', qr/^\+ function: public\.kms_count_notes.*\tv\ts\t/m ],
	[ 'PARALLEL SAFE' => qr/ PARALLEL SAFE/ => '', qr/^\+ function: public\.kms_count_notes.*\ts\tu\t/m ],
	[ 'the cost' => qr/ COST 50/ => '', qr/^\+ function: public\.kms_count_notes.*\t100\t/m ],
	[ 'an option of a view' => qr/ WITH \(security_barrier\)/ => '', qr/^- relation: kms\.tag_counts: .*security_barrier/m ],
	[ 'the query of a view' => qr/GROUP BY 1/ => 'WHERE true GROUP BY 1', qr/^\+ rule: kms\.tag_counts/m ],
	[ 'the type of a field' => qr/AS \(id bigint, n integer\)/ => 'AS (id bigint, n bigint)', qr/^\+ column: kms\.note_entry\.n: 2 bigint/m ],
	[ 'an object' => qr/\tCREATE TYPE.*\n(\t.*TYPE.*\n){3}/ => '', qr/^- object: type kms\.note_entry/m ],
	[ 'that an object is the extension\'s' => qr/\z/ => "\tALTER EXTENSION kms DROP FUNCTION \@extschema\@.kms_count_notes(integer);\n", qr/^- object: function public\.kms_count_notes/m ],
	[ 'to drop a helper' => qr/\z/ => "\tCREATE FUNCTION kms.helper() RETURNS integer LANGUAGE SQL RETURN 1;\n", qr/^\+ object: function kms\.helper/m ]);
for my $n (0 .. $#spoiled)
{
	my (undef, $old, $new) = @{ $spoiled[$n] };
	my $text = $upgrade;

	$text =~ $old or die "the upgrade has no $old";
	my ($start, $end, $first) = ($-[0], $+[0], $1 // '');
	substr($text, $start, $end - $start) = $new =~ s/\$1/$first/r;
	add_script("$current--spoiled$n", $text);
}

# ---- upgraded and fresh ---------------------------------------------------------------------

my $node = new_server('main', settings => "kms.worker_enabled = off\n");
$node->start;

# Rights that are given by default reach an upgrade, too.
$node->safe_psql('postgres', 'CREATE ROLE kms_test_default');
make_roles($node);

sub make_fresh
{
	my ($dbname, $version) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $dbname");
	$node->safe_psql($dbname, "CREATE EXTENSION kms VERSION '$version'");
	return catalog_of($node, $dbname);
}

my $now = make_fresh('now', $current);
my $next = make_fresh('next', 'next');
cmp_ok(scalar(() = $now =~ /^object: /mg), '>', 150, 'the catalog knows the objects of the extension');
for my $kind ('column', 'column comment', 'part comment', 'dumped', 'function', 'type', 'relation', 'constraint', 'index', 'trigger', 'rule', 'privilege', 'first privilege', 'schema', 'extension')
{
	like($now, qr/^\Q$kind\E: \S/m, "of kind: $kind");
}
is(difference(make_fresh('again', $current), $now), '', 'a second installation is the same');
isnt(difference($next, $now), '', 'the next version is another one');

make_fresh('upgraded', $current);
$node->safe_psql('upgraded', q{ALTER EXTENSION kms UPDATE TO 'next'});
is(difference(catalog_of($node, 'upgraded'), $next), '', 'upgraded to the next version: the same as fresh');
is(value($node, q{SELECT extversion FROM pg_extension WHERE extname = 'kms'}, 'upgraded'), 'next', 'and it says so');

for my $n (0 .. $#spoiled)
{
	my ($what, undef, undef, $line) = @{ $spoiled[$n] };
	my $dbname = "spoiled$n";

	$node->safe_psql('postgres', "CREATE DATABASE $dbname TEMPLATE now");
	$node->safe_psql($dbname, "ALTER EXTENSION kms UPDATE TO '$dbname'");
	like(difference(catalog_of($node, $dbname), $next), $line, "an upgrade that forgets: $what");
	$node->safe_psql('postgres', "DROP DATABASE $dbname");
}

# An upgrade reaches what is there: keys open, and who could use them can.
fill($node, 'filled', $current);
my @everything = (listed($node, 'filled'), opened($node, 'filled'), by_roles($node, 'filled'));
$node->safe_psql('filled', q{ALTER EXTENSION kms UPDATE TO 'next'});
is_everything($node, 'filled', 'upgraded with everything in it', @everything);

# Default privileges of who upgrades are found, where the script does not take them back.
$node->safe_psql('postgres', 'CREATE DATABASE defaults TEMPLATE now');
$node->safe_psql('defaults', q{ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO kms_test_default; ALTER EXTENSION kms UPDATE TO 'next'});
like(difference(catalog_of($node, 'defaults'), $next), qr/^\+ privilege: kms\.note: kms_test_default: SELECT/m, 'what default privileges add is found');

# ---- what was released -------------------------------------------------------------------------

for my $version (grep { $_ ne $current } @released)
{
	my $dbname = "from_$version" =~ s/\W/_/gr;

	fill($node, $dbname, $version);
	my @before = (listed($node, $dbname), opened($node, $dbname), by_roles($node, $dbname));
	$node->safe_psql($dbname, 'ALTER EXTENSION kms UPDATE');
	is_everything($node, $dbname, "upgraded from $version", @before);
	make_fresh("bare_$dbname", $version);
	$node->safe_psql("bare_$dbname", 'ALTER EXTENSION kms UPDATE');
	is(difference(catalog_of($node, "bare_$dbname"), $now), '', "upgraded from $version: the same as fresh");
}
my @paths = split /\n/, value($node, "SELECT source FROM pg_extension_update_paths('kms') WHERE target = '$current' AND path IS NOT NULL AND source !~ '^(next|spoiled)'");
is(join(' ', grep { my $version = $_; $version ne $current && !grep { $_ eq $version } @paths } @released), '', 'there is a way from every version that was released');
is(join(' ', grep { my $version = $_; !grep { $_ eq $version } @released, $current } @paths), '', 'and the script of every version that there is a way from');

$node->stop;
unlike(log_since($node), qr/PANIC|TRAP:|terminated by signal/, 'nothing crashed');
done_testing();
