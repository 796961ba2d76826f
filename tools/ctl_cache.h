/* ctl_cache.h - what quelld says of `cache`, with the messages in it put as text.
 *
 *   message 3d7a8180...                rcode NOERROR
 *                                      record www.example.com. 212 IN A 192.0.2.1
 *
 * quelld's parent reads no message of the network; whoever asks does, by ldns.
 */
#ifndef QUELL_CTL_CACHE_H
#define QUELL_CTL_CACHE_H

/* `lines` (consumed) as they are to be shown: malloc'ed, the caller's.  NULL: no memory. */
char *ctl_cache(char *lines);

#endif
