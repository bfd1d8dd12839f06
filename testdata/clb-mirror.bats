load helpers
PROG=clb-mirror

# Every test has a mirror of its own; $LISTED is a list of the pods n/a and n/b.
setup() {
	mkdir "$BATS_TEST_TMPDIR/w"
	cd "$BATS_TEST_TMPDIR/w"
	mkdir m
	LISTED='{"kind":"PodList","metadata":{"resourceVersion":"100"},"items":[
	{"metadata":{"name":"a","namespace":"n"},"status":{"phase":"Pending"}},
	{"metadata":{"name":"b","namespace":"n"},"status":{"phase":"Running","podIP":"10.1.0.3"}}]}'
}

# event TYPE NAME VERSION STATUS: an event of pod n/NAME.
event() {
	printf '{"type":"%s","object":{"kind":"Pod","metadata":{"name":"%s","namespace":"n","resourceVersion":"%s"},"status":%s}}\n' \
	    "$1" "$2" "$3" "$4"
}

listed() {
	clb-mirror -d m/pods list <<<"$LISTED" >listed
}

# state: what a reader finds, a line "key phase podIP" an object; needs no order.
state() {
	local log=/dev/null

	[ "$(head -n 1 m/pods/log | jq -r .list)" != "$(head -n 1 m/pods/list | jq -r .resourceVersion)" ] ||
	    log=m/pods/log
	{ tail -n +2 m/pods/list; tail -n +2 "$log"; } | jq -rR '
	    fromjson? // empty
	    | if .metadata then "\(.metadata.namespace)/\(.metadata.name) \(.status.phase) \(.status.podIP)"
	      elif .object then "\(.object.metadata.namespace)/\(.object.metadata.name) \(.object.status.phase) \(.object.status.podIP)"
	      elif .key then "\(.key) -" else empty end' |
	    awk '{ line[$1] = $0; gone[$1] = ($2 == "-") } END { for (k in line) if (!gone[k]) print line[k] }' | sort
}

@test "prints its usage" {
	check_usage
	check 64 '' "$(clb-mirror -h)" clb-mirror -d m/pods
	check 64 '' "$(clb-mirror -h)" clb-mirror list
	check 64 '' "$(clb-mirror -h)" clb-mirror -d m/pods lists
	check 64 '' "clb-mirror: --silence: '0' is not a number from 1 to 86400" clb-mirror -d m/pods --silence 0 watch
}

@test "the kind is in the name of the directory, or given" {
	check 64 '' 'clb-mirror: m/secrets: the name says no kind, and --kind does not' clb-mirror -d m/secrets list
	check 64 '' "clb-mirror: discovery has no use for kind 'Secret'" clb-mirror -d m/x --kind Secret list
	[ ! -e m/secrets ] && [ ! -e m/x ]
	check 0 'complete 100' '' clb-mirror -d m/x --kind Pod list <<<"$LISTED"
	check 0 'complete 100' '' clb-mirror -d m/pods@n+0123456789abcdef/ list <<<"$LISTED"
	check 73 '' 'clb-mirror: none/pods: No such file or directory' clb-mirror -d none/pods list <<<"$LISTED"
}

@test "a list becomes the mirror; the page in section 5 describes its files" {
	check 0 'complete 100' '' clb-mirror -d m/pods list <<<"$LISTED"
	check 0 '{"kind":"Pod","resourceVersion":"100","stream":"pods","version":1}
{"kind":"Pod","metadata":{"name":"a","namespace":"n"},"status":{"phase":"Pending"}}
{"kind":"Pod","metadata":{"name":"b","namespace":"n"},"status":{"phase":"Running","podIP":"10.1.0.3"}}
{"end":2}' '' sed 's/ *$//' m/pods/list
	check 0 '{"list":"100","version":1}' '' cat m/pods/log
	[ "$(head -n 1 m/pods/list | wc -c)" -eq 512 ]
	check 0 100 '' clb-mirror -d m/pods position
	[ ! -e m/pods/list.new ] && [ ! -e m/pods/log.new ]
}

