/*
 * Who is at the other end of this session.
 */
#include "base/session.h"

#include "common/ip.h"
#include "miscadmin.h"
#include "utils/backend_status.h"
#include "utils/guc.h"

/* Looked up once: a connection does not move.  NULL in a process without one. */
static const char *
client_address(void)
{
	static char address[NI_MAXHOST];
	SockAddr   *client = MyBEEntry != NULL ? (SockAddr *) &MyBEEntry->st_clientaddr : NULL;

	if (client == NULL || client->salen == 0)
		return NULL;
	if (address[0] != '\0')
		return address;
	if (client->addr.ss_family == AF_UNIX)
		strlcpy(address, "[local]", sizeof(address));
	else if (pg_getnameinfo_all(&client->addr, client->salen, address, sizeof(address), NULL, 0, NI_NUMERICHOST) != 0)
		strlcpy(address, "unknown", sizeof(address));
	return address;
}

void
session_describe(KmsSession *session)
{
	session->user = GetUserNameFromId(GetSessionUserId(), true);
	session->application = application_name;
	session->client = client_address();
}
