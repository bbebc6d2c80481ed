/*
 * How the service is doing.  Nothing here needs key material.
 */
#include "service/status.h"

#include "access/xlog.h"
#include "base/arena.h"
#include "base/ident.h"
#include "base/settings.h"
#include "base/shared.h"
#include "base/usage_table.h"
#include "root/root.h"
#include "service/account.h"
#include "service/key_cache.h"

/* The newest domain key; false while the service is not open. */
static bool
find_domain_key(KmsDomainKey *key)
{
	KmsAccount	account;

	return account_find(&account) && store_domain_key_find(account.id, 0, key);
}

const char *
status_of_account(void)
{
	KmsDomainKey key;

	if (root_state() != ROOT_LOADED)
		return "Suspended";
	if (!find_domain_key(&key))
		return "NotEnabled";
	return root_has(key.root_key_id) ? "Enabled" : "Suspended";
}

void
status_describe(KmsStatus *status)
{
	uint8		id[KC_ROOT_KEY_ID_LEN];
	KmsDomainKey key;

	key_cache_begin();			/* what is out of date does not count */
	status->account_status = status_of_account();
	status->preloaded = root_state() != ROOT_NOT_PRELOADED;
	status->sealed = root_state() != ROOT_LOADED;
	status->root_key_id = root_current_id(id) ? hex_print(id, sizeof(id)) : NULL;
	status->domain_root_key_id = find_domain_key(&key) ? hex_print(key.root_key_id, sizeof(key.root_key_id)) : NULL;
	status->root_key_memory = root_memory_kind();
	status->workers = shared_has_launcher() && setting_worker_enabled && !RecoveryInProgress();
	status->session_memory_locked = arena_locked();
	key_cache_size(&status->session_cached_keys, &status->session_cache_bytes);
	usage_table_describe(&status->usage_entries, &status->usage_lost_calls);
}
