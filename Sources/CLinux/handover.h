// SPDX-License-Identifier: Apache-2.0
// What process 1 hands to the supervisor beside words: descriptors, over the control socket. A part of child.c, which includes it
// once behind what it stands on. Kernel: unix(7) SCM_RIGHTS, ioctl_tty(2) TIOCGPTPEER.

static long tell(enum cl_report_kind kind, const int *fds, int count)
{
    cell.report.kind = kind;
    struct iovec data = {&cell.report, sizeof cell.report};
    union { char bytes[CMSG_SPACE(2 * sizeof(int))]; struct cmsghdr header; } control;
    cl_zero(&control, sizeof control);
    struct msghdr message = {0, 0, &data, 1, &control, CMSG_SPACE((size_t)count * sizeof(int)), 0};
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
    for (int i = 0; i < count; i++) ((int *)(void *)CMSG_DATA(&control.header))[i] = fds[i];
    long r = CL_CALL(SYS_sendmsg, cell.plan->slots[CL_SLOT_CONTROL], &message, 0);
    return r < 0 ? r : 0;
}

static long handover(const struct cl_op *op)
{
    int fds[2], count = 0;
    if (op->src >= 0 && slot(op->src) >= 0) fds[count++] = slot(op->src);
    fds[count++] = slot(op->dst);
    return tell(CL_REPORT_LAUNCHED, fds, count);
}

// Of the cell's own devpts, so that it has a name there. Nothing of the caller's terminal comes in.
static long terminal(const struct cl_op *op)
{
    long master = CL_CALL(SYS_openat, slot(op->src), text(op, 0), O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
    if (master < 0) return master;
    int locked = 0, fd = (int)master;
    uint16_t size[4] = {(uint16_t)op->x, (uint16_t)op->y, 0, 0};
    long r = CL_CALL(SYS_ioctl, fd, TIOCSPTLCK, &locked);
    if (r >= 0) r = CL_CALL(SYS_ioctl, fd, TIOCSWINSZ, size);
    long slave = r < 0 ? r : CL_CALL(SYS_ioctl, fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    r = slave < 0 ? slave : tell(CL_REPORT_TERMINAL, &fd, 1);
    CL_CALL(SYS_close, fd);
    for (int i = 0; i < 3 && r >= 0; i++) cell.plan->slots[CL_SLOT_STREAMS + i] = (int32_t)slave;
    return r;
}

// Bound while there are capabilities: nobody in the cell can have this port after it.
static long resolver(void)
{
    long s = CL_CALL(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s < 0) return s;
    struct sockaddr_in at;
    cl_zero(&at, sizeof at);
    at.sin_family = AF_INET;
    at.sin_port = 53 << 8; // network order on a little-endian machine
    at.sin_addr.s_addr = 0x0100007f;
    int fd = (int)s;
    long r = CL_CALL(SYS_bind, fd, &at, sizeof at);
    if (r >= 0) r = tell(CL_REPORT_RESOLVER, &fd, 1);
    CL_CALL(SYS_close, fd);
    return r;
}
