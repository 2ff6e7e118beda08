/*
 * load: work that shows every byte that goes astray, for a guest that is saved or moves (static
 * binary, run=load in the guest's initramfs; load=MB on its command line is how much memory).
 *
 *   load              in the guest: writes patterns over its memory, and over its disk /dev/xvda if
 *                     there is one; in children too, that share it copy-on-write; echoes what comes
 *                     on TCP port 7. A line each second, with the longest time in which nothing ran
 *   load ADDRESS      elsewhere: sends a pattern to that guest's port 7, and checks the echo
 *
 * What is wrong is said in a line with WRONG.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE_WORDS 512U
#define STEP       31U /* words of a page that are looked at: every 31st */
#define DISK_PAGES 256U

static void wrong(const char *what, unsigned long where, uint64_t is, uint64_t should)
{
    printf("load: WRONG %s %lu: %#lx, not %#lx\n", what, where, is, should);
    exit(1);
}

static uint64_t milliseconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Nothing ran from the last time until now. */
static uint64_t last, longest;

static void tick(void)
{
    uint64_t now = milliseconds();

    if (last && now > last && now - last > longest)
        longest = now - last;
    last = now;
}

static uint64_t word(uint64_t page, uint64_t generation, uint64_t i)
{
    uint64_t z = (page << 40) + (generation << 12) + i + 1;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void fill(uint64_t *p, uint64_t page, uint64_t generation)
{
    tick();
    for (unsigned int i = 0; i < PAGE_WORDS; i += STEP)
        p[i] = word(page, generation, i);
}

static void check(const char *what, const uint64_t *p, uint64_t page, uint64_t generation)
{
    tick();
    for (unsigned int i = 0; i < PAGE_WORDS; i += STEP)
        if (p[i] != word(page, generation, i))
            wrong(what, page, p[i], word(page, generation, i));
}

/* ---- memory ---- */

static uint64_t *memory, *generation;
static unsigned int pages;

/* The child sees all as it was, while the parent writes; and what it writes is its own. */
static pid_t start_child(void)
{
    pid_t pid = fork();

    if (pid)
        return pid;
    for (unsigned int round = 0; round < 4; round++) {
        for (unsigned int i = 0; i < pages; i++)
            check("child's page", memory + i * PAGE_WORDS, i, generation[i]);
        usleep(200000);
        for (unsigned int i = round; i < pages; i += 7)
            fill(memory + i * PAGE_WORDS, i, ++generation[i]);
    }
    _exit(0);
}

static void end_child(pid_t pid)
{
    int status;

    if (waitpid(pid, &status, 0) != pid || status)
        wrong("child's status", 0, (uint64_t)status, 0);
}

static void write_some(unsigned int count)
{
    static uint64_t at;

    for (; count > 0; count--, at++) {
        unsigned int i = (unsigned int)(word(at, 0, 0) % pages);

        check("page", memory + i * PAGE_WORDS, i, generation[i]);
        fill(memory + i * PAGE_WORDS, i, ++generation[i]);
    }
}

/* ---- disk: through a shared mapping, whose dirty bits decide what is written ---- */

static void disk(void)
{
    static uint64_t written;
    static uint64_t page[PAGE_WORDS];
    int fd = open("/dev/xvda", O_RDWR);
    uint64_t *p;

    if (fd < 0)
        return;
    if (written)
        for (unsigned int i = 0; i < DISK_PAGES; i++) {
            if (pread(fd, page, sizeof(page), i * (off_t)sizeof(page)) != sizeof(page))
                wrong("reading block", i, (uint64_t)errno, 0);
            check("block", page, i, written);
        }
    written++;
    p = mmap(NULL, DISK_PAGES * sizeof(page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    for (unsigned int i = 0; i < DISK_PAGES; i++)
        fill(p + i * PAGE_WORDS, i, written);
    munmap(p, DISK_PAGES * sizeof(page));
    if (fsync(fd) || ioctl(fd, BLKFLSBUF, 0))
        wrong("writing blocks", written, (uint64_t)errno, 0);
    close(fd);
}

/* ---- net ---- */

/* It takes a while until the backend is there. */
static void start_card(int s)
{
    struct ifreq r = { .ifr_name = "eth0" };

    for (unsigned int tries = 0; tries < 300; tries++, usleep(100000)) {
        if (ioctl(s, SIOCGIFFLAGS, &r))
            return;
        r.ifr_flags |= IFF_UP;
        if (ioctl(s, SIOCSIFFLAGS, &r) == 0)
            return;
    }
}

static void echo(void)
{
    struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(7) };
    int s = socket(AF_INET, SOCK_STREAM, 0), one = 1, peer;
    char data[8192];
    ssize_t n;

    if (fork())
        return;
    start_card(s);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(s, (struct sockaddr *)&any, sizeof(any)) || listen(s, 1))
        _exit(1);
    for (;;) {
        peer = accept(s, NULL, NULL);
        while (peer >= 0 && (n = read(peer, data, sizeof(data))) > 0)
            for (ssize_t done = 0, w; done < n; done += w) {
                w = write(peer, data + done, (size_t)(n - done));
                if (w <= 0)
                    break;
            }
        close(peer);
    }
}

static _Noreturn void client(const char *address)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(7) };
    uint64_t out[PAGE_WORDS], in[PAGE_WORDS], said = milliseconds();
    int s = socket(AF_INET, SOCK_STREAM, 0);

    inet_aton(address, &to.sin_addr);
    for (unsigned int tries = 0; connect(s, (struct sockaddr *)&to, sizeof(to)); tries++) {
        if (tries == 60)
            wrong("connecting", 0, (uint64_t)errno, 0);
        sleep(1);
    }
    for (uint64_t n = 1;; n++) {
        fill(out, 0, n);
        if (write(s, out, sizeof(out)) != sizeof(out) ||
            recv(s, in, sizeof(in), MSG_WAITALL) != sizeof(in))
            wrong("echo of packet", n, (uint64_t)errno, 0);
        check("echo", in, 0, n);
        if (milliseconds() - said >= 1000) {
            printf("load: echo %lu ok, longest wait %lu ms\n", n, longest);
            longest = 0;
            said = milliseconds();
        }
        usleep(2000);
    }
}