@test "pages are gathered; the token of the next can go into a URL" {
	check 0 'continue a%2FB%2B0-._~%3D%3D' '' clb-mirror -d m/pods --begin list \
	    <<<'{"kind":"PodList","metadata":{"continue":"a/B+0-._~==","resourceVersion":"7"},"items":[{"metadata":{"name":"a"}}]}'
	[ ! -e m/pods/list ]
	check 66 '' 'clb-mirror: m/pods: there is no list yet' clb-mirror -d m/pods position
	check 66 '' 'clb-mirror: m/pods: there is no list yet' clb-mirror -d m/pods watch
	check 0 'complete 7' '' clb-mirror -d m/pods list \
	    <<<'{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"b"}}]}'
	[ "$(jq -r '.metadata.name // empty' m/pods/list | tr '\n' ' ')" = 'a b ' ]
	[ "$(tail -n 1 m/pods/list)" = '{"end":2}' ]
}

@test "a page that fails is cut off, and can be given again" {
	clb-mirror -d m/pods --begin list >/dev/null \
	    <<<'{"kind":"PodList","metadata":{"continue":"x","resourceVersion":"7"},"items":[{"metadata":{"name":"a"}}]}'
	echo '{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"b"}},{"metadata":' >in
	check 65 '' 'clb-mirror: <stdin>:2:1: the array ends too early' clb-mirror -d m/pods list <in
	check 0 'complete 7' '' clb-mirror -d m/pods list \
	    <<<'{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"b"}}]}'
	[ "$(jq -r '.metadata.name // empty' m/pods/list | tr '\n' ' ')" = 'a b ' ]
}

@test "--begin forgets the pages before" {
	clb-mirror -d m/pods list >/dev/null \
	    <<<'{"kind":"PodList","metadata":{"continue":"x","resourceVersion":"7"},"items":[{"metadata":{"name":"old"}}]}'
	check 0 'complete 100' '' clb-mirror -d m/pods --begin list <<<"$LISTED"
	check 0 $'n/a Pending null\nn/b Running 10.1.0.3' '' state
}

@test "pages of different lists are not one list" {
	clb-mirror -d m/pods list >/dev/null \
	    <<<'{"kind":"PodList","metadata":{"continue":"x","resourceVersion":"7"},"items":[]}'
	check 75 '' "clb-mirror: <stdin>: the page is of version '8', those before of '7': a new list is due" \
	    clb-mirror -d m/pods list <<<'{"kind":"PodList","metadata":{"resourceVersion":"8"},"items":[]}'
	[ ! -e m/pods/list ]
}

@test "a list as kubectl get -o json prints it, indented, with its version at the end and empty" {
	check 0 'complete' '' clb-mirror -d m/pods list < <(jq -S --indent 4 '.kind = "List"
	    | .metadata.resourceVersion = "" | .items[].kind = "Pod"' <<<"$LISTED")
	check 0 $'n/a Pending null\nn/b Running 10.1.0.3' '' state
	check 75 '' 'clb-mirror: m/pods: the list has no resource version: a new list is due' clb-mirror -d m/pods position
}

@test "several pages in one input, and single objects" {
	check 0 'complete 7' '' clb-mirror -d m/pods list \
	    <<<'{"kind":"PodList","metadata":{"continue":"x","resourceVersion":"7"},"items":[{"metadata":{"name":"a"}}]}
	    {"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"b"}}]}'
	[ "$(tail -n 1 m/pods/list)" = '{"end":2}' ]
	check 0 'complete' '' clb-mirror -d m/nodes list <<<'{"metadata":{"name":"w-1"},"kind":"Node"}{"kind":"Node","metadata":{"name":"w-2"}}'
	[ "$(jq -r '.metadata.name // empty' m/nodes/list | tr '\n' ' ')" = 'w-1 w-2 ' ]
}

@test "of a list of several kinds, the others are passed over" {
	check 0 'complete 5' '' clb-mirror -d m/pods list <<<'{"kind":"List","metadata":{"resourceVersion":"5"},"items":[
	    {"kind":"Service","metadata":{"name":"s"}},{"kind":"Pod","metadata":{"name":"p"}}]}'
	[ "$(tail -n 1 m/pods/list)" = '{"end":1}' ]
}

