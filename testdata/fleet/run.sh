#!/bin/sh
# run.sh DIR KIND DELIVERY LANES: five real collectors on what share.sh put below
# DIR, for each of the cases in DIR/todo.KIND.DELIVERY. KIND is 2 or 3, a generation
# of Prometheus, and DELIVERY files, http or agent; or KIND is vmagent, and DELIVERY
# old-files, old-http, new-files or new-http, after its oldest and newest version.
# Their active targets become DIR/five/KIND/NAME/DELIVERY.json, a list of five lists;
# if they are what one Prometheus showed, they are kept for next time.
#
# A Prometheus looks at what it discovered every five seconds, so a case takes that
# long, and does little meanwhile. That is why five are started once, and made to
# reload for each case; and why LANES of these go through the cases side by side. All
# are in one network namespace, where DIR is /mnt, nginx serves DIR/tree on
# 127.0.0.1:8080, and collector N of lane L is 127.1.L.(N+1):9090.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
tests=${CLB_TESTS:-$here/../../build/tests}
kept=${CLB_ORACLE:-$here/../../build/oracle}/fleet

if [ "$1" != --inside ]; then
	dir=$(cd "$1" && pwd)
	shift
	exec unshare --user --map-root-user --net --mount --pid --fork --kill-child --mount-proc \
		"$here/run.sh" --inside "$dir" "$@"
fi
dir=$2 kind=$3 delivery=$4 lanes=$5

mount --bind "$dir" /mnt
ip link set lo up
ip route add local 10.0.0.0/8 dev lo
ip -6 route add local 2001:db8::/32 dev lo 2>/dev/null || :
work=/mnt/run/$kind-$delivery
mkdir -p "$work"
cd "$work"
printf 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n' >resolv.conf
mount --bind resolv.conf "$(readlink -f /etc/resolv.conf)"

settle=5.5 ready=/-/ready
[ "$kind" != vmagent ] || settle=2 ready=/health

"$here/../tree/nginx.sh" "$work" /mnt/tree

# ---- inotify instances: a Prometheus takes one for each job with files ----

# take JOBS: wait until as many are left as five need, but not for ever: who takes
# what is not there may still be lucky.
take() {
	tries=2000
	until (
		flock 9
		left=$(($(cat /mnt/instances) - $1 * 5))
		[ "$left" -ge 0 ] || [ "$tries" -eq 0 ] || exit 1
		echo "$left" >/mnt/instances
	) 9>>/mnt/lock; do
		tries=$((tries - 1))
		sleep 0.3
	done
}

give() {
	(
		flock 9
		echo $(($(cat /mnt/instances) + $1 * 5)) >/mnt/instances
	) 9>>/mnt/lock
}

# ---- the five of a lane ----

# each CMD...: CMD N ADDRESS, for all five.
each() {
	for n in 0 1 2 3 4; do
		"$@" "$n" "127.1.$l.$((n + 1)):9090"
	done
}

# empty N: the collector's configuration has no jobs.
empty() {
	echo 'scrape_configs: []' >"$lane/$1/config.yml"
}

start() {
	mkdir "$lane/$1"
	empty "$1"
	case $kind in
	vmagent)
		"$tests/vmagent-${delivery%-*}/usr/bin/vmagent" -promscrape.config="$lane/$1/config.yml" \
			-remoteWrite.url=http://127.0.0.1:9/ -remoteWrite.tmpDataPath="$lane/$1/data" \
			-httpListenAddr="$2" ;;
	*)
		"$tests/prometheus-$kind/usr/bin/prometheus" --config.file="$lane/$1/config.yml" \
			--storage.tsdb.path="$lane/$1/data" --storage.remote.flush-deadline=1s \
			--scrape.discovery-reload-interval=100ms \
			--web.enable-lifecycle --web.listen-address="$2" ;;
	esac >"$lane/$1/log" 2>&1 &
}

# ask PATH METHOD FILE: request PATH of all five, at once; the answers are N/FILE.
ask() {
	each asking "$@" | curl --no-progress-meter --fail --parallel --max-time 20 --config -
}

