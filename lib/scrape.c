#include <ctype.h>
#include <stdlib.h>

#include "lib/duration.h"
#include "lib/scrape.h"
#include "lib/utf8.h"

static const struct clb_str address_name = CLB_STR_INIT("__address__");
static const struct clb_str scheme_name = CLB_STR_INIT("__scheme__");

/* ---- the checks ---- */

/* s as Go's %q would show it, near enough for a message. */
static int
fail_quoted(struct clb_err *e, const char *before, struct clb_str s, const char *behind)
{
	struct clb_buf b = { NULL, 0, 0 };

	clb_buf_adds(&b, before);
	clb_json_string(&b, (struct clb_str){ s.s, s.n, 0 });
	clb_buf_adds(&b, behind);
	clb_err_set(e, EX_DATAERR, "%.*s", (int)b.n, b.p);
	clb_buf_release(&b);
	return -1;
}

/*
 * Whether Go's net.SplitHostPort takes s apart: the last colon divides host
 * and port, and a host with colons stands in brackets, which stand nowhere else.
 */
static int
splits(const char *s, size_t n)
{
	const char *colon = memrchr(s, ':', n), *close = NULL;
	const char *open_from = s, *close_from = s, *end = s + n;

	if (colon == NULL)
		return 0;
	if (s[0] == '[') {
		close = memchr(s, ']', n);
		if (close == NULL || close + 1 != colon)
			return 0;
		open_from = s + 1;
		close_from = colon;
	} else if (memchr(s, ':', (size_t)(colon - s)) != NULL) {
		return 0;
	}
	return memchr(open_from, '[', (size_t)(end - open_from)) == NULL &&
	    memchr(close_from, ']', (size_t)(end - close_from)) == NULL;
}

/* Prometheus 2 scrapes port 80 or 443 where the address names no port. */
static int
add_default_port(const struct clb_job *job, struct clb_labels *ls, struct clb_arena *a,
    struct clb_err *e)
{
	struct clb_str address = clb_labels_get(ls, address_name);
	struct clb_str scheme = clb_labels_get(ls, scheme_name), full;
	struct clb_buf probe = { NULL, 0, 0 };
	int portless;

	clb_buf_add(&probe, address.s, address.n);
	clb_buf_adds(&probe, ":1234");
	portless = !splits(address.s, address.n) && splits(probe.p, probe.n);
	probe.n = address.n;
	if (portless && (scheme.n == 0 || clb_str_eq(scheme, CLB_STR("http")))) {
		clb_buf_adds(&probe, ":80");
	} else if (portless && clb_str_eq(scheme, CLB_STR("https"))) {
		clb_buf_adds(&probe, ":443");
	} else if (portless) {
		clb_buf_release(&probe);
		return fail_quoted(e, "invalid scheme: ", job->scheme, "");
	}
	if (portless) {
		full = clb_arena_str(a, probe.p, probe.n);
		full.plain = address.plain;
		clb_labels_set(ls, address_name, full);
	}
	clb_buf_release(&probe);
	return 0;
}

/* A duration label: its milliseconds, more than 0. */
static int
duration_label(const struct clb_labels *ls, const char *label, const char *what,
    struct clb_str *text, int64_t *ms, struct clb_err *e)
{
	const char *why;

	*text = clb_labels_get(ls, clb_str(label));
	if (clb_duration_parse(*text, ms, &why) == -1) {
		struct clb_buf b = { NULL, 0, 0 };

		if (text->n == 0)
			return clb_err_set(e, EX_DATAERR, "error parsing scrape %s: %s",
			    what, why);
		clb_buf_printf(&b, "error parsing scrape %s: %s: ", what, why);
		clb_buf_addc(&b, '\0');
		fail_quoted(e, b.p, *text, "");
		clb_buf_release(&b);
		return -1;
	}
	if (*ms == 0)
		return clb_err_set(e, EX_DATAERR, "scrape %s cannot be 0", what);
	return 0;
}

static int
check_durations(const struct clb_job *job, const struct clb_labels *ls, struct clb_err *e)
{
	struct clb_str interval = clb_labels_get(ls, CLB_STR("__scrape_interval__"));
	struct clb_str timeout = clb_labels_get(ls, CLB_STR("__scrape_timeout__"));
	int64_t interval_ms, timeout_ms;

	/* The job's own were checked with the configuration. */
	if (clb_str_eq(interval, job->scrape_interval) &&
	    clb_str_eq(timeout, job->scrape_timeout))
		return 0;
	if (duration_label(ls, "__scrape_interval__", "interval", &interval,
	    &interval_ms, e) == -1 ||
	    duration_label(ls, "__scrape_timeout__", "timeout", &timeout,
	    &timeout_ms, e) == -1)
		return -1;
	if (timeout_ms > interval_ms)
		return clb_err_set(e, EX_DATAERR, "scrape timeout cannot be greater than "
		    "scrape interval (\"%.*s\" > \"%.*s\")", (int)timeout.n, timeout.s,
		    (int)interval.n, interval.s);
	return 0;
}

