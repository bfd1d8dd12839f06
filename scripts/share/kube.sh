# shellcheck shell=sh disable=SC2034,SC2154,SC2119,SC2120 # a part of clb-run, sourced by it
#
# kube.sh: what clb-run --kube NAMESPACE/NAME does beside a round. The resource
# says what is wanted, the pods who can take targets; the round spreads them;
# converge makes the cluster's objects follow, and tell says how it went.

# shellcheck source=scripts/share/in-cluster.sh
. "$share/in-cluster.sh"
in_cluster "$work"

ns=${kube%/*}
name=${kube#*/}
resource=/apis/clb.dev/v1/namespaces/$ns/collectorloadbalancers/$name
mirror=$state/mirror
config=$state/prometheus.yml
collectors=$state/collectors.jsonl
measured=1

# What settings.jq sets.
uid='' generation='' size='' workload='' collector='' delivery='' source='' tolerance=''
drain_timeout=60 grace=30 secrets='' balancer=''

observed=	# the generation that has been acted upon
trouble=	# {"reason":..,"message":..} of what is wrong, or nothing
discovery=	# the same, if it is that the targets are not known
synced=		# when a round was last good
due=		# when to have another look at the pods
has=		# how many collectors the StatefulSet has

# ---- the API ----

# api VERB ARG...: kubectl's answer is in $work/answer; why not, in $work/refusal.
api() {
	kubectl --request-timeout=10s --cache-dir="$state/kubectl" "$@" \
	    >"$work/answer" 2>"$work/refusal" 9<&- &
	kids=$!
	await $! && rc=0 || rc=$?
	kids=
	return "$rc"
}

# refusal: what kubectl said, on one line.
refusal() {
	tr -s '\n' ' ' <"$work/refusal" | cut -c 1-800 | sed 's/ *$//'
}

# objects STREAM: what the mirror has of it; fails if that is nothing yet.
objects() {
	[ -e "$mirror/$1/list" ] || return 75
	set -- "$mirror/$1"
	[ ! -e "$1/log" ] || set -- "$1" "$1/log"
	jq -nc -f "$share/mirror.jq" "$1/list" "${2:-/dev/null}"
}

# blame REASON [MESSAGE]: what is wrong; the first thing is.
blame() {
	[ -z "$trouble" ] || return 0
	trouble=$(jq -nc --arg reason "$1" --arg message "${2-}" '$ARGS.named')
}

# said: what programs said on stderr, without the directories that are ours, and
# in the words of the resource.
said() {
	sed "s,$work/,,g; s,$state/,,g; /^clb-run: .* exited/d
	    s/^clb-run: to let them go.*/to let them go, have maxDrop be 100%/" "$work/said" | head -c 900
}

# event TYPE REASON MESSAGE: of the resource. It may be lost, as events may be.
event() {
	jq -n --arg type "$1" --arg reason "$2" --arg message "$3" --arg ns "$ns" --arg name "$name" \
	    --arg uid "$uid" --arg at "$(date -u +%Y-%m-%dT%H:%M:%SZ)" --arg pod "${POD_NAME:-$(hostname)}" '{
		apiVersion: "v1", kind: "Event", metadata: {generateName: "\($name).", namespace: $ns},
		type: $type, reason: $reason, message: $message, count: 1,
		firstTimestamp: $at, lastTimestamp: $at, source: {component: "clb", host: $pod},
		involvedObject: {apiVersion: "clb.dev/v1", kind: "CollectorLoadBalancer",
			name: $name, namespace: $ns, uid: $uid}}' >"$work/event"
	api create --raw "/api/v1/namespaces/$ns/events" -f "$work/event" || say "no event: $(refusal)"
}

# ---- what is wanted ----

