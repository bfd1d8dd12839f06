#!/bin/sh
# cluster.sh: a Kubernetes control plane (1.20) of its own, on loopback in a
# network that no packet leaves. There are no nodes and no kubelet: whoever
# applies an object writes its status as well (see apply.sh).
#
#   up DIR [CONTROLLER,...]  start it; with controllers, the controller-manager
#                            runs these. DIR must be short-lived and is not removed
#   in DIR CMD...            run CMD there, with kubectl configured as admin
#   stop DIR NAME            end one process (TERM, and KILL after five seconds)
#   start DIR NAME           start it again, and wait until it answers
#   compact DIR              forget every revision but the last in etcd: a watch
#                            or a list that goes on from before gets a 410
#   down DIR                 end everything
#
# NAME is etcd, apiserver or controllers. DIR has kubeconfig, token, NAME.log and
# NAME.pid (a process id inside), nobody.kubeconfig, of a user without rights, and
# audit.log, what service accounts asked for (audit.yaml). What in-cluster access
# needs is there as well, as a pod in the namespace "shop" would find it: files below
# /var/run/secrets/kubernetes.io/serviceaccount and, when CMD is run,
# KUBERNETES_SERVICE_HOST and _PORT.
#
# Exits 1 when something does not start within a minute, and prints its log.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
tests=${CLB_TESTS:-$here/../../build/tests}
plane=${XDG_CACHE_HOME:-${HOME-}/.cache}/clb/kubernetes-1.20.2
port=6443

usage() {
	sed -n 's/^#   \([a-z].*\)/\1/p' "$0" >&2
	exit 64
}

[ $# -ge 2 ] || usage
cmd=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)
shift 2

# within SECONDS CMD...: CMD succeeds before they are over, and while what was
# last started runs.
within() {
	tries=$(($1 * 10))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $((tries -= 1)) -gt 0 ] && kill -0 "$!" 2>/dev/null || return 1
		sleep 0.1
	done
}

# inside CMD...: in the cluster's namespaces, and the directory we are in.
inside() {
	# shellcheck disable=SC2016 # expands inside
	nsenter --target "$(cat "$dir/inner")" --user --preserve-credentials --net --mount --pid \
		-- sh -c 'cd "$0" && exec "$@"' "$PWD" "$@"
}

# The name is not curl's: to curl this server answers indented, and what it does
# that with (reflect2 1.0.1 with a Go after 1.17) breaks its memory.
api() {
	curl -sfk --max-time 5 -A clb -H "Authorization: Bearer $(cat "$dir/token")" \
		"https://127.0.0.1:$port$1"
}

answers() {
	case $1 in
	etcd) curl -sf --max-time 5 http://127.0.0.1:2379/health ;;
	apiserver) api /readyz && api /api/v1/namespaces/default ;;
	controllers) [ -s "$dir/controllers.log" ] ;;
	esac
}

# command NAME: become this process of the control plane.
become() {
	case $1 in
	etcd)
		exec "$tests/kube/usr/bin/etcd" --data-dir "$dir/etcd" --logger zap --log-level warn \
			--listen-client-urls http://127.0.0.1:2379 \
			--advertise-client-urls http://127.0.0.1:2379 \
			--listen-peer-urls http://127.0.0.1:2380
		;;
	apiserver)
		exec "$plane/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 \
			--bind-address=0.0.0.0 --advertise-address=127.0.0.1 \
			--secure-port="$port" --cert-dir="$dir/certs" \
			--service-account-key-file="$dir/sa.key" \
			--service-account-signing-key-file="$dir/sa.key" \
			--service-account-issuer=https://kubernetes.default.svc \
			--token-auth-file="$dir/tokens" --authorization-mode=RBAC \
			--service-cluster-ip-range=10.96.0.0/16,fd00:96::/112 \
			--endpoint-reconciler-type=none --etcd-compaction-interval=0 \
			--feature-gates="$(cat "$here/gates")" \
			--disable-admission-plugins=ServiceAccount \
			--audit-policy-file="$here/audit.yaml" --audit-log-path="$dir/audit.log"
		;;
	controllers)
		exec "$plane/kube-controller-manager" --kubeconfig="$dir/kubeconfig" \
			--controllers="$(cat "$dir/controllers")" --bind-address=127.0.0.1 \
			--cert-dir="$dir/certs" --leader-elect=false \
			--service-account-private-key-file="$dir/sa.key" \
			--feature-gates="$(cat "$here/gates")"
		;;
	*) usage ;;
	esac
}

