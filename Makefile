# slicepress - see `make help`
#
# One file, no recursion into folders. Every flag set builds in its own folder:
#
#     make                    build/release/slicepress and slicepress-worker
#     make test               bootstrap, build, every test
#     make asan-check         any target under AddressSanitizer, in build/asan
#     make B=build/mine V=1   an own folder, commands shown
#
# A test program says in its first line what it links: /* links: base dicom codec */

VERSION := 0.1.0
VARIANT ?= release
B       ?= build/$(VARIANT)
PREFIX  ?= /usr/local
DESTDIR ?=
V       ?= 0
WERROR  ?= 0
JOBS    ?= 2
PKG_CONFIG   ?= pkg-config
CLANG_FORMAT ?= clang-format
PYTHON  ?= python3

ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := g++
endif
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-6s %s\n' $(1) $(2))

# ---------------------------------------------------------------------------- flags
#
#   standard    C11 with the GNU and POSIX names; C++17 for the two .cc files
#   warnings    the same for both compilers; errors only with WERROR=1 (CI), never for users
#   hardening   stack protector, fortified libc, position independent, full RELRO
#   floats      no fused multiply-add: the same bytes on every processor
#   sanitizers  VARIANT=asan, ubsan, tsan, fuzz (fortify off: it hides reads from ASan)

std_c      := -std=c11 -D_GNU_SOURCE
std_cxx    := -std=c++17 -D_GNU_SOURCE
warn_both  := -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wvla -Wwrite-strings
warn_c     := $(warn_both) -Wstrict-prototypes -Wmissing-prototypes
warn_cxx   := $(warn_both)
optimise   := -O2 -g -ffp-contract=off
harden     := -fno-common -fstack-protector-strong -fPIE
fortify    := -D_FORTIFY_SOURCE=2
linkhard   := -pie -Wl,-z,relro -Wl,-z,now -Wl,--as-needed
sanitize   :=

ifeq ($(VARIANT),asan)
sanitize := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
optimise := -O1 -g -ffp-contract=off
fortify  := -U_FORTIFY_SOURCE
else ifeq ($(VARIANT),ubsan)
sanitize := -fsanitize=undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
optimise := -O1 -g -ffp-contract=off
else ifeq ($(VARIANT),tsan)
sanitize := -fsanitize=thread -fno-omit-frame-pointer
optimise := -O1 -g -ffp-contract=off
fortify  := -U_FORTIFY_SOURCE
else ifeq ($(VARIANT),fuzz)
CC       := clang
CXX      := clang++
sanitize := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
optimise := -O1 -g -ffp-contract=off
fortify  := -U_FORTIFY_SOURCE
else ifeq ($(VARIANT),coverage)
sanitize := --coverage
optimise := -O0 -g
fortify  := -U_FORTIFY_SOURCE
endif

# ---------------------------------------------------------------------------- libraries
#
# pkg-config where there is one. GDCM has none on Debian, and OpenJPH's is empty. Headers of
# libraries are system headers: their warnings are not ours.

codec_packages := libopenjp2 charls libjpeg libwebp libwebpmux libpng lcms2 blosc libdeflate
gdcm_include   := -isystem /usr/include/gdcm-3.0
gdcm_libs      := -lgdcmDSED -lgdcmCommon
system_include  = $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags $(1) 2>/dev/null))
system_libs     = $(shell $(PKG_CONFIG) --libs $(1) 2>/dev/null)

include_dirs := -Ipipeline -Istages -I. -I$(B) $(gdcm_include) \
                $(call system_include,$(codec_packages)) -isystem /usr/include/openjph

libs_base        := $(call system_libs,libcrypto)
libs_dicom       := $(gdcm_libs) $(call system_libs,zlib libdeflate)
libs_job         := $(call system_libs,zlib libdeflate)
libs_codec       := $(call system_libs,$(codec_packages) zlib) -lopenjph -lgdcmjpeg12 -lgdcmjpeg16
libs_stages      := $(call system_libs,libdeflate)
libs_worker      := $(call system_libs,libzip zlib libarchive libdeflate libseccomp)
libs_coordinator := $(call system_libs,sqlite3 libuv zlib libdeflate libbrotlienc libbrotlidec inih jansson)
libs_support     := $(call system_libs,libdeflate libjpeg)
libs_bench       := $(libs_codec) $(gdcm_libs) $(call system_libs,libzip)
libs_common      := -lpthread -lm

# A coordinator without a decoder, a worker without the catalogue: the link line is the proof
# (scripts/lint checks it).
slicepress_libs := $(libs_coordinator) $(call system_libs,zlib) $(libs_base) $(libs_common)
worker_libs     := $(libs_worker) $(libs_stages) $(libs_codec) $(libs_dicom) $(libs_base) $(libs_common)

# CFLAGS, CXXFLAGS, CPPFLAGS and LDFLAGS are the user's; ours come first, so that his win.
werror       := $(if $(filter 1,$(WERROR)),-Werror)
version_flag := -DSLICEPRESS_VERSION='"$(VERSION)"'
c_flags   = $(std_c) $(optimise) $(warn_c) $(werror) $(harden) $(fortify) $(sanitize) \
            $(version_flag) $(include_dirs) $(test_include) $(CPPFLAGS) $(CFLAGS)
cxx_flags = $(std_cxx) $(optimise) $(warn_cxx) $(werror) $(harden) $(fortify) $(sanitize) \
            $(version_flag) $(include_dirs) $(test_include) $(CPPFLAGS) $(CXXFLAGS)
ld_flags  = $(linkhard) $(sanitize) $(LDFLAGS)

# A change of flags rebuilds the folder.
flags_now := $(strip $(CC) $(CXX) $(c_flags) $(cxx_flags) $(ld_flags))
ifneq ($(strip $(file <$(B)/flags)),$(flags_now))
$(shell mkdir -p $(B))
$(file >$(B)/flags,$(flags_now))
endif

# ---------------------------------------------------------------------------- sources

layers := base dicom job codec stages worker coordinator support

sources_base        := $(wildcard pipeline/base/*.c)
sources_dicom       := $(wildcard pipeline/dicom/*.c pipeline/dicom/*.cc)
sources_job         := $(wildcard pipeline/job/*.c)
sources_codec       := $(wildcard stages/codec/*.c stages/codec/*.cc)
sources_stages      := $(wildcard stages/*.c)
sources_worker      := $(filter-out %/worker_main.c,$(wildcard pipeline/worker/*.c))
sources_coordinator := $(filter-out %/main.c,$(wildcard pipeline/coordinator/*.c))

# tests/support: a file with a `links:` line is a program, any other belongs to libsupport.a.
test_files := $(sort $(wildcard $(foreach d,unit support bench fuzz,tests/$(d)/*.c tests/$(d)/*.cc)))
# one word a program: tests/unit/test_buffer.c:base,job
links_found := $(if $(test_files),$(shell awk 'FNR == 1 && /links:/ { \
    sub(/.*links:[ \t]*/, ""); sub(/[ \t]*\*\/.*/, ""); gsub(/[ \t,]+/, ","); \
    print FILENAME ":" $$0 }' $(test_files)))
linked_files    := $(foreach w,$(links_found),$(firstword $(subst :, ,$(w))))
sources_support := $(filter-out $(linked_files),$(filter tests/support/%,$(test_files)))
replay_source   := tests/fuzz/replay.c
program_files   := $(filter-out $(sources_support) $(replay_source),$(test_files))

object = $(patsubst %,$(B)/obj/%.o,$(1))
all_sources := $(foreach l,$(layers),$(sources_$(l))) $(program_files) $(wildcard $(replay_source)) \
               $(wildcard pipeline/coordinator/main.c pipeline/worker/worker_main.c)

# Files a program carries in itself: `#include "generated/catalogue.sql.inc"` between the
# braces of a `static const char x[] = { }`; a NUL is at the end.
embed_files := $(wildcard schema/*.sql schema/migrations/*.sql schema/queries/*.sql \
               pipeline/coordinator/pages/* pipeline/coordinator/servers/*)
embedded    := $(foreach f,$(embed_files),$(B)/generated/$(notdir $(f)).inc)

# ---------------------------------------------------------------------------- programs

## all: both programs (the default)
.PHONY: all
all: $(B)/slicepress $(B)/slicepress-worker

archives = $(foreach l,$(1),$(B)/lib$(l).a)
group    = -Wl,--start-group $(1) -Wl,--end-group

slicepress_archives := $(call archives,coordinator job dicom base)
worker_archives     := $(call archives,worker stages codec job dicom base)

$(B)/slicepress: $(call object,pipeline/coordinator/main.c) $(slicepress_archives)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ld_flags) -o $@ $< $(call group,$(slicepress_archives)) $(slicepress_libs)

$(B)/slicepress-worker: $(call object,pipeline/worker/worker_main.c) $(worker_archives)
	$(call say,LINK,$@)
	$(Q)$(CXX) $(ld_flags) -o $@ $< $(call group,$(worker_archives)) $(worker_libs)

# One archive a layer. A source that was taken away must leave the archive too: its list is a file.
define archive_rule
ifneq ($$(strip $$(file <$(B)/lib$(1).list)),$$(strip $$(sources_$(1))))
$$(shell mkdir -p $(B))
$$(file >$(B)/lib$(1).list,$$(strip $$(sources_$(1))))
endif
$(B)/lib$(1).a: $(call object,$(sources_$(1))) $(B)/lib$(1).list
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcsD $$@ $$(filter %.o,$$^)
endef
$(foreach l,$(layers),$(eval $(call archive_rule,$(l))))

$(B)/obj/tests/%.o: test_include := -Itests/support

$(B)/obj/%.c.o: %.c $(B)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(c_flags) -MMD -MP -c -o $@ $<

$(B)/obj/%.cc.o: %.cc $(B)/flags
	$(call say,CXX,$<)
	@mkdir -p $(@D)
	$(Q)$(CXX) $(cxx_flags) -MMD -MP -c -o $@ $<

$(B)/flags: ;
$(B)/%.list: ;

define embed_rule
$(B)/generated/$(notdir $(1)).inc: $(1)
	@mkdir -p $$(@D)
	$$(Q)od -An -v -tx1 $$< | sed 's/ \(..\)/0x\1,/g; $$$$a 0' > $$@.part && mv $$@.part $$@
endef
$(foreach f,$(embed_files),$(eval $(call embed_rule,$(f))))
$(call object,$(sources_coordinator) pipeline/coordinator/main.c): | $(embedded)

# ---------------------------------------------------------------------------- test programs
#
# tests/unit/test_x.c -> $(B)/tests/test_x; tests/support, bench and fuzz -> $(B)/support/ ...
# All are linked by the C++ compiler, with the archives their first line names (base always).

program_of = $(B)/$(patsubst unit/%,tests/%,$(patsubst tests/%,%,$(basename $(1))))
links_of   = $(sort base $(filter $(layers),$(subst $(comma), ,$(patsubst $(1):%,%,$(filter $(1):%,$(links_found))))))
comma     := ,

fuzz_main  = $(if $(filter tests/fuzz/fuzz_%,$(1)),$(if $(filter fuzz,$(VARIANT)),,$(call object,$(replay_source))))
fuzz_flags = $(if $(filter tests/fuzz/fuzz_%,$(1)),$(if $(filter fuzz,$(VARIANT)),-fsanitize=fuzzer))

define program_rule
$(call program_of,$(1)): $(call object,$(1)) $(call fuzz_main,$(1)) $(call archives,$(call links_of,$(1)))
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CXX) $$(ld_flags) $(call fuzz_flags,$(1)) -o $$@ $$(filter %.o,$$^) \
	    $$(call group,$$(filter %.a,$$^)) $$(foreach l,$(call links_of,$(1)),$$(libs_$$(l))) \
	    $(if $(filter tests/bench/%,$(1)),$$(libs_bench)) $$(libs_common)
endef
$(foreach f,$(program_files),$(eval $(call program_rule,$(f))))

unit_programs    := $(foreach f,$(filter tests/unit/%,$(program_files)),$(call program_of,$(f)))
support_programs := $(foreach f,$(filter tests/support/%,$(program_files)),$(call program_of,$(f)))
bench_programs   := $(foreach f,$(filter tests/bench/%,$(program_files)),$(call program_of,$(f)))
fuzz_programs    := $(foreach f,$(filter tests/fuzz/fuzz_%,$(program_files)),$(call program_of,$(f)))

# ---------------------------------------------------------------------------- targets

SLICEPRESS_TEST_DATA ?= $(abspath ../shared/data)
test_environment = SLICEPRESS='$(abspath $(B)/slicepress)' \
    SLICEPRESS_WORKER='$(abspath $(B)/slicepress-worker)' SLICEPRESS_BUILD='$(abspath $(B))' \
    SLICEPRESS_TEST_DATA='$(SLICEPRESS_TEST_DATA)' SLICEPRESS_VARIANT='$(VARIANT)' \
    JOBS='$(JOBS)' ONLY='$(ONLY)'
# Once the packages are there this file must be read again: pkg-config may be new.
jobs_flag = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS))

## programs: both programs and every test, bench and fuzz program
.PHONY: programs test-programs
test-programs: $(unit_programs) $(support_programs) $(fuzz_programs)
programs: all test-programs $(bench_programs)

## bootstrap: install what is missing (Debian 12)
.PHONY: bootstrap
bootstrap:
	@scripts/bootstrap

## test: bootstrap, build, run every test (ONLY=word picks some)
.PHONY: test test-now
test: bootstrap
	@$(MAKE) --no-print-directory $(jobs_flag) test-now

test-now: all test-programs
	@$(test_environment) tests/run

## check: unit tests only
.PHONY: check
check: $(unit_programs)
	@$(test_environment) tests/run --unit

## test-crash: kill at every step, run again, verify
.PHONY: test-crash
test-crash: all test-programs
	@$(test_environment) ONLY=crash tests/run

## test-histories: random histories, undisturbed and killed (SEEDS=1000-1200)
.PHONY: test-histories
test-histories: all test-programs
	@$(test_environment) ONLY=histories tests/run

## test-browser: viewers of images, slides and volumes in Chromium on published sites (npm fetches them once)
.PHONY: test-browser test-browser-now
test-browser: bootstrap
	@$(MAKE) --no-print-directory $(jobs_flag) test-browser-now

test-browser-now: all $(B)/support/make_dicom
	@$(test_environment) tests/browser/start

## asan-TARGET, ubsan-TARGET, tsan-TARGET: any target under a sanitizer, e.g. asan-test
variant_folder = $(if $(filter command environment,$(firstword $(origin B))),$(B)-$(1),build/$(1))
asan-% ubsan-% tsan-% coverage-%:
	@$(MAKE) --no-print-directory VARIANT=$(firstword $(subst -, ,$@)) \
	    B=$(call variant_folder,$(firstword $(subst -, ,$@))) $*

## fuzz-replay: every corpus and former crash through the fuzz targets
.PHONY: fuzz-replay fuzz fuzz-run
fuzz-replay: $(fuzz_programs)
	@$(test_environment) tests/fuzz/run

## fuzz: libFuzzer (clang) for FUZZ_SECONDS a target
FUZZ_SECONDS ?= 60
fuzz:
	@$(MAKE) --no-print-directory VARIANT=fuzz B=$(call variant_folder,fuzz) fuzz-run

fuzz-run: $(fuzz_programs)
	@set -e; for program in $(fuzz_programs); do name=$$(basename $$program); \
	    echo "$$name: $(FUZZ_SECONDS) s"; mkdir -p $(B)/corpus/$$name $(B)/crashes; \
	    seeds=tests/fuzz/corpus/$$name; test -d $$seeds || seeds=; \
	    test $$name != fuzz_object || seeds="$$seeds $(wildcard $(SLICEPRESS_TEST_DATA)/malformed/fuzz $(SLICEPRESS_TEST_DATA)/conformance/nometa)"; \
	    $$program -max_total_time=$(FUZZ_SECONDS) -max_len=65536 -rss_limit_mb=2048 -timeout=20 \
	        -print_final_stats=1 -artifact_prefix=$(B)/crashes/$$name- $(B)/corpus/$$name $$seeds \
	        > $(B)/$$name.log 2>&1 || { tail -40 $(B)/$$name.log; exit 1; }; \
	    grep -E 'stat::number_of_executed_units' $(B)/$$name.log || true; done

## bench: fixed inputs; instances/s, MB/s, peak memory per stage
.PHONY: bench
bench: all $(bench_programs) $(support_programs)
	@$(test_environment) scripts/bench

## demo: data-samples through the whole pipeline, in under a minute
.PHONY: demo demo-now
demo: bootstrap
	@$(MAKE) --no-print-directory $(jobs_flag) demo-now

demo-now: all
	@$(test_environment) scripts/demo

## data-samples: write data-samples/ anew from tests/samples/*.recipe
.PHONY: data-samples
data-samples: $(B)/support/make_dicom
	@rm -rf data-samples/*/
	@$(test_environment) tests/samples/write data-samples

## lint: include table, banned calls, headers alone, link lines, SQL, shellcheck, clang
.PHONY: lint lint-now
lint: all
	@$(MAKE) --no-print-directory lint-now

lint-now:
	@$(test_environment) CLANG_FLAGS='$(std_c) $(warn_c) $(include_dirs) -Itests/support' \
	    CLANGXX_FLAGS='$(std_cxx) $(warn_cxx) $(include_dirs) -Itests/support' scripts/lint

## format: clang-format on lines changed since the last commit (ALL=1: on everything)
.PHONY: format
format:
	$(if $(filter 1,$(ALL)),$(CLANG_FORMAT) -i $(shell git ls-files -co --exclude-standard '*.c' '*.h' '*.cc'),git clang-format --force || true)

## golden-update: rewrite the expectations, so that the diff is the review
.PHONY: golden-update
golden-update: all test-programs
	@for suite in tests/*/run; do case $$suite in tests/golden/*|tests/cases/*) \
	    $(test_environment) UPDATE=1 $$suite;; esac; done

## coverage: lines covered by the tests, per folder
.PHONY: coverage
coverage: coverage-test
	@gcov -n $$(find $(call variant_folder,coverage)/obj -name '*.gcda') 2>/dev/null | awk \
	    '/^File/ { gsub(/\x27/, "", $$2); file = $$2 } \
	     /^Lines/ && file ~ /^(pipeline|stages)\// { split($$0, a, /[:% ]+/); sub(/\/[^\/]*$$/, "", file); \
	       total[file] += a[5]; hit[file] += a[3] * a[5] / 100; file = "" } \
	     END { for (f in total) printf "%-24s %5.1f %% of %d lines\n", f, 100 * hit[f] / total[f], total[f] }' | sort

## install: programs, schema and licence below DESTDIR and PREFIX
.PHONY: install
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/slicepress $(DESTDIR)$(PREFIX)/share/slicepress
	install -m 755 $(B)/slicepress $(DESTDIR)$(PREFIX)/bin/slicepress
	install -m 755 $(B)/slicepress-worker $(DESTDIR)$(PREFIX)/libexec/slicepress/slicepress-worker
	install -m 644 $(wildcard schema/*.sql schema/layout.md LICENSE README.md) $(DESTDIR)$(PREFIX)/share/slicepress

## clean: remove build/
.PHONY: clean
clean:
	rm -rf build

## help: this list
.PHONY: help
help:
	@sed -n 's/^## //p' $(firstword $(MAKEFILE_LIST)) | awk -F': ' '{ printf "  %-46s %s\n", $$1, substr($$0, length($$1) + 3) }'

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
-include $(patsubst %.o,%.d,$(call object,$(all_sources)))
