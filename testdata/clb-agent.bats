# What clb-agent(1) says of itself, with nginx as the balancer.
load helpers
load tree/site

PROG=clb-agent

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	mkdir tree
	shop | clb-writesd --tree tree
	# Older than a second: their tags are of use.
	find tree -type f -exec touch -d '2026-01-02 03:04:05 UTC' {} +
}

# same_as COLLECTOR DIR: what the agent wrote is what is in the tree.
same_as() {
	diff -r --exclude=index.list --exclude=.clb-agent "tree/sd/$1" "$2"
}

@test "usage is printed when asked for, and when called wrongly" {
	check_usage
	for args in '' '--url http://h' '--url http://h -d sd' '--url http://h --collector c' \
	    '--url http://h --collector c -d sd more' \
	    '--url http://h --collector c -d sd --interval 0s' '--url http://h --collector c -d sd --timeout x' \
	    '--url http://h --collector c -d sd --config f' \
	    '--url http://h --collector c -d sd --reload-url http://h --reload-pid f'; do
		unset POD_NAME
		clb-agent $args >out 2>err && false
		[ $? -eq 64 ]
		[ ! -s out ]
		grep -q '^clb-agent: ' err
		grep -q '^usage: clb-agent ' err
	done
	[ ! -e sd ]
}

@test "a collector's files are those in the tree, and at rest a poll is one request" {
	site <<-'EOT'
	POD_NAME=c-0 clb-agent --url $url -d sd --once
	clb-agent --url $url/ --collector c-0 -d sd --once
	clb-agent --url $url --collector c-0 -d sd --once
	jq -c '[.uri, .status]' nginx/access.log >log
	EOT
	same_as c-0 sd
	[ "$(stat -c %a sd/api.json)" = 644 ]
	diff -u - log <<-END
	["/sd/c-0/index.list",200]
	["/sd/c-0/api.json",200]
	["/sd/c-0/ns%252Fweb+1.json",200]
	["/sd/c-0/index.list",304]
	["/sd/c-0/index.list",304]
	END
}

@test "only what has changed is fetched and replaced, and what has departed is empty" {
	{ targets c-0 api a:1 z:1; targets c-0 'ns/web 1' a:2; targets c-0 zone a:3; } >second
	targets c-0 api a:1 >third
	site <<-'EOT'
	clb-agent --url $url --collector c-0 -d sd --once
	stat -c '%n %i' sd/*.json >before
	clb-writesd --tree tree <second
	: >nginx/access.log
	kill -USR1 "$(cat nginx/nginx.pid)"
	clb-agent --url $url --collector c-0 -d sd --once
	stat -c '%n %i' sd/*.json | diff before - >differ || :
	jq -r .uri nginx/access.log >log
	cp -r sd sd-2
	cp -r tree tree-2
	clb-writesd --tree tree <third
	clb-agent --url $url --collector c-0 -d sd --once
	EOT
	diff -r --exclude=index.list --exclude=.clb-agent tree-2/sd/c-0 sd-2
	[ "$(sed -n 's/^> \(.*\) .*/\1/p' differ | tr '\n' ' ')" = 'sd/api.json sd/zone.json ' ]
	printf '%s\n' /sd/c-0/index.list /sd/c-0/api.json /sd/c-0/zone.json | diff -u - log
	[ "$(cat sd/zone.json 'sd/ns%2Fweb+1.json')" = $'[]\n[]' ]
	cmp tree/sd/c-0/api.json sd/api.json
}

@test "a change in the second of the last poll is not missed" {
	targets c-0 api b:1 >one
	targets c-0 api a:1 >two
	site <<-'EOT'
	for ((i = 0; i < 6; i++)); do
		clb-writesd --tree tree <one
		clb-agent --url $url --collector c-0 -d sd --once
		cmp tree/sd/c-0/api.json sd/api.json
		clb-writesd --tree tree <two
		clb-agent --url $url --collector c-0 -d sd --once
		cmp tree/sd/c-0/api.json sd/api.json
	done
	EOT
}

