#!/bin/sh
# active.sh NAMESPACE SELECTOR [PORT]: the active targets of all collectors that run as
# pods with these labels and answer as Prometheus does, one a line, sorted. Two that
# have the same target are two lines. Fails if one of them does not answer. Run it in
# the cluster.
set -eu

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

kubectl get pods -n "$1" -l "$2" -o json | jq -r '.items[] |
	select(.metadata.deletionTimestamp | not) |
	.status.podIP // "has-no-address"' >"$tmp/addresses"
while read -r address; do
	curl -sf --max-time 5 "http://$address:${3:-9090}/api/v1/targets?state=active"
done <"$tmp/addresses" >"$tmp/answers"
jq -cS '.data.activeTargets[] | {pool: .scrapePool, labels, url: .scrapeUrl, interval: .scrapeInterval, timeout: .scrapeTimeout}' "$tmp/answers" |
	LC_ALL=C sort
