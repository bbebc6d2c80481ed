/*
 * kms_create_certificate and the other functions on certificates.
 */
#include "postgres.h"

#include "api/args.h"
#include "base/pem.h"
#include "base/planning.h"
#include "base/sensitive.h"
#include "base/utf8.h"
#include "miscadmin.h"
#include "service/account.h"
#include "service/certificate.h"
#include "service/certificate_create.h"
#include "service/certificate_use.h"
#include "service/tag.h"
#include "utils/array.h"
#include "utils/timestamp.h"

static Datum
certificate_arn(const KmsCertificate *certificate)
{
	char		prefix[ARN_PREFIX_SIZE];

	account_arn_prefix(prefix);
	return CStringGetTextDatum(psprintf("%s%s", prefix, certificate_shown(&certificate->id)));
}

/* None: NULL, or an empty array. */
static List *
arg_alternative_names(FunctionCallInfo fcinfo, int number)
{
	if (PG_ARGISNULL(number) || ARR_NDIM(PG_GETARG_ARRAYTYPE_P(number)) == 0)
		return NIL;
	return arg_names(fcinfo, number, "subject_alternative_names");
}

/*
 * kms_create_certificate(key_spec text, subject text, subject_alternative_names text[], exportable_private_key boolean)
 *	-> kms.new_certificate
 */
KMS_FUNCTION(kms_create_certificate, ACTION_CREATE_CERTIFICATE)
{
	Oid			caller = GetUserId();
	KmsCreateCertificate request;
	KmsCertificate certificate;
	Datum		values[3];
	bool		nulls[3] = {false};

	request.key_spec = arg_text(fcinfo, 0, "key_spec");
	request.subject = arg_text(fcinfo, 1, "subject");
	request.names = arg_alternative_names(fcinfo, 2);
	request.exportable = arg_bool(fcinfo, 3, "exportable_private_key");
	certificate_create(caller, &request, &certificate);
	values[0] = UUIDPGetDatum(&certificate.id);
	values[1] = certificate_arn(&certificate);
	values[2] = CStringGetTextDatum(certificate.request);
	PG_RETURN_DATUM(result_row(fcinfo, lengthof(values), values, nulls));
}

/* kms_upload_certificate(certificate_id text, certificate text, certificate_chain text) -> void */
KMS_FUNCTION(kms_upload_certificate, ACTION_UPLOAD_CERTIFICATE)
{
	Oid			caller = GetUserId();
	char	   *id = arg_text(fcinfo, 0, "certificate_id");
	char	   *pem = arg_text(fcinfo, 1, "certificate");

	certificate_upload(caller, id, pem, arg_text_or_null(fcinfo, 2));
	PG_RETURN_VOID();
}

static Datum
result_text(const char *string, bool *is_null)
{
	*is_null = string == NULL;
	return string == NULL ? (Datum) 0 : CStringGetTextDatum(string);
}

static void
find(FunctionCallInfo fcinfo, KmsAction action, KmsCertificate *certificate)
{
	Oid			caller = GetUserId();
	pg_uuid_t	id = certificate_parse_id("certificate_id", arg_text(fcinfo, 0, "certificate_id"));

	certificate_find_for(caller, action, &id, certificate);
}

/* kms_get_certificate(certificate_id text) -> kms.certificate_text */
KMS_FUNCTION(kms_get_certificate, ACTION_GET_CERTIFICATE)
{
	KmsCertificate certificate;
	Datum		values[4];
	bool		nulls[4] = {false};

	find(fcinfo, ACTION_GET_CERTIFICATE, &certificate);
	values[0] = UUIDPGetDatum(&certificate.id);
	values[1] = result_text(certificate.certificate, &nulls[1]);
	values[2] = result_text(certificate.chain, &nulls[2]);
	values[3] = CStringGetTextDatum(certificate.request);
	PG_RETURN_DATUM(result_row(fcinfo, lengthof(values), values, nulls));
}

