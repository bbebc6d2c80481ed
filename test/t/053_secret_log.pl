# What the lines of the server log say of secrets: which one, also where the key
# that encrypts it was looked up in between.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP;
use KmsServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('main', root_key => new_root_key(), settings => "kms.worker_enabled = off\n");

# "operation result code resource" of the lines that a statement, which fails, leaves.
sub lines_of
{
	my ($statement) = @_;
	my $offset = -s $node->logfile;

	$node->psql('postgres', $statement, on_error_stop => 0);
	return join("\n", map {
			my $line = JSON::PP->new->utf8->decode($_);
			join(' ', map { $line->{$_} // '-' } qw(operation result code resource))
		} log_since($node, $offset) =~ /LOG:  kms: (\{.*)$/mg);
}

$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION kms;
	CREATE ROLE app LOGIN;
	SELECT kms_create_secret('shop/token', 'v1', 'one');
	SELECT kms_put_secret_value('shop/token', 'v2', 'two', '{a,b,c,d,e,f,g}');
	SELECT kms_create_secret('shop/app', 'v1', '{"Accounts": [{"AccountName": "app", "AccountPassword": "x"}]}', 'Rds',
							 extended_config => '{"SecretSubType": "SingleUser", "DBInstanceId": "local"}',
							 enable_automatic_rotation => true, rotation_interval => '6 hours');
});

is(lines_of(q{SELECT kms_create_secret('shop/token', 'v1', 'x')}),
	'CreateSecret failed Rejected.ResourceExist secret/shop/token', 'making one whose name is taken');
is(lines_of(q{SELECT kms_create_secret('shop token', 'v1', 'x')}),
	'CreateSecret failed InvalidParameter -', 'one without a name that can be');
is(lines_of(q{SELECT kms_put_secret_value('shop/token', 'v1', 'two')}),
	'PutSecretValue failed Rejected.ResourceExist secret/shop/token', 'another value under the same id');
is(lines_of(q{SELECT kms_put_secret_value('shop/token', 'v1', 'one')}),
	'PutSecretValue success - secret/shop/token', 'the same value again, which is how one finds out that a guess is right');
is(lines_of(q{SELECT kms_put_secret_value('shop/token', 'v3', 'three', '{h}')}),
	'PutSecretValue failed Rejected.LimitExceeded secret/shop/token', 'a ninth label');
is(lines_of(q{SELECT kms_put_secret_value('shop/none', 'v3', 'three')}),
	'PutSecretValue failed Forbidden.ResourceNotFound secret/shop/none', 'a secret that is not there');
is(lines_of(q{BEGIN; UPDATE kms.secret_version SET value = set_byte(value, 60, get_byte(value, 60) # 1); SELECT kms_get_secret_value('shop/token'); ROLLBACK}),
	'GetSecretValue failed Rejected.Unavailable secret/shop/token', 'a value that was tampered with');
is(lines_of(q{SELECT kms_get_secret_value('shop/token')}),
	'GetSecretValue success - secret/shop/token', 'reading one');
is(lines_of(q{BEGIN; UPDATE kms.secret SET next_rotation_at = now() WHERE name = 'shop/app'; SELECT kms_run_jobs(); ROLLBACK}),
	'SecretRotation failed Rejected.Unavailable secret/shop/app', 'a rotation that is due and fails');
my $id = value($node, q{SELECT key_id FROM kms.aliases});
is(lines_of(qq{BEGIN; SELECT kms_disable_key('$id'); SELECT kms_get_secret_value('shop/token'); ROLLBACK}),
	"GetSecretValue failed Rejected.Disabled $id", 'reading one whose key is disabled names the key');
is(lines_of(q{BEGIN; UPDATE kms.key SET delete_at = now(), state = 'PendingDeletion'; SELECT kms_run_jobs(); ROLLBACK}),
	"KeyDeletion failed Rejected.Unavailable $id", 'and so does the deletion of a key');

$node->stop;
done_testing();
