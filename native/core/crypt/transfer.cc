#include "core/crypt/transfer.h"

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "core/crypt/cipher.h"
#include "core/crypt/container.h"
#include "core/crypt/crew.h"
#include "core/crypt/files.h"
#include "core/crypt/sealed_file.h"
#include "core/failure.h"

namespace hearth::crypt {
namespace {

/** A container is as secret as its file was open; the plaintext is its owner's. The umask takes its part of both. */
constexpr mode_t kContainerMode = 0644;
constexpr mode_t kPlaintextMode = 0600;

using Tag = std::array<std::byte, kTagBytes>;
using Tags = std::vector<Tag>;

ContainerInfo infoOf(const Header& header) {
  return {header.plaintextBytes, header.containerBytes(), header.keyName};
}

bool isContainer(const SourceFile& source) {
  std::array<std::byte, 8> start;
  const size_t length = readAt(source.descriptor(), 0, start);
  return looksLikeContainer(std::span<const std::byte>(start).first(length));
}

std::span<std::byte> bytesOf(Tags& tags) {
  return {reinterpret_cast<std::byte*>(tags.data()), tags.size() * kTagBytes};
}

/** Does `step(chunk, buffer)` for all chunks, and counts. */
template <typename Step>
void eachChunk(const Header& header, unsigned threads, Progress& progress, const Step& step) {
  progress.totalBytes = header.plaintextBytes;
  const size_t bufferBytes = std::max<uint64_t>(1, std::min(header.plaintextBytes, kChunkBytes));
  runCrew(header.chunks(), threads, [&] {
    return [&, buffer = std::make_unique<ChunkBuffer>(bufferBytes)](uint64_t chunk) {
      if (progress.cancelled) throw Failure("cancelled", "it was cancelled");
      const std::span<std::byte> data = buffer->first(header.chunkLength(chunk));
      step(chunk, data);
      progress.doneBytes += data.size();
    };
  });
}

}  // namespace

ContainerInfo encryptFile(const Transfer& transfer, const SecretKey& masterKey, const std::string& keyName,
                          Progress& progress) {
  const SourceFile source(transfer.input);
  if (isContainer(source))
    throw Failure("already_encrypted", "expected a plain file against a container");
  const Header header = makeHeader(source.bytes(), keyName, masterKey);
  const Cipher cipher(header, masterKey);
  PartialFile target(transfer.output, header.containerBytes(), kContainerMode);
  Tags tags(header.chunks());
  eachChunk(header, transfer.threads, progress, [&](uint64_t chunk, std::span<std::byte> data) {
    source.read(chunk * kChunkBytes, data);
    if (!cipher.seal(chunk, data, tags[chunk]))
      throw Failure("crypto_failed", "OpenSSL cannot encrypt chunk " + std::to_string(chunk));
    target.file().writeAt(header.chunkOffset(chunk), data);
  });
  target.file().writeAt(header.tagsOffset(), bytesOf(tags));
  target.file().writeAt(0, writeHeader(header));
  source.checkUnchanged();
  target.publish();
  return infoOf(header);
}

ContainerInfo decryptFile(const Transfer& transfer, const SecretKey& masterKey, Progress& progress) {
  const SourceFile source(transfer.input);
  const Header header = readHeader(source.descriptor(), source.bytes());
  const SealedFile sealed(source.descriptor(), header, masterKey);
  PartialFile target(transfer.output, header.plaintextBytes, kPlaintextMode);
  eachChunk(header, transfer.threads, progress, [&](uint64_t chunk, std::span<std::byte> data) {
    source.read(header.chunkOffset(chunk), data);
    sealed.open(chunk, data);
    target.file().writeAt(chunk * kChunkBytes, data);
  });
  target.publish();
  return infoOf(header);
}

ContainerInfo inspectContainer(const std::string& path) {
  const SourceFile source(path);
  return infoOf(readHeader(source.descriptor(), source.bytes()));
}

}  // namespace hearth::crypt
