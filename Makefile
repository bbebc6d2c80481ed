# kms: a key management service inside PostgreSQL.
#
# Two kinds of targets live here.  Building and installing (all, install,
# clean, ...) is PGXS's work and needs pg_config.  The commands for people
# (check, demo, bench, fuzz) must start on a machine that has nothing but make:
# they are scripts that install what is missing first and call make again.

# PostgreSQL 15 where Debian puts it, else whatever is first in PATH.
PG_CONFIG ?= $(firstword $(wildcard /usr/lib/postgresql/15/bin/pg_config) pg_config)

COMMANDS = check check-long check-assert check-trixie check-memory check-upgrade demo demo-stop bench fuzz deb help
GOALS := $(or $(MAKECMDGOALS),all)

ifneq ($(filter $(COMMANDS),$(GOALS)),)

# ---- commands ----------------------------------------------------------

.PHONY: $(GOALS)

help:
	@echo 'make            build kms.so and sql/kms--1.0.sql'
	@echo 'make install    install into the PostgreSQL of PG_CONFIG=$(PG_CONFIG)'
	@echo 'make demo       private server in .demo/ and a walk through on a real table'
	@echo 'make demo-stop  stop that server and remove it'
	@echo 'make check      every test, on a temporary server (STAGES="unit regress" for some,'
	@echo '                TESTS="alias key" for some files, KEEP=1 keeps the temporary folder)'
	@echo 'make check-long     crashes under load, which take more than two minutes'
	@echo 'make check-assert   every test on a PostgreSQL built with assertions'
	@echo 'make check-trixie   every test on Debian 13: PostgreSQL 17, OpenSSL 3.5 (as root)'
	@echo 'make check-memory   the SQL tests under AddressSanitizer and under valgrind'
	@echo 'make check-upgrade  pg_upgrade to a newer PostgreSQL (KMS_PG_CONFIG_NEW=/path/to/pg_config)'
	@echo 'make bench      speed, as a table'
	@echo 'make fuzz       random input to all that reads it, a minute each (SECONDS=60)'
	@echo 'make deb        the Debian package, built, installed and tried'
	@echo 'make clean      remove what was built'

check:
	@STAGES='$(STAGES)' TESTS='$(TESTS)' KEEP='$(KEEP)' test/check.sh

check-long:
	@STAGES=long TESTS='$(TESTS)' KEEP='$(KEEP)' test/check.sh

check-upgrade:
	@STAGES=upgrade TESTS='$(TESTS)' KEEP='$(KEEP)' KMS_PG_CONFIG_NEW='$(KMS_PG_CONFIG_NEW)' test/check.sh

check-assert check-trixie check-memory:
	@test/lane/$(@:check-%=%).sh

deb:
	@test/deb.sh

demo:
	@demo/demo.sh

demo-stop:
	@demo/stop.sh

bench:
	@.ci/deps.sh build server bench
	@bench/run.sh

# SECONDS is bash's own variable, so it travels as an argument.
fuzz:
	@.ci/deps.sh build server fuzz
	@test/fuzz/run.sh '$(or $(SECONDS),60)'

# "make clean check" and the like: the building half by another make.
$(filter-out $(COMMANDS),$(GOALS)):
	@$(MAKE) --no-print-directory $@

else

# ---- building ----------------------------------------------------------

EXTENSION = kms
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" kms.control)
SCRIPT = sql/kms--$(EXTVERSION).sql
PIECES := $(sort $(wildcard sql/[0-9]*_*.sql))

MODULE_big = kms
OBJS := $(patsubst %.c,%.o,$(sort $(wildcard src/*/*.c) $(wildcard src/kms.c)))
DEPS := $(OBJS:.o=.d)
DATA_built = $(SCRIPT)
# What leads from one version to the next.  The scripts of versions that were released are
# in sql/released, for the tests alone.
DATA = $(wildcard sql/upgrade/kms--*--*.sql)
EXTRA_CLEAN = $(DEPS) results output_iso regression.diffs regression.out

# -isystem wins over PGXS's own -I: PostgreSQL's headers stay free of our
# warnings.  -fno-semantic-interposition is true because exports.map keeps
# everything local that one floor offers another; it lets the compiler inline.
# PostgreSQL's callbacks have parameters that one does not need; crypto/ says so
# of each of its own, so there an unused parameter is still a mistake.
PG_CPPFLAGS = -Isrc -isystem $(shell $(PG_CONFIG) --includedir-server) -MMD -MP
#
# A hit is a call through four floors and into OpenSSL: inlining across files and
# calling without the PLT make it a tenth cheaper.
PG_CFLAGS = -std=gnu11 -Wall -Wextra -Wno-unused-parameter -fno-semantic-interposition -flto=auto -fno-plt
ifdef WERROR
PG_CFLAGS += -Werror
endif
SHLIB_LINK = -lcrypto -Wl,--version-script=exports.map -flto=auto

# No bitcode: the JIT must not inline code that handles keys into queries, and
# nobody should need clang for a C extension.
override with_llvm = no

PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

ifneq ($(wildcard $(PGXS)),)

include $(PGXS)

kms.so: exports.map
$(OBJS): Makefile
src/crypto/%.o: override CFLAGS += -Wunused-parameter

else

.PHONY: all install uninstall clean
all install uninstall:
	@echo '$(PG_CONFIG) does not lead to the PostgreSQL server development files:' >&2
	@echo 'install postgresql-server-dev-15 (.ci/deps.sh does), or give PG_CONFIG=/path/to/pg_config' >&2
	@exit 1

clean:
	rm -rf kms.so $(OBJS) $(SCRIPT) $(EXTRA_CLEAN)

endif

# Compared, not dated: a piece that disappears must change the script, too.
.PHONY: FORCE
FORCE:
$(SCRIPT): FORCE
	@{ printf '%s\n' '\echo Use "CREATE EXTENSION kms" to load this file. \quit'; \
	   for piece in $(PIECES); do echo; cat "$$piece"; done; } > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@ && echo 'joined $@'; fi

-include $(DEPS)

endif
