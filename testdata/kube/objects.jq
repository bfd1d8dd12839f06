# objects.jq: what the comparison must know of the objects, from lists of all
# kinds (jq -s): the names of pods by uid, and, for every label that several keys
# of one object meet in, the values that it may have: Prometheus takes any. A
# target does not tell the namespace of all that it is joined with, so objects of
# one name share them.
#
#   {"uids": {UID: "NAMESPACE/NAME"}, "any": {"KIND/NAME": {LABEL: [VALUE, …]}}}

def s: gsub("[^a-zA-Z0-9_]"; "_");
# entries that meet in one label after PREFIX, and their values
def meeting(prefix): group_by(.key)[] | select(length > 1) |
	{key: (prefix + .[0].key), value: map(.value) | unique};
def meet(prefix): to_entries | map(.key |= s) | meeting(prefix);

[.[].items[]] as $objects |
{
	uids: [$objects[] | select(.metadata.uid) |
		{key: .metadata.uid, value: "\(.metadata.namespace)/\(.metadata.name)"}] | from_entries,
	any: ([$objects[] | (.kind | ascii_downcase) as $kind |
		{key: "\($kind)/\(.metadata.name)", value: [
			(.metadata.labels // {} | meet("__meta_kubernetes_\($kind)_label_")),
			(.metadata.annotations // {} | meet("__meta_kubernetes_\($kind)_annotation_")),
			(select($kind == "node") | .status.addresses // [] | group_by(.type) |
				map({key: .[0].type, value: .[0].address}) | from_entries |
				meet("__meta_kubernetes_node_address_")),
			(select($kind == "endpointslice") | .endpoints[]? | .deprecatedTopology // .topology // {} |
				to_entries | map(.key |= s) | . + map({key: "present_\(.key)", value: "true"}) |
				meeting("__meta_kubernetes_endpointslice_endpoint_topology_"))
		] | from_entries} | select(.value != {})] |
		reduce .[] as {key: $object, value: $meet} ({}; reduce ($meet | to_entries[]) as $m (.;
			.[$object][$m.key] |= (. + $m.value | unique))))
}
