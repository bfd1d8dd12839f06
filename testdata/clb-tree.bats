# The tree that clb-writesd writes, as nginx serves it with k8s/nginx.conf:
# clb-tree(5).
load helpers
load tree/site

PROG=clb-writesd

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	mkdir tree
}

@test "a collector gets its targets of a job by HTTP service discovery" {
	shop | clb-writesd --tree tree
	site <<-'EOT'
	diff -u - <(answer /sd/c-0/api.json) <<-END
	200 application/json
	$(cat tree/sd/c-0/api.json)
	END
	[ "$(get /sd/c-0/api.json | jq -c 'map(.targets)')" = '[["a:1","b:1"]]' ]
	[ "$(get /sd/c-0/ns%252Fweb+1.json | jq -c 'map(.targets)')" = '[["a:2"]]' ]
	EOT
}

@test "a collector or job that is not known, or has no targets, gets []" {
	shop | clb-writesd --tree tree
	site <<-'EOT'
	for u in /sd/c-1/ns%252Fweb+1.json /sd/c-0/none.json /sd/c-9/api.json \
	    '/jobs/ns%2Fweb+1/targets?collector_id=c-1' '/jobs/none/targets?collector_id=c-0' \
	    '/jobs/api/targets?collector_id=c-9' '/jobs/api/targets?collector_id=' /jobs/none/targets; do
		diff -u <(printf '200 application/json\n[]\n') <(answer "$u")
	done
	diff -u <(printf '200 application/json\n{"files":{}}\n') <(answer /sd/c-9/index.list)
	EOT
}

@test "before the tree is complete all that tells of targets is 503, with a text that is no list" {
	mkdir -p tree/sd/c-0
	printf '[]\n' >tree/sd/c-0/api.json
	site <<-'EOT'
	for u in /sd/c-0/api.json /sd/c-0/index.list /jobs /jobs/api/targets \
	    '/jobs/api/targets?collector_id=c-0' /scrape_configs /collectors.json /readyz \
	    /shop/x/sd/c-0/api.json /shop/x/jobs /shop/x/readyz; do
		[[ $(answer "$u") == '503 '*$'\n''"not complete yet"' ]]
	done
	diff -u <(printf '200 text/plain\nok\n') <(answer /healthz)
	EOT
	rm -r tree/sd
	clb-writesd --tree tree </dev/null
	site <<-'EOT'
	diff -u <(printf '200 text/plain\nok\n') <(answer /readyz)
	[ "$(get /jobs)" = $'{\n}' ]
	[ "$(get /sd/c-0/api.json)" = '[]' ]
	EOT
}

@test "what cannot be read is an error, and not an empty list" {
	shop | clb-writesd --tree tree
	ln -sf api.json tree/sd/c-0/api.json
	site <<-'EOT'
	for u in /sd/c-0/api.json '/jobs/api/targets?collector_id=c-0'; do
		[ "$(curl -s -o /dev/null -w '%{http_code}' "$url$u")" -ge 400 ]
	done
	EOT
}

# The OpenTelemetry collector's receiver asks for /scrape_configs, then, for each
# job in it, for the job's targets with its own id.
@test "the target allocator's protocol, as the collector's client speaks it" {
	printf '%s\n' '{"api":{"job_name":"api"},"ns/web 1":{"job_name":"ns/web 1","scrape_interval":"5s"}}' >configs
	shop | clb-writesd --tree tree --scrape-configs configs
	site <<-'EOT'
	diff -u - <(answer /scrape_configs -A 'Go-http-client/1.1' -H 'Accept-Encoding: gzip' --compressed) <<-END
	200 application/json
	$(cat configs)
	END
	get /scrape_configs | jq -r 'keys[]' | while read -r job; do
		jq -rn --arg j "$job" '$j | @uri | gsub("%20"; "+")'
	done >jobs
	diff -u <(printf 'api\nns%%2Fweb+1\n') jobs
	while read -r job; do
		for c in c-0 c-1; do
			get "/jobs/$job/targets?collector_id=$c" -H 'Accept: application/json' \
			    -H 'X-Prometheus-Refresh-Interval-Seconds: 30' |
			    jq -c --arg j "$job $c" '[$j, map(.targets)]'
		done
	done <jobs >have
	diff -u - have <<-END
	["api c-0",[["a:1","b:1"]]]
	["api c-1",[["c:1"]]]
	["ns%2Fweb+1 c-0",[["a:2"]]]
	["ns%2Fweb+1 c-1",[]]
	END
	diff -u - <(get /jobs | jq -cS .) <<-END
	{"api":{"_link":"/jobs/api/targets"},"ns/web 1":{"_link":"/jobs/ns%2Fweb+1/targets"}}
	END
	diff -u - <(get /jobs/api/targets | jq -cS 'map_values([._link, (.targets | map(.targets))])') <<-END
	{"c-0":["/jobs/api/targets?collector_id=c-0",[["a:1","b:1"]]],"c-1":["/jobs/api/targets?collector_id=c-1",[["c:1"]]]}
	END
	# The links are where they say.
	get "$(get /jobs | jq -r '.api._link')" >all
	[ "$(jq -c '.["c-0"].targets' all)" = "$(get "$(jq -r '.["c-0"]._link' all)" | jq -c .)" ]
	EOT
}

