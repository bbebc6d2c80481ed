# No value of a secret and no password is found in the files of the server, in
# its statistics, or in what other sessions see: passwords that rotation makes
# never, whatever is logged; those that come in a statement not where the
# settings are the ones that docs/security.md asks for.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use KmsSecret;
use KmsServer;
use LeakSearch;
use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $patience = 120;    # seconds; nothing here takes that long
my $has_statements = -e `"$ENV{PG_CONFIG}" --sharedir` =~ s/\s+$//r . '/extension/pg_stat_statements.control';
my $node = new_secret_server(settings => "wal_level = replica\nwork_mem = 64kB\ntrack_functions = all\ntrack_activity_query_size = 100kB\n"
	  . "max_prepared_transactions = 5\nlog_lock_waits = on\ndeadlock_timeout = 200ms\nlog_parameter_max_length = 0\n"
	  . ($has_statements ? "shared_preload_libraries = 'kms, pg_stat_statements'\npg_stat_statements.track = all\npg_stat_statements.track_utility = off\n" : ''));

my %secrets;    # name => bytes
my $number = 0;

sub secret
{
	my ($name, $bytes) = @_;

	die "short secret $name" if length($bytes) < 16;
	$secrets{$name} = $bytes;
	return $bytes;
}

sub planted
{
	my ($name) = @_;

	return secret($name, sprintf('PLANTED-%03d-', ++$number) . unpack('H*', pack('N4', map { int rand 2**32 } 1 .. 4)));
}

sub set
{
	my (%settings) = @_;

	$node->safe_psql('postgres', join '', map { "ALTER SYSTEM SET $_ = '$settings{$_}';\n" } sort keys %settings);
	$node->reload;
	for my $name (keys %settings)
	{
		wait_until(sub { value($node, "SHOW $name") eq $settings{$name} }, $patience) // die "$name is not set";
	}
	return;
}

# A statement whose parameters, :a, :b and :c, are bound to it; how it ended.
sub bound
{
	my ($sql, %parameters) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir . '/statement.sql';
	my ($out, $errors) = ('', '');

	append_to_file($file, '');
	unlink $file;
	append_to_file($file, "$sql;\n");
	IPC::Run::run([ 'pgbench', '-n', '-t', '1', '-M', 'extended', '-f', $file, (map { ('-D', "$_=$parameters{$_}") } sort keys %parameters),
			'-h', $node->host, '-p', $node->port, 'postgres' ], '>', \$out, '2>', \$errors);
	return $errors =~ /ERROR:  (.*)/ ? $1 : 'fine';
}

sub accounts
{
	my (@accounts) = @_;

	return '{"Accounts":[' . join(',', map { qq({"AccountName":"$_->[0]","AccountPassword":"$_->[1]"}) } @accounts) . ']}';
}

my $config = q{extended_config => '{"SecretSubType": "%s", "DBInstanceId": "local"}'};
my $rds = "kms_create_secret('%s', 'v1', %s, 'Rds', $config, enable_automatic_rotation => true, rotation_interval => '1 day')";

# ---- everything is logged: rotated passwords, values as parameters -----------------

# There would be something to find: before anything is set, a literal and a parameter.
$node->safe_psql('postgres', 'CREATE EXTENSION pg_stat_statements') if $has_statements;
my %control = map { $_ => planted($_) } 'control literal', 'control parameter', 'control bytes', 'control name';
set(log_statement => 'all', log_min_duration_statement => 0, log_min_messages => 'debug3', log_min_error_statement => 'debug1', log_parameter_max_length => -1);
$node->safe_psql('postgres', sprintf q{CREATE TABLE control AS SELECT '%s'::text AS text, '\x%s'::bytea AS bytes}, $control{'control literal'}, unpack('H*', $control{'control bytes'}));
$node->safe_psql('postgres', sprintf q{SELECT 1 AS "%s"}, $control{'control name'});
bound('SELECT length(:a)', a => $control{'control parameter'});
delete @secrets{ keys %control };
set(log_parameter_max_length => 0);