asking() {
	printf 'next\nrequest = %s\nurl = "http://%s%s"\noutput = "%s/%s/%s"\n' \
		"$2" "$5" "$1" "$lane" "$4" "$3"
}

# reload FILE: all five read their configuration.
reload() {
	ask /-/reload POST "$1" || echo "above: $kind $name $delivery $1"
}

# ---- a case ----

# place N ADDRESS: the collector gets the case's configuration, and reads it, too, if
# it is for an agent to say so.
place() {
	if [ "$delivery" = agent ]; then
		mkdir -p "/mnt/agent/$kind/$name"
		clb-agent --url "http://127.0.0.1:8080/$kind/$name" --collector "collector-$1" \
			-d "/mnt/agent/$kind/$name/collector-$1" --config "/mnt/config/$kind/$name/agent.yml" \
			--config-out "$lane/$1/config.yml" --reload-url "http://$2/-/reload" &
		agents="$agents $!"
	else
		sed "s/\$(POD_NAME)/collector-$1/g" "/mnt/config/$kind/$name/${delivery#*-}.yml" \
			>"$lane/$1/config.yml"
	fi
}

# unquote N: the old vmagent quotes strings as Go does; make JSON of its answer.
unquote() {
	sed -i 's/\\\\/\x01/g; s/\\x\(..\)/\\u00\1/g; s/\\a/\\u0007/g; s/\\v/\\u000b/g; s/\x01/\\\\/g' \
		"$lane/$1/targets"
}

# right: what the five show is what the one does. Then it is kept.
right() {
	five=/mnt/five/$kind/$name/$delivery.json
	[ "$delivery" = "${delivery#old}" ] || each unquote
	jq -cn '[inputs.data.activeTargets |
		map({discoveredLabels, labels, scrapePool, scrapeUrl, scrapeInterval, scrapeTimeout})]' \
		"$lane/0/targets" "$lane/1/targets" "$lane/2/targets" "$lane/3/targets" "$lane/4/targets" >"$five" &&
		"$here/differ.sh" "$kind" "$(cat "/mnt/config/$kind/$name/answer")" "$five" >/dev/null 2>&1 &&
		cp "$five" "$kept/.new.$kind-$delivery-$l" &&
		mv "$kept/.new.$kind-$delivery-$l" "$kept/$kind-$name-$delivery-$(cat "/mnt/five/$kind/$name/$delivery.key")"
}

# look: ask the five, and see if it is right. Only two lanes do so at a time: if all
# had to wait for a processor, all would have to look once more.
look() {
	(
		flock 9
		ask '/api/v1/targets?state=active' GET targets && right
	) 9>>"/mnt/gate.$((l % 2))"
}

# one_case: $name. After it all targets go: one of this case would look like one of
# the next that is doubled.
one_case() {
	jobs=0
	case $kind-$delivery in
	[23]-files | [23]-agent) jobs=$(grep -c 'file_sd_configs' "/mnt/config/$kind/$name/$delivery.yml" || :) ;;
	esac
	take "$jobs"
	agents=
	each place
	[ -n "$agents" ] || reload config
	tries=8
	sleep "$settle"
	until look; do
		[ $((tries -= 1)) -gt 0 ] || break
		sleep 2
	done
	# shellcheck disable=SC2086 # a list of process ids
	[ -z "$agents" ] || { kill $agents || :; wait $agents || :; }
	each empty
	reload after
	give "$jobs"
}

lane() {
	l=$1 lane=$work/$1
	mkdir "$lane"
	each start
	tries=100
	until ask "$ready" GET ready 2>/dev/null; do
		[ $((tries -= 1)) -gt 0 ] || { echo "$kind $delivery $l does not start"; return 1; }
		sleep 0.3
	done
	awk -v l="$l" -v lanes="$lanes" 'NR % lanes == l - 1' "/mnt/todo.$kind.$delivery" |
	while read -r name; do
		one_case
	done
	! grep -h 'initialize inotify' "$lane"/*/log | head -n 1
}

pids=
for l in $(seq "$lanes"); do
	lane "$l" &
	pids="$pids $!"
done
rc=0
for pid in $pids; do
	wait "$pid" || rc=1
done
exit "$rc"
