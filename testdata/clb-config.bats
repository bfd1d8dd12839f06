#!/usr/bin/env bats
load helpers

PROG=clb-config

# check_config V DIR NAME: clb's verdict of DIR/NAME.yml is NAME.err, or silence.
check_config() {
	local got=0 want=0 d=$BATS_TEST_DIRNAME/clb-config/$2

	(cd "$d" && clb-config --compat "$1" check "$3.yml") >"$BATS_TEST_TMPDIR/out" \
	    2>"$BATS_TEST_TMPDIR/err" || got=$?
	[ ! -e "$d/$3.err" ] || want=78
	diff -u "$(first_of "$d/$3.err")" "$BATS_TEST_TMPDIR/err" || return 1
	[ ! -s "$BATS_TEST_TMPDIR/out" ] || { echo "$3: stdout"; return 1; }
	[ "$got" -eq "$want" ] || { echo "$3: exit status $got, expected $want"; return 1; }
}

# check_configs V DIR: the same for all of DIR, which holds at least one.
check_configs() {
	local f bad=0

	for f in "$BATS_TEST_DIRNAME/clb-config/$2"/*.yml; do
		check_config "$1" "$2" "$(basename "$f" .yml)" || bad=1
	done
	return $bad
}

# jobs FILTER ARG...: what jq's FILTER makes of each scrape config shown.
jobs() {
	local filter=$1

	shift
	clb-config "$@" | jq -c ".scrape_configs[] | $filter"
}

@test "a configuration that Prometheus loads is checked in silence" {
	check_configs 3 good
}

@test "a configuration that Prometheus refuses is refused with file, line and column" {
	check_configs 3 bad
}

@test "Prometheus 2 knows legacy names only" {
	check_configs 2 bad-2
}

@test "from 2.50 on lowercase takes no template, and replace one of legacy names" {
	check_configs 2.50 bad-2.50
	check_configs 2.50 good-2.50
}

@test "3.0 takes UTF-8 names, but templates of legacy names only" {
	check_configs 3.0 bad-3.0
	check_configs 3.0 good-3.0
}

@test "from 3.7 on rules keep to the name validation scheme of their job" {
	check_configs 3.7 bad-3.7
	check_configs 3.7 good-3.7
}

# excused LIST NAME V
excused() {
	awk -F '\t' -v name="$2" -v v="$3" '
	$1 == name && (" " $2 " ") ~ (" " v " ") { found = 1 }
	END { exit !found }' "$BATS_TEST_DIRNAME/clb-config/$1"
}

# agree V DIR: promtool of generation V comes to clb's verdict on each file of
# DIR, unless it is too old to know a field that is in it.
agree() {
	local f name got want list disagree=0 promtool

	promtool=${CLB_TESTS:-$CLB_ROOT/build/tests}/prometheus-$1/usr/bin/promtool
	"$promtool" --version >/dev/null 2>&1 || { echo "no $promtool"; return 1; }
	cd "$BATS_TEST_DIRNAME/clb-config/$2" || return 1
	for f in *.yml; do
		name=${f%.yml} got=0 want=0
		"$promtool" check config --syntax-only "$f" >"$BATS_TEST_TMPDIR/promtool" 2>&1 ||
			want=1
		clb-config --compat "$1" check "$f" >/dev/null 2>&1 || got=1
		list=stricter
		[ $got -eq 1 ] || list=laxer
		if [ $got -eq $want ]; then
			! excused $list "$name" "$1" || { echo "$name needs no excuse"; disagree=1; }
		elif [ $got -eq 1 ] || ! grep -q ' not found in type ' "$BATS_TEST_TMPDIR/promtool"; then
			excused $list "$name" "$1" && continue
			echo "Prometheus $1 on $name: $want, clb: $got"
			cat "$BATS_TEST_TMPDIR/promtool"
			disagree=1
		fi
	done
	return $disagree
}

@test "the real promtool 3 comes to the same verdicts" {
	agree 3 good
	agree 3 bad
}

@test "the real promtool 2 comes to the same verdicts" {
	agree 2 good
	agree 2 bad
	agree 2 bad-2
}

@test "show fills in every default and hides every secret" {
	check_case 0 everything show prometheus.yml
}

@test "show leaves out defaults that the version does not know" {
	cd "$BATS_TEST_DIRNAME/clb-config/list"
	clb-config show jobs.yml | jq '.scrape_configs[0] | keys' >"$BATS_TEST_TMPDIR/3"
	clb-config --compat 3.13 show jobs.yml | jq '.scrape_configs[0] | keys' \
	    >"$BATS_TEST_TMPDIR/3.13"
	clb-config --compat 2 show jobs.yml | jq '.scrape_configs[0] | keys' >"$BATS_TEST_TMPDIR/2"
	check 0 'extra_scrape_metrics
scrape_native_histograms' '' jq -rn '
	    [inputs] | .[1] - .[0] | .[]' "$BATS_TEST_TMPDIR/3" "$BATS_TEST_TMPDIR/3.13"
	check 0 'always_scrape_classic_histograms
convert_classic_histograms_to_nhcb
enable_compression
keep_dropped_targets
metric_name_escaping_scheme
metric_name_validation_scheme
native_histogram_bucket_limit
native_histogram_min_bucket_factor
proxy_from_environment
scrape_protocols
track_timestamps_staleness' '' jq -rn '[inputs] | .[1] - .[0] | .[]' \
	    "$BATS_TEST_TMPDIR/2" "$BATS_TEST_TMPDIR/3"
}

@test "what show prints is a configuration that shows the same" {
	cd "$BATS_TEST_DIRNAME/clb-config/everything"
	check 0 "$(cat expected.json)" '' clb-config show expected.json
}

@test "a merge key counts where it stands, and of several mappings the first wins" {
	mkdir "$BATS_TEST_TMPDIR/m"
	cd "$BATS_TEST_TMPDIR/m"
	cat >p.yml <<-'END'
	scrape_configs:
	- &j
	  job_name: a
	  params: {a: [x]}
	  tls_config: {ca: C}
	  relabel_configs:
	  - &r {target_label: x, replacement: base1}
	  - &s {target_label: x, replacement: base2}
	  - {<<: *r, target_label: y, replacement: over}
	  - {target_label: y, replacement: over, <<: *r}
	  - {<<: [*r, *s], target_label: z}
	  static_configs:
	  - {labels: &l {k: v}}
	  - {labels: {<<: *l, m: w}}
	- <<: *j
	  job_name: b
	  params: {b: [y]}
	  tls_config: {server_name: S}
	  relabel_configs: []
	END
	export -f jobs
	check 0 '["x","base1"]
["x","base2"]
["y","over"]
["x","base1"]
["z","base1"]
{"k":"v","m":"w"}' '' bash -c 'jobs "select(.job_name == \"a\") |
	    (.relabel_configs[] | [.target_label, .replacement]), .static_configs[1].labels" \
	    show p.yml'
	check 0 '[{"a":["x"],"b":["y"]},{"ca":"C","insecure_skip_verify":false,"server_name":"S"},[]]' '' \
	    bash -c 'jobs "select(.job_name == \"b\") |
	    [.params, .tls_config, .relabel_configs]" show p.yml'
}

@test "3.0 knows scrape_classic_histograms by its new name" {
	cd "$BATS_TEST_DIRNAME/clb-config/everything"
	check 0 '[null,true]
[true,null]' '' sh -c 'for v in 2.45 3.0; do
	    clb-config --compat $v show prometheus.yml | jq -c ".scrape_configs[4] |
	        [.always_scrape_classic_histograms, .scrape_classic_histograms]"
	    done'
}

@test "scrape_config_files are read in the order of patterns and names, relative to themselves" {
	cd "$BATS_TEST_DIRNAME/clb-config/jobs-in-files"
	export -f jobs
	check 0 '["main","7s",null,null]
["more","7s",null,null]
["a1","7s",["sd/*.json","jobs/x.yml"],null]
["a2","7s",null,"jobs/secret"]
["b","20s",null,null]' '' bash -c 'jobs "[.job_name, .scrape_interval,
	    .file_sd_configs[0].files, .basic_auth.password_file]" show prometheus.yml'
}

@test "paths start at the configuration's directory as it was given" {
	cd "$BATS_TEST_DIRNAME/clb-config"
	export -f jobs
	check 0 '["sd/*.json","jobs-in-files/jobs/x.yml"]' '' bash -c 'cd jobs-in-files && cd .. &&
	    jobs "select(.job_name == \"a1\") | .file_sd_configs[0].files" show \
	    jobs-in-files/prometheus.yml | sed s,jobs-in-files/sd,sd,'
	check 0 "[\"$PWD/jobs-in-files/sd/*.json\",\"$PWD/jobs-in-files/jobs/x.yml\"]" '' \
	    bash -c 'jobs "select(.job_name == \"a1\") | .file_sd_configs[0].files" show \
	    "$PWD/jobs-in-files/prometheus.yml"'
}

@test "an error in a file of jobs has its place in that file" {
	cd "$BATS_TEST_DIRNAME/clb-config/jobs-in-files"
	check 78 '' "clb-config: broken/global.yml:2:1: unknown field 'global' in a scrape config file" \
	    clb-config check broken.yml
	check 78 '' "clb-config: malformed.yml:2:3: jobs/[.yml: malformed pattern" \
	    clb-config check malformed.yml
}

@test "a job's name is there once in all files, and a file matched twice has it twice" {
	cd "$BATS_TEST_DIRNAME/clb-config/jobs-in-files"
	check 78 '' 'clb-config: again/main.yml:2:14: found multiple scrape configs with job name "main", the first at again.yml:4' \
	    clb-config check again.yml
	check 78 '' 'clb-config: jobs/a.yml:2:13: found multiple scrape configs with job name "a1", the first at jobs/a.yml:2' \
	    clb-config check twice.yml
}

@test "a file of jobs that cannot be read is a missing file" {
	mkdir "$BATS_TEST_TMPDIR/jobs" "$BATS_TEST_TMPDIR/jobs/dir.yml"
	echo 'scrape_config_files: [jobs/*.yml]' >"$BATS_TEST_TMPDIR/p.yml"
	cd "$BATS_TEST_TMPDIR"
	check 66 '' 'clb-config: jobs/dir.yml: Is a directory' clb-config check p.yml
}

@test "every prometheus receiver of a collector's configuration is read" {
	cd "$BATS_TEST_DIRNAME/clb-config/otel"
	export -f jobs
	check 0 '["node","15s",16,"PrometheusText0.0.4"]
["second","1m",0,"OpenMetricsText1.0.0"]' '' env CLB_HOST=h CLB_LIMIT=0x10 bash -c '
	    jobs "[.job_name, .scrape_interval, .sample_limit, .fallback_scrape_protocol]" \
	    show collector.yml'
	check 0 '' '' clb-config check no-receivers.yml
}

@test "a collector's configuration has environment variables, and two dollar signs for one" {
	cd "$BATS_TEST_DIRNAME/clb-config/otel"
	export -f jobs
	check 0 '["h:9100","${CLB_HOST}:1","$${env:CLB_HOST}","a$1","x","${"]
{"both":"$h","price":"5$"}
{"both":"$h","price":"5$"}
"${1}-$1-$1"' '' env CLB_HOST=h CLB_LIMIT=16 bash -c '
	    jobs "select(.job_name == \"node\") | .static_configs[0].targets,
	    .static_configs[].labels, .relabel_configs[0].replacement" show collector.yml'
	check 0 '"3s"' '' env CLB_HOST=h CLB_LIMIT=16 CLB_INTERVAL=3s bash -c '
	    jobs .scrape_interval show collector.yml | head -n 1'
}

@test "an environment variable that is not set is empty, with a warning" {
	cd "$BATS_TEST_DIRNAME/clb-config/otel"
	check 0 '' "clb-config: warning: unset.yml:1:63: environment variable 'CLB_UNSET' is not set" \
	    env -u CLB_UNSET clb-config check unset.yml
}

@test "what the collector would not start with is refused" {
	cd "$BATS_TEST_DIRNAME/clb-config/otel"
	check 78 '' "clb-config: single-dollar.yml:8:24: environment variable '1' has an invalid name; a dollar sign that is meant is written twice" \
	    clb-config check single-dollar.yml
	check 78 '' "clb-config: other-provider.yml:1:63: '\${file:/etc/name}': only environment variables can be read" \
	    clb-config check other-provider.yml
	check 78 '' 'clb-config: key-twice.yml:2:24: key "debug" already set in map' \
	    clb-config check key-twice.yml
	check 78 '' 'clb-config: same-job.yml:6:19: found multiple scrape configs with job name "a", the first at same-job.yml:2' \
	    clb-config check same-job.yml
	check 78 '' "clb-config: collector.yml:8:23: sample_limit must be a whole number from 0 on, not 'many'" \
	    env CLB_HOST=h CLB_LIMIT=many clb-config check collector.yml
}

@test "a bare list of scrape configs is a configuration" {
	cd "$BATS_TEST_DIRNAME/clb-config/list"
	export -f jobs
	check 0 '["a",null]
["b",[{"targets":["h:1"]}]]' '' bash -c 'jobs "[.job_name, .static_configs]" show jobs.yml'
	check 78 '' 'clb-config: broken.yml:2:3: empty or null scrape config section' \
	    clb-config check broken.yml
}

@test "discovery that is not supported is an error with job and line" {
	cd "$BATS_TEST_DIRNAME/clb-config/unsupported"
	check 78 '' "clb-config: prometheus.yml:5:3: job 'pods': consul_sd_configs is not supported" \
	    clb-config check prometheus.yml
	check 78 '' 'clb-config: oauth2.yml:5:13: oauth2 is not supported in http_sd_configs' \
	    clb-config --skip-unsupported-sd check oauth2.yml
	check 78 '' 'clb-config: header-file.yml:3:54: files in http_headers are not supported in http_sd_configs' \
	    clb-config check header-file.yml
}

@test "with --skip-unsupported-sd it is a warning, and the rest of the job stays" {
	cd "$BATS_TEST_DIRNAME/clb-config/unsupported"
	export -f jobs
	check 0 '["pods",[{"targets":["h:1"]}],null]
["ec2 and consul",null,null]' "clb-config: warning: prometheus.yml:5:3: job 'pods': consul_sd_configs is not supported; its targets are missing
clb-config: warning: prometheus.yml:9:22: job 'ec2 and consul': consul_sd_configs is not supported; its targets are missing
clb-config: warning: prometheus.yml:8:19: job 'ec2 and consul': ec2_sd_configs is not supported; its targets are missing" \
	    bash -c 'jobs "[.job_name, .static_configs, .consul_sd_configs]" \
	    --skip-unsupported-sd show prometheus.yml'
}

@test "the discovery sections of all versions are known" {
	cd "$BATS_TEST_DIRNAME/clb-config/unsupported"
	check 0 "$(grep -c job_name all.yml)" '' sh -c '
	    clb-config --skip-unsupported-sd check all.yml 2>&1 | grep -c "is not supported;"'
}

# kubernetes_cases VERDICT: the blocks of kubernetes.txt that are ok, or bad.
kubernetes_cases() {
	sed -n "s/^$1 //p" "$BATS_TEST_DIRNAME/clb-config/kubernetes.txt"
}

# kubernetes_config BLOCK...: prometheus.yml with each of them in a job.
kubernetes_config() {
	local block n=0

	cd "$BATS_TEST_TMPDIR" || return
	echo 'scrape_configs:' >prometheus.yml
	for block; do
		printf -- '- job_name: j%d\n  kubernetes_sd_configs: [{%s}]\n' $((n += 1)) "$block"
	done >>prometheus.yml
}

# kubernetes_verdicts CMD ARG...: CMD ARG... prometheus.yml says yes to all blocks
# that are ok together, and no to every one that is bad.
kubernetes_verdicts() {
	local bad=0 blocks block

	mapfile -t blocks < <(kubernetes_cases ok)
	[ ${#blocks[@]} -gt 100 ]
	kubernetes_config "${blocks[@]}"
	"$@" prometheus.yml || return
	mapfile -t blocks < <(kubernetes_cases bad)
	[ ${#blocks[@]} -gt 100 ]
	for block in "${blocks[@]}"; do
		kubernetes_config "$block"
		! "$@" prometheus.yml >/dev/null 2>&1 || { echo "accepted: $block"; bad=1; }
	done
	return $bad
}

@test "kubernetes_sd_configs is checked as Prometheus checks it" {
	kubernetes_verdicts clb-config check
}

@test "the real promtool 3 comes to the same verdicts of kubernetes_sd_configs" {
	local promtool=${CLB_TESTS:-$CLB_ROOT/build/tests}/prometheus-3/usr/bin/promtool

	"$promtool" --version >/dev/null 2>&1 || { echo "no $promtool"; return 1; }
	kubernetes_verdicts "$promtool" check config --syntax-only
}

@test "what is wrong with kubernetes_sd_configs is said, with its place" {
	local block message

	while IFS='|' read -r block message; do
		kubernetes_config "$block"
		check 78 '' "clb-config: prometheus.yml:3:$message" clb-config check prometheus.yml
	done <<-'END'
	namespaces: {}|27: role missing (one of: pod, service, endpoints, endpointslice, node, ingress)
	role: pods|34: unknown Kubernetes SD role "pods"
	role: pod, api_server: "http://k", kubeconfig_file: f|80: cannot use 'kubeconfig_file' and 'api_server' simultaneously
	role: pod, kubeconfig_file: f, follow_redirects: false|77: cannot use a custom HTTP client configuration together with 'kubeconfig_file'
	role: pod, bearer_token: x|53: to use custom HTTP client configuration please provide the 'api_server' URL explicitly
	role: pod, tls_config: {ca_file: f}|51: to use custom HTTP client configuration please provide the 'api_server' URL explicitly
	role: pod, namespaces: {own_namespace: true}, kubeconfig_file: f|67: cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously
	role: pod, selectors: [{role: pod}, {role: pod}]|71: duplicated selector role: pod
	role: pod, selectors: [{label: a}]|51: a selector has no role
	role: pod, selectors: [{role: pods}]|58: unknown Kubernetes SD role "pods"
	role: node, selectors: [{role: pod}]|59: role node has no selectors for pod
	role: pod, selectors: [{role: pod, label: "a in b"}]|70: invalid label selector 'a in b': unexpected 'b'
	role: pod, selectors: [{role: pod, label: "a in (b"}]|70: invalid label selector 'a in (b': the selector ends too early
	role: pod, selectors: [{role: pod, label: "-a=b"}]|70: invalid label selector '-a=b': invalid label key '-a'
	role: pod, selectors: [{role: pod, label: "a=b/c"}]|70: invalid label selector 'a=b/c': invalid label value 'b/c'
	role: pod, selectors: [{role: pod, label: "a>1.5"}]|70: invalid label selector 'a>1.5': not a whole number: '1.5'
	role: pod, selectors: [{role: pod, field: "a"}]|70: invalid field selector 'a': no operator in 'a'
	role: pod, selectors: [{role: pod, field: "a=b=c"}]|70: invalid field selector 'a=b=c': not escaped: '='
	role: pod, selectors: [{role: pod, field: "a=b\\c"}]|70: invalid field selector 'a=b\c': invalid escape '\c'
	role: pod, attach_metadata: {nodes: true}|57: unknown field 'nodes' in attach_metadata
	role: pod, namespaces: {names: a}|59: names must be a list, not 'a'
	role: pod, refresh_interval: 30s|39: unknown field 'refresh_interval' in kubernetes_sd_configs
	END
}

@test "role pod has selectors of nodes since 3.11" {
	kubernetes_config 'role: pod, selectors: [{role: node, label: a=b}]'
	check 78 '' 'clb-config: prometheus.yml:3:58: role pod has no selectors for node' \
	    clb-config --compat 3.10 check prometheus.yml
	check 0 '' '' clb-config --compat 3.11 check prometheus.yml
}

@test "show has kubernetes_sd_configs with defaults, without secrets" {
	kubernetes_config 'role: pod, api_server: "https://u:p@k", bearer_token: s'
	check 0 '{"api_server":"https://u:<secret>@k","authorization":{"credentials":"<secret>","type":"Bearer"},"enable_http2":true,"follow_redirects":true,"proxy_from_environment":false,"role":"pod"}' '' \
	    bash -c 'clb-config show prometheus.yml | jq -cS ".scrape_configs[0].kubernetes_sd_configs[0]"'
}

@test "watches lists the streams that a mirror needs, each once" {
	kubernetes_config 'role: node' 'role: pod' 'role: endpoints' 'role: endpointslice' \
	    'role: service' 'role: ingress, attach_metadata: {node: true, namespace: true}'
	check 0 "$(printf '%s\t%s\t%s\t\n' \
	    endpoints Endpoints /api/v1/endpoints \
	    endpointslices EndpointSlice /apis/discovery.k8s.io/v1/endpointslices \
	    ingresses Ingress /apis/networking.k8s.io/v1/ingresses \
	    namespaces Namespace /api/v1/namespaces \
	    nodes Node /api/v1/nodes \
	    pods Pod /api/v1/pods \
	    services Service /api/v1/services)" '' clb-config watches prometheus.yml
	kubernetes_config 'role: pod, attach_metadata: {node: true, deployment: true}' \
	    'role: endpoints, namespaces: {names: [b, a]}, attach_metadata: {cronjob: true}'
	check 0 "$(printf '%s\t%s\t%s\t\n' \
	    endpoints@a Endpoints /api/v1/namespaces/a/endpoints \
	    endpoints@b Endpoints /api/v1/namespaces/b/endpoints \
	    jobs@a Job /apis/batch/v1/namespaces/a/jobs \
	    jobs@b Job /apis/batch/v1/namespaces/b/jobs \
	    nodes Node /api/v1/nodes \
	    pods Pod /api/v1/pods \
	    pods@a Pod /api/v1/namespaces/a/pods \
	    pods@b Pod /api/v1/namespaces/b/pods \
	    replicasets ReplicaSet /apis/apps/v1/replicasets \
	    services@a Service /api/v1/namespaces/a/services \
	    services@b Service /api/v1/namespaces/b/services)" '' clb-config watches prometheus.yml
	kubernetes_config
	check 0 '' '' clb-config watches prometheus.yml
}

@test "watches encodes selectors, and odd namespaces" {
	# XXH64 of the label selector, a zero byte and the field selector.
	local both=0b983d331fc90b18 field=f9e9b2cd774cb0d3

	kubernetes_config 'role: pod, namespaces: {names: ["../x"]}, selectors: [{role: pod,
	    label: "a in (b,c),d", field: "metadata.name=e&"}]' \
	    'role: service, selectors: [{role: service, field: "metadata.name!=x"}]'
	check 0 "$(printf '%s\t%s\t%s\t%s\n' "pods@%2E.%2Fx+$both" Pod \
	    /api/v1/namespaces/%2E.%2Fx/pods \
	    'labelSelector=a%20in%20%28b%2Cc%29%2Cd&fieldSelector=metadata.name%3De%26' \
	    "services+$field" Service \
	    /api/v1/services 'fieldSelector=metadata.name%21%3Dx')" '' \
	    clb-config watches prometheus.yml
}

@test "watches knows its own namespace, or says why not" {
	kubernetes_config 'role: pod, namespaces: {own_namespace: true}'
	check 0 $'pods@mine\tPod\t/api/v1/namespaces/mine/pods\t' '' \
	    env POD_NAMESPACE=mine clb-config watches prometheus.yml
	[ ! -e /var/run/secrets/kubernetes.io/serviceaccount/namespace ] || return 0
	check 66 '' 'clb-config: own_namespace: POD_NAMESPACE is not set, and /var/run/secrets/kubernetes.io/serviceaccount/namespace: No such file or directory' \
	    env -u POD_NAMESPACE clb-config watches prometheus.yml
}

@test "files lists what targets depend on, and the directories where more may come" {
	cd "$BATS_TEST_DIRNAME/clb-config/files-verb"
	check 0 '/nowhere/clb
conf.d
conf.d/jobs.yml
conf.d/targets.json
deep
deep/a1
deep/a1/t.yml
deep/b1
deep/b1/t.yml
gone
prometheus.yml
sd
sd/a.json
sd/b.json' '' clb-config files prometheus.yml
}

@test "scrape-configs prints what a target allocator serves: no discovery, no rules but hand-off" {
	cd "$BATS_TEST_DIRNAME/clb-config/scrape-configs"
	diff -u <(jq -S . expected.json) <(clb-config scrape-configs prometheus.yml | jq -S .)
	[ "$(clb-config scrape-configs prometheus.yml | wc -l)" -eq 1 ]
	# DEL and the like are escaped: YAML takes it as well.
	LC_ALL=C grep -q 'del\\u007F' <(clb-config scrape-configs prometheus.yml)
}

@test "what scrape-configs prints is scrape configs for a real Prometheus" {
	cd "$BATS_TEST_DIRNAME/clb-config/everything"
	clb-config scrape-configs --allow-inline-secrets prometheus.yml |
		jq '{scrape_configs: [.[]]}' >"$BATS_TEST_TMPDIR/p.yml"
	"${CLB_TESTS:-$CLB_ROOT/build/tests}/prometheus-3/usr/bin/promtool" check config \
		--syntax-only "$BATS_TEST_TMPDIR/p.yml"
	clb-config show "$BATS_TEST_TMPDIR/p.yml" >/dev/null
}

@test "inline secrets keep scrape-configs from printing, with a line for each" {
	cd "$BATS_TEST_DIRNAME/clb-config/secrets"
	check 77 '' "$(cat expected.err)" clb-config scrape-configs prometheus.yml
	check 0 '["hunter2","tok","b","k"]' '' bash -c 'clb-config scrape-configs \
	    --allow-inline-secrets prometheus.yml | jq -c "[.web.basic_auth.password,
	    .old.authorization.credentials, .oauth.oauth2.client_secret,
	    .more.oauth2.tls_config.key]"'
	check 0 '' '' bash -c 'grep -v "password\|token\|proxy\|secret" prometheus.yml >"$0" &&
	    clb-config scrape-configs "$0" >/dev/null' "$BATS_TEST_TMPDIR/p.yml"
}

@test "the text <secret> is no secret, and never comes to a collector as one" {
	local args

	cd "$BATS_TEST_TMPDIR"
	printf 'scrape_configs:\n- job_name: a\n  basic_auth: {username: u, password: <secret>}\n' >p.yml
	for args in scrape-configs 'scrape-configs --allow-inline-secrets' \
	    'rewrite --for prometheus --via file --sd-dir /sd'; do
		# shellcheck disable=SC2086 # several arguments
		check 78 '' "clb-config: p.yml:3:39: job 'a': basic_auth.password is the text '<secret>', which stands for a secret that is not shown" \
		    clb-config $args p.yml
	done
	printf 'scrape_configs: [{job_name: a, proxy_url: http://u:%%3Csecret%%3E@h}]' >p.yml
	check 78 '' "clb-config: p.yml:1:43: job 'a': proxy_url is the text '<secret>', which stands for a secret that is not shown" \
	    clb-config scrape-configs --allow-inline-secrets p.yml
}

@test "scrape-configs leaves paths as they are, or joins them with --base" {
	cd "$BATS_TEST_DIRNAME/clb-config/jobs-in-files"
	check 0 '"jobs/secret"' '' bash -c 'cd .. && clb-config scrape-configs \
	    jobs-in-files/prometheus.yml | jq .a2.basic_auth.password_file'
	check 0 '"/etc/jobs/secret"' '' bash -c 'clb-config scrape-configs --base /etc \
	    prometheus.yml | jq .a2.basic_auth.password_file'
}

@test "a job of many targets and labels is loaded in linear time" {
	local n=50000

	{
		printf 'scrape_configs:\n- job_name: a\n  static_configs:\n  - targets:\n'
		seq -f '    - h%.0f:1' $n
		printf '    labels:\n'
		seq -f '      l%.0f: v' $n
		seq -f '- job_name: j%.0f' 2000
	} >"$BATS_TEST_TMPDIR/p.yml"
	cd "$BATS_TEST_TMPDIR"
	check 0 '' '' timeout 10 clb-config check p.yml
}

@test "aliases of aliases do not grow beyond all bounds" {
	{
		echo 'a: &a0 [x, x, x, x, x, x, x, x, x, x]'
		for i in 1 2 3 4 5 6 7 8 9; do
			p="*a$((i - 1))"
			echo "a$i: &a$i [$p, $p, $p, $p, $p, $p, $p, $p, $p, $p]"
		done
	} >"$BATS_TEST_TMPDIR/p.yml"
	cd "$BATS_TEST_TMPDIR"
	check 78 '' 'clb-config: p.yml:6:45: document contains excessive aliasing: more than 1000000 nodes' \
	    timeout 10 clb-config check p.yml
	head -c 100000 /dev/zero | tr '\0' '[' >"$BATS_TEST_TMPDIR/deep.yml"
	check 78 '' 'clb-config: deep.yml:1:1001: nested more than 1000 deep' \
	    timeout 10 clb-config check deep.yml
}

@test "the configuration may come through a pipe" {
	check 0 '' '' bash -c 'echo "scrape_configs: [{job_name: a}]" | clb-config check /dev/stdin'
}

@test "a configuration that is not there, or is a directory, is a missing file" {
	cd "$BATS_TEST_TMPDIR"
	check 66 '' 'clb-config: nope.yml: No such file or directory' clb-config check nope.yml
	check 66 '' 'clb-config: .: Is a directory' clb-config check .
}

@test "the usage is printed when asked for and when called wrongly" {
	check_usage
	for args in '' check 'check a b' 'frob a' '--compat'; do
		# shellcheck disable=SC2086 # several arguments
		run clb-config $args
		[ "$status" -eq 64 ]
	done
	check 64 '' "clb-config: unknown Prometheus version '4': give 2, 3 or MAJOR.MINOR from 2.42 on" \
	    clb-config --compat 4 check x
}

@test "a stdout that cannot be written is an error" {
	cd "$BATS_TEST_DIRNAME/clb-config/everything"
	check_output_fails /dev/null clb-config show prometheus.yml
	check_output_fails /dev/null clb-config files prometheus.yml
}
