# The walk through: each step says what it does, shows the SQL, runs it, shows
# the result, and stops the demo loudly if the result is not what was said.
#
# Sourced by demo.sh, which sets repo, place and output.
# shellcheck shell=bash disable=SC2154

# ---- how a step is shown -------------------------------------------------

step_number=0

step()
{
	step_number=$((step_number + 1))
	printf '\n%2d. %s\n\n' "$step_number" "$*"
}

# For people at a terminal a prompt that tells who they are just now.
show()
{
	local prompt="$1=> "

	[ "$1" != postgres ] || prompt="$1=# "
	sed -e "1s/^/    $prompt/" -e "2,\$s/^/    ${prompt//?/ }/" <<<"$2"
}

indent()
{
	sed -e '/^$/d' -e 's/^/    /'
}

session()
{
	local user=$1

	shift
	in_place psql -X -P pager=off -v ON_ERROR_STOP=1 -U "$user" -d demo "$@"
}

# "sql USER STATEMENT": show it, run it, show its result and, if it took long, how long.
sql()
{
	local start=$EPOCHREALTIME spent

	show "$1" "$2"
	quietly session "$1" <<<"$2"
	spent=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
	indent <"$output"
	case $spent in 0.[0-4]) ;; *) printf '    (%s s)\n' "$spent" ;; esac
}

# A value, not shown.
ask()
{
	session "$1" -q -A -t -c "$2"
}

# "refused SQLSTATE USER STATEMENT": it must fail, and with nothing but this.
refused()
{
	local state=$1 user=$2 statement=$3 got

	show "$user" "$statement"
	session "$user" -v ON_ERROR_STOP=0 >"$output" 2>&1 <<-END || true
		$statement
		\echo SQLSTATE :SQLSTATE
	END
	got=$(sed -n 's/^SQLSTATE //p' "$output")
	sed -e 's/^psql:[^ ]* //' -e '/^LINE /d' -e '/^ *^$/d' "$output" | indent
	[ "$got" = "$state" ] || die "this should have been refused with SQLSTATE $state, not ended with ${got:-nothing}"
	echo "    Refused, as it should be."
}

# "equal WHAT ACTUAL EXPECTED": the claim of a step, checked.
equal()
{
	[ "$2" = "$3" ] || die "$1: $2, and it should be $3"
	printf '    %s: %s.\n' "$1" "$2"
}

# How often a word stands in the table's file, as a thief of the disk sees it.
count_on_disk()
{
	local file

	ask postgres 'CHECKPOINT'
	file=$place/data/$(ask postgres "SELECT pg_relation_filepath('pgbench_accounts')")
	grep -a -o "$1" "$file" | wc -l || true
}

# ---- the steps -----------------------------------------------------------

walk()
{
	make_table
	open_service
	make_key
	encrypt_column
	search_column
	bind_to_row
	change_key
	keep_document
	sign_statement
	use_certificate
	refuse_others
	disable_key
}

make_table()
{
	step "A table with something to hide: pgbench's 100,000 accounts, each with a holder."

	quietly in_place psql -X -q -U postgres -d postgres -c 'CREATE ROLE shop LOGIN' -c 'CREATE ROLE intern LOGIN' \
		-c 'CREATE DATABASE demo OWNER shop'
	quietly in_place pgbench -q -i -s 1 -U shop demo
	quietly session shop <"$repo/demo/holders.sql"
	sql shop "SELECT aid, abalance, holder FROM pgbench_accounts ORDER BY aid LIMIT 4;"
	in_street=$(ask shop "SELECT count(*) FROM pgbench_accounts WHERE holder LIKE '%Chestnut Avenue%'")
	on_disk=$(count_on_disk 'Chestnut Avenue')
	[ "$on_disk" -ge "$in_street" ] || die "the table's file should hold the plaintext, and does not"
	echo "    Whoever takes the disk reads it: \"Chestnut Avenue\" stands $on_disk times in the table's file."
}

open_service()
{
	step "The administrator brings in the extension; the root key came with the server's start."

	sql postgres "CREATE EXTENSION kms;"
	sql postgres "SELECT kms_describe_account_kms_status();"
	equal "The service is" "$(ask postgres "SELECT kms_describe_account_kms_status()")" Enabled
	sql postgres "SELECT * FROM kms.status \\gx"
	sql postgres "GRANT EXECUTE ON FUNCTION kms_create_key TO shop;"
}

make_key()
{
	step "The shop makes a key of its own. The key's bytes never leave the server, not even to the shop."

	show shop "SELECT kms_create_key(description => 'holders of accounts');"
	key=$(ask shop "SELECT kms_create_key(description => 'holders of accounts')")
	echo "    $key"
	sql shop "SELECT kms_create_alias('$key', 'alias/holders');"
	sql shop "SELECT key_id, key_state, key_spec, key_usage, creator FROM kms.keys;"
	equal "The key is" "$(ask shop "SELECT key_state FROM kms_describe_key('alias/holders')")" Enabled
}

