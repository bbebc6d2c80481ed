# Roles that are dropped, renamed, dumped and restored: rights stay with whom they
# were given to, and pass to nobody.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use KmsServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $key = new_root_key();
my $node = new_server('main', root_key => $key, settings => "kms.worker_enabled = off\n");
my $other = new_server('other', root_key => $key, settings => "kms.worker_enabled = off\n");
my $folder = PostgreSQL::Test::Utils::tempdir;

$_->start for $node, $other;

# What a role may do with a key that is named by its alias: letters of own, encrypt,
# decrypt and describe.
sub rights
{
	my ($server, $dbname, $role, $name) = @_;

	return value($server, qq{SET ROLE "$role";
		SELECT CASE WHEN kms_can('SetOwner', 'alias/$name') THEN 'own ' ELSE '' END || CASE WHEN kms_can('Encrypt', 'alias/$name') THEN 'encrypt ' ELSE '' END ||
			   CASE WHEN kms_can('Decrypt', 'alias/$name') THEN 'decrypt ' ELSE '' END || CASE WHEN kms_can('DescribeKey', 'alias/$name') THEN 'describe' ELSE '' END}, $dbname);
}

sub rights_are
{
	my ($server, $dbname, $role, $name, $wanted, $test) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(rights($server, $dbname, $role, $name) =~ s/ $//r, $wanted, $test);
}

sub owns { return rights_are(@_[ 0 .. 3 ], 'own encrypt decrypt describe', $_[4]); }
sub has_nothing { return rights_are(@_[ 0 .. 3 ], '', $_[4]); }

sub make_keys
{
	my ($dbname, $role, @names) = @_;

	$node->safe_psql($dbname, qq{GRANT EXECUTE ON FUNCTION kms_create_key TO "$role"; SET ROLE "$role";} .
		join(' ', map { "SELECT kms_create_alias(kms_create_key()::text, 'alias/$_');" } @names));
	return;
}

# ---- dropped ----------------------------------------------------------------

my $weird = q{The "owner", näme};
my $quoted = $weird =~ s/"/""/gr;
$node->safe_psql('postgres', qq{CREATE ROLE "$quoted"; CREATE ROLE grantee; CREATE ROLE plain; CREATE ROLE maker});
$node->safe_psql('postgres', "CREATE DATABASE $_") for 'main', 'empty';
$node->safe_psql('main', 'CREATE EXTENSION kms');
make_keys('main', $quoted, 'owned');
make_keys('main', 'maker', 'made');
$node->safe_psql('main', q{SELECT kms_grant('alias/owned', 'grantee', '{Encrypt,Decrypt}'); SELECT kms_grant('alias/made', 'grantee', '{Encrypt}')});
rights_are($node, 'main', 'grantee', 'owned', 'encrypt decrypt', 'a grantee has what was granted');

my $error = refused($node, 'DROP ROLE grantee', '2BP01', 'UnsupportedOperation', 'a grantee is not dropped in the database of its grants', dbname => 'main');
like($error->{hint}, qr/kms_set_owner.*kms_revoke.*kms\.grants/, 'and a hint says what to do');
$error = failure($node, 'DROP ROLE grantee', dbname => 'empty');
is($error->{sqlstate}, '2BP01', 'nor from another database');
is($error->{message}, 'role "grantee" cannot be dropped because some objects depend on it', 'where PostgreSQL says so');
is($error->{detail}, '1 object in database main', 'and where to look');
$error = failure($node, qq{DROP ROLE "$quoted"}, dbname => 'main');
is($error->{message}, qq{role "$weird" cannot be dropped because it owns keys, secrets or certificates, or holds grants of kms}, 'nor is an owner');
is(failure($node, 'DROP ROLE plain', dbname => 'main'), undef, 'a role that has nothing is dropped');
refused($node, 'BEGIN; REVOKE SELECT ON kms.role_anchor FROM grantee; DROP ROLE grantee', '2BP01', 'UnsupportedOperation', 'nor one that is only mentioned', dbname => 'main');

my $session = session($node, 'main');
ask($session, 'SET ROLE grantee');
is(ask($session, q{SELECT kms_encrypt('alias/owned', 'x') IS NOT NULL}), 't', 'a session of a grantee encrypts');
$node->safe_psql('main', 'DROP OWNED BY grantee');
is(ask($session, q{SELECT kms_encrypt('alias/owned', 'x') IS NOT NULL}), '42501 Forbidden.NoPermission', 'after DROP OWNED BY it no more');
refused($node, 'DROP ROLE grantee', '2BP01', 'UnsupportedOperation', 'its void grants are still in the way here', dbname => 'main');
is(failure($node, 'DROP ROLE grantee', dbname => 'empty'), undef, 'but not elsewhere');
like(ask($session, q{SELECT kms_encrypt('alias/owned', 'x') IS NOT NULL}), qr/^42\S+ /, 'the session of a role that is no more is refused');
$session->quit;

$node->safe_psql('postgres', 'CREATE ROLE grantee');
has_nothing($node, 'main', 'grantee', 'owned', 'a later role of the same name has nothing');
is(failure($node, q{SELECT kms_grant('alias/made', 'grantee', '{DescribeKey}')}, dbname => 'main'), undef, 'it is given something of its own');
has_nothing($node, 'main', 'grantee', 'owned', 'which brings back nothing of the former');
rights_are($node, 'main', 'grantee', 'made', 'describe', 'not even on the same key');
is(value($node, q{SELECT count(*) FROM kms_check_integrity() WHERE problem ~ '^it is void'}, 'main'), '2', 'void grants are reported');
is(value($node, q{SELECT kms_revoke('alias/owned', 'grantee')}, 'main'), '1', 'and revoked by their name');
is(value($node, q{SELECT kms_revoke('alias/made', 'grantee')}, 'main'), '2', 'with the present ones');
is(value($node, q{SELECT count(*) FROM kms_check_integrity()}, 'main'), '0', 'then all is well');
is(failure($node, 'DROP ROLE grantee', dbname => 'main'), undef, 'and the role is dropped');

# ---- renamed ----------------------------------------------------------------

$node->safe_psql('postgres', "CREATE ROLE grantee; CREATE ROLE absent; CREATE ROLE twofold");
$node->safe_psql('main', q{SELECT kms_grant('alias/owned', 'grantee', '{Encrypt,Decrypt}'); SELECT kms_grant('alias/owned', 'PUBLIC', '{DescribeKey}');
	SELECT kms_grant('alias/made', 'absent', '{Encrypt}'); SELECT kms_grant('alias/made', 'twofold', '{Encrypt}')});
make_keys('main', 'twofold', 'twofold');
make_keys('main', 'absent', 'absent');
$session = session($node, 'main');
ask($session, qq{SET ROLE "$quoted"});
is(ask($session, q{SELECT kms_encrypt('alias/owned', 'x') IS NOT NULL}), 't', 'a session of an owner encrypts');
$node->safe_psql('postgres', qq{ALTER ROLE "$quoted" RENAME TO renamed; ALTER ROLE grantee RENAME TO "new grantee"});
is(ask($session, q{SELECT kms_encrypt('alias/owned', 'x') IS NOT NULL}), 't', 'and under its new name, too');
$session->quit;
owns($node, 'main', 'renamed', 'owned', 'an owner that was renamed is still the owner');
rights_are($node, 'main', 'new grantee', 'owned', 'encrypt decrypt describe', 'and a grantee a grantee');
$node->safe_psql('postgres', qq{CREATE ROLE "$quoted"; CREATE ROLE grantee});
rights_are($node, 'main', $_, 'owned', 'describe', "a new role of the old name has what everyone has: $_") for $quoted, 'grantee';
is(value($node, q{SELECT string_agg(DISTINCT creator, ',') FROM kms.keys WHERE key_id = (kms_describe_key('alias/owned')).key_id}, 'main'), 'renamed', 'the new name is shown');
value($node, 'SELECT FROM kms_run_jobs()', 'main');
is(value($node, q{SELECT owner_name FROM kms.key WHERE owner = 'renamed'::regrole}, 'main'), 'renamed', 'and written by the next run of the jobs');
is(value($node, q{SELECT grantee_name FROM kms.grant_entry WHERE grantee = '"new grantee"'::regrole}, 'main'), 'new grantee', 'of grantees, too');
is(value($node, q{SELECT count(*) FROM kms_check_integrity()}, 'main'), '0', 'which leaves all rows intact');
owns($node, 'main', 'renamed', 'owned', 'and rights as they were');

# ---- dumped and restored ----------------------------------------------------

my %rights = (
	owned => { renamed => 'own encrypt decrypt describe', 'new grantee' => 'encrypt decrypt describe', grantee => 'describe', $quoted => 'describe', maker => 'describe', twofold => 'describe' },
	made => { maker => 'own encrypt decrypt describe', twofold => 'encrypt', renamed => '', 'new grantee' => '', grantee => '', $quoted => '' },
	twofold => { twofold => 'own encrypt decrypt describe', maker => '', renamed => '', 'new grantee' => '', grantee => '', $quoted => '' });

sub all_rights_are
{
	my ($server, $dbname, $how, @decoys) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	for my $name (sort keys %rights)
	{
		my %got = map { $_ => rights($server, $dbname, $_, $name) =~ s/ $//r } keys %{ $rights{$name} };

		is_deeply(\%got, $rights{$name}, "$how: every role has its rights on $name, and no other");
		is(join(',', grep { rights($server, $dbname, $_, $name) !~ ($name eq 'owned' ? qr/^describe$/ : qr/^$/) } @decoys), '', "$how: roles with the oids of others have none") if @decoys;
	}
	return;
}

all_rights_are($node, 'main', 'before');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$folder/main", 'main' ], 'the database is dumped');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'copy', "$folder/main" ], 'and restored beside it');
all_rights_are($node, 'copy', 'restored in the same cluster');
is(value($node, 'SELECT count(*) FROM kms_check_integrity()', 'copy'), '0', 'every row is intact there');
value($node, 'SELECT kms_confirm_home()', 'copy');
all_rights_are($node, 'copy', 'confirmed there');
$node->safe_psql('postgres', 'CREATE DATABASE cloned TEMPLATE main');
all_rights_are($node, 'cloned', 'copied as a template');
all_rights_are($node, 'main', 'the original');

# Roles whose oids are those of others in the first cluster; one of them is missing.
my $last = value($node, 'SELECT max(oid) FROM pg_roles');
$other->safe_psql('postgres', qq{DO \$\$ BEGIN
	FOR i IN 1 .. 200 LOOP EXECUTE format('CREATE ROLE decoy_%s', i); EXIT WHEN (SELECT max(oid) FROM pg_roles) >= $last; END LOOP;
END \$\$});
my @decoys = split /\n/, value($other, 'SELECT rolname FROM pg_roles WHERE oid IN (' . value($node, q{SELECT string_agg(oid::text, ',') FROM pg_roles WHERE oid >= 16384}) . ')');
my $roles = value($node, q{SELECT string_agg(format('CREATE ROLE %I', rolname), ';' ORDER BY rolname DESC) FROM pg_roles WHERE rolname !~ '^pg_|^absent$' AND NOT rolsuper});
$other->safe_psql('postgres', $roles);
my $owner_oid = value($node, q{SELECT 'renamed'::regrole::oid});
my $clash = value($other, "SELECT rolname FROM pg_roles WHERE oid = $owner_oid");
like($clash, qr/^decoy_/, 'in another cluster the oid of the owner is that of somebody else');
$other->safe_psql('postgres', "CREATE DATABASE $_") for 'main', 'archive', 'empty';

sub restore
{
	my (@command) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ @command, '-h', $other->host, '-p', $other->port ], '>', \$out, '2>', \$err);
	return $err;
}

