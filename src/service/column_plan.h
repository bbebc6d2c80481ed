/*
 * What a trigger on a table has to encrypt, made of its arguments once per statement:
 * the table is locked that long, so that nothing in it changes.
 *
 *	kms_encrypt_columns(key, columns [, context columns [, name of the table
 *						[, search key, column=blind index column, ...]]])
 */
#ifndef KMS_COLUMN_PLAN_H
#define KMS_COLUMN_PLAN_H

#include "postgres.h"

#include "access/attnum.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "service/cipher.h"

/* Where its arguments are, and what kind of trigger it is: a gap would let plaintext through. */
#define TRIGGER_KEY			0
#define TRIGGER_COLUMNS		1
#define TRIGGER_CONTEXT		2
#define TRIGGER_TABLE		3
#define TRIGGER_SEARCH_KEY	4
#define TRIGGER_INDEXES		5

#define TRIGGER_ENCRYPTS	(TRIGGER_TYPE_ROW | TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE)

/* A ciphertext as it was made last, and where: see column.c. */
typedef struct KmsLastMade
{
	Oid			caller;			/* InvalidOid: none */
	uint8		start[CIPHER_START];
	StringInfoData context;
} KmsLastMade;

/* A column that is encrypted. */
typedef struct KmsPlanColumn
{
	AttrNumber	number;
	const char *column;			/* as it is called now */
	kc_view		name;			/* in the context */
	bool		is_text;
	int			max_len;		/* of varchar(n); 0: any */
	AttrNumber	index_number;	/* of its blind index; 0: it has none */
	KmsLastMade last;
} KmsPlanColumn;

/* Where the value of a pair of the context comes from. */
typedef enum KmsPairSource
{
	PAIR_TABLE,
	PAIR_COLUMN,
	PAIR_VALUE
} KmsPairSource;

typedef struct KmsPlanPair
{
	kc_view		key;
	KmsPairSource source;
	AttrNumber	number;			/* of a value: its column, */
	Oid			type;			/* the base type, */
	bool		by_value;		/* and how it is stored */
	int16		len;
	const char *column;
} KmsPlanPair;

typedef struct KmsColumnPlan
{
	TupleDesc	descriptor;
	kc_view		reference;		/* of the key */
	kc_view		table;			/* its name in the context */
	kc_view		search_reference;	/* of the key of blind indexes, if there are any */
	KmsPlanColumn *columns;
	int			column_count;
	KmsPlanPair *pairs;			/* in the order of a context */
	int			pair_count;
	KmsCallSite site;
	KmsCallSite search_site;
	ContextWriter context;
	ContextWriter old_context;
	/* for the changed columns of a row, two of each */
	int		   *numbers;
	Datum	   *values;
	bool	   *nulls;
} KmsColumnPlan;

/* Whether a trigger can have so many arguments. */
extern bool column_plan_takes(int count);

/* In the current memory context.  Raises what does not do. */
extern KmsColumnPlan *column_plan_make(Relation relation, const Trigger *trigger);

/* NULL if it is no column that the plan encrypts. */
extern KmsPlanColumn *column_plan_find(KmsColumnPlan *plan, const char *name);

#endif
