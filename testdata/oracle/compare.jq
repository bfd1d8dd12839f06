# compare.jq: the differences between what a Prometheus showed of its targets
# and what clb made of them, as lines: "-" only Prometheus, "+" only clb.
#
# Prometheus's two tools call the parts by different names, and each hides
# some. The sets that are compared, with the names they get here:
#
#   discovered  promtool's discoveredLabels, once each; error targets have none
#               in 2.42 and a job without rules (see answer.sh)
#   final       promtool's labels, the hidden ones too, once each; dropped and
#               error targets have none
#   active      the server's active targets (public labels, URL, interval and
#               timeout), as often as it lists them; their pool is our job
#   dropped     the server's dropped targets, once each. 2.42 does not tell the
#               job. 3 lists no more than keep_dropped_targets, but counts them
#               all: where it lists fewer, those listed must be among ours.
#   dropped count   3 only
#   error       the server's log, as often as it says it of different targets,
#               without the "instance 0 in group 0: ". clb says "not a valid
#               duration string" where 3 has a text of its own for an unknown
#               unit, and shows the text that is out of range
#   limit       what scrapes of a job over its target_limit end with; such a
#               job's targets are not among the active ones
#
# Where promtool panics (see answer.sh), that job's discovered and final sets are
# untold: its other sets still count.
#
# jq -nr --arg version V --slurpfile api … --slurpfile sd … --slurpfile log …
#	--slurpfile disc … --slurpfile targets … --slurpfile dropped …

def by_version(job): if $version == "2" then {} else {job: job} end;
def public: with_entries(select(.key | startswith("__") | not));
def once: unique[];

def seen:
	$api[0].data as $a |
	([$sd[] | .job as $job | .results[]? |
		{set: "final", $job, labels} | select(.labels != {})] | once),
	([$sd[] | .job as $job | (.plain // (.results // [] | map(.discoveredLabels)))[] |
		{set: "discovered", $job, labels: .} | select(.labels != {})] | once),
	($a.activeTargets[] | select(.lastError | startswith("target_limit exceeded") | not) |
		{set: "active", job: .scrapePool, labels, scrapeUrl, scrapeInterval, scrapeTimeout}),
	([$a.activeTargets[] | select(.lastError | startswith("target_limit exceeded")) |
		{set: "limit", job: .scrapePool, error: .lastError}] | once),
	([$a.droppedTargets[] |
		{set: "dropped", labels: .discoveredLabels} + by_version(.scrapePool)] | once),
	($a.droppedTargetCounts // {} | to_entries[] | select(.value > 0) |
		{set: "dropped count", job: .key, count: .value}),
	($log[] | {set: "error", job, error: .error |
		sub("^instance [0-9]+ in group .*?: (?=[a-z\"])"; "") |
		sub("unknown unit \"[^\"]*\" in duration"; "not a valid duration string:")});

def ours:
	([$sd[] | select($version != "2" or .plain) | .job] as $all |
		$dropped | map(select(.reason == "error") | {job, labels} |
		select(.job as $job | any($all[]; . == $job) | not))) as $bad |
	($disc | map({job, labels}) | unique | . - $bad | .[] | {set: "discovered"} + .),
	($targets[] | {set: "final", job, labels}),
	($dropped[] | select(.reason == "target_limit") | {set: "final", job, labels: .finalLabels}),
	($targets[] | {set: "active", job, labels: .labels | public, scrapeUrl,
		scrapeInterval: .labels.__scrape_interval__, scrapeTimeout: .labels.__scrape_timeout__}),
	([$dropped[] | select(.reason == "target_limit") | {set: "limit", job, error}] | once),
	([$dropped[] | select(.reason == "rule") | {set: "dropped", labels} + by_version(.job)] | once),
	(select($version != "2") | [$dropped[] | select(.reason == "rule")] | group_by(.job)[] |
		{set: "dropped count", job: .[0].job, count: length}),
	($dropped[] | select(.reason == "error") | {set: "error", job, error: .error |
		sub("duration out of range: .*"; "duration out of range")});

[$sd[] | select(.results == null) |
	{set: "final", job}, (select(.plain == null) | {set: "discovered", job})] as $untold |
[$api[0].data | (.droppedTargetCounts // {}) as $count |
	($count | keys[]) as $job |
	select([.droppedTargets[] | select(.scrapePool == $job)] | length < $count[$job]) |
	$job] as $cut |
[seen] as $seen |
[ours | select(.job as $job |
	({set, job} | IN($untold[])) or
	(.set == "dropped" and any($cut[]; . == $job) and (IN($seen[]) | not)) | not)] as $ours |
[($seen[] | {line: tojson, n: -1}), ($ours[] | {line: tojson, n: 1})] | group_by(.line)[] |
{line: .[0].line, n: map(.n) | add} | select(.n != 0) |
if .n < 0 then "- \(.line)" else "+ \(.line)" end +
	if .n < -1 or .n > 1 then " (\(.n | fabs) times)" else "" end
