/* file_sd documents: the first byte says JSON or YAML, and which label names. */
#include <stdlib.h>
#include <unistd.h>
#include <sys/mman.h>

#include "lib/groups.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct clb_err e = CLB_ERR_INIT, again = CLB_ERR_INIT;
	struct clb_groups g;
	size_t groups = 0;
	int fd;

	if (n == 0)
		return 0;
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd == -1 || write(fd, p + 1, n - 1) != (ssize_t)(n - 1))
		abort();
	clb_groups_init(&g, fd, "fuzz", p[0] & 1, p[0] & 2);
	if (clb_groups_rewind(&g, &e) == -1)
		abort();
	while (clb_groups_next(&g, &e) == 1)
		groups++;
	/* The check and the reading agree. */
	if (clb_groups_rewind(&g, &again) == -1)
		abort();
	if ((clb_groups_check(&g, &again) == -1) != (e.status != 0))
		abort();
	clb_groups_release(&g);
	close(fd);
	return 0;
}
