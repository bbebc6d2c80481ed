# No plaintext of a protected column is in a file of the server: not in tables, indexes,
# TOAST, the WAL, statistics or the log; nor in what a blind index shows.  And what was
# there before the column was protected is gone from the table's files when it is
# encrypted and rewritten.
#
# What PostgreSQL writes of a query's own result is the query's: an ORDER BY a column of
# the view spills plaintext, with little work_mem, as any sort does.  Those files go
# with the query; what is promised is that nothing of the kind comes of reading and
# writing the table.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Digest::MD5 qw(md5);
use Digest::SHA qw(hmac_sha256 sha1 sha256 sha384 sha512);
use IPC::Run;
use KmsServer;
use LeakSearch;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('main', settings => "wal_level = logical\nwork_mem = 64kB\nlog_min_messages = debug1\nlog_temp_files = 0\nautovacuum = off\ntrack_activity_query_size = 100kB");
my $folder = PostgreSQL::Test::Utils::tempdir;
my $number = 0;
my %secrets;    # name => bytes

sub planted
{
	my ($name) = @_;

	return $secrets{$name} = sprintf('PLANTED-%03d-', ++$number) . unpack('H*', pack('N4', map { int rand 2**32 } 1 .. 4));
}

sub found
{
	my ($where, %wanted) = @_;

	return join "\n", found_in($where, %wanted);
}

sub table_files
{
	my ($table) = @_;

	return map { $node->data_dir . "/$_" } split /\n/, value($node, qq{
		WITH r AS (SELECT oid, reltoastrelid FROM pg_class WHERE oid = '$table'::regclass)
		SELECT pg_relation_filepath(c.oid) FROM pg_class c, r WHERE c.oid IN (r.oid, r.reltoastrelid)
			OR c.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid IN (r.oid, r.reltoastrelid))});
}

$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION kms;
	SELECT kms_create_alias(kms_create_key()::text, 'alias/pii'), kms_create_alias(kms_create_key('HMAC_SHA_256', 'GENERATE_VERIFY_MAC')::text, 'alias/search');
	CREATE TABLE person (id serial PRIMARY KEY, name text UNIQUE, ssn text, photo bytea, seen integer DEFAULT 0 CHECK (seen < 100));
	ALTER TABLE person REPLICA IDENTITY FULL;
	SELECT kms_protect_column('person', 'ssn', 'alias/pii', blind_index => true, blind_index_key_id => 'alias/search'),
		   kms_protect_column('person', 'photo', 'alias/pii', blind_index => true, blind_index_key_id => 'alias/search');
	CREATE INDEX ON person (left(ssn, 300));
	ALTER TABLE person ALTER ssn SET STORAGE external, ALTER photo SET STORAGE external;
	CREATE TABLE control (value text);
	SELECT pg_create_logical_replication_slot('changes', 'test_decoding')});

# ---- written by the table and by the view -----------------------------------------------

# Values of more than 6144 bytes, and than a page.  They are not compressed: that would hide them.
sub long
{
	my ($text, $random) = @_;

	return $random ? "(SELECT string_agg('$text' || md5(random()::text), '') FROM generate_series(1, 300))" : "repeat('$text', 1000)";
}

