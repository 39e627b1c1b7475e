#include "core/upload/crew.h"

#include <system_error>
#include <utility>

namespace hearth {

Crew::Crew(size_t wanted, std::function<void()> begin) : begin_(std::move(begin)) {
  threads_.reserve(wanted);
  try {
    for (size_t number = 0; number < wanted; ++number)
      threads_.emplace_back([this, number] { serve(number); });
  } catch (const std::system_error&) {
    // A limit of threads: those that there are do it all.
  }
}

Crew::~Crew() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Crew::post(size_t parts, Part part) {
  if (parts == 0 || threads_.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::make_shared<Work>(parts, size_t{0}, std::move(part)));
    left_ += parts;
  }
  wake_.notify_all();
}

void Crew::waitUntilLeft(size_t parts) {
  std::unique_lock lock(mutex_);
  wantedLeft_ = parts;
  progress_.wait(lock, [&] { return left_ <= parts; });
}

void Crew::serve(size_t number) {
  if (begin_) begin_();
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const std::shared_ptr<Work> work = waiting_.front();
    const size_t index = work->next++;
    if (work->next == work->parts) waiting_.pop_front();
    lock.unlock();
    work->part(number, index);
    lock.lock();
    if (--left_ <= wantedLeft_) progress_.notify_one();
  }
}

}  // namespace hearth
