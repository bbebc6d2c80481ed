/*
 * What rows that decide carry in their last three columns: a MAC over the others.
 */
#ifndef KMS_STORE_SEAL_H
#define KMS_STORE_SEAL_H

#include "postgres.h"

#define SEAL_MAC_LEN	32
#define SEAL_COLUMNS	3		/* account_id bigint, domain_key_version integer, mac bytea */

typedef struct KmsSeal
{
	int64		account_id;		/* of the domain key that the MAC is under */
	int32		domain_key_version;
	uint8		mac[SEAL_MAC_LEN];
} KmsSeal;

/* The columns of a row, from the first of the three (StoreRewriting). */
extern void seal_fill(const KmsSeal *seal, int column, Datum *values, bool *replaces);

/* The columns' values, and back; of another length, a MAC is one that does not fit. */
extern void seal_to_values(const KmsSeal *seal, Datum *values);
extern void seal_from_values(const Datum *values, KmsSeal *seal);

#endif
