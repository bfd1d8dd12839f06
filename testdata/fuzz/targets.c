/* The target stream: what is accepted is written, and reads back as the same. */
#include <stdlib.h>
#include <unistd.h>
#include <sys/mman.h>

#include "lib/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* All records of the n bytes at p, written again to out. Returns their number. */
static size_t
copy_records(const void *p, size_t n, struct clb_buf *out)
{
	struct clb_err e = CLB_ERR_INIT;
	struct clb_target t = { 0 };
	struct clb_stream s;
	size_t records = 0;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd == -1 || write(fd, p, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) == -1)
		abort();
	clb_stream_init(&s, fd, "fuzz");
	while (clb_target_next(&t, &s, &e) == 1) {
		clb_target_json(out, &t);
		records++;
	}
	clb_stream_release(&s);
	clb_target_release(&t);
	close(fd);
	return records;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct clb_buf first = { NULL, 0, 0 }, second = { NULL, 0, 0 };

	if (copy_records(p, n, &first) != 0) {
		copy_records(first.p, first.n, &second);
		if (first.n != second.n || memcmp(first.p, second.p, first.n) != 0)
			abort();
	}
	clb_buf_release(&first);
	clb_buf_release(&second);
	return 0;
}
