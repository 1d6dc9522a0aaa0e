/*
 * A disk that fails on demand: preloaded into a process, it spoils system calls on files below FAULTY_DISK_DIR
 * as the control file FAULTY_DISK_CONTROL says, which the test maps and changes while the process runs.
 *
 * Control file, one byte each: [0] reads, [1] writes, [2] opening, [3] removing and renaming. 0: healthy,
 * 255: half of what was asked (reads and writes), 254: a bit of what is read is flipped, anything else: fails
 * with that errno. From byte 8: calls spoiled so far, 64 bits, this machine's byte order.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { READS, WRITES, OPENS, REMOVES };
enum { HALF = 255, FLIP = 254 };
enum { FILES_MAX = 1 << 16 };

static volatile uint8_t *control;
static const char *directory;
static size_t directory_length;
/* Files below the directory by descriptor, as inode numbers; 0: none. A descriptor may be closed unseen, by the
   system call itself, and then be another file or a socket. */
static volatile ino_t watched[FILES_MAX];

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("FAULTY_DISK_CONTROL");
  directory = getenv("FAULTY_DISK_DIR");
  if (!path || !directory) return;
  directory_length = strlen(directory);
  int file = (int)REAL(open)(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void *mapped = mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  REAL(close)(file);
  if (mapped != MAP_FAILED) control = mapped;
}

static uint8_t how(int what) {
  uint8_t mode = control ? control[what] : 0;
  if (mode) __atomic_add_fetch((volatile uint64_t *)(control + 8), 1, __ATOMIC_RELAXED);
  return mode;
}

static int below(const char *path) {
  if (!control || !path || strncmp(path, directory, directory_length) != 0) return 0;
  return path[directory_length] == '/' || path[directory_length] == '\0';
}

static int is_watched(int file) {
  struct stat now;
  if (file < 0 || file >= FILES_MAX || !watched[file]) return 0;
  return fstat(file, &now) == 0 && now.st_ino == watched[file];
}

/* Sets errno and returns true where a call that cannot be halved fails. */
static int fails(int what) {
  uint8_t mode = how(what);
  if (mode == 0 || mode >= FLIP) return 0;
  errno = mode;
  return 1;
}

static int opened(int file, const char *path) {
  struct stat now;
  if (file < 0 || file >= FILES_MAX) return file;
  watched[file] = below(path) && fstat(file, &now) == 0 ? now.st_ino : 0;
  return file;
}

#define OPENING(name)                                                   \
  int name(const char *path, int flags, ...) {                          \
    va_list rest;                                                       \
    va_start(rest, flags);                                              \
    mode_t mode = (flags & O_CREAT) ? va_arg(rest, mode_t) : 0;               \
    va_end(rest);                                                       \
    if (below(path) && fails(OPENS)) return -1;                         \
    return opened(REAL(name)(path, flags, mode), path);                 \
  }
OPENING(open)
OPENING(open64)

#define OPENING_AT(name)                                                \
  int name(int at, const char *path, int flags, ...) {                  \
    va_list rest;                                                       \
    va_start(rest, flags);                                              \
    mode_t mode = (flags & O_CREAT) ? va_arg(rest, mode_t) : 0;               \
    va_end(rest);                                                       \
    if (below(path) && fails(OPENS)) return -1;                         \
    return opened(REAL(name)(at, path, flags, mode), path);             \
  }
OPENING_AT(openat)
OPENING_AT(openat64)

int close(int file) {
  if (file >= 0 && file < FILES_MAX) watched[file] = 0;
  return REAL(close)(file);
}

int mkdir(const char *path, mode_t mode) {
  if (below(path) && fails(WRITES)) return -1;
  return REAL(mkdir)(path, mode);
}

int unlink(const char *path) {
  if (below(path) && fails(REMOVES)) return -1;
  return REAL(unlink)(path);
}

int remove(const char *path) {
  if (below(path) && fails(REMOVES)) return -1;
  return REAL(remove)(path);
}

int unlinkat(int at, const char *path, int flags) {
  if (below(path) && fails(REMOVES)) return -1;
  return REAL(unlinkat)(at, path, flags);
}

int rmdir(const char *path) {
  if (below(path) && fails(REMOVES)) return -1;
  return REAL(rmdir)(path);
}

int rename(const char *from, const char *to) {
  if ((below(from) || below(to)) && fails(REMOVES)) return -1;
  return REAL(rename)(from, to);
}

