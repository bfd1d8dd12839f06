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
