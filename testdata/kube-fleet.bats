# The balancer in a cluster, end to end: k8s/ is installed on a real control plane, and
# what its pods and the collectors' run is real, but for the nodes (kube/nodes.sh). At
# each rest, the active targets of all collectors together are those of one Prometheus
# that discovers for itself: 2.53 or 3.5, since Debian's 2.42 has no Kubernetes.
load helpers
bats_require_minimum_version 1.5.0

setup_file() {
	kube=$BATS_TEST_DIRNAME/kube
	plane=$BATS_FILE_TMPDIR/plane
	# The image's kubectl; Debian 12's is older than k8s/kustomization.yaml.
	PATH=${CLB_TESTS:-$CLB_ROOT/build/tests}/kubectl/usr/bin:$PATH
	export kube plane PATH
	"$kube/cluster.sh" up "$plane" statefulset,daemonset,deployment,replicaset,job,cronjob,endpoint,endpointslice,horizontalpodautoscaling,garbagecollector,serviceaccount,namespace
	inside "$kube/nodes.sh" up "$plane" >"$plane/nodes.log" 2>&1 3>&- &
	k apply -f "$kube/fleet/nodes.yaml"
	# Nobody else tells that they are ready.
	k taint nodes --all node.kubernetes.io/not-ready:NoSchedule-
	k apply -k "$CLB_ROOT/k8s"
	k wait --for=condition=established crd/collectorloadbalancers.clb.dev

	for ns in shop fleet oracle; do
		k create namespace "$ns"
	done
	k create configmap -n fleet prometheus --from-file="$kube/fleet/prometheus.yml"
	# What is in the shop: 30 pods behind two Services.
	for n in $(seq 30); do
		pod shop "web-$n" "app: web"
	done | k create -f -
	inside "$kube/kubelet.sh" shop 10.2.0.
	for s in web extra; do
		service shop "$s" web
	done | k create -f -
	sample=$(k create --dry-run=client -o json -f "$CLB_ROOT/k8s/samples/manual.yaml" |
		jq -r 'select(.kind == "CollectorLoadBalancer").spec.config.inline')
	oracle sample 3.5 "$sample"
	oracle shop 2.53 "$(cat "$kube/fleet/prometheus.yml")"
	k wait -n clb-system --for=condition=available deployment/clb --timeout=180s
}

teardown_file() {
	"$kube/cluster.sh" down "$plane"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	relaxed=
}

teardown() {
	[ -n "$BATS_TEST_COMPLETED" ] || explain
	[ -z "$relaxed" ] || k apply -f "$CLB_ROOT/k8s/crd.yaml"
}

# inside CMD..., k ARG...: in the cluster, and its kubectl.
inside() {
	"$kube/cluster.sh" in "$plane" "$@"
}

k() {
	inside kubectl "$@"
}

# explain: what there is to know of a failure.
explain() {
	k get clb,sts,ds,pods -A -o wide | grep -v ' virtual '
	k get clb -A -o json | jq -c '.items[] | .metadata.name, .status'
	tail -n 25 "$plane"/nodes/clb-system.clb-*/supervisor.log
}

# pod NAMESPACE NAME 'LABEL: VALUE' [ADDRESS]: one of the virtual node's.
pod() {
	cat <<-END
	---
	apiVersion: v1
	kind: Pod
	metadata: {name: $2, namespace: $1, labels: {$3}, annotations: {prometheus.io/scrape: "true", prometheus.io/port: "9100"}}
	spec: {nodeName: virtual, containers: [{name: c, image: exporter, ports: [{name: metrics, containerPort: 9100}]}]}
	END
}

# service NAMESPACE NAME APP
service() {
	cat <<-END
	---
	apiVersion: v1
	kind: Service
	metadata: {name: $2, namespace: $1}
	spec: {selector: {app: $3}, ports: [{name: metrics, port: 9100}]}
	END
}

# oracle NAME VERSION CONFIG: one Prometheus that has it all.
oracle() {
	printf '%s' "$3" >"$BATS_FILE_TMPDIR/$1.yml"
	k create configmap -n oracle "$1" --from-file=prometheus.yml="$BATS_FILE_TMPDIR/$1.yml"
	sed "s/NAME/$1/g; s/VERSION/$2.0/g" "$kube/fleet/oracle.yaml" | k apply -f -
}

