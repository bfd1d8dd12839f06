# clb-run(1): the supervisor, with the real programs.
load helpers
PROG=clb-run

setup() {
	cd "$BATS_TEST_TMPDIR"
	pid=
	write_nodes 12
	cat >prometheus.yml <<-'END'
		scrape_configs:
		- job_name: node
		  file_sd_configs:
		  - files: ['nodes*.json']
		- job_name: web
		  static_configs:
		  - targets: ['10.1.0.1:80', '10.1.0.2:80']
	END
}

teardown() {
	[ -n "$BATS_TEST_COMPLETED" ] || cat log || :
	[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || :
}

# write_nodes N [FILE]: N targets, by one rename.
write_nodes() {
	seq -f '"10.0.0.%g:9100"' "$1" | jq -cs '[{targets: .}]' >new
	mv new "${2:-nodes.json}"
}

# start ARG...: clb-run in the background, its stderr in the file log.
start() {
	clb-run -c prometheus.yml -d sd --replicas 3 "$@" 2>log 3>&- &
	pid=$!
}

# stop: end it as an init system does; its status is to be 0, at once.
stop() {
	local began=$SECONDS

	kill "$pid"
	wait "$pid"
	pid=
	[ $((SECONDS - began)) -le 10 ]
}

# published N: sd/ holds N targets.
published() {
	[ "$(jq -s 'map(.[].targets[]) | length' sd/*/*.json 2>/dev/null)" = "$1" ]
}

# logged TEXT
logged() {
	grep -qF -e "$1" log
}

# at_work: it has taken its state directory.
at_work() {
	[ -n "$(find state -name '.work*' 2>/dev/null)" ]
}

# snapshot: what the published files hold, and what they are on the disk.
snapshot() {
	find sd -type f -exec stat -c '%n %i %y' {} + | sort
	find sd -type f -exec cat {} + | cksum
}

# no_temporaries: nothing but what belongs there.
no_temporaries() {
	[ -z "$(find sd -type f ! -name '*.json' ! -name .clb-writesd)" ]
	[ -z "$(find state -name '.work*')" ]
}

# shim PROGRAM STATUS: PROGRAM exits STATUS and says nothing.
shim() {
	mkdir -p shims
	printf '#!/bin/sh\nexit %s\n' "$2" >"shims/$1"
	chmod +x "shims/$1"
	PATH=$BATS_TEST_TMPDIR/shims:$PATH
}

@test "usage is printed, on stdout when asked for and on stderr with 64 when wrong" {
	check_usage
	check 64 '' "clb-run: -c FILE is missing
$(clb-run -h)" clb-run -d sd --replicas 3
	check 64 '' "clb-run: -d DIR or --tree DIR is missing
$(clb-run -h)" clb-run -c prometheus.yml --replicas 3
	check 64 '' "clb-run: --replicas, --autoscale or --collectors is missing
$(clb-run -h)" clb-run -c prometheus.yml -d sd
	check 64 '' "clb-run: --replicas, --autoscale and --collectors exclude each other
$(clb-run -h)" clb-run -c prometheus.yml -d sd --replicas 3 --autoscale 5
	check 64 '' "clb-run: --min goes with --autoscale
$(clb-run -h)" clb-run -c prometheus.yml -d sd --replicas 3 --min 5
	check 64 '' "clb-run: --interval: '1d' is not a duration like 30s, 5m or 1h
$(clb-run -h)" clb-run -c prometheus.yml -d sd --replicas 3 --interval 1d
	check 64 '' "clb-run: unexpected argument 'x'
$(clb-run -h)" clb-run -c prometheus.yml -d sd --replicas 3 x
	check 64 '' "clb-run: --state needs a value
$(clb-run -h)" clb-run -c prometheus.yml -d sd --replicas 3 --state ''
	[ ! -e sd ] && [ ! -e state ]
}

@test "--once publishes every target once, and is silent" {
	check 0 '' '' clb-run -c prometheus.yml -d sd --replicas=3 --once
	[ "$(ls sd | tr '\n' ' ')" = 'collector-0 collector-1 collector-2 ' ]
	published 14
	[ "$(jq -r '.[].targets[]' sd/*/*.json | sort -u | wc -l)" -eq 14 ]
	[ "$(wc -l <state/assignment.jsonl)" -eq 14 ]
	no_temporaries
}

@test "a run in which nothing changed touches nothing" {
	clb-run -c prometheus.yml -d sd --replicas 3 --once
	before=$(snapshot; stat -c '%i %y' state/assignment.jsonl)
	check 0 '' '' clb-run -c prometheus.yml -d sd --replicas 3 --once
	[ "$before" = "$(snapshot; stat -c '%i %y' state/assignment.jsonl)" ]
}

@test "a restart moves no target, even where another spread would be as good" {
	clb-run -c prometheus.yml -d sd --replicas 3 --once
	write_nodes 9
	clb-run -c prometheus.yml -d sd --replicas 3 --once --tolerance 1
	jq -r '[.id, .collector] | @tsv' state/assignment.jsonl | sort >before
	rm -r sd
	clb-run -c prometheus.yml -d sd --replicas 3 --once --tolerance 1
	jq -r '[.id, .collector] | @tsv' state/assignment.jsonl | sort | diff before -
	published 11
}

@test "what relabelling dropped is kept in the state directory" {
	cat >>prometheus.yml <<-'END'
		  relabel_configs:
		  - {source_labels: [__address__], regex: '10\.1\.0\.2.*', action: drop}
	END
	clb-run -c prometheus.yml -d sd --replicas 3 --once
	published 13
	[ "$(jq -c '[.job, .labels.__address__, .rule]' state/dropped.jsonl)" = '["web","10.1.0.2:80",0]' ]
}

@test "a changed file_sd file, a new one and a changed configuration arrive within seconds" {
	start --interval 1h
	within 20 published 14
	write_nodes 11
	within 20 published 13
	write_nodes 20 nodes-more.json
	within 20 published 22
	sed -i "s/, '10.1.0.2:80'//" prometheus.yml
	within 20 published 21
	stop
	[ ! -s log ]
}

@test "SIGHUP asks for a run at once" {
	start --interval 1h
	within 20 published 14
	rm sd/collector-0/node.json
	kill -HUP "$pid"
	within 20 published 14
	stop
}

@test "the interval asks for a run" {
	start --interval 2s
	within 20 published 14
	rm sd/collector-0/node.json
	within 20 published 14
	stop
}

@test "a broken configuration keeps the last good targets until it is mended" {
	start --interval 1h
	within 20 published 14
	before=$(snapshot)
	cp prometheus.yml good.yml
	echo 'scrape_configs: [{job_name: x, scrape_interval: never}]' >prometheus.yml
	within 20 logged 'exited 78; the last good result stays'
	logged ': prometheus.yml:1:'
	[ "$before" = "$(snapshot)" ]
	rm prometheus.yml
	within 20 logged 'exited 66; the last good result stays'
	[ "$before" = "$(snapshot)" ]
	mv good.yml prometheus.yml
	within 20 logged 'clb-run: all is well again'
	write_nodes 13
	within 20 published 15
	stop
}

@test "a broken file_sd file keeps its last good targets" {
	clb-run -c prometheus.yml -d sd --replicas 3 --once
	before=$(snapshot)
	echo '[{"targets": ' >nodes.json
	clb-run -c prometheus.yml -d sd --replicas 3 --once 2>err
	grep -q '^clb-discover: warning: nodes.json' err
	[ "$before" = "$(snapshot)" ]
}

@test "a broken source without last good targets publishes nothing, unless --partial" {
	echo '[{"targets": ' >nodes.json
	clb-run -c prometheus.yml -d sd --replicas 3 --once 2>err && false
	[ $? -eq 65 ]
	[ "$(tail -n 1 err)" = 'clb-run: clb-discover exited 65; the last good result stays' ]
	[ ! -e sd ] && [ ! -e state/assignment.jsonl ]
	clb-run -c prometheus.yml -d sd --replicas 3 --once --partial 2>err
	published 2
}

@test "a stage that fails changes nothing, and its status is handed on" {
	clb-run -c prometheus.yml -d sd --autoscale 5 --once
	write_nodes 20
	before=$(snapshot; cksum state/*.json*)
	path=$PATH
	for stage in clb-config:78 clb-discover:69 clb-relabel:65 clb-scale:64 clb-schedule:75 \
	    clb-schedule:70 clb-discover:127; do
		shim "${stage%:*}" "${stage#*:}"
		clb-run -c prometheus.yml -d sd --autoscale 5 --once 2>err && false
		[ $? -eq "${stage#*:}" ]
		grep -qF "clb-run: ${stage%:*} exited ${stage#*:}" err
		[ "$before" = "$(snapshot; cksum state/*.json*)" ]
		no_temporaries
		rm -r shims
		PATH=$path
	done
	shim clb-writesd 74
	clb-run -c prometheus.yml -d sd --autoscale 5 --once 2>err && false
	[ $? -eq 74 ]
	PATH=$path
	published 14
	clb-run -c prometheus.yml -d sd --autoscale 5 --once
	published 22
}

@test "a drop beyond --max-drop is refused, and allowed when asked for" {
	clb-run -c prometheus.yml -d sd --replicas 3 --once
	before=$(snapshot)
	write_nodes 1
	clb-run -c prometheus.yml -d sd --replicas 3 --once 2>err && false
	[ $? -eq 75 ]
	grep -q '^clb-schedule: ' err
	grep -qxF 'clb-run: to let them go, run once with --max-drop 100%' err
	[ "$before" = "$(snapshot)" ]
	clb-run -c prometheus.yml -d sd --replicas 3 --once --max-drop 100%
	published 3
	echo 'scrape_configs: []' >prometheus.yml
	clb-run -c prometheus.yml -d sd --replicas 3 --once --max-drop 99% 2>err && false
	published 3
	clb-run -c prometheus.yml -d sd --replicas 3 --once --max-drop 100%
	[ -z "$(ls sd)" ]
}

@test "a second instance on the same state directory is refused with 75" {
	start
	within 20 published 14
	check 75 '' 'clb-run: ./state is in use by another clb-run (see --state)' \
	    clb-run -c prometheus.yml -d sd --replicas 3 --once
	clb-run -c prometheus.yml -d sd2 --state state2 --replicas 3 --once
	stop
	clb-run -c prometheus.yml -d sd --replicas 3 --once
}

@test "a state directory that cannot be made is told of with 73" {
	: >file
	clb-run -c prometheus.yml -d sd --state file/state --replicas 3 --once 2>err && false
	[ $? -eq 73 ]
	[ "$(tail -n 1 err)" = 'clb-run: cannot create file/state/cache' ]
}

@test "SIGTERM ends it with 0 at any moment and leaves no temporary file" {
	write_nodes 3000
	for i in 0 1 2 3 4 5 6 7 8 9; do
		start --interval 1s
		within 20 at_work
		sleep "0.0$((i * 9 % 10))$i"
		stop
		[ ! -e state ] || [ -z "$(find state -name '.work*')" ]
		[ ! -e sd ] || no_temporaries
	done
}

@test "SIGTERM does not wait for a program that hangs" {
	mkdir shims
	printf '#!/bin/sh\nexec sleep 60\n' >shims/clb-relabel
	chmod +x shims/clb-relabel
	PATH=$BATS_TEST_TMPDIR/shims:$PATH start
	sleep 0.7
	stop
}

@test "--once that a signal ended does not look like success" {
	mkdir shims
	printf '#!/bin/sh\nexec sleep 60\n' >shims/clb-relabel
	chmod +x shims/clb-relabel
	PATH=$BATS_TEST_TMPDIR/shims:$PATH start --once
	sleep 0.7
	kill "$pid"
	wait "$pid" && false
	[ $? -eq 143 ]
	pid=
}

@test "after SIGKILL at any moment, the next run heals everything" {
	write_nodes 3000
	killed=0
	for i in $(seq 20); do
		start --interval 1s
		sleep "0.$(printf %02d $((i * 7 % 30)))"
		# Where programs outlive their supervisor for long the next one gives up.
		kill -9 "$pid" && killed=$((killed + 1))
		wait "$pid" || :
		pid=
		write_nodes $((2500 + i))
	done
	[ "$killed" -ge 10 ]
	within 20 clb-run -c prometheus.yml -d sd --replicas 3 --once
	published 2522
	no_temporaries
	[ "$(jq -r '.[].targets[]' sd/*/*.json | sort | uniq -d | wc -l)" -eq 0 ]
}

@test "--autoscale decides how many collectors there are, within --min and --max" {
	clb-run -c prometheus.yml -d sd --autoscale 5 --once
	[ "$(ls sd | wc -l)" -eq 3 ]
	[ "$(jq -c '[.current, .desired, .targets]' state/scale.json)" = '[null,3,14]' ]
	write_nodes 28
	clb-run -c prometheus.yml -d sd --autoscale 5 --once
	[ "$(ls sd | wc -l)" -eq 6 ]
	[ "$(jq -c '[.current, .desired, .targets]' state/scale.json)" = '[3,6,30]' ]
	clb-run -c prometheus.yml -d sd --autoscale 5 --max 4 --once
	[ "$(ls sd | wc -l)" -eq 4 ]
	# Fewer, only when that has been asked for all through the window.
	clb-run -c prometheus.yml -d sd --autoscale 1000 --min 2 --once
	[ "$(ls sd | wc -l)" -eq 4 ]
	[ "$(jq -r .rule state/scale.json)" = down-window ]
	clb-run -c prometheus.yml -d sd --autoscale 1000 --min 2 --down-window 0 --once
	[ "$(ls sd | wc -l)" -eq 2 ]
	published 30
}

@test "--weight-per-replica decides by what the targets weigh" {
	jq -nc '{id: "0000000000000000", weight: 1}, (range(1; 13) | {match: {instance: "10.0.0.\(.):9100"}, weight: 100})' >weights
	clb-run -c prometheus.yml -d sd --weight-per-replica 400 --weights weights --once
	[ "$(jq -c '[.desired, .weight]' state/scale.json)" = '[4,1202]' ]
	[ "$(ls sd | wc -l)" -eq 4 ]
	published 14
}

@test "--collectors names the collectors, and a change of the file is noticed" {
	printf '{"name":"a"}\n{"name":"b","state":"pending"}\n' >collectors
	clb-run -c prometheus.yml -d sd --collectors collectors --interval 1h 2>log 3>&- &
	pid=$!
	within 20 published 14
	[ "$(jq -r .collector state/assignment.jsonl | sort -u)" = a ]
	printf '{"name":"a","state":"draining"}\n{"name":"b"}\n' >new
	mv new collectors
	within 20 eval '[ "$(jq -r .collector state/assignment.jsonl | sort -u)" = b ]'
	stop
}

@test "what no collector has room for is told of in the state directory" {
	clb-run -c prometheus.yml -d sd --replicas 2 --max-targets 5 --once
	published 10
	[ "$(wc -l <state/unassigned.jsonl)" -eq 4 ]
	[ "$(jq -c '[.targets, .assigned]' state/report.json)" = '[14,10]' ]
	clb-run -c prometheus.yml -d sd --autoscale 100 --max-targets 5 --once
	[ "$(jq -r .rule state/scale.json)" = fit ]
	published 14
}

@test "--tree makes what a web server serves, with the metrics, the collectors and the scrape configs" {
	clb-run -c prometheus.yml --tree tree --replicas 3 --once
	[ "$(jq -s 'map(.[].targets[]) | length' tree/sd/*/*.json)" -eq 14 ]
	[ "$(jq -c 'map(.name)' tree/collectors.json)" = '["collector-0","collector-1","collector-2"]' ]
	[ "$(jq -c 'keys' tree/scrape_configs.json)" = '["node","web"]' ]
	[ "$(cat tree/readyz)" = ok ]
	grep -q '^clb_generation 1$' tree/metrics
	before=$(find tree -type f ! -name metrics -exec cksum {} + | sort)
	clb-run -c prometheus.yml --tree tree --replicas 3 --once
	[ "$before" = "$(find tree -type f ! -name metrics -exec cksum {} + | sort)" ]
}

@test "secrets of the configuration are kept from the public part of the tree, and told of once" {
	sed -i 's/job_name: web/job_name: web\n  basic_auth: {username: u, password: hidden}/' prometheus.yml
	start --tree tree --interval 1s
	within 20 test -e tree/private/scrape_configs.json
	sleep 2.5
	stop
	[ ! -e tree/scrape_configs.json ]
	grep -q hidden tree/private/scrape_configs.json
	[ "$(grep -c 'prometheus.yml:.*web.*password' log)" -eq 1 ]
	[ "$(grep -c hidden log)" -eq 0 ]
	clb-run -c prometheus.yml --tree tree --replicas 3 --once --allow-inline-secrets
	grep -q hidden tree/scrape_configs.json
}

@test "--prefix names the collectors" {
	clb-run -c prometheus.yml -d sd --replicas 2 --prefix otel- --once
	[ "$(ls sd | tr '\n' ' ')" = 'otel-0 otel-1 ' ]
}

@test "options go to the programs that know them" {
	mkdir shims
	for p in clb-config clb-discover clb-relabel clb-schedule clb-writesd; do
		printf '#!/bin/sh\necho "%s $*" >>calls\nexec %s "$@"\n' "$p" "$(command -v "$p")" >"shims/$p"
		chmod +x "shims/$p"
	done
	PATH=$BATS_TEST_TMPDIR/shims:$PATH clb-run -c prometheus.yml -d sd --replicas 2 --once \
	    --compat 2.42 --skip-unsupported-sd --partial --max-drop 20% --tolerance 0.1 --max-moves 7 \
	    --prefix "it's a-"
	sed "s,./state/.work[^/]*,WORK,g" calls | sort >sorted
	diff - sorted <<-'END'
		clb-config --compat 2.42 --skip-unsupported-sd files prometheus.yml
		clb-discover -c prometheus.yml --cache ./state/cache --compat 2.42 --skip-unsupported-sd --partial
		clb-relabel -c prometheus.yml --dropped WORK/dropped --compat 2.42 --skip-unsupported-sd
		clb-schedule --replicas 2 --max-drop 20% --report WORK/report.json --unassigned WORK/unassigned.jsonl --tolerance 0.1 --max-moves 7 --prefix it's a-
		clb-writesd -d sd --compat 2.42
	END
}
