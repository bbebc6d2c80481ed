# Logical replication of the tables of keys: what is disabled at the publisher is
# refused by the subscriber's sessions once it is applied, also if they had it cached.
use strict;
use warnings FATAL => 'all';

use KmsServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('main', init => { allows_streaming => 'logical' });

$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION kms');
$node->safe_psql('postgres', 'CREATE DATABASE subscriber');
$node->safe_psql('subscriber', 'CREATE EXTENSION kms');
$node->safe_psql('subscriber', 'DELETE FROM kms.domain_key; DELETE FROM kms.account');
my $key = value($node, 'SELECT kms_create_key()');
$node->safe_psql('postgres', 'CREATE PUBLICATION p FOR ALL TABLES');
$node->safe_psql('postgres', q{SELECT pg_create_logical_replication_slot('s', 'pgoutput')});
my $connection = $node->connstr . ' dbname=postgres';
$node->safe_psql('subscriber', "CREATE SUBSCRIPTION s CONNECTION '$connection' PUBLICATION p WITH (create_slot = false)");
$node->wait_for_subscription_sync($node, 's', 'subscriber');

my $session = session($node, 'subscriber');
is(ask($session, "SELECT length(kms_encrypt('$key', 'x'))"), '58', 'a replicated key encrypts');

my @cases = (
	[ "SELECT kms_disable_key('$key')" => '55000 Rejected.Disabled', 'disabled' ],
	[ "SELECT kms_enable_key('$key')" => '58', 'enabled again' ]);
for my $case (@cases)
{
	my ($change, $expected, $what) = @$case;

	$node->safe_psql('postgres', $change);
	$node->wait_for_catchup('s');
	is(ask($session, "SELECT length(kms_encrypt('$key', 'x'))"), $expected, "$what at the publisher, it is so in a session that had it cached");
}

$node->safe_psql('subscriber', "UPDATE kms.key SET state = 'Disabled' WHERE id = '$key'");
is(ask($session, "SELECT length(kms_encrypt('$key', 'x'))"), 'XX001 Rejected.Unavailable', 'a row that the subscriber changed by hand is refused');
$node->safe_psql('postgres', "SELECT kms_update_key_description('$key', 'changed')");
$node->wait_for_catchup('s');
is(ask($session, "SELECT length(kms_encrypt('$key', 'x'))"), '58', 'until the next change at the publisher');
$node->safe_psql('postgres', "UPDATE kms.key SET state = 'Disabled' WHERE id = '$key'");
$node->wait_for_catchup('s');
is(ask($session, "SELECT length(kms_encrypt('$key', 'x'))"), 'XX001 Rejected.Unavailable', 'so is one that was changed by hand at the publisher');
$node->safe_psql('postgres', "UPDATE kms.key SET state = 'Enabled' WHERE id = '$key'");
$node->wait_for_catchup('s');

# Owners and grantees of rows that were replicated count once the subscriber says so.
$node->safe_psql('postgres', "CREATE ROLE reader; SELECT kms_grant('$key', 'reader', '{Encrypt}')");
$node->wait_for_catchup('s');
is(ask($session, 'SET ROLE reader'), '', 'a role that was granted an operation at the publisher');
is(ask($session, "SELECT length(kms_encrypt('$key', 'x'))"), '42501 Forbidden.NoPermission', 'may not do it in the subscriber');
$node->safe_psql('subscriber', 'GRANT SELECT ON kms.role_anchor TO reader');
is(ask($session, "SELECT length(kms_encrypt('$key', 'x'))"), '58', 'before it is given its privilege there');
$node->safe_psql('postgres', "SELECT kms_revoke('$key', 'reader')");
$node->wait_for_catchup('s');
is(ask($session, "SELECT length(kms_encrypt('$key', 'x'))"), '42501 Forbidden.NoPermission', 'and not when it is taken away at the publisher');

$session->quit;
$node->safe_psql('subscriber', 'ALTER SUBSCRIPTION s DISABLE; ALTER SUBSCRIPTION s SET (slot_name = NONE); DROP SUBSCRIPTION s');
$node->stop;
done_testing();
