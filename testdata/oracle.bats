# What the real Prometheus makes of a configuration, clb does too: testdata/oracle
# has the cases and what runs them. An answer takes Prometheus some seconds, so
# all cases are run before the first test, several at a time; the answers are kept
# below build/oracle. To run one case:
#
#   PATH=$PWD/build:$PATH testdata/oracle/compare.sh 3 testdata/oracle/cases/relabel-keep
#
# A case in testdata/oracle/cases is prometheus.yml and what else it reads, and
#
#   www/ nginx.conf              its http_sd sources (see oracle/site.sh)
#   dnsmasq.conf resolv.conf     its DNS
#   versions                     2 or 3, if the case is not for both
#   partial                      patterns of the warnings that clb-discover must
#                                give about sources that fail
#   no-fleet no-vmagent          why fleet.bats leaves it out

oracle=$BATS_TEST_DIRNAME/oracle

setup_file() {
	"$oracle/all.sh" "$BATS_FILE_TMPDIR"
}

compare() {
	cat "$BATS_FILE_TMPDIR/$1-$2" || return 1
	[ ! -s "$BATS_FILE_TMPDIR/$1-$2" ]
}

@test "every case has its tests here" {
	diff -u <("$oracle/tests.sh") <(grep '^@test "[23] ' "$BATS_TEST_DIRNAME/oracle.bats")
}

@test "there are 60 cases and more for each version, and 60 verdicts" {
	[ "$("$oracle/cases.sh" 2 | wc -l)" -ge 60 ]
	[ "$("$oracle/cases.sh" 3 | wc -l)" -ge 60 ]
	[ "$(find "$oracle/verdicts" -name '*.yml' | wc -l)" -ge 60 ]
}

@test "clb-config takes and refuses what Prometheus 2 does" {
	"$oracle/verdicts.sh" 2
}

@test "clb-config takes and refuses what Prometheus 3 does" {
	"$oracle/verdicts.sh" 3
}

@test "a difference is told: another job's name, a lost target, one too many" {
	local kind

	mkdir "$BATS_TEST_TMPDIR/bin"
	ln -s "$(command -v clb-discover)" "$BATS_TEST_TMPDIR/bin/"
	for kind in 's/"job":"some"/"job":"sum"/' 2d '2{p;s/:1"/:7"/g}'; do
		printf '#!/bin/sh\n"%s" "$@" | sed '"'%s'\n" "$(command -v clb-relabel)" "$kind" \
			>"$BATS_TEST_TMPDIR/bin/clb-relabel"
		chmod +x "$BATS_TEST_TMPDIR/bin/clb-relabel"
		run env PATH="$BATS_TEST_TMPDIR/bin:$PATH" "$oracle/compare.sh" 3 "$oracle/cases/relabel-keep"
		echo "$kind: $output"
		[ "$status" -eq 1 ]
		[[ $output == *'{"set":"active","job":'* ]]
	done
}

