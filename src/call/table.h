/*
 * The API's actions: what a request may hold, the statement that answers it, and
 * what a response holds.  One table, in a file per noun, from which requests are
 * read, statements made, responses written, and kms.api() answered.
 */
#ifndef KMS_CALL_TABLE_H
#define KMS_CALL_TABLE_H

#include "postgres.h"

/* How a field looks in JSON, and what it is in SQL. */
typedef enum CallKind
{
	CALL_TEXT,					/* text */
	CALL_BASE64,				/* bytea */
	CALL_DATA,					/* a text and a bytea, one of them null: Base64 if SecretDataType is binary */
	CALL_BOOLEAN,				/* boolean */
	CALL_INTEGER,				/* integer */
	CALL_UNIX_TIME,				/* timestamptz; 0 for null */
	CALL_TIME,					/* timestamptz, in a response */
	CALL_INTERVAL,				/* interval: "7d"; "604800s" in a response */
	CALL_OBJECT,				/* jsonb */
	CALL_ARRAY,					/* jsonb */
	CALL_JSON_TEXT,				/* jsonb, as a string with JSON in it, in a response */
	CALL_TAGS,					/* jsonb, [{"Key", "Value"}] become [{"TagKey", "TagValue"}] */
	CALL_NAMES					/* text[] */
} CallKind;

/* What the API has and a database has not. */
typedef struct CallRefusal
{
	int			sqlstate;
	const char *code;
	const char *message;
	const char *hint;
} CallRefusal;

extern const CallRefusal call_refuses_policy;
extern const CallRefusal call_refuses_instance;
extern const CallRefusal call_refuses_recipient;

/* A field of a request: $n of the statement is the nth; CALL_DATA counts twice. */
typedef struct CallField
{
	const char *name;
	CallKind	kind;
	bool		required;
	bool		either;			/* exactly one of those of the action that are so */
	int			most;			/* elements of a list; 0: no limit here */
	const char *fallback;		/* what its absence means, as a string */
	const char *one_of;			/* words that it may be, with bars between */
	const CallRefusal *refusal; /* why it may not be there, or not be another word than those */
} CallField;

/*
 * A field of the response.  A name with a dot is a list in an object of its own:
 * "VersionStages.VersionStage".  NULL is left out.
 */
typedef struct CallResult
{
	const char *name;
	CallKind	kind;
	const char *column;			/* SQL expression */
	bool		optional;		/* may be left out */
	bool		outside;		/* beside the list, not in each of its elements */
} CallResult;

typedef enum CallPaging
{
	CALL_UNPAGED,
	CALL_BY_NUMBER,				/* PageNumber, PageSize */
	CALL_BY_TOKEN				/* NextToken, CALL_TOKEN_ROWS at a time */
} CallPaging;

#define CALL_TOKEN_ROWS 200

/*
 * The statement is SELECT, the columns, FROM, from, ORDER BY, order.  In it "@."
 * is the schema of the public functions and "%." that of the helpers.  It runs as
 * the caller, with nothing but pg_catalog on the search path.  Every function gets
 * all its arguments, so that no other of the same name fits better.
 */
typedef struct CallAction
{
	const char *name;
	const CallField *request;	/* ends with a name that is NULL, like response; NULL: none */
	const CallResult *response;
	const char *from;
	const char *order;
	const char *inside;			/* object that the fields of the one row stand in */
	const char *list;			/* path of the list that has an object per row */
	CallPaging	paging;
	const char *total;			/* what the number of all rows is called */
	const CallRefusal *refusal; /* why the action is not offered */
} CallAction;

/* Fields that many actions have. */
#define CALL_KEY_ID			{"KeyId", CALL_TEXT, .required = true}
#define CALL_SECRET_NAME	{"SecretName", CALL_TEXT, .required = true}
#define CALL_DRY_RUN		{"DryRun", CALL_BOOLEAN, .fallback = "false"}
#define CALL_PAGE_NUMBER	{"PageNumber", CALL_INTEGER, .fallback = "1"}
#define CALL_PAGE_SIZE(size) {"PageSize", CALL_INTEGER, .fallback = size}
#define CALL_REQUEST		(const CallField[])
#define CALL_RESPONSE		(const CallResult[])

/* Of a nouns' actions; each ends with a name that is NULL. */
extern const CallAction call_account[];
extern const CallAction call_alias[];
extern const CallAction call_asymmetric[];
extern const CallAction call_certificate[];
extern const CallAction call_cipher[];
extern const CallAction call_data_key[];
extern const CallAction call_key[];
extern const CallAction call_key_version[];
extern const CallAction call_secret[];
extern const CallAction call_secret_version[];
extern const CallAction call_tag[];

/* All of them. */
extern const CallAction *const call_nouns[];
extern const int call_noun_count;

/* NULL if there is none of that name. */
extern const CallAction *call_find(const char *name);

/* How many fields a request may have, and columns a response. */
#define CALL_MAX_FIELDS 24

extern int	call_count_fields(const CallAction *action);
extern int	call_count_results(const CallAction *action);

/* What kms.api() calls a kind. */
extern const char *call_kind_name(CallKind kind);

#endif
