#include <stdlib.h>

#include "lib/config_decode.h"
#include "lib/glob.h"

static void
add(struct clb_glob *g, const char *path)
{
	g->path = clb_xreallocarray(g->path, g->n + 1, sizeof(*g->path));
	g->cap = g->n + 1;
	g->path[g->n++] = clb_xstrdup(path);
}

/*
 * What the pattern matches, and the directories that decide it. A malformed
 * pattern and a directory that cannot be read are for others to tell of.
 */
static void
add_pattern(struct clb_glob *g, const char *pattern)
{
	struct clb_err ignored = CLB_ERR_INIT;
	char *dir = clb_path_dir(pattern);

	clb_glob(g, pattern, &ignored);
	if (strpbrk(dir, "*?[\\") != NULL)
		add_pattern(g, dir);
	else
		add(g, dir);
	free(dir);
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
clb_config_files(const struct clb_config *c, struct clb_buf *out)
{
	struct clb_glob g = { NULL, 0, 0 };
	size_t i, k, n;

	for (i = 0; i < c->nfile; i++)
		add(&g, c->file[i]);
	for (i = 0; i < c->nfile_pattern; i++)
		add_pattern(&g, c->file_pattern[i]);
	for (i = 0; i < c->njob; i++)
		for (k = 0; k < c->job[i].nsd; k++) {
			const struct clb_sd *sd = &c->job[i].sd[k];

			for (n = 0; sd->kind == CLB_SD_FILE && n < sd->nname; n++)
				add_pattern(&g, sd->name[n]);
		}
	qsort(g.path, g.n, sizeof(*g.path), by_path);
	for (i = 0; i < g.n; i++)
		if (i == 0 || strcmp(g.path[i - 1], g.path[i]) != 0)
			clb_buf_printf(out, "%s\n", g.path[i]);
	clb_glob_release(&g);
}
