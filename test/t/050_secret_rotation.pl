# Rotation of the passwords of roles, with real logins: whoever rotates and
# whatever comes in between, the current password is the one that works.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use KmsSecret;
use KmsServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $patience = 120;    # seconds; nothing here takes that long

# Commits that nobody waits for stay in memory: what has to be durable says so itself.
my $node = new_secret_server(settings => "synchronous_commit = off\nwal_writer_delay = 10s\nwal_writer_flush_after = 1GB");

# ---- what the tests need -----------------------------------------------------------

# The current version is this role's and its password works, and no other of those that it had.
my %passwords;

sub works
{
	my ($secret, $role, $how) = @_;
	my ($account, $password) = held($node, $secret);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($account, $role, "$how: the current account");
	is(logs_in($node, $role, $password), 'yes', "$how: its password logs in");
	push @{ $passwords{$role} }, $password unless grep { $_ eq $password } @{ $passwords{$role} };
	is(join(',', map { logs_in($node, $role, $_) } grep { $_ ne $password } @{ $passwords{$role} }[ -2 .. -1 ]), 'no', "$how: the former one does not")
	  if @{ $passwords{$role} } > 1;
	return;
}

sub by_hand
{
	my ($secret, $more) = @_;

	return value($node, "SET ROLE kms_test_keeper; SELECT kms_rotate_secret('$secret'" . ($more // '') . ')');
}

sub by_run_jobs
{
	make_due($node, @_);
	value($node, 'SELECT kms_run_jobs()');
	return;
}

# ---- one account, two accounts, one that becomes two ------------------------------------

my $weird = q{kms_test "dö\\uble' $};
make_secret($node, 'single', 'SingleUser', ['kms_test_single']);
make_secret($node, 'pair', 'DoubleUsers', ['kms_test_first', 'kms_test_second']);
make_secret($node, 'cloning', 'DoubleUsers', [$weird]);
my %accounts = (single => ['kms_test_single'], pair => [ 'kms_test_first', 'kms_test_second' ], cloning => [ $weird, "${weird}_clone" ]);

works($_, $accounts{$_}[0], "$_ as it was made") for sort keys %accounts;
is((held($node, 'pair', 'ACSPrevious'))[0], 'kms_test_second', 'the second of two accounts is previous from the start');
is(logs_in($node, 'kms_test_second', (held($node, 'pair', 'ACSPrevious'))[1]), 'yes', 'and works');
push @{ $passwords{kms_test_second} }, (held($node, 'pair', 'ACSPrevious'))[1];
is(value($node, q{SELECT string_agg(stage || ' ' || name, ',' ORDER BY name, stage) FROM kms.secret_version_stage s JOIN kms.secret ON id = secret_id}),
	'ACSCurrent cloning,ACSCurrent pair,ACSPrevious pair,ACSCurrent single', 'where there is one account, none is previous');
is(value($node, q{SELECT bool_and(last_rotation_date IS NULL AND next_rotation_date = create_time + interval '24 hours') FROM kms.secrets}), 't',
	'the first rotation is due an interval after the creation');

my @ways = ([ 'by hand', sub { by_hand($_) for @_ } ], [ 'by kms_run_jobs', \&by_run_jobs ], [ 'by a worker', sub { by_a_worker($node, @_) } ]);
for my $round (1 .. 6)
{
	my ($way, $rotate) = @{ $ways[ ($round - 1) % 3 ] };
	my %before = map { $_ => [ held($node, $_) ] } keys %accounts;
	my $then = value($node, 'SELECT clock_timestamp()');

	$rotate->(sort keys %accounts);
	for my $secret (sort keys %accounts)
	{
		my $how = "$secret, rotation $round, $way";
		my @roles = @{ $accounts{$secret} };

		works($secret, $roles[ $round % @roles ], $how);
		is(join(' ', held($node, $secret, 'ACSPrevious')), join(' ', @{ $before{$secret} }), "$how: what was current is previous");
		isnt((held($node, $secret))[2], $before{$secret}[2], "$how: there is a new version");
		is(logs_in($node, $before{$secret}[0], $before{$secret}[1]), 'yes', "$how: the other account still works") if @roles > 1;
		is(value($node, "SELECT last_rotation_date > '$then' AND next_rotation_date = last_rotation_date + interval '24 hours' AND automatic_rotation = 'Enabled' FROM kms_describe_secret('$secret')"),
			't', "$how: the dates are new");
		is(value($node, "SELECT count(*) FILTER (WHERE version_stages = '{ACSCurrent}') || '/' || count(*) FILTER (WHERE version_stages = '{ACSPrevious}') || '/' || count(*)
			FROM kms_list_secret_version_ids('$secret')"), '1/1/2', "$how: two versions have a label each");
	}
}
is(value($node, q{SELECT string_agg(operation || ' ' || coalesce(session_user_name, 'nobody') || ' ' || n, ', ' ORDER BY operation, session_user_name) FROM (
		SELECT operation, session_user_name, count(*) AS n FROM kms.audit_log WHERE resource = 'secret/single' AND operation LIKE '%Rotat%' AND result = 'success' GROUP BY 1, 2) a})
	  =~ s/ \S+ (?=\d)/ X /gr, 'RotateSecret X 2, SecretRotation X 2, SecretRotation X 2', 'each is in the audit log, with who did it');
is(value($node, q{SELECT count(*) FROM kms.audit_log a JOIN kms.secret_versions v ON a.resource = 'secret/' || v.secret_name AND a.detail = 'version ' || v.version_id
		WHERE a.operation IN ('RotateSecret', 'SecretRotation')}), '18', 'and the version that it made');
is(value($node, 'SELECT count(*) FROM kms_check_integrity()'), '0', 'every row is intact');

my $open = session($node, 'postgres');
ask($open, 'SET SESSION AUTHORIZATION kms_test_single');
by_hand('single');
is(ask($open, 'SELECT current_user'), 'kms_test_single', 'sessions that are open stay so');
$open->quit;
works('single', 'kms_test_single', 'with a session open');

# ---- the second account --------------------------------------------------------------------

$node->safe_psql('postgres', q{
	CREATE ROLE kms_test_group; CREATE ROLE kms_test_team;
	CREATE TABLE direct AS SELECT 'direct' AS what; CREATE TABLE grouped AS SELECT 'grouped' AS what; CREATE TABLE owned AS SELECT 'owned' AS what;
	GRANT SELECT ON grouped TO kms_test_group});
make_role($node, qw(kms_test_origin kms_test_noinherit));
$node->safe_psql('postgres', q{
	ALTER ROLE kms_test_origin CREATEDB CONNECTION LIMIT 7 VALID UNTIL '2099-12-31 23:59:59.5+05';
	ALTER ROLE kms_test_noinherit NOINHERIT;
	GRANT kms_test_group TO kms_test_origin, kms_test_noinherit; GRANT kms_test_team TO kms_test_origin WITH ADMIN OPTION;
	ALTER ROLE kms_test_origin SET work_mem = '5MB'; ALTER ROLE kms_test_origin SET search_path = pg_catalog, "$user";
	ALTER ROLE kms_test_origin IN DATABASE postgres SET work_mem = '6MB'; ALTER ROLE kms_test_origin SET log_duration = off;
	GRANT SELECT ON direct TO kms_test_origin, kms_test_noinherit; ALTER TABLE owned OWNER TO kms_test_origin;
	SET ROLE kms_test_keeper;} . secret_sql('origin', 'DoubleUsers', ['kms_test_origin']) . ';' . secret_sql('noinherit', 'DoubleUsers', ['kms_test_noinherit']));
reach($node, $_, 'kms_test_keeper') for qw(kms_test_group kms_test_team);
is(value($node, q{SELECT count(*) FROM pg_roles WHERE rolname ~ 'kms_test_(origin|noinherit)_clone'}), '0', 'the second account is not made with the secret');
by_hand($_) for qw(origin noinherit);
my $attributes = q{SELECT rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolconnlimit, rolvaliduntil, rolbypassrls FROM pg_roles WHERE rolname = '%s'};
my $settings = q{SELECT setdatabase, setconfig FROM pg_db_role_setting WHERE setrole = '%s'::regrole ORDER BY 1};
my $memberships = q{SELECT roleid::regrole, admin_option FROM pg_auth_members WHERE member = '%s'::regrole AND roleid <> 'kms_test_origin'::regrole ORDER BY 1::text};
is(value($node, sprintf $_->[0], 'kms_test_origin_clone'), value($node, sprintf $_->[0], 'kms_test_origin'), "the clone has the same $_->[1]")
  for [ $attributes, 'attributes' ], [ $settings, 'settings' ], [ $memberships, 'memberships, admin options included' ];

sub as_role
{
	my ($secret, $sql) = @_;
	my ($role, $password) = held($node, $secret);
	my ($out, $errors) = ('', '');

	local $ENV{PGPASSWORD} = $password;
	$node->psql('postgres', $sql, stdout => \$out, stderr => \$errors, extra_params => [ '-w', '-U', $role ]);
	return $errors =~ /ERROR:  (.*)/ ? $1 : $out;
}

is((held($node, 'origin'))[0], 'kms_test_origin_clone', 'the clone is current');
is(as_role('origin', 'SELECT what FROM public.direct UNION ALL SELECT what FROM public.grouped UNION ALL SELECT what FROM public.owned'), "direct\ngrouped\nowned",
	'logged in, it may what the original may: directly, by a group, as an owner');
is(as_role('origin', q{SELECT current_setting('work_mem') || ' ' || current_setting('search_path')}), '6MB pg_catalog, "$user"', 'with its settings');
is(as_role('origin', 'ALTER TABLE public.owned ADD two integer'), '', 'and changes what the original owns');
is(as_role('noinherit', 'SELECT what FROM direct'), 'direct', 'the clone of one that does not inherit may what the original may');
is(as_role('noinherit', 'SELECT what FROM grouped'), 'permission denied for table grouped', 'and not what it may not');
is(as_role('noinherit', 'SET ROLE kms_test_group; SELECT what FROM grouped'), 'grouped', 'but the original\'s groups are its own to SET ROLE to');
by_hand('origin');
is((held($node, 'origin'))[0], 'kms_test_origin', 'the next rotation is the original\'s');
is(as_role('origin', q{SELECT rolcreatedb FROM pg_roles WHERE rolname = current_user}), 't', 'which is as it was');
is(value($node, q{SELECT count(*) FROM pg_roles WHERE rolname ~ '_clone_clone'}), '0', 'nothing is cloned twice');

# ---- transactions -----------------------------------------------------------------------------

my $state = whole_state($node);
my $session = session($node);
ask($session, q{BEGIN; SELECT kms_rotate_secret(name) FROM kms.secret WHERE type = 'Rds'});
is(logs_in($node, 'kms_test_single', $passwords{kms_test_single}[-1]), 'yes', 'before the commit the old password logs in');
ask($session, 'ROLLBACK');
is(whole_state($node), $state, 'a rotation that is rolled back has changed nothing');
works('single', 'kms_test_single', 'rolled back');
ask($session, q{BEGIN; SAVEPOINT s; SELECT kms_rotate_secret('single'); ROLLBACK TO s; COMMIT});
is(whole_state($node), $state, 'nor has one that was rolled back to a savepoint');
works('single', 'kms_test_single', 'rolled back to a savepoint');
ask($session, q{DO $$ BEGIN FOR i IN 1 .. 5 LOOP BEGIN PERFORM kms_rotate_secret('single'); PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$});
is(whole_state($node), $state, 'nor five whose errors were caught');
ask($session, q{BEGIN; SELECT kms_rotate_secret('single'); SAVEPOINT s; SELECT kms_rotate_secret('single'); SELECT kms_rotate_secret('single'); ROLLBACK TO s; COMMIT});
works('single', 'kms_test_single', 'one of three kept');
ask($session, q{BEGIN; SELECT kms_rotate_secret('pair'), kms_rotate_secret('pair'), kms_rotate_secret('pair'); COMMIT});
works('pair', (held($node, 'pair'))[0], 'three in a statement');
make_due($node, 'single');
$state = whole_state($node);
ask($session, 'BEGIN; SELECT kms_run_jobs(); ROLLBACK');
is(whole_state($node), $state, 'kms_run_jobs that is rolled back has changed nothing');
by_run_jobs();
works('single', 'kms_test_single', 'run again');
make_secret($node, 'undone', 'DoubleUsers', ['kms_test_undone']);
ask($session, q{BEGIN; SELECT kms_rotate_secret('undone'); ROLLBACK});
is(value($node, q{SELECT count(*) FROM pg_roles WHERE rolname = 'kms_test_undone_clone'}), '0', 'rolled back, the second account is not there');
works('undone', 'kms_test_undone', 'rolled back before the second account');
$session->quit;

# ---- a version id as a token ----------------------------------------------------------------------

is(by_hand('single', q{, 'token'}), 'token', 'the version id that was asked for is returned');
is((held($node, 'single'))[2], 'token', 'and is the new version\'s');
works('single', 'kms_test_single', 'with a token');
$state = whole_state($node);
is(by_hand('single', q{, 'token'}), 'token', 'with the same token again');
is(by_hand('undone', q{, 'v1'}), 'v1', 'or with the id of the first version');
is(whole_state($node), $state, 'nothing is done');
by_hand('single');
$state = whole_state($node);
is(by_hand('single', q{, 'token'}), 'token', 'also when the version is current no more');
is(whole_state($node), $state, 'nothing is done then either');
refused($node, q{SELECT kms_rotate_secret('single', 'no token')}, '22023', 'InvalidParameter', 'a version id with a blank is none');

# ---- fifty an hour -------------------------------------------------------------------------------

make_secret($node, 'often', 'DoubleUsers', ['kms_test_often']);
is(value($node, q{SET ROLE kms_test_keeper; SELECT count(kms_rotate_secret('often', 'n' || n)) FROM generate_series(1, 50) n}), '50', 'fifty rotations within an hour');
$state = whole_state($node);
refused($node, q{SELECT kms_rotate_secret('often')}, '54000', 'Rejected.LimitExceeded', 'the next is refused');
is(by_hand('often', q{, 'n50'}), 'n50', 'but not the repetition of one');
is(whole_state($node), $state, 'both change nothing');
works('often', 'kms_test_often', 'after fifty');
is(value($node, q{SELECT count(*) FROM kms_list_secret_version_ids('often', true)}), '10', 'of all the versions ten are left');
by_a_worker($node, 'often');
works('often', 'kms_test_often_clone', 'those of workers do not count');
$node->safe_psql('postgres', q{UPDATE kms.secret SET hour_began_at = hour_began_at - interval '1 hour' WHERE name = 'often'});
by_hand('often');
works('often', 'kms_test_often', 'when the hour is over');

# ---- switched on and off ----------------------------------------------------------------------------

my $dates = q{SELECT automatic_rotation, rotation_interval, next_rotation_date - last_rotation_date FROM kms_describe_secret('single')};
my $policy = q{SET ROLE kms_test_keeper; SELECT FROM kms_update_secret_rotation_policy('single', %s)};
$node->safe_psql('postgres', sprintf $policy, 'false');
is(value($node, $dates), 'Disabled||', 'switched off, there is no date');
$state = whole_state($node);
value($node, 'SELECT kms_run_jobs()');
is(whole_state($node), $state, 'and nothing is done');
$node->safe_psql('postgres', sprintf $policy, q{true, '12 hours'});
is(value($node, $dates), 'Enabled|12:00:00|12:00:00', 'switched on, the date is an interval after the last rotation');
$node->safe_psql('postgres', q{UPDATE kms.secret SET rotated_at = rotated_at - interval '20 hours' WHERE name = 'single'});
$node->safe_psql('postgres', sprintf $policy, q{true, '6 hours'});
is(value($node, q{SELECT job, outcome FROM kms_run_jobs() WHERE resource = 'secret/single'}), 'SecretRotation|done', 'where that has passed it is due at once');
works('single', 'kms_test_single', 'switched on late');
refused($node, sprintf($policy, q{true, '5 hours'}), '22023', 'InvalidParameter', 'an interval below 6 hours is refused');

# ---- who may -------------------------------------------------------------------------------------------

$node->safe_psql('postgres', q{CREATE ROLE kms_test_rotator; CREATE ROLE kms_test_reader; SET ROLE kms_test_keeper; SELECT kms_grant('secret/single', 'kms_test_rotator', '{RotateSecret}')});
is((failure($node, q{SET ROLE kms_test_rotator; ALTER ROLE kms_test_single PASSWORD 'x'}) // {})->{sqlstate}, '42501', 'somebody without any right on a role');
is(failure($node, q{SET ROLE kms_test_rotator; SELECT kms_rotate_secret('single')}), undef, 'rotates its password if he was granted that');
works('single', 'kms_test_single', 'by a grantee');
refused($node, q{SET ROLE kms_test_rotator; SELECT kms_get_secret_value('single')}, '42501', 'Forbidden.NoPermission', 'but does not read it');
refused($node, q{SET ROLE kms_test_rotator; SELECT kms_rotate_secret('pair')}, '42501', 'Forbidden.NoPermission', 'nor rotate another');
refused($node, q{SET ROLE kms_test_rotator; SELECT kms_update_secret_rotation_policy('single', false)}, '42501', 'Forbidden.NoPermission', 'nor switch rotation off');
refused($node, q{SET ROLE kms_test_reader; SELECT kms_rotate_secret('single')}, '42501', 'Forbidden.NoPermission', 'nobody else rotates');

$node->safe_psql('postgres', q{
	CREATE ROLE kms_test_super SUPERUSER LOGIN; CREATE ROLE kms_test_replication REPLICATION LOGIN; CREATE ROLE kms_test_bypass BYPASSRLS LOGIN;
	CREATE ROLE kms_test_plain LOGIN PASSWORD 'first of kms_test_plain'; CREATE ROLE kms_test_other LOGIN; CREATE ROLE kms_test_member IN ROLE kms_test_other});
my $superuser = getpwuid($<);
for my $case (
	[ 'kms_test_keeper', 'kms_test_super', '42501 Forbidden.NoPermission', 'a superuser' ], [ $superuser, 'kms_test_super', '42501 Forbidden.NoPermission', 'a superuser, by a superuser' ],
	[ 'kms_test_keeper', $superuser, '42501 Forbidden.NoPermission', 'the bootstrap superuser' ], [ $superuser, $superuser, '42501 Forbidden.NoPermission', 'the bootstrap superuser, by itself' ],
	[ 'kms_test_keeper', 'kms_test_replication', '42501 Forbidden.NoPermission', 'a replication role' ],
	[ $superuser, 'kms_test_replication', '42501 Forbidden.NoPermission', 'a replication role, by a superuser' ],
	[ 'kms_test_replication', 'kms_test_replication', '42501 Forbidden.NoPermission', 'a replication role, by itself' ],
	[ $superuser, 'pg_read_all_data', '42501 Forbidden.NoPermission', 'a role of PostgreSQL\'s' ],
	[ 'kms_test_keeper', 'kms_test_bypass', '42501 Forbidden.NoPermission', 'a role that row security does not hold' ],
	[ 'kms_test_bypass', 'kms_test_bypass', '42501 Forbidden.NoPermission', 'the same by itself' ],
	[ 'kms_test_plain', 'kms_test_other', '42501 Forbidden.NoPermission', 'somebody else\'s, without CREATEROLE' ],
	[ 'kms_test_member', 'kms_test_other', '42501 Forbidden.NoPermission', 'that of a role that one is a member of' ],
	[ 'kms_test_keeper', 'kms_test_none', '42704 Forbidden.ResourceNotFound', 'one that is not there' ],
	[ $superuser, 'kms_test_none', '42704 Forbidden.ResourceNotFound', 'one that is not there, by a superuser' ])
{
	my ($creator, $role, $error, $what) = @$case;

	for my $sub_type (qw(SingleUser DoubleUsers))
	{
		my $failure = failure($node, sprintf 'SET ROLE %s; %s', identifier($creator), secret_sql('refused', $sub_type, [$role])) // { sqlstate => 'none', detail => '', message => '' };

		is("$failure->{sqlstate} $failure->{detail}", $error, "refused, $sub_type: the password of $what");
		unlike($failure->{message}, qr/\Q$role\E/, "refused, $sub_type: whose name might be a password by mistake");
	}
}
refused($node, 'SET ROLE kms_test_keeper; ' . secret_sql('refused', 'DoubleUsers', ['kms_test_other', 'kms_test_super']), '42501', 'Forbidden.NoPermission', 'nor may the second account be one of those');
is(value($node, q{SELECT count(*) FROM kms.secret_role WHERE role_name IN ('kms_test_super', 'kms_test_other', 'kms_test_plain')}), '0', 'a role that was refused is nobody\'s');
refused($node, 'SET ROLE kms_test_keeper; ' . secret_sql('refused', 'SingleUser', ['kms_test_single']), '42710', 'Rejected.ResourceExist', 'a role has one secret');
refused($node, 'SET ROLE kms_test_keeper; ' . secret_sql('refused', 'SingleUser', ['kms_test_undone_clone']), '42704', 'Forbidden.ResourceNotFound', 'a second account that is not there yet is not there');
$node->safe_psql('postgres', 'CREATE ROLE kms_test_taken LOGIN; CREATE ROLE kms_test_taken_clone LOGIN');
reach($node, $_, 'kms_test_keeper') for qw(kms_test_taken kms_test_taken_clone);
refused($node, 'SET ROLE kms_test_keeper; ' . secret_sql('refused', 'DoubleUsers', ['kms_test_taken']), '42710', 'Rejected.ResourceExist', 'a second account that is somebody else is not taken over');

is(failure($node, 'SET ROLE kms_test_plain; ' . secret_sql('own', 'SingleUser', ['kms_test_plain'])), undef, 'a role keeps its own password without CREATEROLE');
is(failure($node, q{SET ROLE kms_test_plain; SELECT kms_rotate_secret('own')}), undef, 'and rotates it');
works('own', 'kms_test_plain', 'its own');
by_a_worker($node, 'own');
works('own', 'kms_test_plain', 'its own, by a worker');
is(failure($node, secret_sql('bypass', 'DoubleUsers', ['kms_test_bypass']) . q{; SELECT kms_rotate_secret('bypass')}), undef, 'a superuser keeps the password of a role that row security does not hold');
works('bypass', 'kms_test_bypass_clone', 'of a role that row security does not hold');
is(value($node, sprintf $attributes, 'kms_test_bypass_clone'), value($node, sprintf $attributes, 'kms_test_bypass'), 'whose clone it does not hold either');

# The owner of the extension is reserved, whatever else he is.
$node->safe_psql('postgres', 'CREATE ROLE kms_test_installer SUPERUSER LOGIN; CREATE DATABASE installed');
$node->safe_psql('installed', 'SET ROLE kms_test_installer; CREATE EXTENSION kms; RESET ROLE; ALTER ROLE kms_test_installer NOSUPERUSER;
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO kms_test_keeper');
refused($node, 'SET ROLE kms_test_keeper; ' . secret_sql('installer', 'SingleUser', ['kms_test_installer']), '42501', 'Forbidden.NoPermission', 'the password of the extension\'s owner is not kept', dbname => 'installed');
reach($node, 'kms_test_other', 'kms_test_keeper');
is(failure($node, 'SET ROLE kms_test_keeper; ' . secret_sql('other', 'SingleUser', ['kms_test_other']), dbname => 'installed'), undef, 'others are, there');
$node->safe_psql('postgres', 'DROP DATABASE installed WITH (FORCE)');

# ---- crashes ----------------------------------------------------------------------------------------------

for my $how ('the session is killed', 'the server is stopped at once')
{
	my $before = whole_state($node);
	my $crashing = session($node);
	my $pid = ask($crashing, 'SELECT pg_backend_pid()');

	ask($crashing, q{BEGIN; SELECT count(kms_rotate_secret(secret_name)) FROM kms.secrets});
	$node->safe_psql('postgres', 'CHECKPOINT');
	if ($how =~ /killed/)
	{
		my $offset = -s $node->logfile;

		kill('KILL', $pid);
		wait_until(sub { log_since($node, $offset) =~ /all server processes terminated; reinitializing/ }, $patience) // die 'it lives on';
		$node->poll_query_until('postgres', 'SELECT true');
	}
	else
	{
		$node->stop('immediate');
		$node->start;
	}
	eval { $crashing->quit };
	is(whole_state($node), $before, "$how within a transaction that has rotated: all is as before");
	works($_, (held($node, $_))[0], "$_: $how") for qw(single pair undone);

	# What was committed is there, though nobody waited for it.
	my $token = $how =~ s/ /-/gr;
	is(by_hand('pair', ", '$token'"), $token, "$how: a rotation is committed");
	my ($role, $password) = held($node, 'pair');
	$node->stop('immediate');
	$node->start;
	is((held($node, 'pair'))[2], $token, "$how: which a crash does not undo");
	is(logs_in($node, $role, $password), 'yes', "$how: and its password logs in");
}
is(value($node, 'SELECT count(*) FROM kms_check_integrity()'), '0', 'every row is intact in the end');
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|signal 11/, 'nothing crashed but what was killed');

done_testing();
