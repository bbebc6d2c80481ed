# Without shared_preload_libraries there is nowhere for a root key to be: what
# needs key material says which line is missing, everything else works.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use KmsServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('main', preloaded => 0);
my $line = qr/shared_preload_libraries = 'kms'/;

$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION kms');
pass('CREATE EXTENSION works');
is(status($node), 'Suspended', 'the status is Suspended');
is(value($node, 'SELECT preloaded, sealed, root_key_id IS NULL, root_key_memory FROM kms.status'), 'f|t|t|none',
	'the view says why');
is(value($node, 'SELECT count(*) FROM kms_list_keys()'), '0', 'there are no keys');
{
	my $error = refused($node, 'SELECT kms_open_kms_service()', '55000', 'ServiceUnavailableTemporary',
		'the service cannot be opened');
	like($error->{message}, qr/must be loaded when the server starts/, 'the message says why');
	like($error->{hint}, $line, 'the hint has the line to add');
}
is(value($node, 'SELECT length(kms_generate_random(7))'), '7', 'random bytes come without a root key');

# The settings: read from postgresql.conf before, defined at the first call.
is(value($node, 'SELECT kms_describe_account_kms_status() \g /dev/null' . "\nSHOW kms.root_key_file"), root_key_file($node),
	'kms.root_key_file is what postgresql.conf says');
is(value($node, 'SELECT kms_describe_account_kms_status() \g /dev/null' . "\nSELECT string_agg(name, ' ' ORDER BY name) FROM pg_settings WHERE name ~ '^kms'"),
	'kms.allow_drop kms.allow_pkcs1_v1_5_import kms.audit kms.cache_size kms.deletion_grace kms.region kms.root_key_command kms.root_key_file kms.superuser_may_use kms.usage_entries kms.worker_enabled kms.worker_naptime', 'every setting is there');
is(value($node, "SELECT kms_describe_account_kms_status() \\g /dev/null\nSET kms.cache_size = 17;\nSHOW kms.cache_size"), '17',
	'a setting can be set');
refused($node, "SELECT kms_describe_account_kms_status();\nSET kms.cache_size = 1;", '22023', '', 'and is checked');
refused($node, "SELECT kms_describe_account_kms_status();\nSET kms.no_such_setting = 1;", '42602', '"kms" is a reserved prefix.',
	'one that does not exist cannot be set');

# With the line added, the extension that was made without it is opened.
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'kms'");
$node->restart;
is(status($node), 'NotEnabled', 'with the line added: not open yet');
$node->safe_psql('postgres', q{
	SELECT kms_open_kms_service();
	SELECT kms_create_alias(kms_create_key()::text, 'alias/one')});
my $blob = value($node, q{SELECT kms_encrypt('alias/one', 'secret')});
is(value($node, "SELECT kms_decrypt_text('$blob')"), 'secret', 'opened, it works');

# And taken away, with keys in the tables.
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
is(status($node), 'Suspended', 'with the line taken away: Suspended');
for my $function (
	q{kms_create_key()},
	q{kms_create_key_version('alias/one')},
	q{kms_encrypt('alias/one', 'x')},
	q{kms_encrypt('alias/one', 'x'::bytea)},
	"kms_decrypt('$blob')",
	"kms_decrypt_text('$blob')",
	"kms_re_encrypt('$blob', 'alias/one')",
	q{kms_generate_data_key('alias/one')},
	q{kms_generate_data_key_without_plaintext('alias/one')})
{
	my $error = refused($node, "SELECT $function", '55000', 'ServiceUnavailableTemporary',
		($function =~ s/\(.*//r) . ' is refused');
	like($error->{hint}, $line, 'with the line to add');
}
is(value($node, q{SELECT key_state FROM kms_describe_key('alias/one')}), 'Enabled', 'a key can be described');
is(value($node, q{SELECT count(*) FROM kms_list_key_versions('alias/one')}), '1', 'its versions can be listed');
is(value($node, q{SELECT alias_name FROM kms_list_aliases()}), 'alias/one', 'aliases can be listed');
is(value($node, "SELECT format, plaintext_length FROM kms_ciphertext_info('$blob')"), 'XAES-256-GCM|6', 'a ciphertext tells of itself');
for my $function ('kms_disable_key(key_id::text)', q{kms_update_key_description(key_id::text, 'changed')}, q{kms_create_alias(key_id::text, 'alias/two')})
{
	my $error = refused($node, "SELECT $function FROM kms_list_keys()", '55000', 'ServiceUnavailableTemporary',
		($function =~ s/\(.*//r) . ' is refused, too: rows are sealed');
	like($error->{hint}, $line, 'with the line to add');
}
is(value($node, q{SELECT key_state, description FROM kms_describe_key('alias/one')}), 'Enabled|', 'and nothing has changed');
is(value($node, q{SELECT count(*) > 0 FROM kms.audit_log}), 't', 'the log can be read');

# Loaded by a session or by hand it is not preloaded either.
is(value($node, "LOAD 'kms'; SELECT preloaded FROM kms.status"), 'f', 'LOAD is not enough');
$node->append_conf('postgresql.conf', "session_preload_libraries = 'kms'");
$node->reload;
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_settings WHERE name = 'session_preload_libraries' AND setting = 'kms'"), 'reloaded');
my $error = refused($node, 'SELECT kms_create_key()', '55000', 'ServiceUnavailableTemporary', 'session_preload_libraries is not enough');
like($error->{hint}, $line, 'and the hint says so');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|terminated by signal/, 'nothing crashed');
done_testing();
