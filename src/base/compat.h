/*
 * What differs between PostgreSQL 15, 16, 17 and 18, and nothing else.
 */
#ifndef KMS_COMPAT_H
#define KMS_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "kms needs PostgreSQL 15 or later"
#endif

/* VARDATA and its like: in postgres.h until 15. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* Before a declaration, from 18 on; an attribute behind it until 17. */
#ifndef pg_noreturn
#define pg_noreturn			pg_attribute_noreturn()
#endif

/*
 * From 16 on, CREATEROLE reaches only the roles that one has ADMIN OPTION on, and
 * replication roles are no exception; and each membership says whether it is
 * inherited and whether it allows SET ROLE.  Before, the member's INHERIT says the
 * first of all its memberships, and every one allows SET ROLE.
 *
 * They are used where the headers of these commands and catalogs are included.
 */
#define CREATEROLE_NEEDS_ADMIN		(PG_VERSION_NUM >= 160000)
#define REPLICATION_NEEDS_SUPERUSER	(PG_VERSION_NUM < 160000)
#define MEMBERSHIP_HAS_OPTIONS		(PG_VERSION_NUM >= 160000)

#if PG_VERSION_NUM >= 160000
#define MEMBERSHIP_INHERITS(form)	((form)->inherit_option)
#define MEMBERSHIP_SETS(form)		((form)->set_option)
#define SET_MEMBERSHIP_OPTIONS(stmt, admin, inherit, set_role) \
	((stmt)->opt = list_make3(makeDefElem(pstrdup("admin"), (Node *) makeBoolean(admin), -1), \
							  makeDefElem(pstrdup("inherit"), (Node *) makeBoolean(inherit), -1), \
							  makeDefElem(pstrdup("set"), (Node *) makeBoolean(set_role), -1)))
#define GRANT_ROLE(stmt)			GrantRole(make_parsestate(NULL), stmt)
#else
#define MEMBERSHIP_INHERITS(form)	true
#define MEMBERSHIP_SETS(form)		true
#define SET_MEMBERSHIP_OPTIONS(stmt, admin, inherit, set_role) ((stmt)->admin_opt = (admin))
#define GRANT_ROLE(stmt)			GrantRole(stmt)
#endif

/* Who owns a relation: where utils/acl.h and catalog/pg_class.h are included. */
#if PG_VERSION_NUM >= 160000
#define RELATION_IS_OWNED(relation, role)	object_ownercheck(RelationRelationId, relation, role)
#else
#define RELATION_IS_OWNED(relation, role)	pg_class_ownercheck(relation, role)
#endif

/* What table_tuple_update says of indexes, and what they need: where access/tableam.h and executor/executor.h are included. */
#if PG_VERSION_NUM >= 160000
#define UPDATED_INDEXES						TU_UpdateIndexes
#define UPDATES_INDEXES(updated)			((updated) != TU_None)
#define INSERT_UPDATED_INDEXES(target, slot, estate, updated) \
	ExecInsertIndexTuples(target, slot, estate, true, false, NULL, NIL, (updated) == TU_Summarizing)
#else
#define UPDATED_INDEXES						bool
#define UPDATES_INDEXES(updated)			(updated)
#define INSERT_UPDATED_INDEXES(target, slot, estate, updated) \
	ExecInsertIndexTuples(target, slot, estate, true, false, NULL, NIL)
#endif

/* The file of an open relation, which another takes the place of when all rows are rewritten: where utils/rel.h is included. */
#if PG_VERSION_NUM >= 160000
#define FILE_NUMBER(relation)	((relation)->rd_locator.relNumber)
#else
#define FILE_NUMBER(relation)	((relation)->rd_node.relNode)
#endif

#endif
