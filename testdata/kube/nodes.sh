#!/bin/sh
# nodes.sh: stands in for the nodes of a cluster: the scheduler, the kubelets with their
# container engine, name service, and kube-proxy. Run it in the cluster, until it is
# to end:
#
#   cluster.sh in CLUSTER nodes.sh up CLUSTER
#
# Pods are bound to the nodes that exist, but for "virtual", whose pods are left alone.
# A pod gets a network namespace with an address of 10.1.0.0/16; each container a mount
# and a process namespace, whose root file system is read-only and holds what this
# machine has, our programs, and the pod's volumes. An image is a program of this
# machine, see $images. Statuses are written back, and a deletion is honoured: TERM,
# the grace period, KILL, and the end of the object.
#
# Of a pod it knows: volumes (configMap, secret, emptyDir, persistentVolumeClaim),
# initContainers, command, args, env (values and fields), readinessProbe and
# livenessProbe (httpGet and exec; every second until they succeed once),
# restartPolicy. Everything runs as the only user of the cluster's user namespace.
#
# CLUSTER/nodes/NAMESPACE.NAME is the directory of a pod: CONTAINER.log, .pid, .ready,
# and address. A file CLUSTER/nodes/unready/NAMESPACE.NAME lets the probes of that pod
# fail.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
self=$here/nodes.sh
root=$(cd "$here/../.." && pwd)
tests=$(cd "${CLB_TESTS:-$root/build/tests}" && pwd -P)
what=$1
cluster=$(cd "$2" && pwd)
shift 2
nodes=$cluster/nodes
tab=$(printf '\t')

# The first expression that an image's name matches tells its program.
images='{
"/prometheus:v3": ["/clb/tests/prometheus-3/usr/bin/prometheus"],
"/prometheus:v2.53": ["/clb/tests/prometheus-2.53/usr/bin/prometheus"],
"/prometheus:v2.42": ["/clb/tests/prometheus-2/usr/bin/prometheus"],
"/vmagent:": ["/clb/tests/vmagent-new/usr/bin/vmagent"]}'

# api METHOD PATH [BODY [TYPE]]: the answer; fails if it is an error.
api() {
	curl -sfk -A clb --max-time 10 -H "Authorization: Bearer $(cat "$cluster/token")" -X "$1" \
		${3:+-H "Content-Type: ${4:-application/json}" --data-binary "$3"} \
		"https://127.0.0.1:6443$2"
}

# ---- a container, in its namespaces ----

# root_file_system DIR: of this machine, read-only.
root_file_system() {
	mkdir -p "$1"
	mount -t tmpfs none "$1"
	for d in /*; do
		if [ -L "$d" ]; then
			cp -P "$d" "$1$d"
			continue
		fi
		[ -d "$d" ] || continue
		mkdir "$1$d"
		case $d in
		/proc | /sys | /tmp | /run | /var | /etc | /root | /lost+found) ;;
		/dev) mount --rbind "$d" "$1$d" ;;
		*)
			mount --rbind "$d" "$1$d"
			mount -o remount,bind,ro "$1$d" ;;
		esac
	done
	mkdir -p "$1/etc/ssl" "$1/var/lib" "$1/clb"
	for f in passwd group nsswitch.conf alternatives ld.so.cache ssl/certs; do
		cp -R "/etc/$f" "$1/etc/$f"
	done
	: >"$1/etc/hosts"
	mount --bind "$nodes/hosts" "$1/etc/hosts"
	bind "${B:-$root/build}" "$1/clb/build"
	bind "$root/scripts" "$1/clb/scripts"
	bind "$tests" "$1/clb/tests"
	bind "$nodes/bin" "$1/clb/bin"
	mount -t proc proc "$1/proc"
}

# bind SOURCE TARGET [rw]
bind() {
	if [ -d "$1" ]; then
		mkdir -p "$2"
	else
		mkdir -p "${2%/*}"
		: >"$2"
	fi
	mount --bind "$1" "$2"
	[ "${3-}" = rw ] || mount -o remount,bind,ro "$2"
}

# container POD NAME: become it.
container() {
	r=$1/root
	root_file_system "$r"
	while IFS=$tab read -r from to mode; do
		bind "$from" "$r$to" "${mode:-rw}"
	done <"$1/$2.mounts"
	mount -o remount,ro "$r"
	exec chroot "$r" /bin/sh -c "$(cat "$1/$2.sh")"
}

# ---- a pod ----

# inside CMD...: in the pod's network.
inside() {
	nsenter --net="/proc/$network/ns/net" "$@"
}

# network: a namespace with the pod's address.
# shellcheck disable=SC2016 # expands inside
network() {
	setpriv --pdeathsig KILL unshare --net sh -c 'ip link set lo up && : >"$0" && exec sleep infinity' "$pod/network" &
	network=$!
	until [ -e "$pod/network" ]; do sleep 0.02; done
	ip link add "p$number" type veth peer name eth0 netns "$network"
	ip link set "p$number" master pods up
	inside sh -c 'ip addr add "$0/16" dev eth0 && ip link set eth0 up && ip route add default via 10.1.0.1' "$ip"
}

# fill KIND VOLUME NAME: the volume has what the object has now; fails without the object.
fill() {
	d=$pod/volumes/$2
	case $1 in
	emptyDir) mkdir -p "$d" && return ;;
	claim) mkdir -p "$nodes/claims/$namespace.$3" && return ;;
	configMap) resource=configmaps ;;
	secret) resource=secrets ;;
	esac
	api GET "/api/v1/namespaces/$namespace/$resource/$3" >"$pod/object" || return
	mkdir -p "$d"
	jq -r --arg kind "$1" '(.binaryData // {}) + (.data // {} |
		if $kind == "secret" then . else map_values(@base64) end) |
		to_entries[] | "\(.key) \(.value)"' "$pod/object" >"$pod/keys"
	while read -r key value; do
		printf %s "$value" | base64 -d >"$pod/value"
		cmp -s "$pod/value" "$d/$key" || mv "$pod/value" "$d/$key"
	done <"$pod/keys"
	for f in "$d"/*; do
		grep -q "^${f##*/} " "$pod/keys" || rm -f "$f"
	done
}

