/* A disk that fails. Preloaded into a desk, it counts every write and sync under FAULTY_FOLDER, and fails the one
 * with the number FAULTY_AT (and all later ones, where FAULTY_ON is set) with the errno FAULTY_ERRNO. The count is
 * left in FAULTY_COUNT when that is set. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long count;

static int ours(int fd)
{
    const char *folder = getenv("FAULTY_FOLDER");
    char link[64], path[4096];
    ssize_t n;
    if (!folder)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    if (n <= 0)
        return 0;
    path[n] = 0;
    return strncmp(path, folder, strlen(folder)) == 0;
}

static int fails(int fd)
{
    int before = errno;
    long n, at = getenv("FAULTY_AT") ? atol(getenv("FAULTY_AT")) : 0;
    const char *shown = getenv("FAULTY_COUNT");
    if (!ours(fd)) {
        errno = before;
        return 0;
    }
    n = atomic_fetch_add(&count, 1) + 1;
    if (shown) {
        FILE *file = fopen(shown, "w");
        if (file) {
            fprintf(file, "%ld", n);
            fclose(file);
        }
    }
    errno = before;
    if (at && (n == at || (n > at && getenv("FAULTY_ON")))) {
        errno = atoi(getenv("FAULTY_ERRNO"));
        return 1;
    }
    return 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *octets, size_t n) { return fails(fd) ? -1 : REAL(write)(fd, octets, n); }
ssize_t pwrite(int fd, const void *octets, size_t n, off_t at) { return fails(fd) ? -1 : REAL(pwrite)(fd, octets, n, at); }
ssize_t pwrite64(int fd, const void *octets, size_t n, off64_t at) { return fails(fd) ? -1 : REAL(pwrite64)(fd, octets, n, at); }
ssize_t writev(int fd, const struct iovec *v, int n) { return fails(fd) ? -1 : REAL(writev)(fd, v, n); }
int fsync(int fd) { return fails(fd) ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return fails(fd) ? -1 : REAL(fdatasync)(fd); }
int ftruncate(int fd, off_t n) { return fails(fd) ? -1 : REAL(ftruncate)(fd, n); }
int ftruncate64(int fd, off64_t n) { return fails(fd) ? -1 : REAL(ftruncate64)(fd, n); }
