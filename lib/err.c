#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/err.h"

int
clb_err_set(struct clb_err *e, int status, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (e->status == 0) {
		e->status = status;
		va_start(ap, fmt);
		vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
		va_end(ap);
	}
	errno = saved;
	return -1;
}

/* The text quotes input, and input must not drive the reader's terminal. */
static void
put_visible(const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '\n' || c == '\t')
			fputs(c == '\n' ? "\\n" : "\\t", stderr);
		else if (c < 0x20 || c == 0x7f)
			fprintf(stderr, "\\x%02x", c);
		else
			putc(c, stderr);
	}
	putc('\n', stderr);
}

void
clb_err_print(const char *prog, const struct clb_err *e)
{
	fprintf(stderr, "%s: ", prog);
	put_visible(e->status != 0 ? e->msg : "failed without a reason");
}

void
clb_err_exit(const char *prog, const struct clb_err *e)
{
	clb_err_print(prog, e);
	exit(e->status != 0 ? e->status : EX_SOFTWARE);
}

void
clb_warn(const char *prog, const char *fmt, ...)
{
	char msg[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s: warning: ", prog);
	put_visible(msg);
}

void
clb_progress(const char *prog, unsigned long long n, const char *what)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%s: %llu %s", prog, n, what);
}

void
clb_progress_end(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}