@test "an empty list is a list; no items at all is none" {
	check 0 'complete 5' '' clb-mirror -d m/pods list <<<'{"kind":"PodList","metadata":{"resourceVersion":"5"},"items":[]}'
	check 0 'complete 6' '' clb-mirror -d m/pods list <<<'{"items":null,"kind":"PodList","metadata":{"resourceVersion":"6"}}'
	[ "$(tail -n 1 m/pods/list)" = '{"end":0}' ]
	check 65 '' "clb-mirror: <stdin>:1:1: 'PodList' is no list of Pod objects" clb-mirror -d m/pods list \
	    <<<'{"kind":"PodList","metadata":{"resourceVersion":"7"}}'
	check 65 '' "clb-mirror: <stdin>:1:1: 'NodeList' is no list of Pod objects" clb-mirror -d m/pods list \
	    <<<'{"kind":"NodeList","items":[],"metadata":{"resourceVersion":"7"}}'
	check 65 '' 'clb-mirror: <stdin>: there is no list' clb-mirror -d m/pods list </dev/null
	check 75 '' "clb-mirror: <stdin>: the server says 'too old' (410 Expired): a new list is due" clb-mirror -d m/pods list \
	    <<<'{"kind":"Status","code":410,"reason":"Expired","message":"too old"}'
	check 0 6 '' clb-mirror -d m/pods position
}