encrypt_column()
{
	step "Encrypt the column: every row, each bound to its row by the encryption context."

	sql shop "ALTER TABLE pgbench_accounts ADD COLUMN holder_encrypted bytea;"
	sql shop "UPDATE pgbench_accounts
   SET holder_encrypted = kms_encrypt('alias/holders', holder, jsonb_build_object('aid', aid::text));"
	equal "Rows encrypted" "$(ask shop "SELECT count(holder_encrypted) FROM pgbench_accounts")" 100000

	step "Drop the plaintext, and rewrite the table so that the dropped bytes go, too."

	sql shop "ALTER TABLE pgbench_accounts DROP COLUMN holder;"
	sql shop "VACUUM (FULL, ANALYZE) pgbench_accounts;"
	sql shop "SELECT aid, abalance, substr(holder_encrypted, 1, 24) AS first_bytes FROM pgbench_accounts ORDER BY aid LIMIT 2;"
	equal "\"Chestnut Avenue\" in the table's file" "$(count_on_disk 'Chestnut Avenue')" 0
	echo "    (Old WAL and old backups still have it: encrypt before data comes in, where you can.)"
}

search_column()
{
	step "Search it: all 100,000 rows are decrypted on the way."

	sql shop "SELECT count(*) FROM pgbench_accounts
 WHERE kms_decrypt_text(holder_encrypted, jsonb_build_object('aid', aid::text)) LIKE '%Chestnut Avenue%';"
	equal "Found" "$(ask shop "SELECT count(*) FROM pgbench_accounts
		WHERE kms_decrypt_text(holder_encrypted, jsonb_build_object('aid', aid::text)) LIKE '%Chestnut Avenue%'")" "$in_street"
}

bind_to_row()
{
	step "The context must be right: account 1's holder opens as account 1's and not as account 2's."

	sql shop "SELECT kms_decrypt_text(holder_encrypted, '{\"aid\": \"1\"}') FROM pgbench_accounts WHERE aid = 1;"
	refused 22023 shop "SELECT kms_decrypt_text(holder_encrypted, '{\"aid\": \"2\"}') FROM pgbench_accounts WHERE aid = 1;"
}

versions_in_use()
{
	cat <<-'END'
	SELECT (kms_ciphertext_info(holder_encrypted)).key_version_id, count(*)
	  FROM pgbench_accounts GROUP BY 1;
	END
}

change_key()
{
	local version

	step "Re-key: a new version of the key, and every row moved to it. No plaintext passes through SQL."

	sql shop "$(versions_in_use)"
	show shop "SELECT kms_create_key_version('$key');"
	version=$(ask shop "SELECT kms_create_key_version('$key')")
	echo "    $version"
	sql shop "UPDATE pgbench_accounts
   SET holder_encrypted = kms_re_encrypt(holder_encrypted, 'alias/holders',
                                         jsonb_build_object('aid', aid::text), jsonb_build_object('aid', aid::text));"
	sql shop "$(versions_in_use)"
	equal "Rows under the new version" "$(ask shop "SELECT count(*) FROM pgbench_accounts
		WHERE (kms_ciphertext_info(holder_encrypted)).key_version_id = '$version'")" 100000
	equal "Still found" "$(ask shop "SELECT count(*) FROM pgbench_accounts
		WHERE kms_decrypt_text(holder_encrypted, jsonb_build_object('aid', aid::text)) LIKE '%Chestnut Avenue%'")" "$in_street"
}

keep_document()
{
	step "A document of a megabyte goes into an envelope: encrypted in chunks, under a data key of its own."

	sql shop "CREATE TABLE document (id integer PRIMARY KEY, body bytea);"
	sql shop "INSERT INTO document
SELECT 1, kms_envelope_encrypt('alias/holders', string_agg(aid || ': ' || abalance, E'\n' ORDER BY aid), '{\"document\": \"1\"}')
  FROM pgbench_accounts;"
	sql shop "SELECT format, plaintext_length, length(body) FROM document, kms_ciphertext_info(body);"
	equal "Its lines, decrypted" "$(ask shop "SELECT count(*)
		FROM document, string_to_table(kms_decrypt_text(body, '{\"document\": \"1\"}'), E'\n')")" 100000
}

# What the openssl command says of the statement, its signature and the public key.
check_signature()
{
	openssl dgst -sha256 -verify "$place/papers/shop.pem" -signature "$place/papers/statement.sig" \
		"$place/papers/statement" 2>/dev/null || true
}