# refill: what ConfigMaps and Secrets have now; fails if one is not there.
refill() {
	whole=0
	while IFS=$tab read -r kind volume name; do
		[ "$1" = all ] || [ "$kind" = configMap ] || continue
		fill "$kind" "$volume" "$name" || whole=1
	done <"$pod/volumes.list"
	return "$whole"
}

# account: the service account's token, where there is one.
account() {
	d=$pod/volumes/.account
	mkdir -p "$d"
	name=$(jq -r '.spec.serviceAccountName // "default"' "$pod/pod.json")
	api POST "/api/v1/namespaces/$namespace/serviceaccounts/$name/token" \
		'{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"expirationSeconds":86400}}' |
		jq -rj '.status.token // empty' >"$d/token" || :
	printf %s "$namespace" >"$d/namespace"
	cp "$cluster/certs/apiserver.crt" "$d/ca.crt"
}

# start NAME: the container, in the background: $!.
start() {
	nsenter --net="/proc/$network/ns/net" setpriv --pdeathsig KILL \
		unshare --mount --pid --fork --kill-child "$self" container "$cluster" "$pod" "$1" \
		>>"$pod/$1.log" 2>&1 </dev/null &
	echo $! >"$pod/$1.pid"
}

# keep NAME: the container runs, again and again.
keep() {
	restarts=0
	while [ ! -e "$pod/stopping" ]; do
		start "$1"
		echo "running $restarts" >"$pod/$1.state"
		wait $! && rc=0 || rc=$?
		rm -f "$pod/$1.ready" "$pod/$1.pid"
		case $policy,$rc in
		Never,* | OnFailure,0)
			echo "terminated $rc" >"$pod/$1.state"
			return ;;
		esac
		restarts=$((restarts + 1))
		echo "waiting $restarts" >"$pod/$1.state"
		[ -e "$pod/stopping" ] || sleep 0.3
	done
}

# child NAME: the first process of the container.
child() {
	[ ! -s "$pod/$1.pid" ] || cat "/proc/$(cat "$pod/$1.pid")/task/$(cat "$pod/$1.pid")/children" 2>/dev/null || :
}

# probe NAME KIND PERIOD THRESHOLD WHAT: for ever.
probe() {
	failures=0 begun=
	while :; do
		# shellcheck disable=SC2086 # words
		set -- "$1" "$2" "$3" "$4" $5
		if [ ! -e "$nodes/unready/$namespace.$pod_name" ] && [ -s "$pod/$1.pid" ] && attempt "$@"; then
			failures=0 begun=1
			[ "$2" != ready ] || : >"$pod/$1.ready"
		elif [ $((failures += 1)) -ge "$4" ] && [ -n "$begun" ]; then
			case $2 in
			ready) rm -f "$pod/$1.ready" ;;
			live)
				# shellcheck disable=SC2046 # one or none
				kill $(child "$1") 2>/dev/null || :
				begun='' ;;
			esac
		fi
		set -- "$1" "$2" "$3" "$4" "$(shift 4; echo "$*")"
		if [ -n "$begun" ]; then sleep "$3"; else sleep 1; fi
	done
}

