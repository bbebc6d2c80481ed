/*
 * Why a ciphertext does not open, where it is neither the caller's fault nor the
 * key's: what is an error of kms_decrypt and a notice of kms_try_decrypt.
 */
#ifndef KMS_REFUSAL_H
#define KMS_REFUSAL_H

#include "postgres.h"

#include "base/compat.h"

typedef struct KmsRefusal
{
	const char *message;
	const char *api_code;
	int			sqlstate;
} KmsRefusal;

/* It cannot be decrypted, whatever the reason. */
extern void refuse_ciphertext(KmsRefusal *refusal);

/* The key version that it names (16 bytes) is not in this database. */
extern void refuse_version(KmsRefusal *refusal, const uint8 *version_id);

/* It was decrypted, and what came out is no text. */
extern void refuse_text(KmsRefusal *refusal);

pg_noreturn extern void refusal_raise(const KmsRefusal *refusal);

/* A line in the server log, as of an error, and a NOTICE; neither while a query is only planned. */
extern void refusal_notice(const KmsRefusal *refusal);

#endif
