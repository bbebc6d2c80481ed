/*
 * The service as a whole in the API's JSON.
 */
#include "call/table.h"

const CallAction call_account[] = {
	{
		.name = "DescribeRegions",
		.from = "@.kms_describe_regions() AS r",
		.list = "Regions.Region",
		.response = CALL_RESPONSE {{"RegionId", CALL_TEXT, .column = "r.region_id"}, {0}},
	},
	{
		.name = "OpenKmsService",
		.from = "@.kms_open_kms_service()",
	},
	{
		.name = "DescribeAccountKmsStatus",
		.from = "@.kms_describe_account_kms_status() AS status",
		.response = CALL_RESPONSE {{"AccountStatus", CALL_TEXT, .column = "status"}, {0}},
	},
	{0}
};
