# What no Prometheus of the tests does: rules of releases between 2.42 and 3.5,
# and of those after. Expected is what the releases' own sources say; what 2.42
# and 3.5 themselves do, testdata/oracle.bats compares.

load helpers

# job TEXT: a configuration of one job with the target h:1.
job() {
	printf 'scrape_configs:\n- job_name: j\n  static_configs: [{targets: [%s], labels: {%s}}]\n%s\n' \
		"'h:1'" "$1" "$2" >"$BATS_TEST_TMPDIR/c.yml"
}

# of VERSION: job j's targets as that release sees them, without the usual
# labels; what is dropped as "error: " or "rule: " and its number.
of() {
	local c=$BATS_TEST_TMPDIR/c.yml t=$BATS_TEST_TMPDIR

	clb-discover -c "$c" --compat "$1" >"$t/disc" || return
	clb-relabel -c "$c" --compat "$1" --dropped "$t/dropped" <"$t/disc" >"$t/targets" 2>/dev/null ||
		return
	jq -r --argjson usual '["__address__", "__metrics_path__", "__scheme__", "__scrape_interval__",
		"__scrape_timeout__", "instance", "job"]' '.labels | to_entries[] |
		select(.key | IN($usual[]) | not) | "\(.key)=\(.value)"' "$t/targets"
	jq -r 'if .reason == "rule" then "rule: \(.rule)" else "\(.reason): \(.error)" end' "$t/dropped"
}

# refused VERSION TEXT: clb-config ends with 78 and TEXT, its place in front.
refused() {
	run clb-config --compat "$1" check "$BATS_TEST_TMPDIR/c.yml"
	echo "$output"
	[ "$status" -eq 78 ] && [[ $output == "clb-config: $BATS_TEST_TMPDIR/c.yml:"+([0-9]):+([0-9])": $2" ]]
}

accepted() {
	check 0 '' '' clb-config --compat "$1" check "$BATS_TEST_TMPDIR/c.yml"
}

@test "X10: 3.13 adds three labels to what is discovered" {
	job '' ''
	clb-discover -c "$BATS_TEST_TMPDIR/c.yml" --compat 3.12 >"$BATS_TEST_TMPDIR/before"
	check 0 '{"job":"j","labels":{"__address__":"h:1","__always_scrape_classic_histograms__":"false","__convert_classic_histograms_to_nhcb__":"false","__metrics_path__":"/metrics","__scheme__":"http","__scrape_interval__":"1m","__scrape_native_histograms__":"false","__scrape_timeout__":"10s","job":"j"}}' '' \
		clb-discover -c "$BATS_TEST_TMPDIR/c.yml" --compat 3.13
	[ "$(grep -c histograms "$BATS_TEST_TMPDIR/before")" -eq 0 ]
}

@test "X10: they say what the job says, or global, or the group" {
	job '__scrape_native_histograms__: "t"' '  always_scrape_classic_histograms: true'
	echo 'global: {convert_classic_histograms_to_nhcb: true}' >>"$BATS_TEST_TMPDIR/c.yml"
	check 0 '__always_scrape_classic_histograms__=true
__convert_classic_histograms_to_nhcb__=true
__scrape_native_histograms__=t' '' of 3.13
}

@test "X11: such a label must be a boolean, since 3.13" {
	local name

	for name in convert_classic_histograms_to_nhcb always_scrape_classic_histograms scrape_native_histograms; do
		job '' "  relabel_configs: [{target_label: __${name}__, replacement: maybe}]"
		check 0 "error: error parsing ${name//_/ }: strconv.ParseBool: parsing \"maybe\": invalid syntax" '' \
			of 3.13
		check 0 "__${name}__=maybe" '' of 3.12
	done
}

@test "X11: Go's booleans are" {
	local word

	for word in 1 t T TRUE true True 0 f F FALSE false False; do
		job '' "  relabel_configs: [{target_label: __scrape_native_histograms__, replacement: '$word'}, {regex: '__[ac].*histograms.*', action: labeldrop}]"
		check 0 "__scrape_native_histograms__=$word" '' of 3.13
	done
	for word in yes tRUE 2 ' true'; do
		job '' "  relabel_configs: [{target_label: __scrape_native_histograms__, replacement: '$word'}]"
		check 0 "error: error parsing scrape native histograms: strconv.ParseBool: parsing \"$word\": invalid syntax" '' \
			of 3.13
	done
}

