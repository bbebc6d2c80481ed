# A database that has one of everything, dumped in every format and restored into
# clusters with the same root key, another one and none: what opens at once, what
# waits for kms_confirm_home or for the right root key, and how dumps of parts end.
# 007_dump.pl has what becomes of owners where roles are others' or missing.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use KmsEverything;
use KmsServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $key = new_root_key();
my $foreign = new_root_key();
my $settings = "kms.worker_enabled = off\nmax_connections = 30\n";
my $node = new_server('main', root_key => $key, settings => $settings);
my $there = new_server('there', root_key => $key, settings => $settings);
my $whole = new_server('whole', root_key => $key, settings => $settings);
my $other = new_server('other', root_key => $foreign, settings => $settings);
my $folder = PostgreSQL::Test::Utils::tempdir;
my @psql = qw(psql -X -q -v ON_ERROR_STOP=1 -o /dev/null);
my $home = 'SELECT kms_confirm_home()';

# ---- helpers -------------------------------------------------------------------------

# A command with the connection of a server; what it says on stderr, and whether it succeeded.
sub says
{
	my ($server, @command) = @_;
	my $errors = '';
	my $good = $server->run_log(\@command, '>', \my $output, '2>', \$errors, '<', '/dev/null');

	return ($good, $errors);
}

sub succeeds
{
	my ($server, $what, @command) = @_;
	my ($good, $errors) = says($server, @command);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($good && $errors eq '', $what) or diag($errors);
	return;
}

sub contents
{
	my ($archive) = @_;

	return scalar `pg_restore -l "$archive"`;
}

sub make_database
{
	my ($server, $dbname) = @_;

	$server->safe_psql('postgres', "CREATE DATABASE $dbname");
	return;
}

# What is wrapped, MACed and chained, as it lies in the tables that a dump brings.
sub rows_of
{
	my ($server, $dbname) = @_;

	return value($server, q{
		SELECT format('SELECT %L, count(*), md5(string_agg(md5(t::text), %L ORDER BY md5(t::text))) FROM %s t WHERE %s', c.oid::regclass, '', c.oid::regclass,
				CASE WHEN c.relname IN ('account', 'domain_key', 'audit_entry', 'audit_head') THEN CASE c.relname WHEN 'account' THEN 'id' ELSE 'account_id' END || ' = (SELECT id FROM kms.account ORDER BY created_at LIMIT 1)' ELSE 'true' END)
		  FROM pg_class c WHERE c.relnamespace = 'kms'::regnamespace AND c.relkind = 'r' AND c.relname NOT IN ('job', 'column_job') ORDER BY c.relname \gexec}, $dbname);
}

sub loaded
{
	my ($server, @keys) = @_;
	my $offset = -s $server->logfile;

	write_private(root_key_file($server), join('', map { "$_\n" } @keys));
	$server->reload;
	defined wait_until(sub { log_since($server, $offset) =~ /LOG:  kms: the root key is loaded/ }) or die log_since($server, $offset);
	return;
}

# ---- what there is -------------------------------------------------------------------

$_->start for $node, $there, $whole, $other;
make_roles($node);
make_roles($there, qw(somebody somebody_else third fourth));    # so that the oids are other roles' there
make_roles($other);
fill($node, 'source');
$node->safe_psql('source', q{
	ALTER DATABASE source SET kms.audit = 'all';
	ALTER ROLE "the owner" SET kms.cache_size = 1000;
	ALTER ROLE member IN DATABASE source SET kms.audit = 'off';
	GRANT EXECUTE ON FUNCTION kms_check_integrity, kms_run_jobs TO team});
