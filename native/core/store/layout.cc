#include "core/store/layout.h"

#include "core/store/content.h"
#include "core/store/posix.h"

namespace hearth::store {

const char* nameOf(Book book) { return book == Book::bases ? "bases" : "adapters"; }

std::optional<Book> bookNamed(std::string_view name) {
  for (const Book book : kBooks)
    if (name == nameOf(book)) return book;
  return std::nullopt;
}

bool isOwnName(std::string_view name) {
  return name == kLeaseName || name == kSegmentName || name == kOwnerName || name == kProgressName;
}

std::string linkText(Book book, std::string_view id) {
  return std::string("blake3/") + nameOf(book) + "/" + std::string(id);
}

bool isId(std::string_view text) { return isHex(text, kIdDigits); }

}  // namespace hearth::store