# streams: what is to be watched, for clb-watch.
streams() {
	{
		one() { printf '%s\t%s\t%s\tfieldSelector=metadata.name%%3D%s\n' "$@"; }
		one resource CollectorLoadBalancer "${resource%/*}" "$name"
		printf 'fleet\tPod\t/api/v1/namespaces/%s/pods\tlabelSelector=clb.dev%%2Fname%%3D%s\n' "$ns" "$name"
		one service Service "/api/v1/namespaces/$ns/services" "$name"
		one config ConfigMap "/api/v1/namespaces/$ns/configmaps" "$name-config"
		# A stream by another name is another one; clb-watch goes by names.
		[ -z "$source" ] || one "source@$source" ConfigMap "/api/v1/namespaces/$ns/configmaps" "$source"
		case $workload in
		StatefulSet) one statefulset StatefulSet "/apis/apps/v1/namespaces/$ns/statefulsets" "$name" ;;
		DaemonSet) one daemonset DaemonSet "/apis/apps/v1/namespaces/$ns/daemonsets" "$name" ;;
		esac
		eval "set -- $reading"
		[ ! -s "$config" ] || clb-config "$@" watches "$config"
	} >"$work/streams" && ! cmp -s "$work/streams" "$state/streams" && mv -f "$work/streams" "$state/streams"
	:
}

# settle_on: read the resource, if it has changed, into the shell's variables.
settle_on() {
	objects resource >"$work/seen" || return 75
	# One that waits for its objects to be deleted must not get them back.
	if [ "$(jq 'map(select(.metadata.deletionTimestamp == null)) | length' "$work/seen")" = 0 ]; then
		say "$kube is gone"
		finish 0
	fi
	if [ ! -s "$state/resource.json" ] || ! cmp -s "$work/seen" "$state/seen"; then
		api get --raw "$resource" || {
			say "cannot read $kube: $(refusal)"
			return 69
		}
		mv -f "$work/answer" "$state/resource.json" && mv -f "$work/seen" "$state/seen" || return 74
	fi
	jq -r -f "$share/settings.jq" "$state/resource.json" >"$work/settings" || return 65
	# shellcheck source=/dev/null
	. "$work/settings"
	streams
}

# server: where the tree of this resource is served.
server() {
	printf '%s/%s/%s' "${balancer:-$url}" "$ns" "$name"
}

# rewrite: the collectors' configuration, from $work/prometheus.yml.
rewrite() {
	case $collector in
	prometheus) pod="\$(POD_NAME)" ;;
	otelcol) pod="\${env:POD_NAME}" ;;
	vmagent) pod="%{POD_NAME}" ;;
	esac
	set -- --for "$collector"
	case $delivery in
	agent) set -- "$@" --via file --sd-dir /etc/clb/sd ;;
	http) set -- "$@" --via http --sd-url "$(server)/sd/$pod" ;;
	allocator) set -- "$@" --via allocator --sd-url "$(server)" ;;
	esac
	eval "set -- $reading rewrite \"\$@\""
	clb-config "$@" "$work/prometheus.yml"
}

# configure: the configuration, from the resource or its ConfigMap. One that is
# not good is told of, and the last good one stays in use.
configure() {
	if [ -z "$source" ]; then
		jq -rj .spec.config.inline "$state/resource.json" >"$work/prometheus.yml"
	else
		objects "source@$source" >"$work/source" || return 75
		key=$(jq -r '.spec.config.configMap.key // "prometheus.yml"' "$state/resource.json")
		case $(jq --arg key "$key" 'length, (.[0].data[$key] | type)' "$work/source" | tr '\n' ' ') in
		0*) blame ConfigMissing "there is no ConfigMap $source in the namespace $ns" ;;
		*'"string"'*) jq -rj --arg key "$key" '.[0].data[$key]' "$work/source" >"$work/prometheus.yml" ;;
		*) blame ConfigMissing "the ConfigMap $source has no key $key" ;;
		esac
		[ -z "$trouble" ] || return 0
	fi
	if ! rewrite >"$work/collector.yml" 2>"$work/said"; then
		blame ConfigInvalid "$(said)"
		return 0
	fi
	# The limit of a ConfigMap, less what is around the text.
	if [ "$(stat -c %s "$work/collector.yml")" -gt 1040000 ]; then
		blame ConfigTooLarge "the collectors' configuration is longer than a ConfigMap can hold: $(
			stat -c %s "$work/collector.yml") bytes"
		return 0
	fi
	keep prometheus.yml && keep collector.yml || return
	[ "$changed" -eq 0 ] || [ ! -s "$work/said" ] || event Warning ConfigWarning "$(said)"
	streams
}

# ---- who is there ----

# zones: {node: zone} of the pods' nodes, for replicas in different zones. Each
# node is asked for once.
zones() {
	[ -s "$state/zones.json" ] || echo '{}' >"$state/zones.json"
	case $scheduling in
	*--replication*) ;;
	*) return 0 ;;
	esac
	for node in $(jq -r --slurpfile known "$state/zones.json" \
	    '[.[].spec.nodeName // empty] | unique[] | select(in($known[0]) | not)' "$work/pods"); do
		api get --raw "/api/v1/nodes/$node" || continue
		jq -c --arg node "$node" --slurpfile known "$state/zones.json" '$known[0] + {($node):
		    (.metadata.labels["topology.kubernetes.io/zone"] // "")}' "$work/answer" >"$work/zones.json" &&
			mv -f "$work/zones.json" "$state/zones.json"
	done
}

# cordoned: the nodes that are being drained: a pod is being deleted there, or was,
# and no new one may come. They are asked for while that goes on.
cordoned() {
	[ -s "$state/cordoned.json" ] || echo '[]' >"$state/cordoned.json"
	: >"$work/cordoned"
	for node in $(jq -r --slurpfile known "$state/cordoned.json" --slurpfile last "$state/fleet.json" '
	    [.[].metadata.uid] as $there |
	    [(.[] | select(.metadata.deletionTimestamp or (.spec.nodeName | IN($known[0][]))).spec.nodeName),
		($last[0].known[]? | select(.uid | IN($there[]) | not).node)] |
	    map(select(.)) | unique[]' "$work/pods"); do
		api get --raw "/api/v1/nodes/$node" || continue
		jq -c 'select(.spec.unschedulable).metadata.name' "$work/answer" >>"$work/cordoned"
	done
	jq -sc . "$work/cordoned" >"$work/cordoned.json" || return
	cmp -s "$work/cordoned.json" "$state/cordoned.json" || mv -f "$work/cordoned.json" "$state/cordoned.json"
}

# fleet: the collectors, and the states that they are in.
fleet() {
	objects fleet >"$work/pods" || return 75
	zones
	cordoned || return
	jq -c --arg workload "$workload" --arg name "$name" --argjson size "${size:-null}" \
	    --argjson grace "$grace" --argjson now "$(date +%s)" \
	    --slurpfile report "$state/report.json" --slurpfile last "$state/fleet.json" \
	    --slurpfile zones "$state/zones.json" --slurpfile cordoned "$state/cordoned.json" \
	    -f "$share/fleet.jq" "$work/pods" >"$work/fleet.json" &&
		jq -c '.collectors[]' "$work/fleet.json" >"$work/collectors.jsonl" &&
		due=$(jq '.due // empty' "$work/fleet.json") || return 70
	keep fleet.json && keep collectors.jsonl
}

# ---- fewer collectors ----

# A collector that is to go keeps running until the others have its targets:
# $state/draining holds how many are to stay, since when, and how long the web
# server's log was then.

# drain: begin or go on with it, if there are to be fewer; or forget it.
drain() {
	has=$(cat "$state/size" 2>/dev/null) || has=
	[ -n "$has" ] || has=$(objects statefulset | jq -r '.[0].spec.replicas // empty') || has=
	if [ -z "$size" ] || [ -z "$has" ] || [ "$size" -ge "$has" ]; then
		rm -f "$state/draining"
		return 0
	fi
	read -r goal since offset 2>/dev/null <"$state/draining" || goal=
	[ "$goal" != "$size" ] || return 0
	since=$(date +%s) offset=0
	[ -z "$access_log" ] || offset=$(stat -c %s "$access_log" 2>/dev/null) || offset=0
	echo "$size $since $offset" >"$state/draining"
}

# drained: nobody waits for those that are to go any more.
drained() {
	read -r goal since offset <"$state/draining" || return
	[ $(($(date +%s) - since)) -lt "$drain_timeout" ] || return 0
	polled
}

# polled: every collector has asked for what has changed for it since then.
polled() {
	[ -n "$access_log" ] && [ -e "$access_log" ] || return 1
	[ "$(stat -c %s "$access_log")" -ge "$offset" ] || offset=0
	jq -r 'select(.state != "draining").name' "$collectors" >"$work/staying"
	find "$tree/sd" -name '*.json' -newermt "@$since" -printf '%P\t%T@\n' >"$work/changed" || return
	tail -c "+$((offset + 1))" "$access_log" >"$work/log" || return
	jq -nRe --arg prefix "/$ns/$name/" --rawfile staying "$work/staying" --rawfile changed "$work/changed" \
	    -f "$share/polled.jq" "$work/log" >/dev/null
}

# ---- the objects ----

# marks: what the mirror shows of the objects, to notice what others do to them.
marks() {
	for stream in config service "$(printf %s "$workload" | tr '[:upper:]' '[:lower:]')"; do
		objects "$stream" || return
	done
}

# apply SIZE: have the objects as they are to be, if they, or what they are to be,
# are not as when that was last done.
apply() {
	hash=
	case $delivery,$collector in
	agent,prometheus | agent,vmagent) ;;	# clb-agent has them reload
	*) hash=$(sha256sum <"$state/collector.yml" | cut -c 1-16) ;;
	esac
	jq -c --rawfile config "$state/collector.yml" --arg hash "$hash" --argjson size "${1:-null}" \
	    --arg image "${CLB_IMAGE:-clb}" --arg url "$(server)" \
	    -f "$share/workload.jq" "$state/resource.json" >"$work/objects" || return 65
	marks >"$work/marks" || return 75
	cat "$work/objects" "$work/marks" >"$work/applied"
	! cmp -s "$work/applied" "$state/applied" || return 0
	api apply --server-side --force-conflicts --field-manager=clb --validate=false \
	    -f "$work/objects" || return 69
	keep applied
}

