# The balancer's own metrics after a round, in Prometheus's text format, behind a
# first line that has the counters to go on from in the next round. From clb-run:
#
#   $now       seconds since the epoch
#   $status    the round's exit status
#   $published 1 if the round has changed the assignment
#   $stages    lines of a stage's name, exit status, hundredths of a second and records
#   $counters  [the counters, if any]
#   $report    [what clb-schedule --report said last, if anything]
#   $drops     what drops.awk made of the dropped targets

def total: reduce .[] as $n (0; . + $n);

# The counters after this round.
($counters[0] // {}) as $old |
($stages | split("\n") | map(select(. != "") | split("\t") |
	{name: .[0], status: (.[1] | tonumber), seconds: ((.[2] | tonumber) / 100),
	 records: (.[3] | tonumber? // null)})) as $ran |
($report[0] // {}) as $report |
{
	failed: (($old.failed // 0) + if $status == 0 then 0 else 1 end),
	generation: (($old.generation // 0) + $published),
	good: (if $status == 0 then $now else $old.good end),
	moves: (($old.moves // {}) as $moves |
		if $published == 0 then $moves else
			reduce ($report.moves // {} | to_entries[]) as $m
				($moves; .[$m.key] = (.[$m.key] // 0) + $m.value)
		end),
	rounds: (($old.rounds // 0) + 1),
	stages: (reduce $ran[] as $s ($old.stages // {};
		.[$s.name] |= {
			failures: ((.failures // 0) + if $s.status == 0 then 0 else 1 end),
			last: $s.seconds,
			records: (if $s.status == 0 then $s.records else .records end),
			runs: ((.runs // 0) + 1),
			seconds: (((.seconds // 0) + $s.seconds) * 100 | round / 100)
		}))
} as $now_counted |

# labels | escaped: {name="value",...}
def escaped: split("\\") | join("\\\\") | split("\"") | join("\\\"") | split("\n") | join("\\n");
def labelled: to_entries | map("\(.key)=\"\(.value | tostring | escaped)\"") | join(",") |
	if . == "" then "" else "{\(.)}" end;

# family(name; type; help; [[labels, value], ...]): nothing where there are no samples.
def family($name; $type; $help; samples):
	[samples | select(.[1] != null) | "\($name)\(.[0] | labelled) \(.[1])"] |
	if . == [] then empty else "# HELP \($name) \($help)", "# TYPE \($name) \($type)", .[] end;
def stage_family($name; $type; $help; value):
	family($name; $type; $help;
		$now_counted.stages | to_entries[] | [{stage: .key}, (.value | value)]);

($now_counted | tojson),

family("clb_targets"; "gauge"; "Targets by scrape config, by what became of them, and by collector.";
	($report.collectors // [] | .[] | .name as $name | .jobs | to_entries[] |
		[{collector: $name, job: .key, state: "assigned"}, .value]),
	($report.unassigned // {} | to_entries[] |
		[{collector: "", job: .key, state: "unassigned"}, .value]),
	($drops | group_by(.job)[] | [{collector: "", job: .[0].job, state: "dropped"}, (map(.n) | total)])),
family("clb_dropped_targets"; "gauge"; "Targets that relabelling left out, by the rule (from 0) that did it.";
	$drops | sort_by([.job, .reason, .rule])[] |
		[{action: (.action // ""), job, reason, rule: (.rule // "")}, .n]),
family("clb_collector_weight"; "gauge"; "Samples a scrape that a collector has been assigned.";
	$report.collectors // [] | .[] | [{collector: .name}, .weight]),
family("clb_collectors"; "gauge"; "Collectors by state.";
	$report.collectors // [] | group_by(.state)[] | [{state: (.[0].state // "ready")}, length]),
family("clb_imbalance_ratio"; "gauge"; "The heaviest load of a ready collector over the mean load.";
	[{}, $report.imbalance]),
family("clb_target_moves_total"; "counter"; "Targets that were given to a collector, by the reason.";
	$now_counted.moves | to_entries[] | [{reason: .key}, .value]),
stage_family("clb_stage_duration_seconds"; "gauge"; "How long a stage took when it last ran."; .last),
stage_family("clb_stage_seconds_total"; "counter"; "How long a stage took, all runs together."; .seconds),
stage_family("clb_stage_runs_total"; "counter"; "How often a stage ran."; .runs),
stage_family("clb_stage_failures_total"; "counter"; "How often a stage failed."; .failures),
stage_family("clb_stage_records"; "gauge"; "Records that a stage wrote when it last succeeded."; .records),
family("clb_rounds_total"; "counter"; "Rounds, good and failed."; [{}, $now_counted.rounds]),
family("clb_rounds_failed_total"; "counter"; "Rounds that published nothing."; [{}, $now_counted.failed]),
family("clb_last_sync_timestamp_seconds"; "gauge"; "When a round last succeeded.";
	[{}, $now_counted.good]),
family("clb_generation"; "gauge"; "How often the assignment has changed."; [{}, $now_counted.generation])
