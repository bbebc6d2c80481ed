# Columns that kms_protect_column protects survive what tables go through: dumps, copies,
# replication, partitions, renaming, standbys, restarts, pg_upgrade.  Ciphertext and
# blind index arrive as they were, the view reads, the search finds, writing works;
# or the statement fails, and says the way out.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use KmsServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $key = new_root_key();
my $node = new_server('main', root_key => $key, init => { allows_streaming => 'logical' });
my $folder = PostgreSQL::Test::Utils::tempdir;

$node->start;
$node->safe_psql('postgres', 'CREATE ROLE kms_test_reader; CREATE DATABASE source');
$node->safe_psql('source', q{
	CREATE EXTENSION kms;
	SELECT kms_create_alias(kms_create_key()::text, 'alias/pii'), kms_create_alias(kms_create_key('HMAC_SHA_256', 'GENERATE_VERIFY_MAC')::text, 'alias/search');
	CREATE TABLE person (id serial PRIMARY KEY, name text UNIQUE, ssn text, photo bytea, seen integer DEFAULT 0);
	SELECT kms_protect_column('person', 'ssn', 'alias/pii', blind_index => true, blind_index_key_id => 'alias/search');
	SELECT kms_protect_column('person', 'photo', 'alias/pii');
	GRANT SELECT ON person, person_decrypted TO kms_test_reader;
	SELECT kms_grant('alias/pii', 'kms_test_reader', '{Decrypt}');
	INSERT INTO person (name, ssn, photo) SELECT 'n' || n, 'ssn ' || n, CASE WHEN n % 10 = 0 THEN convert_to(repeat('photo ' || n, 1000), 'UTF8') END FROM generate_series(1, 100) n;
	INSERT INTO person_decrypted (name, ssn, photo) SELECT 'n' || n, 'ssn ' || n, '\x00ff' FROM generate_series(101, 200) n;
	SELECT kms_create_key_version('alias/pii');
	INSERT INTO person_decrypted (name, ssn) VALUES ('same', 'ssn 7'), ('null', NULL), ('empty', '');
	CREATE SCHEMA app;
	CREATE TABLE app.card (id integer PRIMARY KEY, number bytea);
	SELECT kms_protect_column('app.card', 'number', 'alias/pii', blind_index => true, blind_index_key_id => 'alias/search');
	INSERT INTO app.card SELECT n, convert_to('card ' || n, 'UTF8') FROM generate_series(1, 10) n});

# ---- what is to survive --------------------------------------------------------------

my $rows = q{SELECT (SELECT string_agg(p::text, E'\n' ORDER BY id) FROM person p) || (SELECT string_agg(c::text, E'\n' ORDER BY id) FROM app.card c)};
my $plaintexts = q{SELECT (SELECT string_agg(concat_ws(' ', id, name, ssn, md5(photo)), E'\n' ORDER BY id) FROM person_decrypted) || (SELECT string_agg(convert_from(number, 'UTF8'), ' ' ORDER BY id) FROM app.card_decrypted)};
my $search = q{SELECT string_agg(name, ' ' ORDER BY id) FROM person_decrypted WHERE ssn_blind_index = kms_blind_index('alias/search', '%s')};
my $protection = q{SELECT string_agg(c::text, E'\n' ORDER BY relation::text, column_name) FROM kms.protected_columns c};
my $definitions = q{
	SELECT concat_ws(E'\n', (SELECT string_agg(pg_get_triggerdef(oid), E'\n' ORDER BY tgrelid::regclass::text, tgname) FROM pg_trigger WHERE NOT tgisinternal AND tgrelid IN ('person'::regclass, 'person_decrypted'::regclass, 'app.card'::regclass, 'app.card_decrypted'::regclass)),
		(SELECT string_agg(concat_ws(' ', oid::regclass, reloptions, relacl, pg_get_viewdef(oid)), E'\n' ORDER BY relname) FROM pg_class WHERE relname IN ('person_decrypted', 'card_decrypted')),
		(SELECT string_agg(pg_get_indexdef(indexrelid), E'\n' ORDER BY indexrelid::regclass::text) FROM pg_index WHERE indrelid IN ('person'::regclass, 'app.card'::regclass)))};

