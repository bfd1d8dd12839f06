# The objects of a stream in a mirror, as an array sorted by key: jq -n, with the
# list and, if there is one, the log. See clb-mirror(5).
def key: .metadata | [.namespace // empty, .name] | join("/");

reduce inputs as $line ({};
	if $line.stream then {list: $line.resourceVersion}
	elif $line.list then .follows = ($line.list == .list)
	elif $line.metadata then .objects[$line | key] = $line
	elif .follows | not then .
	elif $line.object then .objects[$line.object | key] = $line.object
	elif $line.type == "DELETED" then del(.objects[$line.key])
	else . end) |
.objects // {} | to_entries | sort_by(.key) | map(.value)