# fleet NAME [JQ]: make one, as fleet/clb.yaml and the jq program say.
fleet() {
	sed "s/NAME/$1/g" "$kube/fleet/clb.yaml" | k create --dry-run=client -o json -f - |
		jq "${2:-.}" | k apply -f -
}

# spec NAME JSON: change it.
spec() {
	k patch -n "${3:-fleet}" clb "$1" --type=merge -p "{\"spec\":$2}"
}

# ready NAME N [NAMESPACE]: the balancer has acted on what is asked for, and all of N
# collectors are ready.
ready() {
	k get -n "${3:-fleet}" clb "$1" -o json | jq -e --argjson n "$2" '
		.metadata.generation == .status.observedGeneration and .status.readyReplicas == $n and
		.status.replicas == $n and
		any(.status.conditions[]; .type == "Ready" and .status == "True")'
}

# same NAME ORACLE [NAMESPACE]: together the collectors have what the one has.
same() {
	inside "$kube/active.sh" oracle "oracle=$2" >one
	inside "$kube/active.sh" "${3:-fleet}" "clb.dev/name=$1" >many
	[ -s one ]
	diff one many
}

# one_has TEXT, one_has_not TEXT: of the Prometheus that has all of the shop. What has
# just been changed neither of the two need have seen.
one_has() {
	inside "$kube/active.sh" oracle oracle=shop | grep -qF "$1"
}

one_has_not() {
	inside "$kube/active.sh" oracle oracle=shop >one && [ -s one ] && [ "$(grep -cF "$1" one)" -eq 0 ]
}

# at_rest NAME N [ORACLE [NAMESPACE]]: within a minute, ready, and the same as one.
at_rest() {
	within 60 ready "$1" "$2" "${4-}"
	within 40 same "$1" "${3:-shop}" "${4-}"
}