# Writing by the table and by the view, and nothing of it stays.
my $writing = q{
	BEGIN;
	INSERT INTO person (id, name, ssn) VALUES (100000, 'by table', 'probe');
	INSERT INTO person_decrypted (id, name, ssn, photo) VALUES (100001, 'by view', 'probe', '\x01');
	UPDATE person_decrypted SET photo = '\x02' WHERE name = 'by view';
	UPDATE person SET photo = '\x03' WHERE name = 'by table';
	SELECT string_agg(concat_ws(' ', name, ssn, photo), ', ' ORDER BY id) FROM person_decrypted WHERE ssn_blind_index = kms_blind_index('alias/search', 'probe');
	DELETE FROM person_decrypted WHERE id >= 100000;
	SELECT count(*) FROM person WHERE id >= 100000;
	ROLLBACK};

my %original = map { $_ => value($node, $_, 'source') } $rows, $plaintexts, $protection, $definitions;
is(scalar(() = $original{$rows} =~ /,kms:1:/g), 202, 'texts are stored as ciphertext');
is(scalar(() = $original{$plaintexts} =~ / ssn \d+/g), 201, 'and the view shows them');
is($original{$protection}, "(app.card,number,alias/pii,{id},card,number_blind_index,alias/search,app.card_decrypted,t)\n"
	. "(person,photo,alias/pii,{id},person,,,person_decrypted,t)\n(person,ssn,alias/pii,{id},person,ssn_blind_index,alias/search,person_decrypted,t)", 'three columns are protected');
like($original{$definitions}, qr/zz_kms_encrypt_photo.*zz_kms_encrypt_ssn.*ssn=ssn_blind_index.*kms_write INSTEAD OF INSERT OR DELETE OR UPDATE.*security_invoker.*security_barrier.*btree \(ssn_blind_index\)/s, 'by triggers, with views and an index');

