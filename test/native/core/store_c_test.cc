#include "core/store_c.h"

#include "check.h"
#include "store_scene.h"

using namespace store_scene;

extern "C" int store_c_client(const char* root, const char* sourceKey, const char* file, char* start,
                              size_t length, int* fd);

TEST("hearth_store_acquire() keeps a segment for a program in C until it is released") {
  const Folder folder;
  put(folder / "model.gguf", "GGUF and so on");
  const Store store = Store::open(folder / "store", false);
  StageReport report = stageFile(store, folder / "model.gguf");
  report.lease.fd = Fd();
  const std::string key = describeSource(folder / "model.gguf").key();
  char start[4];
  int fd = -1;
  const std::string root = folder / "store";
  CHECK(store_c_client(root.c_str(), key.c_str(), "model.gguf", start, sizeof(start), &fd) == 0);
  CHECK(std::string_view(start, sizeof(start)) == "GGUF");
  CHECK(store.evict(Book::bases, report.contentId).what == Eviction::busy);
  hearth_store_release(fd);
  CHECK(store.evict(Book::bases, report.contentId).what == Eviction::evicted);
}

TEST("hearth_store_progress() tells how far a staging in another store object is") {
  const Folder folder;
  put(folder / "model.gguf", bytesOf(size_t{9} << 20));
  const Store store = Store::open(folder / "store", false);
  hearth_store* reader = nullptr;
  CHECK(hearth_store_open((folder / "store").c_str(), &reader) == HEARTH_STORE_OK);
  const std::string key = describeSource(folder / "model.gguf").key();
  RateCap cap;
  cap.set(1 << 20);
  Steering steering;
  StageRequest request;
  request.source = folder / "model.gguf";
  request.priority = Priority::prefetch;
  uint64_t ready = 0;
  uint64_t total = 0;
  const auto onProgress = [&](const StageProgress&) {
    CHECK(hearth_store_progress(reader, key.c_str(), &ready, &total) == HEARTH_STORE_OK);
    if (ready > 0) steering.cancel();
  };
  CHECK(codeOf([&] { stage(store, std::move(request), cap, steering, onProgress); }) == "cancelled");
  CHECK(total == size_t{9} << 20 && ready > 0 && ready < total);
  hearth_store_close(reader);
}
