# dns_sd_configs, from a real dnsmasq in a network of its own: see oracle/site.sh.
load helpers
PROG=clb-discover

setup() {
	cd "$BATS_TEST_TMPDIR"
	site=$BATS_TEST_DIRNAME/oracle/site.sh
	echo 'scrape_configs:' >prometheus.yml
	printf '%s\n' local=/example/ host-record=a.example,10.0.0.1 >dnsmasq.conf
	echo 'nameserver 127.0.0.1' >resolv.conf
}

# job NAME FIELD...: one more job with one dns_sd block.
job() {
	local name=$1 fields

	shift
	fields=$(printf ', %s' "$@")
	printf -- '- job_name: %s\n  dns_sd_configs: [{%s}]\n' "$name" "${fields#, }" >>prometheus.yml
}

# records LINE...: what dnsmasq knows, on top of a.example.
records() {
	printf '%s\n' "$@" >>dnsmasq.conf
}

# discover STATUS ERR FILTER OUT [ARG...]: run $PROG where dnsmasq answers; what
# jq -r's FILTER makes of each target is OUT.
discover() {
	local want=$1 err=$2 filter=$3 out=$4 got=0

	shift 4
	"$site" . sh -c "[ ! -e route ] || ip route add 192.0.2.0/24 dev lo; exec \"\$@\"" sh \
	    "$PROG" -c prometheus.yml "$@" >found 2>err || got=$?
	diff -u <(printf '%s' "$err${err:+$'\n'}") err
	diff -u <(printf '%s' "$out${out:+$'\n'}") <(jq -r "$filter" found)
	[ "$got" -eq "$want" ] || { echo "exit status $got"; return 1; }
}

found='[.labels.__address__, (.labels | to_entries[] | select(.key | startswith("__meta")) | "\(.key[11:])=\(.value)")] | join(" ")'
nobody="no server has a usable answer for"

@test "A and AAAA records are addresses with the configured port" {
	records host-record=two.example,10.1.0.2 host-record=two.example,10.1.0.1 \
	    host-record=six.example,2001:db8::1 host-record=six.example,10.9.9.9 \
	    dns-rr=odd.example,28,00000000000000000000000000010002 \
	    dns-rr=mapped.example,28,00000000000000000000ffff0a020304
	job a 'names: [a.example, two.example]' 'type: A' 'port: 9100'
	job b 'names: [six.example, odd.example, mapped.example]' 'type: aaaa' 'port: 1'
	discover 0 '' "$found" '10.0.0.1:9100 name=a.example
10.1.0.1:9100 name=two.example
10.1.0.2:9100 name=two.example
[2001:db8::1]:1 name=six.example
[::1:2]:1 name=odd.example
10.2.3.4:1 name=mapped.example'
}

@test "SRV is the default, and has ports of its own" {
	records srv-host=_web._tcp.example,h2.example,9101,1,1 \
	    srv-host=_web._tcp.example,h1.example,9100,1,1
	job a 'names: [_web._tcp.example]'
	job b 'names: [_web._tcp.example]' 'type: SRV' 'port: 1'
	local want='h1.example:9100 name=_web._tcp.example srv_record_port=9100 srv_record_target=h1.example.
h2.example:9101 name=_web._tcp.example srv_record_port=9101 srv_record_target=h2.example.'
	discover 0 '' "$found" "$want
$want"
}

@test "MX and NS records are hosts with the configured port" {
	records mx-host=mail.example,mx1.example,10 mx-host=mail.example,mx2.example,5 \
	    dns-rr=zone.example,2,036e7331076578616d706c6500 dns-rr=null.example,15,000000
	job a 'names: [mail.example]' 'type: MX' 'port: 25'
	job b 'names: [zone.example]' 'type: NS' 'port: 53'
	job c 'names: [null.example]' 'type: MX' 'port: 25'
	discover 0 '' "$found" 'mx1.example:25 mx_record_target=mx1.example. name=mail.example
mx2.example:25 mx_record_target=mx2.example. name=mail.example
ns1.example:53 name=zone.example ns_record_target=ns1.example.
:25 mx_record_target=. name=null.example'
}

@test "an alias is followed, and none of its own targets" {
	records cname=alias.example,a.example cname=dead.example,nothing.example \
	    host-record=nothing.example,2001:db8::9
	job a 'names: [alias.example, dead.example]' 'type: A' 'port: 1'
	discover 0 '' "$found" '10.0.0.1:1 name=alias.example'
}

@test "a name that does not exist, or has no such record, has no targets" {
	records host-record=six.example,2001:db8::1
	job a 'names: [none.example, six.example, a.example]' 'type: A' 'port: 1'
	discover 0 '' "$found" '10.0.0.1:1 name=a.example'
}

