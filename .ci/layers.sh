#!/bin/bash
#
# Who includes whom: the floors of the house, checked by grep.
#
#   .ci/layers.sh [FOLDER]      check FOLDER/src, default: this checkout
#   .ci/layers.sh --self-test   prove that the check can fail
#
set -euo pipefail
. "$(dirname "$0")/env.sh"

# ---- the rules -----------------------------------------------------------

# floor    may include its own headers and those of
floors='
api        call service base
call       base
worker     service base
service    store root base crypto
store      base crypto
root       base crypto
base       crypto
crypto
'

# One floor, one foreign language: a header (extended regular expression), and
# where alone it may be included.  src/kms.c, which only wires, is "kms.c".
headers='
openssl/.*                                     crypto
executor/spi\.h                                store call
access/(heapam|genam|table|tableam)\.h         store
fmgr\.h                                        api kms.c
'

# The same for words in the code.
words='
PG_FUNCTION_INFO_V1|PG_GETARG_[A-Z0-9_]+       api kms.c
'

# ---- the check -----------------------------------------------------------

found=0

violation()
{
	printf '%s: %s\n' "$1" "$2"
	found=$((found + 1))
}

# "floor_of src/api/key.c" is api; of src/kms.c it is kms.c.
floor_of()
{
	local path=${1#src/}

	echo "${path%%/*}"
}

row_of()
{
	sed -n "s/^$1\\( *$\\|  *\\)//p" <<<"$floors"
}

is_floor()
{
	grep -qE "^$1( |\$)" <<<"$floors"
}

# file:line:header of every #include below src.
includes()
{
	grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include' src |
		sed -nE 's/^([^:]+):([0-9]+):[^<"]*[<"]([^>"]+)[>"].*/\1:\2:\3/p'
}

check_floors()
{
	local file line header from to

	while IFS=: read -r file line header; do
		from=$(floor_of "$file")
		[ "$from" != kms.c ] || continue
		is_floor "$from" || { violation "$file" "src/$from is not a floor of the house"; continue; }
		to=${header%%/*}
		case $header in
			../*) violation "$file:$line" "includes \"$header\": name the floor instead" ; continue ;;
			*/*) ;;
			*) to= ;;
		esac
		if [ "$from" = crypto ]; then
			check_plain_c "$file:$line" "$header"
		elif [ -n "$to" ] && is_floor "$to" && [ "$to" != "$from" ]; then
			[[ " $(row_of "$from") " == *" $to "* ]] ||
				violation "$file:$line" "$from/ includes \"$header\" (it may: $from $(row_of "$from"))"
		fi
	done < <(includes)
}

# crypto/ is built and tested without PostgreSQL: its own headers, OpenSSL's and
# the C library's, which have no folder but sys/.
check_plain_c()
{
	case $2 in
		crypto/* | openssl/* | sys/*) ;;
		*/* | postgres*.h | c.h | fmgr.h | miscadmin.h)
			violation "$1" "crypto/ includes \"$2\": plain C on OpenSSL only" ;;
	esac
}

check_headers()
{
	local pattern allowed file line header

	while read -r pattern allowed; do
		[ -n "$pattern" ] || continue
		while IFS=: read -r file line header; do
			[[ " $allowed " == *" $(floor_of "$file") "* ]] ||
				violation "$file:$line" "includes $header (only in: $allowed)"
		done < <(includes | grep -E "^[^:]+:[0-9]+:$pattern\$")
	done <<<"$headers"
}

check_words()
{
	local pattern allowed file line text

	while read -r pattern allowed; do
		[ -n "$pattern" ] || continue
		while IFS=: read -r file line text; do
			[[ " $allowed " == *" $(floor_of "$file") "* ]] ||
				violation "$file:$line" "$(grep -oE "$pattern" <<<"$text" | head -n 1) (only in: $allowed)"
		done < <(grep -rnE --include='*.[ch]' "\\<($pattern)\\>" src)
	done <<<"$words"
}

# What SQL calls says which operation it is: by KMS_FUNCTION, and the few that
# are none by KMS_HELPER (api/args.h), never by PostgreSQL's own macro.
check_functions()
{
	local file line text

	while IFS=: read -r file line text; do
		[ "$file" = src/api/args.h ] ||
			violation "$file:$line" "PG_FUNCTION_INFO_V1: use KMS_FUNCTION, which names the operation"
	done < <(grep -rnE --include='*.[ch]' '\<PG_FUNCTION_INFO_V1\>' src)
}

