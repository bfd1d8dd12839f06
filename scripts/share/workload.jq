# The objects that a CollectorLoadBalancer stands for, one after another: its
# ConfigMap, its Service, and its StatefulSet or DaemonSet. Input: the resource.
#
#   $config  the collectors' configuration
#   $hash    what has to be in the pod template for a new configuration to be used
#   $size    how many collectors, or null
#   $image   of the container with clb-agent
#   $url     where the resource's tree is served
#
# To the pod template come labels, and to its first container, which is taken for
# the collector, POD_NAME and the directory /etc/clb. clb-resource(5) is the
# contract.
.metadata as $resource | .spec as $spec |
($spec.collector // "prometheus") as $collector |
($spec.delivery // "agent") as $delivery |
{"clb.dev/name": $resource.name} as $selector |
($selector + {"app.kubernetes.io/managed-by": "clb"}) as $labels |

def metadata($name): {
	name: $name,
	namespace: $resource.namespace,
	labels: $labels,
	ownerReferences: [{
		apiVersion: "clb.dev/v1", kind: "CollectorLoadBalancer",
		name: $resource.name, uid: $resource.uid, controller: true
	}]
};

# What an API server before 1.21 wants to see, or it cannot merge.
def protocols: if .ports then .ports |= map(.protocol //= "TCP") else . end;

# added(key; value): to the list at .[key], unless it is there by that name.
def added($key; $value):
	if any(.[$key][]?; .name == $value.name) then . else .[$key] = (.[$key] // []) + [$value] end;
def mounted($name; $path; $readonly):
	if any(.volumeMounts[]?; .mountPath == $path) then . else
		.volumeMounts = (.volumeMounts // []) +
			[{name: $name, mountPath: $path} + if $readonly then {readOnly: true} else {} end]
	end;
def pod_name: added("env"; {name: "POD_NAME", valueFrom: {fieldRef: {fieldPath: "metadata.name"}}});

# A container of ours.
def confined: . + {
	image: $image,
	resources: {requests: {cpu: "10m", memory: "16Mi"}, limits: {memory: "64Mi"}},
	securityContext: {
		allowPrivilegeEscalation: false, readOnlyRootFilesystem: true,
		capabilities: {drop: ["ALL"]}
	}
} | pod_name;

# The port where the collector is asked to reload.
def reload_port:
	[.ports[]?] | (map(select(.name == "http" or .name == "web")) + .)[0].containerPort //
		{prometheus: 9090, vmagent: 8429}[$collector];

# Prometheus puts no variable into a scrape configuration, and what an agent
# watches over it changes later: both read a copy.
def copied: $delivery == "agent" or ($collector == "prometheus" and $delivery == "http");

def with_config:
	if copied | not then
		.spec.containers[0] |= mounted("clb-config"; "/etc/clb"; true)
	else
		.spec.containers[0] |= mounted("clb"; "/etc/clb"; true) |
		.spec |= added("volumes"; {name: "clb", emptyDir: {}}) |
		.spec |= added("initContainers"; {
			name: "clb-config",
			command: ["clb-agent", "--once", "--collector", "$(POD_NAME)", "-d", "/etc/clb/sd",
				"--config", "/etc/clb-config/collector.yml", "--config-out", "/etc/clb/collector.yml"]
		} | confined | mounted("clb-config"; "/etc/clb-config"; true) | mounted("clb"; "/etc/clb"; false))
	end |
	.spec |= added("volumes"; {name: "clb-config", configMap: {name: ($resource.name + "-config")}}) |
	.spec.containers[0] |= pod_name;

def with_agent:
	if $delivery != "agent" then . else
		(.spec.containers[0] | reload_port) as $port |
		.spec |= added("containers"; {
			name: "clb-agent",
			command: (["clb-agent", "--url", $url, "--collector", "$(POD_NAME)", "-d", "/etc/clb/sd",
				"--interval", "5s", "--config", "/etc/clb-config/collector.yml", "--config-out", "/etc/clb/collector.yml"] +
				if $collector == "otelcol" then [] else
					["--reload-url", "http://127.0.0.1:\($port)/-/reload"]
				end)
		} | confined | mounted("clb-config"; "/etc/clb-config"; true) | mounted("clb"; "/etc/clb"; false))
	end;

($spec.template |
	.metadata.labels = (.metadata.labels // {}) + $labels |
	if $hash == "" then . else .metadata.annotations["clb.dev/config-hash"] = $hash end |
	with_config | with_agent |
	.spec.containers |= map(protocols) |
	if .spec.initContainers then .spec.initContainers |= map(protocols) else . end
) as $template |

{
	apiVersion: "v1", kind: "ConfigMap",
	metadata: metadata($resource.name + "-config"),
	data: {"collector.yml": $config}
},
{
	apiVersion: "v1", kind: "Service",
	metadata: metadata($resource.name),
	spec: {
		clusterIP: "None",
		selector: $selector,
		ports: ([$spec.template.spec.containers[0].ports[]? |
			{name: (.name // "port-\(.containerPort)"), port: .containerPort,
			 targetPort: .containerPort, protocol: (.protocol // "TCP")}])
	}
},
if $spec.workload == "DaemonSet" then
	{
		apiVersion: "apps/v1", kind: "DaemonSet",
		metadata: metadata($resource.name),
		spec: {selector: {matchLabels: $selector}, template: $template}
	}
else
	{
		apiVersion: "apps/v1", kind: "StatefulSet",
		metadata: metadata($resource.name),
		spec: ({
			replicas: $size,
			serviceName: $resource.name,
			podManagementPolicy: "Parallel",
			selector: {matchLabels: $selector},
			template: $template
		} + if $spec.volumeClaimTemplates then {volumeClaimTemplates: $spec.volumeClaimTemplates} else {} end)
	}
end
