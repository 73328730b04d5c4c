/* A disk that fails, between a process and its files: loaded with LD_PRELOAD, led by files in $FAILING_DISK.
 *
 * Responsible for failing one kind of call while `$FAILING_DISK/fault` says so, and for knowing what a disk would still
 * have after a loss of power. Refuses to know what is in the files.
 *
 * `fault` holds a call and the name of a file: `sync ortoo.db-wal`. The calls:
 *   sync    fsync and fdatasync give EIO, and the kernel counts the pages as clean: they will not be written again
 *   write   half of the bytes get there, then EIO          short   half of the bytes get there, and that is said
 *   read    EIO
 *
 * `NAME.disk` is what lies on the platter of each database file, `NAME.dirty` one byte per page of it: 1 for what only
 * the page cache has. A page gets onto the platter when a sync succeeds and never otherwise, which is the worst that a
 * kernel may do. Both outlive the process, as the page cache does.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096
#define PAGES 65536
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

/* The last part of the path behind `fd`, "" when there is none. */
static const char *name_of(int fd, char path[PAGE]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PAGE - 1);
    path[length < 0 ? 0 : length] = 0;
    char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int beside(const char *name, const char *suffix, int flags) {
    char path[PAGE];
    snprintf(path, sizeof path, "%s/%s%s", getenv("FAILING_DISK"), name, suffix);
    return open(path, flags | O_CLOEXEC, 0600);
}

static int fails(const char *call, const char *name) {
    char said[128] = "", asked[128];
    int fd = beside("fault", "", O_RDONLY);
    if (fd < 0) return 0;
    if (REAL(read)(fd, said, sizeof said - 1) < 0) said[0] = 0;
    close(fd);
    snprintf(asked, sizeof asked, "%s %s", call, name);
    return strcmp(said, asked) == 0;
}

static int is_tracked(const char *name) {
    return strcmp(name, "ortoo.db") == 0 || strcmp(name, "ortoo.db-wal") == 0;
}

static void soil(const char *name, off_t at, ssize_t count) {
    static const char ones[PAGE] = {[0 ... PAGE - 1] = 1};
    if (count <= 0 || !is_tracked(name)) return;
    off_t first = at / PAGE, last = (at + count - 1) / PAGE;
    int fd = beside(name, ".dirty", O_RDWR | O_CREAT);
    if (REAL(pwrite)(fd, ones, last - first + 1, first) < 0) abort();
    close(fd);
}

/* Every page that only the cache has: onto the platter, or, when the sync fails, forgotten. */
static void clean(int fd, const char *name, int is_kept) {
    static char dirty[PAGES], page[PAGE];
    if (!is_tracked(name)) return;
    int list = beside(name, ".dirty", O_RDWR | O_CREAT), disk = beside(name, ".disk", O_WRONLY | O_CREAT);
    ssize_t count = REAL(pread)(list, dirty, PAGES, 0);
    for (off_t at = 0; at < count; at++) {
        if (dirty[at] && is_kept) {
            ssize_t got = REAL(pread)(fd, page, PAGE, at * PAGE);
            if (got > 0 && REAL(pwrite)(disk, page, got, at * PAGE) < 0) abort();
        }
        dirty[at] = 0;
    }
    if (count > 0 && REAL(pwrite)(list, dirty, count, 0) < 0) abort();
    close(list);
    close(disk);
}

static int synced(int fd, int (*real)(int)) {
    char path[PAGE];
    const char *name = name_of(fd, path);
    pthread_mutex_lock(&turn);
    int is_failing = fails("sync", name), result = is_failing ? -1 : real(fd);
    clean(fd, name, result == 0);
    pthread_mutex_unlock(&turn);
    if (is_failing) errno = EIO;
    return result;
}

static ssize_t put(int fd, const void *bytes, size_t count, off_t at) {
    char path[PAGE];
    const char *name = name_of(fd, path);
    int is_torn = fails("write", name), is_short = count > 1 && fails("short", name);
    pthread_mutex_lock(&turn);
    ssize_t wrote = REAL(pwrite)(fd, bytes, is_torn || is_short ? count / 2 : count, at);
    soil(name, at, wrote);
    pthread_mutex_unlock(&turn);
    if (is_torn) errno = EIO;
    return is_torn ? -1 : wrote;
}

static ssize_t get(int fd, void *bytes, size_t count, off_t at) {
    char path[PAGE];
    if (!fails("read", name_of(fd, path))) return REAL(pread)(fd, bytes, count, at);
    errno = EIO;
    return -1;
}

int fsync(int fd) { return synced(fd, REAL(fsync)); }
int fdatasync(int fd) { return synced(fd, REAL(fdatasync)); }
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return put(fd, bytes, count, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t at) { return put(fd, bytes, count, at); }
ssize_t pread(int fd, void *bytes, size_t count, off_t at) { return get(fd, bytes, count, at); }
ssize_t pread64(int fd, void *bytes, size_t count, off_t at) { return get(fd, bytes, count, at); }
