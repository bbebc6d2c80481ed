#!/bin/bash
#
# Stop the demo's server and remove it: "make demo-stop".
#
set -euo pipefail
. "$(dirname "$0")/server.sh"

if [ -e "$link" ] || [ -L "$link" ]; then
	remove_demo
	echo "The demo's server is stopped, its files are removed."
else
	echo "There is no demo to stop."
fi
