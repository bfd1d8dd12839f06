# The metrics of several balancers as one: each sample gets the labels namespace
# and resource, of the file NAMESPACE/NAME/metrics that it stands in. A metric's
# samples have to be together, below its HELP and TYPE.
FNR == 1 {
	n = split(FILENAME, part, "/")
	labels = "namespace=\"" part[n - 2] "\",resource=\"" part[n - 1] "\""
}
/^#/ {
	if (!($3 in head))
		order[++metrics] = $3
	if (index(head[$3], "# " $2) == 0)
		head[$3] = head[$3] $0 "\n"
	next
}
{
	at = match($0, /[{ ]/)
	name = substr($0, 1, at - 1)
	if (substr($0, at, 1) == "{")
		sample = name "{" labels "," substr($0, at + 1)
	else
		sample = name "{" labels "}" substr($0, at)
	samples[name] = samples[name] sample "\n"
}
END {
	for (i = 1; i <= metrics; i++)
		printf "%s%s", head[order[i]], samples[order[i]]
}
