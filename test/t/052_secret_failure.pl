# Rotations that fail, and secrets that are on their way out: nothing changes by
# halves, everybody sees that it failed, and repaired it goes on.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use KmsSecret;
use KmsServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $patience = 120;    # seconds; nothing here takes that long
my $node = new_secret_server(settings => 'kms.deletion_grace = 0');

# The password that the secret has is the one that works.
sub works
{
	my ($secret, $how) = @_;
	my ($account, $password) = held($node, $secret);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(logs_in($node, $account, $password), 'yes', "$how: the current password logs in");
	return $password;
}

sub rotation_of
{
	my ($secret) = @_;

	return value($node, "SELECT automatic_rotation FROM kms_describe_secret('$secret')");
}

sub job_of
{
	my ($secret) = @_;

	return value($node, "SELECT outcome, attempts, round(extract(epoch FROM next_run - last_run)) FROM kms.jobs WHERE name = 'secret/$secret' AND outcome IN ('failed', 'waiting')");
}

my $rotate = q{SET ROLE kms_test_keeper; SELECT kms_rotate_secret('%s')};
my $run = q{SELECT job, outcome, detail FROM kms_run_jobs() WHERE resource = 'secret/%s'};

# ---- whatever is wrong -------------------------------------------------------------

make_secret($node, 'single', 'SingleUser', ['kms_test_single']);
make_secret($node, 'pair', 'DoubleUsers', [ 'kms_test_first', 'kms_test_second' ]);
make_secret($node, 'cloning', 'DoubleUsers', ['kms_test_origin']);
make_secret($node, 'robbed', 'DoubleUsers', ['kms_test_robbed']);
my $own_key = value($node, 'SET ROLE kms_test_keeper; SELECT kms_create_key()');
my $lent_key = value($node, q{SELECT kms_create_key() AS id \gset
	SELECT kms_grant(:'id', 'kms_test_keeper', '{GenerateDataKey,Decrypt}') \g /dev/null
	SELECT :'id'});
make_secret($node, 'keyed', 'SingleUser', ['kms_test_keyed'], "encryption_key_id => '$own_key'");
make_secret($node, 'lent', 'DoubleUsers', [ 'kms_test_lent', 'kms_test_borrowed' ], "encryption_key_id => '$lent_key'");
$node->safe_psql('postgres', q{CREATE ROLE kms_test_heir CREATEROLE});

# Secret, what breaks it, what the failure is, what repairs it.
my @failures = (
	[ 'single', 'the role is dropped', 'DROP ROLE kms_test_single', '42704', 'Forbidden.ResourceNotFound', q{CREATE ROLE kms_test_single LOGIN PASSWORD 'another'} ],
	[ 'single', 'the role is renamed', 'ALTER ROLE kms_test_single RENAME TO kms_test_renamed', '42704', 'Forbidden.ResourceNotFound', 'ALTER ROLE kms_test_renamed RENAME TO kms_test_single' ],
	[ 'single', 'the role is a superuser', 'ALTER ROLE kms_test_single SUPERUSER', '42501', 'Forbidden.NoPermission', 'ALTER ROLE kms_test_single NOSUPERUSER' ],
	[ 'single', 'the role replicates', 'ALTER ROLE kms_test_single REPLICATION', '42501', 'Forbidden.NoPermission', 'ALTER ROLE kms_test_single NOREPLICATION' ],
	[ 'single', 'row security does not hold the role', 'ALTER ROLE kms_test_single BYPASSRLS', '42501', 'Forbidden.NoPermission', 'ALTER ROLE kms_test_single NOBYPASSRLS' ],
	[ 'pair', 'the previous account is dropped', 'DROP ROLE kms_test_second', '42704', 'Forbidden.ResourceNotFound', 'CREATE ROLE kms_test_second LOGIN' ],
	[ 'single', 'the owner may not change roles any more', 'ALTER ROLE kms_test_keeper NOCREATEROLE', '42501', 'Forbidden.NoPermission', 'ALTER ROLE kms_test_keeper CREATEROLE' ],
	[ 'cloning', 'the owner may not make a second account any more', 'ALTER ROLE kms_test_keeper NOCREATEROLE', '42501', 'Forbidden.NoPermission', 'ALTER ROLE kms_test_keeper CREATEROLE' ],
	[ 'robbed', 'the name of the second account is taken', 'CREATE ROLE kms_test_robbed_clone', '42710', '', 'DROP ROLE kms_test_robbed_clone' ],
	[ 'keyed', 'the key is disabled', "SELECT kms_disable_key('$own_key')", '55000', 'Rejected.Disabled', "SELECT kms_enable_key('$own_key')" ],
	[ 'keyed', 'the key is to be deleted', "SELECT kms_schedule_key_deletion('$own_key', 7)", '55000', 'Rejected.PendingDeletion', "SELECT kms_cancel_key_deletion('$own_key')" ],
	[ 'lent', 'the owner may not use the key any more', "SELECT kms_revoke('$lent_key', 'kms_test_keeper', '{GenerateDataKey}')", '42501', 'Forbidden.NoPermission',
		"SELECT kms_grant('$lent_key', 'kms_test_keeper', '{GenerateDataKey}')" ]);