for my $relation (qw(person person_decrypted))
{
	my %text = map { $_ => planted("$_ $relation") } 'inserted into', 'inserted many into', 'long, into', 'longer, into', 'bytes into', 'long bytes into', 'updated in', 'long, updated in', 'copied into', 'upserted into', 'prepared for', 'in a block for';

	$node->safe_psql('postgres', qq{
		INSERT INTO $relation (name, ssn, photo) VALUES ('$relation', '$text{'inserted into'}', convert_to('$text{'bytes into'}', 'UTF8'));
		INSERT INTO $relation (name, ssn) SELECT '$relation ' || n, '$text{'inserted many into'}' FROM generate_series(1, 500) n;
		INSERT INTO $relation (name, ssn, photo) SELECT '$relation, long ' || n, } . long($text{'long, into'}, 0) . ', convert_to(' . long($text{'long bytes into'}, 1) . qq{, 'UTF8') FROM generate_series(1, 5) n;
		INSERT INTO $relation (name, ssn) VALUES ('$relation, longer', } . long($text{'longer, into'}, 1) . qq{);
		UPDATE $relation SET ssn = '$text{'updated in'}' WHERE name = '$relation';
		UPDATE $relation SET ssn = } . long($text{'long, updated in'}, 1) . qq{ WHERE name = '$relation, long 1';
		UPDATE $relation SET id = id + 10000 WHERE name = '$relation, longer';
		PREPARE p (text) AS INSERT INTO $relation (name, ssn) VALUES ('$relation, prepared', \$1);
		EXECUTE p('$text{'prepared for'}');
		DO \$\$ BEGIN INSERT INTO $relation (name, ssn) VALUES ('$relation, in a block', '$text{'in a block for'}'); END \$\$;
		COPY $relation (name, ssn) FROM stdin;
$relation, copied	$text{'copied into'}
\\.
});
	$node->safe_psql('postgres', "INSERT INTO person (name, ssn) VALUES ('$relation', '$text{'upserted into'}') ON CONFLICT (name) DO UPDATE SET ssn = excluded.ssn");
}
is(value($node, q{SELECT count(*) FROM person_decrypted WHERE ssn LIKE '%PLANTED-%'}), 2 * 510, 'a lot is written');
is(value($node, q{SELECT count(*) > 0 FROM person WHERE length(ssn) > 12000 AND pg_column_size(ssn) > 2000}), 't', 'some of it out of line');

# Refused, after the trigger has seen it.
for my $case (
	[ 'a duplicate' => q{INSERT INTO %s (name, ssn) VALUES ('person, copied', '%s')}, '23505' ],
	[ 'a CHECK' => q{INSERT INTO %s (name, ssn, seen) VALUES ('x', '%s', 100)}, '23514' ],
	[ 'a division by zero' => q{UPDATE %s SET ssn = '%s', seen = 1 / (id - (SELECT max(id) FROM person))}, '22012' ],
	[ 'COPY' => "COPY %s (name, ssn) FROM stdin;\nperson, copied\t%s\n\\.\n", '23505' ],
	[ 'a cast' => "COPY %s (name, ssn, seen) FROM stdin;\nx\t%s\tmany\n\\.\n", undef ],
	[ 'another table' => q{INSERT INTO %s (name, ssn, nosuch) VALUES ('x', '%s', 1)}, undef ])
{
	my ($what, $sql, $sqlstate) = @$case;

	for my $relation (qw(person person_decrypted))
	{
		# Before the trigger is called nobody knows what the statement is about: that is the setting's matter.
		my $text = defined $sqlstate ? planted("$what, $relation") : 'PLANTED no more';
		my $error = failure($node, sprintf($sql, $relation, $text));

		is($error->{sqlstate}, $sqlstate, "$what is an error, $relation") if defined $sqlstate;
		ok(defined $error, "$what is an error, $relation") unless defined $sqlstate;
	}
}

# A parameter of the protocol, with the log as docs/security.md asks for.
for my $relation (qw(person person_decrypted))
{
	my $script = "$folder/$relation.sql";
	my ($out, $errors) = ('', '');

	append_to_file($script, "INSERT INTO $relation (name, ssn) VALUES ('person, copied', :value);\n");
	IPC::Run::run([ 'pgbench', '-n', '-t', '1', '-M', 'extended', '-D', 'value=' . planted("parameter, $relation"), '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres' ], '>', \$out, '2>', \$errors);
	like($errors, qr/duplicate key/, "a parameter, and an error, $relation");
}

# Read, searched, sorted and hashed as the table has it.
my $sought = planted('sought');
$node->safe_psql('postgres', qq{
	SELECT count(*) FROM person_decrypted WHERE ssn_blind_index = kms_blind_index('alias/search', '$sought');
	SELECT count(ssn), count(photo), max(length(ssn)) FROM person_decrypted;
	CREATE TABLE sorted AS SELECT p.* FROM person p, generate_series(1, 20) ORDER BY ssn;
	CREATE TABLE hashed AS SELECT ssn, count(*) FROM person, generate_series(1, 20) GROUP BY ssn;
	ANALYZE;
	VACUUM FULL person;
	SELECT kms_create_key_version('alias/pii');
	CALL kms_reencrypt_column('person', 'ssn', 100);
	CALL kms_reencrypt_column('person', 'photo', 100);
	SELECT kms_scan_column('person', 'ssn')});
