#!/bin/sh
# stub.sh DIR [FILE]: serve at http://127.0.0.1:8080, inside the cluster DIR, what
# a newer API server would answer: the lists of the real one, with its
# EndpointSlices turned from v1beta1 into v1, and the objects of FILE (JSON
# Lines) that 1.20 would not take. It answers lists and, with silence, watches;
# selectors it does not know. Run it inside: cluster.sh in DIR stub.sh DIR.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
servers=${CLB_TESTS:-$here/../../build/tests}/servers
dir=$(cd "$1" && pwd)/stub
more=${2:-$here/stub.jsonl}
mkdir -p "$dir/www" "$dir/logs"

# The resources by the paths they have here, and on the real server.
cat >"$dir/resources" <<'EOT'
api/v1 nodes /api/v1/nodes
api/v1 namespaces /api/v1/namespaces
api/v1 pods /api/v1/pods
api/v1 services /api/v1/services
api/v1 endpoints /api/v1/endpoints
apis/discovery.k8s.io/v1 endpointslices /apis/discovery.k8s.io/v1beta1/endpointslices
apis/networking.k8s.io/v1 ingresses /apis/networking.k8s.io/v1/ingresses
apis/apps/v1 replicasets /apis/apps/v1/replicasets
apis/batch/v1 jobs /apis/batch/v1/jobs
EOT

# list PREFIX NAME [NAMESPACE]: the list, from the real one on stdin.
list() {
	jq -c --slurpfile more "$more" --arg group "${1#api*/}" --arg namespace "${3-}" '
		def v1: del(.apiVersion) | if has("addressType") then .endpoints = [.endpoints[]? |
			(.topology // {}) as $t | del(.topology) |
			.zone = $t["topology.kubernetes.io/zone"] |
			.deprecatedTopology = ($t | del(.["topology.kubernetes.io/zone"])) |
			del(.zone | nulls) | del(.deprecatedTopology | select(. == {}))]
			else . end;
		(.kind | rtrimstr("List")) as $kind |
		.apiVersion = $group | .metadata = {resourceVersion: "1000"} |
		.items = [.items[] | v1] + [$more[] | select(.kind == $kind) | del(.kind, .apiVersion)] |
		.items |= map(select($namespace == "" or .metadata.namespace == $namespace))'
}

while read -r prefix name path; do
	mkdir -p "$dir/www/$prefix"
	kubectl get --raw "$path" >"$dir/$name.json"
	list "$prefix" "$name" <"$dir/$name.json" >"$dir/www/$prefix/$name.json"
	case $name in nodes | namespaces) continue ;; esac
	for namespace in shop kube edge dual stub; do
		mkdir -p "$dir/www/$prefix/namespaces/$namespace"
		list "$prefix" "$name" "$namespace" <"$dir/$name.json" \
			>"$dir/www/$prefix/namespaces/$namespace/$name.json"
	done
done <"$dir/resources"

# A watch is a slow file of empty lines.
dd if=/dev/zero bs=4096 count=16 2>/dev/null | tr '\0' '\n' >"$dir/www/silence"
cat >"$dir/nginx.conf" <<EOT
user root;
worker_processes 1;
pid $dir/nginx.pid;
error_log $dir/logs/error.log;
events { worker_connections 512; }
http {
	access_log off;
	client_body_temp_path $dir/body;
	proxy_temp_path $dir/proxy;
	fastcgi_temp_path $dir/fastcgi;
	uwsgi_temp_path $dir/uwsgi;
	scgi_temp_path $dir/scgi;
	default_type application/json;
	server {
		listen 127.0.0.1:8080;
		root $dir/www;
		location = /version {
			return 200 '{"major":"1","minor":"30","gitVersion":"v1.30.0"}';
		}
		location / {
			if (\$arg_sendInitialEvents) {
				return 422 '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","reason":"Invalid","message":"no watch list here","code":422}';
			}
			if (\$arg_watch) {
				rewrite ^ /silence last;
			}
			try_files \$uri.json =404;
		}
		location = /silence {
			internal;
			limit_rate 1;
		}
	}
}
EOT
libs=
for l in "$servers"/usr/lib/*-linux-* "$servers"/lib/*-linux-*; do
	libs=$libs:$l
done
LD_LIBRARY_PATH=${libs#:} "$servers/usr/sbin/nginx" -p "$dir" -c "$dir/nginx.conf" \
	-e "$dir/logs/error.log"
sed 's,https://127.0.0.1:[0-9]*,http://127.0.0.1:8080,; s/, insecure-skip-tls-verify: true//' \
	"$dir/../kubeconfig" >"$dir/kubeconfig"
