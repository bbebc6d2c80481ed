# Dumps, copies and restores: wherever the rows and the root key come together
# again, ciphertexts open.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use KmsServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $key = new_root_key();
my $node = new_server('main', root_key => $key);
my $other = new_server('other', root_key => $key);
my $folder = PostgreSQL::Test::Utils::tempdir;

$_->start for $node, $other;
$node->safe_psql('postgres', q{CREATE ROLE "the owner"; CREATE ROLE "a reader"; CREATE ROLE app LOGIN PASSWORD 'old'; CREATE ROLE pair LOGIN PASSWORD 'old'});
$node->safe_psql('postgres', 'CREATE DATABASE source');
$node->safe_psql('source', q{
	CREATE EXTENSION kms;
	CREATE TABLE person (id integer PRIMARY KEY, name text, secret bytea);
	CREATE VIEW readable AS SELECT id, kms_decrypt_text(secret, '{"table": "person"}') AS secret FROM person;
	SELECT kms_create_alias(kms_create_key(spec, description => 'for ' || spec)::text, 'alias/' || spec)
	  FROM unnest('{Aliyun_AES_256,Aliyun_AES_192,Aliyun_AES_128,Aliyun_SM4}'::text[]) spec;
	INSERT INTO person SELECT n, 'name ' || n, kms_encrypt('alias/Aliyun_AES_256', 'secret ' || n, '{"table": "person"}') FROM generate_series(1, 100) n;
	SELECT kms_create_key_version(alias_name) FROM kms_list_aliases();
	INSERT INTO person SELECT n, 'name ' || n, kms_encrypt('alias/Aliyun_SM4', 'secret ' || n, '{"table": "person"}') FROM generate_series(101, 200) n;
	SELECT kms_create_alias(kms_create_key()::text, 'alias/disabled');
	SELECT kms_disable_key((kms_describe_key('alias/disabled')).key_id::text);
	SELECT kms_tag_resource('[{"TagKey": "team", "TagValue": "red"}, {"TagKey": "Team", "TagValue": ""}]', alias_name) FROM kms_list_aliases();
	SELECT kms_untag_resource('{Team}', 'alias/disabled');
	SELECT kms_create_secret('kept', 'v1', 'a value that is kept'::text, description => 'of everything'),
		kms_create_secret('chosen', 'v1', '\x00ff'::bytea, encryption_key_id => 'alias/Aliyun_SM4'), kms_create_secret('doomed', 'v1', 'a doomed value that is kept'::text),
		kms_create_secret('app', 'v1', '{"Accounts": [{"AccountName": "app", "AccountPassword": "old that is kept"}]}'::text, 'Rds', enable_automatic_rotation => true, rotation_interval => '7 days',
			extended_config => '{"SecretSubType": "SingleUser", "DBInstanceId": "local", "CustomData": {"a": "b"}}'),
		kms_create_secret('pair', 'v1', '{"Accounts": [{"AccountName": "pair", "AccountPassword": "old that is kept"}]}'::text, 'Rds', extended_config => '{"SecretSubType": "DoubleUsers", "DBInstanceId": "local"}');
	SELECT kms_tag_resource('{"a\\\\b/c_d-e.f+g=h@i:j": "a\\\\b/c_d-e.f+g=h@i:j"}', secret_name => name) FROM unnest('{kept,app,doomed}'::text[]) name;
	SELECT kms_put_secret_value('kept', 'v' || n, 'another value that is kept ' || n) FROM generate_series(2, 12) n;
	SELECT kms_put_secret_value('kept', 'pending', 'a pending value that is kept'::text, '{MyPendingLabel}'), kms_update_secret_version_stage('kept', 'mine', 'v9'), kms_rotate_secret('app', 'v2'), kms_delete_secret('doomed');
	GRANT EXECUTE ON FUNCTION kms_create_secret(text, text, text, text, text, text, jsonb, jsonb, boolean, interval) TO "the owner";
	GRANT EXECUTE ON FUNCTION kms_create_key TO "the owner";
	GRANT CREATE ON SCHEMA public TO "the owner";
	SET ROLE "the owner";
	SELECT kms_create_alias(kms_create_key()::text, 'alias/owned');
	CREATE TABLE owned AS SELECT kms_encrypt('alias/owned', 'owned') AS secret;
	GRANT SELECT ON owned TO PUBLIC;
	SELECT kms_grant('alias/owned', 'a reader', '{Decrypt}');
	SELECT kms_create_secret('owned', 'v1', 'an owned value that is kept'::text), kms_grant('secret/owned', 'a reader', '{GetSecretValue}')});

