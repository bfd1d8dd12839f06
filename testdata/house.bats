# What holds for the whole house: its scripts, and every program alike.
load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# programs: the name of every program in C.
programs() {
	(cd "$CLB_ROOT/cmd" && ls clb-*.c) | sed 's/\.c$//'
}

# pipeline: made-up targets, and a file for every stage.
pipeline() {
	gen-targets 60 made
	clb-discover -c made/prometheus.yml >discovered
	clb-relabel -c made/prometheus.yml <discovered >targets
	clb-schedule --replicas 2 <targets >assignment
}

@test "make install puts programs, scripts and pages below DESTDIR and PREFIX" {
	make -s -C "$CLB_ROOT" B="$B" DESTDIR="$PWD/root" PREFIX=/opt/clb install
	(cd root && find . -type f -perm -u=x) | sort >have
	{ programs && printf 'clb-agent\nclb-operator\nclb-run\nclb-watch\n'; } | sed 's,^,./opt/clb/bin/,' | sort | diff - have
	(cd "$CLB_ROOT" && ls man/*.[157] scripts/share/*) | sed -e 's,^man/\(.*\.\(.\)\)$,./opt/clb/share/man/man\2/\1,' \
	    -e 's,^scripts/share/,./opt/clb/share/clb/,' | sort >want
	(cd root && find . -type f ! -perm -u=x) | sort | diff want -
}

@test "what was installed runs by itself" {
	make -s -C "$CLB_ROOT" B="$B" DESTDIR="$PWD/root" PREFIX= install
	gen-targets 30 made
	env -i PATH=/usr/bin:/bin root/bin/clb-run -c made/prometheus.yml -d sd --replicas 2 --once
	[ "$(jq -s 'map(.[].targets[]) | length' sd/*/pods.json)" -eq 20 ] ||
		[ "$(jq '.[].targets[]' sd/*/pods.json | wc -l)" -eq 20 ]
}

@test "every program prints its usage, on stdout when asked for and on stderr when wrong" {
	for PROG in $(programs); do
		check_usage
	done
}

@test "every program has a page, a test and a line in README.md" {
	for p in $(programs) clb-agent clb-operator clb-run clb-watch; do
		[ -e "$CLB_ROOT/man/$p.1" ]
		[ -e "$CLB_ROOT/testdata/$p.bats" ]
		grep -q "^| \`$p\` |" "$CLB_ROOT/README.md"
		grep -q "^\.Xr $p 1" "$CLB_ROOT/man/clb.7"
	done
}

@test "every program that prints notices a full disk and a closed stdout" {
	pipeline
	check_output_fails /dev/null clb-config show made/prometheus.yml
	check_output_fails /dev/null clb-config files made/prometheus.yml
	check_output_fails /dev/null clb-discover -c made/prometheus.yml
	check_output_fails discovered clb-relabel -c made/prometheus.yml
	check_output_fails targets clb-schedule --replicas 2
	check_output_fails targets clb-scale --targets-per-replica 2
}

@test "every reader refuses a record cut short, with line and column" {
	pipeline
	for stage in 'discovered clb-relabel -c made/prometheus.yml' \
	    'targets clb-schedule --replicas 2' 'targets clb-scale --targets-per-replica 2' \
	    'assignment clb-writesd -d sd'; do
		set -- $stage
		head -c -20 "$1" >cut
		shift
		"$@" <cut >/dev/null 2>err && false
		[ $? -eq 65 ]
		[[ $(cat err) =~ ^$1:\ \<stdin\>:[0-9]+:[0-9]+:\ . ]]
		[ "$(wc -l <err)" -eq 1 ]
		[ -z "$(find sd -name '*.json' 2>/dev/null)" ]
	done
}

@test "the locale, the time zone and the environment do not show in the output" {
	pipeline
	clb-config show made/prometheus.yml >shown
	export LC_ALL=tr_TR.UTF-8 LANG=C TZ=Asia/Tokyo
	clb-config show made/prometheus.yml | cmp - shown
	clb-discover -c made/prometheus.yml | cmp - discovered
	env -i "$(command -v clb-relabel)" -c made/prometheus.yml <discovered | cmp - targets
	env -i "$(command -v clb-schedule)" --replicas 2 <targets | cmp - assignment
}

@test "setup refuses what it does not know, and says how it is used" {
	check 0 'usage: setup [--tests]' '' "$CLB_ROOT/scripts/setup" --help
	check 64 '' 'usage: setup [--tests]' "$CLB_ROOT/scripts/setup" --test
	check 64 '' 'usage: setup [--tests]' "$CLB_ROOT/scripts/setup" --tests now
}

@test "setup installs nothing where everything is there" {
	check 0 'setup: everything is there' '' "$CLB_ROOT/scripts/setup"
}

