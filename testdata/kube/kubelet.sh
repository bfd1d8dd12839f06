#!/bin/sh
# kubelet.sh NAMESPACE IP-PREFIX [READY]: what a kubelet would write of pods that have
# no status yet: they run, their addresses are IP-PREFIX and a number, and READY
# (True) tells whether they are ready. Run it in the cluster.
set -eu

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

pods=/api/v1/namespaces/$1/pods
kubectl get --raw "$pods" | jq -c --arg ip "$2" --arg ready "${3:-True}" '
	([.items[].status.podIP // empty | select(startswith($ip)) | ltrimstr($ip) | tonumber] |
		max // 0) as $last |
	[.items[] | select(.status.podIP == null)] | sort_by(.metadata.name) | to_entries[] |
	"\($ip)\($last + .key + 1)" as $address | .value |
	.kind = "Pod" | .apiVersion = "v1" |
	.status = {phase: "Running", podIP: $address, podIPs: [{ip: $address}], hostIP: "10.0.1.1",
		conditions: [{type: "Ready", status: $ready}]}' >"$tmp/pods"
while IFS= read -r pod; do
	printf '%s\n' "$pod" >"$tmp/pod"
	kubectl replace --raw "$pods/$(printf '%s' "$pod" | jq -r .metadata.name)/status" \
		-f "$tmp/pod" >/dev/null
done <"$tmp/pods"
