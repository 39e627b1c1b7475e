#ifndef HEARTH_STORE_C_H
#define HEARTH_STORE_C_H

/*
 * The weight store for whoever is not Node: find what is staged, use it, see how far a staging is. Staging itself is
 * the stager's. Every function may be called from any thread. Built as native/build/Release/libhearth_store.so.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HEARTH_STORE_API __attribute__((visibility("default")))

/* Length of a content id and of a source key, without the terminating zero. */
#define HEARTH_STORE_ID_LENGTH 32

typedef struct hearth_store hearth_store;

typedef enum { HEARTH_STORE_BASES = 0, HEARTH_STORE_ADAPTERS = 1 } hearth_store_book;

typedef enum {
  HEARTH_STORE_OK = 0,
  /* There is no such source, segment or staging. */
  HEARTH_STORE_ABSENT = 1,
  /* An argument is null, or the memory that was given is too small. */
  HEARTH_STORE_INVALID = 2,
  HEARTH_STORE_FAILED = 3
} hearth_store_status;

/* Opens a store that is there. On success *store is the caller's, for hearth_store_close(). */
HEARTH_STORE_API hearth_store_status hearth_store_open(const char* root, hearth_store** store);
HEARTH_STORE_API void hearth_store_close(hearth_store* store);

/* The content id that a source had when it was staged last. `id` has room for HEARTH_STORE_ID_LENGTH + 1. */
HEARTH_STORE_API hearth_store_status hearth_store_lookup(const hearth_store* store, hearth_store_book book,
                                                         const char* source_key, char* id);

/*
 * Begins to use a segment: it is not evicted while *fd, or a copy of it in another process, is open. `path` becomes
 * the segment's folder. The descriptor is closed by exec unless the caller says otherwise.
 */
HEARTH_STORE_API hearth_store_status hearth_store_acquire(const hearth_store* store, hearth_store_book book,
                                                          const char* id, char* path, size_t path_size, int* fd);
/* Ends the use: closes the descriptor. */
HEARTH_STORE_API void hearth_store_release(int fd);

/* How far the staging of a source is, whichever process does it. */
HEARTH_STORE_API hearth_store_status hearth_store_progress(const hearth_store* store, const char* source_key,
                                                           uint64_t* ready_bytes, uint64_t* total_bytes);

#ifdef __cplusplus
}
#endif

#endif
