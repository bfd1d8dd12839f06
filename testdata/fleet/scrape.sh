#!/bin/sh
# scrape.sh VERSION DELIVERY DIR: one real Prometheus of generation VERSION scrapes
# what site/ says, and five scrape what clb-run and DELIVERY (files, http or agent)
# give them. Then a collector is added, one is killed, and one is drained. Each time
# DIR/STEP holds how the series of the collectors came to differ from the one's: an
# empty file if they are the same, and none is there twice; and DIR/STEP.gaps how
# long each target was not scraped. STEP is start, added, killed and drained.
#
# All of it is in one network namespace: the exporters (see exporter.sh), the one on
# 127.0.0.1:9090, collector N on 127.0.1.(N+1):9090 and nginx on 127.0.0.1:8080.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
tests=${CLB_TESTS:-$here/../../build/tests}

if [ "$1" != --inside ]; then
	version=$1 delivery=$2
	dir=$(cd "$3" && pwd)
	exec unshare --user --map-root-user --net --mount --pid --fork --kill-child --mount-proc \
		"$here/scrape.sh" --inside "$version" "$delivery" "$dir"
fi
version=$2 delivery=$3 dir=$4
cd "$dir"
ip link set lo up
ip route add local 10.0.0.0/8 dev lo
cp -R "$here/site/." .
"$here/exporter.sh" exporter

# prometheus NAME ADDRESS CONFIG: one is started; its process is in NAME/pid.
prometheus() {
	GOMAXPROCS=1 "$tests/prometheus-$version/usr/bin/prometheus" --config.file="$3" \
		--storage.tsdb.path="$1/data" --web.enable-lifecycle --web.listen-address="$2:9090" \
		>"$1/log" 2>&1 &
	echo "$!" >"$1/pid"
}

# collector N: it is started, on the configuration that its place gets. Its files come
# first: a Prometheus does not watch a directory that is not there yet.
collector() {
	tries=100
	until [ -e tree/readyz ] && [ -d "tree/sd/collector-$1" ]; do
		[ $((tries -= 1)) -gt 0 ] || { cat clb-run.log; exit 1; }
		sleep 0.3
	done
	mkdir "collector-$1"
	case $delivery in
	agent)
		echo 'scrape_configs: []' >"collector-$1/prometheus.yml"
		clb-agent --url http://127.0.0.1:8080 --collector "collector-$1" -d "collector-$1/sd" \
			--config collector.yml --config-out "collector-$1/prometheus.yml" \
			--reload-url "http://127.0.1.$(($1 + 1)):9090/-/reload" --interval 1s \
			2>"collector-$1/agent.log" &
		;;
	*) sed "s/\$(POD_NAME)/collector-$1/g" collector.yml >"collector-$1/prometheus.yml" ;;
	esac
	prometheus "collector-$1" "127.0.1.$(($1 + 1))" "collector-$1/prometheus.yml"
}

# collectors: what clb-run knows of them from now on, on stdin.
collectors() {
	cat >collectors.new
	mv collectors.new collectors.jsonl
}

# is STATE N...: a line for each of them.
is() {
	state=$1
	shift
	for n; do
		printf '{"name":"collector-%s","state":"%s"}\n' "$n" "$state"
	done
}

# ask FILE QUERY NAME: a Prometheus's answer to QUERY, each series with who has it.
ask() {
	case $3 in
	one) address=127.0.0.1 ;;
	*) address=127.0.1.$((${3#collector-} + 1)) ;;
	esac
	curl -sf --max-time 10 --data-urlencode "query=$2" "http://$address:9090/api/v1/query" |
		jq -c --arg who "$3" '.data.result[] | . + {$who}' >>"$1"
}

# same NAME...: what the one has now, and what these have, all together.
same() {
	rm -f series one many
	: >difference
	ask series '{__name__=~".+"}' one || return
	jq -cS .metric series | sort >one
	rm -f series
	for name; do
		ask series '{__name__=~".+"}' "$name" || return
	done
	jq -cS .metric series | sort >many
	[ -s one ] && diff one many >difference
}

# has N: collector N scrapes something; has_not N: it does not.
has() {
	rm -f up
	ask up up "collector-$1" && [ -s up ]
}

has_not() {
	rm -f up
	ask up up "collector-$1" && [ ! -s up ]
}

# step STEP CONDITION NAME...: these collectors scrape together what the one does, at
# last, and the condition holds by which it is seen that something has happened.
step() {
	step=$1 condition=$2
	shift 2
	tries=40
	until $condition && same "$@"; do
		[ $((tries -= 1)) -gt 0 ] || {
			echo "not: $condition, or not the same:" | cat - difference >"$step"
			# Another's processes may have the inotify instances, say.
			grep -ih 'level=error' ./*/log >>"$step" || :
			return
		}
		sleep 1
	done
	sleep 3
	: >"$step"
	for name; do
		ask samples 'up[5m]' "$name"
	done
	jq -nr -f "$here/gaps.jq" --argjson since "$since" --slurpfile samples samples >"$step.gaps"
	rm -f samples
}

is ready 0 1 2 3 4 | collectors
case $delivery in
files) set -- --via file --sd-dir "$dir/tree/sd/\$(POD_NAME)" ;;
agent) set -- --via file --sd-dir "$dir/\$(POD_NAME)/sd" ;;
http) set -- --via http --sd-url "http://127.0.0.1:8080/sd/\$(POD_NAME)" --interval 1s ;;
esac
clb-config rewrite --for prometheus "$@" --base "$dir" --compat "$version" prometheus.yml >collector.yml
mkdir nginx tree
"$here/../tree/nginx.sh" nginx tree

clb-run -c prometheus.yml --tree tree --collectors collectors.jsonl --state state --interval 1s \
	--compat "$version" 2>clb-run.log &
mkdir one.d
prometheus one.d 127.0.0.1 prometheus.yml
for n in 0 1 2 3 4; do
	collector "$n"
done
since=$(date +%s)
step start true collector-0 collector-1 collector-2 collector-3 collector-4

since=$(date +%s)
{ is ready 0 1 2 3 4 && is pending 5; } | collectors
collector 5
until curl -sf 127.0.1.6:9090/-/ready >/dev/null; do
	sleep 0.2
done
is ready 0 1 2 3 4 5 | collectors
step added "has 5" collector-0 collector-1 collector-2 collector-3 collector-4 collector-5

since=$(date +%s)
ask samples 'up[5m]' collector-1
kill -9 "$(cat collector-1/pid)"
is ready 0 2 3 4 5 | collectors
step killed true collector-0 collector-2 collector-3 collector-4 collector-5

since=$(date +%s)
{ is ready 0 3 4 5 && is draining 2; } | collectors
step drained "has_not 2" collector-0 collector-2 collector-3 collector-4 collector-5
