/* mutate_core.c - for fuzz_core.c, whose input is a list of commands: a byte, a length of two, so many bytes. */
#include <string.h>

#include "lib/dns/msg.h"
#include "tests/fuzz/mutate.h"

#define HEAD	     3
#define MESSAGES     4 /* the commands 0 .. 3 have a message with them */
#define COMMANDS     7
#define COMMANDS_MAX 128

/* Where commands begin, into at[]; how many.  What is cut at the end is left alone. */
static unsigned find_commands(const uint8_t *data, size_t size, size_t at[COMMANDS_MAX])
{
	size_t pos = 0;
	unsigned n = 0;

	while (n < COMMANDS_MAX && size - pos >= HEAD &&
	       size - pos - HEAD >= msg_u16(data + pos + 1)) {
		at[n++] = pos;
		pos += HEAD + msg_u16(data + pos + 1);
	}
	return n;
}

/* One more message of a command, as a command behind it that may be of another kind. */
static size_t copy_command(uint8_t *data, size_t size, size_t max, size_t at, unsigned seed)
{
	size_t len = HEAD + msg_u16(data + at + 1);

	if (size + len > max)
		return size;
	memmove(data + at + len, data + at, size - at);
	if (seed % 2 != 0)
		data[at + len] = (uint8_t)(seed / 2 % COMMANDS);
	return size + len;
}

static size_t change_command(uint8_t *data, size_t size, size_t max, size_t at, unsigned seed)
{
	uint8_t piece[4096];
	size_t len = msg_u16(data + at + 1), room = max - size + len, changed;

	if (data[at] % COMMANDS >= MESSAGES || data[at] >= 254 || len > sizeof(piece))
		return LLVMFuzzerMutate(data, size, max);
	memcpy(piece, data + at + HEAD, len);
	changed = mutate_message(piece, len, room < sizeof(piece) ? room : sizeof(piece), seed);
	memmove(data + at + HEAD + changed, data + at + HEAD + len, size - at - HEAD - len);
	memcpy(data + at + HEAD, piece, changed);
	msg_set_u16(data + at + 1, (unsigned)changed);
	return size - len + changed;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	size_t at[COMMANDS_MAX];
	unsigned n = find_commands(data, size, at), which;

	if (n == 0 || max < size || seed % 4 == 0)
		return LLVMFuzzerMutate(data, size, max);
	which = seed / 64 % n;
	if (seed % 16 == 1)
		return copy_command(data, size, max, at[which], seed / 16);
	return change_command(data, size, max, at[which], seed);
}
