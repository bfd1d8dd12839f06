/*
 * Kubernetes lists and events: what is accepted is projected, and the
 * projection of that is the same again.
 */
#include <stdlib.h>
#include <unistd.h>
#include <sys/mman.h>

#include "lib/project.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static int
memory(const void *p, size_t n)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd == -1 || write(fd, p, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) == -1)
		abort();
	return fd;
}

/* The objects of the lists in the n bytes at p, a line each. */
static void
lists(struct clb_project *pr, const void *p, size_t n, struct clb_buf *out)
{
	struct clb_err e = CLB_ERR_INIT;
	struct clb_stream s;
	int fd = memory(p, n), got;

	clb_stream_init(&s, fd, "fuzz");
	s.shape = &pr->list;
	while ((got = clb_stream_piece(&s, "items", &e)) > 0) {
		if (got == 2 && s.has_array)
			continue;
		if (clb_project_object(pr, &s, 0, out, &e) == 1)
			clb_buf_addc(out, '\n');
	}
	clb_stream_release(&s);
	close(fd);
}

static void
events(struct clb_project *pr, const void *p, size_t n)
{
	struct clb_buf out = { NULL, 0, 0 };
	struct clb_err e = CLB_ERR_INIT;
	struct clb_stream s;
	size_t object;
	int fd = memory(p, n);

	clb_stream_init(&s, fd, "fuzz");
	s.shape = &pr->event;
	s.cut = 1;
	while (clb_stream_next(&s, &e) == 1)
		if ((object = clb_project_member(&s.json, 0, "object")) != 0)
			clb_project_object(pr, &s, object, &out, &e);
	clb_stream_release(&s);
	clb_buf_release(&out);
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const kinds[] = { "Pod", "Node", "Service", "Endpoints",
	    "EndpointSlice", "Ingress", "Namespace", "ReplicaSet", "Job" };
	struct clb_buf first = { NULL, 0, 0 }, second = { NULL, 0, 0 };
	struct clb_project pr;

	if (n == 0)
		return 0;
	clb_project_init(&pr, clb_kind_named(kinds[p[0] % 9]));
	lists(&pr, p + 1, n - 1, &first);
	lists(&pr, first.p != NULL ? first.p : "", first.n, &second);
	if (first.n != second.n || (first.n != 0 && memcmp(first.p, second.p, first.n) != 0))
		abort();
	events(&pr, p + 1, n - 1);
	clb_project_release(&pr);
	clb_buf_release(&first);
	clb_buf_release(&second);
	return 0;
}
