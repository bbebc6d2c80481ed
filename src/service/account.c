/*
 * The service as a whole.
 *
 * The domain keys that a session has unwrapped lie in its secure arena, as a
 * key derived for wrapping material; there is one, or two while it is changed.
 */
#include "service/account.h"

#include "base/arena.h"
#include "access/xlog.h"
#include "base/error.h"
#include "base/ident.h"
#include "base/invalidation.h"
#include "base/settings.h"
#include "crypto/random.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "root/root.h"
#include "service/audit.h"
#include "service/role_refresh.h"
#include "store/job.h"
#include "store/store.h"
#include "utils/timestamp.h"

#define MATERIAL_LABEL	"kms material wrapping"
#define DIGEST_LABEL	"kms material digest"
#define ROW_LABEL		"kms row mac"
#define MAX_UNWRAPPED	4

#define ACCOUNT_MIN		INT64CONST(1000000000000000)
#define ACCOUNT_COUNT	INT64CONST(9000000000000000)

typedef struct Unwrapped
{
	int64		account;
	int32		version;
	kc_key	   *key;			/* that wraps material; in the arena */
	uint8	   *digest_key;		/* KC_KEY_MAX bytes; in the arena */
	kc_mac	   *row_mac;		/* OpenSSL's */
} Unwrapped;

static Unwrapped unwrapped[MAX_UNWRAPPED];
static int	unwrapped_count;
static int	oldest_unwrapped;		/* goes next when the table is full */
static KmsAccount current;			/* id 0: not looked up */
static int32 current_version;		/* of its domain key; 0: not looked up */

StaticAssertDecl(sizeof(kc_key) <= ARENA_SLOT_SIZE && KC_KEY_MAX <= ARENA_SLOT_SIZE, "keys fit arena slots");

/* When what is remembered here was right. */
static uint64 seen_all;
static uint64 seen_root;

uint64		account_keys_generation;

static void
give_back(Unwrapped *entry)
{
	account_keys_generation++;
	arena_give(entry->key);
	arena_give(entry->digest_key);
	kc_mac_free(entry->row_mac);
}

static void
forget(void)
{
	for (int i = 0; i < unwrapped_count; i++)
		give_back(&unwrapped[i]);
	unwrapped_count = 0;
	current.id = 0;
	current_version = 0;
}

/* Nothing unwrapped outlives its root key, or a change of the tables. */
static void
refresh(void)
{
	invalidation_accept();
	if (seen_all == invalidation_all_count && seen_root == root_generation())
		return;
	forget();
	seen_all = invalidation_all_count;
	seen_root = root_generation();
}

static void
err_sealed(void)
{
	if (root_state() == ROOT_NOT_PRELOADED)
		kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_SERVICE_UNAVAILABLE,
					errmsg("kms must be loaded when the server starts"),
					errhint("Add the line shared_preload_libraries = 'kms' to postgresql.conf and restart the server."));
	kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_SERVICE_UNAVAILABLE,
				errmsg("kms is sealed: the server has no root key"),
				errhint("Set kms.root_key_file or kms.root_key_command and reload the server; its log says what went wrong."));
}

/* "D", account id (8), version (4): the place of a wrapped domain key. */
static kc_view
domain_key_place(const KmsDomainKey *key, uint8 out[13])
{
	uint64		account = pg_hton64((uint64) key->account_id);
	uint32		version = pg_hton32((uint32) key->version);

	out[0] = 'D';
	memcpy(out + 1, &account, 8);
	memcpy(out + 9, &version, 4);
	return kc_view_of(out, 13);
}

/* Wrap a new domain key under the current root key. */
static void
make_domain_key(KmsDomainKey *key)
{
	uint8		place[13];
	uint8		secret[DOMAIN_KEY_LEN];
	kc_key		root;
	kc_status	status;

	if (!root_current(&root, key->root_key_id))
		err_sealed();
	status = kc_random_key(secret, sizeof(secret));
	if (status == KC_OK)
		status = kc_wrap(&root, domain_key_place(key, place), kc_view_of(secret, sizeof(secret)), key->wrapped);
	kc_wipe(secret, sizeof(secret));
	kc_wipe(&root, sizeof(root));
	err_crypto(status);
}