@test "input that is no list is refused with its place, and the old list stays" {
	local input want

	listed
	cp -r m before
	while IFS='|' read -r input want; do
		printf '%b' "$input" >in
		check 65 '' "clb-mirror: <stdin>:$want" clb-mirror -d m/pods list <in
	done <<'END'
[]|1:1: an object is expected
{"items":[{"metadata":{}}]}|1:11: an object without a proper name
{"items":[{"metadata":{"name":"a/b"}}]}|1:11: an object without a proper name
{"items":[\n{"metadata":{"name":"a"},\n"status":{"podIP":7}}]}|3:19: 'podIP' is not a string
{"items":[{"metadata":{"name":"a","labels":{"x":1}}}]}|1:49: 'labels' is not a string
{"items":[{"metadata":{"name":"a","labels":{"x":"1","y":"2","x":"3"}}}]}|1:61: duplicate key 'x'
{"items":[{"metadata":{"name":"a"},"metadata":{"name":"b"}}]}|1:36: duplicate key 'metadata'
{"items":[{"metadata":{"name":"a"},"spec":{"containers":[{"ports":[{"containerPort":80.5}]}]}}]}|1:85: 'containerPort' is not a whole number
{"items":[{"metadata":{"name":"a"},"spec":{"containers":{}}}]}|1:57: 'containers' is not an array
{"items":[1]}|1:11: an object is expected
{"items":[{},]}|1:11: an object without a proper name
{"items":[,]}|1:11: a value is expected
{"items":{}}|1:10: an array is expected
{"items":[],"items":[]}|1:21: the array is there twice
{"kind":"PodList" "items":[]}|1:1: in this object: invalid JSON
{"items":[] "kind":"PodList"}|1:13: ',' or '}' is expected
{"items":[],}|1:13: a key is expected
{"kind":"PodList"|1:18: the object ends too early
END
	diff -r -x list.new m before
}

@test "text around what is read is bounded by strings and brackets alone" {
	check 0 'complete 5' '' clb-mirror -d m/pods list \
	    <<<'{"kind":"PodList","x":["]}\"",{"items":[]}],"metadata":{"resourceVersion":"5"},"items":[{"x":"\\\"]}","metadata":{"name":"a\u0062"}}]}'
	[ "$(jq -r '.metadata.name // empty' m/pods/list)" = ab ]
}

@test "what two lists have in common is not what a new one lacks: it replaces the old whole" {
	listed
	event ADDED c 101 '{}' | clb-mirror -d m/pods watch
	check 0 $'n/a Pending null\nn/b Running 10.1.0.3\nn/c null null' '' state
	check 0 'complete 200' '' clb-mirror -d m/pods list \
	    <<<'{"kind":"PodList","metadata":{"resourceVersion":"200"},"items":[{"metadata":{"name":"d","namespace":"n"}}]}'
	check 0 'n/d null null' '' state
}

@test "events: upserts by key, bookmarks, deletions; a line for each that can matter" {
	listed
	{
		event MODIFIED a 101 '{"phase":"Running","podIP":"10.1.0.2"}'
		echo '{"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"150","creationTimestamp":null},"spec":{"containers":null},"status":{}}}'
		event DELETED b 151 '{}'
		event DELETED none 152 '{}'
		event MODIFIED new 153 '{}'
		event ADDED a 154 '{"phase":"Failed"}'
	} >events
	check 0 $'MODIFIED n/a\nDELETED n/b\nADDED n/new\nMODIFIED n/a' '' clb-mirror -d m/pods watch <events
	check 0 $'n/a Failed null\nn/new null null' '' state
	check 0 154 '' clb-mirror -d m/pods position
	check 0 '' '' clb-mirror -d m/pods watch </dev/null
}

@test "an event that changes no field of the projection prints nothing but moves the position" {
	listed
	{
		echo '{"type":"MODIFIED","object":{"kind":"Pod","metadata":{"name":"a","namespace":"n","resourceVersion":"160","managedFields":[{"manager":"x"}],"uid":null},"status":{"phase":"Pending","startTime":"2024-01-01T00:00:00Z","conditions":null}}}'
	} | check 0 '' '' clb-mirror -d m/pods watch
	check 0 160 '' clb-mirror -d m/pods position
	check 0 $'{"list":"100","version":1}\n{"resourceVersion":"160","type":"BOOKMARK"}' '' cat m/pods/log
	clb-mirror -d m/nodes list >/dev/null <<<'{"items":[{"metadata":{"name":"w"},"status":{"conditions":[{"type":"Ready","status":"True","lastHeartbeatTime":"1"}]}}],"kind":"NodeList","metadata":{"resourceVersion":"1"}}'
	check 0 '' '' clb-mirror -d m/nodes watch \
	    <<<'{"type":"MODIFIED","object":{"metadata":{"name":"w","resourceVersion":"2"},"status":{"conditions":[{"type":"Ready","status":"True","lastHeartbeatTime":"2"}]}}}'
	check 0 'MODIFIED w' '' clb-mirror -d m/nodes watch \
	    <<<'{"type":"MODIFIED","object":{"metadata":{"name":"w","resourceVersion":"2"},"status":{"conditions":[{"type":"Ready","status":"False","lastHeartbeatTime":"3"}]}}}'
}

@test "of a pod's conditions only the first Ready one counts" {
	clb-mirror -d m/pods list >/dev/null <<<'{"items":[{"metadata":{"name":"p"},"status":{"conditions":[
	    {"type":"Initialized","status":"True"},{"type":"Ready","status":"False","reason":"x"},{"type":"Ready","status":"True"}]}}],"kind":"PodList","metadata":{"resourceVersion":"1"}}'
	[ "$(sed -n 2p m/pods/list)" = '{"kind":"Pod","metadata":{"name":"p"},"status":{"conditions":[{"status":"False","type":"Ready"}]}}' ]
}

@test "a stream cut in the middle of an object loses nothing" {
	listed
	event ADDED c 101 '{}' >events
	event ADDED d 102 '{}' >>events
	for n in $(seq 1 7 "$(wc -c <events)"); do
		rm -rf m/pods && listed
		head -c "$n" events | clb-mirror -d m/pods watch >out
		from=$(clb-mirror -d m/pods position)
		[ "$from" = $((100 + $(wc -l <out))) ]
		grep -A 2 "\"resourceVersion\":\"$((from + 1))\"" events | clb-mirror -d m/pods watch >>out || :
		check 0 $'ADDED n/c\nADDED n/d' '' cat out
	done
}