# spread NAME: how many targets each collector has, as "NAME:N NAME:N".
spread() {
	tree=$(balancer_volume)/tree/${2:-fleet}/$1/sd
	for d in "$tree"/*/; do
		echo "$(basename "$d"):$(cat "$d"/*.json | jq -s '[.[][].targets[]] | length')"
	done | paste -sd ' '
}

balancer_volume() {
	echo "$plane/nodes/claims/clb-system.clb-state"
}

# condition NAME TYPE STATUS REASON [TEXT]: it is so, and its message has the text.
condition() {
	k get -n fleet clb "$1" -o json | jq -e --arg type "$2" --arg status "$3" --arg reason "$4" --arg text "${5-}" '
		any(.status.conditions[]; .type == $type and .status == $status and .reason == $reason and
			(.message | contains($text)))'
}

# gone NAME: nothing is left of a fleet.
gone() {
	[ -z "$(k get -n fleet clb,sts,ds,svc,cm,pods,controllerrevisions,endpoints -o name |
		grep -E "/$1(-|\$)")" ]
	[ ! -e "$(balancer_volume)/tree/fleet/$1" ]
	[ ! -e "$(balancer_volume)/state/fleet/$1" ]
}

# delete NAME...: and see that nothing is left.
delete() {
	k delete -n fleet clb "$@" >/dev/null
	for f; do
		within 30 gone "$f"
	done
}

# ---- what is installed ----

@test "kubectl apply -k k8s installs a balancer that becomes ready, and applying again changes nothing" {
	k apply -k "$CLB_ROOT/k8s" --dry-run=server >applied
	[ "$(wc -l <applied)" -ge 12 ]
	grep -vE ' unchanged .*server dry run' applied && return 1
	k get -n clb-system pods -o json | jq -e '.items | length == 1 and (.[0].status.containerStatuses | length == 2 and all(.ready))'
}

@test "the samples are accepted by the server, and it knows every field" {
	k create namespace monitoring 2>/dev/null || :
	for f in "$CLB_ROOT"/k8s/samples/*.yaml; do
		# 1.20 has CronJobs as v1beta1; the fields are the same.
		sed '/^apiVersion: batch\/v1$/s/v1$/v1beta1/' "$f" >sample.yaml
		k apply -f sample.yaml --dry-run=server --validate=true >/dev/null
		k create --dry-run=client -o json -f sample.yaml | jq -c 'select(.kind == "CollectorLoadBalancer")' >asked
		[ -s asked ] || continue
		k create --dry-run=server -o json -f asked >answered
		# All that was asked for is in the answer.
		jq -es 'def within($a): . as $b | if type == "object" and ($a | type) == "object" then
				all(keys[]; . as $k | $b[$k] | within($a[$k]))
			else . == $a end;
			.[1].spec as $answered | .[0].spec | within($answered)' asked answered
	done
}

@test "the schema refuses what cannot be, and says where" {
	cat >wrong <<-'END'
	spec.strategy	.spec.strategy = "random"
	spec.fallback	.spec.fallback = "per-node"
	spec.replicas	.spec.replicas = -1
	spec.replicas	.spec.replicas = 1.5
	spec.workload	.spec.workload = "Deployment"
	spec.delivery	.spec.delivery = "push"
	spec.collector	.spec.collector = "grafana"
	spec.interval	.spec.interval = "0s"
	spec.drainTimeout	.spec.drainTimeout = "soon"
	spec.maxDrop	.spec.maxDrop = "101%"
	spec.compat	.spec.compat = "1.8"
	spec.tolerance	.spec.tolerance = 2
	spec.replication	.spec.replication = 0
	spec.balancerURL	.spec.balancerURL = "ftp://x"
	spec.autoscale.maxReplicas	.spec.autoscale = {targetsPerReplica: 5}
	spec.autoscale	.spec.autoscale = {maxReplicas: 5}
	spec.config	.spec.config = {}
	spec.config	.spec.config.inline = "a"
	spec.config.configMap.name	.spec.config.configMap = {}
	spec.template.spec.containers	.spec.template.spec.containers = []
	spec.template	del(.spec.template)
	metadata.name	.metadata.name = "0a"
	metadata.name	.metadata.name = "a" * 53
	END
	k create --dry-run=client -o json -f "$kube/fleet/clb.yaml" --validate=false >good
	n=0
	while IFS=$'\t' read -r path change; do
		jq -c ".metadata.name = \"wrong-$((n += 1))\" | $change" good
	done <wrong >objects
	k create --validate=false -f objects >made 2>refusals && return 1
	[ ! -s made ]
	n=0
	while IFS=$'\t' read -r path change; do
		n=$((n + 1))
		if [ "$path" = metadata.name ]; then continue; fi
		grep -F "\"wrong-$n\" is invalid" refusals >refusal || { echo "taken: $change"; return 1; }
		grep -qF "$path" refusal || { cat refusal; return 1; }
	done <wrong
	grep -qE '"0a" is invalid: .*metadata.name' refusals
	grep -qE '"a{53}" is invalid: .*metadata.name' refusals
}

@test "what is not given has the defaults of the pages" {
	fleet defaults '.spec |= {config: {inline: "a"}, template, autoscale: {maxReplicas: 3, targetsPerReplica: 1}}' >/dev/null
	k get -n fleet clb defaults -o json | jq -e '.spec | del(.template) == {
		replicas: 1, strategy: "least-weighted", tolerance: 0.05, replication: 1, maxDrop: "50%",
		compat: "3", interval: "30s", collector: "prometheus", workload: "StatefulSet",
		delivery: "agent", config: {inline: "a"}, drainTimeout: "60s", notReadyGrace: "30s",
		allowInlineSecrets: false,
		autoscale: {minReplicas: 1, maxReplicas: 3, targetsPerReplica: 1, tolerance: 0.1}}'
	delete defaults
}

# ---- README's steps ----

@test "as README has it: a sample is applied, scaled to five, to one, and autoscaled; at each rest it is as one Prometheus" {
	k apply -f "$CLB_ROOT/k8s/samples/manual.yaml"
	at_rest pods 3 sample monitoring

	k get -n monitoring clb >columns
	head -n 1 columns | tr -s ' ' | grep -qx 'NAME DESIRED READY TARGETS UNASSIGNED IMBALANCE OK REASON AGE'
	tail -n 1 columns | tr -s ' ' | grep -qE '^pods 3 3 [0-9]+ 0 1[0-9.]* True AllReady [0-9ms]+$'
	k get -n monitoring clb -o wide | head -n 1 | tr -s ' ' |
	    grep -qx 'NAME DESIRED READY TARGETS UNASSIGNED IMBALANCE OK REASON AGE STRATEGY COLLECTOR WORKLOAD ASSIGNED DROPPED SYNCED MESSAGE'

	k scale -n monitoring clb/pods --replicas=5
	at_rest pods 5 sample monitoring
	k scale -n monitoring clb/pods --replicas=1
	at_rest pods 1 sample monitoring
	[ "$(k get -n monitoring pods -o name | wc -l)" -eq 1 ]

	# The autoscaling sample has room for all on its least number of collectors: two.
	k apply -f "$CLB_ROOT/k8s/samples/autoscale.yaml"
	at_rest pods 2 sample monitoring
	# And with ten for each, it takes three.
	k patch -n monitoring clb pods --type=merge -p '{"spec":{"autoscale":{"targetsPerReplica":10}}}'
	at_rest pods 3 sample monitoring
	k get -n monitoring events -o json | jq -e '[.items[] | select(.reason == "Scaled")] | length >= 4'
}

@test "Prometheuses and vmagents that ask the balancer over HTTP have what one Prometheus has" {
	k apply -f "$CLB_ROOT/k8s/samples/vmagent.yaml"
	k apply -f "$CLB_ROOT/k8s/samples/manual.yaml"
	k patch -n monitoring clb pods --type=merge -p '{"spec":{"delivery":"http","replicas":2,"autoscale":null}}'
	at_rest pods 2 sample monitoring
	run ! grep -r clb-agent "$plane"/nodes/monitoring.pods-0/containers
	within 60 ready vmagent 3 monitoring
	within 40 same_urls
	k delete namespace monitoring --wait=false
}

# same_urls: the vmagents of the sample scrape what one Prometheus scrapes, with its
# labels; intervals they do not tell.
same_urls() {
	inside "$kube/active.sh" oracle oracle=sample | jq -c '{pool, labels, url}' >one
	inside "$kube/active.sh" monitoring clb.dev/name=vmagent 8429 | jq -c '{pool, labels, url}' >many
	[ -s one ]
	diff one many
}

# ---- what comes and goes ----

@test "targets come and go: pods, services and endpoints" {
	fleet comes
	at_rest comes 2
	for n in 41 42 43; do
		pod shop "web-$n" "app: web"
	done | k create -f -
	inside "$kube/kubelet.sh" shop 10.2.0.
	service shop more web | k create -f -
	within 30 one_has '"more"'
	at_rest comes 2
	k delete -n shop service more
	k delete -n shop pod web-41 web-42 web-43 --grace-period=0 --force 2>/dev/null
	cat <<-END | k create -f -
	apiVersion: v1
	kind: Service
	metadata: {name: outside, namespace: shop}
	spec: {ports: [{port: 9100}]}
	---
	apiVersion: v1
	kind: Endpoints
	metadata: {name: outside, namespace: shop}
	subsets: [{addresses: [{ip: 10.2.9.1}, {ip: 10.2.9.2}], ports: [{port: 9100}]}]
	END
	within 30 one_has 10.2.9.2
	at_rest comes 2
	grep -q 10.2.9.2 many
	k delete -n shop service outside # and its Endpoints go, too
	within 30 one_has_not 10.2.9
	at_rest comes 2
	run ! grep -q 10.2.9 many
	k delete -n fleet clb comes --wait=false
}

# kill_container POD CONTAINER: with KILL, in the namespace "fleet".
kill_container() {
	inside sh -c 'kill -9 $(cat /proc/$(cat "$0")/task/$(cat "$0")/children)' \
	    "$plane/nodes/fleet.$1/$2.pid"
}

# targets_of_pod POD: how many active ones it has.
targets_of_pod() {
	inside curl -sf "http://$(cat "$plane/nodes/fleet.$1/address"):9090/api/v1/targets?state=active" |
	    jq '.data.activeTargets | length'
}

@test "a collector that is killed has its share again; one whose pod is deleted, too; an agent killed changes nothing" {
	fleet killed
	at_rest killed 2
	spread killed >before
	kill_container killed-1 prometheus
	sleep 1
	at_rest killed 2
	spread killed | diff before -
	kill_container killed-0 clb-agent
	sleep 1
	at_rest killed 2
	spread killed | diff before -
	k delete -n fleet pod killed-1
	at_rest killed 2
	k delete -n fleet clb killed --wait=false
}

@test "a node is drained: what its collector had moves, the rest makes up for it when that is back: each target once" {
	fleet drained '.spec.replicas = 3'
	at_rest drained 3
	owners drained >before
	node=$(k get -n fleet pod drained-1 -o json | jq -r .spec.nodeName)
	k drain "$node" --ignore-daemonsets --delete-emptydir-data --force --disable-eviction=false \
	    --pod-selector=clb.dev/name=drained >/dev/null 2>&1
	within 30 elsewhere drained-1 "$node"
	k uncordon "$node"
	at_rest drained 3
	# The turns of the drain are those since then; what it had, it has lost in the first.
	owners drained >after
	jq -n --slurpfile before before --slurpfile after after '
		($before | map({(.id): .}) | add) as $was | ([$before[].moved] | max) as $turn |
		{turns: ([$after[].moved] | unique | map(select(. > $turn))),
		moved: ([$after[] | select(.moved > $turn)] | length),
		stayed: ([$after[] | select(.collector == $was[.id].collector)] | length),
		lost: ([$after[] | select($was[.id].collector == "drained-1" and .moved == $turn + 1)] | length),
		had: ([$before[] | select(.collector == "drained-1")] | length),
		again: ([$after[] | select($was[.id].collector == "drained-1" and .collector == "drained-1")] | length),
		all: ($after | length)}' >turns
	cat turns
	jq -e '(.turns | length) == 2 and .lost == .had and .again == 0 and .moved + .stayed == .all' turns
	k delete -n fleet clb drained --wait=false
}

# owners NAME: who has which target, and which turn moved it there.
owners() {
	jq -c '{id: "\(.job) \(.id)", collector, moved: (.moved // 0)}' "$(balancer_volume)/state/fleet/$1/assignment.jsonl"
}

elsewhere() {
	k get -n fleet pod "$1" -o json | jq -e --arg node "$2" '.spec.nodeName != $node'
}

@test "a pod that never becomes ready gets no target, and the rest have all" {
	fleet halting
	at_rest halting 2
	inside touch "$plane/nodes/unready/fleet.halting-2"
	spec halting '{"replicas": 3}'
	within 20 condition halting Ready False WaitingForPods '2 of 3'
	within 20 same halting shop
	[ "$(targets_of_pod halting-2)" -eq 0 ]
	# One that was ready and is not any more loses them, after a while.
	inside touch "$plane/nodes/unready/fleet.halting-1"
	within 30 share_is halting halting-1 0
	inside rm "$plane/nodes/unready/fleet.halting-1" "$plane/nodes/unready/fleet.halting-2"
	at_rest halting 3
	k delete -n fleet clb halting --wait=false
}

# share_is NAME COLLECTOR N: it has N targets in the tree.
share_is() {
	[ "$(cat "$(balancer_volume)/tree/fleet/$1/sd/$2"/*.json | jq -s '[.[][].targets[]] | length')" -eq "$3" ]
}

# ---- what is asked for changes ----

@test "another configuration is rolled out without a restart, another template with one, another strategy moves targets" {
	fleet changing
	at_rest changing 2
	k get -n fleet pods -l clb.dev/name=changing -o json | jq -S '[.items[].metadata.uid]' >pods
	sed 's/target_label: app}/target_label: application}/' "$kube/fleet/prometheus.yml" >prometheus.yml
	k create configmap -n fleet changed --from-file=prometheus.yml
	oracle changed 2.53 "$(cat prometheus.yml)"
	spec changing '{"config": {"configMap": {"name": "changed"}}}'
	at_rest changing 2 changed
	grep -q '"application":"web"' many
	k get -n fleet pods -l clb.dev/name=changing -o json | jq -S '[.items[].metadata.uid]' | diff pods -
	# The ConfigMap itself changes.
	k create configmap -n fleet changed --from-file="$kube/fleet/prometheus.yml" --dry-run=client -o yaml | k replace -f -
	at_rest changing 2 shop

	k patch -n fleet clb changing --type=merge -p '{"spec":{"template":{"metadata":{"annotations":{"example.com/turn":"2"}}}}}'
	within 60 annotated changing 2
	at_rest changing 2 shop

	spec changing '{"strategy": "consistent-hashing"}'
	at_rest changing 2 shop
	k delete -n fleet clb changing --wait=false
}

annotated() {
	k get -n fleet pods -l clb.dev/name="$1" -o json | jq -e --arg n "$2" '.items |
		length == 2 and all(.metadata.annotations["example.com/turn"] == $n)'
}

@test "what others do to the managed objects is put right" {
	fleet edited
	at_rest edited 2
	k scale -n fleet sts edited --replicas=4
	k patch -n fleet cm edited-config --type=merge -p '{"data":{"collector.yml":"scrape_configs: []"}}'
	k delete -n fleet service edited
	within 30 as_it_was edited
	at_rest edited 2
	k delete -n fleet clb edited --wait=false
}

as_it_was() {
	k get -n fleet service "$1" >/dev/null &&
	[ "$(k get -n fleet sts "$1" -o json | jq .spec.replicas)" -eq 2 ] &&
	k get -n fleet cm "$1-config" -o json | jq -e '.data["collector.yml"] | contains("job_name")'
}

@test "a DaemonSet with per-node: each collector has what is on its node" {
	fleet daemon '.spec |= (.workload = "DaemonSet" | .strategy = "per-node" | .fallback = "least-weighted" | del(.replicas))'
	at_rest daemon 3
	k delete -n fleet clb daemon --wait=false
}

# ---- what is wrong ----

@test "a bad configuration, a missing ConfigMap and an invalid strategy are told of, and the last good fleet stays" {
	fleet wrong
	at_rest wrong 2
	spread wrong >before
	printf 'scrape_configs:\n- job_name: a\n  relabel_configs: [{action: kep}]\n' >prometheus.yml
	k create configmap -n fleet bad --from-file=prometheus.yml
	spec wrong '{"config": {"configMap": {"name": "bad"}}}'
	within 20 condition wrong Degraded True ConfigInvalid 'prometheus.yml:3:30: unknown relabel action "kep"'
	within 20 same wrong shop
	spec wrong '{"config": {"configMap": {"name": "absent"}}}'
	within 20 condition wrong Degraded True ConfigMissing 'absent'
	within 20 same wrong shop
	# The server refuses an unknown strategy, unless its definition is of another version.
	run spec wrong '{"strategy": "random"}'
	[ "$status" -eq 1 ]
	[[ $output == *spec.strategy* ]]
	relaxed=1
	k patch crd collectorloadbalancers.clb.dev --type=json -p '[{"op": "remove",
		"path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/strategy/enum"}]'
	within 10 spec wrong '{"strategy": "random", "config": {"configMap": {"name": "prometheus"}}}'
	within 20 condition wrong Degraded True SpecInvalid "unknown strategy 'random'"
	within 20 same wrong shop
	spread wrong | diff before -
	k get -n fleet events -o json | jq -e '[.items[] | select(.type == "Warning" and .involvedObject.name == "wrong").reason] |
		contains(["ConfigInvalid", "ConfigMissing", "SpecInvalid"])'
	spec wrong '{"strategy": "least-weighted"}'
	at_rest wrong 2
	condition wrong Degraded False AsExpected
	k delete -n fleet clb wrong --wait=false
}

@test "one bad resource does not stop another" {
	fleet bad '.spec.config = {inline: "scrape_configs: 5"}'
	fleet good
	at_rest good 2
	condition bad Degraded True ConfigInvalid
	k delete -n fleet clb good bad --wait=false
}

# ---- what breaks ----

# lone_pod NAME: one that is in no service. Where a Prometheus before 2.51 hears of an
# endpoint before its pod, as it may when it asks all anew, it never has the pod's name.
lone_pod() {
	pod shop "$1" 'app: lone' | k create -f -
	inside "$kube/kubelet.sh" shop 10.2.0.
}

@test "with the API server away for a minute every collector keeps its targets, and what came meanwhile is found" {
	fleet away
	at_rest away 2
	"$kube/cluster.sh" stop "$plane" apiserver
	began=$SECONDS
	while [ $((SECONDS - began)) -lt 60 ]; do
		[ "$(($(targets_of_pod away-0) + $(targets_of_pod away-1)))" -eq "$(wc -l <one)" ]
		sleep 5
	done
	"$kube/cluster.sh" start "$plane" apiserver
	lone_pod lone-51
	within 60 one_has lone-51
	at_rest away 2
	grep -q lone-51 many
	k delete -n shop pod lone-51 --grace-period=0 --force 2>/dev/null
	k delete -n fleet clb away --wait=false
}

@test "the balancer is killed 50 times at random moments, and no target moves or is lost" {
	fleet often
	at_rest often 2
	spread often >before
	cp "$(balancer_volume)/state/fleet/often/assignment.jsonl" assignment
	supervisor=$(echo "$plane"/nodes/clb-system.clb-*/supervisor.pid)
	killed=0 end=$((SECONDS + 900))
	while [ "$killed" -lt 50 ]; do
		[ "$SECONDS" -lt "$end" ]
		sleep "$((RANDOM % 3)).$((RANDOM % 90 + 10))"
		inside sh -c 'p=$(cat "$0") && kill -9 $(cat /proc/$p/task/$p/children)' "$supervisor" 2>/dev/null || continue
		killed=$((killed + 1))
		[ $((killed % 10)) -ne 0 ] || same often shop
	done
	at_rest often 2
	diff assignment "$(balancer_volume)/state/fleet/often/assignment.jsonl"
	# It still follows.
	spec often '{"replicas": 3}'
	at_rest often 3
	k delete -n fleet clb often --wait=false
}