/* kms.certificate_metadata, columns as in sql/44_certificate.sql; tags: NULL, null. */
static Datum
metadata_row(FunctionCallInfo fcinfo, const KmsCertificate *certificate, Jsonb *tags)
{
	Datum		values[18];
	bool		nulls[18] = {false};

	values[0] = certificate_arn(certificate);
	values[1] = UUIDPGetDatum(&certificate->id);
	values[2] = CStringGetTextDatum(certificate_status_name(certificate->status));
	values[3] = CStringGetTextDatum(certificate_spec_name(certificate->spec));
	values[4] = BoolGetDatum(certificate->exportable);
	values[5] = CStringGetTextDatum(certificate->subject);
	values[6] = result_names(certificate->names);
	values[7] = result_text(certificate->issuer, &nulls[7]);
	values[8] = result_text(certificate->serial, &nulls[8]);
	values[9] = result_time(certificate->not_before, &nulls[9]);
	values[10] = result_time(certificate->not_after, &nulls[10]);
	values[11] = CStringGetTextDatum(certificate_signature_algorithm(certificate->spec));
	values[12] = CStringGetTextDatum(certificate->key_identifier);
	values[13] = CStringGetTextDatum(pem_print("PUBLIC KEY", certificate->public_key));
	values[14] = TimestampTzGetDatum(certificate->created_at);
	values[15] = TimestampTzGetDatum(certificate->updated_at);
	values[16] = CStringGetTextDatum("SOFTWARE");
	nulls[17] = tags == NULL;
	values[17] = JsonbPGetDatum(tags);
	return result_row(fcinfo, lengthof(values), values, nulls);
}

/* kms_describe_certificate(certificate_id text) -> kms.certificate_metadata */
KMS_FUNCTION(kms_describe_certificate, ACTION_DESCRIBE_CERTIFICATE)
{
	KmsCertificate certificate;

	find(fcinfo, ACTION_DESCRIBE_CERTIFICATE, &certificate);
	PG_RETURN_DATUM(metadata_row(fcinfo, &certificate, tags_json(&certificate.id)));
}

/*
 * kms.describe_certificate(certificate kms.certificate) -> kms.certificate_metadata: what the view shows of a row
 *
 * Anybody can make up a row: nothing is looked up by its id.
 */
KMS_FUNCTION(kms_certificate_metadata, ACTION_DESCRIBE_CERTIFICATE)
{
	KmsCertificate certificate;

	certificate_of_row(PG_GETARG_HEAPTUPLEHEADER(0), &certificate);
	PG_RETURN_DATUM(metadata_row(fcinfo, &certificate, NULL));
}

/* kms.may_describe_certificate(certificate_id uuid, owner oid, owner_name text) -> boolean: what the views ask */
KMS_FUNCTION(kms_may_describe_certificate, ACTION_DESCRIBE_CERTIFICATE)
{
	Oid			caller = GetUserId();
	KmsStoredRole owner;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_BOOL(false);
	owner.oid = PG_GETARG_OID(1);
	owner.name = text_to_cstring(PG_GETARG_TEXT_PP(2));
	PG_RETURN_BOOL(certificate_may_describe(caller, PG_GETARG_UUID_P(0), &owner));
}

/* kms.certificate_status(status text) -> text: the same, if it is one */
KMS_FUNCTION(kms_certificate_status, ACTION_LIST_CERTIFICATES)
{
	char	   *status = arg_text(fcinfo, 0, "status");

	if (certificate_status_of(status) == 0)
		err_invalid("status", "it must be PENDING, ACTIVE, INACTIVE or REVOKED");
	PG_RETURN_TEXT_P(cstring_to_text(status));
}

/* kms_update_certificate_status(certificate_id text, status text) -> void */
KMS_FUNCTION(kms_update_certificate_status, ACTION_UPDATE_CERTIFICATE_STATUS)
{
	Oid			caller = GetUserId();
	char	   *id = arg_text(fcinfo, 0, "certificate_id");

	certificate_update_status(caller, id, arg_text(fcinfo, 1, "status"));
	PG_RETURN_VOID();
}

