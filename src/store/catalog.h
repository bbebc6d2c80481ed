/*
 * Where our tables are: oids, found through the extension and remembered until
 * one of them changes.
 */
#ifndef KMS_CATALOG_H
#define KMS_CATALOG_H

#include "postgres.h"

typedef struct StoreCatalog
{
	Oid			schema;
	Oid			owner;			/* of the tables: who store_open becomes */
	Oid			account;
	Oid			domain_key;
	Oid			key;
	Oid			key_pkey;
	Oid			key_version;
	Oid			key_version_pkey;
	Oid			key_version_key_id;
	Oid			alias;
	Oid			alias_pkey;
	Oid			alias_key_id;
} StoreCatalog;

/* Raises 55000 in a database without the extension. */
extern const StoreCatalog *store_catalog(void);

#endif