sub is_readable
{
	my ($server, $dbname, $what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(value($server, $plaintexts, $dbname), $original{$plaintexts}, "$what: the view reads every row");
	is(value($server, sprintf($search, 'ssn 7'), $dbname), 'n7 same', "$what: the search finds");
	return;
}

sub is_same
{
	my ($server, $dbname, $what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(value($server, $rows, $dbname), $original{$rows}, "$what: ciphertext and blind index are as they were");
	is_readable($server, $dbname, $what);
	return;
}

sub is_whole
{
	my ($server, $dbname, $what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is_same($server, $dbname, $what);
	is(value($server, $protection, $dbname), $original{$protection}, "$what: the columns are protected");
	is(value($server, $definitions, $dbname), $original{$definitions}, "$what: triggers, views and indexes are the same");
	is(value($server, $writing, $dbname), "by table probe \\x03, by view probe \\x02\n0", "$what: writing works");
	is(value($server, "SET ROLE kms_test_reader; SELECT ssn FROM person_decrypted WHERE name = 'n7'", $dbname), 'ssn 7', "$what: whoever could read it can");
	return;
}

is_whole($node, 'source', 'before anything');

# ---- dumps -----------------------------------------------------------------------------

sub restored
{
	my ($dbname, @command) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->command_ok([ @command, '-d', $dbname ], "restored: @command" =~ s/\Q$folder\E\///gr);
	return;
}

my @psql = qw(psql -X -q -v ON_ERROR_STOP=1);
for my $case ([ 'plain' ], [ 'custom', '-Fc' ], [ 'schema', '-s', '-Fc' ], [ 'data', '-a', '-Fc' ], [ 'person', '-a', '-t', 'person' ],
	[ 'card', '-a', '-t', 'app.card', '--inserts', '--on-conflict-do-nothing' ])
{
	my ($name, @options) = @$case;

	$node->command_ok([ 'pg_dump', @options, '-f', "$folder/$name", 'source' ], "a dump: $name");
}
unlike(slurp_file("$folder/plain"), qr/ssn \d|card \d/, 'no plaintext is in a dump');
$node->safe_psql('postgres', "CREATE DATABASE $_") for qw(plain custom parallel data);

restored('plain', @psql, '-f', "$folder/plain");
is_whole($node, 'plain', 'plain');
restored('custom', 'pg_restore', '-e', "$folder/custom");
is_whole($node, 'custom', 'custom');
restored('parallel', 'pg_restore', '-e', '-j', '2', "$folder/custom");
is_whole($node, 'parallel', 'in parallel');

$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE source');
is_whole($node, 'copy', 'CREATE DATABASE TEMPLATE');

# The rows alone, where everything else is.
$node->safe_psql('plain', 'TRUNCATE person, app.card');
restored('plain', @psql, '-f', "$folder/$_") for qw(person card);
is_whole($node, 'plain', 'truncated and reloaded');
$node->safe_psql('plain', 'TRUNCATE person, app.card');
restored('plain', 'pg_restore', '-e', '-a', '--disable-triggers', '-t', 'person', '-t', 'card', "$folder/custom");
is_whole($node, 'plain', 'reloaded with triggers disabled');

# Schema first, then the data: pg_dump takes the tables by their names, so that the rows of
# schema app come before the keys.
restored('data', 'pg_restore', '-e', "$folder/schema");
my $errors = '';
$node->run_log([ 'pg_restore', '-e', '-a', '-d', $node->connstr('data'), "$folder/data" ], '2>', \$errors);
like($errors, qr/alias "alias\/pii" does not exist/, 'rows that come before their keys are refused');
is(value($node, 'SELECT count(*) FROM app.card', 'data'), '0', 'and are not encrypted with something else');
$node->safe_psql('postgres', 'DROP DATABASE data');
$node->safe_psql('postgres', 'CREATE DATABASE data');
restored('data', 'pg_restore', '-e', "$folder/schema");
restored('data', 'pg_restore', '-e', '-a', '--disable-triggers', "$folder/data");
is_whole($node, 'data', 'data only, triggers disabled');

# ---- copies -------------------------------------------------------------------------------

for my $format (qw(text csv binary))
{
	$node->safe_psql('source', "COPY person TO '$folder/copy.$format' (FORMAT $format)");
	$node->safe_psql('plain', "TRUNCATE person; COPY person FROM '$folder/copy.$format' (FORMAT $format)");
	is_same($node, 'plain', "copied out and in, $format");
}
$node->safe_psql('source', "COPY (SELECT * FROM person_decrypted) TO '$folder/decrypted' (FORMAT csv)");
like(slurp_file("$folder/decrypted"), qr/^7,n7,ssn 7,/m, 'copied out of the view it is plaintext');
$node->safe_psql('plain', "TRUNCATE person; COPY person_decrypted FROM '$folder/decrypted' (FORMAT csv)");
is_readable($node, 'plain', 'copied into the view');
is(value($node, q{SELECT count(*) FILTER (WHERE ssn LIKE 'kms:1:%') || ' of ' || count(ssn) FROM person}, 'plain'), '202 of 202', 'and encrypted there');
$node->safe_psql('plain', "TRUNCATE person; COPY person FROM '$folder/decrypted' (FORMAT csv)");
is_readable($node, 'plain', 'plaintext copied into the table');
is(value($node, q{SELECT count(*) FILTER (WHERE ssn LIKE 'kms:1:%') || ' of ' || count(ssn) FROM person}, 'plain'), '202 of 202', 'is encrypted, too');
$node->safe_psql('plain', 'CREATE TABLE kept AS SELECT * FROM person; DELETE FROM person; INSERT INTO person SELECT * FROM kept');
is(value($node, 'SELECT count(*) FROM person JOIN kept USING (id, name, ssn, photo, ssn_blind_index) WHERE ssn IS NOT NULL AND photo IS NOT NULL', 'plain'),
	value($node, 'SELECT count(*) FROM person WHERE ssn IS NOT NULL AND photo IS NOT NULL', 'plain'), 'rows from a table that was made of it are as they were');
is_readable($node, 'plain', 'put back from another table');

# ---- single statements ----------------------------------------------------------------------
# In a copy, which may change.

my $reads = q{SELECT string_agg(concat_ws(' ', id, name, ssn, photo, seen), ', ' ORDER BY id) FROM person_decrypted WHERE ssn_blind_index = kms_blind_index('alias/search', '%s')};

$node->safe_psql('custom', q{INSERT INTO person (name, ssn) VALUES ('n1', 'upserted'), ('n300', 'upserted') ON CONFLICT (name) DO UPDATE SET ssn = excluded.ssn, seen = 1});
is(value($node, q{SELECT string_agg(name || ' ' || ssn || ' ' || seen, ', ' ORDER BY name) FROM person_decrypted WHERE ssn_blind_index = kms_blind_index('alias/search', 'upserted')}, 'custom'),
	'n1 upserted 1, n300 upserted 0', 'an upsert: read and found, inserted and updated');
is(value($node, sprintf($reads, 'ssn 1'), 'custom'), '', 'and no more by what it was');
$node->safe_psql('custom', q{INSERT INTO person (name, ssn) VALUES ('n2', 'not taken') ON CONFLICT (name) DO UPDATE SET seen = 2; INSERT INTO person (name, ssn) VALUES ('n2', 'not taken') ON CONFLICT DO NOTHING});
is(value($node, sprintf($reads, 'ssn 2'), 'custom'), '2 n2 ssn 2 2', 'one that leaves the value alone');
$node->safe_psql('custom', q{
	CREATE TABLE account (id serial PRIMARY KEY, email text, seen integer DEFAULT 0);
	SELECT kms_protect_column('account', 'email', 'alias/pii', blind_index => true, blind_index_key_id => 'alias/search');
	CREATE UNIQUE INDEX ON account (email_blind_index);
	INSERT INTO account (email) VALUES ('ann@example.org'), ('bob@example.org');
	INSERT INTO account (email) VALUES ('ann@example.org') ON CONFLICT (email_blind_index) DO UPDATE SET seen = account.seen + 1});
is(value($node, q{SELECT string_agg(id || ' ' || email || ' ' || seen, ', ' ORDER BY id) FROM account_decrypted}, 'custom'), '1 ann@example.org 1, 2 bob@example.org 0', 'the value itself is the conflict: a unique blind index');
is(failure($node, q{INSERT INTO account_decrypted (email) VALUES ('bob@example.org')}, dbname => 'custom')->{sqlstate}, '23505', 'and keeps duplicates out');

$node->safe_psql('custom', 'UPDATE person SET id = id + 1000 WHERE id BETWEEN 10 AND 19; UPDATE person_decrypted SET id = id + 1000 WHERE id BETWEEN 20 AND 29');
is(value($node, sprintf($reads, "ssn $_"), 'custom'), 1000 + $_ . " n$_ ssn $_ 0", 'a context column changes: read and found') for 15, 25;
is(value($node, q{SELECT count(*) FROM person_decrypted WHERE photo = convert_to(repeat('photo ' || (id - 1000), 1000), 'UTF8')}, 'custom'), '2', 'also the long values');
is(value($node, q{SELECT count(*) FROM person p WHERE id > 1000 AND ssn_blind_index = kms_blind_index('alias/search', 'ssn ' || (id - 1000))}, 'custom'), '20', 'the blind index does not depend on it');

# What is written by hand into a blind index does not stay.
$node->safe_psql('custom', q{UPDATE person SET ssn_blind_index = '\x00' WHERE name = 'n50'; INSERT INTO person (name, ssn, ssn_blind_index) VALUES ('n301', 'ssn 50', '\x00')});
is(value($node, sprintf($search, 'ssn 50'), 'custom'), 'n50 n301', 'a blind index that is written by hand says what its value says');

# ---- session_replication_role = replica -------------------------------------------------------

$node->safe_psql('custom', q{SET session_replication_role = replica; INSERT INTO person (id, name, ssn) VALUES (2000, 'past the trigger', 'plain')});
is(value($node, q{SELECT concat_ws(' ', p.ssn, p.ssn_blind_index, d.ssn) FROM person p JOIN person_decrypted d USING (id) WHERE id = 2000}, 'custom'), 'plain plain', 'replica: what comes is stored, and read by the view');
is(value($node, q{SELECT row_count FROM kms_scan_column('person', 'ssn') WHERE key_version_id IS NULL}, 'custom'), '1', 'kms_scan_column tells');
refused($node, q{BEGIN; ALTER TABLE person DISABLE TRIGGER zz_kms_encrypt_ssn; COMMIT; CALL kms_encrypt_existing('person', 'ssn')}, '55000', 'InvalidParameter', 'where the trigger is disabled nothing is encrypted', dbname => 'custom');
$node->safe_psql('custom', q{ALTER TABLE person ENABLE TRIGGER zz_kms_encrypt_ssn; SET session_replication_role = replica; CALL kms_encrypt_existing('person', 'ssn')});
is(value($node, q{SELECT count(*) FILTER (WHERE key_version_id IS NULL) FROM kms_scan_column('person', 'ssn')}, 'custom') . value($node, sprintf($reads, 'plain'), 'custom'), '02000 past the trigger plain 0', 'kms_encrypt_existing mends it');

# ---- ciphertext of another place ----------------------------------------------------------------

$node->safe_psql('custom', q{CREATE TABLE twin (LIKE person INCLUDING ALL); SELECT kms_protect_column('twin', 'ssn', 'alias/pii'), kms_protect_column('twin', 'photo', 'alias/pii')});
for my $case (
	[ 'another row' => q{UPDATE %s SET ssn = (SELECT ssn FROM person WHERE name = 'n4') WHERE name = 'n3'}, 'person' ],
	[ 'another column' => q{UPDATE %s SET photo = (SELECT decode(substr(ssn, 7), 'base64') FROM person WHERE name = 'n3') WHERE name = 'n3'}, 'person' ],
	[ 'another table' => q{INSERT INTO %s SELECT * FROM person WHERE name = 'n3'}, 'twin' ])
{
	my ($where, $sql, $table) = @$case;
	my $column = $where eq 'another column' ? 'photo' : 'ssn';
	my $bytes = $column eq 'photo' ? 'photo' : q{decode(substr(ssn, 7), 'base64')};

	refused($node, sprintf($sql, $_), '22023', 'InvalidParameter', "into $where, by $_: refused", dbname => 'custom') for $table, "${table}_decrypted";
	my $smuggled = 'BEGIN; SET LOCAL session_replication_role = replica; ' . sprintf($sql, $table) . '; ';
	refused($node, $smuggled . "SELECT $column FROM ${table}_decrypted WHERE name = 'n3'", '22023', 'InvalidParameter', "smuggled into $where, the view does not open it", dbname => 'custom');
	refused($node, $smuggled . qq{SELECT kms_decrypt($bytes, jsonb_build_object('table', '$table', 'column', '$column', 'id', id::text)) FROM $table WHERE name = 'n3'},
		'22023', 'InvalidParameter', 'nor does the function', dbname => 'custom');
}

# ---- logical replication ---------------------------------------------------------------------------
# Subscribers have the keys from a dump.

my %enable = (ordinary => '', always => 'ALTER TABLE person ENABLE ALWAYS TRIGGER zz_kms_encrypt_ssn; ALTER TABLE person ENABLE ALWAYS TRIGGER zz_kms_encrypt_photo');
my $connection = $node->connstr . ' dbname=parallel';
$node->safe_psql('parallel', 'CREATE PUBLICATION p FOR TABLE person');
for my $dbname (sort keys %enable)
{
	$node->safe_psql('postgres', "CREATE DATABASE $dbname");
	restored($dbname, 'pg_restore', '-e', "$folder/custom");
	$node->safe_psql($dbname, "TRUNCATE person; $enable{$dbname}");
	$node->safe_psql('parallel', "SELECT pg_create_logical_replication_slot('$dbname', 'pgoutput')");
	$node->safe_psql($dbname, "CREATE SUBSCRIPTION $dbname CONNECTION '$connection' PUBLICATION p WITH (create_slot = false)");
	$node->wait_for_subscription_sync($node, $dbname, $dbname);
	is_same($node, $dbname, "the first copy, $dbname trigger");
}
$node->safe_psql('parallel', q{
	INSERT INTO person_decrypted (name, ssn, photo) SELECT 'r' || n, 'r ' || n, convert_to(repeat('r ' || n, 3000), 'UTF8') FROM generate_series(1, 50) n;
	UPDATE person SET seen = 1;
	UPDATE person_decrypted SET id = id + 1000 WHERE id % 5 = 0;
	UPDATE person_decrypted SET ssn = 'u' || id WHERE id % 7 = 0;
	UPDATE person SET photo = NULL WHERE id % 50 = 0;
	DELETE FROM person_decrypted WHERE id % 11 = 0});
for my $dbname (sort keys %enable)
{
	$node->wait_for_catchup($dbname);
	is(value($node, $_, $dbname), value($node, $_, 'parallel'), "what is replicated, $dbname trigger") for $rows, $plaintexts;
	is(value($node, sprintf($search, 'r 8'), $dbname), 'r8', 'and it is found');
	$node->safe_psql($dbname, "ALTER SUBSCRIPTION $dbname DISABLE; ALTER SUBSCRIPTION $dbname SET (slot_name = NONE); DROP SUBSCRIPTION $dbname");
	$node->safe_psql('parallel', "SELECT pg_drop_replication_slot('$dbname')");
	is(value($node, $writing, $dbname), "by table probe \\x03, by view probe \\x02\n0", 'the subscriber can write');
}

# ---- partitions ----------------------------------------------------------------------------------

$node->safe_psql('custom', q{
	CREATE TABLE visit (id integer, day date, note text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
	CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
	CREATE TABLE visit_2 PARTITION OF visit FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
	SELECT kms_protect_column('visit', 'note', 'alias/pii', blind_index => true, blind_index_key_id => 'alias/search');
	INSERT INTO visit SELECT n, date '2024-12-01' + n, 'note ' || n FROM generate_series(1, 60) n});
my $visits = q{SELECT count(*) FROM visit_decrypted WHERE note = 'note ' || id AND note_blind_index = kms_blind_index('alias/search', 'note ' || id)};
my $visit_rows = q{SELECT string_agg(v::text, E'\n' ORDER BY id) FROM visit v};
my $before = value($node, $visit_rows, 'custom');
is(value($node, $visits, 'custom'), '60', 'a partitioned table is read and searched');
for my $how ('', 'CONCURRENTLY')
{
	$node->safe_psql('custom', "ALTER TABLE visit DETACH PARTITION visit_1 $how");
	is(value($node, $visits, 'custom'), '30', "detached $how: the rest is read");
	is(value($node, q{SELECT count(kms_try_decrypt_text(decode(substr(note, 7), 'base64'), jsonb_build_object('table', 'visit', 'column', 'note', 'id', id::text, 'day', day))) FROM visit_1}, 'custom'), '30', 'and so are the detached rows, as those of the table that they were in');
	$node->safe_psql('custom', q{ALTER TABLE visit ATTACH PARTITION visit_1 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')});
	is(value($node, $visit_rows, 'custom'), $before, 'attached again: every row is as it was');
	is(value($node, $visits, 'custom'), '60', 'and is read and found');
}
$node->safe_psql('custom', q{CREATE TABLE visit_3 PARTITION OF visit FOR VALUES FROM ('2026-01-01') TO ('2027-01-01'); UPDATE visit SET day = '2026-02-02' WHERE id IN (1, 59); UPDATE visit_decrypted SET day = '2026-02-03' WHERE id IN (2, 58); INSERT INTO visit_3 (id, day, note) VALUES (61, '2026-01-01', 'note 61')});
is(value($node, 'SELECT count(*) FROM visit_3', 'custom') . ' ' . value($node, $visits, 'custom'), '5 61', 'rows that move to a new partition, and one that is written to it');
$node->safe_psql('custom', q{ALTER TABLE visit DETACH PARTITION visit_3; INSERT INTO visit_3 (id, day, note) VALUES (62, '2026-01-01', 'note 62'); ALTER TABLE visit ATTACH PARTITION visit_3 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')});
is(value($node, q{SELECT row_count FROM kms_scan_column('visit', 'note') WHERE key_version_id IS NULL}, 'custom'), '1', 'what was written while it was no partition is plaintext, and counted');
$node->safe_psql('custom', q{CALL kms_encrypt_existing('visit', 'note')});
is(value($node, $visits, 'custom'), '62', 'until kms_encrypt_existing');
refused($node, q{SELECT kms_protect_column('visit_3', 'note', 'alias/pii')}, '42809', 'InvalidParameter', 'a partition is not protected on its own', dbname => 'custom');
$node->safe_psql('custom', q{CREATE TABLE loose (LIKE visit INCLUDING ALL); SELECT kms_protect_column('loose', 'note', 'alias/pii')});
is(failure($node, q{ALTER TABLE visit ATTACH PARTITION loose FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')}, dbname => 'custom')->{sqlstate}, '42710', 'a table that is protected itself is not attached');

# ---- renaming -------------------------------------------------------------------------------------

# In a copy of its own: everything is called otherwise, one after the other.
$node->safe_psql('data', 'ALTER TABLE person RENAME TO people');
my $renamed = $plaintexts;
is(value($node, $renamed, 'data'), $original{$plaintexts}, 'the table renamed: the view reads');
$node->safe_psql('data', q{CREATE SCHEMA archive; ALTER TABLE people SET SCHEMA archive});
is(value($node, $renamed, 'data'), $original{$plaintexts}, 'in another schema: the view reads');
like(value($node, $protection, 'data'), qr/^\(archive\.people,ssn,alias\/pii,\{id\},person,ssn_blind_index,alias\/search,person_decrypted,t\)$/m, 'kms.protected_columns has the new name, and the context the old one');
is(value($node, $writing =~ s/(INTO|UPDATE|FROM) person\b/$1 archive.people/gr, 'data'), "by table probe \\x03, by view probe \\x02\n0", 'and writing works');
$node->safe_psql('data', 'ALTER TABLE archive.people SET SCHEMA public; ALTER TABLE people RENAME TO person; ALTER VIEW person_decrypted RENAME TO clear; ALTER VIEW clear SET SCHEMA archive');
is(value($node, $writing =~ s/person_decrypted/archive.clear/gr, 'data'), "by table probe \\x03, by view probe \\x02\n0", 'the view renamed and moved: reading and writing');
like(value($node, $protection, 'data'), qr/,archive\.clear,t\)$/m, 'kms.protected_columns has it');
$node->safe_psql('data', 'ALTER VIEW archive.clear SET SCHEMA public; ALTER VIEW clear RENAME TO person_decrypted');
is_whole($node, 'data', 'all names as they were');

# A column that the triggers name: writing fails until they are created anew.
for my $case ([ 'an encrypted column' => 'ssn', 'social' ], [ 'a context column' => 'id', 'number' ], [ 'a blind index' => 'ssn_blind_index', 'lookup' ])
{
	my ($what, $old, $new) = @$case;
	my $dbname = "renamed_$old";
	my %now = (ssn => 'ssn', id => 'id', ssn_blind_index => 'ssn_blind_index', $old => $new);
	my %argument = (%now, $old => "$new=$old");
	my $way_out = $what eq 'a blind index' ? qr/write ssn=NEW_NAME / : qr/write NEW_NAME=$old /;

	$node->safe_psql('postgres', "CREATE DATABASE $dbname");
	restored($dbname, 'pg_restore', '-e', "$folder/custom");
	$node->safe_psql($dbname, "ALTER TABLE person RENAME $old TO $new");
	is_readable($node, $dbname, "$what renamed");
	for my $sql ("INSERT INTO person (name, $now{ssn}) VALUES ('x', 'x')", "UPDATE person SET $now{ssn} = 'x'", q{INSERT INTO person_decrypted (name, ssn) VALUES ('x', 'x')}, q{UPDATE person_decrypted SET ssn = 'x'})
	{
		my $error = refused($node, $sql, '42703', 'InvalidParameter', "$what renamed: $sql is refused", dbname => $dbname);

		like($error->{hint} // '', $way_out, 'with the way out');
	}
	is(value($node, q{SELECT string_agg(column_name || ' ' || enabled, ', ' ORDER BY column_name) FROM kms.protected_columns WHERE relation = 'person'::regclass}, $dbname),
		'photo true, ssn ' . ($old eq 'ssn' ? 'false' : 'true'), 'kms.protected_columns says whether the column is there');
	$node->safe_psql($dbname, qq{
		DROP TRIGGER zz_kms_encrypt_ssn ON person;
		DROP TRIGGER zz_kms_encrypt_photo ON person;
		CREATE TRIGGER zz_kms_encrypt_ssn BEFORE INSERT OR UPDATE ON person FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/pii', '$argument{ssn}', '$argument{id}', 'person', 'alias/search', '$now{ssn}=$now{ssn_blind_index}');
		CREATE TRIGGER zz_kms_encrypt_photo BEFORE INSERT OR UPDATE ON person FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/pii', 'photo', '$argument{id}', 'person')});
	is_readable($node, $dbname, "$what renamed, and the triggers created anew");
	my $writing_now = $writing =~ s/(INTO person) \(id, name, ssn\)/$1 ($now{id}, name, $now{ssn})/r =~ s/(FROM person WHERE) id/$1 $now{id}/r;
	is(value($node, $writing_now, $dbname), "by table probe \\x03, by view probe \\x02\n0", 'writing works');
	is(value($node, q{SELECT concat_ws(' ', column_name, context_columns, table_name, blind_index_column, enabled) FROM kms.protected_columns WHERE relation = 'person'::regclass AND blind_index_column IS NOT NULL}, $dbname),
		"$now{ssn} {$now{id}} person $now{ssn_blind_index} t", 'and kms.protected_columns has the new name');
	if ($old eq 'ssn')
	{
		# It is called in the context what it was called first.
		$node->safe_psql($dbname, 'ALTER TABLE person RENAME social TO number');
		like(failure($node, 'UPDATE person SET seen = 3', dbname => $dbname)->{hint}, qr/write NEW_NAME=ssn /, 'renamed once more: the way out has the first name');
		$node->safe_psql($dbname, 'ALTER TABLE person RENAME number TO social');
	}
	$node->safe_psql($dbname, "SELECT kms_unprotect_column('person', '$now{ssn}')");
	is(value($node, "SELECT count(*) FROM person WHERE $now{ssn} = 'ssn ' || substr(name, 2)", $dbname), '200', 'it can be decrypted for good');
	$node->safe_psql('postgres', "DROP DATABASE $dbname");
}

# ---- dropping ---------------------------------------------------------------------------------------

is(failure($node, 'ALTER TABLE person ALTER ssn TYPE varchar(20)', dbname => 'data')->{sqlstate}, '0A000', 'another type is refused while there is the view');
for my $sql ('ALTER TABLE person DROP COLUMN ssn', 'ALTER TABLE person DROP COLUMN ssn_blind_index', 'ALTER TABLE person DROP COLUMN id', 'DROP TABLE person', 'DROP FUNCTION kms_encrypt_columns', 'DROP FUNCTION kms.decrypt_column(text, "any")')
{
	is(failure($node, $sql, dbname => 'data')->{sqlstate}, '2BP01', "$sql is refused");
}
$node->safe_psql('data', 'DROP TABLE person CASCADE');
is(value($node, 'SELECT string_agg(relation::text, \' \') FROM kms.protected_columns', 'data'), 'app.card', 'a table that is dropped is protected no more');
is(value($node, q{SELECT count(*) FROM pg_class WHERE relname ~ '^person'}, 'data'), '0', 'and its view went with it');

# ---- standby, restart ----------------------------------------------------------------------------------

my $standby = PostgreSQL::Test::Cluster->new('standby');
$node->backup('backup');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->append_conf('postgresql.conf', "kms.root_key_file = '" . root_key_file($standby) . "'");
write_private(root_key_file($standby), "$key\n");
$standby->start;
$node->safe_psql('source', q{UPDATE person SET seen = 0 WHERE name = 'n1'});
$original{$rows} = value($node, $rows, 'source');
$node->wait_for_catchup($standby);
is_same($standby, 'source', 'on a hot standby');
is(value($standby, $protection, 'source'), $original{$protection}, 'on a hot standby: the columns are protected');
is(value($standby, q{SELECT sum(row_count) FROM kms_scan_column('person', 'ssn')}, 'source'), '202', 'they can be scanned');
refused($standby, q{INSERT INTO person_decrypted (name, ssn) VALUES ('x', 'x')}, '25006', '', 'and not written', dbname => 'source');
refused($standby, "SELECT $_", '25006', 'UnsupportedOperation', "nor: $_", dbname => 'source') for q{kms_protect_column('person', 'name', 'alias/pii')}, q{kms_unprotect_column('person', 'ssn')};
$standby->stop;

$node->restart;
is_whole($node, 'source', 'restarted');
$node->stop('immediate');
$node->start;
is_whole($node, 'source', 'crashed');

# ---- pg_upgrade -------------------------------------------------------------------------------------------

chomp(my $bindir = `"$ENV{PG_CONFIG}" --bindir`);
SKIP:
{
	skip 'there is no pg_upgrade', 1 unless -x "$bindir/pg_upgrade";
	my $new = new_server('new', root_key => $key);

	# One database is enough.
	$node->safe_psql('postgres', "DROP DATABASE $_") for qw(plain custom parallel copy data ordinary always);
	$node->safe_psql('postgres', q{SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots});
	$node->stop;
	chdir $folder or die "chdir: $!";    # where it leaves a script
	command_ok([ 'pg_upgrade', '--no-sync', '-d', $node->data_dir, '-D', $new->data_dir, '-b', $bindir, '-B', $bindir, '-s', $new->host, '-p', $node->port, '-P', $new->port ], 'pg_upgrade');
	chdir '/' or die "chdir: $!";
	$new->start;
	is_whole($new, 'source', 'upgraded');
	value($new, 'SELECT kms_confirm_home()', 'source');
	is_whole($new, 'source', 'upgraded and confirmed');
	$new->safe_psql('source', q{SELECT kms_create_key_version('alias/pii'); CALL kms_reencrypt_column('person', 'ssn'); CALL kms_reencrypt_column('person', 'photo')});
	is_readable($new, 'source', 'upgraded and encrypted anew');
	is(value($new, q{SELECT count(*) FROM kms_scan_column('person', 'ssn')}, 'source'), '1', 'with the newest version alone');
	$new->stop;
}

unlike(slurp_file($_->logfile), qr/PANIC|TRAP:|terminated by signal/, $_->name . ': nothing crashed') for $node, $standby;
done_testing();
