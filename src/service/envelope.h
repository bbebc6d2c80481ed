/*
 * Data of any size: envelopes.
 */
#ifndef KMS_ENVELOPE_H
#define KMS_ENVELOPE_H

#include "crypto/envelope.h"
#include "service/key_use.h"

/* Whether these bytes say that they are an envelope, well-formed or not. */
static inline bool
envelope_is(kc_view bytes)
{
	return bytes.len > 0 && bytes.data[0] > KC_ENVELOPE_FORMAT;
}

/*
 * Encrypt under a fresh data key, and that with the primary version of the key.
 * InvalidParameter if the envelope would be longer than a bytea can be.
 */
extern bytea *envelope_encrypt(KmsCallSite *site, Oid caller, kc_view reference,
							   kc_view plaintext, kc_view context);

/* Decrypt with the version that it names, as cipher_try_decrypt does. */
extern bytea *envelope_try_decrypt(KmsCallSite *site, Oid caller, kc_view bytes, kc_view context,
								   KmsRefusal *refusal);

/* The parts of it, as those of cipher.h; out takes found->envelope.plaintext_len bytes. */
typedef struct KmsFoundEnvelope
{
	kc_envelope envelope;
	KmsCachedVersion *version;
} KmsFoundEnvelope;

extern void envelope_find(KmsCallSite *site, Oid caller, KmsAction action, kc_view bytes, kc_view context,
						  KmsFoundEnvelope *found);
extern kc_status envelope_open(const KmsFoundEnvelope *found, kc_view context, uint8 *out);
extern bytea *envelope_seal(KmsCachedVersion *version, KmsAction action, kc_view plaintext, kc_view context);

#endif
