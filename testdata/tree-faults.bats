# A balancer that fails in every way: real Prometheuses, which ask it themselves or
# have clb-agent beside them, keep their last good targets, and get the next ones
# by themselves when it is well again.
load helpers
load tree/site

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	mkdir tree
}

@test "collectors keep their targets while the balancer fails, and recover by themselves" {
	targets c-0 api $(printf '10.1.1.%s:9100 ' {1..250}) $(printf '10.1.2.%s:9100 ' {1..250}) \
	    $(printf '10.1.3.%s:9100 ' {1..250}) >first
	sed 's/10\.1\.3\./10.1.4./g' first >second
	for gen in 2 3; do
		printf '%s\n' 'global: {scrape_interval: 1h}' 'scrape_configs:' '- job_name: api' '  http_sd_configs:' \
		    '  - {url: "http://127.0.0.1:8080/sd/c-0/api.json", refresh_interval: 1s}' >"http-$gen.yml"
	done
	printf '%s\n' 'global: {scrape_interval: 1h}' 'scrape_configs:' '- job_name: api' '  file_sd_configs:' \
	    '  - files: [sd/api.json]' >agent-3.yml
	clb-writesd --tree tree <first
	site <<-'EOT'
	port=9090
	start() {
		eval "port_$1=$((port += 1))"
		GOMAXPROCS=1 "$TESTS/prometheus-${1#*_}/usr/bin/prometheus" --config.file="${1/_/-}.yml" \
		    --storage.tsdb.path="data-$1" --web.listen-address="127.0.0.1:$port" --log.level=error 2>"log-$1" &
	}
	clb-agent --url $url --collector c-0 -d sd --interval 1s --timeout 5 2>agent.err &
	for who in http_2 http_3 agent_3; do
		start $who
	done
	has() {
		local p=port_$1

		curl -s "http://127.0.0.1:${!p}/api/v1/targets?state=active" |
		    jq -r '.data.activeTargets[].labels.instance' | sort | cmp - "$2"
	}
	all_have() {
		has http_2 "$1" && has http_3 "$1" && has agent_3 "$1"
	}
	for f in first second; do
		jq -r .labels.__address__ $f | sort >$f.addresses
	done
	within 60 all_have first.addresses

	n=0
	during() {
		sleep 2
		all_have first.addresses || { echo "lost during: $1"; return 1; }
		n=$((n + 1))
	}
	fault() {
		down
		up "$1"
		during "$1"
	}
	down
	during 'the balancer is away'
	up 'return 500;'
	during 'return 500;'
	fault 'default_type text/html; return 200 "<html><body>welcome</body></html>";'
	fault 'return 200 "<html><body>welcome</body></html>";'
	fault 'return 200 "";'
	fault 'return 200 "[{\"targets\":[\"10.1.1.1:9100\"]}";'
	fault 'return 200 "null and void";'
	fault 'return 302 /elsewhere;'
	fault 'location / { gzip off; limit_rate 1; root /var/lib/clb/tree; }'

	# Killed in the middle of responses.
	down
	for i in 1 2; do
		up 'location ~ json$ { gzip off; limit_rate 4k; root /var/lib/clb/tree; } location / { root /var/lib/clb/tree; }'
		sleep 1.5
		down KILL
	done
	during 'killed'

	# Not complete: started anew, with nothing.
	mv tree complete
	mkdir tree
	up
	sleep 5
	during 'not complete'
	[ $n -eq 11 ]
	clb-writesd --tree tree <second
	within 30 all_have second.addresses
	kill $(jobs -p)
	wait
	EOT
}
