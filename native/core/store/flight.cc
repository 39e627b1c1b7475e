#include "core/store/flight.h"

#include <unistd.h>

namespace hearth::store {
namespace {

/** How often a waiter looks; what it waits for takes seconds. */
constexpr auto kLook = std::chrono::milliseconds(10);

std::optional<Lease> segmentOf(const Store& store, Book book, const std::string& sourceKey) {
  const auto id = store.lookup(book, sourceKey);
  return id ? store.acquire(book, *id) : std::nullopt;
}

/** Says that a request waits, and takes the word back. */
class Wanted {
 public:
  explicit Wanted(std::string path) : path_(std::move(path)), flag_(Flag::raise(path_)) {}
  ~Wanted() {
    flag_.reset();
    // Others may want it too. One that says so at this very moment is not heard, which costs it only the haste.
    if (!Flag::isRaised(path_)) unlink(path_.c_str());
  }

 private:
  std::string path_;
  std::optional<Flag> flag_;
};

}  // namespace

Boarding board(const Store& store, Book book, const std::string& sourceKey, Priority priority, Steering& steering,
               const std::function<void(const Progress&)>& onProgress) {
  std::optional<Wanted> wanted;
  for (bool joined = false;; joined = true) {
    if (auto lease = segmentOf(store, book, sourceKey)) return {std::nullopt, std::move(lease), joined};
    if (auto lock = FileLock::tryTake(store.layout().flightLock(sourceKey))) {
      Flight flight(std::move(*lock));
      // It may have come between the two looks.
      if (auto lease = segmentOf(store, book, sourceKey)) return {std::nullopt, std::move(lease), true};
      return {std::move(flight), std::nullopt, false};
    }
    if ((priority == Priority::demand || steering.isHurried()) && !wanted) wanted.emplace(store.layout().wantedLock(sourceKey));
    if (const auto progress = progressOf(store.layout(), sourceKey)) onProgress(*progress);
    steering.wait(kLook);
  }
}

}  // namespace hearth::store
