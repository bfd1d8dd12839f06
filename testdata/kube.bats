# Against a real control plane (see kube/cluster.sh): what Prometheus discovers in a
# cluster, clb does, and what happens to kubectl, the API server and etcd costs no
# target. make check-k8s runs it; the first run builds the control plane.
load helpers
bats_require_minimum_version 1.5.0

setup_file() {
	kube=$BATS_TEST_DIRNAME/kube
	still=$BATS_FILE_TMPDIR/still
	moving=$BATS_FILE_TMPDIR/moving
	export kube still moving
	# One whose objects stay as they are, and one whose objects do not.
	"$kube/cluster.sh" up "$still"
	"$kube/cluster.sh" in "$still" "$kube/prepare.sh" "$still"
	"$kube/cluster.sh" up "$moving" \
		deployment,replicaset,statefulset,job,endpoint,endpointslice,endpointslicemirroring
}

teardown_file() {
	"$kube/cluster.sh" down "$still"
	"$kube/cluster.sh" down "$moving"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	watching=
}

teardown() {
	[ -n "$BATS_TEST_COMPLETED" ] || cat watch.log || :
	[ -z "$watching" ] || stop_watch
}

# in_still CMD..., in_moving CMD...: in one of the clusters.
in_still() {
	"$kube/cluster.sh" in "$still" "$@"
}

in_moving() {
	"$kube/cluster.sh" in "$moving" "$@"
}

# same VERSION SITE: clb and the real Prometheus discover the same.
same() {
	in_still "$kube/compare.sh" "$1" "$2" "$still"
}

@test "at the API server, clb discovers what Prometheus 2.53 does" {
	same 2.53 live
}

@test "at the API server, clb discovers what Prometheus 3.5 does" {
	same 3.5 live
}

@test "at a newer API server, clb discovers what Prometheus 2.53 does" {
	same 2.53 stub
}

@test "at a newer API server, clb discovers what Prometheus 3.5 does" {
	same 3.5 stub
}

@test "the comparison tells of what another version does otherwise" {
	run in_still "$kube/compare.sh" 2.53 stub "$still" 3.5
	[ "$status" -eq 1 ]
	[[ $output == *'+ {"job":'*'"__meta_kubernetes_pod_container_init":"true"'* ]]
}

@test "the rights to list and to watch are all that is needed" {
	in_still kubectl create clusterrole discovery --verb list,watch --resource \
	    nodes,pods,services,endpoints,endpointslices.discovery.k8s.io,ingresses.networking.k8s.io
	in_still kubectl create clusterrolebinding discovery --clusterrole discovery --user nobody
	# Rights are granted a moment later.
	within 20 in_still env KUBECONFIG="$still/nobody.kubeconfig" kubectl get --raw /api/v1/pods >raw
	in_still env KUBECONFIG="$still/nobody.kubeconfig" "$kube/compare.sh" 2.53 live "$still"
}

@test "without the rights there is no list, and nothing is published from the mirror" {
	echo 'scrape_configs: [{job_name: a, kubernetes_sd_configs: [{role: pod}]}]' >prometheus.yml
	run -69 in_moving env KUBECONFIG="$moving/nobody.kubeconfig" \
	    clb-watch -c prometheus.yml -d mirror --once
	[[ $output == 'clb-watch: pods: no list: '*' User "nobody" cannot list resource "pods" in API group "" at the cluster scope' ]]
	run -75 --separate-stderr clb-discover -c prometheus.yml -k mirror
	[ -z "$output" ]
}

@test "at least 120 objects of all kinds are compared" {
	jq -s '[.[].items[]] | length' "$still/lists" | {
		read -r n
		[ "$n" -ge 120 ]
	}
	for kind in Node Pod Service Endpoints EndpointSlice Ingress; do
		jq -es --arg kind $kind '[.[].items[] | select(.kind == $kind)] | length >= 10' "$still/lists"
	done
}

@test "what controllers make of Deployments, StatefulSets and Services is discovered as Prometheus does" {
	in_moving "$kube/apply.sh" "$kube/made/made.yaml"
	within 20 made_pods 6
	in_moving "$kube/kubelet.sh" made 10.2.0.
	within 20 made_endpoints 5
	in_moving "$kube/note.sh" "$moving"
	in_moving "$kube/compare.sh" 2.53 made "$moving"
	in_moving "$kube/compare.sh" 3.5 made "$moving"
}

made_pods() {
	[ "$(in_moving kubectl get -n made pods -o name | wc -l)" -eq "$1" ]
}

made_endpoints() {
	[ "$(in_moving kubectl get -n made endpoints web db -o json |
		jq '[.items[].subsets[]?.addresses[]?] | length')" -eq "$1" ]
}

# ---- a watch and what happens to it ----

# start_watch NAMESPACE ARG...: clb-watch keeps a mirror of the pods of NAMESPACE.
start_watch() {
	namespace=$1
	shift
	cat >prometheus.yml <<-END
	scrape_configs:
	- job_name: pods
	  kubernetes_sd_configs: [{role: pod, namespaces: {names: [$namespace]}}]
	END
	in_moving kubectl create namespace "$namespace" 2>/dev/null || :
	go_on "$@"
	within 20 caught_up
}

# go_on ARG...: start the same clb-watch again.
go_on() {
	# shellcheck disable=SC2016 # expands inside
	in_moving sh -c 'echo $$ >watch.pid; exec "$@"' sh \
	    clb-watch -c prometheus.yml -d mirror --max-backoff 2 "$@" >>watch.log 2>&1 3>&- &
	watching=$!
	until [ -s watch.pid ]; do sleep 0.1; done
}

stop_watch() {
	in_moving kill "$(cat watch.pid)" || :
	wait "$watching" || :
	watching=
	rm -f watch.pid
}

# add N...: pods that run at 10.8.N.1.
add() {
	local n

	for n; do
		in_moving kubectl run -n "$namespace" "p$n" --image=i --port=80 >/dev/null
		in_moving "$kube/kubelet.sh" "$namespace" "10.8.$n."
	done
}

remove() {
	in_moving kubectl delete -n "$namespace" pod --wait=true --grace-period=0 --force "${@/#/p}" >/dev/null 2>&1
}

# targets: the addresses that clb discovers now.
targets() {
	clb-discover -c prometheus.yml -k mirror | jq -r .labels.__address__ | sort
}

# pods: those that the cluster has.
pods() {
	in_moving kubectl get --raw "/api/v1/namespaces/$namespace/pods" |
	    jq -r '.items[].status.podIP | select(.) + ":80"' | sort
}

caught_up() {
	[ -e "mirror/pods@$namespace/list" ] && [ "$(targets)" = "$(pods)" ]
}

# kubectls SIGNAL: send it to what runs the watches.
kubectls() {
	local pids

	pids=$(in_moving pgrep -f 'kubectl.*/namespaces/'"$namespace"'/pods[?]watch=1')
	[ -n "$pids" ] || return 1
	# shellcheck disable=SC2086 # a list
	in_moving kill "-$1" $pids
}

# published VERSION: what the mirror's list is of.
list_version() {
	head -n 1 "mirror/pods@$namespace/list" | jq -r .resourceVersion
}

@test "a pod is a target once it runs, and none once it is gone" {
	start_watch life
	add 1 2
	within 20 caught_up
	[ "$(targets)" = $'10.8.1.1:80\n10.8.2.1:80' ]
	remove 1
	within 20 caught_up
	[ "$(targets)" = 10.8.2.1:80 ]
}

@test "a restarted clb-watch goes on where it was, without a new list" {
	start_watch resume
	add 1 2
	within 20 caught_up
	before=$(list_version)
	stop_watch
	remove 1
	add 3
	[ "$(targets)" = $'10.8.1.1:80\n10.8.2.1:80' ]
	go_on
	within 20 caught_up
	[ "$(targets)" = $'10.8.2.1:80\n10.8.3.1:80' ]
	[ "$(list_version)" = "$before" ]
}

@test "kubectl is killed: nothing is lost, and nothing stays that is gone" {
	start_watch killed
	add 1 2 3
	within 20 caught_up
	for n in 4 5 6; do
		within 20 kubectls KILL
		[ "$(targets | wc -l)" -eq 3 ]
		add "$n"
		remove "$((n - 3))"
		within 20 caught_up
	done
	[ "$(targets)" = $'10.8.4.1:80\n10.8.5.1:80\n10.8.6.1:80' ]
}

