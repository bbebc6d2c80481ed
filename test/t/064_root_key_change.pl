# The root key is changed: by the steps of docs/security.md, in several databases and
# with a standby, past everything that may come in between.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use KmsServer;
use OpenSSL;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = PostgreSQL::Test::Utils::tempdir;
my $old = new_root_key();
my $other = new_root_key();
my $node = new_server('main', root_key => $old, init => { allows_streaming => 1 }, settings => "kms.worker_enabled = off\nwal_writer_delay = 10s\n");
my $standby = PostgreSQL::Test::Cluster->new('standby');
my $file = root_key_file($node);
my $rewrap = 'SELECT kms_rewrap_domain_key()';

# ---- helpers ---------------------------------------------------------------------

# Do something that makes the server ask for its root key, and wait until it has.
sub reloaded
{
	my ($server, $change) = @_;
	my $offset = -s $server->logfile;

	$change->();
	defined wait_until(sub { log_since($server, $offset) =~ /LOG:  kms: (the root key is loaded|sealed)/ }) or die log_since($server, $offset);
	return;
}

sub give
{
	my ($server, @keys) = @_;

	reloaded($server, sub { write_private(root_key_file($server), join('', map { "$_\n" } @keys)); $server->reload });
	return;
}

# The root key that a database needs, beside the server's.
sub root_keys
{
	my ($dbname, $server) = @_;

	return value($server // $node, 'SELECT account_status, root_key_id, domain_root_key_id FROM kms.status', $dbname);
}

sub domain_keys
{
	my ($dbname) = @_;

	return value($node, q{SELECT string_agg(d::text, ' ' ORDER BY d.account_id, d.version) FROM kms.domain_key d}, $dbname);
}

sub recorded
{
	my ($dbname) = @_;

	return value($node, q{SELECT count(*) FROM kms.audit_log WHERE operation = 'RewrapDomainKey'}, $dbname);
}

# Everything that is wrapped, as it lies in the tables.
sub wrapped
{
	my ($dbname) = @_;

	return value($node, q{SELECT concat_ws(' ', (SELECT md5(string_agg(v::text, E'\n' ORDER BY v.id)) FROM kms.key_version v), (SELECT md5(string_agg(v::text, E'\n' ORDER BY v)) FROM kms.secret_version v),
		(SELECT md5(string_agg(c::text, E'\n' ORDER BY c.id)) FROM kms.certificate c))}, $dbname);
}

# Of each kind of key, secret and certificate one that is used, with what was made before.
my $uses = q{
	SELECT (SELECT string_agg(convert_from(kms_decrypt(blob), 'UTF8'), ' ' ORDER BY n) FROM kept WHERE kind = 'ciphertext'),
		(SELECT bool_and(kms_asymmetric_verify('alias/ec', NULL, 'ECDSA_SHA_256', sha256('x'), blob)) FROM kept WHERE kind = 'signature'),
		(SELECT bool_and(kms_blind_index('alias/mac', 'x', '{"a": "1"}') = blob) FROM kept WHERE kind = 'blind index'),
		(SELECT string_agg(ssn, ' ' ORDER BY id) FROM person_decrypted),
		(kms_get_secret_value('kept', version_id => 'v1')).secret_data, (kms_get_secret_value('kept')).secret_data,
		(SELECT bool_and(kms_certificate_public_key_verify(c.certificate_id::text, 'ECDSA_SHA_256', 'x', kms_certificate_private_key_sign(c.certificate_id::text, 'ECDSA_SHA_256', 'x'))) FROM kms.certificates c),
		(SELECT bool_and(kms_certificate_public_key_verify(c.certificate_id::text, 'ECDSA_SHA_256', 'x', blob)) FROM kms.certificates c, kept WHERE kind = 'certificate'),
		(SELECT string_agg(kms_decrypt_text(kms_encrypt('alias/' || alias, alias)), ' ' ORDER BY alias) FROM unnest('{aes,sm4}'::text[]) alias)};
my $used = 'old aes old sm4 new aes new sm4|t|t|123-45-6789|a value|another value|t|t|aes sm4';

sub opens
{
	my ($dbname, $when, $server) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(value($server // $node, $uses, $dbname), $used, "$when: everything opens");
}

sub is_sound
{
	my ($dbname, $when) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(value($node, 'SELECT count(*) FROM kms_check_integrity()', $dbname), '0', "$when: every row is as it was written");
	is(value($node, 'SELECT rows_checked > 0, problem IS NULL FROM kms_verify_audit_log()', $dbname), 't|t', "$when: so is the audit log");
	return;
}

sub needs_key
{
	my ($key, $sql, $name, %options) = @_;
	my $error = refused($options{server} // $node, $sql, '55000', 'ServiceUnavailableTemporary', $name, dbname => $options{dbname} // 'postgres');

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like($error->{message}, qr/^wrong root key: this database needs root key ${\ root_key_id($key) }, the server has /, '... and says which key it needs');
	return;
}

# ---- what there is -------------------------------------------------------------------

my $authority = "$folder/authority.pem";
my $private = "$folder/authority.key";
append_to_file($private, openssl_says('', qw(genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)));
append_to_file($authority, openssl_says('', qw(req -x509 -new -days 400 -subj /CN=authority -key), $private));

sub fill
{
	my ($dbname) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $dbname") if $dbname ne 'postgres';
	$node->safe_psql($dbname, q{
		CREATE EXTENSION kms;
		CREATE TABLE kept (n serial, kind text, blob bytea);
		SELECT kms_create_alias(kms_create_key(spec, usage)::text, 'alias/' || name)
		  FROM (VALUES ('aes', 'Aliyun_AES_256', 'ENCRYPT/DECRYPT'), ('sm4', 'Aliyun_SM4', 'ENCRYPT/DECRYPT'), ('ec', 'EC_P256', 'SIGN/VERIFY'), ('mac', 'HMAC_SHA_256', 'GENERATE_VERIFY_MAC')) spec (name, spec, usage);
		INSERT INTO kept (kind, blob) SELECT 'ciphertext', kms_encrypt('alias/' || name, 'old ' || name) FROM unnest('{aes,sm4}'::text[]) name;
		SELECT kms_create_key_version('alias/' || name) FROM unnest('{aes,sm4}'::text[]) name;
		INSERT INTO kept (kind, blob) SELECT 'ciphertext', kms_encrypt('alias/' || name, 'new ' || name) FROM unnest('{aes,sm4}'::text[]) name;
		INSERT INTO kept (kind, blob) VALUES ('signature', kms_asymmetric_sign('alias/ec', NULL, 'ECDSA_SHA_256', sha256('x'))), ('blind index', kms_blind_index('alias/mac', 'x', '{"a": "1"}'));
		CREATE TABLE person (id integer PRIMARY KEY, ssn text);
		SELECT kms_protect_column('person', 'ssn', 'alias/aes');
		INSERT INTO person_decrypted VALUES (1, '123-45-6789');
		SELECT kms_create_secret('kept', 'v1', 'a value'::text), kms_put_secret_value('kept', 'v2', 'another value'::text);
		SELECT kms_create_certificate('EC_P256', 'CN=example.com')});
	my ($id, $csr) = split /\|/, value($node, 'SELECT c.certificate_id, g.csr FROM kms.certificates c, kms_get_certificate(c.certificate_id::text) g', $dbname), 2;
	my $pem = openssl_says($csr, qw(x509 -req -days 300 -set_serial 2 -CA), $authority, '-CAkey', $private);

	$node->safe_psql($dbname, sprintf(q{
		SELECT kms_upload_certificate('%1$s', '%2$s', '%3$s');
		INSERT INTO kept (kind, blob) VALUES ('certificate', kms_certificate_private_key_sign('%1$s', 'ECDSA_SHA_256', 'x'))}, $id, $pem, slurp_file($authority)));
	return;
}

$node->start;
fill($_) for qw(postgres late);
opens($_, "$_, at first") for qw(postgres late);
$node->safe_psql('postgres', 'CREATE ROLE keeper; CREATE ROLE stranger; GRANT EXECUTE ON FUNCTION kms_rewrap_domain_key TO keeper');
$node->command_ok([ 'pg_dump', '-f', "$folder/before.sql", 'postgres' ], 'a dump is made before the change');

sub restore
{
	my ($dbname) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $dbname");
	return $node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$folder/before.sql", '-o', '/dev/null', $dbname ], "the dump is restored into $dbname");
}

# Where the domain key of CREATE EXTENSION and the restored one are.
restore('restored');
is(value($node, 'SELECT count(*) FROM kms.domain_key', 'restored'), '2', 'there are two domain keys in it');
my %before = map { $_ => wrapped($_) } qw(late restored);

$node->backup('backup');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
write_private(root_key_file($standby), "$old\n");
$standby->append_conf('postgresql.conf', "kms.root_key_file = '" . root_key_file($standby) . "'");
$standby->start;

# ---- nothing to do, and what is refused ----------------------------------------------------

is(value($node, $rewrap), '0', 'with one root key there is nothing to do');
is(recorded('postgres'), '0', 'and nothing is recorded');

$node->safe_psql('postgres', q{ALTER SYSTEM SET kms.root_key_file = ''});
reloaded($node, sub { $node->reload });
like(refused($node, $rewrap, '55000', 'ServiceUnavailableTemporary', 'a sealed server wraps nothing anew')->{message}, qr/^kms is sealed/, '... and says why');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET kms.root_key_file');
reloaded($node, sub { $node->reload });

# The old key is gone before its domain keys are: the wrong order.
my $row = domain_keys('postgres');
give($node, $other);
is(root_keys('postgres'), join('|', 'Suspended', map { root_key_id($_) } $other, $old), 'the old key taken away too early: Suspended');
needs_key($old, $rewrap, 'what is under a root key that is not there is not wrapped anew');
needs_key($old, $uses, 'nor used');
is(domain_keys('postgres'), $row, 'nothing is lost');
give($node, $old);
opens('postgres', 'the old key put back');

# ---- the steps of the page: the new key before the old one -------------------------------------

my ($section) = slurp_file("$FindBin::RealBin/../../docs/security.md") =~ /^### Changing the root key\n(.*?)^## /ms;
my @steps = map { s/^   //gmr } $section =~ /^   ```sh\n(.*?)^   ```$/gms;
is(scalar @steps, 4, 'the page has four steps');
my ($add, $wrap, $look, $remove) = @steps;

# What they print, run by a shell in the folder of the root key.
sub follow
{
	my (@commands) = @_;
	my ($output, $errors) = ('', '');
	my $script = join('', 'cd "$1" || exit', "\n", @commands);
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port);
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	ok(IPC::Run::run([ 'bash', '-c', $script, 'bash', $node->basedir ], '<', '/dev/null', '>', \$output, '2>', \$errors), 'the commands of the page succeed');
	is($errors, '', '... and complain of nothing');
	chomp $output;
	return join("\n", sort split /\n/, $output);
}

# The second step without its last line, which wraps anew.
my ($define) = $wrap =~ /^(.*^\}\n)/ms;

reloaded($node, sub { is(follow($add), 't', 'a new key is put before the old one') });
my ($new, @more) = split /\n/, slurp_file($file);
is_deeply(\@more, [$old], 'which is the second line');
is((stat $file)[2] & 07777, 0600, 'in a file that is closed to others');
is(root_keys($_), join('|', 'Enabled', map { root_key_id($_) } $new, $old), "$_: the server's root key is the new one, the domain key is under the old one") for qw(postgres late restored);
opens($_, "$_, with both") for qw(postgres late restored);
is(follow($define, $look), join("\n", map { "$_|" . root_key_id($old) } qw(late postgres restored)), 'the page finds the databases that need the old key');

# ---- what does not become true --------------------------------------------------------------

my $session = session($node);
is(ask($session, "BEGIN; $rewrap"), '1', 'in a transaction it is wrapped anew');
is(ask($session, 'SELECT domain_root_key_id FROM kms.status'), root_key_id($new), 'which the transaction sees');
is(ask($session, $uses), $used, 'and uses');
is(ask($session, q{SELECT operation, resource_type, resource IS NULL, detail, result FROM kms.audit_log WHERE seq IS NULL}), 'RewrapDomainKey|service|t|root key ' . root_key_id($new) . '|success', 'and has recorded');
is(ask($session, $rewrap), '0', 'a second call finds nothing to do');
is(root_keys('postgres'), join('|', 'Enabled', map { root_key_id($_) } $new, $old), 'others do not see it');
opens('postgres', 'beside that transaction');
is(value($node, 'SET lock_timeout = 1; SELECT kms_decrypt_text(kms_encrypt(kms_create_key()::text, \'x\'))'), 'x', 'nor does anybody wait for it who makes a key');
is(ask($session, 'ROLLBACK'), '', 'it is rolled back');
is(domain_keys('postgres'), $row, 'and nothing has changed');
is(recorded('postgres'), '0', 'nor is anything recorded');
is(ask($session, $uses), $used, 'the session goes on');
is(ask($session, "BEGIN; SAVEPOINT a; $rewrap; ROLLBACK TO a; COMMIT"), '1', 'likewise to a savepoint');
is(join(' ', domain_keys('postgres'), recorded('postgres')), "$row 0", 'with the same result');

# Somebody else's tables, operators and functions come first.
is(ask($session, q{
	CREATE SCHEMA trap;
	CREATE TABLE trap.domain_key (LIKE kms.domain_key); CREATE TABLE trap.account (LIKE kms.account); CREATE TABLE trap.audit_entry (LIKE kms.audit_entry);
	CREATE TEMPORARY TABLE domain_key (LIKE kms.domain_key); CREATE TEMPORARY TABLE account (LIKE kms.account);
	INSERT INTO trap.domain_key SELECT * FROM kms.domain_key;
	CREATE FUNCTION trap.springs(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
	CREATE FUNCTION trap.springs(integer, integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
	CREATE OPERATOR trap.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = trap.springs);
	CREATE OPERATOR trap.= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = trap.springs);
	BEGIN; SET LOCAL search_path = trap, pg_temp, pg_catalog; SELECT public.kms_rewrap_domain_key()}), '1', 'a hostile search path wraps the same one anew');
is(ask($session, 'SELECT encode(root_key_id, \'hex\'), (SELECT encode(t.root_key_id, \'hex\') FROM trap.domain_key t), (SELECT count(*) FROM pg_temp.domain_key) FROM kms.domain_key'), join('|', root_key_id($new), root_key_id($old), '0'), 'and not what was planted');
is(ask($session, 'ROLLBACK; DROP SCHEMA trap CASCADE; DROP TABLE pg_temp.domain_key, pg_temp.account'), '', 'the trap is taken away');

# Damage: a row that does not open leaves the others as they are, too.
my $rows = domain_keys('restored');
my $last = 'WHERE account_id = (SELECT max(account_id) FROM kms.domain_key)';
my $flip = "UPDATE kms.domain_key SET wrapped = set_byte(wrapped, 30, get_byte(wrapped, 30) # 1) $last";
$node->safe_psql('restored', $flip);
my $damaged = domain_keys('restored');
isnt($damaged, $rows, 'a domain key is tampered with');
my $error = refused($node, $rewrap, 'XX001', 'Rejected.Unavailable', 'which is not wrapped anew', dbname => 'restored');
like($error->{message}, qr/^domain key 1 has been damaged or tampered with$/, '... and says so');
is(domain_keys('restored'), $damaged, 'nor is the other one');
is(recorded('restored'), '0', 'and nothing is recorded');
$node->safe_psql('restored', $flip);
my $claim = "UPDATE kms.domain_key SET account_id = account_id + 1 $last";
$node->safe_psql('restored', $claim);
refused($node, $rewrap, 'XX001', 'Rejected.Unavailable', 'nor is one that was given to another account', dbname => 'restored');
$node->safe_psql('restored', $claim =~ s/\+/-/r);
is(domain_keys('restored'), $rows, 'it is mended');

# Who may.
refused($node, "SET ROLE stranger; $rewrap", '42501', '', 'who has no EXECUTE wraps nothing anew');

# ---- a standby that has the old key only ------------------------------------------------------

$node->wait_for_catchup($standby);
opens('postgres', 'a standby, before', $standby);
refused($standby, $rewrap, '25006', 'UnsupportedOperation', 'it wraps nothing anew itself');
my $reader = session($standby);
is(ask($reader, $uses), $used, 'a session there has used everything');

# ---- it becomes true, and the server crashes -------------------------------------------------

is(value($node, "SET synchronous_commit = off; SET ROLE keeper; $rewrap"), '1', 'who has EXECUTE wraps it anew');
$node->stop('immediate');
eval { $session->quit };
$node->start;
is(root_keys('postgres'), join('|', 'Enabled', map { root_key_id($new) } 1 .. 2), 'after a crash right behind the commit the domain key is under the new root key');
opens('postgres', 'after the crash');
is(value($node, $rewrap), '0', 'a second call finds nothing to do');
is(value($node, q{SELECT user_name, detail FROM kms.audit_log WHERE operation = 'RewrapDomainKey'}), 'keeper|root key ' . root_key_id($new), 'one row of the audit log says who did it, and which root key it was');
is_sound('postgres', 'after the crash');
is(follow($define, $look), join("\n", map { "$_|" . root_key_id($old) } qw(late restored)), 'the page finds the databases that still need the old key');
opens($_, "$_, which was not wrapped anew") for qw(late restored);

$node->wait_for_catchup($standby);
is(ask($reader, $uses), '55000 ServiceUnavailableTemporary', 'the standby with the old key alone has not the right one any more, in a session that was there');
needs_key($new, $uses, 'nor in a new one', server => $standby);
opens('late', 'the standby, in a database that was not wrapped anew', $standby);
give($standby, $new, $old);
is(ask($reader, $uses), $used, 'with both, the session goes on');
opens($_, "the standby with both, $_", $standby) for qw(postgres late restored);

# ---- sessions that are there, and two at once --------------------------------------------------

my %session = map { $_ => session($node, $_) } qw(postgres restored late);
my $snapshot = session($node, 'restored');
my $second = session($node, 'restored');
is(ask($session{$_}, $uses), $used, "$_: a session uses everything") for sort keys %session;
is(ask($snapshot, "BEGIN ISOLATION LEVEL REPEATABLE READ; $uses"), $used, 'so does one in REPEATABLE READ');
is(ask($session{restored}, "BEGIN; $rewrap"), '2', 'both domain keys of the restored database are wrapped anew');
start_asking($second, "BEGIN; $rewrap");
ok(defined wait_until(sub { value($node, q{SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ '^SELECT kms_rewrap'}) eq '1' }), 'who does it at the same time waits');
is(ask($session{restored}, 'COMMIT'), '', 'until that is committed');
is(answer($second), '0', 'and finds nothing to do');
is(ask($second, 'COMMIT'), '', 'nor to commit');
is(recorded('restored'), '1', 'one row records both');
is(wrapped('restored'), $before{restored}, 'nothing that they wrap has changed');
is(ask($snapshot, $uses), $used, 'the old snapshot goes on');
is(ask($snapshot, $rewrap), '40001 ', 'but does not wrap anew what it does not see');
is(ask($snapshot, 'ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ'), '', 'it begins anew');
is(ask($snapshot, $uses), $used, 'and uses everything');

# ---- the old key goes -----------------------------------------------------------------------

give($node, $new);
for my $dbname (qw(postgres restored))
{
	opens($dbname, "$dbname, without the old key");
	is(ask($session{$dbname}, $uses), $used, "$dbname: also in a session that was there");
	is_sound($dbname, "$dbname, without the old key");
}
is(ask($snapshot, $uses), $used, 'and in its REPEATABLE READ');
is(ask($session{late}, $uses), '55000 ServiceUnavailableTemporary', 'late: what was not wrapped anew is refused in a session that was there');
needs_key($old, $uses, 'late: and in a new one', dbname => 'late');
needs_key($old, $rewrap, 'late: nor is it wrapped anew now', dbname => 'late');
is(follow($define, $look), 'late|' . root_key_id($old), 'the page says which key it needs');
give($node, $new, $old);
is(ask($session{late}, $uses), $used, 'late: the old key put back, the session goes on');

# All of the page's second step: the others have nothing to do.
is(follow($wrap), "late|1\npostgres|0\nrestored|0", 'the page wraps in every database what is left');
is(follow($define, $look), '', 'and finds no database any more that needs the old key');
is(recorded($_), '1', "$_: it is recorded once") for qw(late postgres restored);
reloaded($node, sub { is(follow($remove), 't', 'the old key is taken away') });
is(slurp_file($file), "$new\n", 'the new one is left');
is((stat $file)[2] & 07777, 0600, 'in a file that is closed to others');
is(ask($session{$_}, $uses), $used, "$_: the session goes on") for sort keys %session;
$_->quit for values %session, $snapshot, $second;
$node->restart;
for my $dbname (qw(postgres late restored))
{
	is(root_keys($dbname), join('|', 'Enabled', map { root_key_id($new) } 1 .. 2), "$dbname, restarted: there is one root key");
	opens($dbname, "$dbname, restarted");
	is_sound($dbname, "$dbname, restarted");
}
is(wrapped('late'), $before{late}, 'nothing that was wrapped has changed');

$node->wait_for_catchup($standby);
give($standby, $new);
opens($_, "the standby with the new key alone, $_", $standby) for qw(postgres late restored);
is(ask($reader, $uses), $used, 'also in the session that was there');
$reader->quit;

# ---- a dump from before -------------------------------------------------------------------------

restore('from_before');
is(root_keys('from_before'), join('|', 'Suspended', map { root_key_id($_) } $new, $old), 'a dump from before, restored, needs the old key');
needs_key($old, $uses, 'without which nothing opens', dbname => 'from_before');
give($node, $new, $old);
opens('from_before', 'with the old key, what the dump brought');
is(value($node, $rewrap, 'from_before'), '1', 'its domain key is wrapped anew');
give($node, $new);
opens('from_before', 'without the old key again, what the dump brought');
is_sound('from_before', 'what the dump brought');

# ---- the end --------------------------------------------------------------------------------------

$standby->stop;
$node->stop;
for my $server ($node, $standby)
{
	my $log = log_since($server);

	unlike($log, qr/\Q$old\E|\Q$new\E|\Q$other\E/i, $server->name . ': no line of the log quotes a key');
	unlike($log, qr/PANIC|TRAP:|terminated by signal/, $server->name . ': nothing crashed by itself');
}
done_testing();
