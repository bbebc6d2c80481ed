# What the tests of test/t share: a server that has the extension, its root key
# file, and questions whose answer is an error.
package KmsServer;

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use Exporter 'import';
use Fcntl ();
use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

our @EXPORT = qw(
  staged_settings new_server new_root_key root_key_id root_key_file write_private
  failure refused value session ask start_asking answer wait_until log_since pids_of status let_time_pass
);

# The settings by which the server finds an extension that was staged rather
# than installed (test/check.sh says where), and silence about statements.
sub staged_settings
{
	my ($preloaded, $installed) = @_;
	my $settings = "log_statement = none\nlc_messages = 'C'\n";

	$settings .= "$ENV{KMS_STAGED}\n" if defined $ENV{KMS_STAGED} && !$installed;
	$settings .= "shared_preload_libraries = 'kms'\n" if $preloaded;
	return $settings;
}

# A server, not started.  Its root key file is there, unless root_key => undef;
# preloaded => 0 leaves the library out; settings and init are more of both;
# install_path is another PostgreSQL, which has the extension.
sub new_server
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name, install_path => $options{install_path});
	my $key = exists $options{root_key} ? $options{root_key} : new_root_key();

	$node->init(%{ $options{init} // {} });
	$node->append_conf('postgresql.conf', staged_settings($options{preloaded} // 1, defined $options{install_path}));
	$node->append_conf('postgresql.conf', "kms.root_key_file = '" . root_key_file($node) . "'")
	  if $options{root_key_file} // 1;
	$node->append_conf('postgresql.conf', $options{settings}) if defined $options{settings};
	write_private(root_key_file($node), "$key\n") if defined $key;
	return $node;
}

sub new_root_key
{
	open(my $random, '<:raw', '/dev/urandom') or die "/dev/urandom: $!";
	read($random, my $bytes, 32) == 32 or die "/dev/urandom: $!";
	return unpack('H*', $bytes);
}

# HKDF-Expand of the key: what names it in kms.status and in errors.
sub root_key_id
{
	my ($key) = @_;

	return substr(unpack('H*', hmac_sha256("kms root key id\x01", pack('H*', $key))), 0, 16);
}

sub root_key_file
{
	my ($node) = @_;

	return $node->basedir . '/root.key';
}

# Write a file that nobody else can read at any moment.
sub write_private
{
	my ($path, $text) = @_;

	unlink $path;
	sysopen(my $file, $path, Fcntl::O_WRONLY() | Fcntl::O_CREAT() | Fcntl::O_EXCL(), 0600) or die "$path: $!";
	print $file $text;
	close $file or die "$path: $!";
	return;
}

# The program that opens wrapped keys, for those who have the root key.
my $unwrapper;

sub unwrapper
{
	my $here = dirname(__FILE__);
	my $crypto = "$here/../../src/crypto";

	return $unwrapper if defined $unwrapper;
	$unwrapper = PostgreSQL::Test::Utils::tempdir() . '/unwrap';
	system_or_bail($ENV{CC} // 'cc', '-std=c11', '-O1', "-I$crypto", glob("$crypto/*.c"), "$here/unwrap.c", '-lcrypto', '-o', $unwrapper);
	return $unwrapper;
}

# From here on, rows that are changed by hand in this database are as good as those
# that the extension has changed: test/sql/include/reseal.sql says how.
sub let_time_pass
{
	my ($node, $dbname) = @_;

	$dbname //= 'postgres';
	$node->safe_psql('postgres', sprintf(q{ALTER DATABASE "%s" SET test.unwrap = '%s'}, $dbname, unwrapper()));
	$node->safe_psql($dbname, slurp_file(dirname(__FILE__) . '/../sql/include/reseal.sql'))
	  if value($node, q{SELECT to_regnamespace('kms_test') IS NULL}, $dbname) eq 't';
	$node->safe_psql($dbname, 'SELECT kms_test.let_time_pass()');
	return;
}

# How a statement fails: a hash of sqlstate, message, detail, hint; or undef.
sub failure
{
	my ($node, $sql, %options) = @_;
	my $errors = '';

	$node->psql($options{dbname} // 'postgres', "\\set VERBOSITY verbose\n$sql",
		on_error_stop => 0, stderr => \$errors, %options);
	return parse_error($errors);
}

sub parse_error
{
	my ($errors) = @_;
	my %error;

	return undef unless $errors =~ /(?:ERROR|FATAL):  ([0-9A-Z]{5}): (.*)/;
	@error{qw(sqlstate message)} = ($1, $2);
	$error{detail} = $errors =~ /^DETAIL:  (.*)/m ? $1 : '';
	$error{hint} = $errors =~ /^HINT:  (.*)/m ? $1 : '';
	return \%error;
}

# One test: the statement is refused with this state and, if given, this DETAIL.
sub refused
{
	my ($node, $sql, $sqlstate, $detail, $name, %options) = @_;
	my $error = failure($node, $sql, %options);
	my $got = $error ? "$error->{sqlstate} $error->{detail}" : 'no error';

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($got, "$sqlstate $detail", $name) or diag($error ? $error->{message} : $sql);
	return $error // {};
}

sub value
{
	my ($node, $sql, $dbname) = @_;

	return $node->safe_psql($dbname // 'postgres', $sql);
}

sub status
{
	my ($node, $dbname) = @_;

	return value($node, 'SELECT kms_describe_account_kms_status()', $dbname);
}

# A connection that stays open; errors do not end it.
sub session
{
	my ($node, $dbname) = @_;
	my $session = $node->background_psql($dbname // 'postgres', on_error_stop => 0);

	# A limit for each question, not for all of them together.
	$session->set_query_timer_restart;
	$session->query('\set VERBOSITY verbose');
	return $session;
}

# What a statement returns there; after an error "SQLSTATE DETAIL".
sub ask
{
	my ($session, $sql) = @_;
	my $output = $session->query($sql);
	my $error = parse_error($session->{stderr});

	$session->{stderr} = '';
	return $error ? "$error->{sqlstate} $error->{detail}" : $output;
}

# The same in two steps, so that something can happen in between.
sub start_asking
{
	my ($session, $sql) = @_;

	$session->{timeout}->start;
	$session->{stdin} .= "$sql\n;\n\\echo 'it is answered'\n\\warn 'it is answered'\n";
	$session->{run}->pump_nb;
	return;
}

sub answer
{
	my ($session) = @_;
	my $done = qr/\n?it is answered\n/;

	$session->{run}->pump until ($session->{stdout} =~ $done && $session->{stderr} =~ $done) || $session->{timeout}->is_expired;
	die 'no answer' if $session->{timeout}->is_expired;
	my $error = parse_error($session->{stderr});
	my $output = $session->{stdout} =~ s/$done//r;
	@{$session}{qw(stdout stderr)} = ('', '');
	return $error ? "$error->{sqlstate} $error->{detail}" : $output;
}

# Wait until it is true, half a minute at most; seconds waited, or undef.
sub wait_until
{
	my ($true, $seconds) = @_;
	my $start = time;

	while (time - $start < ($seconds // 30))
	{
		return time - $start if $true->();
		usleep(20_000);
	}
	return $true->() ? time - $start : undef;
}

sub log_since
{
	my ($node, $offset) = @_;

	return slurp_file($node->logfile, $offset // 0);
}

# The server's processes whose title matches.
sub pids_of
{
	my ($node, $title) = @_;
	my @pids;

	chomp(my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0]);
	for my $folder (glob '/proc/[0-9]*')
	{
		open(my $file, '<', "$folder/stat") or next;
		my $stat = <$file> // '';
		close $file;
		next unless $stat =~ /^(\d+) \(.*\) [A-Z] (\d+) / && $2 == $postmaster;
		my $pid = $1;
		open($file, '<', "$folder/cmdline") or next;
		my $command = <$file> // '';
		close $file;
		push @pids, $pid if $command =~ $title;
	}
	return @pids;
}

1;