@test "the API server is restarted: the targets stay meanwhile, and are right afterwards" {
	start_watch restart
	add 1 2 3
	within 20 caught_up
	"$kube/cluster.sh" stop "$moving" apiserver
	sleep 3
	[ "$(targets | wc -l)" -eq 3 ]
	"$kube/cluster.sh" start "$moving" apiserver
	remove 1 2
	add 4
	within 30 caught_up
	[ "$(targets)" = $'10.8.3.1:80\n10.8.4.1:80' ]
}

@test "the API server is killed and etcd with it: the targets stay, and are right afterwards" {
	start_watch crash
	add 1 2
	within 20 caught_up
	in_moving kill -9 "$(cat "$moving/apiserver.pid")" "$(cat "$moving/etcd.pid")"
	sleep 3
	[ "$(targets | wc -l)" -eq 2 ]
	"$kube/cluster.sh" start "$moving" etcd
	"$kube/cluster.sh" start "$moving" apiserver
	remove 1
	add 3
	within 30 caught_up
	[ "$(targets)" = $'10.8.2.1:80\n10.8.3.1:80' ]
}

@test "etcd is compacted past where the watch was: 410, and a new list" {
	start_watch compacted
	add 1 2
	within 20 caught_up
	before=$(list_version)
	stop_watch
	remove 1
	add 3
	# A new API server knows nothing of what was before it, and etcd nothing any more.
	"$kube/cluster.sh" stop "$moving" apiserver
	"$kube/cluster.sh" compact "$moving"
	"$kube/cluster.sh" start "$moving" apiserver
	[ "$(targets)" = $'10.8.1.1:80\n10.8.2.1:80' ]
	go_on
	within 20 caught_up
	[ "$(targets)" = $'10.8.2.1:80\n10.8.3.1:80' ]
	[ "$(list_version)" != "$before" ]
}

@test "an API server that stalls costs no target, and its watch is given up" {
	start_watch hung --silence 3
	add 1 2
	within 20 caught_up
	in_moving kill -STOP "$(cat "$moving/apiserver.pid")"
	sleep 8
	[ "$(targets)" = $'10.8.1.1:80\n10.8.2.1:80' ]
	in_moving kill -CONT "$(cat "$moving/apiserver.pid")"
	remove 1
	add 3
	within 20 caught_up
	[ "$(targets)" = $'10.8.2.1:80\n10.8.3.1:80' ]
}

@test "a watch that stalls is given up, and what it did not tell is found" {
	start_watch stalled --silence 3
	add 1 2
	within 20 caught_up
	kubectls STOP
	remove 1
	add 3
	[ "$(targets)" = $'10.8.1.1:80\n10.8.2.1:80' ]
	within 20 caught_up
	[ "$(targets)" = $'10.8.2.1:80\n10.8.3.1:80' ]
}