for my $case (@failures)
{
	my ($secret, $how, $break, $sqlstate, $code, $repair) = @$case;
	my $offset = -s $node->logfile;
	my $about = $break =~ /kms_\w+\('([^']+)'/ ? $1 : "secret/$secret";

	$node->safe_psql('postgres', $break);
	my $state = whole_state($node, $secret);
	my $error = refused($node, sprintf($rotate, $secret), $sqlstate, $code, "$how: rotating is refused");
	is(whole_state($node, $secret), $state, "$how: which changes nothing");
	is(rotation_of($secret), 'Enabled', "$how: nor is automatic rotation any the worse");

	make_due($node, $secret);
	is(value($node, sprintf $run, $secret), "SecretRotation|failed|$error->{message}", "$how: nor does a job rotate, which says why");
	is(whole_state($node, $secret), $state, "$how: and changes nothing");
	is(job_of($secret), 'failed|1|60', "$how: it is in kms.jobs, to be tried again");
	is(rotation_of($secret), 'Invalid', "$how: and seen in the secret");
	is(value($node, q{SELECT operation, resource_type, resource, result, api_code, detail FROM kms.audit_log ORDER BY seq DESC LIMIT 1}),
		"SecretRotation|secret|secret/$secret|failed|$code|SQLSTATE $sqlstate", "$how: it is in the audit log");
	like(log_since($node, $offset), qr{LOG:  kms: SecretRotation of secret/$secret failed: \Q$error->{message}\E$}m, "$how: and in the server's log");
	like(log_since($node, $offset), qr{LOG:  kms: \{"operation":"SecretRotation","result":"\w+","code":"$code","sqlstate":"$sqlstate",.*"resource":"$about"\}$}m,
		"$how: also as a line of the audit log, which names what is refused") if $code ne '';
	$node->safe_psql('postgres', $repair);
	reach($node, $1, 'kms_test_keeper') if $repair =~ /^CREATE ROLE (\w+)/;
	is(value($node, sprintf $run, $secret), 'SecretRotation|done|', "$how: repaired, it is done");
	is(rotation_of($secret), 'Enabled', "$how: and all is well");
	is(value($node, "SELECT next_rotation_date > clock_timestamp() FROM kms_describe_secret('$secret')"), 't', "$how: until an interval later");
	is(job_of($secret), '', "$how: nothing is left to do");
	works($secret, "$how, and repaired");
}
is(value($node, 'SELECT count(*) FROM kms_check_integrity()'), '0', 'every row is intact');