/* ---- all ---- */

/* A line of /proc/meminfo, kB. */
static unsigned long meminfo(const char *name)
{
    FILE *f = fopen("/proc/meminfo", "r");
    char line[128];
    unsigned long kb = 0;

    while (f && fgets(line, sizeof(line), f))
        if (strncmp(line, name, strlen(name)) == 0)
            kb = strtoul(line + strlen(name) + 1, NULL, 10);
    if (f)
        fclose(f);
    return kb;
}

static unsigned int megabytes(void)
{
    char line[4096] = "";
    const char *at;
    int fd = open("/proc/cmdline", O_RDONLY);

    if (fd >= 0 && read(fd, line, sizeof(line) - 1) < 0)
        line[0] = 0;
    at = strstr(line, "load=");
    return at ? (unsigned int)atoi(at + 5) : 24;
}

int main(int argc, char **argv)
{
    uint64_t said = milliseconds();
    pid_t child;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1)
        client(argv[1]);
    echo();
    pages = megabytes() * 256;
    memory = mmap(NULL, pages * 4096UL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    generation = calloc(pages, sizeof(*generation));
    for (unsigned int i = 0; i < pages; i++)
        fill(memory + i * PAGE_WORDS, i, 0);
    child = start_child();
    for (unsigned int round = 1;;) {
        write_some(16);
        if (milliseconds() - said < 1000)
            continue;
        end_child(child);
        disk();
        for (unsigned int i = 0; i < pages; i++)
            check("page", memory + i * PAGE_WORDS, i, generation[i]);
        printf("load: round %u ok, %u MiB, longest gap %lu ms, %lu of %lu kB available, date %lu\n",
               round++, pages / 256, longest, meminfo("MemAvailable"), meminfo("MemTotal"),
               (unsigned long)time(NULL));
        longest = 0;
        said = milliseconds();
        child = start_child();
    }
}
