/*
 * What the other rooms read of a configuration: every part of a job, in order,
 * with places; and the small texts: URLs, sizes, paths.
 */
#include <unistd.h>

#include "lib/config_decode.h"
#include "testdata/unit/check.h"

static const char text[] =
    "global: {scrape_interval: 90s, target_limit: 9}\n"
    "scrape_configs:\n"
    "- job_name: a\n"
    "  params: {b: [x, y], a: []}\n"
    "  scrape_native_histograms: true\n"
    "  dns_sd_configs: [{names: [n1, n2], type: mx, port: 7}, {names: [s], port: 7}]\n"
    "  http_sd_configs:\n"
    "  - url: http://h/x\n"
    "    refresh_interval: 1500ms\n"
    "    basic_auth: {username: u, password_file: pw}\n"
    "    tls_config: {ca: C, cert_file: /c, key: K, server_name: s, insecure_skip_verify: yes,\n"
    "      min_version: TLS12, max_version: TLS13}\n"
    "    proxy_url: http://p:1\n"
    "    no_proxy: local\n"
    "    http_headers: {X-B: {values: [1, 2], secrets: [3]}, X-A: {values: [0]}, X-C: }\n"
    "    follow_redirects: false\n"
    "  - {url: 'http://h/y', bearer_token: T, proxy_from_environment: true, enable_http2: no}\n"
    "  file_sd_configs: [{files: [./x/../f.json, /g.yml]}]\n"
    "  static_configs:\n"
    "  - {targets: [h2, h1, h2], labels: {z: 1, a: b, empty: ''}}\n"
    "  - {}\n"
    "  relabel_configs:\n"
    "  - source_labels: [p, q]\n"
    "    target_label: t\n"
    "  - {action: HASHMOD, modulus: 18446744073709551615, target_label: t, separator: '|'}\n"
    "- job_name: b\n"
    "  metric_name_validation_scheme: legacy\n"
    "  relabel_configs: [{action: keep, regex: 'x\\.y', replacement: ''}]\n";

#define EQ(got, want) CHECK(clb_str_eq(got, clb_str(want)), "%.*s", (int)(got).n, (got).s)
#define SAME(got, want) CHECK((got) != NULL && strcmp(got, want) == 0, "%s", \
	(got) != NULL ? (got) : "NULL")

static void
http(const struct clb_sd *sd)
{
	const struct clb_http_client *c = &sd[0].client;
	static const char *const header[] = { "X-A0", "X-B1", "X-B2", "X-B3" };
	char pair[8];

	SAME(sd[0].url, "http://h/x");
	CHECK(sd[0].refresh_interval_ms == 1500 && sd[1].refresh_interval_ms == 60000, "interval");
	CHECK(sd[0].place.line == 8 && sd[0].place.column == 5, "%u:%u", sd[0].place.line,
	    sd[0].place.column);
	SAME(c->username, "u");
	CHECK(c->password == NULL && c->auth_type == NULL && c->ca_file == NULL, "absent");
	CHECK(strstr(c->password_file, "/pw") != NULL, "%s", c->password_file);
	SAME(c->ca, "C");
	SAME(c->cert_file, "/c");
	SAME(c->key, "K");
	SAME(c->server_name, "s");
	SAME(c->min_version, "TLS12");
	SAME(c->max_version, "TLS13");
	SAME(c->proxy_url, "http://p:1");
	SAME(c->no_proxy, "local");
	CHECK(c->insecure_skip_verify && !c->follow_redirects && c->enable_http2 &&
	    !c->proxy_from_environment, "switches");
	CHECK(c->nheader == 4, "%zu", c->nheader);
	for (size_t i = 0; i < c->nheader; i++) {
		snprintf(pair, sizeof(pair), "%.*s%.*s", (int)c->header[i].name.n,
		    c->header[i].name.s, (int)c->header[i].value.n, c->header[i].value.s);
		SAME(pair, header[i]);
	}
	c = &sd[1].client;
	SAME(c->auth_type, "Bearer");
	SAME(c->credentials, "T");
	CHECK(c->follow_redirects && !c->enable_http2 && c->proxy_from_environment, "switches");
}

static void
discovery(const struct clb_job *job)
{
	static const enum clb_sd_kind kinds[] = {
		CLB_SD_STATIC, CLB_SD_FILE, CLB_SD_HTTP, CLB_SD_HTTP, CLB_SD_DNS, CLB_SD_DNS
	};
	const struct clb_sd *sd = job->sd;

	CHECK(job->nsd == 6, "%zu", job->nsd);
	for (size_t i = 0; i < 6; i++)
		CHECK(sd[i].kind == kinds[i], "%zu", i);
	CHECK(sd[0].ngroup == 2 && sd[0].group[0].n == 3 && sd[0].group[1].n == 0, "groups");
	EQ(sd[0].group[0].target[1], "h1");
	CHECK(sd[0].group[0].labels.n == 2, "empty labels are absent");
	EQ(sd[0].group[0].labels.v[0].value, "b");
	CHECK(sd[1].nname == 2 && sd[1].refresh_interval_ms == 300000, "file");
	CHECK(strcmp(strrchr(sd[1].name[0], '/'), "/f.json") == 0 &&
	    strstr(sd[1].name[0], "..") == NULL, "%s", sd[1].name[0]);
	SAME(sd[1].name[1], "/g.yml");
	http(sd + 2);
	CHECK(sd[4].nname == 2 && sd[4].type == CLB_DNS_MX && sd[4].port == 7 &&
	    sd[4].refresh_interval_ms == 30000, "dns");
	CHECK(sd[5].type == CLB_DNS_SRV && sd[5].port == 0, "the port of SRV is in its records");
}

static void
rules(const struct clb_config *c)
{
	const struct clb_rule *r = c->job[0].rule;

	CHECK(c->job[0].nrule == 2 && r[0].action == CLB_REPLACE && r[0].nsource == 2, "rules");
	EQ(r[0].source[1], "q");
	EQ(r[0].separator, ";");
	EQ(r[0].regex, "(.*)");
	EQ(r[0].replacement, "$1");
	EQ(r[0].target_label, "t");
	CHECK(r[0].place.line == 23 && r[0].place.column == 5, "%u:%u", r[0].place.line,
	    r[0].place.column);
	CHECK(r[1].action == CLB_HASHMOD && r[1].modulus == UINT64_MAX && r[1].nsource == 0 &&
	    !r[1].legacy_names, "hashmod");
	EQ(r[1].separator, "|");
	r = c->job[1].rule;
	CHECK(r[0].action == CLB_KEEP && r[0].legacy_names, "3.7 looks at the job's scheme");
	EQ(r[0].regex, "x\\.y");
	EQ(r[0].replacement, "");
}

static void
jobs(const struct clb_config *c)
{
	const struct clb_job *job = c->job;

	CHECK(c->njob == 2 && clb_config_job(c, CLB_STR("b")) == job + 1 &&
	    clb_config_job(c, CLB_STR("c")) == NULL, "by name");
	EQ(job->scrape_interval, "1m30s");
	EQ(job->scrape_timeout, "10s");
	EQ(job->scheme, "http");
	EQ(job->metrics_path, "/metrics");
	CHECK(job->target_limit == 9 && job->scrape_native_histograms &&
	    !job->convert_classic_histograms_to_nhcb && !job->always_scrape_classic_histograms,
	    "numbers");
	CHECK(job->nparam == 2 && job->param[0].n == 0 && job->param[1].n == 2, "params");
	EQ(job->param[1].name, "b");
	EQ(job->param[1].value[1], "y");
	/* The masks are put on a copy. */
	SAME(json_string_value(json_object_get(json_object_get(json_array_get(
	    json_object_get(job->doc, "http_sd_configs"), 0), "tls_config"), "key")), "K");
	discovery(job);
	rules(c);
}

static void
load(void)
{
	struct clb_config_options o = { .compat = CLB_VERSION(3, 7) };
	struct clb_err e = CLB_ERR_INIT;
	struct clb_config c;
	char path[] = "/tmp/clb-config-XXXXXX";
	int fd = mkstemp(path);

	CHECK(write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1, "%s", path);
	close(fd);
	CHECK(clb_config_load(&c, path, &o, &e) == 0, "%s", e.msg);
	if (e.status == 0)
		jobs(&c);
	clb_config_release(&c);
	unlink(path);
}

