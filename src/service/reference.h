/*
 * How a caller names a key: UUID, ARN or alias.
 */
#ifndef KMS_REFERENCE_H
#define KMS_REFERENCE_H

#include "postgres.h"

#include "base/compat.h"

#include "utils/uuid.h"

/* Nothing longer can name a key: an alias has 261 characters, an ARN fewer. */
#define REFERENCE_MAX_LEN 272

typedef struct KmsReference
{
	const char *text;			/* as the caller wrote it */
	size_t		len;
	bool		is_alias;
	pg_uuid_t	key_id;			/* unless it is an alias */
} KmsReference;

/*
 * Take a reference apart; argument is its name in errors.  Malformed:
 * InvalidParameter; another account's or region's ARN: Forbidden.KeyNotFound.
 */
extern void reference_parse(const char *argument, const char *text, size_t len, KmsReference *reference);

/* The same where the API takes no alias: Unsupported.Alias. */
extern void reference_parse_id(const char *argument, const char *text, KmsReference *reference);

/* ^alias/[A-Za-z0-9_/-]{1,255}$ */
extern bool reference_is_alias(const char *text, size_t len);

/* The key that it means; Forbidden.AliasNotFound.  The key may still not exist. */
extern pg_uuid_t reference_resolve(const KmsReference *reference);

/* Whether a name, as whoever wrote it somewhere, comes to a key; raises nothing for one that comes to none. */
extern bool reference_means(const char *text, const pg_uuid_t *key_id);

pg_noreturn extern void err_key_not_found(const KmsReference *reference);
pg_noreturn extern void err_alias_not_found(const char *text, size_t len);

#endif
