#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/compat.h"
#include "lib/hash.h"
#include "lib/sd_group.h"
#include "lib/sd_name.h"
#include "lib/sd_part.h"

/* A file that was written, until it is known how many there are. */
struct written {
	uint32_t collector, job;
	struct clb_sd_file file;
};

/* The assignment, as it comes. */
struct reading {
	struct clb_sd_site *site;
	struct clb_sd_groups groups;
	struct clb_buf out;
	int is_open, has_group;
	struct clb_buf collector, job;
	uint64_t id;
	uint64_t targets;
	struct written *written;
	size_t n, cap;
};

uint32_t
clb_sd_collector(struct clb_sd_site *s, struct clb_str name)
{
	uint32_t number = clb_intern_put(&s->collectors, name);

	if (number == s->nshares) {
		s->share = clb_xreallocarray(s->share, ++s->nshares, sizeof(*s->share));
		memset(&s->share[number], 0, sizeof(*s->share));
	}
	return number;
}

void
clb_sd_path(struct clb_sd_site *s, struct clb_str collector, struct clb_str job)
{
	s->name.n = 0;
	if (s->o->tree)
		clb_buf_adds(&s->name, "sd/");
	clb_sd_file_name(&s->name, collector);
	clb_buf_addc(&s->name, '/');
	clb_sd_file_name(&s->name, job);
	clb_buf_add(&s->name, CLB_SD_SUFFIX, sizeof(CLB_SD_SUFFIX));
}

/* ---- files of targets ---- */

/*
 * The file of a job without targets. A job of which Prometheus 2 has no group at
 * all keeps, over a reload of its configuration, the targets that it had.
 */
static struct clb_str
nothing(const struct clb_sd_site *s)
{
	return s->o->compat < CLB_VERSION(3, 0) ? CLB_STR("[\n{\"targets\":[]}\n]\n") : CLB_STR("[]\n");
}

static uint64_t
add_version(uint64_t version, const void *p, size_t n)
{
	return version * 0x9e3779b97f4a7c15u + clb_hash_xxh64(p, n);
}

static int
begin_file(struct reading *r, const struct clb_target *t, struct clb_err *e)
{
	struct clb_sd_site *s = r->site;

	r->collector.n = r->job.n = 0;
	clb_buf_add(&r->collector, t->collector.s, t->collector.n);
	clb_buf_add(&r->job, t->job.s, t->job.n);
	if (r->n == r->cap) {
		r->cap = r->cap != 0 ? 2 * r->cap : 64;
		r->written = clb_xreallocarray(r->written, r->cap, sizeof(*r->written));
	}
	r->written[r->n++] = (struct written){ clb_sd_collector(s, t->collector),
	    clb_intern_put(&s->jobs, t->job), { 0, 0 } };
	clb_sd_path(s, t->collector, t->job);
	r->has_group = 0;
	r->is_open = 1;
	return clb_publish_begin(s->p, s->name.p, e);
}

/* Write the groups that are gathered. */
static int
write_groups(struct reading *r, struct clb_err *e)
{
	struct clb_sd_file *f = &r->written[r->n - 1].file;

	r->out.n = 0;
	clb_buf_adds(&r->out, r->has_group ? ",\n" : "[\n");
	r->has_group = 1;
	clb_sd_groups_take(&r->groups, &r->out);
	f->version = add_version(f->version, r->out.p, r->out.n);
	return clb_publish_write(r->site->p, r->out.p, r->out.n, e);
}

/* End the file being written, if there is one. */
static int
end_file(struct reading *r, struct clb_err *e)
{
	if (!r->is_open)
		return 0;
	r->is_open = 0;
	return write_groups(r, e) == -1 || clb_publish_write(r->site->p, "\n]\n", 3, e) == -1 ||
	    clb_publish_end(r->site->p, e) == -1 ? -1 : 0;
}

static int
compare(const struct clb_buf *last, struct clb_str s)
{
	return clb_str_cmp((struct clb_str){ last->p, (uint32_t)last->n, 0 }, s);
}

static int
add_target(struct reading *r, const struct clb_target *t, struct clb_stream *in, struct clb_err *e)
{
	struct clb_sd_share *share;
	int c, j;

	if (t->collector.n == 0 || !(t->has & CLB_HAS_ID))
		return clb_stream_fail(in, 0, e, "the target has no %s",
		    t->collector.n == 0 ? "collector" : "id");
	if (clb_labels_get(&t->labels, CLB_STR("__address__")).n == 0)
		return clb_stream_fail(in, 0, e, "the target has no __address__");
	c = compare(&r->collector, t->collector);
	j = c != 0 ? c : compare(&r->job, t->job);
	if (j > 0 || (j == 0 && r->id > t->id))
		return clb_stream_fail(in, 0, e,
		    "the target is not in the order of collector, job and id");
	if (j == 0 && r->id == t->id)
		return clb_stream_fail(in, 0, e, "the target stands twice");
	if (j != 0 && (end_file(r, e) == -1 || begin_file(r, t, e) == -1))
		return -1;
	r->id = t->id;
	r->targets++;
	r->written[r->n - 1].file.targets++;
	share = &r->site->share[r->written[r->n - 1].collector];
	share->targets++;
	share->weight += t->weight;
	return clb_sd_groups_add(&r->groups, t) ? write_groups(r, e) : 0;
}

