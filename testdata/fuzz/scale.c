/* The state of scaling: what is accepted decides something, stays small, and is accepted again. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/scale_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct clb_scale_history h, again;
	struct clb_scale s = CLB_SCALE_INIT;
	struct clb_err e = CLB_ERR_INIT;
	struct clb_scale_answer a;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	char path[64], out[] = "/tmp/clb-fuzz-scale.XXXXXX";

	if (fd == -1 || write(fd, p, n) != (ssize_t)n)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (clb_scale_state_read(&h, path, &e) == 0) {
		int tmp = mkstemp(out);

		s.now = n > 0 ? p[n / 2] * 10u : 0;
		s.targets = n;
		s.targets_per_replica = 10;
		s.limits[CLB_SCALE_UP].percent = s.limits[CLB_SCALE_DOWN].percent = 50;
		a = clb_scale(&s, &h);
		if (a.desired < s.min || a.desired > 2 * (uint64_t)CLB_SCALE_MOST_COLLECTORS)
			abort();
		if (tmp == -1 || clb_scale_state_write(&h, out, &e) == -1 ||
		    clb_scale_state_read(&again, out, &e) == -1)
			abort();
		close(tmp);
		unlink(out);
	}
	close(fd);
	return 0;
}
