#!/bin/bash
#
# Every test on PostgreSQL 15 with assertions: "make check-assert".
#
# Such a server checks what the packaged one takes for granted, fills freed
# memory with rubbish and guards the ends of what it hands out; test/check.sh
# looks for what it reports in the logs.
#
set -euo pipefail
. "$(dirname "$0")/lane.sh"

use_assertion_server
exec "$repo/test/check.sh"
