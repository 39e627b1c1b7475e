#include "face/store_values.h"

namespace hearth::face {
namespace {

Napi::Number number(Napi::Env env, uint64_t value) { return Napi::Number::New(env, static_cast<double>(value)); }

const char* nameOf(store::StageOutcome outcome) {
  switch (outcome) {
    case store::StageOutcome::joined: return "joined";
    case store::StageOutcome::present: return "present";
    case store::StageOutcome::duplicate: return "duplicate";
    default: return "staged";
  }
}

const char* nameOf(store::Eviction what) {
  switch (what) {
    case store::Eviction::evicted: return "evicted";
    case store::Eviction::busy: return "busy";
    default: return "absent";
  }
}

}  // namespace

Napi::Error storeError(Napi::Env env, const store::StoreFailure& failure) {
  Napi::Error error = Napi::Error::New(env, failure.what());
  error.Set("code", Napi::String::New(env, failure.code));
  if (failure.shortage) {
    error.Set("neededBytes", number(env, failure.shortage->neededBytes));
    error.Set("freeBytes", number(env, failure.shortage->freeBytes));
    error.Set("budgetBytes", failure.shortage->budgetBytes ? number(env, *failure.shortage->budgetBytes)
                                                           : Napi::Value(env.Null()));
  }
  if (failure.keyName) error.Set("keyName", *failure.keyName);
  return error;
}

void refuseArgument(Napi::Env env, const std::string& message) {
  storeError(env, store::StoreFailure("invalid_argument", message)).ThrowAsJavaScriptException();
}

Napi::Object write(Napi::Env env, const store::Source& source, const store::SourceSeal& seal,
                   const std::string& digest) {
  Napi::Array files = Napi::Array::New(env, source.files.size());
  for (uint32_t index = 0; index < source.files.size(); ++index) {
    Napi::Object file = Napi::Object::New(env);
    file.Set("name", source.files[index].name);
    file.Set("bytes", number(env, source.files[index].mark.bytes));
    files.Set(index, file);
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("sourceKey", source.key(digest));
  object.Set("realPath", source.realPath);
  object.Set("isFolder", source.isFolder);
  object.Set("fileSystem", source.fileSystem);
  object.Set("bytes", number(env, source.bytes));
  object.Set("files", files);
  object.Set("encrypted", seal.encrypted);
  object.Set("keyName", seal.encrypted ? Napi::String::New(env, seal.keyName) : Napi::Value(env.Null()));
  return object;
}

Napi::Object write(Napi::Env env, const store::StageProgress& progress) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("bytes", number(env, progress.bytes));
  object.Set("readyBytes", number(env, progress.readyBytes));
  object.Set("bytesPerSecond", progress.rate);
  object.Set("joined", progress.joined);
  return object;
}

Napi::Object write(Napi::Env env, const store::StageReport& report) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("contentId", report.contentId);
  object.Set("outcome", nameOf(report.outcome));
  object.Set("bytes", number(env, report.bytes));
  object.Set("totalMs", report.totalMs);
  object.Set("waitMs", report.waitMs);
  object.Set("copyMs", report.copyMs);
  object.Set("readMs", report.times.readMs);
  object.Set("decodeMs", report.times.decodeMs);
  object.Set("verifyMs", report.times.verifyMs);
  object.Set("threads", report.times.mostThreads);
  object.Set("direct", report.direct);
  object.Set("encrypted", report.encrypted);
  object.Set("fileSystem", report.fileSystem);
  return object;
}

Napi::Array write(Napi::Env env, const std::vector<store::ListedSegment>& segments) {
  Napi::Array list = Napi::Array::New(env, segments.size());
  for (uint32_t index = 0; index < segments.size(); ++index) {
    const store::ListedSegment& segment = segments[index];
    Napi::Object object = Napi::Object::New(env);
    object.Set("book", store::nameOf(segment.book));
    object.Set("contentId", segment.id);
    object.Set("bytes", number(env, segment.bytes));
    object.Set("inUse", segment.inUse);
    list.Set(index, object);
  }
  return list;
}

