#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "lib/sd_name.h"
#include "lib/sd_part.h"

/*
 * A job whose name is longer than this in a URL is found through templates in
 * directories, each called by so much of the name; longer ones are not found.
 */
#define STEP ((size_t)240)
#define STEPS ((size_t)4)

/* ---- what there is besides targets ---- */

static struct clb_str
keep(struct clb_sd_site *s, struct clb_str str)
{
	return str.n != 0 ? clb_arena_str(&s->arena, str.s, str.n) : str;
}

/* The member of the document's object, or an empty string. */
static struct clb_str
member(const struct clb_json *j, struct clb_str name)
{
	if (j->tok[0].type == CLB_JSON_OBJECT)
		for (uint32_t i = 1; i < j->tok[0].next; i = j->tok[i + 1].next)
			if (clb_str_eq(j->tok[i].str, name))
				return j->tok[i + 1].type == CLB_JSON_STRING ||
				    j->tok[i + 1].type == CLB_JSON_NUMBER ?
				    j->tok[i + 1].str : CLB_STR("");
	return CLB_STR("");
}

static int
open_file(const char *path, struct clb_err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		clb_err_set(e, EX_NOINPUT, "%s: %s", path, strerror(errno));
	return fd;
}

int
clb_sd_read_collectors(struct clb_sd_site *s, const char *path, struct clb_err *e)
{
	struct clb_stream in;
	int fd = open_file(path, e), rc;

	if (fd == -1)
		return -1;
	clb_stream_init(&in, fd, path);
	while ((rc = clb_stream_next(&in, e)) == 1) {
		struct clb_str name = member(&in.json, CLB_STR("name"));
		struct clb_sd_share *share;
		uint32_t number;

		if (name.n == 0) {
			rc = clb_stream_fail(&in, 0, e, "the collector has no name");
			break;
		}
		number = clb_sd_collector(s, name);
		share = &s->share[number];
		share->state = keep(s, member(&in.json, CLB_STR("state")));
		share->node = keep(s, member(&in.json, CLB_STR("node")));
		share->zone = keep(s, member(&in.json, CLB_STR("zone")));
		share->capacity = keep(s, member(&in.json, CLB_STR("capacity")));
	}
	clb_stream_release(&in);
	close(fd);
	return rc;
}

/* The jobs of the document, which must be an object of objects. */
static int
note_jobs(struct clb_sd_site *s, struct clb_stream *in, struct clb_err *e)
{
	const struct clb_json *j = &in->json;

	for (uint32_t i = 1; i < j->tok[0].next; i = j->tok[i + 1].next) {
		const struct clb_token *job = &j->tok[i];

		if (j->tok[i + 1].type != CLB_JSON_OBJECT)
			return clb_err_set(e, EX_DATAERR, "%s: job '%.*s': the scrape config is no object",
			    in->name, (int)job->str.n, job->str.s);
		for (uint32_t k = i + 2; k < j->tok[i + 1].next; k++)
			if (j->tok[k].type == CLB_JSON_STRING &&
			    clb_str_eq(j->tok[k].str, CLB_STR("<secret>")))
				return clb_err_set(e, EX_DATAERR,
				    "%s: job '%.*s': '<secret>' would be used for a secret",
				    in->name, (int)job->str.n, job->str.s);
		clb_intern_put(&s->jobs, job->str);
	}
	return 0;
}

int
clb_sd_read_scrape_configs(struct clb_sd_site *s, struct clb_buf *out, const char *path,
    struct clb_err *e)
{
	struct clb_stream in;
	int fd = open_file(path, e), rc;

	if (fd == -1)
		return -1;
	clb_stream_init(&in, fd, path);
	rc = clb_stream_piece(&in, "", e);
	if (rc != -1 && (rc != 2 || in.has_array))
		rc = clb_err_set(e, EX_DATAERR, "%s: an object of scrape configs by job is expected", path);
	if (rc != -1 && (rc = note_jobs(s, &in, e)) == 0) {
		clb_json_value(out, &in.json, 0);
		clb_buf_addc(out, '\n');
		if (clb_stream_piece(&in, "", e) != 0)
			rc = clb_err_set(e, EX_DATAERR, "%s: there is text behind the object", path);
	}
	clb_stream_release(&in);
	close(fd);
	return rc == 0 ? 0 : -1;
}

/* ---- documents ---- */

/* A JSON string in which no template's directive begins. */
static void
add_string(struct clb_buf *out, struct clb_str str)
{
	size_t from = out->n;

	clb_json_string(out, str);
	for (size_t i = from; i < out->n; i++)
		if (out->p[i] == '<') {
			clb_buf_reserve(out, 5);
			memmove(out->p + i + 6, out->p + i + 1, out->n - i - 1);
			memcpy(out->p + i, "\\u003c", 6);
			out->n += 5;
		}
}