/* kms_delete_certificate(certificate_id text) -> void */
KMS_FUNCTION(kms_delete_certificate, ACTION_DELETE_CERTIFICATE)
{
	Oid			caller = GetUserId();

	certificate_delete(caller, arg_text(fcinfo, 0, "certificate_id"));
	PG_RETURN_VOID();
}

/* kms_export_certificate(certificate_id text, passphrase text) -> bytea: PKCS #12 */
KMS_FUNCTION(kms_export_certificate, ACTION_EXPORT_CERTIFICATE)
{
	Oid			caller = GetUserId();
	char	   *id;
	char	   *passphrase;

	sensitive_mark();
	id = arg_text(fcinfo, 0, "certificate_id");
	passphrase = arg_text(fcinfo, 1, "passphrase");
	PG_RETURN_BYTEA_P(certificate_export(caller, id, utf8_from_server("passphrase", passphrase, strlen(passphrase))));
}

/* algorithm and message; and, in the argument that is named, message_type. */
static KmsCertificateMessage
arg_message(FunctionCallInfo fcinfo, int type)
{
	return (KmsCertificateMessage)
	{
		.algorithm = arg_text(fcinfo, 1, "algorithm"),
		.message = arg_required_bytes(fcinfo, 2, "message"),
		.type = arg_text(fcinfo, type, "message_type")
	};
}

/* kms_certificate_private_key_sign(certificate_id text, algorithm text, message bytea, message_type text) -> bytea */
KMS_FUNCTION(kms_certificate_private_key_sign, ACTION_CERTIFICATE_PRIVATE_KEY_SIGN)
{
	Oid			caller = GetUserId();
	KmsCertificateMessage message;
	char	   *id;

	sensitive_mark();
	id = arg_text(fcinfo, 0, "certificate_id");
	message = arg_message(fcinfo, 3);
	PG_RETURN_BYTEA_P(certificate_sign(caller, id, &message));
}

/*
 * kms_certificate_public_key_verify(certificate_id text, algorithm text, message bytea, signature_value bytea,
 *									 message_type text) -> boolean
 */
KMS_FUNCTION(kms_certificate_public_key_verify, ACTION_CERTIFICATE_PUBLIC_KEY_VERIFY)
{
	Oid			caller = GetUserId();
	KmsCertificateMessage message;
	char	   *id;

	sensitive_mark();
	id = arg_text(fcinfo, 0, "certificate_id");
	message = arg_message(fcinfo, 4);
	PG_RETURN_BOOL(certificate_verify(caller, id, &message, arg_required_bytes(fcinfo, 3, "signature_value")));
}

/* kms_certificate_public_key_encrypt(certificate_id text, algorithm text, plaintext bytea) -> bytea */
KMS_FUNCTION(kms_certificate_public_key_encrypt, ACTION_CERTIFICATE_PUBLIC_KEY_ENCRYPT)
{
	Oid			caller = GetUserId();
	char	   *id;
	char	   *algorithm;

	sensitive_mark();
	id = arg_text(fcinfo, 0, "certificate_id");
	algorithm = arg_text(fcinfo, 1, "algorithm");
	PG_RETURN_BYTEA_P(certificate_encrypt(caller, id, algorithm, arg_required_bytes(fcinfo, 2, "plaintext")));
}

/*
 * kms_certificate_private_key_decrypt(certificate_id text, algorithm text, ciphertext_blob bytea) -> bytea
 *
 * The planner gets no plaintext, as it gets no value of a secret.
 */
KMS_FUNCTION(kms_certificate_private_key_decrypt, ACTION_CERTIFICATE_PRIVATE_KEY_DECRYPT)
{
	Oid			caller = GetUserId();
	char	   *id = arg_text(fcinfo, 0, "certificate_id");
	char	   *algorithm = arg_text(fcinfo, 1, "algorithm");
	kc_view		ciphertext = arg_required_bytes(fcinfo, 2, "ciphertext_blob");

	if (is_planning())
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(certificate_decrypt(caller, id, algorithm, ciphertext));
}
