# The status of a CollectorLoadBalancer, from the one it had and what has come of
# a round. Input: the resource.
#
#   $now       the time, as in a timestamp
#   $trouble   {reason, message} of what went wrong, or null
#   $discovery the same, if it was discovery that did, or null
#   $observed  the generation that was acted upon, or null
#   $fleet     [what fleet.jq printed], or []
#   $report    [what clb-schedule --report said], or []
#   $dropped   how many targets relabelling dropped
#   $size      how many collectors there are to be, or null
#   $draining  whether there are to be fewer, and that waits for the targets
#   $tolerance of the imbalance
#   $synced    the time of the last good round, or ""
#
# Prints the resource with its new status.
.metadata.generation as $generation |
(.status // {}) as $old |
({pods: 0, ready: 0} + ($fleet[0] // {})) as $fleet |
({targets: 0, assigned: 0} + ($report[0] // {}) |
	if $size == 0 then .unassigned = {"": .targets} | .assigned = 0 else . end) as $report |
($size // $fleet.pods) as $wanted |
([$report.unassigned[]?] | add // 0) as $unassigned |
($report.imbalance // 1) as $imbalance |

# condition(type; status; reason; message): it has been so since it was not.
def condition($type; $status; $reason; $message):
	([$old.conditions[]? | select(.type == $type)][0] // {}) as $before |
	{
		type: $type, status: $status, reason: $reason, message: $message,
		observedGeneration: $generation,
		lastTransitionTime: (if $before.status == $status then $before.lastTransitionTime else $now end)
	};

.status = ($old + {
	replicas: $fleet.pods,
	readyReplicas: $fleet.ready,
	selector: "clb.dev/name=\(.metadata.name)",
	targets: $report.targets,
	assigned: $report.assigned,
	unassigned: $unassigned,
	dropped: $dropped,
	imbalance: ($imbalance * 100 | round / 100 | tostring),
	observedGeneration: ($observed // $old.observedGeneration),
	conditions: [
		if $trouble then condition("Ready"; "False"; $trouble.reason; $trouble.message)
		elif $draining then
			condition("Ready"; "False"; "Draining"; "collectors are kept until others have their targets")
		elif $fleet.ready < $wanted or $fleet.pods < $wanted then
			condition("Ready"; "False"; "WaitingForPods"; "\($fleet.ready) of \($wanted) collectors are ready")
		elif $fleet.pods > $wanted then
			condition("Ready"; "False"; "WaitingForPods"; "\($fleet.pods - $wanted) collectors are going")
		else condition("Ready"; "True"; "AllReady"; "\($fleet.ready) collectors are ready") end,

		if $discovery then condition("Discovered"; "False"; $discovery.reason; $discovery.message)
		else condition("Discovered"; "True"; "Complete"; "\($report.targets) targets") end,

		if $unassigned > 0 then
			condition("Balanced"; "False"; "Unassigned"; "no collector has \($unassigned) of the targets")
		elif $imbalance > ([$report.floor // 1, 1] | max) * (1 + $tolerance) + 1e-9 then
			condition("Balanced"; "False"; "Imbalanced"; "the heaviest load is \($imbalance * 100 | round / 100) times the mean")
		else condition("Balanced"; "True"; "WithinTolerance"; "the heaviest load is \($imbalance * 100 | round / 100) times the mean") end,

		if $trouble then condition("Degraded"; "True"; $trouble.reason; $trouble.message)
		else condition("Degraded"; "False"; "AsExpected"; "nothing is wrong") end
	]
} + if $synced == "" then {} else {lastSyncTime: $synced} end)
