# http_sd_configs, from a real nginx in a network of its own: see oracle/site.sh.
load helpers
PROG=clb-discover

setup() {
	cd "$BATS_TEST_TMPDIR"
	site=$BATS_TEST_DIRNAME/oracle/site.sh
	mkdir www
	url=http://127.0.0.1:8080
	echo 'scrape_configs:' >prometheus.yml
	: >nginx.conf
	# $saw answers with what the server saw, as labels.
	saw='[{"targets":["saw"],"labels":{"accept":"$http_accept","agent":"$http_user_agent","interval":"$http_x_prometheus_refresh_interval_seconds","auth":"$http_authorization","mine":"$http_x_mine","host":"$http_host","request":"$request","others":"$http_accept_encoding$http_cookie$http_te$http_content_type$http_expect"}}]\n'
}

# job NAME URL [FIELD...]: one more job with one http_sd block.
job() {
	local name=$1 url=$2 fields

	shift 2
	fields=$(printf ', %s' "$@")
	printf -- '- job_name: %s\n  http_sd_configs: [{url: "%s"%s}]\n' \
	    "$name" "$url" "${fields%, }" >>prometheus.yml
}

# server TEXT...: what nginx serves, on top of www/.
server() {
	printf '%s\n' "$@" >>nginx.conf
}

# discover STATUS ERR FILTER OUT [ARG...]: run $PROG where nginx answers; what jq
# -r's FILTER makes of each target is OUT.
discover() {
	local want=$1 err=$2 filter=$3 out=$4 got=0

	shift 4
	"$site" . "$PROG" -c prometheus.yml "$@" >found 2>err || got=$?
	diff -u <(printf '%s' "$err${err:+$'\n'}") err
	diff -u <(printf '%s' "$out${out:+$'\n'}") <(jq -r "$filter" found)
	[ "$got" -eq "$want" ] || { echo "exit status $got"; return 1; }
}

@test "a request has Prometheus's header fields and no others" {
	server "location / { return 200 '$saw'; }"
	job a "$url/x?y=z"
	job b "$url" 'refresh_interval: 1m30s500ms'
	local f='.labels | "\(.__meta_url) \(.accept) \(.interval) \(.agent) \(.host) \(.request) <\(.auth)\(.others)>"'
	discover 0 '' "$f" "$url/x?y=z application/json 60 Prometheus/3.5.0 127.0.0.1:8080 GET /x?y=z HTTP/1.1 <nullnull>
$url application/json 90.5 Prometheus/3.5.0 127.0.0.1:8080 GET / HTTP/1.1 <nullnull>"
	discover 0 '' '.labels.agent' 'Prometheus/2.42.0
Prometheus/2.42.0' --compat 2
	discover 0 '' '.labels.agent' 'Prometheus/3.11.0
Prometheus/3.11.0' --compat 3.11
}

@test "what may not stand in a URL is encoded, the rest is sent as it is" {
	server "location / { return 200 '$saw'; }"
	job a "$url/é x/{a}/../%41;b?q=1#f"
	discover 0 '' '.labels | .request, .__meta_url' \
	    "GET /%C3%A9%20x/%7Ba%7D/../%41;b?q=1 HTTP/1.1
$url/é x/{a}/../%41;b?q=1#f"
}

@test "IPv6 addresses are hosts like others" {
	server 'listen [::1]:8080;' "location / { return 200 '$saw'; }"
	job a 'http://[::1]:8080/'
	discover 0 '' .labels.host '[::1]:8080'
}

@test "basic_auth, authorization, bearer_token and files of them become one field" {
	server "location / { return 200 '$saw'; }"
	printf ' user \n' >user
	printf 'p:w\n\n' >password
	printf '\ttoken\n' >token
	job a $url 'basic_auth: {username: u, password: p}'
	job b $url 'basic_auth: {username: u}'
	job c $url 'basic_auth: {username_file: user, password_file: password}'
	job d $url 'authorization: {credentials: t}'
	job e $url 'authorization: {type: Token, credentials_file: token}'
	job f $url 'bearer_token: old'
	job g $url 'bearer_token_file: token'
	discover 0 '' '"\(.job) \(.labels.auth)"' "a Basic dTpw
b Basic dTo=
c Basic $(printf user:p:w | base64)
d Bearer t
e Token token
f Bearer old
g Bearer token"
	printf new >token	# read anew in every run
	discover 0 '' 'select(.job == "g").labels.auth' 'Bearer new'
	rm token
	discover 66 "clb-discover: $url: token: No such file or directory" .job ''
	mkdir token
	discover 66 "clb-discover: $url: token: Is a directory" .job ''
}