check()
{
	cd "$1"
	[ -n "$(find src -name '*.c' -print -quit)" ] || die "no C files below $1/src"
	check_floors
	check_headers
	check_words
	check_functions
	[ "$found" -eq 0 ] || { echo "$found violations of the layers"; return 1; }
}

# ---- the check of the check ----------------------------------------------

# Lines "FILE TEXT"; a text planted in a file of its own must be found, one by
# one, and the clean files below must not.
planted='
src/api/a.c       #include "store/key.h"
src/api/b.c       #include "crypto/kc.h"
src/api/c.h       #include "root/root.h"
src/api/d.c       #include "worker/launcher.h"
src/worker/a.c    #include "store/key.h"
src/worker/b.c    #include "api/args.h"
src/service/a.c   #include "api/args.h"
src/store/a.c     #include "root/root.h"
src/store/b.c     #include "service/key.h"
src/root/a.c      #include "store/key.h"
src/base/a.c      #include "store/key.h"
src/base/b.h      # include "../store/key.h"
src/crypto/a.c    #include "postgres.h"
src/crypto/b.c    #include "base/error.h"
src/crypto/c.c    #include "utils/palloc.h"
src/service/b.c   #include <openssl/evp.h>
src/service/c.c   #include "executor/spi.h"
src/base/c.c      #include "access/table.h"
src/root/b.c      #include "access/genam.h"
src/api/e.c       #include "access/heapam.h"
src/call/a.c      #include "service/key.h"
src/call/b.c      #include "fmgr.h"
src/service/e.c   #include "call/call.h"
src/base/d.c      #include "fmgr.h"
src/service/d.c   PG_FUNCTION_INFO_V1(kms_x);
src/api/f.c       PG_FUNCTION_INFO_V1(kms_x);
src/store/c.c     	x = PG_GETARG_TEXT_PP(0);
src/cellar/a.c    #include "postgres.h"
'

clean='
src/kms.c         #include "fmgr.h"
src/kms.c         #include "worker/launcher.h"
src/api/a.c       #include "fmgr.h"
src/api/a.c       #include "service/key.h"
src/api/a.c       KMS_FUNCTION(kms_x, ACTION_NONE)
src/api/args.h    PG_FUNCTION_INFO_V1(name)
src/api/a.c       #include "call/call.h"
src/call/a.c      #include "base/error.h"
src/call/a.c      #include "executor/spi.h"
src/worker/a.c    #include "base/error.h"
src/service/a.c   #include "store/key.h"
src/service/a.c   #include "crypto/kc.h"
src/store/a.c     #include "executor/spi.h"
src/store/a.c     #include "access/table.h"
src/root/a.c      #include "crypto/rootkey.h"
src/base/a.c      #include "postgres.h"
src/base/a.c      #include "crypto/kc.h"
src/crypto/a.c    #include <openssl/evp.h>
src/crypto/a.c    #include <string.h>
src/crypto/a.c    #include "kc.h"
'

plant()
{
	mkdir -p "$(dirname "$1/$2")"
	printf '%s\n' "$3" >>"$1/$2"
}

self_test()
{
	local folder file text report

	folder=$(mktemp -d)
	# shellcheck disable=SC2064
	trap "rm -rf '$folder'" EXIT

	while read -r file text; do
		[ -z "$file" ] || plant "$folder/clean" "$file" "$text"
	done <<<"$clean"
	report=$(found=0; check "$folder/clean") || die "the layer check refuses what is allowed: $report"

	while read -r file text; do
		[ -n "$file" ] || continue
		rm -rf "$folder/planted"
		plant "$folder/planted" "src/kms.c" ""
		plant "$folder/planted" "$file" "$text"
		report=$(found=0; check "$folder/planted") && die "the layer check does not see: $file: $text"
		[[ $report == "$file"* ]] || die "the layer check does not name $file: $report"
	done <<<"$planted"
}

case ${1:-} in
	--self-test) self_test ;;
	*) check "$(realpath "${1:-$repo}")" ;;
esac
