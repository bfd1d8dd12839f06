# The balancer's own metrics, as clb-run writes them.
load helpers
PROG=clb-run

setup() {
	cd "$BATS_TEST_TMPDIR"
	promtool=${CLB_TESTS:-$CLB_ROOT/build/tests}/prometheus-3/usr/bin/promtool
	cat >prometheus.yml <<-'END'
		scrape_configs:
		- job_name: node
		  static_configs:
		  - targets: ['10.0.0.1:9100', '10.0.0.2:9100', '10.0.0.3:9100', '10.0.0.4:9100']
		- job_name: 'a "quoted" \ job'
		  static_configs:
		  - targets: ['10.1.0.1:80', '10.1.0.2:80', '10.1.0.3:81']
		    labels: {job: '","labels":{', rule: ',"rule":7'}
		  relabel_configs:
		  - {source_labels: [__address__], regex: '.*:80', action: keep}
		  - {source_labels: [__address__], regex: '10.1.0.2.*', action: drop}
	END
}

run_once() {
	clb-run -c prometheus.yml -d sd --replicas 2 --once --metrics clb.prom "$@"
}

# sample SERIES: its value.
sample() {
	awk -v series="$1 " 'index($0, series) == 1 { print substr($0, length(series) + 1) }' clb.prom
}

@test "promtool finds nothing to say against the metrics" {
	run_once
	check 0 '' '' "$promtool" check metrics <clb.prom
	[ "$(grep -c '^# HELP' clb.prom)" -eq "$(grep -c '^# TYPE' clb.prom)" ]
	[ -z "$(grep -v '^#' clb.prom | sort | uniq -d)" ]
}

@test "targets are counted by job, state and collector, and drops by rule" {
	run_once
	[ "$(grep -v '^#' clb.prom | grep 'job="node"')" = 'clb_targets{collector="collector-0",job="node",state="assigned"} 2
clb_targets{collector="collector-1",job="node",state="assigned"} 2' ]
	[ "$(grep -v '^#' clb.prom | grep 'quoted.*dropped')" = 'clb_targets{collector="",job="a \"quoted\" \\ job",state="dropped"} 2' ]
	[ "$(grep '^clb_dropped' clb.prom)" = 'clb_dropped_targets{action="keep",job="a \"quoted\" \\ job",reason="rule",rule="0"} 1
clb_dropped_targets{action="drop",job="a \"quoted\" \\ job",reason="rule",rule="1"} 1' ]
	[ "$(sample 'clb_collectors{state="ready"}')" -eq 2 ]
}

@test "targets that have no collector are counted" {
	run_once --max-targets 1
	[ "$(sample 'clb_targets{collector="",job="node",state="unassigned"}')" -ge 2 ]
}

@test "counters go on where the last run stopped, and failures count" {
	run_once
	[ "$(sample clb_generation)" -eq 1 ]
	[ "$(sample 'clb_stage_runs_total{stage="clb-schedule"}')" -eq 1 ]
	good=$(sample clb_last_sync_timestamp_seconds)
	sed -i 's/10.0.0.4:9100/10.0.0.5:9100/' prometheus.yml
	run_once
	[ "$(sample clb_generation)" -eq 2 ]
	[ "$(sample clb_last_sync_timestamp_seconds)" -ge "$good" ]
	good=$(sample clb_last_sync_timestamp_seconds)
	echo nonsense >prometheus.yml
	run_once 2>err && false
	[ "$(sample clb_generation)" -eq 2 ]
	[ "$(sample 'clb_stage_runs_total{stage="clb-schedule"}')" -eq 2 ]
	[ "$(sample 'clb_stage_failures_total{stage="clb-config"}')" -eq 1 ]
	[ "$(sample 'clb_stage_failures_total{stage="clb-schedule"}')" -eq 0 ]
	[ "$(sample clb_rounds_total)" -eq 3 ]
	[ "$(sample clb_rounds_failed_total)" -eq 1 ]
	[ "$(sample clb_last_sync_timestamp_seconds)" = "$good" ]
	[ "$(sample 'clb_targets{collector="collector-0",job="node",state="assigned"}')" -eq 2 ]
}

@test "a round in which nothing changes is no new generation" {
	run_once
	run_once
	[ "$(sample clb_generation)" -eq 1 ]
	[ "$(sample 'clb_stage_runs_total{stage="clb-writesd"}')" -eq 2 ]
}

@test "metrics that cannot be written are told of, and hinder nothing" {
	run_once --metrics /nowhere/clb.prom 2>err
	[ "$(tail -n 1 err)" = 'clb-run: cannot write the metrics; the last ones stay' ]
	[ "$(jq -s 'map(.[].targets[]) | length' sd/*/*.json)" -eq 5 ]
}

@test "nginx serves them from the tree, as Prometheus wants them" {
	clb-run -c prometheus.yml --tree tree --replicas 2 --once
	mkdir nginx
	# shellcheck disable=SC2016 # expands inside
	"$BATS_TEST_DIRNAME/oracle/site.sh" . sh -c '"$0" nginx tree && curl -sfi http://127.0.0.1:8080/metrics' \
	    "$BATS_TEST_DIRNAME/tree/nginx.sh" >answer
	grep -q '^Content-Type: text/plain; version=0.0.4' answer
	tr -d '\r' <answer | sed '1,/^$/d' | cmp - tree/metrics
	check 0 '' '' "$promtool" check metrics <tree/metrics
}
