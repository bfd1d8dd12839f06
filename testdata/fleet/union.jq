# union.jq: how what five collectors scrape differs from what one Prometheus does,
# as lines: "-" only the one, "+" only the five. The sets that are compared:
#
#   active   public labels, URL, interval and timeout of the active targets, as
#            often as they are listed; their pool is the job. Of the five all
#            targets together: one that two of them have is one too many
#   final    3 only: all labels that a target has after relabelling, the hidden
#            ones too, once each. promtool tells those of the one; those of the
#            five are what they discovered, unpacked as clb-writesd(1) says. (2.42
#            relabels in place, and what it says it discovered is neither.)
#
# Jobs over their target_limit are left out: clb hands nothing over. And two
# things cannot be handed over, and are taken out on both sides: labels that no
# file may name (an empty name; for 2.x any but letters, digits and _), and, of
# the hidden labels, __param_*: a deleted one comes back from params. What
# becomes of parameters is in the URL, which counts.
#
# vmagent tells neither interval nor pool (before 1.80 what it calls so is the job
# label), and says nothing of a default port.
#
# jq -nr --arg kind V --slurpfile api … --slurpfile sd … --slurpfile five …
# kind and five: see run.sh.
def carried: to_entries | sort_by(.key) | map(select(.key != "" and
	($kind != "2" or (.key | test("^[0-9A-Za-z_]+$"))))) | from_entries;
def hidden: with_entries(select(.key | startswith("__param_") | not));
def unpacked:
	((.__handoffdel // "") | split(",")) as $gone |
	with_entries(select(.key | startswith("__meta_") | not)) |
	. + with_entries(select(.key | startswith("__handoff_")) | .key |= .[10:]) |
	with_entries(select(.key | (startswith("__handoff") or IN($gone[])) | not)) |
	{instance: .__address__} + .;
([$api[0].data.activeTargets[] | select(.lastError | startswith("target_limit exceeded")) |
	.scrapePool] | unique) as $limited |
def within: . as $job | any($limited[]; . == $job) | not;
def active: {set: "active", labels: .labels | carried} + if $kind != "vmagent"
	then {job: .scrapePool, scrapeUrl, scrapeInterval, scrapeTimeout}
	else {scrapeUrl: .scrapeUrl | sub("^(?<a>http://[^/?]*):80(?=[/?]|$)"; .a) |
		sub("^(?<a>https://[^/?]*):443(?=[/?]|$)"; .a)} end;
[$sd[] | select(.results == null) | .job] as $untold |
[($api[0].data.activeTargets[] | select(.scrapePool | within) | active | {line: tojson, n: -1}),
($five[0][][] | select($kind == "vmagent" or (.scrapePool | within)) | active | {line: tojson, n: 1}),
(select($kind == "3") | [$sd[] | select(.job | within) | .job as $job | .results[]? | select(.labels != {}) |
	{set: "final", $job, labels: .labels | carried | hidden}] | unique[] | {line: tojson, n: -1}),
(select($kind == "3") | [$five[0][][] | select(.scrapePool | within) |
	select(.scrapePool as $job | any($untold[]; . == $job) | not) |
	{set: "final", job: .scrapePool, labels: .discoveredLabels | unpacked | carried | hidden}] |
	unique[] | {line: tojson, n: 1})] | group_by(.line)[] |
{line: .[0].line, n: map(.n) | add} | select(.n != 0) |
if .n < 0 then "- \(.line)" else "+ \(.line)" end +
	if .n < -1 or .n > 1 then " (\(.n | fabs) times)" else "" end
