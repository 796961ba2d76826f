/* notify.h - telling the service manager how it goes (sd_notify(3), docs/decisions/0002-notify.md).
 */
#ifndef QUELL_NOTIFY_H
#define QUELL_NOTIFY_H

#include <stdint.h>

#include "lib/err.h"

/* Send assignments (`READY=1`, ...; one a line) to the socket named in $NOTIFY_SOCKET.  Nobody
 * there: nothing. Best effort: the network matters more than who watches it. */
void notify_send(const char *fmt, ...) QUELL_PRINTF(1, 2);

/* How long its watchdog waits for `WATCHDOG=1`, in microseconds (sd_watchdog_enabled(3)); 0: it has none for us. */
uint64_t notify_watchdog_us(void);

#endif
