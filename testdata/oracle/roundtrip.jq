# roundtrip.jq: how the targets of a second Prometheus, which reads clb's files,
# differ from the first one's: as compare.jq does it, in the sets "active" and
# "final". Jobs over their target_limit are left out: clb hands nothing over.
#
# Two things cannot be handed over, and are taken out on both sides: labels that
# no file may name (an empty name; for 2.x any but letters, digits and _), and,
# of the hidden labels, __param_*: a deleted one comes back from params. What
# becomes of parameters is in the URL, which counts.
#
# jq -nr --arg version V --slurpfile api … --slurpfile sd … --slurpfile api2 … --slurpfile sd2 …
def carried: with_entries(select(.key != "" and
	($version != "2" or (.key | test("^[0-9A-Za-z_]+$")))));
def hidden: with_entries(select(.key | startswith("__param_") | not));
def sets(api; sd):
	([api.data.activeTargets[] | select(.lastError | startswith("target_limit exceeded")) |
		.scrapePool] | unique) as $limited |
	(api.data.activeTargets[] | select(.scrapePool as $p | any($limited[]; . == $p) | not) |
		{set: "active", job: .scrapePool, labels: .labels | carried,
		scrapeUrl, scrapeInterval, scrapeTimeout}),
	([sd[] | select(.job as $p | any($limited[]; . == $p) | not) | .job as $job | .results[]? |
		select(.labels != {}) | {set: "final", $job, labels: .labels | carried | hidden}] |
		unique[]);
[$sd[] | select(.results == null) | .job] as $untold |
[(sets($api[0]; $sd) | {line: tojson, n: -1}),
(sets($api2[0]; $sd2) | select(.set != "final" or (.job as $job | any($untold[]; . == $job) | not)) |
	{line: tojson, n: 1})] | group_by(.line)[] |
{line: .[0].line, n: map(.n) | add} | select(.n != 0) |
if .n < 0 then "- \(.line)" else "+ \(.line)" end