static void
urls(void)
{
	static const struct {
		const char *url, *scheme, *host;	/* or what is wrong, and NULL */
	} u[] = {
		{ "", "", "" }, { "http://h", "http", "h" }, { "x/y:z", "", "" },
		{ "HTTPS://u:p@h:9/a?b#c", "HTTPS", "h:9" }, { "//h/x", "", "h" },
		{ "http://[::1]:9/", "http", "[::1]:9" }, { "mailto:a@b", "mailto", "" },
		{ "http:///x", "http", "" }, { "http://h/%41", "http", "h" }, { "/a:b", "", "" },
		{ "http://h:", "http", "h:" }, { "http://h?a=%zz", "http", "h" },
		{ "h:1/x", "h", "" },
		{ ":x", "missing protocol scheme in URL", NULL },
		{ "1h:1", "first path segment in URL cannot contain colon", NULL },
		{ "http://h:x", "invalid port in URL", NULL },
		{ "http://[::1", "missing ']' in host of URL", NULL },
		{ "http://[::1]x", "invalid port in URL", NULL },
		{ "http://a b", "invalid character in host of URL", NULL },
		{ "http://h/%4", "invalid URL escape", NULL },
		{ "http://h/\n", "invalid control character in URL", NULL },
	};
	struct clb_str scheme, host;
	const char *why;

	for (size_t i = 0; i < sizeof(u) / sizeof(u[0]); i++) {
		why = clb_url_check(clb_str(u[i].url), &scheme, &host);
		if (u[i].host == NULL) {
			SAME(why, u[i].scheme);
			continue;
		}
		CHECK(why == NULL, "%s: %s", u[i].url, why);
		EQ(scheme, u[i].scheme);
		EQ(host, u[i].host);
	}
}

static void
sizes(void)
{
	static const struct {
		const char *text;
		long long bytes;	/* -1: refused */
	} s[] = {
		{ "0", 0 }, { "0B", 0 }, { "1B", 1 }, { "10MB", 10 << 20 }, { "1KiB", 1024 },
		{ "1.5KB", 1536 }, { "1GB1MB", (1 << 30) + (1 << 20) }, { "-1MB", 0 },
		{ "+2B", 2 }, { ".5KB", 512 }, { "", -1 }, { "100", -1 }, { "1mb", -1 },
		{ "1kB", -1 }, { "MB", -1 }, { "1 MB", -1 }, { "1.2.3MB", -1 }, { "-", -1 },
		{ "8EB", -1 }, { "1xB", -1 }, { ".B", -1 },
	};
	uint64_t bytes;
	int rc;

	for (size_t i = 0; i < sizeof(s) / sizeof(s[0]); i++) {
		rc = clb_bytes_parse(clb_str(s[i].text), &bytes);
		CHECK(s[i].bytes == -1 ? rc == -1 : rc == 0 && bytes == (uint64_t)s[i].bytes,
		    "%s: %d %llu", s[i].text, rc, (unsigned long long)bytes);
	}
}

static void
paths(void)
{
	static const struct {
		const char *dir, *path, *joined;
	} p[] = {
		{ ".", "a", "a" }, { ".", "./a//b/", "a/b" }, { "/x", "../../a", "/a" },
		{ "x/y", "../a", "x/a" }, { "x", "../../a", "../a" }, { "..", "a", "../a" },
		{ "..", "../..", "../../.." }, { "x", "..", "." }, { "x", "", "" },
		{ "x", "/a//b", "/a//b" }, { "x", "...", "x/..." }, { "/", "a", "/a" },
		{ "a/b", "c/../../d/.", "a/d" }, { "x", "*.json", "x/*.json" },
	};
	static const char *const dirs[][2] = {
		{ "a.yml", "." }, { "x/a.yml", "x" }, { "/a.yml", "/" }, { "./x//a", "x" },
		{ "../a", ".." }, { "x/", "x" }, { "", "." },
	};
	struct clb_arena a = { NULL, NULL };
	char *dir;
	size_t i;

	for (i = 0; i < sizeof(p) / sizeof(p[0]); i++)
		EQ(clb_path_join(&a, p[i].dir, clb_str(p[i].path)), p[i].joined);
	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		dir = clb_path_dir(dirs[i][0]);
		SAME(dir, dirs[i][1]);
		free(dir);
	}
	clb_arena_release(&a);
}

int
main(void)
{
	load();
	urls();
	sizes();
	paths();
	return check_end();
}
