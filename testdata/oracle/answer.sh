#!/bin/sh
# answer.sh VERSION DIR: what the real Prometheus of generation VERSION (2 or 3)
# makes of DIR/prometheus.yml, started in DIR. Prints the folder that holds
#
#   api.json    /api/v1/targets?state=any once it is stable
#   sd.jsonl    {"job":…,"results":[…],"plain":[…]}: promtool's answers for each
#               job, which alone have the hidden labels. results is null where
#               promtool panics; plain is told below, and may be null
#   log         "Creating target failed", as {"job":…,"error":…} lines
#   compat      what clb calls this Prometheus: 2, 3, or the newer release it is
#
# It is kept below build/oracle, named by a hash over all that it depends on.
# Exits 1, with nothing kept, when there is no stable answer within 90 s.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$here/../..
version=$1
dir=$(cd "$2" && pwd)
tests=${CLB_TESTS:-$top/build/tests}
bin=$(cd "$tests/prometheus-$version/usr/bin" && pwd)
kept=${CLB_ORACLE:-$top/build/oracle}/$version

release=$("$bin/prometheus" --version 2>&1 | head -n 1)
if [ "${3-}" != --inside ]; then
	key=$(
		{
			echo "$release"
			sha256sum <"$here/site.sh"
			sha256sum <"$here/answer.sh"
			cd "$dir"
			find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
		} | sha256sum | cut -c 1-16
	)
	answer=$kept/$(basename "$dir")-$key
	if [ -d "$answer" ]; then
		echo "$answer"
		exit 0
	fi
	mkdir -p "$kept"
	tmp=$(mktemp -d)
	trap 'rm -rf "$tmp"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	mkdir "$tmp/answer"
	if ! (cd "$dir" && "$here/site.sh" . "$here/answer.sh" "$version" . --inside "$tmp") >&2; then
		echo "answer.sh: no answer of Prometheus $version for $dir" >&2
		tail -n 20 "$tmp/stderr" >&2
		exit 1
	fi
	# Another run may have been first; its answer is as good.
	mv -T "$tmp/answer" "$answer" 2>/dev/null || [ -d "$answer" ]
	echo "$answer"
	exit 0
fi
tmp=$4
url=http://127.0.0.1:9090

get() {
	curl -sf -o "$1" "$url$2"
}

# errors: the log's error targets; 2 and 3 write the same fields.
errors() {
	grep 'Creating target failed' "$tmp/stderr" |
		sed -n 's/.*scrape_pool=\("\([^"\\]\|\\.\)*"\|[^ ]*\) .*err="\(\([^"\\]\|\\.\)*\)".*/\1\t\3/p' |
		jq -cR 'split("\t") | {job: .[0] | (if .[0:1] == "\"" then . else "\"\(.)\"" end | fromjson),
			error: "\"\(.[1])\"" | gsub("\\\\x(?<h>..)"; "\\u00\(.h)") | fromjson}' | sort -u
}

