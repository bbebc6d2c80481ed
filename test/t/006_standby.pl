# A streaming standby with the same root key: it serves keys, follows changes at
# once, changes nothing itself, and can be promoted.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use KmsServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $key = new_root_key();
my $primary = new_server('primary', root_key => $key, init => { allows_streaming => 1 }, settings => 'max_connections = 20');
my $standby = PostgreSQL::Test::Cluster->new('standby');

$primary->start;
$primary->safe_psql('postgres', q{
	CREATE EXTENSION kms;
	SELECT kms_create_alias(kms_create_key()::text, 'alias/' || name) FROM unnest('{one,two,three}'::text[]) name;
	CREATE ROLE holder;
	CREATE ROLE member IN ROLE holder;
	GRANT EXECUTE ON FUNCTION kms_create_key TO holder;
	GRANT EXECUTE ON FUNCTION kms_create_secret(text, text, text, text, text, text, jsonb, jsonb, boolean, interval) TO holder;
	CREATE ROLE app LOGIN PASSWORD 'old';
	SELECT kms_tag_resource('{"team": "red"}', 'alias/one');
	SELECT kms_create_secret('kept', 'v1', 'a value'::text, encryption_key_id => 'alias/three', tags => '{"team": "blue"}'), kms_create_secret('doomed', 'v1', 'x'::text, encryption_key_id => 'alias/three'),
		kms_create_secret('app', 'v1', '{"Accounts": [{"AccountName": "app", "AccountPassword": "old"}]}'::text, 'Rds', 'alias/three', extended_config => '{"SecretSubType": "SingleUser", "DBInstanceId": "local"}');
	SELECT kms_delete_secret('doomed');
	SET ROLE holder;
	SELECT kms_create_alias(kms_create_key()::text, 'alias/held');
	SELECT kms_create_secret('held', 'v1', 'a held value'::text, encryption_key_id => 'alias/held')});
my $blob = value($primary, q{SELECT kms_encrypt('alias/one', 'secret', '{"a": "b"}')});
my $held = value($primary, q{SET ROLE holder; SELECT kms_encrypt('alias/held', 'held')});
my $decrypt = "SELECT kms_decrypt_text('$blob', '{\"a\": \"b\"}')";

$primary->backup('backup');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->append_conf('postgresql.conf', "kms.root_key_file = '" . root_key_file($standby) . "'");
$standby->start;

sub caught_up
{
	$primary->wait_for_catchup($standby);
	return;
}

# Do it on the primary and wait until the standby has done it.
sub change
{
	my ($sql) = @_;

	$primary->safe_psql('postgres', $sql);
	caught_up();
	return;
}

sub id_of
{
	my ($alias) = @_;

	return value($primary, "SELECT key_id FROM kms_describe_key('$alias')");
}

# ---- without the root key ------------------------------------------------------

caught_up();
is(status($standby), 'Suspended', 'a standby without the root key is sealed');
refused($standby, $decrypt, '55000', 'ServiceUnavailableTemporary', 'nothing is decrypted there');
is(value($standby, 'SELECT count(*) FROM kms_list_aliases()'), '4', 'but aliases can be listed');
is(value($standby, q{SELECT key_state FROM kms_describe_key('alias/one')}), 'Enabled', 'and keys described');
refused($standby, q{SELECT kms_get_secret_value('kept')}, '55000', 'ServiceUnavailableTemporary', 'no secret is read');
is(value($standby, q{SELECT string_agg(secret_name, ' ' ORDER BY secret_name) FROM kms_list_secrets()}), 'app doomed held kept', 'but they can be listed');
write_private(root_key_file($standby), "$key\n");
$standby->reload;
ok(defined wait_until(sub { status($standby) eq 'Enabled' }), 'a reload unseals the standby');

# ---- serving ----------------------------------------------------------------------