/* ,"name":"value" if there is a value. */
static void
add_member(struct clb_buf *out, const char *name, struct clb_str value)
{
	if (value.n == 0)
		return;
	clb_buf_printf(out, ",\"%s\":", name);
	clb_json_string(out, value);
}

/* "_link":"/jobs/JOB/targets */
static void
add_link(struct clb_buf *out, struct clb_str job)
{
	clb_buf_adds(out, "\"_link\":\"/jobs/");
	clb_sd_query_escape(out, job);
	clb_buf_adds(out, "/targets");
}

/* A file's name as it stands in a URL. */
static void
add_url_name(struct clb_sd_site *s, struct clb_str name)
{
	struct clb_buf file = { NULL, 0, 0 };

	clb_sd_file_name(&file, name);
	for (size_t i = 0; i < file.n; i++)
		if (file.p[i] == '%')
			clb_buf_adds(&s->text, "%25");
		else
			clb_buf_addc(&s->text, file.p[i]);
	clb_buf_release(&file);
}

static struct clb_str
collector_name(const struct clb_sd_site *s, uint32_t place)
{
	return s->collectors.str[s->collector[place]];
}

static struct clb_str
job_name(const struct clb_sd_site *s, uint32_t place)
{
	return s->jobs.str[s->job[place]];
}

static const struct clb_sd_file *
file_of(const struct clb_sd_site *s, uint32_t collector, uint32_t job)
{
	return &s->file[(size_t)collector * s->jobs.n + job];
}

static int
write_text(struct clb_sd_site *s, const char *name, struct clb_err *e)
{
	return clb_publish_file(s->p, name, &s->text, e);
}

/* sd/COLLECTOR/index.list: {"files":{"JOB.json":"version",…}} */
static int
write_index(struct clb_sd_site *s, uint32_t c, struct clb_err *e)
{
	s->text.n = s->name.n = 0;
	clb_buf_adds(&s->text, "{\"files\":{");
	for (uint32_t j = 0; j < s->jobs.n; j++) {
		clb_buf_adds(&s->text, j > 0 ? ",\n\"" : "\n\"");
		clb_sd_file_name(&s->text, job_name(s, j));
		clb_buf_printf(&s->text, "%s\":\"%016" PRIx64 "\"", CLB_SD_SUFFIX,
		    file_of(s, c, j)->version);
	}
	clb_buf_adds(&s->text, "\n}}\n");
	clb_buf_adds(&s->name, "sd/");
	clb_sd_file_name(&s->name, collector_name(s, c));
	clb_buf_adds(&s->name, "/index" CLB_SD_LIST_SUFFIX);
	clb_buf_addc(&s->name, '\0');
	return write_text(s, s->name.p, e);
}

/* jobs/JOB.json: all targets of a job, a template that includes the files of targets. */
static int
write_job(struct clb_sd_site *s, uint32_t j, struct clb_err *e)
{
	s->text.n = s->name.n = 0;
	clb_buf_addc(&s->text, '{');
	for (uint32_t c = 0; c < s->collectors.n; c++) {
		clb_buf_adds(&s->text, c > 0 ? ",\n" : "\n");
		add_string(&s->text, collector_name(s, c));
		clb_buf_adds(&s->text, ":{");
		add_link(&s->text, job_name(s, j));
		clb_buf_adds(&s->text, "?collector_id=");
		clb_sd_query_escape(&s->text, collector_name(s, c));
		clb_buf_adds(&s->text, "\",\"targets\":");
		if (file_of(s, c, j)->targets == 0) {
			clb_buf_adds(&s->text, "[]}");
			continue;
		}
		clb_buf_adds(&s->text, "<!--# include virtual=\"/=$clb_tree/sd/");
		add_url_name(s, collector_name(s, c));
		clb_buf_addc(&s->text, '/');
		add_url_name(s, job_name(s, j));
		clb_buf_adds(&s->text, CLB_SD_SUFFIX "\" -->}");
	}
	clb_buf_adds(&s->text, "\n}\n");
	clb_buf_adds(&s->name, "jobs/");
	clb_sd_file_name(&s->name, job_name(s, j));
	clb_buf_add(&s->name, CLB_SD_SUFFIX, sizeof(CLB_SD_SUFFIX));
	return write_text(s, s->name.p, e);
}

