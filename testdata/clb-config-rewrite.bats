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

@test "block scalars, and comments between keys, are where they were" {
	rewrite_case block-scalars-and-comments
	loads 3
}

@test "a text in lines gets nothing of what was behind an entry that leaves" {
	rewrite_case what-leaves-behind-a-text-in-lines
	loads 3
}

@test "a value that is not there keeps its colon and a space" {
	rewrite_case empty-values-in-brackets
	loads 3
}

@test "what is written out keeps what it is" {
	rewrite_case written-out-and-plain
	loads 3
}

@test "keys may have question marks" {
	rewrite_case explicit-keys
	loads 3
	loads 2
}

@test "scrape configs that are merged into the configuration are written out in it" {
	rewrite_case aliases-and-merges-of-whole-lists
	loads 3
	loads 2
}

@test "what several collectors cannot do is warned of, with its place" {
	rewrite_case what-several-collectors-cannot-do
	loads 3
}

@test "a list of scrape configs is rewritten, and what has no jobs stays" {
	cd "$BATS_TEST_TMPDIR"
	printf -- '- job_name: a\n  static_configs: [{targets: [x]}]\n' >list.yml
	check 0 '- job_name: a
  file_sd_configs:
  - {files: [/a.json]}' '' clb-config rewrite --for prometheus --via file --sd-dir / list.yml
	for text in '' '# nothing' 'global: {}' 'scrape_configs:' 'scrape_configs: []' '~'; do
		printf '%s' "$text" >none.yml
		clb-config rewrite --for prometheus --via file --sd-dir /sd none.yml | cmp - none.yml
	done
}

# as_prometheus: what rewrite_case left of a collector, as its receivers give it to
# the code of Prometheus in them. No such collector is in Debian to be asked itself.
as_prometheus() {
	clb-config show "$BATS_TEST_TMPDIR/out" >"$BATS_TEST_TMPDIR/shown" || return 1
	mv "$BATS_TEST_TMPDIR/shown" "$BATS_TEST_TMPDIR/out"
	loads 3
}

@test "every receiver of an OpenTelemetry collector is rewritten where it stands" {
	export MY_POD_IP=127.0.0.1
	rewrite_case collector-http
	as_prometheus
	[ "$(jq -r '.scrape_configs[0].metric_relabel_configs[0].replacement' "$BATS_TEST_TMPDIR/out")" = '${1}' ]
	[ "$(jq -r '.scrape_configs[2].params.a[0]' "$BATS_TEST_TMPDIR/out")" = '$x' ]
}

@test "anchors in a receiver may be needed in another, and dollars stay doubled" {
	rewrite_case collector-with-anchors
	as_prometheus
}

@test "a target allocator comes instead of the scrape configs, and of another one" {
	export MY_POD_IP=127.0.0.1
	rewrite_case collector-allocator
	as_prometheus
	rewrite_case collector-had-an-allocator
	as_prometheus
	cd "$BATS_TEST_DIRNAME/clb-config/rewrite/collector-http"
	check 78 '' 'clb-config: input.yml:26:5: a second receiver with scrape configs: the target allocator has all jobs for each of them' \
	    clb-config rewrite --for otelcol --via allocator --sd-url http://clb input.yml
}

@test "a configuration is rewritten for the collector that it is for" {
	cd "$BATS_TEST_TMPDIR"
	printf 'receivers:\n  prometheus: {config: &c {scrape_configs: [{job_name: a}]}}\n' >o.yml
	printf 'receivers:\n  x: &c {config: {scrape_configs: [{job_name: a}]}}\n  prometheus: *c\n' >alias.yml
	printf 'scrape_configs:\n- job_name: a\n' >p.yml
	check 78 '' 'clb-config: o.yml:1:1: this is the configuration of an OpenTelemetry collector' \
	    clb-config rewrite --for vmagent --via file --sd-dir /sd o.yml
	check 78 '' 'clb-config: p.yml:1:1: this is not the configuration of an OpenTelemetry collector: it has no receivers' \
	    clb-config rewrite --for otelcol --via file --sd-dir /sd p.yml
	check 78 '' 'clb-config: alias.yml:2:18: the config of a receiver must stand in the receiver itself to be rewritten, not behind an alias or a merge key' \
	    clb-config rewrite --for otelcol --via file --sd-dir /sd alias.yml
}

@test "what cannot be changed here alone is an error" {
	cd "$BATS_TEST_TMPDIR"
	cat >shared.yml <<-'END'
	scrape_configs:
	- job_name: a
	  tls_config: &t {ca_file: ca.pem}
	remote_write:
	- url: http://x
	  tls_config: *t
	END
	check 78 '' "clb-config: shared.yml:3:15: cannot be changed here alone, for '*t' elsewhere stands for it, too" \
	    clb-config rewrite --for prometheus --via file --sd-dir /sd --base /etc shared.yml
	cat >outside.yml <<-'END'
	remote_write:
	- url: http://x
	  tls_config: &t {ca_file: ca.pem}
	scrape_configs:
	- job_name: a
	  tls_config: *t
	END
	check 78 '' "clb-config: outside.yml:3:28: relative path 'ca.pem' cannot be changed, for it stands outside of the scrape configs" \
	    clb-config rewrite --for prometheus --via file --sd-dir /sd --base /etc outside.yml
	clb-config rewrite --for prometheus --via file --sd-dir /sd outside.yml >"$BATS_TEST_TMPDIR/out"
	loads 3
}