Napi::Object write(Napi::Env env, const store::BookUsage& usage) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("segmentBytes", number(env, usage.segmentBytes));
  object.Set("makingBytes", number(env, usage.makingBytes));
  return object;
}

Napi::Object write(Napi::Env env, const store::EvictReport& report) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("outcome", nameOf(report.what));
  object.Set("bytes", number(env, report.bytes));
  return object;
}

Napi::Object write(Napi::Env env, const store::CollapseReport& report) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("bytes", number(env, report.bytes));
  object.Set("hugeBytes", number(env, report.hugeBytes));
  object.Set("ms", report.ms);
  object.Set("wasHuge", report.wasHuge);
  return object;
}

Napi::Object write(Napi::Env env, const store::SweepReport& report) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("segments", number(env, report.segments));
  object.Set("bytes", number(env, report.bytes));
  object.Set("sources", number(env, report.sources));
  object.Set("locks", number(env, report.locks));
  return object;
}

Napi::Object write(Napi::Env env, const store::RawRead& read) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("bytes", number(env, read.bytes));
  object.Set("ms", read.ms);
  object.Set("direct", read.direct);
  return object;
}

store::Book readBook(Napi::Value value, bool& known) {
  const auto book = value.IsString() ? store::bookNamed(value.As<Napi::String>().Utf8Value()) : std::nullopt;
  known = book.has_value();
  return book.value_or(store::Book::bases);
}

namespace {

/** 32 bytes, which the caller may wipe as soon as this returns. */
std::optional<crypt::SecretKey> readKey(const Napi::Value& value) {
  if (value.IsEmpty() || !value.IsTypedArray()) return std::nullopt;
  const auto array = value.As<Napi::TypedArray>();
  if (array.TypedArrayType() != napi_uint8_array || array.ByteLength() != crypt::kKeyBytes) return std::nullopt;
  const auto* bytes = reinterpret_cast<const std::byte*>(array.As<Napi::Uint8Array>().Data());
  return crypt::SecretKey(std::span<const std::byte, crypt::kKeyBytes>(bytes, crypt::kKeyBytes));
}

std::shared_ptr<const store::KeyRing> readKeys(Reader& reader) {
  auto ring = std::make_shared<store::KeyRing>();
  const Napi::Array keys = reader.list("keys");
  for (uint32_t index = 0; !reader.failed() && index < keys.Length(); ++index) {
    Reader entry(keys.Get(index));
    const std::string name = entry.text("name");
    auto key = readKey(entry.get("key"));
    if (entry.failed() || !key) reader.fail("keys", "objects with a name and a key of 32 bytes");
    else ring->add(name, std::move(*key));
  }
  return ring;
}

}  // namespace

store::StageRequest readStageRequest(Reader& reader) {
  store::StageRequest request;
  bool known = false;
  request.book = readBook(reader.get("book"), known);
  if (!known) reader.fail("book", "\"bases\" or \"adapters\"");
  const std::string priority = reader.text("priority");
  if (priority == "prefetch") request.priority = store::Priority::prefetch;
  else if (priority != "demand") reader.fail("priority", "\"demand\" or \"prefetch\"");
  if (reader.has("sourceKey")) request.sourceKey = reader.text("sourceKey");
  if (reader.has("digest")) {
    request.digest = store::parseDigest(reader.text("digest"));
    if (!request.digest) reader.fail("digest", "\"sha256:\", \"blake3:\" or \"tree:\" and hexadecimal digits");
  }
  if (reader.has("budgetBytes"))
    request.budgetBytes = static_cast<uint64_t>(reader.number("budgetBytes", 0, 1e18));
  if (reader.has("maxReaders")) request.mostReaders = reader.integer("maxReaders", 1, 16);
  if (reader.has("keys")) request.decoders = readKeys(reader);
  if (reader.has("numaNode")) request.numaNode = reader.integer("numaNode", 0, 63);
  return request;
}

}  // namespace hearth::face
