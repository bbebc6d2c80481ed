/*
 * Triggers that run a function of ours, as the catalog has them: on whichever table,
 * whatever their arguments are.
 */
#ifndef KMS_STORE_TRIGGER_H
#define KMS_STORE_TRIGGER_H

#include "postgres.h"

#include "nodes/pg_list.h"

typedef struct StoreTrigger
{
	Oid			oid;
	Oid			relation;
	const char *name;
	bool		enabled;		/* it fires, unless for a replica */
	bool		is_copy;		/* of a partitioned table's, on a partition */
	int			type;			/* TRIGGER_TYPE_... */
	List	   *arguments;		/* strings */
} StoreTrigger;

/* Of one table, or of all (InvalidOid); in the current memory context. */
extern List *store_triggers(Oid function, Oid relation);

/* Views with a trigger that runs a function, which read from a table. */
extern List *store_views_of(Oid relation, Oid function);

#endif
