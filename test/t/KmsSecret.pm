# What the tests of secrets share that keep the passwords of roles: making them,
# reading them, and seeing whether anything has changed.
package KmsSecret;

use strict;
use warnings;

use Exporter 'import';
use KmsServer;
use PostgreSQL::Test::Cluster;

our @EXPORT = qw(
  new_secret_server require_passwords logs_in literal identifier secret_sql make_role make_secret reach held
  whole_state make_due switch_worker by_a_worker
);

my $patience = 120;    # seconds; no worker takes that long

# A server that asks everybody but its superuser for a password, and has the
# extension, a role kms_test_keeper that owns secrets, and time that passes.
sub new_secret_server
{
	my (%options) = @_;
	my $node = new_server('main', settings => "kms.worker_enabled = off\nkms.worker_naptime = 1\nrestart_after_crash = on\n$options{settings}");

	require_passwords($node);
	$node->start;
	$node->safe_psql('postgres', q{
		CREATE EXTENSION kms;
		CREATE ROLE kms_test_keeper CREATEROLE CREATEDB;
		GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_keeper;
		GRANT EXECUTE ON FUNCTION kms_create_secret(text, text, text, text, text, text, jsonb, jsonb, boolean, interval) TO PUBLIC});
	let_time_pass($node);
	return $node;
}

# From its start on.
sub require_passwords
{
	my ($node) = @_;
	my $superuser = getpwuid($<);

	unlink $node->data_dir . '/pg_hba.conf';
	$node->append_conf('pg_hba.conf', qq{local all "$superuser" trust\nlocal all all scram-sha-256});
	return;
}

# Whether a role can log in with this password: yes, no, or what else is wrong.
sub logs_in
{
	my ($node, $role, $password) = @_;
	my ($out, $errors) = ('', '');

	local $ENV{PGPASSWORD} = $password;
	return 'yes' if 0 == $node->psql('postgres', 'SELECT', stdout => \$out, stderr => \$errors, extra_params => [ '-w', '-U', $role ]);
	return $errors =~ /password authentication failed/ ? 'no' : $errors;
}

sub literal
{
	my ($text) = @_;

	return "'" . $text =~ s/'/''/gr . "'";
}

sub identifier
{
	my ($name) = @_;

	return '"' . $name =~ s/"/""/gr . '"';
}

# What makes a secret that keeps the passwords of these roles, "first of" and the
# name; more: further arguments.
sub secret_sql
{
	my ($secret, $sub_type, $roles, $more) = @_;
	my $accounts = join ', ', map { sprintf q{jsonb_build_object('AccountName', %s, 'AccountPassword', %s)}, literal($_), literal("first of $_") } @$roles;

	return sprintf q{SELECT FROM kms_create_secret('%s', 'v1', jsonb_build_object('Accounts', jsonb_build_array(%s))::text, 'Rds',
		extended_config => '{"SecretSubType": "%s", "DBInstanceId": "local"}', enable_automatic_rotation => true, rotation_interval => '1 day'%s)},
	  $secret, $accounts, $sub_type, defined $more ? ", $more" : '';
}

sub make_role
{
	my ($node, @roles) = @_;

	for my $role (@roles)
	{
		$node->safe_psql('postgres', sprintf 'CREATE ROLE %s LOGIN PASSWORD %s', identifier($role), literal("first of $role"));
		reach($node, $role, 'kms_test_keeper');
	}
	return;
}

# Let somebody who has CREATEROLE alter this role. Until PostgreSQL 15 he may anyway.
sub reach
{
	my ($node, $role, $who) = @_;

	$node->safe_psql('postgres', sprintf 'GRANT %s TO %s WITH ADMIN TRUE, INHERIT FALSE, SET FALSE', identifier($role), identifier($who))
	  if value($node, sprintf q{SELECT current_setting('server_version_num')::integer >= 160000 AND to_regrole('%s') IS NOT NULL}, identifier($who)) eq 't';
	return;
}

# With its roles, owned by kms_test_keeper.
sub make_secret
{
	my ($node, $secret, $sub_type, $roles, $more) = @_;

	make_role($node, @$roles);
	$node->safe_psql('postgres', 'SET ROLE kms_test_keeper; ' . secret_sql($secret, $sub_type, $roles, $more));
	return;
}

# Account, password and version of a label, as its owner reads them.
sub held
{
	my ($node, $secret, $stage) = @_;

	return split /\n/, value($node, sprintf q{SELECT creator FROM kms.secrets WHERE secret_name = '%1$s' \gset
		SET ROLE :"creator"; SELECT concat_ws(E'\n', secret_data::json ->> 'AccountName', secret_data::json ->> 'AccountPassword', version_id)
		FROM kms_get_secret_value('%1$s', '%2$s')}, $secret, $stage // 'ACSCurrent');
}

# Everything that a rotation changes; of one secret, without what tells of its attempts.
sub whole_state
{
	my ($node, $secret) = @_;
	my $which = defined $secret ? "(SELECT id FROM kms.secret WHERE name = '$secret')" : '(SELECT id FROM kms.secret)';
	my $row = defined $secret ? q{concat_ws(',', key_id, rotated_at, delete_at, hour_began_at, hour_rotations)} : 's::text';

	return value($node, qq{SELECT md5(concat((SELECT string_agg(rolname || coalesce(rolpassword, ''), ',' ORDER BY rolname) FROM pg_authid),
		(SELECT string_agg(v::text, ',' ORDER BY secret_id, id) FROM kms.secret_version v WHERE secret_id IN $which),
		(SELECT string_agg(s::text, ',' ORDER BY secret_id, stage) FROM kms.secret_version_stage s WHERE secret_id IN $which),
		(SELECT string_agg($row, ',' ORDER BY id) FROM kms.secret s WHERE id IN $which)))});
}

sub make_due
{
	my ($node, @secrets) = @_;

	$node->safe_psql('postgres', sprintf q{UPDATE kms.secret SET next_rotation_at = clock_timestamp() - interval '1 minute' WHERE name IN ('%s')}, join q{', '}, @secrets);
	return;
}

sub switch_worker
{
	my ($node, $switch) = @_;

	$node->safe_psql('postgres', "ALTER SYSTEM SET kms.worker_enabled = $switch");
	$node->reload;
	return;
}

# Until nothing is due any more.
sub by_a_worker
{
	my ($node, @secrets) = @_;

	make_due($node, @secrets);
	switch_worker($node, 'on');
	wait_until(sub { value($node, 'SELECT count(*) FROM kms.secret WHERE due_at <= clock_timestamp()') == 0 }, $patience) // die 'no worker comes';
	switch_worker($node, 'off');
	return;
}

1;
