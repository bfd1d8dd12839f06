# normal.jq: targets in the form they are compared in, one a line: what Prometheus
# dropped (its API's answer) or what clb-discover printed (jq -s), without empty
# labels and those of the scrape layer. A pod's uid, which is another in every
# cluster, becomes the pod's name, and a label that several keys of an object
# meet in becomes the list of its values if it has one of them.
#
# jq -c --slurpfile objects (see objects.jq) …

def scrape_layer: . == "job" or . == "__scheme__" or . == "__metrics_path__" or
	. == "__scrape_interval__" or . == "__scrape_timeout__" or startswith("__param_") or
	. == "__convert_classic_histograms_to_nhcb__" or
	. == "__always_scrape_classic_histograms__" or . == "__scrape_native_histograms__";

# The values that a label of this target may have.
def candidates: . as $labels |
	["pod", "service", "node", "endpoints", "endpointslice", "ingress"] |
	map($objects[0].any["\(.)/\($labels["__meta_kubernetes_\(.)_name"])"] // {}) | add;

[if type == "array" then .[] else .data.droppedTargets[] |
	{job: .discoveredLabels.job, labels: .discoveredLabels} end] |
.[] | .labels |= (
	candidates as $any |
	reduce ($any | to_entries[]) as $c (.;
		(.[$c.key] // "") as $v |
		if any($c.value[]; . == $v) then .[$c.key] = "any of \($c.value | tojson)" else . end) |
	with_entries(select(.value != "" and (.key | scrape_layer | not))) |
	if .__meta_kubernetes_pod_uid then
		.__meta_kubernetes_pod_uid |= "of \($objects[0].uids[.] // .)" else . end) |
{job, labels}
