/*
 * The settings.  Only the size of shared memory needs a restart: without
 * shared_preload_libraries the library is loaded by the first call, and must then
 * define the same ones, of which that one has no effect.
 */
#include "base/settings.h"

#include "miscadmin.h"
#include "utils/guc.h"

char	   *setting_root_key_file;
char	   *setting_root_key_command;
char	   *setting_region;
int			setting_audit = AUDIT_CHANGES;
int			setting_cache_size;
bool		setting_superuser_may_use;
bool		setting_allow_drop;
bool		setting_allow_pkcs1_v1_5_import;
bool		setting_worker_enabled;
int			setting_worker_naptime;
int			setting_deletion_grace;
int			setting_usage_entries;

static const struct config_enum_entry audit_options[] = {
	{"off", AUDIT_OFF, false},
	{"changes", AUDIT_CHANGES, false},
	{"all", AUDIT_ALL, false},
	{NULL, 0, false}
};

/* A region becomes part of ARNs, which use the colon and the slash themselves. */
static bool
check_region(char **newval, void **extra, GucSource source)
{
	const char *c = *newval;

	for (; *c != '\0'; c++)
		if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') && *c != '-')
			break;
	if (*c == '\0' && c > *newval && c - *newval <= 64)
		return true;
	GUC_check_errdetail("A region is 1 to 64 lower-case letters, digits and hyphens.");
	return false;
}

void
settings_define(void)
{
	DefineCustomStringVariable("kms.root_key_file",
							   "File that holds the root key, 64 hexadecimal digits a line.",
							   "It must belong to the server's user, be closed to others and lie outside the data directory.",
							   &setting_root_key_file, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomStringVariable("kms.root_key_command",
							   "Shell command that prints the root key, 64 hexadecimal digits a line.",
							   "It has 30 seconds.",
							   &setting_root_key_command, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomStringVariable("kms.region",
							   "Region that stands in resource names (ARNs).",
							   NULL,
							   &setting_region, "local",
							   PGC_SIGHUP, 0, check_region, NULL, NULL);
	DefineCustomEnumVariable("kms.audit",
							 "What is recorded: nothing, changes and failures, or every use of a key as well.",
							 "Changes go to kms.audit_log, the rest to the server log.",
							 &setting_audit, AUDIT_CHANGES, audit_options,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("kms.cache_size",
							"Keys that a session keeps unwrapped.",
							"A key with several versions in use counts for more.",
							&setting_cache_size, 10000, 16, 10000000,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("kms.superuser_may_use",
							 "Lets superusers use keys that they do not own.",
							 "They may manage every key in any case.",
							 &setting_superuser_may_use, false,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("kms.allow_drop",
							 "Lets a superuser drop or empty the tables of keys while there are keys.",
							 "What they encrypt can then never be read again.",
							 &setting_allow_drop, false,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("kms.allow_pkcs1_v1_5_import",
							 "Lets key material be imported under RSAES_PKCS1_V1_5.",
							 "Its padding is open to attacks that OAEP withstands.",
							 &setting_allow_pkcs1_v1_5_import, false,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("kms.worker_enabled",
							 "Whether background workers rotate and erase keys that are due.",
							 NULL,
							 &setting_worker_enabled, true,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("kms.worker_naptime",
							"Time between two rounds of the background workers.",
							NULL,
							&setting_worker_naptime, 60, 1, 86400,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("kms.deletion_grace",
							"How long after its start the server spares what should have been erased while it was down.",
							NULL,
							&setting_deletion_grace, 3600, 0, 30 * 86400,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("kms.usage_entries",
							"Key versions and operations that are counted at the same time.",
							"Each takes some 120 bytes of shared memory.",
							&setting_usage_entries, 16384, 16, 1000000,
							process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_SIGHUP,
							0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("kms");
}
