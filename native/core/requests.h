#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace hearth {

using RequestId = uint64_t;
using Clock = std::chrono::steady_clock;

inline double milliseconds(Clock::duration span) {
  return std::chrono::duration<double, std::milli>(span).count();
}

/** What a caller asks of one completion. The fields are those of addonTypes.ts, checked for memory safety
 * only. */
struct SamplingOptions {
  float temperature = 1;
  float topP = 1;
  int32_t topK = 0;
  float minP = 0;
  std::optional<uint32_t> seed;
  float presencePenalty = 0;
  float frequencyPenalty = 0;
  float repeatPenalty = 1;
  std::vector<std::pair<int64_t, float>> logitBias;
};

enum class ToolChoice { automatic, none, required };

struct ChatPrompt {
  std::string messagesJson;
  std::optional<std::string> toolsJson;
  ToolChoice toolChoice = ToolChoice::automatic;
  std::optional<bool> parallelToolCalls;
};

struct TextPrompt {
  std::string text;
};

struct TokenPrompt {
  std::vector<int32_t> tokens;
};

struct GenerateOptions {
  std::string combo;
  std::variant<ChatPrompt, TextPrompt, TokenPrompt> prompt;
  std::optional<int64_t> maxTokens;
  SamplingOptions sampling;
  std::optional<std::string> jsonSchema;
  std::vector<std::string> stop;
  std::optional<size_t> topLogprobs;
};

/** How weights get to a device: by llama.cpp alone, by the threaded upload and read back, or by that without. */
enum class UploadMode { plain, checked, trusted };

struct UploadReport {
  /** What the threads copied, and what took the plain path beside it. */
  uint64_t tensors = 0;
  uint64_t bytes = 0;
  uint64_t plainBytes = 0;
  uint32_t lanes = 0;
  uint64_t ringBytes = 0;
  double openMs = 0;
  double copyMs = 0;
  double drainMs = 0;
  double checkMs = 0;
  /** Everything was read back; so many pieces were not what the file has. Then the model was loaded again, plainly. */
  bool checked = false;
  uint64_t differing = 0;
  /** Why the device got nothing that way, if it is not obvious. */
  std::string plainReason;
};

struct LoadOptions {
  std::string path;
  int32_t deviceLayers = 0;
  /** Empty: none. */
  std::string device;
  int32_t threads = 1;
  bool useMmap = true;
  bool repack = false;
  int32_t contextTokens = 0;
  int32_t sequences = 1;
  std::optional<uint64_t> kvBudgetBytes;
  std::string chatTemplate;
  UploadMode upload = UploadMode::plain;
};

struct LoadedModel {
  double loadMs = 0;
  uint64_t weightBytes = 0;
  std::string architecture;
  std::string description;
  int32_t vocabularySize = 0;
  int32_t embeddingLength = 0;
  int32_t trainedContextTokens = 0;
  int32_t contextTokens = 0;
  bool hasChatTemplate = false;
  bool supportsTools = false;
  UploadReport upload;
};

struct AdapterFile {
  std::string path;
  float scale = 1;
  bool operator==(const AdapterFile&) const = default;
};

struct AttachOptions {
  std::string combo;
  std::vector<AdapterFile> adapters;
  bool warmUp = true;
};

/** Of a context and of its model what is on the device. */
struct DeviceBytes {
  uint64_t contextBytes = 0;
  uint64_t weightBytes = 0;
};

struct AttachedCombo {
  double attachMs = 0;
  double contextMs = 0;
  bool ownContext = false;
  uint64_t kvBytes = 0;
  uint64_t computeBytes = 0;
  /** Absent without a device, and when the combo shares a context. */
  std::optional<DeviceBytes> onDevice;
};

struct ResizeOptions {
  std::string combo;
  int32_t sequences = 1;
  bool warmUp = true;
};

struct ResizedCombo {
  double resizeMs = 0;
  int32_t sequences = 0;
  uint64_t kvBytes = 0;
  uint64_t computeBytes = 0;
};

using EmbedInput = std::variant<std::string, std::vector<int32_t>>;

struct EmbedResult {
  std::vector<std::vector<float>> vectors;
  std::vector<int32_t> tokens;
};

struct Counters {
  uint64_t requests = 0;
  uint64_t cancelledRequests = 0;
  uint64_t promptTokens = 0;
  uint64_t decodedTokens = 0;
  uint64_t maxTokensAfterCancel = 0;
  uint64_t decodeCalls = 0;
  uint64_t batchTokens = 0;
  uint64_t possibleBatchTokens = 0;
  uint64_t batchSequences = 0;
  uint64_t possibleBatchSequences = 0;
  uint64_t kvCellSteps = 0;
  uint64_t possibleKvCellSteps = 0;
  uint64_t adapterSwitches = 0;
  uint64_t activeSequences = 0;
  uint64_t waitingRequests = 0;
  uint64_t embeddings = 0;
  uint64_t progress = 0;
  uint64_t contexts = 0;
  uint64_t kvBytes = 0;
  uint64_t kvCells = 0;
  uint64_t usedKvCells = 0;
  int32_t threads = 0;
};

}  // namespace hearth
