/*
 * The last three columns of rows that decide.
 */
#include "store/seal.h"

#include "base/bytes.h"
#include "utils/builtins.h"

void
seal_to_values(const KmsSeal *seal, Datum *values)
{
	values[0] = Int64GetDatum(seal->account_id);
	values[1] = Int32GetDatum(seal->domain_key_version);
	values[2] = PointerGetDatum(bytes_of(seal->mac, SEAL_MAC_LEN));
}

void
seal_fill(const KmsSeal *seal, int column, Datum *values, bool *replaces)
{
	seal_to_values(seal, values + column);
	memset(replaces + column, true, SEAL_COLUMNS);
}

void
seal_from_values(const Datum *values, KmsSeal *seal)
{
	bytea	   *mac = DatumGetByteaPP(values[2]);

	seal->account_id = DatumGetInt64(values[0]);
	seal->domain_key_version = DatumGetInt32(values[1]);
	memset(seal->mac, 0, SEAL_MAC_LEN);
	if (VARSIZE_ANY_EXHDR(mac) == SEAL_MAC_LEN)
		memcpy(seal->mac, VARDATA_ANY(mac), SEAL_MAC_LEN);
}