make_role($node, qw(kms_test_single kms_test_first kms_test_second kms_test_origin));
my %initial = map { $_ => planted("initial password of $_") } qw(kms_test_single kms_test_first kms_test_second kms_test_origin);
is(bound('SELECT ' . sprintf($rds, 'single', ':a', 'SingleUser'), a => accounts([ kms_test_single => $initial{kms_test_single} ])), 'fine', 'an account as a parameter');
is(bound('SELECT ' . sprintf($rds, 'pair', ':a', 'DoubleUsers'), a => accounts(map { [ $_ => $initial{$_} ] } qw(kms_test_first kms_test_second))), 'fine', 'two accounts');
is(bound('SELECT ' . sprintf($rds, 'cloning', ':a', 'DoubleUsers'), a => accounts([ kms_test_origin => $initial{kms_test_origin} ])), 'fine', 'one that becomes two');

# What the passwords are is asked in a session of its own, in whatever transaction.
my $session = session($node);

sub note_passwords
{
	my ($how) = @_;

	for my $secret (qw(single pair cloning))
	{
		my $password = ask($session, "SELECT secret_data::json ->> 'AccountPassword' FROM kms_get_secret_value('$secret')");
		die "no password: $password" unless $password =~ /^\w{32}$/;
		secret("password of $secret, $how", $password);
	}
	return;
}

my $rotate_all = q{SELECT count(kms_rotate_secret(name)) FROM unnest('{single,pair,cloning}'::text[]) name};
for my $how ('by hand', 'once more')
{
	is(ask($session, $rotate_all), '3', "secrets are rotated, $how");
	note_passwords($how);
}
is(bound('SELECT kms_rotate_secret(:a, :b)', a => 'single', b => 'token'), 'fine', 'by a prepared statement');
note_passwords('prepared');
make_due($node, qw(single pair cloning));
ask($session, 'SELECT kms_run_jobs()');
note_passwords('by kms_run_jobs');
by_a_worker($node, qw(single pair cloning));
note_passwords('by a worker');
ask($session, "BEGIN; $rotate_all");
note_passwords('rolled back');
ask($session, 'ROLLBACK');
ask($session, "BEGIN; SAVEPOINT s; $rotate_all");
note_passwords('rolled back to a savepoint');
ask($session, 'ROLLBACK TO s; COMMIT');
ask($session, "BEGIN; $rotate_all");
note_passwords('failed after it');
like(ask($session, q{SELECT 1 / 0}), qr/^22012/, 'a transaction that has rotated fails');
ask($session, 'ROLLBACK');
ask($session, 'SET password_encryption = md5; SET log_statement_stats = on');
is(ask($session, $rotate_all), '3', 'whatever password_encryption is');
note_passwords('with md5');
ask($session, 'RESET ALL');
is(value($node, q{SELECT string_agg(DISTINCT left(rolpassword, 14), ',') FROM pg_authid WHERE rolname ~ '^kms_test_(single|first|second|origin)'}), 'SCRAM-SHA-256$', 'in the catalog there are verifiers only');
$node->safe_psql('postgres', 'ALTER ROLE kms_test_single SUPERUSER');
like(ask($session, q{SELECT kms_rotate_secret('single')}), qr/^42501/, 'one is refused');
$node->safe_psql('postgres', 'ALTER ROLE kms_test_single NOSUPERUSER');

# The clone's name is taken: CREATE ROLE of PostgreSQL fails, with the password made.
make_role($node, 'kms_test_robbed');
is(bound('SELECT ' . sprintf($rds, 'robbed', ':a', 'DoubleUsers'), a => accounts([ kms_test_robbed => planted('initial password of kms_test_robbed') ])), 'fine', 'one more');
$node->safe_psql('postgres', 'CREATE ROLE kms_test_robbed_clone');
like(ask($session, q{SELECT kms_rotate_secret('robbed')}), qr/^42710/, 'a rotation fails within PostgreSQL');

# In the middle of one: it waits for somebody else's change of the role, is seen, and cancelled.
my $pid = ask($session, 'SELECT pg_backend_pid()');
my $holder = session($node);

# What everybody who may see everything sees of the session while it waits.
sub seen
{
	wait_until(sub { value($node, "SELECT count(*) FROM pg_locks WHERE pid = $pid AND NOT granted") > 0 }, $patience) // die 'it does not wait';
	return value($node, "SELECT query FROM pg_stat_activity WHERE pid = $pid");
}

