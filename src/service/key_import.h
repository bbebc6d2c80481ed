/*
 * Key material that the caller brings along.
 */
#ifndef KMS_KEY_IMPORT_H
#define KMS_KEY_IMPORT_H

#include "postgres.h"

#include "crypto/kc.h"
#include "datatype/timestamp.h"
#include "utils/uuid.h"

/* A one-off public key, and the token that says to what it belongs. */
typedef struct KmsImportParameters
{
	pg_uuid_t	key_id;
	bytea	   *token;
	bytea	   *public_key;		/* DER SubjectPublicKeyInfo */
	TimestampTz expires_at;
} KmsImportParameters;

extern void key_get_parameters_for_import(Oid caller, const char *reference, const char *wrapping_algorithm,
										  const char *wrapping_key_spec, KmsImportParameters *parameters);

/*
 * Bring the material of an EXTERNAL key, or the identical bytes once more;
 * expires_at DT_NOEND for never.  Whatever is wrong with the material is one error.
 */
extern void key_import_material(Oid caller, const char *reference, kc_view encrypted, kc_view token,
								TimestampTz expires_at);

/* Erase it; the same bytes may come back. */
extern void key_delete_material(Oid caller, const char *reference);

#endif
