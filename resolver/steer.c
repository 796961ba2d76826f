/* steer.c - the program that chooses a socket. */
#include "resolver/steer.h"

#include <linux/filter.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/dns/msg.h"

/* Letters become lower case by it; what it makes of other bytes does not matter here. */
#define LOWER 0x20202020u

/* An odd number near 2^32 divided by the golden ratio: the high bits of a product depend on all of a word. */
#define MIX 0x9e3779b1u

/* How much of a name counts: three words, or two where there are no more. */
#define NAME_1 MSG_HEADER
#define NAME_2 (MSG_HEADER + 4)
#define NAME_3 (MSG_HEADER + 8)

int steer_share(int fd)
{
	const int on = 1;

	return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
}

int steer_attach(int fd, unsigned n)
{
	/* It begins with the length of the message, and reads no further than that.  A jump leads over so many
	 * instructions, when it is true or when not. */
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
	    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, NAME_3, 0, 23),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NAME_1),
	    BPF_STMT(BPF_ALU | BPF_OR | BPF_K, LOWER),
	    BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, MIX),
	    BPF_STMT(BPF_MISC | BPF_TAX, 0),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NAME_2),
	    BPF_STMT(BPF_ALU | BPF_OR | BPF_K, LOWER),
	    BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
	    BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, MIX),
	    BPF_STMT(BPF_MISC | BPF_TAX, 0),
	    BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
	    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, NAME_3 + 4, 0, 5),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NAME_3),
	    BPF_STMT(BPF_ALU | BPF_OR | BPF_K, LOWER),
	    BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
	    BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, MIX),
	    BPF_STMT(BPF_MISC | BPF_TAX, 0),
	    /* The low bits of a product know nothing of the high ones. */
	    BPF_STMT(BPF_MISC | BPF_TXA, 0),
	    BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 15),
	    BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
	    BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, MIX),
	    BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
	    BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, n),
	    BPF_STMT(BPF_RET | BPF_A, 0),
	    BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program;

	memset(&program, 0, sizeof(program)); /* the kernel reads the gap in it, too */
	program.len = sizeof(code) / sizeof(code[0]);
	program.filter = code;
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program));
}

unsigned steer_worker(const uint8_t *name, size_t len, uint16_t type, unsigned n)
{
	uint8_t message[MSG_HEADER + NAME_SIZE + 4] = {0};
	const size_t size = MSG_HEADER + len + 4;
	uint32_t x;

	memcpy(message + MSG_HEADER, name, len);
	msg_set_u16(message + MSG_HEADER + len, type);
	msg_set_u16(message + MSG_HEADER + len + 2, CLASS_IN);
	if (size < NAME_3)
		return 0;
	x = (msg_u32(message + NAME_1) | LOWER) * MIX;
	x = (x + (msg_u32(message + NAME_2) | LOWER)) * MIX;
	if (size >= NAME_3 + 4)
		x = (x + (msg_u32(message + NAME_3) | LOWER)) * MIX;
	return ((x ^ x >> 15) * MIX >> 16) % n;
}
