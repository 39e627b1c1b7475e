/* A user of the store in plain C: what a Python process would do through the same functions. */
#include "core/store_c.h"

#include <stdio.h>
#include <string.h>

#define EXPECT(condition) \
  if (!(condition)) return __LINE__

/* Finds a source's segment, reads the first bytes of its file and keeps it in use in *fd. 0, or the line that failed. */
int store_c_client(const char* root, const char* source_key, const char* file, char* start, size_t length, int* fd) {
  hearth_store* store = NULL;
  EXPECT(hearth_store_open(NULL, &store) == HEARTH_STORE_INVALID);
  EXPECT(hearth_store_open("/nonexistent", &store) == HEARTH_STORE_ABSENT);
  EXPECT(hearth_store_open(root, &store) == HEARTH_STORE_OK);

  char id[HEARTH_STORE_ID_LENGTH + 1];
  EXPECT(hearth_store_lookup(store, HEARTH_STORE_ADAPTERS, source_key, id) == HEARTH_STORE_ABSENT);
  EXPECT(hearth_store_lookup(store, HEARTH_STORE_BASES, "../etc/passwd", id) == HEARTH_STORE_ABSENT);
  EXPECT(hearth_store_lookup(store, HEARTH_STORE_BASES, source_key, id) == HEARTH_STORE_OK);
  EXPECT(strlen(id) == HEARTH_STORE_ID_LENGTH);

  uint64_t ready = 0;
  uint64_t total = 0;
  EXPECT(hearth_store_progress(store, source_key, &ready, &total) == HEARTH_STORE_ABSENT);

  char path[4096];
  EXPECT(hearth_store_acquire(store, HEARTH_STORE_BASES, id, path, 8, fd) == HEARTH_STORE_INVALID);
  EXPECT(hearth_store_acquire(store, HEARTH_STORE_BASES, id, path, sizeof(path) - 256, fd) == HEARTH_STORE_OK);
  strcat(path, "/");
  strcat(path, file);
  FILE* const stream = fopen(path, "rb");
  EXPECT(stream != NULL);
  const size_t count = fread(start, 1, length, stream);
  fclose(stream);
  EXPECT(count == length);
  hearth_store_close(store);
  return 0;
}