ok(value($node, q{SELECT temp_files FROM pg_stat_database WHERE datname = 'postgres'}) > 0, 'sorting the table spills');

# While a sort is open, its temporary files are there.
for my $case ([ 'the table' => 'person', qr/^$/ ], [ 'the view' => 'person_decrypted', qr/^inserted many into person in / ])
{
	my ($what, $relation, $pattern) = @$case;
	my $session = session($node);
	my $tmp = $node->data_dir . '/base/pgsql_tmp';
	my $many = 'inserted many into person';

	ask($session, "BEGIN; DECLARE c CURSOR FOR SELECT ssn, photo FROM $relation, generate_series(1, 20) ORDER BY ssn; FETCH 1 FROM c");
	ok(scalar(grep { -s } glob("$tmp/*")), "a sort of $what spills");
	like(found($tmp, $many => $secrets{$many}), $pattern, $relation eq 'person' ? 'what it spills is ciphertext' : 'what it spills is what it shows');
	$session->quit;
	# psql is gone before the backend is.
	ok(defined wait_until(sub { !grep { -s } glob("$tmp/*") }), 'and goes with it');
}

# ---- statistics and blind indexes --------------------------------------------------------------

my $statistics = value($node, q{SELECT string_agg(concat_ws(' ', attname, n_distinct, most_common_vals, histogram_bounds), E'\n') FROM pg_stats WHERE tablename IN ('person', 'sorted', 'hashed')});
like($statistics, qr/^ssn -?[\d.]+ .*kms:1:/m, 'statistics of the column are of ciphertext');
unlike($statistics, qr/PLANTED/, 'and show no plaintext');
is(value($node, q{
	SELECT count(*) > 0, bool_and(length(v) = 32), bool_and(v IN (SELECT ssn_blind_index FROM person))
	  FROM pg_stats, unnest(most_common_vals::text::bytea[] || histogram_bounds::text::bytea[]) v
	 WHERE tablename = 'person' AND attname = 'ssn_blind_index'}), 't|t|t', 'those of the blind index are of 32 bytes that are in it');
is(value($node, q{SELECT count(*), sum(n), max(n) FROM (SELECT ssn, count(*) AS n, count(DISTINCT ssn_blind_index) AS indexes FROM person_decrypted GROUP BY ssn) s WHERE indexes = 1}),
	value($node, q{SELECT count(*), sum(n), max(n) FROM (SELECT count(*) AS n FROM person GROUP BY ssn_blind_index) s}), 'equal values have equal ones, others have others');
my %of_index = map { $_ => 1 } split /\n/, value($node, q{SELECT encode(ssn_blind_index, 'hex') FROM person UNION SELECT encode(photo_blind_index, 'hex') FROM person WHERE photo IS NOT NULL});
my (%hash, $values);
for my $value (split /\n/, value($node, q{SELECT encode(convert_to(ssn, 'UTF8'), 'hex') FROM person_decrypted UNION SELECT encode(photo, 'hex') FROM person_decrypted WHERE photo IS NOT NULL}))
{
	my $bytes = pack 'H*', $value;

	$values++;
	$hash{ substr(unpack('H*', $_), 0, 64) } = 1 for sha256($bytes), sha384($bytes), sha512($bytes), sha1($bytes), md5($bytes), hmac_sha256($bytes, ''), hmac_sha256($bytes, 'alias/search'), hmac_sha256('', $bytes), sha256(sha256($bytes)),
	  substr($bytes, 0, 32);
}
is(scalar(keys %of_index), $values, 'a blind index has one value for each value of its columns');
is(scalar(grep { $hash{$_} } keys %of_index), 0, 'none is a hash of it that anybody can make');
is(value($node, q{SELECT bool_and(ssn_blind_index = kms_blind_index('alias/search', ssn)) FROM person_decrypted}), 't', 'all are those of the search key');

# ---- the files --------------------------------------------------------------------------------------