my @seen;
ask($holder, q{BEGIN; SELECT kms_update_secret('single', 'held')});
start_asking($session, q{SELECT kms_rotate_secret('single')});
push @seen, seen();
value($node, "SELECT pg_cancel_backend($pid)");
like(answer($session), qr/^57014/, 'a rotation that waits is cancelled');
ask($holder, 'ROLLBACK');

# Values as parameters, also of what fails.
my $put = q{SELECT kms_put_secret_value('generic', %s, %s)};
is(bound(q{SELECT kms_create_secret('generic', 'v1', :a)}, a => planted('first value')), 'fine', 'a value as a parameter');
is(bound(q{SELECT kms_create_secret('binary', 'v1', decode(:a, 'hex'))}, a => unpack('H*', planted('binary value'))), 'fine', 'a binary value');
is(bound(sprintf($put, q{'v2'}, ':a'), a => planted('second value')), 'fine', 'a second one');
is(bound(sprintf($put, q{'large'}, ':a'), a => join '', map { planted("large value, $_") } 1 .. 20), 'fine', 'a large one');
is(bound(sprintf($put, q{'repeated'}, ':a || repeat(:a, 600)'), a => planted('repeated value')), 'fine', 'a larger one');
my %failing = (
	'another value under the same id' => [ sprintf($put, q{'v2'}, ':a'), qr/has a version "v2" with another value/ ],
	'a name that is taken' => [ q{SELECT kms_create_secret('generic', 'v1', :a)}, qr/already exists/ ],
	'no such secret' => [ q{SELECT kms_put_secret_value('none', 'v1', :a)}, qr/does not exist/ ],
	'a value that is too long' => [ sprintf($put, q{'v3'}, 'repeat(:a, 10000)'), qr/longer than 30720/ ],
	'a bad label' => [ q{SELECT kms_put_secret_value('generic', 'v3', :a, '{a b}')}, qr/version_stages/ ],
	'a bad version id' => [ sprintf($put, q{'v 3'}, ':a'), qr/version_id/ ],
	'a value for a secret that rotates' => [ q{SELECT kms_put_secret_value('single', 'v3', :a)}, qr/made by rotation/ ],
	'JSON that is none' => [ 'SELECT ' . sprintf($rds, 'bad', q('{"Accounts":[{"AccountPassword":"' || :a), 'SingleUser'), qr/invalid value for secret_data/ ],
	'JSON with a bad escape' => [ 'SELECT ' . sprintf($rds, 'bad', q('{"Accounts":[{"AccountName":"x","AccountPassword":"\u00' || :a || '"}]}'), 'SingleUser'), qr/invalid value for secret_data/ ],
	'JSON with a bad token' => [ 'SELECT ' . sprintf($rds, 'bad', q('{"Accounts":[{"AccountName":"x","AccountPassword":' || :a || '}]}'), 'SingleUser'), qr/invalid value for secret_data/ ],
	'JSON with another layout' => [ 'SELECT ' . sprintf($rds, 'bad', q('{"AccountName":"kms_test_single","AccountPassword":"' || :a || '"}'), 'SingleUser'), qr/invalid value for secret_data/ ],
	'a name that is the password' => [ 'SELECT ' . sprintf($rds, 'bad', q('{"Accounts":[{"AccountName":"' || :a || '","AccountPassword":"kms_test_single"}]}'), 'SingleUser'), qr/a role of secret_data does not exist/ ],
	'a role that has a secret' => [ 'SELECT ' . sprintf($rds, 'bad', q('{"Accounts":[{"AccountName":"kms_test_single","AccountPassword":"' || :a || '"}]}'), 'SingleUser'), qr/another secret/ ],
	'a configuration that is none' => [ 'SELECT ' . sprintf($rds, 'bad', q('{"Accounts":[{"AccountName":"kms_test_single","AccountPassword":"' || :a || '"}]}'), 'Nobody'), qr/extended_config/ ],
	'an error afterwards' => [ q{SELECT kms_put_secret_value('generic', 'v' || n, :a), 1 / (5 - n) FROM generate_series(4, 6) n}, qr/division by zero/ ]);
for my $how (sort keys %failing)
{
	my ($sql, $message) = @{ $failing{$how} };

	like(bound($sql, a => planted("parameter of what fails: $how")), $message, "$how fails, with a parameter");
}

# ---- nothing is logged but what goes wrong: values as literals -------------------------

set(log_statement => 'none', log_min_duration_statement => -1, log_min_messages => 'debug1', log_min_error_statement => 'log');
ask($session, 'SELECT 1');

