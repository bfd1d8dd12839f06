# collector-load-balancer: see README.md. GNU make.
#   B        where everything that is built goes
#   DESTDIR, PREFIX   where install puts it
#   WERROR=1 warnings are errors (make check and .ci/run set it)

B = build
PREFIX = /usr/local
DESTDIR =
CFLAGS = -O2 -g
CXXFLAGS = $(CFLAGS)
FUZZ_SECONDS = 60

PROGS = $(patsubst cmd/%.c,%,$(wildcard cmd/*.c))
SCRIPTS = clb-run
LIB_C = $(wildcard lib/*.c)
LIB_CC = $(wildcard lib/*.cc)
UNIT = $(patsubst testdata/unit/%.c,%,$(wildcard testdata/unit/*.c))
FUZZ = $(patsubst testdata/fuzz/%.c,%,$(wildcard testdata/fuzz/*.c))
MAN = $(wildcard man/*.[157])

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

$B/libclb.a: $(LIBO)
	rm -f $@
	$(AR) rcs $@ $^

$B/%.o: %.c
	@mkdir -p $(@D)
	$C -c -o $@ $<

$B/%.o: %.cc
	@mkdir -p $(@D)
	$(CPP) -c -o $@ $<

unit: $(UNIT:%=$B/unit/%)

clean:
	rm -rf build build-*

-include $(LIBO:.o=.d) $(PROGS:%=$B/cmd/%.d) $(UNIT:%=$B/testdata/unit/%.d)

.PHONY: all unit clean
.DELETE_ON_ERROR:
