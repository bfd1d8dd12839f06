# The collectors, from their pods. Input: the pods, as mirror.jq prints them.
#
#   $workload, $name   what owns the pods
#   $size     how many there are to be, or null where that is not for us to say
#   $report   [what clb-schedule --report said of the last assignment]
#   $last     [what this has printed last time]
#   $grace    seconds that one that is not ready keeps its targets
#   $zones    [{node: zone}]
#   $cordoned [[node, ...]] that are being drained
#   $now      seconds since the epoch
#
# Prints {collectors, pods, ready, unready, known, due}: the records for clb-schedule;
# how many pods there are, and ready ones; since when those have not been that
# are not; which pod had the targets of each, and on which node; and when, if not
# sooner, this has to be asked again, or null.
#
# A collector that is to go, or whose pod is, gives up its targets, and so does one
# on a node that is being drained: its targets move only once. One that is not
# ready keeps what it has for a while, and gets nothing before it is. If it is
# another pod by the name of one that is gone, it keeps nothing: the deletion may
# have been too quick to be seen.
def ordinal: ltrimstr($name + "-") | tonumber? // -1;
def ready: any(.status.conditions[]?; .type == "Ready" and .status == "True");
def wanted: $size == null or (.metadata.name | ordinal | . >= 0 and . < $size);
def ours: any(.metadata.ownerReferences[]?; .controller and .kind == $workload and .name == $name);

([$report[0].collectors[]? | {key: .name, value: .targets}] | from_entries) as $had |
[.[] | .metadata.name as $pod | .metadata.uid as $uid | {
	name: $pod,
	known: {uid: $uid, node: .spec.nodeName},
	node: (.spec.nodeName // ""),
	zone: ($zones[0][.spec.nodeName // ""] // ""),
	ready: ready,
	since: (if ready then null else [$last[0].unready[$pod] // $now, $now] | min end),
	going: ((ours and wanted and .metadata.deletionTimestamp == null and
		(.status.phase | . != "Succeeded" and . != "Failed")) | not),
	replaced: ($last[0].known[$pod].uid | . != null and . != $uid),
	leaving: (.spec.nodeName as $node | any($cordoned[0][]?; . == $node))
} | .state = (
	if .going or .leaving then "draining"
	elif .ready then "ready"
	elif ($had[$pod] // 0) == 0 then "pending"
	elif .replaced then "draining"
	elif $now - .since < $grace then "ready"
	else "draining" end)] |

# Where nobody is left to take them over, targets stay where they are.
(if any(.[]; .state == "ready") or $size == 0 then . else
	map(if .state == "draining" and (.going | not) and (.ready or ($had[.name] // 0) > 0)
		then .state = "ready" else . end) |
	if any(.[]; .state == "ready") then . else
		. as $pods | [$had | to_entries[] | select(.value > 0) | .key] |
		map({name: ., node: "", zone: "", ready: false, since: null, going: false, state: "ready"} |
			select($size == null or (.name | ordinal) < $size)) |
		. + [$pods[] | select(.name as $n | $had[$n] // 0 | . == 0)]
	end
end) as $fleet |
{
	collectors: ($fleet | map({name, state} +
		(if .node == "" then {} else {node} end) + (if .zone == "" then {} else {zone} end))),
	pods: length,
	ready: (map(select(.ready and (.going | not))) | length),
	unready: (map(select(.since) | {key: .name, value: .since}) | from_entries),
	known: (map({key: .name, value: (if .ready or ($had[.name] // 0) == 0 then .known
		else $last[0].known[.name] // .known end)}) | from_entries),
	due: ([.[] | select(.since and .state == "ready") | .since + $grace] | min)
}
