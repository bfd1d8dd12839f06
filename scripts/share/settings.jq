# What a CollectorLoadBalancer asks for, as assignments for the shell.
def seconds: capture("^(?<n>[0-9]+)(?<unit>[smh])$") |
	(.n | tonumber) * {s: 1, m: 60, h: 3600}[.unit];
def option($name; $value): if $value == null then "" else " \($name) \($value | tostring | @sh)" end;
def assign($name; $value): "\($name)=\($value // "" | tostring | @sh)";

.spec as $spec | $spec.autoscale as $auto |
def pace($direction; $paces):
	option("--\($direction)-window"; $paces.stabilizationSeconds) +
	option("--\($direction)-step"; $paces.maxStep) +
	option("--\($direction)-percent"; $paces.maxPercent);

assign("uid"; .metadata.uid),
assign("generation"; .metadata.generation),
assign("size"; if $spec.workload == "DaemonSet" then null else $spec.replicas end),
assign("workload"; $spec.workload // "StatefulSet"),
assign("collector"; $spec.collector // "prometheus"),
assign("delivery"; $spec.delivery // "agent"),
assign("source"; $spec.config.configMap.name),
assign("every"; $spec.interval // "30s" | seconds),
assign("max_drop"; $spec.maxDrop // "50%"),
assign("tolerance"; $spec.tolerance // 0.05),
assign("drain_timeout"; $spec.drainTimeout // "60s" | seconds),
assign("grace"; $spec.notReadyGrace // "30s" | seconds),
assign("secrets"; if $spec.allowInlineSecrets then 1 else null end),
assign("balancer"; $spec.balancerURL | if . then sub("/+$"; "") else . end),
assign("autoscaled"; if $auto then 1 else null end),
(assign("reading", "writing"; option("--compat"; $spec.compat))),
assign("scheduling";
	option("--strategy"; $spec.strategy) + option("--fallback"; $spec.fallback) +
	option("--tolerance"; $spec.tolerance) + option("--max-moves"; $spec.maxMoves) +
	option("--replication"; $spec.replication | if . == 1 then null else . end) +
	option("--max-targets"; $spec.maxTargets) + option("--max-weight"; $spec.maxWeight)),
assign("scaling";
	option("--min"; $auto.minReplicas) + option("--max"; $auto.maxReplicas) +
	option("--targets-per-replica"; $auto.targetsPerReplica) +
	option("--weight-per-replica"; $auto.weightPerReplica) +
	option("--tolerance"; $auto.tolerance) +
	pace("up"; $auto.scaleUp) + pace("down"; $auto.scaleDown))
