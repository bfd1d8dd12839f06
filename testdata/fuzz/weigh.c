/* The answer to a query: whatever it is, weights that are written can be read. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/weigh.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static int
file_of(const void *p, size_t n)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd == -1 || write(fd, p, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) == -1)
		abort();
	return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct clb_err e = CLB_ERR_INIT;
	struct clb_target t = { .has = CLB_HAS_ID, .id = 1, .job = CLB_STR_INIT("a") };
	struct clb_weigh w = { .half_life = 60 };
	struct clb_weights weights = { 0 };
	struct clb_out out;
	struct clb_stream s;
	double time;

	clb_labels_set(&t.labels, CLB_STR("instance"), CLB_STR("h:1"));
	clb_labels_set(&t.labels, CLB_STR("job"), CLB_STR("a"));
	clb_weigh_add(&w, &t);
	clb_stream_init(&s, file_of(p, n), "fuzz");
	clb_out_init(&out, -1, "out");
	if (clb_weigh_read_series(&w, &s, &time, &e) == 0) {
		clb_weigh_write(&w, &weights, time, &out, &e);
		close(s.fd);
		clb_stream_release(&s);
		clb_stream_init(&s, file_of(out.buf.p, out.buf.n), "weights");
		if (clb_weights_read(&weights, &s, &e) == -1 || (weights.nid > 0) != (w.nmatched > 0))
			abort();
	}
	close(s.fd);
	clb_stream_release(&s);
	clb_buf_release(&out.buf);
	clb_weights_release(&weights);
	clb_weigh_release(&w);
	clb_labels_release(&t.labels);
	return 0;
}