@test "of two balancers one acts and is asked, and when it is gone the other is" {
	# The second has a volume of its own, as in another zone, say.
	k get -n clb-system deployment clb -o json | jq '.spec.template | .apiVersion = "v1" | .kind = "Pod" |
		.metadata.name = "second" | .metadata.namespace = "clb-system" |
		.spec.volumes |= map(if .name == "state" then {name, emptyDir: {}} else . end)' | k create -f -
	fleet two
	at_rest two 2
	[ "$(holder | wc -l)" -eq 1 ]
	[[ $(holder) == clb-* ]]
	k get -n clb-system pod second -o json | jq -e '.status.containerStatuses | any(.ready | not)'
	k get -n fleet sts two -o json | jq .metadata.generation >generation
	sleep 5
	k get -n fleet sts two -o json | jq .metadata.generation | diff generation -

	k scale -n clb-system deployment clb --replicas=0
	within 30 holds second
	k scale -n fleet clb/two --replicas=3
	at_rest two 3
	k delete -n clb-system pod second
	k scale -n clb-system deployment clb --replicas=1
	within 30 holds clb-
	at_rest two 3
	k delete -n fleet clb two --wait=false
}

holder() {
	k get -n clb-system lease clb -o json | jq -r .spec.holderIdentity
}

# holds NAME...: a balancer whose name begins so has the Lease, and serves.
holds() {
	[[ $(holder) == "$1"* ]] &&
	k get -n clb-system endpoints clb -o json | jq -e --arg name "$1" 'any(.subsets[]?.addresses[]?; .targetRef.name | startswith($name))'
}

