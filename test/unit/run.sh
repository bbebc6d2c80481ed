#!/bin/sh
#
# Builds the crypto floor with its tests under the address and undefined
# behaviour sanitizers, runs them and prints TAP.
#
#   test/unit/run.sh [folder]     where to build; a temporary one if not given
#
#   CC=clang             another compiler
#   KC_TEST_LONG=1       the million rounds of C2SP as well
#
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

if [ $# -gt 0 ]; then
	work=$1
	mkdir -p "$work"
else
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
fi

${CC:-cc} -std=c11 -g -O1 -Wall -Wextra -Werror -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-I"$root/src/crypto" -I"$here" \
	"$root"/src/crypto/*.c "$here"/*.c -lcrypto -ldl -o "$work/crypto_test"

# The sanitizers speak on standard error and through the exit status: 0 and 1
# are the tests' own.  Their verdict is the last test.  Frames stay on the stack, where
# a test looks for what is left of them: the compilers of today move them elsewhere.
status=0
ASAN_OPTIONS="detect_leaks=1:detect_stack_use_after_return=0:exitcode=99${ASAN_OPTIONS:+:$ASAN_OPTIONS}" \
	"$work/crypto_test" "$root/test/vectors" >"$work/crypto_test.tap" 2>"$work/crypto_test.err" || status=$?
cat "$work/crypto_test.tap"
sed 's/^/# /' "$work/crypto_test.err"

last=$(($(grep -cE '^(not )?ok ' "$work/crypto_test.tap") + 1))
if [ "$status" -le 1 ] && [ ! -s "$work/crypto_test.err" ]; then
	echo "ok $last - the sanitizers found nothing"
else
	echo "not ok $last - the sanitizers found nothing (status $status)"
	status=1
fi
echo "1..$last"
exit "$status"
