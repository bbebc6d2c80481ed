/*
 * What differs between PostgreSQL 15, 16, 17 and 18, and nothing else.
 */
#ifndef KMS_COMPAT_H
#define KMS_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "kms needs PostgreSQL 15 or later"
#endif

/* uuid.h of 16 and later is unchanged, but memory statistics moved. */
#if PG_VERSION_NUM < 160000
#define object_ownercheck_relation(relid, roleid) pg_class_ownercheck(relid, roleid)
#else
#define object_ownercheck_relation(relid, roleid) object_ownercheck(RelationRelationId, relid, roleid)
#endif

#endif
