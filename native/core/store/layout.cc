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

bool isId(std::string_view text) { return isHex(text, kIdDigits); }

}  // namespace hearth::store
