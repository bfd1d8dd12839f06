# clb-operator(1) without a cluster; kube-run.bats has one.
load helpers
PROG=clb-operator

setup() {
	cd "$BATS_TEST_TMPDIR"
	mkdir shims
	PATH=$PWD/shims:$PATH
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