@test "a short name is looked for in the search list first, a long or rooted one is not" {
	printf '%s\n' 'nameserver 127.0.0.1' 'search x.example y.example' >resolv.conf
	records local=/b/ host-record=db,10.0.0.9 host-record=db.y.example,10.0.0.2 \
	    host-record=a.b,10.0.0.3 host-record=a.b.x.example,10.0.0.4 \
	    host-record=c.d.y.example,10.0.0.5 local=/d/
	job a 'names: [db, "db.", a.b, c.d]' 'type: A' 'port: 1'
	discover 0 '' "$found" '10.0.0.2:1 name=db
10.0.0.9:1 name=db.
10.0.0.3:1 name=a.b
10.0.0.5:1 name=c.d'
	echo 'options timeout:1 ndots:2' >>resolv.conf
	discover 0 '' "$found" '10.0.0.2:1 name=db
10.0.0.9:1 name=db.
10.0.0.4:1 name=a.b
10.0.0.5:1 name=c.d'
	echo 'domain y.example and nothing else' >>resolv.conf
	discover 0 '' 'select(.labels.__meta_dns_name == "a.b").labels.__address__' 10.0.0.3:1
}

@test "the first name of the search list that exists wins, even without such a record" {
	printf '%s\n' 'nameserver 127.0.0.1' 'search x.example y.example' >resolv.conf
	records host-record=db.x.example,2001:db8::1 host-record=db.y.example,10.0.0.2
	job a 'names: [db]' 'type: A' 'port: 1'
	discover 0 '' "$found" ''
	job b 'names: [db]' 'type: AAAA' 'port: 1'
	discover 0 '' "$found" '[2001:db8::1]:1 name=db'
}

@test "neither /etc/hosts nor the environment has a say" {
	export LOCALDOMAIN=example RES_OPTIONS=ndots:5 HOSTALIASES=$PWD/aliases
	echo 'short a.example' >aliases
	records local=/a/ local=/short/ local=/localhost/
	job a 'names: [a, short, localhost]' 'type: A' 'port: 1'
	discover 0 '' "$found" ''
}

@test "an answer that UDP cuts off comes whole over TCP" {
	local i want=
	records edns-packet-max=1232
	for i in $(seq 10 99) $(seq 110 250); do
		records host-record=many.example,10.1.1.$i
	done
	job a 'names: [many.example]' 'type: A' 'port: 1'
	discover 0 '' .job "$(yes a | head -n 231)"
	[ "$(jq -r .labels.__address__ found | sort -u | wc -l)" -eq 231 ]
}

@test "many names are looked up at once, and stand in the configuration's order" {
	local i names= want=
	for i in $(seq 1 200); do
		records host-record=h$i.example,10.2.0.$i
		names="$names, h$i.example"
		want=$want${want:+$'\n'}10.2.0.$i:1
	done
	job a "names: [${names#, }]" 'type: A' 'port: 1'
	discover 0 '' .labels.__address__ "$want"
}

@test "a name that nobody can tell of is a failure, not an absence" {
	job a 'names: [b.elsewhere]' 'type: A' 'port: 1'	# dnsmasq refuses
	discover 69 "clb-discover: A b.elsewhere: $nobody 'b.elsewhere.'" .job ''
	# The last candidate does not exist, but the first might.
	printf '%s\n' 'nameserver 127.0.0.1' 'search elsewhere' >resolv.conf
	sed -i 's/b.elsewhere/none.example/' prometheus.yml
	echo 'options ndots:2' >>resolv.conf
	discover 69 "clb-discover: A none.example: $nobody 'none.example.elsewhere.'" .job ''
	sed -i 's/none.example/a.example/' prometheus.yml
	discover 0 '' "$found" '10.0.0.1:1 name=a.example'
}

@test "a name that is no domain name is a failure" {
	job a 'names: [a..example]' 'type: A' 'port: 1'
	discover 69 "clb-discover: A a..example: 'a..example.' is no domain name" .job ''
}

@test "the next server is asked where one is not there, or silent" {
	printf 'nameserver %s\n' 10.7.7.7 nonsense 192.0.2.1 127.0.0.1 >resolv.conf
	: >route
	job a 'names: [a.example]' 'type: A' 'port: 1'
	discover 0 '' "$found" '10.0.0.1:1 name=a.example'
	echo 'nameserver 192.0.2.1' >resolv.conf
	discover 69 "clb-discover: A a.example: $nobody 'a.example.'" .job ''
}

@test "without a server to ask there is no answer" {
	echo '# nameserver 127.0.0.1' >resolv.conf
	job a 'names: [a.example]' 'type: A' 'port: 1'
	discover 69 'clb-discover: A a.example: /etc/resolv.conf: no nameserver' .job ''
}

@test "the last good answer is kept while nobody can tell, and goes when the name does" {
	job a 'names: [a.example]' 'type: A' 'port: 1'
	discover 0 '' "$found" '10.0.0.1:1 name=a.example' --cache cache --now 1000
	cp dnsmasq.conf good.conf
	echo >dnsmasq.conf
	discover 0 '' "$found" '10.0.0.1:1 name=a.example' --cache cache --now 1029
	discover 0 "clb-discover: warning: A a.example: $nobody 'a.example.'; its last good targets are kept" \
	    "$found" '10.0.0.1:1 name=a.example' --cache cache --now 1030
	discover 0 "clb-discover: warning: A a.example: $nobody 'a.example.'; its targets are missing" \
	    "$found" '' --partial
	echo local=/example/ >dnsmasq.conf
	discover 0 '' "$found" '' --cache cache --now 2000
	cp good.conf dnsmasq.conf
	discover 0 '' "$found" '' --cache cache --now 2029
	discover 0 '' "$found" '10.0.0.1:1 name=a.example' --cache cache --now 2030
}