/* A file for each collector and each job, in the order of their names. */
static int
fill(struct reading *r, struct clb_err *e)
{
	struct clb_sd_site *s = r->site;
	const struct clb_str none = nothing(s);
	uint32_t *collector_rank = clb_intern_ranks(&s->collectors);
	uint32_t *job_rank = clb_intern_ranks(&s->jobs);
	int rc = 0;

	s->collector = clb_xreallocarray(NULL, s->collectors.n, sizeof(*s->collector));
	s->job = clb_xreallocarray(NULL, s->jobs.n, sizeof(*s->job));
	for (uint32_t i = 0; i < s->collectors.n; i++)
		s->collector[collector_rank[i]] = i;
	for (uint32_t i = 0; i < s->jobs.n; i++)
		s->job[job_rank[i]] = i;
	s->file = clb_xcalloc((size_t)s->collectors.n * s->jobs.n, sizeof(*s->file));
	for (size_t i = 0; i < r->n; i++)
		s->file[(size_t)collector_rank[r->written[i].collector] * s->jobs.n +
		    job_rank[r->written[i].job]] = r->written[i].file;
	free(collector_rank);
	free(job_rank);

	r->out.n = 0;
	clb_buf_add(&r->out, none.s, none.n);
	for (size_t i = 0; rc == 0 && i < (size_t)s->collectors.n * s->jobs.n; i++) {
		if (s->file[i].targets != 0)
			continue;
		clb_sd_path(s, s->collectors.str[s->collector[i / s->jobs.n]],
		    s->jobs.str[s->job[i % s->jobs.n]]);
		s->file[i].version = add_version(0, none.s, none.n);
		rc = clb_publish_file(s->p, s->name.p, &r->out, e);
	}
	return rc;
}

static int
write_targets(struct clb_sd_site *s, struct clb_stream *in, struct clb_err *e)
{
	struct reading r = { .site = s };
	struct clb_target t = { 0 };
	int rc;

	clb_sd_groups_init(&r.groups, s->o->compat, s->o->warn);
	while ((rc = clb_target_next(&t, in, e)) == 1)
		if ((rc = add_target(&r, &t, in, e)) == -1)
			break;
	clb_target_release(&t);
	if (rc == 0)
		rc = end_file(&r, e);
	if (rc == 0 && r.targets == 0 && !s->o->allow_empty &&
	    clb_publish_has_larger(s->p, nothing(s).n))
		rc = clb_err_set(e, EX_TEMPFAIL,
		    "%s: no target is assigned, and there are files that would be removed", in->name);
	if (rc == 0)
		rc = fill(&r, e);
	if (rc == 0)
		clb_sd_groups_warn(&r.groups);
	clb_sd_groups_release(&r.groups);
	clb_buf_release(&r.out);
	clb_buf_release(&r.collector);
	clb_buf_release(&r.job);
	free(r.written);
	return rc;
}

/* ---- all of it ---- */

static int
read_files(struct clb_sd_site *s, struct clb_err *e)
{
	const struct clb_sd_options *o = s->o;

	return (o->collectors != NULL && clb_sd_read_collectors(s, o->collectors, e) == -1) ||
	    (o->scrape_configs != NULL && clb_sd_read_scrape_configs(s, &s->scrape_configs,
	    o->scrape_configs, e) == -1) ||
	    (o->private_scrape_configs != NULL && clb_sd_read_scrape_configs(s,
	    &s->private_scrape_configs, o->private_scrape_configs, e) == -1) ? -1 : 0;
}

static void
release(struct clb_sd_site *s)
{
	clb_publish_close(s->p);
	clb_intern_release(&s->collectors);
	clb_intern_release(&s->jobs);
	free(s->share);
	free(s->collector);
	free(s->job);
	free(s->file);
	clb_buf_release(&s->scrape_configs);
	clb_buf_release(&s->private_scrape_configs);
	clb_arena_release(&s->arena);
	clb_buf_release(&s->name);
	clb_buf_release(&s->text);
}

int
clb_sd_publish(const char *dir, const struct clb_sd_options *o, struct clb_stream *in,
    struct clb_err *e)
{
	struct clb_sd_site s = { .o = o };
	int rc = -1;

	if (read_files(&s, e) == 0 && (s.p = clb_publish_open(dir, e)) != NULL &&
	    clb_publish_scan(s.p, o->tree ? "sd" : "", 0, 1, e) == 0 &&
	    write_targets(&s, in, e) == 0 && (!o->tree || clb_sd_tree_write(&s, e) == 0) &&
	    clb_publish_sync(s.p, e) == 0 && clb_publish_commit(s.p, e) == 0)
		rc = 0;
	release(&s);
	return rc;
}
