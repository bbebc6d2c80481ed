# What docs/howto-secrets.md says is done and compared, on a server that asks every
# role but the superuser for its password, by scram-sha-256.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use HowTo;
use KmsServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('main', settings => "kms.worker_enabled = off\nlog_connections = on\n");
my $superuser = getpwuid($<);

unlink $node->data_dir . '/pg_hba.conf';
$node->append_conf('pg_hba.conf', "local all \"$superuser\" trust\nlocal all all scram-sha-256");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE page');
$node->safe_psql('page', 'CREATE EXTENSION kms');
follows_page($node, 'howto-secrets.md', 'page', $superuser);

# ---- the logins were real ---------------------------------------------------------------

my $log = log_since($node);

for my $role (qw(keeper shop_agent shop_ops shop_web shop_app shop_app_clone))
{
	like($log, qr/connection authenticated: identity="$role" method=scram-sha-256 /, "$role logged in by scram-sha-256");
}
like($log, qr/FATAL:  password authentication failed for user "$_"/, "a wrong password of $_ was refused") for qw(shop_web shop_app_clone);
unlike($log, qr/connection authenticated: identity="[^"]*" method=(?!scram-sha-256 )/, 'nobody who was asked logged in otherwise');
is(value($node, q{SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_authid WHERE rolpassword LIKE 'SCRAM-SHA-256$4096:%'}),
	'keeper shop_agent shop_app shop_app_clone shop_ops shop_web', 'every password is kept as a verifier');

# ---- who acts, and what is written down ---------------------------------------------------

like($log, qr/"operation":"GetSecretValue","result":"success","code":null,"sqlstate":null,"user":"shop_agent",[^\n]*"resource":"secret\/shop\/web"/,
	'who read the secret stands in the log');
unlike($log, qr/swordfish|marlin|herring|not yet/, 'no value does');
is(value($node, q{SELECT relowner::regrole FROM pg_class WHERE oid = 'shop.orders'::regclass}, 'page'), 'shop', 'what the clone made belongs to the common owner');
is(value($node, 'SELECT count(*) FROM kms_check_integrity()', 'page'), '0', 'all rows are as they were written');

$node->stop;
done_testing();
