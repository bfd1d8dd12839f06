# gaps.jq: how long each target was not scraped, from the samples of its series up:
# a line for each, the longest first, and who had it, in order.
#
# jq -nr --argjson since SECONDS --slurpfile samples …
[$samples[] | .who as $who | {metric, samples: [.values[][0] | {at: ., $who}]}] | group_by(.metric) |
map({name: "\(.[0].metric.job) \(.[0].metric.instance)",
	samples: map(.samples[]) | sort_by(.at) | map(select(.at >= $since - 2))}) |
map(. + {gap: [.samples | range(1; length) as $i | .[$i].at - .[$i - 1].at] | (max // 0),
	who: [.samples | to_entries as $s | $s[] |
		select(.key == 0 or .value.who != $s[.key - 1].value.who) | .value.who]}) |
sort_by(-.gap)[] | "\(.gap * 10 | round / 10) s: \(.name), \(.who | join(", "))"