# An owner that is none any more: it has lost the privilege by which its rows mean it.
$node->safe_psql('postgres', q{CREATE ROLE kms_test_leaving CREATEROLE});
make_role($node, 'kms_test_left');
reach($node, 'kms_test_left', $_) for qw(kms_test_leaving kms_test_heir);
$node->safe_psql('postgres', 'SET ROLE kms_test_leaving; ' . secret_sql('left', 'SingleUser', ['kms_test_left']));
$node->safe_psql('postgres', 'DROP OWNED BY kms_test_leaving');
my $state = whole_state($node, 'left');
refused($node, q{SELECT kms_rotate_secret('left')}, '42501', 'Forbidden.NoPermission', 'without an owner not even a superuser rotates');
make_due($node, 'left');
like(value($node, sprintf $run, 'left'), qr/^SecretRotation\|failed\|the secret has no owner/, 'nor does a job');
is(whole_state($node, 'left'), $state, 'nothing has changed');
refused($node, q{SET ROLE kms_test_keeper; SELECT kms_set_owner('secret/left', 'kms_test_heir')}, '42501', 'Forbidden.NoPermission', 'nobody takes it');
$node->safe_psql('postgres', q{SELECT kms_set_owner('secret/left', 'kms_test_heir')});
is(value($node, sprintf $run, 'left'), 'SecretRotation|done|', 'given to somebody who may, it rotates');
works('left', 'given to somebody');

# ---- again and again -------------------------------------------------------------------

sub break_single
{
	$node->safe_psql('postgres', 'ALTER ROLE kms_test_single SUPERUSER');
	return;
}

sub repair_single
{
	$node->safe_psql('postgres', 'ALTER ROLE kms_test_single NOSUPERUSER');
	return;
}

break_single();
make_due($node, 'single');
for my $attempt (1 .. 12)
{
	value($node, 'SELECT kms_run_jobs()');
	is(job_of('single'), sprintf('failed|%d|%d', $attempt, $attempt == 12 ? 86400 : 30 * 2**$attempt), "attempt $attempt: the next is later") if $attempt =~ /^([1234]|11|12)$/;
}
is(value($node, q{SELECT count(*) FROM kms.audit_log WHERE resource = 'secret/single' AND operation = 'SecretRotation' AND api_code = 'Forbidden.NoPermission'}), 12 + 4,
	'each is in the audit log');
switch_worker($node, 'on');
sleep 3;
is(job_of('single'), 'failed|12|86400', 'a worker waits for that time');
value($node, q{UPDATE kms.job SET retry_at = now() WHERE name = 'secret/single' AND outcome <> 'done'});
ok(defined wait_until(sub { job_of('single') eq 'failed|13|86400' }, $patience), 'when it has come it tries');
repair_single();
value($node, q{UPDATE kms.job SET retry_at = now() WHERE name = 'secret/single' AND outcome <> 'done'});
ok(defined wait_until(sub { rotation_of('single') eq 'Enabled' }, $patience), 'repaired, a worker rotates it');
works('single', 'repaired, by a worker');
is(job_of('single'), '', 'and nothing is left');

# By a worker alone, from the beginning; another secret is rotated all the same.
break_single();
my $offset = -s $node->logfile;
make_due($node, 'single', 'pair');
ok(defined wait_until(sub { rotation_of('single') eq 'Invalid' }, $patience), 'a worker fails');
is(job_of('single'), 'failed|1|60', 'once');
like(log_since($node, $offset), qr{LOG:  kms: SecretRotation of secret/single failed: role "kms_test_single" is a superuser}, 'which it logs');
ok(defined wait_until(sub { value($node, q{SELECT next_rotation_date > clock_timestamp() FROM kms_describe_secret('pair')}) eq 't' }, $patience), 'and rotates another one');
works($_, 'by a worker') for qw(pair single);
switch_worker($node, 'off');

# ---- ways out ---------------------------------------------------------------------------

is(rotation_of('single'), 'Invalid', 'a secret whose rotation failed');
$node->safe_psql('postgres', q{SET ROLE kms_test_keeper; SELECT kms_update_secret_rotation_policy('single', true, '2 days')});
is(rotation_of('single') . job_of('single'), 'Enabled', 'switched on again, is Enabled, and the failure forgotten');
is(value($node, q{SELECT rotation_interval, next_rotation_date = last_rotation_date + interval '48 hours' FROM kms_describe_secret('single')}), '2 days|t', 'with a new date');
make_due($node, 'single');
value($node, 'SELECT kms_run_jobs()');
is(rotation_of('single'), 'Invalid', 'it fails again');
refused($node, sprintf($rotate, 'single'), '42501', 'Forbidden.NoPermission', 'and by hand');
is(rotation_of('single') . '|' . job_of('single'), 'Invalid|failed|1|60', 'which leaves it as it is');
repair_single();
$node->safe_psql('postgres', sprintf $rotate, 'single');
is(rotation_of('single') . job_of('single'), 'Enabled', 'repaired and rotated by hand it is Enabled, and the failure forgotten');
works('single', 'rotated by hand');
break_single();
make_due($node, 'single');
value($node, 'SELECT kms_run_jobs()');
$node->safe_psql('postgres', q{SET ROLE kms_test_keeper; SELECT kms_update_secret_rotation_policy('single', false)});
is(rotation_of('single') . job_of('single'), 'Disabled', 'switched off it is Disabled');
repair_single();
$node->safe_psql('postgres', sprintf $rotate, 'single');
is(rotation_of('single'), 'Disabled', 'and stays so when rotated by hand');
$node->safe_psql('postgres', q{SET ROLE kms_test_keeper; SELECT kms_update_secret_rotation_policy('single', true, '1 day')});

