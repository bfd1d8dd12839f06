load helpers
PROG=clb-watch

# kubectl is a stand-in, testdata/clb-watch/kubectl: it replays $CLUSTER, and
# says in its first lines why.
setup() {
	mkdir "$BATS_TEST_TMPDIR/w"
	cd "$BATS_TEST_TMPDIR/w"
	export CLUSTER=$PWD/cluster PATH=$BATS_TEST_DIRNAME/clb-watch:$PATH
	mkdir cluster
	printf 'pods\tPod\t/api/v1/pods\t\n' >streams
	pods 100 a b >cluster/list.1
}

teardown() {
	[ -n "$BATS_TEST_COMPLETED" ] || cat err cluster/calls m/changes || :
	[ -z "${pid-}" ] || kill "$pid" 2>/dev/null || :
	wait
}

# pods VERSION NAME...: a list.
pods() {
	local version=$1

	shift
	jq -cn --arg v "$version" '{kind: "PodList", metadata: {resourceVersion: $v},
	    items: [$ARGS.positional[] | {metadata: {name: ., namespace: "n"}}]}' --args "$@"
}

# event TYPE NAME VERSION
event() {
	printf '{"type":"%s","object":{"kind":"Pod","metadata":{"name":"%s","namespace":"n","resourceVersion":"%s"}}}\n' "$@"
}

watch() {
	timeout 60 clb-watch --streams streams -d m --max-backoff 1 "$@" 2>err 3>&- &
	pid=$!
}

# of_stream NAME: the process of that name that serves the only stream.
of_stream() {
	pgrep -P "$(pgrep -P "$(pgrep -P "$pid" -f -- --streams)" -f -- --follow)" "$1"
}

# calls WHAT N: there were N at least.
calls() {
	[ "$(grep -c "^$1 " cluster/calls)" -ge "$2" ]
}

# resumed N VERSION: the Nth watch went on from that version.
resumed() {
	[[ $(grep '^watch ' cluster/calls | sed -n "$1p") == *"&resourceVersion=$2"* ]]
}

# holds NAME...: the mirror has these pods.
holds() {
	local log=/dev/null

	[ "$(head -n 1 m/pods/log | jq -r .list)" != "$(head -n 1 m/pods/list | jq -r .resourceVersion)" ] ||
	    log=m/pods/log
	diff <(printf '%s\n' "$@") <({ cat m/pods/list "$log"; } | jq -r '
	    if .metadata then "+ " + .metadata.name elif .object then "+ " + .object.metadata.name
	    elif .key then "- " + (.key | ltrimstr("n/")) else empty end' |
	    awk '{ has[$2] = $1 } END { for (n in has) if (has[n] == "+") print n }' | sort)
}

@test "prints its usage" {
	check_usage
	check 64 '' "clb-watch: -c FILE is missing
$(clb-watch -h)" clb-watch -d m
	check 64 '' "clb-watch: -d MIRROR is missing
$(clb-watch -h)" clb-watch -c x
	check 64 '' "clb-watch: -c and --streams exclude each other
$(clb-watch -h)" clb-watch -c x --streams y -d m
	check 64 '' "clb-watch: '0' is not a number from 1 to 99999
$(clb-watch -h)" clb-watch -c x -d m --limit 0
}

@test "lists page by page, then watches from the list's version; every change is a line" {
	jq -c '.metadata.continue = "x/1="' <(pods 100 a) >cluster/list.1
	jq -c '.metadata.continue = "y"' <(pods 100 b) >cluster/page.x%2F1%3D
	pods 100 c >cluster/page.y
	event DELETED b 101 >cluster/watch.1
	touch cluster/watch.1.hold
	watch --limit 1
	within 20 grep -q DELETED m/changes
	check 0 $'LISTED pods\nDELETED n/b' '' cat m/changes
	check 0 'list /api/v1/pods?limit=1
page /api/v1/pods?limit=1&continue=x%2F1%3D
page /api/v1/pods?limit=1&continue=y
watch /api/v1/pods?watch=1&allowWatchBookmarks=true&timeoutSeconds=N&resourceVersion=100' '' \
	    sed 's/Seconds=[0-9]*/Seconds=N/' cluster/calls
	check 0 '' '' holds a c
	check 0 '' '' cat err
}