# attempt NAME KIND PERIOD THRESHOLD http PORT PATH, or ... exec COMMAND
attempt() {
	case $5 in
	http) inside curl -sf -o /dev/null --max-time 2 "http://$ip:$6$7" ;;
	exec)
		first=$(child "$1")
		shift 5
		nsenter --target "${first% }" --all sh -c "$*" >/dev/null 2>&1 ;;
	esac
}

# status: write it back if it is another.
status() {
	signature=
	while read -r name; do
		state='waiting 0' ready=false
		[ ! -e "$pod/$name.state" ] || state=$(cat "$pod/$name.state")
		[ -n "$state" ] || return 0	# it is being written
		if ! grep -q "^$name${tab}ready" "$pod/probes"; then
			[ "${state% *}" != running ] || ready=true
		elif [ -e "$pod/$name.ready" ]; then
			ready=true
		fi
		signature="$signature$name $state $ready
"
	done <"$pod/containers"
	[ "$signature" != "$last" ] || return 0
	body=$(printf %s "$signature" | jq -Rcs --arg ip "$ip" --argjson now "$(date +%s)" --slurpfile pod "$pod/pod.json" '
		($now | todate) as $now |
		[split("\n")[] | select(. != "") | split(" ") |
			{name: .[0], state: .[1], n: (.[2] | tonumber), ready: (.[3] == "true")}] as $cs |
		def condition($type; $yes): {type: $type, status: (if $yes then "True" else "False" end), lastTransitionTime: $now};
		{status: {
			phase: (if all($cs[]; .state == "terminated") then
					if all($cs[]; .n == 0) then "Succeeded" else "Failed" end
				elif any($cs[]; .state != "waiting" or .n > 0) then "Running" else "Pending" end),
			hostIP: "10.1.0.1", podIP: $ip, podIPs: [{ip: $ip}], startTime: ($pod[0].metadata.creationTimestamp),
			conditions: [condition("PodScheduled"; true), condition("Initialized"; any($cs[]; .state != "waiting")),
				condition("ContainersReady"; all($cs[]; .ready)), condition("Ready"; all($cs[]; .ready))],
			containerStatuses: [$cs[] | . as $c | ($pod[0].spec.containers[] | select(.name == $c.name).image) as $image |
				{name, ready, image: $image, imageID: $image, started: (.state == "running"),
				restartCount: (if .state == "terminated" then 0 else .n end),
				state: {(.state): (if .state == "terminated" then {exitCode: .n} elif .state == "running" then {startedAt: $now} else {} end)}}]}}')
	api PATCH "$object_path/status" "$body" application/merge-patch+json >/dev/null || return 0
	last=$signature
}

# stop: end the containers, as they are used to.
stop() {
	trap '' TERM
	: >"$pod/stopping"
	grace=$(api GET "$object_path" | jq '.metadata.deletionGracePeriodSeconds // 30') || grace=0
	left=$((grace * 10))
	while read -r name; do
		# shellcheck disable=SC2046 # one or none
		kill $(child "$name") 2>/dev/null || :
	done <"$pod/containers"
	while [ "$left" -gt 0 ] && cat "$pod"/*.pid >/dev/null 2>&1; do
		sleep 0.1
		left=$((left - 1))
	done
	# shellcheck disable=SC2046,SC2086 # lists
	kill -9 $(cat "$pod"/*.pid 2>/dev/null) $probes "$network" 2>/dev/null || :
	api DELETE "$object_path" "{\"gracePeriodSeconds\":0,\"preconditions\":{\"uid\":\"$uid\"}}" >/dev/null || :
	rm -f "$nodes/$namespace.$pod_name/address"
	exit
}

# pod UID NUMBER NAMESPACE NAME: run it, until a TERM.
pod() {
	uid=$1 number=$2 namespace=$3 pod_name=$4
	pod=$nodes/$uid
	ip=10.1.$((number / 250 + 1)).$((number % 250 + 1))
	object_path=/api/v1/namespaces/$namespace/pods/$pod_name
	probes='' last='' network=
	rm -rf "$pod"
	mkdir -p "$pod/volumes"
	ln -sfn "$uid" "$nodes/$namespace.$pod_name"
	trap 'stop' TERM
	api GET "$object_path" >"$pod/pod.json" || exit
	jq -r --arg dir "$pod" --arg ip "$ip" --arg claims "$nodes/claims" --argjson images "$images" \
		-f "$here/pod.jq" "$pod/pod.json" | sh
	policy=$(jq -r '.spec.restartPolicy // "Always"' "$pod/pod.json")
	network
	account
	until refill all; do
		status
		sleep 1 & wait $! || :
	done
	while read -r name; do
		until start "$name" && wait $!; do sleep 1; done
	done <"$pod/init"
	rm -f "$pod"/*.pid
	while read -r name; do
		keep "$name" &
	done <"$pod/containers"
	while IFS=$tab read -r name kind period threshold words; do
		probe "$name" "$kind" "$period" "$threshold" "$words" &
		probes="$probes $!"
	done <"$pod/probes"
	echo "$ip" >"$pod/address"
	n=0
	while :; do
		status
		[ $((n += 1)) -lt 6 ] || { refill maps || :; n=0; }
		sleep 0.3 &
		wait $! || :
	done
}

# ---- all nodes ----

# names: /etc/hosts, and the addresses of Services, as they are now, and again.
names() {
	libs=$(libraries "$tests/nft")
	while :; do
		if api GET /api/v1/services >"$nodes/services" && api GET /api/v1/endpoints >"$nodes/endpoints"; then
			jq -rn --slurpfile s "$nodes/services" --slurpfile e "$nodes/endpoints" -f "$here/names.jq" >"$nodes/names.new"
			if ! cmp -s "$nodes/names.new" "$nodes/names"; then
				mv "$nodes/names.new" "$nodes/names"
				sed -n 's/^hosts //p' "$nodes/names" >"$nodes/hosts"
				sed -n 's/^nft //p' "$nodes/names" |
					LD_LIBRARY_PATH=$libs "$tests/nft/usr/sbin/nft" -f -
			fi
		fi
		sleep 0.5
	done
}

# bind_pod NAMESPACE NAME: to the node that a DaemonSet asks for, or to the next.
bind_pod() {
	node=$(api GET "/api/v1/namespaces/$1/pods/$2" | jq -r '
		.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution // {} |
		[.nodeSelectorTerms[]?.matchFields[]?.values[]?][0] // empty')
	[ -n "$node" ] || node=$(api GET /api/v1/nodes | jq -r --argjson n "$bound" '
		[.items[] | select(.metadata.name != "virtual" and (.spec.unschedulable | not)) | .metadata.name] |
		.[$n % length]')
	[ -n "$node" ] && [ "$node" != null ] || return 0
	api POST "/api/v1/namespaces/$1/pods/$2/binding" \
		"{\"apiVersion\":\"v1\",\"kind\":\"Binding\",\"metadata\":{\"name\":\"$2\"},\"target\":{\"kind\":\"Node\",\"name\":\"$node\"}}" >/dev/null
}

# runner UID: its process id, if it runs.
runner() {
	[ -s "$nodes/run/$1" ] && kill -0 "$(cat "$nodes/run/$1")" 2>/dev/null
}

# pods: lines of TYPE UID NAMESPACE NAME NODE DELETED PHASE, as they happen; LIST UID...
# after a break, with what there is.
pods() {
	while :; do
		if list=$(api GET '/api/v1/pods?fieldSelector=spec.nodeName!=virtual'); then
			printf '%s\n' "$list" | jq -r '"LIST \([.items[].metadata.uid] | join(" "))",
				(.items[] | "ADDED \(.metadata.uid) \(.metadata.namespace) \(.metadata.name) \(
				.spec.nodeName // "-") \(.metadata.deletionTimestamp // "-") \(.status.phase)")'
			version=$(printf '%s\n' "$list" | jq -r .metadata.resourceVersion)
			curl -sNk -A clb -H "Authorization: Bearer $(cat "$cluster/token")" \
				"https://127.0.0.1:6443/api/v1/pods?watch=1&fieldSelector=spec.nodeName!=virtual&resourceVersion=$version" |
				jq --unbuffered -r 'select(.object.metadata.uid) | "\(.type) \(.object.metadata.uid) \(.object.metadata.namespace) \(
					.object.metadata.name) \(.object.spec.nodeName // "-") \(.object.metadata.deletionTimestamp // "-") \(
					.object.status.phase)"' || :
		fi
		sleep 0.5
	done
}

up() {
	mkdir -p "$nodes/run" "$nodes/bin" "$nodes/claims" "$nodes/unready"
	: >"$nodes/hosts"
	programs
	[ -e /sys/class/net/pods ] || ip link add pods type bridge
	ip addr replace 10.1.0.1/16 dev pods
	ip link set pods up
	ip route replace local 10.2.0.0/16 dev lo
	echo 1 >/proc/sys/net/ipv4/ip_forward
	exporters
	names &
	count=0 bound=0
	pods | while read -r type uid rest; do
		if [ "$type" = LIST ]; then
			for f in "$nodes/run"/*; do
				case " $uid $rest " in
				*" ${f##*/} "*) ;;
				*) ! runner "${f##*/}" || kill "$(cat "$f")" || : ;;
				esac
			done
			continue
		fi
		# shellcheck disable=SC2086 # words
		set -- $rest
		if [ "$type" = DELETED ] || [ "$4" != - ]; then
			if runner "$uid"; then
				kill "$(cat "$nodes/run/$uid")" 2>/dev/null || :
			elif [ "$type" != DELETED ]; then
				api DELETE "/api/v1/namespaces/$1/pods/$2" '{"gracePeriodSeconds":0}' >/dev/null || :
			fi
		elif [ "$3" = - ]; then
			bound=$((bound + 1))
			bind_pod "$1" "$2" || :
		elif [ ! -e "$nodes/run/$uid" ] && [ "$5" != Succeeded ] && [ "$5" != Failed ]; then
			count=$((count + 1))
			setsid "$self" pod "$cluster" "$uid" "$count" "$1" "$2" </dev/null >"$nodes/run/$uid.log" 2>&1 &
			echo $! >"$nodes/run/$uid"
		fi
	done
}