@test "an ERROR event and an event of unknown type say that a new list is due" {
	listed
	{
		event ADDED c 101 '{}'
		echo '{"type":"ERROR","object":{"kind":"Status","status":"Failure","reason":"Expired","code":410,"message":"too old resource version"}}'
		event ADDED d 102 '{}'
	} >events
	check 75 'ADDED n/c' "clb-mirror: <stdin>: the server says 'too old resource version' (410 Expired): a new list is due" \
	    clb-mirror -d m/pods watch <events
	check 0 101 '' clb-mirror -d m/pods position
	check 75 '' "clb-mirror: <stdin>: the server says 'unable to decode' (500 ): a new list is due" clb-mirror -d m/pods watch \
	    <<<'{"type":"ERROR","object":{"code":500,"message":"unable to decode"}}'
	check 75 '' "clb-mirror: <stdin>:1: unknown type 'RENAMED': a new list is due" clb-mirror -d m/pods watch < <(event RENAMED c 1 '{}')
}

@test "a malformed line is refused with its place; what came before it is kept" {
	local line want

	while IFS='|' read -r line want; do
		rm -rf m/pods && listed
		{ event ADDED c 101 '{}'; printf '%s\n' "$line"; } >events
		check 65 'ADDED n/c' "clb-mirror: <stdin>:2:$want" clb-mirror -d m/pods watch <events
		check 0 101 '' clb-mirror -d m/pods position
	done <<'END'
{"type":"ADDED","object":{"kind":"Pod","metadata":{"namespace":"n"}}}|26: an object without a proper name
{"type":"ADDED"}|1: an event is expected
{"type":"ADDED","object":7}|1: an event is expected
{"type":"ADDED","object":{"metadata":{"name":"a"},"status":[]}}|60: 'status' is not an object
|1: no value
END
}

@test "an event with the items of a list is one for each of them" {
	listed
	check 0 $'MODIFIED n/b\nADDED n/c' '' clb-mirror -d m/pods watch <<<'{"object":{"apiVersion":"v1","kind":"PodList","metadata":{"resourceVersion":"120"},"items":[
	    {"metadata":{"name":"b","namespace":"n"}},{"metadata":{"name":"c","namespace":"n"}}]},"type":"ADDED"}' 2>/dev/null || {
		tr -d '\n' <<<'{"object":{"apiVersion":"v1","kind":"PodList","metadata":{"resourceVersion":"120"},"items":[
	    {"metadata":{"name":"b","namespace":"n"}},{"metadata":{"name":"c","namespace":"n"}}]},"type":"ADDED"}' >events
		echo >>events
		check 0 $'MODIFIED n/b\nADDED n/c' '' clb-mirror -d m/pods watch <events
	}
	check 0 120 '' clb-mirror -d m/pods position
	[ "$(tail -n 1 m/pods/log)" = '{"resourceVersion":"120","type":"BOOKMARK"}' ]
}

@test "silence is told from an end" {
	listed
	check 69 'ADDED n/c' 'clb-mirror: <stdin>: nothing came for 1 s' clb-mirror -d m/pods --silence 1 watch \
	    < <(event ADDED c 101 '{}'; sleep 3)
	check 0 101 '' clb-mirror -d m/pods position
}

@test "a change is in the log before its line is printed, while the stream goes on" {
	listed
	mkfifo in out
	timeout 20 clb-mirror -d m/pods watch <in >out 3>&- &
	pid=$!
	exec 7>in 8<out
	event ADDED c 101 '{}' >&7
	read -r line <&8
	[ "$line" = 'ADDED n/c' ]
	check 0 101 '' clb-mirror -d m/pods position
	check 0 $'n/a Pending null\nn/b Running 10.1.0.3\nn/c null null' '' state
	exec 7>&- 8<&-
	wait "$pid"
}

@test "two writers of one mirror exclude each other" {
	listed
	mkfifo in
	timeout 20 clb-mirror -d m/pods watch <in 3>&- &
	pid=$!
	exec 7>in
	# To ask by taking the lock would be a third one that excludes.
	for _ in {1..100}; do
		! grep -q ":$(stat -c %i m/pods/lock) " /proc/locks || break
		sleep 0.1
	done
	check 75 '' 'clb-mirror: m/pods: in use by another clb-mirror' clb-mirror -d m/pods list <<<"$LISTED"
	check 75 '' 'clb-mirror: m/pods: in use by another clb-mirror' clb-mirror -d m/pods watch </dev/null
	exec 7>&-
	wait "$pid"
	check 0 'complete 100' '' clb-mirror -d m/pods list <<<"$LISTED"
}

