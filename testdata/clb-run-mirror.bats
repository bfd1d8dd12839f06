load helpers
PROG=clb-run

# clb-run with a mirror of a cluster that kubectl, a stand-in, replays: see
# testdata/clb-watch/kubectl.
setup() {
	mkdir "$BATS_TEST_TMPDIR/w"
	cd "$BATS_TEST_TMPDIR/w"
	export CLUSTER=$PWD/cluster PATH=$BATS_TEST_DIRNAME/clb-watch:$PATH
	mkdir cluster
	cat >prometheus.yml <<'END'
scrape_configs:
- job_name: pods
  kubernetes_sd_configs:
  - role: pod
END
	echo '{"kind":"PodList","metadata":{"resourceVersion":"100"},"items":[{"metadata":{"name":"a","namespace":"n"},
	    "spec":{"containers":[{"name":"c"}]},"status":{"podIP":"10.0.0.1"}}]}' >cluster/list.1
}

teardown() {
	[ -z "${pid-}" ] || kill "$pid" 2>/dev/null || :
	wait
}

# event TYPE NAME VERSION IP
event() {
	printf '{"type":"%s","object":{"kind":"Pod","metadata":{"name":"%s","namespace":"n","resourceVersion":"%s"},"spec":{"containers":[{"name":"c"}]},"status":{"podIP":"%s"}}}\n' "$@"
}

# targets ADDRESS...: within ten seconds, the sd files have these targets.
targets() {
	local _ got

	for _ in $(seq 100); do
		got=$(cat sd/*/*.json 2>/dev/null | jq -r '.[].targets[]' | sort | tr '\n' ' ')
		[ "$got" != "$* " ] || return 0
		sleep 0.1
	done
	echo "targets: $got"
	cat err cluster/calls m/changes
	return 1
}

run_it() {
	timeout 60 clb-run -c prometheus.yml -d sd --replicas 2 --max-drop 100% --interval 1h \
	    --mirror m "$@" 2>err 3>&- &
	pid=$!
}

@test "--settle is checked" {
	check 64 '' "clb-run: --settle: 'x' is not a number of seconds
$(clb-run -h)" clb-run -c prometheus.yml -d sd --replicas 1 --mirror m --settle x
}

@test "a change in the cluster reaches the sd files, whatever the interval" {
	: >cluster/watch.1
	touch cluster/watch.1.hold
	run_it
	targets 10.0.0.1
	for i in 2 3 4; do
		event ADDED "p$i" "10$i" "10.0.0.$i" >>cluster/watch.1
	done
	targets 10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4
	event DELETED a 105 10.0.0.1 >>cluster/watch.1
	targets 10.0.0.2 10.0.0.3 10.0.0.4
}

@test "while the server is away the last good files stay; afterwards they follow" {
	event ADDED b 101 10.0.0.2 >cluster/watch.1
	for n in 2 3; do
		: >"cluster/watch.$n"
		echo 1 >"cluster/watch.$n.rc"
		echo 'connection refused' >"cluster/watch.$n.err"
	done
	event DELETED a 102 10.0.0.1 >cluster/watch.4
	run_it
	targets 10.0.0.1 10.0.0.2
	targets 10.0.0.2
	grep -q 'connection refused' err
}

@test "its end is the end of all that it started" {
	run_it
	targets 10.0.0.1
	main=$(pgrep -P "$pid")
	watch=$(pgrep -P "$main" -f clb-watch)
	stream=$(pgrep -P "$watch" -f -- --follow)
	kill "$main"
	wait "$pid" || :
	for p in "$main" "$watch" "$stream"; do
		[ ! -e "/proc/$p" ]
	done
	pid=
}

@test "--once lists, publishes and ends; without a list nothing is published" {
	check 0 '' '' clb-run -c prometheus.yml -d sd --replicas 2 --mirror m --once
	targets 10.0.0.1
	echo 1 >cluster/list.2.rc
	echo refused >cluster/list.2.err
	: >cluster/list.2
	check 69 '' 'clb-watch: pods: no list: kubectl: refused
clb-run: clb-watch exited 69; the last good result stays' clb-run -c prometheus.yml -d sd --replicas 2 --mirror m --once
	targets 10.0.0.1
	check 69 '' 'clb-watch: pods: no list: kubectl: refused
clb-run: clb-watch exited 69; the last good result stays' clb-run -c prometheus.yml -d other --replicas 2 --mirror m2 --once
	[ ! -e other ]
}
