/*
 * Configurations: the first byte says which version, and whether discovery that
 * is not supported is skipped. What loads can be shown.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
warn(const char *text)
{
	if (text[0] == '\0')
		abort();
}

static void
look(const struct clb_config *c)
{
	json_t *doc = clb_config_show(c);
	char *text = json_dumps(doc, JSON_SORT_KEYS);

	/* What is shown is all there: nothing was refused by jansson on the way. */
	if (text == NULL || json_array_size(json_object_get(doc, "scrape_configs")) != c->njob)
		abort();
	for (size_t i = 0; i < c->njob; i++)
		if (clb_config_job(c, c->job[i].name) != &c->job[i] ||
		    c->job[i].place.line == 0 || c->job[i].scrape_interval.n == 0)
			abort();
	free(text);
	json_decref(doc);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const int versions[] = {
		CLB_VERSION(2, 42), CLB_VERSION(2, 50), CLB_VERSION(3, 0), CLB_VERSION(3, 5),
		CLB_VERSION(3, 7), CLB_VERSION(3, 13), CLB_VERSION(3, 14), CLB_VERSION(2, 55)
	};
	struct clb_config_options o = { .warn = warn };
	struct clb_err e = CLB_ERR_INIT;
	struct clb_config c;
	char path[64];
	int fd;

	/* No wandering about in the file system. */
	if (n == 0 || memmem(p, n, "config_files", 12) != NULL)
		return 0;
	o.compat = versions[p[0] & 7];
	o.skip_unsupported_sd = p[0] >> 3 & 1;
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd == -1 || write(fd, p + 1, n - 1) != (ssize_t)(n - 1))
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (clb_config_load(&c, path, &o, &e) == 0)
		look(&c);
	else if (e.status != EX_CONFIG)
		abort();
	clb_config_release(&c);
	close(fd);
	return 0;
}
