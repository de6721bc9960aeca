/* Loaded into a service (LD_PRELOAD), so that its clock can be stepped and its disk can fail while
 * it runs: what no tool can do to one process of a machine. What is to happen is read, at each
 * call, from a file that the torture writes (mischief.rs). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct orders {
    int64_t clock_offset_secs;
    int64_t sync_errno;  /* of every sync of a file, 0 for none */
    int64_t write_errno; /* of every write to a regular file; half of it is written before */
    int64_t clocks;      /* calls that were told another time */
    int64_t disks;       /* syncs and writes that failed */
};

static struct orders *orders;

static int (*real_clock_gettime)(clockid_t, struct timespec *);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static ssize_t (*real_write)(int, const void *, size_t);

__attribute__((constructor)) static void begin(void) {
    real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_write = dlsym(RTLD_NEXT, "write");
    const char *path = getenv("TORTURE_MISCHIEF");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *at = mmap(NULL, sizeof *orders, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (at != MAP_FAILED)
        orders = at;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int told = real_clock_gettime(clock, now);
    if (told == 0 && clock == CLOCK_REALTIME && orders && orders->clock_offset_secs) {
        now->tv_sec += orders->clock_offset_secs;
        __atomic_add_fetch(&orders->clocks, 1, __ATOMIC_RELAXED);
    }
    return told;
}

static int fails(int64_t error) {
    __atomic_add_fetch(&orders->disks, 1, __ATOMIC_RELAXED);
    errno = (int)error;
    return -1;
}

int fsync(int file) {
    return orders && orders->sync_errno ? fails(orders->sync_errno) : real_fsync(file);
}

int fdatasync(int file) {
    return orders && orders->sync_errno ? fails(orders->sync_errno) : real_fdatasync(file);
}

ssize_t write(int file, const void *bytes, size_t length) {
    struct stat kind;
    if (orders && orders->write_errno && file > STDERR_FILENO && fstat(file, &kind) == 0 &&
        S_ISREG(kind.st_mode)) {
        ssize_t half = length > 1 ? real_write(file, bytes, length / 2) : 0;
        return half > 0 ? half : fails(orders->write_errno);
    }
    return real_write(file, bytes, length);
}
