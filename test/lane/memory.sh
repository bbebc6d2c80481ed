#!/bin/bash
#
# The SQL tests with an eye on each access to memory: "make check-memory".
#
# asan      kms.so with AddressSanitizer and UndefinedBehaviorSanitizer, in a
#           server that has the former preloaded: the stack, globals and the heap of C
# valgrind  memcheck around the whole server, which tells it of memory contexts:
#           what is used before it is written, beside its end or after it was freed,
#           and what is lost.  Errors with kms.so in their stack count.  Fifty times
#           slower: without TESTS only the files that are named below
#
#   LANES="asan valgrind"   only these
#   TESTS="alias key"       only these files
#
set -euo pipefail
. "$(dirname "$0")/lane.sh"

# Most operations, in files that take a second; all files take hours, and dates that
# are seconds away in a test, and time-outs, pass too soon.
valgrind_tests="account alias call_gateway cipher column_hostile data_key key key_rotation key_version tag"

place=
bad=0

finish()
{
	local status=$?

	trap - EXIT INT TERM HUP
	if [ -n "${KEEP:-}" ]; then
		echo "kept: $place" >&2
	else
		[ -z "$place" ] || rm -rf "$place"
	fi
	exit "$status"
}

# "run_tests COMMAND ...": the SQL tests, whose server the command starts.
run_tests()
{
	mkdir -m 1777 "$place/reports"
	printf '#!/bin/sh\nexec %s "$POSTGRES" "$@"\n' "$*" >"$place/server"
	chmod 755 "$place/server"
	KMS_SERVER=$place/server STAGES=regress TESTS="$tests" "$repo/test/check.sh" || bad=1
}

# Show what was reported, if anything.
judge()
{
	local name=$1 found=$2

	if [ -n "$found" ]; then
		head -n 300 <<<"$found"
		say "$name: errors in kms.so"
		bad=1
	else
		say "$name: no error in kms.so, $(find "$place/reports" -type f | wc -l) reports"
	fi
	mv "$place/reports" "$place/reports.$name"
}

asan()
{
	local library

	library=$("${CC:-cc}" -print-file-name=libasan.so)
	say "asan: the SQL tests with AddressSanitizer and UndefinedBehaviorSanitizer"
	tests=${TESTS:-}
	KMS_COPT='-fsanitize=address,undefined -fno-omit-frame-pointer -Wno-error' run_tests env LD_PRELOAD="$library" \
		ASAN_OPTIONS="detect_leaks=0:quarantine_size_mb=1:log_path=$place/reports/asan" \
		UBSAN_OPTIONS="print_stacktrace=1:log_path=$place/reports/ubsan"
	judge asan "$(find "$place/reports" -type f -exec cat {} +)"
}

# Errors of memcheck, a paragraph each, of which those that kms.so takes part in.
# What memory contexts still hold when a process ends is not lost, but thrown away.
errors_of_kms()
{
	sed -E 's/^==[0-9]+== ?//' "$place"/reports/*.log |
		awk -v RS= -v ORS='\n\n' '/\/kms-check\.[^\/]*\/src\/|\/kms\.so\)/ && !(/definitely lost/ && /\/utils\/mmgr\//)'
}

valgrind()
{
	say "valgrind: SQL tests in memcheck (some five minutes)"
	tests=${TESTS:-$valgrind_tests}
	KMS_COPT='-g -Wno-error' run_tests valgrind --quiet --error-limit=no --num-callers=30 --fullpath-after= \
		--leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
		--suppressions="$lanes/assert/valgrind.supp" --log-file="$place/reports/%p.log"
	judge valgrind "$(errors_of_kms)"
}

"$repo/.ci/deps.sh" memory
use_assertion_server
place=$(mktemp -d "${KMS_TMP:-/tmp}/kms-memory.XXXXXX")
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
chmod 711 "$place"
for lane in ${LANES:-asan valgrind}; do
	"$lane"
done
[ "$bad" -eq 0 ]
