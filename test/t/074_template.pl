# CREATE DATABASE ... TEMPLATE: the copy has everything and goes its own way; what it
# must not do to the original, or to the roles that both share, waits for kms_confirm_home.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use KmsEverything;
use KmsServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('main', settings => "kms.worker_enabled = off\nkms.worker_naptime = 1\n");

sub switch_worker
{
	my ($switch) = @_;

	$node->safe_psql('postgres', "ALTER SYSTEM SET kms.worker_enabled = $switch");
	$node->reload;
	return;
}

# Where a database lives, by its own account, and where it is.
sub at_home
{
	my ($dbname) = @_;

	return value($node, q{SELECT a.home_system = c.system_identifier, a.home_database = d.oid FROM kms.account a, pg_control_system() c, pg_database d WHERE datname = current_database()}, $dbname);
}

$node->start;
make_roles($node);
fill($node, 'source');
let_time_pass($node, 'source');
my @everything = (listed($node, 'source'), opened($node, 'source'), by_roles($node, 'source'));
my $password = q{SELECT rolpassword FROM pg_authid WHERE rolname = 'app'};
my $old = value($node, $password);

# A template is copied while nobody is connected to it, workers included.
switch_worker('on');
for my $case ([ copy => '' ], [ file_copy => 'STRATEGY file_copy' ])
{
	my ($dbname, $how) = @$case;

	$node->safe_psql('postgres', "CREATE DATABASE $dbname TEMPLATE source $how");
	is_everything($node, $dbname, $dbname, @everything);
	is(at_home($dbname), 't|f', "$dbname: the copy is told from the original by its number");
	is(value($node, 'SELECT id FROM kms.account', $dbname), value($node, 'SELECT id FROM kms.account', 'source'), "$dbname: resource names are those of the original");
}
is(at_home('source'), 't|t', 'the original is at home');
switch_worker('off');

# Each goes its own way.
my $use = q{SELECT kms_decrypt_text(kms_encrypt('alias/Aliyun_SM4', 'x'))};
my %session = map { $_ => session($node, $_) } qw(source copy);
is(ask($session{$_}, $use), 'x', "$_: a session uses a key") for sort keys %session;
$node->safe_psql('copy', q{SELECT kms_disable_key(key_id::text) FROM kms_describe_key('alias/Aliyun_SM4')});
is(ask($session{copy}, $use), '55000 Rejected.Disabled', 'disabled in the copy, it is refused there');
is(ask($session{source}, $use), 'x', 'and not in the original');
my $new = value($node, q{SELECT kms_create_key_version('alias/Aliyun_AES_256') \g /dev/null
	SELECT kms_encrypt('alias/Aliyun_AES_256', 'of the copy')}, 'copy');
is(value($node, "SELECT kms_decrypt_text('$new')", 'copy'), 'of the copy', 'a new version of the copy opens there');
refused($node, "SELECT kms_decrypt_text('$new')", '42704', 'Forbidden.KeyNotFound', 'and not in the original', dbname => 'source');
value($node, q{SELECT kms_put_secret_value('text', 'copied', 'of the copy'::text)}, 'copy');
is(value($node, q{SELECT secret_data FROM kms_get_secret_value('text')}, $_), $_ eq 'copy' ? 'of the copy' : 'second value', "$_: has its own versions of secrets") for qw(copy source);
value($node, q{SELECT kms_revoke('secret/owned', 'team')}, 'copy');
is(value($node, q{SET ROLE member; SELECT kms_can('GetSecretValue', 'secret/owned')}, $_), $_ eq 'copy' ? 'f' : 't', "$_: and its own grants") for qw(copy source);
$_->quit for values %session;

# A role that has something in the copy is not dropped from anywhere.
like(failure($node, 'DROP ROLE "a reader"')->{detail}, qr/object in database/, 'a role is kept by each of them');

# What is due there, done by workers: it erases nothing, and changes no role.
let_time_pass($node, 'file_copy');
my $due = q{
	UPDATE kms.key SET delete_at = clock_timestamp() WHERE state = 'PendingDeletion';
	UPDATE kms.secret SET delete_at = clock_timestamp() WHERE name = 'doomed';
	UPDATE kms.secret SET next_rotation_at = clock_timestamp() WHERE name = 'app';
	UPDATE kms.key SET next_rotation_at = clock_timestamp() WHERE rotation_seconds IS NOT NULL};
my $jobs = q{SELECT string_agg(job || ' ' || outcome, ', ' ORDER BY job) FROM kms.jobs WHERE outcome IN ('done', 'waiting')};
my $waiting = 'KeyDeletion waiting, KeyRotation done, SecretDeletion waiting, SecretRotation waiting';
$node->safe_psql('file_copy', $due);
switch_worker('on');
ok(defined wait_until(sub { value($node, $jobs, 'file_copy') eq $waiting }, 120), 'workers rotate keys in a copy, and let the rest wait') or diag(value($node, $jobs, 'file_copy'));
is(value($node, q{SELECT DISTINCT detail FROM kms.jobs WHERE outcome = 'waiting'}, 'file_copy'), 'this database is a copy or was restored: call kms_confirm_home()', 'and say what for');
is(value($node, $password), $old, 'the role keeps its password');
refused($node, q{SELECT kms_rotate_secret('app')}, '55000', 'Rejected.StateModifiedFailed', 'nor is it changed by hand', dbname => 'file_copy');
value($node, 'SELECT kms_confirm_home()', 'file_copy');
ok(defined wait_until(sub { value($node, $jobs, 'file_copy') eq $waiting =~ s/waiting/done/gr }, 120), 'confirmed, they do it') or diag(value($node, $jobs, 'file_copy'));
is(at_home('file_copy'), 't|t', 'the copy is at home');
isnt(value($node, $password), $old, 'the role has the password of the copy');
refused($node, q{SELECT kms_get_secret_value('doomed')}, '42704', 'Forbidden.ResourceNotFound', 'what was due is gone', dbname => 'file_copy');
refused($node, q{SELECT kms_get_secret_value('doomed')}, '55000', 'Rejected.ResourceInDeleteWindow', 'and not in the original', dbname => 'source');
is_sound($node, $_, $_) for qw(source copy file_copy);
is_everything($node, 'source', 'the original', @everything);

# A copy of a copy that was confirmed is none of it.
switch_worker('off');
$node->safe_psql('postgres', 'CREATE DATABASE third TEMPLATE file_copy');
is(at_home('third'), 't|f', 'a copy of it is not');

# The extension in template1: each new database has the same keys, until it has its own.
$node->safe_psql('template1', q{CREATE EXTENSION kms; SELECT kms_create_alias(kms_create_key()::text, 'alias/shared')});
$node->safe_psql('postgres', "CREATE DATABASE $_") for qw(first second);
my $shared = value($node, q{SELECT kms_encrypt('alias/shared', 'shared')}, 'first');
is(value($node, "SELECT kms_decrypt_text('$shared')", 'second'), 'shared', 'with the extension in template1, new databases open what others encrypt');
is(at_home($_), 't|f', "$_: and are copies") for qw(first second);

$node->stop;
unlike(log_since($node), qr/PANIC|TRAP:|terminated by signal/, 'nothing crashed');
done_testing();
