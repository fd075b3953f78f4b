/* A disk that remembers in which order it was told what, and that fails on demand: loaded before the C library.

   REDPOLL_DISK_ROOT      files and directories below it are watched
   REDPOLL_DISK_JOURNAL   gets a record of each change and each sync, see disk.py
   REDPOLL_DISK_FAULTS    a file: "sync 5" has syncs fail with errno 5, "write 28" has writes fail; empty or absent: none

   A record: kind (1 byte), number (8), offset (8), length (4), data. Numbers are inodes, or that of a sync. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITE = 1, SYNC_BEGIN, SYNC_DONE, RENAME, UNLINK, CREATE, TRUNCATE, LINK, DIRECTORY_BEGIN, FDS = 4096 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int journal = -1;
static const char *root, *faults;
static uint64_t inode_of[FDS];
static char *directory_of[FDS];
static uint64_t next_sync = 1;

static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_open)(const char *, int, ...);
static int (*real_fsync)(int), (*real_fdatasync)(int), (*real_close)(int);
static int (*real_rename)(const char *, const char *), (*real_unlink)(const char *);
static int (*real_ftruncate)(int, off_t), (*real_link)(const char *, const char *);

__attribute__((constructor)) static void begin(void) {
    real_write = dlsym(RTLD_NEXT, "write");
    real_open = dlsym(RTLD_NEXT, "open");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_close = dlsym(RTLD_NEXT, "close");
    real_rename = dlsym(RTLD_NEXT, "rename");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate");
    real_link = dlsym(RTLD_NEXT, "link");
    root = getenv("REDPOLL_DISK_ROOT");
    faults = getenv("REDPOLL_DISK_FAULTS");
    const char *path = getenv("REDPOLL_DISK_JOURNAL");
    if (path) journal = real_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

static void record(int kind, uint64_t number, uint64_t offset, const char *data, uint32_t length) {
    if (journal < 0) return;
    char *buffer = malloc(21 + (size_t)length);
    buffer[0] = (char)kind;
    memcpy(buffer + 1, &number, 8);
    memcpy(buffer + 9, &offset, 8);
    memcpy(buffer + 17, &length, 4);
    memcpy(buffer + 21, data, length);
    ssize_t ignored = real_write(journal, buffer, 21 + (size_t)length);
    (void)ignored;
    free(buffer);
}

static void record_paths(int kind, uint64_t number, const char *one, const char *other) {
    char text[2 * PATH_MAX + 2];
    int length = snprintf(text, sizeof(text), "%s\n%s", one, other);
    record(kind, number, 0, text, (uint32_t)length);
}

/* The path below the root, without it; NULL: it is elsewhere. */
static const char *watched(const char *path, char *room) {
    char folder[PATH_MAX], whole[PATH_MAX];
    if (!root || !path) return NULL;
    snprintf(folder, sizeof(folder), "%s", path);
    char *slash = strrchr(folder, '/');
    const char *name = path;
    if (slash) { *slash = 0; name = slash + 1; }
    struct stat s;
    if (stat(path, &s) == 0 && S_ISDIR(s.st_mode)) {
        if (!realpath(path, room)) return NULL;
    } else {
        if (!realpath(slash ? (*folder ? folder : "/") : ".", whole)) return NULL;
        if (strlen(whole) + strlen(name) + 2 > PATH_MAX) return NULL;
        sprintf(room, "%s/%s", whole, name);
    }
    size_t length = strlen(root);
    if (strncmp(room, root, length) || (room[length] && room[length] != '/')) return NULL;
    return room[length] ? room + length + 1 : room + length;
}