is(value($standby, $decrypt), 'secret', 'the standby decrypts what the primary encrypted');
my $other = value($standby, q{SELECT kms_encrypt('alias/one', 'from the standby')});
is(value($primary, "SELECT kms_decrypt_text('$other')"), 'from the standby', 'and encrypts for it');
is(value($standby, q{SELECT length(plaintext) FROM kms_generate_data_key('alias/one')}), '32', 'it makes data keys');
is(value($standby, "SELECT kms_decrypt_text(kms_re_encrypt('$blob', 'alias/two', '{\"a\": \"b\"}'))"), 'secret', 'it re-encrypts');
is(value($standby, 'SELECT account_status, sealed FROM kms.status'), 'Enabled|f', 'its status can be seen');
is(value($standby, q{SELECT length(kms_generate_random(10))}), '10', 'it makes random bytes');
is(value($standby, 'SELECT length(kms_get_random_password())'), '32', 'and random passwords');
is(value($standby, q{SELECT (kms_get_secret_value('kept')).secret_data, (kms_get_secret_value('kept', version_id => 'v1')).version_stages}), 'a value|{ACSCurrent}', 'it reads secrets');
is(value($standby, q{SELECT (kms_get_secret_value('app')).secret_data}), '{"AccountName":"app","AccountPassword":"old"}', 'and passwords of roles');
is(value($standby, q{SELECT (kms_describe_secret('kept')).secret_name, (SELECT count(*) FROM kms_list_secret_version_ids('kept')), (SELECT count(*) FROM kms.secrets), (SELECT count(*) FROM kms.secret_versions)}), 'kept|1|4|4', 'and describes and lists them');
my $tags = q{SELECT string_agg(resource_type || ' ' || tag_key || '=' || tag_value, ', ' ORDER BY resource_type, tag_key) FROM kms.tags};
is(value($standby, $tags), 'key team=red, secret team=blue', 'it shows tags');
is(value($standby, q{SELECT (SELECT count(*) FROM kms_list_resource_tags('alias/one')), (kms_describe_secret('kept', true)).tags, (SELECT count(*) FROM kms_list_keys('[{"Key": "TagValue", "Values": ["red"]}]')), region_id FROM kms_describe_regions()}),
	'1|[{"TagKey": "team", "TagValue": "blue"}]|1|local', 'lists them, and finds by them');