# programs: those that a container's image has and this machine may not. nginx, run by
# root, would become another user, and there is none.
# shellcheck disable=SC2016 # expands there
programs() {
	libs=$(libraries "$tests/servers")
	cat >"$nodes/bin/nginx" <<-EOT
	#!/bin/sh
	for a; do
		shift
		[ "\$a" != 'daemon off;' ] || a='user root; daemon off;'
		set -- "\$@" "\$a"
	done
	LD_LIBRARY_PATH=$(echo "$libs" | sed "s,$tests,/clb/tests,g") \
		exec /clb/tests/servers/usr/sbin/nginx "\$@"
	EOT
	printf '#!/bin/sh\nexec /clb/tests/kubectl/usr/bin/kubectl "$@"\n' >"$nodes/bin/kubectl"
	chmod +x "$nodes/bin/nginx" "$nodes/bin/kubectl"
}

# libraries DIR: where those of the packages unpacked there are.
libraries() {
	echo "$1"/usr/lib/*-linux-* "$1"/lib/*-linux-* | tr ' ' :
}

# exporters: what the pods of the node "virtual" are: whatever is asked for at any of
# their addresses, port 9100, is answered with a metric. nodes/scrapes.log has
# "SECONDS CLIENT ADDRESS PATH" of each scrape.
exporters() {
	mkdir -p "$nodes/exporters"
	cat >"$nodes/exporters/nginx.conf" <<-EOT
	user root;
	worker_processes 1;
	pid $nodes/exporters/pid;
	events { worker_connections 2048; }
	http {
		client_body_temp_path $nodes/exporters/1;
		proxy_temp_path $nodes/exporters/2;
		fastcgi_temp_path $nodes/exporters/3;
		uwsgi_temp_path $nodes/exporters/4;
		scgi_temp_path $nodes/exporters/5;
		log_format scrape '\$msec \$remote_addr \$server_addr \$uri';
		access_log $nodes/scrapes.log scrape;
		default_type 'text/plain; version=0.0.4';
		server {
			listen 9100;
			location / { return 200 'exporter_info{address="\$server_addr"} 1\n'; }
		}
	}
	EOT
	LD_LIBRARY_PATH=$(libraries "$tests/servers") "$tests/servers/usr/sbin/nginx" \
		-p "$nodes/exporters" -c "$nodes/exporters/nginx.conf" -e "$nodes/exporters/error.log"
}

case $what in
up | container | pod) "$what" "$@" ;;
*) echo "usage: nodes.sh up CLUSTER" >&2; exit 64 ;;
esac
