# Encrypted columns through dumps, restores and logical replication: every ciphertext
# arrives as it was, and no plaintext is in a file of the server.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use KmsServer;
use LeakSearch;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('main', init => { allows_streaming => 'logical' }, settings => "log_min_messages = debug1\nwork_mem = 64kB");
my $folder = PostgreSQL::Test::Utils::tempdir;
my $planted = 'not encrypted: 2f6d1c0e5b7a';
my %canary = (inserted => 'inserted: 9b1de0a3c4f75286', copied => 'copied: 47c1f3b2d0a96e85', updated => 'updated: d3305c9e8f1a7b46', refused => 'refused: 61b7a2f95e8cd034', upserted => 'upserted: 0c5fe6b19d7a3842');

$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE source');
$node->safe_psql('source', qq{
	CREATE EXTENSION kms;
	SELECT kms_create_alias(kms_create_key()::text, 'alias/pii');
	CREATE TABLE person (id serial PRIMARY KEY, name text UNIQUE, ssn text, card bytea, seen integer DEFAULT 0);
	CREATE TRIGGER seal BEFORE INSERT OR UPDATE ON person FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/pii', 'ssn,card', 'id', 'person');
	CREATE TABLE control AS SELECT '$planted' AS value;
	INSERT INTO person (name, ssn, card) SELECT 'n' || n, '$canary{inserted} ' || n, CASE WHEN n % 10 = 0 THEN convert_to(repeat('$canary{inserted} ', 400), 'UTF8') END FROM generate_series(1, 200) n;
	SELECT kms_create_key_version('alias/pii');
	INSERT INTO person (name, ssn) VALUES ('new version', '$canary{inserted}'), ('null', NULL), ('empty', '')});

my $rows = q{SELECT string_agg(p::text, E'\n' ORDER BY id) FROM person p};
my $opens = q{SELECT count(kms_try_decrypt_text(decode(substr(ssn, 7), 'base64'), jsonb_build_object('table', 'person', 'column', 'ssn', 'id', id::text)))
	|| ' ' || count(kms_try_decrypt(card, jsonb_build_object('table', 'person', 'column', 'card', 'id', id::text))) FROM person};
is(value($node, $opens, 'source'), '202 20', 'every ciphertext opens');

# ---- dumps -----------------------------------------------------------------------