is(value($standby, qq{SELECT kms_call('Decrypt', jsonb_build_object('CiphertextBlob', translate(encode('$blob', 'base64'), E'\\n', ''), 'EncryptionContext', '{"a": "b"}')) ->> 'Plaintext'}),
	'c2VjcmV0', q{and the API's own JSON});
is(value($standby, q{SELECT kms_call('GetSecretValue', '{"SecretName": "kept"}') ->> 'SecretData', kms_call('ListKeys') -> 'TotalCount', kms_call('Encrypt', '{"KeyId": "alias/two", "Plaintext": "eA=="}') ? 'CiphertextBlob'}), 'a value|4|t',
	'reading and using');
refused($standby, q{SELECT kms_call('Encrypt', '{"KeyId": "alias/two", "Plaintext": "eA==", "DryRun": true}')}, 'P0001', 'DryRunOperationError', 'and trying');
refused($standby, q{SELECT kms_call('CreateKey')}, '25006', 'UnsupportedOperation', 'but not changing');

my $id = id_of('alias/one');
for my $call (
	'kms_create_key()', "kms_disable_key('$id')", "kms_enable_key('$id')", "kms_update_key_description('$id', 'x')",
	"kms_create_key_version('$id')", "kms_create_alias('$id', 'alias/new')", "kms_update_alias('$id', 'alias/two')",
	q{kms_delete_alias('alias/one')}, "kms_update_rotation_policy('$id', true, '7 days')", "kms_set_deletion_protection('$id', true)",
	"kms_schedule_key_deletion('$id', 7)", "kms_cancel_key_deletion('$id')", "kms_grant('$id', 'member', '{Decrypt}')", "kms_revoke('$id', 'member')",
	"kms_set_owner('$id', 'member')", 'kms_run_jobs()', 'kms_confirm_home()', 'kms_rewrap_domain_key()',
	"kms_create_secret('new', 'v1', 'x'::text)", "kms_create_secret('new', 'v1', 'x'::bytea, encryption_key_id => 'alias/one')", "kms_put_secret_value('kept', 'v2', 'x'::text)", "kms_put_secret_value('kept', 'v2', 'x'::bytea)",
	"kms_update_secret('kept', 'x')", "kms_update_secret_version_stage('kept', 'own', 'v1')", "kms_delete_secret('kept')", "kms_delete_secret('kept', true)", "kms_restore_secret('doomed')",
	"kms_rotate_secret('app')", "kms_update_secret_rotation_policy('app', true, '7 days')", "kms_grant('secret/kept', 'member', '{GetSecretValue}')", "kms_revoke('secret/kept', 'member')", "kms_set_owner('secret/kept', 'member')",
	"kms_create_key(tags => '{\"a\": \"1\"}')", "kms_tag_resource('{\"a\": \"1\"}', '$id')", "kms_untag_resource('{team}', '$id')", "kms_tag_resource('{}', secret_name => 'kept')", "kms_untag_resource('{team}', secret_name => 'kept')")
{
	my $error = refused($standby, "SELECT $call", '25006', 'UnsupportedOperation', ($call =~ s/\(.*//r) . ' is refused on a standby');
	like($error->{hint}, qr/primary/, 'with the way out');
}
is(value($standby, 'SELECT count(*) FROM kms.keys'), '4', 'and nothing has changed');

# ---- following -----------------------------------------------------------------------
# In transactions that are open, with the key in the cache, with an old snapshot.

my $session = session($standby);
my $member = session($standby);
is(ask($session, "BEGIN ISOLATION LEVEL REPEATABLE READ; $decrypt"), 'secret', 'a session on the standby uses a key');
change("SELECT kms_disable_key('$id')");
is(ask($session, $decrypt), '55000 Rejected.Disabled', 'disabled on the primary, it is refused there in the open transaction');
is(ask($session, 'ROLLBACK'), '', 'that transaction ends');
refused($standby, q{SELECT kms_encrypt('alias/one', 'x')}, '55000', 'Rejected.Disabled', 'and in a new session');
change("SELECT kms_enable_key('$id')");
is(ask($session, "BEGIN ISOLATION LEVEL REPEATABLE READ; $decrypt"), 'secret', 'enabled again, it works in the same session');
$primary->safe_psql('postgres', "BEGIN; SELECT kms_disable_key('$id'); ROLLBACK");
caught_up();
is(ask($session, $decrypt), 'secret', 'what the primary rolled back does not matter');

my $which = q{SELECT (SELECT key_id FROM kms_ciphertext_info(kms_encrypt('alias/two', 'x'))) = '%s'};
is(ask($session, sprintf($which, id_of('alias/two'))), 't', 'an alias leads to its key');
change("SELECT kms_update_alias('" . id_of('alias/three') . q{', 'alias/two')});
is(ask($session, sprintf($which, id_of('alias/three'))), 't', 'moved on the primary, to the other');
change(q{SELECT kms_delete_alias('alias/two')});
is(ask($session, q{SELECT kms_encrypt('alias/two', 'x')}), '42704 Forbidden.AliasNotFound', 'deleted, to none');
ask($session, 'ROLLBACK');

my $version = value($primary, q{SELECT kms_create_key_version('alias/three')});
caught_up();
is(ask($session, q{SELECT key_version_id FROM kms_ciphertext_info(kms_encrypt('alias/three', 'x'))}), $version, 'a new version encrypts there, too');

is(ask($member, "SET ROLE member; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT kms_decrypt_text('$held')"), "held", 'a member of the owning role uses its key');
change('REVOKE holder FROM member');
is(ask($member, "SELECT kms_decrypt_text('$held')"), '42501 Forbidden.NoPermission', 'revoked on the primary, no longer');
my $held_id = id_of('alias/held');
ask($member, 'ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ');
change("SELECT kms_grant('$held_id', 'member', '{Decrypt}')");
is(ask($member, "SELECT kms_decrypt_text('$held')"), 'held', 'granted the operation on the primary, it does again');
change("SELECT kms_revoke('$held_id', 'member')");
is(ask($member, "SELECT kms_decrypt_text('$held')"), '42501 Forbidden.NoPermission', 'and no more when it is taken away');
ask($member, 'ROLLBACK; SET ROLE holder; BEGIN ISOLATION LEVEL REPEATABLE READ');
is(ask($member, "SELECT kms_decrypt_text('$held')"), 'held', 'the owner uses its key');
change('ALTER ROLE holder RENAME TO renamed');
is(ask($member, "SELECT kms_decrypt_text('$held')"), 'held', 'renamed on the primary, it still does');
change('DROP OWNED BY renamed');
is(ask($member, "SELECT kms_decrypt_text('$held')"), '42501 Forbidden.NoPermission', 'and no more after DROP OWNED');
ask($member, 'ROLLBACK; RESET ROLE');

# Secrets, of which nothing is cached: in an open transaction with an old snapshot, too.
my $reveal = q{SELECT (kms_get_secret_value('kept')).secret_data};
ask($session, 'BEGIN ISOLATION LEVEL REPEATABLE READ');
is(ask($session, $reveal), 'a value', 'a session on the standby reads a secret');
change(q{SELECT kms_put_secret_value('kept', 'v2', 'another value'::text)});
is(ask($session, $reveal), 'another value', 'a version that the primary stored is read there, in the open transaction');
is(ask($session, q{SELECT (kms_get_secret_value('kept', 'ACSPrevious')).secret_data}), 'a value', 'and the one before by its label');
change(q{SELECT kms_update_secret_version_stage('kept', 'ACSCurrent', 'v1')});
is(ask($session, $reveal), 'a value', 'a label that was moved is moved there');
$primary->safe_psql('postgres', q{BEGIN; SELECT kms_put_secret_value('kept', 'v3', 'x'::text); ROLLBACK});
caught_up();
is(ask($session, $reveal), 'a value', 'what the primary rolled back does not matter');
change(q{SELECT kms_rotate_secret('app', 'v2')});
is(ask($session, q{SELECT (kms_get_secret_value('app')).version_id}), 'v2', 'a rotated password is read there');
change(q{SELECT kms_create_secret('late', 'v1', 'under a key made late'::text)});
is(ask($session, q{SELECT (kms_get_secret_value('late')).secret_data}), 'under a key made late', 'and a secret under the service\'s own key, made for it');
change(q{SELECT kms_disable_key((kms_describe_key('alias/three')).key_id::text)});
is(ask($session, $reveal), '55000 Rejected.Disabled', 'its key disabled on the primary, it is not read');
ask($session, 'ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ');
change(q{SELECT kms_enable_key((kms_describe_key('alias/three')).key_id::text)});
change(q{SELECT kms_delete_secret('kept')});
is(ask($session, $reveal), '55000 Rejected.ResourceInDeleteWindow', 'nor scheduled for deletion');
ask($session, 'ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ');
change(q{SELECT kms_restore_secret('kept')});
is(ask($session, $reveal), 'a value', 'restored, it is');
change(q{SELECT kms_delete_secret('late', true)});
is(ask($session, q{SELECT (kms_get_secret_value('late')).secret_data}), '42704 Forbidden.ResourceNotFound', 'deleted at once, it is gone');
ask($session, 'ROLLBACK');
change(q{GRANT SELECT ON kms.role_anchor TO renamed});
ask($member, 'SET ROLE member; BEGIN ISOLATION LEVEL REPEATABLE READ');
my $held_value = q{SELECT (kms_get_secret_value('held')).secret_data};
is(ask($member, $held_value), '42501 Forbidden.NoPermission', 'another role does not read a secret');
ask($member, 'ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ');
change(q{SELECT kms_grant('secret/held', 'member', '{GetSecretValue}'), kms_grant('alias/held', 'member', '{Decrypt}')});
is(ask($member, $held_value), 'a held value', 'granted on the primary, it does');
change(q{SELECT kms_revoke('secret/held', 'member')});
is(ask($member, $held_value), '42501 Forbidden.NoPermission', 'and no more when it is taken away');
ask($member, 'ROLLBACK; RESET ROLE');

# Tags.
ask($session, 'BEGIN ISOLATION LEVEL REPEATABLE READ');
my $listed = q{SELECT string_agg(tag_key || '=' || tag_value, ' ') FROM kms_list_resource_tags('alias/one')};
is(ask($session, $listed), 'team=red', 'a session on the standby lists tags');
change(q{SELECT kms_tag_resource('{"team": "green", "env": ""}', 'alias/one')});
is(ask($session, $listed), 'env= team=green', 'those that the primary gave are listed there, in the open transaction');
change(q{SELECT kms_untag_resource('{team}', 'alias/one')});
is(ask($session, $listed), 'env=', 'and no more what it took away');
ask($session, 'ROLLBACK');

# Damage, and the extension made anew.
is(ask($session, $decrypt), 'secret', 'the key is in the cache');
change('CREATE TABLE saved AS SELECT wrapped FROM kms.domain_key; UPDATE kms.domain_key SET wrapped = set_byte(wrapped, 0, get_byte(wrapped, 0) # 1)');
is(ask($session, $decrypt), 'XX001 Rejected.Unavailable', 'a domain key changed by hand on the primary is noticed on the standby');
change('UPDATE kms.domain_key SET wrapped = (SELECT wrapped FROM saved)');
is(ask($session, $decrypt), 'secret', 'and its restoration');
change("UPDATE kms.key SET description = 'changed by hand' WHERE id = '$id'");
is(ask($session, $decrypt), 'XX001 Rejected.Unavailable', 'so is the row of a key');
is(value($standby, 'SELECT table_name, row_id FROM kms_check_integrity()'), "key|$id", 'which is found there, too');
change("UPDATE kms.key SET description = '' WHERE id = '$id'");
change(q{UPDATE kms.secret SET description = 'changed by hand' WHERE name = 'kept'});
is(ask($session, $reveal), 'XX001 Rejected.Unavailable', 'so is the row of a secret');
change(q{UPDATE kms.secret SET description = '' WHERE name = 'kept'});
is(ask($session, $reveal), 'a value', 'and what it was before');
is(ask($session, $decrypt), 'secret', 'and what it was before');
$primary->safe_psql('postgres', 'CREATE DATABASE other');
$primary->safe_psql('other', q{CREATE EXTENSION kms; SELECT kms_create_alias(kms_create_key()::text, 'alias/x')});
caught_up();
my $there = session($standby, 'other');
is(ask($there, q{SELECT kms_decrypt_text(kms_encrypt('alias/x', 'x'))}), 'x', 'another database works as well');
$primary->safe_psql('other', q{SET kms.allow_drop = on; DROP EXTENSION kms; CREATE EXTENSION kms});
caught_up();
is(ask($there, q{SELECT kms_encrypt('alias/x', 'x')}), '42704 Forbidden.AliasNotFound', 'its extension made anew on the primary: the old keys are gone');
$primary->safe_psql('other', q{SELECT kms_create_alias(kms_create_key()::text, 'alias/x')});
caught_up();
is(ask($there, q{SELECT kms_decrypt_text(kms_encrypt('alias/x', 'x'))}), 'x', 'and new ones work');
$there->quit;

# ---- promotion ---------------------------------------------------------------------------

$primary->stop;
$standby->promote;
is(ask($session, $decrypt), 'secret', 'promoted: the session goes on');
is(ask($session, q{SELECT kms_create_key_version('alias/three') <> '} . $version . q{'}), 't', 'and can change keys now');
is(value($standby, q{SELECT kms_create_alias(kms_create_key()::text, 'alias/new'); SELECT kms_decrypt_text(kms_encrypt('alias/new', 'new'))}),
	"\nnew", 'new keys can be made');
is(value($standby, q{SELECT kms_put_secret_value('kept', 'v3', 'after the promotion'::text) \g /dev/null
	SELECT kms_rotate_secret('app', 'v3') \g /dev/null
	SELECT (kms_get_secret_value('kept')).secret_data, (kms_get_secret_value('app')).version_id}), 'after the promotion|v3', 'and secrets changed and rotated');
$session->quit;
$member->quit;
$standby->stop;
unlike(slurp_file($_->logfile), qr/PANIC|TRAP:|terminated by signal/, $_->name . ': nothing crashed') for $primary, $standby;

done_testing();