my %control = ('in a table' => 'CONTROL-' . new_root_key(), 'in a line' => 'CONTROL-' . new_root_key());
$node->safe_psql('postgres', "INSERT INTO control VALUES ('$control{'in a table'}'); DO \$\$ BEGIN RAISE LOG '$control{'in a line'}'; END \$\$");
my $changes = value($node, q{SELECT string_agg(data, E'\n') FROM pg_logical_slot_peek_changes('changes', NULL, NULL)});
like($changes, qr/INSERT: .*ssn\[text\]:'kms:1:/, 'what is decoded from the WAL is ciphertext');
unlike($changes, qr/PLANTED-/, 'and nothing else');
$node->safe_psql('postgres', 'CHECKPOINT');
my $found = found($node->basedir, %control);
like($found, qr!^in a table in .*/base/!m, 'what is in a table would be found');
like($found, qr!^in a table in .*/pg_wal/!m, 'also in the WAL');
like(found($node->logfile, %control), qr!^in a line in !m, 'and in the log');
is(found($node->basedir, %secrets), '', 'no plaintext is found while the server runs');
is(found($node->logfile, %secrets), '', 'nor in its log');
$node->safe_psql('postgres', q{SELECT pg_drop_replication_slot('changes')});
$node->stop;
is(found($node->basedir, %secrets), '', 'nor when it has stopped');
$node->start;

# ---- what was plaintext before ---------------------------------------------------------------------------

my %old = map { $_ => planted("old: $_") } 'short', 'long', 'bytes', 'long bytes';
$node->safe_psql('postgres', qq{
	CREATE TABLE old (id integer PRIMARY KEY, ssn text, photo bytea);
	ALTER TABLE old ALTER ssn SET STORAGE external, ALTER photo SET STORAGE external;
	INSERT INTO old SELECT n, '$old{short} ' || n, convert_to('$old{bytes} ' || n, 'UTF8') FROM generate_series(1, 2000) n;
	INSERT INTO old SELECT n, } . long($old{long}, 1) . ', convert_to(' . long($old{'long bytes'}, 1) . qq{, 'UTF8') FROM generate_series(2001, 2010) n;
	CREATE INDEX ON old (left(ssn, 100));
	ANALYZE old;
	SELECT kms_protect_column('old', 'ssn', 'alias/pii', blind_index => true, blind_index_key_id => 'alias/search'),
		   kms_protect_column('old', 'photo', 'alias/pii');
	CHECKPOINT});
my @planted = map { "old: $_" } keys %old;
my %planted = map { $_ => $secrets{$_} } @planted;
my @before = table_files('old');
is(join(' ', sort map { s/ in .*//r } map { found_in($_, %planted) } @before), join(' ', sort 'old: bytes', 'old: long', 'old: long', 'old: long bytes', 'old: short', 'old: short'), 'plaintext is in the files of a table that had it, and of its index');
like(value($node, q{SELECT string_agg(histogram_bounds::text, ' ') FROM pg_stats WHERE tablename = 'old'}), qr/PLANTED/, 'and in its statistics');
$node->safe_psql('postgres', q{CALL kms_encrypt_existing('old', 'ssn'); CALL kms_encrypt_existing('old', 'photo')});
is(value($node, q{SELECT count(*) FROM pg_stats WHERE tablename = 'old' AND concat_ws(' ', most_common_vals, histogram_bounds, most_common_elems) ~ 'PLANTED|504c414e544544'}), '0', 'statistics are of ciphertext as soon as it is encrypted');
is(value($node, q{SELECT attname FROM pg_stats WHERE tablename = 'old' AND attname = 'ssn' AND histogram_bounds::text ~ 'kms:1:'}), 'ssn', 'and there are some');
$node->safe_psql('postgres', 'VACUUM FULL old; VACUUM FULL pg_statistic; SELECT pg_switch_wal(); CHECKPOINT');
my @after = table_files('old');
is(scalar(grep { my $file = $_; grep { $_ eq $file } @before } @after), 0, 'VACUUM FULL writes the table, its indexes and its TOAST anew');
is(join(' ', map { found_in($_, %planted) } @after), '', 'no plaintext is in them');
is(scalar(grep { -s } @before), 0, 'and of the old ones nothing is left');
$node->stop;
is(found($node->data_dir . '/base', %planted), '', 'nor in any file of the database');
isnt(found($node->data_dir . '/pg_wal', %planted), '', 'the WAL of before has it, until it is recycled and overwritten');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|terminated by signal/, 'nothing crashed');
done_testing();