# pg_restore gives the privileges on one table all at once or not at all.
like(restore('pg_restore', '-d', 'archive', "$folder/main"), qr/role "absent" does not exist/, 'pg_restore complains of a role that is missing');
has_nothing($other, 'archive', 'maker', 'made', 'and then gives nobody the privilege, so that nobody has anything');
has_nothing($other, 'archive', $clash, 'made', 'nor has somebody else');
$other->safe_psql('archive', qq{GRANT SELECT ON kms.role_anchor TO renamed, maker, "new grantee", twofold});
all_rights_are($other, 'archive', 'given back by hand', @decoys);

# psql gives each by itself.
$node->command_ok([ 'pg_dump', '-f', "$folder/main.sql", 'main' ], 'the database is dumped as a script');
is(() = restore('psql', '-X', '-q', '-d', 'main', '-o', '/dev/null', '-f', "$folder/main.sql") =~ /ERROR:  role "absent" does not exist/g, 2, 'psql complains of each privilege of a role that is missing');
all_rights_are($other, 'main', 'restored in another cluster', @decoys);
is(value($other, 'SELECT count(*) FROM kms.grants', 'main'), value($node, 'SELECT count(*) FROM kms.grants', 'main'), 'every grant is there');

# Away from home, rows do not mean the oids in them.
is(failure($other, "DROP ROLE $clash", dbname => 'main'), undef, 'a role with the oid of an owner is dropped like any other');
@decoys = grep { $_ ne $clash } @decoys;
is(failure($other, 'DROP ROLE renamed', dbname => 'main')->{message}, 'role "renamed" cannot be dropped because some objects depend on it', 'the owner is not');
$other->safe_psql('main', q{SELECT kms_revoke('alias/made', 'twofold')});
$rights{made}{twofold} = '';
all_rights_are($other, 'main', 'when the last grant of an owner is revoked', @decoys);
$other->safe_psql('postgres', 'CREATE ROLE absent');
has_nothing($other, 'main', 'absent', 'absent', 'a role of the missing name does not have its key');
refused($other, q{SELECT kms_grant('alias/twofold', 'absent', '{Encrypt}')}, '55000', 'UnsupportedOperation', 'nor does it come by it with another grant', dbname => 'main');
$other->safe_psql('main', 'GRANT SELECT ON kms.role_anchor TO absent');
owns($other, 'main', 'absent', 'absent', 'but when it is given back what it had');