@test "a watch that has expired costs nothing" {
	fleet expired
	at_rest expired 2
	"$kube/cluster.sh" stop "$plane" apiserver
	"$kube/cluster.sh" compact "$plane"
	"$kube/cluster.sh" start "$plane" apiserver
	lone_pod lone-61
	within 60 one_has lone-61
	at_rest expired 2
	grep -q lone-61 many
	k delete -n shop pod lone-61 --grace-period=0 --force 2>/dev/null
	k delete -n fleet clb expired --wait=false
}

# ---- scaling ----

@test "kubectl autoscale makes a HorizontalPodAutoscaler that is able to scale it, and autoscaling leaves that alone" {
	fleet scaled '.spec.replicas = 1 | .spec.autoscale = {minReplicas: 1, maxReplicas: 9, targetsPerReplica: 1000}'
	within 60 ready scaled 1
	k autoscale -n fleet clb/scaled --min=2 --max=4
	within 60 able scaled
	at_rest scaled 2
	within 20 sees scaled 2
	k delete -n fleet hpa scaled
	k delete -n fleet clb scaled --wait=false
}

sees() {
	k get -n fleet hpa "$1" -o json | jq -e --argjson n "$2" '.status.currentReplicas == $n'
}

able() {
	k get --raw "/apis/autoscaling/v2beta2/namespaces/fleet/horizontalpodautoscalers/$1" |
	    jq -e 'any(.status.conditions[]?; .type == "AbleToScale" and .status == "True")'
}