# whole: the server has got as far as promtool with every job, and has scraped
# what it scrapes so often that its errors tell of the target_limit.
whole() {
	jq -ne --slurpfile api "$tmp/api.json" --slurpfile sd "$tmp/sd.jsonl" \
		--slurpfile log "$tmp/log" '
		$api[0].data as $api |
		($api.activeTargets | group_by(.scrapePool) |
			map({key: .[0].scrapePool, value: length}) | from_entries) as $active |
		[$sd[] | .job as $job | .results as $r |
			if $r == null then $active[$job] or any($log[]; .job == $job)
			else
				([$r[].labels | select(. != {})] | unique | length) == ($active[$job] // 0) and
				(any($r[]; .error) | not or any($log[]; .job == $job)) and
				(all($r[]; .labels != {} or .error) or ($api.droppedTargets | length) > 0)
			end
		] + [$api.activeTargets[] | .health != "unknown" or .scrapeInterval != "500ms"] |
		all' >/dev/null
}

# promtool FILE JOB MS: its answer for JOB of FILE, or null where it panics:
# 3.5 does when two targets of a job are errors, both may when a job has other
# discovery beside static_configs.
promtool() {
	if "$bin/promtool" check service-discovery --timeout="$3ms" "$1" "$2" \
		2>"$tmp/promtool.err"; then
		return
	fi
	grep -qE '^panic: (cannot handle unexported field|send on closed channel)' \
		"$tmp/promtool.err" || { cat "$tmp/promtool.err" >&2; return 1; }
	echo null
}

# ask MS: promtool's answers for every job, given MS milliseconds of discovery:
# no more than needed (with static_configs it spins), and again only if MS grows.
#
# 2.42 writes the labels after relabelling over the discovered ones, and neither
# tells what the discovered labels of an error target are. So jobs with rules
# are asked about once more, with a rule that drops everything in their place.
asked=0
ask() {
	[ "$1" -gt "$asked" ] || return 0
	asked=$1
	: >"$tmp/sd.jsonl"
	jq -r '.data.scrapePools[] | @json' "$tmp/pools.json" >"$tmp/pools"
	while IFS= read -r job; do
		name=$(printf '%s' "$job" | jq -r .)
		promtool prometheus.yml "$name" "$1" >"$tmp/results.json"
		echo null >"$tmp/plain.json"
		if grep -qxF -e "$job" "$tmp/ruled"; then
			(cd "$tmp/case" && promtool plain.yml "$name" "$1") >"$tmp/plain.json"
		fi
		jq -nc --argjson job "$job" --slurpfile results "$tmp/results.json" \
			--slurpfile plain "$tmp/plain.json" '
			{$job, results: $results[0], plain: ($plain[0] |
				if . == null or . == [] or any(.[]; .error or .labels != {}) then null
				else map(.discoveredLabels) end)}' >>"$tmp/sd.jsonl"
	done <"$tmp/pools"
}

GOMAXPROCS=2 "$bin/prometheus" --config.file=prometheus.yml --storage.tsdb.path="$tmp/data" \
	--web.listen-address=127.0.0.1:9090 >"$tmp/stdout" 2>"$tmp/stderr" &
pid=$!
trap 'kill "$pid" 2>/dev/null || :' EXIT
until get "$tmp/ready" /-/ready; do
	kill -0 "$pid" || exit 1
	sleep 0.3
done
start=$(date +%s)

# Every job is a pool once discovery has told of it, targets or not. 2 is silent
# about a job whose sources all failed.
get "$tmp/config.json" /api/v1/status/config
jq -r '.data.yaml' "$tmp/config.json" >"$tmp/config.yml"
jobs=$(grep -c '^- job_name:' "$tmp/config.yml" || :)
awk '/^- job_name: / { name = substr($0, 13) } /^  relabel_configs:$/ { print name }' \
	"$tmp/config.yml" | jq -cR 'def hex: reduce (explode[] | if . > 57 then . - 55 else . - 48 end) as $d
			(0; . * 16 + $d);
		if .[0:1] == "\"" then gsub("\\\\U(?<h>[0-9A-F]{8})"; [.h | hex] | implode) | fromjson
		elif .[0:1] == "\u0027" then .[1:-1] | gsub("\u0027\u0027"; "\u0027") else . end' >"$tmp/ruled"
if [ -s "$tmp/ruled" ]; then
	cp -R . "$tmp/case"
	awk '/^  relabel_configs:$/ { print "  relabel_configs: [{action: drop}]"; rules = 1; next }
		rules && (/^  -/ || /^   / || /^$/) { next }
		{ rules = 0; print }' "$tmp/config.yml" >"$tmp/case/plain.yml"
fi
while get "$tmp/pools.json" /api/v1/scrape_pools &&
	[ "$(jq '.data.scrapePools | length' "$tmp/pools.json")" -lt "$jobs" ]; do
	[ "$(date +%s)" -lt $((start + 8)) ] || break
	sleep 0.5
done

timeout=250
grep -q '^  [a-z]*_sd_configs:$' "$tmp/config.yml" || timeout=50
last=
while :; do
	ask "$timeout"
	get "$tmp/api.json" '/api/v1/targets?state=any'
	errors >"$tmp/log"
	now=$(jq -cS '.data | [.activeTargets[], .droppedTargets[]] |
		map(del(.lastScrape, .lastScrapeDuration, .health, .lastError)) | sort' "$tmp/api.json")
	[ "$(date +%s)" -ge $((start + 6)) ] && whole && [ "$now" = "$last" ] && break
	last=$now
	[ "$(date +%s)" -lt $((start + 90)) ] || exit 1
	sleep 1
	# Still short of promtool after a while: then it is promtool that gave up early.
	[ "$(date +%s)" -lt $((start + 9)) ] || timeout=$((timeout * 2))
done
echo "$release" | sed 's/^prometheus, version \([0-9]*\.[0-9]*\).*/\1/; s/^2\.42$/2/; s/^3\.5$/3/' \
	>"$tmp/answer/compat"
cp "$tmp/api.json" "$tmp/sd.jsonl" "$tmp/log" "$tmp/answer/"
kill "$pid"
wait "$pid" || :