# The same statements with a literal.  What PostgreSQL computes when it plans is no value.
sub with_literal
{
	my ($sql, $text) = @_;

	return $sql =~ s/:a\b/'$text'/gr;
}

is(ask($session, 'SELECT secret_name FROM ' . with_literal(q{kms_create_secret('lit', 'v1', :a)}, planted('first literal'))), 'lit', 'a value as a literal');
is(ask($session, 'SELECT version_id FROM ' . with_literal(q{kms_put_secret_value('lit', 'v2', :a)}, planted('second literal'))), 'v2', 'a second one');
is(ask($session, 'SELECT version_id FROM ' . with_literal(q{kms_put_secret_value('lit', 'v3', convert_to(:a, 'UTF8'))}, planted('binary literal'))), 'v3', 'a binary one');
is(ask($session, sprintf q{SELECT version_id FROM kms_put_secret_value('lit', 'v4', '\x%s'::bytea)}, unpack('H*', planted('hexadecimal literal'))), 'v4', 'in hexadecimal');
is(ask($session, with_literal(q{PREPARE p(text) AS SELECT version_id FROM kms_put_secret_value('lit', 'v5', $1); EXECUTE p(:a)}, planted('literal of EXECUTE'))), 'v5', 'to a prepared statement');
is(ask($session, with_literal(q{DO $$ BEGIN PERFORM kms_put_secret_value('lit', 'v6', :a); END $$}, planted('literal of DO'))), '', 'in a DO block');
is(ask($session, with_literal(q{BEGIN; SELECT version_id FROM kms_put_secret_value('lit', 'v7', :a, '{pending}'); PREPARE TRANSACTION 'x'; COMMIT PREPARED 'x'}, planted('literal of a prepared transaction'))),
	'v7', 'in a transaction that is prepared');
is(ask($session, with_literal(q{BEGIN; SELECT version_id FROM kms_put_secret_value('lit', 'v8', :a); ROLLBACK}, planted('literal that is rolled back'))), 'v8', 'rolled back');
make_role($node, 'kms_test_literal');
is(ask($session, with_literal('SELECT secret_name FROM ' . sprintf($rds, 'literal_role', q('{"Accounts":[{"AccountName":"kms_test_literal","AccountPassword":"' || :a || '"}]}'), 'SingleUser'), planted('literal password'))),
	'literal_role', 'an account as a literal');