# files: the targets in what clb-run has published.
files() {
	jq -r '.[].targets[]' sd/*/*.json 2>/dev/null | sort
}

published() {
	[ "$(files)" = "$(pods)" ]
}

@test "clb-run: the files follow the cluster, and stay as they are while it is away" {
	namespace=run
	cat >prometheus.yml <<-END
	scrape_configs:
	- job_name: pods
	  kubernetes_sd_configs: [{role: pod, namespaces: {names: [$namespace]}}]
	END
	in_moving kubectl create namespace "$namespace"
	add 1 2
	# shellcheck disable=SC2016 # expands inside
	in_moving sh -c 'echo $$ >watch.pid; exec "$@"' sh clb-run -c prometheus.yml -d sd \
	    --replicas 2 --mirror mirror --settle 1 --interval 3600s --max-drop 100% >watch.log 2>&1 3>&- &
	watching=$!
	within 20 published
	add 3
	within 20 published
	"$kube/cluster.sh" stop "$moving" apiserver
	stat -c '%n %Y %i' sd/*/* >before
	sleep 4
	stat -c '%n %Y %i' sd/*/* | diff before -
	[ "$(files)" = $'10.8.1.1:80\n10.8.2.1:80\n10.8.3.1:80' ]
	"$kube/cluster.sh" start "$moving" apiserver
	remove 1
	add 4
	within 60 published
	[ "$(files)" = $'10.8.2.1:80\n10.8.3.1:80\n10.8.4.1:80' ]
}

@test "when all pods of a namespace go, no target is left" {
	start_watch whole
	add 1 2 3
	within 20 caught_up
	in_moving kubectl delete -n "$namespace" pods --all --grace-period=0 --force >/dev/null 2>&1
	within 20 caught_up
	[ -z "$(targets)" ]
}

@test "Debian's kubectl 1.20 does as well as the one in PATH" {
	mkdir bin
	ln -s "${CLB_TESTS:-$CLB_ROOT/build/tests}/kube/usr/bin/kubectl" bin/kubectl
	PATH=$PWD/bin:$PATH
	in_moving kubectl version --client --short | grep -F v1.20
	start_watch old
	add 1 2
	within 20 caught_up
	kubectls KILL
	remove 1
	within 20 caught_up
	[ "$(targets)" = 10.8.2.1:80 ]
}

# ---- what kubectl prints, and how it ends ----

# mirror_list KIND FILE: the names in the mirror after a list from FILE.
mirror_list() {
	rm -rf m
	clb-mirror -d m --kind "$1" --begin list <"$2" >said
	jq -r '.metadata.name | values' m/list | sort
}

@test "kubectl: what get -o json and --raw print is the same list to clb-mirror" {
	in_still kubectl get pods -n shop -o json >indented
	in_still kubectl get --raw /api/v1/namespaces/shop/pods >raw
	in_still kubectl get pods -n shop -o json --chunk-size=3 >merged
	mirror_list Pod raw >names
	[ "$(wc -l <names)" -gt 15 ]
	grep -qxF "complete $(jq -r .metadata.resourceVersion raw)" said
	mirror_list Pod indented | diff names -
	mirror_list Pod merged | diff names -
}

@test "kubectl: a watch that the server ends is no error, and its lines are whole" {
	in_still timeout 20 kubectl get --raw \
	    '/api/v1/namespaces/shop/pods?watch=1&timeoutSeconds=2' >lines 2>err
	[ ! -s err ]
	[ "$(jq -r .type lines | sort -u)" = ADDED ]
	[ "$(tail -c 1 lines | od -An -tx1)" = ' 0a' ]
}

@test "kubectl: a watch from before the last compaction ends well, with an ERROR line" {
	in_moving kubectl create namespace "gone-$RANDOM" >/dev/null
	"$kube/cluster.sh" stop "$moving" apiserver
	"$kube/cluster.sh" compact "$moving"
	"$kube/cluster.sh" start "$moving" apiserver
	in_moving kubectl get --raw '/api/v1/pods?watch=1&resourceVersion=1' >lines 2>err
	[ ! -s err ]
	[ "$(jq -r '[.type, .object.code, .object.reason] | @tsv' lines)" = $'ERROR\t410\tExpired' ]
	in_moving kubectl get --raw /api/v1/pods | clb-mirror -d m --kind Pod --begin list
	clb-mirror -d m --kind Pod watch <lines && return 1
	[ $? -eq 75 ]
}

@test "kubectl: the rest of a list from before the last compaction is refused, and a new one is not" {
	token=$(in_moving kubectl get --raw '/api/v1/namespaces?limit=2' | jq -r .metadata.continue)
	in_moving kubectl create namespace "gone-$RANDOM" >/dev/null
	"$kube/cluster.sh" compact "$moving"
	run -1 --separate-stderr in_moving kubectl get --raw "/api/v1/namespaces?limit=2&continue=$token"
	[ -z "$output" ]
	[[ $stderr == *Expired* ]]
}

@test "kubectl: a watch whose connection is cut ends with 1, after whole lines" {
	in_moving kubectl get --raw '/api/v1/namespaces?watch=1' >lines 2>err 3>&- &
	within 20 test -s lines
	in_moving kill -9 "$(cat "$moving/apiserver.pid")"
	wait $! && return 1
	[ $? -eq 1 ]
	grep -F 'unexpected EOF' err
	jq -es 'all(.type == "ADDED")' lines
	"$kube/cluster.sh" start "$moving" apiserver
}

@test "kubectl: without a server, or without the right, it prints nothing and ends with 1" {
	run -1 --separate-stderr in_still kubectl --server https://127.0.0.1:1 get --raw /api/v1/pods
	[ -z "$output" ]
	run -1 --separate-stderr in_still kubectl --token nobody get --raw /api/v1/pods
	[ -z "$output" ]
	run -1 --separate-stderr in_still kubectl get --raw /api/v1/podz
	[ -z "$output" ]
}
