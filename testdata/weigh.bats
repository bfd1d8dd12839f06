# What real Prometheuses measure, through clb-weigh, to an assignment.
load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# serve VERSION: in a network of its own; leaves ./VERSION.json, the answer to
# QUERY when all jobs have been scraped.
serve() {
	unshare -rn bash -c '
		ip link set lo up
		"$1" --config.file=prometheus.yml --storage.tsdb.path="$2.tsdb" --log.level=error \
		    --web.listen-address=127.0.0.1:9090 >"$2.log" 2>&1 &
		pid=$!
		for i in {1..100}; do
			curl -s http://127.0.0.1:9090/api/v1/query --data-urlencode "query=$3" >"$2.json" || :
			[ "$(jq ".data.result | length" "$2.json" 2>/dev/null)" != 4 ] || break
			sleep 0.1
		done
		curl -s http://127.0.0.1:9090/api/v1/query_range -d start=1 -d end=2 -d step=1 \
		    -d query=up >"$2.range"
		curl -s http://127.0.0.1:9090/api/v1/query -d "query=up{" >"$2.bad"
		kill $pid
		wait $pid
		[ "$i" -lt 100 ]
	' bash "$B/tests/prometheus-$1/usr/bin/prometheus" "$1" "$QUERY"
}

@test "what Prometheus measured is what targets weigh, and clb-schedule balances by it" {
	cat >prometheus.yml <<-'END'
		global: {scrape_interval: 500ms, scrape_timeout: 400ms}
		scrape_configs:
		- job_name: all
		  static_configs: [{targets: ['127.0.0.1:9090'], labels: {zone: z}}]
		- job_name: few
		  static_configs: [{targets: ['127.0.0.1:9090']}]
		  metric_relabel_configs:
		  - {source_labels: [__name__], regex: up|process_.*, action: keep}
		- job_name: renamed
		  static_configs: [{targets: ['127.0.0.1:9090']}]
		  params: {module: [x]}
		  relabel_configs:
		  - {target_label: job, replacement: another}
		  - {target_label: instance, replacement: 'an "odd" one'}
		- job_name: dead
		  static_configs: [{targets: ['127.0.0.1:1']}]
	END
	# The label that it gets here is as one that a remote storage adds.
	export QUERY='label_replace(max_over_time(scrape_samples_post_metric_relabeling[1m]), "replica", "r0", "", "")'
	clb-discover -c prometheus.yml | clb-relabel -c prometheus.yml >targets
	serve 2 & first=$!
	serve 3
	wait $first
	for v in 2 3; do
		clb-weigh --targets targets <$v.json >weights
		# Each job's series, by the labels that tell them apart, and no line for what is dead.
		jq -r '.data.result[] | select(.value[1] != "0") | [.metric.job, .value[1]] | @tsv' $v.json |
		    sed 's/^another/renamed/' | sort >measured
		[ "$(wc -l <measured)" -eq 3 ]
		jq -r '[.job, .weight] | @tsv' weights | sort | diff measured -
		[ "$(sed -n 's/few\t//p' measured)" -lt 30 ]
		[ "$(sed -n 's/all\t//p' measured)" -gt 100 ]
		clb-schedule --replicas 2 --weights weights <targets |
		    jq -r 'select(.job != "dead") | [.job, .weight] | @tsv' | sort | diff measured -
		check 65 '' 'clb-weigh: <stdin>: the result is a matrix, and not an instant vector' \
		    clb-weigh --targets targets <$v.range
		clb-weigh --targets targets <$v.bad 2>err && false
		[ $? -eq 65 ]
		grep -q '^clb-weigh: <stdin>: the query failed: .*parse error' err
	done
}
