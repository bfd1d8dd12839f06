load helpers
PROG=clb-discover

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# site: a configuration with a static target and two files of one target each.
site() {
	cat >prometheus.yml <<-END
	scrape_configs:
	- job_name: a
	  static_configs: [{targets: [static]}]
	  file_sd_configs: [{files: [sd/*.json, sd/*.yml]}]
	END
	mkdir sd
	echo '[{"targets":["json"]}]' >sd/x.json
	echo '- targets: [yaml]' >sd/y.yml
}

# addresses STATUS ERR ARG...: the addresses found, one a line, in $out.
addresses() {
	local want=$1 err=$2 got=0

	shift 2
	"$PROG" -c prometheus.yml "$@" >found 2>err || got=$?
	diff -u <(printf '%s' "$err${err:+$'\n'}") err
	[ "$got" -eq "$want" ]
	out=$(jq -r .labels.__address__ found | paste -sd ' ')
}

@test "its usage is on stdout when asked for, on stderr after a mistake" {
	check_usage
	check 64 '' "$("$PROG" -h)" "$PROG"
	check 64 '' "$("$PROG" -h)" "$PROG" -c prometheus.yml extra
	check 64 '' "clb-discover: --now: 'soon' is not a number from 0 to 9223372036854775" \
	    "$PROG" -c prometheus.yml --now soon
}

@test "static targets come in the order of the configuration, with the job's defaults" {
	check_case 0 static -c prometheus.yml
}

@test "file_sd reads JSON and YAML by Prometheus's rules, each file once, in the order of paths" {
	check_case 0 files -c prometheus.yml
}

@test "a group's labels win over the job's settings, and over parameters only in 3.x" {
	check_case 0 params -c prometheus.yml
	cd "$BATS_TEST_DIRNAME/clb-discover/params"
	check 0 '["cfg",null]' '' sh -c \
	    'clb-discover -c prometheus.yml --compat 2 | jq -c "[.labels.__param_m, .labels.__param_blank]"'
}

@test "3.13 adds the histogram labels" {
	site
	"$PROG" -c prometheus.yml --compat 3.13 >found
	[ "$(jq -r '.labels.__scrape_native_histograms__' found | sort -u)" = false ]
	"$PROG" -c prometheus.yml --compat 3.12 >found
	[ "$(jq -r '.labels.__scrape_native_histograms__' found | sort -u)" = null ]
}

@test "how a document is laid out over lines does not matter" {
	site
	jq -cn '[range(2000) | {targets: ["h\(.):1", "x,\n]}"], labels: {a: "{[\"\\", b: "v\(.)"}}]' >groups
	for layout in 'jq -c .' 'jq .' 'jq --tab .' \
	    'jq -r "map(tojson) | \"[\" + join(\",\n\") + \"\n]\""' \
	    'jq -r "map(tojson) | \"[\n\" + join(\"\n,\r\n\") + \"]\""'; do
		sh -c "$layout" <groups >sd/x.json
		"$PROG" -c prometheus.yml >found
		[ "$(wc -l <found)" -eq 4002 ]
		md5sum <found >>sums
	done
	[ "$(sort -u sums | wc -l)" -eq 1 ]
}

@test "a malformed source is an error with its place, and nothing is built on the rest" {
	site
	echo '[{"targets":["json"]},' >sd/x.json
	addresses 65 'clb-discover: sd/x.json:2:1: the array ends too early'
	echo '[{"targets":["json"]}]' >sd/x.json
	echo '- targets: yaml' >sd/y.yml
	addresses 65 "clb-discover: sd/y.yml:1:12: targets must be a list, not 'yaml'"
}

@test "with --partial the rest goes on, and nothing of the malformed source" {
	site
	echo '[{"targets":["json"]},' >sd/x.json
	addresses 0 'clb-discover: warning: sd/x.json:2:1: the array ends too early; its targets are missing' --partial
	[ "$out" = 'static yaml' ]
}

@test "a source that breaks keeps its last good targets, until it is whole or gone" {
	site
	addresses 0 '' --cache cache
	echo '[{"targets":["json"]},' >sd/x.json
	for again in 1 2; do
		addresses 0 'clb-discover: warning: sd/x.json:2:1: the array ends too early; its last good targets are kept' --cache cache
		[ "$out" = 'static json yaml' ]
	done
	echo '[{"targets":["new"]}]' >sd/x.json
	addresses 0 '' --cache cache
	[ "$out" = 'static new yaml' ]
	rm sd/x.json
	addresses 0 '' --cache cache
	[ "$out" = 'static yaml' ]
	# What is gone does not come back from the cache.
	echo 'broken' >sd/x.json
	addresses 65 'clb-discover: sd/x.json:1:1: an array is expected' --cache cache
}

@test "an unchanged file is not copied again" {
	site
	addresses 0 '' --cache cache
	before=$(stat -c '%n %i %y' cache/*)
	addresses 0 '' --cache cache
	[ "$(stat -c '%n %i %y' cache/*)" = "$before" ]
}

@test "an unreadable file is a failure, not an absence" {
	site
	ln -s /proc/self/mem sd/z.json
	addresses 66 'clb-discover: sd/z.json: Input/output error'
	rm sd/z.json
	mkdir sd/z.json
	addresses 66 'clb-discover: sd/z.json: Is a directory'
}

@test "a malformed pattern is left out with a warning, as Prometheus does" {
	cat >prometheus.yml <<-END
	scrape_configs:
	- job_name: a
	  static_configs: [{targets: [static]}]
	  file_sd_configs: [{files: ['sd/a[.json']}]
	END
	mkdir sd
	touch sd/a.json
	addresses 0 "clb-discover: warning: sd/a[.json: malformed pattern; the pattern is left out"
	[ "$out" = static ]
}

@test "a cache that cannot be made or written is an error" {
	site
	touch file
	addresses 73 'clb-discover: file: Not a directory' --cache file
	addresses 73 'clb-discover: none/cache: No such file or directory' --cache none/cache
}

@test "a configuration that is missing or wrong is an error" {
	check 66 '' 'clb-discover: none.yml: No such file or directory' "$PROG" -c none.yml
	printf 'scrape_configs:\n- job_name: a\n  consul_sd_configs: [{}]\n' >bad.yml
	check 78 '' "clb-discover: bad.yml:3:22: job 'a': consul_sd_configs is not supported" \
	    "$PROG" -c bad.yml
	check 0 '' "clb-discover: warning: bad.yml:3:22: job 'a': consul_sd_configs is not supported; its targets are missing" \
	    "$PROG" -c bad.yml --skip-unsupported-sd
}

@test "an output that cannot be written is an error" {
	cd "$BATS_TEST_DIRNAME/clb-discover/static"
	check_output_fails /dev/null "$PROG" -c prometheus.yml
}
