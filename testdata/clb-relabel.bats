load helpers
PROG=clb-relabel

@test "its usage is on stdout when asked for, on stderr after a mistake" {
	check_usage
	check 64 '' "$("$PROG" -h)" "$PROG"
	check 64 '' "$("$PROG" -h)" "$PROG" -c prometheus.yml extra
	check 64 '' "clb-relabel: unknown Prometheus version '1': give 2, 3 or MAJOR.MINOR from 2.42 on" \
	    "$PROG" -c prometheus.yml --compat 1
}

@test "rules rename and drop; --dropped tells which rule, by index, file and line" {
	check_case 0 rules -c prometheus.yml --dropped "$BATS_TEST_TMPDIR/dropped"
	diff -u "$BATS_TEST_DIRNAME/clb-relabel/rules/expected.dropped" "$BATS_TEST_TMPDIR/dropped"
}

@test "fields that nobody knows pass through, in order" {
	check_case 0 fields -c prometheus.yml
}

@test "of targets that have become equal in a job the first stays" {
	check_case 0 duplicates -c prometheus.yml --dropped "$BATS_TEST_TMPDIR/dropped"
	[ ! -s "$BATS_TEST_TMPDIR/dropped" ]
}

@test "the address that relabelling has changed is kept, of equal targets the first one's" {
	check_case 0 addresses -c prometheus.yml
}

@test "a target that no Prometheus would scrape is left out: five warnings a job, then a count" {
	check_case 0 errors -c prometheus.yml --dropped "$BATS_TEST_TMPDIR/dropped"
	diff -u "$BATS_TEST_DIRNAME/clb-relabel/errors/expected.dropped" "$BATS_TEST_TMPDIR/dropped"
}

@test "a job over its target_limit is left out whole, duplicates not counted, others keep their order" {
	check_case 0 limit -c prometheus.yml --dropped "$BATS_TEST_TMPDIR/dropped"
	diff -u "$BATS_TEST_DIRNAME/clb-relabel/limit/expected.dropped" "$BATS_TEST_TMPDIR/dropped"
}

@test "2.42 adds the default port, 3.5 does not" {
	check_case 0 versions -c prometheus.yml --scrape-url
	check 0 '["10.0.0.1:443","10.0.0.1:443","https://10.0.0.1:443/m?m=x&m=two"]' '' \
	    sh -c 'clb-relabel -c "$0/prometheus.yml" --scrape-url --compat 2 <"$0/input.jsonl" |
		jq -c "[.labels.__address__, .labels.instance, .scrapeUrl]"' \
	    "$BATS_TEST_DIRNAME/clb-relabel/versions"
}

@test "a job that the configuration does not have is refused with its line" {
	check_case 65 unknown-job -c prometheus.yml
}

@test "input cut short is refused with its place" {
	check_case 65 cut-short -c prometheus.yml
}

@test "input that is no target stream is refused with its place" {
	cd "$BATS_TEST_DIRNAME/clb-relabel/duplicates"
	refused() {
		check 65 '' "clb-relabel: <stdin>:$2" "$PROG" -c prometheus.yml <<<"$1"
	}
	refused '[]' "1:1: a record must be an object"
	refused '{"labels":{}}' "1:1: the record has no job"
	refused '{"job":"a","job":"b"}' "1:12: field 'job' stands twice"
	refused '{"job":"a","labels":{"x":1}}' "1:26: label 'x' must be a string"
	refused '{"job":"a","labels":{"x":"","x":"1"}}' "1:29: label 'x' stands twice"
	refused '{"job":"a","labels":[]}' "1:21: labels must be an object"
	refused '{"job":1}' "1:8: job must be a string that is not empty"
	refused '{"job":"a","weight":0}' "1:21: weight must be a whole number from 1 to 18446744073709551615"
	refused '{"job":"a","n":1,"n":2}' "1:1: field 'n' stands twice"
}

@test "no input gives no output" {
	check 0 '' '' "$PROG" -c "$BATS_TEST_DIRNAME/clb-relabel/limit/prometheus.yml" </dev/null
	check 0 '' '' "$PROG" -c "$BATS_TEST_DIRNAME/clb-relabel/rules/prometheus.yml" </dev/null
}

@test "a configuration that is missing or wrong ends it before anything is written" {
	cd "$BATS_TEST_TMPDIR"
	check 66 '' 'clb-relabel: none.yml: No such file or directory' "$PROG" -c none.yml </dev/null
	printf 'scrape_configs:\n- job_name: a\n  relabel_configs: [{action: kep}]\n' >bad.yml
	check 78 '' 'clb-relabel: bad.yml:3:30: unknown relabel action "kep"' \
	    "$PROG" -c bad.yml --dropped dropped </dev/null
	[ ! -e dropped ]
}

@test "an output that cannot be written is an error" {
	cd "$BATS_TEST_DIRNAME/clb-relabel/rules"
	check_output_fails input.jsonl "$PROG" -c prometheus.yml
	check 74 '' 'clb-relabel: /dev/full: No space left on device' \
	    sh -c 'clb-relabel -c prometheus.yml --dropped /dev/full <input.jsonl >/dev/null'
	check 73 '' 'clb-relabel: none/dropped: No such file or directory' \
	    "$PROG" -c prometheus.yml --dropped none/dropped <input.jsonl
}