# ---- on the way out -----------------------------------------------------------------------

my $before = works('single', 'before the deletion is scheduled');
$node->safe_psql('postgres', q{SET ROLE kms_test_keeper; SELECT kms_delete_secret('single', recovery_window_in_days => 7)});
make_due($node, 'single');
$state = whole_state($node, 'single');
is(value($node, sprintf $run, 'single'), '', 'scheduled for deletion, a secret does not rotate');
refused($node, sprintf($rotate, 'single'), '55000', 'Rejected.ResourceInDeleteWindow', 'nor by hand');
refused($node, q{SELECT kms_update_secret_rotation_policy('single', true, '1 day')}, '55000', 'Rejected.ResourceInDeleteWindow', 'nor is it switched on');
is(whole_state($node, 'single'), $state, 'nothing has changed');
is(logs_in($node, 'kms_test_single', $before), 'yes', 'the password logs in');
$node->safe_psql('postgres', q{SET ROLE kms_test_keeper; SELECT kms_restore_secret('single')});
is(value($node, sprintf $run, 'single'), 'SecretRotation|done|', 'restored, it rotates at the next check');
is(logs_in($node, 'kms_test_single', $before), 'no', 'and the old password does not log in');
$before = works('single', 'restored');

my $overdue = q{SET ROLE kms_test_keeper; SELECT kms_delete_secret('%1$s', recovery_window_in_days => 7); RESET ROLE;
	UPDATE kms.secret SET delete_at = clock_timestamp() - interval '%2$s' WHERE name = '%1$s'};
$node->safe_psql('postgres', sprintf $overdue, 'single', '1 hour');
$node->safe_psql('postgres', 'ALTER SYSTEM SET kms.deletion_grace = 3600');
$node->restart;
is(value($node, sprintf $run, 'single'), 'SecretDeletion|waiting|its date was found to have passed long before: kms.deletion_grace runs', 'what should have been erased while the server was down waits');
refused($node, q{SET ROLE kms_test_keeper; SELECT kms_get_secret_value('single')}, '42704', 'Forbidden.ResourceNotFound', 'nobody reads it meanwhile');
$node->safe_psql('postgres', q{SET ROLE kms_test_keeper; SELECT kms_restore_secret('single')});
is(works('single', 'restored after the date'), $before, 'but it can be restored');
$node->safe_psql('postgres', sprintf $overdue, 'single', '0');
is(value($node, sprintf $run, 'single'), 'SecretDeletion|done|', 'a date that came while the server ran needs no grace');
$node->safe_psql('postgres', 'ALTER SYSTEM SET kms.deletion_grace = 0');
$node->reload;
$node->safe_psql('postgres', sprintf $overdue, $_, '1 hour') for qw(pair lent);
switch_worker($node, 'on');
ok(defined wait_until(sub { value($node, q{SELECT count(*) FROM kms.secret WHERE name IN ('pair', 'lent')}) eq '0' }, $patience), 'a worker erases secrets whose date has come');
switch_worker($node, 'off');
is(value($node, q{SELECT (SELECT count(*) FROM kms.secret_version WHERE secret_id NOT IN (SELECT id FROM kms.secret))
	+ (SELECT count(*) FROM kms.secret_version_stage WHERE secret_id NOT IN (SELECT id FROM kms.secret)) + (SELECT count(*) FROM kms.secret_role WHERE secret_id NOT IN (SELECT id FROM kms.secret))}),
	'0', 'with all that belongs to them');
