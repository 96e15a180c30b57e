// The wall clock of the processes that load this is off by what a file says; see clock.py.
//
// What waits until a time of the wall clock wakes up early, late or on time as the kernel would
// have it after a jump: it waits in slices, and looks at the clock between them.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>

#define SECOND 1000000000LL
#define SLICE (SECOND / 20)

static const int64_t *offset_ns;
static int (*kernel)(clockid_t, struct timespec *);

__attribute__((constructor)) static void load(void) {
    const char *path = getenv("TORTURE_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *page = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *offset_ns, PROT_READ, MAP_SHARED, file, 0);
    if (page == MAP_FAILED) abort();
    offset_ns = page;
}

static struct timespec from_ns(int64_t ns) {
    int64_t rest = ns % SECOND;
    return (struct timespec){.tv_sec = ns / SECOND, .tv_nsec = rest};
}

static int64_t to_ns(const struct timespec *at) { return at->tv_sec * SECOND + at->tv_nsec; }

int clock_gettime(clockid_t id, struct timespec *at) {
    // others may ask before we are loaded
    if (!kernel) kernel = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int failed = kernel(id, at);
    if (!failed && offset_ns && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        *at = from_ns(to_ns(at) + __atomic_load_n(offset_ns, __ATOMIC_RELAXED));
    return failed;
}

static int64_t now_ns(clockid_t id) {
    struct timespec at;
    clock_gettime(id, &at);
    return to_ns(&at);
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    (void)zone;
    int64_t ns = now_ns(CLOCK_REALTIME);
    if (at) *at = (struct timeval){.tv_sec = ns / SECOND, .tv_usec = ns % SECOND / 1000};
    return 0;
}

time_t time(time_t *at) {
    time_t now = now_ns(CLOCK_REALTIME) / SECOND;
    if (at) *at = now;
    return now;
}

int timespec_get(struct timespec *at, int base) {
    clock_gettime(CLOCK_REALTIME, at);
    return base;
}

// The end of the next slice by the monotonic clock; 0 when the wall clock has reached the end.
static int slice(const struct timespec *end, struct timespec *until) {
    int64_t left = to_ns(end) - now_ns(CLOCK_REALTIME);
    *until = from_ns(now_ns(CLOCK_MONOTONIC) + (left < 0 ? 0 : left < SLICE ? left : SLICE));
    return left > SLICE;
}

int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *end) {
    struct timespec until = *end;
    // a time so near to that of the monotonic clock is one of it: the machine is not that old
    int more = end->tv_sec > now_ns(CLOCK_REALTIME) / SECOND / 2 ? slice(end, &until) : 0;
    int result = pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, &until);
    // to wake for no reason is allowed, and lets the caller see what was signalled meanwhile
    return result == ETIMEDOUT && more ? 0 : result;
}

int cnd_timedwait(cnd_t *cond, mtx_t *mutex, const struct timespec *end) {
    int result = pthread_cond_timedwait((pthread_cond_t *)cond, (pthread_mutex_t *)mutex, end);
    return result == 0 ? thrd_success : result == ETIMEDOUT ? thrd_timedout : thrd_error;
}

int sem_timedwait(sem_t *semaphore, const struct timespec *end) {
    struct timespec until;
    int more, failed;
    do {
        more = slice(end, &until);
        failed = sem_clockwait(semaphore, CLOCK_MONOTONIC, &until);
    } while (failed && errno == ETIMEDOUT && more);
    return failed;
}