@test "X12: an empty one is absent, and no error" {
	job '' "  relabel_configs: [{target_label: __scrape_native_histograms__, replacement: ''}, {regex: '__[ac].*histograms.*', action: labeldrop}]"
	check 0 '' '' of 3.13
}

@test "X6: since 2.50 an empty result deletes the label that the template names" {
	job 'a: k, k: old' "  relabel_configs: [{source_labels: [a], target_label: '\$1', replacement: ''}]"
	check 0 'a=k
k=old' '' of 2.49
	check 0 'a=k' '' of 2.50
	check 0 'a=k' '' of 2.53
}

@test "2.50 to 2.55 take a template for the target of replace, and of no other action" {
	local action

	job 'a: x' "  relabel_configs: [{source_labels: [a], target_label: 'l_\${1}'}]"
	check 0 'a=x
l_x=x' '' of 2.53
	job 'a: x' "  relabel_configs: [{source_labels: [a], target_label: '9\${1}'}]"
	refused 2.53 "\"9\${1}\" is invalid 'target_label' for replace action"
	for action in lowercase uppercase keepequal dropequal; do
		job 'a: x' "  relabel_configs: [{source_labels: [a], target_label: '\${1}', action: $action}]"
		accepted 2.49
		refused 2.50 "\"\${1}\" is invalid 'target_label' for $action action"
		refused 2.55 "\"\${1}\" is invalid 'target_label' for $action action"
	done
}

@test "2.55 still has 2.42's ports, parameters, dots and names" {
	job 'a: "p\nq", __param_m: grp' "  params: {m: [cfg]}
  relabel_configs: [{source_labels: [a], regex: p.q, action: drop}, {regex: a, action: labeldrop}]"
	sed -i "s/'h:1'/h/" "$BATS_TEST_TMPDIR/c.yml"
	check 0 '__param_m=cfg' '' of 2.55
	check 0 '"h:80"' '' jq -c .labels.instance "$BATS_TEST_TMPDIR/targets"
	check 0 'rule: 0' '' of 3.0
	job 'a.b: c' ''
	refused 2.55 '"a.b" is not a valid label name'
	check 0 'a.b=c' '' of 3.0
}

@test "X8: a template may make any name of UTF-8 since 3.2" {
	job 'a: x' "  relabel_configs: [{source_labels: [a], target_label: 'svc-\${1}', replacement: on}]"
	refused 3.1 "\"svc-\${1}\" is invalid 'target_label' for replace action"
	check 0 'a=x
svc-x=on' '' of 3.2
}

@test "X14: labelmap may as well" {
	job 'a: x' "  relabel_configs: [{regex: '(a)', action: labelmap, replacement: 'x.\$1'}]"
	refused 3.1 "\"x.\$1\" is invalid 'replacement' for labelmap action"
	check 0 'a=x
x.a=x' '' of 3.2
}

@test "metric_name_validation_scheme legacy governs the names of rules since 3.7" {
	job 'a: x' "  metric_name_validation_scheme: legacy
  metric_name_escaping_scheme: underscores
  relabel_configs: [{source_labels: [a], target_label: 'svc-\${1}', replacement: on}]"
	accepted 3.6
	refused 3.7 "\"svc-\${1}\" is invalid 'target_label' for replace action"
	job 'a: x-y' "  metric_name_validation_scheme: legacy
  metric_name_escaping_scheme: underscores
  relabel_configs: [{source_labels: [a], target_label: 's_\${1}', replacement: on}]"
	check 0 'a=x-y
s_x-y=on' '' of 3.6
	check 0 'a=x-y' '' of 3.7
}

@test "2 is 2.42, and 3 is 3.5 and what is taken when nothing is said" {
	job 'a: "p\nq", __param_m: grp' "  params: {m: [cfg]}
  relabel_configs: [{source_labels: [a], target_label: d}]"
	of 2 >"$BATS_TEST_TMPDIR/2"
	of 2.42 | cmp - "$BATS_TEST_TMPDIR/2"
	of 3 >"$BATS_TEST_TMPDIR/3"
	of 3.5 | cmp - "$BATS_TEST_TMPDIR/3"
	if cmp -s "$BATS_TEST_TMPDIR/2" "$BATS_TEST_TMPDIR/3"; then return 1; fi
	clb-discover -c "$BATS_TEST_TMPDIR/c.yml" | cmp - "$BATS_TEST_TMPDIR/disc"
	clb-relabel -c "$BATS_TEST_TMPDIR/c.yml" <"$BATS_TEST_TMPDIR/disc" | cmp - "$BATS_TEST_TMPDIR/targets"
}