for my $how (sort keys %failing)
{
	my ($sql, $message) = @{ $failing{$how} };
	my $literal = with_literal($sql, planted("literal of what fails: $how"));

	like(failure($node, $literal)->{message}, $message, "$how fails, with a literal");
	like(failure($node, "DO \$do\$ BEGIN PERFORM " . ($literal =~ s/^SELECT //r) . '; END $do$')->{message}, $message, "$how fails, in a DO block");
}

# Waiting, seen, logged as waiting, and cancelled, timed out, deadlocked, terminated, killed.
my $literal_put = sub { with_literal(q{SELECT kms_put_secret_value('lit', 'w', :a)}, planted("literal of what $_[0]")) };
ask($holder, q{BEGIN; SELECT kms_update_secret('lit', 'held')});
my $offset = -s $node->logfile;
start_asking($session, $literal_put->('is cancelled'));
push @seen, seen();
ok(defined wait_until(sub { log_since($node, $offset) =~ /process $pid still waiting/ }, $patience), 'that it waits is logged');
value($node, "SELECT pg_cancel_backend($pid)");
like(answer($session), qr/^57014/, 'a statement with a literal is cancelled');
like(ask($session, q{SET statement_timeout = '300ms'; } . $literal_put->('is timed out')), qr/^57014/, 'one is timed out');
ask($session, 'RESET statement_timeout');
ask($holder, 'ROLLBACK');

ask($holder, q{BEGIN; SELECT kms_create_secret('raced', 'v1', 'x')});
start_asking($session, with_literal(q{SELECT kms_create_secret('raced', 'v1', :a)}, planted('literal of a second creation')));
push @seen, seen();
ask($holder, 'COMMIT');
like(answer($session), qr/^42710/, 'of two with the same name the second is refused');

ask($holder, q{BEGIN; SELECT kms_update_secret('generic', 'held')});
ask($session, q{BEGIN; SET LOCAL deadlock_timeout = '1h'; SELECT kms_update_secret('lit', 'held')});
start_asking($session, with_literal(q{SELECT kms_put_secret_value('generic', 'w', :a)}, planted('literal of the one in a deadlock')));
push @seen, seen();
$offset = -s $node->logfile;
my $deadlocked = ask($holder, $literal_put->('ends a deadlock'));
like($deadlocked, qr/^40P01/, 'a deadlock ends one');
like(log_since($node, $offset), qr/deadlock detected/, 'which is logged');
ask($holder, 'ROLLBACK');
answer($session);
ask($session, 'ROLLBACK');

# The crash will empty it.
my $statements = $has_statements ? value($node, 'SELECT query FROM pg_stat_statements') : '';
for my $how ('is terminated', 'is killed')
{
	ask($holder, q{BEGIN; SELECT kms_update_secret('lit', 'held')});
	start_asking($session, $literal_put->($how));
	push @seen, seen();
	$offset = -s $node->logfile;
	if ($how =~ /killed/)
	{
		kill('KILL', $pid);
		ok(defined wait_until(sub { log_since($node, $offset) =~ /all server processes terminated; reinitializing/ }, $patience), 'a session is killed');
		like(log_since($node, $offset), qr/Failed process was running: <statement hidden by kms>/, 'in the middle of its statement');
		$node->poll_query_until('postgres', 'SELECT true');
	}
	else
	{
		value($node, "SELECT pg_terminate_backend($pid, 10000)");
		like(log_since($node, $offset), qr/terminating connection due to administrator command/, 'a session is terminated');
	}
	eval { $session->quit };
	eval { $holder->quit };
	$session = session($node);
	$holder = session($node);
	$pid = ask($session, 'SELECT pg_backend_pid()');
}
$_->quit for $session, $holder;

# ---- what others have seen ----------------------------------------------------------------

like(shift @seen, qr/^SELECT kms_rotate_secret\('single'\)/, 'of a rotation others see the statement');
is(join(',', map { s/\s+$//r } @seen), join(',', ('<statement hidden by kms>') x @seen), 'of the others that they are hidden');
cmp_ok(scalar @seen, '>=', 5, 'while they wait');

SKIP: {
	skip 'pg_stat_statements is not installed', 4 unless $has_statements;
	$node->safe_psql('postgres', with_literal(q{SELECT kms_put_secret_value('generic', 'y', :a)}, planted('literal after the crash')));
	$node->safe_psql('postgres', sprintf q{SELECT 1 AS "%s"}, $control{'control name'});
	my $any = join '|', map { quotemeta substr($_, 0, 24) } map { forms($_) } values %secrets;

	for my $when ('before the crash', 'after it')
	{
		like($statements, qr/kms_put_secret_value\(\$1, \$2, \$3\)/, "$when: pg_stat_statements has statements with parameters for constants");
		unlike($statements, qr/$any/, "$when: and nothing secret");
		$statements = value($node, 'SELECT query FROM pg_stat_statements');
	}
}

# ---- the search -------------------------------------------------------------------------------

sub search
{
	my ($when) = @_;
	my $found = join "\n", found_in($node->data_dir, %control);

	like($found, qr!^\Q$_->[0]\E in .*/$_->[1]/!m, "$when: a $_->[0] would be found in $_->[1]")
	  for [ 'control literal', 'base' ], [ 'control literal', 'pg_wal' ], [ 'control bytes', 'base' ], [ 'control bytes', 'pg_wal' ];
	like($found, qr!^control name in .*/(?:pg_stat_tmp/pgss|pg_stat/pg_stat_statements)\w*\.stat$!m, "$when: a control name would be found in the statistics") if $has_statements;
	is(join("\n", found_in($node->basedir, %secrets)), '', "$when: nothing secret is found in the data directory");
	return;
}

$node->safe_psql('postgres', 'CHECKPOINT');
search('while the server runs');
$node->stop;
search('after it has stopped');
my $found = join "\n", found_in($node->logfile, %control);
like($found, qr/^\Q$_\E in/m, "a $_ would be found in the log") for 'control literal', 'control parameter';
is(join("\n", found_in($node->logfile, %secrets)), '', 'nothing secret is found in the log');
cmp_ok(scalar keys %secrets, '>=', 100, 'of so many that were looked for');

done_testing();