@test "a log of another list is none; a torn last line is cut off" {
	listed
	event ADDED c 101 '{}' | clb-mirror -d m/pods watch >/dev/null
	printf '{"object":{"kind":"Pod","metadata":{"na' >>m/pods/log
	check 0 101 '' clb-mirror -d m/pods position
	check 0 'ADDED n/d' '' clb-mirror -d m/pods watch < <(event ADDED d 102 '{}')
	check 0 $'n/a Pending null\nn/b Running 10.1.0.3\nn/c null null\nn/d null null' '' state
	sed -i 's/"list":"100"/"list":"99"/' m/pods/log
	check 0 100 '' clb-mirror -d m/pods position
	check 0 'ADDED n/e' '' clb-mirror -d m/pods watch < <(event ADDED e 103 '{}')
	check 0 $'n/a Pending null\nn/b Running 10.1.0.3\nn/e null null' '' state
}

@test "a damaged mirror says that a new list is due" {
	listed
	cp -r m/pods good
	for damage in '$d' '2s/.*/{/' '3s/.*//' '1s/resourceVersion/x/' '$s/$/\n{}/'; do
		rm -rf m/pods && cp -r good m/pods
		sed -i "$damage" m/pods/list
		clb-mirror -d m/pods watch </dev/null 2>err && return 1
		[ $? -eq 75 ]
		grep -qE '^clb-mirror: m/pods/list:[0-9]+: the mirror is damaged: a new list is due$' err
	done
	rm -rf m/pods && cp -r good m/pods
	echo '{]' >>m/pods/log
	check 75 '' 'clb-mirror: m/pods/log:2: the mirror is damaged: a new list is due' clb-mirror -d m/pods watch </dev/null
	check 75 '' 'clb-mirror: m/pods/log:2: the mirror is damaged: a new list is due' clb-mirror -d m/pods position
	check 0 'complete 100' '' clb-mirror -d m/pods list <<<"$LISTED"
	check 0 100 '' clb-mirror -d m/pods position
}

