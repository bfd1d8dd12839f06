# Whether every collector that stays has asked for its new targets: exit status 0
# with jq -e. Input: lines of nginx's access log, see clb-tree(5).
#
#   $prefix   what the paths of this tree begin with
#   $staying  names of collectors, a line each
#   $changed  COLLECTOR/JOB.json, a tab and the time of modification, a line each
($staying | split("\n") | map({key: ., value: true}) | from_entries) as $stays |

([inputs | fromjson? |
	select((.status == 200 or .status == 304) and (.uri | startswith($prefix)) and .file_time != "") |
	{key: "\(.collector)/\(.job).json",
	 value: (.file_time | strptime("%a, %d %b %Y %H:%M:%S GMT") | mktime)}] |
	# The last answer is the newest.
	from_entries) as $asked |

all($changed | split("\n")[] | select(. != "") | split("\t") |
	select($stays[.[0] | split("/")[0]]);
	$asked[.[0]] != null and $asked[.[0]] >= (.[1] | tonumber | floor))
