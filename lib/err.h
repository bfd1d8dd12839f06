#ifndef CLB_ERR_H
#define CLB_ERR_H

/*
 * One failure, carried from where it was noticed to main.
 *
 * A function that can fail takes a struct clb_err, fills it with an exit
 * status from <sysexits.h> and one line of text, and returns -1 or NULL.
 * Only the first failure is kept: what follows it is usually its consequence.
 */
#include <stdio.h>
#include <sysexits.h>

struct clb_err {
	int status;	/* 0 while nothing failed, else the exit status */
	char msg[1024];	/* place, then what is wrong; one line, no full stop */
};
#define CLB_ERR_INIT { 0, "" }

/*
 * Record a failure unless one is recorded already; a longer text is cut.
 * Returns -1, so that a caller can return what this returns. errno is kept.
 */
int clb_err_set(struct clb_err *e, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Print "prog: msg" on stderr, control characters made visible. For main alone. */
void clb_err_print(const char *prog, const struct clb_err *e);

/*
 * The same, and leave with the status. For main alone; a clb_err that holds nothing is our bug
 * and leaves with EX_SOFTWARE.
 */
void clb_err_exit(const char *prog, const struct clb_err *e)
    __attribute__((noreturn));

/* Print "prog: warning: text" on stderr, control characters made visible. */
void clb_warn(const char *prog, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Say "prog: n what" on stderr, over the line before, if stderr is a terminal;
 * clb_progress_end takes the line away again.
 */
void clb_progress(const char *prog, unsigned long long n, const char *what);
void clb_progress_end(void);

#endif
