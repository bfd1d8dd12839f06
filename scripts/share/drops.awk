# How many targets each rule has dropped, of what clb-relabel --dropped writes:
#
#   {"action":"drop","job":"web","n":12,"reason":"rule","rule":0}
#
# The labels are most of a line, so the lines are not parsed. A label's value is
# always a string, whose quotes are escaped: what is looked for cannot be in one.
{
	job = ""
	if (match($0, /"job":"([^"\\]|\\.)*","labels":[{]/))
		job = substr($0, RSTART, RLENGTH - 11)
	if (match($0, /,"rule":[0-9]+/)) {
		rule = substr($0, RSTART + 1, RLENGTH - 1)
		match($0, /"action":"[a-z]*"/)
		n[substr($0, RSTART, RLENGTH) "," job ",\"reason\":\"rule\"," rule]++
	} else if (index($0, "\"finalLabels\":{"))
		n[job ",\"reason\":\"target_limit\""]++
	else
		n[job ",\"reason\":\"error\""]++
}
END {
	for (key in n)
		print "{\"n\":" n[key] "," key "}"
}