my $begun = [ split /\|/, value($node, q{SELECT encode(blob, 'hex'), encode(message, 'hex') FROM kept WHERE kind = 'parameters'}, 'source') ];
my $begun_key = value($node, q{SELECT name FROM kept WHERE kind = 'parameters'}, 'source');
my @everything = (listed($node, 'source'), opened($node, 'source'), by_roles($node, 'source'));
my $rows = rows_of($node, 'source');
my $privileges = q{SELECT string_agg(p::regprocedure || ' ' || r, ', ' ORDER BY p::regprocedure::text, r) FROM unnest('{kms_check_integrity,kms_run_jobs,kms_create_key}'::regproc[]) p, unnest('{the owner,a reader,team,member,app}'::text[]) r WHERE has_function_privilege(r, p::oid, 'EXECUTE')};
my $may = value($node, $privileges, 'source');
is(scalar(() = $everything[0] =~ /^key\|/mg), 27, 'there are keys of every kind and state');
is(scalar(() = $everything[0] =~ /^audit\|/mg), 90, 'which the audit log tells of');
unlike($everything[1], qr/\|(false|f|tf|ft|ff|)$/m, 'everything opens');
is(scalar(() = $rows =~ /^kms\./mg), scalar(() = $rows =~ /^kms\.[a-z_]+\|\d+\|/mg), 'every table is looked at');
is($rows =~ /^(kms\.\w+)\|0\|/m ? $1 : '', 'kms.role_anchor', 'and none but one, which is always so, is empty');
is(stored_roles($node, 'source'), '', 'roles are stored with their numbers');
like($may, qr/kms_check_integrity\(\) member, kms_check_integrity\(\) team, .*kms_create_key\([^)]*\) the owner, .*kms_run_jobs\(\) team/, 'functions are granted');

# ---- the same root key, other oids -----------------------------------------------------

succeeds($node, 'pg_dump, plain', 'pg_dump', '-f', "$folder/plain", 'source');
succeeds($node, 'pg_dump, plain, as INSERTs', 'pg_dump', '--rows-per-insert=10', '-f', "$folder/inserts", 'source');
succeeds($node, 'pg_dump, custom', 'pg_dump', '-Fc', '-f', "$folder/custom", 'source');
succeeds($node, 'pg_dump, tar', 'pg_dump', '-Ft', '-f', "$folder/tar", 'source');
succeeds($node, 'pg_dump, directory', 'pg_dump', '-Fd', '-f', "$folder/directory", 'source');
succeeds($node, 'pg_dump, directory, by two', 'pg_dump', '-Fd', '-j', '2', '-f', "$folder/by_two", 'source');
is(difference(rows_of($node, 'source'), $rows), '', 'a dump changes nothing');

my @restores = (
	[ plain => @psql, '-f', "$folder/plain" ], [ at_once => @psql, '-1', '-f', "$folder/plain" ], [ inserts => @psql, '-f', "$folder/inserts" ],
	[ custom => 'pg_restore', '-e', "$folder/custom" ], [ custom_by_two => 'pg_restore', '-e', '-j', '2', "$folder/custom" ],
	[ tar => 'pg_restore', '-e', "$folder/tar" ], [ directory => 'pg_restore', '-e', "$folder/directory" ], [ by_two => 'pg_restore', '-e', '-j', '2', "$folder/by_two" ]);
for my $case (@restores)
{
	my ($dbname, @command) = @$case;

	make_database($there, $dbname);
	succeeds($there, "restored in another cluster: $dbname", @command, '-d', $dbname);
	is(status($there, $dbname), 'Enabled', "$dbname: the service is open");
	is(difference(rows_of($there, $dbname), $rows), '', "$dbname: every row is as it was");
	is(value($there, $privileges, $dbname), $may, "$dbname: who may call which function");
	is_everything($there, $dbname, $dbname, @everything);
	is(stored_roles($there, $dbname), 'a reader, team, the owner', "$dbname: roles are stored with the numbers that they had");
	value($there, $home, $dbname);
	is(stored_roles($there, $dbname), '', "$dbname, confirmed: with those that they have here");
	is_everything($there, $dbname, "$dbname, confirmed", @everything);
}

