# config.jq: the scrape configuration of the comparison, for what $site is ("live",
# the API server with the objects of prepare.sh, "made", one whose controllers have
# made the objects, or "stub") and for Prometheus $version ("2.53", "3.5").
# Nothing is scraped: a rule drops every target, and Prometheus shows the
# discovered labels of what it dropped.
#
# 3.5 cannot see the server's EndpointSlices: they are v1beta1. The stub has v1.

def access: if $site == "stub" then {api_server: "http://127.0.0.1:8080"} else
	{api_server: "https://127.0.0.1:6443", bearer_token_file: "token",
	tls_config: {insecure_skip_verify: true}} end;
def job(name; sd): {job_name: name, kubernetes_sd_configs: [access + sd],
	relabel_configs: [{source_labels: ["__address__"], regex: ".*", action: "drop"}]};
# With the service account's access, as in a pod of the namespace "shop".
def inside(name; sd): job(name; {}) | .kubernetes_sd_configs = [sd];
def names($n): {namespaces: {names: $n}};
def by_label($role; $l): {selectors: [{$role, label: $l}]};
def by_field($role; $f): {selectors: [{$role, field: $f}]};
def attach_node: {attach_metadata: {node: true}};

def node: {role: "node"};
def nodes:
	job("node"; node),
	job("node label in"; node + by_label("node"; "pool in (a,c),topology.kubernetes.io/zone")),
	job("node label not"; node + by_label("node"; "pool!=a,!kubernetes.io/os")),
	job("node field"; node + by_field("node"; "metadata.name!=w-1")),
	job("node unschedulable"; node + by_field("node"; "spec.unschedulable=true")),
	job("node both"; node + {selectors: [{role: "node", label: "pool", field: "metadata.name=w-4"}]}),
	job("node namespaces do not matter"; node + names(["shop"]) + attach_node);

def service: {role: "service"};
def services:
	job("service"; service),
	job("service namespaces"; service + names(["shop", "dual", "shop"])),
	job("service label"; service + by_label("service"; "app in (web, lb), tier notin (back)")),
	job("service field"; service + by_field("service"; "metadata.name=web")),
	job("service attach node does nothing"; service + attach_node),
	inside("service own namespace"; service + {namespaces: {own_namespace: true}});

def pod: {role: "pod"};
def pods:
	job("pod"; pod),
	job("pod namespaces"; pod + names(["edge", "kube"])),
	job("pod nothing there"; pod + names(["empty", "no-such-namespace"])),
	job("pod label"; pod + by_label("pod"; "app=web")),
	job("pod label empty"; pod + by_label("pod"; "tier=,app")),
	job("pod phase"; pod + by_field("pod"; "status.phase=Running,spec.nodeName!=w-1")),
	job("pod on a node"; pod + names(["shop", "kube"]) + by_field("pod"; "spec.nodeName=w-1")),
	job("pod attach node"; pod + attach_node),
	job("pod attach node namespaces"; pod + names(["shop"]) + attach_node),
	inside("pod own namespace"; pod + {namespaces: {own_namespace: true}}),
	inside("pod own namespace and others"; pod + {namespaces: {own_namespace: true, names: ["kube"]}});

def joined($role):
	{$role} as $sd |
	job($role; $sd),
	job("\($role) namespaces"; $sd + names(["kube", "dual"])),
	job("\($role) namespace"; $sd + names(["shop"])),
	job("\($role) pods by label"; $sd + by_label("pod"; "app")),
	job("\($role) pods by field"; $sd + by_field("pod"; "spec.nodeName=w-1")),
	job("\($role) services by label"; $sd + by_label("service"; "app=web")),
	job("\($role) by name"; $sd + by_field($role;
		if $role == "endpoints" then "metadata.name=web" else "metadata.name=dns-abcde" end)),
	job("\($role) all selectors"; $sd + {selectors: [{role: "pod", label: "app=web"},
		{role: "service", label: "tier"}, {$role, field: "metadata.namespace!=kube"}]}),
	job("\($role) attach node"; $sd + attach_node),
	job("\($role) attach node namespaces"; $sd + names(["kube", "shop"]) + attach_node);

def ingress: {role: "ingress"};
def ingresses:
	job("ingress"; ingress),
	job("ingress namespaces"; ingress + names(["dual", "edge"])),
	job("ingress label"; ingress + by_label("ingress"; "team in (a)"));

# The stub knows namespaces, but no selectors.
def stubbed:
	("endpointslice", "endpoints", "pod") as $role |
	job($role; {$role}),
	job("\($role) namespaces"; {$role} + names(["kube", "dual", "stub"])),
	job("\($role) attach node"; {$role} + attach_node);

{scrape_configs: [if $site == "stub" then
	stubbed, job("ingress"; ingress), job("service"; service), job("node"; node)
elif $site == "made" then
	(node, service, pod, {role: "endpoints"}, ingress,
	if $version == "2.53" then {role: "endpointslice"} else empty end) as $sd |
	job($sd.role; $sd + if $sd.role | . == "pod" or startswith("endpoint") then attach_node else {} end)
else
	nodes, services, pods, joined("endpoints"), ingresses,
	if $version == "2.53" then joined("endpointslice") else empty end
end]}