@test "the query of a stream goes with every call" {
	printf 'pods@n+0123456789abcdef\tPod\t/api/v1/namespaces/n/pods\tlabelSelector=a%%3Db\n' >streams
	watch
	within 20 calls watch 1
	grep -qxF 'list /api/v1/namespaces/n/pods?limit=500&labelSelector=a%3Db' cluster/calls
	grep -q '^watch /api/v1/namespaces/n/pods?.*&resourceVersion=100&labelSelector=a%3Db$' cluster/calls
	[ -e m/pods@n+0123456789abcdef/list ]
}

@test "a watch that ends with 0 goes on where it stood, with bookmarks" {
	{ event ADDED c 101; echo '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"150"}}}'; } >cluster/watch.1
	event DELETED a 151 >cluster/watch.2
	watch
	within 20 resumed 3 151
	resumed 1 100
	resumed 2 150
	holds b c
	[ "$(grep -c '^list' cluster/calls)" -eq 1 ]
	check 0 '' '' cat err
}

@test "a connection cut in the middle of an event: the event comes again" {
	{ event ADDED c 101; event ADDED d 102 | head -c 40; } >cluster/watch.1
	echo 1 >cluster/watch.1.rc
	echo 'error: unexpected EOF' >cluster/watch.1.err
	event ADDED d 102 >cluster/watch.2
	watch
	within 20 resumed 3 102
	resumed 2 101
	holds a b c d
	check 0 'clb-watch: pods: watch: kubectl: error: unexpected EOF' '' cat err
	[ "$(grep -c '^list' cluster/calls)" -eq 1 ]
}

@test "410 in the stream: a new list, and what is gone from it is gone" {
	{ event ADDED c 101; echo '{"type":"ERROR","object":{"kind":"Status","reason":"Expired","code":410,"message":"too old resource version"}}'; } >cluster/watch.1
	pods 300 b d >cluster/list.2
	watch
	within 20 resumed 2 300
	holds b d
	check 0 "clb-watch: pods: watch: clb-mirror: <stdin>: the server says 'too old resource version' (410 Expired): a new list is due
clb-watch: pods: all is well again" '' cat err
	check 0 $'LISTED pods\nADDED n/c\nLISTED pods' '' cat m/changes
}

@test "410 as the watch begins: a new list" {
	echo 1 >cluster/watch.1.rc
	echo 'Error from server (Expired): too old resource version: 100 (250)' >cluster/watch.1.err
	: >cluster/watch.1
	pods 300 d >cluster/list.2
	watch
	within 20 resumed 2 300
	holds d
}

@test "a line that is no event: a new list; the old one serves meanwhile" {
	echo '{"type":"ADDED","object":{"metadata":{}}}' >cluster/watch.1
	echo oops >cluster/list.2
	pods 300 d >cluster/list.3
	watch
	within 20 grep -q 'no list' err
	holds a b
	within 20 resumed 2 300
	holds d
}

@test "a page that came too late: the list begins anew, the old one serves meanwhile" {
	event ADDED c 101 >cluster/watch.1
	echo '{"type":"ERROR","object":{"code":410}}' >>cluster/watch.1
	jq -c '.metadata.continue = "gone"' <(pods 300 d) >cluster/list.2
	pods 400 e >cluster/list.3
	watch
	within 20 grep -q 'no list: kubectl: cat: .*page.gone' err
	within 20 resumed 2 400
	holds e
}

@test "the server is away: what was known stays, and it is tried again and again" {
	watch
	within 20 calls watch 1
	for n in 2 3 4 5 6 7 8; do
		: >"cluster/watch.$n"
		echo 1 >"cluster/watch.$n.rc"
		echo 'The connection to the server 127.0.0.1:1 was refused' >"cluster/watch.$n.err"
	done
	kill "$(of_stream sleep)"
	within 20 calls watch 4
	holds a b
	# After five failures in a row a new list is tried as well.
	within 20 calls list 2
	within 20 calls watch 9
	grep -qx 'clb-watch: pods: watch: kubectl: The connection to the server 127.0.0.1:1 was refused' err
	[ "$(grep -c refused err)" -le 2 ]
}