DIR *opendir(const char *path) {
  if (below(path) && fails(READS)) return NULL;
  return REAL(opendir)(path);
}

#define LISTING(name, entry)                                                             \
  int name(const char *path, struct entry ***list, int (*pick)(const struct entry *),    \
           int (*order)(const struct entry **, const struct entry **)) {                 \
    if (below(path) && fails(READS)) return -1;                                          \
    return REAL(name)(path, list, pick, order);                                          \
  }
LISTING(scandir, dirent)
LISTING(scandir64, dirent64)

#define SYNCING(name)                               \
  int name(int file) {                              \
    if (is_watched(file) && fails(WRITES)) return -1; \
    return REAL(name)(file);                        \
  }
SYNCING(fsync)
SYNCING(fdatasync)

#define SIZING(name, type)                          \
  int name(int file, type length) {                 \
    if (is_watched(file) && fails(WRITES)) return -1; \
    return REAL(name)(file, length);                \
  }
SIZING(ftruncate, off_t)
SIZING(ftruncate64, off64_t)

static size_t half(size_t length) {
  return length > 1 ? length / 2 : length;
}

static ssize_t flipped(void *bytes, ssize_t length) {
  if (length > 0) ((uint8_t *)bytes)[length / 3] ^= 4;
  return length;
}

/* What a read of `length` bytes becomes; `call` uses `length`. */
#define SPOILT_READ(call)                       \
  if (is_watched(file)) {                       \
    uint8_t mode = how(READS);                  \
    if (mode == HALF) length = half(length);    \
    else if (mode == FLIP) return flipped(bytes, call); \
    else if (mode) { errno = mode; return -1; } \
  }                                             \
  return call;

ssize_t read(int file, void *bytes, size_t length) { SPOILT_READ(REAL(read)(file, bytes, length)) }

ssize_t pread(int file, void *bytes, size_t length, off_t at) {
  SPOILT_READ(REAL(pread)(file, bytes, length, at))
}

ssize_t pread64(int file, void *bytes, size_t length, off64_t at) {
  SPOILT_READ(REAL(pread64)(file, bytes, length, at))
}

#define SPOILT_WRITE(call)                      \
  if (is_watched(file)) {                       \
    uint8_t mode = how(WRITES);                 \
    if (mode == HALF) length = half(length);    \
    else if (mode && mode != FLIP) { errno = mode; return -1; } \
  }                                             \
  return call;

ssize_t write(int file, const void *bytes, size_t length) {
  SPOILT_WRITE(REAL(write)(file, bytes, length))
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) {
  SPOILT_WRITE(REAL(pwrite)(file, bytes, length, at))
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t at) {
  SPOILT_WRITE(REAL(pwrite64)(file, bytes, length, at))
}

/* Of several buffers, a spoilt call takes half of the first. */
static struct iovec first_half(const struct iovec *buffers) {
  struct iovec first = buffers[0];
  first.iov_len = half(first.iov_len);
  return first;
}

#define SPOILT_VECTOR(what, whole, part)                          \
  if (is_watched(file)) {                                         \
    uint8_t mode = how(what);                                     \
    struct iovec first = first_half(buffers);                     \
    if (mode == HALF) return part;                                \
    if (mode == FLIP && what == READS) {                          \
      ssize_t length = part;                                      \
      return flipped(first.iov_base, length);                     \
    }                                                             \
    if (mode && mode != FLIP) { errno = mode; return -1; }        \
  }                                                               \
  return whole;

#define VECTOR(name, what)                                        \
  ssize_t name(int file, const struct iovec *buffers, int count) { \
    SPOILT_VECTOR(what, REAL(name)(file, buffers, count), REAL(name)(file, &first, 1)) \
  }
VECTOR(readv, READS)
VECTOR(writev, WRITES)

#define VECTOR_AT(name, what, type)                               \
  ssize_t name(int file, const struct iovec *buffers, int count, type at) { \
    SPOILT_VECTOR(what, REAL(name)(file, buffers, count, at), REAL(name)(file, &first, 1, at)) \
  }
VECTOR_AT(preadv, READS, off_t)
VECTOR_AT(preadv64, READS, off64_t)
VECTOR_AT(pwritev, WRITES, off_t)
VECTOR_AT(pwritev64, WRITES, off64_t)
