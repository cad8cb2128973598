/* SPDX-License-Identifier: MIT */
/* One who works with whatever libcoop.so it finds: for run.py, which runs it with an old one and with the new one.
 *
 *     worker SEGMENT FILE      works until FILE says stop: 0; refused by the library: 4, with its sentence on stdout
 *
 * FILE has five numbers, which all workers map: stop, begun, done, and a pair that only the holder of the lock changes
 * and that differs only if a holder died. It needs no call that the first release did not have. */
#include <coop/error.h>
#include <coop/lock.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { STOP, BEGUN, DONE, LEFT, RIGHT, TORN, NUMBERS };

static int refused(const char *what, int r)
{
    printf("%s: %s\n", what, *coop_error_detail() ? coop_error_detail() : coop_strerror(r));
    return 4;
}

static int work(coop_lock *lock, volatile int64_t *numbers)
{
    __atomic_fetch_add(&numbers[BEGUN], 1, __ATOMIC_SEQ_CST);
    int r = coop_lock_acquire(lock, COOP_S(10));
    if (r < 0) return r;
    if (numbers[LEFT] != numbers[RIGHT] && r != COOP_OWNER_DIED)
        __atomic_fetch_add(&numbers[TORN], 1, __ATOMIC_SEQ_CST);
    numbers[LEFT] = numbers[RIGHT] + 1;
    numbers[RIGHT] = numbers[LEFT];
    r = coop_lock_release(lock);
    if (r == 0) __atomic_fetch_add(&numbers[DONE], 1, __ATOMIC_SEQ_CST);
    return r;
}

int main(int argc, char **argv)
{
    if (argc != 3) return 2;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(argv[2], O_RDWR | O_CLOEXEC);
    volatile int64_t *numbers = mmap(NULL, NUMBERS * sizeof *numbers, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || numbers == MAP_FAILED) return 3;
    char path[200];
    coop_lock *lock;
    snprintf(path, sizeof path, "%s/lock", argv[1]);
    int r = coop_lock_open(path, COOP_CREATE, &lock);
    if (r < 0) return refused("open", r);
    while (r >= 0 && !numbers[STOP]) r = work(lock, numbers);
    if (r < 0) return refused("work", r);
    coop_lock_close(lock);
    return 0;
}