@test "no list at first: nothing is published, and it is tried again" {
	: >cluster/list.1
	echo 1 >cluster/list.1.rc
	echo 'Error from server (Forbidden): pods is forbidden' >cluster/list.1.err
	pods 100 a >cluster/list.3
	watch
	within 20 calls list 2
	[ ! -e m/pods/list ]
	within 20 calls watch 1
	check 0 'clb-watch: pods: no list: kubectl: Error from server (Forbidden): pods is forbidden
clb-watch: pods: all is well again' '' cat err
}

@test "a stream that stalls is begun again from where it stood" {
	event ADDED c 101 >cluster/watch.1
	touch cluster/watch.1.hold
	watch --silence 1
	within 20 resumed 2 101
	[ "$(grep -c '^list' cluster/calls)" -eq 1 ]
}

@test "clb-mirror killed: kubectl ends, and it goes on; whoever waits for changes is told" {
	event ADDED c 101 >cluster/watch.1
	touch cluster/watch.1.hold
	watch
	within 20 grep -q ADDED m/changes
	kill -9 "$(of_stream clb-mirror)"
	within 20 resumed 2 101
	holds a b c
	check 0 $'LISTED pods\nADDED n/c\nUNKNOWN pods' '' cat m/changes
}

@test "after kill -9 a new one goes on from where the old one stood, and nothing is left running" {
	event ADDED c 101 >cluster/watch.1
	touch cluster/watch.1.hold
	watch
	within 20 grep -q ADDED m/changes
	main=$(pgrep -P "$pid" -f -- --streams)
	kids=$(pgrep -P "$main" -f -- --follow)
	kids="$kids $(pgrep -P "$kids")"
	kill -9 "$main"
	for kid in $kids; do
		within 20 [ ! -e "/proc/$kid" ]
	done
	watch
	within 20 resumed 2 101
	[ "$(grep -c '^list' cluster/calls)" -eq 1 ]
}

@test "a signal ends it and all that it started" {
	watch
	within 20 calls watch 1
	main=$(pgrep -P "$pid" -f -- --streams)
	kids=$(pgrep -P "$main" -f -- --follow)
	kids="$kids $(pgrep -P "$kids")"
	kill -TERM "$main"
	wait "$pid" && return 1
	for kid in $kids; do
		[ ! -e "/proc/$kid" ]
	done
	pid=
}

@test "two of them exclude each other" {
	watch
	within 20 calls watch 1
	check 75 '' 'clb-watch: m is in use by another clb-watch' clb-watch --streams streams -d m
}

@test "streams come and go with the configuration; what is no longer needed is removed" {
	watch
	within 20 calls watch 1
	printf 'nodes\tNode\t/api/v1/nodes\t\n' >streams
	echo '{"kind":"NodeList","metadata":{"resourceVersion":"5"},"items":[]}' >cluster/list.2
	within 20 [ -e m/nodes/list ]
	within 20 [ ! -e m/pods ]
	echo 'nonsense' >streams
	within 20 grep -qx 'clb-watch: configuration: a line is not STREAM KIND PATH QUERY; the streams stay' err
	[ -e m/nodes/list ]
}

@test "--once lists every stream and ends" {
	printf 'nodes\tNode\t/api/v1/nodes\t\n' >>streams
	echo '{"kind":"NodeList","metadata":{"resourceVersion":"5"},"items":[]}' >cluster/list.2
	check 0 '' '' clb-watch --streams streams -d m --once
	[ -e m/nodes/list ] && [ -e m/pods/list ]
	echo 1 >cluster/list.3.rc
	echo gone >cluster/list.3.err
	: >cluster/list.3
	check 69 '' 'clb-watch: pods: no list: kubectl: gone' clb-watch --streams <(head -n 1 streams) -d m --once
	[ -e m/pods/list ]
}