@test "jobs and collectors of any name are found" {
	local x

	x=$(printf 'x%.0s' {1..250})
	printf '%s\n' 'a/b' 'a b' 'a%2Fb' 'a+b' "\"it's\"" 'naïve/задание' '.hidden' '..' 'a..b' '?q=1&x#y' \
	    'http://h:1/m?x=y' '~!@$^*()_-=[]{}|;:,.<>' '<!--# include file="/etc/passwd" -->' '$uri' \
	    "$x" "$x/é" "$x$x$x$(printf 'y%.0s' {1..210})" "serviceMonitor/ns/$x/0" 'jobs' 'targets' \
	    'sd/x.json' 'x/sd/y/z.json' "$(printf 'é%.0s' {1..60})" >names
	LC_ALL=C sort -o names names
	n=0
	for c in '..' 'c 1' 'c/é'; do
		while IFS= read -r name; do
			targets "$c" "$name" "h:$((n += 1))"
		done <names
	done >assignment
	clb-writesd --tree tree <assignment
	mkdir -p tree/shop
	clb-writesd --tree tree/shop/x <assignment
	jq -r '"\(.collector | @uri | gsub("%20"; "+"))\t\(.job | @uri | gsub("%20"; "+") |
	    gsub("!"; "%21") | gsub("\\*"; "%2A") | gsub("\u0027"; "%27") | gsub("\\("; "%28") |
	    gsub("\\)"; "%29"))\t\(.labels.__address__)"' assignment >asked
	site <<-'EOT'
	while IFS=$'\t' read -r c job address; do
		for tree in '' /shop/x; do
			printf 'url = "%s%s/jobs/%s/targets?collector_id=%s"\n' "$url" "$tree" "$job" "$c"
			printf '%s\n' "$address" >>want
			[ "$c" = .. ] || continue
			printf 'url = "%s%s/jobs/%s/targets"\n' "$url" "$tree" "$job"
			printf '%s\n' "$address" >>want
		done
	done <asked >curl.conf
	curl -sS --path-as-is -K curl.conf >bodies
	jq -r 'if type == "object" then .[".."].targets else . end | .[0].targets[0] // tojson' bodies | diff -u want -
	# The names that a server must not follow out of the tree have files.
	get '/sd/%252E./%2E..json' | jq -e . >/dev/null
	EOT
}

@test "a name that is not spelt as a client spells it is refused, not unknown" {
	shop | clb-writesd --tree tree
	site <<-'EOT'
	for u in '/jobs/ns%2fweb+1/targets?collector_id=c-0' '/jobs/a:b/targets' '/jobs/api/targets?collector_id=%zz' \
	    "/jobs/$(printf 'x%.0s' {1..961})/targets"; do
		[[ $(answer "$u") == '400 '* ]]
	done
	[[ $(answer '/jobs/..%2F..%2Fapi/targets' --path-as-is) == '400 '* ]]
	EOT
}

@test "nothing else of the directory is served" {
	shop | clb-writesd --tree tree
	mkdir -p tree/private
	echo '{"password":"s"}' >tree/private/scrape_configs.json
	site <<-'EOT'
	for u in / /private/scrape_configs.json /.clb-writesd /sd/ /sd/c-0/ /jobs/ /jobs/api.json /shop/ \
	    '/=/private/scrape_configs.json' '/=/sd/c-0/api.json' /sd/c-0/../../private/scrape_configs.json \
	    /scrape_configs.json '/jobs/..%2Fprivate%2Fscrape_configs/targets' \
	    '/jobs/scrape_configs/targets?collector_id=../private' \
	    '/jobs/scrape_configs/targets?collector_id=..%2F..%2Fprivate'; do
		get "$u" --path-as-is >body
		not grep -q -e password -e labels -e clb-writesd body
	done
	EOT
}