@test "variables of vmagent stay, and the real vmagent takes the configuration" {
	local v case

	for case in vmagent-file vmagent-http; do
		rewrite_case $case
		for v in old new; do
			POD_NAME=p USER=u "${CLB_TESTS:-$CLB_ROOT/build/tests}/vmagent-$v/usr/bin/vmagent" \
			    -promscrape.config="$BATS_TEST_TMPDIR/out" -dryRun \
			    -remoteWrite.url=http://127.0.0.1:9/ \
			    -remoteWrite.tmpDataPath="$BATS_TEST_TMPDIR/data" >"$BATS_TEST_TMPDIR/log" 2>&1 ||
				{ cat "$BATS_TEST_TMPDIR/log"; return 1; }
		done
	done
}

@test "options that do not go together are wrong usage" {
	local args

	cd "$BATS_TEST_TMPDIR"
	echo 'scrape_configs: [job_name: a]' >p.yml
	for args in '' '--for prometheus' '--for prometheus --via file' '--for x --via file --sd-dir /' \
	    '--for prometheus --via http --sd-dir /' '--for prometheus --via file --sd-url http://x' \
	    '--for prometheus --via file --sd-dir / --sd-url http://x' \
	    '--for prometheus --via allocator --sd-url http://x' \
	    '--for vmagent --via http --sd-url http://x --interval 5s' \
	    '--for prometheus --via file --sd-dir / --sd-http-config x'; do
		# shellcheck disable=SC2086 # several arguments
		run clb-config rewrite $args p.yml
		[ "$status" -eq 64 ]
		[[ $output == usage:* ]]
	done
	check 64 '' "clb-config: --sd-url: no host: 'http:///x'" \
	    clb-config rewrite --for prometheus --via http --sd-url http:///x p.yml
	check 64 '' "clb-config: --sd-url: neither http nor https: 'ftp://x'" \
	    clb-config rewrite --for prometheus --via http --sd-url ftp://x p.yml
	check 64 '' "clb-config: --sd-dir: a star makes a pattern: '/*'" \
	    clb-config rewrite --for prometheus --via file --sd-dir '/*' p.yml
	check 64 '' "clb-config: --interval: not a duration: '5'" \
	    clb-config rewrite --for prometheus --via file --sd-dir / --interval 5 p.yml
}

@test "fields to speak HTTP with come into every http_sd_configs" {
	cd "$BATS_TEST_TMPDIR"
	printf -- '- job_name: a\n- {job_name: b}\n' >list.yml
	printf 'tls_config: &t {ca_file: ca.pem, insecure_skip_verify: no}\nbasic_auth: {username: 5}\n' >http.yml
	check 0 "- job_name: a
  http_sd_configs:
  - {url: 'http://b/a.json', refresh_interval: 30s, tls_config: {ca_file: ca.pem, insecure_skip_verify: false}, basic_auth: {username: '5'}}
- {job_name: b, http_sd_configs: [{url: 'http://b/b.json', refresh_interval: 30s, tls_config: {ca_file: ca.pem, insecure_skip_verify: false}, basic_auth: {username: '5'}}]}" '' \
	    clb-config rewrite --for prometheus --via http --sd-url http://b --sd-http-config http.yml list.yml
	cp out list2.yml
	check 0 "$(cat list2.yml)" '' \
	    clb-config rewrite --for prometheus --via http --sd-url http://b --sd-http-config http.yml list2.yml
	echo 'url: x' >http.yml
	check 78 '' "clb-config: http.yml:1:1: unknown field 'url' in an HTTP client" \
	    clb-config rewrite --for prometheus --via http --sd-url http://b --sd-http-config http.yml list.yml
	check 66 '' 'clb-config: nope.yml: No such file or directory' \
	    clb-config rewrite --for prometheus --via http --sd-url http://b --sd-http-config nope.yml list.yml
}

@test "discovery that is not supported is an error, or leaves with a warning" {
	cd "$BATS_TEST_TMPDIR"
	printf 'scrape_configs:\n- job_name: a\n  ec2_sd_configs: [{region: x}]\n' >p.yml
	check 78 '' "clb-config: p.yml:3:19: job 'a': ec2_sd_configs is not supported" \
	    clb-config rewrite --for prometheus --via file --sd-dir /sd p.yml
	check 0 'scrape_configs:
- job_name: a
  file_sd_configs:
  - {files: [/sd/a.json]}' "clb-config: warning: p.yml:3:19: job 'a': ec2_sd_configs is not supported; its targets are missing" \
	    clb-config --skip-unsupported-sd rewrite --for prometheus --via file --sd-dir /sd p.yml
}

@test "a stdout that cannot be written is an error" {
	cd "$BATS_TEST_DIRNAME/clb-config/rewrite/in-brackets"
	check_output_fails /dev/null clb-config rewrite --for prometheus --via file --sd-dir /sd input.yml
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
