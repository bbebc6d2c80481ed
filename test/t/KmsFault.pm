# A server whose random bytes and disk run out when a test says so: test/t/fault.c.
package KmsFault;

use strict;
use warnings;

use Exporter 'import';
use File::Basename qw(dirname);
use KmsServer;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(start_with_faults let_fail no_more_faults watch);

my $orders;
my %place = (random => 8, room => 32);

sub write_orders
{
	my ($at, $bytes) = @_;

	open(my $file, '+<:raw', $orders) or die "$orders: $!";
	seek $file, $at, 0;
	print $file $bytes;
	close $file or die "$orders: $!";
	return;
}

sub start_with_faults
{
	my ($node) = @_;
	my $here = dirname(__FILE__);
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my $library = "$folder/fault.so";

	system_or_bail($ENV{CC} // 'cc', '-std=c11', '-O1', '-Wall', '-Werror', '-shared', '-fPIC', "$here/fault.c", '-lcrypto', '-ldl', '-o', $library);
	$orders = "$folder/orders";
	append_to_file($orders, "\0" x 120);
	no_more_faults();
	local $ENV{LD_PRELOAD} = $library;
	local $ENV{KMS_TEST_FAULT} = $orders;
	$node->start;
	return;
}

# From now on the n-th call for random bytes, or for more room on the disk, fails,
# counting from 0.  for_good: and all after it; pid: of this process only; path: for
# files in whose names this is.
sub let_fail
{
	my ($what, $n, %options) = @_;

	no_more_faults();
	write_orders(56, pack 'Z64', $options{path} // '/base/');
	write_orders(0, pack 'q', $options{pid} // 0);
	write_orders($place{$what}, pack 'qqq', $n, $options{for_good} // 0, 0);
	return;
}

# How often something has failed since.
sub no_more_faults
{
	my $struck = 0;

	for my $at (values %place)
	{
		write_orders($at, pack 'q', -1);
		$struck += unpack 'q', slurp_at($at + 16);
	}
	return $struck;
}

sub slurp_at
{
	my ($at) = @_;

	open(my $file, '<:raw', $orders) or die "$orders: $!";
	seek $file, $at, 0;
	read($file, my $bytes, 8) == 8 or die "$orders: $!";
	close $file;
	return $bytes;
}

# A function in a database that tells whether anything has changed: every row of the
# extension but how much keys were used, every role, and how many tables there are.
sub watch
{
	my ($node, $dbname) = @_;

	$node->safe_psql($dbname // 'postgres', q{
		CREATE FUNCTION everything() RETURNS text LANGUAGE plpgsql AS $$
		DECLARE
			relation regclass;
			sum text;
			sums text = (SELECT count(*) FROM pg_class) || (SELECT string_agg(rolname || coalesce(rolpassword, ''), ',' ORDER BY rolname) FROM pg_authid);
		BEGIN
			FOR relation IN SELECT oid FROM pg_class WHERE relnamespace = 'kms'::regnamespace AND relkind = 'r' AND relname <> 'usage_entry' ORDER BY relname LOOP
				EXECUTE format('SELECT md5(string_agg(t::text, %L ORDER BY t::text)) FROM %s t', ',', relation) INTO sum;
				sums = sums || coalesce(sum, '');
			END LOOP;
			RETURN md5(sums);
		END $$});
	return;
}

1;