static int failing(const char *what) {
    char text[64], word[16];
    int number = 0;
    if (!faults) return 0;
    int fd = real_open(faults, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    real_close(fd);
    if (n <= 0) return 0;
    text[n] = 0;
    if (sscanf(text, "%15s %d", word, &number) != 2 || strcmp(word, what)) return 0;
    return number;
}

static int opened(int fd, const char *path, int flags) {
    char room[PATH_MAX];
    struct stat s;
    if (fd < 0 || fd >= FDS || !root) return fd;
    const char *name = watched(path, room);
    if (!name || fstat(fd, &s)) return fd;
    if (S_ISDIR(s.st_mode)) {
        directory_of[fd] = strdup(name);
    } else if (S_ISREG(s.st_mode) && (flags & O_ACCMODE) != O_RDONLY) {
        inode_of[fd] = s.st_ino;
        record_paths(CREATE, s.st_ino, name, "");
        if (flags & O_TRUNC) record(TRUNCATE, s.st_ino, 0, "", 0);
    }
    return fd;
}

int open(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    pthread_mutex_lock(&lock);
    int fd = opened(real_open(path, flags, mode), path, flags);
    pthread_mutex_unlock(&lock);
    return fd;
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int close(int fd) {
    if (fd >= 0 && fd < FDS && (inode_of[fd] || directory_of[fd])) {
        pthread_mutex_lock(&lock);
        inode_of[fd] = 0;
        free(directory_of[fd]);
        directory_of[fd] = NULL;
        pthread_mutex_unlock(&lock);
    }
    return real_close(fd);
}

ssize_t write(int fd, const void *data, size_t size) {
    if (fd < 0 || fd >= FDS || !inode_of[fd]) return real_write(fd, data, size);
    int number = failing("write");
    if (number) {
        errno = number;
        return -1;
    }
    pthread_mutex_lock(&lock);
    struct stat s;
    off_t at = lseek(fd, 0, SEEK_CUR);
    if (fcntl(fd, F_GETFL) & O_APPEND && fstat(fd, &s) == 0) at = s.st_size;
    ssize_t n = real_write(fd, data, size);
    if (n > 0) record(WRITE, inode_of[fd], (uint64_t)at, data, (uint32_t)n);
    pthread_mutex_unlock(&lock);
    return n;
}

static int synced(int fd, int (*real)(int)) {
    if (fd < 0 || fd >= FDS || (!inode_of[fd] && !directory_of[fd])) return real(fd);
    pthread_mutex_lock(&lock);
    uint64_t number = next_sync++;
    if (directory_of[fd])
        record_paths(DIRECTORY_BEGIN, number, directory_of[fd], "");
    else
        record(SYNC_BEGIN, number, inode_of[fd], "", 0);
    pthread_mutex_unlock(&lock);
    int fault = failing("sync");
    if (fault) {
        errno = fault;
        return -1;
    }
    int result = real(fd);
    pthread_mutex_lock(&lock);
    if (result == 0) record(SYNC_DONE, number, 0, "", 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int fsync(int fd) { return synced(fd, real_fsync); }
int fdatasync(int fd) { return synced(fd, real_fdatasync); }

int ftruncate(int fd, off_t size) {
    pthread_mutex_lock(&lock);
    int result = real_ftruncate(fd, size);
    if (result == 0 && fd < FDS && inode_of[fd]) record(TRUNCATE, inode_of[fd], (uint64_t)size, "", 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate64(int fd, off_t size) __attribute__((alias("ftruncate")));

int rename(const char *from, const char *to) {
    char one[PATH_MAX], other[PATH_MAX];
    pthread_mutex_lock(&lock);
    const char *old = watched(from, one), *new = watched(to, other);
    int result = real_rename(from, to);
    if (result == 0 && old && new) record_paths(RENAME, 0, old, new);
    pthread_mutex_unlock(&lock);
    return result;
}

int link(const char *from, const char *to) {
    char one[PATH_MAX], other[PATH_MAX];
    pthread_mutex_lock(&lock);
    const char *old = watched(from, one), *new = watched(to, other);
    int result = real_link(from, to);
    if (result == 0 && old && new) record_paths(LINK, 0, old, new);
    pthread_mutex_unlock(&lock);
    return result;
}

int unlink(const char *path) {
    char room[PATH_MAX];
    pthread_mutex_lock(&lock);
    const char *name = watched(path, room);
    int result = real_unlink(path);
    if (result == 0 && name) record_paths(UNLINK, 0, name, "");
    pthread_mutex_unlock(&lock);
    return result;
}