@test "a clock that jumps on either side changes nothing" {
	targets c-0 api b:1 >one
	targets c-0 api a:1 >two
	site <<-'EOT'
	for when in '2040-01-01' '1990-01-01' '2033-01-01' now; do
		for which in one two; do
			clb-writesd --tree tree <$which
			find tree -type f -exec touch -d "$when $([ $which = one ] || echo '3 minutes ago')" {} +
			clb-agent --url $url --collector c-0 -d sd --once
			cmp tree/sd/c-0/api.json sd/api.json
			find sd -type f -exec touch -d "$when" {} +
			clb-agent --url $url --collector c-0 -d sd --once
			cmp tree/sd/c-0/api.json sd/api.json
		done
	done
	EOT
}

@test "jobs and collectors of any name have their files" {
	local n=0

	for c in '..' 'c 1/é!*()'; do
		for j in '"x"' '%2F' '../../a' '.hidden' 'a b/c' 'a+b' 'naïve' "$(printf 'x%.0s' {1..300})"; do
			targets "$c" "$j" "h:$((n += 1))"
		done
	done | clb-writesd --tree tree
	mkdir -p tree/shop
	cp -r tree/sd tree/readyz tree/shop
	mkdir tree/shop/x
	mv tree/shop/sd tree/shop/readyz tree/shop/x
	site <<-'EOT'
	clb-agent --url $url --collector .. -d one --once
	clb-agent --url $url/shop/x --collector 'c 1/é!*()' -d two --once
	EOT
	same_as %2E. one
	same_as 'c+1%2F%C3%A9%21%2A%28%29' two
	[ "$(ls one | wc -l)" -eq 8 ]
}

@test "without a URL the configuration is placed and the directory is made, whatever the balancer does" {
	printf 'url: http://b/sd/$(POD_NAME)/a.json\n' >config.yml
	mkdir etc
	check 0 '' '' clb-agent --once --collector c-0 -d etc/sd --config config.yml --config-out etc/c.yml
	[ "$(cat etc/c.yml)" = 'url: http://b/sd/c-0/a.json' ]
	[ "$(ls etc/sd)" = '' ]
}

@test "the configuration is placed with the collector's name in it, and a reload asked for when it changes" {
	printf 'a: $(POD_NAME)\nb: ${POD_NAME} $(X)\nurl: http://b/sd/$(POD_NAME)/a.json $(POD_NAME)\n' >config.yml
	site <<-'EOT'
	agent() { clb-agent --url $url --collector 'c-0' -d sd --config config.yml --config-out out/c.yml "$@" --once; }
	mkdir out
	agent
	diff -u - out/c.yml <<-'END'
	a: c-0
	b: ${POD_NAME} $(X)
	url: http://b/sd/c-0/a.json c-0
	END
	[ "$(ls -A out)" = c.yml ]
	stat -c '%i %Z' out/c.yml >before
	agent --reload-url http://127.0.0.1:9/-/reload
	stat -c '%i %Z' out/c.yml | diff before -

	# The collector is not there yet: it is asked until it has heard.
	echo '# more' >>config.yml
	agent --reload-url http://127.0.0.1:9/-/reload 2>err && false || [ $? -eq 69 ]
	grep -q '/-/reload: (7) Failed to connect' err
	down
	up "$(cat "$HERE/../k8s/nginx-tree.conf"; echo 'location = /-/reload { return 200; }')"
	agent --reload-url $url/-/reload
	agent --reload-url $url/-/reload
	jq -c 'select(.uri == "/-/reload") | [.method, .status]' nginx/access.log >reloads
	[ "$(cat reloads)" = '["POST",200]' ]

	# By signal.
	echo '# and more' >>config.yml
	(trap 'echo reloaded >>heard' HUP; while [ ! -e stop ]; do sleep 0.05; done) &
	echo $! >pid
	agent --reload-pid pid
	agent --reload-pid pid
	within 20 test -s heard
	touch stop
	wait
	[ "$(cat heard)" = reloaded ]
	EOT
}