# ---- what waits for kms_confirm_home ------------------------------------------------------

make_database($there, 'waiting');
succeeds($there, 'restored once more', @psql, '-f', "$folder/plain", '-d', 'waiting');
is(value($there, 'SELECT count(*) FROM kms_run_jobs() WHERE outcome <> $$done$$', 'waiting'), '0', 'where nothing is due nothing waits');
my $import = import_material($there, 'waiting', $begun_key, "\x08" x 32, parameters => $begun);
is(value($there, "$import; SELECT kms_decrypt_text(kms_encrypt('alias/begun', 'begun there'))", 'waiting'), "\nbegun there", 'an import that was begun before the dump is finished');
let_time_pass($there, 'waiting');
$there->safe_psql('waiting', q{
	UPDATE kms.key SET delete_at = clock_timestamp() WHERE state = 'PendingDeletion';
	UPDATE kms.key SET next_rotation_at = clock_timestamp() WHERE rotation_seconds IS NOT NULL;
	UPDATE kms.key SET material_expires_at = clock_timestamp() WHERE material_expires_at IS NOT NULL;
	UPDATE kms.secret SET delete_at = clock_timestamp() WHERE name = 'doomed';
	UPDATE kms.secret SET next_rotation_at = clock_timestamp() WHERE name = 'app'});
my $jobs = q{SELECT string_agg(concat_ws(' ', job, outcome, nullif(detail, '')), ', ' ORDER BY job) FROM kms_run_jobs()};
my $waits = 'waiting this database is a copy or was restored: call kms_confirm_home()';
is(value($there, $jobs, 'waiting'), "KeyDeletion $waits, KeyRotation done, MaterialExpiry $waits, SecretDeletion $waits, SecretRotation $waits", 'keys rotate; what erases, and what changes roles, waits');
refused($there, q{SELECT kms_decrypt((SELECT blob FROM kept WHERE name = 'expiring' AND kind = 'ciphertext'))}, '55000', 'Rejected.PendingImport', 'material that has expired is refused all the same', dbname => 'waiting');
is(value($there, q{SELECT count(*) FROM kms.key WHERE state = 'PendingDeletion'}, 'waiting') . value($there, q{SELECT count(*) FROM kms.secret WHERE name = 'doomed'}, 'waiting'), '11', 'and nothing is erased');
refused($there, q{SELECT kms_rotate_secret('app')}, '55000', 'Rejected.StateModifiedFailed', 'nor is a password changed by hand', dbname => 'waiting');
value($there, $home, 'waiting');
is(value($there, $jobs, 'waiting'), 'KeyDeletion done, MaterialExpiry done, SecretDeletion done, SecretRotation done', 'confirmed: it is done');
is_sound($there, 'waiting', 'confirmed');

# ---- pg_dumpall ---------------------------------------------------------------------------

