/*
 * Random passwords: handed out, and kept nowhere.
 */
#ifndef KMS_PASSWORD_H
#define KMS_PASSWORD_H

#include "postgres.h"

#include "crypto/password.h"

/* As the arguments have it. */
typedef struct KmsPasswordRules
{
	int			length;
	kc_view		exclude_characters;
	bool		exclude_lowercase;
	bool		exclude_uppercase;
	bool		exclude_numbers;
	bool		exclude_punctuation;
	bool		require_each_included_type;
} KmsPasswordRules;

/* A password by these rules, in the current memory context; InvalidParameter. */
extern text *password_get_random(const KmsPasswordRules *rules);

/*
 * For other services: letters and numbers, at least one lowercase, one uppercase
 * and one number, and punctuation, at least one, if wanted.  length is 8 to 128,
 * out has room for KC_PASSWORD_MAX + 1.  The caller wipes it, also where something
 * raises later; where this does, it is wiped already.
 */
extern void password_generate(int length, bool punctuation, char *out);

#endif