/* jobs/=PART/…/=PART.json, if the name is too long for a file: a template for any answer. */
static int
write_long_job(struct clb_sd_site *s, struct clb_str job, struct clb_err *e)
{
	size_t n;

	s->text.n = 0;
	clb_sd_query_escape(&s->text, job);
	n = s->text.n;
	if (n <= STEP)
		return 0;
	if (n > STEPS * STEP) {
		if (s->o->warn != NULL)
			s->o->warn("a job's name is too long for a URL: its targets are in files only");
		return 0;
	}
	s->name.n = 0;
	clb_buf_adds(&s->name, "jobs");
	for (size_t i = 0; i < n; i += STEP) {
		clb_buf_adds(&s->name, "/=");
		clb_buf_add(&s->name, s->text.p + i, n - i < STEP ? n - i : STEP);
	}
	clb_buf_add(&s->name, CLB_SD_SUFFIX, sizeof(CLB_SD_SUFFIX));
	s->text.n = 0;
	clb_buf_adds(&s->text, "<!--# include virtual=\"/=long/");
	add_url_name(s, job);
	clb_buf_adds(&s->text, CLB_SD_SUFFIX "\" -->");
	return write_text(s, s->name.p, e);
}

static int
write_jobs(struct clb_sd_site *s, struct clb_err *e)
{
	s->text.n = 0;
	clb_buf_addc(&s->text, '{');
	for (uint32_t j = 0; j < s->jobs.n; j++) {
		clb_buf_adds(&s->text, j > 0 ? ",\n" : "\n");
		clb_json_string(&s->text, job_name(s, j));
		clb_buf_adds(&s->text, ":{");
		add_link(&s->text, job_name(s, j));
		clb_buf_adds(&s->text, "\"}");
	}
	clb_buf_adds(&s->text, "\n}\n");
	return write_text(s, "jobs.json", e);
}

static int
write_collectors(struct clb_sd_site *s, struct clb_err *e)
{
	s->text.n = 0;
	clb_buf_addc(&s->text, '[');
	for (uint32_t c = 0; c < s->collectors.n; c++) {
		const struct clb_sd_share *share = &s->share[s->collector[c]];
		int any = 0;

		clb_buf_adds(&s->text, c > 0 ? ",\n{" : "\n{");
		if (share->capacity.n != 0)
			clb_buf_printf(&s->text, "\"capacity\":%.*s,", (int)share->capacity.n,
			    share->capacity.s);
		clb_buf_adds(&s->text, "\"jobs\":{");
		for (uint32_t j = 0; j < s->jobs.n; j++) {
			if (file_of(s, c, j)->targets == 0)
				continue;
			if (any++)
				clb_buf_addc(&s->text, ',');
			clb_json_string(&s->text, job_name(s, j));
			clb_buf_printf(&s->text, ":%" PRIu64, file_of(s, c, j)->targets);
		}
		clb_buf_addc(&s->text, '}');
		add_member(&s->text, "name", collector_name(s, c));
		add_member(&s->text, "node", share->node);
		add_member(&s->text, "state", share->state.n != 0 ? share->state : CLB_STR("ready"));
		clb_buf_printf(&s->text, ",\"targets\":%" PRIu64 ",\"weight\":%" PRIu64,
		    share->targets, share->weight);
		add_member(&s->text, "zone", share->zone);
		clb_buf_addc(&s->text, '}');
	}
	clb_buf_adds(&s->text, "\n]\n");
	return write_text(s, "collectors.json", e);
}

static int
write_ok(struct clb_sd_site *s, const char *name, struct clb_err *e)
{
	s->text.n = 0;
	clb_buf_adds(&s->text, "ok\n");
	return write_text(s, name, e);
}

/* Secrets are for the web server: those who share its group may read, nobody else. */
static int
write_private(struct clb_sd_site *s, struct clb_err *e)
{
	return clb_publish_dir(s->p, "private", 0750, e) == -1 ||
	    clb_publish_file(s->p, "private/scrape_configs.json", &s->private_scrape_configs, e) == -1
	    ? -1 : 0;
}

/* readyz comes last: who sees it sees all the rest. */
int
clb_sd_tree_write(struct clb_sd_site *s, struct clb_err *e)
{
	static const char *const names[] = { "collectors.json", "healthz", "jobs.json", "readyz",
	    "scrape_configs.json", NULL };

	if (clb_publish_scan(s->p, "jobs", 1, (int)STEPS, e) == -1 ||
	    clb_publish_scan(s->p, "private", 1, 0, e) == -1 ||
	    clb_publish_scan_names(s->p, names, e) == -1)
		return -1;
	for (uint32_t j = 0; j < s->jobs.n; j++)
		if (write_job(s, j, e) == -1 || write_long_job(s, job_name(s, j), e) == -1)
			return -1;
	if (write_jobs(s, e) == -1 || write_collectors(s, e) == -1 ||
	    (s->o->scrape_configs != NULL &&
	    clb_publish_file(s->p, "scrape_configs.json", &s->scrape_configs, e) == -1) ||
	    (s->o->private_scrape_configs != NULL && write_private(s, e) == -1))
		return -1;
	for (uint32_t c = 0; c < s->collectors.n; c++)
		if (write_index(s, c, e) == -1)
			return -1;
	return write_ok(s, "healthz", e) == -1 || write_ok(s, "readyz", e) == -1 ? -1 : 0;
}