my $list = q{SELECT md5(string_agg(k::text, E'\n' ORDER BY k.key_id)) FROM kms_list_keys() k};
my $keys = value($node, $list, 'source');
my $aliases = value($node, 'SELECT string_agg(a::text, E\'\n\' ORDER BY a.alias_name) FROM kms_list_aliases() a', 'source');
my $all_tags = q{SELECT string_agg(t::text, E'\n' ORDER BY t) FROM kms.tags t};
my $tags = value($node, $all_tags, 'source');
is(scalar(split /\n/, $tags), 12, 'there are tags');
my $version = value($node, 'SELECT string_agg(v::text, E\'\n\' ORDER BY v.key_version_id) FROM kms.key_versions v', 'source');

# Everything that there is of secrets, their values included: of every version that may be read.
my $all_secrets = q{
	SELECT concat_ws(E'\n',
		(SELECT string_agg(s::text, E'\n' ORDER BY s.secret_name) FROM kms.secrets s),
		(SELECT string_agg(v::text, E'\n' ORDER BY v.secret_name, v.version_id) FROM kms.secret_versions v),
		(SELECT string_agg((g.resource, g.grantee, g.operations)::text, E'\n' ORDER BY g.grant_id) FROM kms.grants g WHERE g.resource_type = 'secret'),
		(SELECT string_agg((kms_get_secret_value(v.secret_name, version_id => v.version_id, version_stage => CASE WHEN v.secret_name IN ('app', 'pair') THEN v.version_stages[1] END))::text, E'\n' ORDER BY v.secret_name, v.version_id)
		   FROM kms.secret_versions v WHERE v.secret_name NOT IN ('doomed', 'owned')))};
my $secrets = value($node, $all_secrets, 'source');
is(scalar(() = $secrets =~ /that is kept/g), 12, 'there are secrets with versions');

sub is_complete
{
	my ($server, $dbname, $how) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(status($server, $dbname), 'Enabled', "$how: the service is open");
	is(value($server, $list, $dbname), $keys, "$how: every key is described as before, its resource name, too");
	is(value($server, 'SELECT string_agg(a::text, E\'\n\' ORDER BY a.alias_name) FROM kms_list_aliases() a', $dbname), $aliases,
		"$how: every alias is there");
	is(value($server, 'SELECT string_agg(v::text, E\'\n\' ORDER BY v.key_version_id) FROM kms.key_versions v', $dbname), $version,
		"$how: every key version is there");
	is(value($server, $all_tags, $dbname), $tags, "$how: every tag is there");
	is(value($server, q{SELECT count(*) FROM kms_list_keys('[{"Key": "TagKey", "Values": ["Team"]}]')}, $dbname), '4', "$how: and what has it is found");
	is(value($server, $all_secrets, $dbname), $secrets, "$how: every secret is there, with its versions, labels and grants, and every value opens");
	refused($server, q{SELECT kms_get_secret_value('doomed')}, '55000', 'Rejected.ResourceInDeleteWindow', "$how: one that waits for its deletion still does", dbname => $dbname);
	refused($server, q{SELECT kms_create_secret('taken', 'v1', '{"Accounts": [{"AccountName": "pair_clone", "AccountPassword": "x"}]}'::text, 'Rds', extended_config => '{"SecretSubType": "SingleUser", "DBInstanceId": "local"}')},
		'42704', 'Forbidden.ResourceNotFound', "$how: there is no second account yet", dbname => $dbname);
	refused($server, q{SELECT kms_create_secret('taken', 'v1', '{"Accounts": [{"AccountName": "app", "AccountPassword": "x"}]}'::text, 'Rds', extended_config => '{"SecretSubType": "SingleUser", "DBInstanceId": "local"}')},
		'42710', 'Rejected.ResourceExist', "$how: the role of a secret is still its own", dbname => $dbname);
	is(value($server, 'SELECT count(*) FROM kms_check_integrity()', $dbname), '0', "$how: no row was tampered with");
	is(value($server, q{SELECT count(*), bool_and(secret = 'secret ' || id) FROM readable}, $dbname), '200|t', "$how: every ciphertext opens");
	refused($server, q{SELECT kms_encrypt('alias/disabled', 'x')}, '55000', 'Rejected.Disabled', "$how: a disabled key is disabled", dbname => $dbname);
	is(value($server, q{SELECT kms_decrypt_text(kms_encrypt('alias/Aliyun_AES_256', 'more'))}, $dbname), 'more', "$how: old keys encrypt");
	is(value($server, q{SELECT kms_create_alias(kms_create_key()::text, 'alias/fresh') \g /dev/null
			SELECT kms_create_key_version('alias/Aliyun_AES_256') \g /dev/null
			SELECT kms_decrypt_text(kms_encrypt('alias/fresh', 'more')) || kms_decrypt_text(kms_encrypt('alias/Aliyun_AES_256', ' more'))}, $dbname),
		'more more', "$how: new keys and versions can be made");
	is(value($server, q{SELECT kms_put_secret_value('kept', 'fresh', 'a fresh value'::text) \g /dev/null
			SELECT kms_create_secret('fresh', 'v1', 'of a fresh secret'::text) \g /dev/null
			SELECT (kms_get_secret_value('kept')).secret_data, (kms_get_secret_value('kept', 'ACSPrevious')).secret_data, (kms_get_secret_value('fresh')).secret_data}, $dbname),
		'a fresh value|another value that is kept 12|of a fresh secret', "$how: secrets get new versions, and new ones can be made");

	my $session = session($server, $dbname);
	my $use = q{SELECT kms_decrypt_text(kms_encrypt('alias/fresh', 'x'))};
	is(ask($session, $use), 'x', "$how: a session has a key in its cache");
	value($server, q{UPDATE kms.key SET state = 'Disabled' WHERE id = (kms_describe_key('alias/fresh')).key_id}, $dbname);
	is(ask($session, $use), 'XX001 Rejected.Unavailable', "$how: its row changed by hand, the key is refused there");
	is(value($server, q{SELECT count(*) FROM kms_check_integrity()}, $dbname), '1', "$how: no other row was tampered with");
	$session->quit;
	return;
}