@test "user and password in the URL win over the settings, and stand in no message" {
	server "location /saw { return 200 '$saw'; }"
	job a 'http://u%40x:p%3aw@127.0.0.1:8080/saw' 'authorization: {credentials: t}'
	discover 0 '' .labels.auth "Basic $(printf 'u@x:p:w' | base64)"
	job b 'http://u:secret@127.0.0.1:8080/none'
	discover 69 "clb-discover: $url/none: the server answered with status 404" .job ''
}

@test "a control character in a credential ends the request before it begins" {
	server "location / { return 200 '$saw'; }"
	printf 'a\nX-Evil: 1' >token
	job a $url 'authorization: {credentials_file: token}'
	discover 78 "clb-discover: $url: a control character in the credentials" .job ''
}

@test "http_headers are sent, all values of them" {
	server "location / { return 200 '$saw'; }"
	job a $url 'http_headers: {X-Mine: {values: [v], secrets: []}}'
	job b $url 'http_headers: {X-Mine: {secrets: [s]}}'
	discover 0 '' .labels.mine 'v
s'
	job c $url 'http_headers: {"X Mine": {values: [v]}}'
	discover 78 "clb-discover: $url: http_headers: a character in 'X Mine' or its value that no header field can have" .job ''
}

@test "only application/json will do, in UTF-8, in any case" {
	local i=0 type good bad err=
	good=('application/json' 'Application/JSON' 'application/json;charset=utf-8'
	    'application/json;   charset="UTF-8"')
	bad=('text/plain' 'application/json; charset=latin1' 'application/json ; charset=utf-8'
	    'application/json; charset=utf-8; q=1' 'application/jsonx' 'application/json;')
	for type in "${good[@]}" "${bad[@]}"; do
		i=$((i + 1))
		server "location = /$i { default_type '$type'; return 200 '[{\"targets\":[\"$i\"]}]\n'; }"
		job $i "$url/$i"
		[ $i -le ${#good[@]} ] || err="$err${err:+$'\n'}clb-discover: warning: $url/$i: unsupported content type '$type'; its targets are missing"
	done
	discover 0 "$err" .labels.__address__ '1
2
3
4' --partial
	server 'location = /none { default_type ""; return 200 "[]"; }'
	echo 'scrape_configs:' >prometheus.yml
	job none $url/none
	discover 69 "clb-discover: $url/none: unsupported content type ''" .job ''
}

@test "any status but 200 is a failure" {
	local s err=
	for s in 201 202 204 206 304 400 401 404 500 503; do
		server "location = /$s { return $s '[]'; }"
		job $s "$url/$s"
		err="$err${err:+$'\n'}clb-discover: warning: $url/$s: the server answered with status $s; its targets are missing"
	done
	discover 0 "$err" .job '' --partial
	discover 69 "clb-discover: $url/201: the server answered with status 201" .job ''
}

@test "redirects are followed, ten requests at most, unless they are switched off" {
	server 'location /301 { return 301 /302; }' 'location /302 { return 302 /307; }' \
	    'location /307 { return 307 /308; }' 'location /308 { return 308 /saw; }' \
	    "location /saw { return 200 '$saw'; }" 'location /loop { return 302 /loop; }' \
	    'location /ftp { return 302 ftp://127.0.0.1/; }' 'location /bare { return 302; }'
	job a $url/301
	discover 0 '' '.labels | .request, .__meta_url, .agent, .interval' "GET /saw HTTP/1.1
$url/301
Prometheus/3.5.0
60"
	job b $url/302 'follow_redirects: false'
	discover 69 "clb-discover: $url/302: the server answered with status 302" .job ''
	sed -i '/302/d; /job_name: b/d' prometheus.yml
	job c $url/loop
	discover 69 "clb-discover: $url/loop: redirected to $url/loop: stopped after 10 redirects" .job ''
	sed -i 's|/loop|/bare|' prometheus.yml
	discover 69 "clb-discover: $url/bare: the server answered with status 302" .job ''
	sed -i 's|/bare|/ftp|' prometheus.yml
	"$site" . "$PROG" -c prometheus.yml >found 2>err && false
	grep -q "^clb-discover: $url/ftp: redirected to ftp://127.0.0.1/: .*ftp" err
}

@test "credentials and http_headers go to no other port or host" {
	server 'location /same { return 302 /saw; }' \
	    'location /port { return 302 http://127.0.0.1:8081/; }' \
	    'location /host { return 302 http://127.0.0.2:8080/; }' \
	    'location /back { return 302 http://127.0.0.1:8081/back; }' \
	    "location /saw { return 200 '$saw'; }" '} server {' \
	    'listen 127.0.0.1:8081; listen 127.0.0.2:8080; default_type application/json;' \
	    "location /back { return 302 $url/saw; }" "location / { return 200 '$saw'; }"
	for to in same port host back; do
		job $to-basic $url/$to 'basic_auth: {username: u, password: p}'
		job $to-token $url/$to 'authorization: {credentials: t}' \
		    'http_headers: {X-Mine: {values: [m]}}'
		job $to-url "http://u:p@127.0.0.1:8080/$to"
	done
	discover 0 '' '"\(.job) \(.labels.auth) \(.labels.mine) \(.labels.host)"' \
'same-basic Basic dTpw null 127.0.0.1:8080
same-token Bearer t m 127.0.0.1:8080
same-url Basic dTpw null 127.0.0.1:8080
port-basic null null 127.0.0.1:8081
port-token null null 127.0.0.1:8081
port-url null null 127.0.0.1:8081
host-basic null null 127.0.0.2:8080
host-token null null 127.0.0.2:8080
host-url null null 127.0.0.2:8080
back-basic Basic dTpw null 127.0.0.1:8080
back-token Bearer t m 127.0.0.1:8080
back-url Basic dTpw null 127.0.0.1:8080'
}

# tls: a CA, and for sd.example a server on 127.0.0.1:8443 and 10.0.0.1:443 that
# wants a client's certificate below /client.
tls() {
	local key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'

	# shellcheck disable=SC2086 # a list of words
	{
		openssl req -x509 $key -keyout ca.key -out ca.pem -days 2 -subj /CN=ca
		openssl req $key -keyout server.key -out server.csr -subj /CN=server
		openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -out server.pem -days 2 \
		    -CAcreateserial -extfile <(echo subjectAltName=DNS:sd.example)
		openssl req $key -keyout client.key -out client.csr -subj /CN=client
		openssl x509 -req -in client.csr -CA ca.pem -CAkey ca.key -out client.pem -days 2 \
		    -CAcreateserial
		openssl req -x509 $key -keyout other.key -out other.pem -days 2 -subj /CN=other
	} 2>openssl.err
	server "location /up { return 301 https://127.0.0.1:8443/; }" '} server {' \
	    'listen 127.0.0.1:8443 ssl http2; listen 10.0.0.1:443 ssl; default_type application/json;' \
	    "ssl_certificate $PWD/server.pem; ssl_certificate_key $PWD/server.key;" \
	    "ssl_client_certificate $PWD/ca.pem; ssl_verify_client optional; ssl_protocols TLSv1.2 TLSv1.3;" \
	    'location /client { if ($ssl_client_verify != SUCCESS) { return 403; } return 200 "[{\"targets\":[\"$ssl_client_s_dn\"]}]"; }' \
	    'location / { return 200 "[{\"targets\":[\"$ssl_server_name\"],\"labels\":{\"host\":\"$http_host\",\"version\":\"$ssl_protocol\",\"http\":\"$server_protocol\",\"auth\":\"$http_authorization\"}}]"; }' \
	    '} server { listen 10.0.0.1:80; location / { return 301 https://10.0.0.1/; }'
}

@test "TLS trusts the configured CA alone, for the URL's host or server_name" {
	tls
	url=https://127.0.0.1:8443
	job file $url 'tls_config: {ca_file: ca.pem, server_name: sd.example}'
	job h1 $url 'enable_http2: false' 'tls_config: {ca_file: ca.pem, server_name: sd.example, max_version: TLS12}'
	job text $url "tls_config: {ca: $(jq -Rs . ca.pem), server_name: sd.example}"
	job trusting $url 'tls_config: {insecure_skip_verify: true}'
	discover 0 '' '"\(.job) \(.labels.__address__) \(.labels.host) \(.labels.http) \(.labels.version)"' \
'file sd.example 127.0.0.1:8443 HTTP/2.0 TLSv1.3
h1 sd.example 127.0.0.1:8443 HTTP/1.1 TLSv1.2
text sd.example 127.0.0.1:8443 HTTP/2.0 TLSv1.3
trusting null 127.0.0.1:8443 HTTP/2.0 TLSv1.3'
	echo 'scrape_configs:' >prometheus.yml
	job unknown $url 'tls_config: {server_name: sd.example}'
	job another $url 'tls_config: {ca_file: other.pem, server_name: sd.example}'
	job name $url 'tls_config: {ca_file: ca.pem}'
	job name2 $url 'tls_config: {ca_file: ca.pem, server_name: other.example}'
	"$site" . "$PROG" -c prometheus.yml --partial >found 2>err
	[ ! -s found ]
	[ "$(grep -c "^clb-discover: warning: $url: the server's certificate does not do: .*; its targets are missing$" err)" -eq 4 ]
}

@test "TLS shows the client's certificate" {
	tls
	url=https://127.0.0.1:8443/client
	job files $url 'tls_config: {ca_file: ca.pem, server_name: sd.example, cert_file: client.pem, key_file: client.key}'
	job texts $url "tls_config: {ca_file: ca.pem, server_name: sd.example, cert: $(jq -Rs . client.pem), key: $(jq -Rs . client.key)}"
	discover 0 '' .labels.__address__ 'CN=client
CN=client'
	job none $url 'tls_config: {ca_file: ca.pem, server_name: sd.example}'
	discover 69 "clb-discover: $url: the server answered with status 403" .job ''
}

@test "a file for TLS that is missing or holds something else is told apart" {
	tls
	echo nonsense >nonsense
	url=https://127.0.0.1:8443
	job a $url 'tls_config: {ca_file: none.pem}'
	discover 66 "clb-discover: $url: none.pem: No such file or directory" .job ''
	sed -i 's/none.pem/nonsense/' prometheus.yml
	discover 78 "clb-discover: $url: no usable CA certificate in nonsense" .job ''
	sed -i 's/ca_file: nonsense/insecure_skip_verify: true, cert_file: client.pem, key_file: server.key/' prometheus.yml
	"$site" . "$PROG" -c prometheus.yml >found 2>err && false
	[ $? -eq 78 ]
	grep -q "^clb-discover: $url: no usable client certificate and key: " err
	sed -i 's/cert_file: .*key/server_name: "a b"}}]/' prometheus.yml
	sed -i 's/}}].*/}}]/' prometheus.yml
	discover 78 "clb-discover: $url: server_name 'a b' is no host name" .job ''
}

@test "the step from http to https on one host keeps credentials, at the usual ports" {
	tls
	job usual http://10.0.0.1/ 'authorization: {credentials: t}' 'tls_config: {insecure_skip_verify: true}'
	job unusual $url/up 'authorization: {credentials: t}' 'tls_config: {insecure_skip_verify: true}'
	discover 0 '' '"\(.job) \(.labels.auth)"' 'usual Bearer t
unusual null'
}

# proxy: a second server that answers as a proxy would be asked.
proxy() {
	server "location / { return 200 '$saw'; }" '} server { listen 127.0.0.1:3128;' \
	    'default_type application/json;' \
	    'location / { return 200 '\''[{"targets":["proxy"],"labels":{"request":"$request","auth":"$http_proxy_authorization"}}]'\''; }'
}

@test "proxy_url is for every host, with no_proxy not for loopback nor what it lists" {
	proxy
	p='proxy_url: "http://u:p@127.0.0.1:3128"'
	job a http://sd.example/x "$p"
	job b $url/x "$p"
	job c $url/x "$p" 'no_proxy: other'
	job d http://sd.example/x "$p" 'no_proxy: other'
	job e http://10.0.0.1:8080/ "$p" 'no_proxy: "10.0.0.0/8"'
	server '} server { listen 10.0.0.1:8080; default_type application/json;' \
	    "location / { return 200 '$saw'; }"
	discover 0 '' '"\(.job) \(.labels.__address__) \(.labels.request) \(.labels.auth)"' \
'a proxy GET http://sd.example/x HTTP/1.1 Basic dTpw
b proxy GET http://127.0.0.1:8080/x HTTP/1.1 Basic dTpw
c saw GET /x HTTP/1.1 null
d proxy GET http://sd.example/x HTTP/1.1 Basic dTpw
e saw GET / HTTP/1.1 null'
}

@test "the environment names a proxy only where the configuration says so" {
	proxy
	export http_proxy=http://127.0.0.1:3128 https_proxy=http://127.0.0.1:3128 \
	    all_proxy=http://127.0.0.1:3128 HTTP_PROXY='' no_proxy='' NO_PROXY=''
	job a http://sd.example/x 'proxy_from_environment: true'
	job b $url/x 'proxy_from_environment: true'
	job c http://10.0.0.1:8080/x
	server '} server { listen 10.0.0.1:8080; default_type application/json;' \
	    "location / { return 200 '$saw'; }"
	discover 0 '' '"\(.job) \(.labels.__address__)"' 'a proxy
b saw
c saw'
}

@test "a proxy that is none is a mistake of the configuration, and its password stays secret" {
	server "location / { return 200 '$saw'; }"
	job a $url 'proxy_url: "ftp://u:secret@127.0.0.1"'
	discover 78 "clb-discover: $url: proxy_url: unknown scheme 'ftp'; there are http, https and socks5" .job ''
}

@test "neither .netrc nor cookies have a say" {
	server "location / { add_header Set-Cookie a=b; return 302 /saw; }" \
	    "location /saw { return 200 '$saw'; }"
	echo 'machine 127.0.0.1 login u password p' >.netrc
	chmod 600 .netrc
	job a $url
	job b $url
	HOME=$PWD discover 0 '' '.labels | "\(.auth) \(.others)"' 'null null
null null'
}

@test "compression is not asked for, and refused where it comes all the same" {
	server 'gzip on; gzip_types *; gzip_min_length 1;' \
	    'location /forced { add_header Content-Encoding gzip; return 200 "x"; }'
	jq -nc '[{targets: [range(2000) | "target-\(.)"]}]' >www/many.json
	job a $url/many.json
	discover 0 '' 'select(.labels.__address__ == "target-1999").job' a
	[ "$(wc -l <found)" -eq 2000 ]
	echo 'scrape_configs:' >prometheus.yml
	job b $url/forced
	discover 69 "clb-discover: $url/forced: content encoding 'gzip', which was not asked for" .job ''
}

@test "an answer that is cut short is none" {
	jq -nc '[range(40000) | {targets: ["target-\(.)"]}]' >www/cut.json
	server 'location /cut.json { limit_rate 100k; }'
	job a $url/cut.json
	cat >run.sh <<-'END'
	(sleep 0.7; truncate -s 1000 www/cut.json) &
	rc=0
	clb-discover -c prometheus.yml || rc=$?
	wait
	exit $rc
	END
	check 69 '' "clb-discover: $url/cut.json: the answer was cut short" "$site" . sh run.sh
}

@test "the refresh interval is the time limit for all of an answer" {
	head -c 100000 /dev/zero | tr '\0' ' ' >www/slow.json
	server 'location /slow.json { limit_rate 100; }'
	job a $url/slow.json 'refresh_interval: 800ms'
	local start=${EPOCHREALTIME/./} took
	discover 69 "clb-discover: $url/slow.json: no complete answer within the refresh interval of 800ms" .job ''
	took=$((${EPOCHREALTIME/./} - start))
	[ $took -gt 800000 ] && [ $took -lt 4000000 ] || { echo "$took us"; return 1; }
}

@test "a server that is not there is an error that says which" {
	job a http://127.0.0.1:1/x
	discover 69 'clb-discover: http://127.0.0.1:1/x: cannot connect: Connection refused' .job ''
	sed -i 's|127.0.0.1:1|nosuch.invalid|' prometheus.yml
	discover 69 "clb-discover: http://nosuch.invalid/x: cannot resolve 'nosuch.invalid'" .job ''
}

@test "sixteen are asked at once, and the answers stand in the configuration's order" {
	local i want=
	server 'limit_conn one 16; location / { limit_rate 1k; }' '}' \
	    'limit_conn_zone $server_port zone=one:1m;' 'server { listen 127.0.0.1:8081;'
	for i in $(seq 40); do
		jq -nc "[{targets: [\"$i\"], labels: {a: (\"x\" * 1300)}}]" >www/$i.json
		job j$i $url/$i.json
		want=$want${want:+$'\n'}$i
	done
	discover 0 '' .labels.__address__ "$want"
	# The limit above means something: one connection fewer is not enough.
	sed -i 's/one 16/one 15/' nginx.conf
	"$site" . "$PROG" -c prometheus.yml >found 2>err && false
	grep -q 'the server answered with status 503' err
}

@test "a malformed answer is an error with its place" {
	echo '[{"targets":["a"]},' >www/x.json
	job a $url/x.json
	discover 65 "clb-discover: $url/x.json:2:1: the array ends too early" .job ''
}

@test "the last good answer is kept while the server fails, and replaced when it is back" {
	echo '[{"targets":["one"]}]' >www/x.json
	job a $url/x.json
	discover 0 '' .labels.__address__ one --cache cache --now 1000
	rm www/x.json
	for now in 2000 3000; do
		discover 0 "clb-discover: warning: $url/x.json: the server answered with status 404; its last good targets are kept" \
		    .labels.__address__ one --cache cache --now $now
	done
	echo '[{"targets":["bro' >www/x.json
	"$site" . "$PROG" -c prometheus.yml --cache cache --now 4000 >found 2>err
	[ "$(jq -r .labels.__address__ found)" = one ]
	grep -q "^clb-discover: warning: $url/x.json:.*; its last good targets are kept$" err
	rmdir www 2>/dev/null || mv www gone	# no server at all
	discover 0 "clb-discover: warning: $url/x.json: cannot connect: Connection refused; its last good targets are kept" \
	    .labels.__address__ one --cache cache --now 5000
	mv gone www
	echo '[]' >www/x.json
	discover 0 '' .labels.__address__ '' --cache cache --now 6000
	rm www/x.json
	discover 0 "clb-discover: warning: $url/x.json: the server answered with status 404; its last good targets are kept" \
	    .labels.__address__ '' --cache cache --now 7000
}

@test "an answer younger than the refresh interval is not asked for again" {
	echo '[{"targets":["one"]}]' >www/x.json
	job a $url/x.json
	discover 0 '' .labels.__address__ one --cache cache --now 1000
	echo '[{"targets":["two"]}]' >www/x.json
	discover 0 '' .labels.__address__ one --cache cache --now 1059
	discover 0 '' .labels.__address__ two --cache cache --now 1060
	echo '[{"targets":["three"]}]' >www/x.json
	# A clock that went back makes no answer eternal.
	discover 0 '' .labels.__address__ three --cache cache --now 900
}

@test "answers with secrets in them are for their owner alone" {
	echo '[{"targets":["one"]}]' >www/x.json
	job a $url/x.json
	discover 0 '' .labels.__address__ one --cache cache
	[ "$(stat -c %a cache cache/* | sort -u | paste -sd ' ')" = '600 700' ]
}

@test "one URL with other credentials is another source" {
	server 'location / { return 200 "[{\"targets\":[\"$remote_user\"]}]"; }'
	job a $url 'basic_auth: {username: u}'
	job b $url 'basic_auth: {username: v}'
	job c $url
	for now in 1000 1001; do
		discover 0 '' '"\(.job) \(.labels.__address__)"' 'a u
b v
c null' --cache cache --now $now
	done
}