static int
check_histogram_labels(const struct clb_labels *ls, struct clb_err *e)
{
	static const struct {
		struct clb_str name;
		const char *what;
	} labels[] = {
		{ CLB_STR_INIT("__convert_classic_histograms_to_nhcb__"),
		    "convert classic histograms to nhcb" },
		{ CLB_STR_INIT("__always_scrape_classic_histograms__"),
		    "always scrape classic histograms" },
		{ CLB_STR_INIT("__scrape_native_histograms__"), "scrape native histograms" },
	};
	static const char *const bools[] = {
		"1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"
	};

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		struct clb_str v = clb_labels_get(ls, labels[i].name);
		size_t k = 0, n = sizeof(bools) / sizeof(bools[0]);
		struct clb_buf b = { NULL, 0, 0 };

		if (v.n == 0)
			continue;
		while (k < n && !clb_str_eq(v, clb_str(bools[k])))
			k++;
		if (k < n)
			continue;
		clb_buf_printf(&b, "error parsing %s: strconv.ParseBool: parsing ",
		    labels[i].what);
		clb_buf_addc(&b, '\0');
		fail_quoted(e, b.p, v, ": invalid syntax");
		clb_buf_release(&b);
		return -1;
	}
	return 0;
}

static int
is_not_meta(struct clb_str name, void *arg)
{
	(void)arg;
	return !clb_str_has_prefix(name, "__meta_");
}

int
clb_scrape_finish(const struct clb_job *job, int compat, struct clb_labels *ls,
    struct clb_arena *a, struct clb_err *e)
{
	struct clb_str address = clb_labels_get(ls, address_name);

	if (address.n == 0)
		return clb_err_set(e, EX_DATAERR, "no address");
	if (compat < CLB_VERSION(3, 0)) {
		if (add_default_port(job, ls, a, e) == -1)
			return -1;
		address = clb_labels_get(ls, address_name);
	}
	if (memchr(address.s, '/', address.n) != NULL)
		return fail_quoted(e, "", address, " is not a valid hostname");
	if (check_durations(job, ls, e) == -1 ||
	    (compat >= CLB_VERSION(3, 13) && check_histogram_labels(ls, e) == -1))
		return -1;
	clb_labels_filter(ls, is_not_meta, NULL);
	if (clb_labels_get(ls, CLB_STR("instance")).n == 0)
		clb_labels_set(ls, CLB_STR("instance"), address);
	return 0;
}

/* ---- the URL ---- */

/* Append s, percent-encoded but for letters, digits and the bytes of keep. */
static void
escape(struct clb_buf *out, struct clb_str s, const char *keep)
{
	for (uint32_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.s[i];

		if ((c < 0x80 && isalnum(c)) || (c != '\0' && strchr(keep, c) != NULL))
			clb_buf_addc(out, (char)c);
		else
			clb_buf_printf(out, "%%%02X", c);
	}
}

static void
escape_query(struct clb_buf *out, struct clb_str s)
{
	for (uint32_t i = 0; i < s.n; i++)
		if (s.s[i] == ' ')
			clb_buf_addc(out, '+');
		else
			escape(out, (struct clb_str){ s.s + i, 1, 0 }, "-._~");
}

/* A zone in [fe80::1%eth0] keeps its percent sign, encoded. */
static void
add_host(struct clb_buf *out, struct clb_str host)
{
	escape(out, host, "-._~!$&'()*+,;=:[]<>\"");
}

static void
add_path(struct clb_buf *out, struct clb_str path)
{
	if (path.n != 0 && path.s[0] != '/')
		clb_buf_addc(out, '/');
	escape(out, path, clb_str_eq(path, CLB_STR("*")) ? "*" : "-._~$&+,/:;=@");
}

static void
add_query(struct clb_buf *out, char *sep, struct clb_str key, struct clb_str value)
{
	clb_buf_addc(out, *sep);
	*sep = '&';
	escape_query(out, key);
	clb_buf_addc(out, '=');
	escape_query(out, value);
}

/*
 * The job's parameters and the labels __param_*, merged in the order of their
 * names. A label stands for the first value; without a label the job's first
 * value stays, even where relabelling has deleted the label.
 */
static void
add_params(struct clb_buf *out, const struct clb_job *job, const struct clb_labels *ls)
{
	const uint32_t prefix = sizeof("__param_") - 1;
	size_t p = 0, l = 0;
	char sep = '?';

	for (;;) {
		struct clb_str key;
		int c;

		while (l < ls->n && !clb_str_has_prefix(ls->v[l].name, "__param_"))
			l++;
		if (p == job->nparam && l == ls->n)
			return;
		if (l < ls->n)
			key = (struct clb_str){ ls->v[l].name.s + prefix,
			    ls->v[l].name.n - prefix, 0 };
		c = l == ls->n ? -1 : p == job->nparam ? 1 :
		    clb_str_cmp(job->param[p].name, key);
		if (c < 0)
			key = job->param[p].name;
		if (c >= 0)
			add_query(out, &sep, key, ls->v[l++].value);
		if (c <= 0) {
			for (size_t i = c == 0; i < job->param[p].n; i++)
				add_query(out, &sep, key, job->param[p].value[i]);
			p++;
		}
	}
}

void
clb_scrape_url(struct clb_buf *out, const struct clb_job *job, const struct clb_labels *ls)
{
	struct clb_str scheme = clb_labels_get(ls, scheme_name);

	if (scheme.n != 0) {
		clb_buf_add(out, scheme.s, scheme.n);
		clb_buf_addc(out, ':');
	}
	clb_buf_add(out, "//", 2);
	add_host(out, clb_labels_get(ls, address_name));
	add_path(out, clb_labels_get(ls, CLB_STR("__metrics_path__")));
	add_params(out, job, ls);
}
