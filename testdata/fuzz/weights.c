/* A weights file and a target: a look-up ends, and finds a line of the file. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct clb_err e = CLB_ERR_INIT;
	struct clb_target t = { .has = CLB_HAS_ID, .id = 1, .job = CLB_STR_INIT("a") };
	struct clb_weights w = { 0 };
	const struct clb_weight *found;
	struct clb_stream s;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd == -1 || write(fd, p, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) == -1)
		abort();
	clb_labels_set(&t.labels, CLB_STR("instance"), CLB_STR("h:1"));
	clb_labels_set(&t.labels, CLB_STR("job"), CLB_STR("a"));
	clb_stream_init(&s, fd, "fuzz");
	clb_weights_read(&w, &s, &e);
	found = clb_weights_find(&w, &t);
	if (found != NULL && (found->weight == 0 || found->line == 0 || !(found->measured >= 0)))
		abort();
	clb_stream_release(&s);
	clb_weights_release(&w);
	clb_target_release(&t);
	close(fd);
	return 0;
}