# As the role that made it, or another one: the same of a key and of a secret.
sub use_owned
{
	my ($server, $dbname, $role) = @_;
	my @outcomes;

	for my $use ('kms_decrypt_text(secret) FROM owned', q{kms_get_secret_value('owned')})
	{
		my $error = failure($server, qq{SET ROLE "$role"; SELECT $use}, dbname => $dbname);

		push @outcomes, $error ? "$error->{sqlstate} $error->{detail}" : 'opens';
	}
	return $outcomes[0] eq $outcomes[1] ? $outcomes[0] : "key: $outcomes[0], secret: $outcomes[1]";
}

sub run_with
{
	my ($server, @command) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $server->command_ok(\@command, "@command[0 .. $#command - 1] succeeds" =~ s/\Q$folder\E\///gr);
}

# ---- a script --------------------------------------------------------------------

run_with($node, 'pg_dump', '-f', "$folder/plain.sql", 'source');
my $dump = slurp_file("$folder/plain.sql");
like($dump, qr/^COPY kms\.$_ /m, "the dump has the rows of kms.$_") for qw(account domain_key key key_version alias job import_token grant_entry role_anchor secret secret_version secret_version_stage secret_role tag);
like($dump, qr/^GRANT SELECT ON TABLE kms\.role_anchor TO "the owner";/m, 'and who owns keys');
unlike($dump, qr/secret \d/, 'and no plaintext');
unlike($dump, qr/that is kept/, 'nor the value of a secret');
unlike($dump, qr/\Q$key\E/i, 'and no root key');

$node->safe_psql('postgres', 'CREATE DATABASE from_script');
run_with($node, 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$folder/plain.sql", '-o', '/dev/null', 'from_script');
is_complete($node, 'from_script', 'pg_dump and psql');
is(join(' ', map { use_owned($node, 'from_script', $_) } 'the owner', 'a reader'), 'opens opens', "pg_dump and psql: a key is still its owner's, and a grant its grantee's");

# ---- an archive ---------------------------------------------------------------------

run_with($node, 'pg_dump', '-Fc', '-f', "$folder/archive", 'source');
$node->safe_psql('postgres', 'CREATE DATABASE from_archive');
run_with($node, 'pg_restore', '--exit-on-error', '-d', 'from_archive', "$folder/archive");
is_complete($node, 'from_archive', 'pg_restore');
is(join(' ', map { use_owned($node, 'from_archive', $_) } 'the owner', 'a reader'), 'opens opens', "pg_restore: a key is still its owner's, and a grant its grantee's");

# A rotation waits: the role and its password may be another database's here.
my $password = q{SELECT rolpassword FROM pg_authid WHERE rolname = 'app'};
my $before = value($node, $password);
let_time_pass($node, 'from_archive');
value($node, q{UPDATE kms.secret SET next_rotation_at = clock_timestamp() WHERE name = 'app'}, 'from_archive');
my $rotation = q{SELECT outcome, detail FROM kms_run_jobs() WHERE job = 'SecretRotation'};
is(value($node, $rotation, 'from_archive'), 'waiting|this database is a copy or was restored: call kms_confirm_home()', 'pg_restore: a rotation that is due waits');
is(value($node, $password), $before, 'pg_restore: the role keeps its password');
is(value($node, q{SELECT (kms_get_secret_value('app')).version_id, (kms_describe_secret('app')).automatic_rotation}, 'from_archive'), 'v2|Enabled', 'pg_restore: and the secret its version');
value($node, 'SELECT kms_confirm_home()', 'from_archive');
is(value($node, $rotation, 'from_archive'), 'done|', 'pg_restore, confirmed: it is done');
isnt(value($node, $password), $before, 'pg_restore, confirmed: the role has another password');
isnt(value($node, q{SELECT (kms_get_secret_value('app')).version_id}, 'from_archive'), 'v2', 'pg_restore, confirmed: and the secret another version');

# The tables of an extension are loaded in no order then, whatever refers to whatever.
$node->safe_psql('postgres', 'CREATE DATABASE in_parallel');
is_complete($node, 'in_parallel', 'pg_restore by two')
  if run_with($node, 'pg_restore', '--exit-on-error', '-j', '2', '-d', 'in_parallel', "$folder/archive");

# Schema first, then the data, while a session looks on.
for my $case ([ 'data only' ], [ 'without triggers', '--disable-triggers' ])
{
	my ($how, @options) = @$case;
	my $dbname = $how =~ s/ /_/gr;

	$node->safe_psql('postgres', "CREATE DATABASE $dbname");
	run_with($node, 'pg_restore', '--exit-on-error', '--schema-only', '-d', $dbname, "$folder/archive");
	my $session = session($node, $dbname);
	is(ask($session, q{SELECT kms_decrypt_text(kms_encrypt(kms_create_key()::text, 'x'))}), 'x', "$how: a session uses the empty database");
	ask($session, 'DELETE FROM kms.key; DELETE FROM kms.key_version');
	is(ask($session, q{SELECT kms_encrypt('alias/Aliyun_SM4', 'x')}), '42704 Forbidden.AliasNotFound', "$how: where there is no such alias yet");
	run_with($node, 'pg_restore', '--exit-on-error', '--data-only', @options, '-d', $dbname, "$folder/archive");
	is(ask($session, q{SELECT kms_decrypt_text(kms_encrypt('alias/Aliyun_SM4', 'x'))}), 'x', "$how: it sees what was restored");
	is(ask($session, q{SELECT count(*) FROM readable WHERE secret = 'secret ' || id}), '200', "$how: and opens it");
	$session->quit;
	is_complete($node, $dbname, $how);
	is(join(' ', map { use_owned($node, $dbname, $_) } 'the owner', 'a reader'), 'opens opens', "$how: a key is still its owner's, and a grant its grantee's");
}

# Without privileges, what roles had waits for theirs.
run_with($node, 'pg_dump', '--no-privileges', '-f', "$folder/bare.sql", 'source');
$node->safe_psql('postgres', 'CREATE DATABASE bare');
run_with($node, 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$folder/bare.sql", '-o', '/dev/null', 'bare');
$node->safe_psql('bare', 'GRANT SELECT ON owned TO PUBLIC; SELECT kms_confirm_home()');
is(use_owned($node, 'bare', $_), '42501 Forbidden.NoPermission', "without privileges: $_ has nothing") for 'the owner', 'a reader';
$node->safe_psql('bare', 'GRANT SELECT ON kms.role_anchor TO "the owner", "a reader"');
is(use_owned($node, 'bare', $_), 'opens', "without privileges: until $_ is given its own") for 'the owner', 'a reader';

# The tables belong to who restores them, and it is the owner of the dumped ones that no dump names.
my $first = value($node, 'SELECT current_user');
$node->safe_psql('postgres', 'CREATE ROLE boss SUPERUSER LOGIN; CREATE DATABASE by_another');
run_with($node, 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-U', 'boss', '-f', "$folder/plain.sql", '-o', '/dev/null', 'by_another');
refused($node, 'SELECT * FROM readable', '42501', 'Forbidden.NoPermission', 'restored by another superuser: the first one does not use its keys', dbname => 'by_another');
refused($node, "SELECT kms_set_owner('alias/Aliyun_SM4', '$first')", '55000', 'UnsupportedOperation', 'nor does it get one alone, with which all others would come back', dbname => 'by_another');
$node->safe_psql('by_another', "GRANT SELECT ON kms.role_anchor TO $first");
is_complete($node, 'by_another', 'restored by another superuser, and the privilege given to the first');

# ---- a copy -----------------------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE source');
is_complete($node, 'copy', 'CREATE DATABASE TEMPLATE');
is(join(' ', map { use_owned($node, 'copy', $_) } 'the owner', 'a reader'), 'opens opens', "CREATE DATABASE TEMPLATE: a key is still its owner's, and a grant its grantee's");
$node->safe_psql('postgres', 'CREATE DATABASE file_copy TEMPLATE source STRATEGY file_copy');
is_complete($node, 'file_copy', 'CREATE DATABASE TEMPLATE by files');
is(join(' ', map { use_owned($node, 'file_copy', $_) } 'the owner', 'a reader'), 'opens opens', "CREATE DATABASE TEMPLATE by files: a key is still its owner's, and a grant its grantee's");
is(value($node, $list, 'source'), $keys, 'the original is as it was');

# ---- another cluster -------------------------------------------------------------------------
# Where the same roles have other oids.

$other->safe_psql('postgres', 'CREATE ROLE somebody; CREATE ROLE somebody_else');
run_with($node, 'pg_dumpall', '--no-role-passwords', '-f', "$folder/all.sql");
run_with($other, 'psql', '-X', '-q', '-f', "$folder/all.sql", '-o', '/dev/null', 'postgres');
is_complete($other, 'source', 'pg_dumpall into another cluster');
is(value($other, q{SELECT rolname FROM pg_roles WHERE oid = } . value($node, q{SELECT oid FROM pg_roles WHERE rolname = 'the owner'})),
	'somebody', 'in the other cluster the oid of the owner is that of somebody else');
my @strangers = split /\n/, value($other, q{SELECT rolname FROM pg_roles WHERE rolname !~ '^(pg_|the owner$|a reader$)'});
for my $role (@strangers)
{
	is(use_owned($other, 'source', $role), '42501 Forbidden.NoPermission',
		"another cluster: the key of a role is not that of $role");
}

# There the name says who it is, until somebody says that it is at home there.
is(use_owned($other, 'source', $_), 'opens', "another cluster: but that of $_") for 'the owner', 'a reader';
my $granted = q{SELECT kms_grant('alias/owned', 'a reader', '{Encrypt}'), kms_revoke('alias/owned', 'a reader', '{Encrypt}')};
value($other, $granted, 'source');
value($other, q{SELECT kms_grant('alias/one more', 'the owner', '{Encrypt}'), kms_revoke('alias/one more', 'the owner')} =~ s/one more/Aliyun_SM4/gr, 'source');
is(use_owned($other, 'source', $_), 'opens', "another cluster: also after a grant to $_ that was taken away again") for 'the owner', 'a reader';
like(failure($other, 'DROP ROLE "the owner"', dbname => 'source')->{message}, qr/some objects depend on it/, 'another cluster: the owner is not dropped');
$other->safe_psql('postgres', 'ALTER ROLE "the owner" RENAME TO "somebody new"; ALTER ROLE "somebody else" RENAME TO "the owner"' =~ s/somebody else/somebody_else/r);
is(use_owned($other, 'source', $_), '42501 Forbidden.NoPermission', "another cluster: $_ does not own it by that name") for 'somebody new', 'the owner';
$other->safe_psql('postgres', 'ALTER ROLE "the owner" RENAME TO somebody_else; ALTER ROLE "somebody new" RENAME TO "the owner"');
value($other, 'SELECT kms_confirm_home()', 'source');
is(use_owned($other, 'source', $_), 'opens', "confirmed: $_ has what it had") for 'the owner', 'a reader';
is(use_owned($other, 'source', $_), '42501 Forbidden.NoPermission', "confirmed: $_ does not") for @strangers;
$other->safe_psql('postgres', 'ALTER ROLE "the owner" RENAME TO renamed; CREATE ROLE "the owner"; ALTER ROLE "a reader" RENAME TO rereader; CREATE ROLE "a reader"');
is(use_owned($other, 'source', $_), 'opens', "confirmed: $_ keeps it under a new name") for qw(renamed rereader);
is(use_owned($other, 'source', $_), '42501 Forbidden.NoPermission', "confirmed: and the new role $_ has nothing") for 'the owner', 'a reader';
is(value($other, q{SELECT creator FROM kms_describe_key('alias/owned')}, 'source'), 'renamed', 'confirmed: the key is described under the new name');
is(value($other, q{SELECT creator FROM kms.secrets WHERE secret_name = 'owned'}, 'source'), 'renamed', 'confirmed: so is the secret');

like(failure($other, 'DROP ROLE rereader')->{detail}, qr/object.* in database/, 'a role that holds a grant in one database is not dropped from another');

# Where roles are missing, their rows are nobody's: nor do they pass to whoever has their oid.
my %number = map { $_ => value($node, qq{SELECT oid FROM pg_roles WHERE rolname = '$_'}) } 'the owner', 'a reader';
for my $role (keys %number)
{
	$number{$role} = value($other, "SELECT rolname FROM pg_roles WHERE oid = $number{$role}");
}
is(join(' ', map { $number{$_} } 'the owner', 'a reader'), 'somebody somebody_else', 'in the other cluster their oids are those of others');
$other->safe_psql('postgres', 'DROP ROLE "the owner"; DROP ROLE "a reader"; CREATE DATABASE roleless');
run_with($other, 'psql', '-X', '-q', '-f', "$folder/plain.sql", '-o', '/dev/null', 'roleless');
is(use_owned($other, 'roleless', $_), '42501 Forbidden.NoPermission', "without roles: $_ has nothing") for qw(somebody somebody_else);
value($other, q{SELECT kms_grant('alias/Aliyun_SM4', name, '{Encrypt}') FROM unnest('{somebody,somebody_else}'::text[]) name}, 'roleless');
is(use_owned($other, 'roleless', $_), '42501 Forbidden.NoPermission', "without roles: $_ has nothing, holding a grant of its own") for qw(somebody somebody_else);
value($other, 'SELECT kms_confirm_home()', 'roleless');
is(use_owned($other, 'roleless', $_), '42501 Forbidden.NoPermission', "without roles, confirmed: $_ has nothing") for qw(somebody somebody_else);
is(value($other, q{SELECT creator FROM kms_describe_key('alias/owned')}, 'roleless'), 'the owner', 'without roles: the key keeps its owner\'s name');
is(value($other, 'SELECT count(*) FROM kms_check_integrity()', 'roleless'), '0', 'without roles: every row is intact');
is(value($other, q{SELECT creator FROM kms.secrets WHERE secret_name = 'owned'}, 'roleless'), 'the owner', 'without roles: so does the secret');
value($other, q{SELECT kms_set_owner('alias/owned', 'somebody'), kms_set_owner('secret/owned', 'somebody')}, 'roleless');
is(join(' ', map { use_owned($other, 'roleless', $_) } qw(somebody somebody_else)), 'opens 42501 Forbidden.NoPermission', 'without roles: a superuser gives it to another');

# ---- another root key -------------------------------------------------------------------------

my $wrong = new_root_key();
write_private(root_key_file($other), "$wrong\n");
$other->reload;
ok(defined wait_until(sub { status($other, 'source') eq 'Suspended' }), 'a cluster with another root key: Suspended');
refused($other, 'SELECT * FROM readable', '55000', 'ServiceUnavailableTemporary', 'and nothing opens', dbname => 'source');
refused($other, q{SELECT kms_get_secret_value('kept')}, '55000', 'ServiceUnavailableTemporary', 'nor is a secret read', dbname => 'source');

$_->stop for $node, $other;
unlike(slurp_file($_->logfile), qr/PANIC|TRAP:|terminated by signal/, $_->name . ': nothing crashed') for $node, $other;
done_testing();