# start NAME, from inside: it outlives this shell, and ends with the namespace.
start() {
	rm -f "$dir/$1.log"
	setsid "$here/cluster.sh" become "$dir" "$1" >"$dir/$1.log" 2>&1 </dev/null 3>&- &
	echo $! >"$dir/$1.pid"
	within 60 answers "$1" && return
	echo "cluster.sh: $1 does not answer" >&2
	tail -n 30 "$dir/$1.log" >&2
	return 1
}

prepare() {
	mkdir -p "$dir/certs" "$dir/etcd"
	chmod 700 "$dir/etcd"
	openssl genrsa -out "$dir/sa.key" 2048 2>/dev/null
	od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$dir/token"
	cat >"$dir/tokens" <<-EOT
	$(cat "$dir/token"),admin,1,system:masters
	$(cat "$dir/token")-nobody,nobody,2
	EOT
	kubeconfig admin "$(cat "$dir/token")" >"$dir/kubeconfig"
	kubeconfig nobody "$(cat "$dir/token")-nobody" >"$dir/nobody.kubeconfig"
}

# kubeconfig USER TOKEN
kubeconfig() {
	cat <<-EOT
	apiVersion: v1
	kind: Config
	current-context: test
	clusters: [{name: test, cluster: {server: "https://127.0.0.1:$port", insecure-skip-tls-verify: true}}]
	users: [{name: $1, user: {token: $2}}]
	contexts: [{name: test, context: {cluster: test, user: $1}}]
	EOT
}

service_account() {
	account=/run/secrets/kubernetes.io/serviceaccount
	mount -t tmpfs none /run
	mkdir -p "$account"
	cp "$dir/token" "$account/token"
	cp "$dir/certs/apiserver.crt" "$account/ca.crt"
	printf shop >"$account/namespace"
}

case $cmd in
up)
	rm -f "$dir/up" "$dir/inner"
	[ $# -eq 0 ] || echo "$1" >"$dir/controllers"
	prepare
	unshare --user --map-root-user --net --mount --pid --fork --kill-child \
		"$here/cluster.sh" init "$dir" >"$dir/log" 2>&1 </dev/null 3>&- &
	echo $! >"$dir/outer"
	within 180 [ -e "$dir/up" ] || :
	[ "$(cat "$dir/up" 2>/dev/null)" = ok ] || { cat "$dir/log" >&2; exit 1; }
	;;
init)
	# Process 1 of the namespace, by its name outside: /proc is still the old one.
	read -r inner rest </proc/self/stat
	: "$rest"
	mount -t proc proc /proc
	ip link set lo up
	trap 'echo failed >"$dir/up"' EXIT
	start etcd
	start apiserver
	service_account
	[ ! -e "$dir/controllers" ] || start controllers
	echo "$inner" >"$dir/inner"
	trap - EXIT
	echo ok >"$dir/up"
	# Orphans become ours: wait takes them away. Who removes DIR ends us, too.
	while [ -d "$dir" ]; do
		sleep 5 &
		wait $!
	done
	;;
in)
	# Where kubectl is not installed, the unpacked one will do.
	PATH=$PATH:$tests/kube/usr/bin KUBECONFIG=$dir/kubeconfig \
		KUBERNETES_SERVICE_HOST=127.0.0.1 KUBERNETES_SERVICE_PORT=$port inside "$@"
	;;
stop)
	# shellcheck disable=SC2016 # expands inside
	inside sh -c 'kill "$1"; n=50; while kill -0 "$1" 2>/dev/null; do
		[ $((n -= 1)) -gt 0 ] || kill -9 "$1"; sleep 0.1; done' sh "$(cat "$dir/$1.pid")"
	;;
start) inside "$here/cluster.sh" start-inside "$dir" "$1" ;;
start-inside) start "$1" ;;
become) become "$1" ;;
compact)
	# Nothing may be written below this name, so it tells the revision.
	revision=$(inside curl -sf -d '{"key":"eA=="}' http://127.0.0.1:2379/v3/kv/range |
		jq -r .header.revision)
	inside curl -sf -o /dev/null -d "{\"revision\":\"$revision\",\"physical\":true}" \
		http://127.0.0.1:2379/v3/kv/compaction
	;;
down)
	[ -e "$dir/outer" ] || exit 0
	kill -9 "$(cat "$dir/outer")" 2>/dev/null || :
	rm -f "$dir/outer" "$dir/inner"
	;;
*) usage ;;
esac