# shims: apt-get and others that only tell that they were called.
shims() {
	mkdir shims
	for p in apt-get sudo; do
		printf '#!/bin/sh\necho "%s $*" >>%s/calls\n%s\n' "$p" "$PWD" "$1" >"shims/$p"
	done
	printf '#!/bin/sh\n[ "$4" != jq ] || { printf not-installed; exit; }\nprintf installed\n' \
	    >shims/dpkg-query
	printf '#!/bin/sh\necho %s\n' "$2" >shims/id
	chmod +x shims/*
	PATH=$PWD/shims:$PATH
}

@test "setup installs what is missing, and says so" {
	shims 'exit 0' 0
	check 0 'setup: installing jq' '' "$CLB_ROOT/scripts/setup"
	diff - calls <<-'END'
		apt-get -q -o Acquire::Retries=3 update
		apt-get -q -y -o Acquire::Retries=3 install --no-install-recommends jq
	END
}

@test "setup goes through sudo where it is not root" {
	shims 'exit 0' 1000
	check 0 'setup: installing jq' '' "$CLB_ROOT/scripts/setup"
	[ "$(sed -n '$p' calls)" = 'sudo -n env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 install --no-install-recommends jq' ]
}

@test "setup without root and sudo prints the command to run, and exits 69" {
	shims 'exit 1' 1000
	check 69 '' "setup: not root, and sudo wants a password or is not there; run this, then again scripts/setup:
su -c 'apt-get -q -o Acquire::Retries=3 update && env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 install --no-install-recommends jq'" "$CLB_ROOT/scripts/setup"
	! grep -q '^apt-get' calls
}

@test "setup exits 69 where apt-get fails" {
	shims 'exit 100' 0
	check 69 'setup: installing jq' 'setup: apt-get failed, see above; nothing else was changed' "$CLB_ROOT/scripts/setup"
}

@test "check-pages runs the examples of a page" {
	check 0 '' '' check-pages "$CLB_ROOT/testdata/check-pages/good.7"
}

@test "check-pages shows the line, the command and what differs" {
	check 1 "wrong.7:15: the output differs:
    \$ cat <<END |
    > one
    > END
    > tr a-z A-Z
    --- page
    +++ output
    @@ -1 +1 @@
    -TWO
    +ONE" '' sh -c 'cd "$CLB_ROOT/testdata/check-pages" && check-pages wrong.7'
}

@test "check-pages takes every console block of Markdown, and no other" {
	check 1 "two.md:16: the output differs:
    \$ echo unexpected
    --- page
    +++ output
    @@ -0,0 +1 @@
    +unexpected" '' sh -c 'cd "$CLB_ROOT/testdata/check-pages" && check-pages two.md'
}

@test "check-pages refuses a page without examples" {
	check 66 'none.md: no example' '' sh -c 'cd "$CLB_ROOT/testdata/check-pages" && check-pages none.md 2>&1'
	check 64 '' 'usage: check-pages [-n] FILE...' check-pages
}

@test "gen-targets makes the same bytes each time, and a third is dropped" {
	gen-targets -f 50 120 a
	gen-targets -f 50 120 b
	diff -r a b
	[ "$(ls a/pods | wc -l)" -eq 3 ]
	[ "$(clb-discover -c a/prometheus.yml | wc -l)" -eq 120 ]
	[ "$(clb-discover -c a/prometheus.yml | clb-relabel -c a/prometheus.yml | wc -l)" -eq 80 ]
	[ "$(cat a/pods/*.json | jq '.[].labels | length' | sort -u)" -eq 24 ]
	check 64 '' 'usage: gen-targets [-f PER_FILE] COUNT DIR' gen-targets many there
}

@test "the demo shows three collectors, then five, and ends well" {
	demo shown >out
	[ "$(grep -c '^    collector-[0-9] .*#' out)" -eq 8 ]
	grep -q '^[0-9]* of 4500 targets moved' out
	[ "$(jq -s 'map(.[].targets[]) | length' shown/sd/*/*.json)" -eq 4500 ]
}

# run_tests ARG...: in an environment that no other bats has written in.
run_tests() {
	env -i PATH="$(getconf PATH)" tree/scripts/run-tests "$@"
}

@test "run-tests counts what passed and what failed, and fails with them" {
	mkdir -p tree/scripts tree/testdata tree/b
	cp "$CLB_ROOT/scripts/run-tests" tree/scripts
	printf '@test "good" {\n\ttrue\n}\n@test "bad" {\n\tfalse\n}\n@test "skipped" {\n\tskip\n}\n' >tree/some.bats
	run_tests tree/b "$PWD/tree/some.bats" >out && false
	[ "$(tail -n 1 out)" = '1 passed, 2 failed' ]
	grep -q '^FAILED some.bats: not ok 2 bad' out
	printf '@test "good" {\n\ttrue\n}\n' >tree/some.bats
	[ "$(run_tests tree/b "$PWD/tree/some.bats" | tail -n 1)" = '1 passed, 0 failed' ]
	run_tests tree/b >out && false
	[ "$(tail -n 1 out)" = '0 passed, 0 failed' ]
}
