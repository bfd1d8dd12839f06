# collector-load-balancer: see README.md. GNU make.
#   B        where everything that is built goes
#   DESTDIR, PREFIX   where install puts it
#   WERROR=1 warnings are errors (make check sets it)
#   FUZZ_SECONDS      how long make fuzz runs each harness
#   TESTS    the bats files that make check runs, instead of all; KUBE_TESTS, check-k8s

B = build
PREFIX = /usr/local
DESTDIR =
CFLAGS = -O2 -g
CXXFLAGS = $(CFLAGS)
FUZZ_SECONDS = 60

PROGS = $(patsubst cmd/%.c,%,$(wildcard cmd/*.c))
SCRIPTS = clb-agent clb-operator clb-run clb-watch
SHARE = $(wildcard scripts/share/*)
LIB_C = $(wildcard lib/*.c)
LIB_CC = $(wildcard lib/*.cc)
UNIT = $(patsubst testdata/unit/%.c,%,$(wildcard testdata/unit/*.c))
FUZZ = $(patsubst testdata/fuzz/%.c,%,$(wildcard testdata/fuzz/*.c))
BENCH = $(patsubst testdata/bench/%.c,%,$(wildcard testdata/bench/*.c))
MAN = $(wildcard man/*.[157])
# Those that need a Kubernetes control plane are for check-k8s.
KUBE_TESTS = testdata/kube.bats testdata/kube-run.bats testdata/kube-fleet.bats
TESTS = $(filter-out $(KUBE_TESTS),$(wildcard testdata/*.bats))
# What waits for servers most of its time; asan leaves it out.
SERVER_TESTS = $(patsubst %,testdata/%.bats,clb-agent fleet scraping tree-prometheus weigh)

PKGS = yaml-0.1 jansson libxxhash libcurl libcares nettle simdjson re2
WARN = -Wall -Wextra -Wpedantic $(if $(WERROR),-Werror)
INC := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PKGS)))
LIBS := $(shell pkg-config --libs $(PKGS)) -lunistring
C = $(CC) -std=c11 -D_GNU_SOURCE -I. $(INC) $(WARN) $(CFLAGS) $(CPPFLAGS) -MMD -MP
CPP = $(CXX) -std=c++17 -D_GNU_SOURCE -DNDEBUG -I. $(INC) $(WARN) $(CXXFLAGS) $(CPPFLAGS) -MMD -MP

LIBO = $(LIB_C:%.c=$B/%.o) $(LIB_CC:%.cc=$B/%.o)

all: $(PROGS:%=$B/%)

$(PROGS:%=$B/%): $B/%: $B/cmd/%.o $B/libclb.a
	$(CXX) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(UNIT:%=$B/unit/%): $B/unit/%: $B/testdata/unit/%.o $B/libclb.a
	@mkdir -p $(@D)
	$(CXX) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(FUZZ:%=$B/fuzz/%): $B/fuzz/%: $B/testdata/fuzz/%.o $B/libclb.a
	@mkdir -p $(@D)
	$(CXX) $(CFLAGS) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

$(BENCH:%=$B/bench/%): $B/bench/%: $B/testdata/bench/%.o $B/libclb.a
	@mkdir -p $(@D)
	$(CXX) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$B/libclb.a: $(LIBO)
	rm -f $@
	$(AR) rcs $@ $^

$B/%.o: %.c
	@mkdir -p $(@D)
	$C -c -o $@ $<

$B/%.o: %.cc
	@mkdir -p $(@D)
	$(CPP) -c -o $@ $<

# A header compiles alone.
$B/%.h.ok: %.h
	@mkdir -p $(@D)
	@echo '#include "$<"' | $C -MF $@.d -MT $@ -fsyntax-only -x c -
	@touch $@

unit: $(UNIT:%=$B/unit/%)

benches: $(BENCH:%=$B/bench/%)

lint: $(patsubst %.h,$B/%.h.ok,$(wildcard lib/*.h))
	scripts/lint

# Ends with "N passed, M failed".
check:
	@$(MAKE) --no-print-directory B=$B WERROR=1 lint all unit benches
	@scripts/fetch-tests
	@scripts/run-tests $B $(TESTS)

# With a real control plane, which is built the first time; see scripts/fetch-tests.
check-k8s: all
	@scripts/fetch-tests --kube
	@PATH="$(abspath $B):$(CURDIR)/scripts:$$PATH" LC_ALL=C.UTF-8 B="$(abspath $B)" \
	    CLB_ROOT="$(CURDIR)" CLB_BUILD="$(abspath $B)" bats --timing $(KUBE_TESTS)

bench-k8s: all
	@scripts/fetch-tests --kube
	@PATH="$(abspath $B):$(CURDIR)/scripts:$$PATH" scripts/bench-k8s $B/bench-k8s
	@PATH="$(abspath $B):$(CURDIR)/scripts:$$PATH" B="$(abspath $B)" scripts/bench-fleet $B/bench-fleet

SANITIZE = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all

asan:
	ASAN_OPTIONS=exitcode=99:detect_leaks=1 UBSAN_OPTIONS=exitcode=99:print_stacktrace=1 \
	    $(MAKE) B=$B-asan CFLAGS='$(SANITIZE)' \
	    TESTS='$(filter-out $(SERVER_TESTS),$(TESTS))' check

fuzz:
	$(MAKE) B=$B-fuzz CC=clang CXX=clang++ \
	    CFLAGS='$(SANITIZE) -fsanitize=fuzzer-no-link' fuzz-run

fuzz-run: $(FUZZ:%=$B/fuzz/%)
	scripts/fuzz $B $(FUZZ_SECONDS) $(FUZZ)

demo: all
	@PATH="$(abspath $B):$$PATH" scripts/demo $B/demo

bench: all
	@scripts/fetch-tests
	@PATH="$(abspath $B):$$PATH" scripts/bench $B/bench
	@PATH="$(abspath $B):$$PATH" scripts/bench-mirror $B/bench

bench-http: all
	@scripts/fetch-tests --bench
	@PATH="$(abspath $B):$$PATH" scripts/bench-http $B/bench

# Balance and movement; exits with 1 if they are not what they should be.
bench-schedule: all benches
	@PATH="$(abspath $B):$$PATH" scripts/bench-schedule $B/bench

install: all
	install -d $(DESTDIR)$(PREFIX)/bin
	install $(PROGS:%=$B/%) $(SCRIPTS:%=scripts/%) $(DESTDIR)$(PREFIX)/bin
	install -d $(DESTDIR)$(PREFIX)/share/clb
	install -m 644 $(SHARE) $(DESTDIR)$(PREFIX)/share/clb
	for s in 1 5 7; do \
	    install -d $(DESTDIR)$(PREFIX)/share/man/man$$s && \
	    install -m 644 man/*.$$s $(DESTDIR)$(PREFIX)/share/man/man$$s || exit; done

clean:
	rm -rf build build-*

-include $(LIBO:.o=.d) $(PROGS:%=$B/cmd/%.d) $(UNIT:%=$B/testdata/unit/%.d) \
    $(FUZZ:%=$B/testdata/fuzz/%.d) $(BENCH:%=$B/testdata/bench/%.d)

.PHONY: all unit benches lint check check-k8s asan fuzz fuzz-run demo bench bench-http bench-k8s bench-schedule install clean
.DELETE_ON_ERROR:
.SECONDARY:
