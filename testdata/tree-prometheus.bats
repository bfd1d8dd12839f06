# Real Prometheuses and what nginx serves: they ask it themselves, or have clb-agent
# beside them.
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
	mkdir sd	# a Prometheus does not watch a directory that is not there when it starts
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
	within 60 all_have first.addresses || { cat log-* agent.err; false; }

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

# The receiver of the OpenTelemetry collector asks by Prometheus's HTTP service
# discovery, with these URLs.
@test "Prometheus's own client finds jobs of any name by the URLs of the target allocator" {
	local n=0 x

	x=$(printf 'x%.0s' {1..260})
	printf '%s\n' 'a/b' 'a b' 'a%2Fb' 'a+b' '"q"' 'naïve/задание' '.hidden' 'a..b' '?q=1&x#y' '~!@$^*()=[]{}|;:,' \
	    "$x/é" | LC_ALL=C sort >names
	while IFS= read -r name; do
		targets 'c-0' "$name" "10.1.1.$((n += 1)):9100"
	done <names >assignment
	mkdir tree/shop
	clb-writesd --tree tree/shop/x <assignment
	jq -c '{job_name: .job, http_sd_configs: [{refresh_interval: "1s", url:
	    "http://127.0.0.1:8080/shop/x/jobs/\(.job | @uri | gsub("%20"; "+") | gsub("!"; "%21") |
	    gsub("[*]"; "%2A") | gsub("\u0027"; "%27") | gsub("[(]"; "%28") | gsub("[)]"; "%29")
	    )/targets?collector_id=c-0"}]}' assignment | jq -s '{global: {scrape_interval: "1h"}, scrape_configs: .}' >p.json
	jq -c '[.job, .labels.__address__]' assignment | sort >want
	site <<-'EOT'
	for gen in 2 3; do
		GOMAXPROCS=1 "$TESTS/prometheus-$gen/usr/bin/prometheus" --config.file=p.json --log.level=warn \
		    --storage.tsdb.path="data-$gen" --web.listen-address="127.0.0.1:909$gen" 2>"log-$gen" &
	done
	found() {
		curl -s "http://127.0.0.1:909$1/api/v1/targets?state=active" |
		    jq -c '.data.activeTargets[] | [.scrapePool, .labels.instance]' | sort | cmp - want
	}
	within 60 found 2 || { cat log-2; false; }
	within 60 found 3 || { cat log-3; false; }
	kill $(jobs -p)
	wait
	EOT
}

@test "clb-agent gives a Prometheus its configuration, and has it reloaded by POST or by signal" {
	for job in one two three; do
		printf '%s\n' "- job_name: $job" '  http_sd_configs:' \
		    "  - {url: 'http://127.0.0.1:8080/sd/\$(POD_NAME)/$job.json', refresh_interval: 1s}"
		targets c-0 "$job" "10.1.1.${#job}:9100" >>assignment
	done >jobs
	LC_ALL=C sort assignment | clb-writesd --tree tree
	{ printf '%s\n' 'global: {scrape_interval: 1h}' 'scrape_configs:' && head -n 3 jobs; } >config.yml
	site <<-'EOT'
	own=(--url $url --collector c-0 -d sd --config config.yml --config-out out.yml)
	pools() { curl -s http://127.0.0.1:9090/api/v1/targets?state=active | jq -r '.data.activeTargets[].scrapePool' | sort | xargs; }
	has() { [ "$(pools)" = "$*" ]; }

	clb-agent "${own[@]}" --once
	GOMAXPROCS=1 "$TESTS/prometheus-3/usr/bin/prometheus" --config.file=out.yml --log.level=warn \
	    --storage.tsdb.path=data --web.enable-lifecycle --web.listen-address=127.0.0.1:9090 2>log & prometheus=$!
	echo $prometheus >pid
	within 60 has one

	clb-agent "${own[@]}" --interval 1s --reload-url http://127.0.0.1:9090/-/reload 2>err & agent=$!
	sed -n 4,6p jobs >>config.yml
	within 30 has one two

	# One that Prometheus refuses is told of, and does no harm.
	cp config.yml good.yml
	echo 'nonsense: 1' >>config.yml
	within 30 grep -q 'reload: the answer is 500; what is there stays' err
	has one two
	mv good.yml config.yml
	within 30 grep -q 'well again' err
	kill $agent
	wait $agent

	sed -n 7,9p jobs >>config.yml
	clb-agent "${own[@]}" --once --reload-pid pid
	within 30 has one three two
	kill $prometheus
	wait
	EOT
}