@test "a configuration may come from a URL, and a friendly page is none" {
	echo 'one: $(POD_NAME)' >tree/config.yml
	site <<-'EOT'
	down
	up "$(cat "$HERE/../k8s/nginx-tree.conf"; echo 'location = /config.yml { }')"
	agent() { clb-agent --url $url --collector c-0 -d sd --config $url/config.yml --config-out c.yml --once; }
	agent
	[ "$(cat c.yml)" = 'one: c-0' ]
	touch -d '2026-01-02' tree/config.yml
	agent
	agent
	[ "$(jq -r 'select(.uri == "/config.yml").status' nginx/access.log | tail -n 1)" = 304 ]
	rm c.yml
	agent
	[ "$(cat c.yml)" = 'one: c-0' ]
	for text in '<html>hello</html>' ' ' ''; do
		printf '%s\n' "$text" >tree/config.yml
		agent 2>err && false || [ $? -eq 69 ]
		[ "$(cat err)" = "clb-agent: $url/config.yml: this is no configuration" ]
		[ "$(cat c.yml)" = 'one: c-0' ]
	done
	EOT
}

@test "what is no good answer leaves the files as they are, and says why" {
	site <<-'EOT'
	agent() { clb-agent --url $url --collector c-0 -d sd --timeout "${patience:-30}" --once; }
	# refused STATUS TEXT: it exits so, says so, and its files are as before.
	refused() {
		local rc=0

		agent 2>err || rc=$?
		[[ $(cat err) == "clb-agent: $2"* ]] || { cat err; return 1; }
		[ "$(wc -l <err)" -eq 1 ]
		[ "$rc" -eq "$1" ]
		diff -r --exclude=.clb-agent before sd
		[ -z "$(ls -d sd/.clb-agent/work.* 2>/dev/null)" ]
	}
	agent
	cp -r sd before
	down
	list=$url/sd/c-0/index.list
	refused 69 "$list: (7) Failed to connect to 127.0.0.1 port 8080"

	up 'return 500;'
	refused 69 "$list: the answer is 500"
	down
	up 'default_type text/html; return 200 "<html>welcome</html>";'
	refused 69 "$list: this is no list of files"
	down
	for text in '' null [] '{}' '{"files":[]}' '{"files":{"../x.json":"1"}}' '{"files":{"/etc/x.json":"1"}}' \
	    '{"files":{".x.json":"1"}}' '{"files":{"x":"1"}}' '{"files":{"x.json":1}}' '{"files":{' '{"files":{}}{"files":{}}'; do
		printf %s "$text" >tree/index.list
		up 'location / { rewrite ^ /index.list break; root /var/lib/clb/tree; }'
		refused 69 "$list: this is no list of files"
		down
	done
	up 'return 503;'
	refused 75 "$list: the answer is 503"
	down
	up 'location / { limit_rate 1; rewrite ^ /sd/c-0/index.list break; root /var/lib/clb/tree; }'
	patience=2 refused 69 "$list: (28) Operation timed out"
	down

	# The list is good, but what it lists is not.
	sed -i 's/"api.json":"/&0/' tree/sd/c-0/index.list
	bad() {
		up "location ~ list\$ { root /var/lib/clb/tree; } location / { $1 }"
		refused 69 "$url/sd/c-0/$2"
		down
	}
	bad 'return 500;' 'api.json: the answer is 500'
	bad 'return 200 "<html>";' 'api.json: these are no targets'
	bad 'return 200 "";' 'api.json: these are no targets'
	bad 'return 200 "{}";' 'api.json: these are no targets'
	bad 'return 200 "[{\"targets\":[\"a:1\"";' 'api.json: these are no targets'
	bad 'return 200 "[{\"targets\":[1]}]";' 'api.json: these are no targets'
	bad 'return 200 "[][]";' 'api.json: these are no targets'
	patience=2 bad 'limit_rate 1; rewrite ^ /sd/c-0/api.json break; root /var/lib/clb/tree;' 'api.json: (28) Operation timed out'
	up
	agent
	diff -r --exclude=.clb-agent before sd
	EOT
}

