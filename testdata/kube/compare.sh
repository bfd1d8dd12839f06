#!/bin/sh
# compare.sh VERSION SITE CLUSTER [COMPAT]: does clb discover what the real Prometheus
# VERSION (2.53 or 3.5) does, from a mirror of SITE (see config.jq) that clb-watch has
# filled? Prints the differences ("-" is Prometheus, "+" is clb) and exits 1 if there
# are any. COMPAT is what clb is told to be, VERSION if it is not given. Run it in
# the cluster.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
version=$1
site=$2
cluster=$(cd "$3" && pwd)
compat=${4:-$version}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

[ "$site" != stub ] || export KUBECONFIG="$cluster/stub/kubeconfig"
cp "$cluster/token" "$tmp/token"
jq -n --arg site "$site" --arg version "$version" -f "$here/config.jq" >"$tmp/prometheus.yml"
clb-watch -c "$tmp/prometheus.yml" --compat "$compat" -d "$tmp/mirror" --limit 7 --once
clb-discover -c "$tmp/prometheus.yml" --compat "$compat" -k "$tmp/mirror" >"$tmp/disc"
jq -cSs --slurpfile objects "$cluster/objects.json" -f "$here/normal.jq" "$tmp/disc" |
	LC_ALL=C sort >"$tmp/clb"
answer=$("$here/oracle.sh" "$version" "$site" "$cluster")
diff "$answer" "$tmp/clb" >"$tmp/diff" && exit
sed -n 's/^< /- /p; s/^> /+ /p' "$tmp/diff"
exit 1
