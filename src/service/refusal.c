/*
 * Why a ciphertext does not open.
 */
#include "service/refusal.h"

#include "base/error.h"
#include "base/ident.h"
#include "base/planning.h"
#include "base/utf8.h"
#include "service/audit_line.h"

void
refuse_ciphertext(KmsRefusal *refusal)
{
	refusal->sqlstate = ERRCODE_INVALID_PARAMETER_VALUE;
	refusal->api_code = API_INVALID_PARAMETER;
	refusal->message = ERR_CIPHERTEXT_MESSAGE;
}

void
refuse_version(KmsRefusal *refusal, const uint8 *version_id)
{
	pg_uuid_t	id;
	char		text[37];

	memcpy(id.data, version_id, UUID_LEN);
	refusal->sqlstate = ERRCODE_UNDEFINED_OBJECT;
	refusal->api_code = API_KEY_NOT_FOUND;
	refusal->message = psprintf("key version \"%s\" does not exist", uuid_print(&id, text));
}

void
refuse_text(KmsRefusal *refusal)
{
	refusal->sqlstate = ERRCODE_CHARACTER_NOT_IN_REPERTOIRE;
	refusal->api_code = API_INVALID_PARAMETER;
	refusal->message = ERR_NOT_TEXT_MESSAGE;
}

void
refusal_raise(const KmsRefusal *refusal)
{
	if (refusal->sqlstate == ERRCODE_UNDEFINED_OBJECT)
		kms_ereport(refusal->sqlstate, refusal->api_code,
					errmsg_internal("%s", refusal->message),
					errhint("The key was erased, or this ciphertext belongs to another database."));
	kms_ereport(refusal->sqlstate, refusal->api_code, errmsg_internal("%s", refusal->message));
	pg_unreachable();
}

void
refusal_notice(const KmsRefusal *refusal)
{
	if (is_planning())
		return;
	audit_failed(refusal->sqlstate, refusal->api_code);
	ereport(NOTICE,
			errcode(refusal->sqlstate),
			errmsg_internal("%s", refusal->message),
			errdetail_internal("%s", refusal->api_code),
			errhidestmt(true),
			errhidecontext(true));
}