# unlike: the workload that the resource had before it asked for another kind goes.
unlike() {
	old=$(cat "$state/workload" 2>/dev/null) || old=
	case $old in
	"$workload") return 0 ;;
	StatefulSet) api delete --raw "/apis/apps/v1/namespaces/$ns/statefulsets/$name" || : ;;
	DaemonSet) api delete --raw "/apis/apps/v1/namespaces/$ns/daemonsets/$name" || : ;;
	esac
	rm -f "$state/size"
	echo "$workload" >"$state/workload"
}

# converge ROUND: the objects, after a round with that status.
converge() {
	to=$size
	if [ -e "$state/draining" ]; then
		to=$has
		if [ "$1" -ne 0 ]; then
			rm -f "$state/draining"	# it begins when others can be given the targets
		elif drained; then
			to=$size
		fi
	fi
	apply "$to" || {
		rc=$?
		[ "$rc" -ne 69 ] || blame ApplyFailed "$(refusal)"
		return "$rc"
	}
	unlike
	if [ "$workload" = StatefulSet ] && [ "$has" != "$to" ]; then
		event Normal Scaled "from ${has:-0} to $to collectors"
		echo "$to" >"$state/size"
		[ "$to" != "$size" ] || rm -f "$state/draining"
	fi
}

# ---- autoscaling ----

# owned: a HorizontalPodAutoscaler says how many collectors there are.
owned() {
	api get --raw "/apis/autoscaling/v1/namespaces/$ns/horizontalpodautoscalers" || return 0
	jq -e --arg name "$name" 'any(.items[].spec.scaleTargetRef;
	    .kind == "CollectorLoadBalancer" and .name == $name)' "$work/answer" >/dev/null
}