@test "answers are compressed, and a second question gets 304 on the same connection" {
	targets c-0 api $(printf 'host-%s:1 ' {1000..1900}) | clb-writesd --tree tree
	site <<-'EOT'
	curl -sS -D head -H 'Accept-Encoding: gzip' -o body "$url/sd/c-0/api.json"
	grep -qi '^Content-Encoding: gzip' head
	grep -qi '^Vary: Accept-Encoding' head
	grep -qi '^Cache-Control: no-cache' head
	[ "$(stat -c %s body)" -lt "$(($(stat -c %s tree/sd/c-0/api.json) / 2))" ]
	zcat body | cmp - tree/sd/c-0/api.json
	curl -sS -o body --compressed --etag-save etag "$url/sd/c-0/api.json"
	curl -sS -o one -w '%{http_code} %{num_connects}\n' --compressed --etag-compare etag "$url/sd/c-0/api.json" \
	    --next -sS -o two -w '%{http_code} %{num_connects}\n' --compressed --etag-compare etag "$url/sd/c-0/api.json" >said
	diff -u <(printf '304 1\n304 0\n') said
	EOT
}

@test "the log is JSON, and names collector, job and the time of the file" {
	shop | clb-writesd --tree tree
	touch -d '2026-01-02 03:04:05 UTC' tree/sd/c-0/*.json
	site <<-'EOT'
	get '/jobs/ns%2Fweb+1/targets?collector_id=c-0' >body
	get /sd/c-0/ns%252Fweb+1.json >body
	get '/sd/c-9/api.json?"\' -H 'User-Agent: "x' >body
	jq -cS '[.method, .status, .collector, .job, .file_time, .bytes > 2, (.seconds | type), (.time | type), .client, .certificate]' \
	    nginx/access.log >log
	diff -u - log <<-'END'
	["GET",200,"c-0","ns%2Fweb+1","Fri, 02 Jan 2026 03:04:05 GMT",true,"number","string","127.0.0.1",""]
	["GET",200,"c-0","ns%2Fweb+1","Fri, 02 Jan 2026 03:04:05 GMT",true,"number","string","127.0.0.1",""]
	["GET",200,"c-9","api","",true,"number","string","127.0.0.1",""]
	END
	EOT
}

@test "a file that is replaced while it is sent reaches the client whole, the old one" {
	targets c-0 api $(printf 'host-%s:1 ' {100000..130000}) >assignment
	clb-writesd --tree tree <assignment
	cp tree/sd/c-0/api.json old
	sed 's/host-1/hast-1/' assignment >next
	site <<-'EOT'
	curl -sS --limit-rate 400k -o body "$url/sd/c-0/api.json" &
	sleep 0.4
	clb-writesd --tree tree <next
	wait $!
	cmp body old
	[ "$(get /sd/c-0/api.json | jq -r '.[0].targets[0]')" = hast-100000:1 ]
	EOT
}

# certificates: an authority, what the server has, and what collector c-0 has.
certificates() {
	mkdir -p nginx/tls
	(
		cd nginx/tls
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
		    -subj /CN=authority -keyout ca.key -out ca.crt
		for who in tls c-0; do
			openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
			    -subj "/CN=$who" -keyout "$who.key" -out "$who.csr"
			openssl x509 -req -in "$who.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
			    -extfile <(echo 'subjectAltName=IP:127.0.0.1') -out "$who.crt"
		done
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
		    -subj /CN=c-0 -keyout stranger.key -out stranger.crt
	) 2>openssl.log
}

@test "over TLS the same is served, and a collector with a certificate gets what is private" {
	echo '{"api":{"basic_auth":{"password":"s3cret","username":"u"},"job_name":"api"}}' >private
	shop | clb-writesd --tree tree --private-scrape-configs private
	certificates
	site <<-'EOT'
	s=https://127.0.0.1:8443
	ask() { local u=$1; shift; curl -sS -o body -w '%{http_code} %{content_type}\n' --cacert nginx/tls/ca.crt "$@" "$u" && cat body; }
	mine=(--cert nginx/tls/c-0.crt --key nginx/tls/c-0.key)
	diff -u <(printf '200 application/json\n%s\n' "$(cat tree/sd/c-0/api.json)") <(ask "$s/jobs/api/targets?collector_id=c-0")
	nothing=$'404 application/json\n"no scrape configs here"'
	[ "$(ask $s/scrape_configs)" = "$nothing" ]
	[ "$(ask $url/scrape_configs)" = "$nothing" ]
	[ "$(ask $s/scrape_configs "${mine[@]}")" = $'200 application/json\n'"$(cat private)" ]
	[[ $(ask $s/scrape_configs --cert nginx/tls/stranger.crt --key nginx/tls/stranger.key) == '400 '* ]]
	not grep -q s3cret body
	jq -r 'select(.status == 200 and .uri == "/scrape_configs").certificate' nginx/access.log >who
	[ "$(cat who)" = CN=c-0 ]

	# Where nothing is private, all get the same.
	mv tree/private/scrape_configs.json tree/scrape_configs.json
	[[ $(ask $s/scrape_configs) == '200 '* ]]
	[[ $(ask $s/scrape_configs "${mine[@]}") == '200 '* ]]

	# A client that does not trust the server gets nothing; nor does the server
	# tell anything to clients without certificates where it is told not to.
	ask $s/jobs --cacert nginx/tls/stranger.crt 2>err && false || [ $? -eq 60 ]
	sed -i 's/ssl_verify_client optional/ssl_verify_client on/' nginx/tls.conf
	kill -HUP "$(cat nginx/nginx.pid)"
	refused() { [[ $(ask $s/jobs) == '400 '* ]]; }
	within 5 refused
	[[ $(ask $s/jobs "${mine[@]}") == '200 '* ]]
	clb-agent --url $s --collector c-0 -d sd --cacert nginx/tls/ca.crt --cert nginx/tls/c-0.crt \
	    --key nginx/tls/c-0.key --once
	cmp sd/api.json tree/sd/c-0/api.json
	clb-agent --url $s --collector c-0 -d other --cacert nginx/tls/ca.crt --once 2>err && false || [ $? -eq 69 ]
	EOT
	[ "$(stat -c %a tree/private)" = 750 ]
}

@test "a configuration with secrets is kept from clients without a certificate, and the log says why" {
	printf '%s\n' 'scrape_configs:' '- job_name: api' '  basic_auth: {username: u, password: s3cret}' \
	    '- job_name: plain' >prometheus.yml
	certificates
	clb-config scrape-configs prometheus.yml >public 2>log && false || [ $? -eq 77 ]
	[ ! -s public ]
	grep -q "^clb-config: prometheus.yml:3:[0-9]*: .*'api'.*password" log
	clb-config scrape-configs --allow-inline-secrets prometheus.yml >private
	shop | clb-writesd --tree tree --scrape-configs private
	shop | clb-writesd --tree tree --private-scrape-configs private
	shop >assignment
	site <<-'EOT'
	[[ $(answer /scrape_configs) == '404 '* ]]
	curl -sS --cacert nginx/tls/ca.crt --cert nginx/tls/c-0.crt --key nginx/tls/c-0.key \
	    https://127.0.0.1:8443/scrape_configs | jq -r .api.basic_auth.password >password
	[ "$(cat password)" = s3cret ]
	not grep -r '<secret>' tree
	grep -rl s3cret tree >where
	[ "$(cat where)" = tree/private/scrape_configs.json ]

	# Overridden.
	clb-writesd --tree tree --scrape-configs private <assignment
	[ "$(get /scrape_configs | jq -r .api.basic_auth.password)" = s3cret ]
	[ ! -e tree/private/scrape_configs.json ]
	EOT
}

# What the manifests mount: the files as they are, and nothing but /tmp to write to.
@test "nginx runs with the files of k8s as they are, on a root that is read-only" {
	shop >assignment
	cat >run <<-'EOT'
	set -euo pipefail
	root=$PWD/root
	mkdir root
	mount --rbind / root
	mount -t tmpfs none root/tmp
	mount -t tmpfs none root/var/lib
	mkdir -p root/var/lib/clb
	# This checkout may itself be below /tmp.
	mount -t tmpfs none root/mnt
	mkdir root/mnt/tests root/mnt/k8s
	mount --bind "$TESTS" root/mnt/tests
	mount --bind "$K8S" root/mnt/k8s
	clb-writesd --tree root/var/lib/clb/tree <assignment
	mount -o remount,bind,ro root
	mount -o remount,bind,ro root/var/lib
	not() { if "$@"; then return 1; fi; }
	not touch root/x 2>/dev/null
	libs=
	for l in "$TESTS"/servers/usr/lib/*-linux-* "$TESTS"/servers/lib/*-linux-*; do
		libs=$libs:/mnt/tests${l#"$TESTS"}
	done
	chroot root env LD_LIBRARY_PATH="${libs#:}" /mnt/tests/servers/usr/sbin/nginx -c /mnt/k8s/nginx.conf -e stderr \
	    -g 'daemon off; user root;' >log 2>err &
	for ((i = 0; i < 50; i++)); do
		! curl -sS http://127.0.0.1:8080/jobs -o body 2>/dev/null || break
		sleep 0.1
	done
	diff body root/var/lib/clb/tree/jobs.json
	jq -e '.status == 200 and .uri == "/jobs"' log >/dev/null
	kill $!
	wait $! || :
	EOT
	TESTS=$(realpath "${CLB_TESTS:-$BATS_TEST_DIRNAME/../build/tests}") K8S=$(realpath "$BATS_TEST_DIRNAME/../k8s") \
	    "$BATS_TEST_DIRNAME/oracle/site.sh" "$PWD" bash run
}
