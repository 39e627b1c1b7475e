#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "core/crypt/cipher.h"
#include "core/failure.h"

/** What the tests of native/core/crypt share: keys, files in a folder of their own, and what a refusal was called. */
namespace scene {

using Bytes = std::vector<std::byte>;

/** The code of the Failure that `action` throws, "none" when it throws none. */
template <typename Action>
std::string codeOf(Action&& action) {
  try {
    action();
  } catch (const hearth::Failure& failure) {
    return failure.code;
  }
  return "none";
}

/** The words of that Failure. */
template <typename Action>
std::string wordsOf(Action&& action) {
  try {
    action();
  } catch (const hearth::Failure& failure) {
    return failure.what();
  }
  return "none";
}

inline Bytes randomBytes(size_t length, unsigned seed = 1) {
  std::mt19937_64 random(seed);
  Bytes bytes(length);
  for (std::byte& each : bytes) each = static_cast<std::byte>(random() & 0xFF);
  return bytes;
}

inline hearth::crypt::SecretKey keyOf(unsigned seed) {
  const Bytes bytes = randomBytes(hearth::crypt::kKeyBytes, seed);
  return hearth::crypt::SecretKey(std::span<const std::byte, hearth::crypt::kKeyBytes>(bytes));
}

inline void flip(std::byte& byte, unsigned bit = 0) { byte ^= static_cast<std::byte>(1U << bit); }

/** A folder that goes with the test. */
class Folder {
 public:
  explicit Folder(const std::string& parent = std::filesystem::temp_directory_path()) {
    std::string pattern = parent + "/hearth-crypt-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string at(const std::string& name) const { return path_ + "/" + name; }
  /** Everything in it, hidden files as well. */
  size_t entries() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }
  std::string write(const std::string& name, const Bytes& bytes) const {
    std::ofstream(at(name), std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return at(name);
  }
  Bytes read(const std::string& name) const {
    Bytes bytes(std::filesystem::file_size(at(name)));
    std::ifstream(at(name), std::ios::binary)
        .read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return bytes;
  }

 private:
  std::string path_;
};

}  // namespace scene