@test "2 config-sections-that-targets-do-not-need" { compare 2 config-sections-that-targets-do-not-need; }
@test "2 discovered-labels-of-params" { compare 2 discovered-labels-of-params; }
@test "2 discovered-labels-of-the-group-win" { compare 2 discovered-labels-of-the-group-win; }
@test "2 dns-sd-addresses" { compare 2 dns-sd-addresses; }
@test "2 dns-sd-aliases" { compare 2 dns-sd-aliases; }
@test "2 dns-sd-answer-too-long-for-udp" { compare 2 dns-sd-answer-too-long-for-udp; }
@test "2 dns-sd-mail-exchangers" { compare 2 dns-sd-mail-exchangers; }
@test "2 dns-sd-nothing-found" { compare 2 dns-sd-nothing-found; }
@test "2 dns-sd-search-list" { compare 2 dns-sd-search-list; }
@test "2 dns-sd-server-refuses" { compare 2 dns-sd-server-refuses; }
@test "2 dns-sd-services" { compare 2 dns-sd-services; }
@test "2 duplicates-across-sources" { compare 2 duplicates-across-sources; }
@test "2 duplicates-collapse" { compare 2 duplicates-collapse; }
@test "2 duplicates-that-differ-inside" { compare 2 duplicates-that-differ-inside; }
@test "2 duplicates-with-a-parameter-deleted" { compare 2 duplicates-with-a-parameter-deleted; }
@test "2 file-sd-extensions" { compare 2 file-sd-extensions; }
@test "2 file-sd-json" { compare 2 file-sd-json; }
@test "2 file-sd-json-null-target" { compare 2 file-sd-json-null-target; }
@test "2 file-sd-json-that-is-read" { compare 2 file-sd-json-that-is-read; }
@test "2 file-sd-json-that-is-refused" { compare 2 file-sd-json-that-is-refused; }
@test "2 file-sd-malformed-pattern" { compare 2 file-sd-malformed-pattern; }
@test "2 file-sd-meta-filepath" { compare 2 file-sd-meta-filepath; }
@test "2 file-sd-names-of-2" { compare 2 file-sd-names-of-2; }
@test "2 file-sd-null-groups-in-yaml" { compare 2 file-sd-null-groups-in-yaml; }
@test "2 file-sd-patterns" { compare 2 file-sd-patterns; }
@test "2 file-sd-several-blocks" { compare 2 file-sd-several-blocks; }
@test "2 file-sd-yaml" { compare 2 file-sd-yaml; }
@test "2 file-sd-yaml-null-target" { compare 2 file-sd-yaml-null-target; }
@test "2 file-sd-yaml-that-is-read" { compare 2 file-sd-yaml-that-is-read; }
@test "2 file-sd-yaml-that-is-refused" { compare 2 file-sd-yaml-that-is-refused; }
@test "2 http-sd" { compare 2 http-sd; }
@test "2 http-sd-asks-as-prometheus-does" { compare 2 http-sd-asks-as-prometheus-does; }
@test "2 http-sd-authorization" { compare 2 http-sd-authorization; }
@test "2 http-sd-bodies" { compare 2 http-sd-bodies; }
@test "2 http-sd-content-types" { compare 2 http-sd-content-types; }
@test "2 http-sd-redirects" { compare 2 http-sd-redirects; }
@test "2 http-sd-statuses" { compare 2 http-sd-statuses; }
@test "2 http-sd-through-a-proxy" { compare 2 http-sd-through-a-proxy; }
@test "2 interval-defaults-and-overrides" { compare 2 interval-defaults-and-overrides; }
@test "2 interval-formats" { compare 2 interval-formats; }
@test "2 interval-short-global" { compare 2 interval-short-global; }
@test "2 ipv6-addresses" { compare 2 ipv6-addresses; }
@test "2 job-names-of-every-kind" { compare 2 job-names-of-every-kind; }
@test "2 label-values-are-plain-data" { compare 2 label-values-are-plain-data; }
@test "2 relabel-actions-in-any-case" { compare 2 relabel-actions-in-any-case; }
@test "2 relabel-blackbox-exporter" { compare 2 relabel-blackbox-exporter; }
@test "2 relabel-dot-and-newline" { compare 2 relabel-dot-and-newline; }
@test "2 relabel-drop" { compare 2 relabel-drop; }
@test "2 relabel-dropequal" { compare 2 relabel-dropequal; }
@test "2 relabel-empty-result-deletes" { compare 2 relabel-empty-result-deletes; }
@test "2 relabel-hashmod" { compare 2 relabel-hashmod; }
@test "2 relabel-in-order-with-temporary-labels" { compare 2 relabel-in-order-with-temporary-labels; }
@test "2 relabel-job-and-instance" { compare 2 relabel-job-and-instance; }
@test "2 relabel-keep" { compare 2 relabel-keep; }
@test "2 relabel-keepequal" { compare 2 relabel-keepequal; }
@test "2 relabel-kubernetes-pods" { compare 2 relabel-kubernetes-pods; }
@test "2 relabel-labeldrop" { compare 2 relabel-labeldrop; }
@test "2 relabel-labelkeep" { compare 2 relabel-labelkeep; }
@test "2 relabel-labelmap" { compare 2 relabel-labelmap; }
@test "2 relabel-labelmap-last-wins" { compare 2 relabel-labelmap-last-wins; }
@test "2 relabel-labelmap-names-are-not-checked" { compare 2 relabel-labelmap-names-are-not-checked; }
@test "2 relabel-lowercase-uppercase" { compare 2 relabel-lowercase-uppercase; }
@test "2 relabel-meta-labels-go" { compare 2 relabel-meta-labels-go; }
@test "2 relabel-null-fields-are-empty" { compare 2 relabel-null-fields-are-empty; }
@test "2 relabel-regex-folds-case" { compare 2 relabel-regex-folds-case; }
@test "2 relabel-regex-is-anchored-as-text" { compare 2 relabel-regex-is-anchored-as-text; }
@test "2 relabel-regex-runs-on-code-points" { compare 2 relabel-regex-runs-on-code-points; }
@test "2 relabel-regex-syntax" { compare 2 relabel-regex-syntax; }
@test "2 relabel-regex-takes-the-first-alternative" { compare 2 relabel-regex-takes-the-first-alternative; }
@test "2 relabel-replace-joins-its-sources" { compare 2 relabel-replace-joins-its-sources; }
@test "2 relabel-replacement-templates" { compare 2 relabel-replacement-templates; }
@test "2 relabel-superfluous-fields-do-nothing" { compare 2 relabel-superfluous-fields-do-nothing; }
@test "2 relabel-target-label-expands-to-no-legacy-name" { compare 2 relabel-target-label-expands-to-no-legacy-name; }
@test "2 relabel-target-label-templates" { compare 2 relabel-target-label-templates; }
@test "2 static-groups-without-targets" { compare 2 static-groups-without-targets; }
@test "2 static-targets-are-text" { compare 2 static-targets-are-text; }
@test "2 target-address-default-port" { compare 2 target-address-default-port; }
@test "2 target-address-with-a-slash" { compare 2 target-address-with-a-slash; }
@test "2 target-errors-spare-the-others" { compare 2 target-errors-spare-the-others; }
@test "2 target-interval-and-timeout-errors" { compare 2 target-interval-and-timeout-errors; }
@test "2 target-interval-texts-stay" { compare 2 target-interval-texts-stay; }
@test "2 target-limit-counts-what-is-left" { compare 2 target-limit-counts-what-is-left; }
@test "2 target-limit-exceeded" { compare 2 target-limit-exceeded; }
@test "2 target-scheme-without-default-port" { compare 2 target-scheme-without-default-port; }
@test "2 target-without-address" { compare 2 target-without-address; }
@test "2 url-hosts" { compare 2 url-hosts; }
@test "2 url-parameters" { compare 2 url-parameters; }
@test "2 url-paths" { compare 2 url-paths; }
@test "2 url-schemes" { compare 2 url-schemes; }
@test "2 yaml-anchors-across-sections" { compare 2 yaml-anchors-across-sections; }
@test "2 yaml-binary" { compare 2 yaml-binary; }
@test "2 yaml-empty-configuration" { compare 2 yaml-empty-configuration; }
@test "2 yaml-is-read-up-to-the-second-document" { compare 2 yaml-is-read-up-to-the-second-document; }
@test "2 yaml-merge-keys" { compare 2 yaml-merge-keys; }
@test "2 yaml-nulls" { compare 2 yaml-nulls; }
@test "2 yaml-strings" { compare 2 yaml-strings; }
@test "2 yaml-with-bom-and-crlf" { compare 2 yaml-with-bom-and-crlf; }
@test "2 yaml-with-json" { compare 2 yaml-with-json; }
@test "3 config-fields-of-3" { compare 3 config-fields-of-3; }
@test "3 config-scrape-config-files" { compare 3 config-scrape-config-files; }
@test "3 config-sections-that-targets-do-not-need" { compare 3 config-sections-that-targets-do-not-need; }
@test "3 discovered-labels-of-params" { compare 3 discovered-labels-of-params; }
@test "3 discovered-labels-of-the-group-win" { compare 3 discovered-labels-of-the-group-win; }
@test "3 dns-sd-addresses" { compare 3 dns-sd-addresses; }
@test "3 dns-sd-aliases" { compare 3 dns-sd-aliases; }
@test "3 dns-sd-answer-too-long-for-udp" { compare 3 dns-sd-answer-too-long-for-udp; }
@test "3 dns-sd-mail-exchangers" { compare 3 dns-sd-mail-exchangers; }
@test "3 dns-sd-name-servers" { compare 3 dns-sd-name-servers; }
@test "3 dns-sd-nothing-found" { compare 3 dns-sd-nothing-found; }
@test "3 dns-sd-search-list" { compare 3 dns-sd-search-list; }
@test "3 dns-sd-server-refuses" { compare 3 dns-sd-server-refuses; }
@test "3 dns-sd-services" { compare 3 dns-sd-services; }
@test "3 duplicates-across-sources" { compare 3 duplicates-across-sources; }
@test "3 duplicates-collapse" { compare 3 duplicates-collapse; }
@test "3 duplicates-that-differ-inside" { compare 3 duplicates-that-differ-inside; }
@test "3 duplicates-with-a-parameter-deleted" { compare 3 duplicates-with-a-parameter-deleted; }
@test "3 file-sd-extensions" { compare 3 file-sd-extensions; }
@test "3 file-sd-json" { compare 3 file-sd-json; }
@test "3 file-sd-json-null-target" { compare 3 file-sd-json-null-target; }
@test "3 file-sd-json-that-is-read" { compare 3 file-sd-json-that-is-read; }
@test "3 file-sd-json-that-is-refused" { compare 3 file-sd-json-that-is-refused; }
@test "3 file-sd-malformed-pattern" { compare 3 file-sd-malformed-pattern; }
@test "3 file-sd-meta-filepath" { compare 3 file-sd-meta-filepath; }
@test "3 file-sd-names-of-3" { compare 3 file-sd-names-of-3; }
@test "3 file-sd-null-groups-in-yaml" { compare 3 file-sd-null-groups-in-yaml; }
@test "3 file-sd-patterns" { compare 3 file-sd-patterns; }
@test "3 file-sd-several-blocks" { compare 3 file-sd-several-blocks; }
@test "3 file-sd-yaml" { compare 3 file-sd-yaml; }
@test "3 file-sd-yaml-null-target" { compare 3 file-sd-yaml-null-target; }
@test "3 file-sd-yaml-that-is-read" { compare 3 file-sd-yaml-that-is-read; }
@test "3 file-sd-yaml-that-is-refused" { compare 3 file-sd-yaml-that-is-refused; }
@test "3 http-sd" { compare 3 http-sd; }
@test "3 http-sd-asks-as-prometheus-does" { compare 3 http-sd-asks-as-prometheus-does; }
@test "3 http-sd-authorization" { compare 3 http-sd-authorization; }
@test "3 http-sd-bodies" { compare 3 http-sd-bodies; }
@test "3 http-sd-content-types" { compare 3 http-sd-content-types; }
@test "3 http-sd-of-3" { compare 3 http-sd-of-3; }
@test "3 http-sd-redirects" { compare 3 http-sd-redirects; }
@test "3 http-sd-statuses" { compare 3 http-sd-statuses; }
@test "3 http-sd-through-a-proxy" { compare 3 http-sd-through-a-proxy; }
@test "3 interval-defaults-and-overrides" { compare 3 interval-defaults-and-overrides; }
@test "3 interval-formats" { compare 3 interval-formats; }
@test "3 interval-short-global" { compare 3 interval-short-global; }
@test "3 ipv6-addresses" { compare 3 ipv6-addresses; }
@test "3 job-names-of-every-kind" { compare 3 job-names-of-every-kind; }
@test "3 label-names-utf8" { compare 3 label-names-utf8; }
@test "3 label-values-are-plain-data" { compare 3 label-values-are-plain-data; }
@test "3 relabel-actions-in-any-case" { compare 3 relabel-actions-in-any-case; }
@test "3 relabel-blackbox-exporter" { compare 3 relabel-blackbox-exporter; }
@test "3 relabel-dot-and-newline" { compare 3 relabel-dot-and-newline; }
@test "3 relabel-drop" { compare 3 relabel-drop; }
@test "3 relabel-dropequal" { compare 3 relabel-dropequal; }
@test "3 relabel-empty-result-deletes" { compare 3 relabel-empty-result-deletes; }
@test "3 relabel-hashmod" { compare 3 relabel-hashmod; }
@test "3 relabel-in-order-with-temporary-labels" { compare 3 relabel-in-order-with-temporary-labels; }
@test "3 relabel-job-and-instance" { compare 3 relabel-job-and-instance; }
@test "3 relabel-keep" { compare 3 relabel-keep; }
@test "3 relabel-keepequal" { compare 3 relabel-keepequal; }
@test "3 relabel-kubernetes-pods" { compare 3 relabel-kubernetes-pods; }
@test "3 relabel-labeldrop" { compare 3 relabel-labeldrop; }
@test "3 relabel-labelkeep" { compare 3 relabel-labelkeep; }
@test "3 relabel-labelmap" { compare 3 relabel-labelmap; }
@test "3 relabel-labelmap-names-are-not-checked" { compare 3 relabel-labelmap-names-are-not-checked; }
@test "3 relabel-lowercase-uppercase" { compare 3 relabel-lowercase-uppercase; }
@test "3 relabel-lowercase-uppercase-of-unicode-14" { compare 3 relabel-lowercase-uppercase-of-unicode-14; }
@test "3 relabel-meta-labels-go" { compare 3 relabel-meta-labels-go; }
@test "3 relabel-named-groups-without-p" { compare 3 relabel-named-groups-without-p; }
@test "3 relabel-null-fields-are-empty" { compare 3 relabel-null-fields-are-empty; }
@test "3 relabel-regex-folds-case" { compare 3 relabel-regex-folds-case; }
@test "3 relabel-regex-is-anchored-as-text" { compare 3 relabel-regex-is-anchored-as-text; }
@test "3 relabel-regex-runs-on-code-points" { compare 3 relabel-regex-runs-on-code-points; }
@test "3 relabel-regex-syntax" { compare 3 relabel-regex-syntax; }
@test "3 relabel-regex-takes-the-first-alternative" { compare 3 relabel-regex-takes-the-first-alternative; }
@test "3 relabel-replace-joins-its-sources" { compare 3 relabel-replace-joins-its-sources; }
@test "3 relabel-replacement-templates" { compare 3 relabel-replacement-templates; }
@test "3 relabel-superfluous-fields-do-nothing" { compare 3 relabel-superfluous-fields-do-nothing; }
@test "3 relabel-target-label-expands-to-no-legacy-name" { compare 3 relabel-target-label-expands-to-no-legacy-name; }
@test "3 relabel-target-label-templates" { compare 3 relabel-target-label-templates; }
@test "3 static-groups-without-targets" { compare 3 static-groups-without-targets; }
@test "3 static-targets-are-text" { compare 3 static-targets-are-text; }
@test "3 target-address-default-port" { compare 3 target-address-default-port; }
@test "3 target-address-with-a-slash" { compare 3 target-address-with-a-slash; }
@test "3 target-errors-spare-the-others" { compare 3 target-errors-spare-the-others; }
@test "3 target-interval-and-timeout-errors" { compare 3 target-interval-and-timeout-errors; }
@test "3 target-interval-texts-stay" { compare 3 target-interval-texts-stay; }
@test "3 target-limit-counts-what-is-left" { compare 3 target-limit-counts-what-is-left; }
@test "3 target-limit-exceeded" { compare 3 target-limit-exceeded; }
@test "3 target-limit-of-global" { compare 3 target-limit-of-global; }
@test "3 target-scheme-without-default-port" { compare 3 target-scheme-without-default-port; }
@test "3 target-without-address" { compare 3 target-without-address; }
@test "3 url-hosts" { compare 3 url-hosts; }
@test "3 url-parameters" { compare 3 url-parameters; }
@test "3 url-paths" { compare 3 url-paths; }
@test "3 url-schemes" { compare 3 url-schemes; }
@test "3 yaml-anchors-across-sections" { compare 3 yaml-anchors-across-sections; }
@test "3 yaml-binary" { compare 3 yaml-binary; }
@test "3 yaml-empty-configuration" { compare 3 yaml-empty-configuration; }
@test "3 yaml-is-read-up-to-the-second-document" { compare 3 yaml-is-read-up-to-the-second-document; }
@test "3 yaml-merge-keys" { compare 3 yaml-merge-keys; }
@test "3 yaml-nulls" { compare 3 yaml-nulls; }
@test "3 yaml-strings" { compare 3 yaml-strings; }
@test "3 yaml-with-bom-and-crlf" { compare 3 yaml-with-bom-and-crlf; }
@test "3 yaml-with-json" { compare 3 yaml-with-json; }
