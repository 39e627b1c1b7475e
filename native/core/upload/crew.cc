#include "core/upload/crew.h"

#include <system_error>

namespace hearth {

Crew::Crew(size_t wanted) {
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

void Crew::run(const std::function<void(size_t)>& work) {
  std::unique_lock lock(mutex_);
  work_ = &work;
  busy_ = threads_.size();
  ++round_;
  wake_.notify_all();
  rest_.wait(lock, [this] { return busy_ == 0; });
}

void Crew::serve(size_t number) {
  uint64_t done = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return ending_ || round_ != done; });
    if (ending_) return;
    done = round_;
    const std::function<void(size_t)>& work = *work_;
    lock.unlock();
    work(number);
    lock.lock();
    if (--busy_ == 0) rest_.notify_one();
  }
}

}  // namespace hearth