succeeds($node, 'pg_dumpall', 'pg_dumpall', '-f', "$folder/all");
my ($good, $errors) = says($whole, qw(psql -X -q -o /dev/null -f), "$folder/all", '-d', 'postgres');
my $superuser = getpwuid($<);
is(join('', map { s/^psql:.*?: //r } split /^/, $errors), qq{ERROR:  role "$superuser" already exists\n}, 'into a new cluster: only the superuser is already there');
is_everything($whole, 'source', 'pg_dumpall', @everything);
is(value($whole, 'SHOW kms.audit', 'source'), 'all', 'pg_dumpall: the settings of the database are there');
is(value($whole, q{SELECT string_agg(concat_ws(' ', r.rolname, d.datname, s.setconfig), ', ' ORDER BY r.rolname) FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase}), 'member source {kms.audit=off}, the owner {kms.cache_size=1000}',
	'pg_dumpall: those of roles, too');
is(value($whole, q{SELECT (SELECT count(*) FROM pg_auth_members WHERE roleid = 'team'::regrole), (SELECT rolpassword IS NOT NULL FROM pg_authid WHERE rolname = 'app')}), '1|t', 'pg_dumpall: and members and passwords');
is(value($whole, $privileges, 'source'), $may, 'pg_dumpall: who may call which function');
value($whole, $home, 'source');
is_everything($whole, 'source', 'pg_dumpall, confirmed', @everything);
is(value($whole, q{SELECT kms_rotate_secret('app', 'v2') \g /dev/null
	SELECT version_id FROM kms_get_secret_value('app')}, 'source'), 'v2', 'pg_dumpall, confirmed: a password is rotated');

# Over what is there: databases and roles are dropped and made anew, without the guard, which works within a database.
succeeds($node, 'pg_dumpall --clean', 'pg_dumpall', '--clean', '--if-exists', '-f', "$folder/all_clean");
($good, $errors) = says($whole, qw(psql -X -q -o /dev/null -f), "$folder/all_clean", '-d', 'postgres');
is(join('', map { s/^psql:.*?: //r } split /^/, $errors), qq{ERROR:  current user cannot be dropped\nERROR:  role "$superuser" already exists\n}, 'pg_dumpall --clean: over what is there');
is_everything($whole, 'source', 'pg_dumpall --clean', @everything);
like(stored_roles($whole, 'source'), qr/the owner/, 'pg_dumpall --clean: not confirmed again');

# ---- over what is there, in a database ------------------------------------------------------

# The guard holds up DROP EXTENSION; what is there stays, if nothing else of it is touched.
succeeds($node, 'pg_dump --clean', 'pg_dump', '--clean', '--if-exists', '-f', "$folder/clean", 'source');
make_database($there, 'again');
succeeds($there, 'a database that is there', @psql, '-f', "$folder/plain", '-d', 'again');
value($there, q{SELECT kms_create_alias(kms_create_key()::text, 'alias/later')}, 'again');
my $later = value($there, q{SELECT kms_encrypt('alias/later', 'later')}, 'again');
for my $case ([ 'psql', @psql, '-1', '-f', "$folder/clean" ], [ 'pg_restore', qw(pg_restore --clean --if-exists -1), "$folder/custom" ])
{
	my ($what, @command) = @$case;

	($good, $errors) = says($there, @command, '-d', 'again');
	ok(!$good, "--clean, by $what in one transaction, fails");
	like($errors, qr/ERROR:  there are keys or certificates in this database/, '... and says that there are keys');
	like($errors, qr/HINT:  .*kms\.allow_drop/, '... with the way out');
	is(value($there, "SELECT kms_decrypt_text('$later')", 'again'), 'later', '... nothing is lost');
	is(difference(opened($there, 'again'), $everything[1]), '', '... and everything opens');
}

# Statement by statement: the keys stay, and tables are those of the dump.
$there->safe_psql('again', q{DELETE FROM kept WHERE n > 10});
($good, $errors) = says($there, @psql[0 .. 2], '-o', '/dev/null', '-f', "$folder/clean", '-d', 'again');
like($errors, qr/ERROR:  there are keys or certificates in this database/, '--clean, statement by statement: the extension is not dropped');
is(value($there, "SELECT kms_decrypt_text('$later')", 'again'), 'later', '... its keys stay');
is(difference(opened($there, 'again'), $everything[1]), '', '... and the tables are those of the dump, which open');
is_sound($there, 'again', '... statement by statement');
{
	local $ENV{PGOPTIONS} = '-c kms.allow_drop=on';
	succeeds($there, '--clean with kms.allow_drop', @psql, '-1', '-f', "$folder/clean", '-d', 'again');
	is_everything($there, 'again', '--clean, psql', @everything);
	refused($there, "SELECT kms_decrypt_text('$later')", '42704', 'Forbidden.KeyNotFound', 'what was made since is gone', dbname => 'again');
	succeeds($there, '--clean by pg_restore with kms.allow_drop', qw(pg_restore --clean --if-exists -e), "$folder/custom", '-d', 'again');
	is_everything($there, 'again', '--clean, pg_restore', @everything);
}
succeeds($there, '--clean --create by pg_restore, without', qw(pg_restore --clean --if-exists --create -e), "$folder/custom", '-d', 'postgres');
is_everything($there, 'source', '--clean --create', @everything);
is(value($there, 'SHOW kms.audit', 'source'), 'all', '--create: the settings of the database are there');
succeeds($there, 'and once more, over it', qw(pg_restore --clean --if-exists --create -e), "$folder/custom", '-d', 'postgres');
is_everything($there, 'source', '--clean --create, over it', @everything);

# ---- schema, then data ----------------------------------------------------------------------

make_database($there, 'empty');
succeeds($there, '--schema-only', qw(pg_restore -e --schema-only), "$folder/custom", '-d', 'empty');
is(status($there, 'empty'), 'Enabled', '--schema-only: a service of its own is open');
is(value($there, 'SELECT (SELECT count(*) FROM kms_list_keys()), (SELECT count(*) FROM kms.protected_columns), (SELECT count(*) FROM person_decrypted), (SELECT count(*) FROM kms.secrets), (SELECT count(*) FROM kms.grants)', 'empty'), '0|1|0|0|0', '--schema-only: it has no keys, and columns that are protected by one');
refused($there, q{INSERT INTO person VALUES (1, 'x', 'x')}, '42704', 'Forbidden.AliasNotFound', '--schema-only: which does not exist yet', dbname => 'empty');
is(value($there, q{SELECT has_table_privilege('the owner', 'kms.role_anchor', 'SELECT')}, 'empty'), 't', '--schema-only: the roles hold their privilege on the anchor');
refused($there, 'DROP ROLE "a reader"', '2BP01', 'privileges for table kms.role_anchor', '--schema-only: so they are not dropped', dbname => 'empty');
succeeds($there, '--data-only --disable-triggers', qw(pg_restore -e --data-only --disable-triggers), "$folder/custom", '-d', 'empty');
$there->safe_psql('empty', 'REFRESH MATERIALIZED VIEW summary');
is_everything($there, 'empty', '--data-only', @everything);

# The rows again, where they are: refused by the primary keys, and nothing is changed.
($good, $errors) = says($there, qw(pg_restore -1 --data-only --disable-triggers), "$folder/custom", '-d', 'empty');
ok(!$good, 'the data once more fails');
like($errors, qr/duplicate key value violates unique constraint/, '... and says why');
is(difference(opened($there, 'empty'), $everything[1]), '', '... and nothing is changed');

# ---- parts ------------------------------------------------------------------------------------

# The tables of kms alone; then tables of ciphertext, here and where their keys are not.
succeeds($node, 'the tables of kms alone', 'pg_dump', '-t', 'kms.*', '-Fc', '-f', "$folder/keys", 'source');
succeeds($node, 'tables of ciphertext alone', 'pg_dump', '-t', 'kept', '-t', 'owned', '-Fc', '-f', "$folder/table", 'source');
make_database($there, $_) for qw(with_keys without_keys);
$there->safe_psql($_, 'CREATE EXTENSION kms') for qw(with_keys without_keys);
succeeds($there, 'keys, secrets and certificates are restored', qw(pg_restore -e), "$folder/keys", '-d', 'with_keys');
is(difference(listed($there, 'with_keys'), $everything[0] =~ s/^column\|.*//mr), '', '... they are there');
is(value($there, q{SELECT DISTINCT problem FROM kms_check_integrity()}, 'with_keys'), 'it is void: its role does not exist, or has lost its privilege on kms.role_anchor', '... but not the privileges of roles');
$there->safe_psql('with_keys', 'GRANT SELECT ON kms.role_anchor TO "the owner", "a reader", team');
is_sound($there, 'with_keys', '... given by hand');
succeeds($there, 'then the tables', qw(pg_restore -e), "$folder/table", '-d', $_) for qw(with_keys without_keys);
is(value($there, q{SELECT string_agg(kms_decrypt_text(blob, context), ', ' ORDER BY n) FROM kept WHERE kind = 'ciphertext' AND name = 'Aliyun_SM4'}, 'with_keys'), 'first Aliyun_SM4, second Aliyun_SM4', '... which open');
is(value($there, q{SET ROLE "a reader"; SELECT kms_decrypt_text(secret, '{"for": "readers"}') FROM owned}, 'with_keys'), 'owned', '... also for those who have a grant');
like(refused($there, 'SELECT kms_decrypt_text(blob, context) FROM kept', '42704', 'Forbidden.KeyNotFound', '... and do not where their keys are not', dbname => 'without_keys')->{message}, qr/^key version "[0-9a-f-]{36}" does not exist$/, '... and say which key version is missing');

# Who dumps: the tables of kms are a superuser's, and others leave them out.
$node->safe_psql('postgres', 'CREATE ROLE dumper LOGIN IN ROLE pg_read_all_data');
($good, $errors) = says($node, 'pg_dump', '-U', 'dumper', '-t', 'kms.*', '-f', "$folder/not", 'source');
ok(!$good, 'a member of pg_read_all_data does not dump the tables of kms');
like($errors, qr/query would be affected by row-level security policy for table "\w+"/, '... and is told why');
succeeds($node, 'but everything else, without them', 'pg_dump', '-U', 'dumper', '-N', 'kms', '--enable-row-security', '-Fc', '-f', "$folder/rest", 'source');
unlike(contents("$folder/rest"), qr/ TABLE DATA kms /, '... whose rows are not in the dump');
$node->safe_psql('postgres', 'ALTER ROLE dumper BYPASSRLS');
succeeds($node, 'with BYPASSRLS it dumps everything', 'pg_dump', '-U', 'dumper', '-Fc', '-f', "$folder/by_dumper", 'source');
make_database($there, 'by_dumper');
succeeds($there, '... which is restored', qw(pg_restore -e), "$folder/by_dumper", '-d', 'by_dumper');
is_everything($there, 'by_dumper', '... dumped by who is no superuser', @everything);

# ---- another root key ----------------------------------------------------------------------------

my $wrong = sprintf 'wrong root key: this database needs root key %s, the server has %s', root_key_id($key), root_key_id($foreign);
my $own = q{SELECT kms_decrypt_text(kms_encrypt('alias/own', 'own'))};
make_database($other, 'own');
$other->safe_psql('own', q{CREATE EXTENSION kms; SELECT kms_create_alias(kms_create_key()::text, 'alias/own')});
for my $case (@restores)
{
	my ($dbname, @command) = @$case;

	next unless $dbname =~ /^(plain|custom|by_two)$/;
	make_database($other, $dbname);
	($good, $errors) = says($other, (grep { $_ ne '-e' && $_ ne '-v' && $_ ne 'ON_ERROR_STOP=1' } @command), '-d', $dbname);
	is(scalar(() = $errors =~ /ERROR:  /g), 1, "another root key, $dbname: one thing cannot be restored") or diag($errors);
	like($errors, qr/ERROR:  \Q$wrong\E$/m, '... for a reason');
	refused($other, 'SELECT FROM summary', '55000', '', '... which is the materialized view of plaintext', dbname => $dbname);
	is(difference(rows_of($other, $dbname), $rows), '', '... every row is there');
	is(value($other, 'SELECT account_status, sealed, root_key_id, domain_root_key_id FROM kms.status', $dbname), join('|', 'Suspended', 'f', root_key_id($foreign), root_key_id($key)), '... the status says which root key it needs');
	is(difference(listed($other, $dbname), $everything[0]), '', '... everything is listed');
	for my $use ($dbname ne 'plain' ? () : 'kms_decrypt(blob) FROM kept', q{kms_encrypt('alias/Aliyun_AES_256', 'x')}, q{kms_get_secret_value('text')}, q{kms_asymmetric_sign('alias/p256', NULL, 'ECDSA_SHA_256', sha256('x'))}, q{kms_generate_mac('alias/HMAC_SM3', 'x')},
		q{kms_blind_index('alias/HMAC_SHA_256', 'x')}, '* FROM person_decrypted', 'kms_create_key()', q{kms_put_secret_value('text', 'v3', 'x'::text)}, 'kms_check_integrity()', 'kms_verify_audit_log()', 'kms_rewrap_domain_key()', 'kms_confirm_home()',
		q{kms_disable_key((SELECT key_id::text FROM kms_describe_key('alias/rotating')))}, q{kms_create_certificate('EC_P256', 'CN=x')})
	{
		my $error = refused($other, "SELECT $use", '55000', 'ServiceUnavailableTemporary', "... $use is refused", dbname => $dbname);
		like($error->{message}, qr/^\Q$wrong\E$/, '... and says the same');
		isnt($error->{hint}, '', '... with the way out');
	}
	is(difference(rows_of($other, $dbname), $rows), '', '... and nothing has changed');
	is(value($other, $own, 'own'), 'own', 'a database under the root key of this server goes on');
}
my @restored = qw(plain custom by_two);
my $reader = session($other, 'plain');
is(ask($reader, q{SELECT kms_encrypt('alias/Aliyun_SM4', 'x')}), '55000 ServiceUnavailableTemporary', 'a session is refused');
loaded($other, $foreign, $key);
is(ask($reader, q{SELECT kms_decrypt_text(kms_encrypt('alias/Aliyun_SM4', 'x'))}), 'x', 'the right root key given as a further line, and the server reloaded: the session goes on');
$reader->quit;
for my $dbname (@restored)
{
	$other->safe_psql($dbname, 'REFRESH MATERIALIZED VIEW summary');
	is_everything($other, $dbname, "$dbname, with the right root key", @everything);
	is(value($other, 'SELECT kms_rewrap_domain_key()', $dbname), '1', "$dbname: its domain key is wrapped anew");
}
loaded($other, $foreign);
for my $dbname (@restored)
{
	is_everything($other, $dbname, "$dbname, under this server's root key alone", @everything) if $dbname eq 'plain';
	is(difference(opened($other, $dbname), $everything[1]), '', "$dbname, under this server's root key alone: everything opens");
}
is(value($other, $own, 'own'), 'own', 'so does what was there');

# ---- no root key ---------------------------------------------------------------------------------

write_private(root_key_file($other), '');
$other->restart;
make_database($other, 'sealed');
($good, $errors) = says($other, @psql[0 .. 2], '-o', '/dev/null', '-f', "$folder/plain", '-d', 'sealed');
is(scalar(() = $errors =~ /ERROR:  /g), 1, 'a sealed server: one thing cannot be restored') or diag($errors);
like($errors, qr/ERROR:  kms is sealed/, '... for a reason');
is(difference(rows_of($other, 'sealed'), $rows), '', '... every row is there');
is(value($other, 'SELECT count(*) FROM kms.account', 'sealed'), '1', '... and no account beside it');
loaded($other, $key);
$other->safe_psql('sealed', 'REFRESH MATERIALIZED VIEW summary');
is_everything($other, 'sealed', 'sealed, and given its root key', @everything);

# ---- the end -------------------------------------------------------------------------------------

is_everything($node, 'source', 'the original', @everything);
is(difference(rows_of($node, 'source'), $rows), '', 'which nothing of this has changed');
for my $server ($node, $there, $whole, $other)
{
	$server->stop;
	unlike(log_since($server), qr/PANIC|TRAP:|terminated by signal/, $server->name . ': nothing crashed');
}
done_testing();