@test "a log that outgrows the list is compacted into a new one" {
	listed
	for i in $(seq 101 400); do
		printf '{"type":"MODIFIED","object":{"metadata":{"name":"%s","namespace":"n","resourceVersion":"%d","annotations":{"x":"%06000d"}},"status":{"phase":"%d"}}}\n' \
		    "$([ $((i % 3)) -eq 0 ] && echo a || echo "x$((i % 20))")" "$i" "$i" "$i"
		[ $((i % 50)) -ne 0 ] || event DELETED x7 "$i" '{}'
	done >events
	split -l 90 events part.
	for part in part.*; do
		clb-mirror -d m/pods watch <"$part" >/dev/null
	done
	[ "$(head -n 1 m/pods/list | jq -r .resourceVersion)" -gt 250 ]
	[ "$(stat -c %s m/pods/log)" -lt 1048576 ]
	[ "$(tail -n 1 m/pods/list)" = "{\"end\":$(($(wc -l <m/pods/list) - 2))}" ]
	[ "$(clb-mirror -d m/pods position)" = 400 ]
	state >got
	{ echo 'n/a Pending null'; echo 'n/b Running 10.1.0.3'; jq -r '"n/\(.object.metadata.name) " +
	    if .type == "DELETED" then "-" else "\(.object.status.phase) null" end' events; } |
	    awk '{ line[$1] = $0; gone[$1] = ($2 == "-") } END { for (k in line) if (!gone[k]) print line[k] }' | sort >want
	diff want got
}

@test "a full disk is an error; nothing that was published is lost" {
	listed
	cp -r m/pods before
	# No file may grow beyond a block: the system's way to say that there is no room.
	check 74 '' 'clb-mirror: m/pods/list.new: File too large' bash -c \
	    'trap "" XFSZ; ulimit -f 1; exec clb-mirror -d m/pods list' < <(jq -c '.items[].metadata.labels.x = "x" * 2000' <<<"$LISTED")
	diff -r -x list.new m/pods before
	check 74 '' 'clb-mirror: m/pods/log: File too large' bash -c \
	    'trap "" XFSZ; ulimit -f 1; exec clb-mirror -d m/pods watch' < <(jq -cn '{type:"ADDED",object:{metadata:{name:"c",namespace:"n",resourceVersion:"101",labels:{x:("x"*2000)}}}}')
	diff -r -x list.new m/pods before
	check 0 100 '' clb-mirror -d m/pods position
	printf '%s' "$LISTED" >in
	check_output_fails in clb-mirror -d m/pods list
}

# The cluster of this test has 4000 versions: at each, one pod of 40 comes,
# changes or goes. kill -9 hits the mirror at random moments, in lists and in
# watches. Whenever it is dead, what a reader finds must be exactly what the
# cluster had at the version that the mirror wants to go on from.
@test "killed 200 times at random moments, no object is lost and none comes back" {
	local round from now kills=0 rc

	awk 'BEGIN {
		srand(7)
		pad = sprintf("%6000s", ""); gsub(/ /, "x", pad)
		for (v = 1; v <= 4000; v++) {
			name = "p" int(rand() * 40)
			type = !there[name] ? "ADDED" : rand() < 0.3 ? "DELETED" : "MODIFIED"
			there[name] = type != "DELETED"
			phase[name] = v
			printf "{\"type\":\"%s\",\"object\":{\"metadata\":{\"name\":\"%s\",\"namespace\":\"n\",\"resourceVersion\":\"%d\",\"annotations\":{\"pad\":\"%s\"}},\"status\":{\"phase\":\"%d\"}}}\n",
			    type, name, v, substr(pad, 1, 3000 + v % 3000), v >"events"
			if (v % 100 == 0) {
				list = "list." v
				printf "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"%d\"},\"items\":[", v >list
				sep = ""
				for (name in there)
					if (there[name]) {
						printf "%s{\"metadata\":{\"name\":\"%s\",\"namespace\":\"n\"},\"status\":{\"phase\":\"%d\"}}", sep, name, phase[name] >list
						sep = ","
					}
				print "]}" >list
				close(list)
			}
		}
	}'
	sed 's/"pad":"x*"//' events >short
	# cluster VERSION: what the cluster had then.
	cluster() {
		head -n "$1" short | awk -F '"' '{
			for (i = 1; i < NF; i++) {
				if ($i == "name") name = $(i + 2)
				if ($i == "phase") phase = $(i + 2)
			}
			if ($4 == "DELETED") delete has[name]
			else has[name] = phase
		} END { for (n in has) print "n/" n, has[n], "null" }' | sort
	}
	clb-mirror -d m/pods list <list.100
	RANDOM=11
	for ((round = 0; kills < 200; round++)); do
		from=$(clb-mirror -d m/pods position)
		[ "$from" -lt 3900 ] || { clb-mirror -d m/pods --begin list <list.100; from=100; }
		rc=0
		if ((RANDOM % 4 == 0)); then
			timeout -s KILL "0.00$((RANDOM % 9 + 1))" clb-mirror -d m/pods --begin list \
			    <"list.$((from / 100 * 100 + 100))" >/dev/null 2>&1 || rc=$?
		else
			tail -n +$((from + 1)) events | timeout -s KILL "0.0$((RANDOM % 16 + 10))" \
			    clb-mirror -d m/pods watch >/dev/null 2>&1 || rc=$?
		fi
		((rc != 137)) || kills=$((kills + 1))
		[[ $rc == 0 || $rc == 137 ]]
		now=$(clb-mirror -d m/pods position)
		[ "$now" -ge "$from" ]
		diff <(cluster "$now") <(state)
	done
	echo "$kills kills in $round runs"
	# What is left of it all still works.
	from=$(clb-mirror -d m/pods position)
	tail -n +$((from + 1)) events | clb-mirror -d m/pods watch >/dev/null
	diff <(cluster 4000) <(state)
}