/* Unwrap a domain key and derive from it, into slots of the arena. */
static kc_status
derive_keys(const KmsDomainKey *row, const kc_key *root, Unwrapped *out)
{
	uint8		place[13];
	uint8		secret[DOMAIN_KEY_LEN];
	uint8		derived[KC_KEY_MAX];
	kc_view		whole = kc_view_of(secret, sizeof(secret));
	kc_status	status;

	status = kc_unwrap(root, domain_key_place(row, place), kc_view_of(row->wrapped, sizeof(row->wrapped)), secret);
	if (status == KC_OK)
		status = kc_derive(whole, MATERIAL_LABEL, derived, sizeof(derived));
	if (status == KC_OK)
		status = kc_key_init(out->key, KC_SUITE_XAES_256_GCM, kc_view_of(derived, sizeof(derived)));
	if (status == KC_OK)
		status = kc_derive(whole, DIGEST_LABEL, out->digest_key, KC_KEY_MAX);
	if (status == KC_OK)
		status = kc_derive(whole, ROW_LABEL, derived, sizeof(derived));
	if (status == KC_OK)
		status = kc_mac_new(KC_MAC_HMAC_SHA_256, kc_view_of(derived, sizeof(derived)), &out->row_mac);
	kc_wipe(secret, sizeof(secret));
	kc_wipe(derived, sizeof(derived));
	return status;
}

/* No root key, the wrong one, and a row that was tampered with: three errors. */
static void
find_root(const KmsDomainKey *row, kc_key *root)
{
	uint8		loaded[KC_ROOT_KEY_ID_LEN];

	if (root_find(row->root_key_id, root))
		return;
	if (!root_current_id(loaded))
		err_sealed();
	kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_SERVICE_UNAVAILABLE,
				errmsg("wrong root key: this database needs root key %s, the server has %s",
					   hex_print(row->root_key_id, sizeof(loaded)), hex_print(loaded, sizeof(loaded))),
				errhint("Give the server the root key with that id, as a further line if need be, and reload."));
}

static void
require_domain_key(kc_status status, int32 version)
{
	if (status == KC_BAD_TAG)
		kms_ereport(ERRCODE_DATA_CORRUPTED, API_REJECTED_UNAVAILABLE,
					errmsg("domain key %d has been damaged or tampered with", version),
					errhint("Restore table domain_key of extension kms from a backup."));
	err_crypto(status);
}

static void
err_no_domain_key(void)
{
	kms_ereport(ERRCODE_DATA_CORRUPTED, API_REJECTED_UNAVAILABLE,
				errmsg("the domain key is missing"),
				errhint("Restore table domain_key of extension kms from a backup."));
}

/* From one root key to another. */
static void
rewrap_domain_key(KmsDomainKey *key)
{
	uint8		place[13];
	uint8		secret[DOMAIN_KEY_LEN];
	kc_key		from;
	kc_key		to;
	kc_status	status;

	find_root(key, &from);
	if (!root_current(&to, key->root_key_id))
	{
		kc_wipe(&from, sizeof(from));
		err_sealed();
	}
	status = kc_unwrap(&from, domain_key_place(key, place), kc_view_of(key->wrapped, sizeof(key->wrapped)), secret);
	if (status == KC_OK)
		status = kc_wrap(&to, domain_key_place(key, place), kc_view_of(secret, sizeof(secret)), key->wrapped);
	kc_wipe(secret, sizeof(secret));
	kc_wipe(&from, sizeof(from));
	kc_wipe(&to, sizeof(to));
	require_domain_key(status, key->version);
}

static const Unwrapped *
remember(const Unwrapped *entry)
{
	Unwrapped  *place;

	if (unwrapped_count < MAX_UNWRAPPED)
		place = &unwrapped[unwrapped_count++];
	else
	{
		place = &unwrapped[oldest_unwrapped];
		oldest_unwrapped = (oldest_unwrapped + 1) % MAX_UNWRAPPED;
		give_back(place);
	}
	*place = *entry;
	return place;
}

