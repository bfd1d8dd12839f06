#!/bin/sh
# oracle.sh VERSION SITE CLUSTER: what the real Prometheus VERSION (2.53 or 3.5)
# discovers at SITE (live, made or stub, see config.jq) of a cluster. Prints the file
# that holds it, in the form of normal.jq, sorted.
#
# It is kept below build/oracle, named by a hash over all that it depends on; but
# controllers make up names, so what they have made is asked about every time.
# Exits 1, with nothing kept, when there is no stable answer within three minutes.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$here/../..
version=$1
site=$2
cluster=$(cd "$3" && pwd)
case $version in
2*) bin=${CLB_TESTS:-$top/build/tests}/prometheus-$version/usr/bin/prometheus patience=15 ;;
3*) bin=${CLB_TESTS:-$top/build/tests}/prometheus-3/usr/bin/prometheus patience=40 ;;
esac
kept=${CLB_ORACLE:-$top/build/oracle}/kube-$version

key=$(
	{
		"$bin" --version 2>&1 | head -n 1
		cd "$here"
		sha256sum objects/* debugged.json stub.jsonl stub.sh config.jq normal.jq objects.jq \
			prepare.sh apply.sh note.sh oracle.sh cluster.sh gates
	} | sha256sum | cut -c 1-16
)
answer=$kept/$site-$key.jsonl
if [ "$site" = made ]; then
	answer=$cluster/made-$version.jsonl
elif [ -e "$answer" ]; then
	echo "$answer"
	exit 0
fi

mkdir -p "$kept"
tmp=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || :; rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
case $site-$version in
stub-*) port=9091 ;;
*) port=9090 ;;
esac

jq -n --arg site "$site" --arg version "$version" -f "$here/config.jq" >"$tmp/prometheus.yml"
cp "$cluster/token" "$tmp/token"
GOMAXPROCS=2 "$bin" --config.file="$tmp/prometheus.yml" --storage.tsdb.path="$tmp/data" \
	--web.listen-address="127.0.0.1:$port" >"$tmp/log" 2>&1 &
pid=$!

# stable SECONDS: what it tells has not changed for so long.
last=
same=0
start=$(date +%s)
while [ $(($(date +%s) - start)) -lt "$patience" ] || [ "$same" -lt 5 ]; do
	sleep 2
	kill -0 "$pid"
	[ $(($(date +%s) - start)) -lt 180 ] || { tail -n 20 "$tmp/log" >&2; exit 1; }
	curl -sf -o "$tmp/api.json" "http://127.0.0.1:$port/api/v1/targets?state=dropped" || continue
	now=$(jq -cS '.data.droppedTargets | map(.discoveredLabels) | sort' "$tmp/api.json" | sha256sum)
	if [ "$now" = "$last" ]; then same=$((same + 1)); else same=0; fi
	last=$now
done
# What it cannot list or watch is missing in its answer.
if grep -i 'failed to \(list\|watch\)' "$tmp/log" >&2; then
	exit 1
fi
kill "$pid"
wait "$pid" || :
pid=
jq -cS --slurpfile objects "$cluster/objects.json" -f "$here/normal.jq" "$tmp/api.json" |
	LC_ALL=C sort >"$tmp/answer"
cp "$tmp/answer" "$answer.$$"
mv "$answer.$$" "$answer"
echo "$answer"
