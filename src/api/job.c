/*
 * kms_run_jobs, kms_confirm_home.
 */
#include "postgres.h"

#include "api/args.h"
#include "miscadmin.h"
#include "service/account.h"
#include "service/job.h"
#include "service/usage.h"
#include "utils/timestamp.h"

static void
put_report(ReturnSetInfo *result, const KmsJob *job, const KmsJobReport *report)
{
	Datum		values[4];
	bool		nulls[4] = {false};

	values[0] = CStringGetTextDatum(job_kind_name(job->kind));
	values[1] = CStringGetTextDatum(job->name);
	values[2] = CStringGetTextDatum(job_outcome_name(report->outcome));
	nulls[3] = report->detail == NULL;
	values[3] = nulls[3] ? (Datum) 0 : CStringGetTextDatum(report->detail);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* kms_run_jobs() -> setof kms.job_report: everything that is due, also what waits for a retry */
KMS_FUNCTION(kms_run_jobs, ACTION_RUN_JOBS)
{
	Oid			caller = GetUserId();
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	TimestampTz begin = GetCurrentTimestamp();
	KmsJob		jobs[JOB_BATCH];
	KmsJobReport report;
	int			count;
	bool		ran = true;

	InitMaterializedSRF(fcinfo, 0);
	while (ran && (count = job_due(begin, true, jobs)) > 0)
	{
		ran = false;
		for (int i = 0; i < count; i++)
			if (job_run(caller, &jobs[i], &report))
			{
				put_report(result, &jobs[i], &report);
				ran = true;
			}
	}
	job_forget();
	usage_save();
	PG_RETURN_NULL();
}

/* kms_confirm_home() -> void */
KMS_FUNCTION(kms_confirm_home, ACTION_CONFIRM_HOME)
{
	account_confirm_home(GetUserId());
	PG_RETURN_VOID();
}