value($other, 'SELECT kms_confirm_home()', 'main');
all_rights_are($other, 'main', 'confirmed in another cluster', @decoys);
owns($other, 'main', 'absent', 'absent', 'the missing role keeps its key');
is(value($other, q{SELECT count(*) FROM kms.key k JOIN pg_roles r ON r.oid = k.owner AND r.rolname = k.owner_name}, 'main'), value($other, 'SELECT count(*) FROM kms.key', 'main'),
	'now every row has the oids of here');
is(value($other, 'SELECT count(*) FROM kms_check_integrity()', 'main'), '0', 'and every row is intact');
refused($other, 'DROP ROLE renamed', '2BP01', 'UnsupportedOperation', 'an owner is not dropped here either', dbname => 'main');
$other->safe_psql('postgres', 'ALTER ROLE renamed RENAME TO "renamed again"');
owns($other, 'main', 'renamed again', 'owned', 'and may be renamed here, too');

# ---- many roles -------------------------------------------------------------
# Their list is one value of one row of pg_class, which has no TOAST table.

$node->safe_psql('main', q{DO $$ BEGIN
	FOR i IN 1 .. 2600 LOOP EXECUTE format('CREATE ROLE many_%s', i); END LOOP;
	FOR i IN 0 .. 21 LOOP
		EXECUTE (SELECT 'GRANT SELECT ON kms.role_anchor TO ' || string_agg('many_' || (i * 100 + n), ', ') FROM generate_series(1, 100) n);
	END LOOP;
END $$});
is(value($node, q{SELECT kms_grant('alias/made', 'many_2201', '{Encrypt}') IS NOT NULL}, 'main'), 't', 'beside two thousand others a role is granted something');
rights_are($node, 'main', 'many_2201', 'made', 'encrypt', 'and has it');
has_nothing($node, 'main', 'many_1', 'made', 'and the others do not');
$error = undef;
for my $n (2202 .. 2600)
{
	$error = failure($node, "SELECT kms_grant('alias/made', 'many_$n', '{Encrypt}')", dbname => 'main') and last;
}
is("$error->{sqlstate} $error->{detail}", '54000 Rejected.LimitExceeded', 'where no more roles fit it is said so');
like($error->{hint}, qr/group/, 'and what to do');
owns($node, 'main', 'renamed', 'owned', 'all others have what they had');
# The list is compressed, so that one more may need as much room as two had.
$node->safe_psql('main', q{SELECT kms_revoke('alias/made', 'many_' || n) FROM generate_series(2201, 2210) n});
is(failure($node, q{SELECT kms_grant('alias/made', 'many_2600', '{Encrypt}')}, dbname => 'main'), undef, 'when some leave, another may come');

$_->stop for $node, $other;
unlike(slurp_file($_->logfile), qr/PANIC|TRAP:|terminated by signal/, $_->name . ': nothing crashed') for $node, $other;
done_testing();
