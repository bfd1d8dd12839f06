#ifndef CLB_MIRROR_H
#define CLB_MIRROR_H

/*
 * Reading one stream of a mirror, as clb-mirror(5) has it: the objects that a
 * cluster has, as far as clb-mirror knows. What is read is the state at the
 * moment of opening; clb-mirror may go on writing.
 *
 * Objects stay on disk. In memory are 24 bytes of each and 5 to 11 bytes to
 * find it by, and the keys of those that are not in the order of their keys.
 */
#include "lib/err.h"
#include "lib/json.h"

struct clb_mirror;

/*
 * Open the stream of that name below dir. Returns it, new, or NULL with e set:
 * EX_TEMPFAIL if its first list is not complete (or it is not there at all),
 * EX_DATAERR at file:line:column if it is damaged, EX_NOINPUT.
 */
struct clb_mirror *clb_mirror_reader_new(const char *dir, const char *stream,
    struct clb_err *e);
void clb_mirror_reader_free(struct clb_mirror *m);

/*
 * The object of that namespace (empty: none) and name. Returns 1 with *obj
 * borrowed until the next call of this, 0 if there is none, -1 with e set
 * (EX_NOINPUT, EX_DATAERR).
 */
int clb_mirror_find(struct clb_mirror *m, struct clb_str ns, struct clb_str name,
    const struct clb_json **obj, struct clb_err *e);

/*
 * The next object in the order of the keys, that is of the bytes of
 * NAMESPACE/NAME. Returns 1 with *obj borrowed until the next call of this, 0
 * at the end, -1 with e set as above. After rewind it is the first again.
 */
int clb_mirror_next(struct clb_mirror *m, const struct clb_json **obj, struct clb_err *e);
void clb_mirror_rewind(struct clb_mirror *m);

#endif
