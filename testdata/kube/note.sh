#!/bin/sh
# note.sh CLUSTER: write CLUSTER/objects.json (see objects.jq) of what its API server
# and, if there is one, its stub have now. Run it in the cluster.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cluster=$(cd "$1" && pwd)

for config in "$cluster/kubeconfig" "$cluster/stub/kubeconfig"; do
	[ -e "$config" ] || continue
	slices=/apis/discovery.k8s.io/v1beta1/endpointslices
	[ "$config" = "$cluster/kubeconfig" ] || slices=/apis/discovery.k8s.io/v1/endpointslices
	for path in /api/v1/nodes /api/v1/pods /api/v1/services /api/v1/endpoints \
		/apis/networking.k8s.io/v1/ingresses "$slices"; do
		KUBECONFIG=$config kubectl get --raw "$path" |
			jq -c '(.kind | rtrimstr("List")) as $kind | .items[].kind = $kind'
	done
done >"$cluster/lists"
jq -cs -f "$here/objects.jq" "$cluster/lists" >"$cluster/objects.json"