# autoscale: write to .spec.replicas what clb-scale says.
autoscale() {
	[ -n "$autoscaled" ] && [ -n "$size" ] || return 0
	decide "$size" 2>"$work/said" || {
		cat "$work/said" >&2
		blame SpecInvalid "$(said)"
		return 0
	}
	keep scale.json || return
	[ "$n" != "$size" ] && ! owned || return 0
	api get --raw "$resource/scale" &&
		jq -c --argjson n "$n" '.spec.replicas = $n' "$work/answer" >"$work/scale" &&
		api replace --raw "$resource/scale" -f "$work/scale" && return
	say "cannot scale $kube to $n: $(refusal)"
}

# ---- the status ----

# tell: write the status, if it says something new, and at times when it was so.
tell() {
	[ -e "$state/dropped.jsonl" ] || : >"$state/dropped.jsonl"
	jq -c --arg now "$(date -u +%Y-%m-%dT%H:%M:%SZ)" --argjson trouble "${trouble:-null}" \
	    --argjson discovery "${discovery:-null}" --argjson observed "${observed:-null}" \
	    --slurpfile fleet "$state/fleet.json" --slurpfile report "$state/report.json" \
	    --argjson dropped "$(wc -l <"$state/dropped.jsonl")" --argjson size "${size:-null}" \
	    --argjson draining "$([ -e "$state/draining" ] && echo true || echo false)" \
	    --argjson tolerance "${tolerance:-0.05}" --arg synced "$synced" \
	    -f "$share/status.jq" "$state/resource.json" >"$work/status.json" || return 70
	[ "$(jq -n --slurpfile new "$work/status.json" --slurpfile old "$state/resource.json" '
	    def sense: .status | del(.lastSyncTime, .conditions[]?.observedGeneration);
	    def at: .status.lastSyncTime // empty | fromdate;
	    ($new[0] | sense) != ($old[0] | sense) or
		($new[0] | at) - ($old[0] | at // 0) >= 300')" = true ] || return 0
	degraded=$(jq -r --slurpfile old "$state/resource.json" '
	    def degraded: .status.conditions[]? | select(.type == "Degraded" and .status == "True");
	    ([$old[0] | degraded.reason, degraded.message]) as $before |
	    degraded | select([.reason, .message] != $before and .reason != "Discovering") |
	    .reason, .message' "$work/status.json")
	[ -z "$degraded" ] ||
		event Warning "$(echo "$degraded" | sed 1q)" "$(echo "$degraded" | sed 1d)"
	if api replace --raw "$resource/status" -f "$work/status.json" || tell_again; then
		mv -f "$work/answer" "$state/resource.json"
	else
		say "cannot write the status of $kube: $(refusal)"
		rm -f "$state/seen"
		return 69
	fi
}

# tell_again: if somebody else has written the resource, what we say of it holds
# all the same.
tell_again() {
	grep -q Conflict "$work/refusal" &&
		api get --raw "$resource" &&
		jq -c --slurpfile new "$work/status.json" '.status = $new[0].status' "$work/answer" \
		    >"$work/status.new" &&
		api replace --raw "$resource/status" -f "$work/status.new"
}

# ---- a round, and again ----

# round_up: a round, if there is anybody to give targets to. Before the first pod
# is ready, and when there are to be none, they are only counted.
round_up() {
	find_targets || return
	if grep -q '"state":"ready"' "$state/collectors.jsonl"; then
		give_targets
		return
	fi
	: >"$work/assignment.jsonl"
	mv -f "$work/targets" "$work/unassigned.jsonl"
	jq -nc --argjson n "$(wc -l <"$work/unassigned.jsonl")" '{assigned: 0, collectors: [], floor: 1,
	    imbalance: 1, moved: 0, moves: {}, targets: $n, unassigned: {"": $n}}' >"$work/report.json"
	[ -s "$state/assignment.jsonl" ] || keep report.json
}

# blame_round STATUS: which stage failed, as reasons that a person can act on.
blame_round() {
	case $stage_failed,$1 in
	clb-config,* | *,78) reason=ConfigInvalid ;;
	clb-discover,75) reason=Discovering ;;
	clb-discover,* | clb-relabel,*) reason=DiscoveryFailed ;;
	clb-schedule,75) reason=DropHeld ;;
	clb-schedule,*) reason=SpecInvalid ;;
	clb-writesd,*) reason=PublishFailed ;;
	*) reason=RoundFailed ;;
	esac
	blame "$reason" "$(said)"
	case $reason in
	ConfigInvalid | Discover*) discovery=$trouble ;;
	esac
}

