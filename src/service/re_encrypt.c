/*
 * Decrypting and encrypting again.
 *
 * The plaintext lies on the stack, or, if it is longer than a plain ciphertext may
 * hold, in memory that is wiped before it is freed, whatever happens in between.
 */
#include "service/re_encrypt.h"

#include "base/error.h"
#include "service/asymmetric.h"
#include "service/cipher.h"
#include "service/envelope.h"

/* Where the plaintext comes from: one of three. */
typedef struct Source
{
	KmsFoundEnvelope envelope;
	KmsFoundBlob blob;
	KmsCachedVersion *pair;
	kc_pke		algorithm;
} Source;

static void
find_source(KmsCallSite *site, Oid caller, const KmsReEncrypt *request, Source *source)
{
	if (request->is_public_key)
	{
		source->algorithm = asymmetric_encryption_of("source_encryption_algorithm", request->algorithm);
		source->pair = asymmetric_find(site, caller, ACTION_RE_ENCRYPT, &request->source, source->algorithm);
	}
	else if (envelope_is(request->ciphertext))
		envelope_find(site, caller, ACTION_RE_ENCRYPT, request->ciphertext, request->context, &source->envelope);
	else
		cipher_find(site, caller, ACTION_RE_ENCRYPT, request->ciphertext, request->context, &source->blob);
}

static const KmsCachedKey *
source_key(const KmsReEncrypt *request, const Source *source)
{
	if (request->is_public_key)
		return source->pair->key;
	return envelope_is(request->ciphertext) ? source->envelope.version->key : source->blob.version->key;
}

static KmsCachedVersion *
version_of(const KmsReEncrypt *request, const Source *source)
{
	if (request->is_public_key)
		return source->pair;
	return envelope_is(request->ciphertext) ? source->envelope.version : source->blob.version;
}

static size_t
room_for(const KmsReEncrypt *request, const Source *source)
{
	if (!request->is_public_key && envelope_is(request->ciphertext))
		return Max(source->envelope.envelope.plaintext_len, PLAINTEXT_MAX);
	return PLAINTEXT_MAX;
}

static kc_status
open_source(const KmsReEncrypt *request, const Source *source, uint8 *plaintext, size_t *len)
{
	if (request->is_public_key)
		return kc_pke_decrypt(source->pair->pair, source->algorithm, request->ciphertext, plaintext, len);
	if (!envelope_is(request->ciphertext))
		return cipher_open(&source->blob, request->context, plaintext, len);
	*len = source->envelope.envelope.plaintext_len;
	return envelope_open(&source->envelope, request->context, plaintext);
}

/* The source opened into plaintext, and that sealed for the target: a use of each of the two. */
static bytea *
move(const KmsReEncrypt *request, const Source *source, KmsCachedVersion *target, uint8 *plaintext)
{
	KmsCachedVersion *version = version_of(request, source);
	size_t		len = 0;
	kc_status	status = open_source(request, source, plaintext, &len);

	usage_note(version, ACTION_RE_ENCRYPT, len);
	usage_end(version, ACTION_RE_ENCRYPT, len, status);
	if (len > PLAINTEXT_MAX)
		return envelope_seal(target, ACTION_RE_ENCRYPT, kc_view_of(plaintext, len), request->destination_context);
	return cipher_seal(target, ACTION_RE_ENCRYPT, kc_view_of(plaintext, len), request->destination_context);
}

bytea *
re_encrypt(KmsCallSite *site, Oid caller, const KmsReEncrypt *request)
{
	KmsCallSite named_source = {0};
	Source		source;
	KmsCachedVersion *target;
	uint8		small[PLAINTEXT_MAX];
	uint8	   *plaintext;
	size_t		room;
	bytea	   *result;

	do
	{
		key_cache_begin();
		find_source(request->is_public_key ? &named_source : site, caller, request, &source);
		target = version_to_encrypt(site, caller, ACTION_RE_ENCRYPT, "destination_key_id", request->destination,
									request->destination_context);
	} while (key_cache_moved());

	audit_about(&source_key(request, &source)->id);
	room = room_for(request, &source);
	plaintext = room == PLAINTEXT_MAX ? small : palloc(room);
	PG_TRY();
	{
		result = move(request, &source, target, plaintext);
	}
	PG_FINALLY();
	{
		kc_wipe(plaintext, room);
	}
	PG_END_TRY();
	if (plaintext != small)
		pfree(plaintext);
	audit_used(&source_key(request, &source)->id);
	audit_used(&target->key->id);
	return result;
}
