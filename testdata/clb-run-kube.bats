# What clb-run --kube makes of pods, resources and a web server's log, without a
# cluster; kube-run.bats and kube-fleet.bats have one.
load helpers
bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR"
	share=$CLB_ROOT/scripts/share
	report='{}' last='{}' size=3 cordoned='[]' zones='{}'
}

# pod NAME READY [FILTER]: as the mirror has it.
pod() {
	jq -nc --arg name "$1" --arg ready "$2" "{metadata: {name: \$name,
	    ownerReferences: [{controller: true, kind: \"StatefulSet\", name: \"x\"}]},
	    status: {phase: \"Running\", conditions: [{type: \"Ready\", status: \$ready}]}} | ${3:-.}"
}

# fleet FILTER: of what fleet.jq makes, at the time 1000, of the pods on stdin.
fleet() {
	jq -sc . | jq -c --arg workload StatefulSet --arg name x --argjson size "$size" --argjson grace 30 \
	    --argjson now 1000 --argjson report "[$report]" --argjson last "[$last]" \
	    --argjson cordoned "[$cordoned]" --argjson zones "[$zones]" -f "$share/fleet.jq" | jq -rc "$1"
}

# states: NAME=STATE of the pods on stdin.
states() {
	fleet '[.collectors[] | "\(.name)=\(.state)"] | join(" ")'
}

# had NAME=TARGETS...: what the last assignment gave.
had() {
	report=$(printf '%s\n' "$@" | jq -Rnc '{collectors: [inputs | split("=") | {name: .[0], targets: (.[1] | tonumber)}]}')
}

@test "a new pod is pending until it is ready" {
	[ "$({ pod x-0 True; pod x-1 False; } | states)" = 'x-0=ready x-1=pending' ]
}

@test "a pod that is not ready keeps its targets for the grace, and no longer" {
	had x-0=5 x-1=5
	{ pod x-0 True; pod x-1 False; } >pods
	[ "$(states <pods)" = 'x-0=ready x-1=ready' ]
	[ "$(fleet .unready,.due,.ready <pods)" = '{"x-1":1000}
1030
1' ]
	last='{"unready":{"x-1":971}}'
	[ "$(states <pods)" = 'x-0=ready x-1=ready' ]
	[ "$(fleet .due <pods)" = 1001 ]
	last='{"unready":{"x-1":970}}'
	[ "$(states <pods)" = 'x-0=ready x-1=draining' ]
	[ "$(fleet .due <pods)" = null ]
	# A clock that was set back makes nobody wait for it.
	last='{"unready":{"x-1":5000}}'
	[ "$(fleet .unready <pods)" = '{"x-1":1000}' ]
}

@test "a pod that is being deleted, has failed, is one too many or another's gives up its targets" {
	had x-0=5 x-1=5 x-2=5 x-3=5 y-0=5
	{
		pod x-0 True
		pod x-1 True '.metadata.deletionTimestamp = "2026-01-01T00:00:00Z"'
		pod x-2 True '.status.phase = "Failed"'
		pod x-3 True
		pod x-4 True '.metadata.ownerReferences[0].kind = "DaemonSet"'
	} >pods
	[ "$(states <pods)" = 'x-0=ready x-1=draining x-2=draining x-3=draining x-4=draining' ]
	[ "$(fleet .pods,.ready <pods)" = '5
1' ]
}

@test "another pod by the same name has nothing before it is ready, however quick the deletion was" {
	had x-0=5 x-1=5
	last='{"known":{"x-0":{"uid":"a","node":"n1"},"x-1":{"uid":"b","node":"n2"}}}'
	{ pod x-0 True '.metadata.uid = "a"'; pod x-1 False '.metadata.uid = "c" | .spec.nodeName = "n3"'; } >pods
	[ "$(states <pods)" = 'x-0=ready x-1=draining' ]
	[ "$(fleet '.known["x-1"]' <pods)" = '{"uid":"b","node":"n2"}' ]
	had x-0=10 x-1=0
	[ "$(states <pods)" = 'x-0=ready x-1=pending' ]
	[ "$(fleet '.known["x-1"]' <pods)" = '{"uid":"c","node":"n3"}' ]
	# The same pod keeps them.
	had x-0=5 x-1=5
	[ "$({ head -n 1 pods; pod x-1 False '.metadata.uid = "b"'; } | states)" = 'x-0=ready x-1=ready' ]
}

@test "where nobody is left to take them over, targets stay where they are" {
	had x-0=5 x-1=5
	last='{"unready":{"x-0":1,"x-1":1}}'
	[ "$({ pod x-0 False; pod x-1 False; pod x-2 False; } | states)" = 'x-0=ready x-1=ready x-2=pending' ]
	[ "$(fleet '[.collectors[].name] | tostring' </dev/null)" = '["x-0","x-1"]' ]
	size=0
	[ "$({ pod x-0 True; pod x-1 True; } | states)" = 'x-0=draining x-1=draining' ]
}

@test "from a node that is being drained all collectors' targets go at once" {
	had x-0=5 x-1=5 x-2=5
	cordoned='["n1"]' zones='{"n2":"b"}'
	{
		pod x-0 True '.spec.nodeName = "n1"'
		pod x-1 True '.spec.nodeName = "n1" | .metadata.deletionTimestamp = "2026-01-01T00:00:00Z"'
		pod x-2 True '.spec.nodeName = "n2"'
	} >pods
	[ "$(states <pods)" = 'x-0=draining x-1=draining x-2=ready' ]
	[ "$(fleet '.collectors[2]' <pods)" = '{"name":"x-2","state":"ready","node":"n2","zone":"b"}' ]
	# If that is everybody, they stay.
	cordoned='["n1","n2"]'
	[ "$(states <pods)" = 'x-0=ready x-1=draining x-2=ready' ]
}

@test "a DaemonSet has as many collectors as there are pods" {
	size=null
	[ "$({ pod x-a True; pod x-b True; } | jq -c '.metadata.ownerReferences[0].kind = "StatefulSet"' | states)" = 'x-a=ready x-b=ready' ]
}

# polled STAYING CHANGED <LOG
polled() {
	jq -nRe --arg prefix /n/x/ --arg staying "$1" --arg changed "$2" -f "$share/polled.jq"
}

@test "the log tells whether those that stay have asked for what has changed" {
	changed=$'x-0/node.json\t1795823101.5\nx-1/node.json\t1795823101.5\n'
	line() {
		printf '{"uri":"/%s/sd/%s/node.json","status":%s,"collector":"%s","job":"node","file_time":"%s"}\n' \
		    "$1" "$2" "$3" "$2" "$4"
	}
	now='Fri, 27 Nov 2026 23:45:01 GMT'
	{ line n/x x-0 200 "$now"; line n/x x-1 304 "$now"; } >log
	polled $'x-0\nx-1' "$changed" <log
	polled x-0 "$changed" < <(head -n 1 log)
	run -1 polled $'x-0\nx-1' "$changed" < <(head -n 1 log)
	for bad in "n/y x-1 200 $now" "n/x x-1 500 $now" "n/x x-2 200 $now" 'n/x x-1 200 Fri, 27 Nov 2026 23:45:00 GMT'; do
		read -r tree collector status time <<<"$bad"
		{ head -n 1 log; line "$tree" "$collector" "$status" "$time"; echo '{"cut sh'; } >other
		run -1 polled $'x-0\nx-1' "$changed" <other
	done
	polled x-0 '' </dev/null
}

# objects RESOURCE [HASH]: what workload.jq makes of it.
objects() {
	jq -c --arg config c --arg hash "${2-}" --argjson size 2 --arg image clb:1 --arg url http://b/n/x \
	    -f "$share/workload.jq" <<<"$1"
}

resource='{"metadata":{"name":"x","namespace":"n","uid":"u"},"spec":{"template":{"metadata":{"labels":{"mine":"1"}},
    "spec":{"containers":[{"name":"c","ports":[{"name":"web","containerPort":9999}],"env":[{"name":"POD_NAME","value":"own"}]},
    {"name":"other","ports":[{"containerPort":1}]}]}}}}'

@test "a template keeps what it has, and gets what delivery needs" {
	objects "$resource" >made
	jq -se 'map(.kind) == ["ConfigMap", "Service", "StatefulSet"]' made
	jq -se '.[1].spec.ports == [{name: "web", port: 9999, targetPort: 9999, protocol: "TCP"}]' made
	jq -se '.[2].spec | .replicas == 2 and .selector.matchLabels == {"clb.dev/name": "x"} and (.template |
	    .metadata == {labels: {mine: "1", "clb.dev/name": "x", "app.kubernetes.io/managed-by": "clb"}} and
	    [.spec.containers[].name] == ["c", "other", "clb-agent"] and
	    [.spec.containers[].ports[]?.protocol] == ["TCP", "TCP"] and
	    .spec.containers[0].env == [{name: "POD_NAME", value: "own"}] and
	    (.spec.containers[2].command | index("http://127.0.0.1:9999/-/reload")) and
	    .spec.containers[2].image == "clb:1" and
	    [.spec.initContainers[].name] == ["clb-config"])' made
}

@test "without an agent the configuration's hash is in the template, and only Prometheus needs a copy" {
	objects "$(jq -c '.spec.delivery = "http"' <<<"$resource")" abc >made
	jq -se '.[2].spec.template | .metadata.annotations == {"clb.dev/config-hash": "abc"} and
	    [.spec.containers[].name] == ["c", "other"] and [.spec.initContainers[].name] == ["clb-config"]' made
	objects "$(jq -c '.spec.delivery = "http" | .spec.collector = "vmagent"' <<<"$resource")" abc >made
	jq -se '.[2].spec.template.spec | .initContainers == null and
	    .containers[0].volumeMounts == [{name: "clb-config", mountPath: "/etc/clb", readOnly: true}]' made
	objects "$(jq -c '.spec.workload = "DaemonSet"' <<<"$resource")" >made
	jq -se '.[2] | .kind == "DaemonSet" and (.spec | has("replicas") | not)' made
}

# status FILTER ARG...: of the status that status.jq makes, at the time "now".
status() {
	local filter=$1

	shift
	jq -c "$@" --arg now now --argjson trouble null --argjson discovery null --argjson observed 7 \
	    --argjson fleet '[{"pods":2,"ready":2}]' --argjson dropped 1 --argjson size 2 --argjson draining false \
	    --argjson tolerance 0.05 --arg synced '' --argjson report "${report_of:-[]}" \
	    -f "$share/status.jq" <<<"${before:-$resource}" | jq -rc ".status | $filter"
}

@test "conditions say what is so, why, and since when" {
	all='.conditions | map("\(.type)=\(.status) \(.reason)") | join(", ")'
	report_of='[{"targets":9,"assigned":9,"unassigned":{},"imbalance":1.041,"floor":1}]'
	[ "$(status "$all")" = 'Ready=True AllReady, Discovered=True Complete, Balanced=True WithinTolerance, Degraded=False AsExpected' ]
	[ "$(status '[.replicas, .readyReplicas, .targets, .assigned, .unassigned, .dropped, .imbalance, .observedGeneration]')" = \
	    '[2,2,9,9,0,1,"1.04",7]' ]
	report_of='[{"targets":9,"assigned":7,"unassigned":{"a":2},"imbalance":1.2,"floor":1}]'
	[ "$(status "$all" --argjson size 3)" = 'Ready=False WaitingForPods, Discovered=True Complete, Balanced=False Unassigned, Degraded=False AsExpected' ]
	report_of='[{"targets":9,"assigned":9,"unassigned":{},"imbalance":1.2,"floor":1}]'
	[ "$(status "$all" --argjson draining true)" = 'Ready=False Draining, Discovered=True Complete, Balanced=False Imbalanced, Degraded=False AsExpected' ]
	trouble='{"reason":"ConfigInvalid","message":"prometheus.yml:3:5: x"}'
	[ "$(status "$all" --argjson trouble "$trouble" --argjson discovery "$trouble")" = \
	    'Ready=False ConfigInvalid, Discovered=False ConfigInvalid, Balanced=False Imbalanced, Degraded=True ConfigInvalid' ]
	before=$(jq -c '.status.conditions = [{type: "Ready", status: "True", lastTransitionTime: "then"},
	    {type: "Degraded", status: "True", lastTransitionTime: "then"}]' <<<"$resource")
	[ "$(status '[.conditions[].lastTransitionTime]')" = '["then","now","now","now"]' ]
}

@test "what is in a mirror is its list, and what its log says since" {
	cat >list <<-'END'
		{"kind":"Pod","resourceVersion":"7","stream":"pods","version":1}
		{"metadata":{"name":"a","namespace":"n"},"v":1}
		{"metadata":{"name":"b","namespace":"n"},"v":1}
		{"end":2}
	END
	cat >log <<-'END'
		{"list":"7","version":1}
		{"object":{"metadata":{"name":"a","namespace":"n"},"v":2},"resourceVersion":"8","type":"MODIFIED"}
		{"key":"n/b","resourceVersion":"9","type":"DELETED"}
		{"resourceVersion":"10","type":"BOOKMARK"}
	END
	[ "$(jq -nc -f "$share/mirror.jq" list log | jq -c 'map([.metadata.name, .v])')" = '[["a",2]]' ]
	# The log of another list is none.
	sed -i 's/"list":"7"/"list":"6"/' log
	[ "$(jq -nc -f "$share/mirror.jq" list log | jq -c 'map([.metadata.name, .v])')" = '[["a",1],["b",1]]' ]
}
