/* feed_search.h - the next member of a ZIP behind data that cannot be read
 *
 * Where deflated data are damaged and nothing says how long they are (a member with a data descriptor, APPNOTE 4.3.9, in a
 * stream), what follows them is found by the signature of its local file header. Private to feed.c.
 */
#ifndef SLICEPRESS_WORKER_FEED_SEARCH_H
#define SLICEPRESS_WORKER_FEED_SEARCH_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "worker/feed_input.h"

/* `unread`: what the input gave that was not used yet; emptied. *found: the input goes on at a local file header, and
 * cannot be asked for what lies before it. Else it is at its end. */
bool feed_search(struct feed_input *input, struct buffer *unread, bool *found, struct error *err);

#endif
