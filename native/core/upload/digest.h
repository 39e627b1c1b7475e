#pragma once

#include <cstddef>
#include <cstdint>

namespace hearth {

/**
 * A 64-bit digest that tells whether memory came through a copy unharmed; any one wrong word changes it. Against accidents,
 * not against an adversary: multiplications and xors as in FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), four words
 * at a time, since it runs beside a copy at the speed of memory.
 */
uint64_t copyDigest(const void* data, size_t bytes);

}  // namespace hearth