static const Unwrapped *
unwrap(const KmsDomainKey *row)
{
	/* Slots taken before there is anything to wipe, kept if an error comes in between. */
	static Unwrapped entry;
	kc_key		root;
	kc_status	status;

	if (entry.key == NULL)
		entry.key = arena_take();
	if (entry.digest_key == NULL)
		entry.digest_key = arena_take();
	find_root(row, &root);
	status = derive_keys(row, &root, &entry);
	kc_wipe(&root, sizeof(root));
	if (status == KC_OK)
	{
		Unwrapped	ready = entry;

		entry.key = NULL;
		entry.digest_key = NULL;
		entry.row_mac = NULL;
		ready.account = row->account_id;
		ready.version = row->version;
		return remember(&ready);
	}

	kc_wipe(entry.key, ARENA_SLOT_SIZE);
	kc_wipe(entry.digest_key, ARENA_SLOT_SIZE);
	require_domain_key(status, row->version);
	pg_unreachable();
}

static const Unwrapped *
find_unwrapped(int64 account, int32 version)
{
	for (int i = 0; i < unwrapped_count; i++)
		if (unwrapped[i].account == account && unwrapped[i].version == version)
			return &unwrapped[i];
	return NULL;
}

/* What is derived from a version of the domain key; version 0: the current one, as of now. */
static const Unwrapped *
keys_as_of_now(int64 account, int32 *version)
{
	int32		wanted;
	const Unwrapped *found;
	KmsDomainKey row;

	refresh();
	wanted = *version != 0 ? *version : current_version;
	found = wanted != 0 ? find_unwrapped(account, wanted) : NULL;
	if (found != NULL)
	{
		*version = wanted;
		return found;
	}
	if (!store_domain_key_find(account, wanted, &row))
		err_no_domain_key();
	found = unwrap(&row);
	if (*version == 0)
		current_version = row.version;
	*version = row.version;
	return found;
}

/* Whoever asks for the current one is about to write under it: it stays so until he has. */
static const Unwrapped *
keys_of(int64 account, int32 *version)
{
	if (*version == 0)
		store_join();
	return keys_as_of_now(account, version);
}

const kc_key *
account_wrapping_key(int64 account, int32 *version)
{
	return keys_of(account, version)->key;
}

const uint8 *
account_digest_key(int64 account, int32 *version)
{
	return keys_of(account, version)->digest_key;
}

bool
account_has_domain_key(int64 account, int32 version)
{
	KmsDomainKey row;

	refresh();
	return version > 0 &&
		(find_unwrapped(account, version) != NULL || store_domain_key_find(account, version, &row));
}

bool
account_domain_key_opens(const KmsDomainKey *row)
{
	kc_key		root;
	uint8		place[13];
	uint8		secret[DOMAIN_KEY_LEN];
	kc_status	status;

	if (!root_find(row->root_key_id, &root))
		return false;
	status = kc_unwrap(&root, domain_key_place(row, place), kc_view_of(row->wrapped, sizeof(row->wrapped)), secret);
	kc_wipe(secret, sizeof(secret));
	kc_wipe(&root, sizeof(root));
	if (status != KC_BAD_TAG)
		err_crypto(status);
	return status == KC_OK;
}

kc_mac *
account_row_mac(int64 account, int32 *version)
{
	return keys_of(account, version)->row_mac;
}

bool
account_find(KmsAccount *account)
{
	refresh();
	if (current.id == 0 && !store_account_find(&current))
		return false;
	*account = current;
	return true;
}

bool
account_is_unsealed(void)
{
	KmsAccount	account;
	KmsDomainKey row;

	if (!account_find(&account))
		return false;
	if (current_version != 0 && find_unwrapped(account.id, current_version) != NULL)
		return true;
	if (!store_domain_key_find(account.id, 0, &row) || !root_has(row.root_key_id))
		return false;
	current_version = row.version;
	return true;
}

