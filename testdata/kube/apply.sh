#!/bin/sh
# apply.sh FILE...: apply the objects with kubectl, then write the status that
# stands beside each spec, as nodes and their kubelets would. What has the
# finalizer example.com/held is deleted, and so stays as long as we like.
# Run it in the cluster: cluster.sh in DIR apply.sh FILE...
set -eu

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

for f; do
	set -- "$@" -f "$f"
	shift
done
kubectl apply "$@" >"$tmp/log" 2>&1 || { cat "$tmp/log" >&2; exit 1; }

# The status of what is asked for, with all else as the server has it now.
kubectl create --dry-run=client -o json "$@" >"$tmp/asked" 2>"$tmp/log" ||
	{ cat "$tmp/log" >&2; exit 1; }
kubectl get "$@" -o json >"$tmp/live" 2>"$tmp/log" || { cat "$tmp/log" >&2; exit 1; }
jq -cn --slurpfile asked "$tmp/asked" --slurpfile live "$tmp/live" '
	def id: [.kind, .metadata.namespace, .metadata.name] | tojson;
	([$asked[] | .items[]? // .] | map({key: id, value: .status}) | from_entries) as $status |
	[$live[] | .items[]? // .][] | select($status[id] // {} | del(.loadBalancer | select(. == {})) != {}) |
	.status = $status[id]' >"$tmp/bodies"
jq -r '"\(if .apiVersion == "v1" then "/api/v1" else "/apis/\(.apiVersion)" end)\(
	if .metadata.namespace then "/namespaces/\(.metadata.namespace)" else "" end)/\(
	.kind | ascii_downcase)s/\(.metadata.name)/status"' "$tmp/bodies" >"$tmp/paths"
n=0
while IFS= read -r body <&3 && IFS= read -r path <&4; do
	n=$((n + 1))
	printf '%s\n' "$body" >"$tmp/body.$n"
	printf '%s %s\n' "$tmp/body.$n" "$path"
done 3<"$tmp/bodies" 4<"$tmp/paths" >"$tmp/puts"
# shellcheck disable=SC2016 # expands in the sh that xargs runs
xargs -r -P 4 -n 2 sh -c 'kubectl replace --raw "$1" -f "$0" >/dev/null' <"$tmp/puts"

# shellcheck disable=SC2016 # expands in the sh that xargs runs
jq -r '.items[]? // . | select(.metadata.finalizers // [] | index("example.com/held")) |
	"\(.kind)/\(.metadata.name) \(.metadata.namespace)"' "$tmp/live" |
	xargs -r -n 2 sh -c 'kubectl delete --wait=false -n "$1" "$0" >/dev/null 2>&1'
