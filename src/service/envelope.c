/*
 * Data of any size.  Of memory it takes the result, and no more.
 */
#include "service/envelope.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "utils/memutils.h"

static void
require_room(const KmsCachedVersion *version, size_t plaintext_len)
{
	if (plaintext_len > kc_envelope_plaintext_max(version->material->suite, MaxAllocSize - VARHDRSZ))
		err_invalid("plaintext", "encrypted it would be longer than 1 GB");
}

bytea *
envelope_seal(KmsCachedVersion *version, KmsAction action, kc_view plaintext, kc_view context)
{
	bytea	   *envelope;
	kc_schedule *schedule;

	require_room(version, plaintext.len);
	envelope = bytes_new(kc_envelope_len(version->material->suite, plaintext.len));
	schedule = key_cache_schedule(version);
	usage_note(version, action, plaintext.len);
	usage_end(version, action, plaintext.len,
			  kc_envelope_seal(version->material, schedule, version->id.data, context, plaintext,
							   (uint8 *) VARDATA(envelope), interrupt_pending));
	return envelope;
}

bytea *
envelope_encrypt(KmsCallSite *site, Oid caller, kc_view reference, kc_view plaintext, kc_view context)
{
	KmsCachedVersion *version;
	bytea	   *envelope;

	do
	{
		key_cache_begin();
		version = version_to_encrypt(site, caller, ACTION_ENCRYPT, "key_id", reference, context);
	} while (key_cache_moved());
	envelope = envelope_seal(version, ACTION_ENCRYPT, plaintext, context);
	audit_used(&version->key->id);
	return envelope;
}

void
envelope_find(KmsCallSite *site, Oid caller, KmsAction action, kc_view bytes, kc_view context,
			  KmsFoundEnvelope *found)
{
	if (kc_envelope_parse(bytes, &found->envelope) != KC_OK)
		err_ciphertext();
	found->version = version_to_decrypt(site, caller, action, found->envelope.version_id, found->envelope.suite, context);
}

kc_status
envelope_open(const KmsFoundEnvelope *found, kc_view context, uint8 *out)
{
	return kc_envelope_open(found->version->material, key_cache_schedule(found->version), &found->envelope,
							context, out, interrupt_pending);
}

bytea *
envelope_try_decrypt(KmsCallSite *site, Oid caller, kc_view bytes, kc_view context, KmsRefusal *refusal)
{
	KmsFoundEnvelope found;
	size_t		len;
	bytea	   *plaintext;

	if (kc_envelope_parse(bytes, &found.envelope) != KC_OK)
	{
		refuse_ciphertext(refusal);
		return NULL;
	}
	do
	{
		key_cache_begin();
		found.version = version_to_try(site, caller, ACTION_DECRYPT, found.envelope.version_id,
									   found.envelope.suite, context, refusal);
	} while (key_cache_moved());
	if (found.version == NULL)
		return NULL;

	len = found.envelope.plaintext_len;
	plaintext = bytes_new(len);
	usage_note(found.version, ACTION_DECRYPT, len);
	if (!key_use_opened(found.version, ACTION_DECRYPT, len,
						envelope_open(&found, context, (uint8 *) VARDATA(plaintext)), refusal))
		return NULL;
	audit_used(&found.version->key->id);
	return plaintext;
}