sign_statement()
{
	local signer signature papers=$place/papers statement="Account 1 had a balance of 0 at the end of the year."

	step "Sign a statement. Whoever has the public key checks it with openssl, far from the database."

	show shop "SELECT kms_create_key('EC_P256', description => 'statements');"
	signer=$(ask shop "SELECT kms_create_key('EC_P256', description => 'statements')")
	echo "    $signer"
	show shop "SELECT kms_asymmetric_sign('$signer', NULL, 'ECDSA_SHA_256',
       sha256('$statement'));"
	signature=$(ask shop "SELECT kms_asymmetric_sign('$signer', NULL, 'ECDSA_SHA_256', sha256('$statement'))")
	echo "    ${signature:0:66}..."
	mkdir "$papers"
	printf '%s' "$statement" >"$papers/statement"
	ask shop "SELECT encode('$signature'::bytea, 'base64')" | openssl base64 -d >"$papers/statement.sig"
	sql shop "SELECT kms_get_public_key('$signer');"
	ask shop "SELECT kms_get_public_key('$signer')" >"$papers/shop.pem"
	echo "    \$ openssl dgst -sha256 -verify shop.pem -signature statement.sig statement"
	equal "It says" "$(check_signature)" "Verified OK"
	printf '%s' "${statement/of 0/of 1000000}" >"$papers/statement"
	equal "And of a statement that somebody improved" "$(check_signature)" "Verification failure"
}

# Somebody's CA, and what it makes of a request.
issue_certificate()
{
	local papers=$1

	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/O=Example/CN=Example CA' -days 365 \
		-keyout "$papers/ca.key" -out "$papers/ca.pem" 2>/dev/null
	openssl x509 -req -in "$papers/shop.csr" -CA "$papers/ca.pem" -CAkey "$papers/ca.key" -days 90 \
		-copy_extensions copy -out "$papers/shop.crt" 2>/dev/null
}

use_certificate()
{
	local id signature papers=$place/papers statement="Account 1 had a balance of 0 at the end of the year."

	step "A certificate for the shop's name: the request goes out to a CA, what it issues comes back. The private key stays."

	sql postgres "GRANT EXECUTE ON FUNCTION kms_create_certificate TO shop;"
	show shop "SELECT certificate_id FROM kms_create_certificate('EC_P256', 'CN=shop.example.com,O=Shop', '{shop.example.com}');"
	id=$(ask shop "SELECT certificate_id FROM kms_create_certificate('EC_P256', 'CN=shop.example.com,O=Shop', '{shop.example.com}')")
	echo "    $id"
	ask shop "SELECT csr FROM kms_get_certificate('$id')" >"$papers/shop.csr"
	echo "    \$ openssl x509 -req -in shop.csr -CA ca.pem -CAkey ca.key -days 90 -copy_extensions copy -out shop.crt"
	issue_certificate "$papers"
	show shop "SELECT kms_upload_certificate('$id', :'certificate', :'ca');"
	quietly session shop -v certificate="$(<"$papers/shop.crt")" -v ca="$(<"$papers/ca.pem")" <<-END
		SELECT kms_upload_certificate('$id', :'certificate', :'ca');
	END
	sql shop "SELECT subject, issuer, status, days_to_expiry FROM kms.certificates;"

	step "Sign the statement in that name. Whoever trusts the CA needs nothing else from the shop."

	show shop "SELECT kms_certificate_private_key_sign('$id', 'ECDSA_SHA_256',
       '$statement');"
	signature=$(ask shop "SELECT kms_certificate_private_key_sign('$id', 'ECDSA_SHA_256', '$statement')")
	echo "    ${signature:0:66}..."
	printf '%s' "$statement" >"$papers/statement"
	ask shop "SELECT encode('$signature'::bytea, 'base64')" | openssl base64 -d >"$papers/statement.sig"
	echo "    \$ openssl verify -CAfile ca.pem shop.crt"
	equal "It says" "$(cd "$papers" && openssl verify -CAfile ca.pem shop.crt 2>&1)" "shop.crt: OK"
	openssl x509 -in "$papers/shop.crt" -noout -pubkey >"$papers/shop.pem"
	equal "And of the signature" "$(check_signature)" "Verified OK"
}

refuse_others()
{
	step "Who may read the table may not therefore use the key: a colleague gets ciphertext, and so does the administrator."

	sql shop "GRANT SELECT ON pgbench_accounts TO intern;"
	refused 42501 intern "SELECT kms_decrypt_text(holder_encrypted, '{\"aid\": \"1\"}') FROM pgbench_accounts WHERE aid = 1;"
	refused 42501 postgres "SELECT kms_decrypt_text(holder_encrypted, '{\"aid\": \"1\"}') FROM pgbench_accounts WHERE aid = 1;"
}

disable_key()
{
	step "Disable the key: from the commit on nobody decrypts, in no session."

	sql shop "SELECT kms_disable_key('$key');"
	refused 55000 shop "SELECT kms_decrypt_text(holder_encrypted, '{\"aid\": \"1\"}') FROM pgbench_accounts WHERE aid = 1;"
	refused 55000 shop "SELECT kms_encrypt('alias/holders', 'new');"

	step "Enable it again."

	sql shop "SELECT kms_enable_key('$key');"
	sql shop "SELECT aid, kms_decrypt_text(holder_encrypted, jsonb_build_object('aid', aid::text)) AS holder
  FROM pgbench_accounts ORDER BY aid LIMIT 4;"
	equal "All rows open again" "$(ask shop "SELECT count(kms_decrypt_text(holder_encrypted, jsonb_build_object('aid', aid::text)))
		FROM pgbench_accounts")" 100000
}
