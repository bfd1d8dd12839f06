# second.jq: the configuration of a Prometheus that reads what clb-writesd wrote
# to sd/, from clb-config show: each job as it is, but for its discovery and its
# relabel rules. In place of those, the files of all three collectors and the
# rules that unpack what plain groups cannot carry.
def marked(name): {source_labels: ["__handoffdel"], regex: ".*,\(name),.*",
	target_label: name, replacement: ""};
def filename: @uri | sub("^\\."; "%2E") | gsub("(?<c>%20|[!*'()])";
	{"%20": "+", "!": "%21", "*": "%2A", "'": "%27", "(": "%28", ")": "%29"}[.c]);
{scrape_configs: [.scrape_configs[] |
	with_entries(select(.key | endswith("_sd_configs") or . == "static_configs" | not)) +
	{file_sd_configs: [{files: [.job_name | filename | range(3) as $i |
		"sd/collector-\($i)/\(.).json"]}],
	relabel_configs: [{action: "labelmap", regex: "__handoff_(.+)"},
		marked("job"), marked("__scheme__"), marked("__metrics_path__"),
		{action: "labeldrop", regex: "__handoff.*"}]}]}