@test "a balancer that is killed in the middle of a response leaves the files as they are" {
	{ targets c-0 api $(printf 'host-%s:1 ' {10000..20000}); targets c-0 'ns/web 1' a:2; } >more
	site <<-'EOT'
	agent() { clb-agent --url $url --collector c-0 -d sd --once; }
	agent
	cp -r sd before
	clb-writesd --tree tree <more
	down
	up 'location ~ json$ { gzip off; limit_rate 20k; root /var/lib/clb/tree; } location / { root /var/lib/clb/tree; }'
	agent 2>err & pid=$!
	within 20 eval 'test -s sd/.clb-agent/work.*/files/api.json'
	down KILL
	wait $pid && false || [ $? -eq 69 ]
	grep -qE '^clb-agent: .*api.json: \((18|56)\) ' err
	diff -r --exclude=.clb-agent before sd
	up
	agent
	cmp sd/api.json tree/sd/c-0/api.json
	EOT
}

@test "of several files the good ones are taken, and the others asked for again" {
	{ targets c-0 api z:1; targets c-0 'ns/web 1' z:2; } >second
	site <<-'EOT'
	clb-agent --url $url --collector c-0 -d sd --once
	clb-writesd --tree tree <second
	down
	up 'location ~ api { return 500; } location / { root /var/lib/clb/tree; }'
	clb-agent --url $url --collector c-0 -d sd --once 2>err && false || [ $? -eq 69 ]
	grep -q z:2 'sd/ns%2Fweb+1.json'
	grep -q a:1 sd/api.json
	down
	up
	clb-agent --url $url --collector c-0 -d sd --once
	grep -q z:1 sd/api.json
	EOT
}

@test "a full disk leaves the files as they are, and is got over" {
	{ targets c-0 api $(printf 'host-%s.some-where.example:1 ' {10000..20000}); targets c-0 'ns/web 1' a:2; } >more
	shop >few
	site <<-'EOT'
	mkdir mnt
	mount -t tmpfs -o size=200k none mnt
	agent() { clb-agent --url $url --collector c-0 -d mnt/sd --once; }
	agent
	cp -r mnt/sd before
	clb-writesd --tree tree <more
	agent 2>err && false || [ $? -eq 74 ]
	[ "$(cat err)" = 'clb-agent: cannot write to mnt/sd/.clb-agent' ]
	diff -r --exclude=.clb-agent before mnt/sd
	[ -z "$(ls -d mnt/sd/.clb-agent/work.* 2>/dev/null)" ]
	clb-writesd --tree tree <few
	agent
	diff -r --exclude=.clb-agent before mnt/sd
	EOT
}

@test "it goes on by itself: what is new comes, what is wrong is told once, and so is its end" {
	targets c-0 api new:1 >second
	site <<-'EOT'
	clb-agent --url $url --collector c-0 -d sd --interval 1s 2>err & pid=$!
	within 20 test -e sd/api.json
	down
	within 20 grep -q Failed err
	sleep 3
	clb-writesd --tree tree <second
	up
	within 20 grep -q new:1 sd/api.json
	within 20 grep -q 'well again' err
	[ "$(wc -l <err)" -eq 2 ]
	grep -q "^clb-agent: $url/sd/c-0/index.list: (7) Failed to connect .*; what is there stays$" err
	[ "$(tail -n 1 err)" = 'clb-agent: all is well again' ]
	kill $pid
	wait $pid
	[ -z "$(ls -d sd/.clb-agent/work.* 2>/dev/null)" ]
	EOT
}