@test "kubectl delete clb leaves nothing behind" {
	fleet leaves
	at_rest leaves 2
	delete leaves
}

# ---- rights ----

# alone: the balancer that k8s/ installs, whose rights are for all, is not there.
alone() {
	k scale -n clb-system deployment clb --replicas=0
	within 30 no_balancer
}

no_balancer() {
	[ -z "$(k get -n clb-system pods -o name)" ]
}

@test "the rights are exact: a fleet's life takes each verb on each resource that the roles name, and asks for nothing else" {
	alone
	inside "$kube/rights.sh" "$plane"
	k create --dry-run=client -o json -f "$CLB_ROOT/k8s/rbac.yaml" | jq -r '
		.items[]? // . | select(.kind == "Role" or .kind == "ClusterRole") | .rules[] |
		.resources[] as $r | .verbs[] | "\(.) \($r)"' | sort -u >granted
	asked '"allow"' | sort -u | diff granted -
	[ -z "$(asked '"forbid"')" ]
}

# asked DECISION: "VERB RESOURCE" of each request of the balancer that rights.sh ran. A
# patch that has created takes the right to create, too.
asked() {
	jq -r "select(.user.username == \"system:serviceaccount:rights-0:clb\" and
		.annotations[\"authorization.k8s.io/decision\"] == $1 and .objectRef) |
		(.verb, if .verb == \"patch\" and .responseStatus.code == 201 then \"create\" else empty end) as \$verb |
		\"\(\$verb) \(.objectRef.resource)\(.objectRef.subresource | if . then \"/\" + . else \"\" end)\"" "$plane/audit.log"
}

@test "without any one rule of the roles a fleet's life goes wrong" {
	alone
	rules=$(inside "$kube/rights.sh" count "$plane")
	[ "$rules" -ge 10 ]
	# shellcheck disable=SC2016 # expands in the sh that xargs runs
	seq "$rules" | inside xargs -P 4 -I N sh -c '"$0" "$1" N && echo "not needed: rule N"' \
	    "$kube/rights.sh" "$plane" >said 2>&1 || :
	run ! grep 'not needed' said
	[ "$(grep -c '^without rule' said)" -eq "$rules" ]
}

# ---- the image ----

@test "the image's lines make, of a clean Debian, programs that run as nobody on a read-only file system" {
	"$kube/image.sh" image
	[ "$(cat image/user)" = 65532:65532 ]
	# As the Deployment has it: a volume and /tmp can be written, nothing else.
	cat >try <<-'END'
	set -eu
	[ "$(id -u)" = 65532 ]
	! touch /x /usr/x /etc/x 2>/dev/null
	for p in /usr/bin/clb-*; do
		"$p" --help >/dev/null
		echo "${p##*/}"
	done
	kubectl version --client >/dev/null
	nginx -t -e stderr -c /etc/clb/nginx.conf >/tmp/tested 2>&1
	printf 'scrape_configs: [{job_name: a, static_configs: [{targets: ["h:1", "h:2"]}]}]' >/tmp/prometheus.yml
	clb-run --once --replicas 2 -c /tmp/prometheus.yml --tree /var/lib/clb/tree --state /var/lib/clb/state
	mkdir -p /var/lib/clb/log
	nginx -e stderr -c /etc/clb/nginx.conf -g 'daemon off;' >/var/lib/clb/log/access.log &
	n=50
	until curl -sf http://127.0.0.1:8080/readyz; do
		[ $((n -= 1)) -gt 0 ]
		sleep 0.1
	done
	curl -sf http://127.0.0.1:8080/sd/collector-0/a.json | jq -e '.[0].targets | length == 1'
	END
	unshare --mount --net --pid --fork sh -euc '
		ip link set lo up
		cd image
		mount --bind root root
		mount -o remount,bind,ro root
		mount -t tmpfs -o mode=1777 none root/tmp
		mount -t tmpfs -o mode=777 none root/var/lib/clb
		mount -t proc proc root/proc
		exec chroot --userspec="$(cat user)" --groups= root env -i PATH=/usr/sbin:/usr/bin $(cat env) sh -c "$(cat ../try)"' >programs
	for p in $(sed -n 's/^SCRIPTS = //p' "$CLB_ROOT/Makefile"); do
		grep -qx "$p" programs
	done
	for p in "$CLB_ROOT"/cmd/*.c; do
		grep -qx "$(basename "$p" .c)" programs
	done
	# What the Deployment starts is in there.
	k get -n clb-system deployment clb -o json | jq -r '.spec.template.spec.containers[].command[0]' | while read -r c; do
		chroot image/root sh -c "command -v $c"
	done
	rm -rf image
}
