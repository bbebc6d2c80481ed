#!/bin/sh
#
# Builds every fuzz target with libFuzzer and the sanitizers, and runs each for
# the given time; server.sh as well, which needs a server.
#
#   test/fuzz/run.sh SECONDS
#
#   CLANG=clang-16       another clang
#   CORPUS=folder        start from, and add to, what earlier runs found
#
# An input that breaks something is kept in the current folder; it is the
# argument to run the target with again.
#
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

if [ $# -ne 1 ] || ! [ "$1" -gt 0 ] 2>/dev/null; then
	echo "usage: $0 SECONDS" >&2
	exit 2
fi
seconds=$1

# The packages of some systems install it under its version's name only.
clang=${CLANG:-}
for name in clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14; do
	[ -n "$clang" ] || ! command -v "$name" >/dev/null || clang=$name
done
if [ -z "$clang" ] || ! command -v "$clang" >/dev/null; then
	echo "$0: fuzzing needs clang with libFuzzer, and there is no ${clang:-clang} (Debian: apt install clang)" >&2
	exit 2
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

status=0
for source in "$here"/*.c; do
	target=$(basename "$source" .c)
	seeds=$here/seeds/$target
	corpus=${CORPUS:-$work/corpus}/$target
	mkdir -p "$corpus"
	# The target's name may be that of a file of the floor: hence the folders.
	"$clang" -std=c11 -g -O1 -Wall -Wextra -Werror -fno-omit-frame-pointer \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		-I"$root/src/crypto" -I"$here" \
		"$root"/src/crypto/*.c "$source" -lcrypto -o "$work/$target"
	echo "# $target: $seconds seconds"
	if "$work/$target" -max_total_time="$seconds" -max_len=6000 -timeout=10 -print_final_stats=1 \
		"$corpus" "$seeds" >"$work/$target.log" 2>&1; then
		sed -n 's/^stat::number_of_executed_units: */# inputs: /p' "$work/$target.log"
		echo "ok - $target"
	else
		tail -n 60 "$work/$target.log"
		echo "not ok - $target"
		status=1
	fi
done

echo "# server: $seconds seconds"
if "$here/server.sh" "$seconds" 2>&1; then
	echo "ok - server"
else
	echo "not ok - server"
	status=1
fi
exit "$status"
