#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hearth::store {

/** Bases and adapters have folders, books and budgets apart. */
enum class Book { bases, adapters };

inline constexpr Book kBooks[] = {Book::bases, Book::adapters};

const char* nameOf(Book book);
std::optional<Book> bookNamed(std::string_view name);

/** The whole of store.json. Format 1 told contents by trees of SHA-256; none of its segments is used. */
inline constexpr char kStoreFormat[] = "{\"format\":2}\n";
inline constexpr char kOldStoreFormat[] = "{\"format\":1}\n";

/** Files of the store's own within a segment. */
inline constexpr char kLeaseName[] = ".lease";
inline constexpr char kSegmentName[] = ".segment.json";
inline constexpr char kOwnerName[] = ".owner";
inline constexpr char kProgressName[] = ".progress";

/** Is it the name of one of these? A source must not have such a file. */
bool isOwnName(std::string_view name);

/** A content id or a source key as a folder's or file's name: 32 hexadecimal digits. */
bool isId(std::string_view text);

/** Of a source's link: `blake3/<book>/<content id>`. One of another kind of content id leads nowhere. */
std::string linkText(Book book, std::string_view id);

/** Where things lie in a store. It touches nothing. */
class Layout {
 public:
  explicit Layout(std::string root) : root_(std::move(root)) {}

  const std::string& root() const { return root_; }
  std::string format() const { return root_ + "/store.json"; }
  std::string book(Book book) const { return root_ + "/" + nameOf(book); }
  std::string segment(Book of, std::string_view id) const { return book(of) + "/" + std::string(id); }
  std::string making() const { return root_ + "/making"; }
  /** Its name tells the book that it counts in: `<book>-<random>`. */
  std::string making(std::string_view name) const { return making() + "/" + std::string(name); }
  std::string sources() const { return root_ + "/sources"; }
  /** A symbolic link whose text is linkText(). */
  std::string source(std::string_view key) const { return sources() + "/" + std::string(key); }
  std::string locks() const { return root_ + "/locks"; }
  std::string storeLock() const { return locks() + "/store.lock"; }
  /** Read-locked (fcntl, open file description) by everybody who stages what a request waits for. */
  std::string demandLock() const { return locks() + "/demand"; }
  /** Held while this source is staged; its text is the name of the folder in making/. */
  std::string flightLock(std::string_view key) const { return locks() + "/" + std::string(key) + ".lock"; }
  /** Read-locked (likewise) by who waits for another's staging of this source with a request. */
  std::string wantedLock(std::string_view key) const { return locks() + "/" + std::string(key) + ".wanted"; }

 private:
  std::string root_;
};

}  // namespace hearth::store
