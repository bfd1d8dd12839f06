# clb-run --kube against a real control plane (see kube/cluster.sh): what is hard to
# time with collectors that really run, as they do in kube-fleet.bats. There is no
# kubelet: ready says that pods are. make check-k8s runs this.
load helpers
bats_require_minimum_version 1.5.0

setup_file() {
	kube=$BATS_TEST_DIRNAME/kube
	plane=$BATS_FILE_TMPDIR/plane
	export kube plane
	"$kube/cluster.sh" up "$plane" statefulset,garbagecollector
	inside kubectl apply -f "$CLB_ROOT/k8s/crd.yaml"
	inside kubectl wait --for condition=established crd/collectorloadbalancers.clb.dev
}

teardown_file() {
	"$kube/cluster.sh" down "$plane"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	ns=t$BATS_TEST_NUMBER
	running=
	inside kubectl create namespace "$ns"
	seq -f "'10.0.0.%g:80'" 12 | paste -sd , >targets
}

teardown() {
	[ -n "$BATS_TEST_COMPLETED" ] || explain
	for p in $running; do
		inside kill -KILL "$p" 2>/dev/null || :
	done
}

# explain: what there is to know of a failure.
explain() {
	k get clb,sts,ds,pods -o wide
	k get clb -o jsonpath='{range .items[*].status.conditions[*]}{.type}={.status} {.reason} {.message}{"\n"}{end}'
	tail -n 5 state/mirror/changes
	cat log
}

# inside CMD...: in the cluster.
inside() {
	"$kube/cluster.sh" in "$plane" "$@"
}

k() {
	inside kubectl -n "$ns" "$@"
}

# resource [SPEC...]: apply it, with these lines of the spec.
resource() {
	{
		cat <<-END
		apiVersion: clb.dev/v1
		kind: CollectorLoadBalancer
		metadata: {name: x}
		spec:
		  config:
		    inline: |
		      scrape_configs:
		      - job_name: node
		        static_configs:
		        - targets: [$(cat targets)]
		  template:
		    spec:
		      containers:
		      - {name: prometheus, image: prometheus, ports: [{name: http, containerPort: 9090}]}
		END
		for line; do
			printf '  %s\n' "$line"
		done
	} >resource.yaml
	k apply -f resource.yaml
}

# background CMD...: in the cluster; its process id is in $pid.
background() {
	rm -f pid
	# shellcheck disable=SC2016 # expands inside
	inside sh -c 'echo $$ >pid; exec "$@"' sh "$@" >>log 2>&1 3>&- &
	until [ -s pid ]; do sleep 0.1; done
	pid=$(cat pid)
	running="$running $pid"
}

run_it() {
	background clb-run --kube "$ns/x" --state state --tree tree --settle 0 --access-log access.log "$@"
}

# ready N: so many pods are there, and all run and are ready.
ready() {
	within 30 pods "$1"
	inside "$kube/kubelet.sh" "$ns" 10.3.0.
}

pods() {
	[ "$(k get pods -o name | wc -l)" -eq "$1" ]
}

# readiness POD STATUS: what its kubelet would say.
readiness() {
	k get pod "$1" -o json | jq --arg status "$2" '.status.conditions[0].status = $status' >pod.json
	k replace --raw "/api/v1/namespaces/$ns/pods/$1/status" -f pod.json
}

# spread COLLECTOR=TARGETS...: what is published of the job node.
spread() {
	[ "$(for f in tree/sd/*/node.json; do
		[ ! -e "$f" ] || echo "$(basename "$(dirname "$f")")=$(jq 'map(.targets[]) | length' "$f")"
	done | tr '\n' ' ')" = "$* " ]
}

# condition TYPE STATUS REASON
condition() {
	k get clb x -o json | jq -e --arg type "$1" --arg status "$2" --arg reason "$3" \
	    '.status.conditions[] | select(.type == $type) | .status == $status and .reason == $reason'
}

replicas() {
	[ "$(k get sts x -o jsonpath='{.spec.replicas}')" = "$1" ]
}

@test "a resource becomes a StatefulSet, a ConfigMap and a Service, and deleting it removes them" {
	resource 'replicas: 2'
	run_it
	ready 2
	within 20 spread x-0=6 x-1=6
	within 10 condition Ready True AllReady
	for object in sts/x cm/x-config svc/x; do
		[ "$(k get "$object" -o jsonpath='{.metadata.ownerReferences[0].kind}/{.metadata.ownerReferences[0].name}')" = CollectorLoadBalancer/x ]
	done
	k get clb x -o json | jq -e '.status |
	    [.replicas, .readyReplicas, .selector, .targets, .assigned, .unassigned, .dropped, .imbalance] ==
	    [2, 2, "clb.dev/name=x", 12, 12, 0, 0, "1"] and .observedGeneration == 1 and (.lastSyncTime | fromdate > 0)'
	k get cm x-config -o jsonpath='{.data.collector\.yml}' >collector.yml
	grep -q file_sd_configs collector.yml
	k get sts x -o json >sts.json
	jq -e '.spec.template.metadata.annotations["clb.dev/config-hash"] == null and
	    [.spec.template.spec.containers[].name] == ["prometheus", "clb-agent"]' sts.json
	k delete clb x --wait=false --cascade=foreground
	within 20 eval '! inside kill -0 "$pid"'
	within 30 eval '[ -z "$(k get sts,cm,svc -l clb.dev/name=x -o name)" ]'
}