is(value($node, q{SELECT string_agg(DISTINCT resource, ' ' ORDER BY resource) FROM kms.audit_log WHERE operation = 'SecretDeletion' AND result = 'success'}),
	'secret/lent secret/pair secret/single', 'which is in the audit log');
is(value($node, q{SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolcanlogin AND rolname IN ('kms_test_single', 'kms_test_first', 'kms_test_second', 'kms_test_lent', 'kms_test_borrowed')}),
	'kms_test_borrowed kms_test_first kms_test_lent kms_test_second kms_test_single', 'their roles are there');
is(logs_in($node, 'kms_test_single', $before), 'yes', 'and log in as before');
is(failure($node, 'SET ROLE kms_test_keeper; ' . secret_sql('single', 'DoubleUsers', [ 'kms_test_single', 'kms_test_first' ])), undef, 'name and roles are free for a new secret');

# Forced, there is no waiting.
my @accounts = held($node, 'keyed');
$node->safe_psql('postgres', q{SET ROLE kms_test_keeper; SELECT kms_delete_secret('keyed', true)});
is(logs_in($node, @accounts[ 0, 1 ]), 'yes', 'deleted at once, the role stays too');

# ---- sealed ----------------------------------------------------------------------------------

make_due($node, 'cloning');
$node->safe_psql('postgres', q{ALTER SYSTEM SET kms.root_key_file = ''});
$node->reload;
wait_until(sub { status($node) eq 'Suspended' }, $patience) // die 'it is not sealed';
like(value($node, sprintf $run, 'cloning'), qr/^SecretRotation\|waiting\|.*sealed/, 'while the server is sealed rotations wait');
like(failure($node, q{SELECT kms_rotate_secret('cloning')})->{sqlstate}, qr/^(?:55000|KM)/, 'and are refused by hand');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET kms.root_key_file');
$node->reload;
wait_until(sub { status($node) eq 'Enabled' }, $patience) // die 'it is not unsealed';
is(rotation_of('cloning'), 'Enabled', 'which is no failure');
is(value($node, sprintf $run, 'cloning'), 'SecretRotation|done|', 'unsealed, it is done');
works('cloning', 'unsealed');

# ---- a copy ------------------------------------------------------------------------------------

make_due($node, 'cloning');
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE postgres');
my $after = works('cloning', 'copied');
is(value($node, sprintf($run, 'cloning'), 'copy'), 'SecretRotation|waiting|this database is a copy or was restored: call kms_confirm_home()', 'in a copy of the database it waits');
is(value($node, q{SELECT automatic_rotation FROM kms_describe_secret('cloning')}, 'copy'), 'Enabled', 'there, which is no failure');
refused($node, q{SELECT kms_rotate_secret('cloning')}, '55000', 'Rejected.StateModifiedFailed', 'and by hand it is refused', dbname => 'copy');
is(works('cloning', 'while the copy waits'), $after, 'and the original has the password that works');
switch_worker($node, 'on');
ok(defined wait_until(sub { value($node, q{SELECT next_rotation_date > clock_timestamp() FROM kms_describe_secret('cloning')}) eq 't' }, $patience), 'where it is rotated');
sleep 3;
switch_worker($node, 'off');
my $here = works('cloning', 'with workers in both');
isnt($here, $after, 'in the original');
is(value($node, q{SELECT count(*) FROM kms.jobs WHERE job = 'SecretRotation' AND outcome = 'waiting'}, 'copy'), '1', 'the copy still waits');
value($node, 'SELECT kms_confirm_home()', 'copy');
is(value($node, sprintf($run, 'cloning'), 'copy'), 'SecretRotation|done|', 'confirmed as a home of its own, it rotates');
my ($role, $password) = split /\n/, value($node, q{SET ROLE kms_test_keeper; SELECT concat_ws(E'\n', secret_data::json ->> 'AccountName', secret_data::json ->> 'AccountPassword') FROM kms_get_secret_value('cloning')}, 'copy');
is(logs_in($node, $role, $password), 'yes', 'with a password that works');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|signal 11|was terminated by/, 'nothing crashed');

done_testing();
