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
	SET ROLE holder;
	SELECT kms_create_alias(kms_create_key()::text, 'alias/held')});
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

my $id = id_of('alias/one');
for my $call (
	'kms_create_key()', "kms_disable_key('$id')", "kms_enable_key('$id')", "kms_update_key_description('$id', 'x')",
	"kms_create_key_version('$id')", "kms_create_alias('$id', 'alias/new')", "kms_update_alias('$id', 'alias/two')",
	q{kms_delete_alias('alias/one')}, "kms_update_rotation_policy('$id', true, '7 days')", "kms_set_deletion_protection('$id', true)",
	"kms_schedule_key_deletion('$id', 7)", "kms_cancel_key_deletion('$id')", "kms_grant('$id', 'member', '{Decrypt}')", "kms_revoke('$id', 'member')",
	"kms_set_owner('$id', 'member')", 'kms_run_jobs()', 'kms_confirm_home()')
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
$session->quit;
$member->quit;
$standby->stop;
unlike(slurp_file($_->logfile), qr/PANIC|TRAP:|terminated by signal/, $_->name . ': nothing crashed') for $primary, $standby;

done_testing();
