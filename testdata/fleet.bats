# What one Prometheus scrapes, five collectors scrape together: the same labels, URL,
# interval and timeout of every target, and nothing twice. The one is a real
# Prometheus on an oracle's case (see oracle.bats); the five are real ones of the same
# version on what clb gives them, as files, by HTTP from nginx, and by clb-agent; and
# vmagents, the oldest and the newest, with files and by HTTP. testdata/fleet has what
# runs them. To run one case:
#
#   PATH=$PWD/build:$PWD/scripts:$PATH testdata/fleet/all.sh /tmp 3 relabel-keep
#   cat /tmp/3-relabel-keep
#
# What cannot be handed over says why, in a file no-fleet or, for vmagent alone,
# no-vmagent beside the case.

dir=$BATS_TEST_DIRNAME/fleet

setup_file() {
	"$dir/all.sh" "$BATS_FILE_TMPDIR"
}

fleet() {
	cat "$BATS_FILE_TMPDIR/$1-$2" || return 1
	[ -s "$BATS_FILE_TMPDIR/$1-$2" ] || return 0
	# What the collectors had to say.
	cat "$BATS_FILE_TMPDIR"/run.*
	return 1
}

@test "every case has its tests here" {
	diff -u <("$dir/tests.sh") <(grep -E '^@test "(2|3|vmagent) ' "$BATS_TEST_DIRNAME/fleet.bats")
}

@test "a target that is lost, doubled or changed is told" {
	local t=$BATS_TEST_TMPDIR delivery

	mkdir "$t/bin"
	printf '#!/bin/sh\n"%s" "$@" | ' "$(command -v clb-schedule)" >"$t/bin/clb-schedule"
	cat >>"$t/bin/clb-schedule" <<-'EOT'
	jq -cS -s '[.[1] | .labels.instance = "changed:1"] + .[2:] + [.[2] | .collector = "collector-4"] |
		sort_by(.collector, .job, .id)[]'
	EOT
	chmod +x "$t/bin/clb-schedule"
	PATH=$t/bin:$PATH "$dir/all.sh" "$t" 3 relabel-keep
	cat "$t/3-relabel-keep"
	for delivery in files http agent; do
		grep "^$delivery: [-+] {\"set\":\"active\"" "$t/3-relabel-keep" >"$t/$delivery"
		[ "$(grep -c ': - ' "$t/$delivery")" -eq 2 ]
		[ "$(grep -c ': + ' "$t/$delivery")" -eq 2 ]
		[ "$(grep -c ': + .*changed:1' "$t/$delivery")" -eq 1 ]
	done
}

