#!/usr/bin/env bats
# clb-config rewrite. A case is a directory of clb-config/rewrite/: input.yml,
# expected.yml, the words of the command line in args, and warnings in expected.err.
load helpers

PROG=clb-config

# promtool V: the tool of Prometheus V.
promtool() {
	echo "${CLB_TESTS:-$CLB_ROOT/build/tests}/prometheus-$1/usr/bin/promtool"
}

# rewrite_case NAME: as the case says; what comes out stays the same when it is
# rewritten again, and is a configuration.
rewrite_case() {
	local dir=$BATS_TEST_DIRNAME/clb-config/rewrite/$1 args out=$BATS_TEST_TMPDIR

	read -r -a args <"$dir/args"
	(cd "$dir" && clb-config rewrite "${args[@]}" input.yml) >"$out/out" 2>"$out/err" ||
		{ echo "exit status $?"; cat "$out/err"; return 1; }
	diff -u "$dir/expected.yml" "$out/out" || return 1
	diff -u "$(first_of "$dir/expected.err")" "$out/err" || return 1
	clb-config rewrite "${args[@]}" "$out/out" >"$out/again" 2>/dev/null || return 1
	cmp "$out/out" "$out/again" || return 1
}

# loads V: Prometheus V takes what rewrite_case left.
loads() {
	"$(promtool "$1")" check config --syntax-only "$BATS_TEST_TMPDIR/out" >"$BATS_TEST_TMPDIR/promtool" 2>&1 ||
		{ cat "$BATS_TEST_TMPDIR/promtool"; return 1; }
}

@test "keys, comments and white space stay, only discovery and relabelling leave" {
	rewrite_case keys-and-comments-stay
	loads 3
	loads 2
}

@test "what is first in a job may leave" {
	rewrite_case discovery-first-in-a-job
	loads 3
}

@test "the last line may lack its line break, and a URL has each percent sign escaped" {
	rewrite_case no-line-break-at-the-end
	loads 3
}

@test "jobs may be written in brackets" {
	rewrite_case in-brackets
	loads 3
}

@test "JSON stays JSON" {
	rewrite_case json
	loads 3
	jq -e '[.scrape_configs[].job_name] == ["a \"b\"", "c"]' "$BATS_TEST_TMPDIR/out"
}

@test "what a rule may delete and a collector would fill in is unpacked by rules" {
	rewrite_case what-deletes-labels-needs-rules
	loads 3
}

@test "to Prometheus 2 parameters travel under other names" {
	rewrite_case prometheus-2-carries-parameters
	loads 2
}

@test "an anchor in what leaves is written out where it is needed first" {
	rewrite_case anchors-that-leave
	loads 3
}

@test "what merge keys bring back is made empty" {
	rewrite_case merge-keys
	loads 3
	loads 2
}

@test "jobs of other files come into the configuration, with their paths" {
	rewrite_case jobs-from-files
	loads 3
}

# outside: the lines of stdin that are not of scrape_configs or scrape_config_files;
# of JSON the document without them.
outside() {
	awk '/^{"/ { system("jq -S \"del(.scrape_configs)\" " FILENAME); exit }
		{ l = $0; sub(/^\357\273\277/, "", l); sub(/\r$/, "", l) }
		l ~ /^scrape_config(s|_files):/ { inside = l ~ /^scrape_configs/; next }
		inside && (l ~ /^[a-z]/ || l == "---" || l == "...") { inside = 0 }
		!inside' "$1"
}

# rewritten V ARG...: every configuration of the oracle for V can be rewritten
# with ARG, so that V takes it, what is outside stays, and once is enough.
rewritten() {
	local v=$1 name bad=0 out=$BATS_TEST_TMPDIR/all

	shift
	set -- --compat "$v" --for prometheus "$@"
	mkdir "$out"
	for name in $("$BATS_TEST_DIRNAME/oracle/cases.sh" compare "$v" | cut -d ' ' -f 2); do
		cd "$BATS_TEST_DIRNAME/oracle/cases/$name" || return 1
		clb-config rewrite "$@" prometheus.yml >"$out/$name" 2>"$out.err" ||
			{ echo "$name: exit status $?"; cat "$out.err"; bad=1; continue; }
		clb-config rewrite "$@" "$out/$name" 2>/dev/null | cmp - "$out/$name" ||
			{ echo "$name: twice is more than once"; bad=1; }
		diff <(outside prometheus.yml) <(outside "$out/$name") || { echo "$name: outside"; bad=1; }
	done
	set -- "$out"/*
	[ $# -gt 90 ] || { echo "only $# cases"; return 1; }
	"$(promtool "$v")" check config --syntax-only "$@" >"$out.promtool" 2>&1 ||
		{ cat "$out.promtool"; bad=1; }
	return $bad
}

@test "every configuration of the oracle for Prometheus 3, via files" {
	rewritten 3 --via file --sd-dir /etc/clb/sd
}

@test "every configuration of the oracle for Prometheus 3, via http" {
	# shellcheck disable=SC2016 # the token stays as it is
	rewritten 3 --via http --sd-url 'http://clb/sd/$(POD_NAME)'
}

@test "every configuration of the oracle for Prometheus 2, via files" {
	rewritten 2 --via file --sd-dir sd
}

@test "every configuration of the oracle for Prometheus 2, via http" {
	rewritten 2 --via http --sd-url http://clb:8080
}
