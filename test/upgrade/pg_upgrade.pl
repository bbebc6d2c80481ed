# pg_upgrade to a newer PostgreSQL, of databases that have one of everything: what opened
# opens, at once; what erases, or changes roles, waits for kms_confirm_home, since the
# system identifier is another one.  KMS_NEW_INSTALL is the newer PostgreSQL, with the
# extension installed; test/check.sh makes it.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../t";

use KmsCatalog;
use KmsEverything;
use KmsServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $install = $ENV{KMS_NEW_INSTALL} // BAIL_OUT('KMS_NEW_INSTALL does not say where the newer PostgreSQL is');
my $key = new_root_key();
my $old = new_server('old', root_key => $key, settings => "kms.worker_naptime = 1\nmax_connections = 30\n");
my $folder = PostgreSQL::Test::Utils::tempdir;
my $new;
chomp(my $bindir = `"$ENV{PG_CONFIG}" --bindir`);

# From 18 on initdb turns checksums on, and both clusters must be alike.
sub new_cluster
{
	my ($name, %options) = @_;
	chomp(my $version = `"$install/bin/pg_config" --version`);

	return new_server($name, install_path => $install, settings => "kms.worker_naptime = 1\nmax_connections = 30\n", init => { extra => $version =~ /^PostgreSQL 1[67]/ ? [] : ['--no-data-checksums'] }, %options);
}

sub pg_upgrade
{
	my ($cluster, $what, @options) = @_;
	local %ENV = (%ENV, LC_ALL => 'C.UTF-8');

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	chdir $folder or die "chdir: $!";    # where it leaves scripts
	$cluster->command_ok([ "$install/bin/pg_upgrade", '--no-sync', '-d', $old->data_dir, '-D', $cluster->data_dir, '-b', $bindir, '-B', "$install/bin", '-s', $folder, '-p', $old->port, '-P', $cluster->port, @options ], $what);
	chdir '/' or die "chdir: $!";
	diag(map { grep { /error/i } split /^/, slurp_file($_) } glob $cluster->data_dir . '/pg_upgrade_output.d/*/log/*.log') unless Test::More->builder->is_passing;
	return;
}

# A dump names the columns of a view's parts that had no name, and keeps the first
# privileges of an object only where they are not the default.
sub objects_of
{
	my ($dbname) = @_;

	return catalog_of($new, $dbname) =~ s/::text AS text\b/::text/gr =~ s/^first privilege: .*\n//gmr;
}

# Oids that are nobody's: roles that were dropped before.
$old->start;
$old->safe_psql('postgres', 'CREATE ROLE gone; CREATE ROLE gone_too; DROP ROLE gone; CREATE DATABASE plain');
make_roles($old);
$old->safe_psql('postgres', 'DROP ROLE gone_too');
$old->safe_psql('plain', 'CREATE EXTENSION kms');
$old->safe_psql('postgres', 'ALTER SYSTEM SET kms.worker_enabled = off');
$old->reload;
fill($old, 'source');
my @everything = (listed($old, 'source'), opened($old, 'source'), by_roles($old, 'source'));
my $oids = q{SELECT string_agg(oid || ' ' || rolname, ', ' ORDER BY rolname) FROM pg_roles WHERE oid >= 16384};
my $roles = value($old, $oids);
is(stored_roles($old, 'source'), '', 'roles are stored with their numbers');
$old->safe_psql('postgres', 'ALTER SYSTEM RESET kms.worker_enabled');
$old->stop;

# ---- with workers on, and copies of the files -----------------------------------------------

$new = new_cluster('new', root_key => $key);
pg_upgrade($new, 'pg_upgrade --check', '--check');
pg_upgrade($new, 'pg_upgrade');
$new->append_conf('postgresql.conf', 'kms.worker_enabled = off');
$new->start;
cmp_ok(value($new, q{SELECT current_setting('server_version_num')::integer / 10000}), '>', 15, 'the newer server runs');
is(status($new, 'source'), 'Enabled', 'the service is open');
is(value($new, $oids), $roles, 'roles have the numbers that they had');
is(stored_roles($new, 'source'), '', 'which are those that are stored');
is_everything($new, 'source', 'upgraded', @everything);
is(value($new, 'SELECT kms_rewrap_domain_key()', 'source'), '0', 'the domain key is under the same root key');

$new->safe_psql('postgres', 'CREATE DATABASE fresh');
$new->safe_psql('fresh', 'CREATE EXTENSION kms');
is(difference(objects_of('plain'), objects_of('fresh')), '', 'the objects of the extension are those of a fresh one');
$new->safe_psql('plain', 'ALTER EXTENSION kms UPDATE');
is(difference(objects_of('plain'), objects_of('fresh')), '', 'also after ALTER EXTENSION UPDATE, which has nothing to do');

# What is due waits: the system identifier is another one.
let_time_pass($new, 'source');
$new->safe_psql('source', q{
	UPDATE kms.key SET delete_at = clock_timestamp() WHERE state = 'PendingDeletion';
	UPDATE kms.key SET next_rotation_at = clock_timestamp() WHERE rotation_seconds IS NOT NULL;
	UPDATE kms.secret SET next_rotation_at = clock_timestamp() WHERE name = 'app'});
my $jobs = q{SELECT string_agg(concat_ws(' ', job, outcome, nullif(detail, '')), ', ' ORDER BY job) FROM kms_run_jobs()};
my $waits = 'waiting this database is a copy or was restored: call kms_confirm_home()';
is(value($new, $jobs, 'source'), "KeyDeletion $waits, KeyRotation done, SecretRotation $waits", 'keys rotate; the rest waits');
value($new, 'SELECT kms_confirm_home()', 'source');
is(value($new, q{SELECT a.home_system = c.system_identifier, a.home_database = d.oid FROM kms.account a, pg_control_system() c, pg_database d WHERE datname = current_database()}, 'source'), 't|t', 'confirmed: the database is at home');
is(stored_roles($new, 'source'), '', 'confirmed: roles are as they were');
$new->append_conf('postgresql.conf', 'kms.worker_enabled = on');
$new->reload;
my $done = q{SELECT string_agg(job || ' ' || outcome, ', ' ORDER BY job) FROM kms.jobs WHERE outcome IN ('done', 'waiting', 'failed')};
ok(defined wait_until(sub { value($new, $done, 'source') eq 'KeyDeletion done, KeyRotation done, SecretRotation done' }, 120), 'confirmed: workers do it') or diag(value($new, $done, 'source'));
is(opened($new, 'source') =~ s/^password.*\n//mr, $everything[1] =~ s/^password.*\n//mr, 'and everything else opens');
is_sound($new, 'source', 'upgraded and confirmed');
is(value($new, q{SELECT kms_create_alias(kms_create_key()::text, 'alias/new') \g /dev/null
	SELECT kms_create_key_version('alias/Aliyun_AES_256') \g /dev/null
	CALL kms_reencrypt_column('person', 'ssn');
	SELECT kms_decrypt_text(kms_encrypt('alias/new', 'x')), count(*) FROM kms_scan_column('person', 'ssn')}, 'source'), 'x|1', 'keys are made, and columns encrypted anew');
$new->stop;

# ---- the old cluster is as it was; then by links, into one that has no root key yet -----------

$old->append_conf('postgresql.conf', 'kms.worker_enabled = off');
$old->start;
is_everything($old, 'source', 'the old cluster', @everything);
$old->stop;
my $linked = new_cluster('linked', root_key => undef);
pg_upgrade($linked, 'pg_upgrade --link', '--link');
$linked->append_conf('postgresql.conf', 'kms.worker_enabled = off');
$linked->start;
is(status($linked, 'source'), 'Suspended', 'a cluster without the root key is sealed');
is(difference(listed($linked, 'source'), $everything[0]), '', 'and lists everything');
refused($linked, q{SELECT kms_encrypt('alias/Aliyun_SM4', 'x')}, '55000', 'ServiceUnavailableTemporary', 'but opens nothing', dbname => 'source');
write_private(root_key_file($linked), "$key\n");
$linked->reload;
ok(defined wait_until(sub { status($linked, 'source') eq 'Enabled' }), 'until it gets it');
is_everything($linked, 'source', 'upgraded by links', @everything);
$linked->stop;

unlike(log_since($_), qr/PANIC|TRAP:|terminated by signal/, $_->name . ': nothing crashed') for $old, $new, $linked;
done_testing();