@test "SIGHUP asks at once, SIGTERM ends, and another agent is refused" {
	targets c-0 api new:1 >second
	site <<-'EOT'
	clb-agent --url $url --collector c-0 -d sd --interval 1h & pid=$!
	within 20 test -e sd/api.json
	within 20 grep -q api.json sd/.clb-agent/have
	rc=0
	clb-agent --url $url --collector c-0 -d sd --once 2>err || rc=$?
	[ $rc -eq 75 ]
	[ "$(cat err)" = 'clb-agent: sd is in use by another clb-agent' ]
	clb-writesd --tree tree <second
	sleep 0.5
	kill -HUP $pid
	within 20 grep -q new:1 sd/api.json
	kill -TERM $pid
	wait $pid

	# Also while it waits for an answer; but of --once that is no success.
	down
	up 'location / { limit_rate 1; rewrite ^ /sd/c-0/index.list break; root /var/lib/clb/tree; }'
	clb-agent --url $url --collector c-0 -d sd & pid=$!
	clb-agent --url $url --collector c-0 -d other --once & pid2=$!
	sleep 1.5
	kill $pid $pid2
	wait $pid
	wait $pid2 && false || [ $? -eq 143 ]
	EOT
}

@test "after a failure it waits longer each time, but not longer than the interval" {
	site <<-'EOT'
	down
	up 'return 500;'
	clb-agent --url $url --collector c-0 -d sd --interval 2s & pid=$!
	sleep 8
	kill $pid
	wait $pid
	n=$(wc -l <nginx/access.log)
	[ "$n" -ge 3 ]
	[ "$n" -le 10 ]
	EOT
}

@test "killed between a file and the note of it, it takes nothing for what it is not" {
	targets c-0 api new:1 >second	# and no 'ns/web 1'
	mkdir bin
	cat >bin/sync <<-'EOT'
	#!/bin/sh
	# The agent is killed when it writes the file $LAST, and has what is new of api.
	[ "${1##*/}" != "$LAST" ] || ! grep -q new:1 sd/api.json || kill -9 $PPID
	exec /bin/sync "$@"
	EOT
	chmod +x bin/sync
	site <<-'EOT'
	agent() { clb-agent --url $url --collector c-0 -d sd --once; }
	killed() { (PATH=$PWD/bin:$PATH LAST=$1; export LAST; agent) && false || [ $? -eq 137 ]; }
	settled() { within 20 agent; }	# when what was killed has given up the lock
	agent
	cp -r tree first

	# The tree is what it was before.
	clb-writesd --tree tree <second
	killed have
	grep -q new:1 sd/api.json
	rm -rf tree/*
	cp -r first/* tree
	settled
	cmp sd/api.json first/sd/c-0/api.json

	# A job that has departed.
	clb-writesd --tree tree <second
	killed 'ns%2Fweb+1.json'
	grep -q new:1 sd/api.json
	grep -q a:2 'sd/ns%2Fweb+1.json'
	settled
	[ "$(cat 'sd/ns%2Fweb+1.json')" = '[]' ]
	EOT
}

@test "SIGKILLs at random moments leave every file whole" {
	targets c-0 api $(printf 'one-%s:1 ' {1000..3000}) >one
	targets c-0 api $(printf 'two-%s:1 ' {1000..3000}) >two
	site <<-'EOT'
	clb-writesd --tree tree-one <one
	clb-writesd --tree tree-two <two
	sum() { sha256sum <"$1" | cut -c 1-64; }
	{ sum tree-one/sd/c-0/api.json; sum tree-two/sd/c-0/api.json; } >known
	clb-writesd --tree tree <one
	clb-agent --url $url --collector c-0 -d sd --once
	killed=0
	for ((i = 0; i < 40; i++)); do
		[ $((i % 2)) -eq 0 ] && which=two || which=one
		clb-writesd --tree tree <$which
		clb-agent --url $url --collector c-0 -d sd --once 2>/dev/null & pid=$!
		sleep "0.$(printf %03d $((RANDOM % 250)))"
		kill -9 $pid 2>/dev/null || :
		wait $pid 2>/dev/null || killed=$((killed + 1))
		sum sd/api.json | grep -qxFf known
		[ "$(ls sd)" = api.json ] || [ "$(ls sd | wc -l)" -eq 2 ]
	done
	[ $killed -gt 10 ]
	clb-writesd --tree tree <two
	within 20 clb-agent --url $url --collector c-0 -d sd --once
	cmp sd/api.json tree-two/sd/c-0/api.json
	EOT
}