@test "2 config-sections-that-targets-do-not-need" { fleet 2 config-sections-that-targets-do-not-need; }
@test "2 discovered-labels-of-params" { fleet 2 discovered-labels-of-params; }
@test "2 discovered-labels-of-the-group-win" { fleet 2 discovered-labels-of-the-group-win; }
@test "2 dns-sd-addresses" { fleet 2 dns-sd-addresses; }
@test "2 dns-sd-aliases" { fleet 2 dns-sd-aliases; }
@test "2 dns-sd-answer-too-long-for-udp" { fleet 2 dns-sd-answer-too-long-for-udp; }
@test "2 dns-sd-mail-exchangers" { fleet 2 dns-sd-mail-exchangers; }
@test "2 dns-sd-nothing-found" { fleet 2 dns-sd-nothing-found; }
@test "2 dns-sd-search-list" { fleet 2 dns-sd-search-list; }
@test "2 dns-sd-server-refuses" { fleet 2 dns-sd-server-refuses; }
@test "2 dns-sd-services" { fleet 2 dns-sd-services; }
@test "2 duplicates-across-sources" { fleet 2 duplicates-across-sources; }
@test "2 duplicates-collapse" { fleet 2 duplicates-collapse; }
@test "2 duplicates-that-differ-inside" { fleet 2 duplicates-that-differ-inside; }
@test "2 file-sd-extensions" { fleet 2 file-sd-extensions; }
@test "2 file-sd-json" { fleet 2 file-sd-json; }
@test "2 file-sd-json-null-target" { fleet 2 file-sd-json-null-target; }
@test "2 file-sd-json-that-is-read" { fleet 2 file-sd-json-that-is-read; }
@test "2 file-sd-json-that-is-refused" { fleet 2 file-sd-json-that-is-refused; }
@test "2 file-sd-malformed-pattern" { fleet 2 file-sd-malformed-pattern; }
@test "2 file-sd-meta-filepath" { fleet 2 file-sd-meta-filepath; }
@test "2 file-sd-names-of-2" { fleet 2 file-sd-names-of-2; }
@test "2 file-sd-null-groups-in-yaml" { fleet 2 file-sd-null-groups-in-yaml; }
@test "2 file-sd-patterns" { fleet 2 file-sd-patterns; }
@test "2 file-sd-several-blocks" { fleet 2 file-sd-several-blocks; }
@test "2 file-sd-yaml" { fleet 2 file-sd-yaml; }
@test "2 file-sd-yaml-null-target" { fleet 2 file-sd-yaml-null-target; }
@test "2 file-sd-yaml-that-is-read" { fleet 2 file-sd-yaml-that-is-read; }
@test "2 file-sd-yaml-that-is-refused" { fleet 2 file-sd-yaml-that-is-refused; }
@test "2 http-sd" { fleet 2 http-sd; }
@test "2 http-sd-asks-as-prometheus-does" { fleet 2 http-sd-asks-as-prometheus-does; }
@test "2 http-sd-authorization" { fleet 2 http-sd-authorization; }
@test "2 http-sd-bodies" { fleet 2 http-sd-bodies; }
@test "2 http-sd-content-types" { fleet 2 http-sd-content-types; }
@test "2 http-sd-redirects" { fleet 2 http-sd-redirects; }
@test "2 http-sd-statuses" { fleet 2 http-sd-statuses; }
@test "2 http-sd-through-a-proxy" { fleet 2 http-sd-through-a-proxy; }
@test "2 interval-defaults-and-overrides" { fleet 2 interval-defaults-and-overrides; }
@test "2 interval-formats" { fleet 2 interval-formats; }
@test "2 interval-short-global" { fleet 2 interval-short-global; }
@test "2 ipv6-addresses" { fleet 2 ipv6-addresses; }
@test "2 job-names-of-every-kind" { fleet 2 job-names-of-every-kind; }
@test "2 label-values-are-plain-data" { fleet 2 label-values-are-plain-data; }
@test "2 relabel-actions-in-any-case" { fleet 2 relabel-actions-in-any-case; }
@test "2 relabel-blackbox-exporter" { fleet 2 relabel-blackbox-exporter; }
@test "2 relabel-dot-and-newline" { fleet 2 relabel-dot-and-newline; }
@test "2 relabel-drop" { fleet 2 relabel-drop; }
@test "2 relabel-dropequal" { fleet 2 relabel-dropequal; }
@test "2 relabel-empty-result-deletes" { fleet 2 relabel-empty-result-deletes; }
@test "2 relabel-hashmod" { fleet 2 relabel-hashmod; }
@test "2 relabel-in-order-with-temporary-labels" { fleet 2 relabel-in-order-with-temporary-labels; }
@test "2 relabel-job-and-instance" { fleet 2 relabel-job-and-instance; }
@test "2 relabel-keep" { fleet 2 relabel-keep; }
@test "2 relabel-keepequal" { fleet 2 relabel-keepequal; }
@test "2 relabel-kubernetes-pods" { fleet 2 relabel-kubernetes-pods; }
@test "2 relabel-labeldrop" { fleet 2 relabel-labeldrop; }
@test "2 relabel-labelkeep" { fleet 2 relabel-labelkeep; }
@test "2 relabel-labelmap" { fleet 2 relabel-labelmap; }
@test "2 relabel-labelmap-last-wins" { fleet 2 relabel-labelmap-last-wins; }
@test "2 relabel-labelmap-names-are-not-checked" { fleet 2 relabel-labelmap-names-are-not-checked; }
@test "2 relabel-lowercase-uppercase" { fleet 2 relabel-lowercase-uppercase; }
@test "2 relabel-meta-labels-go" { fleet 2 relabel-meta-labels-go; }
@test "2 relabel-null-fields-are-empty" { fleet 2 relabel-null-fields-are-empty; }
@test "2 relabel-regex-folds-case" { fleet 2 relabel-regex-folds-case; }
@test "2 relabel-regex-is-anchored-as-text" { fleet 2 relabel-regex-is-anchored-as-text; }
@test "2 relabel-regex-runs-on-code-points" { fleet 2 relabel-regex-runs-on-code-points; }
@test "2 relabel-regex-syntax" { fleet 2 relabel-regex-syntax; }
@test "2 relabel-regex-takes-the-first-alternative" { fleet 2 relabel-regex-takes-the-first-alternative; }
@test "2 relabel-replace-joins-its-sources" { fleet 2 relabel-replace-joins-its-sources; }
@test "2 relabel-replacement-templates" { fleet 2 relabel-replacement-templates; }
@test "2 relabel-superfluous-fields-do-nothing" { fleet 2 relabel-superfluous-fields-do-nothing; }
@test "2 relabel-target-label-expands-to-no-legacy-name" { fleet 2 relabel-target-label-expands-to-no-legacy-name; }
@test "2 relabel-target-label-templates" { fleet 2 relabel-target-label-templates; }
@test "2 static-groups-without-targets" { fleet 2 static-groups-without-targets; }
@test "2 static-targets-are-text" { fleet 2 static-targets-are-text; }
@test "2 target-address-default-port" { fleet 2 target-address-default-port; }
@test "2 target-address-with-a-slash" { fleet 2 target-address-with-a-slash; }
@test "2 target-errors-spare-the-others" { fleet 2 target-errors-spare-the-others; }
@test "2 target-interval-and-timeout-errors" { fleet 2 target-interval-and-timeout-errors; }
@test "2 target-interval-texts-stay" { fleet 2 target-interval-texts-stay; }
@test "2 target-limit-counts-what-is-left" { fleet 2 target-limit-counts-what-is-left; }
@test "2 target-limit-exceeded" { fleet 2 target-limit-exceeded; }
@test "2 target-scheme-without-default-port" { fleet 2 target-scheme-without-default-port; }
@test "2 target-without-address" { fleet 2 target-without-address; }
@test "2 url-hosts" { fleet 2 url-hosts; }
@test "2 url-parameters" { fleet 2 url-parameters; }
@test "2 url-paths" { fleet 2 url-paths; }
@test "2 url-schemes" { fleet 2 url-schemes; }
@test "2 yaml-anchors-across-sections" { fleet 2 yaml-anchors-across-sections; }
@test "2 yaml-binary" { fleet 2 yaml-binary; }
@test "2 yaml-empty-configuration" { fleet 2 yaml-empty-configuration; }
@test "2 yaml-is-read-up-to-the-second-document" { fleet 2 yaml-is-read-up-to-the-second-document; }
@test "2 yaml-merge-keys" { fleet 2 yaml-merge-keys; }
@test "2 yaml-nulls" { fleet 2 yaml-nulls; }
@test "2 yaml-strings" { fleet 2 yaml-strings; }
@test "2 yaml-with-bom-and-crlf" { fleet 2 yaml-with-bom-and-crlf; }
@test "2 yaml-with-json" { fleet 2 yaml-with-json; }
@test "3 config-fields-of-3" { fleet 3 config-fields-of-3; }
@test "3 config-scrape-config-files" { fleet 3 config-scrape-config-files; }
@test "3 config-sections-that-targets-do-not-need" { fleet 3 config-sections-that-targets-do-not-need; }
@test "3 discovered-labels-of-params" { fleet 3 discovered-labels-of-params; }
@test "3 discovered-labels-of-the-group-win" { fleet 3 discovered-labels-of-the-group-win; }
@test "3 dns-sd-addresses" { fleet 3 dns-sd-addresses; }
@test "3 dns-sd-aliases" { fleet 3 dns-sd-aliases; }
@test "3 dns-sd-answer-too-long-for-udp" { fleet 3 dns-sd-answer-too-long-for-udp; }
@test "3 dns-sd-mail-exchangers" { fleet 3 dns-sd-mail-exchangers; }
@test "3 dns-sd-name-servers" { fleet 3 dns-sd-name-servers; }
@test "3 dns-sd-nothing-found" { fleet 3 dns-sd-nothing-found; }
@test "3 dns-sd-search-list" { fleet 3 dns-sd-search-list; }
@test "3 dns-sd-server-refuses" { fleet 3 dns-sd-server-refuses; }
@test "3 dns-sd-services" { fleet 3 dns-sd-services; }
@test "3 duplicates-across-sources" { fleet 3 duplicates-across-sources; }
@test "3 duplicates-collapse" { fleet 3 duplicates-collapse; }
@test "3 duplicates-that-differ-inside" { fleet 3 duplicates-that-differ-inside; }
@test "3 file-sd-extensions" { fleet 3 file-sd-extensions; }
@test "3 file-sd-json" { fleet 3 file-sd-json; }
@test "3 file-sd-json-null-target" { fleet 3 file-sd-json-null-target; }
@test "3 file-sd-json-that-is-read" { fleet 3 file-sd-json-that-is-read; }
@test "3 file-sd-json-that-is-refused" { fleet 3 file-sd-json-that-is-refused; }
@test "3 file-sd-malformed-pattern" { fleet 3 file-sd-malformed-pattern; }
@test "3 file-sd-meta-filepath" { fleet 3 file-sd-meta-filepath; }
@test "3 file-sd-names-of-3" { fleet 3 file-sd-names-of-3; }
@test "3 file-sd-null-groups-in-yaml" { fleet 3 file-sd-null-groups-in-yaml; }
@test "3 file-sd-patterns" { fleet 3 file-sd-patterns; }
@test "3 file-sd-several-blocks" { fleet 3 file-sd-several-blocks; }
@test "3 file-sd-yaml" { fleet 3 file-sd-yaml; }
@test "3 file-sd-yaml-null-target" { fleet 3 file-sd-yaml-null-target; }
@test "3 file-sd-yaml-that-is-read" { fleet 3 file-sd-yaml-that-is-read; }
@test "3 file-sd-yaml-that-is-refused" { fleet 3 file-sd-yaml-that-is-refused; }
@test "3 http-sd" { fleet 3 http-sd; }
@test "3 http-sd-asks-as-prometheus-does" { fleet 3 http-sd-asks-as-prometheus-does; }
@test "3 http-sd-authorization" { fleet 3 http-sd-authorization; }
@test "3 http-sd-bodies" { fleet 3 http-sd-bodies; }
@test "3 http-sd-content-types" { fleet 3 http-sd-content-types; }
@test "3 http-sd-of-3" { fleet 3 http-sd-of-3; }
@test "3 http-sd-redirects" { fleet 3 http-sd-redirects; }
@test "3 http-sd-statuses" { fleet 3 http-sd-statuses; }
@test "3 http-sd-through-a-proxy" { fleet 3 http-sd-through-a-proxy; }
@test "3 interval-defaults-and-overrides" { fleet 3 interval-defaults-and-overrides; }
@test "3 interval-formats" { fleet 3 interval-formats; }
@test "3 interval-short-global" { fleet 3 interval-short-global; }
@test "3 ipv6-addresses" { fleet 3 ipv6-addresses; }
@test "3 job-names-of-every-kind" { fleet 3 job-names-of-every-kind; }
@test "3 label-names-utf8" { fleet 3 label-names-utf8; }
@test "3 label-values-are-plain-data" { fleet 3 label-values-are-plain-data; }
@test "3 relabel-actions-in-any-case" { fleet 3 relabel-actions-in-any-case; }
@test "3 relabel-blackbox-exporter" { fleet 3 relabel-blackbox-exporter; }
@test "3 relabel-dot-and-newline" { fleet 3 relabel-dot-and-newline; }
@test "3 relabel-drop" { fleet 3 relabel-drop; }
@test "3 relabel-dropequal" { fleet 3 relabel-dropequal; }
@test "3 relabel-empty-result-deletes" { fleet 3 relabel-empty-result-deletes; }
@test "3 relabel-hashmod" { fleet 3 relabel-hashmod; }
@test "3 relabel-in-order-with-temporary-labels" { fleet 3 relabel-in-order-with-temporary-labels; }
@test "3 relabel-job-and-instance" { fleet 3 relabel-job-and-instance; }
@test "3 relabel-keep" { fleet 3 relabel-keep; }
@test "3 relabel-keepequal" { fleet 3 relabel-keepequal; }
@test "3 relabel-kubernetes-pods" { fleet 3 relabel-kubernetes-pods; }
@test "3 relabel-labeldrop" { fleet 3 relabel-labeldrop; }
@test "3 relabel-labelkeep" { fleet 3 relabel-labelkeep; }
@test "3 relabel-labelmap" { fleet 3 relabel-labelmap; }
@test "3 relabel-labelmap-names-are-not-checked" { fleet 3 relabel-labelmap-names-are-not-checked; }
@test "3 relabel-lowercase-uppercase" { fleet 3 relabel-lowercase-uppercase; }
@test "3 relabel-lowercase-uppercase-of-unicode-14" { fleet 3 relabel-lowercase-uppercase-of-unicode-14; }
@test "3 relabel-meta-labels-go" { fleet 3 relabel-meta-labels-go; }
@test "3 relabel-named-groups-without-p" { fleet 3 relabel-named-groups-without-p; }
@test "3 relabel-null-fields-are-empty" { fleet 3 relabel-null-fields-are-empty; }
@test "3 relabel-regex-folds-case" { fleet 3 relabel-regex-folds-case; }
@test "3 relabel-regex-is-anchored-as-text" { fleet 3 relabel-regex-is-anchored-as-text; }
@test "3 relabel-regex-runs-on-code-points" { fleet 3 relabel-regex-runs-on-code-points; }
@test "3 relabel-regex-syntax" { fleet 3 relabel-regex-syntax; }
@test "3 relabel-regex-takes-the-first-alternative" { fleet 3 relabel-regex-takes-the-first-alternative; }
@test "3 relabel-replace-joins-its-sources" { fleet 3 relabel-replace-joins-its-sources; }
@test "3 relabel-replacement-templates" { fleet 3 relabel-replacement-templates; }
@test "3 relabel-superfluous-fields-do-nothing" { fleet 3 relabel-superfluous-fields-do-nothing; }
@test "3 relabel-target-label-expands-to-no-legacy-name" { fleet 3 relabel-target-label-expands-to-no-legacy-name; }
@test "3 relabel-target-label-templates" { fleet 3 relabel-target-label-templates; }
@test "3 static-groups-without-targets" { fleet 3 static-groups-without-targets; }
@test "3 static-targets-are-text" { fleet 3 static-targets-are-text; }
@test "3 target-address-default-port" { fleet 3 target-address-default-port; }
@test "3 target-address-with-a-slash" { fleet 3 target-address-with-a-slash; }
@test "3 target-errors-spare-the-others" { fleet 3 target-errors-spare-the-others; }
@test "3 target-interval-and-timeout-errors" { fleet 3 target-interval-and-timeout-errors; }
@test "3 target-interval-texts-stay" { fleet 3 target-interval-texts-stay; }
@test "3 target-limit-counts-what-is-left" { fleet 3 target-limit-counts-what-is-left; }
@test "3 target-limit-exceeded" { fleet 3 target-limit-exceeded; }
@test "3 target-limit-of-global" { fleet 3 target-limit-of-global; }
@test "3 target-scheme-without-default-port" { fleet 3 target-scheme-without-default-port; }
@test "3 target-without-address" { fleet 3 target-without-address; }
@test "3 url-hosts" { fleet 3 url-hosts; }
@test "3 url-parameters" { fleet 3 url-parameters; }
@test "3 url-paths" { fleet 3 url-paths; }
@test "3 url-schemes" { fleet 3 url-schemes; }
@test "3 yaml-anchors-across-sections" { fleet 3 yaml-anchors-across-sections; }
@test "3 yaml-binary" { fleet 3 yaml-binary; }
@test "3 yaml-empty-configuration" { fleet 3 yaml-empty-configuration; }
@test "3 yaml-is-read-up-to-the-second-document" { fleet 3 yaml-is-read-up-to-the-second-document; }
@test "3 yaml-merge-keys" { fleet 3 yaml-merge-keys; }
@test "3 yaml-nulls" { fleet 3 yaml-nulls; }
@test "3 yaml-strings" { fleet 3 yaml-strings; }
@test "3 yaml-with-bom-and-crlf" { fleet 3 yaml-with-bom-and-crlf; }
@test "3 yaml-with-json" { fleet 3 yaml-with-json; }
@test "vmagent config-scrape-config-files" { fleet vmagent config-scrape-config-files; }
@test "vmagent discovered-labels-of-the-group-win" { fleet vmagent discovered-labels-of-the-group-win; }
@test "vmagent dns-sd-addresses" { fleet vmagent dns-sd-addresses; }
@test "vmagent dns-sd-aliases" { fleet vmagent dns-sd-aliases; }
@test "vmagent dns-sd-answer-too-long-for-udp" { fleet vmagent dns-sd-answer-too-long-for-udp; }
@test "vmagent dns-sd-mail-exchangers" { fleet vmagent dns-sd-mail-exchangers; }
@test "vmagent dns-sd-name-servers" { fleet vmagent dns-sd-name-servers; }
@test "vmagent dns-sd-nothing-found" { fleet vmagent dns-sd-nothing-found; }
@test "vmagent dns-sd-search-list" { fleet vmagent dns-sd-search-list; }
@test "vmagent dns-sd-server-refuses" { fleet vmagent dns-sd-server-refuses; }
@test "vmagent dns-sd-services" { fleet vmagent dns-sd-services; }
@test "vmagent duplicates-across-sources" { fleet vmagent duplicates-across-sources; }
@test "vmagent duplicates-collapse" { fleet vmagent duplicates-collapse; }
@test "vmagent duplicates-that-differ-inside" { fleet vmagent duplicates-that-differ-inside; }
@test "vmagent file-sd-extensions" { fleet vmagent file-sd-extensions; }
@test "vmagent file-sd-json" { fleet vmagent file-sd-json; }
@test "vmagent file-sd-json-null-target" { fleet vmagent file-sd-json-null-target; }
@test "vmagent file-sd-json-that-is-read" { fleet vmagent file-sd-json-that-is-read; }
@test "vmagent file-sd-json-that-is-refused" { fleet vmagent file-sd-json-that-is-refused; }
@test "vmagent file-sd-malformed-pattern" { fleet vmagent file-sd-malformed-pattern; }
@test "vmagent file-sd-meta-filepath" { fleet vmagent file-sd-meta-filepath; }
@test "vmagent file-sd-names-of-3" { fleet vmagent file-sd-names-of-3; }
@test "vmagent file-sd-null-groups-in-yaml" { fleet vmagent file-sd-null-groups-in-yaml; }
@test "vmagent file-sd-several-blocks" { fleet vmagent file-sd-several-blocks; }
@test "vmagent file-sd-yaml" { fleet vmagent file-sd-yaml; }
@test "vmagent file-sd-yaml-null-target" { fleet vmagent file-sd-yaml-null-target; }
@test "vmagent file-sd-yaml-that-is-read" { fleet vmagent file-sd-yaml-that-is-read; }
@test "vmagent file-sd-yaml-that-is-refused" { fleet vmagent file-sd-yaml-that-is-refused; }
@test "vmagent http-sd" { fleet vmagent http-sd; }
@test "vmagent http-sd-asks-as-prometheus-does" { fleet vmagent http-sd-asks-as-prometheus-does; }
@test "vmagent http-sd-authorization" { fleet vmagent http-sd-authorization; }
@test "vmagent http-sd-bodies" { fleet vmagent http-sd-bodies; }
@test "vmagent http-sd-content-types" { fleet vmagent http-sd-content-types; }
@test "vmagent http-sd-of-3" { fleet vmagent http-sd-of-3; }
@test "vmagent http-sd-redirects" { fleet vmagent http-sd-redirects; }
@test "vmagent http-sd-statuses" { fleet vmagent http-sd-statuses; }
@test "vmagent http-sd-through-a-proxy" { fleet vmagent http-sd-through-a-proxy; }
@test "vmagent interval-defaults-and-overrides" { fleet vmagent interval-defaults-and-overrides; }
@test "vmagent interval-formats" { fleet vmagent interval-formats; }
@test "vmagent interval-short-global" { fleet vmagent interval-short-global; }
@test "vmagent job-names-of-every-kind" { fleet vmagent job-names-of-every-kind; }
@test "vmagent label-names-utf8" { fleet vmagent label-names-utf8; }
@test "vmagent relabel-actions-in-any-case" { fleet vmagent relabel-actions-in-any-case; }
@test "vmagent relabel-blackbox-exporter" { fleet vmagent relabel-blackbox-exporter; }
@test "vmagent relabel-dot-and-newline" { fleet vmagent relabel-dot-and-newline; }
@test "vmagent relabel-drop" { fleet vmagent relabel-drop; }
@test "vmagent relabel-dropequal" { fleet vmagent relabel-dropequal; }
@test "vmagent relabel-empty-result-deletes" { fleet vmagent relabel-empty-result-deletes; }
@test "vmagent relabel-hashmod" { fleet vmagent relabel-hashmod; }
@test "vmagent relabel-in-order-with-temporary-labels" { fleet vmagent relabel-in-order-with-temporary-labels; }
@test "vmagent relabel-job-and-instance" { fleet vmagent relabel-job-and-instance; }
@test "vmagent relabel-keep" { fleet vmagent relabel-keep; }
@test "vmagent relabel-keepequal" { fleet vmagent relabel-keepequal; }
@test "vmagent relabel-kubernetes-pods" { fleet vmagent relabel-kubernetes-pods; }
@test "vmagent relabel-labeldrop" { fleet vmagent relabel-labeldrop; }
@test "vmagent relabel-labelkeep" { fleet vmagent relabel-labelkeep; }
@test "vmagent relabel-labelmap" { fleet vmagent relabel-labelmap; }
@test "vmagent relabel-labelmap-names-are-not-checked" { fleet vmagent relabel-labelmap-names-are-not-checked; }
@test "vmagent relabel-lowercase-uppercase" { fleet vmagent relabel-lowercase-uppercase; }
@test "vmagent relabel-meta-labels-go" { fleet vmagent relabel-meta-labels-go; }
@test "vmagent relabel-named-groups-without-p" { fleet vmagent relabel-named-groups-without-p; }
@test "vmagent relabel-null-fields-are-empty" { fleet vmagent relabel-null-fields-are-empty; }
@test "vmagent relabel-regex-folds-case" { fleet vmagent relabel-regex-folds-case; }
@test "vmagent relabel-regex-is-anchored-as-text" { fleet vmagent relabel-regex-is-anchored-as-text; }
@test "vmagent relabel-regex-runs-on-code-points" { fleet vmagent relabel-regex-runs-on-code-points; }
@test "vmagent relabel-regex-syntax" { fleet vmagent relabel-regex-syntax; }
@test "vmagent relabel-regex-takes-the-first-alternative" { fleet vmagent relabel-regex-takes-the-first-alternative; }
@test "vmagent relabel-replace-joins-its-sources" { fleet vmagent relabel-replace-joins-its-sources; }
@test "vmagent relabel-replacement-templates" { fleet vmagent relabel-replacement-templates; }
@test "vmagent relabel-superfluous-fields-do-nothing" { fleet vmagent relabel-superfluous-fields-do-nothing; }
@test "vmagent relabel-target-label-expands-to-no-legacy-name" { fleet vmagent relabel-target-label-expands-to-no-legacy-name; }
@test "vmagent relabel-target-label-templates" { fleet vmagent relabel-target-label-templates; }
@test "vmagent static-groups-without-targets" { fleet vmagent static-groups-without-targets; }
@test "vmagent static-targets-are-text" { fleet vmagent static-targets-are-text; }
@test "vmagent target-address-with-a-slash" { fleet vmagent target-address-with-a-slash; }
@test "vmagent target-errors-spare-the-others" { fleet vmagent target-errors-spare-the-others; }
@test "vmagent target-interval-and-timeout-errors" { fleet vmagent target-interval-and-timeout-errors; }
@test "vmagent target-interval-texts-stay" { fleet vmagent target-interval-texts-stay; }
@test "vmagent target-without-address" { fleet vmagent target-without-address; }
@test "vmagent yaml-binary" { fleet vmagent yaml-binary; }
@test "vmagent yaml-empty-configuration" { fleet vmagent yaml-empty-configuration; }
@test "vmagent yaml-is-read-up-to-the-second-document" { fleet vmagent yaml-is-read-up-to-the-second-document; }
@test "vmagent yaml-merge-keys" { fleet vmagent yaml-merge-keys; }
@test "vmagent yaml-strings" { fleet vmagent yaml-strings; }
@test "vmagent yaml-with-bom-and-crlf" { fleet vmagent yaml-with-bom-and-crlf; }
@test "vmagent yaml-with-json" { fleet vmagent yaml-with-json; }