# blame_warnings: what a good round has complained of. That targets are not assigned
# the condition Balanced says.
blame_warnings() {
	sed -i '/^clb-schedule: .* are not assigned$/d' "$work/said"
	case $(head -c 13 "$work/said") in
	'') ;;
	clb-schedule:) blame WeightsInvalid "$(said)" ;;
	*) blame SourceFailed "$(said)" ;;
	esac
}

# moved: tell of a round that has moved more than a tenth of the targets.
moved() {
	[ "$published" -eq 1 ] || return 0
	moves=$(jq '[.moves | to_entries[] | select(.key != "placed").value] | add // 0' "$state/report.json")
	targets=$(jq -r '.targets // 0' "$state/report.json")
	[ $((moves * 10)) -le "$targets" ] || event Normal TargetsMoved "$moves of $targets targets have moved"
}

# follow_once: see what is wanted, spread the targets, have the cluster follow.
follow_once() {
	trouble='' discovery='' stage_failed='' published=0
	noticed=$(stat -c '%s %y' "$mirror/changes")
	seen=$(look)
	settle_on || return
	configure || return
	if [ ! -s "$config" ]; then
		discovery=$trouble
		result=78
	else
		fleet || return
		drain
		round_up 2>"$work/said" && result=0 || result=$?
		cat "$work/said" >&2
		if [ "$result" -eq 0 ]; then
			synced=$(date -u +%Y-%m-%dT%H:%M:%SZ)
			blame_warnings
			moved
			autoscale || return
		else
			blame_round "$result"
		fi
		converge "$result" || result=$?
	fi
	[ "$result" -ne 0 ] || observed=$generation
	tell || result=$?
	measure "$result" || say "cannot write the metrics; the last ones stay"
	return "$result"
}

watch_all() {
	[ -z "$watcher" ] || ! kill -0 "$watcher" 2>/dev/null || return 0
	${setpriv:+"$setpriv" --pdeathsig TERM} clb-watch --streams "$state/streams" -d "$mirror" --max-backoff 10 </dev/null 9<&- &
	watcher=$!
}

# pause SECONDS: until they are over, or there is something to do.
pause() {
	left=$(($1 * 2))
	while [ "$left" -gt 0 ] && [ -z "$woken" ] && [ "$(look)" = "$seen" ] &&
	    [ "$(stat -c '%s %y' "$mirror/changes")" = "$noticed" ]; do
		[ -z "$due" ] || [ "$(date +%s)" -lt "$due" ] || return 0
		[ ! -e "$state/draining" ] || ! drained || return 0
		doze 0.5
		left=$((left - 1))
	done
	[ "$left" -eq 0 ] || doze "$settle"
}

follow() {
	mkdir -p "$mirror" "$(dirname "$tree")" || finish 73
	touch "$mirror/changes"
	rm -f "$state/seen"	# the resource is read once, whatever is known of it
	for f in report fleet; do
		[ -s "$state/$f.json" ] || echo '{}' >"$state/$f.json"
	done
	streams
	backoff=1
	while :; do
		woken=
		watch_all
		follow_once && rc=0 || rc=$?
		case $rc in
		0) delay=${every:-30} backoff=1 ;;
		*)
			delay=$backoff
			backoff=$((backoff * 2 < 30 ? backoff * 2 : 30)) ;;
		esac
		pause "$delay"
	done
}
