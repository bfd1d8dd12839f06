#!/usr/bin/env bats
# kubernetes_sd_configs: clb-discover -k. The cases lie in
# testdata/clb-discover/kubernetes/CASE/: prometheus.yml, objects.jsonl, and in
# VERSION.jsonl the label sets that Prometheus discovers from that version on,
# sorted; what the scrape layer adds is left out of them.
load helpers

PROG=clb-discover
CASES=$BATS_TEST_DIRNAME/clb-discover/kubernetes
VERSIONS='2.42 2.44 2.45 2.46 2.51 2.52 2.55 3.0 3.5 3.6 3.10 3.11 3.12 3.14 3.15'

# make_list KIND STREAM VERSION <objects: the list file of a mirror.
make_list() {
	jq -cnS --arg kind "$1" --arg stream "$2" --arg v "$3" '[inputs] as $o |
	    {kind: $kind, resourceVersion: $v, stream: $stream, version: 1}, $o[],
	    {end: ($o | length)}'
}

# make_mirror DIR CONFIG OBJECTS: a mirror with all that CONFIG looks at. What is
# selected by labels or fields is not told apart: OBJECTS are those selected.
make_mirror() {
	local stream kind path query ns

	while IFS=$'\t' read -r stream kind path query; do
		mkdir -p "$1/$stream"
		ns=
		[[ $path != */namespaces/*/* ]] || ns=$(basename "$(dirname "$path")")
		jq -c --arg kind "$kind" --arg ns "$ns" 'select(.kind == $kind and
		    ($ns == "" or .metadata.namespace == $ns))' "$3" |
		    make_list "$kind" "$stream" 100 >"$1/$stream/list"
		printf '{"list":"100","version":1}\n' >"$1/$stream/log"
	done < <(clb-config watches "$2")
}

# discovered ARG...: the label sets of clb-discover ARG..., as in the cases.
discovered() {
	clb-discover "$@" >"$BATS_TEST_TMPDIR/records" || return
	jq -cS '.labels | del(.job, .__scheme__, .__metrics_path__, .__scrape_interval__,
	    .__scrape_timeout__, .__convert_classic_histograms_to_nhcb__,
	    .__always_scrape_classic_histograms__, .__scrape_native_histograms__)' \
	    "$BATS_TEST_TMPDIR/records" | LC_ALL=C sort
}

# expected_file DIR VERSION: the file of DIR that holds for the version, if any.
expected_file() {
	local f

	for f in "$1"/[23].*.jsonl; do
		basename "$f" .jsonl
	done | awk -v want="$2" '
	function number(v, part) { split(v, part, "."); return part[1] * 1000 + part[2] }
	number($0) <= number(want) && number($0) > best { best = number($0); name = $0 }
	END { if (name != "") print name ".jsonl" }'
}

# check_version CASE VERSION: the case's label sets are those of the version.
check_version() {
	local want

	want=$(expected_file "$CASES/$1" "$2")
	[ -n "$want" ] || return 0
	discovered -c "$CASES/$1/prometheus.yml" -k "$BATS_TEST_TMPDIR/mirror" --compat "$2" \
	    >"$BATS_TEST_TMPDIR/got" || return 1
	diff -u "$CASES/$1/$want" "$BATS_TEST_TMPDIR/got" || { echo "$1: $2"; return 1; }
}

# check_versions CASE: the same for all versions that the case speaks of.
check_versions() {
	local v bad=0

	make_mirror "$BATS_TEST_TMPDIR/mirror" "$CASES/$1/prometheus.yml" \
	    "$CASES/$1/objects.jsonl"
	for v in $VERSIONS; do
		check_version "$1" "$v" || bad=1
	done
	return $bad
}

@test "node: every address type has a label, conditions have since 3.12" {
	check_versions node
}

@test "node: an empty address counts, an unknown type does not, no address is no target" {
	check_versions node-addresses
}

@test "service: a target for each port" {
	check_versions service
}

@test "service: load balancer, external name, headless without ports" {
	check_versions service-types
}

@test "pod: ports, containers without ports, init containers of both sorts" {
	check_versions pod
}

@test "pod: IPv6, finished, and pending without an address" {
	check_versions pod-ipv6
}

@test "pod: its node attached; one on an unknown node is hidden since 3.11" {
	check_versions pod-attach-node
}

@test "pod: node and namespace attached" {
	check_versions pod-attach-node-namespace
}

@test "pod: deployment, job and cron job attached" {
	check_versions pod-attach-owners
}

@test "pod: of names that collide the greatest has its value, be it empty" {
	check_versions pod-collision
}

@test "endpoints: joined with service and pods, and the ports that no address has" {
	check_versions endpoints
}

@test "endpoints: nodes attached by nodeName and by a reference to a node" {
	check_versions endpoints-attach-node
}

@test "endpoints: a pod without address has no more targets since 2.46" {
	check_versions endpoints-no-ip
}

@test "endpoints: a join stays in the namespaces that are configured" {
	check_versions endpoints-namespace
}

@test "endpointslice: everything on one endpoint, nothing on the other, a port without number" {
	check_versions endpointslice
}

@test "endpointslice: the second family of a dual-stack service is dropped since 3.11" {
	check_versions endpointslice-dual-stack
}

@test "endpointslice: of several containers with the port the last is it" {
	check_versions endpointslice-containers
}

@test "ingress: wildcards, TLS without hosts, default path, without http, host, paths" {
	check_versions ingress
}

# pod NS NAME IP [NODE]: a pod with one container without ports.
pod() {
	jq -cnS --arg ns "$1" --arg name "$2" --arg ip "$3" --arg node "${4-}" '{kind: "Pod",
	    metadata: {name: $name, namespace: $ns}, status: {podIP: $ip},
	    spec: {containers: [{name: "c"}], nodeName: $node}}'
}

# config FIELDS...: prometheus.yml with a job of one block each.
config() {
	local f n=0

	cd "$BATS_TEST_TMPDIR"
	echo 'scrape_configs:' >prometheus.yml
	for f; do
		printf -- '- job_name: j%s\n  kubernetes_sd_configs: [{%s}]\n' $((n += 1)) "$f"
	done >>prometheus.yml
}

# addresses ARG...: what is discovered with prometheus.yml and mirror, by address.
addresses() {
	clb-discover -c prometheus.yml -k mirror "$@" >records || return
	jq -r .labels.__address__ records
}

@test "the log is what changed since the list" {
	config 'role: pod'
	mkdir -p mirror/pods
	{ pod n a ''; pod n b 10.1.0.3; } | make_list Pod pods 100 >mirror/pods/list
	check 0 10.1.0.3 '' addresses
	printf '{"list":"100","version":1}\n{"object":%s,"type":"MODIFIED"}\n' \
	    "$(pod n a 10.1.0.2)" >mirror/pods/log
	check 0 $'10.1.0.2\n10.1.0.3' '' addresses
	echo '{"resourceVersion":"150","type":"BOOKMARK"}' >>mirror/pods/log
	check 0 $'10.1.0.2\n10.1.0.3' '' addresses
	echo '{"key":"n/b","type":"DELETED"}' >>mirror/pods/log
	check 0 10.1.0.2 '' addresses
	echo '{"object":'"$(pod n b 10.1.0.4)"',"type":"ADDED"}' >>mirror/pods/log
	check 0 $'10.1.0.2\n10.1.0.4' '' addresses
	pod n d 10.1.0.5 | make_list Pod pods 200 >mirror/pods/list
	check 0 10.1.0.5 '' addresses
}

@test "a line of the log that is being written is none" {
	config 'role: pod'
	mkdir -p mirror/pods
	pod n a 10.1.0.2 | make_list Pod pods 100 >mirror/pods/list
	printf '{"list":"100","version":1}\n{"key":"n/a","type":"DELETED"}' >mirror/pods/log
	check 0 10.1.0.2 '' addresses
	printf '{"list":"10' >mirror/pods/log
	check 0 10.1.0.2 '' addresses
}

@test "targets come by the bytes of namespace and name, whatever the order of list and log" {
	config 'role: pod'
	mkdir -p mirror/pods
	{ pod b x 1; pod a y 2; pod a-b z 3; pod c c 4; pod a x 5; } |
	    make_list Pod pods 1 >mirror/pods/list
	{
		echo '{"list":"1","version":1}'
		echo '{"object":'"$(pod b a 6)"',"type":"ADDED"}'
		echo '{"object":'"$(pod a z 7)"',"type":"ADDED"}'
		echo '{"key":"c/c","type":"DELETED"}'
		echo '{"object":'"$(pod b x 8)"',"type":"MODIFIED"}'
	} >mirror/pods/log
	check 0 $'3\n5\n2\n7\n6\n8' '' addresses
	{ pod a b 1; pod a d 2; pod a f 3; } | make_list Pod pods 1 >mirror/pods/list
	{
		echo '{"list":"1","version":1}'
		echo '{"object":'"$(pod a g 4)"',"type":"ADDED"}'
		echo '{"object":'"$(pod a a 5)"',"type":"ADDED"}'
		echo '{"object":'"$(pod a e 6)"',"type":"ADDED"}'
		echo '{"key":"a/d","type":"DELETED"}'
		echo '{"key":"a/g","type":"DELETED"}'
	} >mirror/pods/log
	check 0 $'5\n1\n6\n3' '' addresses
}

@test "without a mirror, or with one whose first list is not complete, nothing is written" {
	config 'role: node' 'role: pod'
	check 64 '' "clb-discover: prometheus.yml:3:27: job 'j1': kubernetes_sd_configs needs a mirror" \
	    clb-discover -c prometheus.yml
	mkdir -p mirror/nodes mirror/pods
	make_list Node nodes 1 </dev/null >mirror/nodes/list
	check 75 '' 'clb-discover: mirror/pods/list: the first list is not complete' \
	    clb-discover -c prometheus.yml -k mirror
	make_list Pod pods 1 </dev/null >mirror/pods/list
	check 0 '' '' clb-discover -c prometheus.yml -k mirror
	rm -r mirror/nodes
	check 75 '' 'clb-discover: mirror/nodes/list: the first list is not complete' \
	    clb-discover -c prometheus.yml -k mirror
	pod n a 1.1.1.1 | make_list Pod pods 1 >mirror/pods/list
	check 0 1.1.1.1 'clb-discover: warning: mirror/nodes/list: the first list is not complete; its targets are missing' \
	    addresses --partial
}

@test "a damaged mirror is refused with its place" {
	config 'role: pod'
	mkdir -p mirror/pods
	pod n a 1 | make_list Pod pods 1 | sed '$d' >mirror/pods/list
	check 65 '' 'clb-discover: mirror/pods/list: the list is cut short' \
	    clb-discover -c prometheus.yml -k mirror
	: >mirror/pods/list
	check 65 '' 'clb-discover: mirror/pods/list: empty' clb-discover -c prometheus.yml -k mirror
	{ pod n a 1 | make_list Pod pods 1; echo '{}'; } >mirror/pods/list
	check 65 '' 'clb-discover: mirror/pods/list:4:1: text behind the end of the list' \
	    clb-discover -c prometheus.yml -k mirror
	echo '{"metadata":{}}' | make_list Pod pods 1 >mirror/pods/list
	check 65 '' 'clb-discover: mirror/pods/list:2:1: the object has no name' \
	    clb-discover -c prometheus.yml -k mirror
	pod n a 1 | make_list Pod pods 1 | sed 's/"version":1}/"version":2}/' >mirror/pods/list
	check 65 '' 'clb-discover: mirror/pods/list:1:1: not a mirror of version 1' \
	    clb-discover -c prometheus.yml -k mirror
	pod n a 1 | make_list Pod pods 1 >mirror/pods/list
	printf '{"list":"1","version":1}\n{"type":"ADDED"}\n' >mirror/pods/log
	check 65 '' 'clb-discover: mirror/pods/log:2:1: neither an object nor what became of one' \
	    clb-discover -c prometheus.yml -k mirror
}

@test "a record tells node and zone: of a pod" {
	config 'role: pod, attach_metadata: {node: true}' 'role: pod'
	mkdir -p mirror/pods mirror/nodes
	{ pod n a 1 w1; pod n b 2 w2; pod n c 3; } | make_list Pod pods 1 >mirror/pods/list
	printf '%s\n' '{"kind":"Node","metadata":{"name":"w1","labels":{"topology.kubernetes.io/zone":"z1"}}}' \
	    '{"kind":"Node","metadata":{"name":"w2"}}' | make_list Node nodes 1 >mirror/nodes/list
	clb-discover -c prometheus.yml -k mirror >records
	check 0 '["j1","w1","z1"]
["j1","w2",null]
["j1",null,null]
["j2","w1","z1"]
["j2","w2",null]
["j2",null,null]' '' jq -c '[.job, .node, .zone]' records
}

@test "a record tells node and zone: of a node, an endpoint and a slice" {
	config 'role: node' 'role: endpoints' 'role: endpointslice'
	cat >objects.jsonl <<-'END'
	{"kind":"Node","metadata":{"name":"w1","labels":{"topology.kubernetes.io/zone":"z1"}},"status":{"addresses":[{"type":"InternalIP","address":"9"}]}}
	{"kind":"Pod","metadata":{"name":"a","namespace":"n"},"spec":{"nodeName":"w1","containers":[{"name":"c","ports":[{"containerPort":7}]}]},"status":{"podIP":"1"}}
	{"kind":"Endpoints","metadata":{"name":"e","namespace":"n"},"subsets":[{"addresses":[{"ip":"1","targetRef":{"kind":"Pod","name":"a","namespace":"n"}},{"ip":"2","nodeName":"w1"},{"ip":"3"},{"ip":"4","targetRef":{"kind":"Node","name":"w1"}}],"ports":[{"port":5}]}]}
	{"kind":"EndpointSlice","metadata":{"name":"e","namespace":"n"},"endpoints":[{"addresses":["1"],"nodeName":"w1"},{"addresses":["2"],"nodeName":"w1","zone":"z2"},{"addresses":["3"],"topology":{"topology.kubernetes.io/zone":"z3"}}],"ports":[{"port":5}]}
	END
	make_mirror mirror prometheus.yml objects.jsonl
	clb-discover -c prometheus.yml -k mirror >records
	check 0 '["j1","9:0","w1","z1"]
["j2","1:5","w1","z1"]
["j2","2:5","w1","z1"]
["j2","3:5",null,null]
["j2","4:5","w1","z1"]
["j2","1:7","w1","z1"]
["j3","1:5","w1","z1"]
["j3","2:5","w1","z2"]
["j3","3:5",null,"z3"]' '' jq -c '[.job, .labels.__address__, .node, .zone]' records
}

@test "namespaces: each once, the empty one means all, one's own is among them" {
	config 'role: pod, namespaces: {names: [b, a, b]}' 'role: pod, namespaces: {names: [a, ""]}' \
	    'role: pod, namespaces: {names: [c], own_namespace: true}' 'role: pod, namespaces: '
	{ pod a p 1; pod b p 2; pod c p 3; pod d p 4; } >objects.jsonl
	POD_NAMESPACE=d make_mirror mirror prometheus.yml objects.jsonl
	POD_NAMESPACE=d check 0 $'1\n2\n1\n2\n3\n4\n3\n4\n1\n2\n3\n4' '' addresses
	check 0 'pods
pods@a
pods@b
pods@c
pods@d' '' ls mirror
}

@test "many namespaces need many files, and get them" {
	config "role: endpoints, namespaces: {names: [$(seq -s, -f 'n%.0f' 60)]}"
	pod n7 a 1 >objects.jsonl
	make_mirror mirror prometheus.yml objects.jsonl
	check 0 '' '' bash -c 'ulimit -Sn 100; clb-discover -c prometheus.yml -k mirror'
}

@test "v1beta1 slices are read too" {
	config 'role: endpointslice'
	echo '{"kind":"EndpointSlice","metadata":{"name":"e","namespace":"n"},"addressType":"IPv4",
	    "endpoints":[{"addresses":["1"],"conditions":{"ready":false},"topology":{"kubernetes.io/hostname":"w"}}],
	    "ports":[{"name":"p","port":5,"protocol":"TCP"}]}' | jq -c . >objects.jsonl
	make_mirror mirror prometheus.yml objects.jsonl
	check 0 '{"__address__":"1:5","__meta_kubernetes_endpointslice_address_type":"IPv4","__meta_kubernetes_endpointslice_endpoint_conditions_ready":"false","__meta_kubernetes_endpointslice_endpoint_topology_kubernetes_io_hostname":"w","__meta_kubernetes_endpointslice_endpoint_topology_present_kubernetes_io_hostname":"true","__meta_kubernetes_endpointslice_name":"e","__meta_kubernetes_endpointslice_port":"5","__meta_kubernetes_endpointslice_port_name":"p","__meta_kubernetes_endpointslice_port_protocol":"TCP","__meta_kubernetes_namespace":"n"}' \
	    '' discovered -c prometheus.yml -k mirror
}