@test "kubectl scale: up, pods first; down, targets first, and what goes waits for those who take over" {
	resource 'replicas: 1' 'drainTimeout: 300s'
	: >access.log
	run_it
	ready 1
	within 20 spread x-0=12
	k scale clb/x --replicas=3
	within 20 pods 3
	ready 3
	within 20 spread x-0=4 x-1=4 x-2=4
	k scale clb/x --replicas=2
	within 20 spread x-0=6 x-1=6 x-2=0
	within 10 condition Ready False Draining
	sleep 2
	replicas 3
	for c in x-0 x-1; do
		printf '{"uri":"/%s/x/sd/%s/node.json","status":200,"collector":"%s","job":"node","file_time":"%s"}\n' \
		    "$ns" "$c" "$c" "$(date -u -r tree/sd/$c/node.json '+%a, %d %b %Y %H:%M:%S GMT')"
	done >>access.log
	within 10 replicas 2
	within 20 condition Ready True AllReady
	k get events -o json | jq -e 'any(.items[]; .reason == "Scaled" and .message == "from 3 to 2 collectors")'
}

@test "a pod that is not ready keeps its targets for a while, one that is deleted loses them at once" {
	resource 'replicas: 3' 'notReadyGrace: 4s'
	run_it
	ready 3
	within 20 spread x-0=4 x-1=4 x-2=4
	readiness x-1 False
	sleep 2
	spread x-0=4 x-1=4 x-2=4
	within 20 spread x-0=6 x-1=0 x-2=6
	readiness x-1 True
	within 20 spread x-0=4 x-1=4 x-2=4
	k patch pod x-1 --type merge -p '{"metadata":{"finalizers":["example.com/held"]}}'
	k delete pod x-1 --wait=false
	within 10 spread x-0=6 x-1=0 x-2=6
	k patch pod x-1 --type merge -p '{"metadata":{"finalizers":null}}'
}

@test "killed and started again, it moves no target and reads all anew" {
	resource 'replicas: 3'
	run_it
	ready 3
	within 20 condition Ready True AllReady
	sort state/assignment.jsonl >before
	for n in 1 2 3; do
		inside kill -KILL "$pid"
		run_it
		sleep "0.$((n * 3))"
	done
	sed -i "s/'10.0.0.9:80',//" resource.yaml
	k apply -f resource.yaml
	within 20 eval '[ "$(wc -l <state/assignment.jsonl)" -eq 11 ]'
	grep -vF 10.0.0.9: before | cmp - <(sort state/assignment.jsonl)
}

@test "a drop of too many targets is held, and a configuration that no ConfigMap can hold is refused" {
	resource 'replicas: 1'
	run_it
	ready 1
	within 20 condition Ready True AllReady
	cp targets all
	echo "'10.0.0.1:80'" >targets
	resource 'replicas: 1'
	within 20 condition Degraded True DropHeld
	spread x-0=12
	k get events -o json | jq -e 'any(.items[]; .reason == "DropHeld" and (.message | contains("maxDrop")))'
	mv all targets
	resource 'replicas: 1'
	within 20 condition Degraded False AsExpected
	# Near the limit it is as it is; rewritten, it is over it.
	{
		printf 'scrape_configs:\n'
		seq 14000 | sed 's/.*/- {job_name: j&, static_configs: [{targets: [h&]}]}/'
	} >prometheus.yml
	k create configmap mine --from-file=prometheus.yml
	k patch clb x --type merge -p '{"spec":{"config":{"inline":null,"configMap":{"name":"mine"}}}}'
	within 20 condition Degraded True ConfigTooLarge
	k get cm x-config -o yaml | grep -q 'job_name: node'
	spread x-0=12
}

@test "a resource that is wrong from the beginning says so, and nothing is made of it" {
	resource
	sed -i 's/job_name: node/job_nam: node/' resource.yaml
	k apply -f resource.yaml
	run_it
	within 20 condition Degraded True ConfigInvalid
	condition Discovered False ConfigInvalid
	[ -z "$(k get sts,cm,svc -l clb.dev/name=x -o name)" ]
	sed -i 's/job_nam: node/job_name: node/' resource.yaml
	k apply -f resource.yaml
	within 20 k get sts x
}
