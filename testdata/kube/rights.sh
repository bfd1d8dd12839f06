#!/bin/sh
# rights.sh CLUSTER [RULE]: does the life of a fleet go well with the rights of k8s/, less
# the RULEth of their rules (from 1)? A balancer of its own does it, with a service
# account and a namespace of its own. Exits 1, and says on stdout what did not happen,
# if not. Run it in the cluster, where k8s/ is installed.
#
#   rights.sh count CLUSTER   how many rules there are
#
# Pods are those of the node "virtual": they say that they run.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$here/../..
tmp=$(mktemp -d)
operator=

finish() {
	rc=$?
	[ -z "$operator" ] || kill "$operator" 2>/dev/null || :
	wait
	rm -rf "$tmp"
	exit "$rc"
}
trap finish EXIT
trap 'exit 143' TERM INT

# roles: those that are shipped, as a list.
roles() {
	kubectl create --dry-run=client -o json -f "$top/k8s/rbac.yaml" |
		jq -cs '[.[] | .items[]? // . | select(.kind == "Role" or .kind == "ClusterRole")]'
}

roles >"$tmp/roles"
if [ "$1" = count ]; then
	jq '[.[].rules[]] | length' "$tmp/roles"
	exit
fi
cluster=$1
rule=${2:-0}
ns=rights-$rule

# wait_for SECONDS WHAT CMD...: or say that it did not happen.
wait_for() {
	seconds=$1 what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ $((seconds -= 1)) -ge 0 ] || { echo "without rule $rule: $what"; [ "$rule" -ne 0 ] || cat "$tmp/log"; exit 1; }
		sleep 1
	done
}

# ---- the account, and what there is to discover ----

jq -c --arg ns "$ns" --argjson rule "$rule" '
	def binding($kind; $name): {
		apiVersion: "rbac.authorization.k8s.io/v1", kind: $kind, metadata: {name: "\($ns)-\($name)", namespace: $ns},
		subjects: [{kind: "ServiceAccount", name: "clb", namespace: $ns}]};
	reduce .[] as $r ({n: 0, roles: []}; .n as $n |
		.roles += [$r | .rules |= [to_entries[] | select($n + .key + 1 != $rule) | .value]] | .n += ($r.rules | length)) |
	{apiVersion: "v1", kind: "List", items: (
		[{apiVersion: "v1", kind: "Namespace", metadata: {name: $ns}},
		{apiVersion: "v1", kind: "ServiceAccount", metadata: {name: "clb", namespace: $ns}}] +
		[.roles[] | {apiVersion, kind, metadata: {name: "\($ns)-\(.metadata.name)", namespace: $ns}, rules},
			(binding("\(.kind)Binding"; .metadata.name) +
			{roleRef: {apiGroup: "rbac.authorization.k8s.io", kind, name: "\($ns)-\(.metadata.name)"}})])}' \
	"$tmp/roles" >"$tmp/account"
kubectl apply -f "$tmp/account" >/dev/null
cat >"$tmp/fleet.yaml" <<END
---
{apiVersion: v1, kind: Service, metadata: {name: s, namespace: $ns}, spec: {ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Endpoints, metadata: {name: s, namespace: $ns}, subsets: [{addresses: [{ip: 10.2.8.1}], ports: [{port: 80}]}]}
---
{apiVersion: discovery.k8s.io/v1beta1, kind: EndpointSlice, metadata: {name: t, namespace: $ns}, addressType: IPv4, endpoints: [{addresses: [10.2.8.2]}], ports: [{port: 80}]}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i, namespace: $ns}, spec: {rules: [{host: h}]}}
---
apiVersion: clb.dev/v1
kind: CollectorLoadBalancer
metadata: {name: x, namespace: $ns}
spec:
  replication: 2
  drainTimeout: 0s
  autoscale: {minReplicas: 2, maxReplicas: 2, targetsPerReplica: 1}
  config: {configMap: {name: c}}
  template: {spec: {nodeName: virtual, terminationGracePeriodSeconds: 0, containers: [{name: c, image: i, ports: [{name: http, containerPort: 9090}]}]}}
END
{
	echo 'scrape_configs:'
	for role in node pod service endpoints endpointslice ingress; do
		echo "- {job_name: $role, kubernetes_sd_configs: [{role: $role, namespaces: {names: [$ns]}}]}"
	done
} >"$tmp/prometheus.yml"
kubectl create configmap -n "$ns" c --from-file="$tmp/prometheus.yml" >/dev/null
kubectl apply -f "$tmp/fleet.yaml" >/dev/null

# ---- the balancer ----

token=$(kubectl create --raw "/api/v1/namespaces/$ns/serviceaccounts/clb/token" -f - <<-END | jq -r .status.token
	{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"expirationSeconds":3600}}
END
)
sed "s/admin/clb/g; s/token: [^}]*/token: $token/" "$cluster/kubeconfig" >"$tmp/kubeconfig"
KUBECONFIG=$tmp/kubeconfig POD_NAME=$ns POD_NAMESPACE=$ns clb-operator -d "$tmp/clb" --namespace "$ns" \
	>"$tmp/log" 2>&1 &
operator=$!

# run_pods: the fleet's pods run, as far as they say.
run_pods() {
	"$here/kubelet.sh" "$ns" 10.2.100. 2>/dev/null
}

# status JQ: of the resource.
status() {
	run_pods || :
	kubectl get -n "$ns" clb x -o json | jq -e "$1"
}

there() {
	kubectl get -n "$ns" "$1" x >/dev/null
}

not_there() {
	! kubectl get -n "$ns" "$1" x
}

# jobs: there are targets of every role.
jobs() {
	jq -r .job "$tmp/clb/state/$ns/x/assignment.jsonl" | sort -u | wc -l | grep -qx 6
}

turn() {
	kubectl patch -n "$ns" clb x --type=merge -p "{\"spec\":{\"workload\":\"$1\"}}" >/dev/null
}

wait_for 20 "no Lease" kubectl get -n "$ns" lease clb
wait_for 20 "no StatefulSet" there statefulset
wait_for 5 "no Service" there service
wait_for 20 "not scaled" status '.spec.replicas == 2'
wait_for 20 "not ready" status 'any(.status.conditions[]; .type == "Ready" and .status == "True")'
wait_for 10 "targets are missing" jobs
wait_for 10 "no zone is known" jq -e '.virtual == "v"' "$tmp/clb/state/$ns/x/zones.json"
wait_for 5 "no Event" sh -c "kubectl get -n $ns events -o json | jq -e '.items[] | select(.reason == \"Scaled\")'"
turn DaemonSet
wait_for 15 "no DaemonSet" there daemonset
wait_for 10 "the StatefulSet stays" not_there statefulset
turn StatefulSet
wait_for 15 "no StatefulSet again" there statefulset
wait_for 10 "the DaemonSet stays" not_there daemonset
# What is undone is noticed.
kubectl patch -n "$ns" cm x-config --type=merge -p '{"data":{"collector.yml":"x"}}' >/dev/null
wait_for 15 "an edit stays" sh -c "kubectl get -n $ns cm x-config -o json | jq -e '.data[\"collector.yml\"] != \"x\"'"
