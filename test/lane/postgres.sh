# Build PostgreSQL 15 with assertions from what was fetched; run by lane.sh as
# the server's user: bash -s PLACE.  Debian's tarball as its authors published
# it, without the distribution's patches.
#
# valgrind is told of memory contexts, too, so that one server does for both
# lanes; without valgrind that costs nothing.
# shellcheck shell=bash
set -euo pipefail

place=$1
cd "$place"

mkdir source pgtap
tar -C source --strip-components=1 -xf fetched/postgresql-15_*.orig.tar.*
# One assertion is wrong: a row that is locked FOR NO KEY UPDATE, updated in a
# savepoint, rolled back and updated to be toasted fails it in plain SQL.  The lock
# on the old row then names an updater as well, who has aborted; nothing comes of it.
sed -i '/Assert(HEAP_XMAX_IS_LOCKED_ONLY(infomask_lock_old_tuple));/d' source/src/backend/access/heap/heapam.c
# With valgrind in mind, lists are copied whenever one element comes: a test with a
# million of them would take hours.
sed -i '/^#define DEBUG_LIST_MEMORY_USAGE/d' source/src/backend/nodes/list.c
(
	cd source
	./configure --prefix="$place/server" --enable-cassert --enable-debug --enable-tap-tests \
		--with-openssl --with-libxml --without-readline \
		CFLAGS='-O1 -g -fno-omit-frame-pointer' CPPFLAGS=-DUSE_VALGRIND
	make -s -j "$(nproc)" all
	make -s -j "$(nproc)" -C contrib all
	make -s install
	make -s -C contrib install
	cp src/tools/valgrind.supp "$place/"
)
# pgTAP is SQL, the same for every build.
dpkg-deb -x fetched/postgresql-15-pgtap_*.deb pgtap
cp pgtap/usr/share/postgresql/15/extension/pgtap* "$(server/bin/pg_config --sharedir)/extension/"
rm -rf source pgtap
