# clb-operator(1) without a cluster; kube-run.bats has one.
load helpers
bats_require_minimum_version 1.5.0
PROG=clb-operator

setup() {
	cd "$BATS_TEST_TMPDIR"
	mkdir shims
	PATH=$PWD/shims:$PATH
}

teardown() {
	[ -z "${pid-}" ] || kill "$pid" 2>/dev/null || :
}

# kubectl STATUS: it ends with STATUS, and notes what it was asked.
kubectl() {
	printf '#!/bin/sh\necho "$*" >>%s/calls\necho no cluster >&2\nexit %s\n' "$PWD" "$1" >shims/kubectl
	chmod +x shims/kubectl
}

@test "usage is printed, on stdout when asked for and on stderr with 64 when wrong" {
	check_usage
	check 64 '' "clb-operator: -d DIR is missing
$(clb-operator -h)" clb-operator
	check 64 '' "clb-operator: --lease: 'clb' is not NAMESPACE/NAME
$(clb-operator -h)" clb-operator -d d --lease clb
	check 64 '' "clb-operator: 'x' is not a number from 1 to 99999
$(clb-operator -h)" clb-operator -d d --lease-seconds x
	check 64 '' "clb-operator: unexpected argument 'x'
$(clb-operator -h)" clb-operator -d d x
	[ ! -e d ]
}

@test "without the Lease nothing is run" {
	kubectl 1
	timeout --preserve-status 4 clb-operator -d d --lease-seconds 3 2>err
	grep -q 'get --raw /apis/coordination.k8s.io/v1/namespaces/clb-system/leases/clb' calls
	[ -z "$(find d/tree d/state -mindepth 1 -name 'resource.json')" ]
	[ -z "$(find d -name '.work*')" ]
	[ ! -e d/tree/readyz ]
}

@test "a second one with the same directory is refused with 75" {
	kubectl 1
	clb-operator -d d 2>log 3>&- &
	pid=$!
	until [ -e d/state/identity ]; do sleep 0.1; done
	check 75 '' 'clb-operator: d is in use by another clb-operator' clb-operator -d d
	kill "$pid"
	wait "$pid"
}

@test "the metrics of all resources are one file, and promtool finds nothing to say against it" {
	kubectl 1
	for r in a/x b/y; do
		mkdir -p "d/tree/$r"
		printf '# HELP clb_x X.\n# TYPE clb_x gauge\nclb_x{job="a b"} 1\n# HELP clb_y Y.\n# TYPE clb_y gauge\nclb_y 2\n' \
		    >"d/tree/$r/metrics"
	done
	timeout --preserve-status 2 clb-operator -d d 2>err
	diff - d/tree/metrics <<-'END'
		# HELP clb_x X.
		# TYPE clb_x gauge
		clb_x{namespace="a",resource="x",job="a b"} 1
		clb_x{namespace="b",resource="y",job="a b"} 1
		# HELP clb_y Y.
		# TYPE clb_y gauge
		clb_y{namespace="a",resource="x"} 2
		clb_y{namespace="b",resource="y"} 2
		# HELP clb_operator_acting Whether this balancer is the one that acts.
		# TYPE clb_operator_acting gauge
		clb_operator_acting 0
		# HELP clb_operator_resources How many resources it looks after.
		# TYPE clb_operator_resources gauge
		clb_operator_resources 0
		# HELP clb_operator_restarts_total How often a clb-run had ended by itself.
		# TYPE clb_operator_restarts_total counter
		clb_operator_restarts_total 0
	END
	"${CLB_TESTS:-$CLB_ROOT/build/tests}/prometheus-3/usr/bin/promtool" check metrics <d/tree/metrics
}

# resources NAMESPACE/NAME...: these there are, as clb-watch would have it in the mirror.
resources() {
	mkdir -p d/state/mirror/resources
	{
		echo '{"kind":"CollectorLoadBalancer","resourceVersion":"7","stream":"resources","version":1}'
		for r; do
			printf '{"metadata":{"namespace":"%s","name":"%s"}}\n' "${r%/*}" "${r#*/}"
		done
		printf '{"end":%s}\n' $#
	} >list
	mv list d/state/mirror/resources/list
	echo LISTED resources >>d/state/mirror/changes
}

@test "a clb-run that dies is started again, later each time; deleted meanwhile it is forgotten, and no other is ended" {
	# Stand-ins: an API server that has a Lease to give and nothing else, a clb-watch
	# that leaves the mirror alone, and a clb-run that runs for b/y alone.
	cat >shims/kubectl <<-'END'
		#!/bin/sh
		case " $* " in
		*' get '*) echo NotFound >&2; exit 1 ;;
		*) for f; do :; done; cat "$f" ;;
		esac
	END
	printf '#!/bin/sh\nexec sleep 60\n' >shims/clb-watch
	printf '#!/bin/sh\nmkdir -p "$4"\n[ "$2" = b/y ] || exit 3\necho $$ >>%s/y\nexec sleep 60\n' "$PWD" >shims/clb-run
	chmod +x shims/*
	resources a/x b/y
	clb-operator -d d --max-backoff 2 2>log 3>&- &
	pid=$!
	n=300
	until [ "$(grep -c '^clb-operator: a/x: clb-run exited 3; starting it again in 2 s' log)" -ge 2 ]; do
		[ $((n -= 1)) -gt 0 ]
		sleep 0.1
	done
	[ "$(sed -n 's/.*a\/x: .* in \(.*\)/\1/p' log | head -n 3 | paste -sd ' ')" = '1 s 2 s 2 s' ]
	resources b/y
	n=100
	while [ -e d/state/a ]; do
		[ $((n -= 1)) -gt 0 ]
		sleep 0.1
	done
	sleep 1.5
	kill -0 "$pid"
	[ "$(wc -l <y)" -eq 1 ]
	kill -0 "$(cat y)"
	kill "$pid"
	wait "$pid"
	run ! kill -0 "$(cat y)"
}