# The same rows are there, byte by byte; of course they open.
sub is_same
{
	my ($dbname, $what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(value($node, $rows, $dbname), value($node, $rows, 'source'), "$what: every row is as it was");
	is(value($node, $opens, $dbname), value($node, $opens, 'source'), 'and opens');
	return;
}

sub works
{
	my ($dbname, $what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(value($node, q{BEGIN; INSERT INTO person (id, name, ssn) VALUES (100000, 'probe', 'probe');
		SELECT kms_decrypt_text(decode(substr(ssn, 7), 'base64'), '{"table": "person", "column": "ssn", "id": "100000"}') FROM person WHERE name = 'probe'; ROLLBACK}, $dbname),
		'probe', "$what: the trigger encrypts");
	return;
}

$node->command_ok([ 'pg_dump', '-f', "$folder/plain.sql", 'source' ], 'a plain dump');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$folder/custom", 'source' ], 'a custom dump');
$node->command_ok([ 'pg_dump', '-a', '-t', 'person', '-f', "$folder/data.sql", 'source' ], 'a dump of the data only');
$node->command_ok([ 'pg_dump', '-a', '--inserts', '-t', 'person', '-f', "$folder/inserts.sql", 'source' ], 'one of statements');
$node->command_ok([ 'pg_dump', '-a', '--inserts', '--on-conflict-do-nothing', '--rows-per-insert=7', '-t', 'person', '-f', "$folder/upserts.sql", 'source' ], 'and another');

$node->safe_psql('postgres', "CREATE DATABASE $_") for 'plain', 'custom';
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'plain', '-f', "$folder/plain.sql" ], 'the plain dump is restored');
$node->command_ok([ 'pg_restore', '-e', '-d', 'custom', "$folder/custom" ], 'so is the custom one');
for my $dbname ('plain', 'custom')
{
	is_same($dbname, "$dbname dump");
	works($dbname, "$dbname dump");
}
for my $kind ('data', 'inserts', 'upserts')
{
	$node->safe_psql('plain', 'TRUNCATE person');
	$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'plain', '-f', "$folder/$kind.sql" ], "truncated and reloaded: $kind");
	is_same('plain', "reloaded as $kind");
}
$node->safe_psql('plain', 'TRUNCATE person');
$node->command_ok([ 'pg_restore', '-e', '-a', '-t', 'person', '--disable-triggers', '-d', 'plain', "$folder/custom" ], 'restored with triggers disabled');
is_same('plain', 'with triggers disabled');
works('plain', 'with triggers disabled');
$node->safe_psql('source', "COPY person TO '$folder/person.csv' (FORMAT csv); COPY person TO '$folder/person.bin' (FORMAT binary)");
$node->safe_psql('plain', "TRUNCATE person; COPY person FROM '$folder/person.csv' (FORMAT csv)");
is_same('plain', 'copied out and in');
$node->safe_psql('plain', "TRUNCATE person; COPY person FROM '$folder/person.bin' (FORMAT binary)");
is_same('plain', 'copied as binary');
# The table is called otherwise where it is restored.
$node->safe_psql('plain', "ALTER TABLE person RENAME TO people; ALTER TABLE people SET SCHEMA public; TRUNCATE people; COPY people FROM '$folder/person.csv' (FORMAT csv); ALTER TABLE people RENAME TO person");
is_same('plain', 'copied into a table of another name');
# Keys that are not there: nothing is taken for plaintext that is somebody's ciphertext.
$node->safe_psql('postgres', 'CREATE DATABASE stranger');
$node->safe_psql('stranger', q{CREATE EXTENSION kms; SELECT kms_create_alias(kms_create_key()::text, 'alias/pii');
	CREATE TABLE person (id serial PRIMARY KEY, name text UNIQUE, ssn text, card bytea, seen integer DEFAULT 0);
	CREATE TRIGGER seal BEFORE INSERT OR UPDATE ON person FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/pii', 'ssn,card', 'id', 'person')});
refused($node, "COPY person FROM '$folder/person.csv' (FORMAT csv)", '42704', 'Forbidden.KeyNotFound', 'texts of another database are refused', dbname => 'stranger');

# ---- logical replication ----------------------------------------------------------

$node->safe_psql('postgres', "CREATE DATABASE $_") for 'ordinary', 'always';
for my $dbname ('ordinary', 'always')
{
	$node->command_ok([ 'pg_restore', '-e', '-d', $dbname, "$folder/custom" ], "a copy with the same keys: $dbname");
	$node->safe_psql($dbname, 'TRUNCATE person');
}
$node->safe_psql('always', 'ALTER TABLE person ENABLE ALWAYS TRIGGER seal');
$node->safe_psql('source', 'CREATE PUBLICATION p FOR TABLE person');
my $connection = $node->connstr . ' dbname=source';
for my $dbname ('ordinary', 'always')
{
	$node->safe_psql('source', "SELECT pg_create_logical_replication_slot('$dbname', 'pgoutput')");
	$node->safe_psql($dbname, "CREATE SUBSCRIPTION $dbname CONNECTION '$connection' PUBLICATION p WITH (create_slot = false)");
	$node->wait_for_subscription_sync($node, $dbname, $dbname);
	is_same($dbname, "the first copy, $dbname trigger");
}
$node->safe_psql('source', qq{
	INSERT INTO person (name, ssn, card) SELECT 'r' || n, '$canary{inserted}', convert_to(repeat('$canary{inserted} ', 400), 'UTF8') FROM generate_series(1, 50) n;
	UPDATE person SET seen = 1;
	UPDATE person SET id = id + 1000 WHERE id % 5 = 0;
	UPDATE person SET ssn = '$canary{updated}' WHERE id % 7 = 0;
	UPDATE person SET card = NULL WHERE id % 50 = 0;
	DELETE FROM person WHERE id % 11 = 0;
	INSERT INTO person (name, ssn) VALUES ('new version', '$canary{upserted}') ON CONFLICT (name) DO UPDATE SET ssn = excluded.ssn});
for my $dbname ('ordinary', 'always')
{
	$node->wait_for_catchup($dbname);
	is_same($dbname, "what is replicated, $dbname trigger");
	is(value($node, q{SELECT count(*) > 200 AND count(*) FILTER (WHERE seen = 1) > 200 AND count(*) FILTER (WHERE id > 1000) > 30 FROM person}, $dbname), 't', 'and it is a lot');
}
$node->safe_psql($_, "ALTER SUBSCRIPTION $_ DISABLE; ALTER SUBSCRIPTION $_ SET (slot_name = NONE); DROP SUBSCRIPTION $_") for 'ordinary', 'always';
$node->safe_psql('source', "SELECT pg_drop_replication_slot('$_')") for 'ordinary', 'always';

# ---- no plaintext in any file ------------------------------------------------------

$node->safe_psql('source', qq{COPY person (name, ssn) FROM stdin;
c1	$canary{copied}
c2	$canary{copied}
\\.
});
# Refused after the trigger has seen it: a duplicate, a CHECK, an error of a later trigger.
$node->safe_psql('source', q{ALTER TABLE person ADD CHECK (seen < 100);
	CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.seen = 50 THEN RAISE 'later' USING DETAIL = NEW::text; END IF; RETURN NEW; END $$;
	CREATE TRIGGER zz BEFORE INSERT ON person FOR EACH ROW EXECUTE FUNCTION later()});
for my $statement ("INSERT INTO person (name, ssn) VALUES ('c1', '$canary{refused}')", "INSERT INTO person (name, ssn, seen) VALUES ('x', '$canary{refused}', 100)",
	"INSERT INTO person (name, ssn, seen) VALUES ('x', '$canary{refused}', 50)", "COPY person (name, ssn) FROM stdin;\nc3\t$canary{refused}\nc1\t$canary{refused}\n\\.\n",
	"COPY person (name, ssn, seen) FROM stdin;\nc3\t$canary{refused}\t100\n\\.\n")
{
	ok(defined failure($node, $statement, dbname => 'source'), 'a statement that fails');
}
$node->safe_psql('source', q{ANALYZE; CREATE INDEX ON person (ssn); CREATE TABLE sorted AS SELECT p.* FROM person p, generate_series(1, 50) ORDER BY ssn; CREATE MATERIALIZED VIEW kept AS SELECT ssn, card FROM person});
is(value($node, q{SELECT count(*) FROM pg_stats WHERE tablename = 'person' AND attname = 'ssn' AND histogram_bounds::text LIKE '%kms:1:%'}, 'source'), '1', 'statistics are of ciphertext');
$node->safe_psql('source', 'CHECKPOINT');
$node->stop;
my $control = join "\n", found_in($node->basedir, %canary, planted => $planted);
like($control, qr/^planted in /m, 'what is not encrypted is found in the files');
unlike($control, qr/^(?!planted)/m, 'and nothing that is');

done_testing();