int64
account_id(void)
{
	KmsAccount	account;

	if (!account_find(&account))
		kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_SERVICE_NOT_ENABLED,
					errmsg("the key management service of this database is not open"),
					errhint("Call kms_open_kms_service()."));
	return account.id;
}

void
account_require_unsealed(void)
{
	int32		version = 0;

	(void) keys_as_of_now(account_id(), &version);
}

int
account_arn_prefix(char out[ARN_PREFIX_SIZE])
{
	return snprintf(out, ARN_PREFIX_SIZE, "acs:kms:%s:" INT64_FORMAT ":", setting_region, account_id());
}

static void
set_home(KmsAccount *account)
{
	account->home_system = (int64) GetSystemIdentifier();
	account->home_database = MyDatabaseId;
}

bool
account_is_at_home(void)
{
	return store_accounts_at_home((int64) GetSystemIdentifier(), MyDatabaseId);
}

void
account_confirm_home(Oid caller)
{
	(void) account_id();		/* the service must be open */
	store_open();
	store_account_lock_table();
	role_settle();
	store_account_set_homes((int64) GetSystemIdentifier(), MyDatabaseId);
	store_job_forget_waiting();
	audit_record(ACTION_CONFIRM_HOME, caller, "service", NULL, NULL);
	store_sync_at_commit();
	store_close();
}

/* Sixteen random digits, the first not zero. */
static int64
random_account_id(void)
{
	uint64		number;

	err_crypto(kc_random((uint8 *) &number, sizeof(number)));
	return ACCOUNT_MIN + (int64) (number % (uint64) ACCOUNT_COUNT);
}

static void
err_opened(void)
{
	kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_OPENED,
				errmsg("the key management service of this database is already open"));
}

void
account_open(Oid caller)
{
	KmsAccount	account;
	KmsDomainKey key;

	if (account_find(&account))
		err_opened();
	account.id = random_account_id();
	account.created_at = GetCurrentTimestamp();
	set_home(&account);
	key.account_id = account.id;
	key.version = 1;
	make_domain_key(&key);

	store_open();
	store_account_lock_table();
	if (store_account_find(&current))	/* somebody was faster */
		err_opened();
	store_account_insert(&account);
	store_domain_key_insert(&key);
	audit_record(ACTION_OPEN_KMS_SERVICE, caller, "service", NULL, NULL);
	store_sync_at_commit();
	store_close();
}

int64
account_rewrap_domain_keys(Oid caller)
{
	uint8		current_id[KC_ROOT_KEY_ID_LEN];
	KmsDomainKey *keys;
	int			count;
	int64		rewrapped = 0;

	(void) account_id();		/* the service must be open */
	if (!root_current_id(current_id))
		err_sealed();
	store_open();
	store_account_lock_table();
	keys = store_domain_key_lock_all(&count);
	for (int i = 0; i < count; i++)
	{
		if (memcmp(keys[i].root_key_id, current_id, sizeof(current_id)) == 0)
			continue;
		rewrap_domain_key(&keys[i]);
		store_domain_key_save(&keys[i]);
		rewrapped++;
	}
	if (rewrapped == 0)
	{
		store_close_unrecorded();
		return 0;
	}
	audit_record(ACTION_REWRAP_DOMAIN_KEY, caller, "service", NULL,
				 psprintf("root key %s", hex_print(current_id, sizeof(current_id))));
	store_sync_at_commit();
	store_close();
	return rewrapped;
}

int32
account_add_domain_key(void)
{
	KmsDomainKey key;

	if (!store_domain_key_find(account_id(), 0, &key))
		err_no_domain_key();
	key.version++;
	make_domain_key(&key);
	store_domain_key_insert(&key);
	return key.version;
}

void
account_open_if_unsealed(Oid caller)
{
	if (root_state() == ROOT_LOADED)
		account_open(caller);
}

void
account_keep_root_key(void)
{
	root_keep();
}

void
account_reload_root_key(void)
{
	root_reload();
}
