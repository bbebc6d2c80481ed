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
	Oid			key_owner;
	Oid			key_version;
	Oid			key_version_pkey;
	Oid			key_version_key_id;
	Oid			alias;
	Oid			alias_pkey;
	Oid			alias_key_id;
	Oid			import_token;
	Oid			import_token_pkey;
	Oid			role_anchor;
	Oid			grant_entry;
	Oid			grant_entry_resource;
	Oid			grant_entry_grantee;
	Oid			audit_entry;
	Oid			audit_entry_pkey;
	Oid			audit_head;
	Oid			audit_head_pkey;
	Oid			usage_entry;
	Oid			tag;
	Oid			tag_pkey;
	Oid			secret;
	Oid			secret_pkey;
	Oid			secret_name_key;
	Oid			secret_owner;
	Oid			secret_version;
	Oid			secret_version_pkey;
	Oid			secret_version_stage;
	Oid			secret_version_stage_pkey;
	Oid			secret_role;
	Oid			certificate;
	Oid			certificate_pkey;
	Oid			certificate_owner;
} StoreCatalog;

/* Whether this database has the extension. */
extern bool store_installed(void);

/*
 * Whether a relation is a table that keys need.  Raises nothing: it is asked
 * while the extension is being dropped.
 */
extern bool store_is_ours(Oid relation);

/* A table of ours, InvalidOid where it is gone. */
extern Oid	store_table(const char *name);

/* A function of the extension without arguments, or of its helpers; InvalidOid where there is none. */
extern Oid	store_function(const char *name);
extern Oid	store_helper(const char *name);

/* How SQL calls a function of the extension, schema and all. */
extern char *store_function_name(const char *name);

/* Raises 55000 in a database without the extension. */
extern const StoreCatalog *store_catalog(void);

#endif
