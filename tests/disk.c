/* Preloaded into a daemon: a disk that forgets what was not synced, and fails when it is told to.

   POWER_STORE    the database; its -wal and -journal are watched as well
   POWER_JOURNAL  a folder: what each of these files has been through, in order, with the bytes before and after (disk.py reads it)
   POWER_FAULT    a file "CALL ERRNO FIRST COUNT", CALL write or sync: these calls fail; errno 0 is a write of half its bytes;
                  CALL slow: these syncs take ERRNO microseconds
   POWER_SYNC     how long a sync takes, in microseconds; what a sync means is played here, so the true disk is spared
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS 4096
#define REAL(result, name, ...) ((result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

struct record {
    uint64_t kind; /* 'W' write, 'T' truncate, 'S' synced, 'F' sync failed */
    uint64_t offset, old_length, new_length, old_size;
};

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static int journals[FDS]; /* by descriptor, 0: not watched */

static int watched(int fd) { return fd >= 0 && fd < FDS ? journals[fd] : 0; }

static void opened(int fd, const char *path) {
    const char *store = getenv("POWER_STORE"), *folder = getenv("POWER_JOURNAL");
    char name[4096];
    size_t length = store ? strlen(store) : 0;
    if (fd < 0 || fd >= FDS || !store || !folder || strncmp(path, store, length)) return;
    const char *end = path + length;
    if (*end && strcmp(end, "-wal") && strcmp(end, "-journal")) return;
    snprintf(name, sizeof name, "%s/store%s", folder, end);
    journals[fd] = REAL(int, open64, const char *, int, ...)(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void note(int journal, struct record one, const void *old, const void *new) {
    struct iovec parts[3] = {{&one, sizeof one}, {(void *)old, one.old_length}, {(void *)new, one.new_length}};
    if (writev(journal, parts, 3) != (ssize_t)(sizeof one + one.old_length + one.new_length)) abort();
}

/* The errno that this call is to fail with, 0 for half a write, -1 for nothing. */
static int planted(const char *call) {
    static char seen[128];
    static long calls;
    char text[128] = "", which[16];
    const char *path = getenv("POWER_FAULT");
    int number, fd = path ? REAL(int, open64, const char *, int, ...)(path, O_RDONLY | O_CLOEXEC) : -1;
    long first, count;
    if (fd < 0) return -1;
    if (read(fd, text, sizeof text - 1) < 0) abort();
    REAL(int, close, int)(fd);
    if (strcmp(text, seen)) strcpy(seen, text), calls = 0;
    if (sscanf(text, "%15s %d %ld %ld", which, &number, &first, &count) != 4 || strcmp(which, call)) return -1;
    calls++;
    return calls >= first && calls < first + count ? number : -1;
}

static ssize_t written(int fd, const void *bytes, size_t length, off64_t offset) {
    struct stat is;
    pthread_mutex_lock(&turn);
    int fault = planted("write");
    if (fault > 0) {
        pthread_mutex_unlock(&turn);
        errno = fault;
        return -1;
    }
    if (!fault && length > 1) length /= 2;
    char *old = malloc(length);
    ssize_t had = pread64(fd, old, length, offset);
    if (had < 0 || fstat(fd, &is)) abort();
    note(journals[fd], (struct record){'W', offset, had, length, is.st_size}, old, bytes);
    ssize_t done = REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t)(fd, bytes, length, offset);
    free(old);
    pthread_mutex_unlock(&turn);
    return done;
}

static int truncated(int fd, off64_t size) {
    struct stat is;
    pthread_mutex_lock(&turn);
    if (fstat(fd, &is)) abort();
    size_t cut = is.st_size > size ? is.st_size - size : 0;
    char *old = malloc(cut + 1);
    if (cut && pread64(fd, old, cut, size) != (ssize_t)cut) abort();
    note(journals[fd], (struct record){'T', size, cut, 0, is.st_size}, old, "");
    int done = REAL(int, ftruncate64, int, off64_t)(fd, size);
    free(old);
    pthread_mutex_unlock(&turn);
    return done;
}

static int synced(int fd, int (*real)(int)) {
    if (!watched(fd)) return real(fd);
    pthread_mutex_lock(&turn);
    const char *takes = getenv("POWER_SYNC");
    int slow = planted("slow");
    usleep(slow > 0 ? slow : takes ? atoi(takes) : 0);
    int fault = planted("sync"), done = fault > 0 ? -1 : 0;
    note(journals[fd], (struct record){done ? 'F' : 'S', 0, 0, 0, 0}, "", "");
    pthread_mutex_unlock(&turn);
    if (fault > 0) errno = fault;
    return done;
}

#define OPEN(name)                                                                                   \
    int name(const char *path, int flags, ...) {                                                     \
        va_list more;                                                                                \
        va_start(more, flags);                                                                       \
        int fd = REAL(int, name, const char *, int, ...)(path, flags, va_arg(more, mode_t));         \
        va_end(more);                                                                                \
        opened(fd, path);                                                                            \
        return fd;                                                                                   \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    int journal = watched(fd);
    if (journal) journals[fd] = 0, REAL(int, close, int)(journal);
    return REAL(int, close, int)(fd);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    if (watched(fd)) return written(fd, bytes, length, offset);
    return REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t)(fd, bytes, length, offset);
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return pwrite64(fd, bytes, length, offset); }

ssize_t write(int fd, const void *bytes, size_t length) {
    if (!watched(fd)) return REAL(ssize_t, write, int, const void *, size_t)(fd, bytes, length);
    ssize_t done = written(fd, bytes, length, lseek(fd, 0, SEEK_CUR));
    if (done > 0) lseek(fd, done, SEEK_CUR);
    return done;
}

int ftruncate64(int fd, off64_t size) {
    return watched(fd) ? truncated(fd, size) : REAL(int, ftruncate64, int, off64_t)(fd, size);
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int fsync(int fd) { return synced(fd, REAL(int, fsync, int)); }
int fdatasync(int fd) { return synced(fd, REAL(int, fdatasync, int)); }

int unlink(const char *path) {
    const char *store = getenv("POWER_STORE"), *folder = getenv("POWER_JOURNAL");
    char name[4096];
    size_t length = store ? strlen(store) : 0;
    int done = REAL(int, unlink, const char *)(path);
    if (!done && store && folder && !strncmp(path, store, length)) {
        snprintf(name, sizeof name, "%s/store%s", folder, path + length);
        REAL(int, unlink, const char *)(name);
    }
    return done;
}
