/*
 * The service as a whole: open or not, sealed or not, and the domain key.
 */
#ifndef KMS_SERVICE_ACCOUNT_H
#define KMS_SERVICE_ACCOUNT_H

#include "postgres.h"

#include "crypto/mac.h"
#include "crypto/message.h"
#include "store/account.h"

/* The account in force; false while the service is not open. */
extern bool account_find(KmsAccount *account);

/* Make the account and its first domain key.  Forbidden.Opened if there is one. */
extern void account_open(Oid caller);

/* What CREATE EXTENSION does: open an unsealed service, leave a sealed one. */
extern void account_open_if_unsealed(Oid caller);

/* The account's id; Forbidden.KmsServiceNotEnabled while the service is not open. */
extern int64 account_id(void);

/*
 * Whether this database is the one that the service was opened in: a copy, a
 * restore elsewhere or a pg_upgrade is not, until the administrator says so.
 */
extern bool account_is_at_home(void);
extern void account_confirm_home(Oid caller);

/*
 * Wrap anew, under the server's current root key, the domain keys that are under another one,
 * which it must have as well; their number.  They stay what they are, and with them all that they wrap.
 */
extern int64 account_rewrap_domain_keys(Oid caller);

/* Inside store_open_alone: make the next version of the domain key, the current one from now on; its number. */
extern int32 account_add_domain_key(void);

/* Moves when a key that was handed out earlier may be gone. */
extern uint64 account_keys_generation;

/* The key for keyed digests, KC_KEY_MAX bytes; as account_wrapping_key otherwise. */
extern const uint8 *account_digest_key(int64 account, int32 *version);

/* The MAC of rows that decide (service/row_mac.h), likewise. */
extern bool account_domain_key_opens(const KmsDomainKey *row);
extern bool account_has_domain_key(int64 account, int32 version);
extern kc_mac *account_row_mac(int64 account, int32 *version);

/* Whether the domain key can be had: the service is open, and the server has its root key. */
extern bool account_is_unsealed(void);

/* Nothing is made while the service is not open, or sealed: 55000. */
extern void account_require_unsealed(void);

/* Length of "acs:kms:<region>:<account>:" at most, with the terminating zero. */
#define ARN_PREFIX_SIZE (8 + 64 + 1 + 16 + 1 + 1)

/* That prefix of every resource name, into out; returns its length. */
extern int	account_arn_prefix(char out[ARN_PREFIX_SIZE]);

/*
 * The key that wraps material, by the version of the domain key it is derived
 * from; version 0 is the current one, and *version then tells which that is.
 * The key stays in the secure arena and is good until
 * account_keys_generation moves, which any of these calls may do.  Raises
 * 55000 when sealed or under another root key, Rejected.Unavailable when the
 * stored domain key does not open.
 */
extern const kc_key *account_wrapping_key(int64 account, int32 *version);

/* For the keeper: it begins, and the server was reloaded (root/root.h). */
extern void account_keep_root_key(void);
extern void account_reload_root_key(void);

#endif
