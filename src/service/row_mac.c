/*
 * MACs of rows that decide.  The place of the domain key is part of what is
 * authenticated only through the key itself: under another one it does not fit.
 */
#include "service/row_mac.h"

#include "base/error.h"
#include "service/account.h"

void
row_mac_make(KmsRecord *record, KmsSeal *seal)
{
	row_mac_make_for(account_id(), record, seal);
}

void
row_mac_make_for(int64 account, KmsRecord *record, KmsSeal *seal)
{
	kc_mac	   *mac;
	kc_status	status;

	seal->account_id = account;
	seal->domain_key_version = 0;
	mac = account_row_mac(seal->account_id, &seal->domain_key_version);
	status = kc_mac_generate(mac, record_view(record), seal->mac, NULL);
	record_end(record);
	err_crypto(status);
}

bool
row_mac_fits(KmsRecord *record, const KmsSeal *seal)
{
	int32		version = seal->domain_key_version;
	kc_mac	   *mac;
	kc_status	status;

	if (!account_has_domain_key(seal->account_id, version))
	{
		record_end(record);
		return false;
	}
	mac = account_row_mac(seal->account_id, &version);
	status = kc_mac_verify(mac, record_view(record), kc_view_of(seal->mac, SEAL_MAC_LEN), NULL);
	record_end(record);
	if (status != KC_BAD_TAG)
		err_crypto(status);
	return status == KC_OK;
}
