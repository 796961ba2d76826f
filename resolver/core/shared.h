/* shared.h - names below which many owners have names of their own: of content delivery networks, and of
 * hosts of sites and storage.
 *
 *   www.shop.example  CNAME  d111.cloudfront.net       a rule on d111.cloudfront.net: the tracker that hides
 *                                                      behind this name
 *                                                      a rule on cloudfront.net: nothing about the shop
 *
 * A list that has such a name blocks it, and what is below it, for those who ask for that.  Where an answer
 * only leads there, the rule says nothing of the one who is asked for, and does not count; one on a longer
 * name does.  A rule of the user's own always counts.
 */
#ifndef QUELL_SHARED_H
#define QUELL_SHARED_H

#include "resolver/core/zones.h"

/* Put all of them into `zones`, which is empty, with the number of their labels. */
void shared_put(struct zones *zones);

#endif
