/*
 * Warnings before a certificate expires: a job of the workers.
 */
#include "service/certificate_expiry.h"

#include "base/ident.h"
#include "service/audit_line.h"
#include "service/certificate_seal.h"
#include "service/job_kind.h"
#include "utils/timestamp.h"

TimestampTz
certificate_next_warning(TimestampTz not_after, TimestampTz after)
{
	static const int days[] = {30, 7, 1};

	for (size_t i = 0; i < lengthof(days); i++)
	{
		TimestampTz warning = not_after - days[i] * USECS_PER_DAY;

		if (warning > after)
			return warning;
	}
	return DT_NOEND;
}

static void
about(const KmsJob *job)
{
	audit_about_certificate(&job->resource);
}

/* "in 7 days", of which the last may have begun. */
static const char *
when(TimestampTz not_after, TimestampTz now)
{
	int			days = (int) ((not_after - now + USECS_PER_DAY - 1) / USECS_PER_DAY);

	if (not_after <= now)
		return "has expired";
	return psprintf("expires in %d day%s", days, days == 1 ? "" : "s");
}

static bool
warn(const KmsJob *job, JobEnding *ending)
{
	TimestampTz now = GetCurrentTimestamp();
	KmsCertificate certificate;
	const char *text;
	char		id[37];

	if (!store_certificate_lock_free(&job->resource, &certificate) || !job_is_past(certificate.warn_at))
		return false;
	if (job_must_wait_for_unsealing(ending))
		return true;
	certificate_require_intact(&certificate);
	text = when(certificate.not_after, now);
	certificate.warn_at = certificate_next_warning(certificate.not_after, now);
	certificate_save(&certificate);
	store_certificate_notify(&certificate.id);
	ereport(WARNING,
			errhidestmt(true),
			errhidecontext(true),
			errmsg("kms: certificate \"%s\" %s", uuid_print(&certificate.id, id), text),
			errhint("Upload its successor with kms_upload_certificate."));
	*ending = job_done;
	ending->audit_detail = text;
	return true;
}

const JobKind certificate_expiry_job = {ACTION_CERTIFICATE_EXPIRY, "certificate", about, warn, NULL};
