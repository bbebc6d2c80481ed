/*
 * JSON that comes as text: through the server's parser, but without its messages,
 * which quote what they did not like.
 */
#ifndef KMS_JSON_H
#define KMS_JSON_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * NULL if it is none, or if the stack is too low for it: also what was JSON when it
 * was stored may then be none.  Of a name that appears twice the last value counts.
 */
extern Jsonb *json_parse(const char *text);

extern Jsonb *json_empty_object(void);

/* Whether it is this string. */
extern bool json_is(const JsonbValue *value, const char *string);

/* A field of an object, of the given type; NULL if there is none such. */
extern JsonbValue *json_field(JsonbContainer *object, const char *name, enum jbvType type);

/* Add name and value to an object that is being built. */
extern void json_add(JsonbParseState **state, const char *name, JsonbValue *value);
extern void json_add_text(JsonbParseState **state, const char *name, const char *value);

#endif
